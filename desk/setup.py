"""The first run: a list of six tasks, open to whoever started the desk, and closed for good once they are done.

`amparo desk run` prints the address with a one-time code. The browser that opens it gets the wizard, and no other one.
Shares are shown one at a time to their holders; they stand in this process's memory and in the answer to one request.
"""

import hmac
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Any, Final

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import refresh

from agencies import factors
from agencies import setup as ceremonies
from agencies.directory import TYPES
from agencies.members import OfficerSession
from config.settings import require_origin
from desk import languages
from desk.access import FILES, NEXT, now, office, without_sign_in
from desk.factors import NewCodeForm, picture_of
from desk.forms import DeskForm, done, number, one_of, text, tick
from desk.forms import passphrase as secret
from desk.showing import DONE, Showing
from errors import AmparoError, FormatError, KeyUnusable, NotPermitted, SettingInvalid, Unavailable
from exchange import first_run, follow
from exchange.office import Office

pages: Final = Blueprint("setup", __name__)
IDLE_SECONDS: Final = 3600
BROWSER: Final = "setup"  # in the cookie: the name of the browser that opened the address; it opens no key
TASKS: Final = ("language", "agency", "administrators", "second_factor", "shares", "broker")
KINDS: Final = {
    "police": _l("Police"), "prosecution": _l("Prosecution"), "ngo": _l("Non-governmental organisation"),
    "other": _l("Other"),
}  # fmt: skip
PURPOSES: Final = {ceremonies.ROOT: _l("Root key"), ceremonies.RECOVERY: _l("Recovery key")}


@dataclass
class Wizard:
    """The first run of this desk, while it goes on. Nothing of it is printed.

    Attributes:
        code: opens the wizard once; None afterwards.
        browser: name of the browser that used it.
        administrators: their open sessions, until the root has certified them.
        with_factor: handles of those whose second factor is set up.
    """

    seen: float = field(default_factory=time.monotonic)
    code: str | None = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    browser: str = field(default="", repr=False)
    done: set[str] = field(default_factory=set)
    unit: str = ""
    exit_url: str = ""
    is_single: bool = False
    administrators: list[OfficerSession] = field(default_factory=list, repr=False)
    with_factor: set[str] = field(default_factory=set)
    offered: str | None = field(default=None, repr=False)
    ceremony: ceremonies.Ceremony | None = field(default=None, repr=False)
    showing: Showing | None = field(default=None, repr=False)

    def next_task(self) -> str | None:
        """The first task that is not done."""
        return next((one for one in TASKS if one not in self.done), None)

    def close(self) -> None:
        """Wipe the keys, the root and the words."""
        for one in self.administrators:
            one.lock()
        self.administrators.clear()
        if self.ceremony is not None:
            self.ceremony.close()
        self.ceremony, self.showing, self.offered = None, None, None


# ---- Who may use it, and when -----------------------------------------------------------------------------------


def guard(app: Flask, at: Office) -> None:
    """Serve nothing but the wizard until the set-up is finished, and the wizard never again afterwards."""
    with at.files.session() as db:
        is_finished = first_run.is_finished(db)
    app.extensions["setup"] = None if is_finished else Wizard()
    app.before_request(_require_stage)


def _require_stage() -> ResponseReturnValue | None:
    if request.endpoint is None or request.endpoint in FILES or request.blueprint == "leave":
        return None
    is_wizard = request.blueprint == "setup"
    if current_app.extensions["setup"] is None:
        return redirect(url_for("entry.sign_in")) if is_wizard else None
    if not is_wizard:
        return redirect(url_for("setup.tasks"))
    if request.endpoint == "setup.tasks" and "code" in request.args:
        return None
    name = session.get(BROWSER)
    if not wizard().browser or not isinstance(name, str) or not hmac.compare_digest(name, wizard().browser):
        raise NotPermitted(_("This desk is not set up yet. Open the address that “amparo desk run” printed, once."))
    wizard().seen = time.monotonic()
    return None


def sweep(app: Flask) -> None:
    """Give up a first run that nobody has gone on with for an hour: its keys and shares must not stay in memory."""
    found = app.extensions["setup"]
    if isinstance(found, Wizard) and found.code is None and time.monotonic() - found.seen > IDLE_SECONDS:
        close(app)


