"""The survivor's pages: one calm question at a time, in her language, with nothing else on the screen.

The state is sealed to the case worker who sits with her. Answers are written with each page, so that the back button,
a reload and the idle lock lose nothing; the address holds the number of the walk and of the question alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from wtforms import RadioField

from desk import languages, survivor
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.consent_pages import own_texts, pages
from desk.forms import DeskForm, done, once, text
from desk.survivor import Texts
from errors import Conflict
from exchange import asking, consent_register
from exchange.delivery import day_of
from identity import talks, walks
from identity.talks import ANSWERS, CONTACT, HELP, ITEM, SUPPORT
from identity.walks import DATA, Question, Walk

POINTS: Final[Mapping[str, tuple[str, ...]]] = {
    SUPPORT: ("support_1", "support_2", "support_3", "support_4"),
    HELP: ("help_1", "help_2", "help_3", "help_4"),
    CONTACT: ("contact_1", "contact_2"),
}
MOST_WAY: Final = 300


@dataclass(frozen=True, slots=True)
class Said:
    """A question in one language."""

    title: Markup
    text: Markup
    points: tuple[Markup, ...]


class AnswerForm(DeskForm):
    """Yes, no, not now: nothing is chosen beforehand, and nothing is a mistake."""

    answer = RadioField(validate_choice=False)
    way = text("", most=MOST_WAY)

    def speak(self, t: Texts) -> None:
        """Labels in her language."""
        self.answer.label.text = t("your_answer")
        self.answer.choices = [(one, t(one)) for one in ANSWERS]
        self.way.label.text, self.way.description = t("contact_way"), t("contact_way_hint")


class TokenForm(DeskForm):
    """A form that is one button."""


def load(number: str) -> tuple[bytes, Walk, Texts]:
    """A walk and the texts that it is shown in.

    Raises:
        Conflict: the texts were changed since it began, or may not be shown any more.
    """
    walk_id = identifier(number)
    with office().files.session() as db:
        walk = walks.load(db, officer(), walk_id)
        shown = survivor.texts(walk.setting.shown_in)
        if shown.digest.hex() != walk.setting.texts or not survivor.may_show(db, shown.language):
            raise Conflict("the texts were changed since this talk began; begin it anew")
    return walk_id, walk, shown


def said(t: Texts, walk: Walk, question: Question, *, is_own: bool = False) -> Said:
    """A question in words. `is_own`: with the names that the case worker knows."""
    if question.kind != ITEM:
        kind = question.kind
        return Said(t(f"{kind}_title"), t(f"{kind}_text"), tuple(t(point) for point in POINTS[kind]))
    who, what, why = words_of(t, walk, question, is_own=is_own)
    is_data = question.item == DATA
    end = "item_5_open" if walk.until is None else "item_5"
    points = [
        t("item_1", who=who), *([t("data_1")] if is_data else []), t("data_2" if is_data else "item_2"),
        t("item_3", who=who), t("item_4"), t(end, until=t.day(walk.until or day_of(now()))) , t("item_6"),
    ]  # fmt: skip
    return Said(t("item_title", who=who, what=what), t("item_text", why=why), tuple(points))


def words_of(t: Texts, walk: Walk, question: Question, *, is_own: bool = False) -> tuple[str, str, str]:
    """Who, what and why, in the words for her or in those of the case."""
    recipient, item = str(question.recipient), str(question.item)
    who = recipient if is_own else walk.word_for(recipient)
    what = (walk.items.get(item) or item) if is_own else walk.word_for(item)
    return who, t.lines["data_what"] if item == DATA else what, t.why(str(question.purpose))


def short(t: Texts, walk: Walk, question: Question) -> Markup:
    """A question in one line, for the list of answers."""
    if question.kind != ITEM:
        return t(f"check_{question.kind}")
    who, what, why = words_of(t, walk, question)
    return t("check_item", who=who, what=what, why=why)


def calm(template: str, t: Texts, status: int = 200, /, **values: Any) -> ResponseReturnValue:
    """A page for her, with the same in the case worker's language folded below."""
    own = own_texts()
    fold = None if own.language == t.language else own
    return render_template(f"consent/{template}", t=t, own=fold, own_language=languages.tag(), **values), status


