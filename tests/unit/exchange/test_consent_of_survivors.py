"""Codes of papers, who has read the texts, what follows from a refusal, and several consents stopped at once."""

from pathlib import Path

import pytest

from crypto import receipt_codes as codes
from errors import ApprovalMissing, Conflict, ConsentMissing, FormatError, LimitExceeded, NotFound, NotPermitted
from exchange import (
    approvals,
    asking,
    delivery,
    keeping,
    purges,
    receipt_codes,
    sharing,
    stopping,
    text_readings,
    usage,
    withdrawals,
)
from exchange.models import CodeTry, ReceiptCode
from exchange.sharing import Choice
from identity import consent, persons
from identity.talks import ITEM, LATER, NO, YES, Answer, Setting
from tests.support.consented import PURPOSE, Case, make_case
from tests.support.departures import new_case
from tests.support.field import Field, now
from tests.support.traffic import open_at

SETTING = Setting("en", "en", "", "none", "spoken", "alone")
DAY = 86400


@pytest.fixture
def case(field: Field, tmp_path: Path) -> Case:
    return make_case(field, tmp_path)


def code_of(case: Case, at: int | None = None) -> int:
    with case.field.shelter.office.files.session() as db:
        return receipt_codes.make_code(
            db, case.field.shelter.office, case.worker, case.case_id, case.person, now=at or now()
        )


def find(case: Case, typed: str, at: int | None = None) -> receipt_codes.Found:
    return receipt_codes.find_person(case.field.shelter.office, case.worker, typed, now=at or now())


def clear_tries(case: Case) -> None:
    with case.field.shelter.office.files.session() as db:
        db.query(CodeTry).delete()


# ---- Codes ------------------------------------------------------------------------------------------------------


def test_a_code_leads_to_its_person_in_both_forms_until_a_new_one_is_made(case: Case) -> None:
    first = code_of(case)
    for typed in (codes.as_signs(first), " ".join(codes.as_words(first))):
        assert find(case, typed) == receipt_codes.Found(case.case_id, case.person)
    second = code_of(case)
    with pytest.raises(NotFound):
        find(case, codes.as_signs(first))
    assert find(case, codes.as_signs(second)).person_id == case.person
    with case.field.shelter.office.files.session() as db:
        assert receipt_codes.end_codes(db, case.worker, case.case_id, case.person, now=now()) == 1
    with pytest.raises(NotFound):
        find(case, codes.as_signs(second))
    clear_tries(case)


def test_the_desk_keeps_no_code_and_nothing_that_a_copy_of_it_could_try_codes_against(case: Case) -> None:
    code = code_of(case)
    with case.field.shelter.office.files.session() as db:
        row = db.query(ReceiptCode).order_by(ReceiptCode.made_at.desc()).first()
        assert row is not None
        lookup = row.lookup
    raw = b"".join(path.read_bytes() for path in case.field.shelter.folder.rglob("desk.sqlite*"))
    for form in (codes.as_signs(code), codes.as_signs(code).replace("-", ""), " ".join(codes.as_words(code))):
        assert form.encode() not in raw
    assert codes.as_bytes(code) not in raw
    assert lookup in raw  # the control


def test_wrong_codes_are_counted_and_slowed_down_and_a_right_one_is_not_counted(case: Case) -> None:
    clear_tries(case)
    right, at = codes.as_signs(code_of(case)), now()
    wrong = codes.as_signs(1)
    with pytest.raises(FormatError):
        find(case, "nothing", at)
    for number in range(receipt_codes.FREE_TRIES):
        with pytest.raises(NotFound):
            find(case, wrong, at)
        with case.field.shelter.office.files.session() as db:
            assert receipt_codes.wrong_tries(db, case.worker, now=at) == number + 1
    with pytest.raises(LimitExceeded):  # the right one too: no way around the wait
        find(case, right, at)
    assert find(case, right, at + 2).person_id == case.person
    with case.field.shelter.office.files.session() as db:
        assert receipt_codes.wrong_tries(db, case.worker, now=at) == receipt_codes.FREE_TRIES
        assert receipt_codes.wrong_tries(db, case.worker, now=at + 2 * DAY) == 0
    other = case.field.shelter.officer("case-worker-2")
    assert receipt_codes.find_person(case.field.shelter.office, other, right, now=at).person_id == case.person
    clear_tries(case)


def test_a_right_code_names_colleagues_to_whoever_is_not_on_the_team(field: Field, tmp_path: Path) -> None:
    desk = field.shelter
    case_id = new_case(desk, "case-worker-1")
    with desk.office.files.session() as db:
        worker = desk.officer("case-worker-1")
        person = persons.add_person(db, worker, case_id, {}, role="victim", short="W", now=now())
        code = receipt_codes.make_code(db, desk.office, worker, case_id, person, now=now())
    with pytest.raises(NotPermitted, match="shelter-ngo/case-worker-1"):
        receipt_codes.find_person(desk.office, desk.officer("case-worker-2"), codes.as_signs(code), now=now())
    with pytest.raises(NotPermitted):
        receipt_codes.find_person(desk.office, desk.officer("supervisor-1"), codes.as_signs(code), now=now())
    assert receipt_codes.find_person(desk.office, worker, codes.as_signs(code), now=now()).person_id == person


