"""Random, readable pseudonyms: two syllable pairs and four digits, such as `Tamo-Keri 4071`."""

import os
from collections.abc import Callable
from typing import Final

CONSONANTS: Final = "bdfgjklmnprstvz"
VOWELS: Final = "aeiou"


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