# ---- For the case worker ----------------------------------------------------------------------------------------


@pages.route("/consent/walk/<walk>/words", methods=["GET", "POST"])
@needs("consent")
def words(walk: str) -> ResponseReturnValue:
    """How agencies and things are called for her. Written again each time it is sent: sending twice does no harm."""
    walk_id, found, t = load(walk)
    names = [*found.recipients, *(item for item in found.items if item != DATA)]
    form = TokenForm()
    typed = {name: request.form.get(f"said-{number}", "").strip() for number, name in enumerate(names)}
    is_long = any(len(one) > 200 for one in typed.values())
    if form.is_sent() and not is_long:
        with office().files.session() as db:
            spoken = {name: one for name, one in typed.items() if one}
            walks.save(db, officer(), walk_id, found.with_words(spoken), now=now())
        return done(url_for("consent.hand_over", walk=walk))
    rows = [
        (f"said-{number}", found.items.get(name, name), typed[name] or found.word_for(name))
        for number, name in enumerate(names)
    ]
    back = url_for("consent.prepare", case_id=found.case_id.hex(), person_id=found.person_id.hex())
    return render_template(
        "consent/words.html", form=form, rows=rows, walk=walk, found=found, t=t, back=back, is_long=is_long
    ), 400 if is_long else 200  # fmt: skip


@pages.get("/consent/walk/<walk>/hand-over")
@needs("consent")
def hand_over(walk: str) -> ResponseReturnValue:
    """Before the screen is turned to her, or the sheet is printed for an interpreter."""
    _walk_id, found, t = load(walk)
    with office().files.session() as db:
        subject = consent_register.get_person(db, officer(), found.case_id, found.person_id)
    return render_template("consent/hand_over.html", walk=walk, found=found, person=subject, t=t)


@pages.get("/consent/walk/<walk>/sheet")
@needs("consent")
def sheet(walk: str) -> ResponseReturnValue:
    """All questions to print, in English and in the case worker's language, for an interpreter to read aloud."""
    _walk_id, found, _t = load(walk)
    english, own = survivor.texts(survivor.ORIGINAL), own_texts()
    columns = [english] if own.language == english.language else [english, own]
    with office().files.session() as db:
        drafts = {one.language for one in columns if not survivor.may_show(db, one.language)}
    shown = found.setting.shown_in
    asked = [[said(t, found, one, is_own=t.language != shown) for t in columns] for one in found.questions]
    return render_template("consent/sheet.html", walk=walk, found=found, columns=columns, asked=asked, drafts=drafts)


@pages.route("/consent/walk/<walk>/forget", methods=["GET", "POST"])
@needs("consent")
@once
def forget(walk: str) -> ResponseReturnValue:
    """Throw a walk away that was begun."""
    walk_id = identifier(walk)
    form = TokenForm()
    with office().files.session() as db:
        found = walks.load(db, officer(), walk_id)
        if form.is_sent():
            walks.end(db, officer(), walk_id)
            flash(_("The answers of that talk are gone. Nothing was recorded."), "ok")
            return done(url_for("consent.overview"))
    return render_template("consent/forget.html", form=form, walk=walk, found=found)


# ---- For her ----------------------------------------------------------------------------------------------------


@pages.get("/consent/walk/<walk>/begin")
@needs("consent")
def begin(walk: str) -> ResponseReturnValue:
    """What will happen, and that every answer is fine."""
    _walk_id, found, t = load(walk)
    return calm("begin.html", t, walk=walk, count=len(found.questions))


