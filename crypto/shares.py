"""t-of-n shares over GF(2^8), byte by byte, for dual control (docs/protocol.md 3.3).

The field is that of AES (polynomial 0x11b). Products are computed without tables, so that no memory access
depends on a secret. Polynomials are fresh for every split.
"""

import os
from collections.abc import Callable, Mapping
from typing import Final

from errors import FormatError

MOST: Final = 255


def split(
    secret: bytes, threshold: int, count: int, random_bytes: Callable[[int], bytes] = os.urandom
) -> dict[int, bytes]:
    """Shares of a secret by x = 1..count; any `threshold` of them give it back, fewer tell nothing.

    Raises:
        FormatError: not 1 <= threshold <= count <= 255.
    """
    if not 1 <= threshold <= count <= MOST:
        raise FormatError("the threshold lies between 1 and the number of officers")
    higher = [random_bytes(len(secret)) for _ in range(threshold - 1)]
    return {x: _evaluate(secret, higher, x) for x in range(1, count + 1)}


def combine(shares: Mapping[int, bytes]) -> bytes:
    """The secret behind these shares. Wrong shares give a wrong secret: the caller checks its commitment.

    Raises:
        FormatError: no share, an x out of range, or shares of several lengths.
    """
    if not shares or len({len(share) for share in shares.values()}) != 1:
        raise FormatError("the shares do not belong together")
    if any(not 1 <= x <= MOST for x in shares):
        raise FormatError("a share has a number between 1 and 255")
    size = len(next(iter(shares.values())))
    secret = bytearray(size)
    for x, share in shares.items():
        weight = 1
        for other in shares:
            if other != x:
                weight = _multiply(weight, _multiply(other, _invert(other ^ x)))
        for position in range(size):
            secret[position] ^= _multiply(weight, share[position])
    return bytes(secret)


def _evaluate(secret: bytes, higher: list[bytes], x: int) -> bytes:
    result = bytearray(len(secret))
    for coefficients in reversed([secret, *higher]):
        for position, coefficient in enumerate(coefficients):
            result[position] = _multiply(result[position], x) ^ coefficient
    return bytes(result)


def _multiply(left: int, right: int) -> int:
    product = 0
    for _ in range(8):
        product ^= left & -(right & 1)
        left = (left << 1) ^ (0x11B & -(left >> 7))
        right >>= 1
    return product


def _invert(value: int) -> int:
    power = value  # value^254 by square and multiply; the same steps for every value
    for _ in range(6):
        power = _multiply(_multiply(power, power), value)
    return _multiply(power, power)
