"""The store of key halves: the only module that touches B (docs/protocol.md 3.3 and 4).

A half arrives sealed to a receiving key of the day, is checked against the header's c_b, and is kept under
the store key in a database of its own. The store key lies in a small file that is overwritten; it is renewed
at least daily, which makes every older copy of the database (free pages, journals, backups) unreadable.
Destroying removes the half at once and leaves a tombstone, so that a late copy of the deposit cannot bring it
back. What leaves this module is sealed to a one-time key and is never stored.
"""

import hmac
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import BigInteger, Integer, MetaData, String, inspect, select, tuple_
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from broker.slots import SlotFile
from crypto import boxes, hybrid, labels
from crypto.digests import DIGEST_BYTES, sha256
from crypto.encoding import fields
from crypto.header import Header, commit_b, half_info, require_commitment
from errors import (
    CommitmentMismatch,
    Conflict,
    DecryptionFailed,
    HalfKeyExpired,
    HalfLost,
    KeyUnusable,
    ReleaseDestroyed,
    ReleaseHeld,
)
from storage.database import NAMES, open_engine, session_factory, transact
from storage.types import Digest, Identifier, SealedBytes

STORE_ID = bytes(16)
STORE_SLOTS, STORE_BYTES = 2, 8 + boxes.KEY_BYTES
DATE_BYTES = 10
RECEIVING_SLOTS, RECEIVING_BYTES = 6, 2 * DATE_BYTES + hybrid.SECRET_BYTES
REKEY_ROWS = 500
Random = Callable[[int], bytes]


class HalvesBase(DeclarativeBase):
    """Tables of the halves' own database."""

    metadata = MetaData(naming_convention=NAMES)


class StoreState(HalvesBase):
    """One row: the generation of the store key under which every half is sealed."""

    __tablename__ = "store_state"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger)


class StoredHalf(HalvesBase):
    """A half, or the tombstone of one."""

    __tablename__ = "stored_half"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    header_digest: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)  # of the operator in the header, from 1
    state: Mapped[str] = mapped_column(String(16))  # active, held, destroyed
    changed_by: Mapped[int] = mapped_column(BigInteger)  # log index of what changed the state last
    sealed: Mapped[bytes | None] = mapped_column(SealedBytes)


@dataclass(frozen=True, slots=True)
class ReceivingKeyOfDay:
    """The public half of a receiving key: used on `day`, taken until the end of `until`."""

    day: date
    until: date
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Release:
    """A half sealed to a one-time key; not stored anywhere."""

    operator: str
    box: bytes


