"""Inquiry, answer with consent, hold, lifting, withdrawal, purge and receipts, between three desks and a broker."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from agencies import cases
from crypto.encoding import unb64u
from crypto.statements import Statement, parse_statement
from custody import events
from errors import (
    ApprovalMissing,
    Conflict,
    ConsentMissing,
    DecryptionFailed,
    FormatError,
    HandleUsed,
    NotFound,
    NotPermitted,
    ReleaseDestroyed,
    ReleaseHeld,
    SignatureInvalid,
)
from exchange import approvals, delivery, filing, inquiries, opening, orders, purges, reading, sharing, withdrawals
from exchange.composition import Composition
from exchange.handle_keys import handle_secret
from exchange.models import HandleOrder, PurgeReceipt
from exchange.sharing import Choice
from identity import consent, persons
from tests.support.field import DeskAt, Field, now

PURPOSE = "prosecution"
NUMBERS = iter(range(1, 1000))


@dataclass
class Sent:
    """An answer of the shelter that rests on a consent."""

    case_id: bytes
    person_id: bytes
    record_id: bytes
    bundle_id: bytes


def make_case(desk: DeskAt, officer: str, colleague: str) -> bytes:
    with desk.office.files.session() as db:
        case_id = cases.create_case(
            db, desk.officer(officer), f"T-{next(NUMBERS)}", {"title": "t"}, now=now()
        ).case_id  # fmt: skip
        cases.add_member(db, desk.officer(officer), case_id, desk.handle(colleague), vault=True, now=now())
    return case_id


def choice_to_south(case_id: bytes, **more: object) -> Choice:
    return Choice(case_id, "south-prosecutor", ("south-prosecutor/prosecutor-1",), (PURPOSE,), "Act 7", "SP-1", **more)  # type: ignore[arg-type]


def add_person(
    field: Field, case_id: bytes, recipients: tuple[str, ...] = ("south-prosecutor",)
) -> tuple[bytes, bytes]:
    worker = field.shelter.officer("case-worker")
    day = delivery.day_of(now())
    facts = consent.ConsentFacts((PURPOSE,), recipients, day, "en", "Tell us.", (), None)
    with field.shelter.office.files.session() as db:
        person_id = persons.add_person(
            db, worker, case_id, {"prs_gender": "Feminine"}, role="victim", short="W", now=now()
        )
        return person_id, consent.record_consent(db, worker, case_id, person_id, facts, now=now())


@pytest.fixture
def sent(field: Field) -> Sent:
    """The shelter has shared a person with the prosecutor."""
    return share_with_consent(field)


def share_with_consent(field: Field) -> Sent:
    """The shelter shares a person with the prosecutor."""
    case_id = make_case(field.shelter, "case-worker-1", "case-worker-2")
    person_id, record_id = add_person(field, case_id)
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    with office.files.session() as db:
        made = sharing.compose(
            db, office, worker, choice_to_south(case_id, persons=(person_id,), records=(record_id,)), now=now()
        )
    bundle_id = delivery.seal(office, worker, made, [], now=now())
    delivery.send(office, bundle_id, now=now())
    field.sync_all()
    return Sent(case_id, person_id, record_id, bundle_id)


def open_at_south(field: Field, sent: Sent) -> opening.Opened:
    office, officer = field.south.office, field.south.officer("prosecutor")
    seen = reading.preview(office, officer, sent.bundle_id, now=now())
    return opening.open_bundle(
        office, officer, sent.bundle_id, purpose=PURPOSE, legal_basis="CCP 1", acknowledged=seen.register_digest,
        now=now(),
    )  # fmt: skip


def approve(field: Field, approval_id: bytes) -> None:
    with field.shelter.office.files.session() as db:
        approvals.grant(db, field.shelter.officer("case-worker-2"), approval_id, now=now())


def ask(field: Field, sent: Sent) -> bytes:
    """A colleague is asked to withdraw."""
    worker = field.shelter.officer("case-worker")
    asked = withdrawals.ask_withdrawal(field.shelter.office, worker, sent.case_id, sent.record_id, now=now())
    assert asked is not None
    return asked


def withdraw(field: Field, sent: Sent) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    asked = ask(field, sent)
    approve(field, asked)
    withdrawals.withdraw(office, worker, sent.case_id, sent.record_id, approval_id=asked, now=now())


# ---- Hold and withdrawal ----------------------------------------------------------------------------------------


def test_a_hold_stops_openings_and_its_lifting_by_two_allows_them_again(field: Field, sent: Sent) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    assert open_at_south(field, sent).form["persons"]
    withdrawals.hold(office, worker, sent.case_id, sent.record_id, reason="she asks for time", now=now())
    with pytest.raises(ReleaseHeld):
        open_at_south(field, sent)
    with pytest.raises(Conflict):
        withdrawals.hold(office, worker, sent.case_id, sent.record_id, reason="again", now=now())
    (act,) = withdrawals.history(office, worker, sent.case_id, sent.record_id)
    assert (act["state"], act["reason"]) == ("held", "she asks for time")
    asked = withdrawals.ask_lifting(office, worker, sent.case_id, sent.record_id, now=now())
    with pytest.raises(ApprovalMissing):
        withdrawals.lift(office, worker, sent.case_id, sent.record_id, approval_id=asked, now=now())
    approve(field, asked)
    withdrawals.lift(office, worker, sent.case_id, sent.record_id, approval_id=asked, now=now())
    field.sync_all()
    assert open_at_south(field, sent).form["persons"]


def test_a_withdrawal_takes_two_deletes_at_the_holder_and_comes_back_as_a_receipt(field: Field, sent: Sent) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    south, prosecutor = field.south.office, field.south.officer("prosecutor")
    case_id = make_case(field.south, "prosecutor-1", "prosecutor-2")
    (item,) = filing.file_all(south, prosecutor, open_at_south(field, sent), case_id, now=now())
    assert b"".join(filing.read_filed(south.files, prosecutor, item))
    purges.sign_receipts(south, prosecutor, now=now())  # what other tests have left
    asked = ask(field, sent)
    with pytest.raises(ReleaseHeld):
        open_at_south(field, sent)  # asking holds at once
    with pytest.raises(ApprovalMissing):
        withdrawals.withdraw(office, worker, sent.case_id, sent.record_id, approval_id=asked, now=now())
    approve(field, asked)
    withdrawals.withdraw(office, worker, sent.case_id, sent.record_id, approval_id=asked, now=now())
    with pytest.raises(ReleaseDestroyed):
        open_at_south(field, sent)
    field.sync_all()
    with pytest.raises(NotFound):
        b"".join(filing.read_filed(south.files, prosecutor, item))
    assert south.files.blobs.list_keys(f"filed/{item.hex()}") == []
    before = withdrawals.status(office, worker, sent.case_id, sent.record_id)
    assert [one["state"] for one in before] == ["awaited"]
    assert purges.sign_receipts(south, prosecutor, now=now()) == 1
    assert purges.sign_receipts(south, prosecutor, now=now()) == 0
    field.sync_all()
    (receipt,) = withdrawals.status(office, worker, sent.case_id, sent.record_id)
    assert (receipt["agency"], receipt["state"], receipt["items"]) == ("south-prosecutor", "deleted", 1)


def compose_again(field: Field, sent: Sent) -> Composition:
    """A second answer that rests on the same consent, ready to be sealed."""
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    choice = choice_to_south(sent.case_id, persons=(sent.person_id,), records=(sent.record_id,))
    with office.files.session() as db:
        return sharing.compose(db, office, worker, choice, now=now())


def test_what_was_composed_before_a_hold_is_not_sealed_after_it(field: Field, sent: Sent) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    before = compose_again(field, sent)
    delivery.seal(office, worker, before, [], now=now())
    asked = ask(field, sent)
    parts = office.files.blobs.list_keys("bundles")
    with pytest.raises(ConsentMissing, match="held"):
        delivery.seal(office, worker, before, [], now=now())
    assert office.files.blobs.list_keys("bundles") == parts
    approve(field, asked)
    withdrawals.withdraw(office, worker, sent.case_id, sent.record_id, approval_id=asked, now=now())
    with pytest.raises(ConsentMissing, match="withdrawn"):
        delivery.seal(office, worker, before, [], now=now())


def test_a_hold_that_comes_while_a_bundle_is_sealed_ends_the_sealing(field: Field, sent: Sent) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    made = compose_again(field, sent)
    blobs = office.files.blobs.list_keys("bundles")

    def hold_meanwhile(done: int, total: int) -> None:
        with suppress(Conflict):  # it is held from the first call on
            withdrawals.hold(office, worker, sent.case_id, sent.record_id, reason="she asks", now=now())

    with pytest.raises(ConsentMissing, match="held"):
        delivery.seal(office, worker, made, [], now=now(), progress=hold_meanwhile)
    assert office.files.blobs.list_keys("bundles") == blobs


def test_what_was_sealed_before_a_withdrawal_is_not_sent_after_it(field: Field, sent: Sent) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    bundle_id = delivery.seal(office, worker, compose_again(field, sent), [], now=now())
    withdraw(field, sent)
    with pytest.raises((HandleUsed, ReleaseDestroyed)):
        delivery.send(office, bundle_id, now=now())
    field.sync_all()
    with pytest.raises(NotFound):
        open_at_south(field, replace(sent, bundle_id=bundle_id))


def test_a_consent_on_which_nothing_rests_is_withdrawn_at_once(field: Field) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    case_id = make_case(field.shelter, "case-worker-1", "case-worker-2")
    person_id, record_id = add_person(field, case_id)
    assert withdrawals.ask_withdrawal(office, worker, case_id, record_id, now=now()) is None
    with office.files.session() as db:
        assert consent.get_consent(db, worker, case_id, record_id).state == consent.WITHDRAWN
    with pytest.raises(ConsentMissing, match="withdrawn"):
        compose_again(field, Sent(case_id, person_id, record_id, b""))


def test_a_receipt_is_readable_by_the_agency_that_gave_the_order_alone(field: Field, sent: Sent) -> None:
    withdraw(field, sent)
    field.sync_all()
    purges.sign_receipts(field.south.office, field.south.officer("prosecutor"), now=now())
    field.sync_all()
    with field.shelter.office.files.session() as db:
        row = db.query(PurgeReceipt).order_by(PurgeReceipt.log_index.desc()).first()
        secret = handle_secret(db, field.shelter.office, field.shelter.officer("case-worker"), now=now())
        assert row is not None
        assert withdrawals.open_receipt(secret, row)["state"] == "deleted"
        with pytest.raises(DecryptionFailed):
            withdrawals.open_receipt(bytes(32), row)


def test_what_was_withdrawn_is_neither_lifted_nor_withdrawn_again_nor_sent(field: Field, sent: Sent) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    withdraw(field, sent)
    for act in (withdrawals.ask_withdrawal, withdrawals.ask_lifting):
        with pytest.raises(Conflict):
            act(office, worker, sent.case_id, sent.record_id, now=now())
    choice = choice_to_south(sent.case_id, persons=(sent.person_id,), records=(sent.record_id,))
    with office.files.session() as db, pytest.raises(ConsentMissing, match="withdrawn"):
        sharing.compose(db, office, worker, choice, now=now())


def test_other_bundles_stay_readable(field: Field, sent: Sent) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    person_id, record_id = add_person(field, sent.case_id)
    with office.files.session() as db:
        made = sharing.compose(
            db, office, worker, choice_to_south(sent.case_id, persons=(person_id,), records=(record_id,)), now=now()
        )
    other = delivery.seal(office, worker, made, [], now=now())
    delivery.send(office, other, now=now())
    withdraw(field, sent)
    field.sync_all()
    assert open_at_south(field, replace(sent, bundle_id=other)).form["persons"]


def test_a_forged_order_deletes_nothing(field: Field, sent: Sent) -> None:
    """The same order, unaltered, is taken; with a signature less, or of another officer, it is not."""
    withdraw(field, sent)
    field.sync_all()
    office = field.south.office
    with office.files.session() as db:
        handle, index = db.query(HandleOrder.handle, HandleOrder.log_index).order_by(
            HandleOrder.log_index.desc()
        ).first() or (b"", 0)
    (answer,) = [one for one in office.client.handle_events(handle) if one["index"] == index]
    statement = parse_statement(unb64u(answer["statement"]))
    forged = Statement(statement.body, tuple(one for one in statement.signatures if one[0] != "handle"))
    swapped = Statement(statement.body, (statement.signatures[0], (statement.signatures[1][0], bytes(64))))
    with office.files.session() as db:
        log = office.log(db).origin
        orders.verify_handle_signers(db, office, events.parse_event(statement.dump(), log=log), index)
        for bad in (forged, swapped):
            with pytest.raises(SignatureInvalid):
                orders.verify_handle_signers(db, office, events.parse_event(bad.dump(), log=log), index)


# ---- Inquiries --------------------------------------------------------------------------------------------------


def ask_shelter(field: Field, **more: object) -> bytes:
    office, officer = field.south.office, field.south.officer("prosecutor")
    case_id = make_case(field.south, "prosecutor-1", "prosecutor-2")
    choice = Choice(case_id, "shelter-ngo", ("shelter-ngo/case-worker-1",), (PURPOSE,), "CCP 1", "SN-1")
    values: dict[str, object] = {"questions": ["Is she well?"], "about": "her", "category": "information", **more}
    with office.files.session() as db:
        made = inquiries.make_inquiry(db, office, officer, choice, now=now(), **values)  # type: ignore[arg-type]
        bundle_id = b""
    bundle_id = delivery.seal(office, officer, made, [], now=now())
    with office.files.session() as db:
        inquiries.note_sent(db, made, bundle_id, now=now())
    delivery.send(office, bundle_id, now=now())
    field.sync_all()
    return bundle_id


def receive(field: Field, bundle_id: bytes, case_id: bytes) -> bytes:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    seen = reading.preview(office, worker, bundle_id, now=now())
    opened = opening.open_bundle(
        office, worker, bundle_id, purpose=PURPOSE, legal_basis="Act 7", acknowledged=seen.register_digest, now=now()
    )
    with office.files.session() as db:
        inquiries.note_opened(db, opened, case_id, now=now())
    return unb64u(opened.form["inquiry"])


def test_an_inquiry_is_answered_once_by_the_agency_that_was_asked(field: Field) -> None:
    bundle_id = ask_shelter(field)
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    case_id = make_case(field.shelter, "case-worker-1", "case-worker-2")
    inquiry_id = receive(field, bundle_id, case_id)
    choice = choice_to_south(case_id)
    make: Callable[..., object] = inquiries.make_answer
    with office.files.session() as db:
        with pytest.raises(FormatError, match="ground"):
            make(db, office, worker, choice, inquiry_id=inquiry_id, decision="refused", ground=None, now=now())
        with pytest.raises(NotFound):
            make(db, office, worker, choice, inquiry_id=bytes(16), decision="refused", ground="no", now=now())
        with pytest.raises(Conflict, match="asked"):
            make(
                db, office, worker, replace(choice, agency="north-police"), inquiry_id=inquiry_id,
                decision="refused", ground="no", now=now(),
            )  # fmt: skip
        made = inquiries.make_answer(
            db, office, worker, choice, inquiry_id=inquiry_id, decision="refused", ground="She said no.", now=now()
        )
    answer_id = delivery.seal(office, worker, made, [], now=now())
    with office.files.session() as db:
        inquiries.note_sent(db, made, answer_id, now=now())
        with pytest.raises(Conflict, match="answered"):
            make(db, office, worker, choice, inquiry_id=inquiry_id, decision="refused", ground="no", now=now())
    delivery.send(office, answer_id, now=now())
    field.sync_all()
    opened = open_at_south(field, Sent(case_id, b"", b"", answer_id))
    with field.south.office.files.session() as db:
        inquiries.note_opened(db, opened, None, now=now())
        row = inquiries.get_inquiry(db, inquiry_id)
        assert (row.state, row.decision) == ("answered", "refused")


def test_a_person_of_an_ngo_is_not_named_without_consent(field: Field, sent: Sent) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker")
    choice = choice_to_south(sent.case_id, persons=(sent.person_id,))
    with office.files.session() as db:
        made = sharing.compose(db, office, worker, choice, now=now())
    with pytest.raises(ConsentMissing):
        delivery.seal(office, worker, made, [], now=now())


@pytest.mark.parametrize(
    ("change", "words"),
    [({"questions": []}, "questions"), ({"category": "gossip"}, "one of"), ({"questions": ["x" * 5000]}, "signs")],
)
def test_an_inquiry_that_asks_nothing_is_refused(field: Field, change: dict[str, object], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        ask_shelter(field, **change)


def test_an_administrator_neither_asks_nor_withdraws(field: Field, sent: Sent) -> None:
    admin = field.shelter.officer("administrator-1")
    with pytest.raises(NotPermitted):
        withdrawals.hold(field.shelter.office, admin, sent.case_id, sent.record_id, reason="r", now=now())
    with pytest.raises(NotPermitted):
        withdrawals.ask_withdrawal(field.shelter.office, admin, sent.case_id, sent.record_id, now=now())
