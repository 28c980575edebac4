"""The Merkle tree of the log: proofs of inclusion and consistency (RFC 6962; docs/protocol.md 6.2).

A tree is known through the hashes of its complete subtrees: `Hashes.hash_at(level, index)` is the hash of leaves
index * 2^level .. (index + 1) * 2^level - 1. Tiles store exactly these (custody/tiles.py).
"""

from collections.abc import Sequence
from typing import Protocol

from crypto.digests import EMPTY_ROOT, leaf_hash, node_hash
from errors import ProofError

__all__ = ["EMPTY_ROOT", "Hashes", "MemoryHashes", "complete_subtrees", "consistency_proof", "fold", "inclusion_proof",
           "leaf_hash", "node_hash", "root_of", "verify_consistency", "verify_inclusion"]  # fmt: skip


class Hashes(Protocol):
    """Where the hashes of complete subtrees come from."""

    def hash_at(self, level: int, index: int) -> bytes:
        """32 bytes: the root of complete subtree `index` of 2^level leaves."""


class MemoryHashes:
    """Hashes of a tree that is held in memory."""

    def __init__(self, leaf_hashes: Sequence[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for digest in leaf_hashes:
            self.append(digest)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    def append(self, digest: bytes) -> None:
        """Add a leaf hash and every subtree that it completes."""
        level = 0
        self._levels[0].append(digest)
        while len(self._levels[level]) % 2 == 0:
            if level + 1 == len(self._levels):
                self._levels.append([])
            left, right = self._levels[level][-2:]
            self._levels[level + 1].append(node_hash(left, right))
            level += 1

    def hash_at(self, level: int, index: int) -> bytes:
        return self._levels[level][index]


def root_of(hashes: Hashes, size: int) -> bytes:
    """Root of the first `size` leaves."""
    return _range(hashes, 0, size) if size else EMPTY_ROOT


def complete_subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """(level, index) of the fewest complete subtrees that cover leaves start..end-1, from left to right.

    From 0 to a size they are the peaks, the compact range of the tree of that size.
    """
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        found.append((level, start >> level))
        start += 1 << level
    return found


def fold(subtrees: Sequence[tuple[int, int]], digests: Sequence[bytes]) -> bytes:
    """Root of the tree that these neighbouring complete subtrees, beginning at leaf 0, make up.

    Raises:
        ProofError: another number of digests.
    """
    if len(subtrees) != len(digests):
        raise ProofError("the proof has another length")
    peaks: list[tuple[int, bytes]] = []
    for (level, _), digest in zip(subtrees, digests, strict=True):
        while peaks and peaks[-1][0] == level:
            digest, level = node_hash(peaks.pop()[1], digest), level + 1
        peaks.append((level, digest))
    if not peaks:
        return EMPTY_ROOT
    root = peaks.pop()[1]
    while peaks:
        root = node_hash(peaks.pop()[1], root)
    return root


def inclusion_proof(hashes: Hashes, index: int, size: int) -> list[bytes]:
    """Sibling hashes from the leaf up.

    Raises:
        ProofError: index outside the tree.
    """
    if not 0 <= index < size:
        raise ProofError("the entry lies outside the tree")
    path = []
    start, end = 0, size
    while end - start > 1:
        cut = start + _split(end - start)
        if index < cut:
            path.append(_range(hashes, cut, end))
            end = cut
        else:
            path.append(_range(hashes, start, cut))
            start = cut
    return path[::-1]


def consistency_proof(hashes: Hashes, old: int, size: int) -> list[bytes]:
    """Hashes that show the tree of `old` leaves to be the beginning of the tree of `size` leaves.

    Raises:
        ProofError: not 0 <= old <= size.
    """
    if not 0 <= old <= size:
        raise ProofError("the older tree is larger than the newer one")
    if old in (0, size):
        return []
    path = []
    start, end, whole = 0, size, True
    while old != end:
        cut = start + _split(end - start)
        if old <= cut:
            path.append(_range(hashes, cut, end))
            end = cut
        else:
            path.append(_range(hashes, start, cut))
            start, whole = cut, False
    if not whole:
        path.append(_range(hashes, start, end))
    return path[::-1]


def verify_inclusion(digest: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that a custody entry is in the log.

    Args:
        digest: 32 bytes, SHA-256(0x00 || entry bytes).
        index: position of the entry, 0 <= index < size.
        size: number of entries that the signed checkpoint covers.
        path: sibling hashes of 32 bytes, from the leaf up to the root.
        root: 32-byte root hash of a checkpoint already verified.

    Raises:
        ProofError: the path does not lead from this leaf to this root.

    Source: RFC 9162, section 2.1.3.2. Vectors: tests/vectors/inclusion.json.
    """
    if not 0 <= index < size:
        raise ProofError("the entry lies outside the tree")
    at, last = index, size - 1
    for sibling in path:
        if last == 0:
            raise ProofError("the proof is longer than the tree is deep")
        if at & 1 or at == last:
            digest = node_hash(sibling, digest)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        at, last = at >> 1, last >> 1
    if last or digest != root:
        raise ProofError("the proof does not lead from this entry to the log's root")


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of `old` leaves is the beginning of the tree of `size` leaves.

    Raises:
        ProofError: it is not, or the proof has another length.

    Source: RFC 9162, section 2.1.4.2. Vectors: tests/vectors/consistency.json.
    """
    if not 0 <= old <= size:
        raise ProofError("the log has become shorter")
    if old in (0, size):
        if path or (old == 0 and old_root != EMPTY_ROOT) or (old == size and old_root != root):
            raise ProofError("two states of one size differ")
        return
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    if not hashes:
        raise ProofError("the proof of consistency is empty")
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    older = newer = hashes[0]
    for digest in hashes[1:]:
        if last == 0:
            raise ProofError("the proof of consistency is too long")
        if at & 1 or at == last:
            older, newer = node_hash(digest, older), node_hash(digest, newer)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            newer = node_hash(newer, digest)
        at, last = at >> 1, last >> 1
    if last or older != old_root or newer != root:
        raise ProofError("the newer log does not continue the older one")


def _split(width: int) -> int:
    """The largest power of two below `width` (at least 2)."""
    return 1 << ((width - 1).bit_length() - 1)


def _range(hashes: Hashes, start: int, end: int) -> bytes:
    """Root of leaves start..end; start is a multiple of the width's power of two, as in every RFC 6962 split."""
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return hashes.hash_at(level, start >> level)
    cut = start + _split(width)
    return node_hash(_range(hashes, start, cut), _range(hashes, cut, end))
