"""A desk at run time: its folder, its keys, its broker, and the state of the log that it has checked."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.directory import Directory
from agencies.members import OfficerSession
from crypto.digests import EMPTY_ROOT, node_hash
from crypto.encoding import dump_json
from crypto.signing import MLDSAKey, NoteKey, SigningKey, parse_vkey
from custody.checkpoint import Checkpoint
from errors import Conflict, FormatError, InstallationError, LogForked, NotPermitted
from exchange.broker_client import BrokerClient
from exchange.models import Alarm, DirectoryRow, LogState
from storage.desk_files import DeskFiles


class Keys(Protocol):
    """What a desk signs with while nobody is signed in (agencies/desk_keys.py)."""

    @property
    def http_key(self) -> SigningKey:
        """Signs requests to the broker."""

    @property
    def witness(self) -> SigningKey:
        """Cosigns checkpoints, Ed25519."""

    @property
    def witness_mldsa(self) -> MLDSAKey:
        """Cosigns checkpoints, ML-DSA-44."""


@dataclass
class Office:
    """What every service of the exchange works with.

    Args:
        agency: name of the desk's agency.
        files: the desk's folder.
        keys: the desk's own keys.
        client: calls to the broker, signed by the desk.
        settings: `config.settings.DeskSettings`.
        require_compared: raises unless the root of an agency was compared, person to person.
    """

    agency: str
    files: DeskFiles
    keys: Keys = field(repr=False)
    client: BrokerClient = field(repr=False)
    settings: Any = field(default=None, repr=False)
    require_compared: Callable[[Session, Directory, str], None] | None = field(default=None, repr=False)
    _directory: Directory | None = field(default=None, init=False, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False)

    def directory(self, db: Session) -> Directory:
        """The directory as far as the log was followed. Do not change it."""
        # The database's lock first, in every thread: one that waits for it while holding ours would stop whoever has
        # it and comes here.
        db.connection()
        with self._lock:
            if self._directory is None:
                self._directory = Directory(self.log(db).origin)
            rows = db.execute(
                select(DirectoryRow.log_index, DirectoryRow.statement)
                .where(DirectoryRow.log_index > self._directory.last)
                .order_by(DirectoryRow.log_index)
            ).all()
            for index, statement in rows:
                self._directory.apply(index, statement)
            return self._directory

    def forget_directory(self) -> None:
        """Replay it from the database at the next use: a transaction that had fed it was undone."""
        with self._lock:
            self._directory = None

    def log(self, db: Session) -> LogState:
        """The log of this desk.

        Raises:
            InstallationError: the desk has joined no network yet.
        """
        state: LogState | None = db.scalar(select(LogState))
        if state is None:
            raise InstallationError("this desk has joined no network yet; its administrator does that")
        return state

    def seen(self, db: Session) -> Checkpoint:
        """The newest checked checkpoint."""
        state = self.log(db)
        return Checkpoint(state.origin, state.size, state.root)

    def require_running(self, db: Session) -> LogState:
        """Raise LogForked when the log was seen rolled back or forked."""
        state = self.log(db)
        if state.is_stopped:
            raise LogForked
        return state

    def require_known(self, db: Session, agency: str) -> None:
        """Raise unless the agency is in the network and its root was compared."""
        directory = self.directory(db)
        directory.agency(agency)
        if self.require_compared is not None and agency != self.agency:
            self.require_compared(db, directory, agency)

    def require_own(self, officer: OfficerSession) -> None:
        """Raise NotPermitted for an officer of another agency."""
        if officer.agency != self.agency:
            raise NotPermitted("this desk serves officers of its own agency")


def pin_log(db: Session, broker: str, vkeys: list[str], *, now: int) -> LogState:
    """Join a log by the keys that the trust file gives; nothing the broker says can change them later.

    Raises:
        FormatError: not an Ed25519 and an ML-DSA-44 key of one origin.
        Conflict: this desk follows a log already.
    """
    keys = [parse_vkey(one) for one in vkeys]
    if len({key.name for key in keys}) != 1 or sorted(key.kind for key in keys) != [0x01, 0x06]:
        raise FormatError("a log is pinned by its Ed25519 and its ML-DSA-44 key")
    if db.scalar(select(LogState)) is not None:
        raise Conflict("this desk follows a log already")
    state = LogState(
        origin=keys[0].name, broker=broker, vkeys="\n".join(vkeys), size=0, root=Frontier().root(), frontier=b"",
        note=b"", mailbox_cursor=0, is_stopped=False, synced_at=now,
    )  # fmt: skip
    db.add(state)
    db.flush()
    return state


def log_keys(state: LogState) -> list[NoteKey]:
    """The pinned verifier keys."""
    return [parse_vkey(one) for one in state.vkeys.split("\n")]


def raise_alarm(db: Session, kind: str, subject: str, evidence: dict[str, Any], *, now: int) -> Alarm:
    """Note something for a person to look at; the same thing is noted once."""
    found = db.scalar(select(Alarm).where(Alarm.kind == kind, Alarm.subject == subject))
    if found is None:
        found = Alarm(kind=kind, subject=subject, evidence=dump_json({"v": 1, "kind": kind, **evidence}), raised_at=now)
        db.add(found)
        db.flush()
    return found


def list_alarms(db: Session, *, unseen_only: bool = False) -> list[Alarm]:
    """Alarms, newest first."""
    query = select(Alarm).order_by(Alarm.alarm_id.desc())
    return list(db.scalars(query.where(Alarm.seen_by.is_(None)) if unseen_only else query))


def acknowledge_alarm(db: Session, officer: OfficerSession, alarm_id: int) -> None:
    """An officer has seen it; it stays in the list."""
    found = db.get(Alarm, alarm_id)
    if found is not None:
        found.seen_by = officer.handle


class Frontier:
    """The right edge of the log's tree: enough to append to it and to compute its root."""

    def __init__(self, peaks: list[tuple[int, bytes]] | None = None) -> None:
        self._peaks = list(peaks or [])

    def append(self, digest: bytes) -> None:
        """Add a leaf hash."""
        level = 0
        while self._peaks and self._peaks[-1][0] == level:
            digest = node_hash(self._peaks.pop()[1], digest)
            level += 1
        self._peaks.append((level, digest))

    def root(self) -> bytes:
        """Root of all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        digest = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            digest = node_hash(peak, digest)
        return digest

    def dump(self) -> bytes:
        """u8 level and 32 bytes for each peak."""
        return b"".join(bytes([level]) + digest for level, digest in self._peaks)


def parse_frontier(data: bytes) -> Frontier:
    """The reverse of `Frontier.dump`.

    Raises:
        FormatError: another length.
    """
    if len(data) % 33:
        raise FormatError("the stored edge of the log is damaged")
    return Frontier([(data[at], data[at + 1 : at + 33]) for at in range(0, len(data), 33)])
