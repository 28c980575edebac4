"""The documents of handovers as officers carry them: one file for one exhibit or for many, read, answered and closed.

A file of many is canonical JSON {v: 1, kind: "handovers", documents: [base64url]}, each of them a document of
exchange/handing_over.py. What was read waits with its officer, sealed to her, until she signs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies import own_papers
from agencies.members import OfficerSession
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import is_version
from custody.holdings import ACCEPTED, REFUSED, CustodyEvent, parse_custody_event
from errors import AmparoError, Conflict, CustodyBroken, FormatError, NotFound
from evidence import exhibits, holdings, register
from exchange import handing_over
from exchange.office import Office, raise_alarm

MOST_DOCUMENTS: Final = 500
KIND: Final = "handovers"
PAPER: Final = "handover"  # kind of the own paper


@dataclass(frozen=True, slots=True)
class Wanted:
    """An exhibit that is handed over, with its seal as it is now."""

    case_id: bytes
    object_id: bytes
    seal: str | None


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that waits for its officer.

    Attributes:
        is_answer: it answers an offer of this agency; else it offers something to it.
        is_accepted: of an answer.
        seal: as it was offered, or as the receiver found it.
        case_id, number: where the exhibit is registered at this desk.
    """

    paper_id: bytes
    document: bytes = field(repr=False)
    object_id: bytes
    agency: str
    officer: str
    at: int
    seal: str | None
    files: int
    is_answer: bool
    is_accepted: bool
    case_id: bytes
    number: str
    description: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one exhibit; `error` is None when it was signed for."""

    number: str
    object_id: bytes
    case_id: bytes
    error: AmparoError | None = None


# ---- Files ------------------------------------------------------------------------------------------------------


def bind(documents: Sequence[bytes]) -> bytes:
    """One file out of several documents; a single one stays as it is."""
    if len(documents) == 1:
        return documents[0]
    return dump_json({"v": 1, "kind": KIND, "documents": [b64u(one) for one in documents]})


def split(data: bytes) -> list[bytes]:
    """The documents of a file.

    Raises:
        FormatError: it is no handover document.
    """
    value = parse_json(data, max_bytes=handing_over.LARGEST_BYTES)
    if not isinstance(value, dict) or value.get("kind") != KIND:
        handing_over.parse_document(data)
        return [data]
    documents = value.get("documents")
    if set(value) != {"v", "kind", "documents"} or not is_version(value["v"]) or not isinstance(documents, list):
        raise FormatError("this is not a handover document of this version")
    if not 0 < len(documents) <= MOST_DOCUMENTS or not all(isinstance(one, str) for one in documents):
        raise FormatError("this is not a handover document of this version")
    found = [unb64u(one) for one in documents]
    for one in found:
        handing_over.parse_document(one)
    return found


# ---- Giving -----------------------------------------------------------------------------------------------------


def offer(
    office: Office,
    officer: OfficerSession,
    wanted: Sequence[Wanted],
    to_agency: str,
    *,
    place: str,
    reason: str,
    now: int,
) -> None:
    """Offer one exhibit or many. All are looked at before the first is signed for.

    Raises:
        Conflict: some are not with this agency; the message names them.
        see `handing_over.offer`
    """
    with office.files.session() as db:
        elsewhere = [
            exhibits.get_exhibit(db, officer, one.case_id, one.object_id).local_number
            for one in wanted
            if holdings.state(db, officer, one.case_id, one.object_id) != "here"
        ]
    if elsewhere:
        raise Conflict(f"these are not with this agency, or are offered already: {', '.join(elsewhere)}")
    for one in wanted:
        handing_over.offer(
            office, officer, one.case_id, one.object_id, to_agency, seal=one.seal, place=place, reason=reason, now=now
        )


def offer_file(office: Office, officer: OfficerSession, wanted: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The file that goes along with offered exhibits.

    Raises:
        PackNotReady: the log does not have an offer yet; sync first.
        Conflict, NotFound: one of them is not offered.
    """
    return bind([handing_over.offer_document(office, officer, case_id, thing) for case_id, thing in wanted])


