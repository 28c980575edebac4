"""Long work (sealing, sending, fetching, building a pack) beside the pages, with progress that a page can show.

A job runs in a thread of the desk's process with the keys of the officer who began it. It can be left: the page finds
it again. When the desk locks meanwhile the keys are gone and the job ends with that sentence; what it began is
resumed by beginning it again.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from config.logs import get_log
from errors import AmparoError, NotFound

MOST_ENDED: Final = 200


class Progress(Protocol):
    """Takes how far the work is; `kind` when another part of it begins, which the page then names."""

    def __call__(self, done: int, total: int, kind: str | None = None) -> object: ...


@dataclass
class Job:
    """One piece of long work.

    Attributes:
        kind: what the page calls it; a key of `desk.progress.KINDS`.
        done, total: progress in the kind's own unit; total 0 while it is not known.
        location: where it led, once it is over.
        error: the sentence, if it was refused; `code` for whoever helps.
    """

    number: str
    officer: str
    kind: str
    back: str
    began_at: float
    done: int = 0
    total: int = 0
    location: str | None = None
    error: str | None = None
    code: str | None = None
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    def tell(self, done: int, total: int, kind: str | None = None) -> None:
        """Progress."""
        self.done, self.total, self.kind = done, total, kind or self.kind

    @property
    def percent(self) -> int:
        """0 to 100."""
        return min(100, 100 * self.done // self.total) if self.total else 0


class Jobs:
    """The jobs of this desk. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def begin(self, officer: str, kind: str, work: Callable[[Progress], str], *, back: str) -> Job:
        """Start work; it gets a progress function and returns the page that it leads to.

        Args:
            back: the page to begin it again from, if it fails.
        """
        job = Job(secrets.token_urlsafe(12), officer, kind, back, time.time())
        with self._lock:
            self._jobs[job.number] = job
            self._forget()
        threading.Thread(target=self._run, args=(job, work), name=f"job-{kind}", daemon=True).start()
        return job

    def get(self, number: str, officer: str) -> Job:
        """A job of this officer.

        Raises:
            NotFound
        """
        with self._lock:
            job = self._jobs.get(number)
        if job is None or job.officer != officer:
            raise NotFound("this work is over and forgotten; look at the thing itself")
        return job

    def running(self, officer: str) -> list[Job]:
        """What an officer has under way."""
        with self._lock:
            return [job for job in self._jobs.values() if job.officer == officer and not job.ended.is_set()]

    def _run(self, job: Job, work: Callable[[Progress], str]) -> None:
        try:
            job.location = work(job.tell)
        except AmparoError as error:
            job.error, job.code = error.message, error.code
        except Exception:  # noqa: BLE001  # a page must be able to say that it ended
            get_log("desk.jobs").error("job-failed", exc_info=True)
            job.error, job.code = "", "unexpected"
        finally:
            job.ended.set()

    def _forget(self) -> None:
        over = [job for job in self._jobs.values() if job.ended.is_set()]
        for job in over[: max(0, len(over) - MOST_ENDED)]:
            del self._jobs[job.number]
