"""Handovers: exhibits go to another agency with a signature of each side; one form for one exhibit or for many."""

from collections.abc import Sequence
from typing import Any, Final

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from agencies.comparison import RootState, root_state
from desk import exhibits, uploads
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.forms import Choices, DeskForm, done, file, long_text, once, one_of, select, text
from errors import Conflict, FormatError, NotFound, Refused
from evidence import register
from evidence.register import Line
from exchange import handover_papers
from exchange.handover_papers import Outcome, Paper, Wanted

pages: Final = Blueprint("handovers", __name__)
MOST: Final = 200


def names(lines: Sequence[Line]) -> list[str]:
    """How an address names exhibits."""
    return [f"{one.case_id.hex()}.{one.exhibit.object_id.hex()}" for one in lines]


def _ids(lines: Sequence[Line]) -> list[tuple[bytes, bytes]]:
    return [(one.case_id, one.exhibit.object_id) for one in lines]


@pages.get("/handovers")
@needs("handover")
def index() -> ResponseReturnValue:
    """What waits for a signature, here and elsewhere."""
    papers = handover_papers.waiting(office(), officer())
    with office().files.session() as db:
        offered, count = register.find(db, officer(), state="offered", most=MOST)
    return render_template(
        "handovers/index.html", offers=[one for one in papers if not one.is_answer],
        answers=[one for one in papers if one.is_answer], offered=offered, count=count, names=names(offered),
    )  # fmt: skip


# ---- Giving -----------------------------------------------------------------------------------------------------


class OfferForm(DeskForm):
    """To whom, where and why; the seal of each exhibit is added."""

    agency = select(
        _l("To which agency"), missing=_l("Choose the agency"),
        hint=_l("Agencies whose fingerprint was compared. Another one has to be compared first."),
    )  # fmt: skip
    place = text(_l("Place"), missing=_l("Say where it is handed over"))
    reason = long_text(_l("Reason"), missing=_l("Say why it is handed over"), most=1000)

    def seal_of(self, line: Line) -> Any:
        """The field of an exhibit's seal."""
        return self[f"seal_{line.exhibit.object_id.hex()}"]


def _with_seals(lines: Sequence[Line]) -> type[OfferForm]:
    fields = {
        f"seal_{one.exhibit.object_id.hex()}": text(
            _("Seal of %(number)s", number=one.exhibit.local_number),
            hint=_("As it is on the exhibit now; empty if it has none."),
        )
        for one in lines
    }
    return type("OfferOfThese", (OfferForm,), fields)


def _agencies() -> Choices:
    with office().files.session() as db:
        directory = office().directory(db)
        found = [one for one in directory.agencies if one != officer().agency]
        return [(one, one) for one in sorted(found) if root_state(db, directory, one) is RootState.VERIFIED]


@pages.route("/handovers/offer", methods=["GET", "POST"])
@needs("handover")
@once
def offer() -> ResponseReturnValue:
    """Offer exhibits: the first of two signatures."""
    lines = exhibits.chosen()
    if not lines:
        return exhibits.nothing_chosen()
    form = _with_seals(lines)()
    form.agency.choices = [("", _("Choose")), *_agencies()]
    if request.method == "GET" and not form.is_restored:
        _fill_seals(form, lines)
    if form.is_sent() and _is_offered(form, lines):
        flash(
            ngettext("Offered and signed by you.", "%(num)d exhibits are offered and signed by you.", len(lines)), "ok"
        )
        return done(url_for("handovers.offered", x=names(lines)))
    return render_template("handovers/offer.html", form=form, lines=lines, name=exhibits.name_of(lines))


def _fill_seals(form: OfferForm, lines: Sequence[Line]) -> None:
    with office().files.session() as db:
        for one in lines:
            seal = exhibits.seal_of(db, one.case_id, one.exhibit.object_id)
            form.seal_of(one).data = seal.number if seal is not None and seal.is_closed else ""


