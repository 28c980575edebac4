"""Evidence inside the page: pictures that were made anew, escaped text and tables, sound and film under a sandbox.

What is shown is a `Material` (evidence/readers.py), wherever it is kept; `shown`, `picture`, `stream` and `download`
take one, so that files of a case and files of an opened bundle are shown by the same code. A file of a case opens after
a reason was given, which goes into its custody record, and closes again after a quarter of an hour.
"""

import re
import time
from collections.abc import Iterator
from typing import Any, Final

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from agencies import cases
from desk.access import needs, now, office, officer
from desk.casework import identifier
from desk.forms import DeskForm, done, long_text, once
from errors import FlagForbids, LimitExceeded, NotPermitted
from evidence import readers
from evidence.readers import SHEET_PARTS, Material, NotShown, Reading
from exchange import showing
from exchange.showing import CaseFile

pages: Final = Blueprint("viewing", __name__)
OPEN_SECONDS: Final = 900
STREAM_BYTES: Final = 4 * 2**20  # given out at a time: a player asks for more
ALONE: Final = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
RANGE: Final = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})\Z")


# ---- For every material -----------------------------------------------------------------------------------------


def part_asked() -> int:
    """Which part of the file the address asks for; 404 for anything that is no number."""
    part = request.args.get("part", "0")
    if not part.isascii() or not part.isdigit() or len(part) > 9:
        abort(404)
    return int(part)


def shown(material: Material, *, part_url: Any, picture_url: str, stream_url: str, part: int) -> dict[str, Any]:
    """What `viewing/material.html` takes to show one part of a material.

    Args:
        part_url: the address of the page that shows a part, by its number.
        picture_url, stream_url: where the picture of this part, or sound and film, are given out.
    """
    value: dict[str, Any] = {
        "material": material, "part": part, "part_url": part_url, "picture_url": picture_url, "stream_url": stream_url,
        "shown_as": material.kind, "reading": None, "refusal": None, "sheet_parts": SHEET_PARTS,
    }  # fmt: skip
    try:
        if material.kind == "stream":
            if not readers.is_played(material):
                raise NotShown(readers.WHY["unreadable"])
        elif material.kind not in ("picture", "pdf"):
            value["reading"] = readers.read(material, part)
        else:
            value["reading"] = _reading(material, part)
    except (NotShown, LimitExceeded) as error:
        value["refusal"] = _(error.message)
    return value


def _reading(material: Material, part: int) -> Reading:
    """The page of a picture needs its measures; the picture itself is made again when the browser asks for it."""
    return readers.read(material, part)


def alone(answer: Response) -> Response:
    """Whatever this is, it does nothing: no script, no origin, no other type than it says."""
    answer.headers["Content-Security-Policy"] = ALONE
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def picture(material: Material, part: int) -> Response:
    """The picture that a reader made of one part."""
    try:
        found = readers.read(material, part)
    except (NotShown, LimitExceeded):
        abort(404)
    if not found.picture:
        abort(404)
    answer = make_response(found.picture)
    answer.mimetype = found.media_type
    answer.headers["Content-Disposition"] = "inline"
    return alone(answer)


def stream(material: Material) -> Response:
    """Sound or film as it is, a range at a time; only of the closed list of kinds."""
    if not readers.is_played(material):
        abort(404)
    start, end = _range(material.size_bytes)
    answer = Response(_first_refused(material.read(start, end)), 206, mimetype=material.media_type)
    answer.headers["Content-Range"] = f"bytes {start}-{end - 1}/{material.size_bytes}"
    answer.headers["Accept-Ranges"] = "bytes"
    answer.content_length = end - start
    answer.headers["Content-Disposition"] = "inline"
    return alone(answer)


def _range(size: int) -> tuple[int, int]:
    """What the player asks for, from one place up to another, at most STREAM_BYTES."""
    asked = RANGE.match(request.headers.get("Range", "bytes=0-"))
    if asked is None or asked.groups() == ("", ""):
        abort(416)
    first, last = asked.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if not start < end <= size:
        abort(416)
    return start, min(end, start + STREAM_BYTES)


def download(material: Material) -> Response:
    """The file as it is, to be kept outside: never opened by the browser."""
    answer = Response(_first_refused(material.read(0, material.size_bytes)), mimetype="application/octet-stream")
    answer.content_length = material.size_bytes
    answer.headers.set("Content-Disposition", "attachment", filename=_safe(material.name))
    return alone(answer)


