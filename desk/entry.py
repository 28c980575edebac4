"""Sign in, lock: the passphrase opens the keys, the second factor the session."""

import time
from typing import Final

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from agencies import factors, members, preferences, setup, sign_ins
from agencies.members import OfficerSession
from desk import languages, parked
from desk import session as sessions
from desk.access import NEXT, any_officer, book, office, officer, without_sign_in
from desk.forms import DeskForm, passphrase, text
from desk.search import begin_index
from errors import PassphraseWrong

pages: Final = Blueprint("entry", __name__)


class SignInForm(DeskForm):
    """Handle and passphrase."""

    handle = text(_l("Your role handle"), missing=_l("Write your role handle"), most=64)
    passphrase = passphrase(
        _l("Passphrase"), missing=_l("Write your passphrase"),
        hint=_l("You may paste it. It opens your keys on this computer and is never sent."),
    )  # fmt: skip


@pages.get("/")
@without_sign_in
def start() -> ResponseReturnValue:
    """The first page of whoever comes."""
    return redirect(url_for("today.page" if current_user.is_authenticated else "entry.sign_in"))


@pages.route("/sign-in", methods=["GET", "POST"])
@without_sign_in
def sign_in() -> ResponseReturnValue:
    """Open the keys of an officer; the same answer for every wrong pair."""
    if request.args.get("lang"):
        languages.choose(request.args["lang"])
        return redirect(url_for("entry.sign_in"))
    form = SignInForm()
    if form.is_sent():
        handle = str(form.handle.data)
        full = handle if "/" in handle else f"{office().agency}/{handle}"
        try:
            return _opened(full, str(form.passphrase.data))
        except PassphraseWrong as wrong:
            form.refuse("passphrase", _(wrong.message))
    answer = render_template("sign_in.html", form=form, minutes=office().settings.idle_lock_minutes)
    return answer, 401 if form.errors else 200


def _opened(handle: str, words: str) -> ResponseReturnValue:
    now = int(time.time())
    with office().files.session() as db:
        directory = office().directory(db)
        before = sign_ins.last_time(db, handle)
    opened = members.sign_in(office().files, handle, words, now=now, directory=directory)
    _tell_of(before)
    if office().settings.second_factor == "off":
        return enter(sessions.start(book(), opened, is_pending=False))
    sessions.start(book(), opened, is_pending=True)
    with office().files.session() as db:
        is_known = factors.has_factor(db, handle)
    return redirect(url_for("factors.second" if is_known else "factors.first"), 303)


def _tell_of(before: sign_ins.LastTime) -> None:
    """The last sign-in, and what went wrong since."""
    session.pop("_flashes", None)
    if before.at is None:
        flash(
            _("Your browser’s history keeps the titles of pages. They never hold a name. To leave no trace, clear the "
              "history of today, or use a private window."),
            "note",
        )  # fmt: skip
        return
    flash(_("Your last sign-in: %(at)s.", at=languages.moment(before.at)), "note")
    if before.failed_since:
        flash(
            _("Since then somebody tried %(count)d times to sign in as you and failed. If that was not you, tell your "
              "administrator and change your passphrase.", count=before.failed_since),
            "warn",
        )  # fmt: skip


def enter(entry: sessions.SignedIn) -> ResponseReturnValue:
    """The session is open: on to the page that was asked for."""
    entry.choices = chosen_by(entry.officer)
    begin_index(entry)
    return redirect(parked.way_back(session.pop(NEXT, "") or url_for("today.page")), 303)


def chosen_by(opened: OfficerSession) -> preferences.Preferences:
    """How the officer likes the desk. An NGO's pages always have their exit."""
    with office().files.session() as db:
        found = preferences.load(db, opened.handle)
        is_ngo = setup.get_identity(db).type == "ngo"
    return preferences.Preferences(
        found.language or session.get(languages.CHOSEN), found.theme, found.hides_agency,
        is_ngo or bool(found.shows_exit),
    )  # fmt: skip


@pages.post("/lock")
@any_officer
def lock() -> ResponseReturnValue:
    """Wipe the keys and go back to the sign-in."""
    sessions.stop(current_app.extensions["book"], current_user)
    return redirect(url_for("entry.sign_in"), 303)


@pages.post("/lock/everywhere")
@any_officer
def lock_everywhere() -> ResponseReturnValue:
    """Wipe the keys of this officer in every browser."""
    book().end_others(current_user)
    return lock()


@pages.get("/sign-in/stay")
@any_officer
def stay() -> ResponseReturnValue:
    """A sign of life, for the script that announces the lock."""
    return {"officer": officer().handle}
