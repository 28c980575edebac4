"""A bundle before it is sealed, as the page shows it: to the officer who checks it, and to the second officer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from agencies import comparison
from agencies.comparison import RootState
from agencies.members import OfficerSession
from desk import share_words
from desk.field_words import field_words
from errors import AmparoError
from evidence import intake
from exchange.composition import Composition
from exchange.office import Office


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page says of a composition."""

    made: Composition
    agency: str
    officers: tuple[str, ...]
    fingerprint: str
    compared: Mapping[str, Any] | None
    is_compared: bool
    persons: list[dict[str, Any]] = field(repr=False)
    exhibits: list[dict[str, Any]] = field(repr=False)
    size_bytes: int | None

    @property
    def purposes(self) -> list[Any]:
        """In words."""
        return [share_words.word(share_words.PURPOSES, one) for one in self.made.purposes]

    @property
    def codes(self) -> list[tuple[str, Any]]:
        """Codes with their sentences."""
        return [code_words(one) for one in self.made.handling]


def code_words(code: str) -> tuple[str, Any]:
    """A code and its sentence."""
    if code.startswith("3x5x2 ") and len(code) == len("3x5x2 1A"):
        source, content = share_words.SOURCE_GRADES.get(code[-2]), share_words.CONTENT_GRADES.get(code[-1])
        return "3x5x2", f"{source}; {content}"
    return code, share_words.word(share_words.CODES, code)


def fields_words(fields: Mapping[str, list[str]]) -> list[tuple[Any, str]]:
    """Fields of a person with their values."""
    return [(field_words(name), "; ".join(values)) for name, values in fields.items()]


def shown(db: Session, office: Office, officer: OfficerSession, made: Composition) -> Shown:
    """Everything about a composition that its page says."""
    to, directory = made.recipients[0], office.directory(db)
    flags: dict[str, list[Mapping[str, Any]]] = {}
    for one in made.flags:
        flags.setdefault(str(one["pseudonym"]), []).append(one)
    people = [
        {"pseudonym": one["pseudonym"], "category": share_words.word(share_words.ROLES, one["category"]),
         "fields": fields_words(one["fields"]), "flags": flags.get(one["pseudonym"], [])}
        for one in made.form.get("persons", [])
    ]  # fmt: skip
    return Shown(
        made, to.agency, to.officers, comparison.fingerprint_of(directory, to.agency),
        comparison.last_comparison(db, directory, to.agency),
        comparison.root_state(db, directory, to.agency) is RootState.VERIFIED, people,
        list(made.form.get("exhibits", [])), _size(db, officer, made),
    )  # fmt: skip


def _size(db: Session, officer: OfficerSession, made: Composition) -> int | None:
    """Bytes of all files; None for a second officer who is not on the case team."""
    try:
        return sum(intake.get_file(db, officer, made.case_id, one).size_bytes for one in made.files)
    except AmparoError:
        return None
