"""Keeping a filed item past an order to delete, under a named legal ground, by two officers (guarantee G5).

It has to be decided before an order comes. Afterwards the item serves that ground alone: it is not read, shared or put
into a pack for anything else, and the receipt says that it is kept, and why (docs/protocol.md 6.3).
"""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto.encoding import b64u, dump_json, unb64u
from crypto.header import IDENTIFIER_BYTES
from errors import ApprovalMissing, Conflict, FormatError, NotFound
from exchange import approvals, filing, grounds, release
from exchange.models import Filed, FiledHandle
from exchange.office import Office

KEEP: Final = "keep"
PURPOSE: Final = "to keep it past an order to delete"
LONGEST_GROUND: Final = 200


def ask(office: Office, officer: OfficerSession, item_id: bytes, ground: str, *, now: int) -> bytes:
    """Ask a colleague to put a filed item under a legal ground; the approval's id.

    Args:
        ground: the provision, or the order, that obliges this agency to keep it. The maker of the bundle reads it.

    Raises:
        FormatError: no ground, or a longer one than a receipt can name.
        Conflict: the item is kept already.
        ReleaseHeld, ReleaseDestroyed: an order has come.
        NotFound, NotPermitted
    """
    officer.require("file")
    ground = _checked(ground)
    with office.files.session() as db:
        _require_before(db, officer, item_id)
        subject = {"core": b64u(item_id), "purpose": PURPOSE, "legal_basis": ground}
        return approvals.ask(db, officer, KEEP, item_id, [subject], now=now)


def _checked(ground: str) -> str:
    text = ground.strip()
    if not 0 < len(text) <= LONGEST_GROUND or len(dump_json([text])) > 3 * LONGEST_GROUND or not text.isprintable():
        raise FormatError(f"a ground is one line of at most {LONGEST_GROUND} signs")
    return text


def _require_before(db: Session, officer: OfficerSession, item_id: bytes) -> filing.FiledItem:
    item = filing.get_filed(db, officer, item_id)
    if item.ground is not None:
        raise Conflict("this item is kept under a legal ground already")
    for handle in db.scalars(select(FiledHandle.handle).where(FiledHandle.item_id == item_id)):
        release.require_no_order(db, handle)
    return item


def keep(office: Office, officer: OfficerSession, approval_id: bytes, *, item_id: bytes, now: int) -> bytes:
    """Put a filed item under the ground that a colleague has approved; the item's id.

    Raises:
        ApprovalMissing: the colleague has not signed.
        ReleaseHeld, ReleaseDestroyed: an order came meanwhile.
        Conflict, NotFound, NotPermitted
    """
    officer.require("file")
    with office.files.session() as db:
        answer = approvals.use(db, office, officer, approval_id, KEEP)
        subject = answer.subject["subjects"][0]
        if unb64u(subject["core"], IDENTIFIER_BYTES) != item_id:
            raise ApprovalMissing("your colleague approved this for another item")
        _require_before(db, officer, item_id)
        row = db.get(Filed, item_id)
        if row is None:
            raise NotFound("nothing is kept under this id")
        value = {
            "ground": subject["legal_basis"], "by": officer.handle, "at": now, "second": answer.officer,
            "signature": b64u(answer.signature),
        }  # fmt: skip
        grounds.put_ground(case_key(db, officer, row.case_id), row, value)
        return item_id
