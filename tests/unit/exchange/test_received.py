"""What arrived, what was returned unopened, and what is kept, as the pages of a desk read it."""

import pytest

from errors import Conflict, FormatError, NotEntitled, NotFound, NotPermitted
from exchange import adopting, approvals, ciphertext, kept, opening, received, returning
from exchange.reading import preview
from tests.support.departures import new_case
from tests.support.field import DeskAt, Field, now
from tests.support.traffic import ask_at, between, dropped, open_at, parcel, record_of


def send(field: Field, *officers: str, **more: object) -> bytes:
    return parcel(field.north, "liaison-1", field.south, officers or ("prosecutor-1",), **more).send(field.south)


def stage_of(desk: DeskAt, bundle_id: bytes) -> tuple[str, str]:
    with desk.office.files.session() as db:
        found = {one.bundle_id: one for one in received.list_received(db, desk.agency)}
    return found[bundle_id].stage, found[bundle_id].state


def test_a_bundle_waits_until_somebody_of_the_agency_opens_it(field: Field) -> None:
    bundle, other = send(field), send(field)
    assert stage_of(field.south, bundle) == (received.WAITING, "arrived")
    open_at(field.south, "prosecutor-1", bundle).close()
    assert stage_of(field.south, bundle) == (received.OPENED, "arrived")  # before it comes back from the log, and then
    field.south.sync()
    assert stage_of(field.south, bundle) == (received.OPENED, "arrived")
    assert stage_of(field.south, other) == (received.WAITING, "arrived")
    with field.south.office.files.session() as db:
        assert received.opened_by(db, bundle, "south-prosecutor") == "south-prosecutor/prosecutor-1"
        assert received.opened_by(db, other, "south-prosecutor") is None


def test_a_list_says_for_whom_a_bundle_is_sealed(field: Field) -> None:
    bundle = send(field, "prosecutor-2")
    assert received.is_for(field.south.office, field.south.officer("prosecutor-2"), bundle)
    assert not received.is_for(field.south.office, field.south.officer("prosecutor-1"), bundle)


def test_what_is_returned_is_on_record_with_its_reason_and_opens_here_no_more(field: Field) -> None:
    bundle, officer = send(field), field.south.officer("prosecutor-1")
    ciphertext.fetch_payload(field.south.office, bundle)
    header = preview(field.south.office, officer, bundle, now=now()).header
    assert ciphertext.has_payload(field.south.office, header)
    for reason in ("", "  ", "x" * 301):
        with pytest.raises(FormatError, match="say why"):
            returning.return_unopened(field.south.office, officer, bundle, reason=reason, now=now())
    with pytest.raises(NotEntitled):
        returning.return_unopened(
            field.south.office, field.south.officer("prosecutor-2"), bundle, reason="Not mine.", now=now()
        )
    with pytest.raises(NotPermitted, match="your own agency"):
        returning.return_unopened(
            field.north.office, field.north.officer("liaison-1"), bundle, reason="Back.", now=now()
        )
    returning.return_unopened(field.south.office, officer, bundle, reason="Not for us.", now=now())
    assert stage_of(field.south, bundle) == (received.ENDED, received.RETURNED)
    assert not ciphertext.has_payload(field.south.office, header)
    told = [one for one in record_of(field.north, "liaison-1", bundle) if one.kind == "returned"]
    assert [(one.officer, one.details["reason"]) for one in told] == [(officer.handle, "Not for us.")]
    for attempt in (
        lambda: open_at(field.south, "prosecutor-1", bundle),
        lambda: ask_at(field.south, "prosecutor-1", bundle),
        lambda: returning.return_unopened(field.south.office, officer, bundle, reason="Again.", now=now()),
    ):
        with pytest.raises(Conflict, match="has returned this bundle"):
            attempt()
    open_at(field.north, "liaison-1", bundle).close()  # the control: the sender's own officer still opens it


