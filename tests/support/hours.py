"""Hours of the day for tests that run at any hour: what stands out by night must not depend on when they run."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def daylight() -> str:
    """Name of a time zone in which it is noon within the hour."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}"  # these names count the other way round


def noon(zone: str, days_ago: int = 1) -> int:
    """POSIX seconds of a day's noon there."""
    at = datetime.now(ZoneInfo(zone)).replace(hour=12, minute=0, second=0, microsecond=0)
    return int((at - timedelta(days=days_ago)).timestamp())
