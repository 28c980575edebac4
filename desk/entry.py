"""Sign in, lock."""

import time
from typing import Final

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from agencies import members
from desk import session
from errors import PassphraseWrong

pages: Final = Blueprint("entry", __name__)


@pages.get("/")
def start() -> ResponseReturnValue:
    """The first page of whoever comes."""
    return redirect(url_for("casework.cases" if current_user.is_authenticated else "entry.sign_in"))


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """Open the keys of an officer; the same answer for every wrong pair."""
    office, error, handle = current_app.extensions["office"], None, ""
    if request.method == "POST":
        handle = request.form.get("handle", "").strip()
        full = handle if "/" in handle else f"{office.agency}/{handle}"
        with office.files.session() as db:
            directory = office.directory(db)
        try:
            officer = members.sign_in(
                office.files, full, request.form.get("passphrase", ""), now=int(time.time()), directory=directory
            )
        except PassphraseWrong as wrong:
            error = {"title": "This did not open the desk", "words": wrong.message}
        else:
            session.start(current_app.extensions["book"], officer)
            return redirect(url_for("casework.cases"))
    return render_template("sign_in.html", error=error, handle=handle), 401 if error else 200


@pages.post("/lock")
def lock() -> ResponseReturnValue:
    """Wipe the keys and go back to the sign-in."""
    session.stop(current_app.extensions["book"], current_user)
    return redirect(url_for("entry.sign_in"))
