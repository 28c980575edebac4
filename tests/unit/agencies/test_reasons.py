"""Questions about the record: between the auditor and the officer alone, answered once."""

from collections.abc import Iterator

import pytest

from agencies import reasons
from agencies.models import AskedReason
from errors import Conflict, FormatError, LimitExceeded, NotFound, NotPermitted
from tests.support.desks import NOW, Desk, Network

QUESTION = "Why at three in the morning? <b>\u202e\U0001f600"


@pytest.fixture
def desk(net: Network, north: Desk) -> Iterator[Desk]:
    for word, role in (("auditor-1", "auditor"), ("liaison-1", "liaison"), ("liaison-2", "liaison")):
        net.appoint(north, word, role)
    yield north


def ask(desk: Desk, line: int = 7) -> bytes:
    with desk.files.session() as db:
        return reasons.ask(db, desk.officer("auditor-1"), line, desk.handle("liaison-1"), QUESTION, now=NOW)


def test_a_question_is_read_and_answered_by_the_two(desk: Desk) -> None:
    number = ask(desk)
    with desk.files.session() as db:
        assert reasons.count_open(db, desk.handle("liaison-1")) == 1
        (mine,) = reasons.to_me(db, desk.officer("liaison-1"))
        assert (mine.question, mine.answer) == (QUESTION, None)
        reasons.answer(db, desk.officer("liaison-1"), number, "A call came in.", now=NOW + 1)
        assert reasons.count_open(db, desk.handle("liaison-1")) == 0
        (put,) = reasons.by_me(db, desk.officer("auditor-1"), 7)
        assert (put.question, put.answer) == (QUESTION, "A call came in.")
        assert reasons.by_me(db, desk.officer("auditor-1"), 8) == []
        with pytest.raises(Conflict):
            reasons.answer(db, desk.officer("liaison-1"), number, "Another answer.", now=NOW + 2)


def test_nobody_else_reads_or_answers_it(desk: Desk) -> None:
    number = ask(desk)
    with desk.files.session() as db:
        assert reasons.get(db, desk.officer("liaison-1"), number).question == QUESTION  # the control
        for word in ("liaison-2", "administrator-1"):
            with pytest.raises(NotFound):
                reasons.get(db, desk.officer(word), number)
            with pytest.raises(NotFound):
                reasons.answer(db, desk.officer(word), number, "x", now=NOW)
        row = db.get_one(AskedReason, number)
        for sealed in (row.question_to_officer, row.question_to_auditor):
            assert QUESTION.encode() not in sealed


def test_what_is_not_acceptable_is_refused(desk: Desk) -> None:
    auditor = desk.officer("auditor-1")
    with desk.files.session() as db:
        with pytest.raises(NotPermitted):
            reasons.ask(db, desk.officer("liaison-2"), 1, desk.handle("liaison-1"), "x", now=NOW)
        with pytest.raises(NotFound):
            reasons.ask(db, auditor, 1, desk.handle("liaison-99"), "x", now=NOW)
        for text, error in ((" ", FormatError), ("x" * (reasons.MOST_SIGNS + 1), LimitExceeded)):
            with pytest.raises(error):
                reasons.ask(db, auditor, 1, desk.handle("liaison-1"), text, now=NOW)
    ask(desk, 1)
    with pytest.raises(Conflict):
        ask(desk, 1)
    ask(desk, 2)
