"""What an officer sees of her own use, what her answers do, and that others see counts alone."""

from collections import Counter

import pytest

from agencies import members, own_papers, sign_ins
from agencies.models import OwnPaper, SignInNote
from agencies.unusual import Sign, Use
from crypto.encoding import parse_json
from errors import NotFound, PassphraseWrong
from exchange import comparing, own_use
from exchange.models import Alarm
from exchange.office import list_alarms
from exchange.own_use import OneUse
from identity.models import Reidentification
from tests.support.field import WORDS, DeskAt, Field, now
from tests.support.traffic import open_at, parcel

DAY = own_use.DAY_SECONDS


@pytest.fixture(scope="module", autouse=True)
def _by_day(field: Field) -> None:
    """The sign-ins that made this field may have been by night; they must not stand out in what follows."""
    for desk in field.desks.values():
        with desk.office.files.session() as db:
            db.query(SignInNote).delete()


@pytest.fixture(scope="module")
def north(field: Field) -> DeskAt:
    return field.north


def noon() -> int:
    """Yesterday at noon, so that nothing stands out by the hour."""
    return now() // DAY * DAY - DAY // 2


def note(desk: DeskAt, word: str, result: str, at: int, times: int = 1) -> None:
    with desk.office.files.session() as db:
        for number in range(times):
            db.add(SignInNote(officer=desk.handle(word), result=result, at=at + number))


def asked(desk: DeskAt, word: str) -> list[own_use.Asked]:
    with desk.office.files.session() as db:
        return own_use.findings(db, desk.office, desk.officer(word), now=now())


def uses(desk: DeskAt, word: str) -> list[OneUse]:
    with desk.office.files.session() as db:
        return own_use.uses_of(db, desk.handle(word), now=now())


def test_sign_ins_and_failed_tries_are_listed_as_they_were(north: DeskAt) -> None:
    before = Counter((one.use, one.detail) for one in uses(north, "liaison-2"))
    members.sign_in(north.office.files, north.handle("liaison-2"), WORDS, now=now()).lock()
    with pytest.raises(PassphraseWrong):
        members.sign_in(north.office.files, north.handle("liaison-2"), "other words of four", now=now())
    found = Counter((one.use, one.detail) for one in uses(north, "liaison-2"))
    assert found - before == Counter([(Use.SIGN_IN, sign_ins.OPEN), (Use.FAILED, sign_ins.PASSPHRASE)])


def test_an_opening_is_listed_for_who_opened_and_for_nobody_else(field: Field) -> None:
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"], (b"content",)).send(field.south)
    open_at(field.south, "prosecutor-1", bundle)
    assert [one.use for one in uses(field.south, "prosecutor-1")].count(Use.OPENING) == 1
    assert [one.use for one in uses(field.south, "prosecutor-2")].count(Use.OPENING) == 0


def test_names_asked_for_are_counted_and_stand_out_when_there_are_many(north: DeskAt) -> None:
    with north.office.files.session() as db:
        for number in range(20):
            db.add(
                Reidentification(
                    case_id=bytes(16),
                    person_id=bytes(16),
                    officer=north.handle("liaison-2"),
                    at=noon() + number,
                    reason=b"sealed",
                )
            )
    assert [one.use for one in uses(north, "liaison-2")].count(Use.NAME) == 20
    assert Sign.NAMES in [one.finding.sign for one in asked(north, "liaison-2")]


def test_what_is_older_than_the_days_looked_at_is_left_out(north: DeskAt) -> None:
    note(north, "auditor-1", sign_ins.FACTOR, noon() - 40 * DAY, 9)
    assert Use.FAILED not in [one.use for one in uses(north, "auditor-1")]
    assert asked(north, "auditor-1") == []
    note(north, "auditor-1", sign_ins.FACTOR, noon(), 9)  # control
    assert [one.finding.sign for one in asked(north, "auditor-1")] == [Sign.FAILURES]


