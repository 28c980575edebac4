"""Custody of an exhibit: one chain per holder, handover by two signatures, nothing left out or put in."""

import random
from typing import Any

import pytest

from crypto import labels, signing
from crypto.encoding import b64u
from crypto.statements import make_statement
from custody import events, holdings
from custody.checkpoint import Checkpoint
from errors import CustodyBroken, FormatError, NotPermitted, SignatureInvalid

LOG = "log.example/amparo"
SEEN = Checkpoint(LOG, 3, bytes(32))


class Holder:
    """One agency's pen."""

    def __init__(self, agency: str, rng: random.Random, object_id: bytes) -> None:
        self.agency, self.officer = agency, f"{agency}/liaison-1"
        self.key = signing.SigningKey(rng.randbytes(32))
        self.rng, self.object_id = rng, object_id
        self.holding = rng.randbytes(16)
        self.chain: list[holdings.CustodyEvent] = []

    def write(self, action: str, *, keep: bool = True, **members: Any) -> holdings.CustodyEvent:
        prev = b64u(self.chain[-1].digest) if self.chain else None
        common = events.common(
            "custody", LOG, self.agency, self.officer, len(self.chain), self.rng.randbytes(16), 1_900_000_000, SEEN
        )
        given: dict[str, Any] = {"holding": b64u(self.holding), "object": b64u(self.object_id), "prev": prev}
        body = holdings.event_body(common, **{**given, "action": action, **members})
        statement = make_statement(body).signed_by(labels.EVENT_SIGNATURE, self.officer, self.key)
        event = holdings.parse_custody_event(statement.dump(), log=LOG)
        if keep:
            self.chain.append(event)
        return event

    def find_key(self, by: str) -> bytes | None:
        return self.key.public_key if by == self.officer else None


@pytest.fixture
def police(rng: random.Random) -> Holder:
    return Holder("north-police", rng, rng.randbytes(16))


@pytest.fixture
def court(rng: random.Random, police: Holder) -> Holder:
    return Holder("south-prosecutor", rng, police.object_id)


def hand_over(police: Holder, court: Holder, **changes: Any) -> None:
    police.write("seize", seal="S-1")
    offer = police.write("handover-offered", to_agency=court.agency, to_holding=b64u(court.holding), seal="S-1")
    taken = court.write("handover-accepted", **{"prev": b64u(offer.digest), "seal": "S-1", **changes})
    police.write("handover-closed", counterpart=b64u(taken.digest))


def test_a_chain_of_one_holder_is_read_and_its_signatures_count(police: Holder, court: Holder) -> None:
    for action in ("seize", "seal", "examine", "reseal"):
        event = police.write(action)
        holdings.verify_signature(event, police.find_key)
        with pytest.raises(SignatureInvalid):
            holdings.verify_signature(event, court.find_key)
    holding = holdings.check_chain(police.chain)
    assert holding.is_open and holding.agency == "north-police" and holding.head.action == "reseal"


def test_a_chain_with_something_left_out_reordered_or_put_in_is_refused(police: Holder, rng: random.Random) -> None:
    for action in ("seize", "seal", "examine", "reseal"):
        police.write(action)
    assert holdings.check_chain(police.chain)
    one, two, three, four = police.chain
    for broken in ([two, three, four], [one, three, four], [one, three, two, four], [one, two, two, three], []):
        with pytest.raises(CustodyBroken):
            holdings.check_chain(broken)
    stranger = Holder("north-police", rng, police.object_id)
    with pytest.raises(CustodyBroken):
        holdings.check_chain([one, stranger.write("seize")])


def test_two_writers_on_one_holding_are_shown(police: Holder) -> None:
    police.write("seize")
    first = police.write("examine", keep=False)
    second = police.write("copy", keep=False)
    assert holdings.find_fork([*police.chain, first]) is None
    fork = holdings.find_fork([*police.chain, first, second])
    assert fork == (first, second)


