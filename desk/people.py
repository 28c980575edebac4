"""Persons of a case: by role and short id. A name is asked for, one at a time, and hides again by itself."""

import secrets
import time
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user

from desk import case_words, person_fields, places, uploads
from desk.access import identifier, needs, now, office, officer
from desk.case_view import PersonLine, Shown, person_lines, show
from desk.field_words import LABELS
from desk.forms import DeskForm, done, file, long_text, once, tick
from desk.paging import paged
from errors import AmparoError, FormatError, LimitExceeded, NotFound, NotPermitted
from exchange import flag_lifting
from exchange import people as tables
from identity import flags, htcds, name_requests, persons

pages: Final = Blueprint("people", __name__)
SHOWN_SECONDS: Final = 60
LARGEST_TABLE_BYTES: Final = 4 * 2**20
MOST_TABLES: Final = 3
TABLES: Final = (".csv", ".xlsx")


# ---- Names that are shown ---------------------------------------------------------------------------------------


def seconds_left(person_id: bytes) -> int:
    """How long the name of a person still shows; 0: it is hidden."""
    left = current_user.named.get(person_id, 0.0) - time.monotonic()
    if left <= 0:
        current_user.named.pop(person_id, None)
        return 0
    return int(left) + 1


def hide_names() -> None:
    """Hide whichever name shows."""
    current_user.named.clear()


@pages.app_context_processor
def _names() -> dict[str, Any]:
    """For the top bar: whether a name shows."""
    if not current_user.is_authenticated:
        return {"shows_a_name": False}
    return {"shows_a_name": any(seconds_left(one) for one in list(current_user.named))}


class NameForm(DeskForm):
    """What a name is needed for."""

    purpose = long_text(
        _l("What do you need the name for?"), missing=_l("Write what you need the name for"),
        most=name_requests.LONGEST_PURPOSE, hint=_l("Recorded with your handle and the time. Read by the team."),
    )  # fmt: skip


class PrintForm(NameForm):
    """What a print is for, and whether it names the person."""

    with_name = tick(_l("Print the name and what identifies, too"))


# ---- The list ---------------------------------------------------------------------------------------------------


@pages.get("/cases/<case_id>/persons")
@needs("vault-read")
def people(case_id: str) -> ResponseReturnValue:
    """Persons of a case, by role."""
    shown = _case(case_id)
    lines: list[PersonLine] = []
    if shown.sees_persons:
        with office().files.session() as db:
            lines = person_lines(db, office(), officer(), shown.case_id)
    order = list(case_words.ROLES)
    rows, where = paged(lines)
    groups = [(role, [one for one in rows if one.person.role == role]) for role in order]
    return render_template(
        "people/people.html", case=shown, groups=groups, pages=where, words=case_words, here="persons",
        places=places,
    )  # fmt: skip


@pages.route("/cases/<case_id>/persons/new", methods=["GET", "POST"])
@needs("vault-write")
@once
def new(case_id: str) -> ResponseReturnValue:
    """Record a person."""
    shown = _open_case(case_id)
    form = person_fields.make_form({}, None, with_identity=True)
    if form.is_sent():
        with office().files.session() as db:
            short = persons.next_short(db, officer(), shown.case_id)
            person = persons.add_person(
                db, officer(), shown.case_id, person_fields.values_of(form, {}), role=form["role"].data, short=short,
                now=now(),
            )  # fmt: skip
        flash(_("The person is recorded as %(short)s.", short=short), "ok")
        return done(url_for("people.person", case_id=case_id, person_id=person.hex()))
    return render_template("people/form.html", case=shown, form=form, groups=person_fields.groups_in(form), one=None)


# ---- One person -------------------------------------------------------------------------------------------------


@pages.get("/cases/<case_id>/persons/<person_id>")
@needs("vault-read")
def person(case_id: str, person_id: str) -> ResponseReturnValue:
    """One person, with the name hidden unless it was asked for."""
    return _page(case_id, person_id, NameForm())


