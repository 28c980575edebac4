"""Cobblestone-256, the committing chunk format of payloads and stored files (C2SP chunked-encryption).

Writing and reading are streams; reading can start at any chunk, and the salt can be chosen. The bytes are those of
`cryptography.cobblestone` (a test compares). One thread works on a stream: two that share its chunks are slower
than one, because they wait for the interpreter's lock every 16 KiB. The second core hashes and writes (sealing.py).
"""

import hmac
import os
from collections.abc import Callable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from crypto.buffers import overwrite, overwrite_bytes
from errors import DecryptionFailed, FormatError, KeyUnusable, LimitExceeded

KEY_BYTES: Final = 32
SALT_BYTES: Final = 24
COMMITMENT_BYTES: Final = 32
PREFIX_BYTES: Final = SALT_BYTES + COMMITMENT_BYTES
CHUNK_BYTES: Final = 16 * 1024
TAG_BYTES: Final = 16
SEALED_CHUNK_BYTES: Final = CHUNK_BYTES + TAG_BYTES
MOST_CHUNKS: Final = 2**38
_LABEL: Final = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"


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
        key = okm[:KEY_BYTES]
        self._aead = AESGCM(key)
        self._base = int.from_bytes(okm[32:44], "big")
        self.commitment = okm[44:76]
        overwrite_bytes(key)
        overwrite_bytes(okm)

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


class Sealer:
    """Seals a stream. Call `update` or `update_into` with any pieces, then `finish` exactly once.

    The salt may be chosen by the caller (random, never twice under one key), so that `prefix` is known before
    the first byte of plaintext.
    """

    def __init__(self, input_key: bytes, context: bytes, salt: bytes | None = None) -> None:
        salt = os.urandom(SALT_BYTES) if salt is None else salt
        self._cipher: _Cipher | None = _Cipher(input_key, context, salt)
        self._rest = bytearray()  # shorter than a chunk
        self._next = 0
        self.prefix = salt + self._cipher.commitment

    def __repr__(self) -> str:
        return "Sealer(hidden)"

    def output_bytes(self, size: int) -> int:
        """How many bytes `update_into` will write for the next `size` bytes of plaintext."""
        return (len(self._rest) + size) // CHUNK_BYTES * SEALED_CHUNK_BYTES

    def update_into(self, data: bytes | bytearray | memoryview, out: memoryview) -> int:
        """Write the sealed bytes that are complete so far (not the prefix) into `out`; returns how many.

        Raises:
            FormatError: the stream is finished, or `out` is smaller than `output_bytes`.
        """
        cipher = self._open()
        size = self.output_bytes(len(data))
        if len(out) < size:
            raise FormatError("the buffer for sealed bytes is too small")
        view, written = memoryview(data), 0
        if self._rest:
            missing = CHUNK_BYTES - len(self._rest)
            self._rest += view[:missing]
            view = view[missing:]
            if size:
                cipher.seal(memoryview(self._rest), out[:SEALED_CHUNK_BYTES], self._next)
                self._next, written = self._next + 1, SEALED_CHUNK_BYTES
                self._rest = bytearray()
        full = len(view) // CHUNK_BYTES
        if full:
            cipher.seal(view[: full * CHUNK_BYTES], out[written:size], self._next)
            self._next += full
        self._rest += view[full * CHUNK_BYTES :]
        return size

    def update(self, data: bytes | bytearray | memoryview) -> bytearray:
        """Sealed bytes that are complete so far (not the prefix), in a buffer of their own."""
        out = bytearray(self.output_bytes(len(data)))
        self.update_into(data, memoryview(out))
        return out

    def finish(self) -> bytearray:
        """The last chunk, always shorter than a full one."""
        cipher = self._open()
        out = bytearray(len(self._rest) + TAG_BYTES)
        cipher.seal(memoryview(self._rest), memoryview(out), self._next)
        self.close()
        return out

    def close(self) -> None:
        """Let go of the key, also when the stream is given up."""
        overwrite(self._rest)
        self._cipher = None

    def _open(self) -> _Cipher:
        if self._cipher is None:
            raise FormatError("the stream is finished")
        return self._cipher


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
        cipher = _Cipher(input_key, context, prefix[:SALT_BYTES])
        if not hmac.compare_digest(cipher.commitment, prefix[SALT_BYTES:]):
            raise DecryptionFailed("the key does not belong to this stream")
        self._cipher: _Cipher | None = cipher

    def __repr__(self) -> str:
        return "Opener(hidden)"

    def close(self) -> None:
        """Let go of the key."""
        self._cipher = None

    def sealed_range(self, first_chunk: int, chunks: int) -> tuple[int, int]:
        """Start and end, in sealed bytes, of a run of chunks (cut at the stream's end)."""
        start = PREFIX_BYTES + first_chunk * SEALED_CHUNK_BYTES
        end = min(start + chunks * SEALED_CHUNK_BYTES, sealed_length(self.plain_bytes))
        return start, end

    def open_run(self, sealed: bytes | bytearray | memoryview, first_chunk: int) -> bytearray:
        """Plaintext of consecutive chunks that start at `first_chunk`.

        Raises:
            DecryptionFailed: altered, reordered, truncated or foreign chunks.
            KeyUnusable: the stream was closed.
        """
        if self._cipher is None:
            raise KeyUnusable("this stream was closed; open it again")
        count = max(1, -(-len(sealed) // SEALED_CHUNK_BYTES))
        start = first_chunk * CHUNK_BYTES
        size = min(count * CHUNK_BYTES, self.plain_bytes - start)
        if first_chunk < 0 or size < 0 or len(sealed) != size + count * TAG_BYTES:
            raise DecryptionFailed("these are not whole chunks of the stream")
        out = bytearray(size)
        self._cipher.open(memoryview(sealed), memoryview(out), first_chunk)
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
