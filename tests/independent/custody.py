"""Custody: the events of each holding, and the handovers between holdings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .directory import Directory, Statement, read_statement
from .encoding import (
    AGENCY,
    HANDLE,
    Malformed,
    binary,
    choice,
    fields,
    integer,
    listing,
    nullable,
    pattern,
    refusing,
    require,
    sha256,
    shape,
    text,
)
from .notes import Checkpoint, prove

CODE = "pack-custody"
ACTIONS = (
    *("seize", "receive", "transfer", "seal", "unseal", "reseal", "acquire", "extract", "examine", "copy", "derive"),
    *("redact", "view", "export", "disclose", "return", "destroy", "correction", "pack-built"),
    *("handover-offered", "handover-accepted", "handover-refused", "handover-closed"),
)
LAST = ("handover-closed", "return", "destroy")
NOT_FIRST = ("correction", "pack-built", "handover-offered", "handover-closed")
RECEIVED = ("handover-accepted", "handover-refused")
_NEEDED = {
    "to_agency": "handover-offered",
    "to_holding": "handover-offered",
    "counterpart": "handover-closed",
    "length": "pack-built",
    "pack_digest": "pack-built",
    "supersedes": "correction",
}
_TEXT = text(2000)
_FILES = listing(shape({"file": binary(16), "sha256": binary(32)}))
COMMON = {
    "v": choice(1),
    "log": text(),
    "agency": pattern(AGENCY),
    "officer": pattern(HANDLE),
    "number": integer(0, 2**31),
    "tag": binary(16),
    "at": integer(0, 2**40),
    "checkpoint": shape({"size": integer(0), "root": binary(32)}),
}
_EVENT = shape(
    COMMON
    | {
        "kind": choice("custody"),
        "holding": binary(16),
        "object": binary(16),
        "prev": nullable(binary(32)),
        "action": choice(*ACTIONS),
        "place": nullable(_TEXT),
        "reason": nullable(_TEXT),
        "tool": nullable(shape({"name": _TEXT, "version": _TEXT})),
        "inputs": _FILES,
        "outputs": _FILES,
        "seal": nullable(_TEXT),
        "supersedes": nullable(integer(0)),
        "to_agency": nullable(pattern(AGENCY)),
        "to_holding": nullable(binary(16)),
        "counterpart": nullable(binary(32)),
        "length": nullable(integer(0)),
        "pack_digest": nullable(binary(32)),
    }
)


@dataclass(frozen=True)
class Event:
    """A custody event: its index in the log, the digest of its statement, its body."""

    index: int
    digest: bytes
    body: dict[str, Any]


def prove_event(files: dict[str, bytes], stem: str, tag: bytes, checkpoint: Checkpoint) -> int:
    """The index at which an event stands in the log."""
    statement, salt = files[stem + ".statement"], files[stem + ".salt"]
    with refusing("pack-log", stem):
        if len(salt) != 32:
            raise Malformed("salt has not 32 bytes")
        entry = b"\x02" + tag + sha256(fields("amparo/v1/event", salt, statement))
        return prove(files[stem + ".tlog-proof"], entry, checkpoint)


def _read_event(files: dict[str, bytes], stem: str, log: str) -> tuple[Statement, dict[str, Any]]:
    with refusing(CODE, stem):
        statement = read_statement(files[stem + ".statement"])
        body = _EVENT(statement.body)
        for name, action in _NEEDED.items():
            if (body[name] is not None) != (body["action"] == action):
                raise Malformed(f"{name} does not fit {body['action']}")
        if body["action"] == "pack-built" and body["length"] != body["number"]:
            raise Malformed("counts another length")
        if body["action"] == "correction" and body["supersedes"] >= body["number"]:
            raise Malformed("supersedes nothing before it")
        if (body["prev"] is None) != (body["number"] == 0 and body["action"] not in RECEIVED):
            raise Malformed("prev is null, or not, in the wrong place")
        if body["log"] != log:
            raise Malformed("of another log")
        return statement, body


def read_event(
    files: dict[str, bytes],
    stem: str,
    holding: dict[str, Any],
    earlier: list[Event],
    log: str,
    directory: Directory,
    checkpoint: Checkpoint,
) -> Event:
    """Check one event as the next of its holding: form, entry, proof, signatures, place in the chain."""
    statement, body = _read_event(files, stem, log)
    index = prove_event(files, stem, body["tag"], checkpoint)
    directory.check_event(statement, body["officer"], body["agency"], index)
    same = all(body[name] == holding[name] for name in ("agency", "holding", "object"))
    require(same, CODE, f"{stem} is of another agency, holding or object")
    require(body["number"] == len(earlier), CODE, f"{stem} has another number")
    if earlier:
        require(body["prev"] == earlier[-1].digest, CODE, f"{stem} does not follow the one before")
        require(index > earlier[-1].index, CODE, f"{stem} stands in the log before the one before")
        require(body["action"] not in RECEIVED, CODE, f"{stem} takes over what is held already")
        _check_after(stem, earlier, body["action"])
    else:
        require(body["action"] not in NOT_FIRST, CODE, f"{stem} begins in the middle")
    return Event(index, sha256(files[stem + ".statement"]), body)


def _check_after(stem: str, earlier: list[Event], action: str) -> None:
    """Refuse an event in a holding that takes none, or a closing without an offer."""
    ended = earlier[-1].body["action"] in LAST or earlier[0].body["action"] == "handover-refused"
    require(not ended, CODE, f"{stem} follows the end of its holding")
    offered = earlier[-1].body["action"] == "handover-offered"
    require(action != "handover-closed" or offered, CODE, f"{stem} closes what was not offered")
    require(action != "pack-built" or not offered, CODE, f"{stem}: a pack of what is offered to another")


def _check_state(holding: dict[str, Any], events: list[Event]) -> None:
    last, first = events[-1].body["action"], events[0].body["action"]
    ended = last in LAST or first == "handover-refused"
    if holding["state"] == "open":
        require(not ended and last != "handover-offered", CODE, "an open holding has ended or is offered")
    elif holding["state"] == "closed":
        require(ended, CODE, "a closed holding has not ended")


def _check_taken(event: Event, giver: Event) -> None:
    """A first event that came by handover, against the giver's offer."""
    offer, taken = giver.body, event.body
    require(offer["action"] == "handover-offered", CODE, "a handover was accepted that was not offered")
    named = offer["to_holding"] == taken["holding"] and offer["to_agency"] == taken["agency"]
    require(named and offer["object"] == taken["object"], CODE, "a handover was accepted by somebody else")
    require(giver.index < event.index, CODE, "a handover was accepted before it was offered")
    if taken["action"] == "handover-accepted":
        require(offer["seal"] == taken["seal"], CODE, "a handover with another seal than offered")
        require(offer["outputs"] == taken["outputs"], CODE, "a handover of other files than offered")


