"""Integrates what was asked for into the log, in batches, by whoever holds the fenced lease.

One thread per process drains a queue: all that has gathered becomes one transaction with one checkpoint (group
commit), and every caller gets its answer when that checkpoint is published. On SQLite this process is the only
one and holds the lease for its life. On PostgreSQL several processes may run: those without the lease insert
their requests into a table, and the holder integrates them with its own. The fencing number of the lease is
checked in the transaction that publishes, so a holder that was paused cannot publish beside its successor.

What a request may change is decided here, at its place in the log: handlers (broker/integration.py) check the
state that the entries before theirs have left.
"""

import fcntl
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker

import errors
from broker.batch import Answer, Appender, Handler, Payload
from broker.directories import DirectoryCache
from broker.log_store import LogStore
from broker.models import Checkpoint as StoredCheckpoint
from broker.models import Lease, LogHead, Outcome, Pending
from broker.remote import pack, pack_answer, unpack, unpack_answer
from broker.slots import SlotFile
from config.logs import get_log
from custody.checkpoint import Checkpoint, LogKeys, sign_checkpoint
from errors import AmparoError, LeaseLost, LogShorter, NotFound, SettingInvalid, Unavailable
from storage.database import transact

MOST_JOBS = 128
LEASE = timedelta(seconds=3)
POLL_SECONDS = 0.02
ANSWER_SECONDS = 30.0
SIGNED_SLOTS, SIGNED_BYTES = 2, 8 + 32
Clock = Callable[[], datetime]


@dataclass(slots=True)
class Job:
    """Something to do in a batch: a handler's request, or a small write of this process."""

    kind: str
    payload: Payload
    work: Callable[[Session], Any] | None = None
    future: Future[Any] = field(default_factory=Future)
    pending_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    is_remote: bool = False


