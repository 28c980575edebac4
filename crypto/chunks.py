"""Cobblestone-256, the committing chunk format of payloads and stored files (C2SP chunked-encryption).

Writing and reading are streams; reading can start at any chunk. Chunks of a batch are worked on by two threads,
since AES-GCM releases the interpreter's lock. The bytes are those of `cryptography.cobblestone` (a test compares).
"""

import hmac
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from errors import DecryptionFailed, FormatError, LimitExceeded

KEY_BYTES: Final = 32
SALT_BYTES: Final = 24
COMMITMENT_BYTES: Final = 32
PREFIX_BYTES: Final = SALT_BYTES + COMMITMENT_BYTES
CHUNK_BYTES: Final = 16 * 1024
TAG_BYTES: Final = 16
SEALED_CHUNK_BYTES: Final = CHUNK_BYTES + TAG_BYTES
MOST_CHUNKS: Final = 2**38
_LABEL: Final = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
_SMALLEST_SPLIT: Final = 32  # chunks; below it a second thread costs more than it brings


def sealed_length(plain_bytes: int) -> int:
    """Ciphertext length of this many plaintext bytes."""
    return PREFIX_BYTES + plain_bytes + TAG_BYTES * (plain_bytes // CHUNK_BYTES + 1)


def plain_length(sealed_bytes: int) -> int:
    """Plaintext length of this many ciphertext bytes.

    Raises:
        FormatError: no message has this length.
    """
    chunks, rest = divmod(sealed_bytes - PREFIX_BYTES, SEALED_CHUNK_BYTES)
    if sealed_bytes < PREFIX_BYTES or rest < TAG_BYTES:
        raise FormatError("the sealed stream is truncated")
    return chunks * CHUNK_BYTES + rest - TAG_BYTES


class _Cipher:
    """Key schedule and the two operations on a run of chunks."""

    def __init__(self, input_key: bytes, context: bytes, salt: bytes) -> None:
        if len(input_key) != KEY_BYTES or len(salt) != SALT_BYTES:
            raise FormatError("a chunk stream has a key of 32 and a salt of 24 bytes")
        okm = HKDFExpand(hashes.SHA512(), 76, _LABEL + salt + context).derive(bytes(input_key))
        self._aead = AESGCM(okm[:32])
        self._base = int.from_bytes(okm[32:44], "big")
        self.commitment = okm[44:76]

    def _nonce(self, chunk: int) -> bytes:
        if chunk >= MOST_CHUNKS:
            raise LimitExceeded("a chunk stream has at most 2^38 chunks")
        return (self._base ^ chunk).to_bytes(12, "big")

    def seal(self, view: memoryview, out: memoryview, first: int) -> None:
        """Seal the chunks of `view` (all full but the last) into `out`."""
        for number in range(max(1, -(-len(view) // CHUNK_BYTES))):
            chunk = view[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
            start = number * SEALED_CHUNK_BYTES
            self._aead.encrypt_into(
                self._nonce(first + number), chunk, None, out[start : start + len(chunk) + TAG_BYTES]
            )

    def open(self, view: memoryview, out: memoryview, first: int) -> None:
        """Open the sealed chunks of `view` into `out`."""
        for number in range(max(1, -(-len(view) // SEALED_CHUNK_BYTES))):
            chunk = view[number * SEALED_CHUNK_BYTES : (number + 1) * SEALED_CHUNK_BYTES]
            start = number * CHUNK_BYTES
            try:
                self._aead.decrypt_into(
                    self._nonce(first + number), chunk, None, out[start : start + len(chunk) - TAG_BYTES]
                )
            except (InvalidTag, ValueError) as error:
                raise DecryptionFailed("a chunk was altered, or is not of this stream") from error


Work = Callable[[memoryview, memoryview, int], None]


class _Threads:
    """Two halves of a batch at once."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chunks")

    def run(self, work: Work, source: memoryview, out: memoryview, first: int, steps: tuple[int, int]) -> None:
        chunks = len(source) // steps[0]
        if chunks < _SMALLEST_SPLIT:
            work(source, out, first)
            return
        cut = chunks // 2
        other = self._pool.submit(work, source[: cut * steps[0]], out[: cut * steps[1]], first)
        try:
            work(source[cut * steps[0] :], out[cut * steps[1] :], first + cut)
        finally:
            other.result()

    def close(self) -> None:
        self._pool.shutdown()


class Sealer:
    """Seals a stream. Call `update` with any pieces, then `finish` exactly once.

    The salt may be chosen by the caller (random, never twice under one key), so that `prefix` is known before
    the first byte of plaintext.
    """

    def __init__(self, input_key: bytes, context: bytes, salt: bytes | None = None) -> None:
        salt = os.urandom(SALT_BYTES) if salt is None else salt
        self._cipher = _Cipher(input_key, context, salt)
        self._threads = _Threads()
        self._rest = bytearray()
        self._next = 0
        self._done = False
        self.prefix = salt + self._cipher.commitment

    def update(self, data: bytes | bytearray | memoryview) -> bytearray:
        """Sealed bytes that are complete so far (not the prefix)."""
        if self._done:
            raise FormatError("the stream is finished")
        view: bytes | bytearray | memoryview = data
        if self._rest:
            self._rest += data
            view = self._rest
        full = len(view) // CHUNK_BYTES
        out = bytearray(full * SEALED_CHUNK_BYTES)
        whole = memoryview(view)
        if full:
            self._threads.run(
                self._cipher.seal,
                whole[: full * CHUNK_BYTES],
                memoryview(out),
                self._next,
                (CHUNK_BYTES, SEALED_CHUNK_BYTES),
            )
            self._next += full
        rest = bytearray(whole[full * CHUNK_BYTES :])
        whole.release()
        self._rest = rest
        return out

    def finish(self) -> bytearray:
        """The last chunk, always shorter than a full one."""
        if self._done:
            raise FormatError("the stream is finished")
        self._done = True
        out = bytearray(len(self._rest) + TAG_BYTES)
        self._cipher.seal(memoryview(self._rest), memoryview(out), self._next)
        self.close()
        return out

    def close(self) -> None:
        """End the helper thread, also when the stream is given up."""
        self._threads.close()


class Opener:
    """Opens a stream, or any run of its chunks. The commitment is checked before any chunk.

    Raises (constructor):
        FormatError: the length is not that of a message, or the prefix is cut off.
        DecryptionFailed: the key or the context is another.
    """

    def __init__(self, input_key: bytes, context: bytes, prefix: bytes, sealed_bytes: int) -> None:
        if len(prefix) != PREFIX_BYTES:
            raise FormatError("the sealed stream is truncated")
        self.plain_bytes = plain_length(sealed_bytes)
        self._cipher = _Cipher(input_key, context, prefix[:SALT_BYTES])
        if not hmac.compare_digest(self._cipher.commitment, prefix[SALT_BYTES:]):
            raise DecryptionFailed("the key does not belong to this stream")
        self._threads = _Threads()

    def close(self) -> None:
        """End the helper thread."""
        self._threads.close()

    def sealed_range(self, first_chunk: int, chunks: int) -> tuple[int, int]:
        """Start and end, in sealed bytes, of a run of chunks (cut at the stream's end)."""
        start = PREFIX_BYTES + first_chunk * SEALED_CHUNK_BYTES
        end = min(start + chunks * SEALED_CHUNK_BYTES, sealed_length(self.plain_bytes))
        return start, end

    def open_run(self, sealed: bytes | bytearray | memoryview, first_chunk: int) -> bytearray:
        """Plaintext of consecutive chunks that start at `first_chunk`.

        Raises:
            DecryptionFailed: altered, reordered, truncated or foreign chunks.
        """
        count = max(1, -(-len(sealed) // SEALED_CHUNK_BYTES))
        start = first_chunk * CHUNK_BYTES
        size = min(count * CHUNK_BYTES, self.plain_bytes - start)
        if first_chunk < 0 or size < 0 or len(sealed) != size + count * TAG_BYTES:
            raise DecryptionFailed("these are not whole chunks of the stream")
        out = bytearray(size)
        self._threads.run(
            self._cipher.open,
            memoryview(sealed),
            memoryview(out),
            first_chunk,
            (SEALED_CHUNK_BYTES, CHUNK_BYTES),
        )
        return out

    def open_stream(
        self, read: Callable[[int, int], bytes | bytearray], batch_chunks: int = 256
    ) -> Iterator[bytearray]:
        """All plaintext, in order. `read(start, end)` gives sealed bytes, prefix included in the counting.

        What comes out is authentic, but the stream is whole only when the iterator ends without an error.
        """
        chunks = self.plain_bytes // CHUNK_BYTES + 1
        for first in range(0, chunks, batch_chunks):
            start, end = self.sealed_range(first, min(batch_chunks, chunks - first))
            yield self.open_run(read(start, end), first)
