"""What runs beside the pages: the desk follows the log, fetches and pushes, tells by mail, and wipes idle sessions."""

import secrets
import threading
import time
from typing import Final

from flask import Flask

from config.logs import get_log
from desk import setup
from desk.notices import Notices
from errors import AmparoError, LogForked, Unavailable
from exchange.office import Office
from exchange.registers import rewrite_at_random
from exchange.sync import sync

REWRITE_SECONDS: Final = 3600
SWEEP_SECONDS: Final = 5


class Clock:
    """Works until it is stopped.

    While somebody is signed in, flag registers are rewritten unchanged at random times: a flag that is raised is then
    one more rewrite, and its time says nothing.
    """

    def __init__(self, app: Flask, every_seconds: int) -> None:
        self._app, self._every = app, every_seconds
        self._rewrite_at = time.monotonic() + _next_rewrite()
        self._notices = Notices(app.extensions["office"].settings, int(time.time()))
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._sync, name="desk-clock", daemon=True),
            threading.Thread(target=self._sweep, name="desk-lock", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the round that runs."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(30)

    def _sweep(self) -> None:
        """A broker that does not answer must not keep idle keys in memory: this waits for nobody."""
        while not self._stopped.wait(SWEEP_SECONDS):
            self._app.extensions["book"].sweep()
            setup.sweep(self._app)

    def _sync(self) -> None:
        office: Office = self._app.extensions["office"]
        while not self._stopped.is_set():
            if self._app.extensions.get("setup") is not None:  # there is nothing to follow before the first run
                self._stopped.wait(SWEEP_SECONDS)
                continue
            try:
                sync(office, now=int(time.time()))
                self._rewrite_registers(office)
            except (Unavailable, LogForked) as error:
                get_log("desk.clock").warning("sync-later", code=error.code)
            except AmparoError as error:
                get_log("desk.clock").error("sync-refused", code=error.code)
            self._notices.tell(office, int(time.time()))  # an alarm is told although the round has failed
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
