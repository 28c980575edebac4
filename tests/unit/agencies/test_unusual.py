"""What stands out, and what does not: each rule on both sides of its limit."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from agencies import unusual
from agencies.unusual import Finding, Sign, Use

PARIS = ZoneInfo("Europe/Paris")
LONDON = ZoneInfo("UTC")


def at(text: str, zone: ZoneInfo = LONDON) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def signs(*uses: tuple[Use, int], zone: ZoneInfo = LONDON) -> list[Sign]:
    return [one.sign for one in unusual.find(uses, zone)]


@pytest.mark.parametrize("use", [Use.SIGN_IN, Use.OPENING, Use.NAME])
def test_the_night_begins_at_ten_and_ends_at_six(use: Use) -> None:
    for clock, stands_out in (("21:59", False), ("22:00", True), ("23:30", True), ("05:59", True), ("06:00", False)):
        assert (signs((use, at(f"2031-05-04 {clock}"))) == [Sign.ODD_HOURS]) is stands_out, clock


def test_a_failed_try_at_night_alone_is_no_work_at_night() -> None:
    assert signs((Use.FAILED, at("2031-05-04 03:00"))) == []


def test_odd_hours_are_those_of_the_agency_and_not_of_the_machine() -> None:
    moment = at("2031-05-04 21:30")  # 23:30 in Paris
    assert signs((Use.SIGN_IN, moment)) == []
    assert signs((Use.SIGN_IN, moment), zone=PARIS) == [Sign.ODD_HOURS]


def test_a_night_is_one_thing_though_two_days_share_it() -> None:
    first, last = at("2031-05-04 23:50"), at("2031-05-05 00:10")
    assert unusual.find([(Use.SIGN_IN, last), (Use.SIGN_IN, first)], LONDON) == [
        Finding(Sign.ODD_HOURS, date(2031, 5, 4), 2, first, last)
    ]


def test_two_nights_are_two_things() -> None:
    found = unusual.find(
        [(Use.SIGN_IN, at("2031-05-05 05:00")), (Use.SIGN_IN, at("2031-05-05 22:30"))], LONDON
    )  # fmt: skip
    assert [one.on for one in found] == [date(2031, 5, 5), date(2031, 5, 4)]


@pytest.mark.parametrize(
    ("use", "sign", "least"),
    [
        (Use.FAILED, Sign.FAILURES, unusual.MANY_FAILURES),
        (Use.NAME, Sign.NAMES, unusual.MANY_NAMES),
        (Use.OPENING, Sign.OPENINGS, unusual.MANY_OPENINGS),
    ],
)
def test_many_in_a_day_stand_out_and_one_fewer_does_not(use: Use, sign: Sign, least: int) -> None:
    start = at("2031-05-04 10:00")
    uses = [(use, start + number) for number in range(least)]
    assert signs(*uses[1:]) == []
    assert unusual.find(uses, LONDON) == [Finding(sign, date(2031, 5, 4), least, start, start + least - 1)]


def test_as_many_over_two_days_do_not_stand_out() -> None:
    half = unusual.MANY_FAILURES - 1
    for day in ("2031-05-04", "2031-05-05"):
        assert signs(*[(Use.FAILED, at(f"{day} 10:00") + one) for one in range(half)]) == []
    both = [(Use.FAILED, at(f"{day} 10:00") + one) for day in ("2031-05-04", "2031-05-05") for one in range(half)]
    assert signs(*both) == []


def test_sign_ins_by_day_never_stand_out() -> None:
    assert signs(*[(Use.SIGN_IN, at("2031-05-04 10:00") + one) for one in range(100)]) == []


def test_more_of_the_same_is_a_new_question() -> None:
    """What was answered is not taken for answered when more follows."""
    start = at("2031-05-04 10:00")
    few = unusual.find([(Use.FAILED, start + one) for one in range(5)], LONDON)[0]
    more = unusual.find([(Use.FAILED, start + one) for one in range(6)], LONDON)[0]
    assert few.key == "failures-2031-05-04-5"
    assert few.key != more.key


def test_the_newest_comes_first_in_whatever_order_they_were_given() -> None:
    times = [int(datetime(2031, 5, day, 23, tzinfo=UTC).timestamp()) for day in (3, 9, 5)]
    found = unusual.find([(Use.SIGN_IN, one) for one in times], LONDON)
    assert [one.on.day for one in found] == [9, 5, 3]
