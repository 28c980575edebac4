"""Recovery shares: who holds them, new ones, and opening keys again when their holders have come together."""

from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user

from agencies import proposals, setup
from agencies.models import Proposal
from crypto import recovery as shares
from desk import progress
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.forms import DeskForm, done, number, once, one_of, some_of, text
from desk.jobs import Progress
from desk.showing import Showing
from errors import AmparoError, KeyUnusable
from exchange import officers, proposing, reissuing

pages: Final = Blueprint("recovery", __name__)

PURPOSES: Final = {setup.ROOT: _l("Root key"), setup.RECOVERY: _l("Recovery key")}
WHAT: Final = {proposals.CASES: _l("Cases"), proposals.BUNDLES: _l("Bundles")}
ALL: Final = "all"


class ShareForm(DeskForm):
    """One share, typed by its holder. It is not shown again, whatever happens."""

    purpose = one_of(_l("Which key"), list(PURPOSES.items()), missing=_l("Choose which key the share is of"))
    words = text(
        _l("Words of the share"), missing=_l("Type the words of the share"), most=600,
        hint=_l("All words in their order, with blanks between them. Only you look at the screen."),
    )  # fmt: skip


class ProposeForm(DeskForm):
    """What is opened again, whose it was, and for whom."""

    what = one_of(_l("What"), list(WHAT.items()), missing=_l("Choose what is opened again"))
    whose = one_of(_l("Whose it was"), missing=_l("Choose whose it was"))
    to = some_of(_l("For whom"), missing=_l("Choose who gets the keys"))


class HoldersForm(DeskForm):
    """Who takes a share, and how many give the key back."""

    holders = text(
        _l("Holders"), missing=_l("Write who holds a share"), most=600,
        hint=_l("Role handles with blanks between them, such as administrator-1 supervisor-1. Each gets one share."),
    )  # fmt: skip
    threshold = number(
        _l("How many shares give the key back"), least=2, most=16, missing=_l("Write how many shares are needed")
    )


class TypedForm(DeskForm):
    """A share typed back from its paper."""

    words = text(_l("Words of the share"), missing=_l("Type the words from the paper"), most=600)


# ---- Who holds what ---------------------------------------------------------------------------------------------


@pages.get("/settings/recovery")
@needs("administer")
def page() -> ResponseReturnValue:
    """Holders by handle; never a share."""
    with office().files.session() as db:
        found = {purpose: _holders(db, purpose) for purpose in PURPOSES}
        acts = [_shown(db, row) for row in proposals.list_open(db, proposals.CASES, proposals.BUNDLES)]
    return render_template("recovery/page.html", found=found, purposes=PURPOSES, acts=acts, what=WHAT)


def _holders(db: Any, purpose: str) -> dict[str, Any]:
    rows = setup.share_holders(db, purpose)
    return {
        "rows": [(row.holder, row.typed_back) for row in rows],
        "needed": rows[0].threshold if rows else 0, "count": len(rows), "issue": rows[0].issue if rows else 0,
        "at": rows[0].issued_at if rows else None,
    }  # fmt: skip


def _shown(db: Any, row: Proposal) -> dict[str, Any]:
    facts = proposals.statement_of(row).value["facts"]
    to = [one[0] for one in facts["officers"]] if "officers" in facts else [facts["officer"]]
    named = facts["bundles"] if "bundles" in facts else {key[0] for key in facts["keys"]}
    return {
        "id": row.proposal_id.hex(), "kind": row.kind, "by": row.proposed_by, "second": row.decided_by, "to": to,
        "of": facts.get("of"), "count": len(named),
        "is_mine": row.proposed_by == officer().handle, "is_signed": row.state == proposals.SIGNED,
        "is_stale": proposing.is_stale(db, row), "at": row.proposed_at,
    }  # fmt: skip


# ---- Opening keys again -----------------------------------------------------------------------------------------


