"""How an officer likes the desk: language, colours, what the top bar shows."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from agencies.models import Preference

THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Preferences:
    """What an officer chose; None is the desk's own choice.

    Attributes:
        theme: light or dark; None: as the system.
        hides_agency: the top bar does not say whose desk it is.
        shows_exit: `Exit this page` on every page.
    """

    language: str | None = None
    theme: str | None = None
    hides_agency: bool = False
    shows_exit: bool | None = None


def load(db: Session, handle: str) -> Preferences:
    """What the officer chose."""
    row = db.get(Preference, handle)
    if row is None:
        return Preferences()
    return Preferences(row.language, row.theme, row.hides_agency, row.shows_exit)


def keep(db: Session, handle: str, chosen: Preferences) -> None:
    """Remember it."""
    row = db.get(Preference, handle)
    if row is None:
        row = Preference(officer=handle, hides_agency=False)
        db.add(row)
    row.language, row.theme = chosen.language, chosen.theme
    row.hides_agency, row.shows_exit = chosen.hides_agency, chosen.shows_exit
    db.flush()
