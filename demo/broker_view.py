"""What the broker's own database has gained since the last look, in words: what a seized broker would tell."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker import models
from storage.database import open_engine, session_factory

DIRECTORY_ENTRY = b"\x01"


@dataclass
class BrokerView:
    """Reads the broker's tables while it runs; it changes nothing.

    Args:
        database_url: of the broker's main database.
    """

    database_url: str = field(repr=False)
    _entries: int = 0
    _events: int = 0
    _bundles: set[bytes] = field(default_factory=set)
    _states: dict[bytes, str] = field(default_factory=dict)
    _handles: dict[bytes, str] = field(default_factory=dict)

    def news(self) -> list[str]:
        """What was not there at the last call, a line each."""
        engine = open_engine(self.database_url)
        try:
            with session_factory(engine)() as db:
                return [
                    *self._log(db), *self._new_bundles(db), *self._new_events(db), *self._new_states(db),
                    *self._new_handles(db),
                ]  # fmt: skip
        finally:
            engine.dispose()

    def _log(self, db: Session) -> Iterator[str]:
        rows = db.scalars(
            select(models.Entry.entry)
            .where(models.Entry.entry_index >= self._entries)
            .order_by(models.Entry.entry_index)
        ).all()
        public = sum(row[:1] == DIRECTORY_ENTRY for row in rows)
        self._entries += len(rows)
        if public:
            yield f"{public} public statements of the directory"
        if len(rows) > public:
            yield f"{len(rows) - public} sealed entries of the log (a tag and a hash each), {self._entries} in all"

    def _new_bundles(self, db: Session) -> Iterator[str]:
        for row in db.scalars(select(models.Bundle).order_by(models.Bundle.entry_index)):
            if row.bundle_id in self._bundles:
                continue
            self._bundles.add(row.bundle_id)
            self._states[row.bundle_id] = row.state
            agencies = db.scalars(
                select(models.BundleAgency.agency).where(models.BundleAgency.bundle_id == row.bundle_id)
            ).all()
            others = ", ".join(sorted(set(agencies) - {row.sender_agency}))
            yield (
                f"bundle {row.bundle_id.hex()[:8]}: {row.payload_bytes:,} bytes of ciphertext (padded) "
                f"from {row.sender_agency} to {others}, until {row.expires_at:%Y-%m}"
            )

    def _new_events(self, db: Session) -> Iterator[str]:
        rows = db.scalars(
            select(models.Event).where(models.Event.entry_index >= self._events).order_by(models.Event.entry_index)
        ).all()
        counts = Counter((row.kind, row.agency, row.object_id.hex()[:8]) for row in rows)
        for (kind, agency, name), count in counts.items():
            if not kind.startswith("handle-"):
                yield f"{kind} by {agency} on {name}{f', {count} times' if count > 1 else ''}; reasons sealed"
        last = db.scalar(select(func.max(models.Event.entry_index)))
        self._events = 0 if last is None else last + 1

    def _new_states(self, db: Session) -> Iterator[str]:
        for row in db.scalars(select(models.Bundle)):
            if self._states.get(row.bundle_id) != row.state:
                self._states[row.bundle_id] = row.state
                yield f"bundle {row.bundle_id.hex()[:8]} is {row.state}"

    def _new_handles(self, db: Session) -> Iterator[str]:
        changed: Counter[str] = Counter()
        for row in db.scalars(select(models.HandleState)):
            before = self._handles.get(row.handle, "active")
            self._handles[row.handle] = row.state
            if row.state != before:
                changed[row.state] += 1
        for state, count in sorted(changed.items()):
            yield f"{count} handles are {state}; whose consent they stand for is not known here"
