"""Bundles: deposit, parts, download, release, register, state (docs/protocol.md 3 to 5 and 9).

The one module that hands anything to the store of key halves (broker/halves.py).
"""

import secrets
from functools import partial
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from broker import checks, transfers, wire
from broker.auth import get_agency
from broker.blueprints import Blueprint
from broker.halves import Halves
from broker.limits import PAGE_ITEMS
from broker.lost import report_lost
from broker.models import Bundle, BundleAgency, Event, Register
from broker.parts import Parts, get_parts
from broker.proofs import get_proof
from broker.records import require_active
from broker.staging import has_bundle, has_statement, has_version, staged
from config.settings import BrokerSettings
from crypto.encoding import unb64u
from crypto.header import release_info
from errors import Conflict, FormatError, HalfLost, NotFound
from storage.database import open_engine, transact

bp = Blueprint("bundles", __name__, description="Sealed bundles and what is known of them.")
JSON_ONLY = "application/json"


def open_halves(settings: BrokerSettings) -> Halves:
    """The store of key halves, for the app factory."""
    return Halves(settings.halves_url, settings.store_key_file, settings.receiving_key_file, settings.broker_id)


def create_halves(settings: BrokerSettings) -> Halves:
    """Set up an empty store of key halves, for `amparo broker init`."""
    return Halves.create(settings.halves_url, settings.store_key_file, settings.receiving_key_file, settings.broker_id)


def replace_halves(settings: BrokerSettings) -> None:
    """Set up an empty store where one was lost; its key files are put aside first.

    Raises:
        Conflict: the old database is still there, without its key; move it away.
    """
    engine = open_engine(settings.halves_url, erase=True)
    is_there = bool(inspect(engine).get_table_names())
    engine.dispose()
    if is_there:
        raise Conflict("a store of key halves is there whose key is gone; move it away first")
    for path in (settings.store_key_file, settings.receiving_key_file):
        if path.exists():
            path.rename(path.with_name(f"{path.name}.of-lost-halves-{secrets.token_hex(4)}"))
    create_halves(settings).close()


def parse_id(text: str) -> bytes:
    """A bundle id out of an address.

    Raises:
        NotFound: it has another form, so there is no such bundle.
    """
    try:
        return unb64u(text, 16)
    except FormatError:
        raise NotFound("there is no such bundle") from None


def find_bundle(parts: Parts, bundle_id: bytes, agency: str) -> Bundle:
    """The bundle, for an agency that it names; NotFound for everybody else."""

    def work(session: Session) -> Bundle | None:
        named = session.get(BundleAgency, (parts.log_id, bundle_id, agency))
        return session.get(Bundle, (parts.log_id, bundle_id)) if named is not None else None

    found = transact(parts.readers, work)
    if found is None:
        raise NotFound("there is no such bundle")
    return found


def blob_key(header_digest: bytes, *names: str) -> str:
    """Where a bundle's ciphertext lies: under the digest of its header, which no second bundle has."""
    return "/".join(["bundles", header_digest.hex(), *names])


# ---- deposit and download


@bp.post("/bundles", endpoint="deposit")
@bp.arguments(wire.DepositSchema)
@bp.response(200, wire.DepositReceiptSchema)
def deposit(asked: dict[str, Any]) -> dict[str, Any]:
    """Take header, halves, cover, first register version and the event `deposited`: all or nothing."""
    parts = get_parts()
    parts.require_normal()
    header, payload = checks.check_deposit(parts.read_directory(), get_agency(), asked, parts.settings, parts.now())
    digest = payload["header_digest"]
    known = transact(parts.readers, lambda session: session.get(Bundle, (parts.log_id, header.bundle_id)))
    if known is not None:
        return _with_proof(parts, parts.submit("deposit", payload))
    # Halves and blobs first: what the log promises has to be there.
    keep = partial(parts.halves.put, parts.log_id, header, digest, asked["halves"])
    keep()
    blobs = {
        blob_key(digest, "header"): asked["header"],
        blob_key(digest, "cover"): asked["cover"],
        _register_key(digest, payload["register"]["digest"]): asked["register"]["box"],
        **transfers.large_statement(parts.log_id, payload["event"]["statement"]),
    }
    is_live = partial(has_bundle, parts.log_id, digest)
    with staged(parts, blobs, is_live, undo=lambda: parts.halves.forget(parts.log_id, digest)):
        answer = parts.submit("deposit", payload)
    if not parts.halves.has(parts.log_id, digest):
        keep()  # the refusal of a twin of this request has removed the half in between
    return _with_proof(parts, answer)