class Halves:
    """The store. Safe for use by several threads, and by several processes on one machine."""

    def __init__(
        self, url: str, store_key_file: Path, receiving_key_file: Path, operator: str,
        random_bytes: Random = os.urandom,
    ) -> None:  # fmt: skip
        """Open the store and finish a renewal of the key that was interrupted.

        Raises:
            KeyUnusable: the file holds no key for the halves that the database has.
        """
        self.operator = operator
        self._random = random_bytes
        self._keys = SlotFile(store_key_file, STORE_SLOTS, STORE_BYTES)
        self._receiving = SlotFile(receiving_key_file, RECEIVING_SLOTS, RECEIVING_BYTES)
        self._receiving_lock = threading.Lock()
        self._engine = open_engine(url, erase=True)
        self._sessions = session_factory(self._engine)
        if not inspect(self._engine).has_table(StoreState.__tablename__):
            self._engine.dispose()
            raise KeyUnusable("there is no store of key halves; if it was lost: amparo broker new-halves")
        transact(self._sessions, self._finish_rekey)

    @classmethod
    def create(
        cls, url: str, store_key_file: Path, receiving_key_file: Path, operator: str,
        random_bytes: Random = os.urandom,
    ) -> "Halves":  # fmt: skip
        """Set up an empty store with its first key.

        Raises:
            Conflict: one of the key files is already there.
        """
        keys = SlotFile.create(store_key_file, STORE_SLOTS, STORE_BYTES)
        SlotFile.create(receiving_key_file, RECEIVING_SLOTS, RECEIVING_BYTES)
        keys.write(1 % STORE_SLOTS, _pack_key(1, random_bytes(boxes.KEY_BYTES)))
        engine = open_engine(url, erase=True)
        HalvesBase.metadata.create_all(engine)
        transact(session_factory(engine), _write_first_state)
        engine.dispose()
        return cls(url, store_key_file, receiving_key_file, operator, random_bytes)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    # ---- receiving keys of the day

    def add_receiving_key(self, day: date, until: date) -> ReceivingKeyOfDay:
        """Make the receiving key of a day, or return the one that is there.

        Raises:
            KeyUnusable: every place of the file is taken; drop old keys first.
        """
        with self._receiving_lock:
            for held_day, held_until, key in self._receiving_keys():
                if held_day == day:
                    return ReceivingKeyOfDay(held_day, held_until, key.public_key)
            secret = hybrid.generate(self._random)
            record = day.isoformat().encode() + until.isoformat().encode() + bytes(secret)
            for slot in range(RECEIVING_SLOTS):
                if self._receiving.read(slot) is None:
                    self._receiving.write(slot, record)
                    return ReceivingKeyOfDay(day, until, hybrid.ReceivingKey(secret).public_key)
            raise KeyUnusable("there is no room for another receiving key")

    def drop_receiving_keys(self, today: date) -> int:
        """Overwrite the keys whose last day is over; what was sealed to them stays closed for ever."""
        dropped = 0
        with self._receiving_lock:
            for slot in range(RECEIVING_SLOTS):
                record = self._receiving.read(slot)
                if record is not None and _parse_receiving(record)[1] < today:
                    self._receiving.wipe(slot)
                    dropped += 1
        return dropped

    def _receiving_keys(self) -> Iterator[tuple[date, date, hybrid.ReceivingKey]]:
        for slot in range(RECEIVING_SLOTS):
            record = self._receiving.read(slot)
            if record is not None:
                day, until, secret = _parse_receiving(record)
                yield day, until, hybrid.ReceivingKey(secret)

    # ---- one half

    def put(self, log_id: bytes, header: Header, header_digest: bytes, sealed_halves: Sequence[bytes]) -> None:
        """Open the halves of this operator, check them and keep them. Repeating it changes nothing.

        Args:
            log_id: 16 bytes.
            header: parsed and verified by the caller.
            header_digest: 32 bytes.
            sealed_halves: one per operator, in the order of the header, 1,168 bytes each.

        Raises:
            CommitmentMismatch: a half is not the one that the header commits to.
            HalfKeyExpired: sealed to a key that is no longer, or never was, held here.
            ReleaseDestroyed: the half of this header was destroyed before.
        """
        opened = {}
        for number, (said, sealed) in enumerate(zip(header.halves, sealed_halves, strict=True), start=1):
            if said.operator != self.operator:
                continue
            require_commitment(said.half_digest, sha256(sealed), "the sealed half")
            half = self._open_received(half_info(header.ctx, number), sealed)
            require_commitment(said.c_b, commit_b(header.bundle_id, half), "the half")
            opened[number] = half
        if not opened:
            raise CommitmentMismatch("the header names no half for this operator")
        transact(self._sessions, lambda session: self._insert(session, log_id, header_digest, opened))

    def _open_received(self, info: bytes, sealed: bytes) -> bytes:
        with self._receiving_lock:
            keys = [key for _, _, key in self._receiving_keys()]
        for key in keys:
            try:
                half = key.open(info, sealed)
            except DecryptionFailed:
                continue
            if len(half) != DIGEST_BYTES:
                raise CommitmentMismatch("a half has 32 bytes")
            return half
        raise HalfKeyExpired

    def _insert(self, session: Session, log_id: bytes, header_digest: bytes, opened: dict[int, bytes]) -> None:
        generation, key = self._current_key(session)
        for number, half in opened.items():
            row = session.get(StoredHalf, (log_id, header_digest, number))
            if row is not None and row.state == "destroyed":
                raise ReleaseDestroyed
            if row is None:
                sealed = self._seal(key, generation, (log_id, header_digest, number), half)
                session.add(
                    StoredHalf(
                        log_id=log_id,
                        header_digest=header_digest,
                        number=number,
                        state="active",
                        changed_by=-1,
                        sealed=sealed,
                    )
                )

    def has(self, log_id: bytes, header_digest: bytes) -> bool:
        """Whether a half of this header is here and not destroyed."""
        return transact(
            self._sessions,
            lambda session: any(row.sealed is not None for row in _rows(session, log_id, header_digest)),
        )

    def mark(self, log_id: bytes, header_digest: bytes, *, held: bool, index: int) -> None:
        """Hold the half, or lift the hold, as the log says at `index`.

        A destroyed half stays destroyed, and what comes late does not undo what the log ordered after it.
        """

        def work(session: Session) -> None:
            for row in _rows(session, log_id, header_digest):
                if row.state != "destroyed" and index > row.changed_by:
                    row.state, row.changed_by = "held" if held else "active", index

        transact(self._sessions, work)

    def destroy(self, log_id: bytes, header_digest: bytes) -> None:
        """Remove the half at once and for ever; a header that is not known yet gets its tombstone too."""

        def work(session: Session) -> None:
            rows = _rows(session, log_id, header_digest)
            for row in rows:
                row.state, row.sealed = "destroyed", None
            if not rows:
                session.add(
                    StoredHalf(
                        log_id=log_id,
                        header_digest=header_digest,
                        number=1,
                        state="destroyed",
                        changed_by=-1,
                        sealed=None,
                    )
                )

        transact(self._sessions, work)

    def forget(self, log_id: bytes, header_digest: bytes) -> None:
        """Remove a half whose deposit was never completed; unlike `destroy` it leaves nothing behind."""

        def work(session: Session) -> None:
            for row in _rows(session, log_id, header_digest):
                session.delete(row)

        transact(self._sessions, work)

    def release(self, log_id: bytes, header_digest: bytes, one_time_key: bytes, info: bytes) -> list[Release]:
        """Seal the half to a one-time key, after reading its state once more.

        Args:
            log_id: 16 bytes.
            header_digest: 32 bytes.
            one_time_key: X-Wing public key, 1,216 bytes.
            info: `crypto.header.release_info` of the logged request.

        Raises:
            HalfLost: there is no half here.
            ReleaseHeld, ReleaseDestroyed: its state.
            FormatError: not a receiving key.
        """
        opened = transact(self._sessions, lambda session: self._open(session, log_id, header_digest))
        released = [Release(self.operator, hybrid.seal(one_time_key, info, half)) for half in opened]
        # A hold may have been acknowledged while this one was sealed: the last word is the state now.
        transact(self._sessions, lambda session: _require_active(_rows(session, log_id, header_digest)))
        return released

    def _open(self, session: Session, log_id: bytes, header_digest: bytes) -> list[bytes]:
        rows = _rows(session, log_id, header_digest)
        _require_active(rows)
        generation, key = self._current_key(session)
        return [
            boxes.open_box(key, _aad(generation, (log_id, header_digest, row.number)), row.sealed)
            for row in rows
            if row.sealed is not None
        ]

    def list_digests(self, log_id: bytes, after: bytes = b"", most: int = 500) -> list[bytes]:
        """Header digests of the halves held here, in order, from behind `after`."""
        query = (
            select(StoredHalf.header_digest)
            .where(StoredHalf.log_id == log_id, StoredHalf.sealed.is_not(None))
            .distinct()
            .order_by(StoredHalf.header_digest)
            .limit(most)
        )
        if after:
            query = query.where(StoredHalf.header_digest > after)
        return transact(self._sessions, lambda session: list(session.scalars(query)))

    # ---- the store key

    def rekey(self) -> int:
        """Renew the store key; return its generation.

        The order survives a kill at every point: the new key into the spare place of the file (synced); all
        halves under it and the new generation in one transaction; the old place overwritten. Whoever opens
        the store next finds the generation in the database, keeps that key and wipes the other.
        """
        generation = transact(self._sessions, self._reseal_all)
        transact(self._sessions, self._finish_rekey)
        return generation

    def _reseal_all(self, session: Session) -> int:
        old_generation, old_key = self._current_key(session, lock=True)
        generation, key = old_generation + 1, self._random(boxes.KEY_BYTES)
        self._keys.write(generation % STORE_SLOTS, _pack_key(generation, key))
        place: tuple[bytes, bytes, int] | None = None
        while rows := _next_rows(session, place):
            for row in rows:
                place = (row.log_id, row.header_digest, row.number)
                if row.sealed is not None:
                    half = boxes.open_box(old_key, _aad(old_generation, place), row.sealed)
                    row.sealed = self._seal(key, generation, place, half)
            session.flush()
            session.expunge_all()
        state = session.get_one(StoreState, STORE_ID)
        state.generation = generation
        return generation

    def _finish_rekey(self, session: Session) -> None:
        generation, _ = self._current_key(session, lock=True)
        # Only the key of the database's generation lives on: an older one is history, a newer one unused.
        spare = (generation + 1) % STORE_SLOTS
        self._keys.wipe(spare)

    def _current_key(self, session: Session, *, lock: bool = False) -> tuple[int, bytes]:
        query = select(StoreState).where(StoreState.log_id == STORE_ID)
        state = session.scalars(query.with_for_update() if lock else query).one_or_none()
        if state is None:
            raise KeyUnusable("the store of key halves was not set up")
        record = self._keys.read(state.generation % STORE_SLOTS)
        if record is None or int.from_bytes(record[:8], "big") != state.generation:
            raise KeyUnusable("the store key does not belong to this store of key halves")
        return state.generation, record[8:]

    def _seal(self, key: bytes, generation: int, place: tuple[bytes, bytes, int], half: bytes) -> bytes:
        return boxes.seal_box(key, _aad(generation, place), half, self._random)


