"""X-Wing stanzas: HPKE base mode with MLKEM768-X25519, HKDF-SHA256, AES-256-GCM (docs/protocol.md 1).

A secret key is kept as its 96 bytes: ML-KEM seed (64) || X25519 key (32). A public key is ML-KEM-768
encapsulation key (1,184) || X25519 key (32).
"""

import os
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from crypto.buffers import overwrite_bytes
from errors import DecryptionFailed, FormatError

SECRET_BYTES: Final = 96
MLKEM_SEED_BYTES: Final = 64
MLKEM_PUBLIC_BYTES: Final = 1184
PUBLIC_BYTES: Final = MLKEM_PUBLIC_BYTES + 32
OVERHEAD_BYTES: Final = 1120 + 16

_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class ReceivingKey:
    """The secret half of a receiving key. It shows in no repr."""

    __slots__ = ("_key", "public_key")

    def __init__(self, secret: bytes | bytearray) -> None:
        if len(secret) != SECRET_BYTES:
            raise FormatError("a receiving key has 96 secret bytes")
        view = memoryview(secret)
        parts = bytes(view[:MLKEM_SEED_BYTES]), bytes(view[MLKEM_SEED_BYTES:])
        mlkem = MLKEM768PrivateKey.from_seed_bytes(parts[0])
        x25519 = X25519PrivateKey.from_private_bytes(parts[1])
        for part in parts:
            overwrite_bytes(part)
        self._key = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)
        self.public_key = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return "ReceivingKey(hidden)"

    def open(self, info: bytes, sealed: bytes) -> bytes:
        """What was sealed to this key under this info.

        Raises:
            DecryptionFailed: sealed to another key, under another info, or altered.
        """
        try:
            return _SUITE.decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed("this was not sealed to this key") from error


def generate(random_bytes: Callable[[int], bytes] = os.urandom) -> bytearray:
    """96 fresh secret bytes of a receiving key."""
    return bytearray(random_bytes(SECRET_BYTES))


def check_public_key(public_key: bytes) -> None:
    """Refuse what is not an X-Wing public key; called when a key is certified.

    Raises:
        FormatError: another length, or coefficients out of range.
    """
    _load(public_key)


def seal(public_key: bytes, info: bytes, plaintext: bytes) -> bytes:
    """enc[1120] || ciphertext || tag[16], to this receiving key."""
    return _SUITE.encrypt(plaintext, _load(public_key), info)


def _load(public_key: bytes) -> hpke.MLKEM768X25519PublicKey:
    if len(public_key) != PUBLIC_BYTES:
        raise FormatError("a receiving key has 1,216 public bytes")
    try:
        return hpke.MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(bytes(public_key[:MLKEM_PUBLIC_BYTES])),
            X25519PublicKey.from_public_bytes(bytes(public_key[MLKEM_PUBLIC_BYTES:])),
        )
    except ValueError as error:
        raise FormatError("this is not a receiving key") from error
