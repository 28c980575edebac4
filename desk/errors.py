"""Errors as pages that an officer can act on: what happened, what to do next, a code for whoever helps.

They never repeat what was typed and never show where in the program it happened.
"""

from collections.abc import Mapping
from typing import Any, Final

from flask import Flask, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, InternalServerError

from config.logs import get_log
from errors import (
    AmparoError,
    Conflict,
    InstallationError,
    LimitExceeded,
    LogForked,
    NotFound,
    NotPermitted,
    RoleForbids,
    SignInRequired,
    StorageFull,
    Unavailable,
)
from storage.database import is_full, is_retried

STATUS: Final[Mapping[type[AmparoError], int]] = {
    NotFound: 404,
    NotPermitted: 403,
    SignInRequired: 401,
    LimitExceeded: 413,
    Conflict: 409,
    LogForked: 409,
    StorageFull: 507,
    Unavailable: 503,
    InstallationError: 500,
}
TITLES: Final[Mapping[int, Any]] = {
    400: _l("This was not done"),
    401: _l("The desk is locked"),
    403: _l("This is not open to you"),
    404: _l("This is not here"),
    405: _l("This page is not used in that way"),
    409: _l("Something has changed meanwhile"),
    413: _l("This is too large"),
    421: _l("This is not the desk’s address"),
    500: _l("Something went wrong at this desk"),
    503: _l("The broker cannot be reached"),
    507: _l("The disk of this desk is full"),
}
ROLE_TITLE: Final = _l("This is not for your role")
WORDS: Final[Mapping[int, Any]] = {
    400: _l("This page was open too long, or was sent from elsewhere. Go back, load it again, and send it once more."),
    403: _l("This request came from another page than the desk’s own. Open the desk by its own address."),
    404: _l("There is no such page at this desk. Use the menu."),
    405: _l("Use the buttons and links of the pages."),
    413: _l("What was sent is larger than this page takes. Nothing was kept."),
    421: _l("The desk answers only at its own address."),
    500: _l("Nothing was sent. Try again; if it happens again, tell whoever looks after this desk."),
}


def install(app: Flask) -> None:
    """Every error of the desk becomes a page."""
    app.register_error_handler(AmparoError, refused)
    app.register_error_handler(CSRFError, _stale)
    app.register_error_handler(HTTPException, _failed)
    app.register_error_handler(DBAPIError, _undone)


def refused(error: AmparoError) -> tuple[str, int]:
    """A rule of the desk said no."""
    status = next((STATUS[kind] for kind in STATUS if isinstance(error, kind)), 400)
    title = ROLE_TITLE if isinstance(error, RoleForbids) else None
    return _page(status, gettext(error.message), error.code, title)


def _stale(error: CSRFError) -> tuple[str, int]:
    return _page(400, str(WORDS[400]), "stale-page")


def _failed(error: HTTPException) -> tuple[str, int]:
    status = error.code or 500
    if isinstance(error, InternalServerError):
        get_log("desk").error("page-failed", route=str(request.url_rule), exc_info=error.original_exception)
    return _page(status, str(WORDS.get(status, WORDS[500])), f"http-{status}")


def _undone(error: DBAPIError) -> tuple[str, int]:
    """The database took nothing of it: its disk is full, or others were at it all the time."""
    if is_full(error):
        return refused(StorageFull())
    if is_retried(error):
        return _page(503, gettext("Others were using it all the time. Nothing was changed; try again."), "desk-busy",
                     gettext("The desk is busy"))  # fmt: skip
    return _failed(InternalServerError(original_exception=error))


def _page(status: int, words: str, code: str, title: Any = None) -> tuple[str, int]:
    title = title or TITLES.get(status, TITLES[500])
    is_signed_in = getattr(current_user, "is_authenticated", False)
    back = url_for("today.page") if is_signed_in else url_for("entry.sign_in")
    return render_template("error.html", heading=title, words=words, code=code, back=back), status
