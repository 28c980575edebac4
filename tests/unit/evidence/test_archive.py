"""The zip of a pack has one form; everything else is refused."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from crypto.digests import PIECE_BYTES, merkle_root
from errors import ArchiveInvalid
from evidence.archive import (
    FULL_32,
    Hasher,
    archive_bytes,
    central_header,
    digest_chunks,
    end_records,
    local_header,
    order_key,
    place_members,
    require_path,
    scan_archive,
    write_archive,
)

FILES = {
    "bagit.txt": b"BagIt-Version: 1.0\n",
    "data/empty.bin": b"",
    "data/exhibits/1/a.jpg": b"\xff\xd8" * 700,
    "manifest-sha256.txt": b"list",
    "pack.json": b"{}",
    "pack-built/0a.salt": b"s" * 32,
    "pack.sig": b"{}",
}


def build(files: dict[str, bytes], order: Callable[[str], object] = order_key) -> bytes:
    paths = sorted(files, key=order)  # type: ignore[arg-type]
    members = place_members([(path, len(files[path]), zlib.crc32(files[path])) for path in paths])
    out = b"".join(write_archive(members, lambda path: [files[path][:3], files[path][3:]]))
    assert len(out) == archive_bytes(members)
    return out


def test_what_is_written_is_read_again_and_is_the_same_bytes_each_time() -> None:
    archive = scan_archive(io.BytesIO(build(FILES)))
    assert {path: archive.read(path, 10_000) for path in archive.files} == FILES
    assert build(FILES) == build(FILES)


def test_another_zip_program_reads_the_same_files() -> None:
    with zipfile.ZipFile(io.BytesIO(build(FILES))) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == {
            f"pack/{path}": contents for path, contents in FILES.items()
        }
        assert archive.namelist()[-3:] == ["pack/pack.json", "pack/pack-built/0a.salt", "pack/pack.sig"]


def test_any_changed_byte_is_refused(rng: random.Random, sample_count: Callable[[int, int], int]) -> None:
    """Control: the unaltered bytes are accepted in the same loop."""
    whole = build(FILES)
    scan_archive(io.BytesIO(whole))
    count = len(whole)
    for position in rng.sample(range(count), sample_count(400, count)):
        changed = bytearray(whole)
        changed[position] ^= 1 << rng.randrange(8)
        with pytest.raises(ArchiveInvalid):
            scan_archive(io.BytesIO(bytes(changed)))


def test_every_cut_and_every_addition_is_refused(rng: random.Random) -> None:
    whole = build(FILES)
    for end in [0, 1, 3, 4, 29, 30, len(whole) - 1, *rng.sample(range(len(whole)), 100)]:
        with pytest.raises(ArchiveInvalid):
            scan_archive(io.BytesIO(whole[:end]))
    for altered in (whole + b"\0", b"\0" + whole, b"PK\x03\x04" + whole):
        with pytest.raises(ArchiveInvalid):
            scan_archive(io.BytesIO(altered))


@pytest.mark.parametrize(
    "path",
    [
        "", "/a", "a/", "a//b", "../a", "a/..", "./a", "~a", "a~", ".hidden", "C:/a", "a\\b", "a b", "a\nb",
        "é", "a" * 201, "data/con", "NUL.txt", "data/lpt1.json", "a.", "-a", "_a",
    ],
)  # fmt: skip
def test_unsafe_paths_are_refused(path: str) -> None:
    require_path("data/exhibits/0001/a_b-c.tar.gz")
    with pytest.raises(ArchiveInvalid):
        require_path(path)
    with pytest.raises(ArchiveInvalid):
        place_members([(path, 0, 0)])


def test_files_out_of_order_are_refused() -> None:
    with pytest.raises(ArchiveInvalid):
        build(FILES, order=lambda path: path.encode())
    assert build(FILES)


@pytest.mark.parametrize("pair", [("a", "a"), ("a/B", "a/b"), ("a", "a/b"), ("A", "a/b/c")])
def test_paths_that_are_one_on_some_system_are_refused(pair: tuple[str, str]) -> None:
    place_members([("a/b", 0, 0), ("a/c", 0, 0)])
    with pytest.raises(ArchiveInvalid):
        place_members([(path, 0, 0) for path in pair])


def test_a_zip_of_another_program_is_refused() -> None:
    """Same files, but with times, flags or compression of that program's choice."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, contents in FILES.items():
            archive.writestr(f"pack/{path}", contents)
    with pytest.raises(ArchiveInvalid):
        scan_archive(io.BytesIO(out.getvalue()))