def _is_offered(form: OfferForm, lines: Sequence[Line]) -> bool:
    wanted = [Wanted(one.case_id, one.exhibit.object_id, form.seal_of(one).data or None) for one in lines]
    try:
        handover_papers.offer(
            office(), officer(), wanted, form.agency.data, place=form.place.data or "", reason=form.reason.data or "",
            now=now(),
        )  # fmt: skip
    except (Conflict, NotFound, Refused) as error:
        form.refuse("agency", _(error.message))
        return False
    return True


@pages.get("/handovers/offered")
@needs("handover")
def offered() -> ResponseReturnValue:
    """After an offer: the document, and what comes next."""
    lines = exhibits.chosen()
    if not lines:
        return exhibits.nothing_chosen()
    return render_template("handovers/offered.html", lines=lines, names=names(lines), name=exhibits.name_of(lines))


@pages.get("/handovers/document")
@needs("handover")
def document() -> ResponseReturnValue:
    """The file that goes along with offered exhibits."""
    lines = exhibits.chosen()
    if not lines:
        return exhibits.nothing_chosen()
    return _file(handover_papers.offer_file(office(), officer(), _ids(lines)), "handover-offer.json")


# ---- Reading a document -----------------------------------------------------------------------------------------


class ReadForm(DeskForm):
    """A handover document of another agency."""

    file = file(
        _l("Handover document"), hint=_l("The file that came along with the exhibits, or came back as an answer.")
    )


@pages.route("/handovers/read", methods=["GET", "POST"])
@needs("handover")
@uploads.takes_document
@once
def read() -> ResponseReturnValue:
    """Read a document: an offer to this agency, or the answer to one of its own."""
    form = ReadForm()
    data = uploads.document(form, "file", missing=_("Choose the document")) if form.is_sent() else None
    if data is not None:
        try:
            handover_papers.put_away(office(), officer(), data, now=now())
        except (FormatError, NotFound) as error:
            form.refuse("file", _(error.message))
        else:
            papers = handover_papers.waiting(office(), officer())
            is_answer = bool(papers) and papers[0].is_answer
            return done(url_for("handovers.close" if is_answer else "handovers.answer"))
    return render_template("handovers/read.html", form=form, has_mistakes=any(one.errors for one in form))


@pages.post("/handovers/papers/<paper_id>/drop")
@needs("handover")
def drop(paper_id: str) -> ResponseReturnValue:
    """Throw a document away that waits. Nothing is signed; it can be read again."""
    handover_papers.drop(office(), officer(), identifier(paper_id))
    flash(_("The document is put away. Nothing was signed."), "ok")
    return done(url_for("handovers.index"))


# ---- Receiving --------------------------------------------------------------------------------------------------


class AnswerForm(DeskForm):
    """Where and why; seal and decision of each exhibit are added."""

    place = text(_l("Place"), missing=_l("Say where you received it"))
    reason = long_text(
        _l("What you say to it"), missing=_l("Write a sentence for the record"), most=1000,
        hint=_l("For the record, such as: received by courier, seal unbroken. When you refuse: what you found."),
    )  # fmt: skip

    def seal_of(self, paper: Paper) -> Any:
        """Seal as it was found."""
        return self[f"seal_{paper.paper_id.hex()}"]

    def decision_of(self, paper: Paper) -> Any:
        """Accept, refuse or later."""
        return self[f"decision_{paper.paper_id.hex()}"]


def _with_decisions(papers: Sequence[Paper]) -> type[AnswerForm]:
    fields: dict[str, Any] = {}
    for one in papers:
        name = one.paper_id.hex()
        fields[f"seal_{name}"] = text(
            _("Seal that you found on %(number)s", number=one.number),
            hint=_("Read it from the exhibit, not from a paper. Empty if there is none."),
        )
        fields[f"decision_{name}"] = one_of(
            _("%(number)s: what you do", number=one.number),
            [("accept", _("Accept")), ("refuse", _("Refuse")), ("later", _("Later"))],
            missing=_("Choose what you do"),
        )  # fmt: skip
    return type("AnswerToThese", (AnswerForm,), fields)