def close(app: Flask) -> None:
    """Wipe what a first run holds; it begins anew at the next start of the desk."""
    found = app.extensions["setup"]
    if isinstance(found, Wizard):
        found.close()
        app.extensions["setup"] = Wizard(code=None)


def wizard() -> Wizard:
    """The first run that goes on."""
    found = current_app.extensions["setup"]
    if not isinstance(found, Wizard):
        abort(404)
    return found


def address(app: Flask) -> str:
    """What the launcher opens: with the one-time code, while the desk is not set up."""
    found, origin = app.extensions["setup"], str(app.extensions["office"].settings.public_url)
    return origin if found is None else f"{origin}/setup?code={found.code}"


def _needs_before(task: str) -> None:
    """A task comes after those before it."""
    first = wizard().next_task()
    if first is not None and TASKS.index(task) > TASKS.index(first):
        abort(404)


# ---- The list ---------------------------------------------------------------------------------------------------


@pages.get("/setup")
@without_sign_in
def tasks() -> ResponseReturnValue:
    """The list of tasks. With the one-time code: this browser is the one from now on."""
    code = request.args.get("code")
    if code is not None:
        return _enter(code)
    return render_template("setup/tasks.html", wizard=wizard(), first=wizard().next_task(), tasks=TASKS)


def _enter(code: str) -> ResponseReturnValue:
    found = wizard()
    if found.code is None or not hmac.compare_digest(found.code.encode(), code.encode()):
        raise NotPermitted(_("This code was used, or is another. Stop the desk and start it again for a new one."))
    found.code, found.browser = None, secrets.token_urlsafe(24)
    session.clear()
    session[BROWSER] = found.browser
    with office().files.session() as db:
        first_run.start_over(db)
    return redirect(url_for("setup.tasks"))


# ---- 1 and 2: language, agency ----------------------------------------------------------------------------------


class LanguageForm(DeskForm):
    """The language of this desk."""

    language = one_of(_l("Language"), list(languages.OWN_NAMES.items()), missing=_l("Choose a language"))


class AgencyForm(DeskForm):
    """What the network is told of the agency, and what the pages show of it."""

    country = text(
        _l("Country"), missing=_l("Write the country with two letters"), most=2, hint=_l("Two letters, such as RO.")
    )
    kind = one_of(_l("Kind of agency"), list(KINDS.items()), missing=_l("Choose the kind of agency"))
    unit = text(_l("Unit"), most=60, hint=_l("As the top of the pages shows it. It is not sent anywhere."))
    exit_url = text(
        _l("Where “Exit this page” leads"), most=200,
        hint=_l("A harmless page, such as https://weather.example. Empty: a page of the desk called Notes."),
    )  # fmt: skip


@pages.route("/setup/language", methods=["GET", "POST"])
@without_sign_in
def language() -> ResponseReturnValue:
    """The language of the desk; each officer can choose another one."""
    form = LanguageForm(data={"language": languages.tag()})
    if form.is_sent():
        chosen = str(form.language.data)
        languages.choose(chosen)
        current_app.config["BABEL_DEFAULT_LOCALE"] = chosen
        refresh()
        wizard().done.add("language")
        return done(url_for("setup.tasks"))
    return render_template("setup/language.html", form=form)


@pages.route("/setup/agency", methods=["GET", "POST"])
@without_sign_in
def agency() -> ResponseReturnValue:
    """Country, kind, unit, exit page. The name is that of the invitation."""
    _needs_before("agency")
    found = wizard()
    with office().files.session() as db:
        identity = ceremonies.get_identity(db)
        now_said = {"country": identity.country, "kind": identity.type, "unit": found.unit, "exit_url": found.exit_url}
    form = AgencyForm(data=now_said)
    if form.is_sent() and _said(form):
        found.unit, found.exit_url = str(form.unit.data or ""), str(form.exit_url.data or "")
        found.done.add("agency")
        return done(url_for("setup.tasks"))
    return render_template("setup/agency.html", form=form, agency=office().agency)


def _said(form: AgencyForm) -> bool:
    address_of = str(form.exit_url.data or "")
    if address_of:
        try:
            require_origin("exit_url", address_of.rstrip("/"))
        except SettingInvalid:
            form.refuse("exit_url", _("Write a page that begins with https: and has nothing behind its name"))
            return False
        if not address_of.startswith("https:"):
            form.refuse("exit_url", _("Write a page that begins with https: and has nothing behind its name"))
            return False
    try:
        with office().files.session() as db:
            first_run.state_facts(db, country=str(form.country.data), kind=str(form.kind.data))
    except FormatError as error:
        form.refuse("country" if form.kind.data in TYPES else "kind", _(error.message))
        return False
    return True


