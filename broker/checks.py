"""What is checked of a request before it goes to the sequencer: forms and signatures, in many threads at once.

The keys that were used travel with the request; at its place in the log only their certificates are compared
again (broker/integration.py).
"""

import calendar
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from agencies.directory import Directory
from config.settings import BrokerSettings
from crypto import labels, signing
from crypto.digests import sha256
from crypto.encoding import b64u, unb64u
from crypto.header import ROLE_HANDLE, Header, require_commitment, verify_header
from crypto.statements import verify_statement
from custody import entries, events, handles
from custody.register import NO_PREDECESSOR, Version
from errors import (
    AmparoError,
    BundleExpired,
    FormatError,
    LimitExceeded,
    NotPermitted,
    SignatureInvalid,
)

Payload = dict[str, Any]
MOST_YEARS = 50
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})\Z")
HANDLE_CHANGES = frozenset({"handle-held", "handle-lifted", "handle-destroyed"})


def get_officer_key(directory: Directory, officer: str, agency: str) -> bytes:
    """The signing key of an officer of this agency.

    Raises:
        NotPermitted: the officer is of another agency.
        SignatureInvalid: there is no certificate that counts now.
    """
    named = ROLE_HANDLE.match(officer)
    if named is None or named["agency"] != agency:
        raise NotPermitted("a desk sends what officers of its own agency signed")
    key = directory.signing_key(officer)
    if key is None:
        raise SignatureInvalid(f"{officer} has no certificate that counts")
    return key


# ---- events


def check_event(
    directory: Directory, agency: str, asked: Mapping[str, Any], settings: BrokerSettings
) -> tuple[events.Event, Payload]:
    """Check an event that an agency's desk sent; return it and what the sequencer needs.

    Raises:
        AmparoError: what is wrong with it.
    """
    statement: bytes = asked["statement"]
    if len(statement) > settings.max_event_bytes:
        raise LimitExceeded("the event is larger than this broker takes")
    event = events.parse_event(statement, log=directory.origin)
    if event.agency != agency:
        raise NotPermitted("a desk sends events of its own agency")
    if ("commitment" in event.body) != (asked.get("details_box") is not None):
        raise FormatError("an event with a commitment comes with its sealed details, and no other does")
    keys = _check_handle(directory, event) if event.kind in HANDLE_CHANGES else _check_officer(directory, event)
    if event.handle is not None and event.tag != entries.handle_tag(event.handle):
        raise FormatError("the tag of a handle's event is that of the handle")
    return event, {
        "statement": statement,
        "salt": asked["salt"],
        "details_box": asked.get("details_box"),
        "entry": entries.event_entry(event.tag, asked["salt"], statement),
        "keys": keys,
    }


def _check_officer(directory: Directory, event: events.Event) -> dict[str, bytes]:
    if event.statement.signers != (event.officer,):
        raise SignatureInvalid("this event is signed by the officer whom it names, and nobody else")
    keys = {event.officer: get_officer_key(directory, event.officer, event.agency)}
    verify_statement(event.statement, labels.EVENT_SIGNATURE, keys.get)
    return keys


def _check_handle(directory: Directory, event: events.Event) -> dict[str, bytes]:
    public_key = unb64u(event.body["handle_key"], signing.PUBLIC_KEY_BYTES)
    signing.check_public_key(public_key)
    require_commitment(event.handle or b"", handles.handle_of(public_key), "the handle's key")
    officers = [by for by in event.statement.signers if by != "handle"]
    if "handle" not in event.statement.signers or event.officer not in officers:
        raise SignatureInvalid("this event is signed by the handle's key and by the officer whom it names")
    get_officer_key(directory, event.officer, event.agency)
    keys = {by: _own_or_deputy(directory, by, event.agency) for by in officers}
    verify_statement(event.statement, labels.EVENT_SIGNATURE, {**keys, "handle": public_key}.get)
    return keys


def _own_or_deputy(directory: Directory, by: str, agency: str) -> bytes:
    if by == directory.deputy(agency):
        key = directory.signing_key(by)
        if key is not None:
            return key
    return get_officer_key(directory, by, agency)


# ---- registers


def check_register(
    directory: Directory, agency: str, bundle_id: bytes, header_digest: bytes, asked: Mapping[str, Any]
) -> Payload:
    """Check a version of a flag register: its form and its officer's signature; never its content."""
    version = Version(
        bundle_id,
        header_digest,
        asked["version"],
        asked["previous"],
        asked["box"],
        asked["officer"],
        asked["signature"],
    )
    key = get_officer_key(directory, version.officer, agency)
    version.verify(key)
    return {
        "bundle_id": bundle_id,
        "header_digest": header_digest,
        "agency": agency,
        "keys": {version.officer: key},
        "entry": entries.event_entry(asked["tag"], asked["salt"], version.event),
        "version": version.version,
        "previous": version.previous,
        "digest": version.digest,
        "box_digest": sha256(version.box),
        "officer": version.officer,
        "signature": version.signature,
        "salt": asked["salt"],
        "tag": asked["tag"],
    }


