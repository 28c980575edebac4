"""Looking through a folder before the demonstration plays it (docs/input.md): everything unusable is named at once."""

from dataclasses import dataclass, field
from pathlib import Path

from exchange.people import evidence_files, find_table, ignored_files
from identity.htcds import PersonRow, read_persons


@dataclass(frozen=True, slots=True)
class Input:
    """What will be played.

    Attributes:
        persons: rows of the table.
        files: of evidence/, in order of name.
        ignored: names of files that are not taken in.
        unknown: columns that HTCDS does not have; they are kept.
    """

    folder: Path
    persons: tuple[PersonRow, ...] = field(repr=False)
    files: tuple[Path, ...]
    ignored: tuple[str, ...]
    unknown: tuple[str, ...]


def read_input(folder: Path) -> Input:
    """Read the table and list the files.

    Raises:
        NotFound: neither persons.csv nor persons.xlsx is there.
        FormatError, LimitExceeded: the table cannot be read; the message names the row or column.
    """
    table = read_persons(find_table(folder))
    return Input(folder.resolve(), table.rows, tuple(evidence_files(folder)), ignored_files(folder), table.unknown)
