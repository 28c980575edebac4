"""Tiles of the log: where subtree hashes and entries are stored (C2SP tlog-tiles; docs/protocol.md 6.2)."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from crypto.digests import node_hash
from errors import FormatError, IntegrityError, LimitExceeded

WIDTH: Final = 256
HEIGHT: Final = 8
HASH_BYTES: Final = 32
LARGEST_ENTRY_BYTES: Final = 65535
MOST_LEVEL: Final = 63
ENTRIES: Final = -1  # the "level" of entry bundles

_PATH = re.compile(
    r"(?P<level>entries|0|[1-9][0-9]?)/(?P<groups>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?\Z"
)

ReadTile = Callable[[int, int, int], bytes]


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile to be written: level (ENTRIES for entry bundles), number, width 1..256, bytes."""

    level: int
    number: int
    width: int
    data: bytes

    @property
    def path(self) -> str:
        return tile_path(self.level, self.number, self.width)


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """`<L>/<N>[.p/<W>]`, without the leading `tile/`."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03d}")
    name = "entries" if level == ENTRIES else str(level)
    return f"{name}/{'/'.join(groups)}" + ("" if width == WIDTH else f".p/{width}")


def parse_tile_path(path: str) -> tuple[int, int, int]:
    """(level, number, width) of a tile path.

    Raises:
        FormatError: not a tile's path in its one spelling.
    """
    found = _PATH.match(path)
    if not found:
        raise FormatError("not the path of a tile")
    level = ENTRIES if found["level"] == "entries" else int(found["level"])
    number = int(found["groups"].replace("x", "").replace("/", ""))
    width = int(found["width"]) if found["width"] else WIDTH
    if level > MOST_LEVEL or width > WIDTH or tile_path(level, number, width) != path:
        raise FormatError("not the path of a tile")
    return level, number, width


def width_at(level: int, number: int, size: int) -> int:
    """How many hashes tile `number` of `level` holds in a tree of `size` entries: 0..256."""
    full = size >> (HEIGHT * max(level, 0))
    return max(0, min(WIDTH, full - number * WIDTH))


class TileRows:
    """Rows of tiles that were read, least recently used ones dropped: at most 16 KiB for each. Safe for threads.

    The first hashes of a tile of a log never change, so what was read once stays true.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._rows: OrderedDict[tuple[int, int, int], list[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, place: tuple[int, int, int], read: ReadTile) -> list[bytes]:
        """The rows of the tile at (level, number, width), read if they are not here."""
        with self._lock:
            if (rows := self._rows.get(place)) is not None:
                self._rows.move_to_end(place)
                return rows
        rows = _load_rows(place, read)
        with self._lock:
            self._rows[place] = rows
            if len(self._rows) > self._most:
                self._rows.popitem(last=False)
        return rows


def _load_rows(place: tuple[int, int, int], read: ReadTile) -> list[bytes]:
    data = read(*place)
    if len(data) != place[2] * HASH_BYTES:
        raise IntegrityError("a stored tile has another length")
    # One string for each row: a list of hashes would take five times the memory.
    rows = [data]
    while len(rows[-1]) > HASH_BYTES:
        rows.append(_row_above(rows[-1]))
    return rows


class TileHashes:
    """Subtree hashes computed from tiles of a tree of `size` entries; the source is `read(level, number, width)`."""

    def __init__(self, read: ReadTile, size: int, rows: TileRows | None = None) -> None:
        """`rows` remembers tiles beyond this one use."""
        self.size = size
        self._rows = TileRows() if rows is None else rows
        self._read = read

    def hash_at(self, level: int, index: int) -> bytes:
        tile_level, up = divmod(level, HEIGHT)
        first = index << up
        number, start = divmod(first, WIDTH)
        rows = self._rows.get((tile_level, number, width_at(tile_level, number, self.size)), self._read)
        at = (start >> up) * HASH_BYTES
        found = rows[up][at : at + HASH_BYTES] if up < len(rows) else b""
        if len(found) != HASH_BYTES:
            raise IntegrityError("the tree has no such complete subtree")
        return found


def _row_above(row: bytes) -> bytes:
    pairs = range(0, len(row) - HASH_BYTES, 2 * HASH_BYTES)
    return b"".join(node_hash(row[at : at + HASH_BYTES], row[at + HASH_BYTES : at + 2 * HASH_BYTES]) for at in pairs)


def tile_root(data: bytes) -> bytes:
    """Root of a full tile's hashes: the hash that stands for it one level higher.

    Raises:
        IntegrityError: the tile is not full.
    """
    if len(data) != WIDTH * HASH_BYTES:
        raise IntegrityError("a stored tile has another length")
    while len(data) > HASH_BYTES:
        data = _row_above(data)
    return data


def new_tiles(read: ReadTile, old_size: int, leaf_hashes: Sequence[bytes]) -> Iterator[Tile]:
    """Every hash tile, full or partial, that appending these leaves changes."""
    hashes, start, level = list(leaf_hashes), old_size, 0
    while hashes:
        first, kept = divmod(start, WIDTH)
        before = read(level, first, kept) if kept else b""
        row = [before[at : at + HASH_BYTES] for at in range(0, len(before), HASH_BYTES)] + hashes
        above = []
        for at in range(0, len(row), WIDTH):
            part = row[at : at + WIDTH]
            yield Tile(level, first + at // WIDTH, len(part), b"".join(part))
            if len(part) == WIDTH:
                above.append(tile_root(b"".join(part)))
        hashes, start, level = above, first, level + 1


def new_entry_bundles(read: ReadTile, old_size: int, entries: Sequence[bytes]) -> Iterator[Tile]:
    """Every entry bundle, full or partial, that appending these entries changes; `read` is asked for level ENTRIES.

    Raises:
        LimitExceeded: an entry of more than 65,535 bytes.
        FormatError: what is stored is not an entry bundle of the width asked for.
    """
    first, kept = divmod(old_size, WIDTH)
    row = [*(parse_entries(read(ENTRIES, first, kept), kept) if kept else []), *entries]
    if not entries:
        return
    for at in range(0, len(row), WIDTH):
        part = row[at : at + WIDTH]
        yield Tile(ENTRIES, first + at // WIDTH, len(part), dump_entries(part))


def dump_entries(entries: Sequence[bytes]) -> bytes:
    """An entry bundle: each entry behind its u16 length.

    Raises:
        LimitExceeded: an entry of more than 65,535 bytes.
    """
    if any(len(entry) > LARGEST_ENTRY_BYTES for entry in entries):
        raise LimitExceeded("a log entry has at most 65,535 bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_entries(data: bytes, width: int) -> list[bytes]:
    """The entries of a bundle that holds exactly `width` of them.

    Raises:
        FormatError: cut off, or another number of entries.
    """
    entries, offset = [], 0
    while offset < len(data):
        end = offset + 2 + int.from_bytes(data[offset : offset + 2], "big")
        if end > len(data) or offset + 2 > len(data):
            raise FormatError("an entry bundle is cut off")
        entries.append(data[offset + 2 : end])
        offset = end
    if len(entries) != width:
        raise FormatError("an entry bundle has another number of entries")
    return entries
