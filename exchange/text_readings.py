"""Who has read the texts for survivors as a native speaker: a translation counts as a draft until somebody has.

The record holds for exactly the version that was read, by its digest. A change makes the text a draft again.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto import boxes, labels
from crypto.encoding import dump_json, fields, parse_json
from crypto.header import IDENTIFIER_BYTES
from errors import FormatError
from exchange.delivery import day_of
from exchange.handle_keys import handle_secret
from exchange.models import TextReading
from exchange.office import Office
from storage.sealed import open_column, seal_column

LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """That somebody read a version."""

    language: str
    digest: bytes
    reader: str = field(repr=False)
    read_on: str
    made_by: str
    made_at: int


def record_reading(
    db: Session,
    office: Office,
    officer: OfficerSession,
    language: str,
    digest: bytes,
    *,
    reader: str,
    read_on: str,
    now: int,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> None:
    """Keep that a native speaker has read this version of the texts.

    Args:
        digest: of the version, 32 bytes.
        reader: who that was; sealed.
        read_on: YYYY-MM-DD, not after today.

    Raises:
        NotPermitted, FormatError
    """
    officer.require("consent")
    if not 0 < len(reader.strip()) <= LONGEST:
        raise FormatError("say who has read it: a name, or the number of an interpreter")
    try:
        is_over = date.fromisoformat(read_on).isoformat() <= day_of(now)
    except ValueError:
        is_over = False
    if not is_over:
        raise FormatError("the day on which it was read is today or earlier")
    reading_id = random_bytes(IDENTIFIER_BYTES)
    content = dump_json({"v": 1, "reader": reader.strip(), "read_on": read_on})
    key = _key(db, office, officer, now)
    sealed = seal_column(key, "text_reading", "content", reading_id, 1, content)
    db.add(
        TextReading(
            reading_id=reading_id, language=language, digest=digest, content=sealed, made_by=officer.handle,
            made_at=now,
        )
    )  # fmt: skip
    db.flush()


def is_read(db: Session, language: str, digest: bytes) -> bool:
    """Whether a native speaker has read exactly this version."""
    query = select(TextReading.reading_id).where(TextReading.language == language, TextReading.digest == digest)
    return db.scalar(query.limit(1)) is not None


def list_readings(db: Session, office: Office, officer: OfficerSession, *, now: int) -> list[Reading]:
    """All readings, newest first, with whoever read."""
    officer.require("consent")
    rows = list(db.scalars(select(TextReading).order_by(TextReading.made_at.desc())))
    key = _key(db, office, officer, now) if rows else b""
    found = []
    for row in rows:
        value = parse_json(open_column(key, "text_reading", "content", row.reading_id, 1, row.content))
        found.append(
            Reading(row.language, row.digest, value["reader"], value["read_on"], row.made_by, row.made_at)
        )  # fmt: skip
    return found


def _key(db: Session, office: Office, officer: OfficerSession, now: int) -> bytes:
    secret = handle_secret(db, office, officer, now=now)
    return boxes.expand(secret, fields(labels.TEXT_READING, office.agency), 32)
