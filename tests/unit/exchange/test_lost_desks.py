"""A desk's computer is gone: a copy goes on behind the highest number, and without a copy the shares open what came.

Guarantee G8, and what cannot be had back: both are shown here.
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import select

from agencies import members, setup, succession
from crypto import recovery
from crypto.statements import Statement
from errors import (
    Conflict,
    ConsentMissing,
    CustodyBroken,
    FormatError,
    IntegrityError,
    KeyChanged,
    KeyUnusable,
    NotEntitled,
    NotFound,
    Refused,
    ReleaseDestroyed,
    RootNotCompared,
    SetUpUnfinished,
    SignatureInvalid,
)
from evidence import holdings
from exchange import (
    desk_copies,
    handing_over,
    membership,
    rebuilding,
    recovered,
    stop_targets,
    withdrawals,
)
from exchange.delivery import day_of
from exchange.handle_keys import handles_of_record
from exchange.models import BundleEvent
from exchange.office import list_alarms
from identity import consent
from tests.support.departures import (
    alarm_kinds,
    carry_out,
    file_all,
    for_two,
    new_case,
    propose,
    read,
    read_by_two,
    read_filed,
    recover,
    revoke,
    share,
    share_person,
    signed,
    take_in,
    withdraw,
)
from tests.support.field import WORDS, DeskAt, Field, now, with_field
from tests.support.traffic import open_at, parcel, record_of

BAD = {"own-entry-missing", "event-refused", "directory-not-ours", "withheld", "log-fork", "log-rollback"}


@pytest.fixture(scope="module")
def losing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """A network of its own: two of its desks lose their folders."""
    with with_field(tmp_path_factory.mktemp("losing")) as made:
        yield made


def lose(desk: DeskAt) -> None:
    """The computer is gone, with everything in the folder."""
    for officer in desk.officers.values():
        officer.lock()
    membership.close_office(desk.office)
    shutil.rmtree(desk.folder)


def reopen(field: Field, desk: DeskAt, folder: Path) -> None:
    """The same agency's desk in another folder; nobody is signed in."""
    desk.folder, desk.officers = folder, {}
    desk.office = membership.open_office(folder, field.settings.public_url, clock=time.time)


def numbers(desk: DeskAt, bundle: bytes, agency: str) -> list[int]:
    with desk.office.files.session() as db:
        query = select(BundleEvent.number).where(BundleEvent.bundle_id == bundle, BundleEvent.agency == agency)
        return list(db.scalars(query.order_by(BundleEvent.log_index)))


# ---- A copy -----------------------------------------------------------------------------------------------------


