"""The verdict on the log: what it says in each state, and that it never says whole when it is not."""

import json
from collections.abc import Callable

import pytest

from errors import AmparoError
from exchange import log_health
from exchange.log_health import HOUR_SECONDS, LATE_SECONDS, OLD_SECONDS, Box, Health, Verdict, Watch
from exchange.models import Alarm, CheckpointRow
from exchange.office import raise_alarm
from exchange.sync import export_alarm
from tests.support.field import DeskAt, Field, now


def look(desk: DeskAt, at: int | None = None) -> Health:
    with desk.office.files.session() as db:
        return log_health.look(db, desk.office, now=at or now())


def after(desk: DeskAt, change: Callable[[object], None], at: int | None = None) -> Health:
    """The verdict after a change that is undone again."""
    with desk.office.files.session() as db:
        change(db)
        db.flush()
        found = log_health.look(db, desk.office, now=at or now())
        db.rollback()
        return found


@pytest.fixture(scope="module")
def north(field: Field) -> DeskAt:
    field.sync_all()
    return field.north


def test_a_log_that_all_have_confirmed_is_whole(north: DeskAt) -> None:
    found = look(north)
    assert found.verdict is Verdict.WHOLE
    assert (found.confirmed, found.needed) == (3, 2)
    assert [one.agency for one in found.confirmations] == ["north-police", "shelter-ngo", "south-prosecutor"]
    assert all(one.at is not None and one.size == found.size for one in found.confirmations)
    assert found.published_at is not None


def test_a_stopped_desk_says_stop_and_nothing_else_counts(north: DeskAt) -> None:
    def stop(db: object) -> None:
        north.office.log(db).is_stopped = True  # type: ignore[arg-type]

    assert after(north, stop, now() + 10 * OLD_SECONDS).verdict is Verdict.STOPPED
    assert look(north).verdict is Verdict.WHOLE


def test_a_look_that_is_long_ago_says_nothing_of_now(north: DeskAt) -> None:
    at = look(north).synced_at
    assert look(north, at + OLD_SECONDS).verdict is Verdict.WHOLE
    assert look(north, at + OLD_SECONDS + 1).verdict is Verdict.OLD


@pytest.mark.parametrize("kind", sorted(log_health.ABOUT_LOG))
def test_an_open_alarm_about_the_log_is_in_the_verdict(north: DeskAt, kind: str) -> None:
    made = after(north, lambda db: raise_alarm(db, kind, "log entry 3", {}, now=now()))  # type: ignore[arg-type, return-value]
    assert made.verdict is Verdict.ALARM
    assert made.open_alarms == look(north).open_alarms + 1


def test_an_alarm_about_something_else_is_not(north: DeskAt) -> None:
    made = after(north, lambda db: raise_alarm(db, "open-failed", "log entry 3", {}, now=now()))  # type: ignore[arg-type, return-value]
    assert made.verdict is Verdict.WHOLE
    assert made.open_alarms == look(north).open_alarms + 1


def test_an_alarm_that_was_looked_at_frees_the_verdict_but_a_missing_entry_stays(north: DeskAt) -> None:
    def seen(kind: str) -> Callable[[object], None]:
        def change(db: object) -> None:
            raise_alarm(db, kind, "log entry 3", {}, now=now()).seen_by = "north-police/liaison-1"  # type: ignore[arg-type]

        return change

    assert after(north, seen("withheld")).verdict is Verdict.WHOLE
    assert after(north, seen("own-entry-missing")).verdict is Verdict.ALARM


