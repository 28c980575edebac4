"""Blobs that have to be there before the log promises them, and that go again when the log refuses.

An orphan can only come from a kill between the two; `drop_orphans` removes what it left.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.models import Bundle, Event, Register
from broker.parts import Parts
from crypto.digests import sha256
from errors import AmparoError, NotFound, StorageFull, Unavailable
from storage.database import transact

PATIENCE = timedelta(hours=1)
IsLive = Callable[[Session], bool]


@contextmanager
def staged(
    parts: Parts, blobs: Mapping[str, bytes], is_live: IsLive, undo: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """Store blobs, then let the block ask the log.

    What was refused for good leaves nothing behind. Where the outcome is not known (no answer in time, no room) all
    stays for the retry.

    Args:
        is_live: whether the tables name these blobs already: a request that repeats an accepted one in other words is
            refused, and what it repeats stays.
        undo: takes back what the caller kept elsewhere.
    """
    for key, content in blobs.items():
        parts.blobs.put(key, content)
    try:
        yield
    except (Unavailable, StorageFull):
        raise
    except AmparoError:
        # In the sequencer's own thread, so that nothing is accepted between the look and the removal.
        parts.sequencer.run(partial(_drop, parts, blobs, is_live, undo))
        raise
    # The refusal of a twin of this request may have removed them before this one was accepted.
    for key, content in blobs.items():
        if not _has(parts, key):
            parts.blobs.put(key, content)


def _drop(
    parts: Parts, blobs: Mapping[str, bytes], is_live: IsLive, undo: Callable[[], object], session: Session
) -> None:
    if not is_live(session):
        for key in blobs:
            parts.blobs.delete(key)
        undo()


def has_bundle(log_id: bytes, header_digest: bytes, session: Session) -> bool:
    """Whether a bundle with this header was accepted."""
    query = select(Bundle.bundle_id).where(Bundle.log_id == log_id, Bundle.header_digest == header_digest)
    return session.scalars(query.limit(1)).first() is not None


def has_version(log_id: bytes, bundle_id: bytes, digest: bytes, session: Session) -> bool:
    """Whether a register version with this digest was accepted."""
    query = select(Register.version).where(
        Register.log_id == log_id, Register.bundle_id == bundle_id, Register.digest == digest
    )
    return session.scalars(query.limit(1)).first() is not None


def has_statement(log_id: bytes, object_id: bytes, statement: bytes, session: Session) -> bool:
    """Whether an event with this statement was accepted."""
    query = select(Event.entry_index).where(
        Event.log_id == log_id, Event.object_id == object_id, Event.statement_digest == sha256(statement)
    )
    return session.scalars(query.limit(1)).first() is not None


def _has(parts: Parts, key: str) -> bool:
    try:
        parts.blobs.get_size(key)
    except NotFound:
        return False
    return True


def drop_orphans(parts: Parts, seen: dict[bytes, datetime]) -> int:
    """Remove halves and blobs of deposits that never reached the log.

    Args:
        seen: header digests that earlier rounds found without a bundle, and since when; kept up to date here. A deposit
            that is under way looks the same, but not for an hour.
    """
    if parts.read_state() == "recovering":
        return 0  # what is missing may come back
    orphans, after = set(), b""
    while digests := parts.halves.list_digests(parts.log_id, after):
        query = select(Bundle.header_digest).where(Bundle.log_id == parts.log_id, Bundle.header_digest.in_(digests))
        known = transact(parts.readers, lambda session, query=query: set(session.scalars(query)))  # type: ignore[misc]
        orphans |= {one for one in digests if one not in known}
        after = digests[-1]
    now = parts.now()
    for digest in set(seen) - orphans:
        del seen[digest]
    dropped = 0
    for digest in orphans:
        if now - seen.setdefault(digest, now) >= PATIENCE:
            for key in parts.blobs.list_keys(f"bundles/{digest.hex()}"):
                parts.blobs.delete(key)
            parts.halves.forget(parts.log_id, digest)
            del seen[digest]
            dropped += 1
    return dropped
