"""What each request does at its place in the log: the handlers of the sequencer.

Signatures were verified before (broker/checks.py); here stands what depends on the order: certificates and
revocations, the newest register version, holds and destructions, numbers. A handler checks everything first and
then writes. Asking for an entry that is there already is answered with its index and changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from agencies.directory import Directory
from broker.batch import Answer, Appender, Payload
from broker.limits import VERSIONS_PER_DAY, count_days
from broker.models import (
    Bundle,
    BundleAgency,
    DirectoryEntry,
    Duty,
    Event,
    HandleState,
    Register,
    RegisterQuota,
)
from crypto.digests import sha256
from crypto.encoding import unb64u
from crypto.header import MOST_AGENCIES, parse_addendum
from custody import entries, events
from custody.handles import DESTROY_ALONE_AFTER_SECONDS
from errors import (
    BundleExpired,
    Conflict,
    FormatError,
    HalfLost,
    HandleUsed,
    LogClosed,
    NotFound,
    NotPermitted,
    QuotaExceeded,
    RegisterStale,
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


# ---- the directory


def integrate_directory(batch: Appender, payload: Payload) -> Answer:
    """A directory statement: `statement`."""
    statement: bytes = payload["statement"]
    entry = entries.directory_entry(statement)
    if (found := batch.find_entry(entry)) is not None:
        return {"index": found}
    moved = _copy(batch.directory)
    try:
        moved.apply(batch.next_index, statement)
    except (TypeError, ValueError, KeyError, AttributeError):
        # A body of other types than expected must not end the batch of others.
        raise FormatError("a directory entry of another form") from None
    (index,) = batch.append(entry)
    batch.session.add(DirectoryEntry(log_id=batch.log_id, entry_index=index, statement=statement))
    batch.directory = moved
    return {"index": index}


def _copy(directory: Directory) -> Directory:
    # Its elements never change; only the containers do.
    return Directory(
        directory.origin,
        directory.broker,
        directory.operators,
        directory.log_key,
        directory.log_mldsa_key,
        directory.network,
        directory.last,
        directory.successor,
        dict(directory.agencies),
        list(directory.certificates),
        dict(directory.deputies),
        list(directory.receiving_keys),
    )


# ---- entries whose events the broker does not see


def integrate_entries(batch: Appender, payload: Payload) -> Answer:
    """49-byte entries: `entries` [{entry, officer}], `keys` {officer: key}; an error stands in place of its index."""
    index = batch.next_index
    good = {officer: batch.directory.signing_key(officer, index) == key for officer, key in payload["keys"].items()}
    asked: list[bytes] = [one["entry"] for one in payload["entries"] if good[one["officer"]]]
    known = batch.find_entries(asked)
    new = [entry for entry in dict.fromkeys(asked) if entry not in known]
    if new:
        require_open(batch)
        known |= zip(new, batch.append(*new), strict=True)
    refused = SignatureInvalid("this officer has no certificate that counts at this place of the log")
    return {
        "results": [
            {"index": known[one["entry"]]}
            if good[one["officer"]]
            else {"code": refused.code, "message": refused.message}
            for one in payload["entries"]
        ]
    }


# ---- bundles


def integrate_deposit(batch: Appender, payload: Payload) -> Answer:
    """Header, register version 1 and the event `deposited`; see `bundles_api` for the members."""
    bundle = batch.session.get(Bundle, (batch.log_id, payload["bundle_id"]))
    if bundle is not None:
        if bundle.header_digest != payload["header_digest"]:
            raise Conflict("another header was deposited under this bundle id")
        return {"index": bundle.entry_index, "register_index": bundle.register_entry}
    require_open(batch)
    require_keys(batch, payload["keys"])
    for agency in payload["agencies"]:
        batch.directory.agency(agency)
    known = select(HandleState.handle).where(
        HandleState.log_id == batch.log_id, HandleState.handle.in_(payload["handles"])
    )
    if batch.session.scalars(known.limit(1)).first() is not None:
        raise HandleUsed
    register = payload["register"]
    register_index, index = batch.append(register["entry"], payload["event"]["entry"])
    _store_bundle(batch, payload, index, register_index)
    _store_event(batch, payload["event"], payload["bundle_id"], index)
    _store_register(batch, payload["bundle_id"], register, register_index)
    return {"index": index, "register_index": register_index}


def _store_bundle(batch: Appender, payload: Payload, index: int, register_index: int) -> None:
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


def integrate_complete(batch: Appender, payload: Payload) -> Answer:
    """All parts have arrived and lead to the header's root: the recipients are told."""
    bundle = batch.session.get_one(Bundle, (batch.log_id, payload["bundle_id"]))
    if not bundle.complete:
        bundle.complete = True
        _tell(batch, bundle, "bundle", bundle.entry_index, but=bundle.sender_agency)
    return {}


def _tell(
    batch: Appender, bundle: Bundle, kind: str, index: int, *, but: str = "", handle: bytes | None = None
) -> None:
    agencies = select(BundleAgency.agency).where(
        BundleAgency.log_id == batch.log_id, BundleAgency.bundle_id == bundle.bundle_id
    )
    for agency in batch.session.scalars(agencies.order_by(BundleAgency.agency)):
        if agency != but:
            batch.tell(agency, kind, index, bundle_id=bundle.bundle_id, handle=handle)


