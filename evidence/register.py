"""The exhibits of every case that an officer works on: the list that pages show, filtered in memory.

What is looked for is compared with what the officer's keys open; no index of it lies on the disk.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import OfficerSession
from agencies.models import Case
from custody.models import OwnEvent
from errors import NotFound
from evidence import exhibits, holdings, intake
from evidence.exhibits import Exhibit
from evidence.models import ExhibitRow, HoldingRow, ReceivedCustody

STATES: Final = ("here", "offered", "elsewhere", "ended", "unknown", "broken")
AT_ONCE: Final = 500  # cases whose keys are read by one question


@dataclass(frozen=True, slots=True)
class Line:
    """An exhibit with its case."""

    case_id: bytes
    case_handle: str
    exhibit: Exhibit


def find(
    db: Session,
    officer: OfficerSession,
    *,
    case_id: bytes | None = None,
    words: str = "",
    state: str = "",
    start: int = 0,
    most: int = 50,
) -> tuple[list[Line], int]:
    """Exhibits, newest of each case last, and how many there are in all.

    Args:
        words: what has to stand in number or description, in any case of letters.
        state: of its custody, one of STATES.

    Raises:
        NotPermitted: no right to read cases, or not on the team of the case asked for.
    """
    officer.require("case-read")
    if case_id is not None:
        cases.get_case(db, officer, case_id)
    query = _candidates(officer, case_id, state)
    looked_for = words.casefold().split()
    if not looked_for and state not in STATES:
        total = db.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
        lines = _read(db, officer, query.offset(start).limit(most))
        return [_with_state(db, officer, one) for one in lines], total
    found = [one for one in _read(db, officer, query) if _has_words(one, looked_for)]
    if state in STATES:
        found = [line for line in (_with_state(db, officer, one) for one in found) if line.exhibit.state == state]
        return found[start : start + most], len(found)
    return [_with_state(db, officer, one) for one in found[start : start + most]], len(found)


def _candidates(officer: OfficerSession, case_id: bytes | None, state: str) -> Select[ExhibitRow, str]:
    """Rows of exhibits with their case's file number; without those that cannot be in the state by their count of
    events alone, so that only what was handed over is read for a list of handovers."""
    query = select(ExhibitRow, Case.handle).join(Case, Case.case_id == ExhibitRow.case_id)
    query = query.where(ExhibitRow.case_id.in_(cases.own_cases(officer))).order_by(Case.handle, ExhibitRow.serial)
    if case_id is not None:
        query = query.where(ExhibitRow.case_id == case_id)
    is_held = select(HoldingRow.holding).where(
        HoldingRow.case_id == ExhibitRow.case_id, HoldingRow.object_id == ExhibitRow.object_id
    )
    came = select(ReceivedCustody.digest).where(
        ReceivedCustody.case_id == ExhibitRow.case_id, ReceivedCustody.object_id == ExhibitRow.object_id
    )
    if state == "unknown":
        return query.where(~is_held.exists(), ~came.exists())
    if state == "offered":  # an offer is never the first event of a holding
        went_on = select(OwnEvent.position).where(
            OwnEvent.object_kind == "holding", OwnEvent.object_id == HoldingRow.holding, OwnEvent.number > 0
        )
        return query.where(is_held.where(went_on.exists()).exists())
    if state in STATES:
        return query.where(is_held.exists() | came.exists())
    return query


def _read(db: Session, officer: OfficerSession, query: Select[ExhibitRow, str]) -> list[Line]:
    """The exhibits of a query, their custody not read yet; those of cases that do not open are left out."""
    rows = db.execute(query).all()
    keys: dict[bytes, bytes] = {}
    wanted = list(dict.fromkeys(row.case_id for row, _handle in rows))
    for at in range(0, len(wanted), AT_ONCE):
        keys |= officer.case_keys(db, wanted[at : at + AT_ONCE])
    return [
        Line(row.case_id, handle, exhibits.opened(keys[row.case_id], row))
        for row, handle in rows
        if row.case_id in keys
    ]


def _has_words(line: Line, words: Collection[str]) -> bool:
    one = line.exhibit
    text = f"{line.case_handle} {one.local_number} {one.root_number} {one.description}".casefold()
    return all(word in text for word in words)


def _with_state(db: Session, officer: OfficerSession, line: Line) -> Line:
    state = holdings.state(db, officer, line.case_id, line.exhibit.object_id)
    own = holdings.own_holdings(db, line.case_id, line.exhibit.object_id)
    holding = own[-1].holding if own else None
    return replace(line, exhibit=replace(line.exhibit, state=state, holding=holding))


def cases_with(db: Session, officer: OfficerSession, object_id: bytes) -> list[bytes]:
    """Cases of the officer in which an exhibit is registered."""
    own = {one.case_id for one in cases.list_cases(db, officer)}
    rows = db.scalars(select(ExhibitRow.case_id).where(ExhibitRow.object_id == object_id))
    return sorted(set(rows) & own)


def same_file(db: Session, officer: OfficerSession, case_id: bytes, sha256: bytes) -> list[Exhibit]:
    """Exhibits of a case that have a file with this content already."""
    known = {one.file_id for one in intake.list_files(db, officer, case_id) if one.sha256 == sha256}
    found = exhibits.list_exhibits(db, officer, case_id, with_state=False)
    return [one for one in found if known & set(one.files)]


def exhibit_of_file(db: Session, officer: OfficerSession, case_id: bytes, file_id: bytes) -> Exhibit:
    """The exhibit that a file belongs to.

    Raises:
        NotFound: to none of this case.
    """
    for one in exhibits.list_exhibits(db, officer, case_id, with_state=False):
        if file_id in one.files:
            return one
    raise NotFound("this file belongs to no exhibit of this case")


def chosen(db: Session, officer: OfficerSession, wanted: Sequence[tuple[bytes, bytes]]) -> list[Line]:
    """Exhibits by case and object id, in the order asked for.

    Raises:
        NotFound, NotPermitted
    """
    found = []
    for case_id, object_id in dict.fromkeys(wanted):
        handle = cases.get_case(db, officer, case_id).handle
        found.append(Line(case_id, handle, exhibits.get_exhibit(db, officer, case_id, object_id)))
    return found
