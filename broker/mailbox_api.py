"""Mailboxes: what an agency's desk should look at, with a cursor and a long poll (docs/protocol.md 9)."""

import time
from typing import Any

from sqlalchemy import select

from broker import wire
from broker.auth import get_agency
from broker.blueprints import Blueprint
from broker.limits import PAGE_ITEMS
from broker.models import MailItem
from broker.parts import Parts, get_parts
from storage.database import transact

bp = Blueprint("mailbox", __name__, description="News for one agency.")
LONGEST_SLEEP = 1.0


@bp.get("/mailbox", endpoint="list_items")
@bp.arguments(wire.MailboxQuerySchema, location="query")
@bp.response(200, wire.MailboxSchema)
def list_items(query: dict[str, Any]) -> dict[str, Any]:
    """Items behind a cursor; waits for the first one if asked to, unless too many wait already."""
    parts = get_parts()
    items = _wait(parts, get_agency(), query["after"], query["wait"])
    return {
        "items": [
            {
                "cursor": item.cursor,
                "kind": item.kind,
                "bundle_id": item.bundle_id,
                "index": item.entry_index,
                "handle": item.handle,
            }
            for item in items
        ],
        "next": items[-1].cursor if items else query["after"],
    }


def _wait(parts: Parts, agency: str, after: int, seconds: int) -> list[MailItem]:
    with parts.may_wait() as allowed:
        end = time.monotonic() + (seconds if allowed else 0)
        while True:
            seen = parts.sequencer.published_count
            items = _read(parts, agency, after)
            left = end - time.monotonic()
            if items or left <= 0:
                return items
            # Another process may have published; its news is found by looking again now and then.
            parts.sequencer.wait_for_news(seen, min(left, LONGEST_SLEEP))


def _read(parts: Parts, agency: str, after: int) -> list[MailItem]:
    query = (
        select(MailItem)
        .where(MailItem.log_id == parts.log_id, MailItem.agency == agency, MailItem.cursor > after)
        .order_by(MailItem.cursor)
        .limit(PAGE_ITEMS)
    )
    return transact(parts.readers, lambda session: list(session.scalars(query)))
