"""Opening with two officers: the question to a colleague, her signature over the request, her share.

The shares meet at this desk and nowhere else (docs/protocol.md 4).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto import hybrid, labels
from crypto.buffers import overwrite
from crypto.encoding import b64u, fields, parse_json, unb64u
from crypto.opening import Stanza
from crypto.sealing import SECRET_BYTES
from custody import events
from errors import ApprovalMissing, FormatError, LimitExceeded, NotEntitled, NotFound
from exchange import approvals, handing_on, policy, release, returning
from exchange.delivery import day_of
from exchange.office import Office
from exchange.reading import Preview

Random = Callable[[int], bytes]
OPEN: Final = "open"


def takes_two(seen: Preview, *, now: int) -> bool:
    """Whether opening takes a second officer: sealed so, or flagged so."""
    return policy.takes_second_officer(seen.cover, seen.flags, day_of(now))


def ask_approval(
    office: Office,
    officer: OfficerSession,
    bundle_id: bytes,
    *,
    purpose: str,
    legal_basis: str,
    place: str = "office",
    acknowledged: bytes | None = None,
    export: str | None = None,
    now: int,
    random_bytes: Random = os.urandom,
) -> bytes:
    """Ask a colleague to open with this officer; the approval's id.

    The request is fixed here, with its number, its one-time key (sealed to this officer until then) and the register
    version: whatever comes between makes it void, and it is asked again.

    Args:
        acknowledged: digest of the register version whose flags the officer has read; not compared when not given,
            since `open_bundle` compares it.
        export: how it will be exported, as the record of the opening will say it; the colleague reads it.
    """
    seen = release.look(office, officer, bundle_id, now=now)
    require_allowed(seen, officer, purpose, legal_basis)
    handing_on.report_joined(office, seen, now=now)
    if acknowledged is not None:
        release.require_acknowledged(office, seen, acknowledged)
    one_time = hybrid.generate(random_bytes)
    try:
        with office.files.session() as db:
            returning.require_not_returned(db, office, bundle_id)
            public_key = hybrid.ReceivingKey(one_time).public_key
            body = release.request_body(db, office, officer, seen, public_key, now=now)
            subject = {"core": b64u(events.core_of(body)), "purpose": purpose, "legal_basis": legal_basis}
            shown = {"place": place, "threshold": seen.stanza.threshold, "x": seen.stanza.x, "export": export}
            own = {"one_time": b64u(one_time), "place": place}
            return approvals.ask(
                db, officer, OPEN, bundle_id, [subject], own=own, shown=shown, now=now, random_bytes=random_bytes
            )
    finally:
        overwrite(one_time)


def approve_opening(
    office: Office, officer: OfficerSession, approval_id: bytes, *, acknowledged: bytes | None = None, now: int
) -> None:
    """Open together with the colleague who asked: the same checks, a signature over the request, and the own share.

    The share is sealed to the key that stands in the colleague's certificate, never to one out of this desk's tables.

    Raises:
        ApprovalMissing: the request is for a register version that is not the newest any more.
        NotEntitled: with t = 2 the second officer has a share of her own.
        NotPermitted: her role, or her own question.
    """
    officer.require("approve")
    with office.files.session() as db:
        asked = approvals.read(db, officer, approval_id)
    if asked.kind != OPEN:
        raise NotFound("this is not a question to open something")
    subject, shown = asked.subject["subjects"][0], asked.subject["shown"]
    seen = _look_as_second(office, officer, asked.object_id, shown, now)
    more: dict[str, Any] = {}
    if seen is not None:
        _require_same_request(office, seen, unb64u(subject["core"]))
        require_allowed(seen, officer, str(subject["purpose"]), str(subject["legal_basis"]))
        if acknowledged is not None:
            release.require_acknowledged(office, seen, acknowledged)
        if seen.stanza.threshold > 1:
            if shown["x"] == seen.stanza.x:
                raise NotEntitled("you both have the same share; it takes an officer with another one")
            with office.files.session() as db:
                more = _sealed_share(db, office, approval_id, asked.asked_by, seen.stanza)
    with office.files.session() as db:
        approvals.grant(db, officer, approval_id, now=now, more=more)


def _look_as_second(
    office: Office, officer: OfficerSession, bundle_id: bytes, shown: Mapping[str, Any], now: int
) -> Preview | None:
    """What the second officer sees; None where a flag asks for two, and the bundle was not sealed to this one."""
    try:
        return release.look(office, officer, bundle_id, now=now)
    except NotEntitled:
        if shown["threshold"] > 1:
            raise
        return None


def _require_same_request(office: Office, seen: Preview, core: bytes) -> None:
    value = parse_json(core)
    expected = {
        "agency": office.agency,
        "bundle_id": b64u(seen.header.bundle_id),
        "header_digest": b64u(seen.header_digest),
        "register_digest": b64u(seen.register_digest),
        "log": seen.header.log,
    }
    if not isinstance(value, dict) or any(value.get(name) != found for name, found in expected.items()):
        raise ApprovalMissing("the flags were written anew since this was asked; your colleague asks again")


def _sealed_share(db: Session, office: Office, approval_id: bytes, to: str, stanza: Stanza) -> dict[str, Any]:
    certificate = office.directory(db).certificate(to)
    if certificate.agency != office.agency or certificate.receiving_key is None:
        raise NotEntitled("the officer who asked has no certificate that counts")
    sealed = hybrid.seal(certificate.receiving_key, _share_info(approval_id), bytes([stanza.x]) + stanza.share)
    return {"share": b64u(sealed)}


def _share_info(approval_id: bytes) -> bytes:
    return fields(labels.APPROVAL_BOX, approval_id, "share")


def open_share(officer: OfficerSession, approval_id: bytes, more: Mapping[str, Any], own: Stanza) -> Stanza:
    """The colleague's share out of her answer, beside the officer's own stanza.

    Raises:
        DecryptionFailed, FormatError
    """
    plain = officer.receiving.open(_share_info(approval_id), unb64u(more.get("share")))
    if len(plain) != 1 + SECRET_BYTES or plain[0] == own.x:
        raise FormatError("a colleague's share is malformed, or the same as yours")
    return replace(own, x=plain[0], share=plain[1:])


def require_allowed(seen: Preview, officer: OfficerSession, purpose: str, legal_basis: str) -> None:
    """Raise unless this officer may open this for what she states."""
    policy.require_purpose(seen.cover, officer.roles, purpose, legal_basis)
    if seen.cover.threshold > policy.MOST_TOGETHER:
        raise LimitExceeded("this desk opens with two officers; what is sealed for more is sealed anew")
