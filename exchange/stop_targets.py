"""What a hold or withdrawal acts on: a consent record, or one sent bundle by its own place (docs/protocol.md 7)."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import CASE, VAULT, OfficerSession
from errors import Conflict, NotFound
from exchange.handle_keys import handles_of_record
from exchange.models import StoredBundle, Withdrawal
from identity import consent

OUT: Final = "out"
# States of an act on a target (`Withdrawal.state`).
HELD: Final = "held"
LIFTED: Final = "lifted"
DESTROYED: Final = "destroyed"


def is_bundle(db: Session, target: bytes) -> bool:
    """Whether the target is a bundle that this agency sent. Consent records and bundles both have random numbers."""
    row = db.get(StoredBundle, target)
    return row is not None and row.direction == OUT and row.case_id is not None


def case_of(db: Session, target: bytes) -> bytes:
    """The case that a target belongs to.

    Raises:
        NotFound
    """
    row = db.get(StoredBundle, target)
    if row is not None and row.direction == OUT and row.case_id is not None:
        return row.case_id
    return consent.case_of(db, target)


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


def require_place(db: Session, bundle_id: bytes) -> None:
    """Raise unless a bundle has a place of its own.

    Raises:
        Conflict: its eight places stand for consents and for what it derives from.
    """
    if not handles_of_record(db, bundle_id):
        raise Conflict("this bundle rests on eight consents and has no place of its own; withdraw those")
