"""What takes two: the second officer reads the same page as the first, and approves or refuses on her own sign-in."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from agencies import cases
from desk import share_words, sharing
from desk.access import may, needs, now, office, officer
from desk.casework import identifier
from desk.forms import DeskForm, done, once
from desk.share_summary import code_words, shown
from errors import AmparoError, Conflict, NotFound, NotPermitted
from exchange import (
    approvals,
    arrivals,
    flag_lifting,
    joint,
    keeping,
    questions,
    registers,
    share_drafts,
    stop_targets,
    withdrawals,
)
from exchange.models import Approval

pages: Final = Blueprint("approvals", __name__)
MOST_ASKED: Final = 50


class AnswerForm(DeskForm):
    """Approve or refuse."""


def waiting() -> int:
    """How many questions wait for the signed-in officer."""
    with office().files.session() as db:
        return len([one for one in approvals.list_waiting(db, officer()) if one.asked_by != officer().handle])


@pages.get("/approvals")
@needs("approve")
def listing() -> ResponseReturnValue:
    """What waits for this officer, and what she asked of others."""
    with office().files.session() as db:
        mine = [one for one in approvals.list_waiting(db, officer()) if one.asked_by != officer().handle]
        asked = approvals.list_asked(db, officer())[:MOST_ASKED]
    return render_template("approvals/list.html", waiting=mine, asked=asked, words=share_words)


@pages.route("/approvals/<approval>", methods=["GET", "POST"])
@needs("approve")
@once
def page(approval: str) -> ResponseReturnValue:
    """One question: what is asked, by whom; approve or refuse it, or see what became of an own one."""
    approval_id = identifier(approval)
    with office().files.session() as db:
        row = approvals.get_question(db, officer(), approval_id)
        readers = approvals.readers_of(db, approval_id)
    form = AnswerForm()
    if form.is_sent():
        return _answer(row)
    is_own = row.asked_by == officer().handle
    if row.kind == joint.OPEN and not is_own:
        return redirect(url_for("opening_approval.page", approval_id=approval))
    # Once what was asked is under way its secrets are gone, and with them what the question said.
    subject = None if is_own and not row.own_box else _subject(row, is_own=is_own)
    made = None if subject is None else subject.made
    with office().files.session() as db:
        content = None if made is None else shown(db, office(), officer(), made)
        handle = None if made is None else _handle(db, made.case_id)
    return render_template(
        "approvals/page.html", row=row, subject=subject, is_own=is_own, readers=readers, form=form,
        handle=handle, content=content, words=share_words, question=question_of(row.kind),
        code_words=code_words,
        next=_next(row) if is_own else None, can_carry_out=is_own and row.kind in CARRY_OUT, sender=_sender(row),
    )  # fmt: skip


def question_of(kind: str) -> tuple[Any, Any]:
    """What is asked, and what the answer brings about."""
    return share_words.QUESTIONS.get(kind, share_words.OTHER_QUESTION)


def _subject(row: Approval, *, is_own: bool) -> questions.Subject:
    with office().files.session() as db:
        read = approvals.read_own if is_own else approvals.read
        return questions.subject_of(read(db, officer(), row.approval_id))


def _handle(db: Session, case_id: bytes) -> str | None:
    """What the case is called here, for a second officer who is on its team."""
    try:
        return cases.get_case(db, officer(), case_id).handle
    except AmparoError:
        return None


def _sender(row: Approval) -> str:
    """Who sent the bundle that a question is about; nothing for other subjects."""
    if row.kind not in ("open", "lower", "hand-on"):
        return ""
    with office().files.session() as db:
        try:
            return arrivals.get_stored(db, row.object_id).sender_agency
        except NotFound:
            return ""


# ---- The answer ---------------------------------------------------------------------------------------------------


def _answer(row: Approval) -> ResponseReturnValue:
    wanted = request.form.get("do", "")
    if row.asked_by == officer().handle:
        return _own(row, wanted)
    here = url_for("approvals.page", approval=row.approval_id.hex())
    try:
        if row.kind == joint.OPEN:
            return redirect(url_for("opening_approval.page", approval_id=row.approval_id.hex()), 303)
        if wanted == "approve":
            with office().files.session() as db:
                approvals.grant(db, officer(), row.approval_id, now=now())
            flash(_("Approved. Your colleague goes on."), "ok")
        elif wanted == "refuse":
            with office().files.session() as db:
                approvals.deny(db, officer(), row.approval_id, now=now())
            flash(_("Refused. Your colleague sees it; tell them why."), "ok")
    except Conflict as error:
        flash(_(error.message), "warn")
        return done(here)
    return done(url_for("approvals.listing"))


# ---- Own questions ------------------------------------------------------------------------------------------------


def _own(row: Approval, wanted: str) -> ResponseReturnValue:
    here = url_for("approvals.page", approval=row.approval_id.hex())
    if wanted == "recall":
        with office().files.session() as db:
            approvals.recall(db, officer(), row.approval_id)
        flash(_("The question is taken back."), "ok")
    elif wanted == "carry-out" and row.kind in CARRY_OUT and row.state == approvals.GRANTED:
        CARRY_OUT[row.kind](row)
        flash(_("It is done."), "ok")
    else:
        raise NotPermitted(_("You prepared it yourself: nobody approves what they asked themselves."))
    return done(here)


def _withdraw(row: Approval) -> None:
    withdrawals.withdraw(
        office(), officer(), _case_of(row.object_id), row.object_id, approval_id=row.approval_id, now=now()
    )


def _lift(row: Approval) -> None:
    withdrawals.lift(
        office(), officer(), _case_of(row.object_id), row.object_id, approval_id=row.approval_id, now=now()
    )


def _lower(row: Approval) -> None:
    registers.lower_flag(office(), officer(), row.approval_id, now=now())


def _lift_flag(row: Approval) -> None:
    flag_lifting.lift(office(), officer(), row.approval_id, now=now())


def _keep(row: Approval) -> None:
    keeping.keep(office(), officer(), row.approval_id, item_id=row.object_id, now=now())


# What can be done from the page of the question itself; a bundle is sealed from its draft, and opened in the inbox.
CARRY_OUT: Final[Mapping[str, Callable[[Approval], None]]] = {
    "destroy": _withdraw, "lift": _lift, "lower": _lower, "keep": _keep, flag_lifting.LIFT: _lift_flag,
}  # fmt: skip


def _case_of(target: bytes) -> bytes:
    """The case of a consent record, or of a bundle that was sent."""
    with office().files.session() as db:
        return stop_targets.case_of(db, target)


def _next(row: Approval) -> tuple[str, str] | None:
    """Where the officer who asked goes on: address and words."""
    if row.kind == "seal":
        with office().files.session() as db:
            draft = _draft_of(db, row.approval_id)
        return None if draft is None else (sharing.address("send", draft), _("Go on with the share"))
    if row.kind == "open" and may("open"):
        return url_for("inbox.bundle", bundle_id=row.object_id.hex()), _("Go on in the inbox")
    return None


def _draft_of(db: Session, approval_id: bytes) -> share_drafts.Draft | None:
    found = share_drafts.list_all(db, officer())
    return next((one for one in found if approval_id in {asked.approval for asked in one.asked}), None)
