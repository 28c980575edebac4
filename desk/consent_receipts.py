"""The survivor's paper or her six words, the page of who has seen what, and the code that she brings back.

A code is shown to the case worker for half an hour and then to nobody: the desk keeps a keyed hash of it.
"""

import os
from dataclasses import dataclass
from typing import Any, Final

from flask import Response, abort, flash, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import RadioField

from agencies import own_papers
from agencies.members import OfficerSession
from crypto import receipt_codes
from desk import printing, survivor_paper
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.consent_pages import own_texts, pages, subject_of, texts_for
from desk.consent_walk import TokenForm, calm
from desk.forms import DeskForm, done, once, text, tick
from desk.survivor import Texts
from desk.survivor_paper import Speaker
from errors import FormatError, LimitExceeded, NotFound, NotPermitted
from exchange import receipt_codes as codes

KIND: Final = "receipt"
SHOWN_SECONDS: Final = 30 * 60
PAPER, WORDS, NOTHING = "paper", "words", "none"


class SafeForm(DeskForm):
    """Is it safe to keep paper? Nothing is chosen beforehand."""

    choice = RadioField(validate_choice=False)
    names = tick("")
    call = text("", most=120)

    def speak(self, t: Texts) -> None:
        """Labels in her language."""
        self.choice.label.text = t("your_answer")
        self.choice.choices = [(one, t(f"safe_{one}")) for one in (PAPER, WORDS, NOTHING)]
        self.names.label.text = t("safe_names")
        self.call.label.text, self.call.description = t("paper_call"), t("safe_call_hint")


