"""What was asked, in full: out of the sent composition, out of the kept form, or out of a bundle that is open now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agencies.members import OfficerSession
from crypto.encoding import unb64u
from errors import NotFound, NotPermitted
from exchange import filing, kept, notes
from exchange.composition import parse_composition
from exchange.forms import LARGEST_FORM_BYTES, parse_form
from exchange.inquiries import OUT
from exchange.models import InquiryRow
from exchange.office import Office
from exchange.opened import Opened
from exchange.reading import cover_with


@dataclass(frozen=True, slots=True)
class Inquiry:
    """An inquiry as its two parties read it.

    Attributes:
        by: role handle of the officer who asks.
        form: members `type`, `questions`, `about`, `reply_by` and those of every bundle.
    """

    by: str
    purposes: tuple[str, ...]
    legal_basis: str
    handling: tuple[str, ...]
    form: Mapping[str, Any] = field(repr=False)


def of_opened(opened: Opened) -> Inquiry:
    """An inquiry that is open now."""
    cover = opened.cover
    return Inquiry(opened.header.sender, cover.purposes, cover.legal_basis, cover.handling, opened.form)


def find_text(office: Office, officer: OfficerSession, row: InquiryRow) -> Inquiry | None:
    """What this desk keeps of an inquiry; None where its form was not kept, or for another case's team."""
    if row.case_id is None:
        return None
    try:
        return _sent(office, officer, row) if row.direction == OUT else _kept(office, officer, row)
    except (NotFound, NotPermitted):
        return None


def _sent(office: Office, officer: OfficerSession, row: InquiryRow) -> Inquiry:
    with office.files.session() as db:
        note = notes.note_of(db, officer, row.case_id or b"", row.bundle_id)
        sent = note.get(notes.COMPOSITION)
        if not isinstance(sent, str):
            raise NotFound("what was asked is not kept")
        made = parse_composition(unb64u(sent))
        header, _ = cover_with(db, row.bundle_id, unb64u(note[notes.PARTIES_KEY]))
    return Inquiry(header.sender, made.purposes, made.legal_basis, made.handling, made.form)


def _kept(office: Office, officer: OfficerSession, row: InquiryRow) -> Inquiry:
    case_id = row.case_id or b""
    with office.files.session() as db:
        item = kept.find_form(db, officer, case_id, row.bundle_id)
        note = notes.note_of(db, officer, case_id, row.bundle_id)
        header, cover = cover_with(db, row.bundle_id, unb64u(note[notes.PARTIES_KEY]))
    raw = b"".join(filing.read_filed(office.files, officer, item.item_id))
    if len(raw) > LARGEST_FORM_BYTES:
        raise NotFound("the kept form is too large")
    return Inquiry(header.sender, cover.purposes, cover.legal_basis, cover.handling, parse_form(raw, "inquiry"))
