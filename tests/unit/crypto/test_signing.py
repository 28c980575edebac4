"""Signatures count for one key, one label, one message; notes are read as C2SP writes them."""

import random

import pytest
from nacl.bindings import crypto_core_ed25519_scalar_add

from crypto import labels, signing
from crypto.encoding import b64
from errors import FormatError, SignatureInvalid

ORDER = 2**252 + 27742317777372353535851937790883648493
# The worked example of c2sp.org/signed-note: the key of the Go checksum database's documentation.
EXAMPLE_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
EXAMPLE_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


@pytest.fixture
def key(rng: random.Random) -> signing.SigningKey:
    return signing.SigningKey(rng.randbytes(32))


def test_a_signature_counts_for_its_label_key_and_values_alone(key: signing.SigningKey, rng: random.Random) -> None:
    signature = key.sign(labels.HEADER, b"message", 7)
    signing.verify(key.public_key, labels.HEADER, b"message", 7, signature=signature)
    other = signing.SigningKey(rng.randbytes(32))
    for public, label, values, given in (
        (other.public_key, labels.HEADER, (b"message", 7), signature),
        (key.public_key, labels.PACK, (b"message", 7), signature),
        (key.public_key, labels.HEADER, (b"message", 8), signature),
        (key.public_key, labels.HEADER, (b"messag", b"e", 7), signature),
        (key.public_key, labels.HEADER, (b"message", 7), signature[:-1]),
        (key.public_key, labels.HEADER, (b"message", 7), bytes([signature[0] ^ 1]) + signature[1:]),
        (b"short", labels.HEADER, (b"message", 7), signature),
    ):
        with pytest.raises(SignatureInvalid):
            signing.verify(public, label, *values, signature=given)


def test_a_second_spelling_of_a_signature_is_refused(key: signing.SigningKey) -> None:
    """S + L is the same scalar: who accepts it lets a stranger make a second valid signature."""
    good = key.sign_raw(b"m")
    signing.verify_raw(key.public_key, b"m", good)
    high = (int.from_bytes(good[32:], "little") + ORDER).to_bytes(32, "little")
    assert crypto_core_ed25519_scalar_add(high, bytes(32)) == good[32:]
    with pytest.raises(SignatureInvalid):
        signing.verify_raw(key.public_key, b"m", good[:32] + high)


@pytest.mark.parametrize(
    ("claim", "raw"),
    [
        ("neutral element", b"\x01" + bytes(31)),
        ("order two", b"\xec" + b"\xff" * 30 + b"\x7f"),
        ("order four", bytes(32)),
        ("not canonical", b"\xee" + b"\xff" * 30 + b"\x7f"),
        ("not on the curve", b"\x02" + bytes(31)),
        ("short", bytes(31)),
    ],
)
def test_weak_keys_are_refused(claim: str, raw: bytes, key: signing.SigningKey) -> None:
    signing.check_public_key(key.public_key)
    with pytest.raises(FormatError):
        signing.check_public_key(raw)


def test_no_secret_shows_in_a_repr(key: signing.SigningKey) -> None:
    assert repr(key) == "SigningKey(hidden)"
    assert repr(signing.MLDSAKey(bytes(32))) == "MLDSAKey(hidden)"


def test_ml_dsa_round_trip_and_refusal(rng: random.Random) -> None:
    key = signing.MLDSAKey(rng.randbytes(32))
    signature = key.sign_raw(b"tree head")
    assert len(key.public_key) == signing.MLDSA_PUBLIC_KEY_BYTES
    assert len(signature) == signing.MLDSA_SIGNATURE_BYTES
    signing.verify_mldsa(key.public_key, b"tree head", signature)
    with pytest.raises(SignatureInvalid):
        signing.verify_mldsa(key.public_key, b"tree heap", signature)


def test_the_specifications_example_note_verifies() -> None:
    note = signing.parse_note(EXAMPLE_NOTE.encode())
    key = signing.parse_vkey(EXAMPLE_VKEY)
    assert signing.verify_note(note, [key]) == [key]
    assert note.dump() == EXAMPLE_NOTE.encode()
    altered = signing.parse_note(EXAMPLE_NOTE.replace("answer", "anchor").encode())
    with pytest.raises(SignatureInvalid):
        signing.verify_note(altered, [key])


def test_a_note_without_a_known_signer_is_refused(key: signing.SigningKey) -> None:
    text = "origin\n0\n"
    note = signing.Note(text, (signing.sign_note(text, "log.example", key),))
    known = signing.NoteKey("log.example", signing.ED25519, key.public_key)
    assert signing.verify_note(note, [known]) == [known]
    stranger = signing.NoteKey("other.example", signing.ED25519, key.public_key)
    with pytest.raises(SignatureInvalid):
        signing.verify_note(note, [stranger])


@pytest.mark.parametrize(
    "raw",
    [
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name\n",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n- name AAAAAAAA\n",
        b"te\rxt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAAA",
        b"\xff\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"text\n\n" + b"\xe2\x80\x94 name AAAAAAAA\n" * 65,
    ],
)
def test_malformed_notes_are_refused(raw: bytes) -> None:
    assert signing.parse_note(b"text\n\n\xe2\x80\x94 name AAAAAAAA\n").text == "text\n"
    with pytest.raises(FormatError):
        signing.parse_note(raw)


def test_vkeys_round_trip_and_wrong_ids_are_refused(key: signing.SigningKey) -> None:
    vkey = signing.NoteKey("log.example/2026", signing.ED25519, key.public_key).vkey()
    assert signing.parse_vkey(vkey).vkey() == vkey
    name, number, rest = vkey.split("+", 2)
    wrong = f"{int(number, 16) ^ 1:08x}"
    for text in (
        f"{name}+{wrong}+{rest}",
        f"{name}+{number}+{b64(bytes([9]) + key.public_key)}",
        f"{name}+{number}",
        vkey + " ",
        "",
    ):
        with pytest.raises(FormatError):
            signing.parse_vkey(text)
