"""Points of edwards25519 in affine coordinates (RFC 8032, 5.1), for keys and signatures that no library makes."""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)

Point = tuple[int, int]


def add(one: Point, two: Point) -> Point:
    (x1, y1), (x2, y2) = one, two
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P)
    return x % P, y % P


def times(scalar: int, point: Point) -> Point:
    found: Point = (0, 1)
    while scalar:
        if scalar & 1:
            found = add(found, point)
        point, scalar = add(point, point), scalar >> 1
    return found


def recover(y: int, sign: int) -> Point:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P)
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square % P:
        x = x * ROOT % P
    assert x * x % P == square % P, "not a point"
    return (P - x if x & 1 != sign else x), y


def encode(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def decode(data: bytes) -> Point:
    number = int.from_bytes(data, "little")
    return recover(number & (1 << 255) - 1, number >> 255)


BASE = recover(4 * pow(5, -1, P) % P, 0)


def torsion() -> Point:
    """A point of order 8: L times a point that is not in the prime-order group."""
    y = 2
    while True:
        try:
            found = times(L, recover(y, 0))
        except AssertionError:
            found = (0, 1)
        if times(4, found) != (0, 1):
            return found
        y += 1


def secret_scalar(seed: bytes) -> int:
    raw = bytearray(hashlib.sha512(seed).digest()[:32])
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return int.from_bytes(raw, "little")


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


def sign_with(seed: bytes, key: bytes, message: bytes, r: bytes, nonce: int) -> bytes:
    """R as given, and S = nonce + challenge * secret."""
    s = (nonce + challenge(r, key, message) * secret_scalar(seed)) % L
    return r + s.to_bytes(32, "little")
