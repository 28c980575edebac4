"""Signed states of the log, cosignatures, proofs and the trust file."""

import random
from dataclasses import dataclass

import pytest

from crypto import signing
from crypto.digests import leaf_hash
from crypto.encoding import b64
from crypto.signing import COSIGNATURE_ED25519, COSIGNATURE_MLDSA, ED25519, Note, NoteKey
from custody import checkpoint as checkpoints
from custody import entries, policy, proofs, tree
from errors import FormatError, ProofError, SignatureInvalid

ORIGIN = "log.example/amparo"
NOW = 1_900_000_000


@dataclass
class Witness:
    """A cosigner with both kinds of key."""

    name: str
    ed25519: signing.SigningKey
    mldsa: signing.MLDSAKey

    @property
    def key(self) -> NoteKey:
        return NoteKey(self.name, COSIGNATURE_ED25519, self.ed25519.public_key)

    @property
    def strong_key(self) -> NoteKey:
        return NoteKey(self.name, COSIGNATURE_MLDSA, self.mldsa.public_key)


@pytest.fixture
def log(rng: random.Random) -> checkpoints.LogKeys:
    return checkpoints.LogKeys(ORIGIN, signing.SigningKey(rng.randbytes(32)), signing.MLDSAKey(rng.randbytes(32)))


@pytest.fixture
def witnesses(rng: random.Random) -> list[Witness]:
    return [
        Witness(f"witness.example/{number}", signing.SigningKey(rng.randbytes(32)), signing.MLDSAKey(rng.randbytes(32)))
        for number in range(3)
    ]


@pytest.fixture
def state(rng: random.Random) -> checkpoints.Checkpoint:
    return checkpoints.Checkpoint(ORIGIN, 42, rng.randbytes(32))


def test_a_checkpoint_round_trips_and_both_signatures_of_the_log_count(
    log: checkpoints.LogKeys, state: checkpoints.Checkpoint
) -> None:
    data = checkpoints.sign_checkpoint(log, state, NOW)
    signed = checkpoints.open_checkpoint(data, log.note_keys())
    assert signed.checkpoint == state
    assert signed.dump() == data
    strong = log.note_keys()[1]
    assert checkpoints.cosigned_at(signed.note, state, strong) == NOW
    lines = data.decode().split("\n")
    for at in (5, 6):  # each of the two signature lines, altered
        broken = [*lines]
        broken[at - 1] = (
            broken[at - 1][:-12] + ("A" * 10 if not broken[at - 1].endswith("A" * 10 + "==") else "B" * 10) + "=="
        )
        with pytest.raises((SignatureInvalid, FormatError)):
            checkpoints.open_checkpoint("\n".join(broken).encode(), log.note_keys())


def test_a_checkpoint_of_a_stranger_is_refused(
    log: checkpoints.LogKeys, state: checkpoints.Checkpoint, rng: random.Random
) -> None:
    other = checkpoints.LogKeys(ORIGIN, signing.SigningKey(rng.randbytes(32)), signing.MLDSAKey(rng.randbytes(32)))
    assert checkpoints.open_checkpoint(checkpoints.sign_checkpoint(other, state, NOW), other.note_keys())
    with pytest.raises(SignatureInvalid):
        checkpoints.open_checkpoint(checkpoints.sign_checkpoint(other, state, NOW), log.note_keys())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        "o\n01\nAA==\n",
        "o\n-1\n",
        "o 2\n1\n",
        "\n1\n",
        "o\n1\n{root}\nextension\n",
        "o\n99999999999999999999\n{root}\n",
    ],
)
def test_other_forms_of_a_checkpoint_are_refused(text: str) -> None:
    assert checkpoints.parse_body(f"o\n1\n{b64(bytes(32))}\n").size == 1
    with pytest.raises(FormatError):
        checkpoints.parse_body(text.format(root=b64(bytes(32))))


def cosigned(
    log: checkpoints.LogKeys, state: checkpoints.Checkpoint, by: list[Witness]
) -> checkpoints.SignedCheckpoint:
    signed = checkpoints.open_checkpoint(checkpoints.sign_checkpoint(log, state, NOW), log.note_keys())
    lines = [checkpoints.cosign_ed25519(one.name, one.ed25519, state, NOW + 5) for one in by]
    lines += [checkpoints.cosign_mldsa(one.name, one.mldsa, state, NOW + 5) for one in by]
    return checkpoints.with_lines(signed, lines)


def test_cosignatures_of_both_kinds_count(
    log: checkpoints.LogKeys, state: checkpoints.Checkpoint, witnesses: list[Witness]
) -> None:
    signed = cosigned(log, state, witnesses[:1])
    again = checkpoints.open_checkpoint(signed.dump(), log.note_keys())
    assert checkpoints.cosigned_at(again.note, state, witnesses[0].key) == NOW + 5
    assert checkpoints.cosigned_at(again.note, state, witnesses[0].strong_key) == NOW + 5
    assert checkpoints.cosigned_at(again.note, state, witnesses[1].key) is None
    assert checkpoints.with_lines(again, list(again.note.signatures)) == again


