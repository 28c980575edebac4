"""Whether the shared log is whole: the verdict, who confirmed it, the last day, and the alarms."""

from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, Response, abort, flash, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crypto.encoding import dump_json
from desk import languages, progress
from desk.access import needs, now, office, officer
from desk.alarm_words import words_of
from desk.forms import done, once
from desk.jobs import Progress
from desk.paging import paged
from desk.status import VERDICTS, sentence
from errors import LogForked
from exchange import comparing, log_health
from exchange.log_health import Box, Confirmation, Health, Hour
from exchange.models import Alarm
from exchange.office import Office, acknowledge_alarm, list_alarms
from exchange.sync import export_alarm, sync

pages: Final = Blueprint("log_health", __name__)
LARGEST_ID: Final = 2**31
# of the chart: box, class of its colour
STEP, SIDE, ROW, TOP = 25, 21, 58, 22
CLASSES: Final = {Box.IN_TIME: "g-ok", Box.LATE: "g-warn", Box.WAITS: "g-surf", Box.MISSING: "g-stop"}
BOXES: Final = {
    Box.IN_TIME: _l("In time"), Box.LATE: _l("Late"), Box.WAITS: _l("Not yet"), Box.MISSING: _l("Missing"),
    Box.QUIET: _l("Nothing new"),
}  # fmt: skip


@pages.get("/custody/log")
@needs("log-health")
def page() -> ResponseReturnValue:
    """All of it on one page."""
    at = now()
    with office().files.session() as db:
        health = log_health.look(db, office(), now=at)
        hours = log_health.last_day(db, office(), now=at)
        entries = log_health.own_entries(db)
        listed, pages_of = paged(list_alarms(db))
        alarms = [(one, words_of(one), _agency_of(one)) for one in listed]
    tone, symbol, title = VERDICTS[health.verdict]
    return render_template(
        "log_health/page.html", health=health, tone=tone, symbol=symbol, title=title, said=sentence(health),
        states=[(one, _state(one, at)) for one in health.confirmations], own=office().agency, entries=entries,
        chart=_chart(hours), rows=_rows(hours), alarms=alarms, pages=pages_of, root=_short(health),
    )  # fmt: skip


def _state(one: Confirmation, at: int) -> tuple[str, str, Any]:
    """Tone, symbol and words of what an agency did."""
    if one.behind_since is None:
        return "ok", "check-circle-fill", _("Confirmed")
    if one.is_late(at):
        return "warn", "clock", _("Late") if one.at is not None else _("Never confirmed")
    return "note", "circle-half", _("Confirms soon")


def _agency_of(alarm: Alarm) -> str | None:
    """The agency whose key an alarm is about."""
    if alarm.kind == comparing.ROOT_DIFFERS:
        return alarm.subject.partition(" ")[0]
    return alarm.subject.partition("/")[2] if alarm.kind == "key-replaced" else None


def _short(health: Health) -> str:
    text = health.root.hex()
    groups = [text[at : at + 4] for at in range(0, len(text), 4)]
    return " ".join([*groups[:3], "…", *groups[-2:]])


def _chart(hours: list[Hour]) -> dict[str, Any]:
    """Places of the boxes; the page draws them. In a right-to-left page the time runs the other way."""
    is_mirrored = languages.direction() == "rtl"
    width = STEP * len(hours)
    agencies = list(hours[-1].boxes) if hours else []

    def place(number: int) -> int:
        return width - (number + 1) * STEP + 2 if is_mirrored else number * STEP + 2

    boxes = [
        {"x": place(number), "y": row * ROW + TOP, "box": box.value, "class": CLASSES.get(box, "")}
        for row, agency in enumerate(agencies)
        for number, box in enumerate(hour.boxes[agency] for hour in hours)
    ]
    marks = [{"x": place(number), "at": hours[number].begin} for number in range(0, len(hours), 6)]
    labels = [{"y": row * ROW + 16, "words": agency} for row, agency in enumerate(agencies)]
    height = len(agencies) * ROW + 18
    counted = {one: sum(box["box"] == one.value for box in boxes) for one in Box}
    return {
        "boxes": boxes, "marks": marks, "labels": labels, "width": width + 4, "height": height, "side": SIDE,
        "counted": counted, "is_mirrored": is_mirrored, "is_empty": counted[Box.QUIET] == len(boxes),
    }  # fmt: skip


def _rows(hours: list[Hour]) -> list[tuple[int, str, Any]]:
    """The same as a table: every hour in which something was published, for each agency; newest first."""
    return [
        (hour.begin, agency, BOXES[box])
        for hour in reversed(hours)
        for agency, box in hour.boxes.items()
        if box is not Box.QUIET
    ]


@pages.post("/custody/log/check")
@needs("log-health")
@once
def check() -> ResponseReturnValue:
    """Follow the log now, beside the page."""
    back = url_for("log_health.page")
    return progress.begin("check", _checking(office(), back), back=back)


def _checking(desk: Office, back: str) -> Callable[[Progress], str]:
    def work(_tell: Progress) -> str:
        try:
            sync(desk, now=now())
        except LogForked:
            return back  # the page says what happened, and what to do
        return back

    return work


@pages.get("/custody/log/alarms/<number>/evidence")
@needs("log-health")
def evidence(number: str) -> ResponseReturnValue:
    """The proof behind an alarm as a file, for somebody else to check."""
    found = export_alarm(office(), _alarm(number))
    answer = Response(dump_json(found), mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="alarm-{int(number)}.json"'
    return answer


@pages.post("/custody/log/alarms/<number>/seen")
@needs("log-health")
@once
def seen(number: str) -> ResponseReturnValue:
    """Somebody has looked at it; it stays in the list."""
    with office().files.session() as db:
        acknowledge_alarm(db, officer(), _alarm(number))
    flash(_("The alarm is marked as seen. It stays in the list."), "ok")
    return done(url_for("log_health.page"))


def _alarm(number: str) -> int:
    """The id of an alarm that there is; anything else is a page that does not exist."""
    if not (number.isascii() and number.isdigit() and len(number) <= 9 and int(number) < LARGEST_ID):
        abort(404)
    with office().files.session() as db:
        if db.get(Alarm, int(number)) is None:
            abort(404)
    return int(number)
