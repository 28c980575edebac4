"""Asking the broker for its half: what is checked before, the signed request, and the answer (docs/protocol.md 4).

The request stands in the outbox before it is sent, so that a crash leaves a record of it. Its one-time key is never
stored once the request is: an answer that was lost cannot be read by anybody.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto import hybrid
from crypto.boxes import is_equal
from crypto.buffers import overwrite_bytes
from crypto.encoding import b64u, unb64u
from crypto.header import Header, release_info, verify_header
from crypto.opening import agency_secret_of, check_half
from crypto.sealing import tag_key
from crypto.statements import Statement
from custody import events, outbox
from custody.entries import SALT_BYTES, handle_tag, tag_of
from custody.register import open_version
from errors import (
    AmparoError,
    BundleExpired,
    CommitmentMismatch,
    FormatError,
    HalfLost,
    NotEntitled,
    NotFound,
    RegisterInvalid,
    RegisterStale,
    ReleaseDestroyed,
    ReleaseHeld,
    SignatureInvalid,
    Unavailable,
)
from exchange import acts, arrivals, follow, orders
from exchange.broker_client import integer_of, text_of
from exchange.models import HandleOrder, LogEntry, PurgeReceipt, RegisterRow, StoredBundle
from exchange.office import Office, raise_alarm
from exchange.reading import Preview, flag_values, preview
from exchange.sync import event_value

Random = Callable[[int], bytes]
_CLOSED: Final[Mapping[str, type[AmparoError]]] = {
    "held": ReleaseHeld, "destroyed": ReleaseDestroyed, "expired": BundleExpired, "half-lost": HalfLost,
}  # fmt: skip


# ---- Before the request -----------------------------------------------------------------------------------------


def look(office: Office, officer: OfficerSession, bundle_id: bytes, *, now: int) -> Preview:
    """Everything that is checked before a request, with what the broker has at this moment. Nothing is logged.

    Raises:
        NotPermitted, NotEntitled, RootNotCompared: who may not.
        SignatureInvalid, CommitmentMismatch, HeadersDiffer, RegisterInvalid: it stays closed, and an alarm says why.
        ReleaseHeld, ReleaseDestroyed, BundleExpired, HalfLost: its state.
        Unavailable: without the broker nothing is opened.
    """
    office.require_own(officer)
    officer.require("open")
    follow.follow_log(office, now=now)
    arrivals.take_events(office, bundle_id, now=now)
    header = _require_genuine(office, bundle_id)
    seen = preview(office, officer, bundle_id, now=now)
    arrivals.take_register(office, bundle_id, now=now)
    if any(one.startswith("register ") for one in arrivals.check_tags(office, bundle_id, now=now)):
        raise RegisterInvalid("the log holds a newer version of the flag register than the broker shows")
    _require_open(office, header, now)
    with office.files.session() as db:
        newest = arrivals.newest_version(db, bundle_id)
    if newest is None or newest.digest != seen.register_digest:
        return preview(office, officer, bundle_id, now=now)
    return seen


def _require_genuine(office: Office, bundle_id: bytes) -> Header:
    """Header signature, the sender's certificate at the place of the deposit, own agency named."""
    with office.files.session() as db:
        office.require_running(db)
        row = arrivals.get_stored(db, bundle_id)
        header = verify_header(row.header, row.signature)
        if row.log_index is None:
            raise NotFound("this bundle has not been sent yet")
        sender = office.directory(db).find_certificate(header.sender, row.log_index)
        if sender is None or sender.signing_key != header.sender_key or sender.agency != header.sender_agency:
            raise SignatureInvalid("the sender had no certificate for this key when the bundle was logged")
        if header.bundle_id != bundle_id or header.log != office.log(db).origin:
            raise FormatError("this header is of another bundle, or of another log")
        if office.agency not in arrivals.parties(db, row):
            raise NotEntitled("this bundle does not name your agency")
        return header


