"""Hold and withdraw a bundle that was sent: this bundle alone, or everything that rests on its consents."""

from collections.abc import Callable
from typing import Final

from flask import flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from desk import share_words
from desk.access import needs, now, office, officer
from desk.bundles import get, pages
from desk.forms import DeskForm, done, long_text, once, one_of
from errors import AmparoError
from exchange import sent, stopping, withdrawals
from exchange.sent import Sent
from identity import consent

__all__ = ["pages"]  # the blueprint of bundles, with these views on it

HOLD, WITHDRAW = "hold", "withdraw"
ALONE, CONSENTS = "bundle", "consents"
ACTS: Final = [
    (HOLD, _l("Hold: nothing opens until the hold is lifted")),
    (WITHDRAW, _l("Withdraw: it never opens again")),
]
REACHES: Final = [
    (CONSENTS, _l("The consents it rests on, with everything else that rests on them")),
    (ALONE, _l("This bundle alone")),
]


class StopForm(DeskForm):
    """What is to stop, how much of it, and why."""

    what = one_of(_l("What shall happen"), ACTS, missing=_l("Choose what shall happen"))
    reach = one_of(_l("What it reaches"), REACHES, missing=_l("Choose what it reaches"))
    reason = long_text(
        _l("Why"), most=500, missing=_l("Write why"), hint=_l("For your own record. It is not sent to anybody.")
    )


@pages.route("/bundles/<bundle>/stop", methods=["GET", "POST"])
@needs("hold")
@once
def stop(bundle: str) -> ResponseReturnValue:
    """Hold at once, by one officer; or hold and ask a second officer to destroy the key halves."""
    found, form = get(bundle), StopForm()
    known = _consents(found)
    records = [one for one in known if one.state != consent.WITHDRAWN]
    if not records:
        del form.reach
    is_final = sent.is_final(found)
    if not is_final and form.is_sent():
        targets = [one.record_id for one in records]
        if not records or form.reach.data == ALONE:
            targets = [found.bundle_id]
        try:
            return _stop(found, targets, destroys=form.what.data == WITHDRAW, reason=str(form.reason.data))
        except AmparoError as error:
            form.refuse("what", _(error.message))
    elif request.method == "GET":
        is_held = request.args.get("what") == WITHDRAW  # it comes from the page of a bundle that was held alone
        form.what.data = WITHDRAW if is_held else None
        if records:
            form.reach.data = ALONE if is_held else CONSENTS
    return render_template(
        "bundles/stop.html", one=found, records=records, form=form, words=share_words, is_final=is_final,
        has_more=len(known) < len(sent.consents_of(found)),
    )  # fmt: skip


def _consents(found: Sent) -> list[consent.Consent]:
    """Consents that it rests on; none for an officer who does not see the identities of the case."""
    with office().files.session() as db:
        try:
            return [consent.get_consent(db, officer(), found.case_id, one) for one in sent.consents_of(found)]
        except AmparoError:
            return []


def _stop(found: Sent, targets: list[bytes], *, destroys: bool, reason: str) -> ResponseReturnValue:
    stopping.stop(office(), officer(), found.case_id, targets, destroys=destroys, reason=reason, now=now())
    stand = stopping.stand_of(office(), officer(), found.case_id, targets[0], now=now())
    if not stand.is_sent:
        flash(_("The broker cannot be reached. The hold waits here and goes out first."), "warn")
    if destroys and stand.waiting is not None:
        flash(_("It is held now. A second officer was asked to withdraw it with you."), "ok")
        return done(url_for("approvals.page", approval=stand.waiting.approval_id.hex()))
    flash(_("It is held: nothing of it opens until two officers lift the hold."), "ok")
    return done(_page(found.bundle_id.hex()))


# ---- Afterwards -------------------------------------------------------------------------------------------------


@pages.post("/bundles/<bundle>/stop/go-on")
@needs("hold")
@once
def go_on(bundle: str) -> ResponseReturnValue:
    """After a colleague has agreed: destroy, or lift the hold."""
    return _carry_out(
        bundle, stopping.go_on, _("It is signed by two, and carried out as soon as the broker is reached.")
    )


@pages.post("/bundles/<bundle>/stop/alone")
@needs("hold")
@once
def alone(bundle: str) -> ResponseReturnValue:
    """Destroy by one officer what was held for 14 days."""
    return _carry_out(
        bundle, stopping.destroy_alone, _("It is signed, and carried out as soon as the broker is reached.")
    )


def _carry_out(bundle: str, act: Callable[..., object], words: str) -> ResponseReturnValue:
    found = get(bundle)
    act(office(), officer(), found.case_id, found.bundle_id, now=now())
    flash(words, "ok")
    return done(_page(bundle))


@pages.route("/bundles/<bundle>/stop/lift", methods=["GET", "POST"])
@needs("hold")
@once
def lift(bundle: str) -> ResponseReturnValue:
    """Ask a colleague to lift the hold together."""
    found, form = get(bundle), DeskForm()
    if form.is_sent():
        withdrawals.ask_lifting(office(), officer(), found.case_id, found.bundle_id, now=now())
        return done(_page(bundle))
    return render_template("bundles/lift.html", form=form, one=found, back=_page(bundle))


def _page(bundle: str) -> str:
    return url_for("bundles.page", bundle=bundle)
