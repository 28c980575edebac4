"""Labelled hashes of bytes and of streams, and the RFC 6962 root that several formats share (docs/protocol.md 3.2)."""

import hashlib
from collections.abc import Iterable
from typing import Final

from crypto.encoding import fields

DIGEST_BYTES: Final = 32
PIECE_BYTES: Final = 8 * 2**20
SEGMENT_BYTES: Final = 2**20
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def sha256(data: bytes | bytearray | memoryview) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def sha512(data: bytes) -> bytes:
    """SHA-512, 64 bytes."""
    return hashlib.sha512(data).digest()


def hash_fields(label: bytes, *values: bytes | str | int | None) -> bytes:
    """SHA-256 of `fields(label, ...)`."""
    return sha256(fields(label, *values))


def leaf_hash(data: bytes) -> bytes:
    """RFC 6962 leaf: SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class RootAccumulator:
    """RFC 6962 root of leaves that arrive one by one; memory grows with the logarithm of their number."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, data: bytes) -> None:
        """Append a leaf with this leaf data."""
        level, digest = 0, leaf_hash(data)
        while self._peaks and self._peaks[-1][0] == level:
            digest = node_hash(self._peaks.pop()[1], digest)
            level += 1
        self._peaks.append((level, digest))
        self.size += 1

    def root(self) -> bytes:
        """The root so far, 32 bytes; more leaves may follow."""
        if not self._peaks:
            return EMPTY_ROOT
        digest = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            digest = node_hash(peak, digest)
        return digest


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """RFC 6962 root over leaf data."""
    tree = RootAccumulator()
    for data in leaves:
        tree.add(data)
    return tree.root()


class BlockRoot:
    """Root over SHA-256 of fixed-size blocks of a stream: pieces of a file, segments of a payload."""

    def __init__(self, block_bytes: int) -> None:
        self._block_bytes = block_bytes
        self._tree = RootAccumulator()
        self._open = hashlib.sha256()
        self._filled = 0
        self.blocks: list[bytes] = []

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the stream."""
        view = memoryview(data)
        while len(view):
            part = view[: self._block_bytes - self._filled]
            self._open.update(part)
            self._filled += len(part)
            view = view[len(part) :]
            if self._filled == self._block_bytes:
                self._close()

    def root(self) -> bytes:
        """End the stream and return the root; an empty stream is one empty block."""
        if self._filled or not self._tree.size:
            self._close()
        return self._tree.root()

    def _close(self) -> None:
        digest = self._open.digest()
        self.blocks.append(digest)
        self._tree.add(digest)
        self._open, self._filled = hashlib.sha256(), 0
