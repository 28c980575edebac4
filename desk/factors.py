"""The second factor: the step of the sign-in, its first set-up, and the page where an officer keeps her own."""

from typing import Any, Final
from urllib.parse import urlsplit

import segno
from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from markupsafe import Markup

from agencies import factors, members, sign_ins
from agencies.factors import Place
from config.settings import is_loopback
from desk import session as sessions
from desk.access import any_officer, book, now, office, officer, step_of_sign_in
from desk.entry import enter
from desk.forms import DeskForm, done, once, text
from errors import AmparoError, FactorWrong

pages: Final = Blueprint("factors", __name__)


class CodeForm(DeskForm):
    """A code that an authenticator shows."""

    code = text(
        _l("Code"), missing=_l("Write the six digits that your authenticator shows"), most=12,
        hint=_l("Six digits. Each counts once."),
    )  # fmt: skip


class NewCodeForm(CodeForm):
    """An authenticator that is set up."""

    label = text(
        _l("What you call it"), missing=_l("Write a word by which you know it again"), most=factors.MOST_LABEL,
        hint=_l("For example: telephone of the office"),
    )  # fmt: skip


# ---- At the sign-in ---------------------------------------------------------------------------------------------


@pages.route("/sign-in/second", methods=["GET", "POST"])
@step_of_sign_in
def second() -> ResponseReturnValue:
    """The second step: a code, or a security key."""
    form = CodeForm()
    kinds = _kinds()
    if not kinds:
        return redirect(url_for("factors.first"))
    if form.is_sent():
        try:
            _use_code(str(form.code.data))
        except FactorWrong as wrong:
            form.refuse("code", _(wrong.message))
        else:
            return enter(sessions.complete(book(), current_user))
    answer = render_template("second.html", form=form, kinds=kinds, place=_place())
    return answer, 401 if form.errors else 200


def _kinds() -> set[str]:
    with office().files.session() as db:
        return {row.kind for row in factors.list_factors(db, officer().handle)}


def _use_code(code: str) -> None:
    """Count the try before it is made, as with passphrases; a wrong one is on the record."""
    handle = officer().handle
    _count()
    try:
        with office().files.session() as db:
            factors.check_code(db, officer(), code, now=now())
            members.forget_failures(members.get_member(db, handle))
    except FactorWrong:
        with office().files.session() as db:
            sign_ins.note(db, handle, sign_ins.FACTOR, now=now())
        raise


def _count() -> None:
    with office().files.session() as db:
        member = members.get_member(db, officer().handle)
        if now() < member.locked_until:
            raise FactorWrong(_("Wait a moment before you try again."))
        members.note_failure(member, now())


@pages.route("/sign-in/second/new", methods=["GET", "POST"])
@step_of_sign_in
def first() -> ResponseReturnValue:
    """An officer who has no second factor yet sets up the first one, and then a second at once."""
    if _kinds():
        return redirect(url_for("factors.second"))
    form = NewCodeForm()
    if form.is_sent() and _took_code(form):
        enter(sessions.complete(book(), current_user))
        return done(url_for("factors.mine"))
    return _page("second_new.html", form)


# ---- On the officer's own page ----------------------------------------------------------------------------------


@pages.route("/settings/second-factor", methods=["GET"])
@any_officer
def mine() -> ResponseReturnValue:
    """The officer's second factors."""
    with office().files.session() as db:
        rows = factors.list_factors(db, officer().handle)
        found = [(row, factors.label_of(db, officer(), row)) for row in rows]
    return render_template("factors.html", factors=found, place=_place())


@pages.route("/settings/second-factor/code", methods=["GET", "POST"])
@any_officer
@once
def add_code() -> ResponseReturnValue:
    """Set up another authenticator."""
    form = NewCodeForm()
    if form.is_sent() and _took_code(form):
        flash(_("The authenticator is set up."), "ok")
        return done(url_for("factors.mine"))
    return _page("factor_code.html", form)


@pages.route("/settings/second-factor/<factor>/remove", methods=["POST"])
@any_officer
def remove(factor: str) -> ResponseReturnValue:
    """Take one away; never the last."""
    with office().files.session() as db:
        factors.remove(db, officer(), _number(factor))
    flash(_("The second factor is removed."), "ok")
    return done(url_for("factors.mine"))


