"""Appointments and proposals: who may, what is refused, and that nothing counts before two have signed."""

import pytest

from agencies import appointments, factors, proposals, succession
from agencies.appointments import appoint, parse_order
from agencies.models import Member
from agencies.rights import MEANINGS, RIGHTS
from crypto import labels
from errors import Conflict, FormatError, KeyUnusable, NotFound, NotPermitted, PassphraseWrong, SetUpUnfinished
from tests.support.desks import CHEAP, NOW, WORDS, Desk, Network

DAY = "2031-02-01"


def begin(desk: Desk, word: str, *roles: str, by: str = "administrator-1") -> tuple[bytes, str]:
    with desk.files.session() as db:
        row, code = appoint(
            db, desk.officer(by), desk.handle(word), roles, order="ORD-1", from_day=DAY, until_day=None, now=NOW
        )
        return bytes(row.appointment_id), code


def enrol(desk: Desk, word: str, code: str, *, at: int = NOW, words: str = WORDS) -> str:
    return appointments.enrol(desk.files, desk.handle(word), code, words, now=at, cost=CHEAP)


def test_two_administrators_sign_and_then_the_officer_is_in(net: Network, north: Desk) -> None:
    row_id, code = begin(north, "liaison-9", "liaison")
    with north.files.session() as db, pytest.raises(SetUpUnfinished):
        appointments.sign(db, north.officer("administrator-1"), row_id)
    shown = enrol(north, "liaison-9", f" {code.upper().replace(' ', '-')} ")
    with north.files.session() as db:
        assert appointments.key_of(appointments.get(db, row_id)) == shown
        appointments.sign(db, north.officer("administrator-1"), row_id)
        with pytest.raises(Conflict, match="signed this already"):
            appointments.sign(db, north.officer("administrator-1"), row_id)
        statement = appointments.sign(db, north.officer("administrator-2"), row_id)
        assert db.get(Member, north.handle("liaison-9")) is None
        assert set(statement.signers) == {north.handle(one) for one in
                                          ("liaison-9", "administrator-1", "administrator-2")}  # fmt: skip
    net.publish(statement)
    with north.files.session() as db:
        appointments.finish(db, north.officer("administrator-2"), row_id, now=NOW)
    assert north.sign_in("liaison-9").roles == ("liaison",)
    assert net.directory.find_certificate(north.handle("liaison-9")) is not None


def test_one_signature_is_not_taken_by_the_directory(net: Network, north: Desk) -> None:
    row_id, code = begin(north, "liaison-9", "liaison")
    enrol(north, "liaison-9", code)
    with north.files.session() as db:
        statement = appointments.sign(db, north.officer("administrator-1"), row_id)
    with pytest.raises(Exception, match="two administrators"):
        net.publish(statement)


@pytest.mark.parametrize(
    ("word", "roles", "order", "until", "error"),
    [
        ("liaison-9", ("liaison", "auditor"), "ORD-1", None, FormatError),
        ("liaison-9", ("liaison", "administrator"), "ORD-1", None, FormatError),
        ("liaison-9", (), "ORD-1", None, FormatError),
        ("liaison-9", ("king",), "ORD-1", None, FormatError),
        ("maria", ("liaison",), "ORD-1", None, FormatError),
        ("liaison-9", ("liaison",), "Maria Petrescu", None, FormatError),
        ("liaison-9", ("liaison",), "ORD-1", "2031-01-31", FormatError),
        ("liaison-9", ("liaison",), "ORD-1", "2031-13-01", FormatError),
        ("administrator-1", ("liaison",), "ORD-1", None, Conflict),
    ],
)
def test_what_is_not_acceptable_is_refused(
    net: Network, north: Desk, word: str, roles: tuple[str, ...], order: str, until: str | None, error: type[Exception]
) -> None:
    with north.files.session() as db, pytest.raises(error):
        appoint(
            db, north.officer("administrator-1"), north.handle(word), roles, order=order, from_day=DAY, until_day=until,
            now=NOW,
        )  # fmt: skip
    begin(north, "liaison-9", "liaison")  # the control
    with pytest.raises(Conflict):
        begin(north, "liaison-9", "liaison")


