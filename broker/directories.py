"""The directory as this process knows it: replayed from the log, moved on with every entry."""

import copy
import threading

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.directory import Directory
from broker.models import DirectoryEntry


class DirectoryCache:
    """One directory, never changed in place: whoever holds one keeps a consistent state."""

    def __init__(self, log_id: bytes, origin: str) -> None:
        self._log_id = log_id
        self._lock = threading.Lock()
        self._newest = Directory(origin)

    def get(self, session: Session) -> Directory:
        """The state that this session sees; entries that were rolled back are never kept."""
        newest = self._newest
        query = (
            select(DirectoryEntry.entry_index, DirectoryEntry.statement)
            .where(DirectoryEntry.log_id == self._log_id, DirectoryEntry.entry_index > newest.last)
            .order_by(DirectoryEntry.entry_index)
        )
        more = list(session.execute(query))
        if not more:
            return newest
        moved = copy.deepcopy(newest)
        for index, statement in more:
            moved.apply(index, statement)
        with self._lock:
            if moved.last > self._newest.last:
                self._newest = moved
        return moved
