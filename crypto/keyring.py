"""Secret keys at rest under Argon2id of a passphrase, and secrets in memory that can be wiped.

File format: canonical JSON `{v, kdf, ops, memory_bytes, salt, box}`; the box is XChaCha20-Poly1305 with the
parameters as associated data, so that none can be weakened unnoticed.
"""

import ctypes
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from nacl import pwhash

from crypto import boxes, labels
from crypto.encoding import b64u, dump_json, fields, parse_json, unb64u
from errors import DecryptionFailed, FormatError, KeyUnusable, PassphraseWrong

KDF: Final = "argon2id"
SALT_BYTES: Final = 16
LARGEST_MEMORY_BYTES: Final = 2**31
MOST_OPS: Final = 16
SMALLEST_MEMORY_BYTES: Final = 8 * 2**20


class Secret:
    """Bytes that are overwritten when they are no longer needed. They show in no repr."""

    __slots__ = ("_bytes",)

    def __init__(self, value: bytes | bytearray) -> None:
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


def overwrite(buffer: bytearray) -> None:
    """Fill a buffer with zeros in place."""
    size = len(buffer)
    if size:
        ctypes.memset((ctypes.c_char * size).from_buffer(buffer), 0, size)


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
    content = bytearray(dump_json({name: b64u(value) for name, value in secrets.items()}))
    key = _derive(passphrase, head)
    box = boxes.seal_box(bytes(key), _aad(head), bytes(content), random_bytes)
    overwrite(key)
    overwrite(content)
    return dump_json({**head, "box": b64u(box)})


def unlock(data: bytes, passphrase: str) -> dict[str, Secret]:
    """The secrets of a keyring file.

    Raises:
        FormatError: not a keyring file, or parameters out of range.
        PassphraseWrong: the passphrase does not open it.
    """
    head, box = _parse(data)
    key = _derive(passphrase, head)
    try:
        content = bytearray(boxes.open_box(bytes(key), _aad(head), box))
    except DecryptionFailed as error:
        raise PassphraseWrong from error
    finally:
        overwrite(key)
    names = parse_json(bytes(content))
    overwrite(content)
    return {name: Secret(unb64u(value)) for name, value in names.items()}


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


def _derive(passphrase: str, head: Mapping[str, object]) -> bytearray:
    ops, memory = head["ops"], head["memory_bytes"]
    if not isinstance(ops, int) or not isinstance(memory, int):
        raise FormatError("not a keyring file")
    salt = unb64u(head["salt"], SALT_BYTES)
    return bytearray(
        pwhash.argon2id.kdf(boxes.KEY_BYTES, passphrase.encode("utf-8"), salt, opslimit=ops, memlimit=memory)
    )


def _aad(head: Mapping[str, object]) -> bytes:
    return fields(labels.KEYRING, dump_json(dict(head)))
