"""The one canonical form of a pack's zip file: its writer and its strict reader (docs/protocol.md 10.3).

A zip says the same things in several places, and programs differ in which of them they believe. Here every
byte around the contents follows from the list of (path, size, CRC-32). The writer produces those bytes; the
reader produces them once more and compares, so that no file is shown to one program and hidden from another.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from crypto.digests import PIECE_BYTES, BlockRoot
from errors import ArchiveInvalid, PackInvalid

TOP = "pack/"
PACK_JSON, PACK_BUILT, PACK_SIG = "pack.json", "pack-built/", "pack.sig"
READ_BYTES = 2**20
MAX_FILES = 1_000_000
MAX_PATH_BYTES = 200

# 1 January 1980, the earliest date a zip can say, and midnight: a pack has no time outside pack.json.
DOS_DATE, DOS_TIME = 0x0021, 0
MADE_BY, PLAIN_VERSION, LARGE_VERSION = 45, 10, 45
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LARGE_END = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
_SEGMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive.

    Attributes:
        path: without the leading `pack/`.
        size_bytes: length of its contents.
        crc32: as in zip.
        offset: of its local header, from the start of the archive.
    """

    path: str
    size_bytes: int
    crc32: int
    offset: int


@dataclass(frozen=True, slots=True)
class Digests:
    """What one pass over a file yields; `pieces` is the root over its 8 MiB pieces (docs/protocol.md 3.2)."""

    size_bytes: int
    crc32: int
    sha256: bytes
    sha512: bytes
    pieces: bytes


def require_path(path: str) -> None:
    """Raise ArchiveInvalid unless every part of the path is a plain ASCII name that any system can store.

    A part begins and ends with a letter or digit, so neither `..`, `~`, a drive letter, a hidden file nor an
    empty part can occur, and it is none of the device names of Windows; the whole has at most 200 bytes.
    """
    parts = path.split("/")
    plain = all(_SEGMENT.fullmatch(part) and part.split(".")[0].lower() not in _DEVICES for part in parts)
    if not 0 < len(path) <= MAX_PATH_BYTES or not plain:
        raise ArchiveInvalid(f"a file in the pack has a path that is not allowed: {path[:80]!r}")


def order_key(path: str) -> tuple[int, bytes]:
    """Sort key of the files: byte order of the paths, but pack.json, pack-built/ and pack.sig stand last."""
    name = path.encode("ascii", "replace")
    if path == PACK_JSON:
        return 1, name
    if path.startswith(PACK_BUILT):
        return 2, name
    return (3, name) if path == PACK_SIG else (0, name)


class Hasher:
    """Takes a file's contents in any portions and yields its Digests; holds no contents."""

    def __init__(self) -> None:
        self._sha256, self._sha512 = hashlib.sha256(), hashlib.sha512()
        self._pieces = BlockRoot(PIECE_BYTES)
        self._crc32, self._size = 0, 0

    def update(self, chunk: bytes | memoryview) -> None:
        """Take the next portion."""
        self._sha256.update(chunk)
        self._sha512.update(chunk)
        self._pieces.update(chunk)
        self._crc32 = zlib.crc32(chunk, self._crc32)
        self._size += len(chunk)

    def digests(self) -> Digests:
        """The result, once everything was taken; call it once."""
        return Digests(self._size, self._crc32, self._sha256.digest(), self._sha512.digest(), self._pieces.root())


def digest_chunks(chunks: Iterable[bytes]) -> Digests:
    """Digests of contents that come in portions."""
    hasher = Hasher()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.digests()


# ---- The bytes around the contents: shared by the writer and the reader ------------------------------------


def local_header(member: Member) -> bytes:
    """The bytes before a file's contents; a zip64 field stands there only when the size needs it."""
    name = (TOP + member.path).encode("ascii")
    large = member.size_bytes >= FULL_32
    size = FULL_32 if large else member.size_bytes
    extra = struct.pack("<2H2Q", 1, 16, member.size_bytes, member.size_bytes) if large else b""
    version = LARGE_VERSION if large else PLAIN_VERSION
    numbers = (version, 0, 0, DOS_TIME, DOS_DATE, member.crc32, size, size, len(name), len(extra))
    return _LOCAL.pack(b"PK\x03\x04", *numbers) + name + extra


