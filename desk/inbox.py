"""Bundles that arrived, and what stands before the opening."""

import time
from typing import Final

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from agencies.rights import has_right
from desk.casework import identifier
from exchange import arrivals, reading

pages: Final = Blueprint("inbox", __name__)


@pages.get("/inbox")
def bundles() -> ResponseReturnValue:
    """Bundles by other agencies, newest first."""
    office = current_app.extensions["office"]
    with office.files.session() as db:
        found = [
            {"id": one.bundle_id.hex(), "sender": one.sender_agency, "state": one.state, "at": one.added_at}
            for one in arrivals.list_bundles(db, "in")
        ]
    return render_template("inbox.html", bundles=found, may=has_right(current_user.officer.roles, "open"))


@pages.get("/inbox/<bundle_id>")
def bundle(bundle_id: str) -> ResponseReturnValue:
    """Sender, purposes, entitled officers, flags. Nothing is opened and nothing is logged."""
    office, officer = current_app.extensions["office"], current_user.officer
    officer.require("open")
    seen = reading.preview(office, officer, identifier(bundle_id), now=int(time.time()))
    return render_template("bundle.html", bundle_id=bundle_id, seen=seen)
