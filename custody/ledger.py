"""Appending to the log, and signing only what was recomputed from what is stored (docs/protocol.md 6.2).

A log that signs a root which its stored entries do not lead to, or which does not continue the one that it signed
before, can never be repaired: every follower refuses it from then on. One flipped bit on a disk is enough. So nothing
that was kept in memory is signed: the new entries, the tiles that they changed and the older root are read back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from crypto.digests import EMPTY_ROOT, leaf_hash
from custody import tiles, tree
from custody.checkpoint import Checkpoint, LogKeys, sign_checkpoint
from errors import AmparoError, IntegrityError, LogShorter

MOST_LEVELS: Final = 8


class Store(Protocol):
    """Where tiles and entry bundles lie. What is read was written, not remembered."""

    def read(self, level: int, number: int, width: int) -> bytes:
        """The first `width` hashes of a tile, or entries of a bundle (level `tiles.ENTRIES`).

        Raises:
            NotFound: the log is not that long.
        """

    def write(self, changed: Sequence[tiles.Tile]) -> None:
        """Keep them; durable when this returns. A partial tile may replace a narrower one."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the log last signed."""

    checkpoint: Checkpoint
    note: bytes = field(repr=False)


def empty_checkpoint(origin: str) -> Checkpoint:
    """The state of a log without entries."""
    return Checkpoint(origin, 0, EMPTY_ROOT)


def append(keys: LogKeys, store: Store, last: Checkpoint, entries: Sequence[bytes], now: int) -> Head:
    """Write entries behind the last signed state, and sign the new one.

    Args:
        last: what was signed last, from a place other than the store; `empty_checkpoint` for a new log.
        entries: at most 65,535 bytes each, in order.
        now: POSIX seconds, for the ML-DSA-44 line.

    Raises:
        LogShorter: the store has lost entries that were signed, or has others.
        IntegrityError: what was read back is not what was written.
        LimitExceeded: an entry is too long.

    The caller sees to it that there is one writer.
    """
    require_stored(store, last)
    changed = [
        *tiles.new_entry_bundles(store.read, last.size, entries),
        *tiles.new_tiles(store.read, last.size, [leaf_hash(entry) for entry in entries]),
    ]
    store.write(changed)
    size = last.size + len(entries)
    _require_entries(store, last.size, entries)
    return sign_next(keys, store, last, size, now)


def sign_next(keys: LogKeys, store: Store, last: Checkpoint, size: int, now: int) -> Head:
    """Sign the state of the first `size` entries, recomputed from the store.

    Raises:
        LogShorter, IntegrityError: as `append`.
    """
    checkpoint = Checkpoint(keys.origin, size, recomputed_root(store, last, size))
    return Head(checkpoint, sign_checkpoint(keys, checkpoint, now))


def require_stored(store: Store, last: Checkpoint) -> None:
    """Check at start and before every append that what was signed is there.

    Raises:
        LogShorter: the stored log is shorter than, or differs from, what was signed.
    """
    try:
        hashes = tiles.TileHashes(store.read, last.size)
        root = tree.root_of(hashes, last.size)
        _check_bundle(store, last.size // tiles.WIDTH, 0, last.size)
    except AmparoError as error:
        raise LogShorter("entries that were signed are missing from the stored log, or altered") from error
    if root != last.root:
        raise LogShorter("the stored log differs from what was signed")


def recomputed_root(store: Store, last: Checkpoint, size: int) -> bytes:
    """Root of the first `size` entries, all that is new computed from the stored entries themselves.

    Raises:
        LogShorter: size is below what was signed, or the older root does not come out again.
        IntegrityError: a stored tile does not fit the entries or tiles below it.
        NotFound: something is missing.
    """
    if size < last.size:
        raise LogShorter("the log is shorter than what was signed")
    for number in range(last.size // tiles.WIDTH, -(-size // tiles.WIDTH)):
        _check_bundle(store, number, max(0, last.size - number * tiles.WIDTH), size)
    for level in range(1, MOST_LEVELS):
        _check_level(store, level, last.size, size)
    hashes = tiles.TileHashes(store.read, size)
    if tree.root_of(hashes, last.size) != last.root:
        raise LogShorter("the stored log differs from what was signed")
    return tree.root_of(hashes, size)


def _check_bundle(store: Store, number: int, start: int, size: int) -> None:
    width = min(tiles.WIDTH, size - number * tiles.WIDTH)
    if width <= start:
        return
    entries = tiles.parse_entries(store.read(tiles.ENTRIES, number, width), width)
    hashes = store.read(0, number, width)
    for at in range(start, width):
        if leaf_hash(entries[at]) != hashes[at * tiles.HASH_BYTES : (at + 1) * tiles.HASH_BYTES]:
            raise IntegrityError("a stored entry is not the one whose hash is stored")


def _check_level(store: Store, level: int, old_size: int, size: int) -> None:
    """Every hash of this level that is new is the root of a full tile below it."""
    shift = tiles.HEIGHT * level
    for index in range(old_size >> shift, size >> shift):
        number, at = divmod(index, tiles.WIDTH)
        stored = store.read(level, number, at + 1)[at * tiles.HASH_BYTES :]
        if tiles.tile_root(store.read(level - 1, index, tiles.WIDTH)) != stored:
            raise IntegrityError("a stored tile is not the root of the tile below it")


def _require_entries(store: Store, old_size: int, entries: Sequence[bytes]) -> None:
    size = old_size + len(entries)
    for number in range(old_size // tiles.WIDTH, -(-size // tiles.WIDTH)):
        first = number * tiles.WIDTH
        width = min(tiles.WIDTH, size - first)
        start = max(0, old_size - first)
        stored = tiles.parse_entries(store.read(tiles.ENTRIES, number, width), width)[start:]
        if stored != list(entries[first + start - old_size : first + width - old_size]):
            raise IntegrityError("an entry was stored in another form than it was given")