def central_header(member: Member) -> bytes:
    """The file's line in the directory at the end of the zip."""
    name = (TOP + member.path).encode("ascii")
    wide = [member.size_bytes] * 2 if member.size_bytes >= FULL_32 else []
    wide += [member.offset] if member.offset >= FULL_32 else []
    extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    size, offset = min(member.size_bytes, FULL_32), min(member.offset, FULL_32)
    version = LARGE_VERSION if wide else PLAIN_VERSION
    numbers = (MADE_BY, version, 0, 0, DOS_TIME, DOS_DATE, member.crc32, size, size)
    return _CENTRAL.pack(b"PK\x01\x02", *numbers, len(name), len(extra), 0, 0, 0, 0, offset) + name + extra


def end_records(count: int, directory_bytes: int, directory_offset: int) -> bytes:
    """The records that end the zip; those of zip64 only when a number does not fit without them."""
    out = b""
    if count >= FULL_16 or directory_bytes >= FULL_32 or directory_offset >= FULL_32:
        out += _LARGE_END.pack(
            b"PK\x06\x06", 44, MADE_BY, LARGE_VERSION, 0, 0, count, count, directory_bytes, directory_offset
        )
        out += _LOCATOR.pack(b"PK\x06\x07", 0, directory_offset + directory_bytes, 1)
    entries = min(count, FULL_16)
    size, offset = min(directory_bytes, FULL_32), min(directory_offset, FULL_32)
    return out + _END.pack(b"PK\x05\x06", 0, 0, entries, entries, size, offset, 0)


def place_members(sizes: Sequence[tuple[str, int, int]]) -> list[Member]:
    """Lay out files given as (path, size, CRC-32), in the order of the archive.

    Raises:
        ArchiveInvalid: a path is not allowed, stands twice or in the wrong place, or there are too many.
    """
    if len(sizes) > MAX_FILES:
        raise ArchiveInvalid(f"a pack holds at most {MAX_FILES} files")
    members: list[Member] = []
    offset, before, folded = 0, (-1, b""), set[str]()
    for path, size_bytes, crc32 in sizes:
        require_path(path)
        _require_distinct(path, folded)
        if (key := order_key(path)) <= before:
            raise ArchiveInvalid(f"the files of the pack are not in order at {path}")
        before = key
        members.append(member := Member(path, size_bytes, crc32, offset))
        offset += len(local_header(member)) + size_bytes
    return members


def _require_distinct(path: str, folded: set[str]) -> None:
    """Refuse two paths that are one on a system without upper and lower case, and a file that is a folder.

    `folded` grows by the path (marked as a file) and by its folders, all in lower case.
    """
    parts = path.lower().split("/")
    folders = {"/".join(parts[:depth]) + "/" for depth in range(1, len(parts))}
    name = "/".join(parts)
    if name in folded or name + "/" in folded or any(folder[:-1] in folded for folder in folders):
        raise ArchiveInvalid(f"the path {path} collides with another one")
    folded.update(folders)
    folded.add(name)


def archive_bytes(members: Sequence[Member]) -> int:
    """Length of the whole archive, known before its first byte is written."""
    last = members[-1]
    offset = last.offset + len(local_header(last)) + last.size_bytes
    directory = sum(len(central_header(member)) for member in members)
    return offset + directory + len(end_records(len(members), directory, offset))


# ---- Writer ---------------------------------------------------------------------------------------------


def write_archive(members: Sequence[Member], contents: Callable[[str], Iterable[bytes]]) -> Iterator[bytes]:
    """Write the archive as a stream; sizes and CRC-32 of all files are known from an earlier pass.

    Args:
        members: from `place_members`.
        contents: yields the contents of the file at a path; called once for each, in order.

    Raises:
        ArchiveInvalid: a file is no longer what the earlier pass saw; what was written is then not a pack.
    """
    position = 0
    for member in members:
        header = local_header(member)
        yield header
        crc32, size_bytes = 0, 0
        for chunk in contents(member.path):
            crc32, size_bytes = zlib.crc32(chunk, crc32), size_bytes + len(chunk)
            yield chunk
        if (crc32, size_bytes) != (member.crc32, member.size_bytes):
            raise ArchiveInvalid(f"{member.path} changed while the pack was being written")
        position += len(header) + size_bytes
    directory_bytes = 0
    for member in members:
        line = central_header(member)
        directory_bytes += len(line)
        yield line
    yield end_records(len(members), directory_bytes, position)


# ---- Reader ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a scanned archive: where its contents begin, and their digests."""

    path: str
    start: int
    digests: Digests


