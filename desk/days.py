"""Days of the agency's calendar."""

import datetime
from zoneinfo import ZoneInfo

from desk.access import office


def today(now: int) -> datetime.date:
    """The day in the agency's time zone."""
    return datetime.datetime.fromtimestamp(now, ZoneInfo(office().settings.time_zone)).date()