def test_a_handover_is_two_signatures_and_moves_the_custodian(police: Holder, court: Holder) -> None:
    police.write("seize", seal="S-1")
    offer = police.write("handover-offered", to_agency=court.agency, to_holding=b64u(court.holding), seal="S-1")
    giving = holdings.check_chain(police.chain)
    assert holdings.custodian([giving]) == "north-police"
    taken = court.write("handover-accepted", prev=b64u(offer.digest), seal="S-1")
    taking = holdings.check_chain(court.chain)
    holdings.check_handover(giving, taking)
    assert holdings.custodian([giving, taking]) == "south-prosecutor"
    police.write("handover-closed", counterpart=b64u(taken.digest))
    giving = holdings.check_chain(police.chain)
    holdings.check_handover(giving, taking)
    holdings.require_custodian([giving, taking], "south-prosecutor")
    with pytest.raises(NotPermitted):
        holdings.require_custodian([giving, taking], "north-police")


@pytest.mark.parametrize("changes", [{"seal": "S-2"}, {"prev": b64u(bytes(32))}, {"object": b64u(bytes(16))}])
def test_a_handover_with_another_seal_offer_or_exhibit_is_refused(
    changes: dict[str, Any], police: Holder, court: Holder
) -> None:
    hand_over(police, court, **changes)
    with pytest.raises(CustodyBroken):
        holdings.check_handover(holdings.check_chain(police.chain), holdings.check_chain(court.chain))


def test_the_same_handover_unaltered_is_accepted(police: Holder, court: Holder) -> None:
    hand_over(police, court)
    holdings.check_handover(holdings.check_chain(police.chain), holdings.check_chain(court.chain))


def test_a_refused_handover_leaves_the_exhibit_where_it_was(police: Holder, court: Holder) -> None:
    police.write("seize")
    offer = police.write("handover-offered", to_agency=court.agency, to_holding=b64u(court.holding))
    court.write("handover-refused", prev=b64u(offer.digest), reason="the seal is broken")
    police.write("examine")
    chains = [holdings.check_chain(police.chain), holdings.check_chain(court.chain)]
    holdings.check_handover(*chains)
    assert holdings.custodian(chains) == "north-police"


def test_a_refused_handover_is_not_closed_as_if_it_had_been_accepted(police: Holder, court: Holder) -> None:
    """An exhibit that nobody has would be nobody's duty."""
    police.write("seize")
    offer = police.write("handover-offered", to_agency=court.agency, to_holding=b64u(court.holding))
    refusal = court.write("handover-refused", prev=b64u(offer.digest))
    police.write("handover-closed", counterpart=b64u(refusal.digest))
    with pytest.raises(CustodyBroken):
        holdings.check_handover(holdings.check_chain(police.chain), holdings.check_chain(court.chain))


def test_no_pack_is_built_of_what_is_offered_to_another_agency(police: Holder, court: Holder) -> None:
    police.write("seize")
    police.write("handover-offered", to_agency=court.agency, to_holding=b64u(court.holding))
    built = police.write("pack-built", keep=False, length=2, pack_digest=b64u(bytes(32)))
    with pytest.raises(CustodyBroken):
        holdings.check_chain([*police.chain, built])
    assert holdings.check_chain([*police.chain, police.write("correction", keep=False, supersedes=1)]).is_open


def test_nothing_follows_the_end_of_a_holding(police: Holder, court: Holder) -> None:
    hand_over(police, court)
    assert not holdings.check_chain(police.chain).is_open
    for action, members in (("examine", {}), ("pack-built", {"length": 3, "pack_digest": b64u(bytes(32))})):
        event = police.write(action, keep=False, **members)
        with pytest.raises(CustodyBroken):
            holdings.check_chain([*police.chain, event])


