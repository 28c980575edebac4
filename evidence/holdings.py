"""Custody of a case's exhibits: own holdings are continued and signed here, those of others kept as they came."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto import labels
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import IDENTIFIER_BYTES
from crypto.statements import make_statement, parse_statement
from custody import events, outbox
from custody.checkpoint import Checkpoint
from custody.entries import SALT_BYTES, event_entry, tag_of
from custody.holdings import (
    CLOSED,
    OFFERED,
    REFUSED,
    CustodyEvent,
    Holding,
    check_chain,
    custodian,
    event_body,
    find_fork,
    parse_custody_event,
    require_next,
)
from custody.models import OwnEvent
from errors import CustodyBroken, FormatError, NotFound
from evidence.models import HoldingRow, ReceivedCustody
from storage.sealed import open_column, seal_column

TAG_KEY_BYTES: Final = 32
LARGEST_BYTES: Final = 2**20

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of a holding as this desk has it; `log_index` is None until the log has it."""

    event: CustodyEvent
    statement: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    log_index: int | None


@dataclass(frozen=True, slots=True)
class Chain:
    """One holding of an exhibit, from its first event on."""

    holding: bytes
    object_id: bytes
    agency: str
    events: tuple[Recorded, ...] = field(repr=False)

    def check(self) -> Holding:
        """The checked chain.

        Raises:
            CustodyBroken: a gap, or two writers.
        """
        return check_chain([one.event for one in self.events])


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """A line of an exhibit's history, for lists and pages."""

    holding: bytes
    number: int
    at: int
    agency: str
    officer: str
    action: str
    place: str | None
    reason: str | None
    seal: str | None
    to_agency: str | None
    log_index: int | None

    @property
    def is_proven(self) -> bool:
        """Whether the event stands in the log."""
        return self.log_index is not None


# ---- Own holdings -----------------------------------------------------------------------------------------------


def start(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    object_id: bytes,
    *,
    action: str,
    seen: Checkpoint,
    now: int,
    holding: bytes | None = None,
    random_bytes: Random = os.urandom,
    **members: Any,
) -> bytes:
    """Begin a holding of this agency with its event number 0; the holding's id."""
    key = case_key(db, officer, case_id)
    holding, tag_key = holding or random_bytes(IDENTIFIER_BYTES), random_bytes(TAG_KEY_BYTES)
    sealed = seal_column(key, "holding", "tag_key", holding, 1, tag_key)
    db.add(HoldingRow(holding=holding, case_id=case_id, object_id=object_id, tag_key=sealed, started_at=now))
    db.flush()
    append_event(db, officer, case_id, holding, action=action, seen=seen, now=now, random_bytes=random_bytes, **members)
    return holding


def append_event(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    holding: bytes,
    *,
    action: str,
    seen: Checkpoint,
    now: int,
    random_bytes: Random = os.urandom,
    **members: Any,
) -> OwnEvent:
    """Sign the next event of an own holding and put it into the outbox.

    Args:
        seen: newest checkpoint that this desk has checked.
        members: of docs/protocol.md 8: place, reason, tool, inputs, outputs, seal, supersedes, ...

    Raises:
        NotPermitted: not on the case team.
        NotFound: this agency has no such holding.
        CustodyBroken: the event may not follow; the holding has ended, or an offer is open.
    """
    key = case_key(db, officer, case_id)
    row = db.get(HoldingRow, holding)
    if row is None or row.case_id != case_id:
        raise NotFound("this agency has no such holding in this case")
    before = [parse_custody_event(outbox.read_statement(one, key), log=seen.origin) for one in _own(db, holding)]
    tag_key = open_column(key, "holding", "tag_key", holding, 1, row.tag_key)
    number = outbox.next_number(db, "holding", holding)
    tag = tag_of(tag_key, officer.agency, number)
    base = events.common("custody", seen.origin, officer.agency, officer.handle, number, tag, now, seen)
    prev = b64u(before[-1].digest) if before else members.pop("prev", None)
    named = {"holding": b64u(holding), "object": b64u(row.object_id), "prev": prev, "action": action, **members}
    statement = officer.sign_statement(labels.EVENT_SIGNATURE, make_statement(event_body(base, **named)))
    event = parse_custody_event(statement.dump(), log=seen.origin)
    require_next(check_chain(before) if before else None, event)
    if before and before[-1].action == OFFERED and action != CLOSED:
        _require_refused(chains(db, officer, case_id, row.object_id), before[-1])
    salt = random_bytes(SALT_BYTES)
    entry = event_entry(tag, salt, statement.dump())
    return outbox.record_event(
        db, statement=statement, salt=salt, object_kind="holding", object_id=holding, number=number, tag=tag,
        entry=entry, append_signature=officer.sign(labels.APPEND, seen.origin, entry), officer=officer.handle, now=now,
        case_key=key,
    )  # fmt: skip


def _require_refused(known: Iterable[Chain], offer: CustodyEvent) -> None:
    """After an offer a holding goes on only once its refusal is here: else two agencies could accept one exhibit."""
    answers = [one.events[0].event for one in known if b64u(one.holding) == offer.body["to_holding"]]
    if not any((one.action, one.prev) == (REFUSED, offer.digest) for one in answers):
        raise CustodyBroken("the exhibit is offered to another agency that has not refused it")


def _own(db: Session, holding: bytes) -> list[OwnEvent]:
    return outbox.own_events(db, "holding", holding)


