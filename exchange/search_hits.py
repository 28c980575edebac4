"""What a page shows of hits: read from the desk again, under the keys that the officer has at that moment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import VAULT, OfficerSession
from agencies.models import Case
from crypto.encoding import parse_json
from evidence.exhibits import LARGEST_BYTES
from evidence.models import ExhibitRow
from exchange import case_contents, case_files, notes
from exchange.models import BundleNote, StoredBundle
from exchange.search_index import A_BUNDLE, A_CASE, A_PERSON, AN_EXHIBIT, KINDS
from exchange.search_text import Hit, words_of
from identity import persons
from identity.models import PersonRecord
from storage.sealed import open_column


@dataclass(frozen=True, slots=True)
class Described:
    """A hit in words.

    Attributes:
        kind: `case`, `person`, `exhibit` or `bundle`.
        title: number or short id.
        words: title of a case, description of an exhibit, agencies of a bundle; never a name.
        role: of a person.
        in_name: what fits is the name of a person, which stays hidden.
    """

    kind: str
    case_id: bytes
    object_id: bytes
    case_handle: str
    title: str = field(repr=False)
    words: str = field(default="", repr=False)
    role: str = ""
    in_name: bool = False
    direction: str = ""


def is_enough(text: str) -> bool:
    """Whether there is a word to look for."""
    return bool(words_of(text))


def describe(db: Session, officer: OfficerSession, hits: Sequence[Hit]) -> list[Described]:
    """Hits in the order that was given; what is gone, or not open to the officer any more, is left out."""
    case_ids = list({one.case_id for one in hits})
    keys, vaults = officer.case_keys(db, case_ids), {}
    if any(one.kind == A_PERSON for one in hits):
        vaults = officer.case_keys(db, case_ids, VAULT)
    rows = {row.case_id: row for row in db.scalars(select(Case).where(Case.case_id.in_(keys)))}
    found = []
    for hit in hits:
        case = rows.get(hit.case_id)
        made = None if case is None else _describe(db, officer, hit, case, keys[hit.case_id], vaults.get(hit.case_id))
        if made is not None:
            found.append(made)
    return found


def _describe(
    db: Session, officer: OfficerSession, hit: Hit, case: Case, key: bytes, vault: bytes | None
) -> Described | None:  # fmt: skip
    place = (KINDS[hit.kind], hit.case_id, hit.object_id, case.handle)
    if hit.kind == A_CASE:
        raw = open_column(key, "case", "facts", case.case_id, case.version, case.facts)
        return Described(*place, case.handle, case_files.facts_of(parse_json(raw)).title)
    if hit.kind == A_PERSON:
        row = db.get(PersonRecord, hit.object_id)
        if row is None or vault is None:
            return None
        person = persons.open_person(vault, row)
        return Described(*place, person.short, role=person.role, in_name=hit.in_name)
    if hit.kind == AN_EXHIBIT:
        exhibit = db.get(ExhibitRow, (hit.case_id, hit.object_id))
        if exhibit is None:
            return None
        raw = open_column(key, "exhibit", "content", exhibit.object_id, exhibit.version, exhibit.content)
        value = parse_json(raw, max_bytes=LARGEST_BYTES)
        return Described(*place, value["local_number"], value["description"])
    return _bundle(db, officer, hit, place, key)


def _bundle(
    db: Session, officer: OfficerSession, hit: Hit, place: tuple[str, bytes, bytes, str], key: bytes
) -> Described | None:  # fmt: skip
    note, row = db.get(BundleNote, (hit.object_id, hit.case_id)), db.get(StoredBundle, hit.object_id)
    if hit.kind != A_BUNDLE or note is None or row is None:
        return None
    line = case_contents.line_of(officer.agency, row, notes.open_note(key, note))
    return Described(*place, line.bundle_id.hex()[:8], ", ".join(line.others), direction=line.direction)
