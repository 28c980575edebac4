"""A witness: cosign a checkpoint that continues the last one (C2SP tlog-witness v1.0.0; docs/protocol.md 6.2).

The logic of `POST add-checkpoint` as bytes in, answer out. It runs at a desk or in a small process of its own; who
serves HTTP passes the body in and the answer out. The status belongs to the protocol of others, not to our pages.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from crypto import signing
from crypto.digests import DIGEST_BYTES, EMPTY_ROOT, sha256
from crypto.encoding import b64, unb64
from crypto.signing import COSIGNATURE_ED25519, COSIGNATURE_MLDSA, NoteKey
from custody import tree
from custody.checkpoint import SignedCheckpoint, cosign_ed25519, cosign_mldsa, open_checkpoint, parse_body, with_lines
from errors import FormatError, NotFound, ProofError, SignatureInvalid

MOST_HASHES: Final = 63
LARGEST_REQUEST_BYTES: Final = 600 * 1024
TEXT: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})\Z")


@dataclass(frozen=True, slots=True)
class Request:
    """The body of `add-checkpoint`: size last known, proof of consistency, checkpoint."""

    old: int
    path: tuple[bytes, ...]
    checkpoint: bytes = field(repr=False)

    def dump(self) -> bytes:
        """The body's bytes."""
        return "\n".join([f"old {self.old}", *(b64(digest) for digest in self.path), "", ""]).encode() + self.checkpoint


def parse_request(data: bytes) -> Request:
    """Read a body strictly.

    Raises:
        FormatError: another form, or more than 63 hashes.
    """
    if len(data) > LARGEST_REQUEST_BYTES:
        raise FormatError("the request is too large")
    head, separator, checkpoint = data.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError("not a request to a witness") from error
    old = _OLD.match(first)
    if not separator or old is None or len(lines) > MOST_HASHES:
        raise FormatError("not a request to a witness")
    return Request(int(old[1]), tuple(unb64(line, DIGEST_BYTES) for line in lines), checkpoint)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a witness last cosigned of a log: size, root, its time, and the note with its lines."""

    size: int
    root: bytes
    cosigned_at: int
    note: bytes = field(repr=False)


class Store(Protocol):
    """Where a witness keeps what it cosigned, one row for each log."""

    def find(self, origin: str) -> Kept | None:
        """What was last cosigned."""

    def replace(self, origin: str, before: Kept | None, after: Kept) -> bool:
        """Put `after` in the place of `before` in one atomic step; durable when it returns True.

        False when what is stored is no longer `before`: then nothing is changed. Without this step two requests at
        the same time would roll the witness back.
        """


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, media type and body of an answer."""

    status: int
    body: bytes = b""
    content_type: str = TEXT


@dataclass(frozen=True, slots=True)
class WitnessKeys:
    """Name and keys under which somebody cosigns."""

    name: str
    ed25519: signing.SigningKey = field(repr=False)
    mldsa: signing.MLDSAKey = field(repr=False)

    def note_keys(self) -> tuple[NoteKey, NoteKey]:
        """Verifier keys: types 0x04 and 0x06."""
        return (
            NoteKey(self.name, COSIGNATURE_ED25519, self.ed25519.public_key),
            NoteKey(self.name, COSIGNATURE_MLDSA, self.mldsa.public_key),
        )


class Witness:
    """Cosigns the logs that it was told to follow."""

    def __init__(self, keys: WitnessKeys, logs: Mapping[str, Sequence[NoteKey]], store: Store) -> None:
        self._keys, self._logs, self._store = keys, logs, store

    def add_checkpoint(self, body: bytes, now: int) -> Answer:
        """Answer `POST add-checkpoint`.

        Args:
            body: as sent.
            now: POSIX seconds.

        Returns:
            200 and cosignature lines; 400 malformed, or old size above the checkpoint's; 403 not signed by the log;
            404 another log; 409 and the size last cosigned; 422 the proof does not hold.
        """
        try:
            request = parse_request(body)
            origin = parse_body(signing.parse_note(request.checkpoint).text).origin
            if origin not in self._logs:
                return Answer(404)
            signed = open_checkpoint(request.checkpoint, self._logs[origin])
        except FormatError:
            return Answer(400)
        except SignatureInvalid:
            return Answer(403)
        if request.old > signed.checkpoint.size:
            return Answer(400)
        before = self._store.find(origin)
        return self._advance(request, signed, before, now)

    def _advance(self, request: Request, signed: SignedCheckpoint, before: Kept | None, now: int) -> Answer:
        checkpoint = signed.checkpoint
        size, root = (before.size, before.root) if before else (0, EMPTY_ROOT)
        if request.old != size:
            return _conflict(size)
        try:
            tree.verify_consistency(size, root, checkpoint.size, checkpoint.root, request.path)
        except ProofError:
            return Answer(422)
        # A clock that was set back must not make this look older than what was said before.
        at = max(now, before.cosigned_at if before else 1)
        lines = (
            cosign_ed25519(self._keys.name, self._keys.ed25519, checkpoint, at),
            cosign_mldsa(self._keys.name, self._keys.mldsa, checkpoint, at),
        )
        kept = Kept(checkpoint.size, checkpoint.root, at, with_lines(self._only_log(signed), lines).dump())
        if not self._store.replace(checkpoint.origin, before, kept):
            newer = self._store.find(checkpoint.origin)
            return _conflict(newer.size if newer else 0)
        return Answer(200, "".join(line.line() for line in lines).encode())

    def _only_log(self, signed: SignedCheckpoint) -> SignedCheckpoint:
        """The checkpoint without lines that this witness has not verified: it does not publish what others claim."""
        keys = self._logs[signed.checkpoint.origin]
        lines = tuple(line for line in signed.note.signatures if any(line in signed.note.by(key) for key in keys))
        return SignedCheckpoint(signed.checkpoint, signing.Note(signed.note.text, lines))

    def get_checkpoint(self, origin_digest_hex: str) -> bytes:
        """What monitors read: the newest checkpoint with the lines of the log and of this witness.

        Args:
            origin_digest_hex: lower-case hexadecimal SHA-256 of the log's origin.

        Raises:
            NotFound: no such log, or nothing cosigned yet.
        """
        for origin in self._logs:
            kept = self._store.find(origin) if sha256(origin.encode()).hex() == origin_digest_hex else None
            if kept is not None:
                return kept.note
        raise NotFound("this witness has cosigned nothing of such a log")


def _conflict(size: int) -> Answer:
    return Answer(409, f"{size}\n".encode(), SIZE)
