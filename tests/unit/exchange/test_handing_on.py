"""A key goes to a colleague on the record, and never joins two shares in one hand."""

from dataclasses import replace

import pytest

from errors import Conflict, FormatError, HeadersDiffer, NotEntitled, NotFound, NotPermitted
from exchange import approvals, delivery, handing_on, opening, reading
from exchange.office import list_alarms
from tests.support.field import Field, now
from tests.support.traffic import ask_at, open_at, parcel, record_of

THIRD = "south-prosecutor/supervisor-1"


def _hand(field: Field, officer: str, bundle: bytes, to: str, reason: str = "holiday") -> None:
    handing_on.hand_on(field.south.office, field.south.officer(officer), bundle, to, reason=reason, now=now())


def _for_two(field: Field) -> bytes:
    made = parcel(
        field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"], threshold=2,
        own_officers=("north-police/liaison-1", "north-police/liaison-2"),
    )  # fmt: skip
    approval = delivery.ask_approval(field.north.office, made.officer, made.made, now=now())
    with field.north.office.files.session() as db:
        approvals.grant(db, field.north.officer("liaison-2"), approval, now=now())
    return made.send(field.south, approval_id=approval)


def test_a_colleague_opens_with_a_key_that_was_handed_on_and_both_agencies_read_who_gave_it(field: Field) -> None:
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"]).send(field.south)
    with pytest.raises(NotEntitled):
        open_at(field.south, "supervisor-1", bundle, acknowledged=bytes(32))
    _hand(field, "prosecutor-1", bundle, THIRD)
    with open_at(field.south, "supervisor-1", bundle) as found:
        assert b"".join(found.read(1)) == b"evidence"
    for desk, officer in ((field.south, "prosecutor-1"), (field.north, "liaison-1")):
        act = next(one for one in record_of(desk, officer, bundle) if one.kind == "stanza-handed-on")
        assert act.officer == "south-prosecutor/prosecutor-1"
        assert act.details == {"to": THIRD, "x": 1, "reason": "holiday"}
    open_at(field.south, "prosecutor-1", bundle).close()  # the giver keeps her own


def test_who_can_open_it_already_is_given_nothing(field: Field) -> None:
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"]).send(field.south)
    with pytest.raises(Conflict):
        _hand(field, "prosecutor-1", bundle, "south-prosecutor/prosecutor-2")
    _hand(field, "prosecutor-1", bundle, THIRD)
    with pytest.raises(Conflict):
        _hand(field, "prosecutor-2", bundle, THIRD)


def test_a_key_goes_to_an_officer_of_the_agency_whose_role_opens_bundles(field: Field) -> None:
    field.south.appoint("auditor-1", "auditor")
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"]).send(field.south)
    for to in ("north-police/liaison-2", "south-prosecutor/auditor-1"):
        with pytest.raises(NotPermitted):
            _hand(field, "prosecutor-1", bundle, to)
    with pytest.raises(NotFound):
        _hand(field, "prosecutor-1", bundle, "south-prosecutor/prosecutor-99")
    with pytest.raises(FormatError):
        _hand(field, "prosecutor-1", bundle, THIRD, reason=" ")
    assert [one.kind for one in record_of(field.south, "prosecutor-1", bundle)] == ["deposited"]
    _hand(field, "prosecutor-1", bundle, THIRD)


def test_who_has_no_key_hands_none_on(field: Field) -> None:
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"]).send(field.south)
    with pytest.raises(NotEntitled):
        _hand(field, "prosecutor-2", bundle, THIRD)
    _hand(field, "prosecutor-1", bundle, "south-prosecutor/prosecutor-2")
    _hand(field, "prosecutor-2", bundle, THIRD)  # on and on, each on the record


def test_a_hand_on_never_joins_two_shares(field: Field) -> None:
    bundle = _for_two(field)
    with pytest.raises(NotPermitted):
        _hand(field, "prosecutor-1", bundle, "south-prosecutor/prosecutor-2")
    _hand(field, "prosecutor-1", bundle, THIRD)
    with pytest.raises(NotPermitted):  # the third has the first share now
        _hand(field, "prosecutor-2", bundle, THIRD)
    assert [one.kind for one in record_of(field.south, "prosecutor-1", bundle)][1:] == ["stanza-handed-on"]


def test_who_got_a_share_opens_with_the_other_one_and_not_with_the_giver(field: Field) -> None:
    bundle = _for_two(field)
    _hand(field, "prosecutor-1", bundle, THIRD)
    alone = ask_at(field.south, "supervisor-1", bundle)
    with pytest.raises(NotEntitled):
        opening.approve_opening(field.south.office, field.south.officer("prosecutor-1"), alone, now=now())
    opening.approve_opening(field.south.office, field.south.officer("prosecutor-2"), alone, now=now())
    open_at(field.south, "supervisor-1", bundle, approval_id=alone).close()


def test_shares_that_a_dishonest_colleague_joined_are_an_alarm(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = _for_two(field)
    with monkeypatch.context() as patch:
        patch.setattr(handing_on, "require_one_share", lambda *_: None)
        _hand(field, "prosecutor-1", bundle, "south-prosecutor/prosecutor-2")
    ask_at(field.south, "prosecutor-2", bundle)
    with field.south.office.files.session() as db:
        kinds = {(one.kind, one.subject) for one in list_alarms(db)}
    assert ("shares-joined", f"{bundle.hex()} south-prosecutor/prosecutor-2") in kinds
    other = _for_two(field)
    ask_at(field.south, "prosecutor-2", other)
    with field.south.office.files.session() as db:
        assert not any(one.kind == "shares-joined" and other.hex() in one.subject for one in list_alarms(db))


def test_a_key_sealed_to_somebody_whom_the_record_does_not_name_is_reported(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"]).send(field.south)
    field.south.appoint("prosecutor-8", "prosecutor")
    real = handing_on.receiving_key_of
    with monkeypatch.context() as patch:
        patch.setattr(
            handing_on, "receiving_key_of", lambda db, office, to: real(db, office, "south-prosecutor/prosecutor-8")
        )
        _hand(field, "prosecutor-1", bundle, THIRD)
    with pytest.raises(HeadersDiffer):
        reading.preview(field.south.office, field.south.officer("prosecutor-8"), bundle, now=now())
    with field.south.office.files.session() as db:
        assert any(one.kind == "unlisted-key" and bundle.hex() in one.subject for one in list_alarms(db))


def test_a_hand_on_by_another_agency_does_not_stand_before_a_colleagues(field: Field) -> None:
    """Whoever is named in the header can log one; alone it is reported, and it closes nothing to anybody."""
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"]).send(field.south)
    north, officer = field.north.office, field.north.officer("liaison-1")
    seen = reading.preview(north, officer, bundle, now=now())
    with north.files.session() as db:
        key = north.directory(db).certificate(THIRD).receiving_key
        assert key is not None
        handing_on.record_hand_on(
            db, north, officer, seen, replace(seen.stanza, share=bytes(32)), THIRD, key, reason="trap", now=now()
        )
    field.sync_all()
    with pytest.raises(HeadersDiffer):
        open_at(field.south, "supervisor-1", bundle, acknowledged=bytes(32))
    _hand(field, "prosecutor-1", bundle, THIRD)
    with open_at(field.south, "supervisor-1", bundle) as found:
        assert b"".join(found.read(1)) == b"evidence"
