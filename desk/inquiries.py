"""Inquiries: what was asked and received, one of them in full, and sending one that still waits."""

from typing import Any, Final

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from desk import access, bundle_view, bundle_words, navigation, progress
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.forms import DeskForm, once
from desk.jobs import Progress
from desk.paging import paged
from errors import AmparoError, NotFound
from exchange import arrivals, inquiries, inquiry_texts, reading, sending
from exchange.inquiry_texts import Inquiry
from exchange.models import InquiryRow

pages: Final = Blueprint("inquiries", __name__)
TO_ANSWER, ASKED, DONE = "to-answer", "asked", "done"
TABS: Final = {TO_ANSWER: _l("To answer"), ASKED: _l("Asked, waiting"), DONE: _l("Answered")}
EMPTY: Final = {
    TO_ANSWER: _l("No inquiries to answer. One that arrives stands in the inbox until it is opened."),
    ASKED: _l("You wait for no answer. Ask another agency with “Ask”."),
    DONE: _l("No inquiry was answered yet."),
}


def waiting_count() -> int:
    """How many inquiries wait for an answer of this agency; for the rail."""
    with office().files.session() as db:
        return inquiries.count_to_answer(db)


navigation.COUNTERS["inquiries"] = waiting_count


def _tab_of(row: InquiryRow) -> str:
    if row.state == inquiries.ANSWERED:
        return DONE
    return TO_ANSWER if row.direction == inquiries.IN else ASKED


@pages.get("/inquiries")
@needs("inquire")
def all_inquiries() -> ResponseReturnValue:
    """Inquiries asked and received."""
    tab = request.args.get("tab", TO_ANSWER)
    tab = tab if tab in TABS else TO_ANSWER
    with office().files.session() as db:
        found = inquiries.list_inquiries(db, officer())
        drafts = sending.drafts_of(db, officer(), ("inquiry", "answer"))
        db.expunge_all()
    tabs = {name: [row for row in found if _tab_of(row) == name] for name in TABS}
    shown, where = paged(tabs[tab])
    rows = [(row, inquiry_texts.find_text(office(), officer(), row)) for row in shown]
    return render_template(
        "inquiries/list.html", tab=tab, tabs=[(name, words, len(tabs[name])) for name, words in TABS.items()],
        rows=rows, where=where, empty_words=EMPTY[tab], words=bundle_words, drafts=drafts,
        is_overdue=lambda row: inquiries.is_overdue(row, now=now()),
    )  # fmt: skip


# ---- One inquiry ------------------------------------------------------------------------------------------------


class SendForm(DeskForm):
    """One button, for what was sealed and still waits here."""


def load(inquiry_id: bytes) -> tuple[InquiryRow, Inquiry | None]:
    """An inquiry and what it asks, if that is open now or kept where this officer may read it.

    Raises:
        NotFound
    """
    with office().files.session() as db:
        row = inquiries.get_inquiry(db, inquiry_id)
        db.expunge(row)
    held = current_user.opened.find(row.bundle_id) if row.direction == inquiries.IN else None
    if held is not None:
        return row, inquiry_texts.of_opened(held.opened)
    return row, inquiry_texts.find_text(office(), officer(), row)


@pages.get("/inquiries/<inquiry_id>")
@needs("inquire")
def inquiry(inquiry_id: str) -> ResponseReturnValue:
    """Who asks whom for what, by when, and what became of it."""
    row, text = load(identifier(inquiry_id))
    return render_template("inquiries/page.html", **shown_of(row, text), form=SendForm())


def shown_of(row: InquiryRow, text: Inquiry | None) -> dict[str, Any]:
    """What the pages of an inquiry show."""
    with office().files.session() as db:
        try:
            stored = arrivals.get_stored(db, row.bundle_id)
            state, sent = stored.state, stored.direction == "out"
        except NotFound:
            state, sent = "", False
    answer_state = _state_of_answer(row) if row.direction == inquiries.IN else ""
    return {
        "row": row, "text": text, "inquiry_id": row.inquiry_id.hex(), "words": bundle_words,
        "key": bundle_view.key_state(office(), row.other_agency), "is_overdue": inquiries.is_overdue(row, now=now()),
        "state": state, "acts": _acts(row.bundle_id) if sent else [], "answer_state": answer_state,
        "codes": [] if text is None else bundle_view.codes_of(text.handling, row.other_agency),
        "is_in": row.direction == inquiries.IN, "no_reason": inquiries.NO_REASON,
    }  # fmt: skip


def _state_of_answer(row: InquiryRow) -> str:
    if row.answer_bundle is None:
        return ""
    with office().files.session() as db:
        return arrivals.get_stored(db, row.answer_bundle).state


def _acts(bundle_id: bytes) -> list[reading.Act]:
    """What the other agency did with what was asked; nothing for a colleague to whom the bundle is not sealed."""
    try:
        found = reading.bundle_record(office(), officer(), bundle_id)
    except AmparoError:
        return []
    return [one for one in found if one.kind in ("opened", "returned", "deposited") and one.agency][::-1]


@pages.post("/inquiries/<inquiry_id>/send")
@needs("inquire")
@once
def send(inquiry_id: str) -> ResponseReturnValue:
    """Send what was sealed and still waits here: the inquiry, or the answer to it."""
    row, _text = load(identifier(inquiry_id))
    back = url_for("inquiries.inquiry", inquiry_id=inquiry_id)
    bundle_id = row.bundle_id if row.direction == inquiries.OUT else row.answer_bundle
    if bundle_id is None:
        raise NotFound("there is nothing to send")
    desk, sealed = office(), bundle_id

    def work(tell: Progress) -> str:
        sending.send(desk, sealed, now=access.now(), progress=tell)
        return back

    return progress.begin("answer", work, back=back)
