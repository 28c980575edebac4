"""A dishonest sender, broker or recipient of a bundle: what each of them might try, beside the honest thing."""

import random
import time
from dataclasses import replace
from typing import Any

import pytest

from crypto import header as headers
from crypto import hybrid, opening, sealing
from crypto.digests import merkle_root
from crypto.encoding import b64u, dump_json, fields, parse_json
from errors import CommitmentMismatch, DecryptionFailed, FormatError
from tests.unit.crypto.test_bundle import FILES, Made, make, open_it, reader, source


@pytest.fixture
def made(rng: random.Random) -> Made:
    return make(rng)


def seal_entries(made: Made, entries: list[dict[str, Any]], rng: random.Random, **other: Any) -> opening.OpenBundle:
    """Open what a sender sealed with a manifest of its own invention; its one file is empty unless `data` is given."""
    data = other.pop("data", b"")
    whole = {"v": 1, "kind": "share", "entries": entries, "handles": [], "spares": [], **other}
    manifest = dump_json(whole)
    body = source(data, rng, is_authenticated=True)
    old = made.header
    size = sealing.padded_length([body], manifest)
    ctx = headers.make_ctx(
        old.bundle_id, old.log, old.sender_agency, old.sender, old.sender_key, len(old.halves), size
    )  # fmt: skip
    payload = bytearray()
    sealed = sealing.seal_payload(made.secrets, ctx, [body], manifest, payload.extend)
    leaves = sealing.contents_tree(
        sealing.content_prk(made.secrets.s, made.secrets.halves), [dump_json(entry) for entry in entries]
    )
    header = replace(
        old,
        padded_bytes=size,
        payload_commitment=sealed.payload_commitment,
        root=sealed.root,
        contents=merkle_root(leaves),
    )
    return opening.OpenBundle(header, made.secrets.s, made.secrets.halves, reader(bytes(payload)))


def test_a_senders_malformed_entry_ends_in_an_error_of_ours(made: Made, rng: random.Random) -> None:
    """The opener runs before anybody looked at the manifest: no KeyError may come out of it."""
    good = source(b"", rng).entry()
    bundle = seal_entries(made, [good], rng)
    assert bundle.file_bytes(bundle.contents[0]) == b""
    bundle.close()
    for changes in ({"sha256": None}, {"size_bytes": None}, {"size_bytes": True}, {"more": 1}):
        with pytest.raises(FormatError):
            seal_entries(made, [{**good, **changes}], rng)
    with pytest.raises(FormatError):
        seal_entries(made, [{name: good[name] for name in good if name != "sha256"}], rng)
    with pytest.raises(FormatError):
        seal_entries(made, [good], rng, v=True)


def test_files_that_do_not_fill_the_data_are_refused(made: Made, rng: random.Random) -> None:
    data = b"ten bytes!"
    good = source(data, rng).entry()
    bundle = seal_entries(made, [good], rng, data=data)
    assert bundle.file_bytes(bundle.contents[0]) == data
    bundle.close()
    for size in (0, 9, 11, 2**52):
        with pytest.raises(FormatError):
            seal_entries(made, [{**good, "size_bytes": size}], rng, data=data)


def test_a_digest_that_is_not_the_files_shows_when_it_is_read(made: Made, rng: random.Random) -> None:
    wrong = {**source(b"", rng).entry(), "sha256": b64u(rng.randbytes(32))}
    bundle = seal_entries(made, [wrong], rng)
    with pytest.raises(CommitmentMismatch):
        bundle.file_bytes(bundle.contents[0])
    bundle.close()


def test_opening_many_files_costs_their_number_not_its_square(made: Made, rng: random.Random) -> None:
    """4,096 files took 15 s when each path was computed anew, 65,536 an hour: one bundle could have stopped a desk."""
    entries = [source(b"", rng).entry() for _ in range(4096)]
    started = time.process_time()
    bundle = seal_entries(made, entries, rng)
    assert time.process_time() - started < 10
    for number in (0, 1, 4095):
        content = bundle.contents[number]
        assert content.path == opening.contents_path(
            sealing.contents_tree(
                sealing.content_prk(made.secrets.s, made.secrets.halves), [one.entry_bytes for one in bundle.contents]
            ),
            number,
        )
        opening.verify_content(content.entry_bytes, content.salt, number, content.path, bundle.header.contents)
    bundle.close()


def test_segments_are_counted_from_the_front_only(made: Made) -> None:
    digests = opening.segment_digests(iter([made.payload]))
    checker = opening.SegmentChecker(made.header, digests)
    last = made.payload[2**20 * (len(digests) - 1) :]
    checker.check(len(digests) - 1, last)
    for number in (-1, len(digests), 2**40):
        with pytest.raises(CommitmentMismatch):
            checker.check(number, last)


def test_segments_in_another_order_are_refused(made: Made) -> None:
    digests = opening.segment_digests(iter([made.payload]))
    assert len(digests) > 1
    opening.SegmentChecker(made.header, digests)
    for other in (digests[::-1], digests[1:], [*digests, digests[0]], []):
        with pytest.raises(CommitmentMismatch):
            opening.SegmentChecker(made.header, other)


