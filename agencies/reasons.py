"""A reason asked of an officer about one line of the record, and her answer; both read by the two alone."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession, get_member
from agencies.models import AskedReason, Member
from crypto import hybrid, labels
from crypto.encoding import dump_json, fields, parse_json
from crypto.header import IDENTIFIER_BYTES
from errors import Conflict, DecryptionFailed, FormatError, LimitExceeded, NotFound, NotPermitted

MOST_SIGNS: Final = 2000
QUESTION, ANSWER = "question", "answer"
LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and, once it is there, the answer."""

    reason_id: bytes
    line: int
    asked_by: str
    asked_at: int
    officer: str
    question: str
    answer: str | None
    answered_at: int | None


def ask(
    db: Session, auditor: OfficerSession, line: int, officer: str, question: str, *, now: int,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> bytes:  # fmt: skip
    """Put a question to the officer of a line; its id.

    Raises:
        NotPermitted: not the auditor.
        NotFound: the officer does not work here any more.
        Conflict: it was asked before and is not answered yet.
    """
    auditor.require("audit")
    member = get_member(db, officer)
    _require_text(question)
    query = select(AskedReason).where(
        AskedReason.line == line, AskedReason.asked_by == auditor.handle, AskedReason.answered_at.is_(None)
    )
    if db.scalar(query) is not None:
        raise Conflict("this was asked already and is not answered yet")
    reason_id = random_bytes(IDENTIFIER_BYTES)
    db.add(
        AskedReason(
            reason_id=reason_id, line=line, asked_by=auditor.handle, asked_at=now, officer=officer,
            question_to_officer=_seal(member.receiving_key, reason_id, QUESTION, officer, question),
            question_to_auditor=_seal(
                auditor.receiving.public_key, reason_id, QUESTION, auditor.handle, question
            ),
        )
    )  # fmt: skip
    db.flush()
    return reason_id


def answer(db: Session, officer: OfficerSession, reason_id: bytes, text: str, *, now: int) -> None:
    """Answer a question; it cannot be changed afterwards.

    Raises:
        NotFound: no such question to this officer.
        Conflict: it is answered.
    """
    row = db.get(AskedReason, reason_id)
    if row is None or row.officer != officer.handle:
        raise NotFound("there is no such question to you")
    if row.answered_at is not None:
        raise Conflict("you have answered this already; the answer stays as it is")
    _require_text(text)
    auditor = db.get(Member, row.asked_by)
    if auditor is None:
        raise NotFound("who asked this does not work here any more")
    row.answer_to_officer = _seal(officer.receiving.public_key, reason_id, ANSWER, officer.handle, text)
    row.answer_to_auditor = _seal(auditor.receiving_key, reason_id, ANSWER, auditor.handle, text)
    row.answered_at = now


def to_me(db: Session, officer: OfficerSession) -> list[Asked]:
    """Questions to this officer, those without an answer first."""
    query = select(AskedReason).where(AskedReason.officer == officer.handle)
    found = db.scalars(query.order_by(AskedReason.answered_at.is_not(None), AskedReason.asked_at.desc()))
    return [_read(row, officer) for row in found]


def count_open(db: Session, handle: str) -> int:
    """How many questions wait for an answer of this officer."""
    query = select(func.count()).select_from(AskedReason)
    return db.scalar(query.where(AskedReason.officer == handle, AskedReason.answered_at.is_(None))) or 0


def by_me(db: Session, auditor: OfficerSession, line: int | None = None) -> list[Asked]:
    """Questions of this auditor, newest first."""
    query = select(AskedReason).where(AskedReason.asked_by == auditor.handle)
    if line is not None:
        query = query.where(AskedReason.line == line)
    return [_read(row, auditor) for row in db.scalars(query.order_by(AskedReason.asked_at.desc()).limit(500))]


def get(db: Session, officer: OfficerSession, reason_id: bytes) -> Asked:
    """One question, for the two whom it concerns.

    Raises:
        NotFound
    """
    row = db.get(AskedReason, reason_id)
    if row is None or officer.handle not in (row.officer, row.asked_by):
        raise NotFound("there is no such question to you")
    return _read(row, officer)


def _read(row: AskedReason, reader: OfficerSession) -> Asked:
    is_officer = reader.handle == row.officer
    if not is_officer and reader.handle != row.asked_by:
        raise NotPermitted("this question is between two others")
    question = row.question_to_officer if is_officer else row.question_to_auditor
    found = row.answer_to_officer if is_officer else row.answer_to_auditor
    return Asked(
        row.reason_id, row.line, row.asked_by, row.asked_at, row.officer,
        _open(reader, row.reason_id, QUESTION, question) or "",
        None if found is None else _open(reader, row.reason_id, ANSWER, found), row.answered_at,
    )  # fmt: skip


def _require_text(text: str) -> None:
    if not text.strip():
        raise FormatError("write what you want to say")
    if len(text) > MOST_SIGNS:
        raise LimitExceeded(f"this is too long; at most {MOST_SIGNS} characters")


def _seal(key: bytes, reason_id: bytes, part: str, handle: str, text: str) -> bytes:
    return hybrid.seal(key, _info(reason_id, part, handle), dump_json({"v": 1, "text": text}))


def _open(reader: OfficerSession, reason_id: bytes, part: str, sealed: bytes) -> str | None:
    try:
        raw = reader.open_stanza(_info(reason_id, part, reader.handle), sealed)
    except DecryptionFailed:  # sealed to keys that were renewed since
        return None
    value = parse_json(raw, max_bytes=LARGEST)
    return str(value["text"]) if isinstance(value, dict) and "text" in value else None


def _info(reason_id: bytes, part: str, handle: str) -> bytes:
    return fields(labels.ASKED_REASON, reason_id, part, handle)
