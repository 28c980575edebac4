"""Exhibits: the register, taking one in, its custody, and what officers record of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from agencies import cases
from crypto.header import IDENTIFIER_BYTES
from custody.holdings import ENDING
from desk import custody_chart, custody_entries, uploads
from desk.access import may, needs, now, office, officer
from desk.casework import identifier
from desk.forms import Choices, DeskForm, done, long_text, once, one_of, select, text, tick
from errors import Conflict, CustodyBroken, NotFound
from evidence import exhibits as service
from evidence import holdings, register
from evidence.seals import Seal, current_seal
from exchange import case_lists, custody_acts, showing
from exchange.custody_acts import Origin, SameFile

pages: Final = Blueprint("exhibits", __name__)
PAGE: Final = 50
MOST_CASES: Final = 300  # in a list to choose from; of more the words of the filter find a file number
FEW_CASES: Final = 10

# state: (kind of the tag, symbol, words)
STATES: Final[dict[str, tuple[str, str, Any]]] = {
    "here": ("ok", "box-seam", _l("With this agency")),
    "offered": ("warn", "hourglass-split", _l("Offered, 1 of 2 signatures")),
    "elsewhere": ("note", "building", _l("With another agency")),
    "ended": ("plain", "dash-circle", _l("Returned or destroyed")),
    "unknown": ("warn", "question-circle", _l("No custody is known")),
    "broken": ("stop", "x-octagon-fill", _l("Two records contradict each other")),
}
TAKING_IN: Final = {
    "receive": _l("Received from somebody"),
    "seize": _l("Seized"),
    "acquire": _l("Acquired as data, by this agency"),
    "copy": _l("A copy of something"),
    "extract": _l("Extracted out of another exhibit"),
    "derive": _l("Made out of another exhibit"),
}


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of a long list."""

    number: int
    count: int
    url: Callable[[int], str]


# ---- The register -----------------------------------------------------------------------------------------------


