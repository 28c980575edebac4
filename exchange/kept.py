"""What a desk keeps out of bundles of others: where each item is from, how long it may stay, and what orders say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import OfficerSession
from agencies.models import Case
from crypto.encoding import unb64u
from errors import AmparoError, NotFound
from evidence import exhibits
from exchange import filing, notes
from exchange.cover import Cover
from exchange.filing import FiledItem
from exchange.models import Filed, FiledHandle, HandleOrder
from exchange.reading import cover_with

FREE: Final = "free"
HELD: Final = "held"
CLOSED: Final = "closed"  # past an order to delete, for its legal ground alone


@dataclass(frozen=True, slots=True)
class KeptItem:
    """One item with what a person has to know of it.

    Attributes:
        sender: role handle of the officer who sealed the bundle.
        cover: of the bundle; None where the case has not kept what opens it.
        exhibit: local number of the exhibit whose file it is.
        standing: `free`, `held` (its maker has stopped it) or `closed`.
    """

    item: FiledItem = field(repr=False)
    case_handle: str
    sender: str
    cover: Cover | None = field(repr=False)
    exhibit: str | None
    standing: str

    @property
    def keep_until(self) -> str | None:
        """YYYY-MM-DD until which the sender allows to keep it."""
        return None if self.cover is None else self.cover.keep_until

    def is_over(self, today: str) -> bool:
        """Whether the sender's term is over."""
        return self.keep_until is not None and self.keep_until < today


def list_kept(db: Session, officer: OfficerSession, case_id: bytes | None = None) -> list[KeptItem]:
    """Kept items of a case, or of all cases of this officer; the newest first.

    Raises:
        NotPermitted: not on the team of the case.
    """
    if case_id is None:
        chosen = cases.list_cases(db, officer, select(Filed.case_id))
    else:
        chosen = [cases.get_case(db, officer, case_id)]
    found = [item for case in chosen for item in _of_case(db, officer, case)]
    return sorted(found, key=lambda one: (-one.item.filed_at, one.item.bundle_id, one.item.index))


def get_kept(db: Session, officer: OfficerSession, item_id: bytes) -> KeptItem:
    """One kept item.

    Raises:
        NotFound, NotPermitted
    """
    item = filing.get_filed(db, officer, item_id)
    case = cases.get_case(db, officer, item.case_id)
    return next(one for one in _of_case(db, officer, case) if one.item.item_id == item_id)


def _of_case(db: Session, officer: OfficerSession, case: Case) -> Iterator[KeptItem]:
    items = filing.list_filed(db, officer, case.case_id)
    if not items:
        return
    known: Mapping[bytes, tuple[str, Cover | None]] = {
        bundle_id: _origin(db, bundle_id, note) for bundle_id, note in notes.notes_of_case(db, officer, case.case_id)
    }
    numbers = {
        file: one.local_number for one in exhibits.list_exhibits(db, officer, case.case_id) for file in one.files
    }
    standing = _standings(db, [one.item_id for one in items])
    for item in items:
        sender, cover = known.get(item.bundle_id, ("", None))
        state = standing.get(item.item_id, FREE)
        yield KeptItem(item, case.handle, sender, cover, numbers.get(item.file_id), state)


def _origin(db: Session, bundle_id: bytes, note: Mapping[str, object]) -> tuple[str, Cover | None]:
    secret = note.get(notes.PARTIES_KEY)
    if not isinstance(secret, str):
        return str(note.get("sender") or ""), None
    try:
        header, cover = cover_with(db, bundle_id, unb64u(secret))
    except AmparoError:
        return str(note.get("sender") or ""), None
    return header.sender, cover


def _standings(db: Session, item_ids: Sequence[bytes]) -> dict[bytes, str]:
    """Items on which an order stands. The newest hold or lift of each handle counts, and any destruction."""
    query = (
        select(FiledHandle.item_id, FiledHandle.handle, HandleOrder.kind)
        .join(HandleOrder, FiledHandle.handle == HandleOrder.handle)
        .where(FiledHandle.item_id.in_(item_ids))
        .order_by(HandleOrder.log_index)
    )
    newest: dict[tuple[bytes, bytes], str] = {}
    found: dict[bytes, str] = {}
    for item_id, handle, kind in db.execute(query):
        newest[item_id, handle] = kind
        if kind == "handle-destroyed":
            found[item_id] = CLOSED
    for (item_id, _), kind in newest.items():
        if kind == "handle-held":
            found.setdefault(item_id, HELD)
    return found


def find_form(db: Session, officer: OfficerSession, case_id: bytes, bundle_id: bytes) -> FiledItem:
    """The kept form of a bundle.

    Raises:
        NotFound: it was not kept in this case.
        NotPermitted
    """
    for item in filing.list_filed(db, officer, case_id):
        if item.bundle_id == bundle_id and item.kind == filing.FORM:
            return item
    raise NotFound("what the bundle says was not kept in a case")
