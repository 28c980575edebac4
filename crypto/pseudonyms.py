"""Names that mean nothing elsewhere: readable pseudonyms such as `Tamo-Keri 4071`, and ids of consent extracts."""

import os
from collections.abc import Callable, Iterable
from typing import Final

from crypto import labels
from crypto.digests import hash_fields

CONSONANTS: Final = "bdfgjklmnprstvz"
VOWELS: Final = "aeiou"
EXTRACT_ID_BYTES: Final = 16


def new_pseudonym(random_bytes: Callable[[int], bytes] = os.urandom) -> str:
    """About 38 bits; whoever stores it checks that it is new within its recipient."""
    number = int.from_bytes(random_bytes(16), "big")
    signs = []
    for position in range(8):
        letters = VOWELS if position % 2 else CONSONANTS
        number, rest = divmod(number, len(letters))
        signs.append(letters[rest])
    word = "".join(signs)
    return f"{word[:4].capitalize()}-{word[4:].capitalize()} {number % 10000:04d}"


def extract_id(record: bytes, recipients: Iterable[str]) -> bytes:
    """The id under which recipients see a consent record, 16 bytes.

    Other recipients see another one: two agencies that compare do not learn that the same person stands behind both.
    The record's own id, 16 random bytes, never leaves its agency.
    """
    return hash_fields(labels.CONSENT_RECORD, record, *sorted(recipients))[:EXTRACT_ID_BYTES]
