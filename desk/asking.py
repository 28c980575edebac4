"""Asking another agency: whom and from which case, what, and the check before it is sealed and sent."""

from datetime import date
from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from agencies import cases, comparison
from agencies.comparison import RootState
from agencies.rights import has_right
from crypto.encoding import unb64u
from crypto.header import IDENTIFIER_BYTES
from desk import access, bundle_view, bundle_words, progress
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.forms import DeskForm, day, done, lines, long_text, once, one_of, options, some_of, text
from desk.inquiries import pages
from desk.jobs import Progress
from desk.keeping import case_choices
from errors import AmparoError, FormatError, NotFound, Unavailable
from exchange import composition, cover, inquiries, sending
from exchange.composition import Composition
from exchange.delivery import day_of
from exchange.forms import INQUIRY_TYPES
from exchange.sharing import Choice

__all__ = ["agency_officers", "legal_term", "pages", "show_draft"]
QUESTIONS_SHOWN: Final = 5


# ---- Whom ---------------------------------------------------------------------------------------------------------


@pages.get("/inquiries/new")
@needs("inquire")
def new() -> ResponseReturnValue:
    """From which case, and whom; only agencies whose key was compared can be asked."""
    choices = case_choices()
    case, agency = request.args.get("case", ""), request.args.get("agency", "")
    with office().files.session() as db:
        directory = office().directory(db)
        found = [
            (name, directory.agencies[name].country, comparison.root_state(db, directory, name))
            for name in sorted(directory.agencies)
            if name != office().agency
        ]
    compared = [name for name, _country, state in found if state is RootState.VERIFIED]
    if case in dict(choices) and agency in compared:
        return redirect(url_for("inquiries.ask", case_id=case, agency=agency))
    return render_template(
        "inquiries/new.html", cases=choices, case=case, agency=agency, compared=compared,
        agencies=[(name, country, bundle_view.ROOT_WORDS[state]) for name, country, state in found],
        is_missing="go" in request.args,
    )  # fmt: skip


# ---- What ---------------------------------------------------------------------------------------------------------


class AskForm(DeskForm):
    """What is asked."""

    category = one_of(
        _l("Kind of inquiry"), options(INQUIRY_TYPES, bundle_words.INQUIRY_TYPES.__getitem__),
        missing=_l("Choose the kind of inquiry"),
    )  # fmt: skip
    about = text(
        _l("About whom or what"), missing=_l("Say about whom or what you ask, without a name"),
        hint=_l("A pseudonym, an exhibit number, a place no smaller than a country. No names."),
    )  # fmt: skip
    questions = lines(
        _l("Questions"), least=QUESTIONS_SHOWN, most=inquiries.LONGEST_TEXT,
        hint=_l("One thing in each line. They can answer each on its own."),
    )  # fmt: skip
    reply_by = day(_l("Reply by"), missing=_l("Say by when you ask for a reply"))
    purposes = some_of(
        _l("Purpose"), options(bundle_words.PURPOSES, bundle_words.PURPOSES.__getitem__),
        missing=_l("Choose at least one purpose"),
    )  # fmt: skip
    legal_basis = text(
        _l("Legal basis"), missing=_l("State the legal basis on which you ask"), most=cover.MOST_SIGNS,
        hint=_l("Letters without accents, digits and simple signs; it stands on the cover."),
    )  # fmt: skip
    officers = some_of(_l("Who may open it there?"), missing=_l("Choose who may open it there"))
    handling = some_of(_l("Handling codes"), hint=_l("What you ask them to keep to. None has to be set."))
    reference = text(
        _l("What they read as your case"), missing=_l("Write a reference that names nobody"), most=60,
        hint=_l("Your file number, or another word by which you know it again."),
    )  # fmt: skip
    words = long_text(_l("Anything else they should read"), hint=_l("No names, no addresses."))

    def asked(self) -> list[str]:
        """The questions that were written."""
        return [str(one) for one in self.questions.data if one]


def agency_officers(agency: str) -> list[str]:
    """Officers of an agency whose role opens bundles."""
    with office().files.session() as db:
        found = office().directory(db).officers(agency)
    return sorted(one.subject for one in found if has_right(one.roles, "open"))


def legal_term(form: DeskForm, name: str = "legal_basis") -> bool:
    """Whether the legal basis can stand on a cover; if not, its field says so."""
    try:
        cover.term(form[name].data)
    except FormatError:
        form.refuse(name, _("Use letters without accents, digits and simple signs, at most 120"))
        return False
    return True


def code_options() -> list[tuple[str, Any]]:
    """Handling codes on offer, each with what its mark says."""
    return [(code, f"{code}  {bundle_words.code_words(code)[0]}") for code in bundle_words.OFFERED_CODES]


