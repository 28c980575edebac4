"""Signing events on bundles and handles: number, tag, newest checkpoint, sealed details (docs/protocol.md 4, 6.3)."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto import labels
from crypto.encoding import b64u, dump_json
from crypto.header import Header
from crypto.opening import Stanza, agency_secret_of
from crypto.sealing import tag_key
from crypto.statements import Statement, make_statement
from custody import events, outbox
from custody.entries import SALT_BYTES, tag_of
from custody.models import OwnEvent
from errors import LimitExceeded
from exchange.office import Office

Random = Callable[[int], bytes]


def bundle_base(
    db: Session, office: Office, officer: OfficerSession, kind: str, object_key: bytes, bundle_id: bytes, *, now: int
) -> dict[str, Any]:
    """Members that every event on a bundle has, with the agency's next number."""
    number = outbox.next_number(db, "bundle", bundle_id)
    tag = tag_of(object_key, office.agency, number)
    seen = office.seen(db)
    return events.common(kind, seen.origin, office.agency, officer.handle, number, tag, now, seen)


def sign_with_details(
    officer: OfficerSession,
    body: Mapping[str, Any],
    agency_secret: bytes,
    bundle_id: bytes,
    details: Mapping[str, Any],
    random_bytes: Random = os.urandom,
) -> tuple[Statement, bytes]:
    """Complete a body by the commitment to its details, sign it, seal the details under D of the agency.

    Raises:
        LimitExceeded: the details are too long.
    """
    raw = dump_json(dict(details))
    if len(raw) > events.DETAILS_BYTES - 4:
        raise LimitExceeded("purpose, legal basis and place are too long together; shorten them")
    salt = random_bytes(SALT_BYTES)
    full = {**body, "commitment": b64u(events.details_commitment(salt, raw))}
    statement = officer.sign_statement(labels.EVENT_SIGNATURE, make_statement(full))
    box = events.seal_details(events.details_key(agency_secret, bundle_id), events.core_of(full), salt, raw)
    return statement, box


def record_on_bundle(
    db: Session,
    office: Office,
    officer: OfficerSession,
    header: Header,
    stanza: Stanza,
    kind: str,
    details: Mapping[str, Any],
    /,
    *,
    now: int,
    random_bytes: Random = os.urandom,
    **members: Any,
) -> OwnEvent:
    """Sign an event on a bundle and put it into the outbox; `members` are those that only its kind has."""
    base = bundle_base(db, office, officer, kind, tag_key(stanza.r), header.bundle_id, now=now)
    body = events.on_bundle(base, header.bundle_id, header.digest(), **members)
    secret = agency_secret_of(stanza, header, office.agency, office.agency)
    statement, box = sign_with_details(officer, body, secret, header.bundle_id, details, random_bytes)
    return outbox.record_event(
        db, statement=statement, salt=random_bytes(SALT_BYTES), object_kind="bundle", object_id=header.bundle_id,
        number=int(body["number"]), tag=tag_of(tag_key(stanza.r), office.agency, int(body["number"])),
        append_signature=None, officer=officer.handle, now=now, details_box=box,
    )  # fmt: skip