def test_a_restored_desk_goes_on_behind_what_it_did_after_the_copy(losing: Field, tmp_path: Path) -> None:
    north, shelter, south = losing.north, losing.shelter, losing.south
    case_id = new_case(shelter, "case-worker-1", "case-worker-2")
    first, quiet = (take_in(shelter, "case-worker-1", case_id, tmp_path / name) for name in ("a.jpg", "b.jpg"))
    known = parcel(north, "liaison-1", shelter, ["case-worker-1"], (b"known",)).send(shelter)
    items = file_all(shelter, "case-worker-1", known, case_id)
    record, early = share_person(shelter, "case-worker-1", case_id, south)
    gone_record, gone = share_person(shelter, "case-worker-1", case_id, south)
    _, stopped = share_person(shelter, "case-worker-1", case_id, south)
    losing.sync_all()

    made = desk_copies.make_copy(shelter.folder, tmp_path / "copy", now=now())
    assert (made.agency, made.missing) == ("shelter-ngo", ())
    # What happens after the copy was made.
    for _ in range(3):
        assert read(shelter, "case-worker-1", known) == b"known"
    fresh = parcel(north, "liaison-1", shelter, ["case-worker-1"], (b"fresh",)).send(shelter)
    assert read(shelter, "case-worker-1", fresh) == b"fresh"
    withdraw(shelter, "case-worker-1", "case-worker-2", case_id, gone_record)
    person = person_of(shelter, case_id, record)
    late = share(shelter, "case-worker-1", case_id, south, persons=(person,), records=(record,))
    open_at(south, "prosecutor-1", late).close()
    worker = shelter.officer("case-worker-1")
    withdrawals.hold(shelter.office, worker, case_id, stopped, reason="a wrong file", now=now())
    offer(shelter, case_id, first)
    losing.sync_all()
    before = numbers(north, known, shelter.agency)
    lose(shelter)

    desk_copies.restore_copy(tmp_path / "copy", tmp_path / "restored")
    reopen(losing, shelter, tmp_path / "restored")
    with pytest.raises(Refused, match="sync once"):
        sign_in(shelter, "case-worker-1")
    losing.sync_all()
    for word in ("case-worker-1", "case-worker-2", "administrator-1"):
        sign_in(shelter, word)

    assert read_filed(shelter, "case-worker-1", items[1]) == b"known"
    assert read(shelter, "case-worker-1", known) == b"known"
    assert read(shelter, "case-worker-1", fresh) == b"fresh"
    losing.sync_all()
    after = numbers(north, known, shelter.agency)
    assert after[: len(before)] == before and after == list(range(len(after))) and len(after) == len(before) + 2
    for desk in losing.desks.values():
        assert not alarm_kinds(desk) & BAD

    with pytest.raises(ConsentMissing, match="withdrawn"):  # although the copy knew it as given
        share(
            shelter, "case-worker-1", case_id, south, persons=(person_of(shelter, case_id, gone_record),),
            records=(gone_record,),
        )  # fmt: skip
    with pytest.raises(ReleaseDestroyed):
        open_at(south, "prosecutor-1", gone)
    with shelter.office.files.session() as db:
        assert stop_targets.state_of(db, shelter.officer("case-worker-1"), case_id, stopped) == consent.HELD
        assert not handles_of_record(db, late)
    with open_at(shelter, "case-worker-1", late):  # a bundle that the copy did not know finds its consent again
        pass
    with shelter.office.files.session() as db:
        assert len(handles_of_record(db, late)) == 17  # and the place by which it can be stopped alone
    for bundle in (early, late):
        open_at(south, "prosecutor-1", bundle).close()
    withdraw(shelter, "case-worker-1", "case-worker-2", case_id, record)
    losing.sync_all()
    for bundle in (early, late):
        with pytest.raises(ReleaseDestroyed):
            open_at(south, "prosecutor-1", bundle)

    with pytest.raises(CustodyBroken, match="later events"):  # a second event of this number would be two writers
        offer(shelter, case_id, first)
    offer(shelter, case_id, quiet)
    losing.sync_all()
    with shelter.office.files.session() as db:
        assert holdings.state(db, shelter.officer("case-worker-1"), case_id, quiet) == "offered"


def sign_in(desk: DeskAt, word: str) -> None:
    desk.officers[word] = members.sign_in(desk.office.files, desk.handle(word), WORDS, now=now())


def person_of(desk: DeskAt, case_id: bytes, record: bytes) -> bytes:
    with desk.office.files.session() as db:
        return consent.get_consent(db, desk.officer("case-worker-1"), case_id, record).person_id


def offer(desk: DeskAt, case_id: bytes, item: bytes) -> None:
    handing_over.offer(
        desk.office, desk.officer("case-worker-1"), case_id, item, "south-prosecutor", seal=None, place="p",
        reason="r", now=now(),
    )  # fmt: skip


