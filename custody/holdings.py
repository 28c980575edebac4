"""One chain of signed events per holder of an exhibit; handover by two signatures (docs/protocol.md 8)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from crypto import labels
from crypto.digests import DIGEST_BYTES, sha256
from crypto.encoding import b64u, unb64u
from crypto.header import AGENCY, IDENTIFIER_BYTES, ROLE_HANDLE
from crypto.statements import Statement, parse_statement, verify_statement
from custody.entries import TAG_BYTES
from custody.events import LATEST, MOST_NUMBER, is_version, parse_seen
from errors import CustodyBroken, FormatError, NotPermitted

OWN_ACTIONS: Final = (
    "seize", "receive", "transfer", "seal", "unseal", "reseal", "acquire", "extract", "examine", "copy", "derive",
    "redact", "view", "export", "disclose", "return", "destroy", "correction", "pack-built",
)  # fmt: skip
OFFERED: Final = "handover-offered"
ACCEPTED: Final = "handover-accepted"
REFUSED: Final = "handover-refused"
CLOSED: Final = "handover-closed"
ACTIONS: Final = (*OWN_ACTIONS, OFFERED, ACCEPTED, REFUSED, CLOSED)
CORRECTION: Final = "correction"
PACK_BUILT: Final = "pack-built"
ENDING: Final = ("destroy", "return")
LONGEST_TEXT: Final = 2000
_COMMON: Final = {"v", "kind", "log", "agency", "officer", "number", "tag", "at", "checkpoint"}
_OWN: Final = {
    "holding", "object", "prev", "action", "place", "reason", "tool", "inputs", "outputs", "seal", "supersedes",
    "to_agency", "to_holding", "counterpart", "length", "pack_digest",
}  # fmt: skip
MEMBERS: Final = frozenset(_COMMON | _OWN)
# Members that are given in one action and null in every other (docs/protocol.md 8).
_OF_ONE_ACTION: Final = {
    "to_agency": OFFERED, "to_holding": OFFERED, "counterpart": CLOSED, "supersedes": CORRECTION, "length": PACK_BUILT,
    "pack_digest": PACK_BUILT,
}  # fmt: skip

SignerKey = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class CustodyEvent:
    """A parsed event of a holding."""

    statement: Statement
    body: Mapping[str, Any] = field(repr=False)

    @property
    def holding(self) -> bytes:
        return unb64u(self.body["holding"], IDENTIFIER_BYTES)

    @property
    def object_id(self) -> bytes:
        return unb64u(self.body["object"], IDENTIFIER_BYTES)

    @property
    def number(self) -> int:
        return int(self.body["number"])

    @property
    def action(self) -> str:
        return str(self.body["action"])

    @property
    def agency(self) -> str:
        return str(self.body["agency"])

    @property
    def prev(self) -> bytes | None:
        return None if self.body["prev"] is None else unb64u(self.body["prev"], DIGEST_BYTES)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the statement: what the next event names as `prev`."""
        return sha256(self.statement.dump())