@pages.route("/settings/recovery/propose", methods=["GET", "POST"])
@needs("administer")
@once
def propose() -> ResponseReturnValue:
    """Propose what is opened again; the other administrator signs, then the shares carry it out."""
    form = ProposeForm()
    with office().files.session() as db:
        known = officers.list_officers(db, office(), now=now())
    form.whose.choices = [
        (ALL, _("Everything that the recovery key opens")),
        *((one.handle, one.handle) for one in known),
    ]
    form.to.choices = [(one.handle, one.handle) for one in known if one.state == officers.WORKS]
    if form.is_sent():
        whose = None if form.whose.data == ALL else str(form.whose.data)
        try:
            proposing.propose(office(), officer(), str(form.what.data), list(form.to.data or []), of=whose, now=now())
        except AmparoError as error:
            form.refuse("to" if "officer" in error.message else "what", _(error.message))
        else:
            flash(_("Proposed. The other administrator signs with her own sign-in."), "ok")
            return done(url_for("recovery.page"))
    return render_template("recovery/propose.html", form=form)


@pages.route("/settings/recovery/<proposal_id>/sign", methods=["GET", "POST"])
@needs("certify")
@once
def sign(proposal_id: str) -> ResponseReturnValue:
    """The second administrator reads the act and signs it."""
    form = DeskForm()
    with office().files.session() as db:
        row = _act(db, proposal_id)
        act = _shown(db, row)
        if form.is_sent():
            proposals.sign(db, officer(), row.proposal_id, now=now())
            flash(_("You have signed. Now the shares are laid on the table."), "ok")
            return done(url_for("recovery.table"))
    return render_template("recovery/sign.html", form=form, act=act, what=WHAT)


@pages.post("/settings/recovery/<proposal_id>/withdraw")
@needs("administer")
@once
def withdraw(proposal_id: str) -> ResponseReturnValue:
    """Give a proposal up."""
    with office().files.session() as db:
        proposals.end(
            db, _act(db, proposal_id).proposal_id, officer().handle, now=now(), state=proposals.WITHDRAWN
        )  # fmt: skip
    flash(_("The proposal is given up."), "ok")
    return done(url_for("recovery.page"))


def _act(db: Any, proposal_id: str) -> Proposal:
    row = proposals.get(db, identifier(proposal_id))
    if row.kind not in WHAT:
        abort(404)
    return row


# ---- The table --------------------------------------------------------------------------------------------------


@pages.route("/recover", methods=["GET", "POST"])
@needs("administer")
@once
def table() -> ResponseReturnValue:
    """The shares that their holders have typed here, one after the other; they are gone when the desk locks."""
    form = ShareForm()
    if form.is_sent() and _laid(form):
        return done(url_for("recovery.table"))
    form.words.data = ""  # never shown again, also not after a mistake
    with office().files.session() as db:
        found = {purpose: _holders(db, purpose) for purpose in PURPOSES}
        acts = [_shown(db, row) for row in proposals.list_open(db, proposals.CASES, proposals.BUNDLES)]
    return render_template(
        "recovery/table.html", form=form, found=found, purposes=PURPOSES, acts=acts, what=WHAT,
        lies={purpose: len(current_user.table.get(purpose, [])) for purpose in PURPOSES},
    )  # fmt: skip


def _laid(form: ShareForm) -> bool:
    words = " ".join(str(form.words.data).lower().split())
    lying = current_user.table.setdefault(str(form.purpose.data), [])
    try:
        new = shares.read_share(words)
        for one in map(shares.read_share, lying):
            if one.set_id != new.set_id:
                raise KeyUnusable("this share is of another set than the one that lies on the table")
            if one.number == new.number:
                raise KeyUnusable("this share lies on the table already; another holder types hers")
    except KeyUnusable as error:
        form.refuse("words", _(error.message))
        return False
    lying.append(words)
    left = new.needed - len(lying)
    if left > 0:
        flash(ngettext("The share lies on the table. %(num)d more is needed.",
                       "The share lies on the table. %(num)d more are needed.", left), "ok")  # fmt: skip
    else:
        flash(_("The share lies on the table. There are enough."), "ok")
    return True


@pages.post("/recover/clear")
@needs("administer")
def clear() -> ResponseReturnValue:
    """Take all shares off the table."""
    current_user.table.clear()
    flash(_("No share lies on the table any more."), "ok")
    return done(url_for("recovery.table"))


