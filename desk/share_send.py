"""The last step of a share: a second officer's approval where it takes one, then sealing and sending as a job."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from agencies import cases
from crypto.digests import sha256
from desk import progress, share_words, sharing
from desk.access import needs, now, office, officer
from desk.forms import done, once
from desk.jobs import Progress
from desk.share_forms import CheckForm, SendForm
from desk.share_summary import Shown, shown
from errors import AmparoError, DraftStale
from exchange import approvals, delivery, share_drafts, share_sending
from exchange.share_drafts import Draft

pages: Final = Blueprint("share_send", __name__)
NO_BUNDLE: Final = "0" * 32
LOOK_AGAIN_SECONDS: Final = 30


# ---- Check your answers ----------------------------------------------------------------------------------------


@pages.route("/bundles/new/check/<draft_id>", methods=["GET", "POST"])
@needs("share")
@once
def check(draft_id: str) -> ResponseReturnValue:
    """Everything once more, with links to change it; then seal and send, or seal and ask for approval."""
    draft = sharing.find(draft_id)
    if other := sharing.elsewhere(draft, "check"):
        return other
    form = sharing.fill(CheckForm(), draft)
    if not draft.exhibits:
        del form.looked
    problem, found, handle = _composed(draft)
    shown_digest = _digest(found)
    if form.is_sent() and problem is None:
        if form.seen.data != shown_digest:  # a person or an exhibit was changed since this page was read
            return done(sharing.address("check", draft, changed=1))
        return go_on(replace(draft, version=form.started_from()))
    form.seen.data = shown_digest
    return sharing.page(
        "check", "check", draft, form=form, found=found, problem=problem, handle=handle,
        **sharing.preview_of(draft), change=_changes(draft),
    )  # fmt: skip


def _digest(found: list[Shown]) -> str:
    """Of everything that the page shows, as it will be sealed."""
    return sha256(b"".join(one.made.digest() for one in found)).hex()


def _composed(draft: Draft) -> tuple[AmparoError | None, list[Shown], str]:
    """The bundles as they would be sealed, or the rule that says no."""
    with office().files.session() as db:
        handle = cases.get_case(db, officer(), draft.case_id).handle
    try:
        with office().files.session() as db:
            made = share_drafts.compose(db, office(), officer(), draft, now=now())
            return None, [shown(db, office(), officer(), one) for one in made], handle
    except AmparoError as error:
        return error, [], handle


def _changes(draft: Draft) -> Callable[[str], str]:
    return lambda step: sharing.address(step, draft, way="check")


# ---- Send ---------------------------------------------------------------------------------------------------------


def go_on(draft: Draft) -> ResponseReturnValue:
    """From the checked draft: to a second officer, or to the broker."""
    try:
        if draft.threshold > 1:
            share_drafts.ask(
                office(), officer(), draft,
                lambda made: delivery.ask_approval(office(), officer(), made, now=now(), reason=draft.reason),
                now=now(),
            )  # fmt: skip
            return done(sharing.address("send", draft))
        return start(draft)
    except DraftStale:
        return done(sharing.address("check", draft, changed=1))


def start(draft: Draft) -> ResponseReturnValue:
    """Seal and send beside the pages.

    Raises:
        DraftStale: it was begun, or changed, in another tab.
    """
    with office().files.session() as db:
        begun = share_drafts.save(db, officer(), replace(draft, is_sending=True), now=now())
    acting, desk = officer(), office()
    receipt, back = url_for("bundles.receipt", bundle=NO_BUNDLE), sharing.address("send", begun)

    def work(tell: Progress) -> str:
        sent = share_sending.run(
            desk, acting, begun, now=lambda: int(time.time()),
            tell=lambda phase, parts, total: tell(parts, total, phase),
        )  # fmt: skip
        rest = "&".join(f"with={one.hex()}" for one in sent[1:])
        return receipt.replace(NO_BUNDLE, sent[0].hex()) + (f"?{rest}" if rest else "")

    return progress.begin(share_sending.SEALING, work, back=back)


@pages.route("/bundles/new/send/<draft_id>", methods=["GET", "POST"])
@needs("share")
@once
def send(draft_id: str) -> ResponseReturnValue:
    """What waits: for a second officer, for the officer herself, or for a job that was interrupted."""
    draft = sharing.find(draft_id)
    if not draft.asked and not draft.is_sending:
        return redirect(sharing.address(draft.next_step(), draft))
    rows = _asked(draft)
    form = sharing.fill(SendForm(), draft)
    if form.is_sent():
        return _act(draft, form, rows)
    state = _state(draft, rows)
    answer = make_response(
        sharing.page("send", "send", draft, form=form, rows=rows, state=state, job=_job(draft), words_of=share_words)
    )
    if state == "waiting" and "stay" not in request.args:
        answer.headers["Refresh"] = str(LOOK_AGAIN_SECONDS)
    return answer


def _asked(draft: Draft) -> list[tuple[str, str, str | None]]:
    """Agency, state of the question, who answered."""
    with office().files.session() as db:
        found = [(one.agency, approvals.get_question(db, officer(), one.approval)) for one in draft.asked]
    return [(agency, row.state, row.answered_by) for agency, row in found]


def _state(draft: Draft, rows: list[tuple[str, str, str | None]]) -> str:
    """What the page is about."""
    states = {state for agency, state, _by in rows if agency not in draft.sealed}
    if draft.is_sending:
        return "again" if states & {approvals.USED, approvals.RECALLED} else "sending"
    if states & {approvals.DENIED, approvals.RECALLED, approvals.USED}:
        return "again"
    return "waiting" if approvals.WAITING in states else "ready"


def _job(draft: Draft) -> Any:
    """The job of this draft, if it still runs."""
    back = sharing.address("send", draft)
    return next((one for one in progress.jobs().running(officer().handle) if one.back == back), None)


def _act(draft: Draft, form: SendForm, rows: list[tuple[str, str, str | None]]) -> ResponseReturnValue:
    wanted, state = request.form.get("do", ""), _state(draft, rows)
    draft = replace(draft, version=form.started_from())
    try:
        if wanted == "ask":
            return go_on(replace(draft, is_sending=False))
        if wanted == "change":
            with office().files.session() as db:
                kept = share_drafts.change(db, officer(), draft, now=now())
            return done(sharing.address("check", kept))
        if state in ("ready", "sending") and _job(draft) is None:
            return start(draft)
    except DraftStale:
        pass
    return done(sharing.address("send", draft))


def title_of(state: str) -> str:
    """The heading of the page."""
    found: dict[str, str] = {
        "waiting": _("Waits for a second officer"), "ready": _("Approved: seal and send"),
        "again": _("Not approved"), "sending": _("Sealing and sending"),
    }  # fmt: skip
    return found[state]


@pages.app_context_processor
def _titles() -> dict[str, Any]:
    return {"send_title": title_of}
