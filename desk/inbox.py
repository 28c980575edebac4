"""Bundles that arrived, and what stands before the opening."""

import time
from typing import Final

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from desk.access import needs, office, officer
from desk.casework import identifier
from exchange import arrivals, reading

pages: Final = Blueprint("inbox", __name__)


@pages.get("/inbox")
@needs("open")
def bundles() -> ResponseReturnValue:
    """Bundles by other agencies, newest first."""
    with office().files.session() as db:
        found = [
            {"id": one.bundle_id.hex(), "sender": one.sender_agency, "state": one.state, "at": one.added_at}
            for one in arrivals.list_bundles(db, "in")
        ]
    return render_template("inbox.html", bundles=found)


@pages.get("/inbox/<bundle_id>")
@needs("open")
def bundle(bundle_id: str) -> ResponseReturnValue:
    """Sender, purposes, entitled officers, flags. Nothing is opened and nothing is logged."""
    seen = reading.preview(office(), officer(), identifier(bundle_id), now=int(time.time()))
    return render_template("bundle.html", bundle_id=bundle_id, seen=seen)