def _page(case_id: str, person_id: str, form: NameForm) -> ResponseReturnValue:
    shown, number = _open_case(case_id), identifier(person_id)
    one = _line(shown, number)
    with office().files.session() as db:
        standing = flags.list_flags(db, officer(), shown.case_id, number)
        asked = [line for line in name_requests.list_asked(db, officer(), shown.case_id) if line.person_id == number]
        waiting = {flag.flag_id: flag_lifting.waiting(db, flag.flag_id) for flag in standing if not flag.is_lowered}
    left = seconds_left(number)
    return render_template(
        "people/person.html", case=shown, one=one, form=form, left=left, words=case_words, asked=asked[::-1][:10],
        name=name_requests.name_of(one.person.values) if left else "",
        groups=person_fields.filled(one.person.values, with_identity=left > 0), flags=standing, waiting=waiting,
        here="persons", places=places,
    )  # fmt: skip


@pages.route("/cases/<case_id>/persons/<person_id>/name", methods=["GET", "POST"])
@needs("vault-read")
@once
def name(case_id: str, person_id: str) -> ResponseReturnValue:
    """Ask for the name of one person. Whichever other name showed is hidden."""
    shown, number = _open_case(case_id), identifier(person_id)
    form = NameForm()
    if form.is_sent():
        with office().files.session() as db:
            name_requests.ask(db, officer(), shown.case_id, number, form.purpose.data or "", now=now())
        hide_names()
        current_user.named[number] = time.monotonic() + SHOWN_SECONDS
        return done(url_for("people.person", case_id=case_id, person_id=person_id))
    return render_template("people/name.html", case=shown, one=_line(shown, number), form=form)


@pages.post("/cases/<case_id>/persons/<person_id>/hide")
@needs("vault-read")
def hide(case_id: str, person_id: str) -> ResponseReturnValue:
    """Hide the name now."""
    identifier(person_id)
    hide_names()
    return redirect(url_for("people.person", case_id=case_id, person_id=person_id), 303)


@pages.route("/cases/<case_id>/persons/<person_id>/edit", methods=["GET", "POST"])
@needs("vault-write")
@once
def edit(case_id: str, person_id: str) -> ResponseReturnValue:
    """Change a record. What names the person can be changed while the name shows."""
    shown, number = _open_case(case_id), identifier(person_id)
    one = _line(shown, number)
    shows = seconds_left(number) > 0
    form = person_fields.make_form(one.person.values, one.person.role, with_identity=shows)
    if form.is_sent():
        after = person_fields.values_of(form, one.person.values)
        with office().files.session() as db:
            persons.change_person(db, officer(), shown.case_id, number, after, role=form["role"].data)
        flash(_("The record is changed. What was sent before stays as it was sent."), "ok")
        return done(url_for("people.person", case_id=case_id, person_id=person_id))
    return render_template(
        "people/form.html", case=shown, form=form, groups=person_fields.groups_in(form), one=one, shows=shows
    )  # fmt: skip


@pages.route("/cases/<case_id>/persons/<person_id>/print", methods=["GET", "POST"])
@needs("vault-read")
@once
def to_print(case_id: str, person_id: str) -> ResponseReturnValue:
    """A page for the printer: without the name, unless it is asked for here, on the record."""
    shown, number = _open_case(case_id), identifier(person_id)
    one, form = _line(shown, number), PrintForm()
    if not form.is_sent():
        return render_template("people/print_form.html", case=shown, one=one, form=form)
    named = bool(form.with_name.data)
    with office().files.session() as db:
        if named:
            name_requests.ask(db, officer(), shown.case_id, number, form.purpose.data or "", now=now())
        standing = [flag for flag in flags.list_flags(db, officer(), shown.case_id, number) if not flag.is_lowered]
    return render_template(
        "people/print.html", case=shown, one=one, named=named, flags=standing, words=case_words, at=now(),
        name=name_requests.name_of(one.person.values) if named else "",
        groups=person_fields.filled(one.person.values, with_identity=named),
    )  # fmt: skip


