"""Codes that a person carries on paper or in her head: some 59 random bits, as twelve signs or as six words.

The signs are those of Crockford's base 32, without letters that are taken for one another. The words are those of
SLIP-39: 1,024 of them, and the first four letters tell each apart. A code with a word that nobody who was hurt should
have to learn by heart is not given out, which takes about one bit; it is read like any other.
"""

import os
import re
from collections.abc import Callable
from typing import Final

from shamir_mnemonic.wordlist import WORDLIST

from errors import FormatError

BITS: Final = 60
BYTES: Final = 8
SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SIGN_COUNT, WORD_COUNT = 12, 6
PREFIX: Final = 4
_UNFIT: Final = """
afraid alcohol alien angry armed blind body burning cage capture chest club criminal crisis crush custody damage
darkness deadline deny depend desire destroy disaster disease divorce drug empty endless enemy enforce epidemic escape
evidence evil excuse exhaust exotic failure false fangs fatal fatigue forbid force friar fumes grief gross guard guilt
hairy havoc hobo holy hormone hunting husband infant injury inmate intimate invasion isolate judicial jury kidney
knife lawsuit lips losing lungs lying maiden mental minister mortgage mule numb obesity owner painting penalty pistol
plunge prayer preach predator pregnant priest prisoner privacy punish race racism regret rescue romantic romp ruin
rumor sack scandal scared shadow shame sheriff silent single skin slap slavery smear smell spit stick strike submit
survive temple tension testify therapy thorn threaten toxic traffic trash trial trouble ugly undergo unfair unhappy
unkind vampire venture verdict vexed victim violence viral weapon withdraw woman wrist
"""
UNFIT: Final = frozenset(_UNFIT.split())
TAKEN_FOR: Final = str.maketrans("OIL", "011")
_NUMBER_OF: Final = {word[:PREFIX]: number for number, word in enumerate(WORDLIST)}
_APART: Final = re.compile(r"[^0-9A-Za-z]+")


def new_code(random_bytes: Callable[[int], bytes] = os.urandom) -> int:
    """A fresh code, without a word of `UNFIT`."""
    while True:
        code = int.from_bytes(random_bytes(BYTES)) >> (8 * BYTES - BITS)
        if not UNFIT & set(as_words(code)):
            return code


def as_bytes(code: int) -> bytes:
    """For the hash."""
    return code.to_bytes(BYTES)


def as_signs(code: int) -> str:
    """K4P7-22WM-9XQD."""
    signs = "".join(SIGNS[code >> shift & 31] for shift in range(BITS - 5, -1, -5))
    return "-".join(signs[at : at + 4] for at in range(0, SIGN_COUNT, 4))


def as_words(code: int) -> tuple[str, ...]:
    """Six words."""
    return tuple(WORDLIST[code >> shift & 1023] for shift in range(BITS - 10, -1, -10))


def parse_code(text: str) -> int:
    """The code in what was typed or said: either form, with any blanks, dashes and letters of either size.

    Raises:
        FormatError: it is neither.
    """
    parts = [part for part in _APART.split(text) if part]
    numbers = [_NUMBER_OF.get(part[:PREFIX].lower()) for part in parts]
    if len(parts) == WORD_COUNT and all(len(part) >= PREFIX for part in parts):
        return _join([one for one in numbers if one is not None], 10, WORD_COUNT)
    signs = "".join(parts).upper().translate(TAKEN_FOR)
    return _join([SIGNS.index(sign) for sign in signs if sign in SIGNS], 5, max(SIGN_COUNT, len(signs)))


def _join(values: list[int], bits: int, count: int) -> int:
    if len(values) != count or count * bits != BITS:
        raise FormatError("a code has twelve signs, or six words")
    code = 0
    for value in values:
        code = code << bits | value
    return code