def _with_proof(parts: Parts, answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "proof": get_proof(parts, answer["index"])}


@bp.get("/bundles/<bundle_id>", endpoint="get_bundle")
@bp.response(200, wire.BundleSchema)
def get_bundle(bundle_id: str) -> dict[str, Any]:
    """Header, cover, state and addenda."""
    parts = get_parts()
    bundle = find_bundle(parts, parse_id(bundle_id), get_agency())
    query = (
        select(Event)
        .where(Event.log_id == parts.log_id, Event.object_id == bundle.bundle_id, Event.kind == "addendum")
        .order_by(Event.entry_index)
    )
    addenda = transact(parts.readers, lambda session: list(session.scalars(query)))
    return {
        "header": parts.blobs.get(blob_key(bundle.header_digest, "header")),
        "signature": bundle.header_signature,
        "cover": parts.blobs.get(blob_key(bundle.header_digest, "cover")),
        "state": get_state(parts, bundle),
        "addenda": [
            {"index": one.entry_index, "statement": transfers.get_statement(parts.blobs, one), "salt": one.salt}
            for one in addenda
        ],
        "index": bundle.entry_index,
        "complete": bundle.complete,
    }


def get_state(parts: Parts, bundle: Bundle) -> str:
    """The state as a desk sees it: the end of the term counts at once."""
    is_over = bundle.state in ("active", "held") and bundle.expires_at <= parts.now()
    return "expired" if is_over else bundle.state


@bp.get("/bundles/<bundle_id>/events", endpoint="list_events")
@bp.arguments(wire.AfterSchema, location="query")
@bp.response(200, wire.EventPageSchema)
def list_events(query: dict[str, Any], bundle_id: str) -> dict[str, Any]:
    """Events on the bundle behind an index, in order of the log."""
    parts = get_parts()
    bundle = find_bundle(parts, parse_id(bundle_id), get_agency())
    wanted = (
        select(Event)
        .where(
            Event.log_id == parts.log_id,
            Event.object_id == bundle.bundle_id,
            Event.entry_index > query["after"],
        )
        .order_by(Event.entry_index)
        .limit(PAGE_ITEMS)
    )
    rows = transact(parts.readers, lambda session: list(session.scalars(wanted)))
    return {
        "events": [transfers.dump_event(parts.blobs, row) for row in rows],
        "next": rows[-1].entry_index if len(rows) == PAGE_ITEMS else None,
    }


# ---- parts


@bp.put("/bundles/<bundle_id>/parts/<int:number>", endpoint="put_part")
@bp.response(200, wire.HaveSchema)
def put_part(bundle_id: str, number: int) -> dict[str, Any]:
    """Take one part; sending it again changes nothing."""
    parts = get_parts()
    parts.require_normal()
    bundle = find_bundle(parts, parse_id(bundle_id), get_agency())
    return {"have": transfers.put_part(parts, bundle, get_agency(), number, request.get_data())}


@bp.get("/bundles/<bundle_id>/parts", endpoint="list_parts")
@bp.response(200, wire.PartsSchema)
def list_parts(bundle_id: str) -> dict[str, Any]:
    """Which parts have arrived: an interrupted upload goes on from here."""
    parts = get_parts()
    bundle = find_bundle(parts, parse_id(bundle_id), get_agency())
    have = transact(parts.readers, partial(transfers.list_parts, parts.log_id, bundle))
    return {"have": have, "count": transfers.count_parts(bundle.payload_bytes), "complete": bundle.complete}


