"""The sealing of a long stream on two cores with flat memory (docs/protocol.md 3.2).

The caller's thread reads and encrypts; one thread hashes the ciphertext's segments, one writes, one re-checks the
plaintext's digest. Each works on about 1 MiB at a time outside of the interpreter's lock. A few buffers go round: fresh
ones would cost more than the cipher.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

from crypto import chunks
from crypto.digests import SEGMENT_BYTES, BlockRoot
from errors import SourceChanged

BATCH_BYTES: Final = 2**20
BUFFERS: Final = 4
_BUFFER_BYTES: Final = (BATCH_BYTES // chunks.CHUNK_BYTES + 1) * chunks.SEALED_CHUNK_BYTES

Block = bytes | bytearray | memoryview
Write = Callable[[memoryview], object]


class Pipeline:
    """Seals blocks in order; `write` gets the ciphertext in order, from a thread of its own.

    What `write` is given is used again for other bytes once it has returned.
    """

    def __init__(self, sealer: chunks.Sealer, write: Write) -> None:
        self._sealer = sealer
        self._write = write
        self._root = BlockRoot(SEGMENT_BYTES)
        self._hasher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="segments")
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="write")
        self._checker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="digest")
        self._busy: deque[tuple[bytearray, Future[None], Future[None]]] = deque()
        self._made = 1
        self._buffer = bytearray(_BUFFER_BYTES)
        self._filled = 0
        self.written = 0

    def __enter__(self) -> Self:
        self._take(sealed=self._sealer.prefix)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sealer.close()
        for worker in (self._hasher, self._writer, self._checker):
            worker.shutdown(cancel_futures=True)

    def put(self, block: Block) -> None:
        """Seal the next bytes of plaintext."""
        view = memoryview(block)
        for start in range(0, len(view), BATCH_BYTES):
            piece = view[start : start + BATCH_BYTES]
            if self._filled + self._sealer.output_bytes(len(piece)) > _BUFFER_BYTES:
                self._send()
            self._filled += self._sealer.update_into(piece, memoryview(self._buffer)[self._filled :])
            if self._filled >= BATCH_BYTES:
                self._send()

    def check(self, blocks: Iterable[Block], size_bytes: int, digest: bytes | None) -> Iterator[Block]:
        """The same blocks. Their digest (None: it was checked before) is computed while the caller works on them.

        A block may be used again by whoever made it once the next one is asked for.

        Raises:
            SourceChanged: another length or digest; more than `size_bytes` never come out.
        """
        size, found = 0, hashlib.sha256()
        for block in blocks:
            size += len(block)
            if size > size_bytes:
                raise SourceChanged
            waiting = None if digest is None else self._checker.submit(found.update, block)
            yield block
            if waiting is not None:
                waiting.result()
        if size != size_bytes or digest not in (None, found.digest()):
            raise SourceChanged

    def finish(self) -> bytes:
        """Seal the last chunk and wait until all is written; the root of the ciphertext's segments."""
        self._take(sealed=self._sealer.finish())
        self._send()
        while self._busy:
            self._wait()
        return self._root.root()

    def _take(self, sealed: bytes | bytearray) -> None:
        if self._filled + len(sealed) > _BUFFER_BYTES:
            self._send()
        self._buffer[self._filled : self._filled + len(sealed)] = sealed
        self._filled += len(sealed)

    def _send(self) -> None:
        view = memoryview(self._buffer)[: self._filled]
        hashed = self._hasher.submit(self._root.update, view)
        self._busy.append((self._buffer, hashed, self._writer.submit(self._write_all, view)))
        self.written += self._filled
        self._buffer, self._filled = self._next_buffer(), 0

    def _next_buffer(self) -> bytearray:
        if self._made < BUFFERS:
            self._made += 1
            return bytearray(_BUFFER_BYTES)
        return self._wait()

    def _wait(self) -> bytearray:
        """The oldest buffer, once it is hashed and written; an error of the writing comes out here."""
        buffer, hashed, written = self._busy.popleft()
        written.result()
        hashed.result()
        return buffer

    def _write_all(self, view: memoryview) -> None:
        """A raw file may take less than it is given."""
        while len(view):
            taken = self._write(view)
            view = view[taken:] if type(taken) is int else view[len(view) :]
