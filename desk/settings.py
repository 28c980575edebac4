"""How an officer likes the desk, her passphrase, her second factors, and the end of all her sessions."""

from typing import Final

from flask import Blueprint, flash, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import refresh
from flask_login import current_user

from agencies import factors, members, preferences, sign_ins
from agencies import setup as set_up
from desk import languages, progress
from desk.access import any_officer, book, now, office, officer
from desk.entry import chosen_by
from desk.forms import DeskForm, done, once, one_of, text, tick
from desk.forms import passphrase as secret
from desk.jobs import Progress
from desk.record import open_questions
from errors import AmparoError, PassphraseWrong, RoleForbids
from exchange import leaving

pages: Final = Blueprint("settings", __name__)
SYSTEM: Final = "system"


class ChoicesForm(DeskForm):
    """Language, colours, what the top bar shows."""

    language = one_of(_l("Language"), list(languages.OWN_NAMES.items()), missing=_l("Choose a language"))
    theme = one_of(
        _l("Colours"),
        [(SYSTEM, _l("As this computer has them")), ("light", _l("Light")), ("dark", _l("Dark"))],
        missing=_l("Choose the colours"),
    )
    hides_agency = tick(
        _l("Quiet top bar"), hint=_l("The top of the page does not say whose desk it is.")
    )  # fmt: skip
    shows_exit = tick(
        _l("Show “Exit this page” on every page"),
        hint=_l("It locks the desk and opens a harmless page. Pressing Shift three times does the same."),
    )


class PassphraseForm(DeskForm):
    """The old passphrase, and the new one twice."""

    passphrase_now = secret(_l("Your passphrase now"), missing=_l("Write your passphrase of now"))
    passphrase_new = secret(
        _l("New passphrase"), missing=_l("Write a new passphrase"),
        hint=_l("At least 12 signs. Four or five random words are good. You may paste it."),
    )  # fmt: skip
    again = secret(_l("New passphrase, once more"), missing=_l("Write the new passphrase once more"))


@pages.get("/settings")
@any_officer
def page() -> ResponseReturnValue:
    """Each setting with its state."""
    me = officer()
    with office().files.session() as db:
        count = len(factors.list_factors(db, me.handle))
        tries = [(one.at, one.result) for one in sign_ins.list_notes(db, me.handle, 8)]
        is_ngo = set_up.get_identity(db).type == "ngo"
    choices = current_user.choices
    themes = {None: _("As this computer has them"), "light": _("Light"), "dark": _("Dark")}
    return render_template(
        "settings/page.html", factors=count, tries=tries, is_ngo=is_ngo, choices=choices,
        language_now=languages.OWN_NAMES[languages.tag()], theme_now=themes[choices.theme],
        questions=open_questions(), elsewhere=book().count_others(current_user),
        hand_over=leaving.may_hand_over(me.roles),
    )  # fmt: skip


@pages.route("/settings/display", methods=["GET", "POST"])
@any_officer
@once
def display() -> ResponseReturnValue:
    """Language, colours and the top bar."""
    choices = current_user.choices
    with office().files.session() as db:
        is_ngo = set_up.get_identity(db).type == "ngo"
    form = ChoicesForm(
        data={
            "language": languages.tag(), "theme": choices.theme or SYSTEM, "hides_agency": choices.hides_agency,
            "shows_exit": choices.shows_exit,
        }
    )  # fmt: skip
    if form.is_sent():
        _keep(form)
        flash(_("Your choices are kept."), "ok")
        return done(url_for("settings.page"))
    return render_template("settings/display.html", form=form, is_ngo=is_ngo)


def _keep(form: ChoicesForm) -> None:
    theme = None if form.theme.data == SYSTEM else str(form.theme.data)
    chosen = preferences.Preferences(
        str(form.language.data), theme, bool(form.hides_agency.data), bool(form.shows_exit.data)
    )
    with office().files.session() as db:
        preferences.keep(db, officer().handle, chosen)
    current_user.choices = chosen_by(officer())
    refresh()


@pages.route("/settings/passphrase", methods=["GET", "POST"])
@any_officer
@once
def change_passphrase() -> ResponseReturnValue:
    """Lock the same keys under another passphrase; every other session of the officer ends."""
    form = PassphraseForm()
    if form.is_sent() and _changed(form):
        ended = book().end_others(current_user)
        flash(_("Your passphrase is changed."), "ok")
        if ended:
            flash(_("You are signed out in every other browser."), "note")
        return done(url_for("settings.page"))
    return render_template("settings/passphrase.html", form=form)


def _changed(form: PassphraseForm) -> bool:
    if form.passphrase_new.data != form.again.data:
        form.refuse("again", _("The two do not match; write the new passphrase twice"))
        return False
    try:
        members.confirm_passphrase(office().files, officer(), str(form.passphrase_now.data), now=now())
    except PassphraseWrong:
        form.refuse(
            "passphrase_now", _("This is not your passphrase, or the next try comes too early; wait and try again")
        )
        return False
    try:
        with office().files.session() as db:
            members.change_passphrase(db, officer(), str(form.passphrase_new.data))
    except AmparoError as error:
        form.refuse("passphrase_new", _(error.message))
        return False
    return True


@pages.get("/settings/sign-out")
@any_officer
def sign_out() -> ResponseReturnValue:
    """Before every session of the officer ends, in this browser too; the button is `entry.lock_everywhere`."""
    return render_template("settings/sign_out.html", elsewhere=book().count_others(current_user))


# ---- Before a departure -----------------------------------------------------------------------------------------


class HandOverForm(DeskForm):
    """To whom, and why."""

    to = one_of(_l("To whom"), missing=_l("Choose a colleague"))
    reason = text(
        _l("Reason"), missing=_l("Write a reason; it goes with each bundle, sealed to the colleague and to its sender"),
        hint=_l("For example: leaves the unit on 1 March"), most=120,
    )  # fmt: skip


@pages.route("/settings/hand-over", methods=["GET", "POST"])
@any_officer
@once
def hand_over() -> ResponseReturnValue:
    """Give a colleague every case and every bundle that the officer can open, before a departure or a long absence."""
    me = officer()
    if not leaving.may_hand_over(me.roles):
        raise RoleForbids
    form = HandOverForm()
    with office().files.session() as db:
        form.to.choices = [(one, one) for one in leaving.colleagues(db, office(), me.handle)]
    if form.is_sent():
        at_desk, to, reason = office(), str(form.to.data), str(form.reason.data)
        back, moment = url_for("settings.hand_over"), now()

        def work(_tell: Progress) -> str:
            leaving.hand_over_all(at_desk, me, to, reason=reason, now=moment)
            return f"{back}/done"

        return progress.begin("hand-over", work, back=back)
    return render_template("settings/hand_over.html", form=form)


@pages.get("/settings/hand-over/done")
@any_officer
def handed_over() -> ResponseReturnValue:
    """What nobody else opens yet, and what to do about it."""
    with office().files.session() as db:
        left = len(leaving.only_hers(db, officer().handle))
    return render_template("settings/handed_over.html", left=left)
