"""Cases and who works on them: case and vault keys, wrapped to each officer of the team and to the recovery key."""

import os
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import CASE, VAULT, OfficerSession, wrap_info
from agencies.models import Case, CaseKey, Exclusion, Member
from crypto import hybrid
from crypto.encoding import dump_json, parse_json
from errors import Conflict, FormatError, NotFound, NotPermitted
from storage.sealed import open_column, seal_column

COMPARTMENTS: Final = (CASE, VAULT)
RECOVERY: Final = "recovery"
LONGEST_HANDLE: Final = 64

Random = Callable[[int], bytes]


def create_case(
    db: Session,
    officer: OfficerSession,
    handle: str,
    facts: dict[str, Any],
    *,
    recovery_key: bytes,
    now: int,
    random_bytes: Random = os.urandom,
) -> Case:
    """Begin a case; the officer is its first team member, and the agency's recovery key can open it.

    Raises:
        NotPermitted, Conflict, FormatError
    """
    officer.require("case-create")
    if not 0 < len(handle) <= LONGEST_HANDLE:
        raise FormatError("a case has a handle of 1 to 64 signs")
    if db.scalar(select(Case).where(Case.handle == handle)) is not None:
        raise Conflict("there is a case with this handle; choose another")
    case_id = random_bytes(16)
    keys = {compartment: random_bytes(32) for compartment in COMPARTMENTS}
    sealed = seal_column(keys[CASE], "case", "facts", case_id, 1, dump_json(facts))
    case = Case(case_id=case_id, handle=handle, version=1, facts=sealed, opened_at=now)
    db.add(case)
    db.flush()
    holders = {officer.handle: officer.receiving.public_key, RECOVERY: recovery_key}
    for holder, public_key in holders.items():
        for compartment, key in keys.items():
            _give(db, case_id, compartment, holder, public_key, key, officer.handle, now)
    return case


def case_key(db: Session, officer: OfficerSession, case_id: bytes, compartment: str = CASE) -> bytes:
    """The key of a compartment of a case.

    Raises:
        NotPermitted: not on the case team, or kept out of this case; nothing of the case is shown.
    """
    officer.require("case-read" if compartment == CASE else "vault-read")
    row = db.get(CaseKey, (case_id, officer.handle, compartment))
    if row is None or db.get(Exclusion, (case_id, officer.handle)) is not None:
        raise NotPermitted("you are not on the team of this case; ask an officer who is")
    return officer.receiving.open(wrap_info(case_id, compartment), row.wrapped)


def add_member(db: Session, officer: OfficerSession, case_id: bytes, other: str, *, vault: bool, now: int) -> None:
    """Put another officer of the desk on the case team.

    Raises:
        NotPermitted: the acting officer is not on the team, or the other is kept out of this case.
        NotFound: no such officer.
    """
    member = db.get(Member, other)
    if member is None or member.left_at is not None:
        raise NotFound("no officer with this handle works at this desk")
    if db.get(Exclusion, (case_id, other)) is not None:
        raise NotPermitted("this officer is kept out of the case")
    for compartment in COMPARTMENTS if vault else (CASE,):
        key = case_key(db, officer, case_id, compartment)
        _give(db, case_id, compartment, other, member.receiving_key, key, officer.handle, now)


def exclude_officer(db: Session, officer: OfficerSession, case_id: bytes, other: str, *, now: int) -> None:
    """Keep an officer out of one case: the wrapped keys go at once. What was read before stays read."""
    case_key(db, officer, case_id)
    if other == officer.handle:
        raise NotPermitted("nobody excludes themselves; a colleague on the team does it")
    for compartment in COMPARTMENTS:
        row = db.get(CaseKey, (case_id, other, compartment))
        if row is not None:
            db.delete(row)
    db.merge(Exclusion(case_id=case_id, officer=other, decided_by=officer.handle, decided_at=now))


def read_facts(db: Session, officer: OfficerSession, case: Case) -> dict[str, Any]:
    """What the case is about."""
    key = case_key(db, officer, case.case_id)
    found = parse_json(open_column(key, "case", "facts", case.case_id, case.version, case.facts))
    if not isinstance(found, dict):
        raise FormatError("the facts of a case are an object")
    return found


def write_facts(db: Session, officer: OfficerSession, case: Case, facts: dict[str, Any]) -> None:
    """Replace the facts; the version goes up, so that an old value cannot be put back."""
    key = case_key(db, officer, case.case_id)
    case.version += 1
    case.facts = seal_column(key, "case", "facts", case.case_id, case.version, dump_json(facts))


def list_cases(db: Session, officer: OfficerSession) -> list[Case]:
    """Cases of the officer's teams, by handle."""
    officer.require("case-read")
    own = select(CaseKey.case_id).where(CaseKey.holder == officer.handle, CaseKey.compartment == CASE)
    return list(db.scalars(select(Case).where(Case.case_id.in_(own)).order_by(Case.handle)))


def recover_case_keys(db: Session, key: hybrid.ReceivingKey, to: Member, *, by: str, now: int) -> int:
    """After a lost passphrase or laptop: re-wrap every case key to a newly certified officer.

    Args:
        key: the agency's recovery key, joined from its paper shares.
        to: the officer who takes over.
        by: role handle that appears in the record.

    Returns:
        how many keys were handed over.
    """
    rows = list(db.scalars(select(CaseKey).where(CaseKey.holder == RECOVERY)))
    for row in rows:
        if db.get(Exclusion, (row.case_id, to.handle)) is None:
            plain = key.open(wrap_info(row.case_id, row.compartment), row.wrapped)
            _give(db, row.case_id, row.compartment, to.handle, to.receiving_key, plain, by, now)
    return len(rows)


def _give(
    db: Session, case_id: bytes, compartment: str, holder: str, public_key: bytes, key: bytes, by: str, now: int
) -> None:
    wrapped = hybrid.seal(public_key, wrap_info(case_id, compartment), key)
    db.merge(
        CaseKey(case_id=case_id, holder=holder, compartment=compartment, wrapped=wrapped, given_by=by, given_at=now)
    )