# ---- flag registers


def integrate_register(batch: Appender, payload: Payload) -> Answer:
    """A version behind the newest one: `bundle_id`, `agency`, `keys`, and the members of `register`."""
    bundle = get_bundle(batch, payload["bundle_id"], payload["agency"])
    if (found := batch.find_entry(payload["entry"])) is not None:
        return {"index": found}
    require_open(batch)
    require_keys(batch, payload["keys"])
    if bundle.header_digest != payload["header_digest"]:
        raise Conflict("this version belongs to another header")
    if bundle.state == "destroyed":
        raise ReleaseDestroyed
    if payload["version"] != bundle.register_version + 1 or payload["previous"] != bundle.register_digest:
        raise RegisterStale
    _count_version(batch, bundle.bundle_id, payload["agency"])
    (index,) = batch.append(payload["entry"])
    bundle.register_version, bundle.register_digest = payload["version"], payload["digest"]
    _store_register(batch, bundle.bundle_id, payload, index)
    _tell(batch, bundle, "register", index, but=payload["agency"])
    return {"index": index}


def _count_version(batch: Appender, bundle_id: bytes, agency: str) -> None:
    place = (batch.log_id, bundle_id, agency, count_days(batch.now))
    quota = batch.session.get(RegisterQuota, place)
    if quota is None:
        batch.session.add(RegisterQuota(log_id=place[0], bundle_id=place[1], agency=place[2], day=place[3], used=1))
    elif quota.used >= VERSIONS_PER_DAY:
        raise QuotaExceeded
    else:
        quota.used += 1


def _store_register(batch: Appender, bundle_id: bytes, register: Payload, index: int) -> None:
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


# ---- events


def integrate_event(batch: Appender, payload: Payload) -> Answer:
    """A signed event on a bundle or a handle: `statement`, `salt`, `details_box`, `entry`, `keys`."""
    event = events.parse_event(payload["statement"], log=batch.origin)
    if (found := batch.find_entry(payload["entry"])) is not None:
        return {"index": found}
    require_open(batch)
    require_keys(batch, payload["keys"])
    if event.handle is not None:
        return _integrate_handle(batch, payload, event, event.handle)
    bundle = get_bundle(batch, event.bundle_id or b"", event.agency)
    if event.header_digest != bundle.header_digest:
        raise Conflict("this event names another header of the bundle")
    _require_new_number(batch, bundle.bundle_id, event)
    rule = _RULES.get(event.kind)
    after = rule(batch, bundle, event) if rule else None
    (index,) = batch.append(payload["entry"])
    _store_event(batch, payload, bundle.bundle_id, index)
    if after is not None:
        after(index)
    if event.kind not in ("stanza-handed-on", "half-lost-notice"):
        _tell(batch, bundle, "event", index, but=event.agency)
    return {"index": index}


def _require_new_number(batch: Appender, object_id: bytes, event: events.Event) -> None:
    query = select(Event.entry_index).where(
        Event.log_id == batch.log_id,
        Event.object_id == object_id,
        Event.agency == event.agency,
        Event.number == event.number,
    )
    if batch.session.scalar(query) is not None:
        raise Conflict("this agency has another event with this number on this object")


def _store_event(batch: Appender, payload: Payload, object_id: bytes, index: int) -> None:
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


Rule = Callable[[Appender, Bundle, events.Event], Callable[[int], None] | None]


def _open_requested(batch: Appender, bundle: Bundle, event: events.Event) -> None:
    require_active(bundle, batch.now)
    if unb64u(event.body["register_digest"]) != bundle.register_digest:
        raise RegisterStale


def _opened(batch: Appender, bundle: Bundle, event: events.Event) -> None:
    asked = batch.session.get(Event, (batch.log_id, bundle.bundle_id, event.body["request"]))
    if asked is None or asked.kind != "open-requested" or asked.agency != event.agency:
        raise Conflict("this event answers no request of its agency")


def _addendum(batch: Appender, bundle: Bundle, event: events.Event) -> Callable[[int], None]:
    if event.agency != bundle.sender_agency:
        raise NotPermitted("only the agency that sent a bundle adds another one")
    require_active(bundle, batch.now)
    addendum = parse_addendum(unb64u(event.body["addendum"]))
    if (addendum.bundle_id, addendum.header_digest) != (bundle.bundle_id, bundle.header_digest):
        raise Conflict("the addendum belongs to another bundle")
    batch.directory.agency(addendum.agency)
    named = list(
        batch.session.scalars(
            select(BundleAgency.agency).where(
                BundleAgency.log_id == batch.log_id, BundleAgency.bundle_id == bundle.bundle_id
            )
        )
    )
    if addendum.agency in named or len(named) >= MOST_AGENCIES:
        raise Conflict("this agency is named already, or the bundle names eight")

    def after(index: int) -> None:
        batch.session.add(
            BundleAgency(log_id=batch.log_id, bundle_id=bundle.bundle_id, agency=addendum.agency, entry_index=index)
        )
        batch.session.flush()
        if bundle.complete:
            batch.tell(addendum.agency, "bundle", index, bundle_id=bundle.bundle_id)

    return after


