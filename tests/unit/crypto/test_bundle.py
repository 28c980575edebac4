"""A sealed bundle: neither half opens it, nothing in it can be changed, one file can be proven alone."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from crypto import header as headers
from crypto import hybrid, opening, sealing, shares, signing
from crypto.digests import merkle_root, sha256
from crypto.encoding import dump_json, parse_json
from errors import (
    CommitmentMismatch,
    DecryptionFailed,
    FormatError,
    LimitExceeded,
    ProofError,
    SignatureInvalid,
    SourceChanged,
)

FILES = (b"first file", b"", bytes(range(256)) * 5000)


@dataclass
class Made:
    """One sealed bundle with everything its sender knew."""

    header: headers.Header
    signature: bytes
    secrets: sealing.BundleSecrets
    payload: bytes
    cover: bytes
    readers: dict[str, hybrid.ReceivingKey]


def source(data: bytes, rng: random.Random, **changes: object) -> sealing.Source:
    def read() -> Iterator[bytes]:
        for start in range(0, len(data), 4096):
            yield data[start : start + 4096]

    made = sealing.Source(
        rng.randbytes(16),
        rng.randbytes(16),
        len(data),
        sha256(data),
        "text/plain",
        merkle_root([sha256(data)]),
        read,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def make(rng: random.Random, threshold: int = 1) -> Made:
    key = signing.SigningKey(rng.randbytes(32))
    readers = {name: hybrid.ReceivingKey(hybrid.generate()) for name in ("south/1", "south/2", "north/1", "stranger")}
    secrets, bundle_id = sealing.new_secrets(), rng.randbytes(16)
    sources = [source(data, rng) for data in FILES]
    manifest = sealing.make_manifest("share", sources, [], [])
    size = sealing.padded_length(sources, manifest)
    ctx = headers.make_ctx(bundle_id, "log.example", "north", "north/liaison-1", key.public_key, 1, size)
    payload = bytearray()
    sealed = sealing.seal_payload(secrets, ctx, sources, manifest, payload.extend)
    cover = sealing.seal_cover(ctx, secrets.r, b'{"v":1}')
    parts = {1: secrets.s, 2: secrets.s} if threshold == 1 else sealing_shares(secrets.s, threshold)
    d_south = sealing.agency_key(secrets.d, "south")
    stanzas = sealing.seal_stanzas(
        ctx,
        secrets.r,
        [
            sealing.StanzaFor(readers["south/1"].public_key, threshold, 1, parts[1], d_south),
            sealing.StanzaFor(readers["south/2"].public_key, threshold, 2, parts[2], d_south),
            sealing.StanzaFor(readers["north/1"].public_key, 1, 1, secrets.s, secrets.d),
        ],
    )
    made = headers.Header(
        bundle_id, "log.example", "north", "north/liaison-1", key.public_key, size, ("north", "south"), stanzas,
        headers.commit_s(bundle_id, secrets.s),
        (headers.Half("one", headers.commit_b(bundle_id, secrets.halves[0]), rng.randbytes(32)),),
        headers.commit_r(bundle_id, secrets.r), sha256(cover), sealed.payload_commitment, sealed.contents,
        sealed.root, tuple(rng.randbytes(32) for _ in range(8)), "2031-11",
    )  # fmt: skip
    return Made(made, headers.sign_header(key, made.dump()), secrets, bytes(payload), cover, readers)


def sealing_shares(s: bytes, threshold: int) -> dict[int, bytes]:
    return shares.split(s, threshold, 2)


@pytest.fixture
def made(rng: random.Random) -> Made:
    return make(rng)


def reader(payload: bytes):  # type: ignore[no-untyped-def]
    return lambda start, end: payload[start:end]


def open_it(made: Made, s: bytes | None = None, half: bytes | None = None, payload: bytes | None = None) -> list[bytes]:
    bundle = opening.OpenBundle(
        made.header, s or made.secrets.s, [half or made.secrets.halves[0]], reader(payload or made.payload)
    )
    try:
        return [bundle.file_bytes(content) for content in bundle.contents]
    finally:
        bundle.close()


def test_an_entitled_officer_with_the_released_half_reads_every_file(made: Made) -> None:
    found = opening.find_stanza(made.readers["south/1"], made.header)
    assert found is not None
    s = opening.combine_shares(made.header, [found])
    opening.check_half(made.header, 1, made.secrets.halves[0])
    assert open_it(made, s) == list(FILES)
    assert len(made.payload) == made.header.payload_bytes
    assert opening.open_cover(made.header, found.r, made.cover) == b'{"v":1}'


def test_neither_half_opens_alone(made: Made, rng: random.Random) -> None:
    """G2: the recipient without the release, and the broker without a stanza, hold nothing that opens."""
    assert open_it(made) == list(FILES)
    with pytest.raises(DecryptionFailed):
        open_it(made, half=rng.randbytes(32))
    with pytest.raises(DecryptionFailed):
        open_it(made, s=rng.randbytes(32))


def test_a_stranger_finds_no_stanza(made: Made) -> None:
    assert opening.find_stanza(made.readers["south/2"], made.header) is not None
    assert opening.find_stanza(made.readers["stranger"], made.header) is None


def test_the_sender_reads_every_agencys_details_and_a_recipient_its_own(made: Made) -> None:
    sender = opening.find_stanza(made.readers["north/1"], made.header)
    south = opening.find_stanza(made.readers["south/1"], made.header)
    assert sender and south
    wanted = sealing.agency_key(made.secrets.d, "south")
    assert opening.agency_secret_of(sender, made.header, "north", "south") == wanted
    assert opening.agency_secret_of(south, made.header, "south", "south") == wanted
    with pytest.raises(DecryptionFailed):
        opening.agency_secret_of(south, made.header, "south", "north")


def test_dual_control_is_mathematics(rng: random.Random) -> None:
    """G7: one stanza of a t = 2 bundle opens nothing, two do."""
    made = make(rng, threshold=2)
    one, two = (opening.find_stanza(made.readers[name], made.header) for name in ("south/1", "south/2"))
    assert one and two
    with pytest.raises(CommitmentMismatch):
        opening.combine_shares(made.header, [one])
    with pytest.raises(FormatError):
        opening.combine_shares(made.header, [one, one])
    with pytest.raises(DecryptionFailed):
        open_it(made, s=one.share)
    assert open_it(made, opening.combine_shares(made.header, [one, two])) == list(FILES)


def test_any_altered_byte_of_the_payload_is_noticed(made: Made, rng: random.Random) -> None:
    digests = opening.segment_digests(iter([made.payload]))
    checker = opening.SegmentChecker(made.header, digests)
    checker.check(0, made.payload[: 2**20])
    for _ in range(30):
        at = rng.randrange(len(made.payload))
        altered = bytearray(made.payload)
        altered[at] ^= 1 << rng.randrange(8)
        with pytest.raises((DecryptionFailed, CommitmentMismatch, FormatError)):
            open_it(made, payload=bytes(altered))
        with pytest.raises(CommitmentMismatch):
            opening.SegmentChecker(made.header, opening.segment_digests(iter([altered])))
        with pytest.raises(CommitmentMismatch):
            checker.check(at >> 20, altered[(at >> 20) << 20 : ((at >> 20) + 1) << 20])


def test_a_truncated_payload_is_refused(made: Made) -> None:
    for cut in (made.payload[:-1], made.payload[: 2**20], made.payload[:56], b""):
        with pytest.raises(CommitmentMismatch):
            opening.SegmentChecker(made.header, opening.segment_digests(iter([cut])))


def test_another_cover_half_or_key_of_the_parties_is_refused(made: Made, rng: random.Random) -> None:
    opening.check_half(made.header, 1, made.secrets.halves[0])
    with pytest.raises(CommitmentMismatch):
        opening.check_half(made.header, 1, rng.randbytes(32))
    other = sealing.seal_cover(made.header.ctx, made.secrets.r, b'{"v":2}')
    with pytest.raises(CommitmentMismatch):
        opening.open_cover(made.header, made.secrets.r, other)
    wrong_r = sealing.seal_stanza(
        made.header.ctx,
        rng.randbytes(32),
        sealing.StanzaFor(made.readers["south/1"].public_key, 1, 1, made.secrets.s, rng.randbytes(32)),
    )
    with pytest.raises(CommitmentMismatch):
        opening.find_stanza(made.readers["south/1"], made.header, [wrong_r])


def test_one_file_is_proven_without_the_rest(made: Made, rng: random.Random) -> None:
    bundle = opening.OpenBundle(made.header, made.secrets.s, made.secrets.halves, reader(made.payload))
    for content in bundle.contents:
        given = (content.entry_bytes, content.salt, content.index, content.path, made.header.contents)
        opening.verify_content(*given)
        wrong = content.entry_bytes.replace(b"text/plain", b"text/plaim")
        for changed in (
            (wrong, *given[1:]),
            (given[0], rng.randbytes(32), *given[2:]),
            (*given[:2], content.index ^ 1, *given[3:]),
            (*given[:3], content.path[:-1], given[4]),
            (*given[:3], (*content.path, bytes(32)), given[4]),
            (*given[:4], rng.randbytes(32)),
        ):
            with pytest.raises(ProofError):
                opening.verify_content(*changed)
    bundle.close()


def test_a_file_that_changed_since_intake_stops_the_sealing(rng: random.Random) -> None:
    for changes in ({"sha256": rng.randbytes(32)}, {"size_bytes": 3}, {"size_bytes": 30}):
        changed = source(b"four bytes", rng, **changes)
        manifest = sealing.make_manifest("share", [changed], [], [])
        with pytest.raises(SourceChanged):
            sealing.seal_payload(sealing.new_secrets(), b"ctx", [changed], manifest, lambda block: None)
    good = source(b"four bytes", rng)
    assert sealing.seal_payload(
        sealing.new_secrets(),
        b"ctx",
        [good],
        sealing.make_manifest("share", [good], [], []),
        lambda block: None,
    )


def test_header_round_trip_and_signature(made: Made) -> None:
    raw = made.header.dump()
    assert headers.verify_header(raw, made.signature) == made.header
    with pytest.raises(SignatureInvalid):
        headers.verify_header(raw.replace(b"2031-11", b"2031-12"), made.signature)
    with pytest.raises(SignatureInvalid):
        headers.verify_header(raw, made.signature[:-1] + bytes([made.signature[-1] ^ 1]))


@pytest.mark.parametrize(
    ("claim", "member", "value"),
    [
        ("another version", "v", 2),
        ("another suite", "suite", "amparo-2"),
        ("a short id", "bundle_id", "AAAA"),
        ("agencies out of order", "agencies", ["south", "north"]),
        ("an agency twice", "agencies", ["north", "north"]),
        ("one agency", "agencies", ["north"]),
        ("nine agencies", "agencies", [*"abcdefgh", "north"]),
        ("a sender who is not named", "sender_agency", "west"),
        ("an officer of another agency", "sender", "south/liaison-1"),
        ("no stanza", "stanzas", []),
        ("a number as a list", "stanzas", 8),
        ("seven handles", "handles", ["A" * 43] * 7),
        ("one handle eight times", "handles", ["A" * 43] * 8),
        ("no half", "halves", []),
        ("a half with another member", "halves", [{"operator": "one"}]),
        ("a size that is not padded", "padded_bytes", 5_000_001),
        ("a negative size", "padded_bytes", -1),
        ("a size that is true", "padded_bytes", True),
        ("a month that is none", "expires", "2031-13"),
        ("a log with a space", "log", "log example"),
        ("null", "root", None),
    ],
)
def test_headers_that_this_version_does_not_write_are_refused(
    made: Made, claim: str, member: str, value: object
) -> None:
    found = parse_json(made.header.dump())
    assert headers.parse_header(dump_json(found)) == made.header
    with pytest.raises(FormatError):
        headers.parse_header(dump_json({**found, member: value}))
    with pytest.raises(FormatError):
        headers.parse_header(dump_json({**found, "extra": 1}))
    del found[member]
    with pytest.raises(FormatError):
        headers.parse_header(dump_json(found))


def test_addendum_round_trip_and_refusal(made: Made) -> None:
    addition = sealing.seal_cover_addition(made.secrets.r, made.header.digest(), "west", b"{}")
    addendum = headers.Addendum(made.header.bundle_id, made.header.digest(), "west", made.header.stanzas, addition)
    assert headers.parse_addendum(addendum.dump()) == addendum
    assert opening.open_cover_addition(made.header.digest(), "west", made.secrets.r, addition) == b"{}"
    with pytest.raises(DecryptionFailed):
        opening.open_cover_addition(made.header.digest(), "east", made.secrets.r, addition)
    with pytest.raises(FormatError):
        headers.parse_addendum(addendum.dump().replace(b'"v":1', b'"v":2'))


def test_stanza_lists_have_four_sizes_and_no_more_than_64(rng: random.Random) -> None:
    key = hybrid.ReceivingKey(hybrid.generate()).public_key
    one = sealing.StanzaFor(key, 1, 1, bytes(32), bytes(32))
    for wanted, size in ((1, 8), (8, 8), (9, 16)):
        assert len(sealing.seal_stanzas(b"ctx", bytes(32), [one] * wanted)) == size
    with pytest.raises(LimitExceeded):
        sealing.seal_stanzas(b"ctx", bytes(32), [one] * 65)


def test_dummies_look_like_stanzas(made: Made) -> None:
    """A crude classifier on bytes: random bytes would differ at once, since ML-KEM coefficients are below 3329."""
    assert {len(stanza) for stanza in made.header.stanzas} == {1234}
    keyed = [hashlib.sha256(stanza).digest() for stanza in made.header.stanzas]
    assert len(set(keyed)) == 8


def test_equal_content_looks_different_each_time(rng: random.Random) -> None:
    """What the broker stores of two equal bundles has nothing in common (G1, G4)."""
    seed = rng.random()
    one, two = make(random.Random(seed)), make(random.Random(seed))
    assert one.header.bundle_id == two.header.bundle_id  # the same draws for what the test chooses
    assert one.payload[:56] != two.payload[:56]
    assert one.header.contents != two.header.contents
    assert not set(one.header.stanzas) & set(two.header.stanzas)
