"""Comparing the root of another agency, person to person, before anything is sealed to it (DESIGN 3.1).

Two people read the fingerprint to each other. Their answer is an act on the desk's record. It holds for exactly the
root and the recovery key that the agency had then: when one of them changes, nothing is sent until people have
compared again.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies import acts
from agencies.directory import Directory
from agencies.members import OfficerSession
from agencies.models import DeskIdentity, Member, RootComparison
from crypto import labels
from crypto.digests import sha256
from crypto.encoding import b64u
from crypto.fingerprints import fingerprint, parse_fingerprint
from crypto.statements import Statement, verify_statement
from errors import FormatError, KeyChanged, NotFound, RootNotCompared, SignatureInvalid

SAME: Final = "same"
DIFFERENT: Final = "different"
WAYS: Final = ("phone", "in-person")


class RootState(StrEnum):
    """What is known of an agency's root."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    CHANGED = "changed"
    REFUSED = "refused"


def fingerprint_of(directory: Directory, agency: str) -> str:
    """Eight groups of four signs, as the page shows them.

    Raises:
        NotFound: no such agency.
    """
    return fingerprint(agency, directory.agency(agency).root)


def record_comparison(
    db: Session,
    directory: Directory,
    officer: OfficerSession,
    agency: str,
    *,
    shown: str,
    answer: str,
    how: str,
    now: int,
) -> RootState:
    """Keep the answer of a comparison, signed by the officer who made it.

    Args:
        shown: the fingerprint that the page showed; a key that changed meanwhile is not taken for compared.
        answer: `same` or `different`; `different` stops all sending to the agency.
        how: `phone` (a number known before) or `in-person`.

    Raises:
        NotPermitted, NotFound, FormatError
        KeyChanged: the agency's root is no longer the one that was shown.
    """
    officer.require("compare")
    if answer not in (SAME, DIFFERENT) or how not in WAYS:
        raise FormatError("the answer is same or different, by phone or in person")
    if parse_fingerprint(shown) != fingerprint_of(directory, agency):
        raise KeyChanged("the fingerprint is not the one that was shown; compare again")
    facts = {**_keys_of(directory, agency), "answer": answer, "how": how}
    made = acts.add_act(db, officer, "compared", facts, now=now)
    db.merge(RootComparison(agency=agency, act=made.number))
    db.flush()
    return root_state(db, directory, agency)


def root_state(db: Session, directory: Directory, agency: str) -> RootState:
    """The state of an agency's root now. The desk's own is compared with what its set-up made.

    Raises:
        IntegrityError: the stored comparison is not a signed act of this desk.
    """
    identity = db.get(DeskIdentity, 1)
    if identity is not None and identity.agency == agency:
        return _own_state(identity, directory)
    row = db.get(RootComparison, agency)
    if row is None or agency not in directory.agencies:
        return RootState.UNVERIFIED
    facts = _compared(db, directory, agency, row.act)
    if facts["answer"] != SAME:
        return RootState.REFUSED
    return RootState.VERIFIED if _is_same(facts, _keys_of(directory, agency)) else RootState.CHANGED


def require_compared(db: Session, agency: str, directory: Directory) -> None:
    """Raise unless something may be sealed to this agency.

    Raises:
        RootNotCompared: nobody has compared its root yet.
        KeyChanged: its root or its recovery key changed since, or people found that it differs.
    """
    state = root_state(db, directory, agency)
    if state is RootState.UNVERIFIED:
        raise RootNotCompared(f"the key of {agency} was not compared yet; read the fingerprint to each other first")
    if state is not RootState.VERIFIED:
        raise KeyChanged(f"the key of {agency} is not the one that was compared; nothing is sent to it")


def last_comparison(db: Session, directory: Directory, agency: str) -> dict[str, Any] | None:
    """Who compared, when, how, and the answer; None if nobody has."""
    row = db.get(RootComparison, agency)
    if row is None:
        return None
    facts = _compared(db, directory, agency, row.act)
    statement = acts.read_act(db, row.act)
    return {"by": statement.signers[0], "at": statement.value["at"], "how": facts["how"], "answer": facts["answer"]}


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison on the record.

    Attributes:
        act: its number in the record of acts.
        is_current: it speaks of the keys that the agency has now.
    """

    act: int
    by: str
    at: int
    how: str
    answer: str
    is_current: bool


def history(db: Session, directory: Directory, agency: str) -> list[Compared]:
    """Every comparison of an agency's root at this desk, newest first.

    Raises:
        IntegrityError: the record of acts is broken, or a comparison is not signed by an officer of this desk.
    """
    keys = _keys_of(directory, agency)
    found = []
    for body, signers in acts.read_acts(db):
        if body["act"] != "compared" or body["facts"].get("agency") != agency:
            continue
        facts = _compared(db, directory, agency, body["number"])
        is_current = _is_same(facts, keys)
        found.append(Compared(body["number"], signers[0], body["at"], facts["how"], facts["answer"], is_current))
    return found[::-1]


def _keys_of(directory: Directory, agency: str) -> dict[str, Any]:
    try:
        recovery: str | None = b64u(sha256(directory.recovery_key(agency)))
    except NotFound:
        recovery = None
    return {"agency": agency, "root": b64u(directory.agency(agency).root), "recovery": recovery}


def _is_same(compared: dict[str, Any], now: dict[str, Any]) -> bool:
    # A recovery key that was first certified after the comparison is no change: it comes from the compared root.
    return compared["root"] == now["root"] and compared["recovery"] in (None, now["recovery"])


def _own_state(identity: DeskIdentity, directory: Directory) -> RootState:
    known = directory.agencies.get(identity.agency)
    if known is None or identity.root_key is None:
        return RootState.UNVERIFIED
    return RootState.VERIFIED if known.root == identity.root_key else RootState.CHANGED


def _compared(db: Session, directory: Directory, agency: str, number: int) -> dict[str, Any]:
    statement = acts.read_act(db, number)
    body = statement.value
    facts = body.get("facts")
    if body.get("act") != "compared" or not isinstance(facts, dict) or facts.get("agency") != agency:
        raise KeyChanged(f"what is stored about {agency} is not its comparison")
    _verify_signer(db, directory, statement)
    if not {"root", "recovery", "answer", "how"} <= set(facts):
        raise KeyChanged(f"the comparison of {agency} has another form")
    return facts


def _verify_signer(db: Session, directory: Directory, statement: Statement) -> None:
    """A certified key of an officer of this desk, also of one who has left or whose keys were renewed since."""
    by, identity = statement.signers[0], db.get(DeskIdentity, 1)
    is_own = db.get(Member, by) is not None and (identity is None or by.startswith(f"{identity.agency}/"))
    for one in directory.history(by) if is_own else ():
        try:
            verify_statement(statement, labels.ACT, {by: one.signing_key}.get)
        except SignatureInvalid:
            continue
        return
    raise SignatureInvalid("the stored comparison is not signed by an officer of this desk")
