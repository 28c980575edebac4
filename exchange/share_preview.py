"""What each recipient of a draft will see, under their own pseudonyms, and what two recipients could join.

Built of the same parts as the bundle itself, but with gaps where a rule still says no, so that the officer sees both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from evidence import exhibits as register
from evidence import intake
from exchange import share_drafts
from exchange.office import Office
from exchange.share_drafts import Draft
from identity import flags, htcds, persons
from identity.persons import Person


@dataclass(frozen=True, slots=True)
class ExhibitSeen:
    """An exhibit as the recipient will read of it."""

    object_id: bytes
    number: str
    root_number: str
    description: str = field(repr=False)
    files: int
    size_bytes: int
    handling: tuple[str, ...]
    is_own: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What one agency will see.

    Attributes:
        persons: as the form has them, with `flags` and `person` (the id at home; it does not travel).
        without_consent: ids of persons whose consent does not cover this; they stop an NGO's share.
    """

    agency: str
    reference: str
    persons: tuple[Mapping[str, Any], ...] = field(repr=False)
    without_consent: tuple[bytes, ...]


def exhibits_of(db: Session, officer: OfficerSession, case_id: bytes) -> list[ExhibitSeen]:
    """Exhibits of a case that have files, with their sizes."""
    sizes = {one.file_id: one.size_bytes for one in intake.list_files(db, officer, case_id)}
    return [
        ExhibitSeen(
            one.object_id, one.local_number, one.root_number, one.description, len(one.files),
            sum(sizes.get(file, 0) for file in one.files), one.handling, one.is_own,
        )
        for one in register.list_exhibits(db, officer, case_id)
    ]  # fmt: skip


def preview(db: Session, office: Office, officer: OfficerSession, draft: Draft, *, now: int) -> list[Seen]:
    """For each recipient of a draft."""
    needs_consent = office.directory(db).agency(office.agency).type == "ngo"
    found = []
    for to in draft.recipients:
        people = [_person(db, officer, draft, one, to.agency, now) for one in draft.fields]
        covered = _covered(db, officer, draft, to.agency, now) if needs_consent else set(draft.fields)
        missing = tuple(one for one in draft.fields if one not in covered)
        found.append(Seen(to.agency, to.reference, tuple(people), missing))
    return found


def _person(db: Session, officer: OfficerSession, draft: Draft, person: bytes, agency: str, now: int) -> dict[str, Any]:
    value = persons.shared_person(db, officer, draft.case_id, person, agency, draft.fields[person], now)
    raised = flags.flags_for_bundle(db, officer, draft.case_id, [person], agency, now=now)
    return {**value, "person": person, "flags": raised}


def _covered(db: Session, officer: OfficerSession, draft: Draft, agency: str, now: int) -> set[bytes]:
    return {
        person
        for person in draft.fields
        if share_drafts.consent_for(db, officer, draft, person, agency, now=now) is not None
    }


def what_joins(draft: Draft, exhibits: list[ExhibitSeen]) -> list[str]:
    """What two recipients who compare could join by: `exhibits`, `text`, `reference`; empty for one recipient."""
    if len(draft.recipients) < 2:
        return []
    found = []
    if draft.exhibits and exhibits:
        found.append("exhibits")
    if draft.text.strip():
        found.append("text")
    references = [one.reference for one in draft.recipients]
    if len(set(references)) < len(references):
        found.append("reference")
    return found


def may_travel(person: Person) -> Mapping[str, list[str]]:
    """Fields of a person that may leave at all, with their values."""
    return htcds.shareable(person.values)
