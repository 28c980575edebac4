"""The chains of custody inside a pack and the links between them (docs/protocol.md 8, 10.5).

The rules are those of `custody.holdings`. Here a chain is followed event by event, with the places of its events in
the log, and without keeping the events: a pack may hold very many.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from crypto.digests import DIGEST_BYTES
from crypto.encoding import unb64u
from crypto.header import IDENTIFIER_BYTES
from custody.holdings import (
    CLOSED,
    OFFERED,
    CustodyEvent,
    Holding,
    check_handover,
    parse_custody_event,
    require_next,
)
from custody.proofs import parse_proof
from errors import CustodyBroken, PackNotReady
from evidence.pack_input import PackHolding


def _files(values: Iterable[Mapping[str, str]]) -> Iterator[tuple[bytes, bytes]]:
    """File id and SHA-256 of each of an event's inputs or outputs."""
    return ((unb64u(one["file"], IDENTIFIER_BYTES), unb64u(one["sha256"], DIGEST_BYTES)) for one in values)


@dataclass(frozen=True, slots=True)
class Placed:
    """An event and its index in the log."""

    event: CustodyEvent
    index: int


@dataclass(slots=True)
class Chain:
    """One holding, followed from its first event on.

    Attributes:
        digests: of the statements so far, in order.
        outputs: SHA-256 digests that the chain records for each file id as what an event yielded.
        inputs: the same for what an event was done with.
        offers: each `handover-offered` by its digest, with the event that follows it once there is one.
    """

    holding: bytes
    object_id: bytes
    agency: str
    first: Placed | None = None
    head: Placed | None = None
    digests: list[bytes] = field(default_factory=list)
    outputs: dict[bytes, set[bytes]] = field(default_factory=dict)
    inputs: dict[bytes, set[bytes]] = field(default_factory=dict)
    offers: dict[bytes, list[Placed]] = field(default_factory=dict)

    def take(self, event: CustodyEvent, index: int) -> None:
        """Follow the chain by one event whose signature and place in the log were checked.

        Raises:
            CustodyBroken: it is of another holding, or does not follow the event before it.
        """
        named = (event.holding, event.object_id, event.agency, event.number)
        where = f"number {len(self.digests)} of chain {self.holding.hex()}"
        if named != (self.holding, self.object_id, self.agency, len(self.digests)):
            raise CustodyBroken(f"{where} speaks of another chain, exhibit, agency or number")
        if self.head is not None:
            self._require_follows(event, index, where)
        else:
            require_next(None, event)
        placed = Placed(event, index)
        if self.head is not None and self.head.event.action == OFFERED:
            self.offers[self.digests[-1]].append(placed)
        digest = event.digest
        if event.action == OFFERED:
            self.offers[digest] = [placed]
        self.first, self.head = self.first or placed, placed
        self.digests.append(digest)
        for known, values in ((self.outputs, event.body["outputs"]), (self.inputs, event.body["inputs"])):
            for file, recorded in _files(values):
                known.setdefault(file, set()).add(recorded)

    def _require_follows(self, event: CustodyEvent, index: int, where: str) -> None:
        if self.head is None or event.prev != self.digests[-1]:
            raise CustodyBroken(f"{where} does not name the event before it")
        if index <= self.head.index:
            raise CustodyBroken(f"{where} stands in the log before the event that it follows")
        if self.is_closed:
            raise CustodyBroken(f"{where} comes after the end of the chain")
        require_next(self._ends, event)

    @property
    def _ends(self) -> Holding:
        """First and last event: all that the rules for the next one look at."""
        placed = [one for one in (self.first, self.head) if one is not None]
        return Holding(tuple(one.event for one in placed))

    @property
    def is_closed(self) -> bool:
        """Whether no further event may follow."""
        return not self._ends.is_open

    @property
    def waits(self) -> bool:
        """Whether the exhibit was offered to another agency that has not answered."""
        return self._ends.open_offer is not None

    @property
    def origin(self) -> bytes | None:
        """Digest of the giver's offer, when the chain begins with a handover."""
        return self.first.event.prev if self.first is not None else None

    def recorded(self, file: bytes) -> set[bytes]:
        """Every SHA-256 that an event of the chain gives for a file."""
        return self.outputs.get(file, set()) | self.inputs.get(file, set())


def verify_links(chains: Mapping[bytes, Chain], agency: str | None = None) -> None:
    """Check each handover of which both sides are known: they name each other, and their order is the log's.

    Args:
        agency: whose chains go on after an offer only where its refusal is shown: it has been there. Others may have
            gone on after a refusal that never came here.

    Raises:
        CustodyBroken
    """
    givers = {digest: chain for chain in chains.values() for digest in chain.offers}
    known = {digest for chain in chains.values() for digest in chain.digests}
    for chain in chains.values():
        if chain.first is not None and chain.origin in givers:
            _verify_handover(givers[chain.origin], chain.first)
        elif chain.origin in known:
            raise CustodyBroken("a chain begins with the answer to something that is no offer")
        for digest, (offer, *after) in chain.offers.items():
            taker = _taker(chains, offer)
            if taker is not None and taker.origin != digest:
                raise CustodyBroken("a chain that was offered an exhibit begins in another way")
            if chain.agency == agency and taker is None and any(one.event.action != CLOSED for one in after):
                raise CustodyBroken("a chain goes on after an offer whose refusal is not here")


def _verify_handover(giver: Chain, taken: Placed) -> None:
    offer, *after = giver.offers[taken.event.prev or b""]
    side = Holding(tuple(one.event for one in (offer, *after)))
    check_handover(side, Holding((taken.event,)))
    if taken.index <= offer.index or any(one.index <= taken.index for one in after):
        raise CustodyBroken("offer, answer and what follows stand in another order in the log")


def _taker(chains: Mapping[bytes, Chain], offer: Placed) -> Chain | None:
    return chains.get(unb64u(offer.event.body["to_holding"], IDENTIFIER_BYTES))


def unanswered(chains: Mapping[bytes, Chain]) -> Iterator[Placed]:
    """Offers to which no chain of the pack answers, in order of holding."""
    for _, chain in sorted(chains.items()):
        yield from (offer for offer, *_ in chain.offers.values() if _taker(chains, offer) is None)


def place_of(chain: Chain) -> int:
    """Where a chain begins in the log: the holdings of an exhibit stand in this order."""
    return chain.first.index if chain.first is not None else -1


def follow_chain(holding: PackHolding, log: str) -> Chain:
    """The chain of a holding, once its events follow each other; signatures are the verifier's matter.

    Raises:
        FormatError, CustodyBroken: what is given is not a chain of this log.
    """
    chain = Chain(holding.holding, holding.object_id, holding.agency)
    for event in holding.events:
        chain.take(parse_custody_event(event.statement, log=log), parse_proof(event.proof).index)
    if not chain.digests:
        raise PackNotReady("a holding without an entry has no place in a pack")
    return chain
