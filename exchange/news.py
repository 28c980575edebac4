"""Whether something has come to this desk that an officer has to look at: known without anybody's key."""

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from exchange.models import Alarm, Approval, StoredBundle


def has_come(db: Session, since: int) -> bool:
    """Whether a bundle arrived, an alarm was raised or a second officer was asked after `since` (POSIX seconds)."""
    arrived = exists().where(StoredBundle.direction == "in", StoredBundle.added_at > since)
    alarmed = exists().where(Alarm.raised_at > since, Alarm.seen_by.is_(None))
    asked = exists().where(Approval.asked_at > since, Approval.state == "waiting")
    return bool(db.scalar(select(or_(arrived, alarmed, asked))))
