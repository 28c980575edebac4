"""Taking back: hold at once, destroy with two officers, receipts of the holders (docs/protocol.md 7).

What is taken back is a survivor's consent, with everything that rests on it, or one sent bundle (`stop_targets`).
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto import boxes, hybrid, labels
from crypto.digests import DIGEST_BYTES
from crypto.encoding import b64u, fields, parse_json, unb64u
from crypto.header import IDENTIFIER_BYTES, is_version, parse_header
from crypto.padding import unpadded
from crypto.statements import Statement, make_statement, parse_statement
from custody import events, outbox
from custody.entries import SALT_BYTES, handle_tag
from custody.handles import handle_key, handle_of
from errors import AmparoError, Conflict, FormatError, Unavailable
from exchange import approvals, stop_targets
from exchange.cover import members_of
from exchange.handle_keys import handle_secret, handles_of_record
from exchange.models import HandleUse, PurgeReceipt, StoredBundle, Withdrawal
from exchange.office import Office
from exchange.purges import RECEIPT_BYTES
from exchange.stop_targets import DESTROYED, HELD, LIFTED
from exchange.sync import push_outbox
from identity import consent
from storage.sealed import open_column, seal_column

ASKED: Final = "a withdrawal is asked for"
KINDS: Final = {HELD: "handle-held", LIFTED: "handle-lifted", DESTROYED: "handle-destroyed"}

Random = Callable[[int], bytes]


def purge_key(secret: bytes, handle: bytes) -> hybrid.ReceivingKey:
    """The key to which holders seal their receipts for one handle: derived, so that none has to be stored."""
    return hybrid.ReceivingKey(bytearray(boxes.expand(secret, fields(labels.PURGE_KEY, handle), 96)))


# ---- Hold -------------------------------------------------------------------------------------------------------


def hold(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    record_id: bytes,
    *,
    reason: str,
    now: int,
    random_bytes: Random = os.urandom,
) -> bytes:
    """Stop every opening of what rests on a consent record, by one officer and at once; the withdrawal's id.

    Args:
        record_id: the consent record, or a bundle that was sent: then this bundle alone. So in all that follows.
        reason: why, for the officer's own record; it is not sent.

    Raises:
        NotPermitted, NotFound
        Conflict: it is held or withdrawn already.
        Unavailable: the broker was not reached; the hold waits in the outbox and goes out first.
    """
    officer.require("hold")
    with office.files.session() as db:
        stop_targets.require_place(db, record_id)
        if stop_targets.state_of(db, officer, case_id, record_id) != consent.ACTIVE:
            raise Conflict("it is held or withdrawn already")
        withdrawal_id = _hold(db, office, officer, case_id, record_id, reason, now, random_bytes)
    push_outbox(office, now=now)
    return withdrawal_id


def _hold(
    db: Session,
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    record_id: bytes,
    reason: str,
    now: int,
    random_bytes: Random,
) -> bytes:
    for statement, handle in _statements(db, office, officer, record_id, HELD, now):
        _record(db, officer, statement, handle, now, random_bytes)
    stop_targets.mark(db, officer, case_id, record_id, consent.HELD, now=now)
    withdrawal_id = random_bytes(IDENTIFIER_BYTES)
    key = case_key(db, officer, case_id, stop_targets.compartment_of(db, record_id))
    sealed = seal_column(key, "withdrawal", "reason", withdrawal_id, 1, reason.encode())
    db.add(
        Withdrawal(
            withdrawal_id=withdrawal_id, record=record_id, state=HELD, asked_by=officer.handle, reason=sealed,
            held_at=now, changed_at=now,
        )
    )  # fmt: skip
    db.flush()
    return withdrawal_id


# ---- What takes two ---------------------------------------------------------------------------------------------


def ask_withdrawal(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    record_id: bytes,
    *,
    now: int,
    random_bytes: Random = os.urandom,
) -> bytes | None:
    """Hold at once what rests on a consent, and ask a colleague to sign its destruction with you; the approval's id.

    From here on nothing more is sealed that rests on it. Where nothing was sent yet there is nothing to destroy: the
    consent is withdrawn at once, and the answer is None. A hold that does not reach the broker now waits in the outbox
    and goes out first.
    """
    with office.files.session() as db:
        officer.require(stop_targets.right_for(db, record_id))
        stop_targets.require_place(db, record_id)
        state = stop_targets.state_of(db, officer, case_id, record_id)
        _require_from(state, DESTROYED)
        if not handles_of_record(db, record_id):
            stop_targets.mark(db, officer, case_id, record_id, consent.WITHDRAWN, now=now)
            _note(db, officer, record_id, DESTROYED, now, random_bytes)
            return None
        if state == consent.ACTIVE:
            officer.require("hold")
            _hold(db, office, officer, case_id, record_id, ASKED, now, random_bytes)
        approval_id = _ask(db, office, officer, case_id, record_id, DESTROYED, "destroy", now)
    with suppress(Unavailable):
        push_outbox(office, now=now)
    return approval_id


def ask_lifting(office: Office, officer: OfficerSession, case_id: bytes, record_id: bytes, *, now: int) -> bytes:
    """Ask a colleague to lift a hold with you; the approval's id."""
    officer.require("hold")
    with office.files.session() as db:
        _require_from(stop_targets.state_of(db, officer, case_id, record_id), LIFTED)
        return _ask(db, office, officer, case_id, record_id, LIFTED, "lift", now)


