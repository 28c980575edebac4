"""The opener's side of an opening that takes two: a page to wait on, which can be left, and the step after it."""

from typing import Final

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from desk import openings
from desk.access import needs
from desk.casework import identifier
from desk.forms import DeskForm, done, once
from desk.inbox import pages, to_cover
from exchange import approvals

__all__ = ["pages"]
RELOAD_SECONDS: Final = 20


class TogetherForm(DeskForm):
    """The step after the colleague has agreed; everything was stated before."""


@pages.get("/inbox/<bundle_id>/wait")
@needs("open")
def wait(bundle_id: str) -> ResponseReturnValue:
    """What became of the question to a second officer."""
    raw = identifier(bundle_id)
    asked = openings.waiting_for(raw)
    if asked is None or asked.stated is None:
        return to_cover(raw)
    answer = make_response(
        render_template("inbox/wait.html", bundle_id=bundle_id, asked=asked, form=TogetherForm(), states=approvals)
    )
    if asked.row.state == approvals.WAITING and "stay" not in request.args:
        answer.headers["Refresh"] = str(RELOAD_SECONDS)
    return answer


@pages.post("/inbox/<bundle_id>/open-together")
@needs("open")
@once
def open_together(bundle_id: str) -> ResponseReturnValue:
    """Open with what the second officer has signed."""
    raw = identifier(bundle_id)
    asked = openings.waiting_for(raw)
    if asked is None or asked.stated is None:
        return to_cover(raw)
    if asked.row.state != approvals.GRANTED:
        flash(_("Your colleague has not agreed yet."), "warn")
        return done(url_for("inbox.wait", bundle_id=bundle_id))
    if not TogetherForm().is_sent():
        return redirect(url_for("inbox.wait", bundle_id=bundle_id))
    return openings.begin(raw, asked.stated, acknowledged=asked.acknowledged, approval_id=asked.row.approval_id)