@pytest.mark.parametrize(
    ("action", "members"),
    [
        ("handover-closed", {"counterpart": b64u(bytes(32))}),
        ("handover-offered", {"to_agency": "x", "to_holding": b64u(bytes(16))}),
        ("pack-built", {"length": 0, "pack_digest": b64u(bytes(32))}),
    ],
)
def test_a_holding_does_not_begin_in_the_middle(action: str, members: dict[str, Any], police: Holder) -> None:
    event = police.write(action, **members)
    with pytest.raises(CustodyBroken):
        holdings.check_chain([event])


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("an unknown action", {"action": "lose"}),
        ("a correction of nothing", {"action": "correction"}),
        ("a pack without its digest", {"action": "pack-built", "length": 1}),
        ("an output without digest", {"outputs": [{"file": b64u(bytes(16))}]}),
        ("a text that is too long", {"reason": "x" * 2001}),
        ("a holding that is no id", {"holding": "AA"}),
        ("a correction of itself", {"action": "correction", "supersedes": 0}),
        ("a tool without version", {"tool": {"name": "imager"}}),
        ("a receiver that is no agency", {"to_agency": "Somebody"}),
        ("a length below zero", {"length": -1}),
        ("a version that is not a number", {"v": True}),
        ("a receiver where nothing is offered", {"to_agency": "west-court"}),
        ("a receiver's holding where nothing is offered", {"to_holding": b64u(bytes(16))}),
        ("a receipt where nothing is closed", {"counterpart": b64u(bytes(32))}),
        ("a number that is superseded by no correction", {"supersedes": 0}),
        ("a length where no pack is built", {"length": 0}),
        ("a pack's digest where none is built", {"pack_digest": b64u(bytes(32))}),
        ("a pack of another length", {"action": "pack-built", "length": 1, "pack_digest": b64u(bytes(32))}),
        ("an acceptance that names no offer", {"action": "handover-accepted"}),
        ("a refusal that names no offer", {"action": "handover-refused"}),
        ("a beginning that names a predecessor", {"prev": b64u(bytes(32))}),
        ("a later event that names none", {"number": 1}),
        ("a time beyond all clocks", {"at": 2**40 + 1}),
        ("a number beyond all chains", {"number": 2**31 + 1}),
    ],
)
def test_malformed_events_are_refused(claim: str, changes: dict[str, Any], police: Holder) -> None:
    assert police.write("seize", keep=False)
    with pytest.raises(FormatError):
        police.write(**{"action": "seize", "keep": False, **changes})


def test_an_event_of_another_log_is_refused(police: Holder) -> None:
    data = police.write("seize").statement.dump()
    assert holdings.parse_custody_event(data, log=LOG)
    with pytest.raises(FormatError):
        holdings.parse_custody_event(data, log="other.example")


def test_a_pack_is_built_on_an_open_holding_and_custody_goes_on(police: Holder) -> None:
    """The control of the test above: what is refused after the end is allowed before it."""
    police.write("seize")
    police.write("pack-built", length=1, pack_digest=b64u(bytes(32)))
    police.write("examine")
    assert holdings.check_chain(police.chain).is_open


def test_who_accepts_what_was_offered_to_another_does_not_become_custodian(
    police: Holder, court: Holder, rng: random.Random
) -> None:
    thief = Holder("east-police", rng, police.object_id)
    police.write("seize")
    offer = police.write("handover-offered", to_agency=court.agency, to_holding=b64u(court.holding))
    for taker in (thief, court):
        taker.write("handover-accepted", prev=b64u(offer.digest))
    giving = holdings.check_chain(police.chain)
    assert holdings.custodian([giving, holdings.check_chain(court.chain)]) == "south-prosecutor"
    with pytest.raises(CustodyBroken):
        holdings.custodian([giving, holdings.check_chain(thief.chain)])


def test_a_long_chain_is_checked(police: Holder) -> None:
    """The rules for the next event look at the first and the last one only."""
    police.write("seize")
    first = police.chain[0]
    for _ in range(300):
        police.write("view")
    assert holdings.check_chain(police.chain).first == first
