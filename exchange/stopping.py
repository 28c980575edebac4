"""Several consents of one person at once, or one bundle: the stop itself, and how far the holders are."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from custody.handles import DESTROY_ALONE_AFTER_SECONDS
from custody.models import OwnEvent
from errors import ApprovalMissing, Conflict, NotPermitted, Unavailable
from exchange import approvals, stop_targets, withdrawals
from exchange.handle_keys import handles_of_record
from exchange.models import Approval, Withdrawal
from exchange.office import Office
from identity import consent

OVERDUE_AFTER_SECONDS: Final = 7 * 24 * 3600
DESTROY, LIFT = "destroy", "lift"
# The broker measures the 14 days by the times of witnesses; a day more keeps a desk's own clock out of it.
ALONE_AFTER_SECONDS: Final = DESTROY_ALONE_AFTER_SECONDS + 24 * 3600


@dataclass(frozen=True, slots=True)
class Holder:
    """One bundle at one agency after an order to delete.

    Attributes:
        state: awaited, deleted, kept or unreadable.
        is_told: the order stands in the log, from which the holder's desk reads it.
    """

    record_id: bytes
    agency: str
    state: str
    items: int
    ground: str | None = field(repr=False)
    is_disclosed: bool
    told_at: int | None
    is_told: bool
    signed_by: str | None
    signed_at: int | None
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class Stand:
    """How far the stop of one consent, or of one bundle, is.

    Attributes:
        state: active, held or withdrawn.
        acts: holds and withdrawals, oldest first (`withdrawals.history`).
        waiting: the newest question to a colleague that is not used up, if any.
        may_alone: the hold is old enough for one officer to destroy.
        is_sent: every order of it stands in the log.
        is_refused: the broker has refused one of them.
    """

    state: str
    acts: tuple[dict[str, Any], ...]
    waiting: Approval | None
    may_alone: bool
    alone_at: int | None
    is_sent: bool
    is_refused: bool
    holders: tuple[Holder, ...]


def holders_of(office: Office, officer: OfficerSession, case_id: bytes, record_id: bytes) -> list[str]:
    """Agencies to which something went that rests on a consent."""
    found = withdrawals.status(office, officer, case_id, record_id) if _has_handles(office, record_id) else []
    return sorted({one["agency"] for one in found})


def _has_handles(office: Office, record_id: bytes) -> bool:
    with office.files.session() as db:
        return bool(handles_of_record(db, record_id))


def stop(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    records: Sequence[bytes],
    *,
    destroys: bool,
    reason: str,
    now: int,
) -> int:
    """Hold consents at once and, if wanted, ask a colleague to destroy what rests on them; how many were reached.

    A hold that does not reach the broker now waits in the outbox and goes out first.

    Raises:
        NotPermitted, NotFound
        NoOwnPlace: a bundle cannot be stopped alone.
        Conflict: every one of them is stopped already.
    """
    with office.files.session() as db:
        for record in records:
            officer.require(stop_targets.right_for(db, record) if destroys else "hold")
            stop_targets.require_place(db, record)  # before the first is stopped
    count = 0
    for record in records:
        with suppress(Conflict):
            if destroys and _is_asked(office, record):
                pass
            elif destroys:
                _hold_for(office, officer, case_id, record, reason, now)
                withdrawals.ask_withdrawal(office, officer, case_id, record, now=now)
            else:
                with suppress(Unavailable):
                    withdrawals.hold(office, officer, case_id, record, reason=reason, now=now)
            count += 1
    if not count:
        raise Conflict("it is held or withdrawn already")
    return count


def _is_asked(office: Office, record: bytes) -> bool:
    """Whether a colleague has been asked to destroy it already, and has not refused."""
    with office.files.session() as db:
        row = _question(db, record)
        return row is not None and row.kind == DESTROY and row.state != approvals.DENIED


def _hold_for(office: Office, officer: OfficerSession, case_id: bytes, record: bytes, reason: str, now: int) -> None:
    """The hold with the officer's words, where there is something to hold; the question alone would not keep them."""
    if reason and _has_handles(office, record):
        with suppress(Unavailable, Conflict):
            withdrawals.hold(office, officer, case_id, record, reason=reason, now=now)


def go_on(office: Office, officer: OfficerSession, case_id: bytes, record_id: bytes, *, now: int) -> str:
    """After a colleague's answer: destroy or lift, as was asked; which of the two.

    Raises:
        ApprovalMissing: nothing was granted, or a colleague asked it and goes on herself.
        Conflict, NotPermitted
        Unavailable: it waits in the outbox.
    """
    with office.files.session() as db:
        row = _question(db, record_id)
    if row is None or row.state != approvals.GRANTED:
        raise ApprovalMissing
    if row.asked_by != officer.handle:
        raise ApprovalMissing(f"{row.asked_by} has asked, and goes on; or ask anew yourself")
    act = withdrawals.withdraw if row.kind == DESTROY else withdrawals.lift
    with suppress(Unavailable):
        act(office, officer, case_id, record_id, approval_id=row.approval_id, now=now)
    return row.kind


def destroy_alone(office: Office, officer: OfficerSession, case_id: bytes, record_id: bytes, *, now: int) -> int:
    """Destroy by one officer what was held for 14 days; how many handles.

    Raises:
        NotPermitted: the hold is younger.
        Conflict: it is not held.
    """
    stand = stand_of(office, officer, case_id, record_id, now=now)
    if stand.state != consent.HELD:
        raise Conflict("it is not held")
    if not stand.may_alone:
        raise NotPermitted("destroying takes two officers, or a hold that is 14 days old")
    with suppress(Unavailable):
        return withdrawals.withdraw_alone(office, officer, case_id, record_id, now=now)
    return len(_handles(office, record_id))


def _handles(office: Office, record_id: bytes) -> list[bytes]:
    with office.files.session() as db:
        return [use.handle for use in handles_of_record(db, record_id)]


def stand_of(office: Office, officer: OfficerSession, case_id: bytes, record_id: bytes, *, now: int) -> Stand:
    """How far the stop of a consent or of a bundle is, and what its holders answered.

    Raises:
        NotFound, NotPermitted
    """
    acts = withdrawals.history(office, officer, case_id, record_id)
    with office.files.session() as db:
        state = stop_targets.state_of(db, officer, case_id, record_id)
        waiting = _question(db, record_id)
        handles = [use.handle for use in handles_of_record(db, record_id)]
        is_sent, is_refused = _is_sent(db, handles), _is_refused(db, handles)
        held_at = db.scalar(
            select(Withdrawal.held_at).where(Withdrawal.record == record_id, Withdrawal.state == stop_targets.HELD)
        )
    holders: list[Holder] = []
    if state == consent.WITHDRAWN and handles:
        told_at = next((act["changed_at"] for act in reversed(acts) if act["state"] == stop_targets.DESTROYED), None)
        holders = [
            _holder(record_id, one, told_at, is_told=is_sent, now=now)
            for one in withdrawals.status(office, officer, case_id, record_id)
        ]
    alone_at = None if held_at is None else held_at + ALONE_AFTER_SECONDS
    is_old = state == consent.HELD and alone_at is not None and now >= alone_at
    return Stand(state, tuple(acts), waiting, is_old, alone_at, is_sent, is_refused, tuple(holders))


def _holder(record_id: bytes, one: dict[str, Any], told_at: int | None, *, is_told: bool, now: int) -> Holder:
    is_late = one["state"] == "awaited" and told_at is not None and now > told_at + OVERDUE_AFTER_SECONDS
    return Holder(
        record_id, one["agency"], one["state"], one["items"], one["ground"],
        any(pack["disclosed"] for pack in one["packs"]), told_at, is_told, one["signed_by"], one["signed_at"],
        is_late,
    )  # fmt: skip


def _question(db: Session, record_id: bytes) -> Approval | None:
    query = select(Approval).where(
        Approval.object_id == record_id, Approval.kind.in_((DESTROY, LIFT)), Approval.state != approvals.USED
    )
    return db.scalar(query.order_by(Approval.asked_at.desc(), Approval.state).limit(1))


def _is_sent(db: Session, handles: Sequence[bytes]) -> bool:
    query = select(OwnEvent.position).where(
        OwnEvent.object_kind == "handle", OwnEvent.object_id.in_(handles), OwnEvent.log_index.is_(None),
        OwnEvent.state != "refused",
    )  # fmt: skip
    return db.scalar(query.limit(1)) is None


def _is_refused(db: Session, handles: Sequence[bytes]) -> bool:
    query = select(OwnEvent.position).where(
        OwnEvent.object_kind == "handle", OwnEvent.object_id.in_(handles), OwnEvent.state == "refused"
    )
    return db.scalar(query.limit(1)) is not None


def overdue(office: Office, officer: OfficerSession, case_id: bytes, *, now: int) -> list[Holder]:
    """Holders in a case that did not answer an order to delete within 7 days, for Today."""
    with office.files.session() as db:
        records = [one for one in consent.list_consents(db, officer, case_id) if one.state == consent.WITHDRAWN]
    return [
        holder
        for one in records
        for holder in stand_of(office, officer, case_id, one.record_id, now=now).holders
        if holder.is_overdue
    ]
