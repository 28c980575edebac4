"""The content of the printed custody statement: words, order and the picture's measures, but no HTML.

The statement restates signed events for a reader on paper. It proves nothing by itself: `amparo verify`
checks the events from which it was made. `desk/printing.py` sets it on paper.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

PICTURE_WIDTH, LABEL_WIDTH, LANE_HEIGHT, TOP_HEIGHT = 660, 170, 40, 26
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip

# What a reader on paper is told for each action of docs/protocol.md 8.
ACTION_WORDS = {
    "seize": "Seized",
    "receive": "Received",
    "transfer": "Moved",
    "seal": "Sealed",
    "unseal": "Seal opened",
    "reseal": "Sealed again",
    "acquire": "Data acquired",
    "extract": "Data extracted",
    "examine": "Examined",
    "copy": "Copied",
    "derive": "New file made from it",
    "redact": "Parts removed for disclosure",
    "view": "Viewed",
    "export": "Exported",
    "disclose": "Disclosed",
    "return": "Returned",
    "destroy": "Destroyed",
    "handover-offered": "Offered to another agency",
    "handover-accepted": "Accepted from another agency",
    "handover-refused": "Handover refused",
    "handover-closed": "Handover completed",
    "correction": "Correction of an earlier entry",
    "pack-built": "Put into an evidence pack",
}


class ProofState(Enum):
    """How far the proof of an entry has come, in the order of the desk's pages."""

    SIGNED = "signed"
    LOGGED = "logged"
    CONFIRMED = "confirmed"
    NOT_PROVEN = "not-proven"
    MISMATCH = "mismatch"


def proof_words(state: ProofState, confirmed: int = 0, agencies: int = 0) -> str:
    """The words for a proof state; the same stand on the desk's pages."""
    return {
        ProofState.SIGNED: "Signed",
        ProofState.LOGGED: "Logged, waits for confirmation",
        ProofState.CONFIRMED: f"Confirmed by {confirmed} of {agencies} agencies",
        ProofState.NOT_PROVEN: "Not proven",
        ProofState.MISMATCH: "Does not match",
    }[state]


def time_words(at: int) -> str:
    """Seconds of POSIX time as `12 October 2026, 14:05 UTC`."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M} UTC"


def size_words(size_bytes: int) -> str:
    """A size as people write it, and exactly: `1.2 MB (1 234 567 bytes)`."""
    exact = f"{size_bytes:,}".replace(",", " ")
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit} ({exact} bytes)"
    return f"{exact} bytes"


@dataclass(frozen=True, slots=True)
class StatementEvent:
    """One signed event, as the statement shows it; texts are empty where the event says nothing."""

    number: int
    at: int
    agency: str
    officers: tuple[str, ...]
    action: str
    place: str = ""
    reason: str = ""
    tool: str = ""
    seal: str = ""
    corrects: int | None = None
    index: int | None = None
    proof: str = ""

    @property
    def when(self) -> str:
        """Date in full, with zone."""
        return time_words(self.at)

    @property
    def what(self) -> str:
        """The action in words; a correction names the entry that it corrects."""
        words = ACTION_WORDS.get(self.action, self.action)
        return words if self.corrects is None else f"{words} (number {self.corrects})"


@dataclass(frozen=True, slots=True)
class StatementHolding:
    """One agency's chain of events for an exhibit.

    Attributes:
        holding: id in hexadecimal digits.
        came_from: id of the giver's holding, or None when the chain begins here.
        is_open: the agency holds the exhibit to this day.
        note: what is not known about this chain, or empty.
    """

    holding: str
    agency: str
    events: tuple[StatementEvent, ...]
    came_from: str | None = None
    is_open: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class StatementFile:
    """One file of an exhibit; `origin` says in words where its digest is proven."""

    path: str
    size_bytes: int
    sha256: str
    media_type: str
    origin: str

    @property
    def size(self) -> str:
        """The size in words."""
        return size_words(self.size_bytes)


@dataclass(frozen=True, slots=True)
class Bar:
    """A holding in the picture: from the first event to the last, or to the edge while it is open."""

    agency: str
    x: float
    y: float
    width: float
    marks: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class HandoverMark:
    """A handover in the picture; full with both signatures, else open."""

    x: float
    y_from: float
    y_to: float
    is_full: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The measures of the picture, in units of its own box; the template draws it."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    handovers: tuple[HandoverMark, ...]
    begins: str
    ends: str
    description: str


@dataclass(frozen=True, slots=True)
class StatementExhibit:
    """One exhibit with its files and all chains of its custody that the pack holds."""

    number: int
    local_number: str
    root_number: str
    description: str
    files: tuple[StatementFile, ...]
    holdings: tuple[StatementHolding, ...]
    note: str = ""

    @property
    def timeline(self) -> Timeline:
        """The picture of who held the exhibit, and when."""
        return lay_out_timeline(self.holdings)


@dataclass(frozen=True, slots=True)
class CustodyStatement:
    """Everything that is printed; the same content gives the same page."""

    pack: str
    agency: str
    case: str
    made_at: int
    log: str
    checkpoint_size: int
    checkpoint_root: str
    proof: str
    exhibits: tuple[StatementExhibit, ...]
    gaps: tuple[str, ...]
    disclosed: tuple[str, ...] = ()

    @property
    def made(self) -> str:
        """Date in full, with zone."""
        return time_words(self.made_at)


def lay_out_timeline(holdings: Sequence[StatementHolding]) -> Timeline:
    """One lane for each holding, bars by time, a mark for each event, a line for each handover."""
    moments = [event.at for holding in holdings for event in holding.events] or [0]
    first, last = min(moments), max(moments)
    room = PICTURE_WIDTH - LABEL_WIDTH - 16

    def across(at: int) -> float:
        return round(LABEL_WIDTH + room * ((at - first) / (last - first) if last > first else 0.5), 1)

    bars: list[Bar] = []
    lanes: dict[str, int] = {}
    for lane, holding in enumerate(holdings):
        lanes[holding.holding] = TOP_HEIGHT + lane * LANE_HEIGHT
        marks = tuple(across(event.at) for event in holding.events)
        begin, end = min(marks, default=LABEL_WIDTH), max(marks, default=LABEL_WIDTH)
        edge = PICTURE_WIDTH - 8 if holding.is_open else end
        bars.append(Bar(holding.agency, begin, lanes[holding.holding], round(max(edge - begin, 4), 1), marks))
    return Timeline(
        PICTURE_WIDTH,
        TOP_HEIGHT + len(holdings) * LANE_HEIGHT + 10,
        tuple(bars),
        tuple(_handovers(holdings, lanes, across)),
        time_words(first),
        time_words(last),
        _describe(holdings),
    )


def _handovers(
    holdings: Sequence[StatementHolding], lanes: dict[str, int], across: Callable[[int], float]
) -> Iterator[HandoverMark]:
    for holding in holdings:
        if holding.came_from not in lanes or not holding.events:
            continue
        begun = holding.events[0]
        middle = LANE_HEIGHT // 2 - 4
        y_from, y_to = lanes[holding.came_from] + middle, lanes[holding.holding] + middle
        yield HandoverMark(across(begun.at), y_from, y_to, begun.action == "handover-accepted")


def _describe(holdings: Sequence[StatementHolding]) -> str:
    """The picture in one sentence, for those who do not see it."""
    parts = []
    for holding in holdings:
        if holding.events:
            span = f"from {holding.events[0].when}"
            span += " to this day" if holding.is_open else f" to {holding.events[-1].when}"
            parts.append(f"{holding.agency} {span}")
    return "Held by " + "; then by ".join(parts) + "." if parts else "No entry of custody."
