"""Entries, tags, events, notes, proofs and trust files of tests/vectors/log.json and notes.json."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from broker.checks import check_entries, check_event
from crypto import signing
from crypto.encoding import unb64u
from crypto.signing import Note, NoteKey, parse_vkey
from custody import entries, tiles
from custody.checkpoint import cosigned_at, open_checkpoint, parse_body
from custody.entries import SealedEntry
from custody.events import parse_event
from custody.policy import confirming, parse_trust, print_trust, require_quorum
from custody.proofs import parse_proof, verify_proof
from tests.support.vectors import Run, Vector, check, directory_of, each

LOG = "log.example/2026"
SETTINGS: Any = SimpleNamespace(max_event_bytes=256 * 1024)


def read_entry(vector: Vector) -> Any:
    found = entries.parse_entry(vector.octets("entry"))
    if isinstance(found, SealedEntry):
        assert found.dump() == vector.octets("entry")
        return {"tag": found.tag, "commitment": found.commitment}
    assert entries.directory_entry(found) == vector.octets("entry")
    return {"statement": found}


def make_entry(vector: Vector) -> Any:
    return {"entry": entries.event_entry(vector.octets("tag"), vector.octets("salt"), vector.octets("event"))}


def make_tag(vector: Vector) -> Any:
    return {"tag": entries.tag_of(vector.octets("object_key"), vector.given["agency"], vector.given["number"])}


def make_handle_tag(vector: Vector) -> Any:
    return {"tag": entries.handle_tag(vector.octets("handle"))}


def take_entry(vector: Vector) -> None:
    asked = {
        "entry": vector.octets("entry"), "officer": vector.given["officer"], "signature": vector.octets("signature")
    }  # fmt: skip
    directory = directory_of(vector.given["log"], vector.given["members"])
    (verdict,), found = check_entries(directory, vector.given["agency"], [asked])
    if verdict is not None:
        raise verdict
    assert found["entries"] == [{"entry": asked["entry"], "officer": asked["officer"]}]


def read_tile_path(vector: Vector) -> Any:
    level, number, width = tiles.parse_tile_path(vector.given["path"])
    assert tiles.tile_path(level, number, width) == vector.given["path"]
    return {"level": level, "number": number, "width": width}


def read_bundle(vector: Vector) -> Any:
    found = tiles.parse_entries(vector.octets("data"), vector.given["width"])
    assert tiles.dump_entries(found) == vector.octets("data")
    return {"entries": found}


def read_event(vector: Vector) -> Any:
    event = parse_event(unb64u(vector.given["statement"]), log=LOG)
    assert event.dump() == unb64u(vector.given["statement"])
    names = {"kind": event.kind, "agency": event.agency, "officer": event.officer, "number": event.number}
    return {**names, "bundle_id": event.bundle_id, "header_digest": event.header_digest}


def take_event(vector: Vector) -> Any:
    given = vector.given
    box = given["details_box"]
    asked = {
        "statement": unb64u(given["statement"]), "salt": unb64u(given["salt"]),
        "details_box": None if box is None else unb64u(box),
    }  # fmt: skip
    _, payload = check_event(directory_of(LOG, given["members"]), given["agency"], asked, SETTINGS)
    return {"entry": payload["entry"]}


def read_vkey(vector: Vector) -> Any:
    key = parse_vkey(vector.given["vkey"])
    assert key.vkey() == vector.given["vkey"]
    return {"name": key.name, "type": key.kind, "key": key.public_key, "id": key.id}


def read_note(vector: Vector) -> Any:
    note = signing.parse_note(vector.raw("note"))
    assert note.dump() == vector.raw("note")
    lines = [{"name": one.name, "id": one.id, "body": one.body} for one in note.signatures]
    return {"text": note.text, "signatures": lines}


def keys_of(given: Mapping[str, Any]) -> list[NoteKey]:
    return [parse_vkey(one) for one in given["log_keys"]]


def read_checkpoint(vector: Vector) -> Any:
    signed = open_checkpoint(vector.raw("note"), keys_of(vector.given))
    assert signed.dump() == vector.raw("note")
    found = signed.checkpoint
    return {"origin": found.origin, "size": found.size, "root": found.root}


def read_cosignature(vector: Vector) -> Any:
    note: Note = signing.parse_note(vector.raw("note"))
    return {"time": cosigned_at(note, parse_body(note.text), parse_vkey(vector.given["vkey"]))}


def read_proof(vector: Vector) -> Any:
    proof = parse_proof(vector.raw("proof"))
    signed = verify_proof(proof, vector.octets("entry"), keys_of(vector.given))
    assert proof.dump() == vector.raw("proof")
    return {"index": proof.index, "size": signed.checkpoint.size}


def read_trust(vector: Vector) -> Any:
    trust = parse_trust(vector.raw("trust"))
    assert parse_trust(print_trust(trust)) == trust
    return {
        "logs": [key.vkey() for key in trust.logs],
        "witnesses": [[one.name, one.key.vkey()] for one in trust.witnesses],
        "groups": [[one.name, one.needed, one.members] for one in trust.groups],
        "quorum": trust.quorum,
        "agencies": [[name, key.vkey()] for name, key in trust.agencies],
    }


def read_quorum(vector: Vector) -> Any:
    trust = parse_trust(vector.raw("trust"))
    signed = open_checkpoint(vector.raw("note"), trust.log_keys(LOG))
    require_quorum(trust, signed)
    return confirming(trust, signed)


FORMS: dict[str, Run] = {
    "entry": read_entry,
    "event-entry": make_entry,
    "tag": make_tag,
    "handle-tag": make_handle_tag,
    "append": take_entry,
    "tile-path": read_tile_path,
    "entry-bundle": read_bundle,
    "event": read_event,
    "signed-event": take_event,
    "vkey": read_vkey,
    "note": read_note,
    "checkpoint": read_checkpoint,
    "cosignature": read_cosignature,
    "proof": read_proof,
    "trust": read_trust,
    "quorum": read_quorum,
}


@each("log.json")
def test_log_vectors(vector: Vector) -> None:
    """A second implementation and this one take the same entries and events, and refuse the same ones."""
    check(vector, FORMS)


@each("notes.json")
def test_note_vectors(vector: Vector) -> None:
    """What a log and its witnesses sign is read alike, and the same trust file asks for the same witnesses."""
    check(vector, FORMS)
