"""Carries out at the halves' store what the log has ordered: hold, lift, destroy.

An order is written in the transaction of the event that asks for it, is carried out before that event is
answered, and is repeated at every start: a kill between the two loses nothing.
"""

from datetime import date
from functools import partial
from typing import Any, Protocol

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from broker.models import Duty
from crypto.header import Header
from storage.database import transact

PAGE = 64


class HalvesStore(Protocol):
    """What the rest of the broker asks of the store of key halves; B itself is on no path of it."""

    operator: str

    def put(self, log_id: bytes, header: Header, header_digest: bytes, sealed_halves: list[bytes]) -> None:
        """Check and keep the halves of a deposit."""

    def has(self, log_id: bytes, header_digest: bytes) -> bool:
        """Whether a half is there."""

    def mark(self, log_id: bytes, header_digest: bytes, *, held: bool, index: int) -> None:
        """Hold, or lift the hold."""

    def destroy(self, log_id: bytes, header_digest: bytes) -> None:
        """Remove for ever."""

    def forget(self, log_id: bytes, header_digest: bytes) -> None:
        """Remove what was never deposited."""

    def release(self, log_id: bytes, header_digest: bytes, one_time_key: bytes, info: bytes) -> list[Any]:
        """The half, sealed to a one-time key."""

    def list_digests(self, log_id: bytes, after: bytes = b"", most: int = 500) -> list[bytes]:
        """Header digests of what is kept."""

    def add_receiving_key(self, day: date, until: date) -> Any:
        """The receiving key of a day."""

    def drop_receiving_keys(self, today: date) -> int:
        """Overwrite old ones."""

    def rekey(self) -> int:
        """Renew the store key."""

    def close(self) -> None:
        """Give the connections back."""


class Duties:
    """The orders that are open."""

    def __init__(
        self, log_id: bytes, sessions: sessionmaker[Session], readers: sessionmaker[Session], halves: HalvesStore
    ) -> None:
        self._log_id, self._sessions, self._readers, self._halves = log_id, sessions, readers, halves

    def perform(self) -> int:
        """Carry out every open order; return their number."""
        done = 0
        while orders := transact(self._readers, self._next):
            for duty in orders:
                if duty.kind == "destroy":
                    self._halves.destroy(self._log_id, duty.header_digest)
                else:
                    is_hold = duty.kind == "hold"
                    self._halves.mark(self._log_id, duty.header_digest, held=is_hold, index=duty.entry_index)
            transact(self._sessions, partial(self._finish, [duty.duty_id for duty in orders]))
            done += len(orders)
        return done

    def _finish(self, duty_ids: list[bytes], session: Session) -> None:
        session.execute(delete(Duty).where(Duty.log_id == self._log_id, Duty.duty_id.in_(duty_ids)))

    def _next(self, session: Session) -> list[Duty]:
        query = select(Duty).where(Duty.log_id == self._log_id).order_by(Duty.entry_index).limit(PAGE)
        return list(session.scalars(query))
