"""Small boxes, padding, X-Wing stanzas, shares, keyring: round trips and refusals."""

import json
import random
from hashlib import shake_256
from itertools import combinations
from pathlib import Path

import pytest

from crypto import boxes, fingerprints, hybrid, keyring, padding, pseudonyms, recovery, shares
from errors import DecryptionFailed, FormatError, KeyUnusable, LimitExceeded, PassphraseWrong

CHEAP = keyring.Cost(1, keyring.SMALLEST_MEMORY_BYTES)


def test_a_box_opens_with_its_key_and_data_alone(rng: random.Random) -> None:
    key = rng.randbytes(32)
    box = boxes.seal_box(key, b"aad", b"words")
    assert boxes.open_box(key, b"aad", box) == b"words"
    for other, aad, given in (
        (rng.randbytes(32), b"aad", box),
        (key, b"other", box),
        (key, b"aad", box[:-1]),
        (key, b"aad", bytes([box[0] ^ 1]) + box[1:]),
        (key, b"aad", box[:39]),
        (key, b"aad", b""),
    ):
        with pytest.raises(DecryptionFailed):
            boxes.open_box(other, aad, given)


def test_padded_boxes_have_one_length_whatever_is_inside() -> None:
    lengths = {len(boxes.seal_padded(bytes(32), b"", bytes(size), 1024)) for size in (0, 1, 1020)}
    assert lengths == {1064}
    assert boxes.open_padded(bytes(32), b"", boxes.seal_padded(bytes(32), b"", b"x", 1024), 1024) == b"x"
    with pytest.raises(LimitExceeded):
        boxes.seal_padded(bytes(32), b"", bytes(1021), 1024)


@pytest.mark.parametrize("raw", [b"", b"\0\0\0\x0d" + bytes(12), b"\0\0\0\1ab" + bytes(10), b"\0\0\0\1a" + bytes(10)])
def test_malformed_padding_is_refused(raw: bytes) -> None:
    assert padding.unpadded(padding.padded(b"a", 16), 16) == b"a"
    with pytest.raises(FormatError):
        padding.unpadded(raw, 16)


@pytest.mark.parametrize(
    ("length", "expected"), [(0, 4096), (4096, 4096), (4097, 4352), (10_000, 10_240), (1_000_000, 1_015_808)]
)
def test_padme_lengths(length: int, expected: int) -> None:
    assert padding.padme(length) == expected


def test_padme_never_costs_more_than_twelve_percent(rng: random.Random) -> None:
    for _ in range(500):
        length = rng.randrange(4096, 2**40)
        padded = padding.padme(length)
        assert length <= padded <= length * 1.12
        assert padding.padme(padded) == padded


def test_xwing_public_key_is_the_published_one() -> None:
    vector = json.loads((Path(__file__).parents[2] / "vectors/hpke_xwing.json").read_text())[0]
    secret = shake_256(bytes.fromhex(vector["skRm"])).digest(hybrid.SECRET_BYTES)
    assert hybrid.ReceivingKey(secret).public_key.hex() == vector["pkRm"]


def test_a_stanza_opens_for_its_key_and_info_alone() -> None:
    key, other = (hybrid.ReceivingKey(hybrid.generate()) for _ in range(2))
    sealed = hybrid.seal(key.public_key, b"info", bytes(98))
    assert len(sealed) == 1234
    assert key.open(b"info", sealed) == bytes(98)
    for receiver, info, given in (
        (other, b"info", sealed),
        (key, b"inf", sealed),
        (key, b"info", sealed[:-1]),
        (key, b"info", bytes([sealed[0] ^ 1]) + sealed[1:]),
        (key, b"info", b""),
    ):
        with pytest.raises(DecryptionFailed):
            receiver.open(info, given)


@pytest.mark.parametrize("raw", [b"", bytes(1215), b"\xff" * 1216])
def test_what_is_no_receiving_key_is_refused(raw: bytes) -> None:
    hybrid.check_public_key(hybrid.ReceivingKey(hybrid.generate()).public_key)
    with pytest.raises(FormatError):
        hybrid.check_public_key(raw)


