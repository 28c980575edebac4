"""Exporting past a flag that forbids it: two officers, a court's order, and the raiser is told (guarantee G6).

Evidence packs and files that are written out of an opened bundle come by here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from agencies.members import OfficerSession
from errors import FlagForbids, FormatError
from evidence.pack_input import PackDocument
from exchange import policy, registers
from exchange.office import Office
from exchange.opened import Opened
from exchange.prohibitions import Barrier, Standing, barriers_of, day, standing_of
from exchange.reading import Preview

LONGEST_ORDER: Final = 100
IN_PACK: Final = "exported in a pack by order of court: {order}"
AS_FILES: Final = "exported as files by order of court: {order}"
DOCUMENT_NAME: Final = "export-order.txt"
DOCUMENT_TITLE: Final = "Order of a court past a flag that forbids export"
DOCUMENT: Final = """{title}

A protection flag forbids to export material that is in this pack, unless a court orders it.
{agency} exports it by order of a court, with two officers.

Reference of the order: {order}

The agency that raised the flag is told. The flag goes on: whoever has this pack keeps it from everybody whom the order
does not name.
"""


def order_of(text: str | None) -> str | None:
    """The reference of a court's order as it was given, or None.

    Raises:
        FormatError: longer than 100 signs, or more than one line.
    """
    order = (text or "").strip()
    if len(order) > LONGEST_ORDER or not order.isprintable():
        raise FormatError("the reference of an order is one line of at most 100 signs")
    return order or None


def document_of(agency: str, order: str) -> PackDocument:
    """What the pack says of it, without naming anybody."""
    text = DOCUMENT.format(title=DOCUMENT_TITLE, agency=agency, order=order)
    return PackDocument(DOCUMENT_NAME, DOCUMENT_TITLE, text.encode("utf-8"))


@dataclass(frozen=True, slots=True)
class AsFiles:
    """What is opened is written out as plain files too: this stands in the record of the opening, for the sender.

    Attributes:
        court_order: reference of the order by which it is done where a flag forbids export.
    """

    court_order: str | None = None

    @property
    def note(self) -> str:
        """Note of the `opened` event."""
        order = order_of(self.court_order)
        return "exported as files" if order is None else AS_FILES.format(order=order)


def require_as_files(seen: Preview, asked: AsFiles, *, officers: int, now: int) -> None:
    """Raise FlagForbids unless what is opened may be written out as files."""
    policy.require_export(seen.flags, day(now), court_order=order_of(asked.court_order), officers=officers)


def tell_as_files(office: Office, officer: OfficerSession, opened: Opened, asked: AsFiles, *, now: int) -> None:
    """Tell those who raised a flag that forbids export, before the first file is written.

    Raises:
        Unavailable, QuotaExceeded, LimitExceeded: they cannot be told now; nothing may be written.
    """
    header = opened.header
    seen = Standing(opened.bundle_id, opened.header_digest, header.sender_agency, opened.stanza.r, opened.flags)
    tell(office, officer, None, barriers_of(seen, day(now)), asked.note, now=now)


def require_planned(found: Iterable[Barrier], keys: Iterable[str]) -> None:
    """Raise FlagForbids when a flag stands that was not there, or not so, when the pack was planned."""
    if {one.key for one in found} - set(keys):
        raise FlagForbids(
            "a flag that forbids export was raised since this pack was planned; plan it again, with the court's order"
        )


def tell(
    office: Office, officer: OfficerSession, case_id: bytes | None, found: Sequence[Barrier], text: str, *, now: int
) -> None:
    """Tell those who raised the flags, once for each order, by a signed remark on each flag.

    Args:
        case_id: the case that holds material of the bundles; None where the officer is entitled to them herself.

    Raises:
        Unavailable, QuotaExceeded, LimitExceeded: they cannot be told now; nothing is exported.
    """
    for bundle_id in sorted({one.standing.bundle_id for one in found if one.standing is not None}):
        places = [
            one.place
            for one in found
            if one.standing is not None and one.standing.bundle_id == bundle_id and not _is_told(office, one, text)
        ]
        if places:
            look = _Look(office, officer, case_id, bundle_id, now)
            registers.tell_raisers(office, officer, bundle_id, places, text, look=look, now=now)


def _is_told(office: Office, one: Barrier, text: str) -> bool:
    remarks = one.flag.get("remarks", [])
    return any(said["text"] == text and said["by"].startswith(office.agency + "/") for said in remarks)


@dataclass(frozen=True, slots=True)
class _Look:
    """The flags of a bundle at the moment of each call."""

    office: Office
    officer: OfficerSession
    case_id: bytes | None
    bundle_id: bytes
    now: int

    def __call__(self) -> Standing:
        with self.office.files.session() as db:
            return standing_of(db, self.office, self.officer, self.case_id, self.bundle_id, now=self.now)