# ---- 3 and 4: administrators, second factor ---------------------------------------------------------------------


class AdministratorForm(DeskForm):
    """A passphrase, twice."""

    passphrase = secret(
        _l("Passphrase"), missing=_l("Write a passphrase"),
        hint=_l("At least 12 signs. Four or five random words are good. You may paste it. Nobody else may know it."),
    )  # fmt: skip
    again = secret(_l("The passphrase once more"), missing=_l("Write the passphrase once more"))
    is_single = tick(
        _l("There is only one administrator here"),
        hint=_l("Then a deputy at another agency signs what takes two. She is named later."),
    )


@pages.route("/setup/administrators", methods=["GET", "POST"])
@without_sign_in
def administrators() -> ResponseReturnValue:
    """Two administrators, one after the other, each alone at the screen."""
    _needs_before("administrators")
    found = wizard()
    if "administrators" in found.done:
        return redirect(url_for("setup.tasks"))
    place = len(found.administrators) + 1
    handle = f"{office().agency}/administrator-{place}"
    form = AdministratorForm()
    if form.is_sent() and _enrolled(form, handle):
        if len(found.administrators) == 2 or found.is_single:
            found.done.add("administrators")
            return done(url_for("setup.tasks"))
        return done(url_for("setup.administrators"))
    return render_template("setup/administrator.html", form=form, handle=handle, place=place)


def _enrolled(form: AdministratorForm, handle: str) -> bool:
    if form.passphrase.data != form.again.data:
        form.refuse("again", _("The two do not match; write the passphrase twice"))
        return False
    try:
        made = first_run.enrol_administrator(office(), handle, str(form.passphrase.data), now=now())
    except AmparoError as error:
        form.refuse("passphrase", _(error.message))
        return False
    found = wizard()
    found.administrators.append(made)
    found.is_single = len(found.administrators) == 1 and bool(form.is_single.data)
    return True


@pages.route("/setup/second-factor", methods=["GET", "POST"])
@without_sign_in
def second_factor() -> ResponseReturnValue:
    """An authenticator for each administrator. More factors are added after the first sign-in."""
    _needs_before("second_factor")
    found = wizard()
    left = [one for one in found.administrators if one.handle not in found.with_factor]
    if office().settings.second_factor == "off" or not left:
        found.done.add("second_factor")
        return redirect(url_for("setup.tasks"))
    form = NewCodeForm()
    if form.is_sent() and _took(form, left[0]):
        return done(url_for("setup.second_factor"))
    if found.offered is None:
        found.offered = factors.new_secret()
    shown = " ".join(found.offered[at : at + 4] for at in range(0, len(found.offered), 4))
    picture = picture_of(factors.address_of(found.offered, left[0].handle))
    return render_template("setup/second_factor.html", form=form, handle=left[0].handle, secret=shown, picture=picture)


def _took(form: NewCodeForm, administrator: OfficerSession) -> bool:
    found = wizard()
    try:
        with office().files.session() as db:
            factors.add_code(
                db, administrator, found.offered or "", str(form.code.data), str(form.label.data), now=now()
            )  # fmt: skip
    except AmparoError as error:
        form.refuse("code", _(error.message))
        return False
    found.with_factor.add(administrator.handle)
    found.offered = None
    return True


# ---- 5: shares --------------------------------------------------------------------------------------------------


class CeremonyForm(DeskForm):
    """Who takes a share of each key, and how many give a key back."""

    holders = text(
        _l("Holders of shares"), missing=_l("Write who holds a share"), most=600,
        hint=_l("Role handles with blanks between them. Each gets one share of the root and one of the recovery key."),
    )  # fmt: skip
    threshold = number(
        _l("How many shares give a key back"), least=2, most=16, missing=_l("Write how many shares are needed"),
        hint=_l("At least two. More holders than that allow for a lost paper."),
    )  # fmt: skip


class TypedForm(DeskForm):
    """A share typed back from its paper."""

    words = text(_l("Words of the share"), missing=_l("Type the words from the paper"), most=600)