def _number(text_of: str) -> bytes:
    return bytes.fromhex(text_of) if len(text_of) == 32 and all(one in "0123456789abcdef" for one in text_of) else b""


def _took_code(form: NewCodeForm) -> bool:
    try:
        with office().files.session() as db:
            factors.add_code(
                db, officer(), current_user.offered or "", str(form.code.data), str(form.label.data), now=now()
            )  # fmt: skip
    except AmparoError as error:
        form.refuse("code", _(error.message))
        return False
    current_user.offered = None
    return True


def _page(template: str, form: NewCodeForm) -> ResponseReturnValue:
    """The page with the picture. The secret stays the same until the code is right, or the page is left."""
    if current_user.offered is None or not form.is_submitted():
        current_user.offered = factors.new_secret()
    secret = current_user.offered
    address = factors.address_of(secret, officer().handle)
    shown = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return render_template(template, form=form, picture=picture_of(address), secret=shown, place=_place())


def picture_of(address: str) -> Markup:
    """A QR code, dark on light in every theme, without a style attribute."""
    drawn = segno.make(address, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(drawn)  # noqa: S704  # made by the library out of an address of ours


# ---- Security keys (need the script; the codes do not) -----------------------------------------------------------


def _place() -> Place | None:
    """Where security keys work: at a host name, not at a bare address."""
    origin = office().settings.public_url
    host = urlsplit(origin).hostname or ""
    if is_loopback(host) and host != "localhost":
        return None
    return Place(host, origin)


def _required_place() -> Place:
    found = _place()
    if found is None:
        raise FactorWrong(_("Security keys work when the desk is opened by a name, as localhost, not by a number."))
    return found


@pages.post("/sign-in/second/key/ask")
@step_of_sign_in
def ask_key() -> ResponseReturnValue:
    """What the browser asks the key."""
    with office().files.session() as db:
        options, current_user.challenge = factors.key_challenge(db, officer(), _required_place())
    return jsonify(options)


@pages.post("/sign-in/second/key")
@step_of_sign_in
def use_key() -> ResponseReturnValue:
    """The key's answer opens the session."""
    _count()
    with office().files.session() as db:
        factors.check_key(db, officer(), _required_place(), _answer(), _challenge(), now=now())
        members.forget_failures(members.get_member(db, officer().handle))
    answer: Any = enter(sessions.complete(book(), current_user))
    return jsonify(location=answer.location)


@pages.post("/sign-in/second/new/key/offer")
@step_of_sign_in
def offer_first_key() -> ResponseReturnValue:
    """What the browser asks a key that is the first factor of an officer who has none."""
    _require_none()
    return _offer()


@pages.post("/sign-in/second/new/key")
@step_of_sign_in
def add_first_key() -> ResponseReturnValue:
    """The key becomes the first factor."""
    _require_none()
    _take_key()
    enter(sessions.complete(book(), current_user))
    return jsonify(location=url_for("factors.mine"))


@pages.post("/settings/second-factor/key/offer")
@any_officer
def offer_key() -> ResponseReturnValue:
    """What the browser asks a key that is to be added."""
    return _offer()


@pages.post("/settings/second-factor/key")
@any_officer
def add_key() -> ResponseReturnValue:
    """The key is one more factor."""
    _take_key()
    flash(_("The security key is set up."), "ok")
    return jsonify(location=url_for("factors.mine"))


def _require_none() -> None:
    if _kinds():
        raise FactorWrong(_("You have a second factor already; sign in with it."))


def _offer() -> ResponseReturnValue:
    with office().files.session() as db:
        options, current_user.challenge = factors.key_options(db, officer(), _required_place())
    return jsonify(options)


def _take_key() -> None:
    label = str((request.get_json(silent=True) or {}).get("label", "")) or _("Security key")
    with office().files.session() as db:
        factors.add_key(db, officer(), _required_place(), _answer(), _challenge(), label, now=now())


def _answer() -> dict[str, Any]:
    sent = request.get_json(silent=True)
    answer = sent.get("answer") if isinstance(sent, dict) else None
    if not isinstance(answer, dict):
        raise FactorWrong
    return answer


def _challenge() -> bytes:
    """The challenge that was given out; it counts once."""
    challenge, current_user.challenge = current_user.challenge, None
    if challenge is None:
        raise FactorWrong
    return bytes(challenge)
