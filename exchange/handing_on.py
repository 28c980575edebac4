"""Giving one's key to a bundle to a colleague of the same agency, on the record: holiday, departure (protocol 6.3).

With t = 2 a hand-on must not join two shares in one hand (decision 0004): the cover's list fixes whose share is whose.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from agencies.rights import has_right
from crypto import hybrid
from crypto.encoding import b64u, unb64u
from crypto.header import Header, parse_addendum, stanza_info
from crypto.opening import Stanza
from crypto.sealing import STANZA_PLAIN_BYTES
from crypto.statements import parse_statement
from custody import outbox
from custody.models import OwnEvent
from errors import AmparoError, Conflict, FormatError, NotEntitled, NotPermitted, Unavailable
from exchange import acts, arrivals, follow, handle_keys, release
from exchange.models import BundleEvent, StoredBundle
from exchange.office import Office, raise_alarm
from exchange.reading import Preview, is_recovery, open_event_details
from exchange.sync import push_outbox

Random = Callable[[int], bytes]


class Known(Protocol):
    """What has to be known of a bundle: a `Preview`, or what the recovery stanza shows."""

    @property
    def header(self) -> Header: ...

    @property
    def stanza(self) -> Stanza: ...

    @property
    def entitled(self) -> Mapping[str, Sequence[str]]: ...


@dataclass(frozen=True, slots=True)
class HandedOn:
    """One hand-on out of the record: who gave which share to whom."""

    log_index: int
    by: str
    to: str
    x: int
    reason: str
    is_recovery: bool


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
        key = receiving_key_of(db, office, to)
        require_one_share(seen, to, handed_on(db, office, seen), holders(db, office, seen))
        position = record_hand_on(
            db, office, officer, seen, seen.stanza, to, key, reason=reason, now=now, random_bytes=random_bytes
        ).position
    push_outbox(office, now=now)
    with office.files.session() as db:
        event = outbox.get_event(db, position)
        if event.state == outbox.REFUSED:
            raise NotPermitted(f"the broker did not take this hand-on ({event.refusal}); nothing was given")
    follow.follow_log(office, now=now)
    arrivals.take_events(office, bundle_id, now=now)


def hand_on_all(
    office: Office, officer: OfficerSession, to: str, *, reason: str, now: int
) -> tuple[list[bytes], dict[bytes, str]]:
    """Hand on every bundle that this officer has a key to, before she leaves.

    Returns:
        bundles that were handed on, and codes of errors by bundle for those that were not; what the colleague can open
        already, and what is not for this officer, is in neither.

    Raises:
        NotPermitted, NotFound: the colleague is of another agency, has no certificate, or a role that opens nothing.
        Unavailable: the broker cannot be reached; call again, what was handed on stays so.
    """
    officer.require("hand-on")
    with office.files.session() as db:
        receiving_key_of(db, office, to)
        handle_keys.pass_on(db, office, officer, now=now)
        query = select(StoredBundle.bundle_id).where(StoredBundle.log_index.is_not(None))
        bundles = list(db.scalars(query.order_by(StoredBundle.log_index)))
    given: list[bytes] = []
    refused: dict[bytes, str] = {}
    for bundle_id in bundles:
        try:
            hand_on(office, officer, bundle_id, to, reason=reason, now=now)
            given.append(bundle_id)
        except (Conflict, NotEntitled):
            continue
        except Unavailable:
            raise
        except AmparoError as error:
            refused[bundle_id] = error.code
    return given, refused


def record_hand_on(
    db: Session,
    office: Office,
    officer: OfficerSession,
    seen: Known,
    share: Stanza,
    to: str,
    key: bytes,
    *,
    reason: str,
    now: int,
    random_bytes: Random = os.urandom,
) -> OwnEvent:
    """Seal a share to a colleague's receiving key and put the event into the outbox."""
    sealed = hybrid.seal(key, stanza_info(seen.header.ctx), _plain(share))
    details = {"to": to, "x": share.x, "reason": reason}
    return acts.record_on_bundle(
        db, office, officer, seen.header, seen.stanza, "stanza-handed-on", details, now=now,
        random_bytes=random_bytes, stanza=b64u(sealed),
    )  # fmt: skip


def receiving_key_of(db: Session, office: Office, to: str) -> bytes:
    """The colleague's key as it stands in the certificate; this desk's tables have no say in it."""
    certificate = office.directory(db).certificate(to)
    if certificate.agency != office.agency:
        raise NotPermitted("a key is handed on within the agency; for another agency the sender adds it")
    if not has_right(certificate.roles, "open") or certificate.receiving_key is None:
        raise NotPermitted("the role of this colleague opens no bundles")
    return certificate.receiving_key


