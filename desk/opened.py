"""An opened bundle, page by page, out of the memory of the officer's session: what it says, its files, its record."""

from typing import Any

from flask import abort, flash, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from crypto.encoding import unb64u
from crypto.header import IDENTIFIER_BYTES
from desk import bundle_view, bundle_words, opened_files, viewing
from desk.access import needs, office, officer
from desk.casework import identifier
from desk.forms import done, once
from desk.inbox import to_cover
from desk.opened_store import Held
from desk.together import pages
from errors import ReleaseDestroyed, ReleaseHeld
from evidence.readers import Material
from exchange import reading, release

__all__ = ["held_of", "pages", "shown_of"]


def held_of(bundle_id: bytes) -> Held | None:
    """A bundle that is open in this session. An order of its maker that came meanwhile closes it.

    Raises:
        ReleaseHeld, ReleaseDestroyed: it was open, and its maker has stopped or withdrawn it.
    """
    held: Held | None = current_user.opened.find(bundle_id)
    if held is None:
        return None
    try:
        with office().files.session() as db:
            for handle in held.opened.header.handles:
                release.require_no_order(db, handle)
    except (ReleaseHeld, ReleaseDestroyed):
        current_user.opened.drop(bundle_id)
        raise
    return held


def shown_of(held: Held, tab: str = "") -> dict[str, Any]:
    """What every page of an opened bundle shows: the strip of flags, codes, the tabs."""
    opened = held.opened
    sender = opened.header.sender_agency
    form = opened.form
    counts = {
        "persons": len(form["persons"]), "exhibits": len(opened.entries) - 1, "consents": len(form["consents"]),
    }  # fmt: skip
    return {
        "bundle_id": opened.bundle_id.hex(), "opened": opened, "form": form, "cover": opened.cover, "sender": sender,
        "flags": bundle_view.flags_now(office(), opened), "codes": bundle_view.codes_of(opened.cover.handling, sender),
        "kind": bundle_words.KINDS.get(opened.cover.kind, opened.cover.kind), "words": bundle_words, "held": held,
        "tab": tab, "counts": counts,
    }  # fmt: skip


@pages.get("/inbox/<bundle_id>/opened")
@needs("open")
def read(bundle_id: str) -> ResponseReturnValue:
    """What the bundle says."""
    raw = identifier(bundle_id)
    held = held_of(raw)
    if held is None:
        return to_cover(raw)
    asked = held.opened.form.get("inquiry")
    inquiry = "" if not isinstance(asked, str) else unb64u(asked, IDENTIFIER_BYTES).hex()
    return render_template("inbox/read.html", **shown_of(held, "read"), inquiry_hex=inquiry)


@pages.get("/inbox/<bundle_id>/opened/persons")
@needs("open")
def persons(bundle_id: str) -> ResponseReturnValue:
    """Persons by the pseudonyms that this agency was given."""
    raw = identifier(bundle_id)
    held = held_of(raw)
    return to_cover(raw) if held is None else render_template("inbox/persons.html", **shown_of(held, "persons"))


@pages.get("/inbox/<bundle_id>/opened/exhibits")
@needs("open")
def exhibits(bundle_id: str) -> ResponseReturnValue:
    """Exhibits and files."""
    raw = identifier(bundle_id)
    held = held_of(raw)
    if held is None:
        return to_cover(raw)
    labels = opened_files.labels_of(held)
    by_file = {str(one.entry["file"]): one for one in held.opened.entries}
    named = set(labels)
    loose = [one for one in held.opened.entries[1:] if str(one.entry["file"]) not in named]
    return render_template(
        "inbox/exhibits.html", **shown_of(held, "exhibits"), by_file=by_file, loose=loose, labels=labels
    )


@pages.get("/inbox/<bundle_id>/opened/consents")
@needs("open")
def consents(bundle_id: str) -> ResponseReturnValue:
    """What the bundle rests on: signed extracts of consents."""
    raw = identifier(bundle_id)
    held = held_of(raw)
    return to_cover(raw) if held is None else render_template("inbox/consents.html", **shown_of(held, "consents"))


@pages.get("/inbox/<bundle_id>/opened/files/<int:number>")
@needs("open")
def file(bundle_id: str, number: int) -> ResponseReturnValue:
    """One file, shown inside the page."""
    raw = identifier(bundle_id)
    held = held_of(raw)
    if held is None:
        return to_cover(raw)
    content, part = held.opened.content(number), viewing.part_asked()
    inside = viewing.shown(
        opened_files.of_opened(held, number), part=part,
        part_url=lambda at: url_for("inbox.file", bundle_id=bundle_id, number=number, part=at),
        picture_url=url_for("inbox.file_picture", bundle_id=bundle_id, number=number, part=part),
        stream_url=url_for("inbox.file_stream", bundle_id=bundle_id, number=number),
    )  # fmt: skip
    return render_template(
        "inbox/file.html", **shown_of(held, "exhibits"), sha256=unb64u(content.entry["sha256"]).hex(),
        title=opened_files.labels_of(held).get(str(content.entry["file"])) or _("File %(n)d", n=number), **inside,
    )  # fmt: skip


@pages.get("/inbox/<bundle_id>/opened/files/<int:number>/picture")
@needs("open")
def file_picture(bundle_id: str, number: int) -> ResponseReturnValue:
    """The picture of one part of a file."""
    return viewing.picture(_material(bundle_id, number), viewing.part_asked())


@pages.get("/inbox/<bundle_id>/opened/files/<int:number>/stream")
@needs("open")
def file_stream(bundle_id: str, number: int) -> ResponseReturnValue:
    """Sound or film."""
    return viewing.stream(_material(bundle_id, number))


def _material(bundle_id: str, number: int) -> Material:
    held = held_of(identifier(bundle_id))
    if held is None:
        abort(403)
    return opened_files.of_opened(held, number)


@pages.get("/inbox/<bundle_id>/record")
@needs("open")
def record(bundle_id: str) -> ResponseReturnValue:
    """Who did what with the bundle, and why as far as this agency may know."""
    raw = identifier(bundle_id)
    acts = reading.bundle_record(office(), officer(), raw)
    held = held_of(raw)
    more = (
        {"tab": "record", "bundle_id": bundle_id, "words": bundle_words} if held is None else shown_of(held, "record")
    )
    # What this session opened is known here before it comes back from the log.
    unanswered = set(reading.unanswered_requests(acts)) - ({held.opened.request} if held else set())
    return render_template(
        "inbox/record.html", **more, acts=acts[::-1], unanswered=unanswered,
        is_open=held is not None,
    )  # fmt: skip


@pages.post("/inbox/<bundle_id>/close")
@needs("open")
@once
def close(bundle_id: str) -> ResponseReturnValue:
    """Wipe an opened bundle from memory now."""
    raw = identifier(bundle_id)
    current_user.opened.drop(raw)
    flash(_("The bundle is closed. Opening it again goes on record again."), "ok")
    return done(url_for("inbox.bundles"))
