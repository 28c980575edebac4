"""Who is signed in: officers' sessions live in this process's memory and nowhere else.

The cookie holds a random name of a session; the keys are reachable only through the entry of that name. A lock, a
sign-out, an idle spell or the end of the longest session wipes them, and so does the officer's departure.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Flask, session
from flask_login import LoginManager, UserMixin, login_user, logout_user

from agencies.members import OfficerSession

IsCurrent = Callable[[OfficerSession], bool]


@dataclass
class SignedIn(UserMixin):  # type: ignore[misc]
    """One signed-in officer. `officer` holds the keys; it is never printed."""

    name: str
    officer: OfficerSession = field(repr=False)
    since: float = field(default_factory=time.monotonic)
    seen: float = field(default_factory=time.monotonic)

    def get_id(self) -> str:
        return self.name


class SessionBook:
    """Every session of this desk process. Safe for threads.

    Args:
        idle_seconds, longest_seconds: after which a session is over.
        is_current: whether the officer still works here under these keys; asked at every request.
    """

    def __init__(self, idle_seconds: float, longest_seconds: float, is_current: IsCurrent) -> None:
        self._idle, self._longest, self._is_current = idle_seconds, longest_seconds, is_current
        self._lock = threading.Lock()
        self._open: dict[str, SignedIn] = {}

    def begin(self, officer: OfficerSession) -> SignedIn:
        entry = SignedIn(secrets.token_urlsafe(32), officer)
        with self._lock:
            self._open[entry.name] = entry
        return entry

    def find(self, name: str, now: float | None = None) -> SignedIn | None:
        moment = time.monotonic() if now is None else now
        with self._lock:
            entry = self._open.get(name)
        if entry is None:
            return None
        if self._is_over(entry, moment) or not self._is_current(entry.officer):
            self.end(name)
            return None
        entry.seen = moment
        return entry

    def end(self, name: str) -> None:
        with self._lock:
            entry = self._open.pop(name, None)
        if entry is not None:
            entry.officer.lock()

    def sweep(self, now: float | None = None) -> None:
        """Wipe the keys of sessions that nobody used for a while; called by the desk's clock thread."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            names = [name for name, entry in self._open.items() if self._is_over(entry, moment)]
        for name in names:
            self.end(name)

    def officers(self) -> list[OfficerSession]:
        """Who is signed in now, each once."""
        with self._lock:
            found = {entry.officer.handle: entry.officer for entry in self._open.values()}
        return [found[handle] for handle in sorted(found)]

    def _is_over(self, entry: SignedIn, now: float) -> bool:
        return now - entry.seen > self._idle or now - entry.since > self._longest

    def end_all(self) -> None:
        with self._lock:
            names = list(self._open)
        for name in names:
            self.end(name)


def install(app: Flask, book: SessionBook) -> LoginManager:
    """Let Flask-Login find the signed-in officer by the cookie's random name."""
    manager = LoginManager(app)
    manager.login_view = "entry.sign_in"
    manager.session_protection = None  # the cookie is bound to this process by its key; addresses are all loopback

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(name: str) -> SignedIn | None:
        return book.find(name)

    return manager


def start(book: SessionBook, officer: OfficerSession) -> None:
    """Sign the officer in under a new cookie; whatever the cookie held before is dropped."""
    session.clear()
    login_user(book.begin(officer))


def stop(book: SessionBook, entry: SignedIn) -> None:
    """Sign out and wipe the keys."""
    book.end(entry.get_id())
    logout_user()
    session.clear()
