"""A broker that comes back from an old copy: the desks bring the log back, and what was held or lost stays so."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from broker.copies import make_copy, restore_copy
from errors import LogForked, Recovering, ReleaseHeld
from exchange import delivery, reading, registers, renewal, withdrawals
from exchange.models import Alarm, LogState
from exchange.office import log_keys
from tests.support.field import DeskAt, Field, now, with_field
from tests.support.traffic import Parcel, flag, open_at, parcel, record_of
from tests.unit.exchange.test_withdrawals import open_at_south, share_with_consent


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[Field]:
    """A network of its own: its broker loses its database."""
    with with_field(tmp_path / "field") as made:
        yield made


def _parcel(field: Field, **more: object) -> Parcel:
    return parcel(field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"], **more)  # type: ignore[arg-type]


def lose_database(field: Field) -> None:
    """kill -9, and the main database is gone; keys, halves and ciphertext are there."""
    field.broker.kill()
    for path in field.settings.data_dir.glob("broker.sqlite*"):
        path.unlink()


def log_size(desk: DeskAt) -> int:
    with desk.office.files.session() as db:
        return desk.office.log(db).size


def alarms(desk: DeskAt) -> set[str]:
    with desk.office.files.session() as db:
        return set(db.scalars(select(Alarm.kind)))


def state_of(desk: DeskAt) -> LogState:
    with desk.office.files.session() as db:
        return desk.office.log(db)


def test_the_desks_bring_back_what_a_restored_broker_lost(restored: Field, tmp_path: Path) -> None:
    """Openings, flags and events of the lost time stand where they stood; what was deposited in it is sealed again."""
    field = restored
    old, flagged = _parcel(field).send(field.south), _parcel(field).send(field.south)
    make_copy(field.settings, tmp_path / "copy")
    open_at(field.south, "prosecutor-1", old).close()
    registers.raise_flag(field.north.office, field.north.officer("liaison"), flagged, flag("no-contact"), now=now())
    late = _parcel(field, data=(b"late",))
    lost = late.send(field.south)
    open_at(field.south, "prosecutor-1", lost).close()
    field.sync_all()
    before = log_size(field.north)
    acts = [one.kind for one in record_of(field.north, "liaison-1", old)]
    lose_database(field)
    assert restore_copy(field.settings, tmp_path / "copy") < before
    field.broker.start()

    assert field.north.sync().problems == {"broker": "recovering"}
    with pytest.raises(Recovering):
        open_at(field.south, "prosecutor-2", old)
    assert field.shelter.sync().problems == {"broker": "recovering"}
    assert not field.south.sync().problems
    field.sync_all()

    assert log_size(field.north) >= before
    for desk in field.desks.values():
        assert not alarms(desk) & {"log-rollback", "log-fork", "event-refused", "own-entry-missing"}
        assert "broker-restored" in alarms(desk)
        assert state_of(desk).restored_from is None
        assert not state_of(desk).is_stopped
    assert [one.kind for one in record_of(field.north, "liaison-1", old)] == acts
    assert len(field.north.office.client.bundle(old)) > 3
    logged = [one["index"] for one in field.north.office.client.bundle_events(old)]
    assert logged == sorted(logged)
    assert len(logged) == len(acts)
    open_at(field.south, "prosecutor-2", old).close()
    seen = reading.preview(field.south.office, field.south.officer("prosecutor"), flagged, now=now())
    assert [one["instruction"] for one in seen.flags] == ["no-contact"]

    with field.north.office.files.session() as db:
        assert [one.bundle_id for one in renewal.list_lost(db)] == [lost]
    fresh = renewal.seal_again(field.north.office, late.officer, lost, late.sources, now=now())
    delivery.send(field.north.office, fresh, now=now())
    field.south.sync()
    with open_at(field.south, "prosecutor-1", fresh) as found:
        assert b"".join(found.read(1)) == b"late"


def test_a_hold_of_the_lost_time_holds_at_once(restored: Field, tmp_path: Path) -> None:
    """A copy from before the hold must not release what was held; before the hold it opened."""
    field = restored
    made = share_with_consent(field)
    open_at_south(field, made).close()
    make_copy(field.settings, tmp_path / "copy")
    worker = field.shelter.officer("case-worker")
    withdrawals.hold(field.shelter.office, worker, made.case_id, made.record_id, reason="she asks", now=now())
    field.sync_all()
    lose_database(field)
    restore_copy(field.settings, tmp_path / "copy")
    field.broker.start()
    assert field.shelter.sync().problems == {"broker": "recovering"}
    state = field.shelter.office.client.bundle(made.bundle_id)["state"]
    assert state == "held"
    field.sync_all(3)
    with pytest.raises(ReleaseHeld):
        open_at_south(field, made)


def test_a_broker_that_goes_back_without_saying_so_is_stopped(restored: Field, tmp_path: Path) -> None:
    """The control: the same copy put in place by hand, with the memory of what was signed taken away."""
    field = restored
    make_copy(field.settings, tmp_path / "copy")
    _parcel(field).send(field.south)
    field.sync_all()
    lose_database(field)
    shutil.copyfile(tmp_path / "copy" / "broker.sqlite", field.settings.data_dir / "broker.sqlite")
    signed = field.settings.data_dir / "signed.slots"
    signed.write_bytes(bytes(signed.stat().st_size))
    field.broker.start()
    with pytest.raises(LogForked):
        field.north.sync()
    assert "log-rollback" in alarms(field.north)
    assert state_of(field.north).is_stopped
    assert len(log_keys(state_of(field.north))) == 2