def _require_open(office: Office, header: Header, now: int) -> None:
    """No hold and no destruction stands in the log, whatever the broker says of the state; and none by its word."""
    for handle in _unread_handles(office, header):
        orders.take_handle_events(office, handle, now=now)
    unread = _unread_handles(office, header)
    with office.files.session() as db:
        for handle in unread:
            raise_alarm(db, "withheld", f"handle {handle.hex()}", {"bundle_id": b64u(header.bundle_id)}, now=now)
        for handle in header.handles:
            require_no_order(db, handle)
    if unread:
        raise ReleaseHeld("the log holds an order on this bundle that the broker does not show")
    state = arrivals.refresh_state(office, header.bundle_id)
    if state in _CLOSED:
        raise _CLOSED[state]


def _unread_handles(office: Office, header: Header) -> list[bytes]:
    """Handles with more entries in the log than orders and receipts at this desk."""
    found = []
    with office.files.session() as db:
        for handle in header.handles:
            logged = set(db.scalars(select(LogEntry.log_index).where(LogEntry.tag == handle_tag(handle))))
            known = set(db.scalars(select(HandleOrder.log_index).where(HandleOrder.handle == handle)))
            known |= set(db.scalars(select(PurgeReceipt.log_index).where(PurgeReceipt.handle == handle)))
            if logged - known:
                found.append(handle)
    return found


def require_no_order(db: Session, handle: bytes) -> None:
    """Raise for a handle that its maker destroyed, or holds.

    Raises:
        ReleaseDestroyed, ReleaseHeld
    """
    query = select(HandleOrder.kind).where(HandleOrder.handle == handle).order_by(HandleOrder.log_index)
    kinds = list(db.scalars(query))
    if "handle-destroyed" in kinds:
        raise ReleaseDestroyed
    if kinds and kinds[-1] == "handle-held":
        raise ReleaseHeld


def require_acknowledged(office: Office, seen: Preview, acknowledged: bytes) -> None:
    """Raise RegisterStale unless the officer has read the flags as they stand now.

    A version that was written anew without a change, as happens after every opening, does not have to be read again.
    """
    if is_equal(seen.register_digest, acknowledged):
        return
    with office.files.session() as db:
        rows = db.scalars(select(RegisterRow).where(RegisterRow.bundle_id == seen.header.bundle_id))
        versions = [arrivals.as_version(db, row) for row in rows]
    for version in versions:
        if is_equal(version.digest, acknowledged) and flag_values(open_version(seen.stanza.r, version)) == seen.flags:
            return
    raise RegisterStale("the flags changed since you read them; read them again")


# ---- The request ------------------------------------------------------------------------------------------------