@pages.post("/recover/<proposal_id>/carry-out")
@needs("administer")
@once
def carry_out(proposal_id: str) -> ResponseReturnValue:
    """Carry a signed act out; the shares are taken off the table by it."""
    row, me, at_desk, moment = identifier(proposal_id), officer(), office(), now()
    papers = current_user.table.pop(setup.RECOVERY, [])
    back, on = url_for("recovery.table"), url_for("recovery.page")

    def work(tell: Progress) -> str:
        proposing.carry_out(at_desk, me, row, papers, now=moment, tell=tell)
        papers.clear()
        return f"{on}/carried-out/{row.hex()}"

    return progress.begin("recover", work, back=back)


@pages.get("/settings/recovery/carried-out/<proposal_id>")
@needs("administer")
def carried_out(proposal_id: str) -> ResponseReturnValue:
    """What an act has opened again, out of the record."""
    with office().files.session() as db:
        row = _act(db, proposal_id)
        if row.state != proposals.DONE:
            return redirect(url_for("recovery.page"))
        act = _shown(db, row)
    return render_template("recovery/carried_out.html", act=act, what=WHAT)


# ---- New shares -------------------------------------------------------------------------------------------------


class Reissue:
    """A new recovery key while its shares go to paper."""

    def __init__(self, new: reissuing.NewRecoveryKey) -> None:
        self.new = new
        self.showing = Showing([new.papers])

    def close(self) -> None:
        """Forget the words."""
        self.new.close()


@pages.route("/settings/recovery/new-shares", methods=["GET", "POST"])
@needs("administer")
@once
def new_shares() -> ResponseReturnValue:
    """Who holds the shares of a new recovery key; then one share after the other, and two typed back."""
    if current_user.reissue is not None:
        return _show_shares(current_user.reissue)
    form = HoldersForm(data={"threshold": 2})
    if form.is_sent():
        try:
            made = reissuing.NewRecoveryKey(
                office().agency, str(form.holders.data).replace(",", " ").split(), int(form.threshold.data or 0)
            )
        except AmparoError as error:
            form.refuse("holders", _(error.message))
        else:
            current_user.reissue = Reissue(made)
            return done(url_for("recovery.new_shares"))
    lies = {purpose: len(current_user.table.get(purpose, [])) for purpose in PURPOSES}
    return render_template("recovery/new_shares.html", form=form, lies=lies, purposes=PURPOSES)


def _show_shares(found: Reissue) -> ResponseReturnValue:
    """One share after the other, then two typed back."""
    form = TypedForm()
    if form.is_sent():
        try:
            found.showing.type_back(str(form.words.data))
            return done(url_for("recovery.new_shares"))
        except KeyUnusable as error:
            form.refuse("words", _(error.message))
    form.words.data = ""
    lies = {purpose: len(current_user.table.get(purpose, [])) for purpose in PURPOSES}
    return render_template(
        "recovery/show.html", form=form, showing=found.showing, purposes=PURPOSES, lies=lies, agency=office().agency
    )


@pages.post("/settings/recovery/new-shares/<step>")
@needs("administer")
def step_shares(step: str) -> ResponseReturnValue:
    """Show a share, put it away, give the whole up, or finish."""
    found = current_user.reissue
    if found is None:
        return done(url_for("recovery.new_shares"))
    if step == "look":
        found.showing.show()
    elif step == "written":
        found.showing.put_away()
    elif step == "give-up":
        found.close()
        current_user.reissue = None
        flash(
            _("The new shares are given up. The papers that were written for them are worthless; destroy them."), "note"
        )
        return done(url_for("recovery.page"))
    elif step == "finish":
        return _finish(found)
    else:
        abort(404)
    return done(url_for("recovery.new_shares"))


def _finish(found: Reissue) -> ResponseReturnValue:
    table_ = current_user.table
    reissuing.finish(
        office(), officer(), found.new, root_papers=table_.get(setup.ROOT, []),
        old_papers=table_.get(setup.RECOVERY, []), now=now(),
    )  # fmt: skip
    table_.clear()
    current_user.reissue = None
    flash(_("The new recovery key counts. The old shares open no case of this desk any more."), "ok")
    return done(url_for("recovery.page"))
