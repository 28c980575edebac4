"""A file that arrives piece by piece: one pass, all or nothing, and nothing left of what broke off."""

import hashlib
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crypto.digests import PIECE_BYTES
from errors import Conflict, LimitExceeded, NotPermitted, StorageFull
from evidence import intake
from evidence.intake import StoredFile
from evidence.receiving import FOLDER, Receiving, clear
from tests.support.desks import NOW
from tests.unit.evidence.test_intake import Team
from tests.unit.evidence.test_intake import team as team  # a fixture

MOST = 64 * 2**20


def receive(team: Team, raw: bytes, rng: random.Random, most: int = MOST) -> Receiving:
    """In pieces of many sizes, as a network gives them."""
    made = Receiving(team.desk.files, most_bytes=most)
    at = 0
    while at < len(raw):
        step = rng.randint(1, 70_000)
        made.write(raw[at : at + step])
        at += step
    return made


def keep(team: Team, made: Receiving, name: str = "a.jpg") -> StoredFile:
    return made.keep(team.liaison, team.case_id, name=name, now=NOW)


def left(team: Team) -> list[str]:
    return team.desk.files.blobs.list_keys(FOLDER)


@pytest.mark.parametrize("size", [0, 1, 16384, 1_000_003, PIECE_BYTES, PIECE_BYTES + 1])
def test_what_arrives_is_what_taking_in_from_the_disk_makes(
    team: Team, tmp_path: Path, rng: random.Random, size: int
) -> None:
    """The same size, digest and piece root, whichever way a file comes."""
    raw = rng.randbytes(size)
    made = receive(team, raw, rng)
    assert made.piece_digests == tuple(
        hashlib.sha256(raw[at : at + PIECE_BYTES]).digest() for at in range(0, size - PIECE_BYTES + 1, PIECE_BYTES)
    )
    made.finish()
    assert b"".join(made.read()) == raw
    stored = keep(team, made)
    (tmp_path / "a.jpg").write_bytes(raw)
    other = team.take_in(tmp_path / "a.jpg")
    assert (stored.size_bytes, stored.sha256, stored.pieces) == (other.size_bytes, other.sha256, other.pieces)
    assert stored.media_type == "image/jpeg"
    assert other.is_double
    assert b"".join(intake.read_file(team.desk.files, team.liaison, team.case_id, stored.file_id)) == raw
    assert left(team) == []


def test_before_it_is_kept_it_lies_sealed_and_apart_and_no_case_knows_it(team: Team, rng: random.Random) -> None:
    made = receive(team, b"planted words" * 9000, rng)
    made.finish()
    assert len(left(team)) == 1
    assert b"planted" not in team.desk.files.blobs.get(left(team)[0])
    assert team.desk.files.blobs.list_keys("files") == []
    with team.desk.files.session() as db:
        assert intake.list_files(db, team.liaison, team.case_id) == []
    keep(team, made)
    assert len(team.desk.files.blobs.list_keys("files")) == 1


def test_what_was_broken_off_leaves_nothing_and_a_new_start_clears_what_a_dead_process_left(
    team: Team, rng: random.Random
) -> None:
    receive(team, rng.randbytes(100_000), rng).abort()
    assert left(team) == []
    receive(team, rng.randbytes(100_000), rng)  # never ended, as after kill -9
    assert len(left(team)) == 1
    assert clear(team.desk.files) == 1
    assert left(team) == []


def test_a_file_that_is_larger_than_is_taken_is_refused_and_the_largest_is_taken(
    team: Team, rng: random.Random
) -> None:
    with pytest.raises(LimitExceeded):
        receive(team, bytes(5001), rng, most=5000)
    assert left(team) == []
    made = receive(team, bytes(5000), rng, most=5000)
    made.finish()
    assert keep(team, made).size_bytes == 5000


def test_what_has_not_arrived_or_was_kept_is_not_kept_again(team: Team, rng: random.Random) -> None:
    made = receive(team, b"x", rng)
    with pytest.raises(Conflict):
        keep(team, made)
    made.finish()
    keep(team, made)
    for act in (lambda: keep(team, made), lambda: made.write(b"y"), made.finish):
        with pytest.raises(Conflict):
            act()
    made.abort()  # what was kept stays
    with team.desk.files.session() as db:
        (stored,) = intake.list_files(db, team.liaison, team.case_id)
    assert b"".join(intake.read_file(team.desk.files, team.liaison, team.case_id, stored.file_id)) == b"x"


def test_who_is_not_on_the_team_keeps_nothing_and_what_is_done_with_it_is_one_transaction(
    team: Team, rng: random.Random
) -> None:
    made = receive(team, b"x", rng)
    made.finish()
    with pytest.raises(NotPermitted):
        made.keep(team.outsider, team.case_id, name="a.jpg", now=NOW)

    def refuse(*_: object) -> None:
        raise Conflict("planted")

    with pytest.raises(Conflict, match="planted"):
        made.keep(team.liaison, team.case_id, name="a.jpg", also=refuse, now=NOW)
    assert team.desk.files.blobs.list_keys("files") == []
    assert keep(team, made).size_bytes == 1  # it is still held


@contextmanager
def files_of_at_most(most_bytes: int) -> Iterator[None]:
    """The kernel refuses larger files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_gets_its_sentence_and_keeps_nothing(team: Team, rng: random.Random) -> None:
    with files_of_at_most(1 << 20), pytest.raises(StorageFull, match="nothing of this was kept"):
        receive(team, bytes(3 << 20), rng)
    assert left(team) == []
    made = receive(team, bytes(3 << 20), rng)  # control: with room it is taken
    made.finish()
    assert keep(team, made).size_bytes == 3 << 20


@pytest.mark.parametrize("size", [1, 16_384, 700_001])
def test_a_range_of_a_file_is_read_without_the_rest(team: Team, rng: random.Random, size: int) -> None:
    raw = rng.randbytes(size)
    made = receive(team, raw, rng)
    made.finish()
    stored = keep(team, made)
    for start, end in [(0, size), (0, 1), (size - 1, size), (size // 3, size // 2 + 1), (0, size + 10), (size, size)]:
        found = b"".join(
            intake.read_range(team.desk.files, team.liaison, team.case_id, stored.file_id, start, end)
        )  # fmt: skip
        assert found == raw[start:end]
