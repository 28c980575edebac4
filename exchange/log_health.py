"""Whether the shared log is whole, as far as this desk can tell: a verdict, who confirmed it and when, the last day.

Nothing here asks the broker. All of it comes from checkpoints whose signatures this desk verified when it kept them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crypto.signing import COSIGNATURE_MLDSA, NoteKey
from custody import outbox
from custody.checkpoint import cosigned_at, open_checkpoint
from custody.models import OwnEvent
from exchange.follow import KEPT_CHECKPOINTS, witness_keys
from exchange.models import Alarm, CheckpointRow, LogState
from exchange.office import Office, log_keys

LATE_SECONDS: Final = 1800  # after which an agency that has not confirmed a state of the log is late
OLD_SECONDS: Final = 900  # after which the desk's own last look no longer says anything about now
HOUR_SECONDS: Final = 3600
HOURS: Final = 24
# Of these alarms the log itself is the subject; while one is open, nobody is told that the log is whole.
ABOUT_LOG: Final = frozenset(
    {"own-entry-missing", "withheld", "log-two-faces", "log-rollback", "log-fork", "directory-not-ours"}
)


class Verdict(StrEnum):
    """What is said in one sentence."""

    NEVER = "never"
    STOPPED = "stopped"
    ALARM = "alarm"
    OLD = "old"
    UNCONFIRMED = "unconfirmed"
    LATE = "late"
    WHOLE = "whole"


class Box(StrEnum):
    """What an agency did with the states of the log that were published in one hour."""

    IN_TIME = "in-time"
    LATE = "late"
    WAITS = "waits"
    MISSING = "missing"
    QUIET = "quiet"  # no state is known that was published then


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is known of one agency.

    Attributes:
        at: when it last confirmed a state of the log, and of how many entries; None: never.
        behind_since: when the first state was published that it has not confirmed; None: it confirmed the newest.
    """

    agency: str
    at: int | None
    size: int | None
    behind_since: int | None

    def is_late(self, now: int) -> bool:
        """Whether it should have confirmed by now."""
        return self.behind_since is not None and now - self.behind_since > LATE_SECONDS

    def counts(self, now: int) -> bool:
        """Whether it stands behind the log as it is: it confirmed the newest state, or one a moment ago."""
        return self.at is not None and not self.is_late(now)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the last day: when it began, and what each agency did."""

    begin: int
    boxes: Mapping[str, Box]


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the log as this desk knows it.

    Attributes:
        published_at: when the log signed its newest state.
        needed: how many agencies have to confirm; more than half of those that can.
        confirmed: how many do.
    """

    verdict: Verdict
    size: int
    root: bytes
    synced_at: int
    published_at: int | None
    confirmations: tuple[Confirmation, ...]
    needed: int
    confirmed: int
    late: tuple[str, ...]
    open_alarms: int


@dataclass(frozen=True, slots=True)
class OwnEntries:
    """This agency's own entries: found in the log with their proof, on their way, refused by the broker."""

    proven: int
    waiting: int
    refused: int


@dataclass(frozen=True, slots=True)
class _State:
    """A kept checkpoint: its size, when it was published, and who confirmed it when."""

    size: int
    published_at: int
    confirmed: Mapping[str, int]


class Watch:
    """Remembers what the newest checkpoints say, so that every page can show the verdict."""

    def __init__(self) -> None:
        # One tuple, replaced as a whole: pages of several threads ask at once.
        self._kept: tuple[tuple[object, ...], int | None, tuple[Confirmation, ...]] = ((), None, ())

    def look(self, db: Session, office: Office, *, now: int) -> Health:
        """The verdict now.

        Raises:
            InstallationError: the desk has joined no network yet.
        """
        state = office.log(db)
        newest = db.get(CheckpointRow, state.size)
        length = 0 if newest is None else len(newest.note)
        key = (id(office), state.size, state.root, length, office.directory(db).last)
        kept = self._kept
        if kept[0] != key:
            kept = (key, *_confirmations(db, office))
            self._kept = kept
        return _health(db, state, kept[1], kept[2], now)


def look(db: Session, office: Office, *, now: int) -> Health:
    """The verdict, read anew."""
    return Watch().look(db, office, now=now)


def _health(
    db: Session, state: LogState, published_at: int | None, confirmations: tuple[Confirmation, ...], now: int
) -> Health:
    confirmed = sum(one.counts(now) for one in confirmations)
    late = tuple(one.agency for one in confirmations if one.is_late(now))
    needed = len(confirmations) // 2 + 1
    open_alarms = db.scalar(select(func.count()).select_from(Alarm).where(Alarm.seen_by.is_(None))) or 0
    verdict = _verdict(db, state, confirmed >= needed, bool(late), now)
    return Health(
        verdict, state.size, state.root, state.synced_at, published_at, confirmations, needed, confirmed, late,
        open_alarms,
    )  # fmt: skip


