"""Signed notes: checkpoints of the log with their cosignatures, and proofs that an entry stands in the log."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from .encoding import Malformed, b64, verify_ed25519
from .merkle import leaf_hash, root_from_inclusion
from .trust import NoteKey, Trust

DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
MAX_LINES = 64
MAX_NOTE = 512 * 1024
MAX_HASHES = 63


@dataclass(frozen=True)
class Checkpoint:
    """A state of the log: its size and root, and the note it was read from."""

    origin: str
    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True)
class Proof:
    """A proof that an entry stands in the log: its index, the path, and the note that it leads to."""

    index: int
    path: list[bytes]
    note: bytes


def _number(text: str) -> int:
    if not DECIMAL.fullmatch(text) or int(text) >= 2**63:
        raise Malformed("not a decimal number")
    return int(text)


def _split(note: bytes) -> tuple[bytes, list[str]]:
    end = note.rfind(b"\n\n")
    if len(note) > MAX_NOTE or end < 0 or not note.endswith(b"\n") or re.search(rb"[\x00-\x09\x0b-\x1f]", note):
        raise Malformed("not a signed note")
    try:
        lines = note[end + 2 : -1].decode("utf-8").split("\n")
        note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("note is not UTF-8") from error
    if len(lines) > MAX_LINES:
        raise Malformed("too many signatures")
    return note[: end + 1], lines


def _verify_ml_dsa(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        MLDSA44PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _line_is_good(key: NoteKey, signature: bytes, body: bytes, checkpoint: Checkpoint) -> bool:
    if key.type == 0x01:
        return verify_ed25519(key.key, signature, body)
    time = int.from_bytes(signature[:8], "big")
    if len(signature) < 8 or not 0 < time < 2**63:
        return False
    if key.type == 0x04:
        return verify_ed25519(key.key, signature[8:], b"cosignature/v1\ntime %d\n" % time + body)
    name, origin = key.name.encode(), checkpoint.origin.encode("utf-8")
    if len(signature) != 8 + 2420 or not 0 < len(name) < 256 or not 0 < len(origin) < 256:
        return False
    message = b"subtree/v1\n\x00" + bytes([len(name)]) + name + signature[:8] + bytes([len(origin)]) + origin
    message += bytes(8) + checkpoint.size.to_bytes(8, "big") + checkpoint.root
    return _verify_ml_dsa(key.key, signature[8:], message)


def _known_lines(lines: list[str], keys: list[NoteKey]) -> list[tuple[NoteKey, bytes]]:
    known = []
    for line in lines:
        match = re.fullmatch("\u2014 ([^+\\s]+) ([A-Za-z0-9+/]+=*)", line)
        if not match:
            raise Malformed("signature line has not the form of a note")
        raw = b64(match.group(2))
        if len(raw) < 5:
            raise Malformed("signature is cut short")
        known += [(key, raw[4:]) for key in keys if key.name == match.group(1) and key.key_id == raw[:4]]
    return known


def read_checkpoint(note: bytes, origin: str, trust: Trust) -> Checkpoint:
    """Check a checkpoint of this log: the log's own lines, every known witness's line, the quorum."""
    body, lines = _split(note)
    texts = body.decode("utf-8").split("\n")
    if len(texts) != 4 or texts[0] != origin:
        raise Malformed("not a checkpoint of this log, or one with further lines")
    checkpoint = Checkpoint(origin, _number(texts[1]), b64(texts[2], 32), note)
    own = [key for key in trust.logs if key.name == origin]
    if not any(key.type == 0x01 for key in own):
        raise Malformed("the trust file does not name this log's Ed25519 key")
    known = _known_lines(lines, [*own, *trust.witnesses.values()])
    for key in own:
        if sum(other == key for other, _ in known) != 1:
            raise Malformed(f"not exactly one line of the log's key of type {key.type}")
    for key, signature in known:
        if not _line_is_good(key, signature, body, checkpoint):
            raise Malformed(f"signature of {key.name} (type {key.type}) is wrong")
    signers = {key for key, _ in known}
    if not trust.confirmed({name for name, key in trust.witnesses.items() if key in signers}):
        raise Malformed("the quorum of witnesses has not confirmed it")
    return checkpoint


def read_proof(data: bytes) -> Proof:
    """Parse a tlog-proof without an `extra` line."""
    head, separator, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("proof is not ASCII") from error
    if not separator or len(lines) < 2 or lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("index "):
        raise Malformed("not a tlog-proof")
    if len(lines) > 2 + MAX_HASHES:
        raise Malformed("proof is too long")
    return Proof(_number(lines[1][6:]), [b64(line, 32) for line in lines[2:]], note)


def prove(data: bytes, entry: bytes, checkpoint: Checkpoint) -> int:
    """The index at which the entry stands in the log, by a proof that ends in this very checkpoint."""
    proof = read_proof(data)
    if proof.note != checkpoint.note:
        raise Malformed("proof ends in another checkpoint")
    if root_from_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.path) != checkpoint.root:
        raise Malformed("proof does not lead to the root")
    return proof.index
