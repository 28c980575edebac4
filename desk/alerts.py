"""Access alerts: what was done with an officer's keys, what stands out, and her answer."""

from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user

from agencies import sign_ins, unusual
from agencies.unusual import Finding, Sign, Use
from desk import languages
from desk import session as sessions
from desk.access import any_officer, book, needs, now, office, officer, without_sign_in
from desk.forms import DeskForm, done, once
from desk.paging import paged
from exchange import own_use
from exchange.own_use import OneUse

pages: Final = Blueprint("alerts", __name__)
TITLES: Final = {
    Sign.ODD_HOURS: _l("Work at odd hours"), Sign.FAILURES: _l("Many failed tries to sign in"),
    Sign.NAMES: _l("Many names asked for in a day"), Sign.OPENINGS: _l("Many bundles opened in a day"),
}  # fmt: skip
SYMBOLS: Final = {
    Sign.ODD_HOURS: "moon-stars", Sign.FAILURES: "key", Sign.NAMES: "eye", Sign.OPENINGS: "envelope-open",
}  # fmt: skip
USES: Final = {
    Use.SIGN_IN: ("box-arrow-in-right", _l("Signed in")), Use.FAILED: ("x-circle", _l("Failed to sign in")),
    Use.NAME: ("eye", _l("Asked for a name")), Use.OPENING: ("envelope-open", _l("Opened a bundle")),
}  # fmt: skip
STEPS: Final = {sign_ins.PASSPHRASE: _l("wrong passphrase"), sign_ins.FACTOR: _l("wrong second factor")}
ANSWERS: Final = {
    own_use.ME: ("ok", "check-circle-fill", _l("This was you")),
    own_use.NOT_ME: ("stop", "x-octagon-fill", _l("This was not you: an alarm was raised")),
}  # fmt: skip


class AnswerForm(DeskForm):
    """Nothing but the button."""


def _words(one: Finding) -> str:
    """A finding in a sentence."""
    day, first, last = languages.day(one.on), languages.clock(one.first), languages.clock(one.last)
    if one.sign is Sign.ODD_HOURS:
        return str(
            ngettext(
                "In the night that began on %(day)s, %(num)d time between %(first)s and %(last)s.",
                "In the night that began on %(day)s, %(num)d times between %(first)s and %(last)s.",
                one.count, day=day, first=first, last=last,
            )
        )  # fmt: skip
    return str(
        ngettext(
            "On %(day)s, %(num)d time between %(first)s and %(last)s.",
            "On %(day)s, %(num)d times between %(first)s and %(last)s.",
            one.count, day=day, first=first, last=last,
        )
    )  # fmt: skip


def _use(one: OneUse) -> tuple[str, Any, Any]:
    symbol, words = USES[one.use]
    return symbol, words, STEPS.get(one.detail, "")


@pages.get("/alerts")
@any_officer
def mine() -> ResponseReturnValue:
    """The officer's own."""
    at = now()
    with office().files.session() as db:
        asked = own_use.findings(db, office(), officer(), now=at)
        uses, pages_of = paged(own_use.uses_of(db, officer().handle, now=at))
    return render_template(
        "alerts/mine.html", asked=[(one, _words(one.finding)) for one in asked if one.answer is None],
        answered=[(one, _words(one.finding)) for one in asked if one.answer is not None], titles=TITLES,
        symbols=SYMBOLS, answers=ANSWERS, uses=[(one, *_use(one)) for one in uses], pages=pages_of, rules=unusual,
        days=own_use.LOOK_BACK_DAYS,
    )  # fmt: skip


@pages.post("/alerts/<key>/me")
@any_officer
@once
def me(key: str) -> ResponseReturnValue:
    """This was me."""
    own_use.confirm(office(), officer(), key, now=now())
    flash(_("Your answer is kept. Only you read it."), "ok")
    return done(url_for("alerts.mine"))


@pages.route("/alerts/<key>/not-me", methods=["GET", "POST"])
@any_officer
def not_me(key: str) -> ResponseReturnValue:
    """This was not me: what will happen, and then it happens."""
    with office().files.session() as db:
        found = own_use.get_finding(db, office(), officer(), key, now=now())
    if found.answer is not None:
        return redirect(url_for("alerts.mine"))
    form = AnswerForm()
    if not form.is_sent():
        return render_template(
            "alerts/not_me.html", form=form, title=TITLES[found.finding.sign], words=_words(found.finding), key=key
        )
    own_use.deny(office(), officer(), key, now=now())
    book().end_others(current_user)
    sessions.stop(book(), current_user)
    return done(url_for("alerts.told"))


@pages.get("/alerts/signed-out")
@without_sign_in
def told() -> ResponseReturnValue:
    """What to do now, for who is signed out."""
    return render_template("alerts/told.html")


@pages.get("/alerts/unit")
@needs("alerts-unit")
def unit() -> ResponseReturnValue:
    """Counts of every officer, without content."""
    with office().files.session() as db:
        counts, pages_of = paged(own_use.count_all(db, office(), now=now()))
    return render_template("alerts/unit.html", counts=counts, pages=pages_of, days=own_use.LOOK_BACK_DAYS)
