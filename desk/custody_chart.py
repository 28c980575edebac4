"""The chart of who held an exhibit and when: one lane per custodian, laid out on the server.

Time runs with the direction of reading: the picture is mirrored where the page is.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from flask_babel import format_date, format_time
from flask_babel import gettext as _

from desk import languages

WIDTH: Final = 960
LABEL_WIDTH: Final = 200
EDGE: Final = 40
LANE: Final = 58
TOP: Final = 20
BAR: Final = 30
DAY: Final = 86_400
NARROWEST: Final = 6
WAITING: Final = 34
LONGEST_LABEL: Final = 22


@dataclass(frozen=True, slots=True)
class Bar:
    """A time in which an agency had the exhibit; `is_waiting`: it was offered to it and it has not answered."""

    agency: str
    start: int
    end: int
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A handover; full with both signatures."""

    giver: str
    receiver: str
    at: int
    is_full: bool


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A bar in units of the picture."""

    x: float
    y: float
    width: float
    is_waiting: bool
    words_x: float
    anchor: str


@dataclass(frozen=True, slots=True)
class DrawnMark:
    """A handover in units of the picture."""

    x: float
    y_from: float
    y_to: float
    is_full: bool

    @property
    def y(self) -> float:
        """Between the lanes."""
        return (self.y_from + self.y_to) / 2


@dataclass(frozen=True, slots=True)
class Chart:
    """The measures of the picture; the template draws it."""

    width: int
    height: int
    lanes: tuple[tuple[str, float], ...]
    label_x: float
    anchor: str
    ticks: tuple[tuple[float, str], ...]
    bars: tuple[DrawnBar, ...]
    marks: tuple[DrawnMark, ...]
    description: str

    @property
    def floor(self) -> int:
        """Where the lanes end."""
        return self.height - 40


def lay_out(bars: Sequence[Bar], marks: Sequence[Mark]) -> Chart | None:
    """The chart of these times; None if there are none."""
    if not bars:
        return None
    is_mirrored = languages.direction() == "rtl"
    first, last = min(one.start for one in bars), max(one.end for one in bars)
    names = list(dict.fromkeys(one.agency for one in sorted(bars, key=lambda one: (one.is_waiting, one.start))))
    room = WIDTH - LABEL_WIDTH - EDGE

    def across(at: int) -> float:
        part = (at - first) / (last - first) if last > first else 0.0
        x = LABEL_WIDTH + room * part
        return round(WIDTH - x if is_mirrored else x, 1)

    tops = {name: TOP + 10 + lane * LANE for lane, name in enumerate(names)}
    height = TOP + len(names) * LANE + 46
    return Chart(
        WIDTH, height, tuple((_short(name), tops[name] + 20) for name in names),
        WIDTH - LABEL_WIDTH + 20 if is_mirrored else LABEL_WIDTH - 20, "start" if is_mirrored else "end",
        tuple((across(at), words) for at, words in _ticks(first, last)),
        tuple(_bar(one, across, tops) for one in bars), tuple(_mark(one, across, tops) for one in marks),
        _describe(bars),
    )  # fmt: skip


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"


def _bar(one: Bar, across: Callable[[int], float], tops: Mapping[str, int]) -> DrawnBar:
    start, end = across(one.start), across(one.end)
    is_mirrored = languages.direction() == "rtl"
    least = WAITING if one.is_waiting else NARROWEST
    if abs(end - start) < least:
        end = start - least if is_mirrored else start + least
    begin, width = min(start, end), abs(end - start)
    # The words stand beside the bar, on the side where time has passed already.
    words_x, anchor = (begin + width + 10, "start") if is_mirrored else (begin - 10, "end")
    return DrawnBar(begin, tops[one.agency], round(width, 1), one.is_waiting, words_x, anchor)


def _mark(one: Mark, across: Callable[[int], float], tops: Mapping[str, int]) -> DrawnMark:
    upper, lower = sorted((tops[one.giver], tops[one.receiver]))
    return DrawnMark(across(one.at), upper + BAR, lower, one.is_full)


def _ticks(first: int, last: int) -> list[tuple[int, str]]:
    """Up to seven moments with their words: days, or hours where all happened within two days."""
    span = last - first
    if span < 60:
        return [(first, _date(first))]
    count = 6 if span >= 6 * DAY or span < 2 * DAY else max(1, span // DAY)
    words = _hour if span < 2 * DAY else _date
    found: list[tuple[int, str]] = []
    for step in range(count + 1):
        at = first + span * step // count
        if not found or found[-1][1] != words(at):
            found.append((at, words(at)))
    return found


def _date(at: int) -> str:
    return str(format_date(_moment(at), "d MMM"))


def _hour(at: int) -> str:
    return str(format_time(_moment(at), "HH:mm"))


def _moment(at: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, ZoneInfo("UTC"))


def _describe(bars: Sequence[Bar]) -> str:
    """The same in words, for those who do not see the picture."""
    parts = []
    for one in sorted(bars, key=lambda one: one.start):
        facts = {"agency": one.agency, "start": languages.moment(one.start), "end": languages.moment(one.end)}
        if one.is_waiting:
            parts.append(_("%(agency)s: offered on %(start)s, not answered yet.", **facts))
        else:
            parts.append(_("%(agency)s: from %(start)s to %(end)s.", **facts))
    return " ".join(parts)
