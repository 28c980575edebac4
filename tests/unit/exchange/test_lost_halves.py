"""A broker whose halves were lost: senders are told, seal again, what is live opens again, what was destroyed never.

The store's file is deleted from the disk while the broker is down, and the broker comes back by its own commands.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from errors import (
    AmparoError,
    BundleExpired,
    Conflict,
    HalfLost,
    ReleaseDestroyed,
    ReleaseHeld,
)
from exchange import approvals, delivery, reading, registers, renewal, sharing, withdrawals
from exchange.office import list_alarms
from tests.support.departures import new_case, parcel_for_two, read, read_by_two, send_for_two, share_person, withdraw
from tests.support.desk_commands import Commands
from tests.support.field import DeskAt, Field, now, with_field
from tests.support.traffic import Parcel, flag, open_at, parcel


@dataclass
class Before:
    """What was sent before the halves were lost."""

    live: Parcel
    live_id: bytes
    flagged: Parcel
    flagged_id: bytes
    joint: Parcel
    joint_id: bytes
    expired_id: bytes
    case_id: bytes
    destroyed: tuple[bytes, bytes]  # consent record, bundle
    held: tuple[bytes, bytes]
    doomed: tuple[bytes, bytes]


@pytest.fixture(scope="module")
def loser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("halves")) as made:
        yield made


@pytest.fixture(scope="module")
def before(loser: Field) -> Before:
    north, shelter, south = loser.north, loser.shelter, loser.south
    live = parcel(north, "liaison-1", south, ["prosecutor-1"], (b"live", b"second"))
    flagged = parcel(north, "liaison-1", south, ["prosecutor-1"], (b"flagged",), flags=(flag("no-export", "P-1"),))
    joint = parcel_for_two(loser, ["prosecutor-1", "prosecutor-2"])
    case_id = new_case(shelter, "case-worker-1", "case-worker-2")
    made = Before(
        live, live.send(south), flagged, flagged.send(south), joint, send_for_two(loser, joint),
        parcel(north, "liaison-1", south, ["prosecutor-1"]).send(south), case_id,
        *(share_person(shelter, "case-worker-1", case_id, south) for _ in range(3)),
    )  # fmt: skip
    registers.raise_flag(
        south.office, south.officer("prosecutor-1"), made.flagged_id, flag("no-contact", "P-2"), now=now()
    )
    loser.sync_all()
    # The control: everything opens while the halves are there.
    for bundle in (made.live_id, made.flagged_id, made.expired_id, made.destroyed[1], made.held[1], made.doomed[1]):
        open_at(south, "prosecutor-1", bundle).close()
    assert read_by_two(south, "prosecutor-1", "prosecutor-2", made.joint_id) == b"for two"
    withdraw(shelter, "case-worker-1", "case-worker-2", case_id, made.destroyed[0])
    withdrawals.hold(shelter.office, shelter.officer("case-worker-1"), case_id, made.held[0], reason="wait", now=now())
    loser.sync_all()
    return made


def lose_halves(field: Field, over: bytes) -> None:
    """The broker is down, and the file of its halves is deleted; the term of one bundle is over meanwhile."""
    files = list(field.settings.data_dir.glob("halves.sqlite*"))
    assert files
    for path in files:
        path.unlink()
    with sqlite3.connect(field.settings.data_dir / "broker.sqlite") as database:
        row = database.execute("update bundle set expires_at = 1 where bundle_id = ?", (over,))
        assert row.rowcount == 1
    database.close()


def lost_of(desk: DeskAt) -> set[bytes]:
    with desk.office.files.session() as db:
        return {one.bundle_id for one in renewal.list_lost(db)}


def seal_again(desk: DeskAt, word: str, lost: bytes, parcel_: Parcel | None = None) -> bytes:
    """With the files of the parcel, or those of the case; for two, a colleague approves it."""
    officer = desk.officer(word)
    made = renewal.composition_of(desk.office, officer, lost, now=now())
    sources = parcel_.sources if parcel_ is not None else sharing.sources(desk.office, officer, made)
    fresh = renewal.seal_again(desk.office, officer, lost, sources, now=now())
    delivery.send(desk.office, fresh, now=now())
    return fresh


def test_a_broker_without_its_halves_says_what_to_do_and_starts_again_by_its_own_commands(
    loser: Field, before: Before
) -> None:
    broker = loser.broker
    running = broker.command("new-halves", "--lose-what-is-gone")
    assert running.returncode == 1 and "another broker process" in running.stderr
    assert broker.stop() == 0
    keys = loser.settings.store_key_file.read_bytes()
    kept = broker.command("new-halves", "--lose-what-is-gone")  # the halves are there: nothing is thrown away
    assert kept.returncode == 0 and "is there and opens" in kept.stdout and "\n0 bundles are lost" in kept.stdout
    assert loser.settings.store_key_file.read_bytes() == keys
    lose_halves(loser, before.expired_id)
    for words in (("serve",), ("status",)):
        failed = broker.command(*words)
        assert failed.returncode == 1, failed.stderr
        assert "amparo broker new-halves" in failed.stderr and "Traceback" not in failed.stderr
    assert broker.command("new-halves").returncode == 2  # it is said that one knows what is lost by it
    done = broker.command("new-halves", "--lose-what-is-gone")
    assert done.returncode == 0, done.stderr
    assert "5 bundles are lost" in done.stdout
    again = broker.command("new-halves", "--lose-what-is-gone")
    assert "is there and opens" in again.stdout and "\n0 bundles are lost" in again.stdout
    broker.start()
    loser.sync_all()

    assert lost_of(loser.north) == {before.live_id, before.flagged_id, before.joint_id}
    assert lost_of(loser.shelter) == {before.held[1], before.doomed[1]}
    for desk in (loser.north, loser.shelter):
        with desk.office.files.session() as db:
            told = {one.subject for one in list_alarms(db) if one.kind == "half-lost"}
        assert told == {one.hex() for one in lost_of(desk)}


def test_what_is_live_is_sealed_again_and_opens_and_nothing_else_does(
    loser: Field, before: Before, tmp_path: Path
) -> None:
    north, shelter, south = loser.north, loser.shelter, loser.south
    closed: list[tuple[bytes, type[AmparoError]]] = [
        (before.live_id, HalfLost), (before.flagged_id, HalfLost), (before.doomed[1], HalfLost),
        (before.held[1], ReleaseHeld), (before.destroyed[1], ReleaseDestroyed), (before.expired_id, BundleExpired),
    ]  # fmt: skip
    for bundle, kind in closed:
        with pytest.raises(kind):
            open_at(south, "prosecutor-1", bundle)
    withdraw(shelter, "case-worker-1", "case-worker-2", before.case_id, before.doomed[0])
    loser.sync_all()
    for desk, word, bundle, kind in (
        (shelter, "case-worker-1", before.destroyed[1], Conflict),
        (shelter, "case-worker-1", before.doomed[1], AmparoError),
        (shelter, "case-worker-1", before.held[1], ReleaseHeld),
        (north, "liaison-1", before.expired_id, Conflict),
    ):
        with pytest.raises(kind):
            seal_again(desk, word, bundle)

    fresh = {
        before.live_id: seal_again(north, "liaison-1", before.live_id, before.live),
        before.flagged_id: seal_again(north, "liaison-1", before.flagged_id, before.flagged),
        before.joint_id: seal_joint_again(north, before.joint_id, before.joint),
    }
    asked = withdrawals.ask_lifting(
        shelter.office, shelter.officer("case-worker-1"), before.case_id, before.held[0], now=now()
    )
    with shelter.office.files.session() as db:
        approvals.grant(db, shelter.officer("case-worker-2"), asked, now=now())
    withdrawals.lift(
        shelter.office, shelter.officer("case-worker-1"), before.case_id, before.held[0], approval_id=asked, now=now()
    )
    loser.sync_all()
    fresh[before.held[1]] = seal_again(shelter, "case-worker-1", before.held[1])
    loser.sync_all()

    commands = Commands(loser, south, tmp_path / "south")
    assert commands.do("raise-again", by="prosecutor-1") == {"flags": 1}
    assert commands.do("raise-again", by="prosecutor-1") == {"flags": 0}
    listed = Commands(loser, north, tmp_path / "north").do("lost", by="liaison-1")
    assert {one["bundle"]: one["sealed_again"] for one in listed} == {
        bundle.hex(): fresh[bundle].hex() for bundle in (before.live_id, before.flagged_id, before.joint_id)
    }

    for lost, bundle in fresh.items():
        seen = reading.preview(south.office, south.officer("prosecutor-1"), bundle, now=now())
        assert seen.cover.replaces == lost
    with open_at(south, "prosecutor-1", fresh[before.live_id]) as found:
        assert [b"".join(found.read(at)) for at in (1, 2)] == [b"live", b"second"]
    assert read(south, "prosecutor-1", fresh[before.flagged_id]) == b"flagged"
    seen = reading.preview(south.office, south.officer("prosecutor-1"), fresh[before.flagged_id], now=now())
    assert {(one["pseudonym"], one["instruction"], one["raiser"]) for one in seen.flags} == {
        ("P-1", "no-export", north.agency), ("P-2", "no-contact", south.agency),
    }  # fmt: skip
    with pytest.raises(AmparoError):
        read(south, "prosecutor-1", fresh[before.joint_id])
    assert read_by_two(south, "prosecutor-1", "prosecutor-2", fresh[before.joint_id]) == b"for two"
    with open_at(south, "prosecutor-1", fresh[before.held[1]]) as found:
        assert len(found.form["persons"]) == 1
    for bundle in (before.destroyed[1], before.doomed[1]):
        with pytest.raises(ReleaseDestroyed):
            open_at(south, "prosecutor-1", bundle)
    # The bundle that took the place of another dies with the same consent.
    withdraw(shelter, "case-worker-1", "case-worker-2", before.case_id, before.held[0])
    loser.sync_all()
    with pytest.raises(ReleaseDestroyed):
        open_at(south, "prosecutor-1", fresh[before.held[1]])


def seal_joint_again(desk: DeskAt, lost: bytes, parcel_: Parcel) -> bytes:
    """Two officers had signed it; two sign it again."""
    officer = desk.officer("liaison-1")
    made = renewal.composition_of(desk.office, officer, lost, now=now())
    approval = delivery.ask_approval(desk.office, officer, made, now=now())
    sources = parcel_.sources
    with pytest.raises(AmparoError):
        renewal.seal_again(desk.office, officer, lost, sources, now=now(), approval_id=approval)
    with desk.office.files.session() as db:
        approvals.grant(db, desk.officer("liaison-2"), approval, now=now())
    fresh = renewal.seal_again(desk.office, officer, lost, sources, now=now(), approval_id=approval)
    delivery.send(desk.office, fresh, now=now())
    return fresh
