"""Sealing a bundle: content key, commitments, contents tree, stanzas, cover, halves, and the payload as a stream
(docs/protocol.md 3).

The payload is read once, with flat memory and on both cores (pipeline.py).
"""

import hashlib
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from crypto import boxes, chunks, hybrid, labels
from crypto.digests import RootAccumulator, hash_fields, sha512
from crypto.encoding import b64u, dump_json, fields
from crypto.header import COVER_BYTES, STANZA_COUNTS, half_info, stanza_info
from crypto.padding import padme
from crypto.pipeline import Block, Pipeline, Write
from errors import FormatError, LimitExceeded, SourceChanged

SECRET_BYTES: Final = 32
STANZA_PLAIN_BYTES: Final = 98
LENGTHS_BYTES: Final = 16
_ZEROS: Final = bytes(2**20)

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class BundleSecrets:
    """What exists only while a bundle is sealed: S, the halves B, the parties' key R and the secret D."""

    s: bytes = field(repr=False)
    halves: tuple[bytes, ...] = field(repr=False)
    r: bytes = field(repr=False)
    d: bytes = field(repr=False)


def new_secrets(halves: int = 1, random_bytes: Random = os.urandom) -> BundleSecrets:
    """Fresh secrets for one bundle."""
    made = [random_bytes(SECRET_BYTES) for _ in range(halves + 3)]
    return BundleSecrets(made[0], tuple(made[3:]), made[1], made[2])


def agency_key(d: bytes, agency: str) -> bytes:
    """D_a of an agency, 32 bytes."""
    return boxes.expand(d, fields(labels.AGENCY_KEY, agency), SECRET_BYTES)


def tag_key(r: bytes) -> bytes:
    """The bundle's object key for tags, 32 bytes."""
    return boxes.expand(r, fields(labels.TAG_KEY), SECRET_BYTES)


def content_prk(s: bytes, halves: Sequence[bytes]) -> bytes:
    """prk of docs/protocol.md 3.1, 64 bytes."""
    if any(len(part) != SECRET_BYTES for part in (s, *halves)):
        raise FormatError("S and every half have 32 bytes")
    return boxes.extract(labels.BUNDLE, b"".join([s, *halves]))


def content_key(prk: bytes, ctx: bytes) -> bytes:
    """input_key of docs/protocol.md 3.1, 32 bytes."""
    return boxes.expand(prk, fields(labels.BUNDLE_CONTENT, sha512(ctx)), SECRET_BYTES)


def entry_salt(prk: bytes, number: int) -> bytes:
    """salt_i of docs/protocol.md 3.2, 32 bytes."""
    return boxes.expand(prk, fields(labels.BUNDLE_ENTRY, number), SECRET_BYTES)


def entry_leaf(salt: bytes, entry: bytes) -> bytes:
    """Leaf data of the contents tree for one entry; dummies have an empty entry."""
    return hash_fields(labels.ENTRY, salt, entry)


