"""SLIP-39 for one group, written from its text: shares of a seed on paper, with fixed coefficients.

The word list alone comes from a library, since it is 1,024 words of others.
"""

import hashlib
import hmac
from collections.abc import Sequence

from shamir_mnemonic.wordlist import WORDLIST

from tests.unit.crypto.reference import LOGS, POWERS

GENERATOR = [
    0xE0E040, 0x1C1C080, 0x3838100, 0x7070200, 0xE0E0009,
    0x1C0C2412, 0x38086C24, 0x3090FC48, 0x21B1F890, 0x3F3F120,
]  # fmt: skip
CUSTOMIZATION = b"shamir_extendable"
ROUNDS, ITERATIONS = 4, 10000


def checksum(words: Sequence[int]) -> list[int]:
    """Three words so that the whole passes RS1024."""
    state = 1
    for value in [*CUSTOMIZATION, *words, 0, 0, 0]:
        top = state >> 20
        state = (state & 0xFFFFF) << 10 ^ value
        for at in range(10):
            state ^= GENERATOR[at] if top >> at & 1 else 0
    state ^= 1
    return [state >> 20 & 1023, state >> 10 & 1023, state & 1023]


def encrypt(seed: bytes, exponent: int) -> bytes:
    """Four Feistel rounds with an empty passphrase; extendable shares have an empty salt."""
    half = len(seed) // 2
    left, right = seed[:half], seed[half:]
    for number in range(ROUNDS):
        count = (ITERATIONS << exponent) // ROUNDS
        pad = hashlib.pbkdf2_hmac("sha256", bytes([number]), right, count, half)
        left, right = right, bytes(one ^ other for one, other in zip(left, pad, strict=True))
    return right + left


def interpolate(points: dict[int, bytes], x: int) -> bytes:
    """The value at x of the polynomial through these points, in each byte."""
    out = bytearray(len(next(iter(points.values()))))
    for own, value in points.items():
        weight = sum(LOGS[other ^ x] - LOGS[other ^ own] for other in points if other != own) % 255
        for place, byte in enumerate(value):
            out[place] ^= POWERS[LOGS[byte] + weight] if byte else 0
    return bytes(out)


def split(
    seed: bytes, needed: int, count: int, identifier: int, random: Sequence[bytes], exponent: int = 1
) -> list[str]:
    """Shares in words. `random` are needed - 2 shares of the seed's length, and one that is 4 bytes shorter."""
    secret = encrypt(seed, exponent)
    *free, rest = random
    points = dict(enumerate(free))
    digest = hmac.new(rest, secret, "sha256").digest()[:4]
    points |= {254: digest + rest, 255: secret}
    shares = [points[x] if x in points else interpolate(points, x) for x in range(count)]
    return [_words(share, x, needed, identifier, exponent) for x, share in enumerate(shares)]


def _words(share: bytes, x: int, needed: int, identifier: int, exponent: int) -> str:
    head = identifier << 5 | 1 << 4 | exponent  # 15 bits, the flag of extendable shares, 4 bits
    numbers = 0 << 16 | 0 << 12 | 0 << 8 | x << 4 | needed - 1  # group 0 of 1, threshold 1; member, its threshold
    words = [head >> 10, head & 1023, numbers >> 10, numbers & 1023]
    size = -(-len(share) * 8 // 10)
    value = int.from_bytes(share, "big")
    words += [value >> 10 * (size - 1 - at) & 1023 for at in range(size)]
    return " ".join(WORDLIST[one] for one in [*words, *checksum(words)])
