"""Today: what needs the officer, what she waits for, where she begins."""

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from desk.access import any_officer, may, now, office, officer
from desk.progress import jobs
from desk.tasks import all_tasks
from exchange import case_lists, inquiries
from exchange.case_lists import OPEN

pages: Final = Blueprint("today", __name__)
MOST: Final = 5


@dataclass(frozen=True, slots=True)
class Waits:
    """An inquiry that another agency has to answer."""

    inquiry_id: str
    agency: str
    reply_by: str | None


@pages.get("/today")
@any_officer
def page() -> ResponseReturnValue:
    """The first page after the sign-in."""
    with office().files.session() as db:
        looked_at = office().log(db).synced_at
        mine = case_lists.list_handles(db, officer(), state=OPEN, newest_first=True)[:MOST] if may("case-read") else []
        handles = [(one.case_id.hex(), one.handle) for one in mine]
    return render_template(
        "today.html", tasks=all_tasks(), at=now(), looked_at=looked_at, cases=handles, waits=_waits(),
        running=jobs().running(officer().handle),
    )  # fmt: skip


def _waits() -> list[Waits]:
    if not may("inquire"):
        return []
    with office().files.session() as db:
        return [
            Waits(row.inquiry_id.hex(), row.other_agency, row.reply_by)
            for row in inquiries.list_inquiries(db, officer())
            if row.direction != inquiries.IN and row.state != inquiries.ANSWERED
        ][:MOST]
