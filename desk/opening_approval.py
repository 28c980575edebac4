"""The second officer's side of an opening that takes two: the same cover, the same flags, a sign-in of her own."""

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, flash, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from desk import bundle_view, bundle_words
from desk.access import needs, now, office, officer
from desk.bundle_view import FlagShown
from desk.casework import identifier
from desk.forms import DeskForm, done, once
from errors import ApprovalMissing, NotEntitled, NotFound, NotPermitted, RegisterStale
from exchange import approvals, joint
from exchange.approvals import Asked
from exchange.models import Approval
from exchange.reading import Preview, preview

pages: Final = Blueprint("opening_approval", __name__)


class ApproveForm(DeskForm):
    """Agreeing; the ticks of the flags are added for each bundle."""


class DenyForm(DeskForm):
    """Not agreeing; no reason is asked for."""


def _asked(approval_id: bytes) -> tuple[Asked, Approval]:
    """The question and its row.

    Raises:
        NotFound: it is no question about an opening, or not to this officer.
    """
    with office().files.session() as db:
        asked = approvals.read(db, officer(), approval_id)
        row = db.get_one(Approval, approval_id)
        db.expunge(row)
    if asked.kind != joint.OPEN:
        raise NotFound("this is not a question to open something")
    return asked, row


def _seen(asked: Asked) -> Preview | None:
    """The cover as the second officer reads it; None where a flag asks for two and it is not sealed to her."""
    try:
        return preview(office(), officer(), asked.object_id, now=now())
    except NotEntitled:
        if asked.subject["shown"]["threshold"] > 1:
            raise
        return None


@pages.route("/approvals/<approval_id>/opening", methods=["GET", "POST"])
@needs("approve")
@once
def page(approval_id: str) -> ResponseReturnValue:
    """Read the cover and the flags, and agree to open the bundle together."""
    raw = identifier(approval_id)
    asked, row = _asked(raw)
    seen = _seen(asked)
    flags = [] if seen is None else bundle_view.flags_of(seen.flags, seen.header.sender_agency)
    form = bundle_view.with_ticks(ApproveForm, flags)
    if row.state == approvals.WAITING and form.is_sent():
        try:
            digest = None if seen is None else seen.register_digest
            joint.approve_opening(office(), officer(), raw, acknowledged=digest, now=now())
        except RegisterStale:
            flash(_("A flag came while you read. Read the flags again."), "warn")
            return done(url_for("opening_approval.page", approval_id=approval_id))
        except (ApprovalMissing, NotPermitted, NotEntitled) as error:
            flash(_(error.message), "warn")
            return done(url_for("opening_approval.page", approval_id=approval_id))
        flash(_("You have agreed. Your colleague opens it now."), "ok")
        return done(url_for("opening_approval.page", approval_id=approval_id))
    return render_template("opening_approval.html", **_shown(asked, row, seen, flags), form=form, deny=DenyForm())


@pages.post("/approvals/<approval_id>/opening/deny")
@needs("approve")
@once
def deny(approval_id: str) -> ResponseReturnValue:
    """Do not agree; the colleague sees it, and nothing is opened."""
    raw = identifier(approval_id)
    _asked(raw)
    with office().files.session() as db:
        approvals.deny(db, officer(), raw, now=now())
    flash(_("You have not agreed. Nothing is opened."), "ok")
    return done(url_for("opening_approval.page", approval_id=approval_id))


def _shown(asked: Asked, row: Approval, seen: Preview | None, flags: list[FlagShown]) -> Mapping[str, Any]:
    subject, shown = asked.subject["subjects"][0], asked.subject["shown"]
    sender = None if seen is None else seen.header.sender_agency
    return {
        "approval_id": asked.approval_id.hex(), "words": bundle_words, "asked": asked, "row": row, "seen": seen,
        "flags": flags,
        "purpose": bundle_words.purpose_words(subject["purpose"]),
        "legal_basis": subject["legal_basis"], "export": shown.get("export"),
        "states": approvals, "sender": sender,
        "codes": [] if seen is None else bundle_view.codes_of(seen.cover.handling, seen.header.sender_agency),
        "key": None if sender is None else bundle_view.key_state(office(), sender),
        "kind": "" if seen is None else bundle_words.KINDS.get(seen.cover.kind, seen.cover.kind),
        "heading": bundle_view.heading_of(flags),
    }  # fmt: skip
