"""Who opens a case, who could join its team, and who is kept out."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import RECOVERY
from agencies.members import CASE, VAULT, OfficerSession
from agencies.models import CaseKey, Exclusion, Member
from agencies.rights import has_right


@dataclass(frozen=True, slots=True)
class OnTeam:
    """An officer of the team: since when, by whom, and whether the identities are open to her."""

    handle: str
    has_identities: bool
    given_by: str
    given_at: int
    has_left: bool


@dataclass(frozen=True, slots=True)
class KeptOut:
    """An officer who is kept out: by whom, and since when."""

    handle: str
    decided_by: str
    decided_at: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An officer who could join, or be given the identities."""

    handle: str
    is_on_team: bool


@dataclass(frozen=True, slots=True)
class Team:
    """A case's team and who is outside of it."""

    members: tuple[OnTeam, ...]
    kept_out: tuple[KeptOut, ...]
    may_join: tuple[Candidate, ...]
    may_be_kept_out: tuple[str, ...]


def read(db: Session, officer: OfficerSession, case_id: bytes) -> Team:
    """The team of a case.

    Raises:
        NotPermitted: the officer is not on it.
    """
    officer.case_key(db, case_id)
    rows = db.execute(
        select(CaseKey.holder, CaseKey.compartment, CaseKey.given_by, CaseKey.given_at)
        .where(CaseKey.case_id == case_id, CaseKey.holder != RECOVERY)
        .order_by(CaseKey.holder)
    ).all()
    everybody = {one.handle: one for one in db.scalars(select(Member).order_by(Member.handle))}
    vaults = {holder for holder, compartment, _, _ in rows if compartment == VAULT}
    on_team = tuple(
        OnTeam(holder, holder in vaults, by, at, holder not in everybody or everybody[holder].left_at is not None)
        for holder, compartment, by, at in rows
        if compartment == CASE
    )
    query = select(Exclusion).where(Exclusion.case_id == case_id).order_by(Exclusion.officer)
    outside = tuple(KeptOut(row.officer, row.decided_by, row.decided_at) for row in db.scalars(query))
    named, out = {one.handle for one in on_team}, {one.handle for one in outside}
    working = [one for one in everybody.values() if one.left_at is None and one.handle not in out]
    return Team(
        on_team,
        outside,
        tuple(
            Candidate(one.handle, one.handle in named)
            for one in working
            if has_right(one.roles.split(" "), "case-read") and one.handle not in vaults
        ),
        tuple(one.handle for one in working if one.handle != officer.handle),
    )