def _verdict(db: Session, state: LogState, is_confirmed: bool, is_late: bool, now: int) -> Verdict:
    if state.is_stopped:
        return Verdict.STOPPED
    if not state.note:
        return Verdict.NEVER
    if _has_open_alarm(db):
        return Verdict.ALARM
    if now - state.synced_at > OLD_SECONDS:
        return Verdict.OLD
    if not is_confirmed:
        return Verdict.UNCONFIRMED
    return Verdict.LATE if is_late else Verdict.WHOLE


def _has_open_alarm(db: Session) -> bool:
    """An alarm about the log that nobody has looked at, or an own entry that is still not where it has to be."""
    unseen = select(Alarm.alarm_id).where(Alarm.kind.in_(ABOUT_LOG), Alarm.seen_by.is_(None)).limit(1)
    missing = select(Alarm.alarm_id).where(Alarm.kind == "own-entry-missing").limit(1)
    return db.scalar(unseen) is not None or db.scalar(missing) is not None


# ---- Out of the kept checkpoints --------------------------------------------------------------------------------


def _confirmations(db: Session, office: Office) -> tuple[int | None, tuple[Confirmation, ...]]:
    """When the newest state was published, and what each agency that can confirm did last."""
    witnesses = _witnesses(db, office)
    last: dict[str, tuple[int, int]] = {}
    behind: dict[str, int] = {}
    published_at = None
    for state in _states(db, office, witnesses):
        published_at = published_at or state.published_at
        for agency in witnesses:
            if agency in last:
                continue
            if agency in state.confirmed:
                last[agency] = (state.confirmed[agency], state.size)
            else:
                behind[agency] = state.published_at
        if len(last) == len(witnesses):
            break
    found = []
    for agency in sorted(witnesses):
        at, size = last.get(agency, (None, None))
        found.append(Confirmation(agency, at, size, behind.get(agency)))
    return published_at, tuple(found)


def last_day(db: Session, office: Office, *, now: int) -> list[Hour]:
    """The last 24 hours, oldest first, by the clocks of those who signed.

    An agency confirms a state with the first later one that it signs: the log only grows. An hour in which nothing was
    published, or of which nothing is kept any more, is quiet.
    """
    witnesses = _witnesses(db, office)
    first = now - now % HOUR_SECONDS - (HOURS - 1) * HOUR_SECONDS
    covered: dict[str, int] = {}
    boxes: dict[int, dict[str, Box]] = {}
    for state in _states(db, office, witnesses):
        for agency, at in state.confirmed.items():
            covered[agency] = min(at, covered.get(agency, at))
        if state.published_at < first:
            break
        hour = boxes.setdefault(state.published_at // HOUR_SECONDS, {})
        for agency in witnesses:
            box = _box(state.published_at, covered.get(agency), now)
            hour[agency] = max(hour.get(agency, box), box, key=_WORSE.index)
    return [
        Hour(begin, {agency: boxes.get(begin // HOUR_SECONDS, {}).get(agency, Box.QUIET) for agency in witnesses})
        for begin in range(first, first + HOURS * HOUR_SECONDS, HOUR_SECONDS)
    ]


_WORSE: Final = [Box.QUIET, Box.IN_TIME, Box.WAITS, Box.LATE, Box.MISSING]


def _box(published_at: int, covered_at: int | None, now: int) -> Box:
    if covered_at is None:
        return Box.MISSING if now - published_at > LATE_SECONDS else Box.WAITS
    return Box.LATE if covered_at - published_at > LATE_SECONDS else Box.IN_TIME


def _witnesses(db: Session, office: Office) -> dict[str, list[NoteKey]]:
    """Agencies whose desks can confirm, with their keys."""
    found = {agency: witness_keys(office, db, agency) for agency in office.directory(db).agencies}
    return {agency: keys for agency, keys in sorted(found.items()) if keys}


def _states(db: Session, office: Office, witnesses: Mapping[str, list[NoteKey]]) -> Iterator[_State]:
    """The kept checkpoints, newest first. Signatures are verified again: the page shows nothing that does not hold."""
    keys = log_keys(office.log(db))
    timed = next(key for key in keys if key.kind == COSIGNATURE_MLDSA)
    for row in db.scalars(select(CheckpointRow).order_by(CheckpointRow.size.desc()).limit(KEPT_CHECKPOINTS)):
        signed = open_checkpoint(row.note, keys)
        confirmed = {}
        for agency, own in witnesses.items():
            times = [cosigned_at(signed.note, signed.checkpoint, key) for key in own]
            known = [at for at in times if at is not None]
            if known:
                confirmed[agency] = min(known)
        published = cosigned_at(signed.note, signed.checkpoint, timed)
        yield _State(signed.checkpoint.size, published or 0, confirmed)


def own_entries(db: Session) -> OwnEntries:
    """How this agency's own entries stand."""

    def count(*conditions: object) -> int:
        return db.scalar(select(func.count()).select_from(OwnEvent).where(*conditions)) or 0  # type: ignore[arg-type]

    refused = count(OwnEvent.state == outbox.REFUSED)
    proven = count(OwnEvent.state == outbox.LOGGED, OwnEvent.proof.is_not(None))
    return OwnEntries(proven, count() - refused - proven, refused)