@pages.route("/setup/shares", methods=["GET", "POST"])
@without_sign_in
def shares() -> ResponseReturnValue:
    """Root and recovery key, with two people present: who holds a share, each share once, two of each typed back."""
    _needs_before("shares")
    found = wizard()
    if "shares" in found.done:
        return redirect(url_for("setup.tasks"))
    if found.showing is None:
        return _begin_ceremony(found)
    form = TypedForm()
    if form.is_sent():
        try:
            found.showing.type_back(str(form.words.data))
        except KeyUnusable as error:
            form.refuse("words", _(error.message))
        else:
            if found.showing.stage == DONE:
                found.done.add("shares")
                return done(url_for("setup.tasks"))
            return done(url_for("setup.shares"))
    form.words.data = ""
    return render_template("setup/shares.html", form=form, showing=found.showing, purposes=PURPOSES)


def _begin_ceremony(found: Wizard) -> ResponseReturnValue:
    names = [one.handle.partition("/")[2] for one in found.administrators]
    form = CeremonyForm(data={"holders": " ".join([*names, "supervisor-1"][:3]), "threshold": 2})
    if form.is_sent():
        holders = [
            one if "/" in one else f"{office().agency}/{one}"
            for one in str(form.holders.data).replace(",", " ").split()
        ]  # fmt: skip
        try:
            found.ceremony = ceremonies.Ceremony(office().agency, holders, int(form.threshold.data or 0))
        except AmparoError as error:
            form.refuse("holders", _(error.message))
        else:
            found.showing = Showing(list(found.ceremony.papers.values()))
            return done(url_for("setup.shares"))
    return render_template("setup/holders.html", form=form)


@pages.post("/setup/shares/<step>")
@without_sign_in
def share(step: str) -> ResponseReturnValue:
    """Show a share, put it away, or begin the ceremony anew."""
    _needs_before("shares")
    found = wizard()
    if found.showing is None or "shares" in found.done:
        return done(url_for("setup.shares"))
    if step == "look":
        found.showing.show()
    elif step == "written":
        found.showing.put_away()
    elif step == "anew" and found.ceremony is not None:
        found.ceremony.close()
        found.ceremony, found.showing = None, None
    else:
        abort(404)
    return done(url_for("setup.shares"))


# ---- 6: broker, and the end -------------------------------------------------------------------------------------


class BrokerForm(DeskForm):
    """The comparison with the printed invitation."""

    answer = one_of(
        _l("Do address and fingerprint stand so on the printed invitation?"),
        [("same", _l("Yes, all the same")), ("different", _l("No, something is different"))],
        missing=_l("Compare, then choose"),
    )


@pages.route("/setup/broker", methods=["GET", "POST"])
@without_sign_in
def broker() -> ResponseReturnValue:
    """The broker's address and the key of its log, against the printed invitation."""
    _needs_before("broker")
    form = BrokerForm()
    with office().files.session() as db:
        origin, shown = office().log(db).origin, first_run.log_fingerprint(db, office())
    if form.is_sent():
        if form.answer.data == "same":
            wizard().done.add("broker")
            return done(url_for("setup.tasks"))
        return render_template("setup/stopped.html"), 409
    return render_template(
        "setup/broker.html", form=form, address=office().settings.broker_url, origin=origin, shown=shown,
        reached=_reached(),
    )  # fmt: skip


def _reached() -> str:
    """Whether the broker answers now, and its log is the one that the invitation names."""
    try:
        follow.follow_log(office(), now=now())
    except Unavailable:
        return "no"
    except AmparoError as error:
        return error.code
    return "yes"


@pages.post("/setup/finish")
@without_sign_in
def finish() -> ResponseReturnValue:
    """Sign what the root has to sign, destroy the root, close the wizard for good."""
    found = wizard()
    if found.next_task() is not None or found.ceremony is None:
        return done(url_for("setup.tasks"))
    first_run.finish(office(), found.ceremony, found.administrators, now=now())
    chosen: dict[str, Any] = {
        "language": str(current_app.config["BABEL_DEFAULT_LOCALE"]), "unit": found.unit, "exit_url": found.exit_url,
    }  # fmt: skip
    first_run.keep_settings(office().files.folder, {name.upper(): value for name, value in chosen.items()})
    office().settings = replace(office().settings, **chosen)
    found.close()
    current_app.extensions["setup"] = None
    session.pop(BROWSER, None)
    session[NEXT] = url_for("first_steps.page")
    return done(url_for("entry.sign_in"))
