"""Files out of opened bundles and of what is kept, as the viewer takes them (`evidence.readers.Material`).

Each is called by the label that its exhibit gives it, or by its number: never by the name that it had at its owner's.
"""

import threading
from collections.abc import Callable, Iterator

from agencies.members import OfficerSession
from desk.opened_store import Held
from evidence.readers import Material
from exchange import filing
from exchange.filing import FiledItem
from exchange.office import Office


def of_opened(held: Held, number: int) -> Material:
    """File `number` of an opened bundle; 0 is its form.

    Raises:
        NotFound
    """
    content = held.opened.content(number)
    name = labels_of(held).get(str(content.entry["file"]), f"{number}")
    return Material(
        name, str(content.entry["media_type"]), content.size_bytes,
        lambda start, end: _locked(held.reading, lambda: held.opened.read_range(number, start, end)),
    )  # fmt: skip


def labels_of(held: Held) -> dict[str, str]:
    """Label of each file that an exhibit of the form names, by its id."""
    exhibits = held.opened.form.get("exhibits", [])
    return {str(file["file"]): str(file["label"]) for one in exhibits for file in one["files"]}


def _locked(lock: threading.RLock, blocks: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
    """One reader at a time, block by block, so that a slow browser holds nobody up."""
    found = blocks()
    while True:
        with lock:
            block = next(found, None)
        if block is None:
            return
        yield block


def of_kept(office: Office, officer: OfficerSession, item: FiledItem, name: str, under: str | None) -> Material:
    """A kept file.

    Args:
        under: the legal ground, for an item that is kept past an order to delete.
    """
    return Material(
        name, item.media_type, item.size_bytes,
        lambda start, end: filing.read_filed_range(office.files, officer, item.item_id, start, end, under=under),
    )  # fmt: skip
