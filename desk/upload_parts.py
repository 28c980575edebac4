"""Large files in parts of 8 MiB, by the script of the page (static/upload.js): they go on where they stopped."""

from typing import Any, Final, cast

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from crypto.digests import PIECE_BYTES
from desk.access import any_officer
from desk.errors import STATUS
from desk.form_parser import READ_BYTES
from desk.uploads import Upload, drop, hold, most_of_files
from errors import AmparoError, FormatError, LimitExceeded, NotFound

pages: Final = Blueprint("uploads", __name__)


def _own(number: str) -> Upload:
    upload = current_user.held.get(number)
    if upload is None or upload.expected is None:
        raise NotFound("this transfer was ended; send the file again")
    return cast(Upload, upload)


def _state(upload: Upload) -> dict[str, Any]:
    found = upload.receiving
    return {
        "number": upload.number, "name": upload.name, "size": upload.expected, "taken": found.size_bytes,
        "part": PIECE_BYTES, "complete": found.is_complete, "pieces": [one.hex() for one in found.piece_digests],
    }  # fmt: skip


def _told(error: AmparoError) -> ResponseReturnValue:
    status = next((STATUS[kind] for kind in STATUS if isinstance(error, kind)), 400)
    return jsonify(error=_(error.message), code=error.code), status


@pages.get("/uploads")
@any_officer
def unfinished() -> ResponseReturnValue:
    """Transfers of this session that broke off: the same file goes on where it stopped."""
    return jsonify([_state(one) for one in current_user.held.values() if one.expected is not None])


@pages.post("/uploads")
@any_officer
def begin() -> ResponseReturnValue:
    """Begin a transfer in parts: its name and size, and where to send them."""
    asked = request.get_json(silent=True)
    name, size = (asked.get("name"), asked.get("size")) if isinstance(asked, dict) else (None, None)
    try:
        if not isinstance(name, str) or type(size) is not int or size < 0:
            raise FormatError("a transfer begins with the name and the size of the file")
        if size > most_of_files():
            raise LimitExceeded("this file is larger than this desk takes; nothing of it was kept")
        upload = hold(name, most_of_files(), size)
        if size == 0:
            upload.receiving.finish()
    except AmparoError as error:
        return _told(error)
    return jsonify(_state(upload)), 201


@pages.post("/uploads/<number>")
@any_officer
def part(number: str) -> ResponseReturnValue:
    """The next bytes of a transfer. They begin at `from`, which has to be where the bytes before them end."""
    try:
        upload = _own(number)
        if not upload.busy.acquire(blocking=False):
            return jsonify(_state(upload)), 409
        try:
            if request.args.get("from") != str(upload.receiving.size_bytes):
                return jsonify(_state(upload)), 409
            _write_part(upload)
        finally:
            upload.busy.release()
    except AmparoError as error:
        return _told(error)
    return jsonify(_state(upload))


def _write_part(upload: Upload) -> None:
    """Write what the request brings. When it breaks off, what came of it stays: the script goes on from there."""
    found, expected = upload.receiving, cast(int, upload.expected)
    while data := request.stream.read(READ_BYTES):
        if found.size_bytes + len(data) > expected:
            drop(upload.number)
            raise FormatError("this is not the file that was announced; send it again")
        found.write(data)
    if found.size_bytes == expected and not found.is_complete:
        found.finish()


@pages.post("/uploads/<number>/drop")
@any_officer
def stop(number: str) -> ResponseReturnValue:
    """Throw a transfer away."""
    drop(number)
    return jsonify(dropped=True)
