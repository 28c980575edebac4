"""Cases and who works on them: case and vault keys, wrapped to each officer of the team and to the recovery key.

The handle of a case is all of it that can be read on the disk; it is a file number. Everything else is sealed under
the case key. Whoever has the vault key as well sees identities.
"""

import os
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from agencies import acts
from agencies.members import CASE, VAULT, OfficerSession, get_member, wrap_info
from agencies.models import Case, CaseKey, DeskIdentity, Exclusion, Member
from agencies.rights import has_right
from crypto import hybrid
from crypto.encoding import b64u, dump_json, parse_json
from errors import Conflict, FormatError, NotFound, NotPermitted, SetUpUnfinished
from storage.sealed import open_column, seal_column

COMPARTMENTS: Final = (CASE, VAULT)
RECOVERY: Final = "recovery"
# Letters, then numbers: what a person types here is readable on the disk, and a name has no place there.
HANDLE: Final = re.compile(r"[A-Za-z]{1,8}(?:-[0-9]{1,8}){1,3}\Z")

Random = Callable[[int], bytes]


def create_case(
    db: Session,
    officer: OfficerSession,
    handle: str,
    facts: dict[str, Any],
    *,
    now: int,
    recovery_key: bytes | None = None,
    random_bytes: Random = os.urandom,
) -> Case:
    """Begin a case; the officer is its first team member, and the agency's recovery key can open it.

    Args:
        handle: a file number such as NP-2031-7.
        facts: an object for canonical JSON, sealed.
        recovery_key: the agency's, 1,216 bytes; that of the desk's set-up when not given.

    Raises:
        NotPermitted, FormatError
        Conflict: there is a case of this handle.
        SetUpUnfinished: the agency has no recovery key yet, so that a lost passphrase would lose the case.
    """
    officer.require("case-create")
    if not HANDLE.match(handle):
        raise FormatError("a case has a file number such as NP-2031-7: letters, then numbers, and no name")
    if db.scalar(select(Case).where(Case.handle == handle)) is not None:
        raise Conflict("there is a case with this handle; choose another")
    holders = {officer.handle: officer.receiving.public_key, RECOVERY: recovery_key or _recovery_key(db)}
    case_id = random_bytes(16)
    keys = {compartment: random_bytes(32) for compartment in COMPARTMENTS}
    sealed = seal_column(keys[CASE], "case", "facts", case_id, 1, dump_json(facts))
    case = Case(case_id=case_id, handle=handle, version=1, facts=sealed, opened_at=now)
    db.add(case)
    db.flush()
    for holder, public_key in holders.items():
        for compartment, key in keys.items():
            give_key(db, case_id, compartment, holder, public_key, key, by=officer.handle, now=now)
    return case


def _recovery_key(db: Session) -> bytes:
    identity = db.get(DeskIdentity, 1)
    if identity is None or identity.recovery_key is None:
        raise SetUpUnfinished("this agency has no recovery key yet; finish the set-up before you begin a case")
    return identity.recovery_key


def case_key(db: Session, officer: OfficerSession, case_id: bytes, compartment: str = CASE) -> bytes:
    """The key of a compartment of a case; see `OfficerSession.case_key`."""
    return officer.case_key(db, case_id) if compartment == CASE else officer.vault_key(db, case_id)


def add_member(db: Session, officer: OfficerSession, case_id: bytes, other: str, *, vault: bool, now: int) -> None:
    """Put another officer of the desk on the case team, with or without the identities.

    Raises:
        NotPermitted: the acting officer is not on the team, the other is kept out of this case, or has no role
            that reads cases.
        NotFound: no such officer.
    """
    member = get_member(db, other)
    for compartment in COMPARTMENTS if vault else (CASE,):
        require_may_hold(db, member, case_id, compartment)
        key = case_key(db, officer, case_id, compartment)
        give_key(db, case_id, compartment, other, member.receiving_key, key, by=officer.handle, now=now)


def require_may_hold(db: Session, member: Member, case_id: bytes, compartment: str) -> None:
    """Raise NotPermitted for an officer whose role reads no case, or who is kept out of this one."""
    if not has_right(member.roles.split(" "), "case-read" if compartment == CASE else "vault-read"):
        raise NotPermitted("the role of this officer does not read cases")
    if db.get(Exclusion, (case_id, member.handle)) is not None:
        raise NotPermitted("this officer is kept out of the case")


