"""Orders of other agencies to delete: carried out with nobody signed in, receipted by an officer (protocol 6.3, 7)."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto import hybrid, labels
from crypto.encoding import b64u, dump_json, fields
from crypto.header import IDENTIFIER_BYTES, parse_header
from crypto.padding import padded
from crypto.statements import make_statement
from custody import events, outbox
from custody.entries import SALT_BYTES, handle_tag
from errors import NotPermitted
from exchange import ciphertext, grounds
from exchange.models import Filed, FiledHandle, HandleOrder, PackUse, StoredBundle
from exchange.office import Office

NOTED: Final = "noted"
DELETED: Final = "deleted"
ANSWERED: Final = "answered"
RECEIPT_BYTES: Final = 1024
LENGTH_BYTES: Final = 4  # of the padding
MOST_NAMED: Final = 4
LONGEST_GROUNDS: Final = 220  # signs, of all grounds together; one has at most 200

Random = Callable[[int], bytes]


def carry_out(office: Office) -> int:
    """Delete what rests on destroyed handles: filed items, ciphertext; packs made of it are blocked. How many items.

    What was put under a legal ground before stays, and serves that ground alone (exchange/keeping.py).
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
    items = [item for item in _items_of(db, handle) if item.ground is None]
    for item in items:
        if item.blob_key is not None:
            office.files.blobs.delete(item.blob_key)
        for one in db.scalars(select(FiledHandle).where(FiledHandle.item_id == item.item_id)):
            db.delete(one)
        db.flush()
        db.delete(item)
    db.flush()
    return len(items)


def _items_of(db: Session, handle: bytes) -> list[Filed]:
    query = select(Filed).join(FiledHandle, FiledHandle.item_id == Filed.item_id).where(FiledHandle.handle == handle)
    return list(db.scalars(query.order_by(Filed.item_id)))


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
    """Sign that what was ordered is deleted, or kept, sealed for the agency that ordered it; how many receipts.

    They go out with the next sync. A receipt that has to name a ground is signed by the team of the item's case: for
    others it goes on waiting.
    """
    officer.require("file")
    office.require_own(officer)
    carry_out(office)
    count = 0
    with office.files.session() as db:
        for order in waiting(db):
            if order.one_time_key is not None and order.agency != office.agency:
                try:
                    kept = _kept(db, officer, order.handle)
                except NotPermitted:
                    continue
                _sign(db, office, officer, order, kept, now, random_bytes)
                count += 1
            order.state = ANSWERED
    return count


def _sign(
    db: Session,
    office: Office,
    officer: OfficerSession,
    order: HandleOrder,
    kept: Sequence[str],
    now: int,
    random_bytes: Random,
) -> None:
    seen = office.seen(db)
    number = outbox.next_number(db, "handle", order.handle)
    tag = handle_tag(order.handle)
    base = events.common("purge-receipt", seen.origin, office.agency, officer.handle, number, tag, now, seen)
    info = fields(labels.PURGE_RECEIPT, order.handle, office.agency)
    box = hybrid.seal(bytes(order.one_time_key or b""), info, padded(_receipt(db, order, kept), RECEIPT_BYTES))
    body = {**base, "handle": b64u(order.handle), "box": b64u(box)}
    statement = officer.sign_statement(labels.EVENT_SIGNATURE, make_statement(body))
    outbox.record_event(
        db, statement=statement, salt=random_bytes(SALT_BYTES), object_kind="handle", object_id=order.handle,
        number=number, tag=tag, append_signature=None, officer=officer.handle, now=now,
    )  # fmt: skip


def _kept(db: Session, officer: OfficerSession, handle: bytes) -> list[str]:
    """The ground of each item that is kept past an order on this handle.

    Raises:
        NotPermitted: this officer is not of the case's team.
    """
    items = [item for item in _items_of(db, handle) if item.ground is not None]
    return [str(grounds.ground_of(case_key(db, officer, item.case_id), item)) for item in items]


def _receipt(db: Session, order: HandleOrder, kept: Sequence[str]) -> bytes:
    """The receipt's content. Of bundles and packs, what does not fit into its 1,024 bytes is not named."""
    for most in range(MOST_NAMED, -1, -1):
        raw = dump_json(_receipt_value(db, order, kept, most))
        if len(raw) <= RECEIPT_BYTES - LENGTH_BYTES:
            break
    return raw


def _receipt_value(db: Session, order: HandleOrder, kept: Sequence[str], most: int) -> dict[str, Any]:
    packs = list(db.scalars(select(PackUse).where(PackUse.handle == order.handle)))
    rows = [db.get(StoredBundle, one) for one in _bundles(order)[:most]]
    ground = "; ".join(dict.fromkeys(kept))
    return {
        "v": 1,
        "state": "kept" if kept else "deleted",
        "ground": (ground if len(ground) <= LONGEST_GROUNDS else ground[: LONGEST_GROUNDS - 3] + "...") or None,
        "bundles": [
            {"bundle_id": b64u(row.bundle_id), "header_digest": b64u(row.header_digest)}
            for row in rows
            if row is not None
        ],
        "items": len(kept) if kept else order.items,
        "packs": [{"pack": b64u(one.pack_id), "disclosed": one.disclosed} for one in packs[:most]],
    }
