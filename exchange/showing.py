"""Files of a case that can be shown or exported: taken in here, or filed out of a bundle; each use is on the record."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from agencies.members import OfficerSession
from errors import FlagForbids, NotFound, SignInRequired
from evidence import intake, register
from evidence.exhibits import Exhibit
from evidence.readers import Material
from exchange import custody_acts, filing, prohibitions
from exchange.office import Office

VIEW: Final = "view"
EXPORT: Final = "export"
Read = Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A file of an exhibit of a case.

    Attributes:
        is_recorded: its use goes into the custody record of this agency.
        ground: the legal ground under which alone it is kept and used, if it was withdrawn.
    """

    file_id: bytes
    material: Material
    sha256: bytes
    exhibit: Exhibit
    is_recorded: bool
    ground: str | None = None


def find(office: Office, officer: OfficerSession, case_id: bytes, file_id: bytes) -> CaseFile:
    """A file of a case, ready to be read.

    Raises:
        NotFound: there is none, or its agency withdrew it.
        NotPermitted: not on the case team.
    """
    officer.require("case-read")
    with office.files.session() as db:
        found = register.exhibit_of_file(db, officer, case_id, file_id)
        is_recorded = custody_acts.is_recorded(db, officer, case_id, found.object_id)
        if found.is_own:
            stored = intake.get_file(db, officer, case_id, file_id)
            material = Material(
                stored.name, stored.media_type, stored.size_bytes,
                _while_signed_in(
                    officer, lambda start, end: intake.read_range(office.files, officer, case_id, file_id, start, end)
                ),
            )  # fmt: skip
            return CaseFile(file_id, material, stored.sha256, found, is_recorded)
        item = next((one for one in filing.list_filed(db, officer, case_id) if _is(one, file_id)), None)
        if item is None:
            raise NotFound("this file was not kept here, or its agency withdrew it")
        ground = item.ground if filing.is_closed(db, item) else None
        name = f"{found.local_number}.{found.files.index(file_id) + 1}"
    read = _while_signed_in(
        officer,
        lambda start, end: filing.read_filed_range(office.files, officer, item.item_id, start, end, under=ground),
    )
    return CaseFile(
        file_id, Material(name, item.media_type, item.size_bytes, read), item.sha256, found, is_recorded, ground
    )


def _is(item: filing.FiledItem, file_id: bytes) -> bool:
    return item.kind == filing.FILE and item.file_id == file_id


def _while_signed_in(officer: OfficerSession, read: Read) -> Read:
    """A long film ends where the desk locks."""

    def pieces(start: int, end: int) -> Iterator[bytes]:
        for piece in read(start, end):
            if officer.is_locked:
                raise SignInRequired
            yield piece

    return pieces


def note_shown(
    office: Office, officer: OfficerSession, case_id: bytes, found: CaseFile, *, reason: str, now: int
) -> bool:  # fmt: skip
    """Record that a file is shown inside the page; whether there is a record for it."""
    return custody_acts.note_use(
        office, officer, case_id, found.exhibit.object_id, VIEW, file=(found.file_id, found.sha256), reason=reason,
        now=now,
    )  # fmt: skip


def note_exported(
    office: Office, officer: OfficerSession, case_id: bytes, found: CaseFile, *, reason: str, now: int
) -> bool:  # fmt: skip
    """Record that a file leaves the desk as it is; whether there is a record for it.

    Raises:
        FlagForbids: a protection flag forbids export.
        NotPermitted: it is kept under a legal ground alone.
        see `prohibitions.barriers`
    """
    past = prohibitions.barriers(office, officer, case_id, [found.exhibit.object_id], [found.file_id], now=now)
    if past:
        raise FlagForbids(
            "a protection flag forbids to export this; a court's order and two officers lift that, in an evidence pack"
        )
    return custody_acts.note_use(
        office, officer, case_id, found.exhibit.object_id, EXPORT, file=(found.file_id, found.sha256), reason=reason,
        now=now,
    )  # fmt: skip


def labels_of(office: Office, officer: OfficerSession, case_id: bytes, exhibit: Exhibit) -> list[CaseFile | None]:
    """The files of an exhibit in order; None for one that is not here."""
    found: list[CaseFile | None] = []
    for one in exhibit.files:
        try:
            found.append(find(office, officer, case_id, one))
        except NotFound:
            found.append(None)
    return found
