"""Seals one file as one process: `python -m bench._sealing PLAIN TARGET SHA256 PIECES [--known]`, for `bench.seal`."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from crypto import header as headers
from crypto import hybrid, sealing, signing
from crypto.digests import sha256

READ_BYTES = 2**20


def blocks(path: Path) -> Iterator[memoryview]:
    """The file, in one buffer."""
    buffer = bytearray(READ_BYTES)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            yield memoryview(buffer)[:count]


def seal(path: Path, out: Path, digest: bytes, pieces: bytes, *, is_authenticated: bool) -> None:
    """One whole bundle as a desk makes it: payload with root, stanzas, cover, half, signed header."""
    key = signing.SigningKey(os.urandom(32))
    receiver = hybrid.ReceivingKey(hybrid.generate())
    source = sealing.Source(
        os.urandom(16), os.urandom(16), path.stat().st_size, digest, "application/octet-stream", pieces,
        lambda: blocks(path), is_authenticated=is_authenticated,
    )  # fmt: skip
    manifest = sealing.make_manifest("share", [source], [], [])
    secrets, bundle_id = sealing.new_secrets(), os.urandom(16)
    padded = sealing.padded_length([source], manifest)
    ctx = headers.make_ctx(bundle_id, "log.example", "north", "north/liaison-1", key.public_key, 1, padded)
    with out.open("wb", buffering=0) as file:
        sealed = sealing.seal_payload(secrets, ctx, [source], manifest, file.write)
        os.fsync(file.fileno())
    cover = sealing.seal_cover(ctx, secrets.r, b"{}")
    half = sealing.seal_half(receiver.public_key, ctx, 1, secrets.halves[0])
    entitled = sealing.StanzaFor(receiver.public_key, 1, 1, secrets.s, sealing.agency_key(secrets.d, "south"))
    made = headers.Header(
        bundle_id, "log.example", "north", "north/liaison-1", key.public_key, padded, ("north", "south"),
        sealing.seal_stanzas(ctx, secrets.r, [entitled]), headers.commit_s(bundle_id, secrets.s),
        (headers.Half("one", headers.commit_b(bundle_id, secrets.halves[0]), sha256(half)),),
        headers.commit_r(bundle_id, secrets.r), sha256(cover), sealed.payload_commitment, sealed.contents, sealed.root,
        tuple(os.urandom(32) for _ in range(8)), "2031-11",
    )  # fmt: skip
    raw = made.dump()
    headers.verify_header(raw, headers.sign_header(key, raw))


if __name__ == "__main__":
    plain, target, known_digest, known_pieces = sys.argv[1:5]
    seal(
        Path(plain), Path(target), bytes.fromhex(known_digest), bytes.fromhex(known_pieces),
        is_authenticated="--known" in sys.argv,
    )  # fmt: skip
