"""What is kept out of bundles of others: the list, one item, its legal ground, and receipts of what was deleted."""

import time
from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user

from desk import bundle_view, bundle_words, opened_files, viewing
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.forms import DeskForm, done, long_text, once, tick
from desk.keeping import case_choices
from desk.paging import paged
from errors import ApprovalMissing, Conflict, FormatError, NotFound, Refused, ReleaseDestroyed, ReleaseHeld
from evidence.readers import Material
from exchange import approvals, filing, keeping, kept, purges
from exchange.delivery import day_of
from exchange.forms import LARGEST_FORM_BYTES, parse_form
from exchange.kept import KeptItem
from exchange.models import Approval

pages: Final = Blueprint("kept", __name__)
UNDER: Final = b"under"


class ReceiptsForm(DeskForm):
    """One button."""


class UnderForm(DeskForm):
    """Reading what outlived an order to delete."""

    alone = tick(
        _l("I use it for this ground and for nothing else"), missing=_l("Tick that you use it for this ground alone")
    )


class GroundForm(DeskForm):
    """The legal ground under which an item outlives an order to delete."""

    ground = long_text(
        _l("Legal ground"), missing=_l("Name the legal ground"), most=keeping.LONGEST_GROUND,
        hint=_l("The provision, or the order, that obliges your agency to keep it. One line. The agency that sent it "
                "reads this; name nobody."),
    )  # fmt: skip


class GoOnForm(DeskForm):
    """One button, after the colleague has agreed."""


@pages.get("/kept")
@needs("file")
def items() -> ResponseReturnValue:
    """Kept items of one case, or of all."""
    choices = case_choices()
    case = request.args.get("case", "")
    case = case if case in dict(choices) else ""
    with office().files.session() as db:
        found = kept.list_kept(db, officer(), identifier(case) if case else None)
        waiting = len(purges.waiting(db))
    shown, where = paged(found)
    return render_template(
        "kept/list.html", rows=shown, where=where, cases=choices, case=case, waiting=waiting, today=day_of(now()),
        form=ReceiptsForm(), words=bundle_words,
    )  # fmt: skip


@pages.post("/kept/receipts")
@needs("file")
@once
def receipts() -> ResponseReturnValue:
    """Sign that what was ordered is deleted, or kept under its ground."""
    count = purges.sign_receipts(office(), officer(), now=now())
    with office().files.session() as db:
        left = len(purges.waiting(db))
    if count:
        words = ngettext("One receipt is signed and goes out with the next look.",
                         "%(num)d receipts are signed and go out with the next look.", count)  # fmt: skip
        flash(words, "ok")
    if left:
        words = ngettext("One waits for an officer of the case that keeps something.",
                         "%(num)d wait for an officer of the case that keeps something.", left)  # fmt: skip
        flash(words, "warn")
    return done(url_for("kept.items"))


@pages.route("/kept/<item_id>", methods=["GET", "POST"])
@needs("file")
def item(item_id: str) -> ResponseReturnValue:
    """One kept item: where it is from, how long it may stay, and what it says."""
    raw = identifier(item_id)
    with office().files.session() as db:
        found = kept.get_kept(db, officer(), raw)
    form = UnderForm()
    if form.is_sent():
        current_user.shown[raw, UNDER] = time.monotonic() + viewing.OPEN_SECONDS
        return done(url_for("kept.item", item_id=item_id))
    is_readable = _is_readable(found)
    return render_template(
        "kept/item.html", one=found, today=day_of(now()), words=bundle_words, form=form, is_readable=is_readable,
        codes=[] if found.cover is None else bundle_view.codes_of(found.cover.handling, found.sender.split("/")[0]),
        asked=_asked(raw), states=approvals, **(_content(found) if is_readable else {}),
    )  # fmt: skip


def _is_readable(found: KeptItem) -> bool:
    """Whether the item is free to be read, or its ground was accepted a moment ago."""
    until = float(current_user.shown.get((found.item.item_id, UNDER), 0.0))
    return found.standing != kept.CLOSED or until > time.monotonic()