def test_a_copy_is_whole_or_refused_and_never_put_over_a_desk(losing: Field, tmp_path: Path) -> None:
    north, copy = losing.north, tmp_path / "copy"
    case_id = new_case(north, "liaison-1")
    take_in(north, "liaison-1", case_id, tmp_path / "c.jpg")
    made = desk_copies.make_copy(north.folder, copy, now=now())
    assert desk_copies.check_copy(copy) == made
    assert not [one for one in (copy, *copy.glob("desk*")) if one.stat().st_mode & 0o077]
    with pytest.raises(Conflict):
        desk_copies.make_copy(north.folder, copy, now=now())
    with pytest.raises(Conflict):
        desk_copies.restore_copy(copy, north.folder)
    with pytest.raises(NotFound):
        desk_copies.make_copy(tmp_path / "nowhere", tmp_path / "other", now=now())
    with pytest.raises(NotFound):
        desk_copies.restore_copy(tmp_path, tmp_path / "target")
    blob = next(one for one in (copy / "blobs").rglob("*") if one.is_file())
    database = copy / "desk.sqlite3"
    changes: list[tuple[Path, bytes, type[Exception]]] = [
        (blob, bytes([blob.read_bytes()[0] ^ 1]) + blob.read_bytes()[1:], IntegrityError),
        (blob, blob.read_bytes()[:-1], IntegrityError),
        (database, database.read_bytes()[:-1] + bytes([database.read_bytes()[-1] ^ 1]), IntegrityError),
        (copy / "desk.key", os.urandom(32), IntegrityError),
        (copy / "copy.json", b"{}", FormatError),
        (copy / "copy.json", b'{"v":1}', FormatError),
    ]
    for path, content, kind in changes:
        kept = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(kind):
            desk_copies.restore_copy(copy, tmp_path / "target")
        assert not (tmp_path / "target").exists()
        path.write_bytes(kept)
    desk_copies.restore_copy(copy, tmp_path / "target")
    assert (tmp_path / "target" / members.RESTORED_FILE).is_file()


def test_a_copy_is_made_while_officers_work(losing: Field, tmp_path: Path) -> None:
    """What the copied database names is in the copy, whatever was taken in meanwhile."""
    north, stop, taken = losing.north, Event(), [0]
    case_id = new_case(north, "liaison-1")

    def work() -> None:
        while not stop.is_set():
            take_in(north, "liaison-1", case_id, tmp_path / f"{taken[0]}.jpg")
            taken[0] += 1

    worker = Thread(target=work)
    worker.start()
    try:
        for number in range(3):
            made = desk_copies.make_copy(north.folder, tmp_path / f"copy-{number}", now=now())
            assert made.missing == ()
    finally:
        stop.set()
        worker.join()
    assert taken[0] > 0
    desk_copies.restore_copy(tmp_path / "copy-2", tmp_path / "target")


# ---- No copy at all ---------------------------------------------------------------------------------------------


def by_root(desk: DeskAt, statement: Statement) -> int:
    """The root signs, out of its papers, and the desk publishes."""
    with desk.office.files.session() as db:
        key = membership.require_root(setup.get_identity(db))
    with setup.open_root(desk.agency, desk.papers["root"], key) as root:
        return membership.publish(desk.office, root.sign(statement), now=now())


def enrol_again(desk: DeskAt, word: str, role: str) -> None:
    """The old certificate is revoked; the same person gets new keys and a certificate for them."""
    with desk.office.files.session() as db:
        directory = desk.office.directory(db)
        revocation, log = succession.revoke(directory, desk.handle(word)), directory.origin
    if role != "administrator":
        revoke(desk, word)
        desk.appoint(word, role)
        return
    by_root(desk, revocation)
    made = setup.statement_of(desk.enrol(word, role).body(log, day_of(now())))
    by_root(desk, members.prove_possession(made, desk.officer(word)))


