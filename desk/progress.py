"""The page of long work: how far it is, where it led, or why it stopped."""

from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, current_app, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from desk.access import any_officer, officer
from desk.jobs import Job, Jobs, Progress

pages: Final = Blueprint("progress", __name__)
RELOAD_SECONDS: Final = 3

MEANWHILE: Final = _l("You can leave this page. If the desk locks, begin again: nothing is lost.")
PARTS: Final = _l("parts")
# kind: (title, what is counted, what to know meanwhile)
KINDS: Final[dict[str, tuple[Any, Any, Any]]] = {
    "pack": (_l("Reading the exhibits"), _l("files"), MEANWHILE),
    "check": (
        _l("Checking the log"),
        _l("entries"),
        _l("The desk reads the newest state and checks every entry of it."),
    ),
    "hand-over": (_l("Handing over"), _l("bundles"), MEANWHILE),
    "recover": (_l("Opening keys again"), _l("bundles"), _l("Leave this page open until it is done.")),
    "copy": (_l("Making a copy of the desk"), _l("bytes"), _l("You can leave this page; the copy is made meanwhile.")),
    "drill": (_l("Trying the copy"), _l("bytes"), _l("You can leave this page; the drill goes on meanwhile.")),
    "seal": (_l("Sealing"), PARTS, MEANWHILE),
    "send": (_l("Sending"), PARTS, MEANWHILE),
    "open": (
        _l("Opening the bundle"),
        _l("bytes"),
        _l("Its parts are fetched and every file is checked. You can leave this page; what opens stays in memory."),
    ),
    "keep": (_l("Keeping it in the case"), _l("files"), MEANWHILE),
    "answer": (_l("Sealing and sending"), _l("bytes"), MEANWHILE),
}


def jobs() -> Jobs:
    """The jobs of this desk."""
    found: Jobs = current_app.extensions["jobs"]
    return found


def begin(kind: str, work: Callable[[Progress], str], *, back: str) -> ResponseReturnValue:
    """Start long work and go to its page. `work` gets a progress function and returns the page that it leads to.

    It runs outside of the request: addresses have to be made before.
    """
    if kind not in KINDS:
        raise ValueError(f"the page of work does not know what {kind} is")
    job = jobs().begin(officer().handle, kind, work, back=back)
    return redirect(url_for("progress.page", number=job.number), 303)


@pages.get("/work/<number>")
@any_officer
def page(number: str) -> ResponseReturnValue:
    """How far it is; loads itself again until it is over."""
    job = jobs().get(number, officer().handle)
    is_over = job.ended.is_set()  # once: it may end while the page is made, and the page has to load again then
    if is_over and job.location:
        return redirect(job.location, 303)
    title, unit, words = KINDS[job.kind]
    answer = make_response(
        render_template("progress.html", job=job, heading=title, unit=unit, words=words, counted=_counted(job, unit))
    )
    if not is_over and "stay" not in request.args:
        answer.headers["Refresh"] = str(RELOAD_SECONDS)
    return answer


def _counted(job: Job, unit: Any) -> str:
    """How far, in whole units; the bar says the rest."""
    return _("%(done)d of %(total)d parts", done=job.done, total=job.total) if unit is PARTS and job.total else ""


@pages.get("/work/<number>/state")
@any_officer
def state(number: str) -> ResponseReturnValue:
    """The same for a script."""
    job = jobs().get(number, officer().handle)
    return jsonify(done=job.done, total=job.total, percent=job.percent, is_over=job.ended.is_set())
