"""A manifest comes from another agency: whatever this version does not write is refused, with no foreign error."""

import random
from typing import Any

import pytest

from crypto.encoding import b64u, dump_json
from crypto.manifest import parse_manifest
from errors import FormatError


@pytest.fixture
def good(rng: random.Random) -> dict[str, Any]:
    entry = {
        "object": b64u(rng.randbytes(16)),
        "file": b64u(rng.randbytes(16)),
        "size_bytes": 10,
        "sha256": b64u(rng.randbytes(32)),
        "media_type": "application/vnd.amparo.share+json",
        "derivation": {"from": b64u(rng.randbytes(16)), "kind": "redacted"},
        "parts": b64u(rng.randbytes(32)),
        "pieces": b64u(rng.randbytes(32)),
    }
    plain = {**entry, "file": b64u(rng.randbytes(16)), "derivation": None, "parts": None}
    handles = [b64u(rng.randbytes(32)) for _ in range(16)]
    parent = {"bundle_id": b64u(rng.randbytes(16)), "handle": b64u(rng.randbytes(32))}
    return {
        "v": 1,
        "kind": "share",
        "entries": [entry, plain],
        "handles": [
            {"place": 0, "consent": b64u(rng.randbytes(16)), "parent": None},
            {"place": 7, "consent": None, "parent": parent},
        ],
        "spares": [
            {"place": 0, "agency": "south", "first": 8, "handles": handles},
            {"place": 7, "agency": "south", "first": None, "handles": handles[:3]},
        ],
    }


def test_a_manifest_of_this_version_is_read_as_it_stands(good: dict[str, Any]) -> None:
    assert parse_manifest(dump_json(good)) == good


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("v",), 2),
        (("v",), True),
        (("kind",), "gossip"),
        (("kind",), None),
        (("entries",), []),
        (("entries",), None),
        (("entries", 0), "text"),
        (("entries", 0, "size_bytes"), -1),
        (("entries", 0, "size_bytes"), True),
        (("entries", 0, "size_bytes"), "10"),
        (("entries", 0, "sha256"), None),
        (("entries", 0, "sha256"), "AAAA"),
        (("entries", 0, "object"), "A" * 43),
        (("entries", 0, "media_type"), "text"),
        (("entries", 0, "media_type"), "text/html\r\nx: y"),
        (("entries", 0, "derivation"), {"from": "AAAA", "kind": "redacted"}),
        (("entries", 0, "derivation", "kind"), "Named after a person"),
        (("entries", 0, "derivation"), []),
        (("entries", 0, "parts"), 0),
        (("handles", 0, "place"), 8),
        (("handles", 0, "place"), False),
        (("handles", 0, "place"), 7),
        (("handles", 1, "parent", "handle"), "AAAA"),
        (("handles",), [None] * 9),
        (("spares", 0, "agency"), "South"),
        (("spares", 0, "first"), 7),
        (("spares", 0, "handles"), [None]),
        (("spares", 0, "handles"), [b64u(bytes([number]) * 32) for number in range(17)]),
        (("spares", 0, "handles"), ["A" * 43] * 2),
        (("spares", 0, "handles"), {"a": 1}),
        (("spares",), {}),
    ],
)
def test_any_other_member_is_refused(good: dict[str, Any], path: tuple[str | int, ...], value: object) -> None:
    assert parse_manifest(dump_json(good))
    place: Any = good
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(FormatError):
        parse_manifest(dump_json(good))


@pytest.mark.parametrize("where", [(), ("entries", 0), ("handles", 0), ("spares", 0), ("entries", 0, "derivation")])
def test_missing_and_unknown_members_are_refused(good: dict[str, Any], where: tuple[str | int, ...]) -> None:
    assert parse_manifest(dump_json(good))
    place: Any = good
    for step in where:
        place = place[step]
    place["extra"] = 1
    with pytest.raises(FormatError):
        parse_manifest(dump_json(good))
    del place["extra"]
    del place[sorted(place)[0]]
    with pytest.raises(FormatError):
        parse_manifest(dump_json(good))


def test_one_file_id_does_not_stand_twice(good: dict[str, Any]) -> None:
    assert parse_manifest(dump_json(good))
    good["entries"][1]["file"] = good["entries"][0]["file"]
    with pytest.raises(FormatError):
        parse_manifest(dump_json(good))


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'{"v":1}', b"\xff", b'"text"'])
def test_what_is_no_object_is_refused(good: dict[str, Any], raw: bytes) -> None:
    assert parse_manifest(dump_json(good))
    with pytest.raises(FormatError):
        parse_manifest(raw)
