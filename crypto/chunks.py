"""Cobblestone-256, the committing chunk format of payloads and stored files (C2SP chunked-encryption).

Streams from end to end are sealed and opened by `cryptography.cobblestone`, which works on a whole block outside of the
interpreter's lock. Reading from any chunk on is done here, with the same bytes (a test compares).
"""

import hmac
from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from crypto.buffers import overwrite_bytes
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


def _require_key(input_key: bytes | bytearray) -> None:
    if len(input_key) != KEY_BYTES:
        raise FormatError("a chunk stream has a key of 32 bytes")


class Sealer:
    """Seals a stream with the library's own encryptor. Call `update` or `update_into` with any pieces, then `finish`
    exactly once. `prefix`, the stream's first bytes, is known before the first byte of plaintext.
    """

    def __init__(self, input_key: bytes, context: bytes) -> None:
        _require_key(input_key)
        self._encryptor: Cobblestone256Encryptor | None = Cobblestone256Encryptor(bytes(input_key), context)
        self.prefix = self._encryptor.update(b"")
        self._taken = 0

    def __repr__(self) -> str:
        return "Sealer(hidden)"

    def output_bytes(self, size: int) -> int:
        """How many bytes `update_into` will write for the next `size` bytes of plaintext."""
        return ((self._taken + size) // CHUNK_BYTES - self._taken // CHUNK_BYTES) * SEALED_CHUNK_BYTES

    def update_into(self, data: bytes | bytearray | memoryview, out: bytearray | memoryview) -> int:
        """Write the sealed bytes that are complete so far (not the prefix) into `out`; returns how many.

        Raises:
            FormatError: the stream is finished, or `out` is smaller than `output_bytes` and one chunk more.
            LimitExceeded: the stream is longer than the format allows.
        """
        encryptor = self._open()
        if len(out) < self.output_bytes(len(data)) + SEALED_CHUNK_BYTES:
            raise FormatError("the buffer for sealed bytes is too small")
        self._taken += len(data)
        if self._taken // CHUNK_BYTES >= MOST_CHUNKS:
            raise LimitExceeded("a chunk stream has at most 2^38 chunks")
        return encryptor.update_into(data, out)

    def update(self, data: bytes | bytearray | memoryview) -> bytes:
        """Sealed bytes that are complete so far (not the prefix), in a buffer of their own."""
        encryptor = self._open()
        self._taken += len(data)
        return encryptor.update(data)

    def finish(self) -> bytes:
        """The last chunk, always shorter than a full one."""
        last = self._open().finalize()
        self.close()
        return last

    def close(self) -> None:
        """Let go of the key, also when the stream is given up."""
        self._encryptor = None

    def _open(self) -> Cobblestone256Encryptor:
        if self._encryptor is None:
            raise FormatError("the stream is finished")
        return self._encryptor


def open_pieces(input_key: bytes, context: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The plaintext of a stream that is read from its beginning to its end, by the library's own decryptor.

    What comes out is authentic, but the stream is whole only when the iterator ends without an error.

    Raises:
        DecryptionFailed: another key or context; altered, reordered or truncated bytes.
        FormatError: a key of another length.
    """
    _require_key(input_key)
    decryptor = Cobblestone256Decryptor(bytes(input_key), context)
    try:
        for piece in pieces:
            if plain := decryptor.update(piece):
                yield plain
        if plain := decryptor.finalize():
            yield plain
    except InvalidTag as error:
        raise DecryptionFailed("the stream was altered or cut off, or the key is of another one") from error


class _Cipher:
    """Key schedule and the opening of a run of chunks anywhere in a stream, which the library does not offer."""

    def __init__(self, input_key: bytes, context: bytes, salt: bytes) -> None:
        _require_key(input_key)
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
