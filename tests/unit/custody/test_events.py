"""Events on bundles and handles, their sealed details, and handles of consent."""

import random
from typing import Any

import pytest

from crypto import hybrid, labels, signing
from crypto.encoding import b64u, dump_json
from crypto.statements import make_statement, parse_statement, verify_statement
from custody import events, handles
from custody.checkpoint import Checkpoint
from errors import CommitmentMismatch, DecryptionFailed, FormatError, LimitExceeded, SignatureInvalid

LOG = "log.example/amparo"
OFFICER = "south/prosecutor-1"


@pytest.fixture
def key(rng: random.Random) -> signing.SigningKey:
    return signing.SigningKey(rng.randbytes(32))


def request(rng: random.Random, **changes: Any) -> dict[str, Any]:
    base = events.common(
        "open-requested", LOG, "south", OFFICER, 4, rng.randbytes(16), 7, Checkpoint(LOG, 9, bytes(32))
    )
    return {
        **events.on_bundle(
            base, rng.randbytes(16), rng.randbytes(32), register_digest=b64u(rng.randbytes(32)), broker="broker-one",
            one_time_key=b64u(hybrid.ReceivingKey(hybrid.generate()).public_key), commitment=b64u(rng.randbytes(32)),
        ),
        **changes,
    }  # fmt: skip


def signed(body: dict[str, Any], key: signing.SigningKey) -> bytes:
    return make_statement(body).signed_by(labels.EVENT_SIGNATURE, OFFICER, key).dump()


def test_an_event_round_trips_and_its_signature_counts(rng: random.Random, key: signing.SigningKey) -> None:
    data = signed(request(rng), key)
    event = events.parse_event(data, log=LOG)
    assert (event.kind, event.agency, event.number, event.dump()) == ("open-requested", "south", 4, data)
    verify_statement(event.statement, labels.EVENT_SIGNATURE, {OFFICER: key.public_key}.get)
    for label, keys in ((labels.DIRECTORY, {OFFICER: key.public_key}), (labels.EVENT_SIGNATURE, {})):
        with pytest.raises(SignatureInvalid):
            verify_statement(event.statement, label, keys.get)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "opened"}, {"kind": "unknown"}, {"kind": 5}, {"v": 2}, {"v": True}, {"extra": 1}, {"number": -1},
        {"number": True}, {"tag": "AAAA"}, {"officer": "Ana"}, {"agency": "S!"}, {"one_time_key": None},
        {"checkpoint": {"size": 1}}, {"log": "other.example"}, {"bundle_id": "AA"}, {"broker": 1},
    ],
)  # fmt: skip
def test_malformed_events_are_refused(rng: random.Random, key: signing.SigningKey, changes: dict[str, Any]) -> None:
    assert events.parse_event(signed(request(rng), key), log=LOG)
    with pytest.raises(FormatError):
        events.parse_event(signed(request(rng, **changes), key), log=LOG)


def test_damaged_statements_are_refused(rng: random.Random, key: signing.SigningKey) -> None:
    good = make_statement({"a": 1}).signed_by(labels.DIRECTORY, "north/liaison-1", key)
    assert parse_statement(good.dump()) == good
    twice = good.signed_by(labels.DIRECTORY, "north/liaison-1", key)
    for raw in (good.dump()[:-1], twice.dump(), make_statement({"a": 1}).dump(), b"", good.dump() + b"\0"):
        with pytest.raises(FormatError):
            parse_statement(raw)


def test_details_open_for_the_agencys_key_and_are_bound_to_the_event(rng: random.Random) -> None:
    body = request(rng)
    details = dump_json({"purpose": "prosecution", "legal_basis": "eio", "place": None, "approval": None})
    salt, secret = rng.randbytes(32), rng.randbytes(32)
    body["commitment"] = b64u(events.details_commitment(salt, details))
    sealing_key = events.details_key(secret, rng.randbytes(16))
    box = events.seal_details(sealing_key, events.core_of(body), salt, details)
    assert len(box) == events.DETAILS_BOX_BYTES
    assert events.open_details(sealing_key, body, box)["purpose"] == "prosecution"
    with pytest.raises(DecryptionFailed):
        events.open_details(rng.randbytes(32), body, box)
    with pytest.raises(DecryptionFailed):
        events.open_details(sealing_key, {**body, "number": 5}, box)
    with pytest.raises(CommitmentMismatch):
        events.open_details(sealing_key, {**body, "commitment": b64u(rng.randbytes(32))}, box)


def test_an_approval_is_bound_to_agency_number_and_key(rng: random.Random) -> None:
    """Decision 0005."""
    body = request(rng)
    core = events.core_of(body)
    assert core == events.core_of({**body, "commitment": "other", "officer": "south/prosecutor-2", "at": 8})
    for name, value in (("agency", "north"), ("number", 5), ("one_time_key", "other"), ("register_digest", "other")):
        assert events.core_of({**body, name: value}) != core


def test_handles_of_one_secret_do_not_join(rng: random.Random) -> None:
    secret, bundle = rng.randbytes(32), rng.randbytes(16)
    made = {handles.own_handle(secret, other, place) for other in (bundle, rng.randbytes(16)) for place in range(8)}
    assert len(made) == 16
    key = handles.handle_key(secret, bundle, 3)
    assert handles.handle_of(key.public_key) == handles.own_handle(secret, bundle, 3)


def test_spares_are_dealt_once_and_run_out(rng: random.Random) -> None:
    secret, bundle = rng.randbytes(32), rng.randbytes(16)
    ranges = handles.deal_own(secret, bundle, [0, 2], ["south", "west"])
    assert [(one.place, one.agency, one.first) for one in ranges] == [
        (0, "south", 8), (0, "west", 24), (2, "south", 40), (2, "west", 56),
    ]  # fmt: skip
    every = [handle for one in ranges for handle in one.handles]
    assert len(set(every)) == 64 and len(handles.own_places(4)) == 72
    assert every == [handles.own_handle(secret, bundle, place) for place in range(8, 72)]
    own, dealt = handles.take_spare(ranges[0], [], ["x", "y"], place=0)
    given = [handle for one in dealt for handle in one.handles]
    assert own not in given and len(given) == len(set(given)) == 14
    with pytest.raises(LimitExceeded):
        handles.take_spare(ranges[0], ranges[0].handles, ["x"], place=0)


def test_ranges_of_spares_round_trip_and_malformed_ones_are_refused(rng: random.Random) -> None:
    good = handles.deal_own(rng.randbytes(32), rng.randbytes(16), [0], ["south"])[0]
    assert handles.parse_spares(good.value()) == good
    for changes in (
        {"place": 8},
        {"first": 7},
        {"handles": ["AA"]},
        {"handles": [good.value()["handles"][0]] * 17},
        {"agency": 1},
    ):
        with pytest.raises(FormatError):
            handles.parse_spares({**good.value(), **changes})
