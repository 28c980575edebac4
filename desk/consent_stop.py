"""Hold and withdrawal: what stops and what cannot be called back is said first; then the table of the holders.

The right to withdraw alone reaches no consent record, which stands in the vault: a supervisor agrees on the page of
approvals, and these pages are the case worker's.
"""

from collections.abc import Sequence
from typing import Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.consent_pages import pages, purpose_words, subject_of
from desk.forms import DeskForm, done, long_text, once, one_of, some_of
from errors import Conflict
from exchange import asking, consent_register, stopping, usage, withdrawals
from exchange.consent_register import Line
from identity import consent as consents

HOLD, DESTROY = "hold", "destroy"
ACTS: Final = [
    (DESTROY, _l("Take it back for good")),
    (HOLD, _l("Stop it for now")),
]
MOST_REASON: Final = 400


class ChooseForm(DeskForm):
    """Which consents, and whether they are stopped or destroyed. Sent by GET: nothing happens yet."""

    class Meta:
        """Nothing is done by it, so that it carries no token."""

        csrf = False

    record = some_of(_l("Which consents"), missing=_l("Choose at least one"))
    act = one_of(_l("What is wanted"), ACTS, missing=_l("Choose one of the two"))


class ConfirmForm(DeskForm):
    """The last word."""

    reason = long_text(
        _l("Note for the team"), most=MOST_REASON,
        hint=_l("No reason is asked of the person. What you write stays with the team of the case."),
    )  # fmt: skip


class TokenForm(DeskForm):
    """A form that is one button."""


def _lines(subject: str) -> list[Line]:
    found = consent_register.lines_of(office(), officer(), *subject_of(subject), now=now())
    return [one for one in found if one.consent.state != consents.WITHDRAWN]


def _option(line: Line) -> str:
    facts = line.consent.facts
    agencies, purposes = ", ".join(facts.recipients), ", ".join(purpose_words(one) for one in facts.purposes)
    if line.consent.state == consents.HELD:
        return str(_("To %(agencies)s, for %(purposes)s (held)", agencies=agencies, purposes=purposes))
    return str(_("To %(agencies)s, for %(purposes)s", agencies=agencies, purposes=purposes))


@pages.get("/consent/<subject>/withdraw")
@needs("consent")
def choose(subject: str) -> ResponseReturnValue:
    """Choose purposes and recipients, and whether to stop or to take back for good."""
    lines = _lines(subject)
    is_sent = "act" in request.args or "record" in request.args
    form = ChooseForm(formdata=request.args if is_sent else None)
    form.record.choices = [(one.consent.record_id.hex(), _option(one)) for one in lines]
    if is_sent and form.validate():
        values = {"record": form.record.data, "act": form.act.data}
        return redirect(url_for("consent.confirm", subject=subject, **values))
    if not is_sent:
        form.record.data = [subject] if any(one.consent.record_id.hex() == subject for one in lines) else []
    person = subject_of(subject)
    back = url_for("consent.person", case_id=person[0].hex(), person_id=person[1].hex())
    return render_template(
        "consent/choose.html", form=form, subject=subject, lines=lines, back=back
    ), 400 if form.errors else 200  # fmt: skip


@pages.route("/consent/<subject>/withdraw/confirm", methods=["GET", "POST"])
@needs("consent")
@once
def confirm(subject: str) -> ResponseReturnValue:
    """What stops, and what cannot be called back; then it is done."""
    case_id, _person = subject_of(subject)
    wanted = {identifier(one) for one in request.args.getlist("record")}
    lines = [one for one in _lines(subject) if one.consent.record_id in wanted]
    act = request.args.get("act")
    if not lines or act not in (HOLD, DESTROY):
        return redirect(url_for("consent.choose", subject=subject))
    form = ConfirmForm()
    if form.is_sent():
        try:
            records = [one.consent.record_id for one in lines]
            _stop(case_id, records, act == DESTROY, form.reason.data or "")
        except Conflict as error:
            form.refuse("reason", _(error.message))
        else:
            return done(url_for("consent.withdrawal", record=records[0].hex()))
    found = usage.usage_of(office(), officer(), case_id, [one.consent.record_id for one in lines])
    holders = sorted(
        {name for one in lines for name in stopping.holders_of(office(), officer(), case_id, one.consent.record_id)}
    )
    others = [one for one in _lines(subject) if one not in lines and one.state == consent_register.GIVEN]
    return render_template(
        "consent/confirm.html", form=form, lines=lines, act=act, used=found, holders=holders, others=others,
        back=url_for("consent.choose", subject=subject),
    ), 400 if form.errors else 200  # fmt: skip


def _stop(case_id: bytes, records: Sequence[bytes], destroys: bool, reason: str) -> None:
    stopping.stop(office(), officer(), case_id, records, destroys=destroys, reason=reason, now=now())


# ---- Afterwards -------------------------------------------------------------------------------------------------


@pages.get("/consent/<record>/withdrawal")
@needs("consent")
def withdrawal(record: str) -> ResponseReturnValue:
    """How far it is: held, waiting for a colleague, destroyed; and each holder's answer."""
    record_id = identifier(record)
    line = consent_register.get_line(office(), officer(), record_id, now=now())
    stand = stopping.stand_of(office(), officer(), line.consent.case_id, record_id, now=now())
    others = [one for one in _lines(record) if one.consent.record_id != record_id]
    missing = sum(one.state == "awaited" for one in stand.holders)
    urls = {name: url_for(f"consent.{name}", record=record) for name in ("go_on", "lift", "alone")}
    urls["destroy"] = url_for("consent.confirm", subject=record, record=record, act=DESTROY)
    return render_template(
        "consent/withdrawal.html", line=line, stand=stand, others=others, missing=missing, urls=urls,
        is_mine=stand.waiting is not None and stand.waiting.asked_by == officer().handle,
        reasons={withdrawals.ASKED: "", asking.REASON: _("The answer was no, when it was asked again.")},
        form=TokenForm(),
    )  # fmt: skip


@pages.post("/consent/<record>/withdrawal/go-on")
@needs("consent")
@once
def go_on(record: str) -> ResponseReturnValue:
    """After a colleague has agreed: destroy, or lift the hold."""
    record_id = identifier(record)
    stopping.go_on(office(), officer(), _case_of(record_id), record_id, now=now())
    flash(_("It is signed by two, and carried out as soon as the broker is reached."), "ok")
    return done(url_for("consent.withdrawal", record=record))


@pages.post("/consent/<record>/withdrawal/alone")
@needs("consent")
@once
def alone(record: str) -> ResponseReturnValue:
    """Destroy by one officer what was held for 14 days."""
    record_id = identifier(record)
    stopping.destroy_alone(office(), officer(), _case_of(record_id), record_id, now=now())
    flash(_("It is signed, and carried out as soon as the broker is reached."), "ok")
    return done(url_for("consent.withdrawal", record=record))


@pages.route("/consent/<record>/withdrawal/lift", methods=["GET", "POST"])
@needs("consent")
@once
def lift(record: str) -> ResponseReturnValue:
    """Ask a colleague to lift a hold together."""
    record_id = identifier(record)
    line = consent_register.get_line(office(), officer(), record_id, now=now())
    form = TokenForm()
    back = url_for("consent.withdrawal", record=record)
    if form.is_sent():
        withdrawals.ask_lifting(office(), officer(), line.consent.case_id, record_id, now=now())
        return done(back)
    return render_template("consent/lift.html", form=form, line=line, back=back)


def _case_of(record_id: bytes) -> bytes:
    with office().files.session() as db:
        return consents.case_of(db, record_id)
