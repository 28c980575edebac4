"""What stands out in the use of one officer's keys: work at odd hours, many failed tries, many names in a day.

Pure rules over times, so that each can be read and tested alone. They see when and how often, never what.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

NIGHT_FROM: Final = 22  # hour of the agency's clock
NIGHT_UNTIL: Final = 6
MANY_FAILURES: Final = 5  # in a day
MANY_NAMES: Final = 20  # in a day
MANY_OPENINGS: Final = 30  # in a day


class Use(StrEnum):
    """What was done with an officer's keys, or tried."""

    SIGN_IN = "sign-in"
    FAILED = "failed"
    NAME = "name"
    OPENING = "opening"


class Sign(StrEnum):
    """What stands out."""

    ODD_HOURS = "odd-hours"
    FAILURES = "failures"
    NAMES = "names"
    OPENINGS = "openings"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that stands out.

    Attributes:
        on: the day; for a night, the day on which it began.
        count: how many uses it is about.
        first, last: POSIX seconds of the first and the last of them.
    """

    sign: Sign
    on: date
    count: int
    first: int
    last: int

    @property
    def key(self) -> str:
        """Names the finding. It holds the count: when more of the same follows, it is a new question."""
        return f"{self.sign.value}-{self.on.isoformat()}-{self.count}"


def find(uses: Iterable[tuple[Use, int]], zone: ZoneInfo) -> list[Finding]:
    """What stands out, newest first.

    Args:
        uses: what was done and when, POSIX seconds, in any order.
        zone: of the agency; odd hours are those of its clock.
    """
    seen = sorted(uses, key=lambda one: one[1])
    groups: dict[tuple[Sign, date], list[int]] = {}
    for use, at in seen:
        moment = datetime.fromtimestamp(at, zone)
        night = _night_of(moment)
        if night is not None and use in (Use.SIGN_IN, Use.OPENING, Use.NAME):
            groups.setdefault((Sign.ODD_HOURS, night), []).append(at)
        if use in _LIMITS:
            groups.setdefault((_LIMITS[use][0], moment.date()), []).append(at)
    least = dict(_LIMITS.values())
    found = [
        Finding(sign, on, len(times), times[0], times[-1])
        for (sign, on), times in groups.items()
        if len(times) >= least.get(sign, 1)
    ]
    return sorted(found, key=lambda one: (one.last, one.sign), reverse=True)


_LIMITS: Final = {
    Use.FAILED: (Sign.FAILURES, MANY_FAILURES),
    Use.NAME: (Sign.NAMES, MANY_NAMES),
    Use.OPENING: (Sign.OPENINGS, MANY_OPENINGS),
}


def _night_of(moment: datetime) -> date | None:
    """The day on which the night began in which this moment lies; None by day."""
    if moment.hour >= NIGHT_FROM:
        return moment.date()
    if moment.hour < NIGHT_UNTIL:
        return moment.date() - timedelta(days=1)
    return None
