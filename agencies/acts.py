"""The desk's own record of acts on people and keys: comparisons, exclusions, hand-overs, departures, recoveries.

Each act is a statement signed by those who did it, with a running number and the digest of the act before it, so that
none can be changed, left out or put in between. It names role handles, agencies and random ids, never a person. What
the network has to know (certificates, revocations) stands in the log as well.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.directory import Directory
from agencies.members import OfficerSession
from agencies.models import Act, Member
from crypto import labels
from crypto.digests import sha256
from crypto.encoding import b64u
from crypto.statements import Statement, make_statement, parse_statement, verify_statement
from errors import Conflict, FormatError, IntegrityError, SignatureInvalid

# Who has to sign: one officer with the right, or two administrators (or one and the deputy).
ONE: Final = "one"
ADMINISTRATORS: Final = "administrators"
ACTS: Final[Mapping[str, str]] = {
    "appointed": ONE,
    "compared": ONE,
    "excluded": ONE,
    "case-handed-over": ONE,
    "departed": ONE,
    "renewed": ONE,
    "factors-reset": ONE,
    "shares-issued": ONE,
    "record-exported": ONE,
    "drilled": ONE,
    "recovered": ADMINISTRATORS,
    "bundles-recovered": ADMINISTRATORS,
}
_MEMBERS: Final = {"v", "kind", "act", "agency", "number", "prev", "at", "facts"}


def propose_act(db: Session, agency: str, act: str, facts: Mapping[str, Any], *, now: int) -> Statement:
    """The next act of the record, still to be signed."""
    if act not in ACTS:
        raise FormatError("an act of no known kind")
    last = _last(db)
    body = {
        "v": 1, "kind": "act", "act": act, "agency": agency, "at": now, "facts": dict(facts),
        "number": 0 if last is None else last.number + 1, "prev": None if last is None else _digest(last),
    }  # fmt: skip
    return make_statement(body)


def sign_act(statement: Statement, officer: OfficerSession) -> Statement:
    """The act with one signature more."""
    return officer.sign_statement(labels.ACT, statement)


def record_act(db: Session, statement: Statement, directory: Directory | None = None) -> Act:
    """Check an act and add it to the record.

    Args:
        directory: whose administrators count; needed for acts that two of them sign.

    Raises:
        FormatError, SignatureInvalid
        Conflict: another act came first; propose and sign it again.
    """
    body = _parse(statement)
    last = _last(db)
    expected = (0, None) if last is None else (last.number + 1, _digest(last))
    if (body["number"], body["prev"]) != expected:
        raise Conflict("another act came first; sign again")
    _verify(db, statement, body, directory)
    made = Act(number=body["number"], statement=statement.dump())
    db.add(made)
    db.flush()
    return made


def add_act(db: Session, officer: OfficerSession, act: str, facts: Mapping[str, Any], *, now: int) -> Act:
    """Propose, sign and record an act that one officer does."""
    return record_act(db, sign_act(propose_act(db, officer.agency, act, facts, now=now), officer))


def read_acts(db: Session) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Body and signers of every act, oldest first.

    Raises:
        IntegrityError: an act is missing or was changed.
    """
    before: Act | None = None
    for row in db.scalars(select(Act).order_by(Act.number)):
        statement = parse_statement(row.statement)
        body = _parse(statement)
        expected = (0, None) if before is None else (before.number + 1, _digest(before))
        if (body["number"], body["prev"]) != expected or row.number != body["number"]:
            raise IntegrityError(f"the record of acts is broken before act {row.number}")
        yield body, statement.signers
        before = row


def read_act(db: Session, number: int) -> Statement:
    """One act.

    Raises:
        IntegrityError: it is not there.
    """
    row = db.get(Act, number)
    if row is None:
        raise IntegrityError(f"act {number} is missing from the record")
    return parse_statement(row.statement)


def _parse(statement: Statement) -> dict[str, Any]:
    body = statement.value
    if set(body) != _MEMBERS or type(body["v"]) is not int or body["v"] != 1 or body["kind"] != "act":
        raise FormatError("not an act")
    texts = isinstance(body["act"], str) and isinstance(body["agency"], str) and isinstance(body["facts"], dict)
    numbers = type(body["number"]) is int and type(body["at"]) is int
    if not texts or not numbers or body["act"] not in ACTS:
        raise FormatError("an act has another form")
    return body


def _verify(db: Session, statement: Statement, body: Mapping[str, Any], directory: Directory | None) -> None:
    def find_key(by: str) -> bytes | None:
        # An officer of this desk may act before the certificate is in the log: at set-up nobody has one.
        member = db.get(Member, by)
        if member is not None and member.left_at is None:
            return member.signing_key
        return None if directory is None else directory.signing_key(by)

    verify_statement(statement, labels.ACT, find_key)
    if ACTS[body["act"]] == ONE:
        return
    if directory is None or not directory.has_administrators(body["agency"], statement.signers):
        raise SignatureInvalid("two administrators of the agency sign this, or one and the deputy")
    for by in statement.signers:
        certified = directory.signing_key(by)
        if certified is None or certified != find_key(by):
            raise SignatureInvalid(f"{by} has no certificate for the key that signed")


def _last(db: Session) -> Act | None:
    return db.scalar(select(Act).order_by(Act.number.desc()).limit(1))


def _digest(act: Act) -> str:
    return b64u(sha256(act.statement))
