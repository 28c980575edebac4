"""The rail: what each role sees, from the table of rights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from desk import approvals
from desk.access import may, office
from desk.status import open_alarms

Counter = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the rail.

    Attributes:
        right: who sees it; None: every officer.
        counter: name in `COUNTERS`; how many things wait there.
        also: further blueprints whose pages belong to it.
    """

    endpoint: str
    symbol: str
    words: Any
    right: str | None = None
    counter: str | None = None
    also: tuple[str, ...] = ()

    @property
    def is_here(self) -> bool:
        """Whether the page is of the same blueprint, or of one that belongs to it."""
        return (request.blueprint or "") in (self.endpoint.partition(".")[0], *self.also)


@dataclass(frozen=True, slots=True)
class Shown:
    """A line as the template shows it."""

    endpoint: str
    symbol: str
    words: str
    is_here: bool
    count: int


CASE_PAGES: Final = ("people", "person_flags", "case_team", "charts", "history")
WORK: Final[tuple[Entry, ...]] = (
    Entry("today.page", "house-heart", _l("Today")),
    Entry("casework.cases", "folder2-open", _l("Cases"), "case-read", also=CASE_PAGES),
    Entry("search.page", "search", _l("Search"), "case-read"),
    Entry("inbox.bundles", "inbox", _l("Inbox"), "open", "inbox"),
    Entry("inquiries.all_inquiries", "chat-left-text", _l("Inquiries"), "inquire", "inquiries"),
    Entry("approvals.listing", "people", _l("Approvals"), "approve", "approvals"),
    Entry("bundles.listing", "send", _l("Sent"), "share"),
    Entry("exhibits.register", "box-seam", _l("Exhibits"), "case-read", also=("handovers", "viewing")),
    Entry("kept.items", "bookmark-check", _l("Kept"), "file"),
    Entry("consent.overview", "patch-check", _l("Consent"), "consent"),
    Entry("packs.packs", "archive", _l("Evidence packs"), "pack"),
)
TRUST: Final[tuple[Entry, ...]] = (
    Entry("agencies.directory", "building", _l("Agencies"), "directory-read"),
    Entry("log_health.page", "shield-check", _l("Log health"), "log-health", "alarms"),
    Entry("alerts.mine", "bell", _l("Access alerts")),
    Entry("officers.page", "people", _l("Officers"), "administer"),
    Entry("record.page", "journal-text", _l("Record"), "record-read"),
    Entry("settings.page", "gear", _l("Settings")),
)
COUNTERS: Final[dict[str, Counter]] = {
    "alarms": lambda: open_alarms(office()),
    "approvals": approvals.waiting,
}


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
