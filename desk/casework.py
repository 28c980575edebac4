"""Cases: the list, a new one, the overview of one, its facts, its end."""

from typing import Any, Final

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField

from desk import case_words, places, search
from desk.access import identifier as identifier
from desk.access import needs, now, office, officer
from desk.case_view import Shown, overview, show
from desk.forms import DeskForm, day, done, long_text, once, one_of, options, select, text, tick
from desk.paging import paged
from errors import Conflict, FormatError
from exchange import case_files, case_lists
from exchange.case_files import CaseFacts

pages: Final = Blueprint("casework", __name__)
SHOWN_STATES: Final = ("open", "closed", "all")


class FactsForm(DeskForm):
    """What a case says of itself."""

    title = text(
        _l("Title"), missing=_l("Write a title by which the team knows the case"),
        hint=_l("Read by the team alone. No name of a survivor is needed here."),
    )  # fmt: skip
    stage = select(_l("Stage"), options(case_files.STAGES, case_words.STAGES.__getitem__))
    summary = long_text(_l("Summary"), most=case_files.TEXTS["summary"], hint=_l("What it is about, in a few lines."))
    route = text(_l("Route"), hint=_l("Countries in order, as XC, XB, XA."))
    period = text(_l("When"), hint=_l("For example: March to August 2026"))
    accountable = text(_l("Accountable officer or unit"), most=case_files.TEXTS["accountable"])
    recovery_from = day(
        _l("Recovery period from"),
        hint=_l("While it runs, nobody is asked for an interview. Leave both empty if none."),
    )
    recovery_until = day(_l("Recovery period until"), hint=_l("The last day, at least 30 days after the first."))
    version = HiddenField()

    def facts(self) -> CaseFacts:
        """As the service takes them."""
        first, last = self.recovery_from.data, self.recovery_until.data
        return CaseFacts(
            title=self.title.data or "", stage=self.stage.data or case_files.STAGES[0],
            summary=self.summary.data or "", route=self.route.data or "", period=self.period.data or "",
            accountable=self.accountable.data or "",
            recovery_from=first.isoformat() if first else None, recovery_until=last.isoformat() if last else None,
        )  # fmt: skip

    def is_right(self) -> bool:
        """Whether it was sent, and the recovery period has both days in order."""
        if not self.is_sent():
            return False
        first, last = self.recovery_from.data, self.recovery_until.data
        if (first is None) != (last is None):
            self.refuse(
                "recovery_until" if first else "recovery_from", _("A recovery period has a first and a last day")
            )
        elif first and last and last < first:
            self.refuse("recovery_until", _("The last day comes after the first"))
        return not self.errors


class NewCaseForm(FactsForm):
    """A case that begins."""

    handle = text(
        _l("File number"), missing=_l("Write a file number, such as NP-2031-7"), most=40,
        hint=_l("Letters, then numbers, such as NP-2031-7. It can be read on the disk: no name has a place in it."),
    )  # fmt: skip


class CloseForm(DeskForm):
    """How a case ended."""

    outcome = one_of(
        _l("How did it end?"), options(case_files.OUTCOMES, case_words.OUTCOMES.__getitem__),
        missing=_l("Choose how the case ended"),
    )  # fmt: skip
    words = long_text(_l("Note for the file"), most=case_files.TEXTS["outcome_note"])
    sure = tick(
        _l("Nothing more is expected of this agency in this case"), missing=_l("Tick this before you close the case")
    )


@pages.get("/cases")
@needs("case-read")
def cases() -> ResponseReturnValue:
    """Cases of the officer's teams, with filters."""
    state, stage = request.args.get("state", "open"), request.args.get("stage", "")
    state = state if state in SHOWN_STATES else "open"
    stage = stage if stage in case_files.STAGES else ""
    newest = request.args.get("order") == "new"
    with office().files.reading() as db:
        within = None if not stage else search.cases_at(stage)
        found = case_lists.list_handles(db, officer(), state=state, within=within, newest_first=newest)
        rows, where = paged(found)
        lines = case_lists.lines(db, officer(), [one.case_id for one in rows])
        own = len(found) if state == "all" and not stage else case_lists.count(db, officer())
    return render_template(
        "casework/cases.html", cases=lines, pages=where, state=state, stage=stage, newest=newest, found=len(found),
        own=own, words=case_words, progress=search.progress(), is_filtered=bool(stage) or state != "open",
    )  # fmt: skip


