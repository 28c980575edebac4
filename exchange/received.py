"""What has arrived at a desk, and how far its agency has come with each: for lists and counters, without opening."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto.header import parse_header, verify_header
from crypto.statements import parse_statement
from custody import outbox
from custody.models import OwnEvent
from errors import AmparoError, NotEntitled
from exchange import arrivals
from exchange.models import BundleEvent, StoredBundle
from exchange.office import Office
from exchange.reading import find_own_stanza

WAITING: Final = "waiting"
OPENED: Final = "opened"
ENDED: Final = "ended"
STAGES: Final = (WAITING, OPENED, ENDED)
RETURNED: Final = "returned"


@dataclass(frozen=True, slots=True)
class Received:
    """A bundle of another agency, as far as anybody at the desk may know.

    Attributes:
        stage: `waiting`, `opened` or `ended`.
        state: of the bundle, or `returned`.
        events: index of the newest event that was taken; who may open it changes with events alone.
    """

    bundle_id: bytes
    sender_agency: str
    stage: str
    state: str
    added_at: int
    events: int


def list_received(db: Session, agency: str) -> list[Received]:
    """Everything that arrived, newest first."""
    acts = _own_acts(db, agency)
    columns = (
        StoredBundle.bundle_id, StoredBundle.sender_agency, StoredBundle.state, StoredBundle.added_at,
        StoredBundle.events_after,
    )  # fmt: skip
    query = select(*columns).where(StoredBundle.direction == "in")
    found = []
    for bundle_id, sender, state, added_at, events in db.execute(
        query.order_by(StoredBundle.added_at.desc(), StoredBundle.bundle_id)
    ):
        kinds = acts.get(bundle_id, frozenset())
        stage, shown = _stage(state, kinds)
        found.append(Received(bundle_id, sender, stage, shown, added_at, events))
    return found


def _stage(state: str, kinds: frozenset[str]) -> tuple[str, str]:
    if RETURNED in kinds:
        return ENDED, RETURNED
    if state != "arrived":
        return ENDED, state
    return (OPENED, state) if "opened" in kinds else (WAITING, state)


def _own_acts(db: Session, agency: str) -> Mapping[bytes, frozenset[str]]:
    """Whether this agency has opened or returned a bundle, also what still waits to be sent."""
    wanted = ("opened", RETURNED)
    query = select(BundleEvent.bundle_id, BundleEvent.kind).where(
        BundleEvent.agency == agency, BundleEvent.kind.in_(wanted)
    )
    found: dict[bytes, frozenset[str]] = {}
    pairs = [(bundle_id, kind) for bundle_id, kind in db.execute(query)]
    pairs += [pair for pair in _fresh(db, agency) if pair[1] in wanted]
    for bundle_id, kind in pairs:
        found[bundle_id] = found.get(bundle_id, frozenset()) | {kind}
    return found


def _fresh(db: Session, agency: str) -> list[tuple[bytes, str]]:
    """Own events on bundles that were not taken back from the broker yet: on their way, or just logged."""
    taken = select(BundleEvent.log_index).where(
        BundleEvent.bundle_id == OwnEvent.object_id, BundleEvent.agency == agency, BundleEvent.number == OwnEvent.number
    )
    query = select(OwnEvent).where(
        OwnEvent.object_kind == "bundle", OwnEvent.state.in_((outbox.WAITING, outbox.LOGGED)), ~taken.exists()
    )
    return [(event.object_id, str(parse_statement(event.statement).value["kind"])) for event in db.scalars(query)]


def returned_by(db: Session, bundle_id: bytes, agency: str) -> str | None:
    """The officer of this agency who has returned a bundle; None when nobody has."""
    return _doer(db, bundle_id, agency, RETURNED)


def opened_by(db: Session, bundle_id: bytes, agency: str) -> str | None:
    """The officer of this agency who opened a bundle first; None when nobody has."""
    return _doer(db, bundle_id, agency, "opened")


def _doer(db: Session, bundle_id: bytes, agency: str, kind: str) -> str | None:
    statements = [one.statement for one in arrivals.list_events(db, bundle_id, kind) if one.agency == agency]
    statements += [
        event.statement
        for event in outbox.own_events(db, "bundle", bundle_id)
        if event.state in (outbox.WAITING, outbox.LOGGED)
    ]  # fmt: skip
    bodies: list[Mapping[str, Any]] = [parse_statement(one).value for one in statements]
    return next((str(body["officer"]) for body in bodies if body["kind"] == kind), None)


def is_for(office: Office, officer: OfficerSession, bundle_id: bytes) -> bool:
    """Whether this officer's key opens a stanza of the bundle, by header, addendum or hand-on.

    It takes a trial for each stanza: callers remember the answer until another event comes.
    """
    with office.files.session() as db:
        row = arrivals.get_stored(db, bundle_id)
        try:
            find_own_stanza(db, office, officer, verify_header(row.header, row.signature), row)
        except NotEntitled:
            return False
        except AmparoError:
            return True  # it is hers to see that something is wrong with it
        return True


def size_of(db: Session, bundle_id: bytes) -> int:
    """Bytes of the sealed content, as the broker sees them."""
    return parse_header(arrivals.get_stored(db, bundle_id).header).padded_bytes
