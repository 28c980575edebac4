"""The small files of a pack: which there are, and how each is read (docs/protocol.md 10.1, 10.6)."""

from collections.abc import Iterator
from typing import Final

from crypto import signing
from crypto.digests import DIGEST_BYTES
from crypto.encoding import parse_json, unb64, unb64u
from crypto.header import IDENTIFIER_BYTES, ROLE_HANDLE
from custody.entries import SALT_BYTES
from errors import FormatError
from evidence import pack_list
from evidence.archive import PACK_JSON, PACK_SIG
from evidence.bag import TAG_MANIFEST
from evidence.pack_input import PackContents
from evidence.pack_list import PackList
from evidence.packs import dump_signatures

EVENT_LIMIT: Final = 512 * 2**10
SIGNERS: Final = 2


def expected_paths(listed: PackList) -> Iterator[str]:
    """Every path that a pack with this list has, no more and no fewer."""
    yield from (PACK_JSON, PACK_SIG, TAG_MANIFEST, pack_list.HOW_TO_CHECK, "bag-info.txt", "bagit.txt")
    yield from ("manifest-sha256.txt", "manifest-sha512.txt", pack_list.CHECKPOINT, pack_list.STATEMENT_PDF)
    yield from (pack_list.TRUST_COPY, pack_list.CONSISTENCY)
    yield from (document.path for document in listed.documents)
    for index in listed.certificates:
        yield pack_list.certificate_path(index, "statement")
        yield pack_list.certificate_path(index, "tlog-proof")
    for bundle in listed.bundles:
        yield pack_list.bundle_path(bundle, "header")
        yield pack_list.bundle_path(bundle, "signature")
        yield from (pack_list.bundle_path(bundle, f"deposited.{part}") for part in pack_list.EVENT_PARTS)
    for holding in listed.holdings:
        for number in range(holding.length):
            yield from event_paths(holding.holding, number).values()
        if holding.state == "open":
            yield from (pack_list.built_path(holding.holding, part) for part in pack_list.EVENT_PARTS)
    for exhibit in listed.exhibits:
        for file in exhibit.files:
            yield file.path
            if file.bundle is not None:
                yield pack_list.proof_path(file.file)


def event_paths(holding: bytes, number: int) -> dict[str, str]:
    """Where the parts of a custody event stand, by their names."""
    return {part: pack_list.event_path(holding, number, part) for part in pack_list.EVENT_PARTS}


def parse_contents(raw: bytes) -> PackContents:
    """Read data/proofs/<file>.json.

    Raises:
        FormatError: any other form than `PackContents.dump` writes.
    """
    found = parse_json(raw, max_bytes=EVENT_LIMIT)
    if not isinstance(found, dict) or set(found) != {"v", "bundle", "index", "entry", "salt", "path"}:
        raise FormatError("a contents proof has six members")
    index, path = found["index"], found["path"]
    if isinstance(index, bool) or not isinstance(index, int) or not isinstance(path, list) or len(path) > 63:
        raise FormatError("a contents proof has an index and a path")
    contents = PackContents(
        unb64u(found["bundle"], IDENTIFIER_BYTES),
        index,
        unb64u(found["entry"]),
        unb64u(found["salt"], SALT_BYTES),
        tuple(unb64u(digest, DIGEST_BYTES) for digest in path),
    )
    if contents.dump() != raw:
        raise FormatError("a contents proof of another version")
    return contents


def parse_consistency(raw: bytes) -> tuple[bytes, ...]:
    """Read pack-built/consistency: a line of base64 for each hash.

    Raises:
        FormatError
    """
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError("not a consistency proof") from error
    if text and not text.endswith("\n"):
        raise FormatError("the last line is cut off")
    return tuple(unb64(line, DIGEST_BYTES) for line in text.split("\n")[:-1])


def parse_signatures(raw: bytes) -> tuple[tuple[str, bytes], ...]:
    """Read pack.sig: role handle and signature, by ascending handle.

    Raises:
        FormatError
    """
    found = parse_json(raw)
    if not isinstance(found, dict) or set(found) != {"v", "signatures"} or not isinstance(found["signatures"], list):
        raise FormatError("pack.sig has a version and signatures")
    pairs = []
    for one in found["signatures"]:
        if not isinstance(one, dict) or set(one) != {"by", "signature"} or not isinstance(one["by"], str):
            raise FormatError("a signature names who made it")
        if not ROLE_HANDLE.match(one["by"]):
            raise FormatError("a signature names its officer by role handle")
        pairs.append((one["by"], unb64u(one["signature"], signing.SIGNATURE_BYTES)))
    if dump_signatures(dict(pairs)) != raw:
        raise FormatError("the signatures are not in order, or one officer signs twice")
    if len(pairs) != SIGNERS:
        raise FormatError("two officers sign a pack")
    return tuple(pairs)
