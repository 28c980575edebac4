"""The state of the shared log, as every page shows it."""

from dataclasses import dataclass

from flask_babel import gettext as _
from flask_login import current_user

from desk import languages
from exchange.office import Office


@dataclass(frozen=True, slots=True)
class LogShown:
    """Words and symbol of the last line of the rail."""

    words: str
    checked: str
    symbol: str = "shield-check"
    is_stopped: bool = False


def log_state(office: Office) -> LogShown:
    """What this desk knows of the log, from its last check."""
    if not current_user.is_authenticated:
        return LogShown("", "")
    with office.files.session() as db:
        state = office.log(db)
        size, at, is_stopped = state.size, state.synced_at, state.is_stopped
    if is_stopped:
        return LogShown(_("Stopped: the log was changed"), _("Nothing is sent or opened."), "x-octagon-fill", True)
    return LogShown(_("Log checked, %(size)d entries", size=size), _("Last look: %(at)s", at=languages.moment(at)))