def test_any_t_shares_give_the_secret_and_fewer_do_not(rng: random.Random) -> None:
    secret = rng.randbytes(32)
    made = shares.split(secret, 3, 5)
    for chosen in combinations(made, 3):
        assert shares.combine({x: made[x] for x in chosen}) == secret
    for chosen in combinations(made, 2):
        assert shares.combine({x: made[x] for x in chosen}) != secret


def test_shares_are_fresh_for_every_split(rng: random.Random) -> None:
    secret = rng.randbytes(32)
    assert shares.split(secret, 2, 3) != shares.split(secret, 2, 3)
    assert shares.split(secret, 1, 3) == {1: secret, 2: secret, 3: secret}


@pytest.mark.parametrize(("threshold", "count"), [(0, 3), (4, 3), (1, 0), (2, 256)])
def test_impossible_thresholds_are_refused(threshold: int, count: int) -> None:
    assert shares.split(bytes(32), 2, 255)
    with pytest.raises(FormatError):
        shares.split(bytes(32), threshold, count)


@pytest.mark.parametrize("given", [{}, {0: b"a"}, {256: b"a"}, {1: b"a", 2: b"ab"}])
def test_shares_that_do_not_belong_together_are_refused(given: dict[int, bytes]) -> None:
    with pytest.raises(FormatError):
        shares.combine(given)


def test_the_field_is_that_of_aes() -> None:
    assert shares._multiply(0x57, 0x83) == 0xC1  # FIPS 197, section 4.2
    assert all(shares._multiply(value, shares._invert(value)) == 1 for value in range(1, 256))


def test_keyring_round_trip_and_wrong_passphrase() -> None:
    ring = keyring.lock({"signing": b"s" * 32, "receiving": b"r" * 96}, "long words", cost=CHEAP)
    found = keyring.unlock(ring, "long words")
    assert bytes(found["signing"].value) == b"s" * 32
    assert "ssss" not in repr(found)
    with pytest.raises(PassphraseWrong):
        keyring.unlock(ring, "long word")


def test_keyring_parameters_cannot_be_weakened() -> None:
    ring = keyring.lock({"k": bytes(32)}, "p", cost=keyring.Cost(2, keyring.SMALLEST_MEMORY_BYTES))
    assert keyring.unlock(ring, "p")
    with pytest.raises(PassphraseWrong):
        keyring.unlock(ring.replace(b'"ops":2', b'"ops":1'), "p")
    for old, new in (
        (b'"ops":2', b'"ops":0'),
        (b'"memory_bytes":8388608', b'"memory_bytes":99999999999'),
        (b'"v":1', b'"v":2'),
    ):
        with pytest.raises(FormatError):
            keyring.unlock(ring.replace(old, new), "p")


def test_a_wiped_secret_is_gone() -> None:
    secret = keyring.Secret(b"abc")
    held = secret.value
    with secret:
        assert bytes(held) == b"abc"
    assert bytes(held) == bytes(3)
    with pytest.raises(KeyUnusable):
        _ = secret.value


def test_paper_shares_need_two_holders_and_give_the_seed_back(rng: random.Random) -> None:
    seed = rng.randbytes(32)
    papers = recovery.split_on_paper(seed, 2, 3)
    assert recovery.join_from_paper([papers[0], papers[2].upper()]) == seed
    for given in (
        [papers[0]],
        [],
        ["not words"],
        [papers[0], papers[1].replace(papers[1].split()[5], "academic")],
    ):
        with pytest.raises(KeyUnusable):
            recovery.join_from_paper(given)
    with pytest.raises(FormatError):
        recovery.split_on_paper(seed, 1, 3)


def test_fingerprints_bind_name_and_key(rng: random.Random) -> None:
    root = rng.randbytes(32)
    shown = fingerprints.fingerprint("north-police", root)
    assert [len(group) for group in shown.split(" ")] == [4] * 8
    assert fingerprints.parse_fingerprint(shown.upper().replace(" ", "")) == shown
    assert fingerprints.fingerprint("north-polize", root) != shown
    with pytest.raises(FormatError):
        fingerprints.parse_fingerprint(shown[:-1])


def test_pseudonyms_are_readable_and_differ() -> None:
    made = {pseudonyms.new_pseudonym() for _ in range(200)}
    assert len(made) == 200
    assert all(len(one) == 14 and one[4] == "-" and one[9] == " " and one[10:].isdigit() for one in made)
