"""Root and recovery shares on paper: SLIP-39 by the reference library (docs/protocol.md 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import shamir_mnemonic
from shamir_mnemonic.share import Share
from shamir_mnemonic.utils import MnemonicError

from crypto import boxes, hybrid, labels
from crypto.encoding import fields
from errors import FormatError, KeyUnusable

SEED_BYTES: Final = 32
LEAST: Final = 2
MOST: Final = 16


def split_on_paper(seed: bytes | bytearray, threshold: int, holders: int) -> list[str]:
    """One list of words for each holder; any `threshold` of them give the seed back.

    Raises:
        FormatError: not 2 <= threshold <= holders <= 16, or not 32 bytes.
    """
    if not LEAST <= threshold <= holders <= MOST or len(seed) != SEED_BYTES:
        raise FormatError("shares need two holders at least, and sixteen at most")
    groups = shamir_mnemonic.generate_mnemonics(1, [(threshold, holders)], bytes(seed))
    return list(groups[0])


def join_from_paper(shares: Sequence[str]) -> bytearray:
    """The seed behind these shares.

    Raises:
        KeyUnusable: a word is misspelt, a share is of another set, or there are too few.
    """
    try:
        seed = shamir_mnemonic.combine_mnemonics([" ".join(share.lower().split()) for share in shares])
    except (MnemonicError, ValueError) as error:
        raise KeyUnusable("these shares do not give a key: one is misspelt, of another set, or missing") from error
    if len(seed) != SEED_BYTES:
        raise KeyUnusable("these shares are of another kind")
    return bytearray(seed)


@dataclass(frozen=True, slots=True)
class ShareFacts:
    """What one share says of itself: its set, which of the set it is, and how many of the set give the key."""

    set_id: int
    number: int
    needed: int


def read_share(words: str) -> ShareFacts:
    """Look at one share alone; it tells nothing of the key.

    Raises:
        KeyUnusable: a word is misspelt, missing, or too many.
    """
    try:
        share = Share.from_mnemonic(" ".join(words.lower().split()))
    except (MnemonicError, ValueError) as error:
        raise KeyUnusable("this is not a share: a word is misspelt or missing; look at it word by word") from error
    return ShareFacts(share.identifier, share.index, share.member_threshold)


def receiving_key(seed: bytes | bytearray) -> hybrid.ReceivingKey:
    """The agency's recovery key behind a recovery seed.

    Raises:
        FormatError: not 32 bytes.
    """
    if len(seed) != SEED_BYTES:
        raise FormatError("a recovery seed has 32 bytes")
    return hybrid.ReceivingKey(boxes.expand(seed, fields(labels.RECOVERY_KEY), hybrid.SECRET_BYTES))