def exclude_officer(db: Session, officer: OfficerSession, case_id: bytes, other: str, *, now: int) -> None:
    """Keep an officer out of one case: the wrapped keys go at once. What was read before stays read.

    The officer need not have been on the team: one who is to know nothing of a case is excluded before.

    Raises:
        NotPermitted: the acting officer is not on the team, or names themselves.
        NotFound: no such officer.
    """
    officer.require("case-exclude")
    officer.case_key(db, case_id)
    if other == officer.handle:
        raise NotPermitted("nobody excludes themselves; a colleague on the team does it")
    get_member(db, other)
    for compartment in COMPARTMENTS:
        row = db.get(CaseKey, (case_id, other, compartment))
        if row is not None:
            db.delete(row)
    db.merge(Exclusion(case_id=case_id, officer=other, decided_by=officer.handle, decided_at=now))
    acts.add_act(db, officer, "excluded", {"case": b64u(case_id), "officer": other}, now=now)


def get_case(db: Session, officer: OfficerSession, case_id: bytes) -> Case:
    """A case of the officer's team.

    Raises:
        NotPermitted: not on the team; also when there is no such case, so that nobody learns which exist.
    """
    officer.case_key(db, case_id)
    case = db.get(Case, case_id)
    if case is None:
        raise NotFound("there is no such case")
    return case


def read_facts(db: Session, officer: OfficerSession, case: Case) -> dict[str, Any]:
    """What the case is about."""
    key = officer.case_key(db, case.case_id)
    found = parse_json(open_column(key, "case", "facts", case.case_id, case.version, case.facts))
    if not isinstance(found, dict):
        raise FormatError("the facts of a case are an object")
    return found


def write_facts(db: Session, officer: OfficerSession, case: Case, facts: dict[str, Any]) -> None:
    """Replace the facts; the version goes up, so that an old value cannot be put in the new one's place."""
    key = officer.case_key(db, case.case_id)
    case.version += 1
    case.facts = seal_column(key, "case", "facts", case.case_id, case.version, dump_json(facts))


def own_cases(officer: OfficerSession, compartment: str = CASE) -> Select[bytes]:
    """The ids of the cases that the officer works on: with a key of this compartment, and not kept out."""
    kept_out = select(Exclusion.case_id).where(Exclusion.officer == officer.handle)
    return select(CaseKey.case_id).where(
        CaseKey.holder == officer.handle, CaseKey.compartment == compartment, CaseKey.case_id.not_in(kept_out)
    )


def list_cases(db: Session, officer: OfficerSession, among: Select[Any] | None = None) -> list[Case]:
    """Cases that the officer works on, by handle.

    Args:
        among: only those whose ids this query gives.
    """
    officer.require("case-read")
    query = select(Case).where(Case.case_id.in_(own_cases(officer))).order_by(Case.handle)
    return list(db.scalars(query if among is None else query.where(Case.case_id.in_(among))))


def handles_of(db: Session, officer: OfficerSession, case_ids: Collection[bytes]) -> dict[bytes, str]:
    """File numbers of those of these cases that the officer works on."""
    officer.require("case-read")
    query = select(Case.case_id, Case.handle).where(Case.case_id.in_(case_ids), Case.case_id.in_(own_cases(officer)))
    return {case_id: handle for case_id, handle in db.execute(query)}  # noqa: C416  # a result has keys of its own


def opened_to(db: Session, officer: OfficerSession, case_ids: Sequence[bytes], compartment: str = CASE) -> set[bytes]:
    """Those of these cases that the officer opens now."""
    return set(db.scalars(own_cases(officer, compartment).where(CaseKey.case_id.in_(case_ids))))


def team(db: Session, officer: OfficerSession, case_id: bytes) -> dict[str, tuple[str, ...]]:
    """Handles on the team and the compartments that each of them opens."""
    officer.case_key(db, case_id)
    found: dict[str, tuple[str, ...]] = {}
    query = select(CaseKey).where(CaseKey.case_id == case_id, CaseKey.holder != RECOVERY)
    for row in db.scalars(query.order_by(CaseKey.holder, CaseKey.compartment)):
        found[row.holder] = (*found.get(row.holder, ()), row.compartment)
    return found


def give_key(
    db: Session, case_id: bytes, compartment: str, holder: str, public_key: bytes, key: bytes, *, by: str, now: int
) -> None:
    """Wrap a key of a case to a holder's receiving key."""
    wrapped = hybrid.seal(public_key, wrap_info(case_id, compartment), key)
    db.merge(
        CaseKey(case_id=case_id, holder=holder, compartment=compartment, wrapped=wrapped, given_by=by, given_at=now)
    )
