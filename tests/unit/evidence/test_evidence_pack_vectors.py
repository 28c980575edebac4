"""Zip, bag, list, signatures and proofs of evidence packs in tests/vectors/evidence_pack.json."""

import io
from typing import Any

from crypto import labels, signing
from crypto.digests import sha256
from crypto.opening import verify_content
from custody.policy import Trust
from custody.tree import verify_consistency
from errors import PackUnsigned
from evidence.archive import (
    archive_bytes,
    digest_chunks,
    order_key,
    place_members,
    require_path,
    scan_archive,
    write_archive,
)
from evidence.bag import dump_manifest, parse_bag_info, parse_manifest, verify_bag
from evidence.pack_list import parse_pack_list
from evidence.pack_log import refusing
from evidence.pack_readers import parse_consistency, parse_contents, parse_signatures
from evidence.pack_signers import Signers
from evidence.packs import dump_signatures, signed_values
from tests.support.vectors import Run, Vector, check, directory_of, each
from tests.vectors_made.evidence_zip import archive

LOG = "log.example/2026"


def check_path(vector: Vector) -> None:
    require_path(vector.given["path"])


def read_zip(vector: Vector) -> Any:
    raw = vector.octets("zip")
    found = scan_archive(io.BytesIO(raw))
    contents = {path: found.read(path, 2**20) for path in found.files}
    members = place_members([(path, len(data), digest_chunks([data]).crc32) for path, data in contents.items()])
    assert b"".join(write_archive(members, lambda path: [contents[path]])) == raw
    assert archive_bytes(members) == len(raw)
    return [[path, sha256(data)] for path, data in contents.items()]


def read_info(vector: Vector) -> Any:
    found = parse_bag_info(vector.raw("text"))
    assert found.dump() == vector.raw("text")
    extent = {"bytes": found.payload_bytes, "files": found.payload_files}
    return {"agency": found.agency, "day": found.day, "pack": found.pack, **extent}


def read_manifest(vector: Vector) -> Any:
    found = parse_manifest(vector.raw("text"), vector.given["digest_bytes"])
    assert dump_manifest(found) == vector.raw("text")
    return found


def read_bag(vector: Vector) -> Any:
    """The zip around the files is the reference's own: here it is the bag that is looked at."""
    files = [(path, text.encode()) for path, text in vector.given["files"].items()]
    raw = archive(sorted(files, key=lambda one: order_key(one[0])))
    found = verify_bag(scan_archive(io.BytesIO(raw)))
    return {"agency": found.agency, "day": found.day, "pack": found.pack}


def read_list(vector: Vector) -> Any:
    found = parse_pack_list(vector.raw("text"))
    assert found.dump() == vector.raw("text")
    numbers = [one.number for one in found.exhibits]
    digest = sha256(found.dump())
    return {"pack": found.pack, "agency": found.agency, "case": found.case, "numbers": numbers, "sha256": digest}


def read_signatures(vector: Vector) -> Any:
    """In the order of the verification: form, who signed, signatures."""
    signers = Signers(LOG, Trust(()))
    signers._directory = directory_of(LOG, vector.given["members"], vector.given["deputies"])
    built = {path: bytes.fromhex(data) for path, data in vector.given["built"].items()}
    values = signed_values(vector.octets("pack_json_sha256"), built)
    with refusing(PackUnsigned, "pack.sig"):
        pairs = parse_signatures(vector.raw("signatures"))
        handles = tuple(by for by, _ in pairs)
        keys = signers.require_pair(handles, 10, vector.given["agency"])
        for key, (_, signature) in zip(keys, pairs, strict=True):
            signing.verify(key, labels.PACK, *values, signature=signature)
    assert dump_signatures(dict(pairs)) == vector.raw("signatures")
    return handles


def read_contents(vector: Vector) -> Any:
    found = parse_contents(vector.raw("text"))
    verify_content(found.entry, found.salt, found.index, found.path, vector.octets("contents"))
    assert found.dump() == vector.raw("text")
    return {"bundle": found.bundle_id, "index": found.index, "entry": found.entry}


def read_consistency(vector: Vector) -> None:
    path = parse_consistency(vector.raw("text"))
    given = vector.given
    verify_consistency(given["old"], vector.octets("old_root"), given["size"], vector.octets("root"), path)


FORMS: dict[str, Run] = {
    "path": check_path,
    "zip": read_zip,
    "bag-info": read_info,
    "manifest": read_manifest,
    "bag": read_bag,
    "pack-list": read_list,
    "pack-signatures": read_signatures,
    "contents-proof": read_contents,
    "consistency": read_consistency,
}


@each("evidence_pack.json")
def test_evidence_pack_vectors(vector: Vector) -> None:
    """A court may use a verifier that others wrote; what it refuses must be refused here too."""
    check(vector, FORMS)