def test_this_was_me_is_kept_for_the_officer_alone_and_more_of_it_asks_again(north: DeskAt) -> None:
    note(north, "liaison-1", sign_ins.PASSPHRASE, noon(), 5)
    (first,) = asked(north, "liaison-1")
    assert first.answer is None
    own_use.confirm(north.office, north.officer("liaison-1"), first.finding.key, now=now())
    (answered,) = asked(north, "liaison-1")
    assert answered.answer == own_use.ME
    with north.office.files.session() as db:
        assert list_alarms(db) == []
        rows = db.query(OwnPaper).filter_by(kind=own_use.KIND).all()
        assert [row.officer for row in rows] == ["north-police/liaison-1"]
        assert b"failures" not in rows[0].sealed
        with pytest.raises(NotFound):
            own_papers.read(db, north.officer("liaison-2"), rows[0].paper_id, own_use.KIND)
    note(north, "liaison-1", sign_ins.PASSPHRASE, noon() + 100)
    (again,) = asked(north, "liaison-1")
    assert again.answer is None
    with pytest.raises(NotFound):
        own_use.confirm(north.office, north.officer("liaison-1"), first.finding.key, now=now())


def test_this_was_not_me_is_an_alarm_that_names_the_officer_and_no_content(north: DeskAt) -> None:
    note(north, "supervisor-1", sign_ins.FACTOR, noon(), 6)
    (found,) = asked(north, "supervisor-1")
    made = own_use.deny(north.office, north.officer("supervisor-1"), found.finding.key, now=now())
    with north.office.files.session() as db:
        alarm = db.get_one(Alarm, made.alarm_id)
        assert (alarm.kind, alarm.seen_by) == ("not-me", None)
        assert alarm.subject == f"north-police/supervisor-1 {found.finding.key}"
        assert set(parse_json(alarm.evidence)) == {"v", "kind", "officer", "sign", "on", "count", "first", "last"}
    assert [one.answer for one in asked(north, "supervisor-1")] == [own_use.NOT_ME]


def test_both_answers_stay_and_each_is_the_one_that_was_given(north: DeskAt) -> None:
    note(north, "administrator-2", sign_ins.FACTOR, noon(), 6)
    note(north, "administrator-2", sign_ins.FACTOR, noon() - 3 * DAY, 7)
    first, second = asked(north, "administrator-2")
    officer = north.officer("administrator-2")
    own_use.confirm(north.office, officer, first.finding.key, now=now())
    own_use.deny(north.office, officer, second.finding.key, now=now())
    assert [one.answer for one in asked(north, "administrator-2")] == [own_use.ME, own_use.NOT_ME]


def test_nobody_answers_what_was_not_asked(north: DeskAt) -> None:
    for key in ("", "names-2031-05-04-20", "../x", "failures"):
        for call in (own_use.confirm, own_use.deny):
            with pytest.raises(NotFound):
                call(north.office, north.officer("liaison-1"), key, now=now())


def test_counts_are_numbers_of_every_officer(field: Field) -> None:
    south = field.south
    note(south, "supervisor-1", sign_ins.FACTOR, noon(), 6)
    own_use.deny(south.office, south.officer("supervisor-1"), asked(south, "supervisor-1")[0].finding.key, now=now())
    with south.office.files.session() as db:
        counts = {one.officer: one for one in own_use.count_all(db, south.office, now=now())}
    assert set(counts) == {south.handle(word) for word in south.officers}
    one = counts["south-prosecutor/supervisor-1"]
    assert (one.failed, one.unusual, one.denied, one.has_left) == (6, 1, 1, False)
    assert counts["south-prosecutor/prosecutor-1"].openings == 1
    assert counts["south-prosecutor/prosecutor-2"].denied == 0


def test_a_difference_is_an_alarm_each_time_it_is_found(field: Field) -> None:
    """The first may have been looked at long ago."""
    shelter, officer = field.shelter, field.shelter.officer("case-worker")
    with shelter.office.files.session() as db:
        directory = shelter.office.directory(db)
        shown = comparing.comparison.fingerprint_of(directory, "north-police")
    for said, expected in (("different", 1), ("same", 1), ("different", 2), ("same", 2)):
        comparing.answer(
            shelter.office, officer, "north-police", shown=shown, said=said, how="phone", now=now()
        )  # fmt: skip
        with shelter.office.files.session() as db:
            alarms = [one for one in list_alarms(db) if one.kind == comparing.ROOT_DIFFERS]
            assert len(alarms) == expected
            assert all(one.subject.startswith("north-police ") for one in alarms)
