"""Consents of the persons we hold: what each agreed to, refused or left open, and what was given on paper."""

from datetime import date, timedelta
from typing import Any, Final

from flask import abort, flash, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from desk import consent_receipts, consent_stop, consent_walk, survivor
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.consent_pages import CAPACITIES, INTERPRETERS, PURPOSES, WAYS, paged, pages
from desk.forms import DeskForm, day, done, long_text, once, one_of, select, some_of, text, tick
from errors import AmparoError, FormatError
from exchange import asking, consent_register, text_readings
from exchange.delivery import day_of
from identity import talks, walks
from identity.talks import YES, Answer, Setting

__all__ = ["consent_receipts", "consent_stop", "consent_walk", "pages"]  # their views stand on the same blueprint

OTHER: Final = "other"
YEAR: Final = timedelta(days=365)


class AskedForm(DeskForm):
    """What both ways of recording a consent ask the case worker."""

    language = select(_l("Language"), missing=_l("Choose the language"))
    other_language = text(_l("If another language: which"), most=40)
    interpreter = one_of(_l("Interpreter"), INTERPRETERS, missing=_l("Say whether somebody interprets"))
    capacity = one_of(_l("Who decides"), CAPACITIES, missing=_l("Say who decides"))
    recipients = some_of(_l("Who would get something"))
    purposes = some_of(_l("For what"), list(PURPOSES.items()))
    items = some_of(_l("What"))
    until = day(_l("Last day"), hint=_l("After this day nothing more is sent that rests on it. Empty: no last day."))
    note = long_text(_l("Note for the team"), hint=_l("Read by the team of the case alone; it never leaves."), most=400)

    def fill(self, found: dict[str, Any]) -> None:
        """Choices out of the case and the directory."""
        self.language.choices = [("", _("Choose")), *found["languages"], (OTHER, _("Another language"))]
        self.recipients.choices = found["recipients"]
        self.items.choices = found["items"]

    def spoken(self) -> str:
        """The language that was chosen or written."""
        return str(self.other_language.data or "") if self.language.data == OTHER else str(self.language.data)

    def asked_purposes(self) -> list[str]:
        """For what."""
        return list(self.purposes.data or ())

    def is_whole(self) -> bool:
        """Whether what was sent makes sense together; mistakes stand at their fields."""
        if not self.is_sent():
            return False
        if self.language.data == OTHER and not self.other_language.data:
            self.refuse("other_language", _("Write which language it is"))
        if self.capacity.data == "unable":
            self.refuse("capacity", _("Nobody is asked who cannot decide. Come back another day."))
        chosen = [bool(self.recipients.data), bool(self.asked_purposes()), bool(self.items.data)]
        if any(chosen) and not all(chosen):
            name = ("recipients", "purposes", "items")[chosen.index(False)]
            self.refuse(name, _("Choose recipient, purpose and thing. To ask for none, leave all three empty."))
        return not self.errors


class PrepareForm(AskedForm):
    """Before the survivor's pages."""

    way = one_of(_l("How it is given"), WAYS, missing=_l("Say how it is given"))


class PaperForm(AskedForm):
    """A consent that was given on paper."""

    other_purpose = text(_l("Another purpose"), hint=_l("In the words that the cover of a bundle will use."), most=120)
    given_on = day(_l("Given on"), missing=_l("Write the day on which it was given"))

    def asked_purposes(self) -> list[str]:
        """For what, with the one that was written."""
        return [*super().asked_purposes(), *([str(self.other_purpose.data)] if self.other_purpose.data else [])]


class ReadingForm(DeskForm):
    """That a native speaker has read the texts."""

    reader = text(
        _l("Who has read it"), most=text_readings.LONGEST, missing=_l("Write who has read it"),
        hint=_l("A name, or the number of an interpreter. Case workers of this desk read it."),
    )  # fmt: skip
    read_on = day(_l("On which day"), missing=_l("Write the day"))
    sure = tick(
        _l("It is this person’s first language, and every sentence below was read and found right."),
        missing=_l("Confirm it, or have the texts mended first"),
    )  # fmt: skip


# ---- Lists ------------------------------------------------------------------------------------------------------


@pages.get("/consent")
@needs("consent")
def overview() -> ResponseReturnValue:
    """Consents per purpose and recipient, what was refused or left open, and walks that were begun."""
    found = consent_register.register(office(), officer(), now=now())
    with office().files.session() as db:
        consent_receipts.forget_shown(db, officer(), now())
        begun = walks.list_walks(db, officer())
    return render_template("consent/overview.html", lines=paged(found.lines, "consent.overview"), begun=begun)