def _ask(
    db: Session, office: Office, officer: OfficerSession, case_id: bytes, record_id: bytes, to: str, kind: str, now: int
) -> bytes:
    made = _statements(db, office, officer, record_id, to, now)
    subjects = [{"core": b64u(statement.body)} for statement, _ in made]
    own = {"statements": [b64u(statement.dump()) for statement, _ in made], "case": b64u(case_id)}
    return approvals.ask(db, officer, kind, record_id, subjects, own=own, now=now)


def _require_from(state: str, to: str) -> None:
    if state == consent.WITHDRAWN:
        raise Conflict("it was withdrawn already")
    if to == LIFTED and state != consent.HELD:
        raise Conflict("it is not held")


def withdraw(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    record_id: bytes,
    *,
    approval_id: bytes,
    now: int,
    random_bytes: Random = os.urandom,
) -> int:
    """Destroy every key half that rests on a consent record, with a colleague's signature; how many handles.

    Nothing that rests on it opens ever again; the holders get orders to delete and sign receipts.

    Raises:
        ApprovalMissing: the colleague has not signed.
        Conflict: another act came between; ask again.
    """
    with office.files.session() as db:
        officer.require(stop_targets.right_for(db, record_id))
    return _act(office, officer, case_id, record_id, approval_id, DESTROYED, "destroy", now, random_bytes)


def withdraw_alone(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    record_id: bytes,
    *,
    now: int,
    random_bytes: Random = os.urandom,
) -> int:
    """Destroy with one signature what has been held for 14 days; the broker holds against the witnesses' times.

    Raises:
        Conflict: it is not held.
    """
    with office.files.session() as db:
        officer.require(stop_targets.right_for(db, record_id))
        if stop_targets.state_of(db, officer, case_id, record_id) != consent.HELD:
            raise Conflict("it is not held")
        made = _statements(db, office, officer, record_id, DESTROYED, now)
        for statement, handle in made:
            _record(db, officer, statement, handle, now, random_bytes)
        stop_targets.mark(db, officer, case_id, record_id, consent.WITHDRAWN, now=now)
        _note(db, officer, record_id, DESTROYED, now, random_bytes)
    push_outbox(office, now=now)
    return len(made)


def lift(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    record_id: bytes,
    *,
    approval_id: bytes,
    now: int,
    random_bytes: Random = os.urandom,
) -> int:
    """Lift a hold with a colleague's signature: what rests on the record opens again."""
    officer.require("hold")
    return _act(office, officer, case_id, record_id, approval_id, LIFTED, "lift", now, random_bytes)