def test_a_desk_without_a_copy_is_made_anew_and_opens_what_others_sealed_to_it(losing: Field, tmp_path: Path) -> None:
    north, south = losing.north, losing.south
    case_id = new_case(south, "prosecutor-1")
    alone = parcel(north, "liaison-1", south, ["prosecutor-1"], (b"alone",)).send(south)
    joint = for_two(losing, ["prosecutor-1", "prosecutor-2"])
    file_all(south, "prosecutor-1", alone, case_id)
    losing.sync_all()
    before = numbers(north, alone, south.agency)
    shutil.copytree(south.folder, tmp_path / "thief")
    lose(south)

    folder = tmp_path / "anew"
    membership.create_desk(folder, losing.invite(south.agency), country="XA", kind="prosecution", now=now())
    reopen(losing, south, folder)
    for few in (south.papers["root"][:1], [south.papers["root"][0], north.papers["root"][0]]):
        with pytest.raises(KeyUnusable):
            rebuilding.certify(south.office, few, now=now())
    strange = rebuilding.certify(south.office, north.papers["root"], now=now())
    with pytest.raises(SignatureInvalid):  # papers of another root certify nothing
        membership.publish(north.office, strange, now=now())
    certificate = rebuilding.certify(south.office, south.papers["root"], now=now())
    with pytest.raises(SetUpUnfinished):
        rebuilding.take_over(south.office, now=now())
    membership.publish(north.office, certificate, now=now())
    found = rebuilding.take_over(south.office, now=now())
    assert {one.subject for one in found.certificates} >= {
        "desk/south-prosecutor", "recovery/south-prosecutor", "south-prosecutor/administrator-1",
    }  # fmt: skip
    assert any("cases" in one for one in rebuilding.LOST)
    losing.sync_all()
    for desk in (north, losing.shelter):
        with desk.office.files.session() as db:
            assert ("key-replaced", "desk/south-prosecutor") in {(one.kind, one.subject) for one in list_alarms(db)}

    thief = membership.open_office(tmp_path / "thief", losing.settings.public_url, clock=time.time)
    with pytest.raises(SignatureInvalid):
        thief.client.describe()
    membership.close_office(thief)
    for number in (1, 2):
        enrol_again(south, f"administrator-{number}", "administrator")
    losing.sync_all()
    for word, role in (("prosecutor-1", "prosecutor"), ("prosecutor-2", "prosecutor")):
        enrol_again(south, word, role)
    losing.sync_all()
    assert not alarm_kinds(south) & BAD
    with pytest.raises(RootNotCompared):  # nobody at this desk has compared a fingerprint yet
        open_at(south, "prosecutor-1", alone, acknowledged=bytes(32))
    for other in (north, losing.shelter):
        south.compare(other.agency)
    with pytest.raises(NotEntitled):
        open_at(south, "prosecutor-1", alone, acknowledged=bytes(32))

    done = recover(south, ["prosecutor-1", "prosecutor-2"], bundles=[alone, joint])
    assert {one.bundle_id for one in done if one.given} == {alone, joint}
    assert read(south, "prosecutor-1", alone) == b"alone"
    assert read_by_two(south, "prosecutor-1", "prosecutor-2", joint) == b"for two"
    losing.sync_all()
    after = numbers(north, alone, south.agency)
    assert after[: len(before)] == before and after == list(range(len(after))) and len(after) > len(before)
    assert "opened" in [one.kind for one in record_of(north, "liaison-1", alone)]
    again = parcel(north, "liaison-1", south, ["prosecutor-1"], (b"again",)).send(south)
    file_all(south, "prosecutor-1", again, new_case(south, "prosecutor-1"))
    for desk in losing.desks.values():
        assert not alarm_kinds(desk) & BAD


# ---- New papers -------------------------------------------------------------------------------------------------


def test_papers_of_a_replaced_recovery_key_still_open_what_was_sealed_before(losing: Field) -> None:
    """A stanza cannot be changed: the old papers stay as valuable as the new ones."""
    north = losing.north
    north.appoint("liaison-9", "liaison")
    losing.sync_all()
    before = parcel(losing.south, "prosecutor-1", north, ["liaison-1"], (b"before",)).send(north)
    seed = os.urandom(32)
    key = recovery.receiving_key(seed).public_key
    with north.office.files.session() as db:
        log = setup.get_identity(db).log
    by_root(north, setup.statement_of(setup.recovery_body(log, north.agency, key, day_of(now()))))
    losing.sync_all()
    with pytest.raises(KeyChanged):  # partners compare again before they send
        parcel(losing.south, "prosecutor-1", north, ["liaison-1"]).send(north)
    for desk in (losing.shelter, losing.south):
        desk.compare(north.agency)
    after = parcel(losing.south, "prosecutor-1", north, ["liaison-1"], (b"after",)).send(north)
    papers = {"old": north.papers["recovery"], "new": recovery.split_on_paper(seed, 2, 2)}
    for name, opens, stays in (("new", after, before), ("old", before, after)):
        act = signed(north, propose(north, ["liaison-9"], bundles=[before, after]))
        done = {one.bundle_id: one for one in carry_out(north, act, papers[name])}
        assert done[opens].given == (north.handle("liaison-9"),)
        assert done[stays].refusal == recovered.UNSEALED
    for bundle, content in ((before, b"before"), (after, b"after")):
        assert read(north, "liaison-9", bundle) == content
