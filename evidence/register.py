"""The exhibits of every case that an officer works on: the list that pages show, filtered in memory.

What is looked for is compared with what the officer's keys open; no index of it lies on the disk.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import OfficerSession
from agencies.models import Case
from errors import NotFound
from evidence import exhibits, holdings, intake
from evidence.exhibits import Exhibit
from evidence.models import ExhibitRow

STATES: Final = ("here", "offered", "elsewhere", "ended", "unknown", "broken")


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
    if case_id is not None:
        chosen = [cases.get_case(db, officer, case_id)]
    else:
        chosen = cases.list_cases(db, officer)
    found = [line for case in chosen for line in _of_case(db, officer, case, words.casefold().split())]
    if state in STATES:
        found = [line for line in (_with_state(db, officer, one) for one in found) if line.exhibit.state == state]
        return found[start : start + most], len(found)
    return [_with_state(db, officer, one) for one in found[start : start + most]], len(found)


def _of_case(db: Session, officer: OfficerSession, case: Case, words: Collection[str]) -> Iterator[Line]:
    for one in exhibits.list_exhibits(db, officer, case.case_id, with_state=False):
        text = f"{case.handle} {one.local_number} {one.root_number} {one.description}".casefold()
        if all(word in text for word in words):
            yield Line(case.case_id, case.handle, one)


def _with_state(db: Session, officer: OfficerSession, line: Line) -> Line:
    state = holdings.state(db, officer, line.case_id, line.exhibit.object_id)
    return replace(line, exhibit=replace(line.exhibit, state=state))


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