def answer_file(office: Office, officer: OfficerSession, wanted: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The file that goes back to the giver."""
    return bind([handing_over.answer_document(office, officer, case_id, thing) for case_id, thing in wanted])


# ---- Reading ----------------------------------------------------------------------------------------------------


def put_away(office: Office, officer: OfficerSession, data: bytes, *, now: int) -> int:
    """Read a file and keep its documents for the officer, until she signs; how many.

    Raises:
        FormatError: it is no handover document.
        NotFound: an exhibit is in none of the officer's cases.
    """
    officer.require("handover")
    documents = split(data)
    with office.files.session() as db:
        log = office.log(db).origin
        known = {row.document for row in _papers(db, officer, log)}
        for one in documents:
            _read(db, officer, log, b"", one)  # refused now, not when it is signed
            if one not in known:
                own_papers.keep(db, officer.handle, PAPER, {"v": 1, "document": b64u(one)}, now=now)
    return len(documents)


def waiting(office: Office, officer: OfficerSession) -> list[Paper]:
    """Documents that wait for the officer, newest first."""
    officer.require("handover")
    with office.files.session() as db:
        return list(_papers(db, officer, office.log(db).origin))


def _papers(db: Session, officer: OfficerSession, log: str) -> Iterator[Paper]:
    for row in own_papers.list_papers(db, officer, PAPER):
        try:
            value = own_papers.read(db, officer, row.paper_id, PAPER)
            yield _read(db, officer, log, row.paper_id, unb64u(value["document"]))
        except AmparoError:  # sealed to keys that were renewed since, or of a case that she left
            continue


def _read(db: Session, officer: OfficerSession, log: str, paper_id: bytes, document: bytes) -> Paper:
    events = [parse_custody_event(unb64u(one["statement"]), log=log) for one in handing_over.parse_document(document)]
    first, last = events[0], events[-1]
    is_answer = len(events) == 1 and first.action in (ACCEPTED, REFUSED)
    shown = first if is_answer else last
    case_id = _case_of(db, officer, shown, is_answer=is_answer)
    exhibit = exhibits.get_exhibit(db, officer, case_id, shown.object_id)
    body: Any = shown.body
    return Paper(
        paper_id, document, shown.object_id, shown.agency, str(body["officer"]), int(body["at"]), body["seal"],
        len(body["outputs"]), is_answer, first.action == ACCEPTED, case_id, exhibit.local_number, exhibit.description,
    )  # fmt: skip


def _case_of(db: Session, officer: OfficerSession, event: CustodyEvent, *, is_answer: bool) -> bytes:
    found = register.cases_with(db, officer, event.object_id)
    if is_answer:
        found = [one for one in found if holdings.own_holdings(db, one, event.object_id)]
    if not found:
        raise NotFound("this exhibit is in none of your cases; open the bundle that it came in and file it first")
    return found[0]


def drop(office: Office, officer: OfficerSession, paper_id: bytes) -> None:
    """Throw a document away that waits; nothing is signed."""
    with office.files.session() as db:
        own_papers.drop(db, officer, paper_id)


# ---- Signing ----------------------------------------------------------------------------------------------------


def answer(
    office: Office,
    officer: OfficerSession,
    paper: Paper,
    *,
    accept: bool,
    seal: str | None,
    place: str,
    reason: str,
    now: int,
) -> Outcome:
    """Take an offered exhibit after its seal and files were compared with the offer, or refuse it.

    What does not match is not signed for: the outcome says so, and an alarm is raised.
    """
    try:
        handing_over.answer(
            office, officer, paper.case_id, paper.document, accept=accept, seal=seal, place=place, reason=reason,
            now=now,
        )  # fmt: skip
    except CustodyBroken as error:
        with office.files.session() as db:
            raise_alarm(db, "handover-mismatch", paper.object_id.hex(), {"agency": paper.agency}, now=now)
        return Outcome(paper.number, paper.object_id, paper.case_id, error)
    except AmparoError as error:
        return Outcome(paper.number, paper.object_id, paper.case_id, error)
    drop(office, officer, paper.paper_id)
    return Outcome(paper.number, paper.object_id, paper.case_id)


def close(office: Office, officer: OfficerSession, paper: Paper, *, now: int) -> Outcome:
    """Close a handover with the receiver's answer, or note that it was refused."""
    try:
        handing_over.close(office, officer, paper.case_id, paper.document, now=now)
    except CustodyBroken as error:
        with office.files.session() as db:
            raise_alarm(db, "handover-mismatch", paper.object_id.hex(), {"agency": paper.agency}, now=now)
        return Outcome(paper.number, paper.object_id, paper.case_id, error)
    except AmparoError as error:
        return Outcome(paper.number, paper.object_id, paper.case_id, error)
    drop(office, officer, paper.paper_id)
    return Outcome(paper.number, paper.object_id, paper.case_id)