def test_halves_are_counted_from_one(made: Made) -> None:
    half = made.secrets.halves[0]
    opening.check_half(made.header, 1, half)
    for number in (0, -1, 2):
        with pytest.raises(FormatError):
            opening.check_half(made.header, number, half)


@pytest.mark.parametrize("member", ["v", "padded_bytes"])
def test_a_second_spelling_of_a_number_is_refused(made: Made, member: str) -> None:
    """`true` equals 1 in Python: such a header would be accepted under a digest that is not that of its bytes."""
    found = parse_json(made.header.dump())
    assert headers.parse_header(dump_json(found)).digest() == made.header.digest()
    with pytest.raises(FormatError):
        headers.parse_header(dump_json({**found, member: True}))


def test_what_is_read_gives_the_very_bytes_that_were_signed(made: Made) -> None:
    raw = made.header.dump()
    assert headers.verify_header(raw, made.signature).dump() == raw


def test_stanzas_of_one_bundle_open_nothing_in_another(rng: random.Random) -> None:
    """A stanza is bound to sender, log, bundle and size: taken elsewhere it is a dummy."""
    made = make(rng)
    reading = made.readers["south/1"]
    assert opening.find_stanza(reading, made.header) is not None
    for changes in (
        {"bundle_id": rng.randbytes(16)},
        {"log": "other.example"},
        {"sender": "north/liaison-2"},
        {"sender_key": rng.randbytes(32)},
        {"padded_bytes": made.header.padded_bytes * 2},
        {"sender_agency": "south"},
        {"halves": made.header.halves * 2},
    ):
        assert opening.find_stanza(reading, replace(made.header, **changes)) is None


def test_payload_and_key_of_another_bundle_are_refused(rng: random.Random) -> None:
    one, two = make(rng), make(rng)
    assert open_it(one) == list(FILES)
    with pytest.raises(CommitmentMismatch):
        open_it(one, payload=two.payload)
    with pytest.raises(DecryptionFailed):
        open_it(one, s=two.secrets.s, half=two.secrets.halves[0])
    assert opening.open_cover(one.header, one.secrets.r, one.cover) == b'{"v":1}'
    with pytest.raises(CommitmentMismatch):
        opening.open_cover(one.header, one.secrets.r, two.cover)
    with pytest.raises(DecryptionFailed):
        opening.open_cover(one.header, two.secrets.r, one.cover)


def test_a_malformed_stanza_for_my_key_is_refused(made: Made, rng: random.Random) -> None:
    reading, ctx = made.readers["south/1"], made.header.ctx
    body = bytes([1, 1]) + made.secrets.s + made.secrets.r + rng.randbytes(32)

    def sealed(plain: bytes) -> bytes:
        return hybrid.seal(reading.public_key, headers.stanza_info(ctx), plain)

    assert opening.open_stanza(reading, ctx, sealed(body)).share == made.secrets.s
    for plain in (b"\0" + body[1:], body[:1] + b"\0" + body[2:], body[:-1], body + b"\0", b""):
        with pytest.raises(FormatError):
            opening.open_stanza(reading, ctx, sealed(plain))


def test_a_half_opens_for_its_operator_number_and_bundle_alone(made: Made, rng: random.Random) -> None:
    operator = hybrid.ReceivingKey(hybrid.generate())
    half = made.secrets.halves[0]
    sealed = sealing.seal_half(operator.public_key, made.header.ctx, 1, half)
    assert len(sealed) == headers.HALF_BYTES
    assert operator.open(headers.half_info(made.header.ctx, 1), sealed) == half
    for info in (
        headers.half_info(made.header.ctx, 2),
        headers.half_info(made.header.ctx + b"x", 1),
        headers.release_info(b"request"),
        fields(b"amparo/v1/half"),
    ):
        with pytest.raises(DecryptionFailed):
            operator.open(info, sealed)


def test_an_addendum_is_to_one_header_and_adds_one_agency(made: Made, rng: random.Random) -> None:
    addition = sealing.seal_cover_addition(made.secrets.r, made.header.digest(), "west", b"{}")
    good = headers.Addendum(made.header.bundle_id, made.header.digest(), "west", made.header.stanzas, addition)
    headers.require_addendum(good, made.header)
    headers.require_addendum(good, made.header, ["east"])
    for wrong, added in (
        (replace(good, bundle_id=rng.randbytes(16)), []),
        (replace(good, header_digest=rng.randbytes(32)), []),
        (replace(good, agency="south"), []),
        (good, ["west"]),
        (good, ["a", "b", "c", "d", "e", "f"]),
    ):
        with pytest.raises(FormatError):
            headers.require_addendum(wrong, made.header, added)


def test_half_a_character_in_a_field_is_refused() -> None:
    assert fields(b"L", "\U0001f642")
    with pytest.raises(FormatError):
        fields(b"L", "\ud83d")
