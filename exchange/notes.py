"""What a desk keeps about a bundle for the team of a case: what it was about, and what is needed to go on with it."""

from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto.encoding import dump_json, parse_json
from errors import NotFound
from exchange.models import BundleNote
from storage.sealed import open_column, seal_column

COMPOSITION: Final = "composition"  # what was sealed
EXHIBITS: Final = "exhibits"  # object ids that the case has taken out of it
PARTIES_KEY: Final = "r"  # with it the team reads the flags of what its case holds


def keep_note(db: Session, officer: OfficerSession, case_id: bytes, bundle_id: bytes, content: dict[str, Any]) -> None:
    """Keep something about a bundle under the key of a case; it replaces what was there."""
    key = case_key(db, officer, case_id)
    row = db.get(BundleNote, (bundle_id, case_id))
    if row is None:
        row = BundleNote(bundle_id=bundle_id, case_id=case_id, version=0, content=b"")
        db.add(row)
    row.version += 1
    sealed_for = bundle_id + case_id
    raw = dump_json({**content, "v": 1})
    row.content = seal_column(key, "bundle_note", "content", sealed_for, row.version, raw)
    db.flush()


def note_of(db: Session, officer: OfficerSession, case_id: bytes, bundle_id: bytes) -> dict[str, Any]:
    """What is kept about a bundle under a case.

    Raises:
        NotFound, NotPermitted
    """
    row = db.get(BundleNote, (bundle_id, case_id))
    if row is None:
        raise NotFound("nothing is kept about this bundle in this case")
    return open_note(case_key(db, officer, case_id), row)


def notes_of_case(db: Session, officer: OfficerSession, case_id: bytes) -> list[tuple[bytes, dict[str, Any]]]:
    """What is kept about each bundle under a case.

    Raises:
        NotPermitted
    """
    key = case_key(db, officer, case_id)
    rows = db.scalars(select(BundleNote).where(BundleNote.case_id == case_id))
    return [(row.bundle_id, open_note(key, row)) for row in rows]


def open_note(key: bytes, row: BundleNote) -> dict[str, Any]:
    """What is kept, opened with the key of the case."""
    raw = open_column(key, "bundle_note", "content", row.bundle_id + row.case_id, row.version, row.content)
    found = parse_json(raw, max_bytes=2**23)
    return found if isinstance(found, dict) else {}