# ---- A table ----------------------------------------------------------------------------------------------------


class TableForm(DeskForm):
    """A table of persons."""

    table = file(
        _l("Table"),
        hint=_l("persons.csv or persons.xlsx in the columns of HTCDS, with a column `person` for short ids."),
    )


class TakeForm(DeskForm):
    """What of a table is taken in."""

    with_changes = tick(_l("Also change persons of whom the table says something else"))


@pages.route("/cases/<case_id>/persons/import", methods=["GET", "POST"])
@needs("vault-write")
@uploads.takes_document
@once
def read_table(case_id: str) -> ResponseReturnValue:
    """Read a table; nothing is taken in before the next page."""
    shown, form = _open_case(case_id), TableForm()
    raw = uploads.document(form, "table", missing=_("Choose a file")) if form.is_sent() else None
    if raw is not None:
        try:
            table = htcds.parse_persons(_table(raw), _name())
        except AmparoError as error:
            form.refuse("table", _(error.message))
        else:
            number = secrets.token_urlsafe(12)
            current_user.tables[number] = (shown.case_id, table)
            while len(current_user.tables) > MOST_TABLES:
                current_user.tables.popitem(last=False)
            return done(url_for("people.take_table", case_id=case_id, number=number))
    return render_template("people/import.html", case=shown, form=form)


def _name() -> str:
    """A plain name for the sentences of mistakes; by its ending it is text or a workbook."""
    sent = uploads.document_name("table").lower()
    if not sent.endswith(TABLES):
        raise FormatError(_("A table is a file that ends in .csv or .xlsx"))
    return "persons.xlsx" if sent.endswith(".xlsx") else "persons.csv"


def _table(raw: bytes) -> bytes:
    if len(raw) > LARGEST_TABLE_BYTES:
        raise LimitExceeded(_("This table is larger than 4 MB. Divide it into several."))
    return raw


@pages.route("/cases/<case_id>/persons/import/<number>", methods=["GET", "POST"])
@needs("vault-write")
@once
def take_table(case_id: str, number: str) -> ResponseReturnValue:
    """Look at what a table would bring, and take it in."""
    shown, form = _open_case(case_id), TakeForm()
    of_case, table = current_user.tables.get(number, (b"", None))
    if table is None or of_case != shown.case_id:
        return redirect(url_for("people.read_table", case_id=case_id))
    if form.is_sent():
        with office().files.session() as db:
            added, changed = tables.take_table(
                db, officer(), shown.case_id, table, with_changes=bool(form.with_changes.data), now=now()
            )
        current_user.tables.pop(number, None)
        flash(ngettext("%(num)d person was added.", "%(num)d persons were added.", added), "ok")
        if changed:
            flash(ngettext("%(num)d record was changed.", "%(num)d records were changed.", changed), "ok")
        return done(url_for("people.people", case_id=case_id))
    with office().files.session() as db:
        found = tables.compare(db, officer(), shown.case_id, table)
    rows, where = paged(found.new)
    return render_template(
        "people/preview.html", case=shown, form=form, found=found, rows=rows, pages=where, words=case_words,
        labels=LABELS,
    )  # fmt: skip


# ---- What these pages share -------------------------------------------------------------------------------------


def _case(case_id: str) -> Shown:
    number = identifier(case_id)
    with office().files.session() as db:
        return show(db, office(), officer(), number)


def _open_case(case_id: str) -> Shown:
    """A case whose identities the officer opens."""
    shown = _case(case_id)
    if not shown.sees_persons:
        raise NotPermitted(
            _("The identities of this case are not open to you. A colleague who has them can give them.")
        )
    return shown


def _line(shown: Shown, person_id: bytes) -> PersonLine:
    with office().files.session() as db:
        lines = person_lines(db, office(), officer(), shown.case_id)
    found = next((one for one in lines if one.person.person_id == person_id), None)
    if found is None:
        raise NotFound(_("There is no such person in this case."))
    return found
