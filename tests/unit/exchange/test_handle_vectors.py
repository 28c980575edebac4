"""Handles, spares, orders and receipts of tests/vectors/handles.json."""

from types import SimpleNamespace
from typing import Any

from broker.checks import check_event
from crypto.boxes import expand
from crypto.encoding import dump_json, fields, unb64u
from crypto.manifest import parse_manifest
from custody import handles
from custody.entries import handle_tag
from custody.events import HANDLE_KINDS, parse_event
from exchange.models import PurgeReceipt
from exchange.orders import verify_handle_signers
from exchange.withdrawals import open_receipt, purge_key
from tests.support.vectors import Run, Vector, check, directory_of, each

SETTINGS: Any = SimpleNamespace(max_event_bytes=256 * 1024)
DIGEST = "A" * 43
ENTRY = {
    "object": "A" * 22, "file": "A" * 22, "size_bytes": 0, "sha256": DIGEST, "media_type": "text/plain",
    "derivation": None, "parts": None, "pieces": DIGEST,
}  # fmt: skip


def derive(vector: Vector) -> Any:
    secret, bundle_id, place = vector.octets("secret"), vector.octets("bundle_id"), vector.given["place"]
    public = handles.handle_key(secret, bundle_id, place).public_key
    own = handles.own_handle(secret, bundle_id, place)
    assert own == handles.handle_of(public)
    seed = expand(secret, fields("amparo/v1/handle-key", bundle_id, place), 32)
    return {"seed": seed, "public_key": public, "handle": own, "tag": handle_tag(own)}


def deal(vector: Vector) -> Any:
    given = vector.given
    dealt = handles.deal_own(vector.octets("secret"), vector.octets("bundle_id"), given["places"], given["agencies"])
    return [one.value() for one in dealt]


def take_spare(vector: Vector) -> Any:
    given = vector.given
    used = [unb64u(one) for one in given["used"]]
    own, dealt = handles.take_spare(handles.parse_spares(given["range"]), used, given["agencies"], given["place"])
    return {"own": own, "dealt": [one.value() for one in dealt]}


def read_range(vector: Vector) -> Any:
    """As a recipient reads it: in a manifest, which is strict, and then by itself."""
    manifest = {"v": 1, "kind": "share", "entries": [ENTRY], "handles": [], "spares": [vector.given["range"]]}
    (value,) = parse_manifest(dump_json(manifest))["spares"]
    found = handles.parse_spares(value)
    assert found.value() == vector.given["range"]
    return {"place": found.place, "agency": found.agency, "first": found.first, "count": len(found.handles)}


def take_event(vector: Vector) -> Any:
    """As the broker takes it, and then a desk."""
    given = vector.given
    directory = directory_of(given["log"], given["members"], given["deputies"])
    raw = unb64u(given["statement"])
    sent = {"statement": raw, "salt": bytes(32), "details_box": None}
    event, _ = check_event(directory, given["agency"], sent, SETTINGS)
    assert event == parse_event(raw, log=given["log"])
    assert event.kind in HANDLE_KINDS
    if event.kind != "purge-receipt":
        office: Any = SimpleNamespace(directory=lambda db: directory)
        db: Any = None
        verify_handle_signers(db, office, event, 10)
    return {"kind": event.kind, "handle": event.handle, "tag": event.tag}


def read_receipt(vector: Vector) -> Any:
    secret, handle = vector.octets("secret"), vector.octets("handle")
    one_time = expand(secret, fields("amparo/v1/purge-key", handle), 96)
    assert one_time == vector.octets("one_time_secret")
    assert purge_key(secret, handle).public_key
    row = PurgeReceipt(handle=handle, agency=vector.given["agency"], box=vector.octets("box"))
    return open_receipt(secret, row)


FORMS: dict[str, Run] = {
    "handle": derive,
    "deal": deal,
    "derive": take_spare,
    "spares": read_range,
    "handle-event": take_event,
    "receipt": read_receipt,
}


@each("handles.json")
def test_handle_vectors(vector: Vector) -> None:
    """Who withdraws consent must reach every bundle that rests on it, whichever implementation made it."""
    check(vector, FORMS)