# ---- Texts ------------------------------------------------------------------------------------------------------


def test_a_reading_counts_for_exactly_the_version_that_was_read(field: Field) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker-1")
    today = delivery.day_of(now())
    with office.files.session() as db:
        text_readings.record_reading(
            db, office, worker, "fr", b"v" * 32, reader="Zeisig Interpreter", read_on=today, now=now()
        )
        assert text_readings.is_read(db, "fr", b"v" * 32)
        assert not text_readings.is_read(db, "fr", b"w" * 32)
        assert not text_readings.is_read(db, "es", b"v" * 32)
        (one,) = text_readings.list_readings(db, office, field.shelter.officer("case-worker-2"), now=now())
        assert (one.reader, one.made_by) == ("Zeisig Interpreter", "shelter-ngo/case-worker-1")
        for reader, day in (("", today), ("x" * 201, today), ("x", "2099-01-01"), ("x", "yesterday")):
            with pytest.raises(FormatError):
                text_readings.record_reading(
                    db, office, worker, "es", b"v" * 32, reader=reader, read_on=day, now=now()
                )  # fmt: skip
        with pytest.raises(NotPermitted):
            text_readings.list_readings(db, office, field.shelter.officer("supervisor-1"), now=now())
    raw = b"".join(path.read_bytes() for path in field.shelter.folder.rglob("desk.sqlite*"))
    assert b"Zeisig" not in raw


# ---- Answers ----------------------------------------------------------------------------------------------------


def record(case: Case, *answers: Answer) -> asking.Recorded:
    return asking.record_answers(
        case.field.shelter.office, case.worker, case.case_id, case.person, SETTING, answers,
        given_on=delivery.day_of(now()), valid_until=None, how_to_withdraw="Tell us.", now=now(),
    )  # fmt: skip


def test_what_is_refused_when_asked_again_is_held_at_once_and_what_is_left_open_is_not(case: Case) -> None:
    shared, other = case.consent(), case.consent("north-police")
    case.share(shared)
    south = Answer(ITEM, LATER, "south-prosecutor", PURPOSE, case.item)
    assert record(case, south).held == ()
    assert case.state(shared) == consent.ACTIVE
    made = record(case, Answer(ITEM, NO, "south-prosecutor", PURPOSE, case.item))
    assert made.held == (shared,)
    assert (case.state(shared), case.state(other)) == (consent.HELD, consent.ACTIVE)
    (act,) = withdrawals.history(case.field.shelter.office, case.worker, case.case_id, shared)
    assert act["reason"] == asking.REASON


def test_facts_that_were_refused_do_not_go_along_with_an_item_that_was_given(case: Case) -> None:
    made = record(
        case, Answer(ITEM, NO, "south-prosecutor", PURPOSE), Answer(ITEM, YES, "south-prosecutor", PURPOSE, case.item)
    )
    office = case.field.shelter.office

    def compose(names: tuple[str, ...] | None) -> None:
        choice = Choice(
            case.case_id, "south-prosecutor", ("south-prosecutor/prosecutor-1",), (PURPOSE,), "Act 7", "R",
            persons=(case.person,), exhibits=(case.item,), records=made.talk.records, names=names,
        )  # fmt: skip
        with office.files.session() as db:
            composed = sharing.compose(db, office, case.worker, choice, now=now())
        delivery.seal(office, case.worker, composed, sharing.sources(office, case.worker, composed), now=now())

    for names in (None, ("prs_gender",)):
        with pytest.raises(ConsentMissing, match="items alone"):
            compose(names)
    compose(())


# ---- Stopping ---------------------------------------------------------------------------------------------------


def grant_all(case: Case) -> None:
    other = case.field.shelter.officer("case-worker-2")
    with case.field.shelter.office.files.session() as db:
        for one in approvals.list_waiting(db, other):
            approvals.grant(db, other, one.approval_id, now=now())


def stand(case: Case, record_id: bytes, at: int | None = None) -> stopping.Stand:
    return stopping.stand_of(case.field.shelter.office, case.worker, case.case_id, record_id, now=at or now())


