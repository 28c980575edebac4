"""Ed25519 under a label, ML-DSA-44, and C2SP signed notes (docs/protocol.md 1 and 6.2)."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey

from crypto.encoding import b64, fields, unb64
from errors import FormatError, SignatureInvalid

SEED_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
MLDSA_PUBLIC_KEY_BYTES: Final = 1312
MLDSA_SIGNATURE_BYTES: Final = 2420
ED25519: Final = 0x01
COSIGNATURE_ED25519: Final = 0x04
COSIGNATURE_MLDSA: Final = 0x06
KEY_SIZES: Final = {
    ED25519: PUBLIC_KEY_BYTES,
    COSIGNATURE_ED25519: PUBLIC_KEY_BYTES,
    COSIGNATURE_MLDSA: MLDSA_PUBLIC_KEY_BYTES,
}
MOST_NOTE_SIGNATURES: Final = 64
LARGEST_NOTE_BYTES: Final = 512 * 1024
_FIELD_PRIME: Final = 2**255 - 19

Value = bytes | str | int | None


class SigningKey:
    """An Ed25519 key that signs labelled fields. It shows in no repr.

    OpenSSL holds it and overwrites it when this object is dropped; PyNaCl, which verifies faster, leaves copies of
    a signing key in freed memory.
    """

    __slots__ = ("_key", "public_key")

    def __init__(self, seed: bytes | bytearray) -> None:
        if len(seed) != SEED_BYTES:
            raise FormatError("a signing key has a seed of 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return "SigningKey(hidden)"

    def sign(self, label: bytes, *values: Value) -> bytes:
        """64 bytes over `fields(label, ...)`."""
        return self.sign_raw(fields(label, *values))

    def sign_raw(self, message: bytes) -> bytes:
        """64 bytes over the message as it is: for formats of others (signed notes, RFC 9421) alone."""
        return self._key.sign(message)


def verify(public_key: bytes, label: bytes, *values: Value, signature: bytes) -> None:
    """Raise SignatureInvalid unless the key signed `fields(label, ...)`."""
    verify_raw(public_key, fields(label, *values), signature)


def verify_raw(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Raise SignatureInvalid unless the key signed exactly this message."""
    try:
        VerifyKey(public_key).verify(message, signature)
    except (CryptoError, ValueError, TypeError) as error:
        raise SignatureInvalid("the signature does not fit") from error


def check_public_key(public_key: bytes) -> None:
    """Refuse an Ed25519 key that is not canonical, of small order, or outside the prime-order group.

    Called once, when a key is certified.

    Raises:
        FormatError: not a key that this protocol accepts.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise FormatError("an Ed25519 key has 32 bytes")
    if int.from_bytes(public_key, "little") & (2**255 - 1) >= _FIELD_PRIME:
        raise FormatError("the key is not in its canonical spelling")
    if not crypto_core_ed25519_is_valid_point(public_key):
        raise FormatError("the key is not a point of the prime-order group")


class MLDSAKey:
    """An ML-DSA-44 signing key, made from a 32-byte seed. Used on checkpoints and cosignatures only."""

    __slots__ = ("_key", "public_key")

    def __init__(self, seed: bytes | bytearray) -> None:
        if len(seed) != SEED_BYTES:
            raise FormatError("an ML-DSA key has a seed of 32 bytes")
        self._key = mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(seed))
        self.public_key = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return "MLDSAKey(hidden)"

    def sign_raw(self, message: bytes) -> bytes:
        """2,420 bytes over the message, empty context."""
        return self._key.sign(message)


def verify_mldsa(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Raise SignatureInvalid unless the ML-DSA-44 key signed this message."""
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureInvalid("the ML-DSA-44 signature does not fit") from error


# ---- C2SP signed notes ------------------------------------------------------------------------------------------

_NAME = re.compile(r"[^\s+\x00-\x1f]+\Z")
_VKEY = re.compile(r"(?P<name>[^\s+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]+)\Z")
_DASH: Final = "— "