def _refuse(batch: Appender, bundle: Bundle, event: events.Event) -> None:
    raise FormatError("this event is made by another call")


_RULES: Mapping[str, Rule] = {
    "deposited": _refuse,
    "open-requested": _open_requested,
    "opened": _opened,
    "open-failed": _opened,
    "addendum": _addendum,
}


# ---- handles


def _integrate_handle(batch: Appender, payload: Payload, event: events.Event, handle: bytes) -> Answer:
    _require_new_number(batch, handle, event)
    state = batch.session.get(HandleState, (batch.log_id, handle))
    if event.kind != "purge-receipt":
        _require_handle_change(batch, event, state)
    elif state is None:
        raise NotFound("nothing is known of this handle")
    (index,) = batch.append(payload["entry"])
    _store_event(batch, payload, handle, index)
    if event.kind == "purge-receipt":
        if state is not None and state.agency:
            batch.tell(state.agency, "handle", index, bundle_id=state.bundle_id, handle=handle)
        return {"index": index}
    if state is None:
        # A spare that stands in no header yet: held or destroyed before it is used, it forbids every use.
        state = HandleState(log_id=batch.log_id, handle=handle)
        batch.session.add(state)
    change_handle(batch, state, event, index)
    return {"index": index}


def _require_handle_change(batch: Appender, event: events.Event, state: HandleState | None) -> None:
    now = "active" if state is None else state.state
    officers = [by for by in event.statement.signers if by != "handle"]
    has_two = batch.directory.takes_two(event.agency, officers, batch.next_index)
    if now == "destroyed":
        raise ReleaseDestroyed("this handle was destroyed before")
    if event.kind == "handle-held" and now == "held":
        raise Conflict("this handle is held already")
    if event.kind == "handle-lifted" and (now != "held" or state is None or state.agency != event.agency):
        raise Conflict("only the agency that holds this handle lifts the hold")
    if event.kind == "handle-lifted" and not has_two:
        raise NotPermitted("lifting a hold takes two officers")
    if event.kind == "handle-destroyed" and not has_two and not _is_old(batch, event, state):
        raise NotPermitted("destroying takes two officers, or a hold that is 14 days old")


def _is_old(batch: Appender, event: events.Event, state: HandleState | None) -> bool:
    if state is None or state.held_index is None or state.agency != event.agency:
        return False
    return batch.age_of(state.held_index) >= DESTROY_ALONE_AFTER_SECONDS


def change_handle(batch: Appender, state: HandleState, event: events.Event, index: int) -> None:
    """Carry a hold, its lifting or a destruction over to the bundle, to the duties of the halves' store, to mail."""
    state.state = {"handle-held": "held", "handle-lifted": "active", "handle-destroyed": "destroyed"}[event.kind]
    state.held_index = {"handle-held": index, "handle-lifted": None}.get(event.kind, state.held_index)
    state.agency = None if event.kind == "handle-lifted" else event.agency
    batch.session.flush()
    if state.bundle_id is None:
        return
    bundle = batch.session.get_one(Bundle, (batch.log_id, state.bundle_id))
    query = select(HandleState.state).where(
        HandleState.log_id == batch.log_id, HandleState.bundle_id == bundle.bundle_id
    )
    wanted = _worst(list(batch.session.scalars(query)))
    if bundle.state in ("active", "held") or wanted == "destroyed":
        bundle.state = wanted
    add_duty(batch, bundle, index)
    _tell(batch, bundle, "handle", index, but=event.agency, handle=state.handle)


def _worst(states: Sequence[str]) -> str:
    return next((state for state in ("destroyed", "held") if state in states), "active")


def add_duty(batch: Appender, bundle: Bundle, index: int) -> None:
    """Write down what the halves' store has to do, in the same transaction; `duties.py` does it before the answer."""
    kind = {"held": "hold", "destroyed": "destroy", "active": "lift"}.get(bundle.state)
    if kind is not None:
        batch.session.add(
            Duty(
                log_id=batch.log_id,
                duty_id=batch.random_bytes(16),
                kind=kind,
                header_digest=bundle.header_digest,
                entry_index=index,
            )
        )


def integrate_half_lost(batch: Appender, payload: Payload) -> Answer:
    """The broker's own notice that the half of a bundle is gone: `bundle_id`, `statement`, `salt`, `entry`."""
    bundle = batch.session.get_one(Bundle, (batch.log_id, payload["bundle_id"]))
    if bundle.state not in ("active", "held"):
        return {}
    (index,) = batch.append(payload["entry"])
    _store_event(batch, payload, bundle.bundle_id, index)
    bundle.state = "half-lost"
    _tell(batch, bundle, "half-lost", index)
    return {"index": index}


HANDLERS = {
    "directory": integrate_directory,
    "entries": integrate_entries,
    "deposit": integrate_deposit,
    "complete": integrate_complete,
    "register": integrate_register,
    "event": integrate_event,
    "half-lost": integrate_half_lost,
}