def _content(found: KeptItem) -> dict[str, Any]:
    """What an item says. A file of an exhibit is shown there, on the custody record."""
    item, item_id = found.item, found.item.item_id.hex()
    if item.kind == filing.FORM:
        raw = b"".join(filing.read_filed(office().files, officer(), item.item_id, under=_under(found)))
        kind = item.media_type.removeprefix("application/vnd.amparo.").removesuffix("+json")
        return {"note": parse_form(raw[: LARGEST_FORM_BYTES + 1], kind)}
    if found.exhibit is not None:
        return {"at_exhibit": url_for("viewing.page", case_id=item.case_id.hex(), file_id=item.file_id.hex())}
    part = viewing.part_asked()
    return viewing.shown(
        _material(found), part=part, part_url=lambda at: url_for("kept.item", item_id=item_id, part=at),
        picture_url=url_for("kept.picture", item_id=item_id, part=part),
        stream_url=url_for("kept.stream", item_id=item_id),
    )  # fmt: skip


def _under(found: KeptItem) -> str | None:
    return found.item.ground if found.standing == kept.CLOSED else None


def _material(found: KeptItem) -> Material:
    return opened_files.of_kept(office(), officer(), found.item, found.item.item_id.hex()[:8], _under(found))


def _readable(item_id: str) -> Material:
    raw = identifier(item_id)
    with office().files.session() as db:
        found = kept.get_kept(db, officer(), raw)
    if not _is_readable(found) or found.item.kind == filing.FORM or found.exhibit is not None:
        abort(403)
    return _material(found)


@pages.get("/kept/<item_id>/picture")
@needs("file")
def picture(item_id: str) -> ResponseReturnValue:
    """The picture of one part of a file."""
    return viewing.picture(_readable(item_id), viewing.part_asked())


@pages.get("/kept/<item_id>/stream")
@needs("file")
def stream(item_id: str) -> ResponseReturnValue:
    """Sound or film."""
    return viewing.stream(_readable(item_id))


# ---- Past an order to delete ------------------------------------------------------------------------------------


def _asked(item_id: bytes) -> Approval | None:
    with office().files.session() as db:
        row = approvals.newest_asked(db, officer(), keeping.KEEP, item_id)
        if row is None or row.state == approvals.USED:
            return None
        db.expunge(row)
        return row


@pages.route("/kept/<item_id>/ground", methods=["GET", "POST"])
@needs("file")
@once
def ground(item_id: str) -> ResponseReturnValue:
    """Ask a colleague to put an item under a legal ground."""
    raw = identifier(item_id)
    with office().files.session() as db:
        found = kept.get_kept(db, officer(), raw)
    if found.item.ground is not None:
        return redirect(url_for("kept.item", item_id=item_id))
    form = GroundForm()
    if form.is_sent():
        try:
            keeping.ask(office(), officer(), raw, " ".join(str(form.ground.data).split()), now=now())
        except (FormatError, Conflict, NotFound, ReleaseHeld, ReleaseDestroyed) as error:
            form.refuse("ground", _(error.message))
        else:
            flash(_("A colleague is asked. When they agree, you go on here."), "ok")
            return done(url_for("kept.item", item_id=item_id))
    return render_template("kept/ground.html", form=form, one=found)


@pages.post("/kept/<item_id>/ground/use")
@needs("file")
@once
def use_ground(item_id: str) -> ResponseReturnValue:
    """Put the item under the ground that the colleague has approved."""
    raw = identifier(item_id)
    asked = _asked(raw)
    if asked is None:
        return done(url_for("kept.item", item_id=item_id))
    try:
        keeping.keep(office(), officer(), asked.approval_id, item_id=raw, now=now())
    except (ApprovalMissing, Refused) as error:
        flash(_(error.message), "warn")
    else:
        flash(_("It is under its legal ground now. An order does not delete it any more."), "ok")
    return done(url_for("kept.item", item_id=item_id))