def _check_offer(offer: Event, following: Event | None, receiver: Event | None, own: bool) -> None:
    """An offer, against what the giver did next and the first event of the receiver where the pack has it."""
    closed = following is not None and following.body["action"] == "handover-closed"
    if receiver is None:
        require(not own or following is None or closed, CODE, "a holding goes on after an offer without its refusal")
        return
    require(receiver.body["prev"] == offer.digest, CODE, "a handover was accepted on another offer")
    if following is None:
        return
    require(receiver.index < following.index, CODE, "a holding goes on before its offer was answered")
    accepted = receiver.body["action"] == "handover-accepted"
    require(accepted == closed, CODE, "a handover closed, or not, against its answer")
    named = not closed or following.body["counterpart"] == receiver.digest
    require(named, CODE, "a handover closed with another counterpart")


def check_handovers(custody: dict[bytes, list[Event]], agency: str) -> None:
    """Hold both sides of every handover against each other, as far as the pack of this agency has both."""
    by_digest = {event.digest: event for events in custody.values() for event in events}
    for events in custody.values():
        giver = by_digest.get(events[0].body["prev"])
        if giver is not None:
            _check_taken(events[0], giver)
        for event, following in zip(events, [*events[1:], None], strict=True):
            if event.body["action"] == "handover-offered":
                received = custody.get(event.body["to_holding"])
                own = event.body["agency"] == agency
                _check_offer(event, following, received[0] if received else None, own)


def _check_order_of_custody(pack: dict[str, Any], custody: dict[bytes, list[Event]]) -> None:
    """The holdings of an exhibit stand in the order in which they begin in the log."""
    for exhibit in pack["exhibits"]:
        begins = [custody[holding][0].index for holding in exhibit["holdings"]]
        good = begins == sorted(set(begins))
        require(good, CODE, f"holdings of exhibit {exhibit['number']} are not in the order of custody")


def read_custody(
    files: dict[str, bytes], pack: dict[str, Any], directory: Directory, checkpoint: Checkpoint
) -> dict[bytes, list[Event]]:
    """All events under data/custody/, checked, by holding."""
    custody: dict[bytes, list[Event]] = {}
    for holding in pack["holdings"]:
        events: list[Event] = []
        for number in range(holding["length"]):
            stem = f"data/custody/{holding['holding'].hex()}/{number}"
            events.append(read_event(files, stem, holding, events, pack["log"], directory, checkpoint))
        _check_state(holding, events)
        custody[holding["holding"]] = events
    check_handovers(custody, pack["agency"])
    _check_order_of_custody(pack, custody)
    return custody


def check_pack_built(
    files: dict[str, bytes],
    pack: dict[str, Any],
    custody: dict[bytes, list[Event]],
    directory: Directory,
    sizes: tuple[int, Checkpoint],
) -> None:
    """The pack-built event of each open holding, against the checkpoint of pack-built/."""
    before, checkpoint = sizes
    for holding in pack["holdings"]:
        if holding["state"] != "open":
            continue
        stem = f"pack-built/{holding['holding'].hex()}"
        earlier = custody[holding["holding"]]
        event = read_event(files, stem, holding, earlier, pack["log"], directory, checkpoint)
        require(event.body["action"] == "pack-built", CODE, f"{stem} is of another action")
        require(event.body["pack_digest"] == sha256(files["pack.json"]), CODE, f"{stem} names another pack.json")
        require(event.index >= before, CODE, f"{stem} stands in the log before data/checkpoint")
