"""A handover between two desks: the documents that travel with the exhibit, checked on both sides (protocol 8).

A document is canonical JSON {v: 1, kind: "handover", events: [{statement, salt}]}: the giver's holding up to the offer,
or the first event of the receiver's. It goes along with the exhibit; everything in it stands in the log already.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto.encoding import b64u, dump_json, parse_json
from crypto.header import is_version
from custody.holdings import CustodyEvent
from custody.models import OwnEvent
from errors import Conflict, FormatError, PackNotReady
from evidence import exhibits, handover, holdings, intake
from exchange import filing, prohibitions, restoring
from exchange.adopting import keep_event
from exchange.office import Office
from exchange.sync import push_outbox

LARGEST_BYTES: Final = 16 * 2**20
MOST_EVENTS: Final = 10_000


def offer(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    object_id: bytes,
    to_agency: str,
    *,
    seal: str | None,
    place: str,
    reason: str,
    now: int,
) -> None:
    """Offer an exhibit to another agency; `offer_document` gives the document once the log has the offer.

    Raises:
        FlagForbids: it came in a bundle with a flag that forbids to pass it on to that agency.
        Unavailable: it came in a bundle, and the broker cannot be asked for its newest flags.
    """
    prohibitions.require_exhibit_onward(office, officer, case_id, object_id, to_agency, now=now)
    with office.files.session() as db:
        office.require_known(db, to_agency)
        restoring.require_whole(db, officer, case_id, object_id)
        _require_no_ground(db, officer, case_id, object_id)
        handover.offer(
            db, officer, case_id, object_id, to_agency, seal=seal, place=place, reason=reason, seen=office.seen(db),
            now=now,
        )  # fmt: skip
    push_outbox(office, now=now)


def _require_no_ground(db: Session, officer: OfficerSession, case_id: bytes, object_id: bytes) -> None:
    """What is kept past an order to delete goes to nobody else."""
    for item in filing.list_filed(db, officer, case_id):
        if item.object_id == object_id:
            filing.require_readable(db, item, None)


def offer_document(office: Office, officer: OfficerSession, case_id: bytes, object_id: bytes) -> bytes:
    """The document that goes along with an offered exhibit.

    Raises:
        PackNotReady: the log does not have the offer yet; sync first.
        NotFound: the exhibit is not offered by this agency.
    """
    with office.files.session() as db:
        holding = holdings.open_holding(db, officer, case_id, object_id)
        chain = next(one for one in holdings.chains(db, officer, case_id, object_id) if one.holding == holding)
    if chain.check().open_offer is None:
        raise Conflict("this exhibit is not offered to anybody")
    return _document(chain.events)


def _document(events: Sequence[holdings.Recorded]) -> bytes:
    if any(one.log_index is None for one in events):
        raise PackNotReady("the log does not have this yet; sync, then write the document")
    return dump_json(
        {
            "v": 1,
            "kind": "handover",
            "events": [{"statement": b64u(one.statement), "salt": b64u(one.salt)} for one in events],
        }
    )


def parse_document(data: bytes) -> list[dict[str, Any]]:
    """The events of a handover document.

    Raises:
        FormatError
    """
    value = parse_json(data, max_bytes=LARGEST_BYTES)
    if not isinstance(value, dict) or set(value) != {"v", "kind", "events"} or value["kind"] != "handover":
        raise FormatError("this is not a handover document")
    events = value["events"]
    if not is_version(value["v"]) or not isinstance(events, list) or not 0 < len(events) <= MOST_EVENTS:
        raise FormatError("this is not a handover document of this version")
    if not all(isinstance(one, dict) and set(one) == {"statement", "salt"} for one in events):
        raise FormatError("an event of the handover document is malformed")
    return list(events)


def answer(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    document: bytes,
    *,
    accept: bool,
    seal: str | None,
    place: str,
    reason: str,
    now: int,
) -> bytes:
    """Take an offered exhibit into custody, or refuse it; its object id.

    The files are read here and compared with what the giver recorded.

    Raises:
        ProofError: the log as followed does not have the offer; sync first.
        CustodyBroken: seal or files are not those that were offered, or nothing is offered.
        NotPermitted: it was offered to another agency.
        NotFound: the exhibit's files are not in this case; file the bundle first.
    """
    values = parse_document(document)
    with office.files.session() as db:
        giver = [keep_event(db, office, officer, case_id, one, now=now) for one in values]
        office.require_known(db, giver[0].agency)
        files = _files_here(db, office, officer, case_id, giver[0]) if accept else []
        handover.answer(
            db, officer, case_id, giver, accept=accept, seal=seal, files=files, place=place, reason=reason,
            seen=office.seen(db), now=now,
        )  # fmt: skip
    push_outbox(office, now=now)
    return giver[0].object_id


def _files_here(
    db: Session, office: Office, officer: OfficerSession, case_id: bytes, event: CustodyEvent
) -> list[tuple[bytes, bytes]]:
    """File ids and SHA-256 of the exhibit's files as they are stored at this desk."""
    exhibit = exhibits.get_exhibit(db, officer, case_id, event.object_id)
    filed = {one.file_id: one for one in filing.list_filed(db, officer, case_id)}
    found = []
    for file in exhibit.files:
        digest = filed[file].sha256 if file in filed else intake.get_file(db, officer, case_id, file).sha256
        found.append((file, digest))
    return found


def answer_document(office: Office, officer: OfficerSession, case_id: bytes, object_id: bytes) -> bytes:
    """The receiver's first event, which goes back to the giver."""
    with office.files.session() as db:
        own = [one for one in holdings.chains(db, officer, case_id, object_id) if one.agency == office.agency]
    if not own:
        raise Conflict("nothing was answered for this exhibit")
    return _document(own[-1].events[:1])


def close(office: Office, officer: OfficerSession, case_id: bytes, document: bytes, *, now: int) -> OwnEvent:
    """Close a handover with the receiver's answer.

    Raises:
        ProofError, CustodyBroken, NotFound
    """
    values = parse_document(document)
    if len(values) != 1:
        raise FormatError("an answer is one event")
    with office.files.session() as db:
        receiver = keep_event(db, office, officer, case_id, values[0], now=now)
        restoring.require_whole(db, officer, case_id, receiver.object_id)
        made = handover.close(db, officer, case_id, receiver, seen=office.seen(db), now=now)
    push_outbox(office, now=now)
    return made
