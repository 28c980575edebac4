"""Inquiries and answers: what is asked, what becomes of it, and the decision with its ground (docs/protocol.md 3.5)."""

import os
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto.encoding import b64u, unb64u
from crypto.header import IDENTIFIER_BYTES
from errors import Conflict, FormatError, NotFound
from exchange.composition import Composition
from exchange.delivery import day_of
from exchange.forms import DECISIONS, INQUIRY_TYPES
from exchange.models import InquiryRow
from exchange.office import Office
from exchange.opened import Opened
from exchange.sharing import Choice, compose

OUT: Final = "out"
IN: Final = "in"
ASKED: Final = "asked"
RECEIVED: Final = "received"
ANSWERED: Final = "answered"
REFUSED: Final = "refused"
RELEASE: Final = "release"
NOT: Final = "not"
LONGEST_TEXT: Final = 4000
MOST_QUESTIONS: Final = 50
# The ground of whoever owes none. It is the same for every refusal of this kind, so that it tells of nobody's decision.
NO_REASON: Final = "not released; no reason is given"

Random = Callable[[int], bytes]


# ---- Asking -----------------------------------------------------------------------------------------------------


def make_inquiry(
    db: Session,
    office: Office,
    officer: OfficerSession,
    choice: Choice,
    *,
    questions: Sequence[str],
    about: str,
    category: str,
    now: int,
    random_bytes: Random = os.urandom,
) -> Composition:
    """The composition of an inquiry to one agency.

    Args:
        questions: at least one.
        about: whom or what it is about, in words that name nobody.
        category: one of `forms.INQUIRY_TYPES`.

    Raises:
        FormatError: something is missing, or the day of the reply is over.
        NotPermitted
    """
    officer.require("inquire")
    if category not in INQUIRY_TYPES:
        raise FormatError(f"an inquiry is one of: {', '.join(INQUIRY_TYPES)}")
    if not 0 < len(questions) <= MOST_QUESTIONS or not all(0 < len(one.strip()) <= LONGEST_TEXT for one in questions):
        raise FormatError("an inquiry asks between one and 50 questions, each of at most 4,000 signs")
    if choice.reply_by is not None and _day(choice.reply_by) < _day(day_of(now)):
        raise FormatError("the day by which you ask for a reply is over")
    more = {
        "inquiry": b64u(random_bytes(IDENTIFIER_BYTES)), "type": category,
        "questions": [one.strip() for one in questions], "about": about.strip(), "reply_by": choice.reply_by,
    }  # fmt: skip
    return compose(db, office, officer, choice, now=now, kind="inquiry", more=more)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FormatError("a day is written YYYY-MM-DD") from None


def make_answer(
    db: Session,
    office: Office,
    officer: OfficerSession,
    choice: Choice,
    *,
    inquiry_id: bytes,
    decision: str,
    ground: str | None,
    now: int,
) -> Composition:
    """The composition of an answer. A refusal needs a ground and names nobody; an NGO names nobody without consent.

    Raises:
        NotFound: this agency has not received such an inquiry.
        Conflict: it was answered before, or came from another agency.
        ConsentMissing, NotPermitted, FormatError
    """
    officer.require("answer")
    row = get_inquiry(db, inquiry_id)
    if row.direction != IN or row.other_agency != choice.agency:
        raise Conflict("an answer goes to the agency that asked")
    if row.state == ANSWERED:
        raise Conflict("this inquiry was answered; send a correction instead")
    if decision not in DECISIONS:
        raise FormatError(f"a decision is one of: {', '.join(DECISIONS)}")
    if decision != "granted" and not (ground or "").strip():
        raise FormatError("state the ground on which it is narrowed or refused; a survivor need not give one")
    if decision == REFUSED and (choice.persons or choice.exhibits):
        raise FormatError("a refusal names nobody and has no exhibit")
    more = {"inquiry": b64u(inquiry_id), "decision": decision, "ground": ground}
    return compose(db, office, officer, choice, now=now, kind="answer", more=more)


# ---- What becomes of it -----------------------------------------------------------------------------------------


