"""The desk as a web application: one process, its keys in memory, sync in a thread with nobody signed in."""

import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flask import Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_bootstrap import Bootstrap5
from flask_login import current_user
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException

from agencies import members
from agencies.members import OfficerSession
from config.logs import get_log, set_up_logs
from config.settings import DeskSettings
from desk import casework, entry, inbox, localweb, session
from errors import AmparoError, LogForked, NotFound, NotPermitted, SignInRequired, Unavailable
from exchange import membership
from exchange.office import Office
from exchange.registers import rewrite_at_random
from exchange.sync import sync

NAVIGATION: Final = (
    ("casework.cases", "folder2", "Cases"),
    ("inbox.bundles", "inbox", "Inbox"),
)
REWRITE_SECONDS: Final = 3600
OPEN: Final = frozenset({"entry.start", "entry.sign_in", "static", "bootstrap.static"})
STATUS: Final[Mapping[type[AmparoError], int]] = {NotFound: 404, NotPermitted: 403, SignInRequired: 401}
WORDS: Final = {
    400: "This page was open too long or was sent from elsewhere. Go back, load it again, and send it once more.",
    403: "This request came from another page than the desk's own. Open the desk by its own address.",
    404: "There is no such page at this desk. Use the menu.",
    421: "The desk answers only at its own address.",
}


def create_desk(settings: DeskSettings) -> Flask:
    """The desk's application; `start_clock` runs its sync beside it.

    Raises:
        NotFound, SetUpUnfinished: there is no desk in the folder of the settings, or it has joined no network.
    """
    app = Flask("desk", root_path=str(Path(__file__).parent))
    office = membership.open_office(settings.data_dir, settings.broker_url, clock=time.time, settings=settings)
    app.config.update(
        SECRET_KEY=settings.session_key_file.read_bytes(),
        SESSION_COOKIE_NAME=f"amparo-{office.files.desk_id}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # localweb holds every POST to the desk's own origin
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    book = session.SessionBook(
        settings.idle_lock_minutes * 60, settings.session_hours * 3600, lambda officer: _is_current(office, officer)
    )
    app.extensions["office"], app.extensions["book"] = office, book
    localweb.guard(app, [settings.public_url])
    CSRFProtect(app)
    Bootstrap5(app)
    session.install(app, book)
    app.before_request(_require_sign_in)
    for blueprint in (entry.pages, casework.pages, inbox.pages):
        app.register_blueprint(blueprint)
    app.context_processor(lambda: _context(office))
    app.register_error_handler(AmparoError, _refused)
    app.register_error_handler(HTTPException, _not_found)
    return app


def _is_current(office: Office, officer: OfficerSession) -> bool:
    with office.files.session() as db:
        return members.is_current(db, officer)


def _require_sign_in() -> ResponseReturnValue | None:
    """Every page but the first takes an open session: a new page is closed unless it is named in OPEN."""
    if request.endpoint is None or request.endpoint in OPEN or current_user.is_authenticated:
        return None
    return redirect(url_for("entry.sign_in"))


def _context(office: Office) -> dict[str, Any]:
    """What every page shows."""
    return {"agency_name": office.agency, "navigation": NAVIGATION, "log_state": _log_state(office), "day": day}


def _log_state(office: Office) -> dict[str, str]:
    if not current_user.is_authenticated:
        return {"words": "", "checked": ""}
    with office.files.session() as db:
        state = office.log(db)
        size, at, is_stopped = state.size, state.synced_at, state.is_stopped
    if is_stopped:
        return {"words": "Stopped: the log was changed", "checked": "Nothing is sent or opened."}
    return {"words": f"Log checked, {size} entries", "checked": f"Last synced {day(at)}"}


def day(moment: int | None) -> str:
    """UTC, to the minute."""
    return "-" if moment is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))


def _refused(error: AmparoError) -> tuple[str, int]:
    """An error page that says what happened and what to do; the code is for whoever helps."""
    status = next((STATUS[kind] for kind in STATUS if isinstance(error, kind)), 400)
    page = render_template("error.html", title="This was not done", words=error.message, code=error.code)
    return page, status


def _not_found(error: HTTPException) -> tuple[str, int]:
    status = error.code or 500
    words = WORDS.get(status, "Something went wrong at this desk. Nothing was sent. Try again.")
    return render_template("error.html", title="This page is not shown", words=words, code=f"http-{status}"), status


# ---- Beside the pages -------------------------------------------------------------------------------------------


class Clock:
    """Follows the log, fetches and pushes, and wipes idle sessions, until it is stopped.

    While somebody is signed in, flag registers are rewritten unchanged at random times: a flag that is raised is then
    one more rewrite, and its time says nothing.
    """

    def __init__(self, app: Flask, every_seconds: int) -> None:
        self._app, self._every = app, every_seconds
        self._rewrite_at = time.monotonic() + _next_rewrite()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="desk-clock", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round that runs."""
        self._stopped.set()
        self._thread.join(30)

    def _run(self) -> None:
        office: Office = self._app.extensions["office"]
        while not self._stopped.is_set():
            self._app.extensions["book"].sweep()
            try:
                sync(office, now=int(time.time()))
                self._rewrite_registers(office)
            except (Unavailable, LogForked) as error:
                get_log("desk.clock").warning("sync-later", code=error.code)
            except AmparoError as error:
                get_log("desk.clock").error("sync-refused", code=error.code)
            self._stopped.wait(self._every)

    def _rewrite_registers(self, office: Office) -> None:
        officers = self._app.extensions["book"].officers()
        if officers and time.monotonic() >= self._rewrite_at:
            self._rewrite_at = time.monotonic() + _next_rewrite()
            for officer in officers:
                rewrite_at_random(office, officer, now=int(time.time()))


def _next_rewrite() -> float:
    """Seconds: an hour on the average, at no regular time."""
    return REWRITE_SECONDS * (0.5 + secrets.randbelow(1000) / 1000)


def serve(settings: DeskSettings) -> None:
    """Serve the desk's pages until SIGTERM: threads of one process, since keys live in its memory."""
    set_up_logs(settings.log_level, settings.log_form)
    app = create_desk(settings)
    clock = Clock(app, settings.sync_every_seconds)
    clock.start()
    try:
        _serve(app, settings)
    finally:
        clock.stop()
        app.extensions["book"].end_all()
        membership.close_office(app.extensions["office"])


def _serve(app: Flask, settings: DeskSettings) -> None:
    from werkzeug.serving import make_server

    server = make_server(settings.host, settings.port, app, threaded=True)
    server.serve_forever()