def event_body(common: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """Body of a custody event; members that are not given are null.

    Raises:
        FormatError: an unknown member.
    """
    if not set(members) <= _OWN:
        raise FormatError("a custody event has no such member")
    empty: dict[str, Any] = dict.fromkeys(_OWN)
    return {**common, **empty, "inputs": [], "outputs": [], **members, "kind": "custody"}


def parse_custody_event(data: bytes, *, log: str) -> CustodyEvent:
    """Read an event of a holding strictly. Signatures and place in the chain are checked by the functions below.

    Raises:
        FormatError
    """
    statement = parse_statement(data)
    body = statement.value
    if set(body) != MEMBERS or not is_version(body["v"]) or body["kind"] != "custody" or body["log"] != log:
        raise FormatError("not a custody event of this log")
    if body["action"] not in ACTIONS:
        raise FormatError("a custody event with an unknown action")
    unb64u(body["holding"], IDENTIFIER_BYTES)
    unb64u(body["object"], IDENTIFIER_BYTES)
    unb64u(body["tag"], TAG_BYTES)
    for name, size in (("prev", 32), ("to_holding", IDENTIFIER_BYTES), ("counterpart", 32), ("pack_digest", 32)):
        if body[name] is not None:
            unb64u(body[name], size)
    _check_texts(body)
    parse_seen(log, body["checkpoint"])
    _check_action(body)
    return CustodyEvent(statement, body)


def _check_texts(body: Mapping[str, Any]) -> None:
    if not isinstance(body["agency"], str) or not AGENCY.match(body["agency"]):
        raise FormatError("a custody event names an agency")
    if not isinstance(body["officer"], str) or not ROLE_HANDLE.match(body["officer"]):
        raise FormatError("a custody event names an officer by role handle")
    for name, most in (("number", MOST_NUMBER), ("at", LATEST)):
        if not _is_count(body[name]) or body[name] > most:
            raise FormatError("a number of the custody event is out of range")
    for name in ("place", "reason", "seal", "to_agency"):
        if body[name] is not None and (not isinstance(body[name], str) or len(body[name]) > LONGEST_TEXT):
            raise FormatError("a text of the custody event is too long")
    for name in ("supersedes", "length"):
        if body[name] is not None and not _is_count(body[name]):
            raise FormatError("a number of the custody event is out of range")
    if body["to_agency"] is not None and not AGENCY.match(body["to_agency"]):
        raise FormatError("a custody event names an agency")
    if body["tool"] is not None and not _is_tool(body["tool"]):
        raise FormatError("a tool has a name and a version")
    for name in ("inputs", "outputs"):
        _check_files(body[name])


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_tool(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"name", "version"}:
        return False
    return all(isinstance(text, str) and len(text) <= LONGEST_TEXT for text in value.values())


def _check_files(value: Any) -> None:
    if not isinstance(value, list):
        raise FormatError("inputs and outputs are lists")
    for one in value:
        if not isinstance(one, dict) or set(one) != {"file", "sha256"}:
            raise FormatError("inputs and outputs name file and digest")
        unb64u(one["file"], IDENTIFIER_BYTES)
        unb64u(one["sha256"], DIGEST_BYTES)


def _check_action(body: Mapping[str, Any]) -> None:
    for name, action in _OF_ONE_ACTION.items():
        if (body[name] is not None) != (body["action"] == action):
            raise FormatError(f"a custody event names {name} exactly in the action {action}")
    if body["action"] == CORRECTION and body["supersedes"] >= body["number"]:
        raise FormatError("a correction is of an earlier event of its holding")
    if body["action"] == PACK_BUILT and body["length"] != body["number"]:
        raise FormatError("a pack is built of all events before its own")
    begins = body["number"] == 0 and body["action"] not in (ACCEPTED, REFUSED)
    if (body["prev"] is None) != begins:
        raise FormatError("a custody event names the statement before it, and the first one a giver's offer or nothing")


def verify_signature(event: CustodyEvent, signer_key: SignerKey) -> None:
    """Check that the named officer, of the named agency, signed.

    Raises:
        SignatureInvalid, FormatError
    """
    if event.statement.signers != (event.body["officer"],):
        raise FormatError("a custody event is signed by the officer it names, and by nobody else")
    if not str(event.body["officer"]).startswith(event.agency + "/"):
        raise FormatError("the officer is of another agency than the event")
    verify_statement(event.statement, labels.EVENT_SIGNATURE, signer_key)


@dataclass(frozen=True, slots=True)
class Holding:
    """A checked chain: what one agency did with an exhibit while it had it."""

    events: tuple[CustodyEvent, ...]

    @property
    def first(self) -> CustodyEvent:
        return self.events[0]

    @property
    def head(self) -> CustodyEvent:
        return self.events[-1]

    @property
    def agency(self) -> str:
        return self.first.agency

    @property
    def is_refused(self) -> bool:
        """Whether the receiver did not take the exhibit."""
        return self.first.action == REFUSED

    @property
    def is_open(self) -> bool:
        """Whether the agency still has the exhibit by its own record."""
        return not self.is_refused and self.head.action not in (CLOSED, *ENDING)

    @property
    def open_offer(self) -> CustodyEvent | None:
        """The offer that still waits for the other side."""
        return self.head if self.head.action == OFFERED else None


def check_chain(events: Sequence[CustodyEvent]) -> Holding:
    """Check one holding: one exhibit, one agency, numbers from 0 without gaps, each event naming the one before.

    Raises:
        CustodyBroken: a gap, another order, two writers, or something after the end.
    """
    if not events:
        raise CustodyBroken("a holding has at least one event")
    start = events[0]
    before: Holding | None = None
    for number, event in enumerate(events):
        same = (event.holding, event.object_id, event.agency) == (start.holding, start.object_id, start.agency)
        if not same or event.number != number:
            raise CustodyBroken("the events of a holding are not numbered one by one")
        if number and event.prev != events[number - 1].digest:
            raise CustodyBroken("an event names another predecessor: two writers, or something is missing")
        require_next(before, event)
        before = Holding((start, event))  # first and last: all that the rules for the next one look at
    return Holding(tuple(events))


def require_next(holding: Holding | None, event: CustodyEvent) -> None:
    """Check that this event may follow.

    Raises:
        CustodyBroken
    """
    if holding is None:
        if event.action in (OFFERED, CLOSED, CORRECTION, PACK_BUILT):
            raise CustodyBroken("a holding begins with taking the exhibit in")
        return
    if event.action in (ACCEPTED, REFUSED):
        raise CustodyBroken("a handover is answered at the beginning of a new holding")
    if not holding.is_open:
        raise CustodyBroken("the holding has ended")
    if event.action == CLOSED and holding.open_offer is None:
        raise CustodyBroken("there is no offer to close")
    if event.action == PACK_BUILT and holding.open_offer is not None:
        raise CustodyBroken("no pack is built of what is offered to another agency")


def find_fork(events: Sequence[CustodyEvent]) -> tuple[CustodyEvent, CustodyEvent] | None:
    """Two different events with one holding and number: the proof of two writers."""
    seen: dict[tuple[bytes, int], CustodyEvent] = {}
    for event in events:
        other = seen.setdefault((event.holding, event.number), event)
        if other.digest != event.digest:
            return other, event
    return None


def check_handover(giver: Holding, receiver: Holding) -> None:
    """Check that two holdings are the two sides of one handover.

    Raises:
        CustodyBroken: the sides do not name each other, or seal or digests differ.
    """
    offer = next((event for event in giver.events if event.digest == receiver.first.prev), None)
    if offer is None or offer.action != OFFERED:
        raise CustodyBroken("the receiver's first event does not name the giver's offer")
    first = receiver.first
    named = (offer.body["to_agency"], offer.body["to_holding"]) == (receiver.agency, b64u(first.holding))
    if not named or first.object_id != offer.object_id:
        raise CustodyBroken("the offer was made to somebody else, or of another exhibit")
    after = next((event for event in giver.events if event.number == offer.number + 1), None)
    if first.action == ACCEPTED:
        if (first.body["seal"], first.body["outputs"]) != (offer.body["seal"], offer.body["outputs"]):
            raise CustodyBroken("seal or digests at the handover differ between the two sides")
        if after is not None and (after.action != CLOSED or after.body["counterpart"] != b64u(first.digest)):
            raise CustodyBroken("the giver closed the handover with another receipt")
    elif after is not None and after.action == CLOSED:
        raise CustodyBroken("the giver closed a handover that was refused")


def custodian(holdings: Sequence[Holding]) -> str | None:
    """The agency that has the exhibit: its holding is open and was accepted last; None when it is at its end.

    Raises:
        CustodyBroken: two agencies hold it by their records, or somebody accepted what was offered to another.
    """
    accepted = {
        (holding.first.prev, holding.agency, holding.first.holding)
        for holding in holdings
        if holding.first.action == ACCEPTED
    }
    current = [holding for holding in holdings if holding.is_open and _offered_to(holding) not in accepted]
    if len(current) > 1:
        raise CustodyBroken("two agencies hold the exhibit by their records")
    return current[0].agency if current else None


def _offered_to(holding: Holding) -> tuple[bytes, str, bytes] | None:
    offer = holding.open_offer
    if offer is None:
        return None
    return offer.digest, str(offer.body["to_agency"]), unb64u(offer.body["to_holding"], IDENTIFIER_BYTES)


def require_custodian(holdings: Sequence[Holding], agency: str) -> None:
    """Raise NotPermitted unless the agency holds the exhibit."""
    if custodian(holdings) != agency:
        raise NotPermitted("the exhibit is with another agency; ask its custodian")
