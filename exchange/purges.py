"""Orders of other agencies to delete: carried out with nobody signed in, receipted by an officer (protocol 6.3, 7)."""

import os
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto import hybrid, labels
from crypto.encoding import b64u, dump_json, fields
from crypto.header import IDENTIFIER_BYTES, parse_header
from crypto.padding import padded
from crypto.statements import make_statement
from custody import events, outbox
from custody.entries import SALT_BYTES, handle_tag
from exchange import ciphertext
from exchange.models import Filed, FiledHandle, HandleOrder, PackUse, StoredBundle
from exchange.office import Office

NOTED: Final = "noted"
DELETED: Final = "deleted"
ANSWERED: Final = "answered"
RECEIPT_BYTES: Final = 1024
MOST_NAMED: Final = 4

Random = Callable[[int], bytes]


def carry_out(office: Office) -> int:
    """Delete what rests on destroyed handles: filed items, ciphertext; packs made of it are blocked. How many items.

    Blobs go first: a stop in between leaves rows without content, and the next call goes on.
    """
    count = 0
    with office.files.session() as db:
        rows = select(HandleOrder).where(HandleOrder.kind == "handle-destroyed", HandleOrder.state == NOTED)
        orders = [(one.handle, one.log_index) for one in db.scalars(rows)]
    for place in orders:
        with office.files.session() as db:
            order = db.get_one(HandleOrder, place)
            order.items = _delete_items(db, office, order.handle)
            _drop_bundles(db, office, order)
            for use in db.scalars(select(PackUse).where(PackUse.handle == order.handle)):
                use.is_blocked = True
            order.state = DELETED
            count += order.items
    return count


def _delete_items(db: Session, office: Office, handle: bytes) -> int:
    query = select(Filed).join(FiledHandle, FiledHandle.item_id == Filed.item_id).where(FiledHandle.handle == handle)
    items = list(db.scalars(query))
    for item in items:
        if item.blob_key is not None:
            office.files.blobs.delete(item.blob_key)
        for one in db.scalars(select(FiledHandle).where(FiledHandle.item_id == item.item_id)):
            db.delete(one)
        db.flush()
        db.delete(item)
    db.flush()
    return len(items)


def _drop_bundles(db: Session, office: Office, order: HandleOrder) -> None:
    for bundle_id in _bundles(order):
        row = db.get(StoredBundle, bundle_id)
        if row is not None:
            ciphertext.drop_payload(office, parse_header(row.header))
            row.state = "destroyed"


def _bundles(order: HandleOrder) -> list[bytes]:
    raw = order.bundle_ids
    return [raw[at : at + IDENTIFIER_BYTES] for at in range(0, len(raw), IDENTIFIER_BYTES)]


# ---- Receipts ---------------------------------------------------------------------------------------------------


def waiting(db: Session) -> list[HandleOrder]:
    """Orders that were carried out and wait for an officer's receipt."""
    return list(db.scalars(select(HandleOrder).where(HandleOrder.state == DELETED)))


def sign_receipts(office: Office, officer: OfficerSession, *, now: int, random_bytes: Random = os.urandom) -> int:
    """Sign that what was ordered is deleted, sealed for the agency that ordered it; how many receipts.

    They go out with the next sync.
    """
    officer.require("file")
    office.require_own(officer)
    carry_out(office)
    count = 0
    with office.files.session() as db:
        for order in waiting(db):
            if order.one_time_key is not None and order.agency != office.agency:
                _sign(db, office, officer, order, now, random_bytes)
                count += 1
            order.state = ANSWERED
    return count


def _sign(
    db: Session, office: Office, officer: OfficerSession, order: HandleOrder, now: int, random_bytes: Random
) -> None:
    seen = office.seen(db)
    number = outbox.next_number(db, "handle", order.handle)
    tag = handle_tag(order.handle)
    base = events.common("purge-receipt", seen.origin, office.agency, officer.handle, number, tag, now, seen)
    info = fields(labels.PURGE_RECEIPT, order.handle, office.agency)
    box = hybrid.seal(bytes(order.one_time_key or b""), info, padded(dump_json(_receipt(db, order)), RECEIPT_BYTES))
    body = {**base, "handle": b64u(order.handle), "box": b64u(box)}
    statement = officer.sign_statement(labels.EVENT_SIGNATURE, make_statement(body))
    outbox.record_event(
        db, statement=statement, salt=random_bytes(SALT_BYTES), object_kind="handle", object_id=order.handle,
        number=number, tag=tag, append_signature=None, officer=officer.handle, now=now,
    )  # fmt: skip


def _receipt(db: Session, order: HandleOrder) -> dict[str, Any]:
    """The receipt's content; what does not fit into its 1,024 bytes is counted, not named."""
    packs = list(db.scalars(select(PackUse).where(PackUse.handle == order.handle)))
    rows = [db.get(StoredBundle, one) for one in _bundles(order)[:MOST_NAMED]]
    return {
        "v": 1,
        "state": "deleted",
        "ground": None,
        "bundles": [
            {"bundle_id": b64u(row.bundle_id), "header_digest": b64u(row.header_digest)}
            for row in rows
            if row is not None
        ],
        "items": order.items,
        "packs": [{"pack": b64u(one.pack_id), "disclosed": one.disclosed} for one in packs[:MOST_NAMED]],
    }
