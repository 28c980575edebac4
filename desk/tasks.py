"""What needs an officer now: one provider for each kind of task, from the services behind the pages.

A provider is asked only of an officer with its right. One that fails says so as a task of its own, so that nothing
that waits is hidden by something that broke.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from agencies import comparison, factors, reasons
from agencies.comparison import RootState
from config.logs import get_log
from desk import approvals, inbox, languages, status
from desk.access import may, now, office, officer
from errors import AmparoError
from exchange import backups, comparing, first_run, handover_papers, purges, share_drafts
from exchange import inquiries as inquiry_service

MOST: Final = 5  # of one kind, before they become one line


@dataclass(frozen=True, slots=True)
class Task:
    """A line of Today.

    Attributes:
        tone: of its disc: empty, guard or warn.
        tag: kind, symbol, words.
        rank: the smaller, the more urgent.
    """

    url: str
    title: str
    words: str
    symbol: str
    rank: int
    tone: str = ""
    tag: tuple[str, str, Any] | None = None


def all_tasks() -> list[Task]:
    """Everything that waits for the signed-in officer, the most urgent first."""
    found: list[Task] = []
    for right, provider in PROVIDERS:
        if right is None or may(right):
            found += _of(provider)
    return sorted(found, key=lambda one: one.rank)


def _of(provider: Callable[[], Iterable[Task]]) -> list[Task]:
    try:
        return list(provider())
    except AmparoError as error:
        get_log("desk.today").warning("tasks-not-checked", code=error.code)
        return [
            Task(
                url_for("today.page"), _("Something here could not be checked"),
                _("A part of this list is missing. Look at the pages themselves. (%(code)s)", code=error.code),
                "exclamation-triangle-fill", 5, "warn",
            )
        ]  # fmt: skip


# ---- Providers --------------------------------------------------------------------------------------------------


def _alarms() -> Iterable[Task]:
    count = status.open_alarms(office())
    if count:
        title = ngettext("Look at %(num)d alarm", "Look at %(num)d alarms", count)
        words = _("Something about the shared record or a key does not fit. The page says what to do.")
        tag = ("stop", "x-octagon-fill", _("Alarm"))
        yield Task(url_for("log_health.page"), title, words, "shield-exclamation", 0, "warn", tag)


def _roots() -> Iterable[Task]:
    with office().files.session() as db:
        directory = office().directory(db)
        waiting = comparing.uncompared(db, office())
        states = {name: comparison.root_state(db, directory, name) for name in waiting}
    for name in waiting[:MOST]:
        changed = states[name] is RootState.CHANGED
        words = (
            _("Their key changed. Sharing with them is paused.") if changed else _("Nothing is sent to them before.")
        )
        tag = ("warn", "exclamation-triangle-fill", _("Paused")) if changed else None
        yield Task(
            url_for("agencies.compare", name=name), _("Compare the fingerprint of %(agency)s", agency=name), words,
            "fingerprint", 2 if changed else 6, "warn" if changed else "", tag,
        )  # fmt: skip


def _inbox() -> Iterable[Task]:
    count = inbox.waiting_count()
    if count:
        title = ngettext("Open %(num)d bundle", "Open %(num)d bundles", count)
        yield Task(url_for("inbox.bundles"), title, _("Read the flags on the cover first."), "inbox", 3, "guard")


def _approvals() -> Iterable[Task]:
    count = approvals.waiting()
    if count:
        title = ngettext("Decide %(num)d question of a colleague", "Decide %(num)d questions of colleagues", count)
        tag = ("note", "people", _("Approval"))
        words = _("You are asked as second officer.")
        yield Task(url_for("approvals.listing"), title, words, "people", 1, "", tag)


def _inquiries() -> Iterable[Task]:
    with office().files.session() as db:
        rows = [
            (row.inquiry_id.hex(), row.other_agency, row.reply_by)
            for row in inquiry_service.list_inquiries(db, officer())
            if row.direction == inquiry_service.IN and row.state == inquiry_service.RECEIVED
        ]
    for inquiry_id, agency, reply_by in rows[:MOST]:
        words = _("Due on %(day)s.", day=languages.day(reply_by)) if reply_by else _("No day is set.")
        title = _("Answer the inquiry of %(agency)s", agency=agency)
        yield Task(url_for("inquiries.inquiry", inquiry_id=inquiry_id), title, words, "chat-left-text", 3)
    if len(rows) > MOST:
        more = ngettext("%(num)d more inquiry", "%(num)d more inquiries", len(rows) - MOST)
        yield Task(url_for("inquiries.all_inquiries"), more, _("They wait for an answer."), "chat-left-text", 4)


def _handovers() -> Iterable[Task]:
    count = len(handover_papers.waiting(office(), officer()))
    if count:
        title = ngettext("Sign %(num)d handover", "Sign %(num)d handovers", count)
        tag = ("note", "pen", _("Signature"))
        words = _("The other side has signed. The chain waits for you.")
        yield Task(url_for("handovers.index"), title, words, "pen", 2, "", tag)


def _purges() -> Iterable[Task]:
    with office().files.session() as db:
        count = len(purges.waiting(db))
    if count:
        title = ngettext("Sign %(num)d receipt of a deletion", "Sign %(num)d receipts of deletions", count)
        words = _("Something was withdrawn. The agency that asked waits for your answer.")
        yield Task(url_for("kept.items"), title, words, "trash", 2, "warn")


def _reasons() -> Iterable[Task]:
    with office().files.session() as db:
        count = reasons.count_open(db, officer().handle)
    if count:
        title = ngettext("Answer %(num)d question of the auditor", "Answer %(num)d questions of the auditor", count)
        words = _("You are asked for the reason of something that you did.")
        yield Task(url_for("record.questions"), title, words, "patch-question", 4)


def _network() -> Iterable[Task]:
    with office().files.session() as db:
        is_waiting = bool(first_run.waiting(db))
    if is_waiting:
        words = _("Members admit your agency first; then this desk sends its certificates.")
        yield Task(url_for("first_steps.page"), _("Come into the network"), words, "door-open", 1)


def _drill() -> Iterable[Task]:
    with office().files.session() as db:
        is_overdue = backups.is_overdue(db, now=now())
    if is_overdue:
        words = _("No drill of the last 90 days has shown that a copy of this desk works.")
        tag = ("warn", "exclamation-triangle-fill", _("Due"))
        yield Task(url_for("backup.page"), _("Try a restore"), words, "arrow-counterclockwise", 5, "warn", tag)


def _factors() -> Iterable[Task]:
    if office().settings.second_factor == "off":
        return
    with office().files.session() as db:
        count = len(factors.list_factors(db, officer().handle))
    if count < 2:
        words = _("With a single one, a lost telephone keeps you out.")
        yield Task(url_for("factors.mine"), _("Add another second factor"), words, "key", 7)


def _drafts() -> Iterable[Task]:
    with office().files.session() as db:
        count = len(share_drafts.list_all(db, officer()))
    if count:
        title = ngettext("Go on with %(num)d draft", "Go on with %(num)d drafts", count)
        yield Task(url_for("sharing.drafts"), title, _("Begun and not sent."), "pencil-square", 8)


PROVIDERS: Final[tuple[tuple[str | None, Callable[[], Iterable[Task]]], ...]] = (
    ("log-health", _alarms),
    ("compare", _roots),
    ("approve", _approvals),
    ("open", _inbox),
    ("inquire", _inquiries),
    ("handover", _handovers),
    ("file", _purges),
    (None, _reasons),
    ("administer", _network),
    ("administer", _drill),
    (None, _factors),
    ("share", _drafts),
)
