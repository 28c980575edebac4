"""The state of the shared log in a sentence: on its own page, and as the last line of the rail of every other one."""

from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user

from desk import languages
from desk.access import now
from exchange.log_health import Health, Verdict, Watch
from exchange.office import Office

# verdict: tone, symbol, title
VERDICTS: Final[dict[Verdict, tuple[str, str, Any]]] = {
    Verdict.WHOLE: ("ok", "shield-check", _l("The record is whole")),
    Verdict.LATE: ("warn", "shield-check", _l("The record is whole, an agency is late")),
    Verdict.UNCONFIRMED: ("warn", "shield-exclamation", _l("The record is not confirmed by others")),
    Verdict.OLD: ("warn", "clock-history", _l("The record was not checked for a while")),
    Verdict.ALARM: ("stop", "shield-exclamation", _l("Something about the record does not fit")),
    Verdict.STOPPED: ("stop", "x-octagon-fill", _l("Stop: the shared log was changed")),
    Verdict.NEVER: ("note", "hourglass-split", _l("The record was not checked yet")),
}
WATCH: Final = Watch()


@dataclass(frozen=True, slots=True)
class LogShown:
    """Words and symbol of the last line of the rail."""

    words: str
    checked: str
    symbol: str = "shield-check"
    is_stopped: bool = False


def log_state(office: Office) -> LogShown:
    """What this desk knows of the log, from its last check; nothing is asked of the broker."""
    if not current_user.is_authenticated:
        return LogShown("", "")
    with office.files.session() as db:
        health = WATCH.look(db, office, now=now())
    verdict, stopped = health.verdict, health.verdict is Verdict.STOPPED
    checked = (
        _("Nothing is sent or opened.") if stopped else _("Last look: %(at)s", at=languages.moment(health.synced_at))
    )
    return LogShown(_rail(health), checked, VERDICTS[verdict][1], stopped)


def open_alarms(office: Office) -> int:
    """How many alarms nobody has looked at, for the rail."""
    with office.files.session() as db:
        return WATCH.look(db, office, now=now()).open_alarms


def _rail(health: Health) -> str:
    if health.verdict is Verdict.WHOLE:
        n, m = health.confirmed, len(health.confirmations)
        return str(_("Record whole, %(n)d of %(m)d agencies", n=n, m=m))
    return str(VERDICTS[health.verdict][2])


def sentence(health: Health) -> str:
    """The verdict in one sentence."""
    n, m = health.confirmed, len(health.confirmations)
    at = languages.moment(health.synced_at)
    said = {
        Verdict.WHOLE: lambda: _(
            "Checked %(at)s. Nothing was taken out or changed, and %(n)d of %(m)d agencies saw the same record.",
            at=at, n=n, m=m,
        ),
        Verdict.LATE: lambda: ngettext(
            "Checked %(at)s. Nothing was taken out or changed. %(num)d agency has not confirmed for more than half an "
            "hour; enough others have.",
            "Checked %(at)s. Nothing was taken out or changed. %(num)d agencies have not confirmed for more than half "
            "an hour; enough others have.",
            len(health.late), at=at,
        ),
        Verdict.UNCONFIRMED: lambda: _(
            "Checked %(at)s. %(n)d of %(m)d agencies saw the same record; %(needed)d are needed. New entries wait, and "
            "a broker that shows two records would not be noticed.",
            at=at, n=n, m=m, needed=health.needed,
        ),
        Verdict.OLD: lambda: _(
            "The last check was %(at)s. Since then the broker could not be reached; what happened there is not known.",
            at=at,
        ),
        Verdict.ALARM: lambda: _("Read the alarms below. Your desk goes on, but do not rely on what they name."),
        Verdict.STOPPED: lambda: _(
            "The broker showed an older log, or two that contradict each other. Nothing is sent and nothing is opened. "
            "Both records are kept as evidence."
        ),
        Verdict.NEVER: lambda: _("The first check comes with the next look at the broker."),
    }  # fmt: skip
    return str(said[health.verdict]())
