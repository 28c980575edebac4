"""The parts of a running broker, put together once by the app factory."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from agencies.directory import Directory
from broker.directories import DirectoryCache
from broker.duties import Duties, HalvesStore
from broker.log_store import LogStore
from broker.sequencer import Clock, Sequencer
from config.settings import BrokerSettings
from custody.checkpoint import LogKeys
from errors import Recovering
from storage.blobs import BlobStore
from storage.database import transact

EXTENSION = "amparo"


@dataclass(frozen=True, slots=True)
class Parts:
    """What views and background work use."""

    settings: BrokerSettings
    authority: str
    log_id: bytes
    keys: LogKeys
    engine: Engine
    sessions: sessionmaker[Session]
    readers: sessionmaker[Session]
    blobs: BlobStore
    log: LogStore
    directories: DirectoryCache
    sequencer: Sequencer
    halves: HalvesStore
    duties: Duties
    clock: Clock
    waiting: threading.BoundedSemaphore
    random_bytes: Callable[[int], bytes] = os.urandom

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.keys.origin

    def now(self) -> datetime:
        """Aware UTC."""
        return self.clock()

    def read_directory(self) -> Directory:
        """The directory as it stands now."""
        return transact(self.readers, self.directories.get)

    def submit(self, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Have a handler run at the end of the log, unless the log is being recovered.

        Raises:
            Recovering: nothing is taken before the newer entries are back.
        """
        self.require_normal()
        return self.sequencer.submit(kind, payload)

    def require_normal(self) -> None:
        """Raise Recovering while the log is."""
        if self.read_state() == "recovering":
            raise Recovering

    def read_state(self) -> str:
        """open, recovering or closed."""
        return transact(self.readers, self.log.head).state

    @contextmanager
    def may_wait(self) -> Iterator[bool]:
        """Whether this thread may wait for news: at most a quarter of all do at a time."""
        allowed = self.waiting.acquire(blocking=False)
        try:
            yield allowed
        finally:
            if allowed:
                self.waiting.release()


def get_parts() -> Parts:
    """The parts of the broker that serves this request."""
    parts: Parts = current_app.extensions[EXTENSION]
    return parts
