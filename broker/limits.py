"""Sizes, rates and retention. What counts requests lies in the database, not in one process's memory."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from broker.models import Checkpoint, LogHead, Nonce, Outcome, Rate
from broker.wire import MOST_ENTRIES, MOST_EVENTS
from config.settings import BrokerSettings
from crypto.header import LARGEST_HEADER_BYTES
from errors import QuotaExceeded, RequestReplayed
from storage.types import EPOCH

PART_BYTES = 8 * 2**20
MOST_JSON_BYTES = 12 * 2**20
VERSIONS_PER_DAY = 12
KEEP_CHECKPOINTS = 2048
PAGE_ITEMS = 256
KEEP_OUTCOMES = timedelta(hours=1)
SKEW = timedelta(minutes=5)


def describe_limits(settings: BrokerSettings) -> dict[str, int]:
    """The limits that a desk may rely on, as `GET /v1/broker` tells them."""
    return {
        "part_bytes": PART_BYTES,
        "bundle_bytes": settings.max_bundle_bytes,
        "event_bytes": settings.max_event_bytes,
        "header_bytes": LARGEST_HEADER_BYTES,
        "events": MOST_EVENTS,
        "entries": MOST_ENTRIES,
        "requests_per_minute": settings.requests_per_minute,
        "register_versions_per_day": VERSIONS_PER_DAY,
        "undelivered_days": settings.undelivered_ttl_days,
        "default_term_days": settings.default_term_days,
        "destroy_after_expiry_days": settings.destroy_after_expiry_days,
        "witness_quorum": settings.witness_quorum,
    }


def count_request(
    session: Session, log_id: bytes, key_id: str, nonce: bytes, keep_until: datetime, now: datetime, most: int
) -> None:
    """Take note of a request that was signed correctly.

    Raises:
        RequestReplayed: this nonce was used before.
        QuotaExceeded: more than `most` requests of this key in this minute.
    """
    if session.get(Nonce, (log_id, key_id, nonce)) is not None:
        raise RequestReplayed
    session.add(Nonce(log_id=log_id, key_id=key_id, nonce=nonce, keep_until=keep_until))
    minute = count_minutes(now)
    rate = session.get(Rate, (log_id, key_id, minute))
    if rate is None:
        session.add(Rate(log_id=log_id, key_id=key_id, minute=minute, used=1))
    elif rate.used >= most:
        raise QuotaExceeded
    else:
        rate.used += 1


def count_minutes(now: datetime) -> int:
    """Whole minutes since 1970."""
    return (now - EPOCH) // timedelta(minutes=1)


def count_days(now: datetime) -> int:
    """Whole days since 1970."""
    return (now - EPOCH).days


def forget_old_rows(session: Session, log_id: bytes, now: datetime) -> None:
    """Remove nonces that can no longer be replayed, old rates and answers, checkpoints nobody cosigned."""
    session.execute(delete(Nonce).where(Nonce.log_id == log_id, Nonce.keep_until < now))
    session.execute(delete(Rate).where(Rate.log_id == log_id, Rate.minute < count_minutes(now) - 1))
    session.execute(delete(Outcome).where(Outcome.log_id == log_id, Outcome.answered_at < now - KEEP_OUTCOMES))
    _forget_checkpoints(session, log_id)


def _forget_checkpoints(session: Session, log_id: bytes) -> None:
    newest = session.get_one(LogHead, log_id).size
    # Older ones than the last few thousand are of use only if a witness signed them.
    oldest_kept = session.scalar(
        select(Checkpoint.size)
        .where(Checkpoint.log_id == log_id, Checkpoint.size < newest)
        .order_by(Checkpoint.size.desc())
        .offset(KEEP_CHECKPOINTS)
        .limit(1)
    )
    if oldest_kept is not None:
        session.execute(
            delete(Checkpoint).where(
                Checkpoint.log_id == log_id, Checkpoint.size < oldest_kept, Checkpoint.witnesses == 0
            )
        )
