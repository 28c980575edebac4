"""Statements that one administrator has signed and another one has to: revocations, acts of recovery.

They hold role handles and ids and no secret. What the root signs at the set-up waits here too, until the network has
taken the agency in.
"""

import os
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import acts
from agencies.members import OfficerSession
from agencies.models import Proposal
from crypto import labels
from crypto.header import IDENTIFIER_BYTES
from crypto.statements import Statement, parse_statement
from errors import Conflict, FormatError, NotFound

REVOCATION, CASES, BUNDLES, FIRST = "revocation", "recover-cases", "recover-bundles", "first"
WAITING, SIGNED, DONE, WITHDRAWN = "waiting", "signed", "done", "withdrawn"
KINDS: Final = (REVOCATION, CASES, BUNDLES, FIRST)
OPEN: Final = (WAITING, SIGNED)


def add(
    db: Session, kind: str, by: str, officer: str, statement: Statement, *, now: int, state: str = WAITING,
    proposal_id: bytes | None = None,
) -> Proposal:  # fmt: skip
    """Keep a statement that is still to be signed, or to be sent."""
    if kind not in KINDS:
        raise FormatError("a proposal of no known kind")
    row = Proposal(
        proposal_id=proposal_id or os.urandom(IDENTIFIER_BYTES), kind=kind, officer=officer,
        statement=statement.dump(), state=state, proposed_by=by, proposed_at=now,
    )  # fmt: skip
    db.add(row)
    db.flush()
    return row


def sign(db: Session, administrator: OfficerSession, proposal_id: bytes, *, now: int) -> Statement:
    """The second administrator's signature, with a sign-in of her own.

    Raises:
        NotPermitted: not an administrator.
        Conflict: she proposed it herself, or it is signed or given up.
        NotFound
    """
    administrator.require("certify")
    row = get(db, proposal_id)
    if row.state != WAITING:
        raise Conflict("this was signed already, or given up")
    statement = parse_statement(row.statement)
    if administrator.handle in statement.signers:
        raise Conflict("you have signed this already; the other administrator signs too")
    is_act = row.kind in (CASES, BUNDLES)
    signed = (
        acts.sign_act(statement, administrator) if is_act else administrator.sign_statement(labels.DIRECTORY, statement)
    )
    row.statement, row.state = signed.dump(), SIGNED
    row.decided_by, row.decided_at = administrator.handle, now
    return signed


def end(db: Session, proposal_id: bytes, by: str, *, now: int, state: str = DONE) -> None:
    """It is carried out, or given up."""
    row = get(db, proposal_id)
    if row.state not in OPEN:
        raise Conflict("this is over already")
    row.state, row.decided_by, row.decided_at = state, by, now


def get(db: Session, proposal_id: bytes) -> Proposal:
    """Raises NotFound."""
    row = db.get(Proposal, proposal_id)
    if row is None:
        raise NotFound("there is no such proposal")
    return row


def list_open(db: Session, *kinds: str) -> list[Proposal]:
    """What waits, oldest first; of these kinds, or of all."""
    query = select(Proposal).where(Proposal.state.in_(OPEN))
    if kinds:
        query = query.where(Proposal.kind.in_(kinds))
    return list(db.scalars(query.order_by(Proposal.proposed_at, Proposal.proposal_id)))


def statement_of(row: Proposal) -> Statement:
    """What was signed so far."""
    return parse_statement(row.statement)
