"""The officer's own screen: her one-time code, her passphrase, her keys. No sign-in yet; the code is the key to it."""

from typing import Final

from flask import Blueprint, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from agencies import appointments
from desk.access import now, office, without_sign_in
from desk.forms import DeskForm, done, text
from desk.forms import passphrase as secret
from errors import FormatError, PassphraseWrong

pages: Final = Blueprint("enrolment", __name__)
MADE: Final = "enrolled"  # in the cookie: the fingerprint of the new public key, for the next page


class EnrolForm(DeskForm):
    """Handle, code, and a new passphrase twice."""

    handle = text(_l("Your role handle"), missing=_l("Write your role handle"), most=64)
    code = text(
        _l("One-time code"), missing=_l("Write the code from the paper"), most=40,
        hint=_l("Sixteen signs on the paper that your administrator gave you."),
    )  # fmt: skip
    passphrase = secret(
        _l("Your new passphrase"), missing=_l("Write a passphrase"),
        hint=_l("At least 12 signs. Four or five random words are good. You may paste it. Nobody else may know it."),
    )  # fmt: skip
    again = secret(_l("The passphrase once more"), missing=_l("Write the passphrase once more"))


@pages.route("/enrol", methods=["GET", "POST"])
@without_sign_in
def page() -> ResponseReturnValue:
    """Make one's keys with a one-time code; every wrong pair of handle and code gets the same answer."""
    form = EnrolForm()
    if form.is_sent() and _made(form):
        return done(url_for("enrolment.made"))
    answer = render_template("officers/enrol.html", form=form)
    return answer, 401 if form.errors else 200


def _made(form: EnrolForm) -> bool:
    if form.passphrase.data != form.again.data:
        form.refuse("again", _("The two do not match; write the passphrase twice"))
        return False
    typed = str(form.handle.data)
    handle = typed if "/" in typed else f"{office().agency}/{typed}"
    try:
        shown = appointments.enrol(
            office().files, handle, str(form.code.data), str(form.passphrase.data), now=now()
        )  # fmt: skip
    except FormatError as error:
        form.refuse("passphrase", _(error.message))
        return False
    except PassphraseWrong as error:
        form.refuse("code", _(error.message))
        return False
    session[MADE] = shown
    return True


@pages.get("/enrol/made")
@without_sign_in
def made() -> ResponseReturnValue:
    """The fingerprint to read to the administrators, and what comes next."""
    shown = session.get(MADE)
    if not isinstance(shown, str):
        return redirect(url_for("enrolment.page"))
    return render_template("officers/enrolled.html", shown=shown)