def _write_first_state(session: Session) -> None:
    if session.get(StoreState, STORE_ID) is not None:
        raise Conflict("this database holds a store of key halves already")
    session.add(StoreState(log_id=STORE_ID, generation=1))


def _pack_key(generation: int, key: bytes) -> bytes:
    return generation.to_bytes(8, "big") + key


def _parse_receiving(record: bytes) -> tuple[date, date, bytes]:
    day, until = record[:DATE_BYTES].decode(), record[DATE_BYTES : 2 * DATE_BYTES].decode()
    return date.fromisoformat(day), date.fromisoformat(until), record[2 * DATE_BYTES :]


def _aad(generation: int, place: tuple[bytes, bytes, int]) -> bytes:
    return fields(labels.STORED_HALF, generation, *place)


def _rows(session: Session, log_id: bytes, header_digest: bytes) -> list[StoredHalf]:
    query = (
        select(StoredHalf)
        .where(StoredHalf.log_id == log_id, StoredHalf.header_digest == header_digest)
        .order_by(StoredHalf.number)
    )
    return list(session.scalars(query))


def _next_rows(session: Session, place: tuple[bytes, bytes, int] | None) -> list[StoredHalf]:
    order = (StoredHalf.log_id, StoredHalf.header_digest, StoredHalf.number)
    query = select(StoredHalf).order_by(*order).limit(REKEY_ROWS)
    if place is not None:
        query = query.where(tuple_(*order) > place)
    return list(session.scalars(query))


def _require_active(rows: Sequence[StoredHalf]) -> None:
    if not rows:
        raise HalfLost
    for row in rows:
        if row.state == "destroyed" or row.sealed is None:
            raise ReleaseDestroyed
        if not hmac.compare_digest(row.state, "active"):
            raise ReleaseHeld
