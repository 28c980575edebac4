"""Protection flags on a person: set by one officer, lifted by two."""

from typing import Final

from flask import Blueprint, flash, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from custody.register import INSTRUCTIONS
from desk import case_words
from desk.access import identifier, needs, now, office, officer
from desk.case_view import Shown, other_agencies, show
from desk.forms import DeskForm, day, done, long_text, once, one_of, options, some_of, text
from errors import AmparoError, NotFound
from exchange import flag_lifting
from identity import flags, persons
from identity.flags import Flag
from identity.persons import Person

pages: Final = Blueprint("person_flags", __name__)


class FlagForm(DeskForm):
    """A flag: what others must not do, never why."""

    flag = text(
        _l("Name of the flag"), missing=_l("Write a short name, such as: Family at risk"), most=flags.LONGEST_NAME,
        hint=_l("A few words that say what to watch for, never why, and never who. Recipients read it."),
    )  # fmt: skip
    instruction = one_of(
        _l("What must not be done, or only in this way?"),
        options(INSTRUCTIONS, case_words.INSTRUCTIONS.__getitem__), missing=_l("Choose what the flag asks for"),
    )  # fmt: skip
    agencies = some_of(_l("Does it concern some agencies alone?"), hint=_l("Tick none, and it concerns everybody."))
    countries = text(
        _l("Or countries"), most=60, hint=_l("Two letters each, with blanks between, as XA XC. No smaller place.")
    )
    start = day(_l("From"))
    until = day(_l("Until"), hint=_l("Empty: until two officers lift it."))

    def concerns(self) -> list[str]:
        """Agencies and countries."""
        return [*(self.agencies.data or []), *(self.countries.data or "").upper().split()]

    def is_right(self) -> bool:
        """Whether it was sent and can be set."""
        if not self.is_sent():
            return False
        if any(len(one) != 2 or not one.isascii() or not one.isalpha() for one in (self.countries.data or "").split()):
            self.refuse("countries", _("Write countries with two letters each, as XA XC"))
        if self.start.data and self.until.data and self.until.data < self.start.data:
            self.refuse("until", _("The last day comes after the first"))
        return not self.errors


class LiftForm(DeskForm):
    """Why a flag is not needed any more."""

    reason = long_text(
        _l("Why is the flag not needed any more?"), missing=_l("Write why the flag is not needed any more"),
        most=flag_lifting.LONGEST_REASON, hint=_l("The second officer reads it. Name nobody."),
    )  # fmt: skip


@pages.route("/cases/<case_id>/persons/<person_id>/flags", methods=["GET", "POST"])
@needs("flag")
@once
def add(case_id: str, person_id: str) -> ResponseReturnValue:
    """Set a flag."""
    shown, one, agencies = _look(case_id, person_id)
    form = FlagForm()
    form.agencies.choices = [(name, name) for name in agencies]
    if form.is_right():
        first, last = form.start.data, form.until.data
        try:
            with office().files.session() as db:
                flags.add_flag(
                    db, officer(), shown.case_id, one.person_id, form.flag.data or "", form.concerns(),
                    form.instruction.data, first.isoformat() if first else None, last.isoformat() if last else None,
                    now=now(),
                )  # fmt: skip
        except AmparoError as error:
            form.refuse("flag", _(error.message))
        else:
            flash(_("The flag is set. It goes along with every bundle to come that names the person."), "ok")
            return _back(case_id, person_id)
    return render_template(
        "people/flag.html", case=shown, person=one, form=form, notes=case_words.INSTRUCTION_NOTES
    )  # fmt: skip


@pages.route("/cases/<case_id>/persons/<person_id>/flags/<flag_id>/lift", methods=["GET", "POST"])
@needs("flag")
@once
def lift(case_id: str, person_id: str, flag_id: str) -> ResponseReturnValue:
    """Ask a second officer to agree that a flag is lifted; once she has, lift it."""
    shown, one, _agencies = _look(case_id, person_id)
    flag = _flag(shown, identifier(flag_id))
    with office().files.session() as db:
        waiting = flag_lifting.waiting(db, flag.flag_id)
    form = LiftForm()
    if form.is_sent():
        try:
            flag_lifting.ask(office(), officer(), shown.case_id, flag.flag_id, form.reason.data or "", now=now())
        except AmparoError as error:
            form.refuse("reason", _(error.message))
        else:
            flash(_("A second officer is asked. The flag stays until then."), "ok")
            return _back(case_id, person_id)
    return render_template(
        "people/lift.html", case=shown, person=one, flag=flag, form=form, waiting=waiting, words=case_words
    )  # fmt: skip


@pages.post("/cases/<case_id>/persons/<person_id>/flags/<flag_id>/lifted")
@needs("flag")
@once
def lifted(case_id: str, person_id: str, flag_id: str) -> ResponseReturnValue:
    """Lift a flag to which a second officer has agreed."""
    shown, _one, _agencies = _look(case_id, person_id)
    flag = _flag(shown, identifier(flag_id))
    with office().files.session() as db:
        waiting = flag_lifting.waiting(db, flag.flag_id)
    if waiting is None:
        raise NotFound(_("Nobody has been asked about this flag."))
    flag_lifting.lift(office(), officer(), waiting.approval_id, now=now())
    flash(_("The flag is lifted. Bundles to come go without it; on bundles that are out it stays."), "ok")
    return _back(case_id, person_id)


def _back(case_id: str, person_id: str) -> ResponseReturnValue:
    return done(url_for("people.person", case_id=case_id, person_id=person_id))


def _look(case_id: str, person_id: str) -> tuple[Shown, Person, list[str]]:
    number, of_person = identifier(case_id), identifier(person_id)
    with office().files.session() as db:
        shown = show(db, office(), officer(), number)
        return shown, persons.get_person(db, officer(), number, of_person), other_agencies(db, office())


def _flag(shown: Shown, flag_id: bytes) -> Flag:
    with office().files.session() as db:
        found = [one for one in flags.list_flags(db, officer(), shown.case_id) if one.flag_id == flag_id]
    if not found:
        raise NotFound(_("There is no such flag in this case."))
    return found[0]
