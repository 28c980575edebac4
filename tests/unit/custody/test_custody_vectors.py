"""Events, chains and handovers of tests/vectors/custody.json and handovers.json."""

from collections.abc import Sequence
from typing import Any

from crypto.encoding import unb64u
from custody import holdings
from custody.holdings import ACCEPTED, CustodyEvent, parse_custody_event
from evidence.pack_custody import Chain, verify_links
from tests.support.vectors import Run, Vector, check, directory_of, each

LOG = "log.example/2026"


def parse(texts: Sequence[str]) -> list[CustodyEvent]:
    return [parse_custody_event(unb64u(one), log=LOG) for one in texts]


def read_event(vector: Vector) -> Any:
    (event,) = parse([vector.given["statement"]])
    assert event.statement.dump() == unb64u(vector.given["statement"])
    names = ("agency", "officer", "number", "action", "holding", "object", "prev")
    return {name: event.body[name] for name in names}


def check_signature(vector: Vector) -> Any:
    (event,) = parse([vector.given["statement"]])
    holdings.verify_signature(event, directory_of(LOG, vector.given["members"]).signing_key)
    return {"officer": event.body["officer"]}


def check_chain(vector: Vector) -> Any:
    found = holdings.check_chain(parse(vector.given["statements"]))
    return {
        "agency": found.agency, "length": len(found.events), "open": found.is_open, "head": found.head.digest
    }  # fmt: skip


def check_handover(vector: Vector) -> Any:
    giver, receiver = (holdings.check_chain(parse(vector.given[side])) for side in ("giver", "receiver"))
    holdings.check_handover(giver, receiver)
    return {"accepted": receiver.first.action == ACCEPTED}


def find_custodian(vector: Vector) -> Any:
    return {"custodian": holdings.custodian([holdings.check_chain(parse(one)) for one in vector.given["holdings"]])}


def find_writers(vector: Vector) -> Any:
    events = parse(vector.given["statements"])
    found = holdings.find_fork(events)
    return {"places": None if found is None else [events.index(one) for one in found]}


def follow_links(vector: Vector) -> None:
    chains: dict[bytes, Chain] = {}
    for holding in vector.given["holdings"]:
        events = parse([text for _, text in holding])
        chain = Chain(events[0].holding, events[0].object_id, events[0].agency)
        for (index, _), event in zip(holding, events, strict=True):
            chain.take(event, index)
        chains[chain.holding] = chain
    verify_links(chains)


FORMS: dict[str, Run] = {
    "event": read_event,
    "signature": check_signature,
    "chain": check_chain,
    "handover": check_handover,
    "links": follow_links,
    "custodian": find_custodian,
    "two-writers": find_writers,
}


@each("custody.json")
def test_custody_vectors(vector: Vector) -> None:
    """A chain of custody is worth what the strictest reader of the other side takes."""
    check(vector, FORMS)


@each("handovers.json")
def test_handover_vectors(vector: Vector) -> None:
    """Both sides of a handover must read the same custodian out of the same holdings."""
    check(vector, FORMS)
