"""Admitting an agency: read what its application says, sign it, publish it when everybody has signed."""

from typing import Any, Final

from flask import Blueprint, Response, flash, make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField

from crypto.encoding import b64u, unb64u
from desk.access import needs, now, office, officer
from desk.agencies import KINDS
from desk.forms import DeskForm, done, file, once, tick
from desk.uploads import document, takes_document
from errors import AmparoError, FormatError
from exchange import admission

pages: Final = Blueprint("admission", __name__)
FILE_NAME: Final = "admission.statement"


class FileForm(DeskForm):
    """The application as it came."""

    statement = file(
        _l("Application of the agency"), hint=_l("The file that the new agency or another administrator gave you.")
    )  # fmt: skip


class SignForm(DeskForm):
    """The signature of one administrator."""

    statement = HiddenField()
    compared = tick(
        _l("I have read this fingerprint to people of the agency whom I know, and it is the same"),
        missing=_l("Read the fingerprint to them first"),
    )


class PublishForm(DeskForm):
    """Nothing but the statement."""

    statement = HiddenField()


@pages.route("/agencies/invite/admission", methods=["GET", "POST"])
@needs("certify")
@takes_document
def page() -> ResponseReturnValue:
    """Choose the file; then what it says and how far it is."""
    form = FileForm()
    data = document(form, "statement", missing=_("Choose the file")) if form.is_sent() else None
    if data is not None:
        try:
            return _state(data)
        except AmparoError as error:
            form.refuse("statement", _(error.message))
    return make_response(render_template("agencies/admission.html", form=form), 400 if form.errors else 200)


def _state(data: bytes, form: SignForm | None = None) -> ResponseReturnValue:
    found = admission.read(office(), data)
    sign, publish = form or SignForm(formdata=None), PublishForm(formdata=None)
    sign.statement.data = publish.statement.data = b64u(data)
    own = found.signed.get(office().agency, ())
    may_sign = not found.is_member and officer().handle not in own and len(own) < admission.SIGNING
    answer = render_template(
        "agencies/admission_state.html", found=found, groups=found.fingerprint.split(" "), sign=sign, publish=publish,
        may_sign=may_sign, kinds=KINDS, vouching=admission.VOUCHING, signing=admission.SIGNING,
        full=sum(len(handles) >= admission.SIGNING for handles in found.signed.values()),
    )  # fmt: skip
    return make_response(answer, 400 if sign.errors else 200)


@pages.post("/agencies/invite/admission/sign")
@needs("certify")
def sign() -> ResponseReturnValue:
    """The file with one signature more, for the next administrator."""
    form = SignForm()
    data = _sent(form.statement.data)
    if not form.is_sent():
        return _state(data, form)
    answer = Response(admission.sign(office(), officer(), data), mimetype="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return answer


@pages.post("/agencies/invite/admission/publish")
@needs("certify")
@once
def publish() -> ResponseReturnValue:
    """Into the shared log."""
    data = _sent(PublishForm().statement.data)
    index = admission.publish(office(), officer(), data, now=now())
    flash(
        _("It is entry %(index)d of the log. The agency appears in the list after the next check.", index=index), "ok"
    )
    return done(url_for("agencies.directory"))


def _sent(text: Any) -> bytes:
    """The statement out of a hidden field."""
    if not isinstance(text, str) or len(text) > 2 * admission.LARGEST_BYTES:
        raise FormatError("this is not the admission of an agency")
    return unb64u(text)
