"""Giving one's key to a bundle to a colleague of the same agency, on the record: holiday, departure (protocol 6.3).

With t = 2 a hand-on must not join two shares in one hand (decision 0004): the cover's list fixes whose share is whose.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from agencies.rights import has_right
from crypto import hybrid
from crypto.encoding import b64u, unb64u
from crypto.header import stanza_info
from crypto.sealing import STANZA_PLAIN_BYTES
from crypto.statements import parse_statement
from custody.models import OwnEvent
from errors import Conflict, FormatError, NotPermitted
from exchange import acts, arrivals, follow, release
from exchange.models import BundleEvent
from exchange.office import Office, raise_alarm
from exchange.reading import Preview, open_event_details
from exchange.sync import push_outbox

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class HandedOn:
    """One hand-on out of the record: who gave which share to whom."""

    log_index: int
    by: str
    to: str
    x: int


def hand_on(
    office: Office,
    officer: OfficerSession,
    bundle_id: bytes,
    to: str,
    *,
    reason: str,
    now: int,
    random_bytes: Random = os.urandom,
) -> None:
    """Seal the officer's own stanza to a colleague, and log it. The giver keeps her own.

    Args:
        to: role handle of an officer of this agency.
        reason: short; it stands in the sealed details, for this agency and the sender.

    Raises:
        NotPermitted: another agency, a role that opens nothing, or somebody who has another share of this bundle.
        Conflict: the colleague can open it already.
        ReleaseHeld, ReleaseDestroyed, FlagForbids: nothing is handed on of this bundle.
        Unavailable: the broker cannot be reached, so that nobody can know who has which share.
    """
    officer.require("hand-on")
    if not reason.strip():
        raise FormatError("say why you hand this on; it stands in the record")
    seen = release.look(office, officer, bundle_id, now=now)
    with office.files.session() as db:
        key = _receiving_key(db, office, to)
        require_one_share(seen, to, handed_on(db, office, seen))
        sealed = hybrid.seal(key, stanza_info(seen.header.ctx), _plain(seen))
        details = {"to": to, "x": seen.stanza.x, "reason": reason}
        _record(db, office, officer, seen, sealed, details, now, random_bytes)
    push_outbox(office, now=now)
    follow.follow_log(office, now=now)
    arrivals.take_events(office, bundle_id, now=now)


def _record(
    db: Session,
    office: Office,
    officer: OfficerSession,
    seen: Preview,
    sealed: bytes,
    details: dict[str, object],
    now: int,
    random_bytes: Random,
) -> OwnEvent:
    return acts.record_on_bundle(
        db, office, officer, seen.header, seen.stanza, "stanza-handed-on", details, now=now,
        random_bytes=random_bytes, stanza=b64u(sealed),
    )  # fmt: skip


def _receiving_key(db: Session, office: Office, to: str) -> bytes:
    """The colleague's key as it stands in the certificate; this desk's tables have no say in it."""
    certificate = office.directory(db).certificate(to)
    if certificate.agency != office.agency:
        raise NotPermitted("a key is handed on within the agency; for another agency the sender adds it")
    if not has_right(certificate.roles, "open") or certificate.receiving_key is None:
        raise NotPermitted("the role of this colleague opens no bundles")
    return certificate.receiving_key


def _plain(seen: Preview) -> bytes:
    one = seen.stanza
    plain = bytes([one.threshold, one.x]) + one.share + one.r + one.agency_secret
    if len(plain) != STANZA_PLAIN_BYTES:
        raise FormatError("a stanza is malformed")
    return plain


def require_one_share(seen: Preview, to: str, earlier: list[HandedOn]) -> None:
    """A hand-on never joins two shares in one hand.

    Raises:
        NotPermitted: the colleague has, or had, another share.
        Conflict: the colleague has this very share.
    """
    listed = list(seen.entitled.get(to.split("/")[0], ()))
    own = [listed.index(to) + 1] if to in listed else []
    if seen.stanza.threshold == 1 and own:
        raise Conflict("this colleague can open the bundle already")
    held = set(own if seen.stanza.threshold > 1 else []) | {one.x for one in earlier if one.to == to}
    if seen.stanza.x in held:
        raise Conflict("this colleague can open the bundle already")
    if seen.stanza.threshold > 1 and held:
        raise NotPermitted("this colleague has another share of this bundle; one person would then be two")


def handed_on(db: Session, office: Office, seen: Preview) -> list[HandedOn]:
    """Hand-ons of this agency that stand in the log, in order.

    Raises:
        FormatError: the details of one cannot be read, so that nobody knows who has which share.
    """
    return [
        _handed(seen, office.agency, event)
        for event in arrivals.list_events(db, seen.header.bundle_id, "stanza-handed-on")
        if event.agency == office.agency
    ]


def report_joined(office: Office, seen: Preview, *, now: int) -> list[str]:
    """Officers of this agency in whose hand a hand-on joined two shares, each with an alarm.

    An honest desk lets none be made; opening still takes two officers at this desk.
    """
    if seen.stanza.threshold == 1:
        return []
    listed = seen.entitled.get(office.agency, ())
    shares = {name: {at} for at, name in enumerate(listed, start=1)}
    joined = []
    with office.files.session() as db:
        for one in handed_on(db, office, seen):
            shares.setdefault(one.to, set()).add(one.x)
            if len(shares[one.to]) > 1 and one.to not in joined:
                joined.append(one.to)
                evidence = {"index": one.log_index, "by": one.by, "to": one.to}
                raise_alarm(db, "shares-joined", f"{seen.header.bundle_id.hex()} {one.to}", evidence, now=now)
    return joined


def _handed(seen: Preview, agency: str, event: BundleEvent) -> HandedOn:
    body = parse_statement(event.statement).value
    details = open_event_details(seen.header, seen.stanza, agency, event)
    unb64u(body["stanza"])
    if not isinstance(details.get("to"), str) or type(details.get("x")) is not int:
        raise FormatError("a hand-on does not say to whom")
    return HandedOn(event.log_index, str(body["officer"]), details["to"], details["x"])
