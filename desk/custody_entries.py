"""Custody of an exhibit as its page tells it: entries in the order of the log, the words for them, and the chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from custody.holdings import ACCEPTED, CLOSED, CORRECTION, ENDING, OFFERED, REFUSED
from desk.custody_chart import Bar, Mark
from evidence import holdings
from evidence.holdings import Chain, Recorded
from exchange.confirmations import Confirmations, Standing
from exchange.office import Office

# action: (words, symbol)
ACTIONS: Final[Mapping[str, tuple[Any, str]]] = {
    "seize": (_l("Seized"), "box-seam"),
    "receive": (_l("Received"), "box-seam"),
    "transfer": (_l("Moved, or given to another officer"), "arrow-left-right"),
    "seal": (_l("Sealed"), "lock"),
    "unseal": (_l("Seal opened"), "unlock"),
    "reseal": (_l("Sealed again"), "lock"),
    "acquire": (_l("Data acquired"), "hdd"),
    "extract": (_l("Data extracted"), "hdd"),
    "examine": (_l("Examined"), "search"),
    "copy": (_l("Copied"), "copy"),
    "derive": (_l("New file made from it"), "files"),
    "redact": (_l("Parts removed for disclosure"), "eraser"),
    "view": (_l("Shown at the desk"), "eye"),
    "export": (_l("Exported as a file"), "download"),
    "disclose": (_l("Disclosed"), "people"),
    "return": (_l("Returned"), "box-arrow-right"),
    "destroy": (_l("Destroyed"), "trash"),
    OFFERED: (_l("Offered to another agency"), "arrow-left-right"),
    ACCEPTED: (_l("Accepted from another agency"), "arrow-left-right"),
    REFUSED: (_l("Handover refused"), "x-octagon"),
    CLOSED: (_l("Handover completed"), "check-circle"),
    CORRECTION: (_l("Correction of an earlier entry"), "pencil-square"),
    "pack-built": (_l("Put into an evidence pack"), "archive"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One signed line of the record.

    Attributes:
        serial: its number on the page, from 1, in the order of the log.
        number: its number in its holding.
        corrects: serial of the entry that it corrects.
        corrected_by: serials of later corrections.
        waits: of a handover: signatures that are there, of two.
        is_own: of the open holding of this agency, so that it can be corrected here.
    """

    serial: int
    number: int
    at: int
    agency: str
    officer: str
    action: str
    place: str | None = field(repr=False)
    reason: str | None = field(repr=False)
    seal: str | None
    tool: str | None
    to_agency: str | None
    standing: Standing
    corrects: int | None = None
    corrected_by: tuple[int, ...] = ()
    waits: int | None = None
    is_own: bool = False
    log_index: int | None = None

    @property
    def words(self) -> str:
        """What was done."""
        if self.to_agency is not None:
            return str(_("Offered to %(agency)s", agency=self.to_agency))
        if self.corrects is not None:
            return str(_("Correction of entry %(n)d", n=self.corrects))
        found = ACTIONS.get(self.action)
        return self.action if found is None else str(found[0])

    @property
    def symbol(self) -> str:
        """Its sign on the page."""
        return ACTIONS[self.action][1] if self.action in ACTIONS else "circle"

    @property
    def tone(self) -> str:
        """Colour of its dot."""
        if self.waits == 1:
            return "warn"
        return "ok" if self.action in ("seize", "receive", ACCEPTED) else ""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that the page tells of the custody.

    Attributes:
        entries: newest first.
        offer: the own offer that waits for an answer.
    """

    entries: tuple[Entry, ...]
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    offer: Entry | None = None

    @property
    def proven(self) -> int:
        """How many entries are confirmed."""
        return sum(one.standing.state == "confirmed" for one in self.entries)

    @property
    def is_wrong(self) -> bool:
        """Whether the log has something else in the place of an entry."""
        return any(one.standing.state == "wrong" for one in self.entries)


def tell(
    db: Session, office: Office, officer: OfficerSession, case_id: bytes, object_id: bytes, *, now: int
) -> Story:  # fmt: skip
    """The custody of an exhibit, as far as this desk knows it."""
    chains = holdings.chains(db, officer, case_id, object_id)
    proofs = Confirmations(db, office)
    placed = sorted(
        ((chain, one) for chain in chains for one in chain.events),
        key=lambda both: (both[1].log_index is None, both[1].log_index or 0, int(both[1].event.body["at"]),
                          both[1].event.number),
    )  # fmt: skip
    serials = {one.event.digest: serial for serial, (_chain, one) in enumerate(placed, 1)}
    answers = {chain.events[0].event.prev: chain.events[0].event for chain in chains if chain.events[0].event.prev}
    entries = []
    for chain, one in placed:
        offered = answers.get(one.event.digest)
        waits = None if one.event.action != OFFERED else 1 if offered is None else 2
        is_own = chain.agency == officer.agency and chain is _open(chains, officer)
        entries.append(_entry(chain, one, serials, proofs, waits if not _refused(offered) else None, is_own))
    offer = next((one for one in entries if one.waits == 1 and one.agency == officer.agency), None)
    return Story(tuple(reversed(entries)), tuple(_bars(chains, answers, now)), tuple(_marks(chains)), offer)


def _refused(event: Any) -> bool:
    return event is not None and event.action == REFUSED


def _open(chains: Sequence[Chain], officer: OfficerSession) -> Chain | None:
    last = [one for one in chains if one.agency == officer.agency]
    ends = (CLOSED, REFUSED, *ENDING)
    return last[-1] if last and last[-1].events[-1].event.action not in ends else None


def _entry(
    chain: Chain, one: Recorded, serials: Mapping[bytes, int], proofs: Confirmations, waits: int | None, is_own: bool
) -> Entry:  # fmt: skip
    body, number = one.event.body, one.event.number
    tool = body["tool"]
    later = tuple(
        serials[other.event.digest] for other in chain.events if other.event.body["supersedes"] == number
    )  # fmt: skip
    corrects = None if body["supersedes"] is None else serials[chain.events[body["supersedes"]].event.digest]
    return Entry(
        serials[one.event.digest], number, int(body["at"]), chain.agency, str(body["officer"]), one.event.action,
        body["place"], body["reason"], body["seal"],
        None if tool is None else " ".join(part for part in (tool["name"], tool["version"]) if part),
        body["to_agency"], proofs.of_event(one), corrects, later, waits,
        is_own and one.event.action in _CORRECTABLE, one.log_index,
    )  # fmt: skip


_CORRECTABLE: Final = frozenset(set(ACTIONS) - {CORRECTION, OFFERED, CLOSED, REFUSED, *ENDING, "pack-built"})


def _bars(chains: Sequence[Chain], answers: Mapping[bytes, Any], now: int) -> list[Bar]:
    found = []
    for chain in chains:
        first, last = chain.events[0].event, chain.events[-1].event
        if first.action != REFUSED:
            is_over = last.action in (CLOSED, *ENDING)
            answer = next(
                (answers[one.event.digest] for one in chain.events[::-1] if one.event.digest in answers), None
            )
            handed = answer if answer is not None and answer.action == ACCEPTED else None
            end = int((handed or last).body["at"]) if is_over or handed else now
            found.append(Bar(chain.agency, int(first.body["at"]), max(end, int(first.body["at"]))))
        if last.action == OFFERED and last.digest not in answers:
            found.append(Bar(str(last.body["to_agency"]), int(last.body["at"]), now, is_waiting=True))
    return found


def _marks(chains: Sequence[Chain]) -> list[Mark]:
    offers = {one.event.digest: one.event for chain in chains for one in chain.events if one.event.action == OFFERED}
    answered = set()
    found = []
    for chain in chains:
        first = chain.events[0].event
        offer = offers.get(first.prev or b"")
        if offer is not None:
            answered.add(offer.digest)
            if first.action == ACCEPTED:
                found.append(Mark(offer.agency, chain.agency, int(first.body["at"]), is_full=True))
    for digest, offer in offers.items():
        if digest not in answered:
            found.append(Mark(offer.agency, str(offer.body["to_agency"]), int(offer.body["at"]), is_full=False))
    return found