def test_new_entries_that_one_agency_does_not_confirm_make_it_late_and_two_unconfirmed(field: Field) -> None:
    """Shelter and south do not look; the log goes on; time passes."""
    north = field.north
    north.appoint("liaison-8", "liaison")
    north.sync()
    at = look(north).published_at or 0
    assert look(north, at + 1).verdict is Verdict.WHOLE  # they have half an hour
    late = look(north, at + LATE_SECONDS + 1)
    assert late.verdict is Verdict.OLD  # the desk itself would have to look again
    with north.office.files.session() as db:
        north.office.log(db).synced_at = at + LATE_SECONDS
    assert look(north, at + LATE_SECONDS + 1).verdict is Verdict.UNCONFIRMED
    assert look(north, at + LATE_SECONDS + 1).late == ("shelter-ngo", "south-prosecutor")
    field.south.sync()
    north.sync()
    with north.office.files.session() as db:
        north.office.log(db).synced_at = at + LATE_SECONDS
    found = look(north, at + LATE_SECONDS + 60)
    assert (found.verdict, found.late, found.confirmed) == (Verdict.LATE, ("shelter-ngo",), 2)
    field.sync_all()
    assert look(north).verdict is Verdict.WHOLE


def test_what_is_remembered_is_what_is_read_anew(field: Field) -> None:
    """The rail asks at every page; what it remembers goes with the log."""
    north, watch = field.north, Watch()
    for _ in range(2):
        with north.office.files.session() as db:
            assert watch.look(db, north.office, now=now()) == log_health.look(db, north.office, now=now())
    north.appoint("liaison-9", "liaison")
    north.sync()
    with north.office.files.session() as db:
        assert watch.look(db, north.office, now=now()) == log_health.look(db, north.office, now=now())


def test_the_last_day_shows_each_hour_and_agency(field: Field) -> None:
    north = field.north
    field.sync_all()
    at = now()
    with north.office.files.session() as db:
        hours = log_health.last_day(db, north.office, now=at)
        later = log_health.last_day(db, north.office, now=at + 5 * HOUR_SECONDS)
        long_after = log_health.last_day(db, north.office, now=at + 30 * HOUR_SECONDS)
    assert len(hours) == 24
    assert hours[-1].begin <= at < hours[-1].begin + HOUR_SECONDS
    newest = [one for one in hours if Box.IN_TIME in one.boxes.values()]
    assert newest
    assert set(newest[-1].boxes) == {"north-police", "shelter-ngo", "south-prosecutor"}
    assert all(box is Box.QUIET for box in hours[0].boxes.values())
    assert [one.boxes for one in later if one.begin == newest[-1].begin] == [newest[-1].boxes]
    assert {box for one in long_after for box in one.boxes.values()} == {Box.QUIET}


def test_an_agency_that_does_not_confirm_is_missing_in_that_hour(field: Field) -> None:
    north = field.north
    north.appoint("liaison-10", "liaison")
    north.sync()
    at = look(north).published_at or 0
    with north.office.files.session() as db:
        soon = log_health.last_day(db, north.office, now=at + 60)
        late = log_health.last_day(db, north.office, now=at + LATE_SECONDS + 60)
    begin = at - at % HOUR_SECONDS
    assert next(one for one in soon if one.begin == begin).boxes["south-prosecutor"] is Box.WAITS
    assert next(one for one in late if one.begin == begin).boxes["south-prosecutor"] is Box.MISSING
    assert next(one for one in late if one.begin == begin).boxes["north-police"] is Box.IN_TIME
    field.sync_all()


def test_a_checkpoint_that_was_altered_on_the_disk_is_not_shown(north: DeskAt) -> None:
    with north.office.files.session() as db:
        row = db.get(CheckpointRow, north.office.log(db).size)
        assert row is not None
        row.note = row.note.replace(b"\n" + str(row.size).encode() + b"\n", b"\n" + str(row.size + 1).encode() + b"\n")
        with pytest.raises(AmparoError):
            log_health.look(db, north.office, now=now())
        db.rollback()


def test_alarms_keep_their_evidence(north: DeskAt) -> None:
    with north.office.files.session() as db:
        made = raise_alarm(db, "open-failed", "aa 1", {"code": "x"}, now=now())
        number = made.alarm_id
    assert export_alarm(north.office, number) == {"v": 1, "kind": "open-failed", "code": "x"}
    with north.office.files.session() as db:
        assert json.loads(db.get_one(Alarm, number).evidence)["kind"] == "open-failed"