def _act(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    record_id: bytes,
    approval_id: bytes,
    to: str,
    kind: str,
    now: int,
    random_bytes: Random,
) -> int:
    with office.files.session() as db:
        _require_from(stop_targets.state_of(db, officer, case_id, record_id), to)
        answer = approvals.use(db, office, officer, approval_id, kind)
        statements = [parse_statement(unb64u(one)) for one in answer.own["statements"]]
        _require_all(db, record_id, statements)
        for statement, signature in zip(statements, answer.signatures, strict=True):
            both = Statement(statement.body, (*statement.signatures, (answer.officer, signature)))
            _record(db, officer, both, unb64u(statement.value["handle"], 32), now, random_bytes)
        state = consent.WITHDRAWN if to == DESTROYED else consent.ACTIVE
        stop_targets.mark(db, officer, case_id, record_id, state, now=now)
        _note(db, officer, record_id, to, now, random_bytes)
    push_outbox(office, now=now)
    return len(statements)


def _require_all(db: Session, record_id: bytes, statements: Sequence[Statement]) -> None:
    """What both officers signed for is all that rests on the record."""
    signed = {unb64u(one.value["handle"], DIGEST_BYTES) for one in statements}
    if signed != {use.handle for use in handles_of_record(db, record_id)}:
        raise Conflict("something else rests on it by now; ask your colleague again")


def _note(db: Session, officer: OfficerSession, record_id: bytes, to: str, now: int, random_bytes: Random) -> None:
    rows = list(db.scalars(select(Withdrawal).where(Withdrawal.record == record_id, Withdrawal.state == HELD)))
    for row in rows:
        row.state, row.changed_at = to, now
    if not rows:
        db.add(
            Withdrawal(
                withdrawal_id=random_bytes(IDENTIFIER_BYTES), record=record_id, state=to, asked_by=officer.handle,
                held_at=now, changed_at=now,
            )
        )  # fmt: skip


# ---- The events -------------------------------------------------------------------------------------------------


def _statements(
    db: Session, office: Office, officer: OfficerSession, record_id: bytes, to: str, now: int
) -> list[tuple[Statement, bytes]]:
    """A statement for every handle of the record, in headers and among spares, signed by its key and this officer."""
    secret = handle_secret(db, office, officer, now=now)
    made = []
    for use in handles_of_record(db, record_id):
        key = handle_key(secret, use.bundle_id, int(use.own_place or 0))
        handle = handle_of(key.public_key)
        seen = office.seen(db)
        number = outbox.next_number(db, "handle", handle)
        base = events.common(
            KINDS[to], seen.origin, office.agency, officer.handle, number, handle_tag(handle), now, seen
        )
        one_time = None if to == LIFTED else b64u(purge_key(secret, handle).public_key)
        body = {**base, "handle": b64u(handle), "handle_key": b64u(key.public_key), "one_time_key": one_time}
        statement = make_statement(body).signed_by(labels.EVENT_SIGNATURE, "handle", key)
        made.append((officer.sign_statement(labels.EVENT_SIGNATURE, statement), handle))
    return made


def _record(
    db: Session, officer: OfficerSession, statement: Statement, handle: bytes, now: int, random_bytes: Random
) -> None:
    outbox.record_event(
        db, statement=statement, salt=random_bytes(SALT_BYTES), object_kind="handle", object_id=handle,
        number=int(statement.value["number"]), tag=handle_tag(handle), append_signature=None, officer=officer.handle,
        now=now,
    )  # fmt: skip


def history(office: Office, officer: OfficerSession, case_id: bytes, record_id: bytes) -> list[dict[str, Any]]:
    """Holds and withdrawals of a consent, oldest first: [{withdrawal, state, asked_by, held_at, changed_at, reason}].

    Raises:
        NotFound, NotPermitted
    """
    with office.files.session() as db:
        stop_targets.state_of(db, officer, case_id, record_id)
        key = case_key(db, officer, case_id, stop_targets.compartment_of(db, record_id))
        rows = db.scalars(select(Withdrawal).where(Withdrawal.record == record_id).order_by(Withdrawal.held_at))
        return [
            {
                "withdrawal": row.withdrawal_id.hex(), "state": row.state, "asked_by": row.asked_by,
                "held_at": row.held_at, "changed_at": row.changed_at, "reason": _reason_of(key, row),
            }
            for row in rows
        ]  # fmt: skip