@pages.get("/consent/open")
@needs("consent")
def unsaid() -> ResponseReturnValue:
    """What was refused, or left open. It stands here alone."""
    found = consent_register.register(office(), officer(), now=now())
    return render_template("consent/unsaid.html", unsaid=paged(found.unsaid, "consent.unsaid"))


@pages.get("/consent/people")
@needs("consent")
def people() -> ResponseReturnValue:
    """Whose consent is asked or recorded."""
    with office().files.session() as db:
        found = consent_register.list_people(db, officer())
    return render_template("consent/people.html", people=paged(found, "consent.people"))


@pages.get("/consent/people/<case_id>/<person_id>")
@needs("consent")
def person(case_id: str, person_id: str) -> ResponseReturnValue:
    """Everything that one person agreed to, refused or left open."""
    ids = identifier(case_id), identifier(person_id)
    lines = consent_register.lines_of(office(), officer(), *ids, now=now())
    with office().files.session() as db:
        found = consent_register.get_person(db, officer(), *ids)
        words = consent_register.item_words(db, officer(), ids[0])
        left = consent_register.unsaid_of(db, officer(), found, words)
        held_talks = talks.list_talks(db, officer(), *ids)
    first = lines[0].consent.record_id if lines else held_talks[0].talk_id if held_talks else None
    return render_template(
        "consent/person.html", person=found, lines=lines, unsaid=left, talks=held_talks[::-1], first=first
    )


@pages.get("/consent/<record>")
@needs("consent")
def one(record: str) -> ResponseReturnValue:
    """One consent."""
    line = consent_register.get_line(office(), officer(), identifier(record), now=now())
    return render_template("consent/one.html", line=line)


@pages.get("/consent/talks/<talk>")
@needs("consent")
def one_talk(talk: str) -> ResponseReturnValue:
    """What was answered in one talk."""
    with office().files.session() as db:
        found = talks.get_talk(db, officer(), identifier(talk))
        subject = consent_register.get_person(db, officer(), found.case_id, found.person_id)
        words = consent_register.item_words(db, officer(), found.case_id)
    lines = consent_register.lines_of(office(), officer(), found.case_id, found.person_id, now=now())
    made = [line for line in lines if line.consent.record_id in found.records]
    return render_template(
        "consent/talk.html", talk=found, person=subject, words=words, lines=made, kinds=dict(INTERPRETERS),
        ways=dict(WAYS), capacities=dict(CAPACITIES),
    )  # fmt: skip


# ---- Choices out of the case ------------------------------------------------------------------------------------


def choices(case_id: bytes) -> dict[str, Any]:
    """Languages with their state, agencies of the network, items of the case."""
    with office().files.session() as db:
        names = sorted(set(office().directory(db).agencies) - {office().agency})
        found = consent_register.item_words(db, officer(), case_id)
        tongues = [
            (code, name if survivor.may_show(db, code) else _("%(name)s (draft: with an interpreter)", name=name))
            for code, name in survivor.OWN_NAMES.items()
        ]
    items = [(item.hex(), _option(number, words)) for item, (number, words) in found.items()]
    return {
        "languages": tongues, "recipients": [(name, name) for name in names],
        "items": [(walks.DATA, _("Facts about the person, as the share page lists them")), *items],
        "words": {item.hex(): words for item, (_number, words) in found.items()},
    }  # fmt: skip


def _option(number: str, words: str) -> Markup:
    return Markup('<bdi class="am-id">{}</bdi> <bdi>{}</bdi>').format(number, words)


def begin_walk(case_id: bytes, person_id: bytes, form: PrepareForm, found: dict[str, Any]) -> bytes:
    """Put a walk away as the form says it; its id."""
    with office().files.session() as db:
        spoken = form.spoken()
        shown = survivor.shown_in(db, spoken)
        setting = Setting(
            spoken, shown, survivor.texts(shown).digest.hex(), form.interpreter.data, form.way.data,
            form.capacity.data, form.note.data or "",
        )  # fmt: skip
        asked = {item: found["words"].get(item, "") for item in form.items.data or ()}
        walk = walks.Walk(
            case_id, person_id, setting, tuple(form.recipients.data or ()), tuple(form.purposes.data or ()), asked,
            None if form.until.data is None else form.until.data.isoformat(),
        )  # fmt: skip
        if walk.until is not None and walk.until < day_of(now()):
            raise FormatError("the consent would end before it was given")
        return walks.begin(db, officer(), walk, now=now())


