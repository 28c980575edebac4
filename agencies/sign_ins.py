"""The record of tries to sign in: an officer sees the last one, and what happened since."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from agencies.models import SignInNote

OPEN, PASSPHRASE, FACTOR = "open", "passphrase", "factor"
KEPT: Final = 200  # of one officer


@dataclass(frozen=True, slots=True)
class LastTime:
    """The sign-in before this one. POSIX seconds; None: this is the first."""

    at: int | None
    failed_since: int


def note(db: Session, handle: str, result: str, *, now: int) -> None:
    """Write a try down; the oldest of this officer are forgotten."""
    db.add(SignInNote(officer=handle, result=result, at=now))
    db.flush()
    newest = select(SignInNote.number).where(SignInNote.officer == handle).order_by(SignInNote.number.desc())
    oldest = db.scalar(newest.offset(KEPT).limit(1))
    if oldest is not None:
        db.execute(delete(SignInNote).where(SignInNote.officer == handle, SignInNote.number <= oldest))


def last_time(db: Session, handle: str) -> LastTime:
    """When the officer was here last; call it before the new sign-in is noted."""
    at = db.execute(
        select(SignInNote.number, SignInNote.at)
        .where(SignInNote.officer == handle, SignInNote.result == OPEN)
        .order_by(SignInNote.number.desc()).limit(1)
    ).first()  # fmt: skip
    since = 0 if at is None else at.number
    failed = select(func.count()).select_from(SignInNote).where(
        SignInNote.officer == handle, SignInNote.result != OPEN, SignInNote.number > since
    )  # fmt: skip
    return LastTime(None if at is None else at.at, db.scalar(failed) or 0)


def list_notes(db: Session, handle: str, most: int = 50) -> list[SignInNote]:
    """The newest tries of an officer."""
    query = select(SignInNote).where(SignInNote.officer == handle).order_by(SignInNote.number.desc())
    return list(db.scalars(query.limit(most)))
