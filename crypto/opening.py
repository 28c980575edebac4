"""Opening a bundle: stanzas by trial, commitments, the payload as a stream (docs/protocol.md 3 and 4)."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from crypto import boxes, chunks, labels, shares
from crypto.digests import SEGMENT_BYTES, RootAccumulator, leaf_hash, node_hash, sha256, sha512
from crypto.encoding import dump_json, fields, unb64u
from crypto.header import (
    COVER_BYTES,
    Header,
    commit_b,
    commit_r,
    commit_s,
    require_commitment,
    stanza_info,
)
from crypto.hybrid import ReceivingKey
from crypto.manifest import LARGEST_MANIFEST_BYTES, parse_manifest
from crypto.padding import padme
from crypto.sealing import (
    LENGTHS_BYTES,
    SECRET_BYTES,
    STANZA_PLAIN_BYTES,
    agency_key,
    content_key,
    content_prk,
    contents_tree,
    entry_leaf,
    entry_salt,
)
from errors import CommitmentMismatch, DecryptionFailed, FormatError, ProofError

READ_CHUNKS: Final = 256


@dataclass(frozen=True, slots=True)
class Stanza:
    """What one entitled key finds: threshold, own x and share, R, and D_a (D in the sender's agency)."""

    threshold: int
    x: int
    share: bytes = field(repr=False)
    r: bytes = field(repr=False)
    agency_secret: bytes = field(repr=False)


def open_stanza(key: ReceivingKey, ctx: bytes, stanza: bytes) -> Stanza:
    """One stanza with one key.

    Raises:
        DecryptionFailed: it is for another key, or a dummy.
        FormatError: it is for this key and malformed.
    """
    plain = key.open(stanza_info(ctx), stanza)
    if len(plain) != STANZA_PLAIN_BYTES or not 1 <= plain[0] <= shares.MOST or not plain[1]:
        raise FormatError("a stanza is malformed")
    parts = [plain[2 + start : 2 + start + SECRET_BYTES] for start in range(0, 3 * SECRET_BYTES, SECRET_BYTES)]
    return Stanza(plain[0], plain[1], *parts)


def find_stanza(key: ReceivingKey, header: Header, stanzas: Sequence[bytes] | None = None) -> Stanza | None:
    """The stanza of this key by trial, its R checked against the header; None if there is none.

    Raises:
        CommitmentMismatch: the stanza holds another R than the header commits to.
    """
    for sealed in header.stanzas if stanzas is None else stanzas:
        try:
            found = open_stanza(key, header.ctx, sealed)
        except DecryptionFailed:
            continue
        require_commitment(header.c_r, commit_r(header.bundle_id, found.r), "the parties' key")
        return found
    return None


def agency_secret_of(found: Stanza, header: Header, holder: str, agency: str) -> bytes:
    """D_a of `agency`, from a stanza that an officer of `holder` found.

    Raises:
        DecryptionFailed: another agency's secret is the sender's alone to derive.
    """
    if holder == header.sender_agency:
        return agency_key(found.agency_secret, agency)
    if holder != agency:
        raise DecryptionFailed("the details of another agency are open to it and to the sender alone")
    return found.agency_secret


def open_cover(header: Header, r: bytes, cover: bytes) -> bytes:
    """Cover JSON bytes.

    Raises:
        CommitmentMismatch, DecryptionFailed, FormatError
    """
    require_commitment(header.cover_digest, sha256(cover), "the cover")
    key = boxes.expand(r, fields(labels.COVER), SECRET_BYTES)
    return boxes.open_padded(key, header.ctx, cover, COVER_BYTES)


def open_cover_addition(header_digest: bytes, agency: str, r: bytes, addition: bytes) -> bytes:
    """JSON bytes of a cover addition."""
    key = boxes.expand(r, fields(labels.COVER), SECRET_BYTES)
    return boxes.open_padded(key, fields(labels.COVER_ADDITION, header_digest, agency), addition, COVER_BYTES)


def combine_shares(header: Header, found: Sequence[Stanza]) -> bytes:
    """S out of the shares of one agency, checked against c_s.

    Raises:
        CommitmentMismatch: too few shares, or a wrong one.
        FormatError: two shares with one x, or different thresholds.
    """
    by_x = {stanza.x: stanza.share for stanza in found}
    if len(by_x) != len(found) or len({stanza.threshold for stanza in found}) != 1:
        raise FormatError("the shares do not belong together")
    s = found[0].share if found[0].threshold == 1 else shares.combine(by_x)
    require_commitment(header.c_s, commit_s(header.bundle_id, s), "what the shares give")
    return s


def check_half(header: Header, number: int, half: bytes) -> None:
    """Check the half of operator `number` (from 1) against c_b.

    Raises:
        CommitmentMismatch
        FormatError: the header names no such operator.
    """
    if not 1 <= number <= len(header.halves):
        raise FormatError("the header names no such half")
    require_commitment(header.halves[number - 1].c_b, commit_b(header.bundle_id, half), "the released half")


class SegmentChecker:
    """Holds the digests of all 1 MiB ciphertext segments, checked once against the header's root.

    Any segment can then be checked by itself, in any order.
    """

    def __init__(self, header: Header, digests: Sequence[bytes]) -> None:
        tree = RootAccumulator()
        for digest in digests:
            tree.add(digest)
        expected = -(-header.payload_bytes // SEGMENT_BYTES)
        if len(digests) != expected or tree.root() != header.root:
            raise CommitmentMismatch("the sealed bytes are not those that the header commits to")
        self._digests = list(digests)

    def check(self, number: int, segment: bytes | bytearray | memoryview) -> None:
        """Raise CommitmentMismatch unless this is segment `number`."""
        if not 0 <= number < len(self._digests) or sha256(segment) != self._digests[number]:
            raise CommitmentMismatch("a piece of the sealed bytes was altered")


def segment_digests(blocks: Iterator[bytes | bytearray | memoryview]) -> list[bytes]:
    """SHA-256 of each 1 MiB segment of a ciphertext stream."""
    digests, current, filled = [], hashlib.sha256(), 0
    for block in blocks:
        view = memoryview(block)
        while len(view):
            part = view[: SEGMENT_BYTES - filled]
            current.update(part)
            filled += len(part)
            view = view[len(part) :]
            if filled == SEGMENT_BYTES:
                digests.append(current.digest())
                current, filled = hashlib.sha256(), 0
    if filled:
        digests.append(current.digest())
    return digests


@dataclass(frozen=True, slots=True)
class Content:
    """One file of an opened bundle: its entry, place in the data, salt and path to the header's contents root."""

    index: int
    entry: dict[str, Any]
    entry_bytes: bytes
    offset: int
    salt: bytes
    path: tuple[bytes, ...]

    @property
    def size_bytes(self) -> int:
        return int(self.entry["size_bytes"])


Read = Callable[[int, int], bytes | bytearray]


class OpenBundle:
    """An opened payload: manifest checked, files readable as streams from any offset.

    Args:
        header: verified header.
        s: S, checked by `combine_shares`.
        halves: every operator's half, in the header's order, checked by `check_half`.
        read: `read(start, end)` gives ciphertext bytes that were checked against the header's root.
    """

    def __init__(self, header: Header, s: bytes, halves: Sequence[bytes], read: Read) -> None:
        self.header = header
        self._read = read
        prefix = bytes(read(0, chunks.PREFIX_BYTES))
        if prefix != header.payload_commitment:
            raise CommitmentMismatch("the sealed bytes begin differently from what the header commits to")
        prk = content_prk(s, halves)
        self._opener = chunks.Opener(content_key(prk, header.ctx), sha512(header.ctx), prefix, header.payload_bytes)
        try:
            self.manifest = self._load_manifest()
            self.contents = self._check_contents(prk)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return "OpenBundle(hidden)"

    def close(self) -> None:
        """Let go of the content key."""
        self._opener.close()

    def plaintext(self, start: int, end: int) -> Iterator[memoryview]:
        """Plaintext bytes start..end of the payload, in blocks."""
        first, last = start // chunks.CHUNK_BYTES, max(start, end - 1) // chunks.CHUNK_BYTES
        for chunk in range(first, last + 1, READ_CHUNKS):
            count = min(READ_CHUNKS, last + 1 - chunk)
            block = self._opener.open_run(self._read(*self._opener.sealed_range(chunk, count)), chunk)
            base = chunk * chunks.CHUNK_BYTES
            view = memoryview(block)[max(0, start - base) : max(0, end - base)]
            if len(view):
                yield view

    def read_file(self, content: Content) -> Iterator[memoryview]:
        """One file from its first byte; its digest is checked at the end.

        What was yielded counts only when the iterator ends without an error.

        Raises:
            CommitmentMismatch: the bytes are not those of the entry.
        """
        digest = hashlib.sha256()
        for block in self.plaintext(content.offset, content.offset + content.size_bytes):
            digest.update(block)
            yield block
        if digest.digest() != unb64u(content.entry["sha256"], 32):
            raise CommitmentMismatch("a file is not what the sender's entry says")

    def file_bytes(self, content: Content, most: int = 16 * 2**20) -> bytes:
        """A small file as a whole."""
        if content.size_bytes > most:
            raise FormatError("the file is too large to be read at once")
        return b"".join(bytes(block) for block in self.read_file(content))

    def _load_manifest(self) -> dict[str, Any]:
        total = self.header.padded_bytes
        if self._opener.plain_bytes != total:
            raise CommitmentMismatch("the payload has another length than the header says")
        tail = b"".join(bytes(block) for block in self.plaintext(total - LENGTHS_BYTES, total))
        size, data = int.from_bytes(tail[:8], "big"), int.from_bytes(tail[8:], "big")
        if size > LARGEST_MANIFEST_BYTES or padme(data + size + LENGTHS_BYTES) != total:
            raise FormatError("the manifest does not fit into the payload")
        raw = b"".join(bytes(block) for block in self.plaintext(data, data + size))
        manifest = parse_manifest(raw)
        if sum(entry["size_bytes"] for entry in manifest["entries"]) != data:
            raise FormatError("the files do not fill the data")
        return manifest

    def _check_contents(self, prk: bytes) -> tuple[Content, ...]:
        raw = [dump_json(entry) for entry in self.manifest["entries"]]
        leaves = contents_tree(prk, raw)
        levels = _levels(leaves)
        if levels[-1][0] != self.header.contents:
            raise CommitmentMismatch("the list of files is not what the header commits to")
        found, offset = [], 0
        for number, entry in enumerate(self.manifest["entries"]):
            salt, path = entry_salt(prk, number), _path(levels, number)
            found.append(Content(number, entry, raw[number], offset, salt, path))
            offset += entry["size_bytes"]
        return tuple(found)


def contents_path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Sibling hashes from the leaf up; the tree is a full one, so its depth is the length of the path."""
    return _path(_levels(leaves), index)


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """All hashes of a full tree, leaves first; made once, so that a long list of files costs its length alone."""
    levels = [[leaf_hash(leaf) for leaf in leaves]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[at], below[at + 1]) for at in range(0, len(below), 2)])
    return levels


def _path(levels: Sequence[Sequence[bytes]], index: int) -> tuple[bytes, ...]:
    return tuple(level[(index >> depth) ^ 1] for depth, level in enumerate(levels[:-1]))


def verify_content(entry: bytes, salt: bytes, index: int, path: Sequence[bytes], contents: bytes) -> None:
    """Check that a manifest entry is committed to by a header, without anything else of the bundle.

    Raises:
        ProofError: the path does not lead from this entry to the contents root.
    """
    if not 0 <= index < 1 << len(path):
        raise ProofError("the entry's place lies outside the list of files")
    digest = leaf_hash(entry_leaf(salt, entry))
    for sibling in path:
        digest = node_hash(sibling, digest) if index & 1 else node_hash(digest, sibling)
        index >>= 1
    if digest != contents:
        raise ProofError("the file is not in the bundle that this header signs")


def split_again(header: Header, s: bytes, threshold: int, count: int) -> Mapping[int, bytes]:
    """Shares for another group of officers: an added agency, or after a recovery."""
    require_commitment(header.c_s, commit_s(header.bundle_id, s), "the recovered half")
    return {1: s} if threshold == 1 else shares.split(s, threshold, count)