@pages.route("/cases/new", methods=["GET", "POST"])
@needs("case-create")
@once
def new() -> ResponseReturnValue:
    """Begin a case."""
    form = NewCaseForm()
    if form.is_right():
        try:
            with office().files.session() as db:
                case_id = case_files.begin(db, officer(), form.handle.data or "", form.facts(), now=now())
        except (FormatError, Conflict) as error:
            form.refuse("handle", _(error.message))
        else:
            search.renew([case_id])
            return done(url_for("casework.case", case_id=case_id.hex()))
    return render_template("casework/new.html", form=form)


@pages.get("/cases/<case_id>")
@needs("case-read")
def case(case_id: str) -> ResponseReturnValue:
    """What there is about a case, and what comes next."""
    number_ = identifier(case_id)
    with office().files.session() as db:
        shown = show(db, office(), officer(), number_)
        view = overview(db, office(), officer(), shown, now=now())
    return render_template(
        "casework/case.html", case=shown, view=view, words=case_words, here="overview", places=places
    )


@pages.route("/cases/<case_id>/facts", methods=["GET", "POST"])
@needs("case-create")
@once
def facts(case_id: str) -> ResponseReturnValue:
    """Change the facts of a case."""
    shown = _shown(case_id)
    if shown.is_closed:
        raise Conflict(_("This case is closed. Open it again first."))
    form = FactsForm(data=_typed(shown))
    if form.is_right() and _changed(form, shown):
        return done(url_for("casework.case", case_id=case_id))
    return render_template("casework/facts.html", form=form, case=shown)


def _typed(shown: Shown) -> dict[str, Any]:
    from datetime import date

    found: dict[str, Any] = {**shown.facts.value(), "version": str(shown.version)}
    for name in ("recovery_from", "recovery_until"):
        found[name] = date.fromisoformat(found[name]) if found[name] else None
    return found


def _changed(form: FactsForm, shown: Shown) -> bool:
    version = form.version.data or ""
    try:
        with office().files.session() as db:
            case_files.change(
                db, officer(), shown.case_id, form.facts(), version=int(version) if version.isdigit() else 0, now=now()
            )
    except (FormatError, Conflict) as error:
        form.refuse("title", _(error.message))
        return False
    flash(_("The facts are changed."), "ok")
    return True


@pages.route("/cases/<case_id>/close", methods=["GET", "POST"])
@needs("case-create")
@once
def close(case_id: str) -> ResponseReturnValue:
    """Close a case, after a look at what that means."""
    shown = _shown(case_id)
    form = CloseForm()
    if form.is_sent():
        try:
            with office().files.session() as db:
                case_files.close(
                    db, officer(), shown.case_id, form.outcome.data, form.words.data or "", now=now()
                )  # fmt: skip
        except (FormatError, Conflict) as error:
            form.refuse("outcome", _(error.message))
        else:
            flash(_("The case is closed."), "ok")
            return done(url_for("casework.case", case_id=case_id))
    with office().files.session() as db:
        view = overview(db, office(), officer(), shown, now=now())
    return render_template("casework/close.html", form=form, case=shown, view=view)


@pages.route("/cases/<case_id>/reopen", methods=["GET", "POST"])
@needs("case-create")
@once
def reopen(case_id: str) -> ResponseReturnValue:
    """Go on with a case that was closed."""
    shown = _shown(case_id)
    form = DeskForm()
    if form.is_sent():
        with office().files.session() as db:
            case_files.reopen(db, officer(), shown.case_id, now=now())
        flash(_("The case is open again."), "ok")
        return done(url_for("casework.case", case_id=case_id))
    return render_template("casework/reopen.html", form=form, case=shown)


def _shown(case_id: str) -> Shown:
    number_ = identifier(case_id)
    with office().files.session() as db:
        return show(db, office(), officer(), number_)