def request_body(
    db: Session, office: Office, officer: OfficerSession, seen: Preview, one_time_key: bytes, *, now: int
) -> dict[str, Any]:
    """Body of a request without the commitment to its details: with the next number and the newest checkpoint."""
    header = seen.header
    base = acts.bundle_base(
        db, office, officer, "open-requested", tag_key(seen.stanza.r), header.bundle_id, now=now
    )  # fmt: skip
    return events.on_bundle(
        base, header.bundle_id, seen.header_digest, register_digest=b64u(seen.register_digest),
        broker=office.log(db).broker, one_time_key=b64u(one_time_key),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in the outbox, not sent yet."""

    position: int
    header: Header
    statement: Statement
    entry: bytes
    value: Mapping[str, Any] = field(repr=False)


def record_request(
    db: Session,
    office: Office,
    officer: OfficerSession,
    seen: Preview,
    body: Mapping[str, Any],
    details: Mapping[str, Any],
    *,
    now: int,
    random_bytes: Random = os.urandom,
) -> Asked:
    """Sign a request and keep it; commit before it is sent."""
    header, number = seen.header, int(body["number"])
    secret = agency_secret_of(seen.stanza, header, office.agency, office.agency)
    statement, box = acts.sign_with_details(officer, body, secret, header.bundle_id, details, random_bytes)
    event = outbox.record_event(
        db, statement=statement, salt=random_bytes(SALT_BYTES), object_kind="bundle", object_id=header.bundle_id,
        number=number, tag=tag_of(tag_key(seen.stanza.r), office.agency, number), append_signature=None,
        officer=officer.handle, now=now, details_box=box, state=outbox.ASKING,
    )  # fmt: skip
    return Asked(event.position, header, statement, event.entry, event_value(event))


@dataclass(frozen=True, slots=True)
class Answer:
    """Where the request stands, and the boxes as received; or why there are none. The proof is checked."""

    index: int
    boxes: tuple[bytes, ...] = field(default=(), repr=False)
    refusal: AmparoError | None = None


def send_request(office: Office, asked: Asked, register_version: int, *, now: int) -> Answer:
    """Send a recorded request, and check that exactly this request stands in the log.

    Returns:
        the answer; with `refusal` when the request is logged all the same, and refused or wrongly answered.

    Raises:
        Unavailable: no answer; sync finds out whether it was logged.
        AmparoError: it was refused, and does not stand in the log.
    """
    try:
        answer = office.client.release(asked.header.bundle_id, asked.value)
        return _check_answer(office, asked, answer, register_version, now)
    except Unavailable:
        raise
    except AmparoError as error:
        index = settle(office, asked, error.code, now=now)
        if index is None:
            raise
        return Answer(index, refusal=error)


def _check_answer(office: Office, asked: Asked, answer: Mapping[str, Any], register_version: int, now: int) -> Answer:
    index = integer_of(answer, "index")
    proof = follow.check_proof(office, text_of(answer, "proof"), asked.entry, index)
    follow.follow_log(office, now=now)
    with office.files.session() as db:
        arrivals.require_entry(db, index, asked.entry)
        _keep_logged(db, asked, index, proof)
        row = arrivals.get_stored(db, asked.header.bundle_id)
        _require_register_newest(db, row, register_version, index)
    return Answer(index, _boxes(asked.header, answer))


def _require_register_newest(db: Session, row: StoredBundle, version: int, index: int) -> None:
    """No version behind the acknowledged one stands in the log before the request."""
    if row.tag_key is None:
        raise RegisterInvalid
    ahead = [tag_of(row.tag_key, "", version + step) for step in range(1, arrivals.TAGS_AHEAD)]
    if any(at < index for at in follow.find_tags(db, ahead).values()):
        raise RegisterInvalid("a newer version of the flag register stood in the log when the broker answered")


def _boxes(header: Header, answer: Mapping[str, Any]) -> tuple[bytes, ...]:
    found = answer.get("releases")
    if not isinstance(found, list) or any(not isinstance(one, dict) for one in found):
        raise FormatError("the broker's answer has another form")
    if [one.get("operator") for one in found] != [half.operator for half in header.halves]:
        raise CommitmentMismatch("the broker released other halves than the header names")
    return tuple(unb64u(one.get("box")) for one in found)


def _keep_logged(db: Session, asked: Asked, index: int, proof: bytes | None = None) -> None:
    event = outbox.mark_logged(db, asked.position, index, proof)
    arrivals.keep_own_event(
        db, asked.header.bundle_id, index, event.statement, event.salt, event.details_box
    )  # fmt: skip


def settle(office: Office, asked: Asked, code: str, *, now: int) -> int | None:
    """After a refusal: the index of the request if it stands in the log all the same, None if it does not.

    The broker refuses some requests after they were logged: a hold came in between, or the half is lost.
    """
    follow.follow_log(office, now=now)
    with office.files.session() as db:
        index = follow.find_entry(db, asked.entry)
        if index is None:
            outbox.mark_refused(db, asked.position, code)
        else:
            _keep_logged(db, asked, index)
    return index


def open_halves(asked: Asked, answer: Answer, one_time: bytearray) -> list[bytes]:
    """The halves in the header's order, each checked against its commitment. The caller overwrites them.

    Raises:
        DecryptionFailed: sealed to another key, or for another request.
        CommitmentMismatch: not the half that the sender sealed.
    """
    key = hybrid.ReceivingKey(one_time)
    info = release_info(asked.statement.body)
    halves: list[bytes] = []
    try:
        for number, box in enumerate(answer.boxes, start=1):
            halves.append(key.open(info, box))
            check_half(asked.header, number, halves[-1])
    except BaseException:
        for half in halves:
            overwrite_bytes(half)
        raise
    return halves