@dataclass(slots=True)
class Archive:
    """A zip whose form was checked in full; files are read from it again on demand."""

    stream: BinaryIO
    files: dict[str, StoredFile] = field(default_factory=dict)

    def read(self, path: str, limit: int, error: type[PackInvalid] = ArchiveInvalid) -> bytes:
        """The contents of a small file, compared once more with the digest of the first pass.

        Args:
            limit: its greatest length in bytes.
            error: what is raised when it is not there or longer: the refusal of the step that reads it.

        Raises:
            ArchiveInvalid: the archive is being changed while it is read.
        """
        if (stored := self.files.get(path)) is None:
            raise error(f"the pack has no file {path}")
        if stored.digests.size_bytes > limit:
            raise error(f"{path} is longer than {limit} bytes")
        self.stream.seek(stored.start)
        contents = _take(self.stream, stored.digests.size_bytes, path)
        if hashlib.sha256(contents).digest() != stored.digests.sha256:
            raise ArchiveInvalid(f"{path} changed while the pack was being read")
        return contents


def scan_archive(stream: BinaryIO) -> Archive:
    """Read an archive once from beginning to end, with memory for the list of its files alone.

    Args:
        stream: binary, seekable, at its beginning.

    Raises:
        ArchiveInvalid: any byte outside the contents differs from the canonical form, or a CRC-32 is wrong.
    """
    archive, sizes, position = Archive(stream), [], 0
    while (signature := _take(stream, 4, "the next header")) == b"PK\x03\x04":
        member, header_bytes = _read_local(stream, signature, position)
        hasher = Hasher()
        for chunk in _portions(stream, member):
            hasher.update(chunk)
        digests = hasher.digests()
        if digests.crc32 != member.crc32:
            raise ArchiveInvalid(f"the contents of {member.path} were damaged or changed")
        start = position + header_bytes
        archive.files[member.path] = StoredFile(member.path, start, digests)
        sizes.append((member.path, member.size_bytes, member.crc32))
        position = start + member.size_bytes
        if len(sizes) > MAX_FILES:
            raise ArchiveInvalid(f"a pack holds at most {MAX_FILES} files")
    _require_end(stream, signature, place_members(sizes), position)
    return archive


def _read_local(stream: BinaryIO, signature: bytes, position: int) -> tuple[Member, int]:
    """Read one local header and require the canonical bytes; gives the member and the header's length."""
    raw = signature + _take(stream, _LOCAL.size - 4, "a header")
    *_, crc32, _, size, name_bytes, extra_bytes = _LOCAL.unpack(raw)
    rest = _take(stream, name_bytes + extra_bytes, "a header")
    name = rest[:name_bytes]
    if not name.startswith(TOP.encode()) or not name.isascii():
        raise ArchiveInvalid("a file in the zip does not stand in the folder `pack`")
    path = name.decode("ascii")[len(TOP) :]
    require_path(path)
    if extra_bytes == 20:
        size = int.from_bytes(rest[name_bytes + 4 : name_bytes + 12], "little")
    member = Member(path, size, crc32, position)
    if local_header(member) != raw + rest:
        raise ArchiveInvalid(f"the zip header of {path} is not in the one form that is allowed")
    return member, len(raw) + len(rest)


def _portions(stream: BinaryIO, member: Member) -> Iterator[bytes]:
    left = member.size_bytes
    while left:
        chunk = _take(stream, min(left, READ_BYTES), member.path)
        left -= len(chunk)
        yield chunk


def _require_end(stream: BinaryIO, begun: bytes, members: Sequence[Member], position: int) -> None:
    """Compare everything after the last file with what the list of files demands, to the last byte."""
    if not members:
        raise ArchiveInvalid("this is not a zip file, or it is empty")
    directory_bytes, pending = 0, begun
    for member in members:
        line = central_header(member)
        directory_bytes += len(line)
        found = pending + _take(stream, len(line) - len(pending), "the directory of the zip")
        pending = b""
        if found != line:
            raise ArchiveInvalid(f"the directory of the zip does not say the same as its files at {member.path}")
    end = end_records(len(members), directory_bytes, position)
    if _take(stream, len(end), "the end of the zip") != end or stream.read(1):
        raise ArchiveInvalid("the zip does not end where its files end")


def _take(stream: BinaryIO, count: int, where: str) -> bytes:
    out = stream.read(count)
    if len(out) != count:
        raise ArchiveInvalid(f"the pack breaks off in {where}")
    return out
