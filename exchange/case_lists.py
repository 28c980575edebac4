"""Lists of cases that stay fast with ten thousand of them: only those on the page are opened."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, overload

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import OfficerSession
from agencies.models import Case
from crypto.encoding import parse_json
from exchange import case_contents, case_files
from exchange.case_files import CaseFile
from storage.sealed import open_column

OPEN: Final = "open"
CLOSED: Final = "closed"


@dataclass(frozen=True, slots=True)
class Handle:
    """A case by what can be read without its key."""

    case_id: bytes
    handle: str


@dataclass(frozen=True, slots=True)
class Line:
    """A case as a list shows it.

    Attributes:
        file: None where it was given to a former key of this officer, so that it does not open.
        last_at: when something last happened.
    """

    case_id: bytes
    handle: str
    file: CaseFile | None = field(repr=False)
    last_at: int


def count(db: Session, officer: OfficerSession) -> int:
    """How many cases the officer works on."""
    officer.require("case-read")
    return db.scalar(select(func.count()).select_from(cases.own_cases(officer).subquery())) or 0


class Handles(Sequence[Handle]):
    """Cases of a query, of which only those that are asked for are read. It lives as long as its database session."""

    def __init__(self, db: Session, query: Select[bytes, str]) -> None:
        self._db, self._query = db, query
        self._count = db.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Handle: ...
    @overload
    def __getitem__(self, index: slice) -> list[Handle]: ...
    def __getitem__(self, index: int | slice) -> Handle | list[Handle]:
        if isinstance(index, int):
            return self[range(self._count)[index] : range(self._count)[index] + 1][0]
        start, end, step = index.indices(self._count)
        rows = self._db.execute(self._query.offset(start).limit(max(0, end - start)))
        return [Handle(case_id, handle) for case_id, handle in rows][::step]


def list_handles(
    db: Session, officer: OfficerSession, *, state: str = "all", within: Collection[bytes] | None = None,
    newest_first: bool = False,
) -> Sequence[Handle]:  # fmt: skip
    """Cases of the officer, by file number or the newest first.

    Args:
        state: `open`, `closed` or anything else for both.
        within: only these.
    """
    officer.require("case-read")
    query = select(Case.case_id, Case.handle).where(Case.case_id.in_(cases.own_cases(officer)))
    if state in (OPEN, CLOSED):
        query = query.where(Case.closed_at.is_(None) if state == OPEN else Case.closed_at.is_not(None))
    order = (Case.opened_at.desc(), Case.handle) if newest_first else (Case.handle,)
    found = Handles(db, query.order_by(*order))
    return found if within is None else [one for one in found[:] if one.case_id in within]


def lines(db: Session, officer: OfficerSession, case_ids: Sequence[bytes]) -> list[Line]:
    """Some cases with their facts, in the order that was given."""
    keys = officer.case_keys(db, case_ids)
    last = case_contents.last_events(db, case_ids)
    rows = {row.case_id: row for row in db.scalars(select(Case).where(Case.case_id.in_(case_ids)))}
    found = []
    for case_id in case_ids:
        row, file = rows[case_id], None
        if case_id in keys:
            raw = open_column(keys[case_id], "case", "facts", case_id, row.version, row.facts)
            file = case_files.make_file(row, parse_json(raw))
        at = max([last.get(case_id, row.opened_at), *(one.at for one in (file.changes if file else ())[-1:])])
        found.append(Line(case_id, row.handle, file, at))
    return found
