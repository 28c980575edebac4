"""HPKE sealing by the library, since its own randomness cannot be given; what it seals opens with the reference."""

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def seal(public: bytes, info: bytes, plain: bytes) -> bytes:
    """enc[1120] || ct || tag[16]; another one in each run."""
    mlkem, x25519 = MLKEM768PublicKey.from_public_bytes(public[:1184]), X25519PublicKey.from_public_bytes(public[1184:])
    return SUITE.encrypt(plain, hpke.MLKEM768X25519PublicKey(mlkem, x25519), info)
