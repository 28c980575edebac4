"""Flags: raised after sending they stop an opening until they are read; nobody else lowers them; none vanishes."""

import dataclasses
from typing import Any

import pytest

from crypto.encoding import b64u
from custody.register import Record, sign_version
from errors import (
    ApprovalMissing,
    FlagForbids,
    LimitExceeded,
    NotFound,
    NotPermitted,
    QuotaExceeded,
    RegisterInvalid,
    RegisterStale,
    SignatureInvalid,
)
from exchange import approvals, arrivals, policy, reading, registers
from exchange.office import list_alarms
from tests.support.field import DeskAt, Field, now
from tests.support.traffic import flag, open_at, parcel, record_of


def _send(field: Field, **more: Any) -> bytes:
    return parcel(field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"], **more).send(field.south)


def _raise(desk: DeskAt, officer: str, bundle: bytes, **more: Any) -> int:
    return registers.raise_flag(desk.office, desk.officer(officer), bundle, flag(**more), now=now())


def _seen(field: Field, bundle: bytes) -> reading.Preview:
    return reading.preview(field.south.office, field.south.officer("prosecutor"), bundle, now=now())


def test_a_flag_goes_out_with_the_bundle(field: Field) -> None:
    bundle = _send(field, flags=(flag(), flag("no-export", "P-2")))
    assert [(one["instruction"], one["state"], one["raiser"]) for one in _seen(field, bundle).flags] == [
        ("no-contact", "raised", "north-police"), ("no-export", "raised", "north-police"),
    ]  # fmt: skip


def test_a_flag_raised_after_sending_stops_the_opening_until_it_is_read(field: Field) -> None:
    bundle = _send(field)
    before = _seen(field, bundle)
    _raise(field.north, "liaison-1", bundle)
    with pytest.raises(RegisterStale):  # the desk had not even synced
        open_at(field.south, "prosecutor-1", bundle, acknowledged=before.register_digest)
    assert [one.kind for one in record_of(field.south, "prosecutor-1", bundle)] == ["deposited"]
    after = _seen(field, bundle)
    assert [one["flag"] for one in after.flags] == ["at risk"]
    open_at(field.south, "prosecutor-1", bundle, acknowledged=after.register_digest).close()


def test_a_register_written_anew_without_a_change_does_not_have_to_be_read_again(field: Field) -> None:
    bundle = _send(field, flags=(flag(),))
    read = _seen(field, bundle).register_digest
    assert registers.rewrite(field.north.office, field.north.officer("liaison"), bundle, now=now())
    open_at(field.south, "prosecutor-1", bundle, acknowledged=read).close()
    with pytest.raises(RegisterStale):
        open_at(field.south, "prosecutor-1", bundle, acknowledged=bytes(32))


def test_a_request_with_a_version_that_is_not_the_newest_gets_no_half(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker's own answer to a flag that came in the very moment."""
    bundle = _send(field)
    read = _seen(field, bundle)
    real = arrivals.check_tags

    def raised_meanwhile(*args: Any, **more: Any) -> list[str]:
        found = real(*args, **more)
        monkeypatch.undo()
        _raise(field.north, "liaison-1", bundle)
        return found

    monkeypatch.setattr(arrivals, "check_tags", raised_meanwhile)
    with pytest.raises(RegisterStale):
        open_at(field.south, "prosecutor-1", bundle, acknowledged=read.register_digest)
    assert [one.kind for one in record_of(field.south, "prosecutor-1", bundle)] == ["deposited"]
    open_at(field.south, "prosecutor-1", bundle).close()  # its number was free again


def test_the_register_is_written_anew_after_an_opening(field: Field) -> None:
    bundle = _send(field)
    open_at(field.south, "prosecutor-1", bundle).close()
    field.north.sync()
    seen = reading.preview(field.north.office, field.north.officer("liaison"), bundle, now=now())
    assert (seen.version.version, seen.version.officer) == (2, "south-prosecutor/prosecutor-1")


def test_any_party_raises_and_only_the_raiser_lowers_with_two_officers(field: Field) -> None:
    bundle = _send(field)
    place = _raise(field.south, "prosecutor-1", bundle)
    field.north.sync()
    with pytest.raises(NotPermitted):
        registers.ask_lowering(field.north.office, field.north.officer("liaison"), bundle, place, now=now())
    office, first, second = field.south.office, field.south.officer("prosecutor-1"), field.south.officer("prosecutor-2")
    asked = registers.ask_lowering(office, first, bundle, place, now=now())
    with pytest.raises(ApprovalMissing):
        registers.lower_flag(office, first, asked, now=now())
    with office.files.session() as db:
        approvals.grant(db, second, asked, now=now())
    registers.lower_flag(office, first, asked, now=now())
    field.north.sync()
    seen = reading.preview(field.north.office, field.north.officer("liaison"), bundle, now=now())
    assert [(one["state"], one["number"]) for one in seen.flags] == [("lowered", 2)]


def test_a_remark_answers_a_flag_and_stays_beside_it(field: Field) -> None:
    bundle = _send(field, flags=(flag(),))
    registers.remark_on_flag(field.south.office, field.south.officer("prosecutor"), bundle, 0, "noted", now=now())
    (shown,) = _seen(field, bundle).flags
    assert shown["remarks"] == [{"by": "south-prosecutor/prosecutor-1", "text": "noted"}]
    assert shown["state"] == "raised"
    with pytest.raises(NotFound):
        registers.remark_on_flag(field.south.office, field.south.officer("prosecutor"), bundle, 63, "x", now=now())


def test_eight_flags_are_an_agencys_and_no_ninth(field: Field) -> None:
    with pytest.raises(LimitExceeded):
        _send(field, flags=tuple(flag(pseudonym=f"P-{one}") for one in range(9)))
    bundle = _send(field, flags=tuple(flag(pseudonym=f"P-{one}") for one in range(8)))
    with pytest.raises(LimitExceeded):
        _raise(field.north, "liaison-1", bundle)
    _raise(field.south, "prosecutor-1", bundle)


def test_the_last_versions_of_a_day_are_kept_for_raises(field: Field) -> None:
    bundle = _send(field)
    officer, office, written = field.north.officer("liaison"), field.north.office, 0
    while registers.rewrite(office, officer, bundle, now=now()):
        written += 1
        assert written < 20
    places = [_raise(field.north, "liaison-1", bundle, pseudonym=f"P-{one}") for one in range(12 - written)]
    assert len(places) == len(set(places)) == 4
    with pytest.raises(QuotaExceeded):
        _raise(field.north, "liaison-1", bundle, pseudonym="P-x")


def _forge(desk: DeskAt, officer: str, bundle: bytes, change: Any) -> None:
    """A version as a dishonest desk would sign and send it; the broker cannot read it."""
    acting = desk.officer(officer)
    registers._write(desk.office, acting, bundle, change, is_raise=False, now=now())


def _vanish(places: list[Record | None], agencies: Any, seen: Any) -> list[Record | None]:
    return [None] * len(places)


def _lower_alone(desk: DeskAt, officer: str) -> Any:
    def change(places: list[Record | None], agencies: Any, seen: Any) -> list[Record | None]:
        acting = desk.officer(officer)
        at = next(number for number, one in enumerate(places) if one is not None)
        value = places[at].value  # type: ignore[union-attr]
        members = {name: value[name] for name in registers.FLAG_MEMBERS}
        entry = registers.flag_entry(at, value["number"] + 1, value["raiser"], members, "lowered")
        places[at] = registers._signed(acting, seen.header.bundle_id, seen.header_digest, entry)
        return places

    return change


@pytest.mark.parametrize("kind", ["vanished", "lowered by another", "lowered by one"])
def test_a_version_that_drops_a_flag_closes_the_bundle_and_is_an_alarm(field: Field, kind: str) -> None:
    bundle = _send(field, flags=(flag(),))
    desk, officer = (field.north, "liaison-1") if kind == "lowered by one" else (field.south, "prosecutor-1")
    _forge(desk, officer, bundle, _vanish if kind == "vanished" else _lower_alone(desk, officer))
    reader = field.south
    with pytest.raises(RegisterInvalid):
        open_at(reader, "prosecutor-2", bundle, acknowledged=bytes(32))
    with reader.office.files.session() as db:
        assert any(one.kind == "register-invalid" and bundle.hex() in one.subject for one in list_alarms(db))
    with pytest.raises(RegisterInvalid):
        open_at(reader, "prosecutor-2", bundle, acknowledged=bytes(32))
    honest = _send(field, flags=(flag(),))  # the control
    registers.rewrite(field.south.office, field.south.officer("prosecutor"), honest, now=now())
    open_at(reader, "prosecutor-2", honest).close()


def test_a_version_signed_by_nobody_who_may_is_refused_by_the_broker(field: Field) -> None:
    bundle = _send(field)
    seen = _seen(field, bundle)
    officer = field.south.officer("prosecutor")
    places: list[Record | None] = [None] * 64
    made = sign_version(officer, officer.handle, seen.stanza.r, bundle, seen.header_digest, seen.version, places)
    forged = dataclasses.replace(made, officer="south-prosecutor/prosecutor-2")
    value = registers.version_value(forged, bytes(32), bytes(16))
    with pytest.raises(SignatureInvalid):
        field.south.office.client.post_register(bundle, value)
    assert field.south.office.client.register(bundle)["previous"] == b64u(bytes(32))


def test_instructions_are_enforced_where_they_count(field: Field) -> None:
    bundle = _send(field, flags=(flag("no-export"), flag("no-onward-transfer")))
    flags = _seen(field, bundle).flags
    with pytest.raises(FlagForbids):
        policy.require_onward(flags, "2026-06-01", recipients=["shelter-ngo"], sender="north-police")
    policy.require_onward(flags, "2026-06-01", recipients=["north-police"], sender="north-police")
    with pytest.raises(FlagForbids):
        policy.require_export(flags, "2026-06-01", court_order="2 KLs 7/31", officers=1)
    with pytest.raises(FlagForbids):
        policy.require_export(flags, "2026-06-01", court_order=" ", officers=2)
    policy.require_export(flags, "2026-06-01", court_order="2 KLs 7/31", officers=2)
    policy.require_onward([], "2026-06-01", recipients=["shelter-ngo"], sender="north-police")
