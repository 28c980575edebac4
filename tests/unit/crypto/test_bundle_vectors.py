"""The sealed bundle of tests/vectors/bundle.json, all of it by another implementation: opened, and taken apart."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crypto import boxes, chunks, hybrid, opening, recovery, sealing, shares, signing
from crypto import header as headers
from crypto.digests import SEGMENT_BYTES, BlockRoot, sha256
from crypto.encoding import fields
from crypto.fingerprints import fingerprint
from custody import entries, events, handles
from errors import AmparoError
from tests.unit.crypto import reference as ref
from tests.vectors_made.book import draw, flipped

RAW: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bundle.json").read_text("utf-8"))


def raw(name: str) -> bytes:
    return bytes.fromhex(RAW[name])


def key_of(name: str) -> hybrid.ReceivingKey:
    return hybrid.ReceivingKey(bytes.fromhex(RAW["receiving_secrets"][name]))


def header() -> headers.Header:
    return headers.verify_header(raw("header"), raw("header_signature"))


def opened(payload: bytes | None = None, s: bytes | None = None, half: bytes | None = None) -> list[bytes]:
    """Every file, out of the bytes as they came."""
    data = raw("payload") if payload is None else payload
    bundle = opening.OpenBundle(
        header(), raw("s") if s is None else s, [raw("b") if half is None else half], lambda start, end: data[start:end]
    )
    try:
        return [bundle.file_bytes(content) for content in bundle.contents]
    finally:
        bundle.close()


def test_bundle_vector_secrets_and_bindings() -> None:
    """Section 3.1: every derived value."""
    found, bundle_id = header(), raw("bundle_id")
    assert found.ctx == raw("ctx")
    assert found.digest() == raw("header_digest")
    assert found.sender_key == signing.SigningKey(raw("sender_seed")).public_key
    prk = sealing.content_prk(raw("s"), [raw("b")])
    assert prk == raw("prk")
    assert sealing.content_key(prk, found.ctx) == raw("input_key")
    assert [sealing.entry_salt(prk, number).hex() for number in range(4)] == RAW["entry_salts"]
    assert sealing.agency_key(raw("d"), "south-ngo") == raw("agency_secret")
    assert headers.commit_s(bundle_id, raw("s")) == raw("c_s") == found.c_s
    assert headers.commit_b(bundle_id, raw("b")) == raw("c_b") == found.halves[0].c_b
    assert headers.commit_r(bundle_id, raw("r")) == raw("c_r") == found.c_r


def test_bundle_vector_opens_for_the_officers_and_the_recovery_key() -> None:
    """Sections 3.3 and 4: stanzas by trial, two shares of two, the half, cover, payload, files."""
    found = header()
    one, two = (opening.find_stanza(key_of(name), found) for name in ("officer", "second"))
    assert one is not None and two is not None
    assert (one.threshold, one.x, one.share.hex()) == (2, 1, RAW["shares"][0])
    assert opening.combine_shares(found, [one, two]) == raw("s")
    paper = opening.find_stanza(recovery.receiving_key(raw("recovery_seed")), found)
    assert paper is not None and opening.combine_shares(found, [paper]) == raw("s")
    assert opening.find_stanza(key_of("operator"), found) is None
    assert (one.r, one.agency_secret) == (raw("r"), raw("agency_secret"))
    half = key_of("operator").open(headers.half_info(found.ctx, 1), raw("half"))
    opening.check_half(found, 1, half)
    assert opening.open_cover(found, one.r, raw("cover")) == raw("cover_json")
    assert [one.hex() for one in opened()] == RAW["files"]
    parts = shares.split(raw("s"), 2, 3, lambda size: raw("share_coefficient"))
    assert [parts[x].hex() for x in (1, 2, 3)] == RAW["shares"]


def test_bundle_vector_contents_are_proven_one_by_one() -> None:
    """Section 3.2: manifest, entries, contents, segments."""
    found = header()
    data = raw("payload")
    bundle = opening.OpenBundle(found, raw("s"), [raw("b")], lambda start, end: data[start:end])
    assert [content.entry_bytes.hex() for content in bundle.contents] == RAW["entries"]
    for content in bundle.contents:
        opening.verify_content(content.entry_bytes, content.salt, content.index, content.path, raw("contents"))
    bundle.close()
    opening.SegmentChecker(found, opening.segment_digests(iter([data])))
    assert (found.contents, found.root, found.padded_bytes) == (raw("contents"), raw("root"), RAW["padded_bytes"])
    assert data[: chunks.PREFIX_BYTES] == found.payload_commitment


def test_bundle_vector_of_several_chunks_and_segments() -> None:
    """Chunks whose number does not fit in a byte, and three segments."""
    plain = draw("large", 3_000_000)
    assert sha256(plain) == raw("large_plain_sha256")
    payload = ref.cobblestone(raw("large_key"), raw("large_context"), raw("large_salt"), plain)
    assert (len(payload), sha256(payload)) == (RAW["large_payload_bytes"], raw("large_payload_sha256"))
    root = BlockRoot(SEGMENT_BYTES)
    root.update(payload)
    assert root.root() == raw("large_root")
    pieces = [payload[at : at + 100_000] for at in range(0, len(payload), 100_000)]
    assert b"".join(chunks.open_pieces(raw("large_key"), raw("large_context"), pieces)) == plain
    reader = chunks.Opener(raw("large_key"), raw("large_context"), payload[: chunks.PREFIX_BYTES], len(payload))
    start, end = reader.sealed_range(180, 4)
    assert reader.open_run(payload[start:end], 180) == plain[180 * chunks.CHUNK_BYTES :]
    reader.close()


def test_bundle_vector_addendum_handles_and_tags() -> None:
    """Sections 3.4, 5 to 7 as far as they hang on this bundle."""
    addendum = headers.parse_addendum(raw("addendum"))
    assert addendum.dump() == raw("addendum")
    headers.require_addendum(addendum, header())
    listed = opening.open_cover_addition(raw("header_digest"), "west-court", raw("r"), addendum.cover_addition)
    assert listed == raw("cover_addition_json")
    secret, bundle_id = raw("handle_secret"), raw("bundle_id")
    assert [handles.own_handle(secret, bundle_id, place).hex() for place in range(8)] == RAW["handles"]
    keys = [handles.handle_key(secret, bundle_id, place).public_key.hex() for place in (0, 7, 8)]
    assert keys == RAW["handle_public_keys"]
    assert entries.handle_tag(bytes.fromhex(RAW["handles"][0])) == raw("handle_tag_0")
    tag_key = sealing.tag_key(raw("r"))
    assert tag_key == raw("tag_key")
    for one in RAW["tags"]:
        assert entries.tag_of(tag_key, one["agency"], one["number"]).hex() == one["tag"]
    found = entries.event_entry(bytes.fromhex(RAW["tags"][0]["tag"]), raw("event_salt"), b"signed event")
    assert found == raw("entry")
    for number, wanted in enumerate(RAW["register_keys"], start=1):
        assert boxes.expand(raw("r"), fields("amparo/v1/register-key", number), 32).hex() == wanted
    assert fields("amparo/v1/register", bundle_id, raw("header_digest"), 1) == raw("register_aad_1")


def test_bundle_vector_details_approval_and_release() -> None:
    """Section 4, and a fingerprint of section 2."""
    key = events.details_key(raw("agency_secret"), raw("bundle_id"))
    assert key == raw("details_key")
    assert events.details_commitment(raw("details_salt"), raw("details")) == raw("details_commitment")
    plain = boxes.open_box(key, sha256(raw("core")), raw("details_box"))
    assert plain == raw("details_salt") + ref.padded(raw("details"), 1024)
    approver = signing.SigningKey(raw("approval_seed")).public_key
    signing.verify(approver, b"amparo/v1/approve", raw("core"), "prosecution", "mla", signature=raw("approval"))
    assert key_of("one-time").open(headers.release_info(raw("request")), raw("release")) == raw("b")
    assert fingerprint("north-police", raw("root_key")) == RAW["fingerprint"]


ALTERED: dict[str, Callable[[], object]] = {
    "another S": lambda: opened(s=flipped(raw("s"))),
    "another half": lambda: opened(half=flipped(raw("b"))),
    "S and half exchanged": lambda: opened(s=raw("b"), half=raw("s")),
    "an altered salt of the payload": lambda: opened(flipped(raw("payload"), 0)),
    "an altered commitment of the payload": lambda: opened(flipped(raw("payload"), 24)),
    "an altered chunk": lambda: opened(flipped(raw("payload"), chunks.PREFIX_BYTES)),
    "an altered tag of the chunk": lambda: opened(flipped(raw("payload"))),
    "a payload one byte short": lambda: opened(raw("payload")[:-1]),
    "another ctx for the stanza": lambda: opening.open_stanza(
        key_of("officer"), raw("ctx") + b"\0", bytes.fromhex(RAW["stanzas"]["officer"])
    ),
    "an altered cover": lambda: opening.open_cover(header(), raw("r"), flipped(raw("cover"))),
    "another number for the half": lambda: key_of("operator").open(headers.half_info(raw("ctx"), 2), raw("half")),
    "an altered header": lambda: headers.verify_header(
        raw("header").replace(b"2031-11", b"2031-12"), raw("header_signature")
    ),
    "an altered segment": lambda: opening.SegmentChecker(
        header(), opening.segment_digests(iter([flipped(raw("payload"), 100)]))
    ),
    "another request for the release": lambda: key_of("one-time").open(
        headers.release_info(raw("request") + b" "), raw("release")
    ),
}


@pytest.mark.parametrize("name", ALTERED)
def test_bundle_vector_altered_in_one_thing_is_refused(name: str) -> None:
    """Each beside the whole, which opens above."""
    with pytest.raises(AmparoError):
        ALTERED[name]()