# ---- deposits


def check_deposit(
    directory: Directory, agency: str, asked: Mapping[str, Any], settings: BrokerSettings, now: datetime
) -> tuple[Header, Payload]:
    """Check all that a deposit consists of, and that its parts belong together."""
    header = verify_header(asked["header"], asked["signature"])
    digest = sha256(asked["header"])
    if header.log != directory.origin or header.sender_agency != agency:
        raise NotPermitted("a desk deposits bundles of its own agency, made for this log")
    key = get_officer_key(directory, header.sender, agency)
    if key != header.sender_key:
        raise SignatureInvalid("the header names another key than the sender's certificate")
    if header.payload_bytes > settings.max_bundle_bytes:
        raise LimitExceeded("the bundle is larger than this broker takes")
    if len(asked["halves"]) != len(header.halves):
        raise FormatError("there is one sealed half for each that the header names")
    require_commitment(header.cover_digest, sha256(asked["cover"]), "the cover")
    register = check_register(directory, agency, header.bundle_id, digest, asked["register"])
    if register["version"] != 1 or register["previous"] != NO_PREDECESSOR:
        raise FormatError("a bundle is deposited with the first version of its flag register")
    event = _check_deposited(directory, agency, header, digest, register, asked["event"], settings)
    return header, {
        "bundle_id": header.bundle_id,
        "header_digest": digest,
        "signature": asked["signature"],
        "sender_agency": agency,
        "agencies": list(header.agencies),
        "handles": list(header.handles),
        "payload_bytes": header.payload_bytes,
        "root": header.root,
        "expires_at": get_expiry(header.expires, settings, now).isoformat(),
        "keys": {header.sender: key, **register["keys"]},
        "register": register,
        "event": event,
    }


def _check_deposited(
    directory: Directory,
    agency: str,
    header: Header,
    digest: bytes,
    register: Payload,
    asked: Mapping[str, Any],
    settings: BrokerSettings,
) -> Payload:
    event, payload = check_event(directory, agency, asked, settings)
    if event.kind != "deposited" or event.number != 0 or event.officer != header.sender:
        raise FormatError("the first event of a bundle is `deposited`, number 0, by the header's officer")
    if (event.bundle_id, event.header_digest) != (header.bundle_id, digest):
        raise FormatError("the event belongs to another header")
    if event.body["register_digest"] != b64u(register["digest"]):
        raise FormatError("the event names another register")
    return payload


def get_expiry(month: str, settings: BrokerSettings, now: datetime) -> datetime:
    """The first moment after the month that a header names.

    Raises:
        BundleExpired: it is over.
        LimitExceeded: later than this broker keeps bundles.
    """
    found = _MONTH.match(month)
    if found is None:
        raise FormatError("an expiry is a month")
    year, number = int(found[1]), int(found[2])
    if year < now.year:
        raise BundleExpired
    if year > now.year + MOST_YEARS:
        raise LimitExceeded("this broker does not keep bundles that long")
    last_day = datetime(year, number, calendar.monthrange(year, number)[1], tzinfo=UTC)
    expires_at = last_day + timedelta(days=1)
    if expires_at <= now:
        raise BundleExpired
    if expires_at > now + timedelta(days=settings.default_term_days + 31):
        raise LimitExceeded("this broker does not keep bundles that long")
    return expires_at


# ---- entries without events


def check_entries(
    directory: Directory, agency: str, asked: Sequence[Mapping[str, Any]]
) -> tuple[list[AmparoError | None], Payload]:
    """Check 49-byte entries; return an error or None for each, and what is left for the sequencer."""
    keys: dict[str, bytes] = {}
    verdicts: list[AmparoError | None] = []
    for one in asked:
        try:
            officer = one["officer"]
            if officer not in keys:
                keys[officer] = get_officer_key(directory, officer, agency)
            if not isinstance(entries.parse_entry(one["entry"]), entries.SealedEntry):
                raise FormatError("only entries with a tag and a commitment are taken here")
            signing.verify(keys[officer], labels.APPEND, directory.origin, one["entry"], signature=one["signature"])
            verdicts.append(None)
        except AmparoError as error:
            verdicts.append(error)
    good = [
        {"entry": one["entry"], "officer": one["officer"]}
        for one, verdict in zip(asked, verdicts, strict=True)
        if verdict is None
    ]
    return verdicts, {"entries": good, "keys": keys}
