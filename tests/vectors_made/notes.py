"""Formats of C2SP over the reference: verifier keys, signed notes, checkpoints, cosignatures, tlog-proofs.

Written from signed-note, tlog-checkpoint, tlog-cosignature and tlog-proof, and RFC 6962 for the paths.
"""

import base64
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import sha256

ED25519, COSIGNATURE, MLDSA = 0x01, 0x04, 0x06


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def mldsa_public(seed: bytes) -> bytes:
    return MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def key_id(name: str, kind: int, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + key)[:4]


def vkey(name: str, kind: int, key: bytes) -> str:
    return f"{name}+{key_id(name, kind, key).hex()}+{b64(bytes([kind]) + key)}"


def line(name: str, kind: int, key: bytes, body: bytes) -> str:
    return f"\u2014 {name} {b64(key_id(name, kind, key) + body)}\n"


def checkpoint(origin: str, size: int, root: bytes) -> str:
    return f"{origin}\n{size}\n{b64(root)}\n"


def log_line(origin: str, seed: bytes, text: str) -> str:
    """The log's own signature over the text."""
    return line(origin, ED25519, ref.public_key(seed), ref.sign(seed, text.encode()))


def ed25519_line(name: str, seed: bytes, text: str, time: int) -> str:
    """A cosignature/v1 of a witness."""
    signature = ref.sign(seed, f"cosignature/v1\ntime {time}\n{text}".encode())
    return line(name, COSIGNATURE, ref.public_key(seed), time.to_bytes(8, "big") + signature)


def subtree_message(name: str, origin: str, start: int, size: int, root: bytes, time: int) -> bytes:
    named = bytes([len(name)]) + name.encode() + time.to_bytes(8, "big") + bytes([len(origin)]) + origin.encode()
    return b"subtree/v1\n\0" + named + start.to_bytes(8, "big") + size.to_bytes(8, "big") + root


def mldsa_line(
    name: str, seed: bytes, origin: str, size: int, root: bytes, time: int, *, start: int = 0, signer: str = ""
) -> str:
    """A subtree/v1 signature; `start` and `signer` are for messages that say something else than the line."""
    message = subtree_message(signer or name, origin, start, size, root, time)
    signature = MLDSA44PrivateKey.from_seed_bytes(seed).sign(message)
    return line(name, MLDSA, mldsa_public(seed), time.to_bytes(8, "big") + signature)


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962, 2.1.1; `leaves` are leaf data."""
    if len(leaves) == 1:
        return []
    cut = split(len(leaves))
    if index < cut:
        return [*path(leaves[:cut], index), ref.tree(leaves[cut:])]
    return [*path(leaves[cut:], index - cut), ref.tree(leaves[:cut])]


def consistency(leaves: Sequence[bytes], old: int, whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of RFC 6962, 2.1.2."""
    if old == len(leaves):
        return [] if whole else [ref.tree(leaves)]
    cut = split(len(leaves))
    if old <= cut:
        return [*consistency(leaves[:cut], old, whole), ref.tree(leaves[cut:])]
    return [*consistency(leaves[cut:], old - cut, False), ref.tree(leaves[:cut])]


def split(size: int) -> int:
    cut = 1
    while cut * 2 < size:
        cut *= 2
    return cut


def proof(index: int, hashes: Sequence[bytes], note: str) -> str:
    return "\n".join(["c2sp.org/tlog-proof@v1", f"index {index}", *map(b64, hashes), "", note])
