"""A broker that lost its halves: what is live is sealed again and opens, flags come back, what is destroyed stays."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from crypto.header import parse_header
from errors import Conflict, HalfLost, NotFound, ReleaseDestroyed
from exchange import arrivals, delivery, opening, reading, registers, renewal
from exchange.models import HandleOrder
from tests.support.field import Field, now, with_field
from tests.support.traffic import Parcel, ask_at, flag, open_at, parcel, record_of


@pytest.fixture(scope="module")
def loser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """A network of its own: its broker loses what it has."""
    with with_field(tmp_path_factory.mktemp("loser")) as made:
        yield made


def _lose(field: Field, bundles: Sequence[bytes]) -> None:
    """The halves of these bundles are gone from the broker's store."""
    path = Path(field.settings.halves_url.removeprefix("sqlite:///"))
    with field.north.office.files.session() as db:
        digests = [arrivals.get_stored(db, one).header_digest for one in bundles]
    with sqlite3.connect(path, timeout=30) as store:
        for digest in digests:
            assert store.execute("delete from stored_half where header_digest = ?", (digest,)).rowcount == 1
    store.close()


def _parcel(field: Field, **more: object) -> Parcel:
    return parcel(field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"], **more)  # type: ignore[arg-type]


def _again(field: Field, made: Parcel, lost: bytes) -> bytes:
    fresh = renewal.seal_again(field.north.office, made.officer, lost, made.sources, now=now())
    delivery.send(field.north.office, fresh, now=now())
    field.south.sync()
    return fresh


def test_what_was_lost_is_told_to_the_sender_sealed_again_and_opens(loser: Field) -> None:
    made = _parcel(loser, data=(b"one", b"two"))
    lost = made.send(loser.south)
    other = _parcel(loser).send(loser.south)
    _lose(loser, [lost])
    with pytest.raises(HalfLost):
        open_at(loser.south, "prosecutor-1", lost)
    loser.north.sync()
    with loser.north.office.files.session() as db:
        assert [one.bundle_id for one in renewal.list_lost(db)] == [lost]
    acts = record_of(loser.north, "liaison-1", lost)
    assert [one.kind for one in acts][1:] in (
        ["open-requested", "half-lost-notice", "open-failed"], ["open-requested", "open-failed", "half-lost-notice"],
    )  # fmt: skip
    fresh = _again(loser, made, lost)
    seen = reading.preview(loser.south.office, loser.south.officer("prosecutor"), fresh, now=now())
    assert seen.cover.replaces == lost
    with open_at(loser.south, "prosecutor-1", fresh) as found:
        assert [b"".join(found.read(at)) for at in (1, 2)] == [b"one", b"two"]
    open_at(loser.south, "prosecutor-1", other).close()  # what was not lost opens as before
    with loser.north.office.files.session() as db:
        assert renewal.replacement_of(db, made.officer, lost) == fresh
    with pytest.raises(Conflict):
        renewal.composition_of(loser.north.office, made.officer, lost)


def test_only_the_sender_seals_again_and_only_what_was_lost(loser: Field) -> None:
    made = _parcel(loser)
    kept = made.send(loser.south)
    with pytest.raises(Conflict):
        renewal.composition_of(loser.north.office, made.officer, kept)
    with pytest.raises(NotFound):
        renewal.composition_of(loser.south.office, loser.south.officer("prosecutor"), kept)
    claims = _parcel(loser, replaces=kept)
    with pytest.raises(Conflict):
        claims.seal()


def test_flags_come_back_from_the_desks_that_raised_them(loser: Field) -> None:
    made = _parcel(loser, flags=(flag("no-export", "P-1"),))
    lost = made.send(loser.south)
    registers.raise_flag(
        loser.south.office, loser.south.officer("prosecutor"), lost, flag("no-contact", "P-2"), now=now()
    )
    loser.north.sync()
    registers.raise_flag(loser.north.office, made.officer, lost, flag("dual-control", "P-3"), now=now())
    loser.south.sync()
    _lose(loser, [lost])
    with pytest.raises(HalfLost):
        _ask_until_lost(loser, lost)
    loser.north.sync()
    fresh = _again(loser, made, lost)
    officer = loser.south.officer("prosecutor")
    assert renewal.raise_all_again(loser.south.office, officer, now=now()) == 1
    assert renewal.raise_all_again(loser.south.office, officer, now=now()) == 0
    seen = reading.preview(loser.south.office, officer, fresh, now=now())
    assert {(one["pseudonym"], one["instruction"], one["raiser"]) for one in seen.flags} == {
        ("P-1", "no-export", "north-police"), ("P-3", "dual-control", "north-police"),
        ("P-2", "no-contact", "south-prosecutor"),
    }  # fmt: skip


def _ask_until_lost(field: Field, lost: bytes) -> None:
    """A dual-control flag stands on it, so two ask; the broker notices then."""
    approval = ask_at(field.south, "prosecutor-1", lost)
    opening.approve_opening(field.south.office, field.south.officer("prosecutor-2"), approval, now=now())
    open_at(field.south, "prosecutor-1", lost, approval_id=approval)


def test_what_was_destroyed_is_not_sealed_again(loser: Field) -> None:
    made = _parcel(loser)
    lost = made.send(loser.south)
    _lose(loser, [lost])
    with pytest.raises(HalfLost):
        open_at(loser.south, "prosecutor-1", lost)
    loser.north.sync()
    with loser.north.office.files.session() as db:
        handle = parse_header(arrivals.get_stored(db, lost).header).handles[0]
        db.add(
            HandleOrder(
                handle=handle, log_index=10**6, kind="handle-destroyed", agency="north-police", one_time_key=None,
                items=0, state="noted", bundle_ids=lost,
            )
        )  # fmt: skip
    with pytest.raises(ReleaseDestroyed):
        renewal.seal_again(loser.north.office, made.officer, lost, made.sources, now=now())
    with loser.north.office.files.session() as db:
        db.delete(db.get_one(HandleOrder, (handle, 10**6)))
    with open_at(loser.south, "prosecutor-1", _again(loser, made, lost)) as found:
        assert b"".join(found.read(1)) == b"evidence"
