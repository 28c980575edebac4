"""Evidence packs: plan one out of a case, sign it by two, take it out as a stream, say that it was shown."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from flask import Blueprint, Response, flash, render_template, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from agencies import cases
from crypto.digests import sha256
from custody.policy import print_trust
from desk import progress
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.forms import DeskForm, done, once, text, tick
from desk.jobs import Progress
from desk.printing import print_custody_statement
from errors import AmparoError
from evidence import exhibits
from exchange import case_lists, court_packs, follow, sync
from exchange.trust import trust_of_desk

pages: Final = Blueprint("packs", __name__)
MOST_CASES: Final = 20  # to begin a pack of

STATES: Final = {
    court_packs.PLANNED: ("note", "hourglass-split", _l("Planned, waits for the first signature")),
    court_packs.SIGNING: ("note", "people", _l("1 of 2 signatures")),
    court_packs.READY: ("ok", "check-circle-fill", _l("Ready, 2 of 2 signatures")),
}
BLOCKED: Final = ("stop", "slash-circle", _l("Blocked: something in it was withdrawn"))
GAPS: Final = {
    "handling": _l("A handling code forbids it in court until the provider permits it"),
    "consent": _l("The person concerned has withdrawn the consent"),
    "sensitive": _l("Sensitive: the reason stands in the court's own list"),
    "not-held": _l("This agency does not hold it"),
    "other": _l("Left out by this agency"),
    "no-proof": _l("No proof that it came in a sealed bundle"),
    "no-custody": _l("No custody record of this agency"),
    "no-origin": _l("The record of the agency before is not complete"),
}


class PlanForm(DeskForm):
    """What a pack is made for."""

    reference = text(
        _l("Reference of the proceeding"), missing=_l("Write the reference of the proceeding"),
        hint=_l("As the court knows it. It stands on the first page of the pack, so it must hold no name."),
    )  # fmt: skip
    court_order = text(
        _l("Reference of a court's order"),
        hint=_l("Only where a protection flag forbids export: without an order such a pack is not made."),
    )  # fmt: skip
    ground = text(
        _l("Legal ground"),
        hint=_l("Only where something is kept although it was withdrawn: the ground under which it is used."),
    )  # fmt: skip


class ShownForm(DeskForm):
    """A pack was shown to a court or to the defence."""

    sure = tick(_l("This pack was shown to the court or to the defence"), missing=_l("Tick that it was shown"))


class OneButton(DeskForm):
    """A form that is one button."""


@pages.get("/packs")
@needs("pack")
def packs() -> ResponseReturnValue:
    """Packs of all cases of this officer, newest first."""
    with office().files.reading() as db:
        found = [
            {"case": handle, "pack": one, "state": _state(one)}
            for handle, one in court_packs.list_all_packs(db, officer())
        ]
        mine = case_lists.list_handles(db, officer(), state=case_lists.OPEN, newest_first=True)
        choices = [(one.case_id.hex(), one.handle) for one in mine[:MOST_CASES]]
    return render_template("packs/list.html", found=found, choices=choices, more=len(mine) > len(choices))


def _state(row: court_packs.PackRow) -> tuple[str, str, Any]:
    return BLOCKED if row.is_blocked else STATES[row.state]


@pages.route("/cases/<case_id>/packs/new", methods=["GET", "POST"])
@needs("pack")
@once
def new(case_id: str) -> ResponseReturnValue:
    """Read every exhibit of a case and form a pack."""
    raw, form = identifier(case_id), PlanForm()
    with office().files.session() as db:
        handle = cases.get_case(db, officer(), raw).handle
        held = exhibits.list_exhibits(db, officer(), raw)
    if form.is_sent():
        return progress.begin("pack", _planner(raw, form), back=url_for("packs.new", case_id=case_id))
    return render_template("packs/new.html", form=form, handle=handle, case_id=case_id, held=held)


def _planner(case_id: bytes, form: PlanForm) -> Callable[[Progress], str]:
    """The work of planning, with all that it needs of the request."""
    at, who, place = office(), officer(), url_for("packs.pack", pack_id="0" * 32)
    reference, order, ground = str(form.reference.data), form.court_order.data or None, form.ground.data or None
    moment = now()

    def work(tell: Progress) -> str:
        made = court_packs.plan(
            at, who, case_id, reference=reference, render=print_custody_statement, court_order=order, ground=ground,
            now=moment,
        )  # fmt: skip
        sync.sync(at, now=moment)
        return place.replace("0" * 32, made.hex())

    return work


@pages.get("/packs/<pack_id>")
@needs("pack")
def pack(pack_id: str) -> ResponseReturnValue:
    """A pack: what is in it, what is not, who signed, and what comes next."""
    with office().files.session() as db:
        found = court_packs.detail(db, officer(), identifier(pack_id))
        handle = cases.get_case(db, officer(), found.case_id).handle
        digest = sha256(print_trust(trust_of_desk(db).trust)).hex()
    return render_template(
        "packs/pack.html", found=found, handle=handle, state=_state(found.row), gaps=GAPS, form=OneButton(),
        digest=digest, size=sum(one.size_bytes for one in found.listed.files),
    )  # fmt: skip


@pages.post("/packs/<pack_id>/sign")
@needs("pack")
@once
def sign(pack_id: str) -> ResponseReturnValue:
    """One of the two signatures. What is on record here but not yet in the checked log is fetched first."""
    follow.follow_log(office(), now=now())
    state = court_packs.sign(office(), officer(), identifier(pack_id), now=now())
    words = _("Both signatures are there. The pack can be taken out.")
    if state != court_packs.READY:
        words = _("You have signed. A second officer signs it now, with a sign-in of their own.")
    flash(words, "ok")
    return done(url_for("packs.pack", pack_id=pack_id))


@pages.post("/packs/<pack_id>/file")
@needs("pack")
def file(pack_id: str) -> ResponseReturnValue:
    """The pack as a stream: this desk keeps no copy of it in clear."""
    finished = court_packs.finish(office(), officer(), identifier(pack_id), now=now())
    finished.tell()

    def pieces() -> Iterator[bytes]:
        yield from finished.pack.write()

    answer = Response(stream_with_context(pieces()), mimetype="application/zip")
    answer.headers["Content-Length"] = str(finished.pack.size_bytes)
    answer.headers["Content-Disposition"] = f'attachment; filename="pack-{pack_id[:8]}.zip"'
    return answer


@pages.post("/packs/trust")
@needs("pack")
def trust() -> ResponseReturnValue:
    """The trust file of this desk. It never goes to the court together with the pack."""
    with office().files.session() as db:
        raw = print_trust(trust_of_desk(db).trust)
    answer = Response(raw, mimetype="text/plain")
    answer.headers["Content-Disposition"] = 'attachment; filename="trust.txt"'
    return answer


@pages.route("/packs/<pack_id>/shown", methods=["GET", "POST"])
@needs("pack")
@once
def shown(pack_id: str) -> ResponseReturnValue:
    """Record that a pack was shown: it is not called back, and later packs say what was withdrawn since."""
    form, raw = ShownForm(), identifier(pack_id)
    with office().files.session() as db:
        found = court_packs.detail(db, officer(), raw)
    if form.is_sent():
        try:
            court_packs.note_disclosed(office(), officer(), raw, now=now())
        except AmparoError as error:
            form.refuse("sure", _(error.message))
        else:
            flash(_("Recorded. Later packs will name what was withdrawn since."), "ok")
            return done(url_for("packs.pack", pack_id=pack_id))
    return render_template("packs/shown.html", form=form, found=found)
