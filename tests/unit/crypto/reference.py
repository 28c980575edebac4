"""A second implementation of the formats of docs/protocol.md, written from its text for the vectors alone.

It shares no line with `crypto/`: HKDF and HPKE are spelled out over HMAC, trees by the definition of RFC 6962,
shares by interpolation with logarithms, Ed25519 by OpenSSL, XChaCha20-Poly1305 by libsodium's wrapper. It is slow and
not constant in time. Where both agree, the text can be implemented from the text.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from nacl.secret import Aead

CHUNK = 16384


def fields(*items: bytes | str | int) -> bytes:
    raw = [
        item.to_bytes(8, "big") if isinstance(item, int) else item.encode() if isinstance(item, str) else item
        for item in items
    ]
    return len(raw).to_bytes(4, "big") + b"".join(len(one).to_bytes(4, "big") + one for one in raw)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def extract(salt: bytes, ikm: bytes, digest: str = "sha512") -> bytes:
    return hmac.new(salt, ikm, digest).digest()


def expand(prk: bytes, info: bytes, size: int, digest: str = "sha512") -> bytes:
    out, last, number = b"", b"", 1
    while len(out) < size:
        last = hmac.new(prk, last + info + bytes([number]), digest).digest()
        out, number = out + last, number + 1
    return out[:size]


def tree(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    cut = 1
    while cut * 2 < len(leaves):
        cut *= 2
    return sha256(b"\1" + tree(leaves[:cut]) + tree(leaves[cut:]))


def blocks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)] or [b""]


def padme(size: int) -> int:
    if size < 4096:
        return 4096
    exponent = 0
    while 1 << (exponent + 1) <= size:
        exponent += 1
    kept = 0
    while 1 << (kept + 1) <= exponent:
        kept += 1
    unit = 1 << (exponent - (kept + 1))
    return -(-size // unit) * unit


def padded(data: bytes, size: int) -> bytes:
    return (len(data).to_bytes(4, "big") + data).ljust(size, b"\0")


def box(key: bytes, aad: bytes, nonce: bytes, data: bytes) -> bytes:
    return bytes(Aead(key).encrypt(data, aad, nonce))


def cobblestone(key: bytes, context: bytes, salt: bytes, data: bytes) -> bytes:
    okm = expand(key, b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context, 76)
    cipher, base = AESGCM(okm[:32]), int.from_bytes(okm[32:44], "big")
    out = salt + okm[44:]
    for number in range(len(data) // CHUNK + 1):
        nonce = (base ^ number).to_bytes(12, "big")
        out += cipher.encrypt(nonce, data[number * CHUNK : (number + 1) * CHUNK], None)
    return out


def public_key(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def xwing_public(secret: bytes) -> bytes:
    mlkem = MLKEM768PrivateKey.from_seed_bytes(secret[:64])
    x25519 = X25519PrivateKey.from_private_bytes(secret[64:])
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def xwing_open(secret: bytes, enc: bytes) -> bytes:
    """The shared secret of X-Wing (draft-connolly-cfrg-xwing-kem)."""
    x25519 = X25519PrivateKey.from_private_bytes(secret[64:])
    inner = MLKEM768PrivateKey.from_seed_bytes(secret[:64]).decapsulate(enc[:1088])
    outer = x25519.exchange(X25519PublicKey.from_public_bytes(enc[1088:]))
    label = b"\\.//^\\"
    return hashlib.sha3_256(inner + outer + enc[1088:] + x25519.public_key().public_bytes_raw() + label).digest()


def hpke_schedule(shared: bytes, info: bytes, aead: int) -> tuple[bytes, bytes]:
    """Key and base nonce in base mode with HKDF-SHA256 (RFC 9180, section 5.1)."""
    suite = b"HPKE" + (0x647A).to_bytes(2, "big") + (1).to_bytes(2, "big") + aead.to_bytes(2, "big")

    def labelled(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return extract(salt, b"HPKE-v1" + suite + label + ikm, "sha256")

    context = b"\0" + labelled(b"", b"psk_id_hash", b"") + labelled(b"", b"info_hash", info)
    secret = labelled(shared, b"secret", b"")

    def derive(label: bytes, size: int) -> bytes:
        return expand(secret, size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context, size, "sha256")

    return derive(b"key", 32), derive(b"base_nonce", 12)


def hpke_open(secret: bytes, info: bytes, sealed: bytes, aead: int = 2, aad: bytes | None = None) -> bytes:
    key, nonce = hpke_schedule(xwing_open(secret, sealed[:1120]), info, aead)
    cipher = AESGCM(key) if aead == 2 else ChaCha20Poly1305(key)
    return cipher.decrypt(nonce, sealed[1120:], aad)


def _tables() -> tuple[list[int], list[int]]:
    powers, logs, value = [0] * 510, [0] * 256, 1
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logs[value] = exponent
        doubled = value << 1 ^ (0x11B if value & 0x80 else 0)
        value ^= doubled  # times 3, a generator of the field
    return powers, logs


POWERS, LOGS = _tables()


def _times(left: int, right: int) -> int:
    return POWERS[LOGS[left] + LOGS[right]] if left and right else 0


def share(secret: bytes, higher: Sequence[bytes], x: int) -> bytes:
    """secret + higher[0] x + higher[1] x^2 + ... in each byte."""
    out = bytearray()
    for place, value in enumerate(secret):
        power = 1
        for coefficients in higher:
            power = _times(power, x)
            value ^= _times(coefficients[place], power)
        out.append(value)
    return bytes(out)