def _plain(one: Stanza) -> bytes:
    plain = bytes([one.threshold, one.x]) + one.share + one.r + one.agency_secret
    if len(plain) != STANZA_PLAIN_BYTES:
        raise FormatError("a stanza is malformed")
    return plain


def require_one_share(seen: Known, to: str, earlier: list[HandedOn], current: Mapping[str, int]) -> None:
    """A hand-on never joins two shares in one hand.

    Args:
        earlier: every hand-on of the agency.
        current: what `holders` says. Who was certified anew since opens nothing with the new key, and still counts as
            having had the old share.

    Raises:
        NotPermitted: the colleague has, or had, another share.
        Conflict: the colleague has this very share.
    """
    threshold, x = seen.stanza.threshold, seen.stanza.x
    if current.get(to) == x or (threshold == 1 and to in current):
        raise Conflict("this colleague can open the bundle already")
    if threshold > 1 and shares_of(seen, to, earlier) - {x}:
        raise NotPermitted("this colleague has another share of this bundle; one person would then be two")


def shares_of(seen: Known, name: str, earlier: list[HandedOn]) -> set[int]:
    """Every x that this officer was ever given, with whichever key."""
    listed = list(seen.entitled.get(name.split("/")[0], ()))
    own = {listed.index(name) + 1 if seen.stanza.threshold > 1 else 1} if name in listed else set()
    return own | {one.x for one in earlier if one.to == name}


def holders(db: Session, office: Office, seen: Known) -> dict[str, int]:
    """Officers of this agency whose key of today opens a stanza of this bundle, and the x of each one's share."""
    directory, bundle_id = office.directory(db), seen.header.bundle_id
    listed_at = arrivals.get_stored(db, bundle_id).log_index or 0
    for event in arrivals.list_events(db, bundle_id, "addendum"):
        added = parse_addendum(unb64u(parse_statement(event.statement).value["addendum"]))
        listed_at = event.log_index if added.agency == office.agency else listed_at
    given = [(name, x, listed_at) for x, name in enumerate(seen.entitled.get(office.agency, ()), start=1)]
    given += [(one.to, one.x, one.log_index) for one in handed_on(db, office, seen)]
    found = {}
    for name, x, index in given:
        certificate = directory.find_certificate(name)
        if certificate is not None and certificate.index < index:
            found[name] = x if seen.stanza.threshold > 1 else 1
    return found


def handed_on(db: Session, office: Office, seen: Known) -> list[HandedOn]:
    """Hand-ons of this agency that stand in the log, in order.

    Raises:
        FormatError: the details of one cannot be read, so that nobody knows who has which share.
    """
    return [
        _handed(seen, office.agency, event, is_recovery=is_recovery(db, office, event))
        for event in arrivals.list_events(db, seen.header.bundle_id, "stanza-handed-on")
        if event.agency == office.agency
    ]


def report_joined(office: Office, seen: Preview, *, now: int) -> list[str]:
    """Officers of this agency in whose hand a hand-on joined two shares, each with an alarm.

    An honest desk lets none be made; opening still takes two officers at this desk.
    """
    if seen.stanza.threshold == 1:
        return []
    joined = []
    with office.files.session() as db:
        shares, given = _split(seen, office.agency, handed_on(db, office, seen))
        for one in given:
            shares.setdefault(one.to, set()).add(one.x)
            if len(shares[one.to]) > 1 and one.to not in joined:
                joined.append(one.to)
                evidence = {"index": one.log_index, "by": one.by, "to": one.to}
                raise_alarm(db, "shares-joined", f"{seen.header.bundle_id.hex()} {one.to}", evidence, now=now)
    return joined


def _split(seen: Known, agency: str, given: list[HandedOn]) -> tuple[dict[str, set[int]], list[HandedOn]]:
    """Whose share is whose in the newest split, and its hand-ons: shares of an older one go with none of it."""
    recovered = [one.reason for one in given if one.is_recovery]
    if not recovered:
        return {name: {at} for at, name in enumerate(seen.entitled.get(agency, ()), start=1)}, given
    first = next(at for at, one in enumerate(given) if one.is_recovery and one.reason == recovered[-1])
    return {}, given[first:]


def _handed(seen: Known, agency: str, event: BundleEvent, *, is_recovery: bool) -> HandedOn:
    body = parse_statement(event.statement).value
    details = open_event_details(seen.header, seen.stanza, agency, event)
    unb64u(body["stanza"])
    if not isinstance(details.get("to"), str) or type(details.get("x")) is not int:
        raise FormatError("a hand-on does not say to whom")
    return HandedOn(
        event.log_index, str(body["officer"]), details["to"], details["x"], str(details.get("reason")), is_recovery
    )
