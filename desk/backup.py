"""Copies of the desk: made and sealed, tried out in a drill, and put to use on a new computer."""

from pathlib import Path
from typing import Any, Final

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user

from agencies.members import require_passphrase
from agencies.models import Drill
from desk import languages, progress
from desk.access import may, needs, now, office, officer
from desk.forms import DeskForm, once, text
from desk.forms import passphrase as secret
from desk.jobs import Progress
from errors import AmparoError
from exchange import backups

pages: Final = Blueprint("backup", __name__)


class CopyForm(DeskForm):
    """Where the copy goes, and its own passphrase."""

    folder = text(
        _l("Folder"), missing=_l("Write the folder that the copy goes into"), most=400,
        hint=_l("Whole path on this computer, such as /media/stick. Not a place inside of the desk’s own folder."),
    )  # fmt: skip
    passphrase = secret(
        _l("Passphrase of the copy"), missing=_l("Write a passphrase for the copy"),
        hint=_l("At least 12 signs. It is not yours: write it down and keep it apart from the copy."),
    )  # fmt: skip
    again = secret(_l("Passphrase of the copy, once more"), missing=_l("Write the passphrase once more"))


class DrillForm(DeskForm):
    """Which copy is tried out."""

    file = text(
        _l("File of the copy"), missing=_l("Write the file of the copy"), most=400,
        hint=_l("Whole path on this computer; its name ends in .amparo-copy."),
    )  # fmt: skip
    passphrase = secret(_l("Passphrase of the copy"), missing=_l("Write the passphrase of the copy"))


@pages.get("/settings/backup")
@needs("administer")
def page() -> ResponseReturnValue:
    """The last copies and drills, each in a sentence."""
    with office().files.session() as db:
        copies = [(row.at, row.size_bytes, row.officer) for row in backups.list_all(db, backups.COPY, 5)]
        drills = [(sentence(row), row.result == backups.EQUAL, row.officer) for row in
                  backups.list_all(db, backups.DRILL, 10)]  # fmt: skip
        is_overdue = backups.is_overdue(db, now=now())
    return render_template("backup/page.html", copies=copies, drills=drills, is_overdue=is_overdue)


def sentence(row: Drill) -> str:
    """A drill in a sentence: 12 October 2026: restored in 4 minutes, 3 842 entries, all equal."""
    day = languages.day(row.at)
    if row.result != backups.EQUAL:
        return str(_("%(day)s: the copy does not hold (%(code)s). Make a new one.", day=day, code=row.result))
    return str(
        _(
            "%(day)s: restored in %(time)s, %(entries)s, all equal.", day=day, time=_duration(row.seconds),
            entries=ngettext("%(num)d entry", "%(num)d entries", row.entries),
        )
    )  # fmt: skip


def _duration(seconds: int) -> str:
    if seconds < 60:
        return str(ngettext("%(num)d second", "%(num)d seconds", max(1, seconds)))
    return str(ngettext("%(num)d minute", "%(num)d minutes", round(seconds / 60)))


def warning() -> dict[str, Any] | None:
    """For Today: that no drill of the last 90 days has shown a copy to work; None for others than administrators."""
    if not current_user.is_authenticated or not may("administer"):
        return None
    with office().files.session() as db:
        if not backups.is_overdue(db, now=now()):
            return None
        last = backups.last_good_drill(db)
        words = _("Never drilled.") if last is None else sentence(last)
    return {
        "url": url_for("backup.drill"), "title": _("Try out a copy of the desk"), "words": words, "symbol": "hdd",
        "tone": "warn", "tag": ("warn", "clock", _("Due")),
    }  # fmt: skip


@pages.route("/settings/backup/copy", methods=["GET", "POST"])
@needs("administer")
@once
def copy() -> ResponseReturnValue:
    """Make a sealed copy now."""
    form = CopyForm()
    if form.is_sent() and _may_copy(form):
        at_desk, me, folder, words = office(), officer(), Path(str(form.folder.data)), str(form.passphrase.data)
        moment, on = now(), url_for("backup.page")

        def work(tell: Progress) -> str:
            backups.back_up(at_desk, me, folder, words, now=moment, tell=tell)
            return on

        return progress.begin("copy", work, back=url_for("backup.copy"))
    return render_template("backup/copy.html", form=form)


def _may_copy(form: CopyForm) -> bool:
    """What can be said before the work begins."""
    if form.passphrase.data != form.again.data:
        form.refuse("again", _("The two do not match; write the passphrase twice"))
        return False
    try:
        require_passphrase(str(form.passphrase.data))
    except AmparoError as error:
        form.refuse("passphrase", _(error.message))
        return False
    try:
        backups.require_place(office(), Path(str(form.folder.data)))
    except AmparoError as error:
        form.refuse("folder", _(error.message))
        return False
    return True


@pages.route("/settings/backup/drill", methods=["GET", "POST"])
@needs("administer")
@once
def drill() -> ResponseReturnValue:
    """Put a copy back into a scratch place, compare, and say what was found."""
    form = DrillForm()
    if form.is_sent():
        source = Path(str(form.file.data))
        if not source.is_absolute() or not source.is_file():
            form.refuse("file", _("There is no such file on this computer"))
        else:
            at_desk, me, words = office(), officer(), str(form.passphrase.data)
            moment, on = now(), url_for("backup.page")

            def work(tell: Progress) -> str:
                backups.drill(at_desk, me, source, words, now=moment, tell=tell)
                return on

            return progress.begin("drill", work, back=url_for("backup.drill"))
    return render_template("backup/drill.html", form=form)


@pages.get("/settings/backup/move")
@needs("administer")
def move() -> ResponseReturnValue:
    """How the desk moves to a new computer, and what to do when there is no copy."""
    return render_template("backup/move.html", folder=office().files.folder.name, agency=office().agency)
