"""What arrives is sealed on the disk, read back as it was, and gone afterwards."""

import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk import sealed_file
from desk.sealed_file import RUN_BYTES, SealedFile, read_through, sweep
from errors import DecryptionFailed, LimitExceeded
from storage.desk_files import BLOBS, DeskFiles
from tests.support.canaries import search

CANARY = "a word that nobody wrote down"
MOST = 8 * 2**20


@pytest.fixture
def files(tmp_path: Path) -> Iterator[DeskFiles]:
    made = DeskFiles.create(tmp_path / "desk")
    yield made
    made.close()


def filled(files: DeskFiles, data: bytes, rng: random.Random | None = None) -> SealedFile:
    made, at = SealedFile(files, MOST), 0
    while at < len(data):
        step = rng.randrange(1, 200_000) if rng else len(data)
        made.write(data[at : at + step])
        at += step
    return made


@pytest.mark.parametrize("size", [0, 1, RUN_BYTES - 1, RUN_BYTES, RUN_BYTES + 1, 3 * RUN_BYTES + 777])
def test_it_is_read_back_as_it_was_in_whatever_pieces_it_came(files: DeskFiles, rng: random.Random, size: int) -> None:
    data = rng.randbytes(size)
    stream = read_through(filled(files, data, rng))
    assert stream.read() == data
    for _ in range(20):
        at, count = rng.randrange(size + 1), rng.randrange(2 * RUN_BYTES)
        stream.seek(at)
        assert stream.read(count) == data[at : at + count]
    assert stream.seek(0, io.SEEK_END) == size
    assert stream.read(1) == b""


def test_the_words_lie_nowhere_while_it_arrives_nor_when_it_is_whole_nor_afterwards(files: DeskFiles) -> None:
    made = filled(files, (CANARY * 4000).encode())
    assert list((files.folder / BLOBS / sealed_file.FOLDER).iterdir())
    assert search(files.folder, [CANARY]) == []
    assert read_through(made).read() == (CANARY * 4000).encode()
    assert search(files.folder, [CANARY]) == []
    (files.folder / "planted").write_text(CANARY)  # control: the same search finds it
    assert search(files.folder, [CANARY]) == [("planted", CANARY)]
    made.close()
    assert list((files.folder / BLOBS / sealed_file.FOLDER).iterdir()) == []


def test_each_file_has_a_key_of_its_own(files: DeskFiles) -> None:
    streams = [read_through(filled(files, b"the same bytes" * 100)) for _ in range(2)]
    first, second = [one.read_bytes() for one in (files.folder / BLOBS / sealed_file.FOLDER).iterdir()]
    assert first != second
    assert streams[0].read() == streams[1].read()


def test_what_is_too_large_is_refused_and_leaves_nothing(files: DeskFiles) -> None:
    fits, made = SealedFile(files, 1000), SealedFile(files, 1000)
    assert fits.write(b"x" * 1000) == 1000  # control
    made.write(b"x" * 600)
    with pytest.raises(LimitExceeded):
        made.write(b"x" * 401)
    fits.close()
    made.close()
    assert list((files.folder / BLOBS / sealed_file.FOLDER).iterdir()) == []


def test_a_blob_that_is_altered_meanwhile_is_refused(files: DeskFiles, rng: random.Random) -> None:
    data = rng.randbytes(RUN_BYTES + 5)
    made = filled(files, data)
    stream = read_through(made)
    (path,) = (files.folder / BLOBS / sealed_file.FOLDER).iterdir()
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 1
    path.write_bytes(raw)
    assert stream.read(10) == data[:10]
    stream.seek(RUN_BYTES)
    with pytest.raises(DecryptionFailed):
        stream.read(5)
    made.close()


def test_a_whole_file_takes_no_more_bytes(files: DeskFiles) -> None:
    made = filled(files, b"whole")
    made.seek(0)
    with pytest.raises(io.UnsupportedOperation):
        made.write(b"more")


def test_what_a_stop_of_the_program_left_is_removed_at_the_next_start(files: DeskFiles) -> None:
    sweep(files)  # there is nothing yet
    left = SealedFile(files, MOST)
    left.write(b"x" * 100_000)
    assert len(list((files.folder / BLOBS / sealed_file.FOLDER).iterdir())) == 1
    sweep(files)
    assert list((files.folder / BLOBS / sealed_file.FOLDER).iterdir()) == []