def test_a_cosignature_of_another_state_or_time_is_refused(
    log: checkpoints.LogKeys, state: checkpoints.Checkpoint, witnesses: list[Witness]
) -> None:
    other = checkpoints.Checkpoint(ORIGIN, 43, state.root)
    one = witnesses[0]
    for key, line in (
        (one.key, checkpoints.cosign_ed25519(one.name, one.ed25519, other, NOW)),
        (one.strong_key, checkpoints.cosign_mldsa(one.name, one.mldsa, other, NOW)),
    ):
        good = Note(other.body(), (line,))
        assert checkpoints.cosigned_at(good, other, key) == NOW
        with pytest.raises(SignatureInvalid):
            checkpoints.cosigned_at(Note(state.body(), (line,)), state, key)
        later = signing.NoteSignature(line.name, line.id, (NOW + 1).to_bytes(8, "big") + line.body[8:])
        with pytest.raises(SignatureInvalid):
            checkpoints.cosigned_at(Note(other.body(), (later,)), other, key)


def proven(log: checkpoints.LogKeys, rng: random.Random) -> tuple[list[bytes], proofs.Proof]:
    written = [entries.event_entry(rng.randbytes(16), rng.randbytes(32), b"event") for _ in range(9)]
    hashes = tree.MemoryHashes([leaf_hash(one) for one in written])
    head = checkpoints.Checkpoint(ORIGIN, 9, tree.root_of(hashes, 9))
    path = tuple(tree.inclusion_proof(hashes, 4, 9))
    return written, proofs.Proof(4, path, checkpoints.sign_checkpoint(log, head, NOW))


def test_a_proof_round_trips_and_counts_for_its_entry_alone(log: checkpoints.LogKeys, rng: random.Random) -> None:
    written, proof = proven(log, rng)
    assert proofs.parse_proof(proof.dump()) == proof
    assert proofs.verify_proof(proof, written[4], log.note_keys()).checkpoint.size == 9
    for entry in (written[3], written[4][:-1], b""):
        with pytest.raises(ProofError):
            proofs.verify_proof(proof, entry, log.note_keys())
    for index in (3, 9):
        with pytest.raises(ProofError):
            proofs.verify_proof(proofs.Proof(index, proof.path, proof.checkpoint), written[4], log.note_keys())


def test_damaged_proofs_are_refused(log: checkpoints.LogKeys, rng: random.Random) -> None:
    _, proof = proven(log, rng)
    good = proof.dump()
    for damaged in (
        b"",
        good.replace(b"@v1", b"@v2"),
        good.replace(b"index 4", b"index 04"),
        good.replace(b"index 4\n", b"index 4\nextra AAAA\n"),
        good.replace(b"index 4", b"extra AAAA\nindex 4"),
        good.replace(b"\n\n", b"\n", 1),
        good.replace(b"index 4\n", b"index 4\nAAAA\n"),
    ):
        with pytest.raises((FormatError, SignatureInvalid)):
            proofs.verify_proof(proofs.parse_proof(damaged), b"entry", log.note_keys())


def trust_of(log: checkpoints.LogKeys, witnesses: list[Witness], rng: random.Random, needed: str = "2") -> bytes:
    root = signing.SigningKey(rng.randbytes(32))
    lines = [
        "# the network's trust file",
        f"log {log.note_keys()[0].vkey()} https://log.example",
        *(f"witness w{number} {one.key.vkey()}" for number, one in enumerate(witnesses)),
        f"group most {needed} w0 w1 w2",
        "quorum most",
        f"agency north-police {NoteKey('north-police', ED25519, root.public_key).vkey()}",
    ]
    return "\n".join(lines).encode() + b"\n"


def test_a_quorum_counts_witnesses_of_the_trust_file(
    log: checkpoints.LogKeys, state: checkpoints.Checkpoint, witnesses: list[Witness], rng: random.Random
) -> None:
    trust = policy.parse_trust(trust_of(log, witnesses, rng))
    assert policy.parse_trust(policy.print_trust(trust)) == trust
    assert trust.root_of("north-police") is not None and trust.root_of("south-police") is None
    policy.require_quorum(trust, cosigned(log, state, witnesses[:2]))
    assert policy.confirming(trust, cosigned(log, state, witnesses[1:])) == {"w1": NOW + 5, "w2": NOW + 5}
    with pytest.raises(ProofError):
        policy.require_quorum(trust, cosigned(log, state, witnesses[:1]))
    with pytest.raises(ProofError):
        policy.require_quorum(trust, cosigned(log, state, []))


