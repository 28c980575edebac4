"""Cases, and the custody of an exhibit."""

from typing import Any, Final

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from agencies import cases as case_service
from crypto.header import IDENTIFIER_BYTES
from desk.access import needs, office, officer
from evidence import exhibits, holdings

pages: Final = Blueprint("casework", __name__)
STATES: Final = {
    "here": ("ok", "With this agency"),
    "elsewhere": ("info", "With another agency"),
    "offered": ("warn", "Offered, waiting for the answer"),
    "ended": ("info", "Returned or destroyed"),
    "unknown": ("warn", "No custody is known"),
    "broken": ("stop", "Two records contradict each other"),
}


def identifier(text: str) -> bytes:
    """An id out of an address; anything else is a page that does not exist."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        abort(404)
    if len(raw) != IDENTIFIER_BYTES:
        abort(404)
    return raw


@pages.get("/cases")
@needs("case-read")
def cases() -> ResponseReturnValue:
    """Cases of the officer's teams."""
    with office().files.session() as db:
        found: list[dict[str, Any]] = [
            {"id": one.case_id.hex(), "handle": one.handle, "opened_at": one.opened_at,
             **case_service.read_facts(db, officer(), one)}
            for one in case_service.list_cases(db, officer())
        ]  # fmt: skip
    return render_template("cases.html", cases=found)


@pages.get("/cases/<case_id>")
@needs("case-read")
def case(case_id: str) -> ResponseReturnValue:
    """Exhibits of a case and its team."""
    with office().files.session() as db:
        row = case_service.get_case(db, officer(), identifier(case_id))
        facts = case_service.read_facts(db, officer(), row)
        found = exhibits.list_exhibits(db, officer(), row.case_id)
        team = case_service.team(db, officer(), row.case_id)
        handle = row.handle
    return render_template(
        "case.html", case_id=case_id, handle=handle, facts=facts, exhibits=found, team=team, states=STATES
    )


@pages.get("/cases/<case_id>/exhibits/<object_id>")
@needs("case-read")
def exhibit(case_id: str, object_id: str) -> ResponseReturnValue:
    """Who held an exhibit, what was done with it, and whether the log proves it."""
    with office().files.session() as db:
        found = exhibits.get_exhibit(db, officer(), identifier(case_id), identifier(object_id))
        history = holdings.history(db, officer(), identifier(case_id), identifier(object_id))
    return render_template("exhibit.html", case_id=case_id, exhibit=found, history=history, states=STATES)
