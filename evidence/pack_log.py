"""The log as a pack shows it: a checkpoint that holds, and entries proven to stand under it (docs/protocol.md 10.4)."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager

from crypto.digests import leaf_hash
from custody import tree
from custody.checkpoint import SignedCheckpoint, open_checkpoint
from custody.policy import Trust, confirming, require_quorum
from custody.proofs import parse_proof
from errors import AmparoError, FormatError, PackInvalid, PackLogInvalid


@contextmanager
def refusing(error: type[PackInvalid], where: str) -> Iterator[None]:
    """Turn whatever a parser or a check raises into the refusal of this step."""
    try:
        yield
    except PackInvalid:
        raise
    except AmparoError as cause:
        raise error(f"{where}: {cause.message}") from cause


class PackLog:
    """A checkpoint whose signatures and quorum hold, and the entries that are proven to stand under it."""

    def __init__(self, note: bytes, log: str, trust: Trust, where: str) -> None:
        with refusing(PackLogInvalid, where):
            self.signed: SignedCheckpoint = open_checkpoint(note, trust.log_keys(log))
            if self.signed.checkpoint.origin != log:
                raise FormatError("it is of another log")
            require_quorum(trust, self.signed)
        self.note = note
        self.size, self.root = self.signed.checkpoint.size, self.signed.checkpoint.root

    def require_entry(self, entry: bytes, proof: bytes, where: str) -> int:
        """The index at which this entry stands."""
        with refusing(PackLogInvalid, where):
            found = parse_proof(proof)
            if found.dump() != proof:
                raise FormatError("the proof is not in its one spelling")
            if not hmac.compare_digest(found.checkpoint, self.note):
                raise FormatError("the proof leads to another checkpoint")
            tree.verify_inclusion(leaf_hash(entry), found.index, self.size, found.path, self.root)
            return found.index


def confirmations(trust: Trust, signed: SignedCheckpoint) -> tuple[int, int]:
    """How many witnesses of the trust file confirmed this state, and how many it names.

    A witness may have two keys under two names of the policy; it counts once, by the name of its keys.
    """
    present = confirming(trust, signed)
    return (
        len({one.key.name for one in trust.witnesses if one.name in present}),
        len({one.key.name for one in trust.witnesses}),
    )
