"""Everything that happened with a case, with filters, in pages, and for print."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from desk import case_words
from desk.access import identifier, needs, now, office, officer
from desk.case_view import Shown, show
from desk.paging import paged
from exchange import case_history
from exchange.case_history import Line, Wanted

pages: Final = Blueprint("history", __name__)
MOST_PRINTED: Final = 5000


@pages.get("/cases/<case_id>/history")
@needs("case-read")
def page(case_id: str) -> ResponseReturnValue:
    """The newest first, in pages."""
    shown, lines, wanted, asked = _look(case_id)
    found = [one for one in lines if wanted.takes(one)]
    rows, where = paged(found)
    return render_template(
        "casework/history.html", case=shown, rows=rows, pages=where, words=case_words, asked=asked, found=len(found),
        all=len(lines), officers=sorted({one.officer for one in lines if one.officer}), kinds=case_history.KINDS,
        here="history",
    )  # fmt: skip


@pages.get("/cases/<case_id>/history/print")
@needs("case-read")
def to_print(case_id: str) -> ResponseReturnValue:
    """All of what was filtered, on one page for the printer, oldest first."""
    shown, lines, wanted, asked = _look(case_id)
    found = [one for one in lines if wanted.takes(one)][:MOST_PRINTED]
    return render_template(
        "casework/history_print.html", case=shown, rows=found[::-1], words=case_words, asked=asked, at=now()
    )  # fmt: skip


def _look(case_id: str) -> tuple[Shown, Sequence[Line], Wanted, dict[str, Any]]:
    number = identifier(case_id)
    with office().files.session() as db:
        shown = show(db, office(), officer(), number)
    lines = case_history.history(office(), officer(), number)
    kind, by = request.args.get("kind", ""), request.args.get("officer", "")
    asked: dict[str, Any] = {
        "kind": kind if kind in case_history.KINDS else "", "officer": by[:64],
        "since": _day(request.args.get("since", "")), "until": _day(request.args.get("until", "")),
    }  # fmt: skip
    wanted = Wanted(
        (asked["kind"],) if asked["kind"] else (),
        asked["officer"],
        _start(asked["since"], 0),
        _start(asked["until"], 1),
    )
    return shown, lines, wanted, {**asked, "is_set": any(asked.values())}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _start(day: date | None, days_later: int) -> int | None:
    """When a day begins in the agency's time zone, POSIX seconds."""
    if day is None or not 1970 < day.year < 9000:
        return None
    zone = ZoneInfo(office().settings.time_zone)
    return int(datetime.combine(day + timedelta(days=days_later), time(), zone).timestamp())