def key_id(name: str, kind: int, public_key: bytes) -> bytes:
    """First 4 bytes of SHA-256(name || newline || type || key)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:4]


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A verifier key: name, type byte and public key."""

    name: str
    kind: int
    public_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise FormatError("a key name is not empty and has neither white space nor '+'")
        if KEY_SIZES.get(self.kind) != len(self.public_key):
            raise FormatError("the key's type and length do not fit")

    @property
    def id(self) -> bytes:
        """4 bytes."""
        return key_id(self.name, self.kind, self.public_key)

    def vkey(self) -> str:
        """`name+hex id+base64(type || key)`."""
        return f"{self.name}+{self.id.hex()}+{b64(bytes([self.kind]) + self.public_key)}"


def parse_vkey(text: str) -> NoteKey:
    """Read a verifier key.

    Raises:
        FormatError: another form, an unknown type, or an id that is not the key's.
    """
    found = _VKEY.match(text)
    if not found:
        raise FormatError("not a verifier key")
    raw = unb64(found["key"])
    key = NoteKey(found["name"], raw[0] if raw else 0, raw[1:])
    if key.id.hex() != found["id"]:
        raise FormatError("the id of the verifier key is not the key's")
    return key


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line of a note: name, 4-byte key id, and what follows it."""

    name: str
    id: bytes
    body: bytes = field(repr=False)

    def line(self) -> str:
        return f"{_DASH}{self.name} {b64(self.id + self.body)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note: text that ends in a newline, and signature lines."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def dump(self) -> bytes:
        """The note's bytes."""
        return (self.text + "\n" + "".join(one.line() for one in self.signatures)).encode()

    def by(self, key: NoteKey) -> list[NoteSignature]:
        """The signature lines with this key's name and id; the same lines may stand twice."""
        return [one for one in self.signatures if one.name == key.name and one.id == key.id]


def parse_note(data: bytes) -> Note:
    """Split a note into its text and signature lines; no signature is checked here.

    Raises:
        FormatError: not UTF-8, control characters, no signature line, or a line of another form.
    """
    if len(data) > LARGEST_NOTE_BYTES:
        raise FormatError("the note is too large")
    try:
        whole = bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("the note is not UTF-8") from error
    if any(ord(sign) < 0x20 and sign != "\n" for sign in whole):
        raise FormatError("the note has control characters")
    head, separator, tail = whole.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise FormatError("the note has no signature")
    lines = tail[:-1].split("\n")
    if len(lines) > MOST_NOTE_SIGNATURES:
        raise FormatError("the note has too many signatures")
    return Note(head + "\n", tuple(_parse_signature(line) for line in lines))


def _parse_signature(line: str) -> NoteSignature:
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2 or not _NAME.match(parts[0]):
        raise FormatError("a signature line has another form")
    raw = unb64(parts[1])
    if len(raw) < 5:
        raise FormatError("a signature line is too short")
    return NoteSignature(parts[0], raw[:4], raw[4:])


def sign_note(text: str, name: str, key: SigningKey) -> NoteSignature:
    """An Ed25519 (type 0x01) signature line over the note's text."""
    return NoteSignature(name, key_id(name, ED25519, key.public_key), key.sign_raw(text.encode()))


def verify_note(note: Note, keys: Sequence[NoteKey]) -> list[NoteKey]:
    """The Ed25519 keys (type 0x01) out of `keys` that signed this note.

    Raises:
        SignatureInvalid: a line with a known name and id does not verify, or no known key signed.
    """
    proven = []
    for key in keys:
        for one in note.by(key):
            if len(one.body) != SIGNATURE_BYTES:
                raise SignatureInvalid("a signature of the note has another length")
            verify_raw(key.public_key, note.text.encode(), one.body)
        if note.by(key):
            proven.append(key)
    if not proven:
        raise SignatureInvalid("no known key signed this note")
    return proven


def keys_by_name(keys: Sequence[NoteKey]) -> Mapping[str, list[NoteKey]]:
    """The same keys, found by their name."""
    found: dict[str, list[NoteKey]] = {}
    for key in keys:
        found.setdefault(key.name, []).append(key)
    return found
