"""Secret keys at rest under Argon2id of a passphrase, and secrets in memory that can be wiped.

File format: canonical JSON `{v, kdf, ops, memory_bytes, salt, box}`. The box is `nonce[12] || AES-256-GCM` of
`u8 length || name || u32 length || secret` for each secret, with the parameters as associated data, so that none can
be weakened unnoticed. AES-GCM is used here because its library opens into a buffer of ours, which can be wiped.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl import pwhash

from crypto import labels
from crypto.buffers import overwrite, overwrite_bytes
from crypto.encoding import b64u, dump_json, fields, parse_json, unb64u
from errors import FormatError, KeyUnusable, PassphraseWrong

KDF: Final = "argon2id"
SALT_BYTES: Final = 16
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
LARGEST_MEMORY_BYTES: Final = 2**31
MOST_OPS: Final = 16
SMALLEST_MEMORY_BYTES: Final = 8 * 2**20


class Secret:
    """Bytes that are overwritten when they are no longer needed. They show in no repr."""

    __slots__ = ("_bytes",)

    def __init__(self, value: bytes | bytearray | memoryview) -> None:
        self._bytes: bytearray | None = bytearray(value)

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wipe()

    @property
    def value(self) -> bytearray:
        """The secret itself, not a copy.

        Raises:
            KeyUnusable: it was wiped.
        """
        if self._bytes is None:
            raise KeyUnusable("this key was locked; unlock it again")
        return self._bytes

    def wipe(self) -> None:
        """Overwrite the bytes. A second call does nothing."""
        if self._bytes is not None:
            overwrite(self._bytes)
            self._bytes = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Argon2id parameters: passes and bytes of memory."""

    ops: int = pwhash.argon2id.OPSLIMIT_MODERATE
    memory_bytes: int = pwhash.argon2id.MEMLIMIT_MODERATE

    def __post_init__(self) -> None:
        fits = 1 <= self.ops <= MOST_OPS and SMALLEST_MEMORY_BYTES <= self.memory_bytes <= LARGEST_MEMORY_BYTES
        if not fits:
            raise FormatError("the Argon2id parameters are out of range")


MODERATE: Final = Cost()


def lock(
    secrets: Mapping[str, bytes | bytearray],
    passphrase: str,
    *,
    cost: Cost = MODERATE,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """The keyring file for these named secrets."""
    head = {
        "v": 1,
        "kdf": KDF,
        "ops": cost.ops,
        "memory_bytes": cost.memory_bytes,
        "salt": b64u(random_bytes(SALT_BYTES)),
    }
    content = _join(secrets)
    nonce = random_bytes(NONCE_BYTES)
    box = bytearray(len(content) + TAG_BYTES)
    key = _derive(passphrase, head)
    AESGCM(key).encrypt_into(nonce, content, _aad(head), box)
    overwrite_bytes(key)
    overwrite(content)
    box[:0] = nonce
    return dump_json({**head, "box": b64u(box)})


def unlock(data: bytes, passphrase: str) -> dict[str, Secret]:
    """The secrets of a keyring file.

    Raises:
        FormatError: not a keyring file, or parameters out of range.
        PassphraseWrong: the passphrase does not open it.
    """
    head, box = _parse(data)
    if len(box) < NONCE_BYTES + TAG_BYTES:
        raise FormatError("not a keyring file")
    content = bytearray(len(box) - NONCE_BYTES - TAG_BYTES)
    key = _derive(passphrase, head)
    try:
        AESGCM(key).decrypt_into(box[:NONCE_BYTES], box[NONCE_BYTES:], _aad(head), content)
        return _split(content)
    except InvalidTag as error:
        raise PassphraseWrong from error
    finally:
        overwrite_bytes(key)
        overwrite(content)


def _join(secrets: Mapping[str, bytes | bytearray]) -> bytearray:
    content = bytearray()
    for name, value in secrets.items():
        content += bytes([len(name)]) + name.encode("ascii") + len(value).to_bytes(4, "big") + value
    return content


def _split(content: bytearray) -> dict[str, Secret]:
    """The secrets behind an authentic box; each is copied once, into the buffer that will be wiped."""
    found, at = {}, 0
    while at < len(content):
        start = at + 1 + content[at]
        name = content[at + 1 : start].decode("ascii")
        end = start + 4 + int.from_bytes(content[start : start + 4], "big")
        found[name] = Secret(memoryview(content)[start + 4 : end])
        at = end
    return found


def _parse(data: bytes) -> tuple[dict[str, object], bytes]:
    found = parse_json(data, max_bytes=65536)
    if not isinstance(found, dict) or set(found) != {"v", "kdf", "ops", "memory_bytes", "salt", "box"}:
        raise FormatError("not a keyring file")
    if found["v"] != 1 or found["kdf"] != KDF:
        raise FormatError("a keyring file of another version")
    if not isinstance(found["ops"], int) or not isinstance(found["memory_bytes"], int):
        raise FormatError("not a keyring file")
    Cost(found["ops"], found["memory_bytes"])
    unb64u(found["salt"], SALT_BYTES)
    return {name: value for name, value in found.items() if name != "box"}, unb64u(found["box"])


def _derive(passphrase: str, head: Mapping[str, object]) -> bytes:
    ops, memory = head["ops"], head["memory_bytes"]
    if not isinstance(ops, int) or not isinstance(memory, int):
        raise FormatError("not a keyring file")
    salt = unb64u(head["salt"], SALT_BYTES)
    return pwhash.argon2id.kdf(KEY_BYTES, passphrase.encode("utf-8"), salt, opslimit=ops, memlimit=memory)


def _aad(head: Mapping[str, object]) -> bytes:
    return fields(labels.KEYRING, dump_json(dict(head)))
