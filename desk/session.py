"""Who is signed in: officers' sessions live in this process's memory and nowhere else.

The cookie holds a random name of a session; the keys are reachable only through the entry of that name. A lock, a
sign-out, an idle spell or the end of the longest session wipes them, and so does the officer's departure. Between
passphrase and second factor a session is pending: it opens the steps of the sign-in and nothing else.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from flask import Flask, session
from flask_login import AnonymousUserMixin, LoginManager, UserMixin, login_user, logout_user

from agencies.members import OfficerSession
from agencies.preferences import Preferences
from desk.opened_store import OpenedStore
from exchange.search_index import SearchIndex
from identity.htcds import PersonTable

IsCurrent = Callable[[OfficerSession], bool]
PENDING_SECONDS: Final = 300
MOST_ENDED: Final = 1000
MOST_DONE: Final = 500
KEPT: Final = ("next", "language", "_flashes")  # of the cookie, over a sign-in


class Closing(Protocol):
    """Something with secrets in it that has to be overwritten at the end."""

    def close(self) -> None: ...


class Held(Protocol):
    """Something half done that ends with the session."""

    def abort(self) -> None:
        """Throw it away."""


@dataclass
class SignedIn(UserMixin):  # type: ignore[misc]
    """One signed-in officer. `officer` holds the keys; it is never printed.

    Attributes:
        is_pending: the second factor is still to come.
        choices: how she likes the desk.
        offered: secret of an authenticator that is being set up.
        challenge: what a security key has to answer.
        named: persons whose name was asked for and is shown, to the moment at which it hides again.
        table: shares of the root or of the recovery key that their holders have typed here, by purpose.
        reissue: a new recovery key whose shares are on their way to paper.
        shown_code: a one-time code for an officer, with the appointment it is for, until it was written down.
        index: what she may search, in memory.
        searched: words of her last searches, by the random number that stands in the address.
        tables: tables of persons that were read and not taken in yet, with the case that they are for.
        done: forms that were sent, by their number, to where they led: sent twice, they lead there again.
        held: files that have arrived and are in no case yet, by number (desk/uploads.py).
        shown: files that are shown after a reason was given, to the moment at which they close again.
        opened: bundles that she has opened; they are closed with the session.
        entitled: whether a bundle is sealed to her, as of one of its events.
        acts: held while a form is worked on, so that the same one sent twice is done once.
    """

    name: str
    officer: OfficerSession = field(repr=False)
    is_pending: bool = False
    choices: Preferences = field(default_factory=Preferences)
    offered: str | None = field(default=None, repr=False)
    since: float = field(default_factory=time.monotonic)
    seen: float = field(default_factory=time.monotonic)
    challenge: bytes | None = field(default=None, repr=False)
    named: dict[bytes, float] = field(default_factory=dict, repr=False)
    table: dict[str, list[str]] = field(default_factory=dict, repr=False)
    reissue: Closing | None = field(default=None, repr=False)
    shown_code: tuple[bytes, str] | None = field(default=None, repr=False)
    index: SearchIndex | None = field(default=None, repr=False)
    searched: OrderedDict[str, str] = field(default_factory=OrderedDict, repr=False)
    tables: OrderedDict[str, tuple[bytes, PersonTable]] = field(default_factory=OrderedDict, repr=False)
    done: OrderedDict[str, str] = field(default_factory=OrderedDict, repr=False)
    held: dict[str, Held] = field(default_factory=dict, repr=False)
    shown: dict[tuple[bytes, bytes], float] = field(default_factory=dict, repr=False)
    opened: OpenedStore = field(default_factory=OpenedStore, repr=False)
    entitled: dict[tuple[bytes, int], bool] = field(default_factory=dict, repr=False)
    acts: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def language(self) -> str | None:
        """The language she chose."""
        return self.choices.language

    @property
    def is_authenticated(self) -> bool:
        return not self.is_pending

    def get_id(self) -> str:
        return self.name

    def forget(self) -> None:
        """Drop everything of the cases that the session holds."""
        for one in list(self.held.values()):
            one.abort()
        for kept in (self.named, self.searched, self.tables, self.table, self.shown, self.held):
            kept.clear()
        self.entitled.clear()
        self.opened.close()
        self.shown_code = None
        if self.reissue is not None:
            self.reissue.close()
        if self.index is not None:
            self.index.wipe()

    def note_done(self, number: str, location: str) -> None:
        """Remember where a form led."""
        self.done[number] = location
        while len(self.done) > MOST_DONE:
            self.done.popitem(last=False)


class Nobody(AnonymousUserMixin):  # type: ignore[misc]
    """Whoever has not signed in."""

    is_pending = False


class SessionBook:
    """Every session of this desk process. Safe for threads.

    Args:
        idle_seconds, longest_seconds: after which a session is over.
        is_current: whether the officer still works here under these keys; asked at every request.
    """

    def __init__(self, idle_seconds: float, longest_seconds: float, is_current: IsCurrent) -> None:
        self.idle_seconds = idle_seconds
        self._longest, self._is_current = longest_seconds, is_current
        self._lock = threading.Lock()
        self._open: dict[str, SignedIn] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()

    def begin(self, officer: OfficerSession, *, is_pending: bool = False) -> SignedIn:
        """A new session under a name of its own."""
        entry = SignedIn(secrets.token_urlsafe(32), officer, is_pending)
        with self._lock:
            self._open[entry.name] = entry
        return entry

    def find(self, name: str, now: float | None = None) -> SignedIn | None:
        """The open session of this name, and a sign of life for it."""
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

    def was(self, name: str) -> str | None:
        """The officer of a session that has ended; forms that come late are kept for her."""
        with self._lock:
            return self._ended.get(name)

    def end(self, name: str) -> None:
        """Wipe the keys of a session."""
        with self._lock:
            entry = self._open.pop(name, None)
            if entry is not None and not entry.is_pending:
                self._ended[name] = entry.officer.handle
                while len(self._ended) > MOST_ENDED:
                    self._ended.popitem(last=False)
        if entry is not None:
            entry.forget()
            entry.officer.lock()

    def promote(self, entry: SignedIn) -> SignedIn:
        """The second factor was right: the same keys under a new name."""
        with self._lock:
            self._open.pop(entry.name, None)
        return self.begin(entry.officer)

    def end_others(self, entry: SignedIn) -> int:
        """Sign the officer out everywhere else; how many sessions that were."""
        with self._lock:
            names = [
                name for name, other in self._open.items()
                if other.officer.handle == entry.officer.handle and name != entry.name
            ]  # fmt: skip
        for name in names:
            self.end(name)
        return len(names)

    def count_others(self, entry: SignedIn) -> int:
        """In how many other browsers the officer is signed in."""
        with self._lock:
            others = [one for one in self._open.values() if one.officer.handle == entry.officer.handle]
        return sum(one.name != entry.name and not one.is_pending for one in others)

    def end_of(self, handle: str) -> int:
        """Sign an officer out everywhere, since she has left or has new keys; how many sessions that were."""
        with self._lock:
            names = [name for name, entry in self._open.items() if entry.officer.handle == handle]
        for name in names:
            self.end(name)
        return len(names)

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
            found = {entry.officer.handle: entry.officer for entry in self._open.values() if not entry.is_pending}
        return [found[handle] for handle in sorted(found)]

    def _is_over(self, entry: SignedIn, now: float) -> bool:
        if entry.is_pending:
            return now - entry.since > PENDING_SECONDS
        return now - entry.seen > self.idle_seconds or now - entry.since > self._longest

    def end_all(self) -> None:
        """Wipe every key."""
        with self._lock:
            names = list(self._open)
        for name in names:
            self.end(name)


def install(app: Flask, book: SessionBook) -> LoginManager:
    """Let Flask-Login find the signed-in officer by the cookie's random name."""
    manager = LoginManager(app)
    manager.anonymous_user = Nobody
    manager.session_protection = None  # the cookie is bound to this process by its key; addresses are all loopback

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(name: str) -> SignedIn | None:
        return book.find(name)

    return manager


def start(book: SessionBook, officer: OfficerSession, *, is_pending: bool) -> SignedIn:
    """Sign the officer in under a new cookie; whatever the cookie held before is dropped, but the way back."""
    return _use(book.begin(officer, is_pending=is_pending))


def complete(book: SessionBook, entry: SignedIn) -> SignedIn:
    """The second factor was right: a new cookie again."""
    return _use(book.promote(entry))


def _use(entry: SignedIn) -> SignedIn:
    kept = {name: session[name] for name in KEPT if session.get(name)}
    session.clear()
    session.update(kept)
    login_user(entry)
    return entry


def stop(book: SessionBook, entry: SignedIn) -> None:
    """Sign out and wipe the keys."""
    book.end(entry.get_id())
    logout_user()
    session.clear()