@pages.route("/handovers/answer", methods=["GET", "POST"])
@needs("handover")
@once
def answer() -> ResponseReturnValue:
    """Check seal and files of what is offered, then accept or refuse: the second signature."""
    papers = [one for one in handover_papers.waiting(office(), officer()) if not one.is_answer][:MOST]
    form = _with_decisions(papers)()
    outcomes: list[Outcome] = []
    if papers and form.is_sent():
        outcomes = _answers(form, papers)
        signed = [f"{one.case_id.hex()}.{one.object_id.hex()}" for one in outcomes if one.error is None]
        if outcomes and len(signed) == len(outcomes):
            flash(_("Signed. Give the answer back to the giver."), "ok")
            return done(url_for("handovers.signed", x=signed))
        if not outcomes:
            return redirect(url_for("handovers.index"), 303)
        papers = [one for one in handover_papers.waiting(office(), officer()) if not one.is_answer][:MOST]
        form = _with_decisions(papers)(formdata=None, place=form.place.data, reason=form.reason.data)
    failed = [one for one in outcomes if one.error is not None]
    signed = [f"{one.case_id.hex()}.{one.object_id.hex()}" for one in outcomes if one.error is None]
    return render_template(
        "handovers/answer.html", form=form, papers=papers, failed=failed, signed=signed,
        has_mistakes=bool(failed) or any(one.errors for one in form),
    )  # fmt: skip


def _answers(form: AnswerForm, papers: Sequence[Paper]) -> list[Outcome]:
    found = []
    for one in papers:
        decision = form.decision_of(one).data
        if decision in ("accept", "refuse"):
            outcome = handover_papers.answer(
                office(), officer(), one, accept=decision == "accept", seal=form.seal_of(one).data or None,
                place=form.place.data or "", reason=form.reason.data or "", now=now(),
            )  # fmt: skip
            found.append(outcome)
    return found


@pages.get("/handovers/signed")
@needs("handover")
def signed() -> ResponseReturnValue:
    """After an answer: the document that goes back to the giver."""
    lines = exhibits.chosen()
    if not lines:
        return exhibits.nothing_chosen()
    return render_template("handovers/signed.html", lines=lines, names=names(lines), states=exhibits.STATES)


@pages.get("/handovers/answered")
@needs("handover")
def answered() -> ResponseReturnValue:
    """The file that goes back to the giver."""
    lines = exhibits.chosen()
    if not lines:
        return exhibits.nothing_chosen()
    return _file(handover_papers.answer_file(office(), officer(), _ids(lines)), "handover-answer.json")


# ---- Closing ----------------------------------------------------------------------------------------------------


@pages.route("/handovers/close", methods=["GET", "POST"])
@needs("handover")
@once
def close() -> ResponseReturnValue:
    """Close handovers with the receivers' answers."""
    form = DeskForm()
    papers = [one for one in handover_papers.waiting(office(), officer()) if one.is_answer][:MOST]
    failed: list[Outcome] = []
    if papers and form.is_sent():
        shown = request.form.getlist("paper")
        outcomes = [
            handover_papers.close(office(), officer(), one, now=now()) for one in papers if one.paper_id.hex() in shown
        ]
        failed = [one for one in outcomes if one.error is not None]
        if not failed:
            flash(ngettext("The handover is on record on both sides.",
                           "%(num)d handovers are on record on both sides.", len(outcomes)), "ok")  # fmt: skip
            return done(url_for("handovers.index"))
        papers = [one for one in handover_papers.waiting(office(), officer()) if one.is_answer][:MOST]
    return render_template(
        "handovers/close.html", form=form, papers=papers, failed=failed, has_mistakes=bool(failed)
    )  # fmt: skip


def _file(data: bytes, name: str) -> Response:
    """A document that is carried on."""
    return Response(
        data, mimetype="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip
