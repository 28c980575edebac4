"""Events that this agency's officers signed, on their way into the log and after it (docs/protocol.md 6.1, 9).

An event is recorded in the transaction of the act that it records, and pushed by sync. Numbers run from 0 per object
without gaps: an event that the broker refuses for good gives its number back only if nothing was made after it.
An event that the broker does not see is sealed under the key of its case; its entry is enough to send it.
"""

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crypto.statements import Statement
from custody.entries import event_entry
from custody.models import OwnEvent
from errors import Conflict, FormatError, NotFound
from storage.sealed import open_column, seal_column

OBJECT_KINDS: Final = ("bundle", "holding", "case", "handle")
SEEN_BY_BROKER: Final = ("bundle", "handle")
WAITING: Final = "waiting"
ASKING: Final = "asking"  # sent by a call of its own, whose answer decides
DEPOSIT: Final = "deposit"  # travels with its bundle
LOGGED: Final = "logged"
REFUSED: Final = "refused"


def next_number(db: Session, object_kind: str, object_id: bytes) -> int:
    """The running number of the agency's next event on this object."""
    last = db.scalar(
        select(func.max(OwnEvent.number)).where(
            OwnEvent.object_kind == object_kind, OwnEvent.object_id == object_id, OwnEvent.state != REFUSED
        )
    )
    return 0 if last is None else last + 1


def record_event(
    db: Session,
    *,
    statement: Statement | bytes,
    salt: bytes,
    object_kind: str,
    object_id: bytes,
    number: int,
    tag: bytes,
    entry: bytes | None = None,
    append_signature: bytes | None,
    officer: str,
    now: int,
    case_key: bytes | None = None,
    details_box: bytes | None = None,
    state: str = WAITING,
) -> OwnEvent:
    """Keep a signed event; sync pushes it.

    Args:
        statement: the signed event, or its bytes.
        salt: 32 bytes.
        object_kind, object_id: what the event is about, and whose numbers it counts in.
        entry: its 49 bytes in the log; computed when not given, compared when given.
        append_signature: the officer's, for events that the broker does not see; None for the others.
        case_key: seals the statement of an event that the broker does not see; None for the others.
        details_box: sealed details of an event on a bundle.

    Raises:
        Conflict: the number is not the next one: another act came first, sign again.
        FormatError: entry and event do not belong together, or a signature or the key of the case is missing.
    """
    data = statement if isinstance(statement, bytes) else statement.dump()
    made = event_entry(tag, salt, data)
    if object_kind not in OBJECT_KINDS or (entry is not None and entry != made):
        raise FormatError("the entry is not that of the event")
    if (append_signature is None) != (object_kind in SEEN_BY_BROKER):
        raise FormatError("an event that the broker does not see needs the officer's signature on its entry")
    if (case_key is None) != (object_kind in SEEN_BY_BROKER):
        raise FormatError("an event that the broker does not see is kept under the key of its case")
    if number != next_number(db, object_kind, object_id):
        raise Conflict("another event on this object came first; sign again")
    _forget_refused(db, object_kind, object_id, number)
    event = OwnEvent(
        object_kind=object_kind, object_id=object_id, number=number, tag=tag, salt=salt,
        clear_statement=data if case_key is None else None,
        sealed_statement=None if case_key is None else seal_column(case_key, *_place(made), data),
        details_box=details_box, entry=made, append_signature=append_signature, officer=officer, made_at=now,
        state=state,
    )  # fmt: skip
    db.add(event)
    db.flush()
    return event


def _forget_refused(db: Session, object_kind: str, object_id: bytes, number: int) -> None:
    old = db.scalar(
        select(OwnEvent).where(
            OwnEvent.object_kind == object_kind, OwnEvent.object_id == object_id, OwnEvent.number == number
        )
    )
    if old is not None:
        db.delete(old)
        db.flush()


def own_events(db: Session, object_kind: str, object_id: bytes) -> list[OwnEvent]:
    """The agency's events on an object that were not refused, in order of number."""
    query = select(OwnEvent).where(
        OwnEvent.object_kind == object_kind, OwnEvent.object_id == object_id, OwnEvent.state != REFUSED
    )
    return list(db.scalars(query.order_by(OwnEvent.number)))


def waiting_events(db: Session, *, for_broker: bool, most: int) -> list[OwnEvent]:
    """What sync has to push, oldest first: events that the broker sees, or bare entries."""
    kinds = SEEN_BY_BROKER if for_broker else tuple(kind for kind in OBJECT_KINDS if kind not in SEEN_BY_BROKER)
    query = select(OwnEvent).where(OwnEvent.state == WAITING, OwnEvent.object_kind.in_(kinds))
    return list(db.scalars(query.order_by(OwnEvent.position).limit(most)))


def asking_events(db: Session) -> list[OwnEvent]:
    """Requests whose answer never came."""
    return list(db.scalars(select(OwnEvent).where(OwnEvent.state == ASKING).order_by(OwnEvent.position)))


def unproven_events(db: Session, size: int, most: int, after: int = -1) -> list[OwnEvent]:
    """Logged events between the index `after` and `size` whose proof was not fetched yet."""
    query = select(OwnEvent).where(
        OwnEvent.state == LOGGED, OwnEvent.proof.is_(None), OwnEvent.log_index < size, OwnEvent.log_index > after
    )
    return list(db.scalars(query.order_by(OwnEvent.log_index).limit(most)))


def mark_logged(db: Session, position: int, log_index: int, proof: bytes | None = None) -> OwnEvent:
    """The log has it."""
    event = get_event(db, position)
    event.state, event.log_index, event.refusal = LOGGED, log_index, None
    if proof is not None:
        event.proof = proof
    return event


def mark_refused(db: Session, position: int, code: str) -> OwnEvent:
    """The broker will never take it; it stays as a record, its number is free again if it was the last."""
    event = get_event(db, position)
    event.state, event.refusal = REFUSED, code[:40]
    return event


def get_event(db: Session, position: int) -> OwnEvent:
    """Raises NotFound when there is none."""
    event = db.get(OwnEvent, position)
    if event is None:
        raise NotFound("there is no such event")
    return event


def read_statement(event: OwnEvent, case_key: bytes) -> bytes:
    """The signed bytes of an event that the broker does not see.

    Raises:
        DecryptionFailed: another key, or what stands there was written for another event.
        FormatError: it is an event that the broker sees; `event.statement` has it.
    """
    if event.sealed_statement is None:
        raise FormatError("this event is kept as it was sent")
    return open_column(case_key, *_place(event.entry), event.sealed_statement)


def _place(entry: bytes) -> tuple[str, str, bytes, int]:
    """Table, column, row and version. The entry names the event, and an event has one version."""
    return "own_event", "sealed_statement", entry, 1
