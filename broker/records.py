"""Rows that handlers read and write, and the checks that several of them share."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from broker.batch import Appender, Payload
from broker.limits import VERSIONS_PER_DAY, count_days
from broker.models import Bundle, BundleAgency, Event, HandleState, Register, RegisterQuota
from crypto.digests import sha256
from custody import events
from errors import (
    BundleExpired,
    Conflict,
    HalfLost,
    LogClosed,
    NotFound,
    QuotaExceeded,
    ReleaseDestroyed,
    ReleaseHeld,
    SignatureInvalid,
)

LARGEST_ROW_BYTES = 48 * 1024


def require_open(batch: Appender) -> None:
    """Raise LogClosed when a successor was named."""
    if batch.directory.successor is not None:
        raise LogClosed


def require_keys(batch: Appender, keys: Mapping[str, bytes]) -> None:
    """Raise SignatureInvalid unless every signer still has the key that was checked, at this place of the log."""
    for by, key in keys.items():
        if batch.directory.signing_key(by, batch.next_index) != key:
            raise SignatureInvalid(f"{by} has no certificate that counts at this place of the log")


def place_entry(batch: Appender, entry: bytes) -> int:
    """Append an entry, or find its place if a recovery brought it back without what belongs to it.

    Raises:
        Conflict: it stands there, but was put there by itself: such an entry went past every check.
    """
    found = batch.find_entry(entry)
    if found is None:
        return batch.append(entry)[0]
    require_adopted(batch, found)
    return found


def require_adopted(batch: Appender, index: int) -> None:
    """Raise Conflict unless the entry came back by a recovery (broker/recover.py)."""
    if not batch.head.adopted_from <= index < batch.head.adopted_to:
        raise Conflict("this entry stands in the log without its event; make the event anew")


def get_bundle(batch: Appender, bundle_id: bytes, agency: str) -> Bundle:
    """The bundle, for an agency that it names.

    Raises:
        NotFound: there is none, or not for this agency; which of the two is nobody's business.
    """
    bundle = batch.session.get(Bundle, (batch.log_id, bundle_id))
    if bundle is None or batch.session.get(BundleAgency, (batch.log_id, bundle_id, agency)) is None:
        raise NotFound("there is no such bundle")
    return bundle


def require_active(bundle: Bundle, now: datetime) -> None:
    """Raise what stops a release: a hold, a destruction, a lost half, the end of the term."""
    if bundle.state == "destroyed":
        raise ReleaseDestroyed
    if bundle.state == "held":
        raise ReleaseHeld
    if bundle.state == "half-lost":
        raise HalfLost
    if bundle.state == "expired" or bundle.expires_at <= now:
        raise BundleExpired


def tell(batch: Appender, bundle: Bundle, kind: str, index: int, *, but: str = "", handle: bytes | None = None) -> None:
    """Put an item into the mailbox of every agency of the bundle but one."""
    agencies = select(BundleAgency.agency).where(
        BundleAgency.log_id == batch.log_id, BundleAgency.bundle_id == bundle.bundle_id
    )
    for agency in batch.session.scalars(agencies.order_by(BundleAgency.agency)):
        if agency != but:
            batch.tell(agency, kind, index, bundle_id=bundle.bundle_id, handle=handle)


def store_bundle(batch: Appender, payload: Payload, index: int, register_index: int) -> None:
    """The bundle, its agencies and its handles."""
    bundle_id: bytes = payload["bundle_id"]
    batch.session.add(
        Bundle(
            log_id=batch.log_id,
            bundle_id=bundle_id,
            header_digest=payload["header_digest"],
            header_signature=payload["signature"],
            sender_agency=payload["sender_agency"],
            payload_bytes=payload["payload_bytes"],
            root=payload["root"],
            complete=False,
            state="active",
            expires_at=datetime.fromisoformat(payload["expires_at"]),
            deposited_at=batch.now,
            entry_index=index,
            register_entry=register_index,
            register_version=1,
            register_digest=payload["register"]["digest"],
        )
    )
    batch.session.flush()
    batch.session.add_all(
        BundleAgency(log_id=batch.log_id, bundle_id=bundle_id, agency=agency, entry_index=index)
        for agency in payload["agencies"]
    )
    batch.session.add_all(
        HandleState(log_id=batch.log_id, handle=handle, bundle_id=bundle_id, state="active")
        for handle in payload["handles"]
    )


def store_register(batch: Appender, bundle_id: bytes, register: Payload, index: int) -> None:
    """A version of a flag register; its box is a blob already."""
    batch.session.add(
        Register(
            log_id=batch.log_id,
            bundle_id=bundle_id,
            version=register["version"],
            digest=register["digest"],
            previous=register["previous"],
            box_digest=register["box_digest"],
            officer=register["officer"],
            signature=register["signature"],
            salt=register["salt"],
            tag=register["tag"],
            entry_index=index,
        )
    )


def count_version(batch: Appender, bundle_id: bytes, agency: str) -> None:
    """Raise QuotaExceeded when the agency has written its versions of today."""
    place = (batch.log_id, bundle_id, agency, count_days(batch.now))
    quota = batch.session.get(RegisterQuota, place)
    if quota is None:
        batch.session.add(RegisterQuota(log_id=place[0], bundle_id=place[1], agency=place[2], day=place[3], used=1))
    elif quota.used >= VERSIONS_PER_DAY:
        raise QuotaExceeded
    else:
        quota.used += 1


def require_new_number(batch: Appender, object_id: bytes, event: events.Event) -> None:
    """Raise Conflict when the agency's number on this object is taken: (object, agency, number) is unique."""
    query = select(Event.entry_index).where(
        Event.log_id == batch.log_id,
        Event.object_id == object_id,
        Event.agency == event.agency,
        Event.number == event.number,
    )
    if batch.session.scalar(query) is not None:
        raise Conflict("this agency has another event with this number on this object")


def store_event(batch: Appender, payload: Payload, object_id: bytes, index: int) -> None:
    """A signed event, whole; a large statement is a blob already."""
    event = events.parse_event(payload["statement"], log=batch.origin)
    is_large = len(payload["statement"]) > LARGEST_ROW_BYTES
    batch.session.add(
        Event(
            log_id=batch.log_id,
            object_id=object_id,
            entry_index=index,
            kind=event.kind,
            agency=event.agency,
            number=event.number,
            statement=None if is_large else payload["statement"],
            statement_digest=sha256(payload["statement"]),
            salt=payload["salt"],
            details_box=payload.get("details_box"),
        )
    )