def own_holdings(db: Session, case_id: bytes, object_id: bytes) -> list[HoldingRow]:
    """Holdings of this agency of an exhibit, oldest first."""
    query = select(HoldingRow).where(HoldingRow.case_id == case_id, HoldingRow.object_id == object_id)
    return list(db.scalars(query.order_by(HoldingRow.started_at, HoldingRow.holding)))


def open_holding(db: Session, officer: OfficerSession, case_id: bytes, object_id: bytes) -> bytes:
    """The holding by which this agency has the exhibit now.

    Raises:
        NotFound: it is with another agency, or at its end.
    """
    for chain in chains(db, officer, case_id, object_id):
        if chain.agency == officer.agency and chain.check().is_open:
            return chain.holding
    raise NotFound("the exhibit is not with this agency now")


# ---- Holdings of others -----------------------------------------------------------------------------------------


def keep_received(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    statement: bytes,
    salt: bytes,
    log_index: int,
    *,
    log: str,
    now: int,
) -> CustodyEvent:
    """Keep an event of another agency's holding, whose signature and place in the log the caller has checked.

    Two events with one number are both kept: they are the proof of two writers.

    Raises:
        FormatError: not a custody event of this log.
    """
    key = case_key(db, officer, case_id)
    event = parse_custody_event(statement, log=log)
    if len(salt) != SALT_BYTES:
        raise FormatError("the salt of a custody event has another length")
    if db.get(ReceivedCustody, (event.digest, case_id)) is None:
        content = dump_json({"v": 1, "statement": b64u(statement), "salt": b64u(salt)})
        db.add(
            ReceivedCustody(
                digest=event.digest, case_id=case_id, holding=event.holding, object_id=event.object_id,
                number=event.number,
                content=seal_column(key, "received_custody", "content", event.digest, 1, content),
                log_index=log_index, kept_at=now,
            )
        )  # fmt: skip
        db.flush()
    return event


def chains(db: Session, officer: OfficerSession, case_id: bytes, object_id: bytes) -> list[Chain]:
    """Every holding of an exhibit that this desk knows, in order of custody."""
    key = case_key(db, officer, case_id)
    found: dict[bytes, list[Recorded]] = {}
    for row in own_holdings(db, case_id, object_id):
        for one in _own(db, row.holding):
            recorded = _recorded(outbox.read_statement(one, key), one.salt, one.log_index)
            found.setdefault(row.holding, []).append(recorded)
    query = select(ReceivedCustody).where(ReceivedCustody.case_id == case_id, ReceivedCustody.object_id == object_id)
    for received in db.scalars(query.order_by(ReceivedCustody.holding, ReceivedCustody.number)):
        if db.get(HoldingRow, received.holding) is not None:
            continue  # our own, as it came back
        raw = open_column(key, "received_custody", "content", received.digest, 1, received.content)
        value = parse_json(raw, max_bytes=LARGEST_BYTES)
        recorded = _recorded(unb64u(value["statement"]), unb64u(value["salt"]), received.log_index)
        found.setdefault(received.holding, []).append(recorded)
    made = [Chain(holding, object_id, events_[0].event.agency, tuple(events_)) for holding, events_ in found.items()]
    return sorted(made, key=_place)


def _recorded(statement: bytes, salt: bytes, log_index: int | None) -> Recorded:
    body = make_event(statement)
    return Recorded(body, statement, salt, log_index)


def make_event(statement: bytes) -> CustodyEvent:
    """A kept event; its log was compared when it was kept."""
    return parse_custody_event(statement, log=str(parse_statement(statement).value["log"]))


def _place(chain: Chain) -> tuple[int, int, bytes]:
    """Holdings in order of the log; one that is not in the log yet comes last."""
    index = chain.events[0].log_index
    return (1, 0, chain.holding) if index is None else (0, index, chain.holding)


def history(db: Session, officer: OfficerSession, case_id: bytes, object_id: bytes) -> list[HistoryLine]:
    """What was done with an exhibit, as far as this desk knows, in order of custody."""
    lines = []
    for chain in chains(db, officer, case_id, object_id):
        for one in chain.events:
            body = one.event.body
            lines.append(
                HistoryLine(
                    chain.holding, one.event.number, int(body["at"]), chain.agency, str(body["officer"]),
                    one.event.action, body["place"], body["reason"], body["seal"], body["to_agency"], one.log_index,
                )
            )  # fmt: skip
    return lines


def state(db: Session, officer: OfficerSession, case_id: bytes, object_id: bytes) -> str:
    """In words: `here`, `elsewhere`, `offered`, `ended`, `unknown`, or `broken` where two writers were seen."""
    found = chains(db, officer, case_id, object_id)
    if not found:
        return "unknown"
    if find_fork([one.event for chain in found for one in chain.events]) is not None:
        return "broken"
    try:
        holdings = [chain.check() for chain in found]
        holder = custodian(holdings)
    except CustodyBroken:
        return "broken"
    if holder is None:
        return "ended"
    own = next((one for one in holdings if one.agency == officer.agency and one.is_open), None)
    if own is not None and own.open_offer is not None:
        return "offered"
    return "here" if holder == officer.agency else "elsewhere"


def outputs(files: Iterable[tuple[bytes, bytes]]) -> list[dict[str, str]]:
    """Files with their SHA-256, as an event names them."""
    return [{"file": b64u(file), "sha256": b64u(digest)} for file, digest in sorted(files)]


def latest_outputs(events_: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What the newest event with outputs named."""
    return next((list(body["outputs"]) for body in reversed(events_) if body["outputs"]), [])