def note_sent(db: Session, made: Composition, bundle_id: bytes, *, now: int) -> None:
    """Keep that an inquiry or an answer was sent; other kinds are left alone."""
    if made.kind == "inquiry":
        db.merge(
            InquiryRow(
                inquiry_id=unb64u(made.form["inquiry"], IDENTIFIER_BYTES), bundle_id=bundle_id,
                other_agency=made.agencies[0], direction=OUT, case_id=made.case_id, state=ASKED, decision=None,
                reply_by=made.form["reply_by"], answer_bundle=None, changed_at=now,
            )
        )  # fmt: skip
    elif made.kind == "answer":
        row = get_inquiry(db, unb64u(made.form["inquiry"], IDENTIFIER_BYTES))
        row.state, row.decision, row.answer_bundle, row.changed_at = ANSWERED, made.form["decision"], bundle_id, now


def note_opened(db: Session, opened: Opened, case_id: bytes | None, *, now: int) -> None:
    """Keep that an inquiry was received, or that one of ours was answered; other kinds are left alone.

    Raises:
        Conflict: the answer is by another agency than the one that was asked, or to no inquiry of ours.
    """
    kind, form = opened.cover.kind, opened.form
    if kind == "inquiry":
        inquiry_id = unb64u(form["inquiry"], IDENTIFIER_BYTES)
        known = db.get(InquiryRow, inquiry_id)
        if known is not None and (known.direction != IN or known.bundle_id != opened.bundle_id):
            raise Conflict("this inquiry has the number of another one")
        if known is not None and known.case_id is None:
            known.case_id = case_id
        if known is None:
            db.add(
                InquiryRow(
                    inquiry_id=inquiry_id, bundle_id=opened.bundle_id, other_agency=opened.header.sender_agency,
                    direction=IN, case_id=case_id, state=RECEIVED, decision=None, reply_by=form["reply_by"],
                    answer_bundle=None, changed_at=now,
                )
            )  # fmt: skip
    elif kind == "answer":
        row = db.get(InquiryRow, unb64u(form["inquiry"], IDENTIFIER_BYTES))
        if row is None or row.direction != OUT or row.other_agency != opened.header.sender_agency:
            raise Conflict("this answers no inquiry that was asked of that agency")
        row.state, row.decision, row.answer_bundle, row.changed_at = ANSWERED, form["decision"], opened.bundle_id, now


def decision_of(answers: Sequence[str]) -> str:
    """The decision on an inquiry out of those on its questions, each `release` or `not`.

    Raises:
        FormatError: a question was not decided yet.
    """
    if not answers or set(answers) - {RELEASE, NOT}:
        raise FormatError("every question is decided before the answer goes out")
    if set(answers) == {RELEASE}:
        return "granted"
    return REFUSED if set(answers) == {NOT} else "narrowed"


def count_to_answer(db: Session) -> int:
    """Inquiries that wait for this agency's answer."""
    query = select(func.count()).select_from(InquiryRow).where(InquiryRow.direction == IN, InquiryRow.state == RECEIVED)
    return int(db.scalar(query) or 0)


def get_inquiry(db: Session, inquiry_id: bytes) -> InquiryRow:
    """One inquiry.

    Raises:
        NotFound
    """
    row = db.get(InquiryRow, inquiry_id)
    if row is None:
        raise NotFound("there is no such inquiry at this desk; open the bundle first")
    return row


def list_inquiries(db: Session, officer: OfficerSession) -> list[InquiryRow]:
    """Inquiries asked and received, the newest first."""
    officer.require("record-read")
    return list(db.scalars(select(InquiryRow).order_by(InquiryRow.changed_at.desc(), InquiryRow.inquiry_id)))


def is_overdue(row: InquiryRow, *, now: int) -> bool:
    """Whether an open inquiry's day of reply is over."""
    return row.state in (ASKED, RECEIVED) and row.reply_by is not None and row.reply_by < day_of(now)


def as_value(row: InquiryRow) -> dict[str, Any]:
    """For lists."""
    return {
        "inquiry": row.inquiry_id.hex(), "with": row.other_agency, "direction": row.direction, "state": row.state,
        "decision": row.decision, "reply_by": row.reply_by, "bundle": row.bundle_id.hex(),
    }  # fmt: skip