class CodeForm(DeskForm):
    """The code that somebody brought, or said on the telephone."""

    code = text(
        _l("Code, or the six words"), missing=_l("Write the code or the six words"), most=200,
        hint=_l("Capital or small letters, blanks and dashes do not matter."),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Given:
    """What was just made for her."""

    choice: str
    code: int
    names: bool
    call: str


def forget_shown(db: Session, by: OfficerSession, at: int) -> None:
    """Throw away codes of this officer that were made more than half an hour ago."""
    for row in own_papers.list_papers(db, by, KIND):
        if at > row.changed_at + SHOWN_SECONDS:
            own_papers.drop(db, by, row.paper_id)


@pages.route("/consent/<subject>/receipt", methods=["GET", "POST"])
@needs("consent")
@once
def receipt(subject: str) -> ResponseReturnValue:
    """First: is it safe to keep a paper? Then a paper, six words, or nothing."""
    case_id, person_id = subject_of(subject)
    t, _said = texts_for(case_id, person_id)
    form = SafeForm()
    form.speak(t)
    with office().files.session() as db:
        forget_shown(db, officer(), now())
        has_code = codes.has_code(db, officer(), case_id, person_id) is not None
    if form.is_sent() and form.choice.data == NOTHING:
        return done(url_for("consent.person", case_id=case_id.hex(), person_id=person_id.hex()))
    if form.is_sent() and form.choice.data in (PAPER, WORDS):
        with office().files.session() as db:
            code = codes.make_code(db, office(), officer(), case_id, person_id, now=now())
            made = {
                "v": 1, "subject": subject, "choice": form.choice.data, "code": receipt_codes.as_signs(code),
                "names": bool(form.names.data), "call": form.call.data or "",
            }  # fmt: skip
            paper_id = own_papers.keep(db, officer().handle, KIND, made, now=now())
        return done(url_for("consent.given", subject=subject, paper=paper_id.hex()))
    return calm("safe.html", t, form=form, subject=subject, has_code=has_code, is_empty=form.is_submitted())


def _given(subject: str, paper: str) -> Given:
    """What was made; after half an hour it is gone."""
    with office().files.session() as db:
        forget_shown(db, officer(), now())
    with office().files.session() as db:
        try:
            value = own_papers.read(db, officer(), identifier(paper), KIND)
        except NotFound:
            value = {"subject": None}
    if value["subject"] != subject:
        raise NotFound("a code is shown for half an hour; make a new paper, and the old code ends")
    return Given(value["choice"], receipt_codes.parse_code(value["code"]), value["names"], value["call"])


@pages.route("/consent/<subject>/receipt/<paper>", methods=["GET", "POST"])
@needs("consent")
@once
def given(subject: str, paper: str) -> ResponseReturnValue:
    """The six words to learn, or the paper to print. Afterwards nobody can read the code any more."""
    case_id, person_id = subject_of(subject)
    back = url_for("consent.person", case_id=case_id.hex(), person_id=person_id.hex())
    form = TokenForm()
    if form.is_sent():
        with office().files.session() as db:
            own_papers.read(db, officer(), identifier(paper), KIND)
            own_papers.drop(db, officer(), identifier(paper))
        return done(back)
    found = _given(subject, paper)
    t, said = texts_for(case_id, person_id)
    shown = survivor_paper.paper_of(
        office(), officer(), case_id, person_id, Speaker(t, said, found.names), now=now()
    )  # fmt: skip
    return calm(
        "given.html", t, form=form, subject=subject, paper=paper, is_words=found.choice == WORDS, shown=shown,
        six=receipt_codes.as_words(found.code), signs=receipt_codes.as_signs(found.code), call=found.call,
        today=Speaker(t, said).day(now()),
    )  # fmt: skip


@pages.get("/consent/<subject>/receipt/<paper>/paper.pdf")
@needs("consent")
def paper(subject: str, paper: str) -> ResponseReturnValue:
    """The paper: no logo, no name, in her language."""
    case_id, person_id = subject_of(subject)
    found = _given(subject, paper)
    if found.choice != PAPER:
        abort(404)
    t, said = texts_for(case_id, person_id)
    shown = survivor_paper.paper_of(office(), officer(), case_id, person_id, Speaker(t, said, found.names), now=now())
    html = printing.survivor_html(
        "survivor_paper.html", t=t, shown=shown, today=Speaker(t, said).day(now()), call=found.call,
        signs=receipt_codes.as_signs(found.code),
    )  # fmt: skip
    return _pdf(html)


def _pdf(html: str) -> Response:
    answer = Response(printing.render_survivor_pdf(html, os.urandom(16)), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = 'inline; filename="paper.pdf"'
    return answer


# ---- Who has seen it --------------------------------------------------------------------------------------------


def _seen(subject: str, names: bool) -> dict[str, Any]:
    case_id, person_id = subject_of(subject)
    t, said = texts_for(case_id, person_id)
    speaker = Speaker(t, said, names)
    shown = survivor_paper.seen_of(office(), officer(), case_id, person_id, speaker, now=now())
    return {"t": t, "shown": shown, "today": speaker.day(now())}


@pages.get("/consent/<subject>/seen")
@needs("consent")
def seen(subject: str) -> ResponseReturnValue:
    """Who has opened it and why, in her words."""
    case_id, person_id = subject_of(subject)
    found = _seen(subject, True)
    own = Speaker(own_texts(), {})
    own_shown = survivor_paper.seen_of(office(), officer(), case_id, person_id, own, now=now())
    back = url_for("consent.person", case_id=case_id.hex(), person_id=person_id.hex())
    return calm(
        "seen.html", found["t"], subject=subject, shown=found["shown"], today=found["today"], own_shown=own_shown,
        back=back,
    )  # fmt: skip


@pages.get("/consent/<subject>/seen/<names>/paper.pdf")
@needs("consent")
def seen_paper(subject: str, names: str) -> ResponseReturnValue:
    """The same on paper, with or without names of offices."""
    if names not in ("named", "unnamed"):
        abort(404)
    return _pdf(printing.survivor_html("survivor_seen.html", **_seen(subject, names == "named")))


# ---- The code comes back ----------------------------------------------------------------------------------------


@pages.route("/consent/code", methods=["GET", "POST"])
@needs("consent")
@once
def code() -> ResponseReturnValue:
    """Somebody brings her code, or says it on the telephone: to her consents, and nothing asked."""
    form = CodeForm()
    if form.is_sent():
        try:
            found = codes.find_person(office(), officer(), str(form.code.data), now=now())
        except (FormatError, NotFound, LimitExceeded, NotPermitted) as error:
            form.refuse("code", _(error.message))
        else:
            flash(_("The code is right. It is enough to do what this person asks."), "ok")
            return done(url_for("consent.person", case_id=found.case_id.hex(), person_id=found.person_id.hex()))
    with office().files.session() as db:
        wrong = codes.wrong_tries(db, officer(), now=now())
        wait = codes.wait_seconds(db, officer(), now=now())
    return render_template("consent/code.html", form=form, wrong=wrong, wait=wait), 400 if form.errors else 200


@pages.route("/consent/<subject>/code/end", methods=["GET", "POST"])
@needs("consent")
@once
def end_code(subject: str) -> ResponseReturnValue:
    """End the code of a paper that was lost."""
    case_id, person_id = subject_of(subject)
    form = TokenForm()
    back = url_for("consent.person", case_id=case_id.hex(), person_id=person_id.hex())
    if form.is_sent():
        with office().files.session() as db:
            codes.end_codes(db, officer(), case_id, person_id, now=now())
        flash(_("The code of that paper does not work any more."), "ok")
        return done(back)
    return render_template("consent/end_code.html", form=form, back=back)