def test_only_administrators_appoint_sign_and_reset(net: Network, north: Desk) -> None:
    net.appoint(north, "liaison-1", "liaison")
    with pytest.raises(NotPermitted):
        begin(north, "liaison-9", "liaison", by="liaison-1")
    row_id, code = begin(north, "liaison-9", "liaison")
    enrol(north, "liaison-9", code)
    with north.files.session() as db:
        for act in (
            lambda: appointments.sign(db, north.officer("liaison-1"), row_id),
            lambda: appointments.new_code(db, north.officer("liaison-1"), row_id, now=NOW),
            lambda: appointments.withdraw(db, north.officer("liaison-1"), row_id, now=NOW),
            lambda: factors.reset_by(db, north.officer("liaison-1"), north.handle("administrator-1"), now=NOW),
        ):
            with pytest.raises(NotPermitted):
                act()
        with pytest.raises(NotFound):
            factors.reset_by(db, north.officer("administrator-1"), north.handle("liaison-1"), now=NOW)
        with pytest.raises(NotPermitted):
            factors.reset_by(db, north.officer("administrator-1"), north.handle("administrator-1"), now=NOW)


def test_a_code_is_good_for_a_week_and_five_tries(net: Network, north: Desk) -> None:
    _, code = begin(north, "liaison-9", "liaison")
    with pytest.raises(PassphraseWrong):
        enrol(north, "liaison-9", code, at=NOW + appointments.CODE_DAYS * 86_400)
    with pytest.raises(FormatError):
        enrol(north, "liaison-9", code, words="short")  # no try is counted for it
    for _ in range(appointments.MOST_TRIES - 1):
        with pytest.raises(PassphraseWrong):
            enrol(north, "liaison-9", "0" * 16)
    assert enrol(north, "liaison-9", code)
    row_id, code = begin(north, "liaison-10", "liaison")
    for _ in range(appointments.MOST_TRIES):
        with pytest.raises(PassphraseWrong):
            enrol(north, "liaison-10", "0" * 16)
    with pytest.raises(PassphraseWrong):
        enrol(north, "liaison-10", code)
    with north.files.session() as db:
        fresh = appointments.new_code(db, north.officer("administrator-2"), row_id, now=NOW)
    with pytest.raises(PassphraseWrong):
        enrol(north, "liaison-10", code)
    assert enrol(north, "liaison-10", fresh)


def test_administrators_do_not_certify_an_administrator(net: Network, north: Desk) -> None:
    row_id, code = begin(north, "administrator-3", "administrator")
    enrol(north, "administrator-3", code)
    with north.files.session() as db, pytest.raises(KeyUnusable, match="root"):
        appointments.sign(db, north.officer("administrator-1"), row_id)


def test_numbers_of_orders_have_one_spelling_and_hold_no_words() -> None:
    assert parse_order(" ord 2026/114 ") == parse_order("ORD-2026-114") == "ORD-2026-114"
    assert parse_order("17") == "17"
    wrongs = ("", "Maria", "Maria Petrescu 5", "A-", "1-1-1-1-1", "ORD-<b>", "\u202e17", "\uff11\uff17", "-")
    for wrong in wrongs:
        with pytest.raises(FormatError):
            parse_order(wrong)


def test_the_next_handle_is_given_once(net: Network, north: Desk) -> None:
    net.appoint(north, "liaison-1", "liaison")
    begin(north, "liaison-2", "liaison")
    with north.files.session() as db:
        assert appointments.next_handle(db, net.directory, "north", "liaison") == north.handle("liaison-3")
        assert appointments.next_handle(db, net.directory, "north", "auditor") == north.handle("auditor-1")


def test_a_proposal_takes_the_other_administrator(net: Network, north: Desk) -> None:
    net.appoint(north, "liaison-1", "liaison")
    one, two = north.officer("administrator-1"), north.officer("administrator-2")
    with north.files.session() as db:
        bare = succession.revoke(net.directory, north.handle("liaison-1"))
        row = proposals.add(
            db, proposals.REVOCATION, one.handle, north.handle("liaison-1"), one.sign_statement(labels.DIRECTORY, bare),
            now=NOW,
        )  # fmt: skip
        with pytest.raises(Conflict, match="signed this already"):
            proposals.sign(db, one, row.proposal_id, now=NOW)
        with pytest.raises(NotPermitted):
            proposals.sign(db, north.officer("liaison-1"), row.proposal_id, now=NOW)
        statement = proposals.sign(db, two, row.proposal_id, now=NOW)
        with pytest.raises(Conflict):
            proposals.sign(db, two, row.proposal_id, now=NOW)
        proposals.end(db, row.proposal_id, two.handle, now=NOW)
        with pytest.raises(Conflict):
            proposals.end(db, row.proposal_id, two.handle, now=NOW)
        with pytest.raises(FormatError):
            proposals.add(db, "other", one.handle, one.handle, bare, now=NOW)
    net.publish(statement)
    assert net.directory.find_certificate(north.handle("liaison-1")) is None


def test_each_right_has_a_sentence() -> None:
    assert set(MEANINGS) == set(RIGHTS)
