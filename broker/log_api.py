"""The log: events, entries, proofs, checkpoint and tiles, cosignatures (docs/protocol.md 6 and 9)."""

from functools import partial
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue

from broker import checks, transfers, wire
from broker.auth import get_agency
from broker.blueprints import Blueprint
from broker.parts import Parts, get_parts
from broker.proofs import get_proof as make_proof
from broker.staging import has_statement, staged
from broker.witnesses import take_cosignatures
from crypto.signing import LARGEST_NOTE_BYTES
from custody import tiles
from errors import AmparoError, FormatError, LimitExceeded, NotFound, StorageFull, Unavailable
from storage.database import transact

bp = Blueprint("log", __name__, description="The append-only log.")
TEXT = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"


@bp.post("/events", endpoint="add_events")
@bp.arguments(wire.EventsSchema)
@bp.response(200, wire.ResultsSchema)
def add_events(asked: dict[str, Any]) -> dict[str, Any]:
    """Take events; each stands or falls by itself."""
    parts = get_parts()
    parts.require_normal()
    results = [_add_event(parts, get_agency(), one) for one in asked["events"]]
    return {"results": results, "checkpoint": _read_note(parts)}


def _add_event(parts: Parts, agency: str, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        event, payload = checks.check_event(parts.read_directory(), agency, asked, parts.settings)
        if event.kind == "open-requested":
            raise FormatError("a request to open is sent to the bundle's own address")
        is_live = partial(has_statement, parts.log_id, event.handle or event.bundle_id or b"", payload["statement"])
        with staged(parts, transfers.large_statement(parts.log_id, payload["statement"]), is_live):
            index = parts.submit("event", payload)["index"]
        if event.kind in checks.HANDLE_CHANGES:
            # Answered only when the store of key halves has carried it out.
            parts.duties.perform()
        return {"index": index}
    except (Unavailable, StorageFull):
        raise
    except AmparoError as error:
        return describe_error(error)


def describe_error(error: AmparoError) -> dict[str, Any]:
    """One item of a batch that was refused."""
    return {"code": error.code, "message": error.message}


@bp.post("/entries", endpoint="add_entries")
@bp.arguments(wire.EntriesSchema)
@bp.response(200, wire.ResultsSchema)
def add_entries(asked: dict[str, Any]) -> dict[str, Any]:
    """Take entries whose events the broker does not see; each stands or falls by itself."""
    parts = get_parts()
    verdicts, payload = checks.check_entries(parts.read_directory(), get_agency(), asked["entries"])
    answers = iter(parts.submit("entries", payload)["results"] if payload["entries"] else [])
    results = [next(answers) if verdict is None else describe_error(verdict) for verdict in verdicts]
    return {"results": results, "checkpoint": _read_note(parts)}


@bp.get("/proof", endpoint="get_proof")
@bp.arguments(wire.ProofQuerySchema, location="query")
@bp.response(200, {"type": "string"}, content_type="text/plain")
def get_proof(query: dict[str, Any]) -> ResponseReturnValue:
    """The tlog-proof of an entry."""
    return Response(make_proof(get_parts(), query["index"], query["witnesses"]), content_type=TEXT)


def _read_note(parts: Parts) -> str:
    return transact(parts.readers, parts.log.get_note).decode("utf-8")


@bp.get("/log/checkpoint", endpoint="get_checkpoint")
@bp.response(200, {"type": "string"}, content_type="text/plain")
def get_checkpoint() -> ResponseReturnValue:
    """The newest checkpoint with the cosignatures it has."""
    return Response(_read_note(get_parts()), content_type=TEXT, headers={"Cache-Control": "max-age=1"})


@bp.get("/log/tile/<path:name>", endpoint="get_tile")
@bp.response(200, {"format": "binary", "type": "string"}, content_type=OCTETS)
def get_tile(name: str) -> ResponseReturnValue:
    """A tile of hashes, or of entries, full or partial."""
    try:
        level, number, width = tiles.parse_tile_path(name)
    except FormatError:
        raise NotFound("there is no such tile") from None
    content = transact(get_parts().readers, partial(_read_tile, get_parts(), level, number, width))
    return Response(content, content_type=OCTETS, headers={"Cache-Control": "max-age=31536000, immutable"})


def _read_tile(parts: Parts, level: int, number: int, width: int, session: Any) -> bytes:
    if width > tiles.width_at(level, number, parts.log.head(session).size):
        raise NotFound("the log has no such tile yet")
    if level == tiles.ENTRIES:
        return tiles.dump_entries(parts.log.read_entries(session, number, width))
    return parts.log.read_tile(session, level, number, width)


@bp.post("/log/cosignatures", endpoint="add_cosignatures")
@bp.response(200, wire.CosignedSchema)
def add_cosignatures() -> dict[str, Any]:
    """Take the lines of the calling desk on a checkpoint; the body is the note with those lines, as text."""
    parts = get_parts()
    data = request.get_data()
    if len(data) > LARGEST_NOTE_BYTES:
        raise LimitExceeded("the note is too large")
    work = partial(
        take_cosignatures,
        log_id=parts.log_id,
        directory=parts.read_directory(),
        agency=get_agency(),
        data=data,
        now=parts.now(),
    )
    return {"accepted": parts.sequencer.run(work)}
