"""Taking a folder into a case: persons out of a table, files of evidence (docs/input.md)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agencies.members import OfficerSession
from errors import NotFound
from evidence.intake import readable_name
from exchange.office import Office
from identity import htcds, persons

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
    path = find_table(folder)
    table = htcds.read_persons(path)
    added = []
    with office.files.session() as db:
        for number, row in enumerate(table.rows, 1):
            short = row.person or f"P{number}"
            person = persons.add_person(
                db, officer, case_id, row.values, role=htcds.role_of(row.values, is_first=number == 1), short=short,
                extra=row.extra, now=now,
            )  # fmt: skip
            added.append((person, short))
    return Imported(tuple(added), table.unknown, ignored_files(folder))