def _safe(name: str) -> str:
    """A name that no system takes for anything else."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name).strip(" .")[-100:]
    return plain or "file"


def _first_refused(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces; the first is read at once, so that a refusal is a page and no broken file."""
    first = next(pieces, b"")

    def both() -> Iterator[bytes]:
        yield first
        yield from pieces

    return both()


# ---- Files of a case --------------------------------------------------------------------------------------------


class ShowForm(DeskForm):
    """Why a file is shown."""

    reason = long_text(
        _l("Why you look at it"), missing=_l("Say why you look at it"), most=500,
        hint=_l("It is signed and goes into the custody record, where others read it. No names."),
    )  # fmt: skip


class ExportForm(DeskForm):
    """Why a file leaves the desk."""

    reason = long_text(
        _l("Why it has to leave the desk"), missing=_l("Say why it has to leave the desk"), most=500,
        hint=_l("It is signed and goes into the custody record, where others read it. No names."),
    )  # fmt: skip


def _open_until(case: bytes, file: bytes) -> float:
    until = float(current_user.shown.get((case, file), 0.0))
    return until if until > time.monotonic() else 0.0


def _require_open(case: bytes, file: bytes) -> CaseFile:
    if not _open_until(case, file):
        abort(403)
    return showing.find(office(), officer(), case, file)


@pages.route("/cases/<case_id>/files/<file_id>", methods=["GET", "POST"])
@needs("case-read")
@once
def page(case_id: str, file_id: str) -> ResponseReturnValue:
    """A file inside the page, after its reason was recorded."""
    case, file = identifier(case_id), identifier(file_id)
    found = showing.find(office(), officer(), case, file)
    form = ShowForm()
    here = url_for("viewing.page", case_id=case_id, file_id=file_id)
    if form.is_sent():
        showing.note_shown(office(), officer(), case, found, reason=form.reason.data or "", now=now())
        current_user.shown[case, file] = time.monotonic() + OPEN_SECONDS
        return done(here)
    value: dict[str, Any] = {}
    if _open_until(case, file):
        part = part_asked()
        value = shown(
            found.material, part=part,
            part_url=lambda number: url_for("viewing.page", case_id=case_id, file_id=file_id, part=number),
            picture_url=url_for("viewing.case_picture", case_id=case_id, file_id=file_id, part=part),
            stream_url=url_for("viewing.case_stream", case_id=case_id, file_id=file_id),
        )  # fmt: skip
    with office().files.session() as db:
        handle = cases.get_case(db, officer(), case).handle
    return render_template(
        "viewing/file.html", form=form, found=found, case_id=case_id, file_id=file_id, handle=handle,
        minutes=OPEN_SECONDS // 60, **value,
    )  # fmt: skip


@pages.get("/cases/<case_id>/files/<file_id>/picture")
@needs("case-read")
def case_picture(case_id: str, file_id: str) -> ResponseReturnValue:
    """The picture of one part."""
    return picture(_require_open(identifier(case_id), identifier(file_id)).material, part_asked())


@pages.get("/cases/<case_id>/files/<file_id>/stream")
@needs("case-read")
def case_stream(case_id: str, file_id: str) -> ResponseReturnValue:
    """Sound or film."""
    return stream(_require_open(identifier(case_id), identifier(file_id)).material)


@pages.post("/cases/<case_id>/files/<file_id>/close")
@needs("case-read")
def close(case_id: str, file_id: str) -> ResponseReturnValue:
    """Hide the file again."""
    current_user.shown.pop((identifier(case_id), identifier(file_id)), None)
    return done(url_for("viewing.page", case_id=case_id, file_id=file_id))


@pages.route("/cases/<case_id>/files/<file_id>/download", methods=["GET", "POST"])
@needs("case-read")
@once
def case_download(case_id: str, file_id: str) -> ResponseReturnValue:
    """Take a file out of the desk, on purpose and on the record."""
    case, file = identifier(case_id), identifier(file_id)
    found = showing.find(office(), officer(), case, file)
    form = ExportForm()
    if form.is_sent():
        try:
            showing.note_exported(office(), officer(), case, found, reason=form.reason.data or "", now=now())
        except (FlagForbids, NotPermitted) as error:
            form.refuse("reason", _(error.message))
        else:
            return download(found.material)
    with office().files.session() as db:
        handle = cases.get_case(db, officer(), case).handle
    return render_template(
        "viewing/download.html", form=form, found=found, case_id=case_id, file_id=file_id, handle=handle
    )
