"""Where the files of a pack's exhibits are read from: own intake, or what was filed out of bundles."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto.encoding import b64u, unb64u
from crypto.header import IDENTIFIER_BYTES
from errors import FormatError
from evidence import exhibits, intake
from evidence.pack_input import PackContents, PackDocument
from exchange import filing
from exchange.models import FiledHandle
from exchange.office import Office

GROUND_NAME: Final = "kept-under-ground.txt"
GROUND_TITLE: Final = "Exhibits that are kept although they were withdrawn"
GROUND: Final = """{title}

These exhibits were withdrawn by whoever provided them. {agency} keeps and uses them under this legal ground alone:

"""
_ENDINGS: Final = {
    "image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf", "text/plain": "txt", "text/csv": "csv",
    "application/json": "json", "application/ld+json": "jsonld", "image/tiff": "tif", "video/mp4": "mp4",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileSource:
    """One file of an exhibit and how it is read again.

    Attributes:
        item_id: of what was filed; None for a file of the own intake.
        contents: proof of the bundle that it came in.
        handles: consent handles that it rests on.
        ground: the legal ground under which it is used although it was withdrawn.
    """

    file_id: bytes
    media_type: str
    item_id: bytes | None = None
    contents: PackContents | None = field(default=None, repr=False)
    handles: tuple[bytes, ...] = ()
    ground: str | None = field(default=None, repr=False)

    @property
    def extension(self) -> str:
        """Ending of its name in the pack."""
        return _ENDINGS.get(self.media_type, "bin")

    @property
    def bundle_id(self) -> bytes | None:
        """The bundle that it came in."""
        return None if self.contents is None else self.contents.bundle_id

    def value(self) -> dict[str, Any]:
        """As JSON: enough to read it again."""
        return {
            "file": b64u(self.file_id), "media_type": self.media_type,
            "item": None if self.item_id is None else b64u(self.item_id),
            "handles": [b64u(one) for one in self.handles], "ground": self.ground,
        }  # fmt: skip


def parse_source(value: Mapping[str, Any]) -> FileSource:
    """The reverse of `FileSource.value`, without the proof."""
    if set(value) != {"file", "media_type", "item", "handles", "ground"}:
        raise FormatError("a file of the kept pack is damaged")
    return FileSource(
        unb64u(value["file"], IDENTIFIER_BYTES), str(value["media_type"]),
        None if value["item"] is None else unb64u(value["item"], IDENTIFIER_BYTES), None,
        tuple(unb64u(one) for one in value["handles"]), value["ground"],
    )  # fmt: skip


def find_files(
    db: Session, officer: OfficerSession, case_id: bytes, exhibit: exhibits.Exhibit, under: str | None = None
) -> list[FileSource] | None:
    """The exhibit's files at this desk, in order; None if one of them was withdrawn or never filed.

    Args:
        under: a legal ground: what is kept under it past an order to delete counts as being here.
    """
    if exhibit.is_own:
        return [FileSource(one, intake.get_file(db, officer, case_id, one).media_type) for one in exhibit.files]
    filed = {one.file_id: one for one in filing.list_filed(db, officer, case_id) if one.kind == filing.FILE}
    if not set(exhibit.files) <= set(filed):
        return None
    wanted = [filed[one] for one in exhibit.files]
    if any(filing.is_closed(db, one) and one.ground != under for one in wanted):
        return None
    return [_filed(db, one) for one in wanted]


def _filed(db: Session, item: filing.FiledItem) -> FileSource:
    handles = db.scalars(select(FiledHandle.handle).where(FiledHandle.item_id == item.item_id))
    contents = PackContents(item.bundle_id, item.index, item.entry_bytes, item.salt, item.path)
    ground = item.ground if filing.is_closed(db, item) else None
    return FileSource(item.file_id, item.media_type, item.item_id, contents, tuple(sorted(handles)), ground)


def reader(
    office: Office, officer: OfficerSession, case_id: bytes, source: FileSource
) -> Callable[[], Iterable[bytes]]:
    """Reads the file from the start, each time it is called."""

    def read() -> Iterable[bytes]:
        if source.item_id is not None:
            yield from filing.read_filed(office.files, officer, source.item_id, under=source.ground)
            return
        for piece in intake.read_file(office.files, officer, case_id, source.file_id):
            yield bytes(piece)

    return read


def ground_document(agency: str, grounds: Mapping[int, str]) -> PackDocument:
    """What the pack says of exhibits that outlived an order to delete; their numbers and grounds, and nobody's name."""
    lines = [f"Exhibit {number}: {ground}\n" for number, ground in sorted(grounds.items())]
    text = GROUND.format(title=GROUND_TITLE, agency=agency) + "".join(lines)
    return PackDocument(GROUND_NAME, GROUND_TITLE, text.encode("utf-8"))