def _reason_of(key: bytes, row: Withdrawal) -> str | None:
    if row.reason is None:
        return None
    return open_column(key, "withdrawal", "reason", row.withdrawal_id, 1, row.reason).decode()


# ---- Receipts ---------------------------------------------------------------------------------------------------


def status(office: Office, officer: OfficerSession, case_id: bytes, record_id: bytes) -> list[dict[str, Any]]:
    """For each bundle that rests on the record and each holder: the receipt, or that it is still awaited.

    Returns:
        [{bundle, agency, state ("awaited", "deleted", "kept", "unreadable"), items, packs, ground, signed_by,
        signed_at}]
    """
    officer.require("record-read")
    found: list[dict[str, Any]] = []
    with office.files.session() as db:
        stop_targets.state_of(db, officer, case_id, record_id)
        secret = handle_secret(db, office, officer, now=0)
        for use in handles_of_record(db, record_id):
            if use.role != "header":
                continue
            found += [_receipt_of(db, secret, use, agency) for agency in _holders(db, office, use)]
    return found


def _holders(db: Session, office: Office, use: HandleUse) -> Sequence[str]:
    row = db.get(StoredBundle, use.bundle_id)
    return [] if row is None else [one for one in parse_header(row.header).agencies if one != office.agency]


def _receipt_of(db: Session, secret: bytes, use: HandleUse, agency: str) -> dict[str, Any]:
    row = db.scalar(select(PurgeReceipt).where(PurgeReceipt.handle == use.handle, PurgeReceipt.agency == agency))
    value = {
        "bundle": use.bundle_id.hex(), "agency": agency, "state": "awaited", "items": 0, "packs": [], "ground": None,
        "signed_by": None, "signed_at": None,
    }  # fmt: skip
    if row is None:
        return value
    try:
        receipt, body = open_receipt(secret, row), parse_statement(row.statement).value
    except AmparoError:
        return {**value, "state": "unreadable"}
    value |= {"signed_by": body["officer"], "signed_at": body["at"]}
    return {**value, **{name: receipt[name] for name in ("state", "items", "packs", "ground")}}


def open_receipt(secret: bytes, row: PurgeReceipt) -> dict[str, Any]:
    """A holder's receipt in the clear; only the agency that gave the order can read it.

    Raises:
        DecryptionFailed, FormatError
    """
    info = fields(labels.PURGE_RECEIPT, row.handle, row.agency)
    return parse_receipt(unpadded(purge_key(secret, row.handle).open(info, row.box), RECEIPT_BYTES))


def parse_receipt(data: bytes) -> dict[str, Any]:
    """Read a receipt strictly (docs/protocol.md 6.3): another agency wrote it.

    Raises:
        FormatError
    """
    value = members_of(parse_json(data), {"v", "state", "ground", "bundles", "items", "packs"})
    if not is_version(value["v"]) or value["state"] not in ("deleted", "kept"):
        raise FormatError("a receipt of another version, or of an unknown state")
    is_count = type(value["items"]) is int and value["items"] >= 0
    if not is_count or not isinstance(value["ground"], str | None):
        raise FormatError("a receipt says how many items, and perhaps a ground")
    if not isinstance(value["bundles"], list) or not isinstance(value["packs"], list):
        raise FormatError("a receipt lists bundles and packs")
    for one in value["bundles"]:
        bundle = members_of(one, {"bundle_id", "header_digest"})
        unb64u(bundle["bundle_id"], IDENTIFIER_BYTES)
        unb64u(bundle["header_digest"], DIGEST_BYTES)
    for one in value["packs"]:
        unb64u(members_of(one, {"pack", "disclosed"})["pack"], IDENTIFIER_BYTES)
        if not isinstance(one["disclosed"], bool):
            raise FormatError("a pack of a receipt was disclosed, or it was not")
    return value