@pages.route("/consent/people/<case_id>/<person_id>/ask", methods=["GET", "POST"])
@needs("consent")
@once
def prepare(case_id: str, person_id: str) -> ResponseReturnValue:
    """The case worker's page before the survivor's: language, interpreter, who decides, what is asked for."""
    ids = identifier(case_id), identifier(person_id)
    with office().files.session() as db:
        subject = consent_register.get_person(db, officer(), *ids)
    found, form = choices(ids[0]), PrepareForm()
    form.fill(found)
    if not form.is_submitted() and not form.is_restored:
        form.until.data = date.fromisoformat(day_of(now())) + YEAR
    if form.is_whole():
        try:
            walk = begin_walk(*ids, form, found)
        except FormatError as error:
            form.refuse("until" if "end before" in error.message else "items", _(error.message))
        else:
            return done(url_for("consent.words", walk=walk.hex()))
    return render_template("consent/prepare.html", form=form, person=subject), 400 if form.errors else 200


# ---- On paper ---------------------------------------------------------------------------------------------------


@pages.route("/consent/people/<case_id>/<person_id>/record", methods=["GET", "POST"])
@needs("consent")
@once
def record(case_id: str, person_id: str) -> ResponseReturnValue:
    """Record a consent that was given on paper."""
    ids = identifier(case_id), identifier(person_id)
    with office().files.session() as db:
        subject = consent_register.get_person(db, officer(), *ids)
    form = PaperForm()
    form.fill(choices(ids[0]))
    if form.is_whole() and not form.recipients.data:
        form.refuse("recipients", _("Choose who may get something"))
    if form.is_submitted() and not form.errors:
        try:
            talk = _record(*ids, form)
        except FormatError as error:
            form.refuse("until", _(error.message))
        else:
            flash(_("The consent is recorded."), "ok")
            return done(url_for("consent.one_talk", talk=talk.talk_id.hex()))
    return render_template("consent/record.html", form=form, person=subject), 400 if form.errors else 200


def _record(case_id: bytes, person_id: bytes, form: PaperForm) -> talks.Talk:
    given_on = str(form.given_on.data)
    if given_on > day_of(now()):
        raise FormatError("the day on which it was given is today or earlier")
    setting = Setting(
        form.spoken(), form.spoken(), "", form.interpreter.data, "written", form.capacity.data, form.note.data or ""
    )  # fmt: skip
    answers = [
        Answer(talks.ITEM, YES, recipient, purpose, None if item == walks.DATA else bytes.fromhex(item))
        for recipient in form.recipients.data or ()
        for purpose in form.asked_purposes()
        for item in form.items.data or ()
    ]
    return asking.record_answers(
        office(), officer(), case_id, person_id, setting, answers, given_on=given_on,
        valid_until=None if form.until.data is None else form.until.data.isoformat(),
        how_to_withdraw=survivor.texts(survivor.ORIGINAL).plain("how_to_withdraw"), now=now(),
    ).talk  # fmt: skip


# ---- Texts for survivors, and who has read them -----------------------------------------------------------------


@pages.get("/consent/texts")
@needs("consent")
def all_texts() -> ResponseReturnValue:
    """Languages of the survivor's pages, and whether they may be shown."""
    with office().files.session() as db:
        rows = [(code, name, survivor.may_show(db, code)) for code, name in survivor.OWN_NAMES.items()]
        readings = text_readings.list_readings(db, office(), officer(), now=now())
    current = {code: survivor.texts(code).digest for code in survivor.OWN_NAMES}
    return render_template("consent/texts.html", rows=rows, readings=readings, current=current)


@pages.route("/consent/texts/<language>", methods=["GET", "POST"])
@needs("consent")
@once
def one_text(language: str) -> ResponseReturnValue:
    """One language beside English, and the record of who has read it."""
    if language not in survivor.OWN_NAMES or language == survivor.ORIGINAL:
        abort(404)
    form, shown = ReadingForm(), survivor.texts(language)
    if form.is_sent():
        try:
            with office().files.session() as db:
                text_readings.record_reading(
                    db, office(), officer(), language, shown.digest, reader=str(form.reader.data),
                    read_on=str(form.read_on.data), now=now(),
                )  # fmt: skip
        except AmparoError as error:
            form.refuse("read_on", _(error.message))
        else:
            flash(_("It is recorded. These texts can be shown from now on."), "ok")
            return done(url_for("consent.all_texts"))
    with office().files.session() as db:
        is_read = survivor.may_show(db, language)
    return render_template(
        "consent/text.html", form=form, shown=shown, english=survivor.texts(survivor.ORIGINAL), is_read=is_read
    ), 400 if form.errors else 200  # fmt: skip
