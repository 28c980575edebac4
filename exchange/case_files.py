"""What the file of a case says of itself: title, stage, route, recovery period; changing it, closing it, and who did.

All of it is sealed under the case key, the list of changes too. Facts that another part of the desk keeps there stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import OfficerSession
from agencies.models import Case
from errors import Conflict, FormatError

STAGES: Final = ("report", "identification", "investigation", "prosecution", "court", "support")
OUTCOMES: Final = ("settled", "judged", "handed-over", "not-pursued", "mistaken")
TEXTS: Final[Mapping[str, int]] = {
    "title": 200, "summary": 4000, "route": 200, "period": 200, "accountable": 80, "outcome_note": 2000,
}  # fmt: skip
MOST_CHANGES: Final = 1000


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What a case is about.

    Attributes:
        route, period: where and when, in the team's own words.
        accountable: the officer or unit that answers for the case.
        recovery_from, recovery_until: YYYY-MM-DD, both or none: no interview is asked for meanwhile.
        outcome: one of `OUTCOMES`, of a case that is closed.
    """

    title: str = ""
    stage: str = STAGES[0]
    summary: str = ""
    route: str = ""
    period: str = ""
    accountable: str = ""
    recovery_from: str | None = None
    recovery_until: str | None = None
    outcome: str | None = None
    outcome_note: str = ""

    def checked(self) -> "CaseFacts":
        """The same, tidied.

        Raises:
            FormatError: a text is too long, a stage is not of the list, or a period ends before it begins.
        """
        tidy = replace(self, **{name: getattr(self, name).strip() for name in TEXTS})
        for name, most in TEXTS.items():
            if len(getattr(tidy, name)) > most:
                raise FormatError(f"this text has at most {most} signs: {name}")
        if tidy.stage not in STAGES or tidy.outcome not in (None, *OUTCOMES):
            raise FormatError("a case has a stage and an outcome of the list")
        days = [one for one in (tidy.recovery_from, tidy.recovery_until) if one is not None]
        if len(days) == 1 or (days and _day(days[1]) < _day(days[0])):
            raise FormatError("a recovery period has a first and a last day, in this order")
        return tidy

    def value(self) -> dict[str, Any]:
        """As JSON."""
        return {name: getattr(self, name) for name in CaseFacts.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Change:
    """That an officer changed the file: `opened`, `changed`, `stage`, `closed`, `reopened`, `links`."""

    at: int
    officer: str
    what: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its facts."""

    case_id: bytes
    handle: str
    version: int
    opened_at: int
    closed_at: int | None
    facts: CaseFacts = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)
    more: Mapping[str, Any] = field(repr=False)


def facts_of(value: Mapping[str, Any]) -> CaseFacts:
    """Facts out of the sealed object; what is missing has its usual value."""
    known = {name: value[name] for name in CaseFacts.__dataclass_fields__ if isinstance(value.get(name), str)}
    found = CaseFacts(**known)
    return found if found.stage in STAGES else replace(found, stage=STAGES[0])


def make_file(row: Case, value: Mapping[str, Any]) -> CaseFile:
    """A case whose facts were opened."""
    changes = tuple(Change(one["at"], one["by"], one["what"], one.get("word", "")) for one in value.get("changes", ()))
    return CaseFile(
        row.case_id, row.handle, row.version, row.opened_at, row.closed_at, facts_of(value), changes, dict(value)
    )  # fmt: skip


def read(db: Session, officer: OfficerSession, case_id: bytes) -> CaseFile:
    """The file of a case of the officer's team.

    Raises:
        NotPermitted
    """
    row = cases.get_case(db, officer, case_id)
    return make_file(row, cases.read_facts(db, officer, row))


def begin(db: Session, officer: OfficerSession, handle: str, facts: CaseFacts, *, now: int) -> bytes:
    """Begin a case; its id.

    Raises:
        FormatError, Conflict, NotPermitted, SetUpUnfinished
    """
    value = {**facts.checked().value(), "changes": [note(officer, "opened", now)]}
    return cases.create_case(db, officer, handle.strip(), value, now=now).case_id


def change(
    db: Session, officer: OfficerSession, case_id: bytes, facts: CaseFacts, *, version: int, now: int
) -> None:  # fmt: skip
    """Replace the facts, but not the outcome.

    Args:
        version: of the case that the officer has read.

    Raises:
        Conflict: somebody changed it meanwhile, or it is closed.
        FormatError, NotPermitted
    """
    officer.require("case-create")
    row, value = _open(db, officer, case_id)
    before = facts_of(value)
    if row.version != version:
        raise Conflict("a colleague changed this case meanwhile; load the page again and look")
    if row.closed_at is not None:
        raise Conflict("this case is closed; open it again first")
    after = replace(facts, outcome=before.outcome, outcome_note=before.outcome_note).checked()
    if after == before:
        return
    what = ("stage", after.stage) if after.stage != before.stage else ("changed", "")
    write(db, officer, row, {**value, **after.value()}, note(officer, what[0], now, what[1]))


def close(
    db: Session, officer: OfficerSession, case_id: bytes, outcome: str, words: str, *, now: int
) -> None:  # fmt: skip
    """Close a case. Everything in it stays, and the team reads it as before.

    Raises:
        Conflict: it is closed.
        FormatError, NotPermitted
    """
    officer.require("case-create")
    row, value = _open(db, officer, case_id)
    if row.closed_at is not None:
        raise Conflict("this case is closed already")
    after = replace(facts_of(value), outcome=outcome, outcome_note=words).checked()
    if after.outcome is None:
        raise FormatError("say how the case ended")
    row.closed_at = now
    write(db, officer, row, {**value, **after.value()}, note(officer, "closed", now, outcome))


def reopen(db: Session, officer: OfficerSession, case_id: bytes, *, now: int) -> None:
    """Go on with a case that was closed.

    Raises:
        Conflict: it is open.
        NotPermitted
    """
    officer.require("case-create")
    row, value = _open(db, officer, case_id)
    if row.closed_at is None:
        raise Conflict("this case is open")
    row.closed_at = None
    write(db, officer, row, {**value, "outcome": None, "outcome_note": ""}, note(officer, "reopened", now))


def write(
    db: Session, officer: OfficerSession, row: Case, value: Mapping[str, Any], change: Mapping[str, Any]
) -> None:  # fmt: skip
    """Seal facts with one change more; of very many the oldest are forgotten."""
    changes = [*value.get("changes", ()), dict(change)][-MOST_CHANGES:]
    cases.write_facts(db, officer, row, {**value, "changes": changes})
    db.flush()


def _open(db: Session, officer: OfficerSession, case_id: bytes) -> tuple[Case, dict[str, Any]]:
    row = cases.get_case(db, officer, case_id)
    return row, cases.read_facts(db, officer, row)


def note(officer: OfficerSession, what: str, now: int, word: str = "") -> dict[str, Any]:
    """One line of the list of changes."""
    return {"at": now, "by": officer.handle, "what": what, "word": word}


# ---- The recovery and reflection period -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """Where the recovery period of a case stands today; days are counted from tomorrow."""

    first: str
    last: str
    state: str  # ahead | running | over
    days_left: int
    days: int

    @property
    def percent(self) -> int:
        """How much of it is over."""
        return max(0, min(100, 100 * (self.days - self.days_left) // self.days))


def period_of(facts: CaseFacts, *, now: int) -> Period | None:
    """The clock of the recovery period; None where the case has none."""
    if facts.recovery_from is None or facts.recovery_until is None:
        return None
    first, last, today = _day(facts.recovery_from), _day(facts.recovery_until), datetime.fromtimestamp(now, UTC).date()
    state = "ahead" if today < first else "over" if today > last else "running"
    days = (last - first).days + 1
    left = days if state == "ahead" else max(0, (last - today).days)
    return Period(facts.recovery_from, facts.recovery_until, state, left, days)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FormatError("a day is written YYYY-MM-DD") from None