class RegisterForm(DeskForm):
    """What is looked for. It is sent as a form, so that no word of it stands in an address."""

    words = text(_l("Number or description"))
    case = select(_l("Case"))
    state = select(_l("Custody"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for one in (self.words, self.case, self.state):
            one.flags.optional = False  # a filter need not say that it may stay empty


def own_cases(asked: str) -> tuple[Choices, bool]:
    """Cases of the officer, as choices, and whether these are some of very many: the one asked for and a few more."""
    with office().files.reading() as db:
        found = case_lists.list_handles(db, officer())
        is_short = len(found) > MOST_CASES
        some = {one.case_id: one.handle for one in found[: FEW_CASES if is_short else None]}
        if asked:
            some |= cases.handles_of(db, officer(), {identifier(asked)})
    return [(case_id.hex(), handle) for case_id, handle in some.items()], is_short


@pages.route("/exhibits", methods=["GET", "POST"], endpoint="register")
@needs("case-read")
def list_all() -> ResponseReturnValue:
    """All exhibits of the officer's cases, filtered."""
    form = RegisterForm()
    asked = request.args.get("case", "") if request.method == "GET" else form.case.data or ""
    handles, is_short = own_cases(asked)
    form.case.choices = [("", _("All cases")), *handles]
    if is_short:
        form.case.description = _("Some of your cases. Type a file number above to find what is in another.")
    form.state.choices = [("", _("Any")), *((name, str(words[2])) for name, words in STATES.items())]
    if request.method == "GET":
        form.case.data = asked
    wanted = form.case.data if form.case.data in dict(handles) else ""
    number = max(1, request.form.get("page", 1, type=int))
    with office().files.session() as db:
        lines, total = register.find(
            db, officer(), case_id=bytes.fromhex(wanted) if wanted else None, words=form.words.data or "",
            state=form.state.data or "", start=(number - 1) * PAGE, most=PAGE,
        )  # fmt: skip
    is_filtered = bool(wanted or form.words.data or form.state.data)
    return render_template(
        "exhibits/register.html", form=form, lines=lines, total=total, states=STATES, is_filtered=is_filtered,
        handles=handles, chosen=wanted, number=number, count=max(1, -(-total // PAGE)),
    )  # fmt: skip


# ---- Taking in --------------------------------------------------------------------------------------------------


class TakeInForm(uploads.UploadForm):
    """A new exhibit: a file, or a thing."""

    kind = one_of(
        _l("What it is"), [("file", _l("A file")), ("thing", _l("A thing, such as a telephone or a paper"))],
        missing=_l("Say whether it is a file or a thing"), default="file",
    )  # fmt: skip
    description = long_text(
        _l("Description"), missing=_l("Describe it, so that others know it again"), most=2000,
        hint=_l("What it is, without names. The team reads it, and whoever it is sent to."),
    )  # fmt: skip
    action = select(
        _l("How it came here"), list(TAKING_IN.items()), missing=_l("Say how it came here"), default="receive"
    )
    place = text(
        _l("Place"), missing=_l("Say where it is kept"), hint=_l("Where it is kept now, such as: evidence room 2.")
    )
    reason = text(_l("Reason"), missing=_l("Say why it was taken in"), most=1000)
    authority = text(
        _l("Authority"), most=500, hint=_l("The order, warrant or law under which it was taken, where there is one.")
    )
    seal = text(_l("Seal number"), hint=_l("Where it is sealed. For a thing this is what a handover compares."))
    number = text(
        _l("Own number"), most=service.LONGEST_NUMBER, hint=_l("Left empty, the next one is given: E-0001, E-0002 ...")
    )
    again = tick(_l("Take the same file in once more, as an exhibit of its own"))


@pages.route("/cases/<case_id>/exhibits/new", methods=["GET", "POST"])
@needs("exhibit-take-in")
@uploads.takes_file
@once
def take_in(case_id: str) -> ResponseReturnValue:
    """Register an exhibit; a file is sealed and hashed while it arrives."""
    case = identifier(case_id)
    with office().files.session() as db:
        handle = cases.get_case(db, officer(), case).handle
    form = TakeInForm()
    upload = None
    is_sent = form.is_submitted()
    is_right = form.is_sent()
    if is_sent and form.kind.data != "thing":
        upload = uploads.arrived(form, missing=_("Choose a file"))
    known = False
    if is_right and not form.errors and not any(field.errors for field in form):
        try:
            made = custody_acts.take_in(
                office(), officer(), case, None if upload is None else upload.receiving,
                name="" if upload is None else upload.name, description=form.description.data or "",
                origin=_origin(form),
                local_number=form.number.data or None, is_again=form.again.data, now=now(),
            )  # fmt: skip
        except SameFile as error:
            known = True
            form.refuse("file", _("%(reason)s. Take it in once more only if it is another piece of evidence.",
                                  reason=_(error.message)))  # fmt: skip
        except Conflict as error:
            form.refuse("number", _(error.message))
        else:
            if upload is not None:
                uploads.drop(upload.number)
            flash(_("The exhibit is registered and its custody has begun."), "ok")
            return done(url_for("exhibits.exhibit", case_id=case_id, object_id=made.hex()))
    return render_template(
        "exhibits/take_in.html", form=form, case_id=case_id, handle=handle, upload=upload, known=known,
        has_mistakes=any(field.errors for field in form),
    )  # fmt: skip


def _origin(form: TakeInForm) -> Origin:
    return Origin(
        form.action.data, form.place.data or "", form.reason.data or "", form.authority.data or "",
        form.seal.data or None,
    )  # fmt: skip


# ---- One exhibit ------------------------------------------------------------------------------------------------


@pages.get("/cases/<case_id>/exhibits/<object_id>")
@needs("case-read")
def exhibit(case_id: str, object_id: str) -> ResponseReturnValue:
    """Who held it, what was done with it, and how far that is proven."""
    case, thing = identifier(case_id), identifier(object_id)
    with office().files.session() as db:
        handle = cases.get_case(db, officer(), case).handle
        found = service.get_exhibit(db, officer(), case, thing)
        story = custody_entries.tell(db, office(), officer(), case, thing, now=now())
        seal = seal_of(db, case, thing)
    return render_template(
        "exhibits/exhibit.html", case_id=case_id, handle=handle, exhibit=found, story=story, seal=seal,
        chart=custody_chart.lay_out(story.bars, story.marks), states=STATES, may_act=may("handover"),
        files=showing.labels_of(office(), officer(), case, found), has_answered=_has_answered(case, thing),
    )  # fmt: skip


def seal_of(db: Any, case: bytes, thing: bytes) -> Seal | None:
    """The seal on an exhibit now."""
    chains = holdings.chains(db, officer(), case, thing)
    return current_seal(one.event for chain in chains for one in chain.events)


def _has_answered(case: bytes, thing: bytes) -> bool:
    """Whether this agency answered an offer, so that there is a document to give back."""
    with office().files.session() as db:
        own = [one for one in holdings.chains(db, officer(), case, thing) if one.agency == officer().agency]
    return bool(own) and own[-1].events[0].event.prev is not None


# ---- Acts and corrections ---------------------------------------------------------------------------------------


class ActForm(DeskForm):
    """Something that was done with an exhibit."""

    action = select(_l("What was done"), missing=_l("Choose what was done"))
    place = text(_l("Place"), missing=_l("Say where"))
    reason = long_text(_l("What happened, and why"), missing=_l("Say what happened, and why"), most=2000)
    seal = text(_l("Seal number"), hint=_l("Of the seal that was set or opened, where there is one."))
    tool = text(_l("Tool"), hint=_l("What was used, where it matters."))
    version = text(_l("Version of the tool"))
    sure = tick(_l("I know that the custody of this agency ends with it"))


@pages.route("/cases/<case_id>/exhibits/<object_id>/acts/new", methods=["GET", "POST"])
@needs("handover")
@once
def act(case_id: str, object_id: str) -> ResponseReturnValue:
    """Record something that was done; returning and destroying end the custody and ask once more."""
    case, thing = identifier(case_id), identifier(object_id)
    form = ActForm()
    by_hand = [(name, custody_entries.ACTIONS[name][0]) for name in custody_acts.BY_HAND]
    form.action.choices = [("", _("Choose")), *by_hand]
    with office().files.session() as db:
        found = service.get_exhibit(db, officer(), case, thing)
        handle = cases.get_case(db, officer(), case).handle
    if form.is_sent() and _recorded(form, case, thing):
        flash(_("Recorded and signed."), "ok")
        return done(url_for("exhibits.exhibit", case_id=case_id, object_id=object_id))
    return render_template(
        "exhibits/act.html", form=form, case_id=case_id, exhibit=found, handle=handle,
        has_mistakes=any(field.errors for field in form), is_ending=form.action.data in ENDING,
    )  # fmt: skip


def _recorded(form: ActForm, case: bytes, thing: bytes) -> bool:
    if form.action.data in custody_acts.NEEDS_SEAL and not form.seal.data:
        form.refuse("seal", _("Write the number of the new seal"))
        return False
    if form.action.data in ENDING and not form.sure.data:
        form.refuse("sure", _("Tick that you know it, or choose something else"))
        return False
    try:
        custody_acts.record(
            office(), officer(), case, thing, form.action.data, place=form.place.data or "",
            reason=form.reason.data or "", seal=form.seal.data or None,
            tool=(form.tool.data, form.version.data or "") if form.tool.data else None, now=now(),
        )  # fmt: skip
    except (CustodyBroken, NotFound) as error:
        form.refuse("action", _(error.message))
        return False
    return True


class CorrectionForm(DeskForm):
    """New words beside old ones."""

    reason = long_text(
        _l("What is right"), missing=_l("Write what is right, and what was wrong"), most=2000,
        hint=_l("The old words stay readable. Say what was wrong in them, and what is right."),
    )  # fmt: skip


@pages.route("/cases/<case_id>/exhibits/<object_id>/entries/<int:number>/correct", methods=["GET", "POST"])
@needs("handover")
@once
def correct(case_id: str, object_id: str, number: int) -> ResponseReturnValue:
    """Correct an entry by a new one."""
    case, thing = identifier(case_id), identifier(object_id)
    with office().files.session() as db:
        found = service.get_exhibit(db, officer(), case, thing)
        handle = cases.get_case(db, officer(), case).handle
        story = custody_entries.tell(db, office(), officer(), case, thing, now=now())
    entry = next((one for one in story.entries if one.is_own and one.number == number), None)
    if entry is None:
        abort(404)
    form = CorrectionForm()
    if form.is_sent():
        try:
            custody_acts.correct(office(), officer(), case, thing, number, reason=form.reason.data or "", now=now())
        except CustodyBroken as error:
            form.refuse("reason", _(error.message))
        else:
            flash(_("The correction is signed. The old words stay."), "ok")
            return done(url_for("exhibits.exhibit", case_id=case_id, object_id=object_id))
    return render_template(
        "exhibits/correct.html", form=form, case_id=case_id, exhibit=found, handle=handle, entry=entry
    )


# ---- Several at once --------------------------------------------------------------------------------------------


def chosen() -> list[register.Line]:
    """Exhibits that the address names as `x=<case>.<object>`; 404 for one of another form."""
    wanted = []
    for one in request.args.getlist("x")[:200]:
        case, _dot, thing = one.partition(".")
        if len(one) != 4 * IDENTIFIER_BYTES + 1:
            abort(404)
        wanted.append((identifier(case), identifier(thing)))
    with office().files.session() as db:
        return register.chosen(db, officer(), wanted)


def nothing_chosen() -> ResponseReturnValue:
    """What a page of chosen exhibits says when none was ticked."""
    return render_template("exhibits/nothing.html")


def name_of(lines: list[register.Line]) -> str:
    """How several exhibits are called."""
    if len(lines) == 1:
        return lines[0].exhibit.local_number
    return str(ngettext("%(num)d exhibit", "%(num)d exhibits", len(lines)))