@pages.route("/inquiries/new/<case_id>/<agency>", methods=["GET", "POST"])
@needs("inquire")
@once
def ask(case_id: str, agency: str) -> ResponseReturnValue:
    """Write an inquiry; it is kept as a sealed draft and checked before it goes."""
    raw = identifier(case_id)
    try:
        with office().files.session() as db:
            handle = cases.get_case(db, officer(), raw).handle
            office().require_known(db, agency)
    except AmparoError:
        return redirect(url_for("inquiries.new"))
    form = AskForm()
    form.officers.choices = [(one, one) for one in agency_officers(agency)]
    form.handling.choices = code_options()
    if not form.is_submitted() and not form.is_restored:
        form.reference.data = handle
    if form.is_sent() and legal_term(form) and (draft := _draft(form, raw, agency)) is not None:
        return done(url_for("inquiries.check", draft_id=draft.hex()))
    return render_template("inquiries/ask.html", form=form, agency=agency, handle=handle, notes=_notes())


def _notes() -> dict[str, Any]:
    return {
        "information": _l("What they know about somebody or something"),
        "evidence": _l("An exhibit or a document that they hold"),
        "interview": _l("A talk with somebody whom they support; it needs that person’s own yes"),
        "eio": _l("Announces an order that reaches them by its own way"),
        "mla": _l("Announces a request that reaches them by its own way"),
    }


def _iso(chosen: date | None) -> str | None:
    return None if chosen is None else chosen.isoformat()


def _draft(form: AskForm, case_id: bytes, agency: str) -> bytes | None:
    choice = Choice(
        case_id, agency, tuple(form.officers.data or ()), tuple(form.purposes.data or ()), str(form.legal_basis.data),
        str(form.reference.data), text=str(form.words.data or ""), handling=tuple(form.handling.data or ()),
        reply_by=_iso(form.reply_by.data),
    )  # fmt: skip
    try:
        with office().files.session() as db:
            made = inquiries.make_inquiry(
                db, office(), officer(), choice, questions=form.asked(), about=str(form.about.data),
                category=str(form.category.data), now=now(),
            )  # fmt: skip
            return sending.keep_draft(db, office(), officer(), made, now=now())
    except FormatError as error:
        form.refuse("reply_by" if (_iso(form.reply_by.data) or "") < day_of(now()) else "questions", _(error.message))
    return None


# ---- The check before it goes -------------------------------------------------------------------------------------


class CheckForm(DeskForm):
    """Seal and send."""


class DropForm(DeskForm):
    """Throw the draft away."""


@pages.route("/inquiries/drafts/<draft_id>", methods=["GET", "POST"])
@needs("inquire")
@once
def check(draft_id: str) -> ResponseReturnValue:
    """Read once more what goes out, then seal and send it."""
    raw = identifier(draft_id)
    with office().files.session() as db:
        made = composition.load_draft(db, officer(), raw)
    if "inquiry" not in made.form:
        raise NotFound("there is no such draft")
    form = CheckForm()
    if form.is_sent():
        return _send(raw, made)
    return show_draft(raw, made, form)


def show_draft(draft_id: bytes, made: Composition, form: CheckForm) -> ResponseReturnValue:
    """The page "check your answers"."""
    agency = made.recipients[0].agency
    return render_template(
        "inquiries/check.html", made=made, form=form, drop=DropForm(), draft_id=draft_id.hex(), agency=agency,
        key=bundle_view.key_state(office(), agency), words=bundle_words,
        codes=bundle_view.codes_of(made.handling, office().agency),
        inquiry_id=unb64u(made.form["inquiry"], IDENTIFIER_BYTES).hex(),
    )  # fmt: skip


def _send(draft_id: bytes, made: Composition) -> ResponseReturnValue:
    desk, sender = office(), officer()
    inquiry_id = unb64u(made.form["inquiry"], IDENTIFIER_BYTES).hex()
    to = url_for("inquiries.inquiry", inquiry_id=inquiry_id)

    def work(tell: Progress) -> str:
        bundle_id = sending.seal_draft(desk, sender, draft_id, now=access.now(), progress=tell)
        try:
            sending.send(desk, bundle_id, now=access.now(), progress=tell)
        except Unavailable:
            return to  # it is sealed, and its page says that it waits to be sent
        return to

    return progress.begin("answer", work, back=url_for("inquiries.check", draft_id=draft_id.hex()))


@pages.post("/inquiries/drafts/<draft_id>/drop")
@needs("inquire")
@once
def drop(draft_id: str) -> ResponseReturnValue:
    """Throw a draft away; nothing was sent."""
    raw = identifier(draft_id)
    with office().files.session() as db:
        composition.load_draft(db, officer(), raw)
        composition.delete_draft(db, officer(), raw)
    flash(_("The draft is thrown away. Nothing was sent."), "ok")
    return done(url_for("inquiries.all_inquiries"))
