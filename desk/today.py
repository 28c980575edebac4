"""Today: what needs the officer, and what she waits for."""

import time
from typing import Final

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from desk.access import any_officer

pages: Final = Blueprint("today", __name__)


@pages.get("/today")
@any_officer
def page() -> ResponseReturnValue:
    """The first page after the sign-in."""
    return render_template("today.html", tasks=[], at=time.time())
