"""Proofs as they travel in answers: the text of a tlog-proof."""

from functools import partial

from broker.parts import Parts
from storage.database import transact


def get_proof(parts: Parts, index: int, witnesses: int = 0) -> str:
    """The tlog-proof of an entry against the newest checkpoint, or the newest with so many cosignatures.

    Raises:
        NotFound: no such checkpoint covers the entry.
    """
    work = partial(parts.log.get_proof, index=index, witnesses=witnesses)
    return transact(parts.readers, work).decode("utf-8")
