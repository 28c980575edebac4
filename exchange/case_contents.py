"""What belongs to a case beside its facts: bundles, inquiries, approvals, and when something last happened."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from agencies.models import Case, CaseKey
from crypto.encoding import unb64u
from crypto.header import parse_header
from errors import AmparoError
from evidence.models import ExhibitRow
from exchange import approvals, notes
from exchange.composition import parse_composition
from exchange.models import Approval, BundleNote, Draft, Filed, InquiryRow, StoredBundle
from identity.models import ConsentRecord, NameRequest, PersonFlag, PersonRecord

OUT: Final = "out"


@dataclass(frozen=True, slots=True)
class BundleLine:
    """A bundle of a case, for lists.

    Attributes:
        others: the agencies at the other end.
        reference: what the case is called in it.
    """

    bundle_id: bytes
    direction: str
    kind: str
    others: tuple[str, ...]
    reference: str = field(repr=False)
    state: str
    at: int


def bundles_of(db: Session, officer: OfficerSession, case_id: bytes) -> list[BundleLine]:
    """Bundles that were sent out of a case or taken into it, newest first.

    Raises:
        NotPermitted
    """
    known = dict(notes.notes_of_case(db, officer, case_id))
    query = select(StoredBundle).where((StoredBundle.case_id == case_id) | StoredBundle.bundle_id.in_(known))
    rows = db.scalars(query.order_by(StoredBundle.added_at.desc(), StoredBundle.bundle_id))
    return [line_of(officer.agency, row, known.get(row.bundle_id, {})) for row in rows]


def line_of(agency: str, row: StoredBundle, note: dict[str, Any]) -> BundleLine:
    """A bundle with what is kept about it under the case."""
    kind, reference = str(note.get("kind", "share")), str(note.get("case", ""))
    if notes.COMPOSITION in note:
        try:
            made = parse_composition(unb64u(note[notes.COMPOSITION]))
            kind, reference = made.kind, str(made.form.get("case", ""))
        except AmparoError:  # of an older form: the list goes on without it
            pass
    others: tuple[str, ...] = (row.sender_agency,)
    if row.direction == OUT:
        others = tuple(one for one in parse_header(row.header).agencies if one != agency)
    return BundleLine(row.bundle_id, row.direction, kind, others, reference, row.state, row.added_at)


def inquiries_of(db: Session, officer: OfficerSession, case_id: bytes) -> list[InquiryRow]:
    """Inquiries of a case, asked and received, newest first.

    Raises:
        NotPermitted
    """
    case_key(db, officer, case_id)
    rows = select(InquiryRow).where(InquiryRow.case_id == case_id)
    return list(db.scalars(rows.order_by(InquiryRow.changed_at.desc())))


def approvals_of(db: Session, officer: OfficerSession, case_id: bytes) -> list[Approval]:
    """What was asked of a second officer about anything of this case, newest first.

    Raises:
        NotPermitted
    """
    case_key(db, officer, case_id)
    own = union_all(
        select(StoredBundle.bundle_id).where(StoredBundle.case_id == case_id),
        select(BundleNote.bundle_id).where(BundleNote.case_id == case_id),
        select(Draft.draft_id).where(Draft.case_id == case_id),
        select(Filed.item_id).where(Filed.case_id == case_id),
        select(ConsentRecord.record_id).where(ConsentRecord.case_id == case_id),
        select(PersonFlag.flag_id).where(PersonFlag.case_id == case_id),
        select(Case.case_id).where(Case.case_id == case_id),
    )
    query = select(Approval).where(Approval.object_id.in_(own)).order_by(Approval.asked_at.desc())
    return list(db.scalars(query))


def open_approvals(db: Session, officer: OfficerSession, case_id: bytes) -> list[Approval]:
    """Those of them that wait for an answer, or for the officer who asked."""
    found = approvals_of(db, officer, case_id)
    return [one for one in found if one.state in (approvals.WAITING, approvals.GRANTED)]


def last_events(db: Session, case_ids: Sequence[bytes]) -> dict[bytes, int]:
    """For each case the moment of the last thing that the rows of the desk know of it; facts are not read."""
    columns = (
        (PersonRecord.case_id, PersonRecord.added_at), (ExhibitRow.case_id, ExhibitRow.added_at),
        (StoredBundle.case_id, StoredBundle.added_at), (Filed.case_id, Filed.filed_at),
        (CaseKey.case_id, CaseKey.given_at), (NameRequest.case_id, NameRequest.at), (Case.case_id, Case.opened_at),
        (Case.case_id, Case.closed_at), (InquiryRow.case_id, InquiryRow.changed_at),
        (ConsentRecord.case_id, ConsentRecord.changed_at),
    )  # fmt: skip
    found: dict[bytes, int] = {}
    for case_id, at in columns:
        for one, moment in db.execute(select(case_id, func.max(at)).where(case_id.in_(case_ids)).group_by(case_id)):
            if one is not None and moment is not None:
                found[one] = max(found.get(one, 0), moment)
    return found


def counts_of(db: Session, officer: OfficerSession, case_id: bytes) -> dict[str, int]:
    """How many persons and exhibits a case has.

    Raises:
        NotPermitted
    """
    case_key(db, officer, case_id)
    return {
        name: db.scalar(select(func.count()).select_from(table).where(table.case_id == case_id)) or 0
        for name, table in (("persons", PersonRecord), ("exhibits", ExhibitRow))
    }
