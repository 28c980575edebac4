"""The languages of the pages, and how dates, times and sizes are written."""

import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Flask, current_app, request, session
from flask_babel import Babel, format_date, format_datetime, format_time, get_locale, gettext, ngettext
from flask_login import current_user

from desk.catalogues import SOURCE, Catalogues, offered
from desk.field_words import field_words

_NAMES: Final = {"en": "English", "fr": "Français", "es": "Español", "ro": "Română", "ar": "العربية"}
OWN_NAMES: Final = {one: _NAMES[one] for one in offered()}
RIGHT_TO_LEFT: Final = frozenset({"ar"})
CHOSEN: Final = "language"
UNITS: Final = ("B", "KB", "MB", "GB", "TB")


def install(app: Flask, default: str, time_zone: str) -> None:
    """Choose language and time zone for each request, and give templates their words."""
    app.config.update(BABEL_DEFAULT_LOCALE=default, BABEL_DEFAULT_TIMEZONE=time_zone)
    babel = Babel(app, locale_selector=chosen, timezone_selector=lambda: time_zone)
    babel.domain_instance = Catalogues()
    app.jinja_env.filters.update(
        day=day, month=month, moment=moment, clock=clock, size=size, exact=exact, field_words=field_words
    )


def chosen() -> str:
    """The officer's own choice, else that of the sign-in page, else what the browser asks for, else the desk's."""
    preferred = getattr(current_user, "language", None) if current_user else None
    for one in (preferred, session.get(CHOSEN), request.accept_languages.best_match(list(OWN_NAMES))):
        if one in OWN_NAMES:
            return str(one)
    default = str(current_app.config["BABEL_DEFAULT_LOCALE"])
    return default if default in OWN_NAMES else SOURCE


def choose(language: str) -> None:
    """Remember a choice until the sign-in."""
    if language in OWN_NAMES:
        session[CHOSEN] = language


def direction() -> str:
    """`dir` of the page."""
    return "rtl" if tag() in RIGHT_TO_LEFT else "ltr"


def tag() -> str:
    """`lang` of the page."""
    return str(get_locale())


# ---- How things are written -------------------------------------------------------------------------------------


DAYS: Final = {"es": "d 'de' MMMM 'de' y"}


def _aware(value: int | float | datetime.datetime) -> datetime.datetime:
    if isinstance(value, datetime.datetime):
        return value
    return datetime.datetime.fromtimestamp(value, datetime.UTC)


def day_pattern(language: str) -> str:
    """How a date in full is written in a language, as CLDR patterns go."""
    return DAYS.get(language, "d MMMM y")


def month(value: str) -> str:
    """A month in full out of YYYY-MM: December 2027. What is no month stays as it is."""
    try:
        first = datetime.date.fromisoformat(f"{value}-01")
    except ValueError:
        return value
    return str(format_date(first, day_pattern(tag()).partition(" ")[2].removeprefix("'de' ")))


def day(value: int | float | str | datetime.date | None) -> str:
    """A date in full, with the month's name: 23 November 2026. Takes POSIX seconds, a date, or 2026-11-23."""
    if value is None or value == "":
        return "-"
    if isinstance(value, str):
        try:
            return day(datetime.date.fromisoformat(value[:10]))
        except ValueError:
            return value
    return str(format_date(_aware(value) if isinstance(value, int | float) else value, day_pattern(tag())))


def moment(value: int | float | None) -> str:
    """Date and time in the agency's time zone, 24 hours: 23 November 2026, 14:05."""
    return "-" if value is None else str(format_datetime(_aware(value), f"{day_pattern(tag())}, HH:mm"))


def clock(value: int | float | None) -> str:
    """The time of day, 24 hours."""
    return "-" if value is None else str(format_time(_aware(value), "HH:mm"))


def exact(value: int | float | None) -> str:
    """UTC to the second, for proofs."""
    if value is None:
        return "-"
    return _aware(value).astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%d %H:%M:%S UTC")


def size(count: int) -> str:
    """Bytes in words: 2.1 GB."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {UNITS[unit]}" if unit == 0 or amount >= 10 else f"{amount:.1f} {UNITS[unit]}"


def context() -> dict[str, Any]:
    """What every template knows of languages."""
    return {"lang": tag(), "dir": direction(), "languages": OWN_NAMES, "_": gettext, "ngettext": ngettext}