# ---- Content ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """One file on its way into a bundle. Its length and digest are known from intake.

    `read` yields the bytes in order; it may use a buffer again once it is asked for the next. Where they come out of
    the desk's own sealed store they were authenticated chunk by chunk and `is_authenticated` spares the second hash
    (decision 0006).
    """

    object_id: bytes
    file_id: bytes
    size_bytes: int
    sha256: bytes
    media_type: str
    pieces: bytes
    read: Callable[[], Iterable[bytes | bytearray | memoryview]] = field(repr=False)
    derivation: dict[str, Any] | None = None
    parts: bytes | None = None
    is_authenticated: bool = False

    def entry(self) -> dict[str, Any]:
        """The manifest entry."""
        return {
            "object": b64u(self.object_id),
            "file": b64u(self.file_id),
            "size_bytes": self.size_bytes,
            "sha256": b64u(self.sha256),
            "media_type": self.media_type,
            "derivation": self.derivation,
            "parts": None if self.parts is None else b64u(self.parts),
            "pieces": b64u(self.pieces),
        }


def make_manifest(
    kind: str, sources: Sequence[Source], handles: list[dict[str, Any]], spares: list[dict[str, Any]]
) -> bytes:
    """Canonical manifest bytes."""
    entries = [source.entry() for source in sources]
    return dump_json({"v": 1, "kind": kind, "entries": entries, "handles": handles, "spares": spares})


def padded_length(sources: Sequence[Source], manifest: bytes) -> int:
    """`padded_bytes` of the header."""
    return padme(sum(source.size_bytes for source in sources) + len(manifest) + LENGTHS_BYTES)


def contents_tree(prk: bytes, entries: Sequence[bytes]) -> list[bytes]:
    """Leaf data of the contents tree: the entries and dummies up to a power of two."""
    size = 1 << max(0, len(entries) - 1).bit_length()
    padded = [*entries, *([b""] * (size - len(entries)))]
    return [entry_leaf(entry_salt(prk, number), entry) for number, entry in enumerate(padded)]


@dataclass(frozen=True, slots=True)
class SealedPayload:
    """What the header says of a payload."""

    payload_commitment: bytes
    contents: bytes
    root: bytes
    payload_bytes: int


def seal_payload(
    secrets: BundleSecrets,
    ctx: bytes,
    sources: Sequence[Source],
    manifest: bytes,
    write: Write,
    *,
    progress: Callable[[int], object] = lambda done: None,
) -> SealedPayload:
    """Seal data and manifest in one read.

    Args:
        write: gets the ciphertext in order, from this thread or another; its buffer is used again once it has returned.
        progress: gets the bytes of plaintext done.

    Raises:
        SourceChanged: a file has another length or digest than at intake.
    """
    prk = content_prk(secrets.s, secrets.halves)
    sealer = chunks.Sealer(content_key(prk, ctx), sha512(ctx))
    done = 0
    with Pipeline(sealer, write) as output:
        for block in _plaintext(sources, manifest):
            output.put(block)
            done += len(block)
            progress(done)
        root = output.finish()
    tree = RootAccumulator()
    for leaf in contents_tree(prk, [dump_json(source.entry()) for source in sources]):
        tree.add(leaf)
    return SealedPayload(sealer.prefix, tree.root(), root, output.written)


def _plaintext(sources: Sequence[Source], manifest: bytes) -> Iterator[Block]:
    """data || manifest || zeros || lengths, in blocks; a file that changed since intake stops the sealing."""
    data = 0
    for source in sources:
        yield from _checked(source)
        data += source.size_bytes
    yield manifest
    zeros = padded_length(sources, manifest) - data - len(manifest) - LENGTHS_BYTES
    for start in range(0, zeros, len(_ZEROS)):
        yield _ZEROS[: min(len(_ZEROS), zeros - start)]
    yield len(manifest).to_bytes(8, "big") + data.to_bytes(8, "big")


def _checked(source: Source) -> Iterator[Block]:
    """The blocks of a file, and never more bytes than it had at intake.

    Raises:
        SourceChanged: another length or digest.
    """
    size, digest = 0, hashlib.sha256()
    for block in source.read():
        size += len(block)
        if size > source.size_bytes:
            raise SourceChanged
        if not source.is_authenticated:
            digest.update(block)
        yield block
    if size != source.size_bytes or not (source.is_authenticated or digest.digest() == source.sha256):
        raise SourceChanged


# ---- Stanzas, cover, halves -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StanzaFor:
    """One entitled key: an officer's with her share, or an agency's recovery key with S itself."""

    public_key: bytes
    threshold: int
    x: int
    share: bytes = field(repr=False)
    agency_secret: bytes = field(repr=False)  # D_a, or D for the sender's agency


def seal_stanza(ctx: bytes, r: bytes, entitled: StanzaFor) -> bytes:
    """1,234 bytes that only the owner of the key can tell from the others."""
    plain = bytes([entitled.threshold, entitled.x]) + entitled.share + r + entitled.agency_secret
    if len(plain) != STANZA_PLAIN_BYTES:
        raise FormatError("a stanza holds 98 bytes")
    return hybrid.seal(entitled.public_key, stanza_info(ctx), plain)


def seal_stanzas(
    ctx: bytes, r: bytes, entitled: Sequence[StanzaFor], random_bytes: Random = os.urandom
) -> tuple[bytes, ...]:
    """All stanzas with dummies up to 8, 16, 32 or 64, in random order.

    Raises:
        LimitExceeded: more than 64 keys.
    """
    count = next((size for size in STANZA_COUNTS if size >= len(entitled)), None)
    if count is None:
        raise LimitExceeded("a bundle has room for 64 keys; name fewer officers")
    stanzas = [seal_stanza(ctx, r, one) for one in entitled]
    while len(stanzas) < count:
        stranger = hybrid.ReceivingKey(hybrid.generate(random_bytes))
        stanzas.append(hybrid.seal(stranger.public_key, stanza_info(ctx), random_bytes(STANZA_PLAIN_BYTES)))
    random.SystemRandom().shuffle(stanzas)
    return tuple(stanzas)


def seal_cover(ctx: bytes, r: bytes, cover: bytes, random_bytes: Random = os.urandom) -> bytes:
    """The cover box, always of one length."""
    key = boxes.expand(r, fields(labels.COVER), SECRET_BYTES)
    return boxes.seal_padded(key, ctx, cover, COVER_BYTES, random_bytes)


def seal_cover_addition(
    r: bytes, header_digest: bytes, agency: str, addition: bytes, random_bytes: Random = os.urandom
) -> bytes:
    """The cover addition of an addendum."""
    key = boxes.expand(r, fields(labels.COVER), SECRET_BYTES)
    aad = fields(labels.COVER_ADDITION, header_digest, agency)
    return boxes.seal_padded(key, aad, addition, COVER_BYTES, random_bytes)


def seal_half(receiving_key: bytes, ctx: bytes, number: int, half: bytes) -> bytes:
    """half_i for one operator, counted from 1; 1,168 bytes."""
    return hybrid.seal(receiving_key, half_info(ctx, number), half)
