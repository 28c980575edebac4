"""What a hold or withdrawal acts on: a consent record, or one sent bundle by its own place (docs/protocol.md 7)."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import CASE, VAULT, OfficerSession
from errors import NoOwnPlace, NotFound
from exchange.handle_keys import HEADER, handles_of_record
from exchange.models import HandleUse, StoredBundle, Withdrawal
from identity import consent

OUT: Final = "out"
# States of an act on a target (`Withdrawal.state`).
HELD: Final = "held"
LIFTED: Final = "lifted"
DESTROYED: Final = "destroyed"


def _bundle(db: Session, target: bytes) -> StoredBundle | None:
    """The bundle that this agency sent out of a case; consent records and bundles both have random numbers."""
    row = db.get(StoredBundle, target)
    return row if row is not None and row.direction == OUT and row.case_id is not None else None


def is_bundle(db: Session, target: bytes) -> bool:
    """Whether the target is a bundle that this agency sent; else it is a consent record."""
    return _bundle(db, target) is not None


def case_of(db: Session, target: bytes) -> bytes:
    """The case that a target belongs to.

    Raises:
        NotFound
    """
    row = _bundle(db, target)
    return consent.case_of(db, target) if row is None or row.case_id is None else row.case_id


def compartment_of(db: Session, target: bytes) -> str:
    """Under which key of the case the officer's words are sealed: those on a consent with the identities."""
    return CASE if is_bundle(db, target) else VAULT


def right_for(db: Session, target: bytes) -> str:
    """Who ends it for ever: a consent is its keeper's, a bundle belongs to whoever may share and hold."""
    return "hold" if is_bundle(db, target) else "withdraw"


def state_of(db: Session, officer: OfficerSession, case_id: bytes, target: bytes) -> str:
    """Active, held or withdrawn (the words of `identity.consent`).

    Raises:
        NotFound, NotPermitted
    """
    if not is_bundle(db, target):
        return consent.get_consent(db, officer, case_id, target).state
    if case_of(db, target) != case_id:
        raise NotFound("there is no such bundle that was sent from here")
    cases.get_case(db, officer, case_id)
    return bundle_state(db, target)


def bundle_state(db: Session, bundle_id: bytes) -> str:
    """What this agency did with the own place of one of its bundles."""
    states = set(db.scalars(select(Withdrawal.state).where(Withdrawal.record == bundle_id)))
    if DESTROYED in states:
        return consent.WITHDRAWN
    return consent.HELD if HELD in states else consent.ACTIVE


def mark(db: Session, officer: OfficerSession, case_id: bytes, target: bytes, state: str, *, now: int) -> None:
    """Note what became of it; for a bundle the rows of the acts say it already.

    Raises:
        Conflict: it was withdrawn before.
        NotFound, NotPermitted
    """
    if not is_bundle(db, target):
        consent.mark(db, officer, case_id, target, state, now=now)


def require_place(db: Session, target: bytes) -> None:
    """Raise unless there is a handle by which a bundle is stopped; a consent needs none.

    Raises:
        NoOwnPlace: its eight places stand for consents and parents, or a restored desk does not know its places yet.
    """
    if not is_bundle(db, target) or handles_of_record(db, target):
        return
    places = db.scalars(select(HandleUse).where(HandleUse.bundle_id == target, HandleUse.role == HEADER))
    if all(one.record is not None or one.parent_handle is not None for one in places):
        raise NoOwnPlace
    raise NoOwnPlace("open this bundle once at this desk first: after a restore it does not know its handles yet")
