"""Taking a folder into a case: persons out of a table, files of evidence (docs/input.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from errors import NotFound
from evidence.intake import readable_name
from exchange.office import Office
from identity import htcds, persons
from identity.htcds import PersonRow, PersonTable

TABLES: Final = ("persons.csv", "persons.xlsx")
EVIDENCE: Final = "evidence"


@dataclass(frozen=True, slots=True)
class Imported:
    """Persons that were added, with their short ids; columns and files that were not understood."""

    persons: tuple[tuple[bytes, str], ...]
    unknown: tuple[str, ...]
    ignored: tuple[str, ...]


def find_table(folder: Path) -> Path:
    """The table of persons.

    Raises:
        NotFound: neither persons.csv nor persons.xlsx is there.
    """
    for name in TABLES:
        if (folder / name).is_file():
            return folder / name
    raise NotFound(f"{folder.name} holds neither persons.csv nor persons.xlsx")


def evidence_files(folder: Path) -> list[Path]:
    """Files of evidence/, by name; none if there is no such folder."""
    if not (folder / EVIDENCE).is_dir():
        return []
    return sorted(one for one in (folder / EVIDENCE).rglob("*") if one.is_file() and not one.is_symlink())


def ignored_files(folder: Path) -> tuple[str, ...]:
    """Names of what else lies in the folder, and of what in evidence/ is no file; nothing of it is taken in."""
    known = {find_table(folder), folder / EVIDENCE}
    beside = [one for one in folder.iterdir() if one not in known]
    within = [one for one in (folder / EVIDENCE).rglob("*") if one.is_symlink() or not (one.is_file() or one.is_dir())]
    return tuple(sorted(_shown(folder, one) for one in (*beside, *within)))


def _shown(folder: Path, path: Path) -> str:
    return "/".join(readable_name(Path(part)) for part in path.relative_to(folder).parts)


def import_persons(office: Office, officer: OfficerSession, case_id: bytes, folder: Path, *, now: int) -> Imported:
    """Add every row of the table to the case's vault; all of them, or none.

    Raises:
        NotFound, FormatError: there is no table, or a row cannot be read; the message names it.
    """
    table = htcds.read_persons(find_table(folder))
    with office.files.session() as db:
        added = tuple(_add(db, officer, case_id, one, now) for one in _numbered(table, {}))
    return Imported(added, table.unknown, ignored_files(folder))


# ---- With a look before -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table as it would be taken in."""

    short: str
    role: str
    row: PersonRow = field(repr=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """A table beside the case.

    Attributes:
        new: persons that the case does not have.
        changed: persons of the case of whom the table says something else, with the names of these fields.
        same: short ids of persons of whom it says nothing new.
        unknown: columns that HTCDS does not have; they are kept as they are.
    """

    new: tuple[Row, ...]
    changed: tuple[tuple[Row, tuple[str, ...]], ...]
    same: tuple[str, ...]
    unknown: tuple[str, ...]


def compare(db: Session, officer: OfficerSession, case_id: bytes, table: PersonTable) -> Compared:
    """What a table would bring. Persons are known again by their short id, never by a name.

    Raises:
        NotPermitted
    """
    known = {one.short: one for one in persons.list_persons(db, officer, case_id)}
    new: list[Row] = []
    changed: list[tuple[Row, tuple[str, ...]]] = []
    same: list[str] = []
    for one in _numbered(table, known):
        before = known.get(one.short)
        if before is None:
            new.append(one)
            continue
        other = tuple(name for name, value in one.row.values.items() if before.values.get(name) != value)
        if other:
            changed.append((one, other))
        else:
            same.append(one.short)
    return Compared(tuple(new), tuple(changed), tuple(same), table.unknown)


def take_table(
    db: Session, officer: OfficerSession, case_id: bytes, table: PersonTable, *, with_changes: bool, now: int
) -> tuple[int, int]:
    """Take a table in; how many persons were added, and how many changed. All of it, or nothing.

    Args:
        with_changes: also write what it says of persons that the case has; fields that it leaves empty stay.

    Raises:
        FormatError, NotPermitted
    """
    found = compare(db, officer, case_id, table)
    for one in found.new:
        _add(db, officer, case_id, one, now)
    if not with_changes:
        return len(found.new), 0
    known = {one.short: one for one in persons.list_persons(db, officer, case_id)}
    for row, _ in found.changed:
        before = known[row.short]
        persons.change_person(db, officer, case_id, before.person_id, {**before.values, **row.row.values})
    return len(found.new), len(found.changed)


def _numbered(table: PersonTable, known: Mapping[str, object]) -> list[Row]:
    """Rows with their short ids; one without gets the next number that nobody has."""
    given = {row.person for row in table.rows if row.person} | set(known)
    found, number = [], 0
    for place, row in enumerate(table.rows, 1):
        short = row.person
        while not short:
            number += 1
            short = f"P{number}" if f"P{number}" not in given else None
        found.append(Row(short, htcds.role_of(row.values, is_first=place == 1), row))
    return found


def _add(db: Session, officer: OfficerSession, case_id: bytes, one: Row, now: int) -> tuple[bytes, str]:
    values, extra = one.row.values, one.row.extra
    added = persons.add_person(
        db, officer, case_id, values, role=one.role, short=one.short, extra=extra, now=now
    )  # fmt: skip
    return added, one.short
