"""The rail: what each role sees, from the table of rights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from desk.access import may

Counter = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the rail.

    Attributes:
        right: who sees it; None: every officer.
        counter: name in `COUNTERS`; how many things wait there.
    """

    endpoint: str
    symbol: str
    words: Any
    right: str | None = None
    counter: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether the page is of the same blueprint."""
        return (request.blueprint or "") == self.endpoint.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Shown:
    """A line as the template shows it."""

    endpoint: str
    symbol: str
    words: str
    is_here: bool
    count: int


WORK: Final[tuple[Entry, ...]] = (
    Entry("today.page", "house-heart", _l("Today")),
    Entry("casework.cases", "folder2-open", _l("Cases"), "case-read"),
    Entry("inbox.bundles", "inbox", _l("Inbox"), "open"),
    Entry("consent.overview", "patch-check", _l("Consent"), "consent"),
)
TRUST: Final[tuple[Entry, ...]] = ()
COUNTERS: Final[dict[str, Counter]] = {}


def shown() -> list[tuple[str, list[Shown]]]:
    """The sections of the rail for the signed-in officer."""
    return [("", _lines(WORK)), *([(_("Trust"), _lines(TRUST))] if TRUST else [])]


def _lines(entries: tuple[Entry, ...]) -> list[Shown]:
    counters: Mapping[str, Counter] = COUNTERS
    return [
        Shown(one.endpoint, one.symbol, str(one.words), one.is_here, counters[one.counter]() if one.counter else 0)
        for one in entries
        if one.right is None or may(one.right)
    ]
