"""Taking files in: one read, sealed, all or nothing; and the register of exhibits."""

import hashlib
import mimetypes
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agencies import cases
from agencies.members import OfficerSession
from crypto.manifest import MEDIA_TYPE
from custody.checkpoint import Checkpoint
from errors import Conflict, CustodyBroken, DecryptionFailed, FormatError, NotFound, NotPermitted, SourceChanged
from evidence import exhibits, holdings, intake
from tests.support.desks import NOW, ORIGIN, Desk, Network

SEEN = Checkpoint(ORIGIN, 1, bytes(32))


@dataclass
class Team:
    desk: Desk
    case_id: bytes
    liaison: OfficerSession
    outsider: OfficerSession

    def take_in(self, path: Path, **more: object) -> intake.StoredFile:
        return intake.take_in(self.desk.files, self.liaison, self.case_id, path, now=NOW, **more)  # type: ignore[arg-type]

    def exhibit(self, *files: bytes, **more: str) -> bytes:
        with self.desk.files.session() as db:
            return exhibits.create_exhibit(
                db, self.liaison, self.case_id, description="d", files=files, place="store", reason="r", seen=SEEN,
                now=NOW, **more,
            )  # fmt: skip  # type: ignore[arg-type]


@pytest.fixture
def team(tmp_path: Path, rng: random.Random) -> Iterator[Team]:
    net = Network(tmp_path / "net", rng)
    desk, _ = net.found("north", "south")
    liaison, outsider = net.appoint(desk, "liaison-1", "liaison"), net.appoint(desk, "liaison-2", "liaison")
    with desk.files.session() as db:
        case_id = cases.create_case(db, liaison, "NP-2031-1", {"title": "t"}, now=NOW).case_id
    yield Team(desk, case_id, liaison, outsider)
    net.close()


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 1 << 20, (1 << 20) + 5, 3_000_000])
def test_a_file_of_any_size_reads_back_as_it_was(team: Team, tmp_path: Path, rng: random.Random, size: int) -> None:
    raw = rng.randbytes(size)
    path = tmp_path / "photo.jpg"
    path.write_bytes(raw)
    done: list[tuple[int, int]] = []
    stored = team.take_in(path, progress=lambda *both: done.append(both))
    assert (stored.size_bytes, stored.sha256, stored.media_type) == (size, hashlib.sha256(raw).digest(), "image/jpeg")
    assert b"".join(intake.read_file(team.desk.files, team.liaison, team.case_id, stored.file_id)) == raw
    assert intake.is_intact(team.desk.files, team.liaison, team.case_id, stored.file_id)
    assert done[-1:] == ([(size, size)] if size else [])