@pages.route("/consent/walk/<walk>/<number>", methods=["GET", "POST"])
@needs("consent")
def question(walk: str, number: str) -> ResponseReturnValue:
    """One question.

    Not `@once`: an answer that comes a second time, changed after the back button, is the one that counts.
    """
    walk_id, found, t = load(walk)
    at = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0
    if not 1 <= at <= len(found.questions):
        abort(404)
    form = AnswerForm()
    form.speak(t)
    if form.is_sent():
        if form.answer.data in ANSWERS:
            with office().files.session() as db:
                way = str(form.way.data or "") if found.question(at).kind == CONTACT else ""
                walks.save(db, officer(), walk_id, found.with_answer(at, form.answer.data, way), now=now())
        if request.form.get("act") == "stop":
            return done(url_for("consent.stopped", walk=walk))
        if form.answer.data in ANSWERS:
            return done(_after(walk, found, at))
    elif not form.is_submitted() and not form.is_restored:
        form.answer.data, form.way.data = found.answers.get(at, (None, ""))
    asked = found.question(at)
    before = url_for("consent.begin", walk=walk) if at == 1 else url_for("consent.question", walk=walk, number=at - 1)
    return calm(
        "question.html", t, form=form, walk=walk, number=at, count=len(found.questions), kind=asked.kind,
        said=said(t, found, asked), own_said=said(own_texts(), found, asked, is_own=True), before=before,
        is_empty=form.is_submitted(), is_read_aloud=found.setting.language != found.setting.shown_in,
    )  # fmt: skip


def _after(walk: str, found: Walk, at: int) -> str:
    """The next question; after the last one, or when one of many was changed, the list of answers."""
    if at == len(found.questions) or "back" in request.args:
        return url_for("consent.answers", walk=walk)
    return url_for("consent.question", walk=walk, number=at + 1)


@pages.get("/consent/walk/<walk>/stopped")
@needs("consent")
def stopped(walk: str) -> ResponseReturnValue:
    """She stopped; what she answered is kept in the walk, and nothing is recorded yet."""
    _walk_id, found, t = load(walk)
    return calm("stopped.html", t, walk=walk, found=found)


@pages.route("/consent/walk/<walk>/answers", methods=["GET", "POST"])
@needs("consent")
@once
def answers(walk: str) -> ResponseReturnValue:
    """Her answers, each of which she can change; keeping them records them."""
    walk_id, found, t = load(walk)
    form = TokenForm()
    if form.is_sent() and found.answers:
        recorded = asking.record_answers(
            office(), officer(), found.case_id, found.person_id, found.setting, found.result(), given_on=day_of(now()),
            valid_until=found.until, how_to_withdraw=t.plain("how_to_withdraw"), now=now(),
        )  # fmt: skip
        with office().files.session() as db:
            walks.end(db, officer(), walk_id)
        return done(url_for("consent.thanks", talk=recorded.talk.talk_id.hex()))
    rows = [
        (number, short(t, found, one), *found.answers.get(number, (None, "")))
        for number, one in enumerate(found.questions, 1)
    ]
    own = own_texts()
    own_rows = [
        (short(own, found, one), found.answers.get(number, (None, ""))[0])
        for number, one in enumerate(found.questions, 1)
    ]
    return calm(
        "answers.html", t, form=form, walk=walk, rows=rows, own_rows=own_rows, is_empty=not found.answers,
        last=len(found.questions),
    )  # fmt: skip


@pages.get("/consent/talks/<talk>/thanks")
@needs("consent")
def thanks(talk: str) -> ResponseReturnValue:
    """The end of the walk; the screen goes back to the case worker."""
    with office().files.session() as db:
        found = talks.get_talk(db, officer(), identifier(talk))
        t = survivor.texts(survivor.shown_in(db, found.setting.language))
    return calm("thanks.html", t, talk=talk)


@pages.get("/consent/walk/<walk>")
@needs("consent")
def resume(walk: str) -> ResponseReturnValue:
    """A walk that was begun goes on with the first question without an answer."""
    _walk_id, found, _t = load(walk)
    left = [number for number in range(1, len(found.questions) + 1) if number not in found.answers]
    if not left:
        return redirect(url_for("consent.answers", walk=walk))
    return redirect(url_for("consent.question", walk=walk, number=left[0]))
