"""The use of officers' keys, for the officer herself and, as counts, for the supervisor: times, never content.

An officer says of what stands out whether it was she. "This was not me" is an alarm for the administrators; her answers
are kept sealed to her (agencies/own_papers.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import own_papers, sign_ins, unusual
from agencies.members import OfficerSession
from agencies.models import Member, OwnPaper, SignInNote
from agencies.unusual import Finding, Use
from crypto.statements import parse_statement
from custody.models import OwnEvent
from errors import AmparoError, NotFound
from exchange.models import Alarm
from exchange.office import Office, raise_alarm
from identity.models import Reidentification

KIND: Final = "alert-answers"
NOT_ME: Final = "not-me"
ME: Final = "me"
DAY_SECONDS: Final = 86_400
LOOK_BACK_DAYS: Final = 30
MOST_LISTED: Final = 2000
MOST_ANSWERS: Final = 500
_USE_OF: Final = {sign_ins.OPEN: Use.SIGN_IN, sign_ins.PASSPHRASE: Use.FAILED, sign_ins.FACTOR: Use.FAILED}


@dataclass(frozen=True, slots=True)
class OneUse:
    """Something that was done with an officer's keys, or tried.

    Attributes:
        detail: of a failed try, which step failed.
    """

    use: Use
    at: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A finding, and what the officer said: `me`, `not-me`, or None when she has not answered yet."""

    finding: Finding
    answer: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one officer, over the days that are looked at."""

    officer: str
    sign_ins: int
    failed: int
    names: int
    openings: int
    unusual: int
    denied: int
    has_left: bool


def uses_of(db: Session, handle: str, *, now: int) -> list[OneUse]:
    """What was done with an officer's keys in the last 30 days, newest first."""
    since = now - LOOK_BACK_DAYS * DAY_SECONDS
    found = [
        OneUse(_USE_OF[one.result], one.at, one.result)
        for one in db.scalars(select(SignInNote).where(SignInNote.officer == handle, SignInNote.at >= since))
        if one.result in _USE_OF
    ]
    names = select(Reidentification.at).where(Reidentification.officer == handle, Reidentification.at >= since)
    found += [OneUse(Use.NAME, at) for at in db.scalars(names.order_by(Reidentification.at.desc()).limit(MOST_LISTED))]
    found += [OneUse(Use.OPENING, at) for at in _openings(db, handle, since)]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _openings(db: Session, handle: str, since: int) -> list[int]:
    """Times at which the officer asked the broker to open a bundle."""
    query = select(OwnEvent.clear_statement, OwnEvent.made_at).where(
        OwnEvent.officer == handle, OwnEvent.object_kind == "bundle", OwnEvent.made_at >= since,
        OwnEvent.clear_statement.is_not(None),
    )  # fmt: skip
    rows = db.execute(query.order_by(OwnEvent.made_at.desc()).limit(MOST_LISTED)).all()
    return [at for raw, at in rows if raw and parse_statement(raw).value.get("kind") == "open-requested"]


def findings(db: Session, office: Office, officer: OfficerSession, *, now: int) -> list[Asked]:
    """What stands out in the officer's own use, newest first, with her answers."""
    answers = _answers(db, officer)
    found = _find(uses_of(db, officer.handle, now=now), office, now)
    return [Asked(one, answers.get(one.key)) for one in found]


def get_finding(db: Session, office: Office, officer: OfficerSession, key: str, *, now: int) -> Asked:
    """One of them.

    Raises:
        NotFound: nothing of this name stands out, or something more has happened since.
    """
    for one in findings(db, office, officer, now=now):
        if one.finding.key == key:
            return one
    raise NotFound("this question is over; look at the list again")


def confirm(office: Office, officer: OfficerSession, key: str, *, now: int) -> None:
    """The officer says: this was me.

    Raises:
        NotFound
    """
    with office.files.session() as db:
        get_finding(db, office, officer, key, now=now)
        _keep(db, officer, key, ME, now)


def deny(office: Office, officer: OfficerSession, key: str, *, now: int) -> Alarm:
    """The officer says: this was not me. It is an alarm; whoever calls ends all sessions of the officer.

    Raises:
        NotFound
    """
    with office.files.session() as db:
        found = get_finding(db, office, officer, key, now=now).finding
        evidence = {
            "officer": officer.handle, "sign": found.sign.value, "on": found.on.isoformat(), "count": found.count,
            "first": found.first, "last": found.last,
        }  # fmt: skip
        made = raise_alarm(db, NOT_ME, f"{officer.handle} {key}", evidence, now=now)
        _keep(db, officer, key, NOT_ME, now)
        return made


def count_all(db: Session, office: Office, *, now: int) -> list[Counts]:
    """Counts of every officer of this desk, for whoever looks after them; no bundle, no case, no name."""
    since = now - LOOK_BACK_DAYS * DAY_SECONDS
    denied = list(db.scalars(select(Alarm.subject).where(Alarm.kind == NOT_ME, Alarm.raised_at >= since)))
    made = []
    for member in db.scalars(select(Member).order_by(Member.handle)):
        uses = uses_of(db, member.handle, now=now)
        counted = {use: sum(one.use is use for one in uses) for use in Use}
        made.append(
            Counts(
                member.handle, counted[Use.SIGN_IN], counted[Use.FAILED], counted[Use.NAME], counted[Use.OPENING],
                len(_find(uses, office, now)), sum(one.startswith(f"{member.handle} ") for one in denied),
                member.left_at is not None,
            )
        )  # fmt: skip
    return made


def _find(uses: Iterable[OneUse], office: Office, now: int) -> list[Finding]:
    zone = ZoneInfo(getattr(office.settings, "time_zone", None) or "UTC")
    # A day that is known only in part would change its count while it goes out of sight.
    begin = datetime.fromtimestamp(now - (LOOK_BACK_DAYS - 1) * DAY_SECONDS, zone).date()
    return [one for one in unusual.find(((one.use, one.at) for one in uses), zone) if one.on > begin]


def _answers(db: Session, officer: OfficerSession) -> dict[str, str]:
    for row in own_papers.list_papers(db, officer, KIND)[:1]:
        try:
            kept: Any = own_papers.read(db, officer, row.paper_id, KIND).get("answers")
        except AmparoError:  # sealed to keys that were renewed since
            return {}
        return {str(key): str(value) for key, value in kept.items()} if isinstance(kept, dict) else {}
    return {}


def _keep(db: Session, officer: OfficerSession, key: str, answer: str, now: int) -> None:
    answers = {**_answers(db, officer), key: answer}
    newest = dict(list(answers.items())[-MOST_ANSWERS:])
    row: OwnPaper | None = next(iter(own_papers.list_papers(db, officer, KIND)), None)
    own_papers.keep(
        db, officer.handle, KIND, {"v": 1, "answers": newest}, now=now, paper_id=None if row is None else row.paper_id
    )