def test_a_file_whose_name_is_no_text_is_taken_in_under_a_readable_one(team: Team, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n.jpg"))
    try:
        path.write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes no such name")
    stored = team.take_in(path)
    with team.desk.files.session() as db:
        found = intake.get_file(db, team.liaison, team.case_id, stored.file_id)
    assert (found.name, found.media_type) == ("caf\\xe9\n.jpg", "image/jpeg")


def test_a_pipe_is_refused_and_not_waited_for(team: Team, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotFound, match="no plain file"):
        team.take_in(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x")
    assert team.take_in(tmp_path / "file").size_bytes == 1


def test_neither_name_nor_content_is_readable_on_the_disk(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "name-that-tells.txt"
    path.write_bytes(b"content-that-tells" * 10)
    team.take_in(path)
    team.desk.files.engine.dispose()
    for word in (b"name-that-tells", b"content-that-tells"):
        found = [one.name for one in team.desk.files.folder.rglob("*") if one.is_file() and word in one.read_bytes()]
        assert found == []
    (team.desk.files.folder / "planted").write_bytes(b"xx content-that-tells")
    assert any(b"content-that-tells" in one.read_bytes() for one in team.desk.files.folder.rglob("*") if one.is_file())


def test_a_file_that_changes_while_it_is_read_leaves_nothing(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "growing.bin"
    path.write_bytes(bytes(2 << 20))

    def grow(done: int, total: int) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(SourceChanged):
        team.take_in(path, progress=grow)
    assert team.desk.files.blobs.list_keys("files") == []
    with team.desk.files.session() as db:
        assert intake.list_files(db, team.liaison, team.case_id) == []
    assert team.take_in(path).size_bytes > 2 << 20


def test_an_altered_or_cut_blob_is_noticed(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(50_000))
    stored = team.take_in(path)
    key = f"files/{stored.file_id.hex()}"
    raw = team.desk.files.blobs.get(key)
    for bad, error in ((raw[:-1], FormatError), (raw[:900] + b"\x01" + raw[901:], DecryptionFailed)):
        team.desk.files.blobs.put(key, bad)
        with pytest.raises(error):
            b"".join(intake.read_file(team.desk.files, team.liaison, team.case_id, stored.file_id))
        assert not intake.is_intact(team.desk.files, team.liaison, team.case_id, stored.file_id)
    team.desk.files.blobs.put(key, raw)
    assert intake.is_intact(team.desk.files, team.liaison, team.case_id, stored.file_id)


def test_a_missing_file_and_an_outsider_are_refused(team: Team, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        team.take_in(tmp_path / "missing")
    assert team.desk.files.blobs.list_keys("files") == []
    path = tmp_path / "a"
    path.write_bytes(b"x")
    with pytest.raises(NotPermitted):
        intake.take_in(team.desk.files, team.outsider, team.case_id, path, now=NOW)
    assert not team.take_in(path).is_double
    assert team.take_in(path).is_double


def test_exhibits_are_numbered_and_begin_their_custody(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    stored = team.take_in(path)
    first, second = team.exhibit(stored.file_id), team.exhibit(local_number="X-9")
    with team.desk.files.session() as db:
        listed = exhibits.list_exhibits(db, team.liaison, team.case_id)
        history = holdings.history(db, team.liaison, team.case_id, first)
    assert [(one.local_number, one.root_number, one.state) for one in listed] == [
        ("E-0001", "north/E-0001", "here"), ("X-9", "north/X-9", "here"),
    ]  # fmt: skip
    assert [one.object_id for one in listed] == [first, second]
    assert [(one.action, one.number, one.is_proven) for one in history] == [("receive", 0, False)]
    with pytest.raises(Conflict):
        team.exhibit(local_number="X-9")
    with pytest.raises(FormatError):
        team.exhibit(action="destroy")


def test_a_media_type_is_one_that_bundles_and_packs_can_name(team: Team, tmp_path: Path) -> None:
    """Tables of media types have capital letters; a recipient would refuse a bundle that names such a one."""
    path = tmp_path / "table.xlsm"
    path.write_bytes(b"x")
    assert MEDIA_TYPE.match(team.take_in(path).media_type)
    assert all(MEDIA_TYPE.match(intake.guess_type(f"x{ending}")) for ending in mimetypes.types_map)
    assert team.take_in(path, media_type="text/x-own").media_type == "text/x-own"
    for wrong in ("Text/plain", "text", "text/plain; charset=utf-8", ""):
        with pytest.raises(FormatError):
            team.take_in(path, media_type=wrong)


def test_nothing_follows_the_end_of_a_holding(team: Team) -> None:
    object_id = team.exhibit()
    with team.desk.files.session() as db:
        holding = holdings.open_holding(db, team.liaison, team.case_id, object_id)
        for action in ("examine", "destroy"):
            holdings.append_event(
                db, team.liaison, team.case_id, holding, action=action, reason="r", seen=SEEN, now=NOW
            )
        with pytest.raises(CustodyBroken):
            holdings.append_event(
                db, team.liaison, team.case_id, holding, action="examine", reason="r", seen=SEEN, now=NOW
            )
        assert holdings.state(db, team.liaison, team.case_id, object_id) == "ended"