def test_a_file_that_changes_between_the_passes_stops_the_writer() -> None:
    members = place_members([("a", 3, zlib.crc32(b"abc"))])
    assert b"".join(write_archive(members, lambda _: [b"abc"]))
    for altered in (b"abd", b"ab", b"abcd"):
        with pytest.raises(ArchiveInvalid):
            b"".join(write_archive(members, lambda _, altered=altered: [altered]))  # type: ignore[misc]


def test_a_file_that_changes_while_it_is_verified_is_noticed() -> None:
    stream = io.BytesIO(build(FILES))
    archive = scan_archive(stream)
    assert archive.read("pack.json", 2) == b"{}"
    stream.seek(archive.files["pack.json"].start)
    stream.write(b"[]")
    with pytest.raises(ArchiveInvalid):
        archive.read("pack.json", 2)


def test_reading_is_limited() -> None:
    archive = scan_archive(io.BytesIO(build(FILES)))
    assert archive.read("manifest-sha256.txt", 4)
    with pytest.raises(ArchiveInvalid):
        archive.read("manifest-sha256.txt", 3)
    with pytest.raises(ArchiveInvalid):
        archive.read("absent", 3)


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1])
def test_pieces_do_not_depend_on_the_portions(size: int, rng: random.Random) -> None:
    contents = rng.randbytes(size)
    pieces = [contents[at : at + PIECE_BYTES] for at in range(0, size, PIECE_BYTES)] or [b""]
    whole = digest_chunks([contents])
    hasher, at = Hasher(), 0
    while at < size:
        step = rng.randrange(1, 3 * 2**20)
        hasher.update(memoryview(contents)[at : at + step])
        at += step
    assert hasher.digests() == whole
    assert whole.pieces == merkle_root(digest_chunks([piece]).sha256 for piece in pieces)


def test_zip64_is_used_exactly_when_a_number_does_not_fit(tmp_path: Path) -> None:
    """The directory of a zip with a file of 4 GiB, read by another program; the contents are a hole."""
    small = place_members([("a", FULL_32 - 1, 7)])[0]
    assert len(local_header(small)) == 30 + len("pack/a")
    members = place_members([("a", FULL_32, 7), ("b", 5, 8)])
    path = tmp_path / "large.zip"
    with path.open("wb") as out:
        for member in members:
            out.seek(member.offset)
            out.write(local_header(member))
        out.seek(members[-1].offset + len(local_header(members[-1])) + 5)
        offset, directory = out.tell(), b"".join(map(central_header, members))
        out.write(directory + end_records(2, len(directory), offset))
        assert out.tell() == archive_bytes(members)
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        assert [(info.file_size, info.header_offset, info.CRC) for info in infos] == [
            (member.size_bytes, member.offset, member.crc32) for member in members
        ]


def test_more_than_65534_files_need_zip64_and_are_read_again() -> None:
    for count, large in ((65_534, False), (65_535, True)):
        files = {f"d/{number}": b"" for number in range(count)}
        whole = build(files)
        assert (b"PK\x06\x06" in whole) is large
        if large:
            assert len(scan_archive(io.BytesIO(whole)).files) == count
            with zipfile.ZipFile(io.BytesIO(whole)) as archive:
                assert len(archive.namelist()) == count


def test_zip64_records_that_are_not_needed_are_refused() -> None:
    """The same numbers said in the longer way: another program would accept them."""
    whole = build(FILES)
    end = whole[-22:]
    count, size, offset = struct.unpack("<H2I", end[10:20])
    large = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + size, 1)
    altered = whole[:-22] + large + locator + end
    with zipfile.ZipFile(io.BytesIO(altered)) as archive:
        assert len(archive.namelist()) == len(FILES)
    with pytest.raises(ArchiveInvalid):
        scan_archive(io.BytesIO(altered))


@pytest.mark.slow
def test_an_archive_past_4_gib_is_read_again(tmp_path: Path) -> None:
    zeros, size = bytes(2**20), 2**32 + 5
    chunks = [zeros] * (size // 2**20) + [bytes(size % 2**20)]
    crc32 = digest_chunks(chunks).crc32
    members = place_members([("a", size, crc32), ("b", 1, zlib.crc32(b"b"))])
    path = tmp_path / "large.zip"
    with path.open("wb") as out:
        for part in write_archive(members, lambda name: chunks if name == "a" else [b"b"]):
            out.write(part)
    with path.open("rb") as stream:
        assert scan_archive(stream).files["a"].digests.size_bytes == size
