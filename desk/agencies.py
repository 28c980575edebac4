"""Agencies of the network: their keys, comparing them person to person, inviting and admitting new ones."""

from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import HiddenField

from agencies import comparison
from agencies.comparison import RootState
from agencies.directory import Directory
from desk.access import needs, now, office, officer
from desk.forms import DeskForm, done, once, one_of, some_of
from desk.paging import paged
from desk.printing import print_invitation_letter
from errors import AmparoError
from exchange import comparing, inviting

pages: Final = Blueprint("agencies", __name__)
KINDS: Final = {
    "police": _l("Police"), "prosecution": _l("Prosecution"), "ngo": _l("NGO"), "other": _l("Other"),
}  # fmt: skip
ROLES: Final = {
    "administrator": _l("Administrator"), "auditor": _l("Auditor"), "case-worker": _l("Case worker"),
    "liaison": _l("Liaison"), "prosecutor": _l("Prosecutor"), "supervisor": _l("Supervisor"),
}  # fmt: skip
# state: tone, symbol, words
STATES: Final[dict[RootState, tuple[str, str, Any]]] = {
    RootState.VERIFIED: ("ok", "patch-check", _l("Verified")),
    RootState.UNVERIFIED: ("warn", "exclamation-triangle-fill", _l("Unverified")),
    RootState.CHANGED: ("stop", "arrow-repeat", _l("Changed")),
    RootState.REFUSED: ("stop", "x-octagon-fill", _l("Not the same")),
}
WAYS: Final = {"phone": _l("By telephone, with a number known before"), "in-person": _l("In person")}
WAYS_SHORT: Final = {"phone": _l("By telephone"), "in-person": _l("In person")}
SAME, DIFFERENT, STOP = comparison.SAME, comparison.DIFFERENT, "stop"
ANSWERS: Final = {SAME: _l("All the same"), DIFFERENT: _l("Not the same")}
GROUPS: Final = 8
LONGEST_SHOWN: Final = 80


class CompareForm(DeskForm):
    """What two people found. `shown` is what they read: a key that changes meanwhile is not taken for compared."""

    shown = HiddenField()
    how = one_of(_l("How do you speak to each other?"), list(WAYS.items()), missing=_l("Choose how you compared"))
    heard = some_of(_l("Groups that are the same"), [(str(one), str(one)) for one in range(1, GROUPS + 1)])
    answer = one_of(
        _l("What did you both find?"),
        [
            (SAME, _l("All eight groups are the same")),
            (DIFFERENT, _l("They are not the same")),
            (STOP, _l("Stop: we could not finish")),
        ],
        missing=_l("Choose what you both found"),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """One agency as pages show it."""

    name: str
    country: str
    kind: str
    admitted: int
    state: RootState
    groups: tuple[str, ...]
    is_own: bool

    @property
    def tag(self) -> tuple[str, str, Any]:
        """Tone, symbol and words of its key's state."""
        return STATES[self.state]


def _shown(db: Session, directory: Directory, name: str) -> Shown:
    known = directory.agency(name)
    groups = tuple(comparison.fingerprint_of(directory, name).split(" "))
    state = comparison.root_state(db, directory, name)
    return Shown(name, known.country, known.type, known.index, state, groups, name == office().agency)


@pages.get("/agencies")
@needs("directory-read")
def directory() -> ResponseReturnValue:
    """All of them."""
    with office().files.session() as db:
        known = office().directory(db)
        names = sorted(known.agencies, key=lambda name: (name != office().agency, name))
        listed, pages_of = paged(names)
        found = [_shown(db, known, name) for name in listed]
        network = known.network
    return render_template("agencies/list.html", agencies=found, pages=pages_of, network=network, kinds=KINDS)


@pages.get("/agencies/<name>")
@needs("directory-read")
def agency(name: str) -> ResponseReturnValue:
    """One agency: its key, who works there, and every comparison."""
    with office().files.session() as db:
        known = office().directory(db)
        one = _shown_or_404(db, known, name)
        past = comparison.history(db, known, name)
        officers, pages_of = paged(known.officers(name))
        deputy, has_desk = known.deputy(name), known.find_certificate(f"desk/{name}") is not None
        has_recovery = known.find_certificate(f"recovery/{name}") is not None
    return render_template(
        "agencies/agency.html", one=one, history=past, officers=officers, pages=pages_of, deputy=deputy,
        has_desk=has_desk, has_recovery=has_recovery, kinds=KINDS, roles=ROLES, ways=WAYS_SHORT, answers=ANSWERS,
    )  # fmt: skip


def _shown_or_404(db: Session, known: Directory, name: str) -> Shown:
    if name not in known.agencies:
        abort(404)
    return _shown(db, known, name)


@pages.route("/agencies/<name>/compare", methods=["GET", "POST"])
@needs("compare")
@once
def compare(name: str) -> ResponseReturnValue:
    """Two people read the fingerprint to each other, by turns, and say what they found."""
    with office().files.session() as db:
        known = office().directory(db)
        one = _shown_or_404(db, known, name)
        own = _shown(db, known, office().agency)
    back = url_for("agencies.agency", name=name)
    if one.is_own:
        return redirect(back)
    form = CompareForm()
    if form.is_sent() and _is_answered(form, one):
        return done(back)
    if form.shown.data != " ".join(one.groups):  # shown for the first time, or the key has changed since
        form.shown.data, form.heard.data = " ".join(one.groups), []
    return render_template("agencies/compare.html", form=form, one=one, own=own)


def _is_answered(form: CompareForm, one: Shown) -> bool:
    answer, how = str(form.answer.data), str(form.how.data)
    if answer == STOP:
        flash(_("Nothing was recorded. Compare again when you can finish."), "note")
        return True
    if answer == SAME and len(set(form.heard.data or ())) < GROUPS:
        form.refuse("heard", _("Tick each group when you have both read it; all eight have to be the same"))
        return False
    try:
        shown = str(form.shown.data)[:LONGEST_SHOWN]
        comparing.answer(office(), officer(), one.name, shown=shown, said=answer, how=how, now=now())
    except AmparoError as error:
        form.refuse("answer", _(error.message))
        return False
    if answer == SAME:
        flash(_("It is recorded. Bundles can be sealed to this agency now."), "ok")
    return True


# ---- Inviting a partner -----------------------------------------------------------------------------------------


@pages.get("/agencies/invite")
@needs("directory-read")
def invite() -> ResponseReturnValue:
    """A letter for an agency that has no desk yet."""
    return render_template("agencies/invite.html", letter=inviting.letter(office()))


@pages.get("/agencies/invite/letter.pdf")
@needs("directory-read")
def letter() -> ResponseReturnValue:
    """The same letter on paper."""
    answer = Response(print_invitation_letter(inviting.letter(office())), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = 'attachment; filename="invitation.pdf"'
    return answer
