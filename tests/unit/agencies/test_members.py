"""Officers' keys: locked on the disk, in memory only while signed in, and cases that only their team opens."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agencies import cases, members, rights
from agencies.directory import ROLES
from agencies.models import CaseKey
from crypto import hybrid, keyring, labels, recovery, signing
from errors import (
    Conflict,
    DecryptionFailed,
    FormatError,
    NotFound,
    NotPermitted,
    PassphraseWrong,
    SignInRequired,
)
from storage.desk_files import DeskFiles
from storage.sealed import open_column, seal_column

CHEAP = keyring.Cost(1, keyring.SMALLEST_MEMORY_BYTES)
WORDS = "four random words here"
NOW = 1_900_000_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskFiles]:
    files = DeskFiles.create(tmp_path / "desk")
    yield files
    files.close()


def enrol(desk: DeskFiles, handle: str, *roles: str, words: str = WORDS) -> members.Enrolment:
    with desk.session() as db:
        return members.enrol_officer(db, handle, roles, words, now=NOW, cost=CHEAP)


def sign_in(desk: DeskFiles, handle: str, words: str = WORDS, now: int = NOW) -> members.OfficerSession:
    with desk.session() as db:
        return members.unlock(db, handle, words, now=now)


@pytest.fixture
def recovery_seed(rng: random.Random) -> bytes:
    return rng.randbytes(32)


def begin(desk: DeskFiles, officer: members.OfficerSession, seed: bytes, handle: str = "N-1") -> bytes:
    with desk.session() as db:
        key = recovery.receiving_key(seed).public_key
        return cases.create_case(db, officer, handle, {"title": "Planted Title"}, recovery_key=key, now=NOW).case_id


def test_an_officer_unlocks_with_the_passphrase_alone(desk: DeskFiles) -> None:
    made = enrol(desk, "north/liaison-1", "liaison")
    officer = sign_in(desk, "north/liaison-1")
    signature = officer.sign(labels.APPROVE, b"core")
    signing.verify(made.signing_key, labels.APPROVE, b"core", signature=signature)
    sealed = hybrid.seal(made.receiving_key, b"info", b"share")
    assert officer.receiving.open(b"info", sealed) == b"share"
    for handle, words in (("north/liaison-1", "other words here"), ("north/liaison-2", WORDS)):
        with pytest.raises(PassphraseWrong):
            sign_in(desk, handle, words)


def test_wrong_tries_make_the_next_one_wait(desk: DeskFiles) -> None:
    enrol(desk, "north/liaison-1", "liaison")
    with desk.session() as db:
        for _ in range(members.FREE_TRIES + 2):
            with pytest.raises(PassphraseWrong):
                members.unlock(db, "north/liaison-1", "wrong wrong wrong", now=NOW)
    with pytest.raises(PassphraseWrong):
        sign_in(desk, "north/liaison-1")
    assert sign_in(desk, "north/liaison-1", now=NOW + 60).handle == "north/liaison-1"


@pytest.mark.parametrize(
    ("handle", "roles", "words"),
    [
        ("north/Ana", ["liaison"], WORDS),
        ("north/liaison-2", [], WORDS),
        ("north/liaison-2", ["king"], WORDS),
        ("north/liaison-2", ["liaison"], "short"),
        ("north/liaison-2", ["liaison"], "aaaaaaaaaaaaaaaa"),
    ],
)
def test_unacceptable_officers_are_refused(desk: DeskFiles, handle: str, roles: list[str], words: str) -> None:
    assert enrol(desk, "north/liaison-1", "liaison").roles == ("liaison",)
    with pytest.raises(FormatError):
        enrol(desk, handle, *roles, words=words)


def test_a_role_handle_is_never_given_twice(desk: DeskFiles) -> None:
    enrol(desk, "north/liaison-1", "liaison")
    with pytest.raises(Conflict):
        enrol(desk, "north/liaison-1", "liaison")


def test_a_locked_session_signs_nothing(desk: DeskFiles) -> None:
    enrol(desk, "north/liaison-1", "liaison")
    officer = sign_in(desk, "north/liaison-1")
    assert officer.sign(labels.APPROVE, b"x") and not officer.is_locked
    officer.lock()
    assert bool(officer.is_locked)
    for act in (lambda: officer.sign(labels.APPROVE, b"x"), lambda: officer.receiving, lambda: officer.signing_key):
        with pytest.raises(SignInRequired):
            act()


def test_a_new_passphrase_replaces_the_old_one(desk: DeskFiles) -> None:
    enrol(desk, "north/liaison-1", "liaison")
    officer = sign_in(desk, "north/liaison-1")
    with desk.session() as db:
        members.change_passphrase(db, officer, "other words for tomorrow", cost=CHEAP)
    assert sign_in(desk, "north/liaison-1", "other words for tomorrow").signing_key == officer.signing_key
    with pytest.raises(PassphraseWrong):
        sign_in(desk, "north/liaison-1")


SIGNED_IN = """
import gc, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from agencies import members
from crypto import labels
from storage.desk_files import DeskFiles

