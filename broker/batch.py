"""The batch that the sequencer makes: what handlers read and write, all in one transaction."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from agencies.directory import Directory
from broker import witnesses
from broker.log_store import LogStore
from broker.models import EntryKey, LogHead, MailItem
from crypto.digests import sha256

Payload = dict[str, Any]
Answer = dict[str, Any]


@dataclass(slots=True)
class Appender:
    """The batch that is being made: what handlers read and write. All of it is one transaction."""

    session: Session
    log: LogStore
    origin: str
    head: LogHead
    directory: Directory
    now: datetime
    size: int
    witness_quorum: int
    random_bytes: Callable[[int], bytes] = os.urandom
    entries: list[bytes] = field(default_factory=list)

    @property
    def log_id(self) -> bytes:
        """16 bytes."""
        return self.log.log_id

    @property
    def next_index(self) -> int:
        """The index that the next entry will get."""
        return self.size + len(self.entries)

    def age_of(self, index: int) -> float:
        """Seconds since the entry at `index` was there, by the witnesses' times."""
        return witnesses.get_age(self.session, self.log_id, index, self.witness_quorum)

    def find_entries(self, entries: Sequence[bytes]) -> dict[bytes, int]:
        """Indices of those entries that are in the log or in this batch, by entry."""
        digests = {sha256(entry): entry for entry in entries}
        query = select(EntryKey.digest, EntryKey.entry_index).where(
            EntryKey.log_id == self.log_id, EntryKey.digest.in_(list(digests))
        )
        return {digests[digest]: index for digest, index in self.session.execute(query)}

    def find_entry(self, entry: bytes) -> int | None:
        """Where this very entry stands already."""
        return self.find_entries([entry]).get(entry)

    def append(self, *entries: bytes) -> list[int]:
        """Put new entries into the batch; return their indices."""
        first = self.next_index
        self.entries += entries
        rows = [
            {"log_id": self.log_id, "digest": sha256(entry), "entry_index": first + at}
            for at, entry in enumerate(entries)
        ]
        self.session.execute(insert(EntryKey), rows)
        return [first + at for at in range(len(entries))]

    def tell(
        self, agency: str, kind: str, index: int, *, bundle_id: bytes | None = None, handle: bytes | None = None
    ) -> None:
        """Put an item into an agency's mailbox."""
        self.head.cursor += 1
        self.session.add(
            MailItem(
                log_id=self.log_id,
                agency=agency,
                cursor=self.head.cursor,
                kind=kind,
                bundle_id=bundle_id,
                entry_index=index,
                handle=handle,
            )
        )


Handler = Callable[[Appender, Payload], Answer]
