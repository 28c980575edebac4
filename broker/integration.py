"""What each request does at its place in the log: the handlers of the sequencer.

Signatures were verified before (broker/checks.py); here stands what depends on the order: certificates and
revocations, the newest register version, holds and destructions, numbers. A handler checks everything first and
then writes. Asking for an entry that is there already is answered with its index and changes nothing.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import select

from agencies.directory import Directory
from broker.batch import Answer, Appender, Payload
from broker.handle_states import integrate_handle, restore_handle
from broker.models import (
    Bundle,
    BundleAgency,
    DirectoryEntry,
    Event,
    HandleState,
)
from broker.records import (
    count_version,
    get_bundle,
    place_entry,
    require_active,
    require_adopted,
    require_keys,
    require_new_number,
    require_open,
    store_bundle,
    store_event,
    store_register,
    tell,
)
from crypto.encoding import unb64u
from crypto.header import MOST_AGENCIES, parse_addendum
from custody import entries, events
from errors import (
    Conflict,
    FormatError,
    HandleUsed,
    NotPermitted,
    RegisterStale,
    ReleaseDestroyed,
    SignatureInvalid,
)


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
    register_index, index = place_entry(batch, register["entry"]), place_entry(batch, payload["event"]["entry"])
    store_bundle(batch, payload, index, register_index)
    store_event(batch, payload["event"], payload["bundle_id"], index)
    store_register(batch, payload["bundle_id"], register, register_index)
    return {"index": index, "register_index": register_index}


def integrate_complete(batch: Appender, payload: Payload) -> Answer:
    """All parts have arrived and lead to the header's root: the recipients are told."""
    bundle = batch.session.get_one(Bundle, (batch.log_id, payload["bundle_id"]))
    if not bundle.complete:
        bundle.complete = True
        tell(batch, bundle, "bundle", bundle.entry_index, but=bundle.sender_agency)
    return {}


def integrate_register(batch: Appender, payload: Payload) -> Answer:
    """A version behind the newest one: `bundle_id`, `agency`, `keys`, and the members of `register`."""
    bundle = get_bundle(batch, payload["bundle_id"], payload["agency"])
    found = batch.find_entry(payload["entry"])
    if found is not None and payload["version"] <= bundle.register_version:
        return {"index": found}
    if bundle.header_digest != payload["header_digest"]:
        raise Conflict("this version belongs to another header")
    if payload["version"] != bundle.register_version + 1 or payload["previous"] != bundle.register_digest:
        raise RegisterStale
    if found is None:
        require_open(batch)
        require_keys(batch, payload["keys"])
        if bundle.state == "destroyed":
            raise ReleaseDestroyed
        count_version(batch, bundle.bundle_id, payload["agency"])
    # A version that the log has and this table has not was lost by a restore, and comes back to its place.
    index = place_entry(batch, payload["entry"])
    bundle.register_version, bundle.register_digest = payload["version"], payload["digest"]
    store_register(batch, bundle.bundle_id, payload, index)
    tell(batch, bundle, "register", index, but=payload["agency"])
    return {"index": index}


def integrate_event(batch: Appender, payload: Payload) -> Answer:
    """A signed event on a bundle or a handle: `statement`, `salt`, `details_box`, `entry`, `keys`."""
    event = events.parse_event(payload["statement"], log=batch.origin)
    found = batch.find_entry(payload["entry"])
    if found is not None:
        _restore_event(batch, payload, event, found)
        return {"index": found}
    require_open(batch)
    require_keys(batch, payload["keys"])
    if event.handle is not None:
        return integrate_handle(batch, payload, event, event.handle)
    bundle = get_bundle(batch, event.bundle_id or b"", event.agency)
    if event.header_digest != bundle.header_digest:
        raise Conflict("this event names another header of the bundle")
    require_new_number(batch, bundle.bundle_id, event)
    rule = _RULES.get(event.kind)
    after = rule(batch, bundle, event) if rule else None
    (index,) = batch.append(payload["entry"])
    store_event(batch, payload, bundle.bundle_id, index)
    if after is not None:
        after(index)
    if event.kind not in ("stanza-handed-on", "half-lost-notice"):
        tell(batch, bundle, "event", index, but=event.agency)
    return {"index": index}


def _restore_event(batch: Appender, payload: Payload, event: events.Event, index: int) -> None:
    """Put an event back that the log has and this table has not: a restored broker lost it (broker/recover.py)."""
    object_id = event.handle or event.bundle_id or b""
    if batch.session.get(Event, (batch.log_id, object_id, index)) is not None:
        return
    require_adopted(batch, index)
    bundle = None if event.handle is not None else batch.session.get(Bundle, (batch.log_id, object_id))
    if event.handle is None and bundle is None:
        return
    if event.kind == "open-requested" and bundle is not None:
        _open_requested(batch, bundle, event)
    store_event(batch, payload, object_id, index)
    if event.kind == "addendum" and bundle is not None and event.agency == bundle.sender_agency:
        addendum = parse_addendum(unb64u(event.body["addendum"]))
        place = (batch.log_id, bundle.bundle_id, addendum.agency)
        if batch.session.get(BundleAgency, place) is None:
            batch.session.add(
                BundleAgency(log_id=place[0], bundle_id=place[1], agency=addendum.agency, entry_index=index)
            )
    if event.handle is not None and event.kind != "purge-receipt":
        restore_handle(batch, event, event.handle, index)


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


def integrate_half_lost(batch: Appender, payload: Payload) -> Answer:
    """The broker's own notice that the half of a bundle is gone: `bundle_id`, `statement`, `salt`, `entry`."""
    bundle = batch.session.get_one(Bundle, (batch.log_id, payload["bundle_id"]))
    if bundle.state not in ("active", "held"):
        return {}
    (index,) = batch.append(payload["entry"])
    store_event(batch, payload, bundle.bundle_id, index)
    bundle.state = "half-lost"
    tell(batch, bundle, "half-lost", index)
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
