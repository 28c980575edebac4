"""What a broker does by itself: receiving keys of the day, renewal of the store key, retention, archive."""

import secrets
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.directory_entries import receiving_key_body, unsigned
from broker import transfers, witnesses
from broker.limits import forget_old_rows
from broker.models import Bundle
from broker.parts import Parts
from broker.staging import drop_orphans
from config.logs import get_log
from crypto import labels
from errors import AmparoError
from storage.database import transact

KEY_DAYS_AHEAD = 1
KEY_DAYS_TAKEN = 2
ROUND_SECONDS = 20.0
SWEEP = timedelta(minutes=30)
PAGE = 64


def publish_receiving_keys(parts: Parts) -> int:
    """See that the receiving keys of today and tomorrow are in the log, and overwrite those that are over."""
    today = parts.now().date()
    parts.halves.drop_receiving_keys(today)
    known = {one.key for one in parts.read_directory().receiving_keys}
    published = 0
    for ahead in range(KEY_DAYS_AHEAD + 1):
        day = today + timedelta(days=ahead)
        made = parts.halves.add_receiving_key(day, day + timedelta(days=KEY_DAYS_TAKEN))
        if made.public_key in known:
            continue
        body = receiving_key_body(
            parts.origin, parts.halves.operator, made.public_key, made.day.isoformat(), made.until.isoformat()
        )
        statement = unsigned(body).signed_by(labels.DIRECTORY, "log", parts.keys.ed25519).dump()
        parts.submit("directory", {"statement": statement})
        published += 1
    return published


def expire_bundles(parts: Parts) -> int:
    """Destroy the halves of bundles whose term has been over for long, by the witnesses' times."""
    grace = timedelta(days=parts.settings.destroy_after_expiry_days)
    agreed = _agreed_time(parts)
    query = (
        select(Bundle)
        .where(
            Bundle.log_id == parts.log_id,
            Bundle.expires_at <= agreed - grace,
            Bundle.state.in_(["active", "held", "half-lost"]),
        )
        .limit(PAGE)
    )
    over = transact(parts.readers, lambda session: list(session.scalars(query)))
    for bundle in over:
        parts.halves.destroy(parts.log_id, bundle.header_digest)
        parts.sequencer.run(partial(_set_expired, bundle))
    return len(over)


def _agreed_time(parts: Parts) -> datetime:
    # A broker whose own clock is years ahead must not destroy anything by it.
    quorum = parts.settings.witness_quorum
    return transact(parts.readers, lambda session: witnesses.get_time(session, parts.log_id, quorum))


def _set_expired(bundle: Bundle, session: Session) -> None:
    session.get_one(Bundle, (bundle.log_id, bundle.bundle_id)).state = "expired"


def drop_unfinished(parts: Parts) -> int:
    """End bundles whose parts never all arrived, and free their room, by the witnesses' times."""
    agreed = min(parts.now(), _agreed_time(parts))
    oldest = agreed - timedelta(days=parts.settings.undelivered_ttl_days)
    query = (
        select(Bundle)
        .where(
            Bundle.log_id == parts.log_id,
            Bundle.complete.is_(False),
            Bundle.deposited_at < oldest,
            Bundle.state.in_(["active", "held"]),
        )
        .limit(PAGE)
    )
    stale = transact(parts.readers, lambda session: list(session.scalars(query)))
    for bundle in stale:
        parts.halves.destroy(parts.log_id, bundle.header_digest)
        parts.sequencer.run(partial(_set_expired, bundle))
        transfers.delete_parts(parts, bundle)
    return len(stale)


class Upkeep:
    """One thread that does all of the above at its time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="upkeep", daemon=True)
        # The first round renews the key: a broker that is restarted every day would never come to it otherwise.
        self._rekey_at = self._sweep_at = parts.now()
        self._orphans: dict[bytes, datetime] = {}

    def start(self) -> None:
        """Do what may not wait, then go on in the background."""
        self._do("duties", self._parts.duties.perform)
        self._do("receiving-keys", lambda: publish_receiving_keys(self._parts))
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _loop(self) -> None:
        # A random beginning keeps several processes from doing the same at the same moment.
        self._stop.wait(ROUND_SECONDS * (0.5 + secrets.randbelow(1000) / 1000))
        while not self._stop.is_set():
            self.run_once()
            self._stop.wait(ROUND_SECONDS)

    def run_once(self) -> None:
        """One round; what fails is tried again in the next."""
        parts = self._parts
        self._do("duties", parts.duties.perform)
        self._do("receiving-keys", lambda: publish_receiving_keys(parts))
        self._do("expiry", lambda: expire_bundles(parts))
        self._do("unfinished", lambda: drop_unfinished(parts))
        self._do("archive", lambda: parts.log.archive(parts.sessions, parts.readers))
        self._do(
            "retention",
            lambda: parts.sequencer.run(lambda session: forget_old_rows(session, parts.log_id, parts.now())),
        )
        if parts.now() >= self._sweep_at:
            self._do("orphans", lambda: drop_orphans(parts, self._orphans))
            self._sweep_at = parts.now() + SWEEP
        if parts.now() >= self._rekey_at:
            self._do("rekey", parts.halves.rekey)
            self._rekey_at = parts.now() + timedelta(hours=parts.settings.rekey_hours)

    def _do(self, name: str, work: Callable[[], object]) -> None:
        try:
            work()
        except AmparoError as error:
            get_log("broker.upkeep").warning(f"{name}-later", code=error.code)
        except Exception as error:  # noqa: BLE001 - one duty that fails must not end the others
            get_log("broker.upkeep").error(f"{name}-failed", exc_info=error)
