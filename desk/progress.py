"""The page of long work: how far it is, where it led, or why it stopped."""

from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, current_app, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from desk.access import any_officer, officer
from desk.jobs import Jobs, Progress

pages: Final = Blueprint("progress", __name__)
RELOAD_SECONDS: Final = 3

MEANWHILE: Final = _l("You can leave this page. If the desk locks, begin again: nothing is lost.")
# kind: (title, what is counted, what to know meanwhile)
KINDS: Final[dict[str, tuple[Any, Any, Any]]] = {
    "seal": (
        _l("Sealing"),
        _l("bytes"),
        _l("You can leave this page. If the desk locks, begin again: nothing is lost."),
    ),
    "open": (
        _l("Opening the bundle"),
        _l("bytes"),
        _l("Its parts are fetched and every file is checked. You can leave this page; what opens stays in memory."),
    ),
    "keep": (_l("Keeping it in the case"), _l("files"), MEANWHILE),
    "send": (_l("Sealing and sending"), _l("bytes"), MEANWHILE),
}


def jobs() -> Jobs:
    """The jobs of this desk."""
    found: Jobs = current_app.extensions["jobs"]
    return found


def begin(kind: str, work: Callable[[Progress], str], *, back: str) -> ResponseReturnValue:
    """Start long work and go to its page. `work` gets a progress function and returns the page that it leads to.

    It runs outside of the request: addresses have to be made before.
    """
    job = jobs().begin(officer().handle, kind, work, back=back)
    return redirect(url_for("progress.page", number=job.number), 303)


@pages.get("/work/<number>")
@any_officer
def page(number: str) -> ResponseReturnValue:
    """How far it is; loads itself again until it is over."""
    job = jobs().get(number, officer().handle)
    if job.ended.is_set() and job.location:
        return redirect(job.location, 303)
    title, unit, words = KINDS[job.kind]
    answer = make_response(render_template("progress.html", job=job, heading=title, unit=unit, words=words))
    if not job.ended.is_set() and "stay" not in request.args:
        answer.headers["Refresh"] = str(RELOAD_SECONDS)
    return answer


@pages.get("/work/<number>/state")
@any_officer
def state(number: str) -> ResponseReturnValue:
    """The same for a script."""
    job = jobs().get(number, officer().handle)
    return jsonify(done=job.done, total=job.total, percent=job.percent, is_over=job.ended.is_set())