desk = DeskFiles.open(Path(sys.argv[2]))
with desk.session() as db:
    officer = members.unlock(db, "north/liaison-1", sys.argv[3], now=1)
officer.sign(labels.APPROVE, b"x")
officer.receiving.open
for secret in officer._secrets.values():
    # What is told is inverted, so that telling it leaves no copy.
    sys.stdout.buffer.write(bytes(byte ^ 255 for byte in secret.value))
sys.stdout.buffer.flush()
sys.stdin.readline()
officer.lock()
gc.collect()
print("locked", flush=True)
sys.stdin.readline()
"""


def find_in_memory(pid: int, needle: bytes) -> int:
    """How often a process has these bytes in memory that it can write, looked at from outside."""
    hits = 0
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in lines:
            span, access = line.split()[:2]
            if access.startswith("rw") and "[v" not in line:
                start, end = (int(part, 16) for part in span.split("-"))
                memory.seek(start)
                hits += memory.read(end - start).count(needle)
    return hits


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs /proc")
def test_no_secret_key_is_left_in_the_process_after_a_lock(desk: DeskFiles, repository: Path) -> None:
    """The same search finds the keys before the lock, so it would find them afterwards."""
    enrol(desk, "north/liaison-1", "liaison")
    command = [sys.executable, "-c", SIGNED_IN, str(repository), str(desk.folder), WORDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        told = bytes(byte ^ 255 for byte in process.stdout.read(signing.SEED_BYTES + hybrid.SECRET_BYTES))
        parts = {f"{start}..{start + 32}": told[start : start + 32] for start in range(0, len(told), 32)}
        before = {name: find_in_memory(process.pid, part) for name, part in parts.items()}
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"locked\n"
        after = {name: find_in_memory(process.pid, part) for name, part in parts.items()}
        process.stdin.write(b"\n")
        process.stdin.close()
        process.wait(30)
    assert len(before) == 4 and all(before.values()), before
    assert not any(after.values()), after


def test_a_case_opens_for_its_team_alone(desk: DeskFiles, recovery_seed: bytes) -> None:
    for number in (1, 2):
        enrol(desk, f"north/liaison-{number}", "liaison")
    one, two = (sign_in(desk, f"north/liaison-{number}") for number in (1, 2))
    case_id = begin(desk, one, recovery_seed)
    with desk.session() as db:
        case = cases.list_cases(db, one)[0]
        assert cases.read_facts(db, one, case) == {"title": "Planted Title"}
        assert cases.list_cases(db, two) == []
        for compartment in cases.COMPARTMENTS:
            with pytest.raises(NotPermitted):
                cases.case_key(db, two, case_id, compartment)
        cases.add_member(db, one, case_id, "north/liaison-2", vault=False, now=NOW)
        db.flush()
        assert cases.case_key(db, two, case_id) == cases.case_key(db, one, case_id)
        with pytest.raises(NotPermitted):
            cases.case_key(db, two, case_id, members.VAULT)
        with pytest.raises(NotFound):
            cases.add_member(db, one, case_id, "north/liaison-9", vault=False, now=NOW)


def test_an_officer_can_be_kept_out_of_one_case(desk: DeskFiles, recovery_seed: bytes) -> None:
    for number in (1, 2):
        enrol(desk, f"north/liaison-{number}", "liaison")
    one, two = (sign_in(desk, f"north/liaison-{number}") for number in (1, 2))
    case_id, other_case = begin(desk, one, recovery_seed), begin(desk, two, recovery_seed, "N-2")
    with desk.session() as db:
        cases.add_member(db, one, case_id, "north/liaison-2", vault=True, now=NOW)
        db.flush()
        assert cases.case_key(db, two, case_id, members.VAULT)
        both = {one.case_id for one in cases.list_cases(db, two)}
        assert both == {case_id, other_case} == set(cases.handles_of(db, two, both))
        cases.exclude_officer(db, one, case_id, "north/liaison-2", now=NOW)
        db.flush()
        # Not even the file number: it can say whose case it is.
        assert [one.case_id for one in cases.list_cases(db, two)] == [other_case]
        assert list(cases.handles_of(db, two, both)) == [other_case]
        with pytest.raises(NotPermitted):
            cases.case_key(db, two, case_id)
        with pytest.raises(NotPermitted):
            cases.add_member(db, one, case_id, "north/liaison-2", vault=True, now=NOW)
        assert cases.case_key(db, two, other_case)


def test_nothing_readable_is_on_the_disk(desk: DeskFiles, recovery_seed: bytes) -> None:
    """With nobody signed in the folder holds no title and no key; the same search finds a planted handle."""
    enrol(desk, "north/liaison-1", "liaison")
    officer = sign_in(desk, "north/liaison-1")
    case_id = begin(desk, officer, recovery_seed)
    with desk.session() as db:
        key = cases.case_key(db, officer, case_id)
    seed = bytes(officer._secrets[members.SIGNING].value)
    officer.lock()
    desk.close()
    everything = b"".join(path.read_bytes() for path in sorted(desk.folder.rglob("*")) if path.is_file())
    assert b"north/liaison-1" in everything
    for secret in (b"Planted Title", key, seed, WORDS.encode()):
        assert secret not in everything


def test_a_sealed_column_cannot_be_moved(rng: random.Random) -> None:
    key, row = rng.randbytes(32), rng.randbytes(16)
    cell = seal_column(key, "person", "name", row, 3, b"value")
    assert open_column(key, "person", "name", row, 3, cell) == b"value"
    for place in (
        ("persons", "name", row, 3),
        ("person", "born", row, 3),
        ("person", "name", bytes(16), 3),
        ("person", "name", row, 2),
    ):
        with pytest.raises(DecryptionFailed):
            open_column(key, *place, cell)


@pytest.mark.parametrize("right", sorted(rights.RIGHTS))
def test_administrators_and_auditors_have_no_evidence_right(right: str) -> None:
    someone = [role for role in ROLES if rights.has_right([role], right)]
    assert someone, "a right that nobody has is a mistake"
    if right in rights.EVIDENCE_RIGHTS:
        for role in (rights.ADMINISTRATOR, rights.AUDITOR):
            with pytest.raises(NotPermitted):
                rights.require_right([role], right)


def test_a_desk_folder_is_private_and_made_once(tmp_path: Path) -> None:
    DeskFiles.create(tmp_path / "d").close()
    assert (tmp_path / "d").stat().st_mode & 0o077 == 0
    with pytest.raises(Conflict):
        DeskFiles.create(tmp_path / "d")
    with pytest.raises(NotFound):
        DeskFiles.open(tmp_path / "nothing")
    DeskFiles.open(tmp_path / "d").close()


def test_case_keys_are_wrapped_to_team_and_recovery(desk: DeskFiles, recovery_seed: bytes) -> None:
    enrol(desk, "north/liaison-1", "liaison")
    case_id = begin(desk, sign_in(desk, "north/liaison-1"), recovery_seed)
    with desk.session() as db:
        holders = {(row.holder, row.compartment) for row in db.query(CaseKey).filter_by(case_id=case_id)}
    assert holders == {(who, what) for who in ("north/liaison-1", "recovery") for what in ("case", "vault")}
