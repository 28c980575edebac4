"""Bundles that this agency sent, as its officers see them: what became of each, and who opened it and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import OfficerSession
from agencies.models import CaseKey
from crypto.encoding import unb64u
from crypto.header import Header, parse_header
from crypto.statements import parse_statement
from errors import NotFound
from exchange import arrivals, notes
from exchange.composition import Composition, parse_composition
from exchange.delivery import day_of
from exchange.models import BundleEvent, StoredBundle
from exchange.share_drafts import REASON

OUT: Final = "out"
# What is in the table: what the page calls it. The newest of these events decides for one that was sent.
_STATES: Final = {
    "sealed": "waiting", "depositing": "sending", "held": "held", "destroyed": "destroyed", "expired": "expired",
    "half-lost": "half-lost", "refused": "refused",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """One bundle.

    Attributes:
        state: waiting, sending, accepted, asked, opened, returned, held, destroyed, expired, half-lost, refused.
        made: what was composed; None where it is not kept here.
        reason: why more was sent than the purpose needs.
        deposited_at: POSIX seconds, out of the signed event; None before.
    """

    bundle_id: bytes
    case_id: bytes
    state: str
    added_at: int
    log_index: int | None
    deposited_at: int | None
    header: Header = field(repr=False)
    header_digest: bytes = field(repr=False)
    made: Composition | None = field(repr=False)
    reason: str = field(repr=False)

    @property
    def kind(self) -> str:
        """`share`, `inquiry` ...; a share where nothing is kept."""
        return self.made.kind if self.made else "share"

    @property
    def recipients(self) -> tuple[str, ...]:
        """Agencies that the header names besides the sender."""
        return tuple(one for one in self.header.agencies if one != self.header.sender_agency)


def count(db: Session, officer: OfficerSession) -> int:
    """How many bundles the officer's case teams have sent."""
    officer.require("case-read")
    own = cases.own_cases(officer)
    query = select(func.count()).select_from(StoredBundle)
    return int(db.scalar(query.where(StoredBundle.direction == OUT, StoredBundle.case_id.in_(own))) or 0)


def list_sent(
    db: Session, officer: OfficerSession, *, now: int, start: int = 0, most: int = 50, case_id: bytes | None = None
) -> list[Sent]:
    """Bundles of the officer's case teams, newest first.

    Args:
        start, most: which of them.
        case_id: of one case alone.
    """
    officer.require("share")
    officer.require("case-read")
    wanted = cases.own_cases(officer)
    if case_id is not None:
        wanted = wanted.where(CaseKey.case_id == case_id)
    query = (
        select(StoredBundle)
        .where(StoredBundle.direction == OUT, StoredBundle.case_id.in_(wanted))
        .order_by(StoredBundle.added_at.desc(), StoredBundle.bundle_id)
    )
    return [_sent(db, officer, row, now) for row in db.scalars(query.offset(start).limit(most))]


def get_sent(db: Session, officer: OfficerSession, bundle_id: bytes, *, now: int) -> Sent:
    """One bundle that was sent out of a case of the officer's team.

    Raises:
        NotFound: there is none; also one that came from elsewhere.
        NotPermitted: not on the case team.
    """
    officer.require("share")
    row = arrivals.get_stored(db, bundle_id)
    if row.direction != OUT or row.case_id is None:
        raise NotFound("there is no such bundle that was sent from here")
    cases.get_case(db, officer, row.case_id)
    return _sent(db, officer, row, now)


def _sent(db: Session, officer: OfficerSession, row: StoredBundle, now: int) -> Sent:
    case_id = row.case_id or b""
    made, reason = None, ""
    try:
        note = notes.note_of(db, officer, case_id, row.bundle_id)
    except NotFound:
        note = {}
    if note.get(notes.COMPOSITION) is not None:
        made, reason = parse_composition(unb64u(note[notes.COMPOSITION])), str(note.get(REASON, ""))
    events = arrivals.list_events(db, row.bundle_id)
    header = parse_header(row.header)
    return Sent(
        row.bundle_id, case_id, state_of(row, header, events, now=now), row.added_at, row.log_index,
        _deposited_at(events), header, row.header_digest, made, reason,
    )  # fmt: skip


def state_of(row: StoredBundle, header: Header, events: Sequence[BundleEvent], *, now: int) -> str:
    """What became of a bundle, as far as the log and the broker say."""
    if row.state in _STATES:
        return _STATES[row.state]
    if header.expires < day_of(now)[:7]:
        return "expired"
    kinds = {one.kind for one in events}
    if "opened" in kinds:
        return "opened"
    if "returned" in kinds:
        return "returned"
    return "asked" if "open-requested" in kinds else "accepted"


def _deposited_at(events: Sequence[BundleEvent]) -> int | None:
    found = next((one for one in events if one.kind == "deposited"), None)
    return None if found is None else int(parse_statement(found.statement).value["at"])


def consents_of(sent: Sent) -> tuple[bytes, ...]:
    """Consent records on which a bundle rests: by them alone it can be called back."""
    return sent.made.consents if sent.made else ()


def is_final(sent: Sent) -> bool:
    """Whether nothing can be opened any more, whatever is done."""
    return sent.state in ("destroyed", "expired", "refused")


def details_of(values: Any, name: str) -> str:
    """One member of an event's details, as text."""
    found = values.get(name)
    return found if isinstance(found, str) else ""
