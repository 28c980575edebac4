"""Cobblestone-256: the published vectors, the library's own bytes, and every way to damage a stream."""

import hashlib
import json
import random
import zlib
from pathlib import Path

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor

from crypto import chunks
from errors import AmparoError, DecryptionFailed, FormatError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/c2sp_chunked_encryption_aes_256_gcm_test.json").read_text())
TESTS = [test for group in VECTORS["testGroups"] for test in group["tests"]]


def seal(key: bytes, context: bytes, data: bytes, step: int = 50_000) -> bytes:
    sealer = chunks.Sealer(key, context)
    out = bytearray(sealer.prefix)
    for start in range(0, len(data), step):
        out += sealer.update(data[start : start + step])
    return bytes(out + sealer.finish())


def unseal(key: bytes, context: bytes, sealed: bytes, batch: int = 3) -> bytes:
    opener = chunks.Opener(key, context, sealed[: chunks.PREFIX_BYTES], len(sealed))
    try:
        return b"".join(opener.open_stream(lambda start, end: sealed[start:end], batch))
    finally:
        opener.close()


@pytest.mark.parametrize("vector", TESTS, ids=lambda vector: f"{vector['tcId']}-{vector['comment'][:40]}")
def test_published_vector(vector: dict[str, object]) -> None:
    sealed = zlib.decompress(bytes.fromhex(str(vector["ct"])))
    key, context = bytes.fromhex(str(vector["key"])), bytes.fromhex(str(vector["ctx"]))
    if vector["result"] == "valid":
        plain = unseal(key, context, sealed)
        assert len(plain) == vector["msgLength"]
        assert hashlib.sha512(plain).hexdigest() == vector["msgSha512"]
    else:
        with pytest.raises(AmparoError):
            unseal(key, context, sealed)


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 20480, 32768, 1_200_000])
def test_the_bytes_are_the_librarys(size: int, rng: random.Random) -> None:
    key, context, data = rng.randbytes(32), rng.randbytes(9), rng.randbytes(size)
    sealed = seal(key, context, data)
    assert len(sealed) == chunks.sealed_length(size)
    assert chunks.plain_length(len(sealed)) == size
    other = Cobblestone256Decryptor(key, context)
    assert other.update(sealed) + other.finalize() == data
    assert unseal(key, context, sealed) == data


def test_any_run_of_chunks_opens_by_itself(rng: random.Random) -> None:
    key, data = rng.randbytes(32), rng.randbytes(100_000)
    sealed = seal(key, b"", data)
    opener = chunks.Opener(key, b"", sealed[: chunks.PREFIX_BYTES], len(sealed))
    for first in range(7):
        start, end = opener.sealed_range(first, 2)
        assert opener.open_run(sealed[start:end], first) == data[first * 16384 : (first + 2) * 16384]
    opener.close()


def test_every_kind_of_damage_is_refused(rng: random.Random) -> None:
    key, data = rng.randbytes(32), rng.randbytes(50_000)
    good = seal(key, b"ctx", data)
    assert unseal(key, b"ctx", good) == data
    one, two = good[56 : 56 + 16400], good[56 + 16400 : 56 + 32800]
    damaged = {
        "flipped bit": bytes([*good[:70], good[70] ^ 1, *good[71:]]),
        "altered salt": bytes([good[0] ^ 1, *good[1:]]),
        "altered commitment": bytes([*good[:30], good[30] ^ 1, *good[31:]]),
        "truncated": good[:-1],
        "last chunk cut off": good[: 56 + 3 * 16400],
        "chunks swapped": good[:56] + two + one + good[56 + 32800 :],
        "chunk twice": good[:56] + one + one + good[56 + 32800 :],
        "bytes after the end": good + b"\0",
        "only a prefix": good[:56],
        "nothing": b"",
    }
    for claim, sealed in damaged.items():
        with pytest.raises((DecryptionFailed, FormatError)):
            unseal(key, b"ctx", sealed)
            pytest.fail(claim)
    for other_key, context in ((rng.randbytes(32), b"ctx"), (key, b"other")):
        with pytest.raises(DecryptionFailed):
            unseal(other_key, context, good)


def test_a_finished_stream_takes_nothing_more() -> None:
    sealer = chunks.Sealer(bytes(32), b"")
    assert len(sealer.finish()) == 16
    with pytest.raises(FormatError):
        sealer.update(b"x")
    with pytest.raises(FormatError):
        sealer.finish()
