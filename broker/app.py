"""The broker as a Flask application: everything is put together here."""

import atexit
import threading
from datetime import UTC, datetime

from flask import Flask, Response, g, request
from flask_smorest import Api

from broker import auth, bundles_api, directory_api, errors, handles_api, log_api, mailbox_api, recover
from broker.directories import DirectoryCache
from broker.duties import Duties
from broker.integration import HANDLERS
from broker.limits import MOST_JSON_BYTES, PART_BYTES
from broker.log_store import LogStore, make_log_id
from broker.parts import EXTENSION, Parts, get_parts
from broker.sequencer import Clock, Sequencer
from broker.setup import get_authority, get_signed_file, open_log_keys
from broker.upkeep import Upkeep
from config.logs import set_up_logs
from config.settings import BrokerSettings
from errors import KeyUnusable, SettingInvalid
from storage.blobs import open_blobs
from storage.database import open_engine, session_factory, transact
from storage.migration import require_current

API_VERSION = "1"
MOST_BYTES = max(MOST_JSON_BYTES, PART_BYTES)


def utc_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


class BrokerApi(Api):  # type: ignore[misc]
    """flask-smorest without its own error answers: they drop `Allow` and have another form."""

    def _register_error_handlers(self) -> None:
        """broker/errors.py does it."""


def create_broker(settings: BrokerSettings, *, clock: Clock = utc_now) -> Flask:
    """A running broker: the log's thread and the upkeep have started.

    Call `stop_broker` when the application is not needed any more.

    Raises:
        SettingInvalid, KeyUnusable: the installation is not complete; `amparo broker init` makes it.
    """
    parts = open_parts(settings, clock)
    app = Flask("broker", static_folder=None)
    app.config.update(
        API_TITLE="Amparo broker",
        API_VERSION=API_VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/v1",
        OPENAPI_JSON_PATH="openapi.json",
        MAX_CONTENT_LENGTH=MOST_BYTES,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.extensions[EXTENSION] = parts
    api = BrokerApi(app)
    for blueprint in (
        directory_api.broker_bp,
        directory_api.bp,
        bundles_api.bp,
        handles_api.bp,
        log_api.bp,
        mailbox_api.bp,
        recover.bp,
    ):
        api.register_blueprint(blueprint, url_prefix="/v1")
    errors.register_errors(app)
    app.before_request(_authenticate)
    app.after_request(_finish)
    parts.sequencer.start()
    if parts.sequencer.missing_size:
        missing = parts.sequencer.missing_size
        parts.sequencer.run(lambda session: recover.mark_recovering(session, parts.log_id, missing))
    upkeep = Upkeep(parts)
    app.extensions["amparo-upkeep"] = upkeep
    upkeep.start()
    return app


def open_parts(settings: BrokerSettings, clock: Clock = utc_now) -> Parts:
    """Open the databases, the blobs and the keys; nothing runs yet."""
    keys = open_log_keys(settings)
    log_id = make_log_id(keys.origin)
    engine = open_engine(settings.database_url, pool_size=settings.threads + 8)
    sessions, readers = session_factory(engine), session_factory(engine, read_only=True)
    blobs = open_blobs(settings.blob_url)
    log, directories = LogStore(log_id, blobs), DirectoryCache(log_id, keys.origin)
    halves = bundles_api.open_halves(settings)
    sequencer = Sequencer(
        sessions,
        readers,
        log,
        keys,
        directories,
        HANDLERS,
        get_signed_file(settings),
        clock,
        gather_seconds=settings.integrate_every_ms / 1000,
        witness_quorum=settings.witness_quorum,
    )
    return Parts(
        settings=settings,
        authority=get_authority(settings),
        log_id=log_id,
        keys=keys,
        engine=engine,
        sessions=sessions,
        readers=readers,
        blobs=blobs,
        log=log,
        directories=directories,
        sequencer=sequencer,
        halves=halves,
        duties=Duties(log_id, sessions, readers, halves),
        clock=clock,
        waiting=threading.BoundedSemaphore(max(1, settings.threads // 4)),
    )


def stop_broker(app: Flask) -> None:
    """Finish the batch at hand, end the threads, give the connections back."""
    parts: Parts = app.extensions[EXTENSION]
    app.extensions["amparo-upkeep"].stop()
    parts.sequencer.stop()
    parts.halves.close()
    parts.engine.dispose()


def _authenticate() -> None:
    # A route is closed unless it stands in auth.OPEN; an address that does not exist is closed too.
    if request.endpoint in auth.OPEN:
        return
    g.caller = auth.authenticate(get_parts(), request)


def _finish(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def create_from_environment() -> Flask:
    """The factory that the server calls."""
    settings = BrokerSettings.from_environment()
    set_up_logs(settings.log_level, settings.log_form)
    app = create_broker(settings)
    atexit.register(stop_broker, app)
    return app


def require_ready(settings: BrokerSettings) -> None:
    """Raise before the server starts what would else end its worker: tables, keys, blobs."""
    parts = open_parts(settings)
    try:
        require_current(parts.engine, "broker")
    finally:
        parts.halves.close()
        parts.engine.dispose()


def replace_halves(settings: BrokerSettings) -> tuple[bool, int]:
    """Make an empty store of key halves where one was lost, and report every live bundle without a half.

    It may be called again after an interruption. The key files of the old store are put aside under another name: its
    halves open with them, should it be found.

    Returns:
        whether a store was made (it is left alone if it opens), and how many bundles were reported.

    Raises:
        Conflict: a store is there that does not open; it has to be moved away first.
    """
    is_made = False
    try:
        bundles_api.open_halves(settings).close()
    except (KeyUnusable, SettingInvalid):
        bundles_api.replace_halves(settings)
        is_made = True
    parts = open_parts(settings)
    parts.sequencer.start()
    try:
        head = transact(parts.readers, parts.log.head)
        # A log that is recovering takes nothing; it is reported when it opens again.
        return is_made, recover.report_all_lost(parts) if head.state == "open" else 0
    finally:
        parts.sequencer.stop()
        parts.halves.close()
        parts.engine.dispose()


def resume_log(settings: BrokerSettings) -> None:
    """Open a recovering log by the administrator's decision."""
    parts = open_parts(settings)
    parts.sequencer.forget_signed()
    parts.sequencer.start()
    try:
        recover.finish(parts)
    finally:
        parts.sequencer.stop()
        parts.halves.close()
        parts.engine.dispose()