@bp.get("/bundles/<bundle_id>/parts/<int:number>", endpoint="get_part")
@bp.response(200, {"format": "binary", "type": "string"}, content_type="application/octet-stream")
def get_part(bundle_id: str, number: int) -> ResponseReturnValue:
    """One part of the ciphertext."""
    parts = get_parts()
    bundle = find_bundle(parts, parse_id(bundle_id), get_agency())
    return Response(transfers.get_part(parts, bundle, number), content_type="application/octet-stream")


# ---- release


@bp.post("/bundles/<bundle_id>/release", endpoint="release")
@bp.arguments(wire.EventSchema)
@bp.response(200, wire.ReleaseSchema)
def release(asked: dict[str, Any], bundle_id: str) -> dict[str, Any]:
    """Log a request to open, then release the half to its one-time key; both or neither."""
    parts = get_parts()
    event, payload = checks.check_event(parts.read_directory(), get_agency(), asked, parts.settings)
    if event.kind != "open-requested" or event.bundle_id != parse_id(bundle_id):
        raise FormatError("this is not a request to open this bundle")
    if event.body["broker"] != parts.settings.broker_id:
        raise FormatError("the request is made for another broker")
    is_live = partial(has_statement, parts.log_id, event.bundle_id, payload["statement"])
    with staged(parts, transfers.large_statement(parts.log_id, payload["statement"]), is_live):
        index = parts.submit("event", payload)["index"]
    # From here on the request stands in the log, synced and under a checkpoint. What may have come between is a
    # hold or a destruction: the state is read again here, and once more by the store as it answers.
    bundle = find_bundle(parts, parse_id(bundle_id), get_agency())
    require_active(bundle, parts.now())
    try:
        boxes = parts.halves.release(
            parts.log_id,
            bundle.header_digest,
            unb64u(event.body["one_time_key"]),
            release_info(event.statement.body),
        )
    except HalfLost:
        report_lost(parts, bundle)
        raise
    return {"index": index, "proof": get_proof(parts, index), "releases": boxes}


# ---- register


@bp.post("/bundles/<bundle_id>/register", endpoint="add_version")
@bp.arguments(wire.RegisterSchema)
@bp.response(200, wire.ReceiptSchema)
def add_version(asked: dict[str, Any], bundle_id: str) -> dict[str, Any]:
    """Take the next version of the flag register."""
    parts = get_parts()
    bundle = find_bundle(parts, parse_id(bundle_id), get_agency())
    payload = checks.check_register(parts.read_directory(), get_agency(), bundle.bundle_id, bundle.header_digest, asked)
    is_live = partial(has_version, parts.log_id, bundle.bundle_id, payload["digest"])
    with staged(parts, {_register_key(bundle.header_digest, payload["digest"]): asked["box"]}, is_live):
        index = parts.submit("register", payload)["index"]
    return {"index": index, "proof": get_proof(parts, index)}


@bp.get("/bundles/<bundle_id>/register", endpoint="get_version")
@bp.arguments(wire.VersionSchema, location="query")
@bp.response(200, wire.StoredRegisterSchema)
def get_version(query: dict[str, Any], bundle_id: str) -> dict[str, Any]:
    """One version, or the newest."""
    parts = get_parts()
    bundle = find_bundle(parts, parse_id(bundle_id), get_agency())
    version = query["version"] or bundle.register_version
    row = transact(parts.readers, lambda session: session.get(Register, (parts.log_id, bundle.bundle_id, version)))
    if row is None:
        raise NotFound("there is no such version")
    return {
        "version": row.version,
        "previous": row.previous,
        "box": parts.blobs.get(_register_key(bundle.header_digest, row.digest)),
        "officer": row.officer,
        "signature": row.signature,
        "salt": row.salt,
        "tag": row.tag,
        "index": row.entry_index,
    }


def _register_key(header_digest: bytes, digest: bytes) -> str:
    return blob_key(header_digest, f"register-{digest.hex()}")
