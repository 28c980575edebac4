"""The chains of custody inside a pack and the links between them (docs/protocol.md 8, 10.5).

The rules are those of `custody.holdings`. Here a chain is followed event by event, with the places of its events in
the log, and without keeping the events: a pack may hold very many.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crypto.digests import DIGEST_BYTES
from crypto.encoding import unb64u
from crypto.header import IDENTIFIER_BYTES
from custody.holdings import (
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


def outputs_of(event: CustodyEvent) -> list[tuple[bytes, bytes]]:
    """File id and SHA-256 of everything that the event says it yielded."""
    return [
        (unb64u(one["file"], IDENTIFIER_BYTES), unb64u(one["sha256"], DIGEST_BYTES)) for one in event.body["outputs"]
    ]


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
        outputs: SHA-256 digests that the chain records for each file id.
        offers: each `handover-offered` by its digest, with the event that follows it once there is one.
    """

    holding: bytes
    object_id: bytes
    agency: str
    first: Placed | None = None
    head: Placed | None = None
    digests: list[bytes] = field(default_factory=list)
    outputs: dict[bytes, set[bytes]] = field(default_factory=dict)
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
        for file, output in outputs_of(event):
            self.outputs.setdefault(file, set()).add(output)

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


def verify_links(chains: Mapping[bytes, Chain]) -> None:
    """Check each handover of which both sides are known: they name each other, and their order is the log's.

    Raises:
        CustodyBroken
    """
    givers = {digest: chain for chain in chains.values() for digest in chain.offers}
    for chain in chains.values():
        if chain.first is not None and chain.origin in givers:
            _verify_handover(givers[chain.origin], chain.first)
        for digest, (offer, *_) in chain.offers.items():
            taker = chains.get(unb64u(offer.event.body["to_holding"], IDENTIFIER_BYTES))
            if taker is not None and taker.origin != digest:
                raise CustodyBroken("a chain that was offered an exhibit begins in another way")


def _verify_handover(giver: Chain, taken: Placed) -> None:
    offer, *after = giver.offers[taken.event.prev or b""]
    side = Holding(tuple(one.event for one in (offer, *after)))
    check_handover(side, Holding((taken.event,)))
    if taken.index <= offer.index or any(one.index <= taken.index for one in after if _answers(one, taken)):
        raise CustodyBroken("offer, answer and close of a handover stand in another order in the log")


def _answers(closing: Placed, taken: Placed) -> bool:
    counterpart = closing.event.body["counterpart"]
    return counterpart is not None and unb64u(counterpart, DIGEST_BYTES) == taken.event.digest


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