def test_several_are_held_then_destroyed_by_two_and_the_holders_answer(case: Case) -> None:
    office, worker = case.field.shelter.office, case.worker
    first, second, unsent = case.consent(), case.consent(), case.consent("north-police")
    bundle = case.share(first)
    case.share(second)
    open_at(case.field.south, "prosecutor-1", bundle)
    case.field.sync_all()
    used = usage.usage_of(office, worker, case.case_id, [first, second])
    assert used.sent == 2 and used.unread == 0
    assert [(one.agency, one.purpose, one.legal_basis) for one in used.openings] == [
        ("south-prosecutor", PURPOSE, "CCP 12")
    ]
    records = [first, second, unsent]
    assert stopping.stop(office, worker, case.case_id, records, destroys=True, reason="she said so", now=now()) == 3
    assert [case.state(one) for one in records] == [consent.HELD, consent.HELD, consent.WITHDRAWN]
    assert stand(case, first).acts[0]["reason"] == "she said so"
    stopping.stop(office, worker, case.case_id, [first], destroys=True, reason="", now=now())
    with office.files.session() as db:  # asked once, however often it is pressed
        assert len([one for one in approvals.list_asked(db, worker) if one.object_id == first]) == 1
    with pytest.raises(ApprovalMissing):
        stopping.go_on(office, worker, case.case_id, first, now=now())
    grant_all(case)
    with pytest.raises(ApprovalMissing, match="case-worker-1"):
        stopping.go_on(office, case.field.shelter.officer("case-worker-2"), case.case_id, first, now=now())
    assert stopping.go_on(office, worker, case.case_id, first, now=now()) == stopping.DESTROY
    found = stand(case, first)
    assert [(one.agency, one.state, one.is_overdue) for one in found.holders] == [
        ("south-prosecutor", "awaited", False)
    ]
    assert stand(case, first, now() + 8 * DAY).holders[0].is_overdue
    assert [one.record_id for one in stopping.overdue(office, worker, case.case_id, now=now() + 8 * DAY)] == [first]
    case.field.sync_all()
    purges.sign_receipts(case.field.south.office, case.field.south.officer("prosecutor-1"), now=now())
    case.field.sync_all()
    assert [one.state for one in stand(case, first, now() + 8 * DAY).holders] == ["deleted"]
    assert stopping.overdue(office, worker, case.case_id, now=now() + 8 * DAY) == []
    with pytest.raises(Conflict):
        stopping.stop(office, worker, case.case_id, [first, unsent], destroys=True, reason="", now=now())


def test_a_hold_is_lifted_by_two_only(case: Case) -> None:
    office, worker = case.field.shelter.office, case.worker
    record_id = case.consent()
    case.share(record_id)
    stopping.stop(office, worker, case.case_id, [record_id], destroys=False, reason="", now=now())
    withdrawals.ask_lifting(office, worker, case.case_id, record_id, now=now())
    with pytest.raises(ApprovalMissing):
        stopping.go_on(office, worker, case.case_id, record_id, now=now())
    assert case.state(record_id) == consent.HELD
    grant_all(case)
    assert stopping.go_on(office, worker, case.case_id, record_id, now=now()) == stopping.LIFT
    assert case.state(record_id) == consent.ACTIVE


def test_one_officer_destroys_after_fourteen_days_and_the_broker_measures_them_itself(case: Case) -> None:
    office, worker = case.field.shelter.office, case.worker
    record_id = case.consent()
    case.share(record_id)
    with pytest.raises(Conflict):
        stopping.destroy_alone(office, worker, case.case_id, record_id, now=now() + 30 * DAY)
    stopping.stop(office, worker, case.case_id, [record_id], destroys=False, reason="", now=now())
    with pytest.raises(NotPermitted):
        stopping.destroy_alone(office, worker, case.case_id, record_id, now=now() + 14 * DAY)
    assert case.state(record_id) == consent.HELD
    assert stand(case, record_id, now() + 16 * DAY).may_alone
    # A desk whose clock runs ahead: the log's witnesses have not seen 14 days, and the page says that it was refused.
    stopping.destroy_alone(office, worker, case.case_id, record_id, now=now() + 16 * DAY)
    case.field.sync_all()
    assert stand(case, record_id).is_refused


def test_what_is_kept_is_told_with_its_ground(case: Case) -> None:
    south, prosecutor = case.field.south, case.field.south.officer("prosecutor-1")
    theirs = new_case(south, "prosecutor-1", "prosecutor-2")
    record_id = case.consent()
    bundle = case.share(record_id)
    from exchange import filing

    items = filing.file_all(south.office, prosecutor, open_at(south, "prosecutor-1", bundle), theirs, now=now())
    asked = keeping.ask(south.office, prosecutor, items[0], "Act 9, file of the court", now=now())
    with south.office.files.session() as db:
        approvals.grant(db, south.officer("prosecutor-2"), asked, now=now())
    keeping.keep(south.office, prosecutor, asked, item_id=items[0], now=now())
    stopping.stop(
        case.field.shelter.office, case.worker, case.case_id, [record_id], destroys=True, reason="", now=now()
    )
    grant_all(case)
    stopping.go_on(case.field.shelter.office, case.worker, case.case_id, record_id, now=now())
    case.field.sync_all()
    purges.sign_receipts(south.office, prosecutor, now=now())
    case.field.sync_all()
    (holder,) = stand(case, record_id).holders
    assert (holder.state, holder.ground) == ("kept", "Act 9, file of the court")
    assert holder.signed_by == "south-prosecutor/prosecutor-1" and (holder.signed_at or 0) <= now()
    (kept,) = usage.usage_of(case.field.shelter.office, case.worker, case.case_id, [record_id]).kept
    assert (kept.agency, kept.ground) == ("south-prosecutor", "Act 9, file of the court")
