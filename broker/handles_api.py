"""Events on a handle: holds, liftings, destructions, receipts (docs/protocol.md 7 and 9)."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker import transfers, wire
from broker.auth import get_agency
from broker.blueprints import Blueprint
from broker.limits import PAGE_ITEMS
from broker.models import BundleAgency, Event, HandleState
from broker.parts import get_parts
from crypto.encoding import unb64u
from errors import FormatError, NotFound
from storage.database import transact

bp = Blueprint("handles", __name__, description="What was done with a handle of consent.")


@bp.get("/handles/<handle>/events", endpoint="list_events")
@bp.arguments(wire.AfterSchema, location="query")
@bp.response(200, wire.EventPageSchema)
def list_events(query: dict[str, Any], handle: str) -> dict[str, Any]:
    """Events on a handle, for who acted on it and for the agencies of the bundle in whose header it stands."""
    parts, agency = get_parts(), get_agency()
    try:
        name = unb64u(handle, 32)
    except FormatError:
        raise NotFound("nothing is known of this handle") from None

    def work(session: Session) -> list[Event] | None:
        state = session.get(HandleState, (parts.log_id, name))
        if state is None or not _may_read(session, parts.log_id, state, agency):
            return None
        wanted = (
            select(Event)
            .where(Event.log_id == parts.log_id, Event.object_id == name, Event.entry_index > query["after"])
            .order_by(Event.entry_index)
            .limit(PAGE_ITEMS)
        )
        return list(session.scalars(wanted))

    rows = transact(parts.readers, work)
    if rows is None:
        raise NotFound("nothing is known of this handle")
    return {
        "events": [transfers.dump_event(parts.blobs, row) for row in rows],
        "next": rows[-1].entry_index if len(rows) == PAGE_ITEMS else None,
    }


def _may_read(session: Session, log_id: bytes, state: HandleState, agency: str) -> bool:
    if state.agency == agency:
        return True
    if state.bundle_id is not None and session.get(BundleAgency, (log_id, state.bundle_id, agency)) is not None:
        return True
    own = select(Event.entry_index).where(
        Event.log_id == log_id, Event.object_id == state.handle, Event.agency == agency
    )
    return session.scalars(own.limit(1)).first() is not None
