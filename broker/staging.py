"""Blobs that have to be there before the log promises them, and that go again when the log refuses.

An orphan can only come from a kill between the two; `drop_orphans` removes what it left.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import select

from broker.models import Bundle
from broker.parts import Parts
from errors import AmparoError, NotFound, StorageFull, Unavailable
from storage.database import transact

PATIENCE = timedelta(hours=1)


@contextmanager
def staged(parts: Parts, blobs: Mapping[str, bytes], undo: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Store blobs, then let the block ask the log.

    What was refused for good leaves nothing behind. Where the outcome is not known (no answer in time, no room) all
    stays for the retry.

    Args:
        undo: takes back what the caller kept elsewhere.
    """
    for key, content in blobs.items():
        parts.blobs.put(key, content)
    try:
        yield
    except (Unavailable, StorageFull):
        raise
    except AmparoError:
        for key in blobs:
            parts.blobs.delete(key)
        undo()
        raise
    # The refusal of a twin of this request may have removed them in between.
    for key, content in blobs.items():
        if not _has(parts, key):
            parts.blobs.put(key, content)


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
