"""`Exit this page`: an address that only takes rights away, so that no stale token can stand in the way of it."""

from typing import Final

from flask import Blueprint, current_app, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from desk import session
from desk.access import office, without_sign_in

pages: Final = Blueprint("leave", __name__)


@pages.get("/exit")
@without_sign_in
def now() -> ResponseReturnValue:
    """Lock, forget what the browser keeps of the desk, and go where nothing shows what was here."""
    if current_user.is_authenticated or current_user.is_pending:
        session.stop(current_app.extensions["book"], current_user)
    answer = make_response(redirect(office().settings.exit_url or url_for("leave.notes"), 303))
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@pages.get("/notes")
@without_sign_in
def notes() -> ResponseReturnValue:
    """A page that says nothing."""
    return render_template("notes.html")
