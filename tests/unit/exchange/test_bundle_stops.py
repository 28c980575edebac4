"""A sent bundle is held, lifted and withdrawn by its own place, without a consent; nothing else stops with it."""

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from custody.models import OwnEvent
from errors import (
    ApprovalMissing,
    Conflict,
    HandleUsed,
    NoOwnPlace,
    NotFound,
    NotPermitted,
    ReleaseDestroyed,
    ReleaseHeld,
)
from exchange import approvals, delivery, handle_keys, purges, stop_targets, stopping, withdrawals
from exchange.handle_keys import Placement, handles_of_record
from exchange.models import HandleUse, StoredBundle
from identity import consent
from tests.support.departures import new_case, share
from tests.support.desk_commands import Commands
from tests.support.field import DeskAt, Field, now
from tests.support.traffic import open_at, parcel
from tests.unit.exchange.test_withdrawals import share_with_consent


def send(field: Field) -> tuple[bytes, bytes]:
    """The police share a small file; the bundle and its case."""
    made = parcel(field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"])
    bundle = made.send(field.south)
    field.sync_all()
    return bundle, made.made.case_id


def agree(desk: DeskAt, approval_id: bytes, word: str) -> None:
    with desk.office.files.session() as db:
        approvals.grant(db, desk.officer(word), approval_id, now=now())


def opens(field: Field, bundle: bytes) -> bool:
    try:
        open_at(field.south, "prosecutor-1", bundle).close()
    except (ReleaseHeld, ReleaseDestroyed):
        return False
    return True


def state(desk: DeskAt, word: str, case_id: bytes, target: bytes) -> str:
    with desk.office.files.session() as db:
        return stop_targets.state_of(db, desk.officer(word), case_id, target)


def test_one_officer_holds_a_bundle_at_once_and_two_lift_it(field: Field) -> None:
    bundle, case_id = send(field)
    other, _ = send(field)
    office, officer = field.north.office, field.north.officer("liaison-1")
    assert opens(field, bundle)
    withdrawals.hold(office, officer, case_id, bundle, reason="sent to the wrong officer", now=now())
    assert not opens(field, bundle)
    assert opens(field, other)
    assert state(field.north, "liaison-1", case_id, bundle) == consent.HELD
    with pytest.raises(Conflict, match="already"):
        withdrawals.hold(office, officer, case_id, bundle, reason="again", now=now())
    (act,) = withdrawals.history(office, officer, case_id, bundle)
    assert (act["state"], act["reason"]) == ("held", "sent to the wrong officer")

    asked = withdrawals.ask_lifting(office, officer, case_id, bundle, now=now())
    with pytest.raises(ApprovalMissing):
        withdrawals.lift(office, officer, case_id, bundle, approval_id=asked, now=now())
    assert not opens(field, bundle)
    agree(field.north, asked, "supervisor-1")
    withdrawals.lift(office, officer, case_id, bundle, approval_id=asked, now=now())
    assert opens(field, bundle)
    assert state(field.north, "liaison-1", case_id, bundle) == consent.ACTIVE


def test_two_officers_withdraw_a_bundle_and_its_holder_signs_a_receipt(field: Field) -> None:
    bundle, case_id = send(field)
    office, officer = field.north.office, field.north.officer("liaison-1")
    open_at(field.south, "prosecutor-1", bundle).close()
    assert stopping.stop(office, officer, case_id, [bundle], destroys=True, reason="sent by mistake", now=now()) == 1
    stand = stopping.stand_of(office, officer, case_id, bundle, now=now())
    assert (stand.state, stand.acts[0]["reason"], stand.may_alone) == (consent.HELD, "sent by mistake", False)
    assert not opens(field, bundle)
    with pytest.raises(NotPermitted, match="14 days"):
        stopping.destroy_alone(office, officer, case_id, bundle, now=now())
    assert stand.waiting is not None
    agree(field.north, stand.waiting.approval_id, "supervisor-1")
    assert stopping.go_on(office, officer, case_id, bundle, now=now()) == stopping.DESTROY
    field.sync_all()
    with pytest.raises(ReleaseDestroyed):
        open_at(field.south, "prosecutor-2", bundle)
    assert purges.sign_receipts(field.south.office, field.south.officer("prosecutor-1"), now=now()) == 1
    field.sync_all()
    (holder,) = stopping.stand_of(office, officer, case_id, bundle, now=now()).holders
    assert (holder.agency, holder.state) == ("south-prosecutor", "deleted")
    with pytest.raises(Conflict, match="withdrawn already"):
        withdrawals.ask_withdrawal(office, officer, case_id, bundle, now=now())


def test_a_bundle_is_stopped_alone_while_the_consent_behind_it_stands(field: Field) -> None:
    first, second = share_with_consent(field), share_with_consent(field)
    worker, office = field.shelter.officer("case-worker"), field.shelter.office
    again = share(
        field.shelter, "case-worker", first.case_id, field.south, persons=(first.person_id,), records=(first.record_id,)
    )
    field.sync_all()
    withdrawals.hold(office, worker, first.case_id, first.bundle_id, reason="a wrong file", now=now())
    assert not opens(field, first.bundle_id)
    assert opens(field, again)
    assert opens(field, second.bundle_id)
    assert state(field.shelter, "case-worker", first.case_id, first.record_id) == consent.ACTIVE
    # The other way round: the consent's end reaches the bundle that was lifted or held, too.
    withdrawals.hold(office, worker, first.case_id, first.record_id, reason="she asks", now=now())
    assert not opens(field, again)
    assert opens(field, second.bundle_id)


def test_the_log_does_not_show_whether_a_consent_or_a_bundle_was_stopped(field: Field) -> None:
    """Each stop signs for one place and sixteen spares for each recipient."""
    made = share_with_consent(field)
    bundle, case_id = send(field)
    counts = []
    for desk, word, case, target in (
        (field.shelter, "case-worker", made.case_id, made.record_id),
        (field.north, "liaison-1", case_id, bundle),
    ):
        with desk.office.files.session() as db:
            before = _events(db)
        withdrawals.hold(desk.office, desk.officer(word), case, target, reason="r", now=now())
        with desk.office.files.session() as db:
            counts.append(_events(db) - before)
    assert counts == [17, 17]


def _events(db: Session) -> int:
    query = select(func.count()).select_from(OwnEvent).where(OwnEvent.object_kind == "handle")
    return db.scalar(query) or 0


def test_only_the_team_that_sent_it_stops_a_bundle(field: Field) -> None:
    bundle, case_id = send(field)
    other_case = new_case(field.north, "liaison-2")
    stranger = field.north.officer("liaison-2")
    with pytest.raises(NotPermitted):
        withdrawals.hold(field.north.office, stranger, case_id, bundle, reason="r", now=now())
    with pytest.raises(NotFound):
        withdrawals.hold(field.north.office, stranger, other_case, bundle, reason="r", now=now())
    with pytest.raises(NotPermitted):
        withdrawals.hold(
            field.north.office, field.north.officer("administrator-1"), case_id, bundle, reason="r", now=now()
        )  # fmt: skip
    taker = field.south.officer("prosecutor-1")
    with pytest.raises(NotFound):  # what came from elsewhere is not this agency's to stop
        own_case = new_case(field.south, "prosecutor-1")
        withdrawals.hold(field.south.office, taker, own_case, bundle, reason="r", now=now())
    assert opens(field, bundle)


def test_a_bundle_on_eight_consents_has_no_place_of_its_own_and_says_so(field: Field) -> None:
    placement = Placement(bytes(32), bytes(16), ["south-prosecutor"])
    for number in range(8):
        assert placement.own_place == number
        placement.add_consent(bytes([number] * 16))
    assert placement.own_place is None
    bundle, case_id = send(field)
    with field.north.office.files.session() as db:
        for use in handles_of_record(db, bundle):
            if use.role == handle_keys.HEADER:
                use.record = use.own_place = None
            else:
                db.delete(use)
    office, officer = field.north.office, field.north.officer("liaison-1")
    with pytest.raises(NoOwnPlace, match="after a restore"):  # its places are not known to be taken
        withdrawals.hold(office, officer, case_id, bundle, reason="r", now=now())
    with office.files.session() as db:
        for use in db.scalars(select(HandleUse).where(HandleUse.bundle_id == bundle)):
            use.record = bytes([use.place] * 16)
    for destroys in (False, True):
        with pytest.raises(NoOwnPlace, match="eight consents"):
            stopping.stop(office, officer, case_id, [bundle], destroys=destroys, reason="r", now=now())
    assert opens(field, bundle)


def test_a_derivative_takes_over_consents_of_its_parent_and_not_the_parents_own_place(field: Field) -> None:
    made = share_with_consent(field)
    with field.shelter.office.files.session() as db:
        assert handle_keys.own_records(db, made.bundle_id) == [made.record_id]
        assert db.get_one(StoredBundle, made.bundle_id).direction == "out"
        assert {use.place for use in handles_of_record(db, made.bundle_id)} == {1}
        assert {use.place for use in handles_of_record(db, made.record_id)} == {0}


def test_a_bundle_is_stopped_before_it_is_sent(field: Field) -> None:
    made = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"])
    stopped, sent = made.seal(), made.seal()
    office, officer = field.north.office, field.north.officer("liaison-1")
    withdrawals.hold(office, officer, made.made.case_id, stopped, reason="too early", now=now())
    with pytest.raises(HandleUsed):
        delivery.send(office, stopped, now=now())
    delivery.send(office, sent, now=now())
    field.south.sync()
    assert opens(field, sent)


def test_the_commands_hold_lift_and_withdraw_a_bundle(field: Field, tmp_path: Path) -> None:
    bundle, case_id = send(field)
    north = Commands(field, field.north, tmp_path / "papers")
    by = field.north.handle("liaison-1").partition("/")[2]
    other = field.north.handle("supervisor-1").partition("/")[2]
    north.do("hold", case_id.hex(), bundle.hex(), "--reason", "sent to the wrong agency", by=by)
    assert not opens(field, bundle)
    asked = north.do("lift", case_id.hex(), bundle.hex(), by=by)["approval"]
    north.do("approve", asked, by=other)
    north.do("lift", case_id.hex(), bundle.hex(), "--approval", asked, by=by)
    assert opens(field, bundle)
    asked = north.do("withdraw", case_id.hex(), bundle.hex(), by=by)["approval"]
    north.do("approve", asked, by=other)
    north.do("withdraw", case_id.hex(), bundle.hex(), "--approval", asked, by=by)
    field.sync_all()
    with pytest.raises(ReleaseDestroyed):
        open_at(field.south, "prosecutor-1", bundle)
    told = north.do("receipts", case_id.hex(), bundle.hex(), by=by)
    assert [(one["agency"], one["state"]) for one in told["receipts"]] == [("south-prosecutor", "awaited")]
    assert [one["state"] for one in told["holds"]] == ["lifted", "destroyed"]
