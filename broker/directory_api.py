"""The broker itself, and the directory of agencies and keys (docs/protocol.md 2 and 9)."""

from typing import Any

from sqlalchemy import select

from broker import wire
from broker.blueprints import Blueprint
from broker.limits import PAGE_ITEMS, describe_limits
from broker.models import DirectoryEntry
from broker.parts import Parts, get_parts
from broker.proofs import get_proof
from crypto.statements import parse_statement
from errors import LimitExceeded, NotPermitted
from storage.database import transact

broker_bp = Blueprint("broker", __name__, description="The broker and what it takes.")
bp = Blueprint("directory", __name__, description="Agencies, certificates, revocations: readable by all.")
# An entry of the log is at most 65,535 bytes long, its first byte included.
LARGEST_STATEMENT_BYTES = 65_534
BROKER_KINDS = ("broker", "receiving-key", "log-closed")


@broker_bp.get("/broker", endpoint="describe")
@broker_bp.response(200, wire.BrokerSchema)
def describe() -> dict[str, Any]:
    """Who this broker is, its receiving keys of the day and its limits."""
    parts = get_parts()
    directory = parts.read_directory()
    head = transact(parts.readers, parts.log.head)
    today = parts.now().date().isoformat()
    return {
        "broker": parts.settings.broker_id,
        "log": parts.origin,
        "log_vkeys": [key.vkey() for key in parts.keys.note_keys()],
        "operators": list(directory.operators),
        "receiving_keys": [
            {
                "operator": one.operator,
                "receiving_key": one.key,
                "day": one.day,
                "until": one.until,
                "index": one.index,
            }
            for one in directory.receiving_keys
            if one.until >= today
        ],
        "limits": describe_limits(parts.settings),
        "state": head.state,
        "size": head.size,
        "restored_from": head.restored_from,
        "time": int(parts.now().timestamp()),
    }


@bp.get("/directory", endpoint="list_entries")
@bp.arguments(wire.AfterSchema, location="query")
@bp.response(200, wire.DirectoryPageSchema)
def list_entries(query: dict[str, Any]) -> dict[str, Any]:
    """The entries behind an index, in order."""
    parts = get_parts()
    wanted = (
        select(DirectoryEntry.entry_index, DirectoryEntry.statement)
        .where(DirectoryEntry.log_id == parts.log_id, DirectoryEntry.entry_index > query["after"])
        .order_by(DirectoryEntry.entry_index)
        .limit(PAGE_ITEMS)
    )
    rows = transact(parts.readers, lambda session: list(session.execute(wanted)))
    return {
        "entries": [{"index": index, "statement": statement} for index, statement in rows],
        "next": rows[-1][0] if len(rows) == PAGE_ITEMS else None,
    }


@bp.post("/directory", endpoint="add_entry")
@bp.arguments(wire.StatementSchema)
@bp.response(200, wire.ReceiptSchema)
def add_entry(asked: dict[str, Any]) -> dict[str, Any]:
    """Found, admit, certify, revoke; what the signatures in the statement allow, and nothing else."""
    parts = get_parts()
    kind = parse_statement(asked["statement"]).value.get("kind")
    if kind in BROKER_KINDS:
        raise NotPermitted("only the broker itself makes an entry of this kind")
    index = add_statement(parts, asked["statement"])
    return {"index": index, "proof": get_proof(parts, index)}


def add_statement(parts: Parts, statement: bytes) -> int:
    """Put a directory statement into the log; return its index."""
    if len(statement) > LARGEST_STATEMENT_BYTES:
        raise LimitExceeded("a directory statement has at most 65,534 bytes")
    return int(parts.submit("directory", {"statement": statement})["index"])
