"""Fingerprints that two people can read to each other (docs/protocol.md 2)."""

from typing import Final

from crypto import labels
from crypto.digests import hash_fields
from errors import FormatError

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u
GROUPS: Final = 8
SIGNS: Final = 4


def fingerprint(agency: str, root: bytes) -> str:
    """Eight groups of four signs: 160 bits of the agency's name and root key."""
    number = int.from_bytes(hash_fields(labels.FINGERPRINT, agency, root)[:20], "big")
    signs = "".join(ALPHABET[(number >> shift) & 31] for shift in range(155, -5, -5))
    return " ".join(signs[start : start + SIGNS] for start in range(0, GROUPS * SIGNS, SIGNS))


def parse_fingerprint(text: str) -> str:
    """What a person typed, in the one spelling: case, spaces and look-alikes do not matter.

    Raises:
        FormatError: not 32 signs of the alphabet.
    """
    signs = "".join(text.lower().split()).replace("-", "").translate(str.maketrans("ilo", "110"))
    if len(signs) != GROUPS * SIGNS or any(sign not in ALPHABET for sign in signs):
        raise FormatError("a fingerprint has eight groups of four signs")
    return " ".join(signs[start : start + SIGNS] for start in range(0, GROUPS * SIGNS, SIGNS))
