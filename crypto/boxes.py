"""Small sealed records: XChaCha20-Poly1305 with a random nonce, and HKDF-SHA-512 (docs/protocol.md 1)."""

import hmac
import os
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from crypto.padding import padded, unpadded
from errors import DecryptionFailed, FormatError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
TAG_BYTES: Final = 16
OVERHEAD_BYTES: Final = NONCE_BYTES + TAG_BYTES

Random = Callable[[int], bytes]


def seal_box(key: bytes, aad: bytes, plaintext: bytes, random_bytes: Random = os.urandom) -> bytes:
    """nonce[24] || ciphertext || tag[16]."""
    _check_key(key)
    nonce = random_bytes(NONCE_BYTES)
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, aad, nonce, bytes(key))


def open_box(key: bytes, aad: bytes, box: bytes) -> bytes:
    """The plaintext of a box.

    Raises:
        DecryptionFailed: another key, other associated data, or altered bytes.
    """
    _check_key(key)
    if len(box) < OVERHEAD_BYTES:
        raise DecryptionFailed("the sealed record is cut off")
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(
            bytes(box[NONCE_BYTES:]), aad, bytes(box[:NONCE_BYTES]), bytes(key)
        )
    except CryptoError as error:
        raise DecryptionFailed("the sealed record does not open with this key") from error


def seal_padded(key: bytes, aad: bytes, data: bytes, size: int, random_bytes: Random = os.urandom) -> bytes:
    """A box of `padded(data, size)`: every box of one use has one length."""
    return seal_box(key, aad, padded(data, size), random_bytes)


def open_padded(key: bytes, aad: bytes, box: bytes, size: int) -> bytes:
    """The data in a box made by `seal_padded`."""
    return unpadded(open_box(key, aad, box), size)


def expand(key: bytes | bytearray, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-512."""
    return HKDFExpand(algorithm=hashes.SHA512(), length=length, info=info).derive(bytes(key))


def extract(salt: bytes, material: bytes | bytearray) -> bytes:
    """HKDF-Extract with SHA-512, 64 bytes."""
    return HKDF.extract(hashes.SHA512(), salt, bytes(material))


def tag16(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 cut to 16 bytes."""
    return hmac.new(bytes(key), message, "sha256").digest()[:16]


def is_equal(left: bytes, right: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left, right)


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise FormatError("a box key has 32 bytes")
