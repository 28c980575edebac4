"""What an officer keeps for herself, sealed to her own receiving key: pages half filled in, secrets of second factors.

A paper can be put away with nobody signed in, as when a form arrives after the idle lock; only its officer reads it.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession, get_member
from agencies.models import OwnPaper
from crypto import hybrid, labels
from crypto.encoding import dump_json, fields, parse_json
from crypto.header import IDENTIFIER_BYTES
from errors import FormatError, LimitExceeded, NotFound

MOST_BYTES: Final = 2**20
MOST_PAPERS: Final = 500  # of one kind; the oldest go


def keep(
    db: Session, handle: str, kind: str, value: dict[str, Any], *, now: int, paper_id: bytes | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> bytes:  # fmt: skip
    """Put something away for an officer, or in place of what was there under this id; its id.

    Raises:
        LimitExceeded: larger than 1 MiB.
        NotFound: no such officer, or the id is of somebody else's paper.
    """
    raw = dump_json(value)
    if len(raw) > MOST_BYTES:
        raise LimitExceeded("this is more than the desk keeps of one page")
    member = get_member(db, handle)
    paper_id = paper_id or random_bytes(IDENTIFIER_BYTES)
    row = db.get(OwnPaper, paper_id)
    if row is None:
        row = OwnPaper(paper_id=paper_id, officer=handle, kind=kind, sealed=b"", changed_at=now)
        db.add(row)
        _forget_oldest(db, handle, kind)
    elif (row.officer, row.kind) != (handle, kind):
        raise NotFound
    row.sealed = hybrid.seal(member.receiving_key, _info(paper_id, kind, handle), raw)
    row.changed_at = now
    db.flush()
    return paper_id


def _forget_oldest(db: Session, handle: str, kind: str) -> None:
    query = select(OwnPaper).where(OwnPaper.officer == handle, OwnPaper.kind == kind)
    for row in db.scalars(query.order_by(OwnPaper.changed_at.desc()).offset(MOST_PAPERS)):
        db.delete(row)


def read(db: Session, officer: OfficerSession, paper_id: bytes, kind: str) -> dict[str, Any]:
    """A paper of the signed-in officer.

    Raises:
        NotFound: there is none, or it is somebody else's.
        DecryptionFailed: sealed to keys that were renewed since, or altered.
    """
    row = db.get(OwnPaper, paper_id)
    if row is None or (row.officer, row.kind) != (officer.handle, kind):
        raise NotFound
    value = parse_json(officer.open_stanza(_info(paper_id, kind, officer.handle), row.sealed), max_bytes=MOST_BYTES)
    if not isinstance(value, dict):
        raise FormatError("a paper holds an object")
    return value


def list_papers(db: Session, officer: OfficerSession, kind: str) -> list[OwnPaper]:
    """Papers of one kind, newest first."""
    query = select(OwnPaper).where(OwnPaper.officer == officer.handle, OwnPaper.kind == kind)
    return list(db.scalars(query.order_by(OwnPaper.changed_at.desc())))


def drop(db: Session, officer: OfficerSession, paper_id: bytes) -> None:
    """Throw a paper away; one that is gone, or is somebody else's, is no error."""
    row = db.get(OwnPaper, paper_id)
    if row is not None and row.officer == officer.handle:
        db.delete(row)


def _info(paper_id: bytes, kind: str, handle: str) -> bytes:
    return fields(labels.OWN_PAPER, paper_id, kind, handle)
