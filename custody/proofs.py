"""tlog-proof: the certificate that an entry stands in the log (C2SP tlog-proof; docs/protocol.md 6.2)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from crypto.digests import DIGEST_BYTES, leaf_hash
from crypto.encoding import b64, unb64
from crypto.signing import NoteKey
from custody import tree
from custody.checkpoint import SignedCheckpoint, open_checkpoint
from errors import FormatError, ProofError

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
MOST_HASHES: Final = 63
LARGEST_PROOF_BYTES: Final = 600 * 1024
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})\Z")


@dataclass(frozen=True, slots=True)
class Proof:
    """Index, path and the checkpoint's bytes, as read; nothing is verified yet."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes = field(repr=False)

    def dump(self) -> bytes:
        """The proof's bytes."""
        lines = [FIRST_LINE, f"index {self.index}", *(b64(digest) for digest in self.path), "", ""]
        return "\n".join(lines).encode() + self.checkpoint


def parse_proof(data: bytes) -> Proof:
    """Read a proof strictly; `extra` lines are refused, since nobody authenticates them.

    Raises:
        FormatError: another form.
    """
    if len(data) > LARGEST_PROOF_BYTES:
        raise FormatError("the proof is too large")
    head, separator, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError("not a proof") from error
    index = _INDEX.match(lines[1]) if len(lines) > 1 else None
    if not separator or lines[0] != FIRST_LINE or index is None or len(lines) - 2 > MOST_HASHES:
        raise FormatError("not a proof")
    return Proof(int(index[1]), tuple(unb64(line, DIGEST_BYTES) for line in lines[2:]), checkpoint)


def verify_proof(proof: Proof, entry: bytes, log_keys: Sequence[NoteKey]) -> SignedCheckpoint:
    """Check that this entry stands in the log at the proof's index.

    Returns:
        the checkpoint, its log signatures verified; cosignatures are the caller's to judge (custody/policy.py).

    Raises:
        FormatError, SignatureInvalid, ProofError
    """
    signed = open_checkpoint(proof.checkpoint, log_keys)
    if proof.index >= signed.checkpoint.size:
        raise ProofError("the entry lies outside the tree")
    checkpoint = signed.checkpoint
    tree.verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.path, checkpoint.root)
    return signed