def test_what_was_opened_is_not_returned_unopened(field: Field) -> None:
    bundle, officer = send(field), field.south.officer("prosecutor-1")
    open_at(field.south, "prosecutor-1", bundle).close()
    with pytest.raises(Conflict, match="was opened here"):
        returning.return_unopened(field.south.office, officer, bundle, reason="Late.", now=now())


def test_a_return_waits_for_a_broker_that_does_not_answer(field: Field) -> None:
    bundle, officer = send(field), field.south.officer("prosecutor-1")
    with between(field.south.office, dropped("POST", "/events", before=True)):
        returning.return_unopened(field.south.office, officer, bundle, reason="Not for us.", now=now())
    assert stage_of(field.south, bundle) == (received.ENDED, received.RETURNED)
    assert "returned" not in {one.kind for one in record_of(field.north, "liaison-1", bundle)}
    field.south.sync()
    assert "returned" in {one.kind for one in record_of(field.north, "liaison-1", bundle)}


def test_a_range_of_a_file_is_what_stands_there(field: Field) -> None:
    data = bytes(range(256)) * 2000
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"], (b"first", data)).send(field.south)
    with open_at(field.south, "prosecutor-1", bundle) as opened:
        assert b"".join(opened.read_range(2, 70_000, 140_001)) == data[70_000:140_001]
        assert b"".join(opened.read_range(1, 0, 999)) == b"first"
        assert b"".join(opened.read_range(1, 4, 2)) == b""
        with pytest.raises(NotFound):
            list(opened.read_range(3, 0, 1))


def test_an_officer_reads_her_own_question_and_nobody_elses(field: Field) -> None:
    bundle = send(field, "prosecutor-1", "prosecutor-2")
    asked = ask_at(field.south, "prosecutor-1", bundle, purpose="protection")
    officer = field.south.officer("prosecutor-1")
    with field.south.office.files.session() as db:
        found = approvals.read_own(db, officer, asked)
        assert found.subject["subjects"][0]["purpose"] == "protection"
        newest = approvals.newest_asked(db, officer, "open", bundle)
        assert newest is not None
        assert newest.approval_id == asked
        assert approvals.newest_asked(db, field.south.officer("prosecutor-2"), "open", bundle) is None
        with pytest.raises(NotFound):
            approvals.read_own(db, field.south.officer("prosecutor-2"), asked)
    opening.approve_opening(field.south.office, field.south.officer("prosecutor-2"), asked, now=now())
    open_at(field.south, "prosecutor-1", bundle, purpose="protection", approval_id=asked).close()
    with field.south.office.files.session() as db, pytest.raises(NotFound):
        approvals.read_own(db, officer, asked)


def test_kept_items_name_their_origin_and_term(field: Field) -> None:
    case_id = new_case(field.south, "prosecutor-1")
    bundle = send(field, keep_until="2026-01-31", handling=("H1",))
    office, officer = field.south.office, field.south.officer("prosecutor-1")
    with open_at(field.south, "prosecutor-1", bundle) as opened:
        items = adopting.keep_in_case(office, officer, opened, case_id, [0, 1], with_exhibits=True, now=now())
    with office.files.session() as db:
        found = kept.list_kept(db, officer, case_id)
        assert {one.item.item_id for one in found} == set(items)
        assert {(one.sender, one.keep_until, one.standing) for one in found} == {
            ("north-police/liaison-1", "2026-01-31", kept.FREE)
        }
        assert found[0].is_over("2026-02-01")
        assert not found[0].is_over("2026-01-31")
        assert kept.get_kept(db, officer, items[0]).item.kind == "form"
        assert kept.find_form(db, officer, case_id, bundle).item_id == items[0]
        with pytest.raises(NotPermitted):
            kept.list_kept(db, field.south.officer("prosecutor-2"), case_id)
        assert kept.list_kept(db, field.south.officer("prosecutor-2")) == []
        with pytest.raises(NotFound):
            kept.find_form(db, officer, case_id, b"\x00" * 16)
