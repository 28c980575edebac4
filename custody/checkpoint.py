"""Signed tree heads and cosignatures (C2SP tlog-checkpoint, tlog-cosignature; docs/protocol.md 6.2)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from crypto import signing
from crypto.digests import DIGEST_BYTES
from crypto.encoding import b64, unb64
from crypto.signing import COSIGNATURE_ED25519, COSIGNATURE_MLDSA, ED25519, Note, NoteKey, NoteSignature
from errors import FormatError, SignatureInvalid

LARGEST_SIZE: Final = 2**63 - 1
_ORIGIN = re.compile(r"[^\s+\x00-\x1f]+\Z")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
_SUBTREE: Final = b"subtree/v1\n\x00"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of the log: origin, number of entries, root."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


def parse_body(text: str) -> Checkpoint:
    """Read a checkpoint's text; extension lines are not part of this protocol.

    Raises:
        FormatError: another form.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not _ORIGIN.match(lines[0]) or not _DECIMAL.match(lines[1]):
        raise FormatError("not a checkpoint")
    size = int(lines[1])
    if size > LARGEST_SIZE:
        raise FormatError("not a checkpoint")
    return Checkpoint(lines[0], size, unb64(lines[2], DIGEST_BYTES))


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The log's own keys."""

    origin: str
    ed25519: signing.SigningKey = field(repr=False)
    mldsa: signing.MLDSAKey = field(repr=False)

    def note_keys(self) -> tuple[NoteKey, NoteKey]:
        """Verifier keys: type 0x01 and 0x06, both named like the origin."""
        return (
            NoteKey(self.origin, ED25519, self.ed25519.public_key),
            NoteKey(self.origin, COSIGNATURE_MLDSA, self.mldsa.public_key),
        )


def sign_checkpoint(keys: LogKeys, checkpoint: Checkpoint, now: int) -> bytes:
    """The signed note: one Ed25519 line and one ML-DSA-44 line of the log."""
    if checkpoint.origin != keys.origin:
        raise FormatError("these keys are of another log")
    text = checkpoint.body()
    lines = (signing.sign_note(text, keys.origin, keys.ed25519), cosign_mldsa(keys.origin, keys.mldsa, checkpoint, now))
    return Note(text, lines).dump()


def cosign_ed25519(name: str, key: signing.SigningKey, checkpoint: Checkpoint, now: int) -> NoteSignature:
    """A witness's Ed25519 line (type 0x04)."""
    stamp = now.to_bytes(8, "big")
    signature = key.sign_raw(_cosignature_v1(checkpoint, now))
    return NoteSignature(name, NoteKey(name, COSIGNATURE_ED25519, key.public_key).id, stamp + signature)


def cosign_mldsa(name: str, key: signing.MLDSAKey, checkpoint: Checkpoint, now: int) -> NoteSignature:
    """An ML-DSA-44 line (type 0x06) for the whole tree."""
    stamp = now.to_bytes(8, "big")
    signature = key.sign_raw(_subtree_v1(name, checkpoint, now))
    return NoteSignature(name, NoteKey(name, COSIGNATURE_MLDSA, key.public_key).id, stamp + signature)


def _cosignature_v1(checkpoint: Checkpoint, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{checkpoint.body()}".encode()


def _subtree_v1(name: str, checkpoint: Checkpoint, timestamp: int) -> bytes:
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    if len(cosigner) > 255 or len(origin) > 255:
        raise FormatError("a key name has at most 255 bytes")
    return b"".join(
        [
            _SUBTREE,
            bytes([len(cosigner)]) + cosigner,
            timestamp.to_bytes(8, "big"),
            bytes([len(origin)]) + origin,
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        ]
    )


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint whose log signatures were verified, and what else stands under it."""

    checkpoint: Checkpoint
    note: Note = field(repr=False)

    def dump(self) -> bytes:
        """The note's bytes."""
        return self.note.dump()


def open_checkpoint(data: bytes, log_keys: Sequence[NoteKey]) -> SignedCheckpoint:
    """Parse a checkpoint and verify every line of the log.

    The Ed25519 line must be there, and the ML-DSA-44 line as soon as its key is known: who could strip it would take
    away what still holds when Ed25519 no longer does. Each stands once, so that a state of the log has one signature.

    Args:
        data: the signed note.
        log_keys: the log's verifier keys (type 0x01, and 0x06 where known).

    Raises:
        FormatError, SignatureInvalid
    """
    note = signing.parse_note(data)
    checkpoint = parse_body(note.text)
    ed25519 = [key for key in log_keys if key.kind == ED25519 and key.name == checkpoint.origin]
    signing.verify_note(note, ed25519)
    strong = [key for key in log_keys if key.kind == COSIGNATURE_MLDSA and key.name == checkpoint.origin]
    if strong and not [key for key in strong if cosigned_at(note, checkpoint, key) is not None]:
        raise SignatureInvalid("the log's ML-DSA-44 line is missing from the checkpoint")
    if any(len(note.by(key)) > 1 for key in (*ed25519, *strong)):
        raise SignatureInvalid("a line of the log stands twice under the checkpoint")
    return SignedCheckpoint(checkpoint, note)


def cosigned_at(note: Note, checkpoint: Checkpoint, key: NoteKey) -> int | None:
    """When this cosigner signed, in POSIX seconds; None if it did not.

    Raises:
        SignatureInvalid: a line with the key's name and id does not verify.
    """
    times = [_verify_line(one, checkpoint, key) for one in note.by(key)]
    return max(times) if times else None


def _verify_line(line: NoteSignature, checkpoint: Checkpoint, key: NoteKey) -> int:
    stamp, signature = line.body[:8], line.body[8:]
    timestamp = int.from_bytes(stamp, "big")
    if len(stamp) != 8 or not 0 < timestamp <= LARGEST_SIZE:
        raise SignatureInvalid("a cosignature has no time")
    if key.kind == COSIGNATURE_ED25519:
        signing.verify_raw(key.public_key, _cosignature_v1(checkpoint, timestamp), signature)
    elif key.kind == COSIGNATURE_MLDSA:
        signing.verify_mldsa(key.public_key, _subtree_v1(key.name, checkpoint, timestamp), signature)
    else:
        raise SignatureInvalid("this key makes no cosignatures")
    return timestamp


def with_lines(signed: SignedCheckpoint, lines: Sequence[NoteSignature]) -> SignedCheckpoint:
    """The same checkpoint with more cosignature lines; a line that is there already is not repeated.

    Of the log's own lines the first stays: it may have signed one state at two times.
    """
    own = {(one.name, one.id) for one in signed.note.signatures if one.name == signed.checkpoint.origin}
    new = [line for line in lines if line not in signed.note.signatures and (line.name, line.id) not in own]
    return SignedCheckpoint(signed.checkpoint, Note(signed.note.text, (*signed.note.signatures, *new)))
