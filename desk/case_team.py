"""Who works on a case: add an officer with or without the identities, keep an officer out."""

from typing import Final

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from agencies import case_access, cases
from desk.access import identifier, needs, now, office, officer
from desk.case_view import Shown, show
from desk.forms import DeskForm, done, once, one_of, select, tick
from errors import AmparoError, NotFound, NotPermitted

pages: Final = Blueprint("case_team", __name__)
WITH: Final = "with"
WITHOUT: Final = "without"


class AddForm(DeskForm):
    """An officer who joins."""

    officer = select(_l("Officer"), missing=_l("Choose an officer"))
    identities = one_of(
        _l("Does this officer see who the persons are?"),
        [(WITHOUT, _l("Without the identities")), (WITH, _l("With the identities"))],
        missing=_l("Choose whether this officer sees the identities"),
    )  # fmt: skip


class KeepOutForm(DeskForm):
    """An officer who is to know nothing of this case."""

    officer = select(_l("Officer"), missing=_l("Choose an officer"))
    sure = tick(_l("I understand that this takes effect at once"), missing=_l("Tick this before you go on"))


@pages.route("/cases/<case_id>/team", methods=["GET", "POST"])
@needs("case-read")
@once
def team(case_id: str) -> ResponseReturnValue:
    """The team, who is kept out, and a form to add somebody."""
    number = identifier(case_id)
    shown, found = _look(number)
    form = AddForm()
    form.officer.choices = [("", _("Choose")), *((one.handle, one.handle) for one in found.may_join)]
    if not shown.sees_persons:  # nobody gives what she does not have
        form.identities.choices = [(WITHOUT, _("Without the identities"))]
    if form.is_sent():
        try:
            with office().files.session() as db:
                cases.add_member(
                    db, officer(), number, form.officer.data, vault=form.identities.data == WITH, now=now()
                )  # fmt: skip
        except (NotFound, NotPermitted) as error:
            form.refuse("officer", _(error.message))
        else:
            flash(_("The officer is on the team."), "ok")
            return done(url_for("case_team.team", case_id=case_id))
    notes = {
        WITHOUT: _("Reads facts, exhibits and bundles. Persons stay closed."),
        WITH: _("Reads everything, and can ask for names, on the record."),
    }
    return render_template("casework/team.html", case=shown, team=found, form=form, notes=notes, here="team")


@pages.route("/cases/<case_id>/team/keep-out", methods=["GET", "POST"])
@needs("case-exclude")
@once
def keep_out(case_id: str) -> ResponseReturnValue:
    """Keep an officer out, after a look at what that means."""
    number = identifier(case_id)
    shown, found = _look(number)
    form = KeepOutForm()
    form.officer.choices = [("", _("Choose")), *((one, one) for one in found.may_be_kept_out)]
    if request.method == "GET" and request.args.get("officer") in found.may_be_kept_out:
        form.officer.data = request.args["officer"]
    if form.is_sent():
        try:
            with office().files.session() as db:
                cases.exclude_officer(db, officer(), number, form.officer.data, now=now())
        except AmparoError as error:
            form.refuse("officer", _(error.message))
        else:
            flash(_("The officer is kept out of this case."), "ok")
            return done(url_for("case_team.team", case_id=case_id))
    return render_template("casework/keep_out.html", case=shown, team=found, form=form)


def _look(case_id: bytes) -> tuple[Shown, case_access.Team]:
    with office().files.session() as db:
        return show(db, office(), officer(), case_id), case_access.read(db, officer(), case_id)
