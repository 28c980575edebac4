"""Helping a broker that was restored from an old copy: this desk sends what it has of the newer log.

The broker says that it is recovering, and takes nothing else. Every desk has all entries of the log, so that each of
them can bring the log back; the broker opens it again when all have shown the newest checkpoint that they know. Behind
that, each desk sends its own events and register versions once more, which go back to the places where the log has
them, and reads its mailbox from the beginning. (docs/protocol.md 9)
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from crypto.encoding import b64u
from crypto.statements import parse_statement
from custody import outbox
from custody.models import OwnEvent
from custody.register import Version
from errors import AmparoError, NotFound, Unavailable
from exchange import follow
from exchange.broker_client import integer_of, text_of
from exchange.models import RegisterRow, StoredBundle
from exchange.office import Office, raise_alarm
from exchange.registers import version_value

RECOVERING: Final = "recovering"
MOST_ENTRIES: Final = 256
MOST_EVENTS: Final = 64
LOST: Final = "half-lost"


def help_recover(office: Office, *, now: int) -> bool:
    """Send the newer log if the broker asks for it; whether the broker takes nothing else yet.

    Raises:
        Unavailable: the broker cannot be reached.
        LogShorter: the broker's copy is not of the log that this desk has followed.
    """
    said = office.client.describe()
    if text_of(said, "state") != RECOVERING:
        return False
    _note_loss(office, integer_of(said, "restored_from"), now)
    for value in _reports(office, integer_of(said, "size")):
        office.client.recover(value)
    return text_of(office.client.describe(), "state") == RECOVERING


def _note_loss(office: Office, start: int, now: int) -> None:
    """Everything of this agency behind the copy's end has to be sent again; nothing is forgotten until it was."""
    with office.files.session() as db:
        state = office.require_running(db)
        state.mailbox_cursor = 0
        if state.restored_from is None or start < state.restored_from:
            state.restored_from = start
        for event in db.scalars(select(OwnEvent).where(_is_newer(start))):
            event.state = _SENT_AGAIN.get(_kind_of(event), outbox.WAITING)
        evidence = {"from": start, "size": state.size}
        raise_alarm(db, "broker-restored", f"size {start} of {state.size}", evidence, now=now)


# A deposit cannot be made again, `resend` looks after it; a request has a call of its own.
_SENT_AGAIN: Final = {"deposited": outbox.LOGGED, "open-requested": outbox.ASKING}


def _kind_of(event: OwnEvent) -> str:
    return str(parse_statement(event.statement).value.get("kind"))


def _is_newer(start: int) -> Any:
    return (
        (OwnEvent.state == outbox.LOGGED)
        & (OwnEvent.log_index >= start)
        & OwnEvent.object_kind.in_(outbox.SEEN_BY_BROKER)
    )


def _reports(office: Office, start: int) -> Sequence[dict[str, Any]]:
    """What is sent: the newest checkpoint each time, all entries behind the copy's end, own holds and withdrawals."""
    with office.files.session() as db:
        state = office.log(db)
        note = b64u(state.note)
        entries = [b64u(follow.entry_bytes(db, index)) for index in range(start, state.size)]
        query = select(OwnEvent).where(OwnEvent.object_kind == "handle", OwnEvent.log_index >= state.restored_from)
        events = [
            {"statement": b64u(one.statement), "salt": b64u(one.salt), "details_box": None}
            for one in db.scalars(query.order_by(OwnEvent.position))
        ]
    rounds = max(1, -(-len(entries) // MOST_ENTRIES), -(-len(events) // MOST_EVENTS))
    return [
        {
            "checkpoint": note,
            "from": start + at * MOST_ENTRIES,
            "entries": entries[at * MOST_ENTRIES : (at + 1) * MOST_ENTRIES],
            "events": events[at * MOST_EVENTS : (at + 1) * MOST_EVENTS],
        }
        for at in range(rounds)
    ]


def resend(office: Office, *, now: int) -> list[bytes]:
    """After a recovery: register versions again, in order; bundles that the broker no longer has, as lost.

    Returns:
        ids of own bundles that have to be sealed again.
    """
    with office.files.session() as db:
        start = office.require_running(db).restored_from
    if start is None:
        return []
    lost = _mark_lost(office, start, now)
    waiting = [row for row in _own_versions(office, start) if not _resend_version(office, row)]
    if not waiting:
        with office.files.session() as db:
            office.log(db).restored_from = None
    return lost


def _mark_lost(office: Office, start: int, now: int) -> list[bytes]:
    """Bundles that were deposited behind the copy's end: the broker has neither header nor half."""
    with office.files.session() as db:
        query = select(StoredBundle.bundle_id).where(
            StoredBundle.direction == "out", StoredBundle.log_index >= start, StoredBundle.state != LOST
        )
        own = list(db.scalars(query))
    lost = [one for one in own if not _is_there(office, one)]
    with office.files.session() as db:
        for bundle_id in lost:
            row = db.get_one(StoredBundle, bundle_id)
            if row.state not in ("destroyed", "expired", "refused"):
                row.state = LOST
                raise_alarm(db, LOST, bundle_id.hex(), {"bundle": b64u(bundle_id)}, now=now)
    return lost


def _is_there(office: Office, bundle_id: bytes) -> bool:
    try:
        office.client.bundle(bundle_id)
    except NotFound:
        return False
    return True


def _own_versions(office: Office, start: int) -> list[RegisterRow]:
    with office.files.session() as db:
        return list(db.scalars(_versions(db, office.agency, start)))


def _versions(db: Session, agency: str, start: int) -> Any:
    return (
        select(RegisterRow)
        .where(RegisterRow.log_index >= start, RegisterRow.version > 1, RegisterRow.officer.startswith(f"{agency}/"))
        .order_by(RegisterRow.bundle_id, RegisterRow.version)
    )


def _resend_version(office: Office, row: RegisterRow) -> bool:
    """Whether the broker has it; a version of another agency may have to come first."""
    with office.files.session() as db:
        digest = db.get_one(StoredBundle, row.bundle_id).header_digest
    version = Version(row.bundle_id, digest, row.version, row.previous, row.box, row.officer, row.signature)
    try:
        office.client.post_register(row.bundle_id, version_value(version, row.salt, row.tag))
    except NotFound:
        return True  # the bundle went with it
    except Unavailable:
        raise
    except AmparoError:
        return False
    return True
