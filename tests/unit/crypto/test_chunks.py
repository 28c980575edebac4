"""Cobblestone-256: the published vectors, both ways to read a stream, and every way to damage one."""

import hashlib
import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

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


def by_runs(key: bytes, context: bytes, sealed: bytes, batch: int = 3) -> bytes:
    """As a reader that starts anywhere reads it: run by run."""
    opener = chunks.Opener(key, context, sealed[: chunks.PREFIX_BYTES], len(sealed))
    count = opener.plain_bytes // chunks.CHUNK_BYTES + 1
    try:
        ranges = [(first, opener.sealed_range(first, min(batch, count - first))) for first in range(0, count, batch)]
        return b"".join(opener.open_run(sealed[start:end], first) for first, (start, end) in ranges)
    finally:
        opener.close()


def by_pieces(key: bytes, context: bytes, sealed: bytes, step: int = 40_000) -> bytes:
    """As a reader from beginning to end reads it."""
    pieces = (sealed[start : start + step] for start in range(0, len(sealed), step))
    return b"".join(chunks.open_pieces(key, context, pieces))


READERS = pytest.mark.parametrize("unseal", [by_runs, by_pieces])
Unseal = Callable[[bytes, bytes, bytes], bytes]


@READERS
@pytest.mark.parametrize("vector", TESTS, ids=lambda vector: f"{vector['tcId']}-{vector['comment'][:40]}")
def test_published_vector(vector: dict[str, object], unseal: Unseal) -> None:
    sealed = zlib.decompress(bytes.fromhex(str(vector["ct"])))
    key, context = bytes.fromhex(str(vector["key"])), bytes.fromhex(str(vector["ctx"]))
    if vector["result"] == "valid":
        plain = unseal(key, context, sealed)
        assert len(plain) == vector["msgLength"]
        assert hashlib.sha512(plain).hexdigest() == vector["msgSha512"]
    else:
        with pytest.raises(AmparoError):
            unseal(key, context, sealed)


@READERS
@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 20480, 32768, 1_200_000])
def test_what_is_sealed_is_read_back_and_has_the_length_of_the_format(
    size: int, unseal: Unseal, rng: random.Random
) -> None:
    key, context, data = rng.randbytes(32), rng.randbytes(9), rng.randbytes(size)
    sealed = seal(key, context, data)
    assert len(sealed) == chunks.sealed_length(size)
    assert chunks.plain_length(len(sealed)) == size
    assert unseal(key, context, sealed) == data


def test_any_run_of_chunks_opens_by_itself(rng: random.Random) -> None:
    key, data = rng.randbytes(32), rng.randbytes(100_000)
    sealed = seal(key, b"", data)
    opener = chunks.Opener(key, b"", sealed[: chunks.PREFIX_BYTES], len(sealed))
    for first in range(7):
        start, end = opener.sealed_range(first, 2)
        assert opener.open_run(sealed[start:end], first) == data[first * 16384 : (first + 2) * 16384]
    opener.close()


@READERS
def test_every_kind_of_damage_is_refused(unseal: Unseal, rng: random.Random) -> None:
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


def test_sealed_bytes_never_overrun_the_callers_buffer(rng: random.Random) -> None:
    sealer = chunks.Sealer(rng.randbytes(32), b"")
    piece = rng.randbytes(chunks.CHUNK_BYTES)
    with pytest.raises(FormatError):
        sealer.update_into(piece, bytearray(chunks.SEALED_CHUNK_BYTES))
    out = bytearray(2 * chunks.SEALED_CHUNK_BYTES)
    assert sealer.update_into(piece, out) == sealer.output_bytes(chunks.CHUNK_BYTES) == chunks.SEALED_CHUNK_BYTES