@pytest.mark.parametrize(
    ("claim", "old", "new"),
    [
        ("an unknown kind", "quorum most", "quorums most\nquorum most"),
        ("no quorum", "quorum most", ""),
        ("two quorums", "quorum most", "quorum most\nquorum none"),
        ("a quorum of nobody", "quorum most", "quorum others"),
        ("a threshold of zero", "most 2", "most 0"),
        ("a threshold beyond the members", "most 2", "most 4"),
        ("a threshold that is no number", "most 2", "most two"),
        ("a threshold of 5,000 digits", "most 2", "most " + "9" * 5000),
        ("a member twice", "w0 w1 w2", "w0 w0 w2"),
        ("a member who comes later", "w0 w1 w2", "w0 w1 w9"),
        ("a member of two groups", "quorum most", "group again any w0\nquorum again"),
        ("a name used twice", "witness w1", "witness w0"),
        ("the name none", "group most", "group none"),
        ("an agency under another's name", "agency north-police", "agency south-police"),
        ("a carriage return", "quorum most\n", "# comment\r\nquorum most\n"),
    ],
)
def test_malformed_trust_files_are_refused(
    claim: str, old: str, new: str, log: checkpoints.LogKeys, witnesses: list[Witness], rng: random.Random
) -> None:
    good = trust_of(log, witnesses, rng).decode()
    assert policy.parse_trust(good.encode()) and old in good
    with pytest.raises(FormatError):
        policy.parse_trust(good.replace(old, new).encode())


def test_a_cut_line_and_keys_that_could_be_taken_for_each_other_are_refused(
    log: checkpoints.LogKeys, witnesses: list[Witness], rng: random.Random
) -> None:
    good = trust_of(log, witnesses, rng)
    other = NoteKey(log.origin, ED25519, signing.SigningKey(rng.randbytes(32)).public_key)
    root = policy.parse_trust(good).agencies[0][1]
    twin = NoteKey("west-court", ED25519, root.public_key)
    assert policy.parse_trust(good + b"# more\n") == policy.parse_trust(good)
    for wrong in (
        good[:-1],
        f"log {other.vkey()}\n".encode() + good,
        good + f"agency west-court {twin.vkey()}\n".encode(),
        good + f"agency West {NoteKey('West', ED25519, other.public_key).vkey()}\n".encode(),
    ):
        with pytest.raises(FormatError):
            policy.parse_trust(wrong)


def test_one_key_under_two_names_is_refused(
    log: checkpoints.LogKeys, witnesses: list[Witness], rng: random.Random
) -> None:
    good = trust_of(log, witnesses, rng)
    assert policy.parse_trust(good)
    twin = NoteKey("witness.example/twin", COSIGNATURE_ED25519, witnesses[0].ed25519.public_key)
    with pytest.raises(FormatError):
        policy.parse_trust(good.replace(b"group most", f"witness twin {twin.vkey()}\ngroup most".encode()))


def test_log_entries_round_trip_and_other_bytes_are_refused(rng: random.Random) -> None:
    entry = entries.event_entry(rng.randbytes(16), rng.randbytes(32), b"event")
    parsed = entries.parse_entry(entry)
    assert isinstance(parsed, entries.SealedEntry) and parsed.dump() == entry and len(entry) == 49
    assert entries.parse_entry(entries.directory_entry(b"statement")) == b"statement"
    for raw in (b"", b"\x01", b"\x03" + entry[1:], entry[:-1], entry + b"\0"):
        with pytest.raises(FormatError):
            entries.parse_entry(raw)


def test_tags_join_for_those_who_have_the_key_alone(rng: random.Random) -> None:
    key = rng.randbytes(32)
    assert entries.tag_of(key, "north", 3) == entries.tag_of(key, "north", 3)
    others = {
        entries.tag_of(rng.randbytes(32), "north", 3),
        entries.tag_of(key, "south", 3),
        entries.tag_of(key, "north", 4),
    }
    assert len(others) == 3 and entries.tag_of(key, "north", 3) not in others


def test_a_checkpoint_without_the_logs_strong_line_is_refused_once_its_key_is_known(
    log: checkpoints.LogKeys, state: checkpoints.Checkpoint
) -> None:
    """Stripping the line would take away what still holds when Ed25519 no longer does."""
    data = checkpoints.sign_checkpoint(log, state, NOW)
    note = signing.parse_note(data)
    stripped = Note(note.text, note.signatures[:1]).dump()
    plain, strong = log.note_keys()
    assert checkpoints.open_checkpoint(data, [plain, strong]).checkpoint == state
    assert checkpoints.open_checkpoint(stripped, [plain]).checkpoint == state
    with pytest.raises(SignatureInvalid):
        checkpoints.open_checkpoint(stripped, [plain, strong])
    with pytest.raises(SignatureInvalid):
        checkpoints.open_checkpoint(Note(note.text, note.signatures[1:]).dump(), [plain, strong])
