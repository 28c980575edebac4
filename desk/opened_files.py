"""Files out of opened bundles and of what is kept, as a viewer takes them: name, media type, size, and any range.

A viewer reads through `ViewedFile` and never writes what it reads. Plain text is shown by `text_of`.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from agencies.members import OfficerSession
from desk.opened_store import Held
from exchange import filing
from exchange.filing import FiledItem
from exchange.office import Office

PLAIN: Final = "text/plain"
MOST_SHOWN_BYTES: Final = 400_000

Read = Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class ViewedFile:
    """A file in memory only.

    Attributes:
        name: the label that its exhibit gives it, or its number; never the name that it had at its owner's.
        read: bytes from start (inclusive) to end (exclusive), in blocks.
    """

    name: str
    media_type: str
    size: int
    read: Read = field(repr=False)


def of_opened(held: Held, number: int) -> ViewedFile:
    """File `number` of an opened bundle; 0 is its form.

    Raises:
        NotFound
    """
    content = held.opened.content(number)
    name = labels_of(held).get(str(content.entry["file"]), f"{number}")
    return ViewedFile(
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


def of_kept(office: Office, officer: OfficerSession, item: FiledItem, name: str, under: str | None) -> ViewedFile:
    """A kept file. It is sealed as a stream: a range is read from its start.

    Args:
        under: the legal ground, for an item that is kept past an order to delete.
    """

    def read(start: int, end: int) -> Iterator[bytes]:
        at = 0
        for block in filing.read_filed(office.files, officer, item.item_id, under=under):
            piece = block[max(0, start - at) : max(0, end - at)]
            at += len(block)
            if piece:
                yield bytes(piece)
            if at >= end:
                return

    return ViewedFile(name, item.media_type, item.size_bytes, read)


def text_of(file: ViewedFile) -> str | None:
    """What a plain text says, at most 400,000 bytes of it; None for any other file."""
    if file.media_type != PLAIN:
        return None
    raw = b"".join(itertools.chain(file.read(0, min(file.size, MOST_SHOWN_BYTES))))
    return raw.decode("utf-8", "replace")