class Sequencer:
    """The queue and its thread."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        readers: sessionmaker[Session],
        log: LogStore,
        keys: LogKeys,
        directories: DirectoryCache,
        handlers: Mapping[str, Handler],
        signed_file: Path,
        clock: Clock,
        *,
        gather_seconds: float,
        witness_quorum: int,
    ) -> None:
        self._sessions, self._readers, self._log, self._keys = sessions, readers, log, keys
        self._directories, self._handlers, self._clock = directories, handlers, clock
        self._gather_seconds, self._witness_quorum = gather_seconds, witness_quorum
        self._signed = SlotFile(signed_file, SIGNED_SLOTS, SIGNED_BYTES)
        self._queue: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="sequencer", daemon=True)
        self._holder = secrets.token_bytes(16)
        self._fence: int | None = None
        self._renew_at = 0.0
        self._lock_file: IO[bytes] | None = None
        self._waiting: dict[bytes, Job] = {}
        self.is_shared = sessions.kw["bind"].dialect.name != "sqlite"
        self.published = threading.Condition()
        self.published_count = 0
        self.fault: AmparoError | None = None
        self.missing_size = 0

    # ---- life

    def start(self) -> None:
        """Compare what is stored with what was signed, then serve.

        When they differ, the sequencer runs but appends nothing: `fault` says why.

        Raises:
            SettingInvalid: another broker process uses this SQLite database.
        """
        if not self.is_shared:
            self._lock_file = _lock(self._signed.path.with_suffix(".lock"))
        try:
            transact(self._readers, self._require_nothing_lost)
        except (errors.IntegrityError, NotFound) as error:
            self.fault = error if isinstance(error, LogShorter) else LogShorter()
            get_log("broker.sequencer").error("log-refused", code=self.fault.code)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand, give the lease back, end the thread."""
        self._stop.set()
        self._queue.put(Job("", {}, work=lambda session: None))
        if self._thread.is_alive():
            self._thread.join(10)
        if self._lock_file is not None:
            self._lock_file.close()

    def forget_signed(self) -> None:
        """Give up what was signed and is lost, by an administrator's decision; every desk that knows it will say so."""
        for slot in range(SIGNED_SLOTS):
            self._signed.wipe(slot)

    def recheck(self) -> None:
        """Compare again after a recovery; go on if all that was signed is there.

        Raises:
            LogShorter: it is not.
        """
        try:
            transact(self._readers, self._require_nothing_lost)
        except NotFound:
            raise LogShorter from None
        self.fault = None

    def _require_nothing_lost(self, session: Session) -> None:
        head = self._log.head(session)
        for slot in range(SIGNED_SLOTS):
            record = self._signed.read(slot)
            if record is None:
                continue
            size, root = int.from_bytes(record[:8], "big"), record[8:]
            if size > head.size:
                self.missing_size = max(self.missing_size, size)
                raise LogShorter(f"{size - head.size} signed entries are missing from the stored log")
            self._log.require_stored(session, size, root) if size == head.size else self._require_prefix(
                session, size, root
            )
        self._log.require_stored(session, head.size, head.root)

    def _require_prefix(self, session: Session, size: int, root: bytes) -> None:
        if self._log.root_at(session, size) != root:
            raise LogShorter("the stored log differs from what was signed")

    # ---- asking

    def submit(self, kind: str, payload: Payload) -> Answer:
        """Have a handler run at the end of the log; return its answer when the checkpoint is published.

        Args:
            kind: a name out of the handlers.
            payload: text, integers, bytes, None, and lists and mappings of them.

        Raises:
            AmparoError: what the handler refused.
            Unavailable: no answer in time; the same request may be asked again.
        """
        if self.fault is not None:
            raise self.fault
        return self._ask(Job(kind, payload))  # type: ignore[no-any-return]

    def run(self, work: Callable[[Session], Any]) -> Any:
        """Run a small write in the next batch of this process; it may run twice."""
        return self._ask(Job("", {}, work=work))

    def _ask(self, job: Job) -> Any:
        self._queue.put(job)
        try:
            return job.future.result(ANSWER_SECONDS)
        except TimeoutError:
            raise Unavailable("the log did not answer in time; ask again") from None

    def wait_for_news(self, seen: int, seconds: float) -> int:
        """Sleep until something was published after `seen` batches; return the count now."""
        with self.published:
            self.published.wait_for(lambda: self.published_count != seen, seconds)
            return self.published_count

    # ---- the thread

    def _loop(self) -> None:
        while not self._stop.is_set():
            jobs = self._take()
            try:
                self._serve(jobs)
            except Exception as error:  # noqa: BLE001 - the thread must outlive every failure of a batch
                get_log("broker.sequencer").error("batch-failed", exc_info=error)
                _fail(jobs, error if isinstance(error, AmparoError) else Unavailable())

    def _take(self) -> list[Job]:
        idle = POLL_SECONDS if self.is_shared else 0.5
        try:
            jobs = [self._queue.get(timeout=idle)]
        except queue.Empty:
            return []
        if self._queue.empty():
            # Others that arrive in this moment share one checkpoint and one sync.
            time.sleep(self._gather_seconds)
        while len(jobs) < MOST_JOBS:
            try:
                jobs.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return jobs

    def _serve(self, jobs: list[Job]) -> None:
        calls = [job for job in jobs if job.work is not None]
        asked = [job for job in jobs if job.work is None]
        if self.fault is not None:
            self._commit(calls, publish=False)
        elif self._lead():
            try:
                self._commit([*calls, *asked], publish=True)
                # What was handed over before this process got the lease is answered like anybody else's.
                self._collect()
            except LeaseLost:
                self._fence = None
                for job in jobs:
                    self._queue.put(job)
        else:
            self._commit(calls, publish=False)
            self._hand_over(asked)

    def _commit(self, jobs: list[Job], *, publish: bool) -> None:
        if not jobs and not (publish and self._is_asked_by_others()):
            return
        try:
            answers, done = self._try(jobs, publish)
        except (LeaseLost, errors.StorageFull):
            raise
        except Exception:
            if len(jobs) == 1:
                raise
            # One of them broke the whole batch: each for itself, so that only that one fails.
            for job in jobs:
                self._commit_alone(job, publish)
            return
        self._announce(answers, done)

    def _commit_alone(self, job: Job, publish: bool) -> None:
        try:
            self._announce(*self._try([job], publish))
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001
            get_log("broker.sequencer").error("request-failed", exc_info=error)
            _fail([job], error if isinstance(error, AmparoError) else Unavailable())

    def _try(self, jobs: list[Job], publish: bool) -> "tuple[list[tuple[Job, Any]], Checkpoint | None]":
        return transact(self._sessions, lambda session: self._batch(session, jobs, publish))

    def _announce(self, answers: "list[tuple[Job, Any]]", done: Checkpoint | None) -> None:
        if done is not None:
            self._remember(done)
        for job, answer in answers:
            if job.is_remote or job.future.done():
                continue
            if isinstance(answer, BaseException):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer)
        with self.published:
            self.published_count += 1
            self.published.notify_all()

    def _remember(self, done: Checkpoint) -> None:
        """Note outside the database what was signed: a database that comes back shorter is found out by it."""
        slot = 0 if (last := self._signed.read(0)) is None else None
        if slot is None and last is not None:
            other = self._signed.read(1)
            newest = int.from_bytes(last[:8], "big")
            slot = 1 if other is None or int.from_bytes(other[:8], "big") <= newest else 0
        self._signed.write(slot or 0, done.size.to_bytes(8, "big") + done.root)

    # ---- one batch, inside its transaction

    def _batch(
        self, session: Session, jobs: list[Job], publish: bool
    ) -> "tuple[list[tuple[Job, Any]], Checkpoint | None]":
        if not publish:
            return [(job, _run_call(session, job)) for job in jobs], None
        head = self._locked_head(session)
        jobs = [*jobs, *self._remote_jobs(session)]
        batch = Appender(
            session, self._log, self._keys.origin, head, self._directories.get(session), self._clock(), head.size,
            self._witness_quorum,
        )  # fmt: skip
        answers = [(job, self._run(batch, job)) for job in jobs]
        for job, answer in answers:
            if job.is_remote:
                self._answer_remote(session, job, answer)
        done = self._publish(batch) if batch.entries else None
        return answers, done

    def _locked_head(self, session: Session) -> LogHead:
        lease = session.get_one(Lease, self._log.log_id, with_for_update=True)
        if lease.fence != self._fence or lease.holder != self._holder:
            raise LeaseLost
        return session.get_one(LogHead, self._log.log_id, with_for_update=True)

    def _run(self, batch: Appender, job: Job) -> Any:
        if job.work is not None:
            return _run_call(batch.session, job)
        kept, directory, cursor = len(batch.entries), batch.directory, batch.head.cursor
        savepoint = batch.session.begin_nested()
        try:
            answer = self._handlers[job.kind](batch, job.payload)
            batch.session.flush()
        except Exception as error:
            refusal = _refusal_of(job, error)
            if refusal is None:
                raise
            savepoint.rollback()
            del batch.entries[kept:]
            batch.directory, batch.head.cursor = directory, cursor
            return refusal
        savepoint.commit()
        return answer

    def _publish(self, batch: Appender) -> Checkpoint:
        session, head = batch.session, batch.head
        root = self._log.append(session, batch.size, batch.entries)
        done = Checkpoint(self._keys.origin, batch.next_index, root)
        head.size, head.root = done.size, done.root
        head.note = sign_checkpoint(self._keys, done, int(batch.now.timestamp()))
        session.add(StoredCheckpoint(log_id=self._log.log_id, size=done.size, note=head.note, witnesses=0))
        return done

    # ---- the lease

    def _lead(self) -> bool:
        if self._fence is not None and time.monotonic() < self._renew_at:
            return True
        self._fence = transact(self._sessions, self._claim)
        self._renew_at = time.monotonic() + LEASE.total_seconds() / 3
        return self._fence is not None

    def _claim(self, session: Session) -> int | None:
        now = self._clock()
        lease = session.get(Lease, self._log.log_id, with_for_update=True)
        if lease is None:
            lease = Lease(log_id=self._log.log_id, fence=0, holder=bytes(16), held_until=now)
            session.add(lease)
        if lease.holder != self._holder:
            # On SQLite the lock on the file has shown that the holder is gone.
            if self.is_shared and lease.held_until > now:
                return None
            lease.fence += 1
            lease.holder = self._holder
        lease.held_until = now + LEASE
        return lease.fence

    # ---- several processes

    def _hand_over(self, jobs: list[Job]) -> None:
        if jobs:
            rows = [
                {
                    "log_id": self._log.log_id, "pending_id": job.pending_id, "kind": job.kind,
                    "payload": pack(job.payload), "asked_at": self._clock(),
                }
                for job in jobs
            ]  # fmt: skip
            transact(self._sessions, lambda session: session.execute(insert(Pending), rows))
            self._waiting |= {job.pending_id: job for job in jobs}
        self._collect()

    def _collect(self) -> None:
        if not self._waiting:
            return
        wanted = list(self._waiting)
        query = select(Outcome.pending_id, Outcome.answer).where(
            Outcome.log_id == self._log.log_id, Outcome.pending_id.in_(wanted)
        )
        found = transact(self._readers, lambda session: list(session.execute(query)))
        answers = [(self._waiting.pop(pending_id), unpack_answer(answer)) for pending_id, answer in found]
        for job in [job for job in self._waiting.values() if job.future.cancelled()]:
            del self._waiting[job.pending_id]
        if answers:
            self._announce(answers, None)

    def _is_asked_by_others(self) -> bool:
        if not self.is_shared:
            return False
        query = select(Pending.pending_id).where(Pending.log_id == self._log.log_id).limit(1)
        return transact(self._readers, lambda session: session.scalar(query)) is not None

    def _remote_jobs(self, session: Session) -> list[Job]:
        if not self.is_shared:
            return []
        query = select(Pending).where(Pending.log_id == self._log.log_id).order_by(Pending.asked_at).limit(MOST_JOBS)
        rows = list(session.scalars(query))
        if rows:
            session.execute(
                delete(Pending).where(
                    Pending.log_id == self._log.log_id, Pending.pending_id.in_([row.pending_id for row in rows])
                )
            )
        return [Job(row.kind, unpack(row.payload), pending_id=row.pending_id, is_remote=True) for row in rows]

    def _answer_remote(self, session: Session, job: Job, answer: Any) -> None:
        session.add(
            Outcome(
                log_id=self._log.log_id,
                pending_id=job.pending_id,
                answer=pack_answer(answer),
                answered_at=self._clock(),
            )
        )


def _refusal_of(job: Job, error: Exception) -> AmparoError | None:
    """What the job is answered; None where the batch has to end, to be tried again or job by job."""
    if isinstance(error, AmparoError):
        return error
    is_own_fault = isinstance(error, IntegrityError | DataError) or not isinstance(error, DBAPIError)
    if job.is_remote and is_own_fault:
        # A request of another process comes with every batch until it is answered, and would end them all.
        get_log("broker.sequencer").error("request-failed", exc_info=error)
        return Unavailable()
    return None


def _run_call(session: Session, job: Job) -> Any:
    savepoint = session.begin_nested()
    try:
        answer = job.work(session) if job.work is not None else None
        session.flush()
    except AmparoError as error:
        savepoint.rollback()
        return error
    savepoint.commit()
    return answer


def _fail(jobs: Sequence[Job], error: AmparoError) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(error)


def _lock(path: Path) -> IO[bytes]:
    file = path.open("ab")
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise SettingInvalid("another broker process uses this database") from None
    os.set_inheritable(file.fileno(), False)
    return file
