"""The sealing of a long stream on two cores with flat memory (docs/protocol.md 3.2).

The caller's thread reads and encrypts; a second thread hashes and writes the ciphertext segment by segment. When it
falls behind, the caller does a segment itself, so both cores stay busy whatever the work is made of. A third thread
would only wait for the first two: on the file's lock, or for a core.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Condition, Thread
from types import TracebackType
from typing import Final, Self

from crypto import chunks
from crypto.digests import SEGMENT_BYTES, RootAccumulator

BUFFERS: Final = 4
_BUFFER_BYTES: Final = SEGMENT_BYTES + 3 * chunks.SEALED_CHUNK_BYTES

Block = bytes | bytearray | memoryview
Write = Callable[[memoryview], object]


@dataclass(frozen=True, slots=True)
class _Segment:
    """Ciphertext that waits for being hashed and written."""

    number: int
    buffer: bytearray
    size_bytes: int


def hashed_aside(blocks: Iterable[bytes], update: Callable[[bytes], object]) -> Iterator[bytes]:
    """The same blocks; a second thread hashes each while the caller works on it. All are hashed when it ends."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="digest") as worker:
        before: Future[object] | None = None
        for block in blocks:
            if before is not None:
                before.result()
            before = worker.submit(update, block)
            yield block
        if before is not None:
            before.result()


class Pipeline:
    """Seals blocks in order; `write` gets the ciphertext in order, from either thread.

    What `write` is given is used again for other bytes once it has returned.
    """

    def __init__(self, sealer: chunks.Sealer, write: Write) -> None:
        self._sealer = sealer
        self._write = write
        self._changed = Condition()
        self._waiting: deque[_Segment] = deque()
        self._free = [bytearray(_BUFFER_BYTES) for _ in range(BUFFERS - 1)]
        self._turn = 0  # number of the segment that is written next
        self._error: BaseException | None = None
        self._is_ended = False
        self._buffer = bytearray(_BUFFER_BYTES)
        self._filled = self._number = 0
        self._tree = RootAccumulator()
        self._thread = Thread(target=self._help, name="segments", daemon=True)
        self.written = 0

    def __enter__(self) -> Self:
        self._add(self._sealer.prefix)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sealer.close()
        with self._changed:
            self._is_ended = True
            self._error = self._error or error
            self._changed.notify_all()
        self._thread.join()

    def put(self, block: Block) -> None:
        """Seal the next bytes of plaintext. An error of the writing comes out here or from `finish`."""
        view = memoryview(block)
        while len(view):
            # As much as completes the segment, and one chunk at the most beyond it.
            room = (SEGMENT_BYTES - self._filled) // chunks.SEALED_CHUNK_BYTES + 1
            piece = view[: room * chunks.CHUNK_BYTES]
            self._filled += self._sealer.update_into(piece, memoryview(self._buffer)[self._filled :])
            view = view[len(piece) :]
            self._send_full()

    def finish(self) -> bytes:
        """Seal the last chunk and wait until all is written; the root of the ciphertext's segments."""
        self._add(self._sealer.finish())
        self._send_full()
        if self._filled:
            self._send(self._filled)
        while self._work():
            pass
        with self._changed:
            self._changed.wait_for(lambda: self._turn == self._number or self._is_failed())
        self._raise()
        return self._tree.root()

    # ---- The caller's side ------------------------------------------------------------------------------------

    def _add(self, sealed: bytes) -> None:
        self._buffer[self._filled : self._filled + len(sealed)] = sealed
        self._filled += len(sealed)

    def _send_full(self) -> None:
        while self._filled >= SEGMENT_BYTES:
            self._send(SEGMENT_BYTES)

    def _send(self, size_bytes: int) -> None:
        """Give the segment away; what was sealed beyond it begins the next buffer."""
        full, rest = self._buffer, bytes(memoryview(self._buffer)[size_bytes : self._filled])
        with self._changed:
            self._waiting.append(_Segment(self._number, full, size_bytes))
            self._changed.notify_all()
        self._number += 1
        self.written += size_bytes
        self._buffer, self._filled = self._next_buffer(), 0
        self._add(rest)

    def _next_buffer(self) -> bytearray:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._free or self._waiting or self._is_failed())
                if self._free and not self._is_failed():
                    return self._free.pop()
            self._raise()
            self._work()

    def _is_failed(self) -> bool:
        return self._error is not None

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    # ---- Both threads -----------------------------------------------------------------------------------------

    def _work(self) -> bool:
        """Hash and write the oldest segment that waits; False if there is none."""
        with self._changed:
            if not self._waiting or self._is_failed():
                return False
            segment = self._waiting.popleft()
        view = memoryview(segment.buffer)[: segment.size_bytes]
        digest = hashlib.sha256(view).digest()
        with self._changed:
            self._changed.wait_for(lambda: self._turn == segment.number or self._is_failed())
            if self._is_failed():
                return False
        self._write_all(view)
        with self._changed:
            self._tree.add(digest)
            self._turn += 1
            self._free.append(segment.buffer)
            self._changed.notify_all()
        return True

    def _help(self) -> None:
        """The second thread."""
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._waiting or self._is_ended)
                    if self._is_ended:
                        return
                self._work()
        except Exception as error:  # noqa: BLE001  # it belongs to the caller, who gets it at the next call
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _write_all(self, view: memoryview) -> None:
        """A raw file may take less than it is given."""
        while len(view):
            taken = self._write(view)
            view = view[taken:] if type(taken) is int else view[len(view) :]
