"""Where files come from: sealed bundles, the proofs of files in them, and the gaps that remain."""

from __future__ import annotations

import re
from typing import Any

from .custody import COMMON, Event, prove_event
from .directory import Directory, read_statement
from .encoding import (
    AGENCY,
    HANDLE,
    MEDIA_TYPE,
    ORIGIN,
    Malformed,
    b64url,
    binary,
    canonical,
    choice,
    fields,
    handle_agency,
    integer,
    listing,
    nullable,
    pattern,
    refusing,
    require,
    sha256,
    shape,
    signed_by,
)
from .merkle import leaf_hash, pieces_root, root_from_inclusion
from .notes import Checkpoint
from .packlist import WITHHELD

CODE = "pack-contents"
MAX_HEADER = 128 * 1024
_DIGEST = binary(32)
_HEADER = shape(
    {
        "v": choice(1),
        "suite": choice("amparo-1"),
        "bundle_id": binary(16),
        "log": pattern(ORIGIN),
        "sender_agency": pattern(AGENCY),
        "sender": pattern(HANDLE),
        "sender_key": binary(32),
        "padded_bytes": integer(4096, 2**52 - 1),
        "agencies": listing(pattern(AGENCY)),
        "stanzas": listing(binary(1234)),
        "c_s": _DIGEST,
        "halves": listing(shape({"operator": pattern(AGENCY), "c_b": _DIGEST, "half_digest": _DIGEST})),
        "c_r": _DIGEST,
        "cover_digest": _DIGEST,
        "payload_commitment": binary(56),
        "contents": _DIGEST,
        "root": _DIGEST,
        "handles": listing(_DIGEST),
        "expires": pattern(re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")),
    }
)
_DEPOSITED = shape(
    COMMON
    | {
        "kind": choice("deposited"),
        "bundle_id": binary(16),
        "header_digest": _DIGEST,
        "register_digest": _DIGEST,
    }
)
_PROOF = shape(
    {
        "v": choice(1),
        "bundle": binary(16),
        "index": integer(0),
        "entry": b64url,
        "salt": _DIGEST,
        "path": listing(_DIGEST),
    }
)
_ENTRY = shape(
    {
        "object": binary(16),
        "file": binary(16),
        "size_bytes": integer(0),
        "sha256": _DIGEST,
        "media_type": pattern(MEDIA_TYPE),
        "derivation": nullable(shape({"from": binary(16), "kind": pattern(re.compile(r"[a-z0-9-]{1,40}"))})),
        "parts": nullable(_DIGEST),
        "pieces": _DIGEST,
    }
)


def _read_header(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_HEADER:
        raise Malformed("header is too large")
    header: dict[str, Any] = _HEADER(canonical(data))
    agencies = header["agencies"]
    if agencies != sorted(set(agencies)) or not 2 <= len(agencies) <= 8 or header["sender_agency"] not in agencies:
        raise Malformed("agencies are not 2 to 8, sorted, the sender's among them")
    if handle_agency(header["sender"]) != header["sender_agency"]:
        raise Malformed("sender is of another agency")
    stanzas, handles, halves = (len(header[name]) for name in ("stanzas", "handles", "halves"))
    if stanzas not in (8, 16, 32, 64) or handles != 8 or not 1 <= halves <= 3:
        raise Malformed("another number of stanzas, handles or halves")
    operators = [half["operator"] for half in header["halves"]]
    if any(len(set(values)) != len(values) for values in (header["stanzas"], header["handles"], operators)):
        raise Malformed("a stanza, handle or operator stands twice")
    if not _is_padme(header["padded_bytes"]):
        raise Malformed("padded_bytes is no padded size")
    return header


def _is_padme(size: int) -> bool:
    exponent = size.bit_length() - 1
    low_bits = exponent - (exponent.bit_length() - 1) - 1
    return size % (1 << low_bits) == 0


def _read_bundle(
    files: dict[str, bytes], bundle: bytes, log: str, directory: Directory, checkpoint: Checkpoint
) -> dict[str, Any]:
    folder = f"data/bundles/{bundle.hex()}"
    data, stem = files[folder + "/header"], folder + "/deposited"
    with refusing(CODE, folder):
        header = _read_header(data)
        statement = read_statement(files[stem + ".statement"])
        event = _DEPOSITED(statement.body)
    require(header["bundle_id"] == bundle and header["log"] == log, CODE, f"{folder}: of another bundle or log")
    good = signed_by(header["sender_key"], files[folder + "/signature"], "amparo/v1/header", data)
    require(good, CODE, f"{folder}: signature of the header is wrong")
    fits = event["bundle_id"] == bundle and event["log"] == log and event["header_digest"] == sha256(data)
    require(fits, CODE, f"{stem} is of another bundle, log or header")
    same = event["agency"] == header["sender_agency"] and event["officer"] == header["sender"]
    require(same and event["number"] == 0, CODE, f"{stem} is of another officer, or not the first")
    index = prove_event(files, stem, event["tag"], checkpoint)
    directory.check_event(statement, event["officer"], event["agency"], index)
    key = directory.officer_key(header["sender"], index)
    require(key == header["sender_key"], "pack-signer", f"{folder}: the sender's key is not the certified one")
    return header


def read_bundles(
    files: dict[str, bytes], pack: dict[str, Any], directory: Directory, checkpoint: Checkpoint
) -> dict[bytes, dict[str, Any]]:
    """The headers of all bundles, checked, by bundle."""
    return {bundle: _read_bundle(files, bundle, pack["log"], directory, checkpoint) for bundle in pack["bundles"]}


def _check_proof(data: bytes, file: dict[str, Any], thing: bytes, content: bytes, header: dict[str, Any]) -> None:
    proof = _PROOF(canonical(data))
    entry = _ENTRY(canonical(proof["entry"]))
    if proof["bundle"] != file["bundle"]:
        raise Malformed("names another bundle")
    if entry["file"] != file["file"] or entry["object"] != thing or entry["media_type"] != file["media_type"]:
        raise Malformed("of another file, object or media type")
    if entry["size_bytes"] != len(content) or entry["sha256"] != sha256(content):
        raise Malformed("of other contents")
    if entry["pieces"] != pieces_root(content):
        raise Malformed("of other pieces")
    if len(proof["path"]) > 63:
        raise Malformed("path is too long")
    leaf = leaf_hash(sha256(fields("amparo/v1/entry", proof["salt"], proof["entry"])))
    root = root_from_inclusion(leaf, proof["index"], 2 ** len(proof["path"]), proof["path"])
    if root != header["contents"]:
        raise Malformed("does not lead to the contents of the bundle")


def _custody_says(events: list[Event], file: bytes) -> tuple[set[bytes], set[bytes]]:
    """The digests that custody gives for a file: those in outputs, and all."""
    outputs = {item["sha256"] for event in events for item in event.body["outputs"] if item["file"] == file}
    inputs = {item["sha256"] for event in events for item in event.body["inputs"] if item["file"] == file}
    return outputs, outputs | inputs


def check_contents(
    files: dict[str, bytes],
    pack: dict[str, Any],
    custody: dict[bytes, list[Event]],
    headers: dict[bytes, dict[str, Any]],
) -> None:
    """Refuse unless each file of an exhibit has exactly the proof that pack.json says."""
    for exhibit in pack["exhibits"]:
        events = [event for holding in exhibit["holdings"] for event in custody[holding]]
        for file in exhibit["files"]:
            content = files[file["path"]]
            outputs, said = _custody_says(events, file["file"])
            if file["bundle"] is not None:
                path = f"data/proofs/{file['file'].hex()}.json"
                with refusing(CODE, path):
                    _check_proof(files[path], file, exhibit["object"], content, headers[file["bundle"]])
            require(said <= {sha256(content)}, "pack-custody", f"{file['path']} is not what custody says")
            so = "bundle" if file["bundle"] is not None else "custody" if outputs else "none"
            require(file["proof"] == so, "pack-list", f"{file['path']} has the proof {so}, but the list says otherwise")


def find_gaps(pack: dict[str, Any], custody: dict[bytes, list[Event]]) -> set[tuple[str, int | str | bytes]]:
    """The gaps that a verifier finds by itself: reason, and the path, number or holding it is about."""
    digests = {event.digest for events in custody.values() for event in events}
    gaps: set[tuple[str, int | str | bytes]] = set()
    for exhibit in pack["exhibits"]:
        if not exhibit["holdings"]:
            gaps.add(("no-custody", exhibit["number"]))
        gaps |= {("no-proof", file["path"]) for file in exhibit["files"] if file["proof"] == "none"}
    for holding, events in custody.items():
        prev = events[0].body["prev"]
        if prev is not None and prev not in digests:
            gaps.add(("no-origin", holding))
    return gaps


def check_gaps(pack: dict[str, Any], found: set[tuple[str, int | str | bytes]]) -> list[int]:
    """Refuse unless the gaps in pack.json are those that are there; gives the numbers without an exhibit."""
    code, said, missing = "pack-list", [], []
    exhibits = {exhibit["number"] for exhibit in pack["exhibits"]}
    first, last = pack["numbers"]["first"], pack["numbers"]["last"]
    for gap in pack["gaps"]:
        named = [(name, gap[name]) for name in ("number", "path", "holding") if gap[name] is not None]
        require(len(named) <= 1, code, "a gap is about more than one thing")
        if gap["reason"] not in WITHHELD:
            kind = {"no-custody": "number", "no-proof": "path", "no-origin": "holding"}[gap["reason"]]
            require(bool(named) and named[0][0] == kind, code, f"a gap {gap['reason']} names no {kind}")
            said.append((gap["reason"], named[0][1]))
        else:
            require(bool(named) and named[0][0] == "number", code, f"a gap {gap['reason']} names no number")
            cause = first <= gap["number"] <= last and gap["number"] not in exhibits
            require(cause, code, f"a gap without cause: number {gap['number']}")
            missing.append(gap["number"])
    require(len(said) == len(set(said)), code, "a gap stands twice")
    require(not found - set(said), code, f"gaps that the pack does not name: {len(found - set(said))}")
    require(not set(said) - found, code, f"gaps without cause: {len(set(said) - found)}")
    require(len(missing) == len(set(missing)), code, "a number has two gaps")
    require(len(missing) == last - first + 1 - len(exhibits), code, "a number has neither exhibit nor gap")
    return sorted(missing)
