"""pack.json and the small files of a pack have one spelling each."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from crypto.digests import sha256
from crypto.encoding import b64, b64u, dump_json, parse_json
from errors import AmparoError, BagInvalid, FormatError, PackListInvalid
from evidence.archive import PACK_JSON
from evidence.bag import BagInfo, dump_manifest, parse_bag_info, parse_manifest
from evidence.pack_input import PackContents
from evidence.pack_list import PackList, parse_pack_list
from evidence.pack_readers import parse_consistency, parse_contents, parse_signatures
from evidence.packs import dump_signatures
from tests.support.packs import make_case, unpack


@pytest.fixture(scope="module")
def raw(seed: int) -> bytes:
    return unpack(make_case(random.Random(seed)).build())[PACK_JSON]


def altered(raw: bytes, change: Callable[[Any], Any]) -> bytes:
    value = parse_json(raw)
    change(value)
    return dump_json(value)


def test_a_list_is_written_as_it_was_read(raw: bytes) -> None:
    assert parse_pack_list(raw).dump() == raw
    assert altered(raw, lambda value: None) == raw


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(v=2), lambda value: value.update(v=True), lambda value: value.pop("gaps"),
        lambda value: value.update(extra=1), lambda value: value.update(pack="x"),
        lambda value: value.update(agency="North Police"), lambda value: value.update(log="a b"),
        lambda value: value.update(made_at=-1), lambda value: value.update(made_at=True),
        lambda value: value.update(case=1), lambda value: value.update(case="x" * 2001),
        lambda value: value.update(numbers={"first": 5, "last": 1}),
        lambda value: value.update(numbers={"first": 2, "last": 5}),
        lambda value: value.update(numbers={"first": 1, "last": 3}),
        lambda value: value.update(numbers={"first": 1, "last": 2**50}),
        lambda value: value.update(exhibits=[]), lambda value: value.update(exhibits={}),
        lambda value: value["exhibits"].reverse(), lambda value: value["exhibits"].append(value["exhibits"][-1]),
        lambda value: value["exhibits"][0].update(number=0), lambda value: value["exhibits"][0].update(schedule="x"),
        lambda value: value["exhibits"][0].update(schedule=[]),
        lambda value: value["exhibits"][0]["files"][0].update(path="data/exhibits/2/a.jpg"),
        lambda value: value["exhibits"][0]["files"][0].update(proof="custody"),
        lambda value: value["exhibits"][0]["files"][0].update(bundle=None),
        lambda value: value["exhibits"][0]["files"][0].update(media_type="image"),
        lambda value: value["exhibits"][0]["holdings"].append(value["exhibits"][0]["holdings"][0]),
        lambda value: value["holdings"].reverse(), lambda value: value["holdings"][0].update(length=0),
        lambda value: value["holdings"][0].update(state="lost"), lambda value: value["gaps"][0].update(reason="x"),
        lambda value: value["gaps"][0].update(number=0), lambda value: value["certificates"].reverse(),
        lambda value: value.update(disclosed=[{"pack": "x", "on": "2031-01-01", "numbers": []}]),
        lambda value: value.update(documents=[{"path": "data/documents/../x", "title": "x"}]),
        lambda value: value["files"].reverse(), lambda value: value["files"].append(value["files"][-1]),
        lambda value: value["files"][0].update(sha256="x"), lambda value: value["files"][0].update(size_bytes="1"),
    ],
)  # fmt: skip
def test_a_list_of_another_form_is_refused(raw: bytes, change: Callable[[Any], Any]) -> None:
    with pytest.raises(PackListInvalid):
        parse_pack_list(altered(raw, change))


def test_bytes_that_are_not_canonical_json_are_refused(raw: bytes, rng: random.Random) -> None:
    for other in (b"", b"[]", b"null", b"\xff", raw + b" ", b" " + raw, raw[:-1], raw.replace(b",", b", ", 1)):
        with pytest.raises(PackListInvalid):
            parse_pack_list(other)
    for _ in range(200):
        broken = bytearray(raw)
        broken[rng.randrange(len(raw))] = rng.randrange(256)
        try:
            found: PackList | None = parse_pack_list(bytes(broken))
        except PackListInvalid:
            continue
        assert found is not None and found.dump() == bytes(broken)


def test_a_manifest_is_written_as_it_was_read() -> None:
    digests = {"data/a": bytes(32), "data/B": sha256(b"x"), "bagit.txt": sha256(b"y")}
    raw = dump_manifest(digests)
    assert parse_manifest(raw, 32) == digests
    assert dump_manifest(parse_manifest(raw, 32)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\n", b"00  data/a\n", b"0" * 64 + b" data/a\n", b"0" * 64 + b"  data/a", b"0" * 64 + b" *data/a\n",
        b"A" * 64 + b"  data/a\n", b"0" * 64 + b"  data/a\r\n", b"0" * 64 + b"  data/a b\n", b"\xff",
        (b"0" * 64 + b"  data/a\n") * 2, b"0" * 64 + b"  data/b\n" + b"0" * 64 + b"  data/a\n",
    ],
)  # fmt: skip
def test_a_manifest_of_another_spelling_is_refused(raw: bytes) -> None:
    parse_manifest(b"0" * 64 + b"  data/a\n" + b"0" * 64 + b"  data/b\n", 32)
    with pytest.raises(BagInvalid):
        parse_manifest(raw, 32)


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "~/a", "C:/a", "data/../../a", "data/%0Aa"])
def test_a_manifest_with_an_unsafe_path_is_refused(path: str) -> None:
    with pytest.raises(BagInvalid):
        parse_manifest(b"0" * 64 + b"  " + path.encode() + b"\n", 32)


def test_bag_info_is_written_as_it_was_read() -> None:
    info = BagInfo("north-police", "2031-01-02", "0a" * 16, 123, 4)
    assert parse_bag_info(info.dump()) == info
    raw = info.dump()
    for other in (raw + b"x", raw[:-1], raw.replace(b"123", b"0123"), raw.replace(b"\n", b"\r\n"), b"\xff", b"",
                  raw + b"Contact-Name: somebody\n"):  # fmt: skip
        with pytest.raises(BagInvalid):
            parse_bag_info(other)


def test_a_contents_proof_is_written_as_it_was_read(rng: random.Random) -> None:
    proof = PackContents(rng.randbytes(16), 3, b"{}", rng.randbytes(32), (rng.randbytes(32), rng.randbytes(32)))
    assert parse_contents(proof.dump()) == proof
    value = parse_json(proof.dump())
    for change in (
        {"v": 2}, {"v": True}, {"index": True}, {"index": "3"}, {"path": [b64u(b"x")]}, {"path": "x"},
        {"salt": ""}, {"bundle": ""}, {"extra": 1},
    ):  # fmt: skip
        with pytest.raises(FormatError):
            parse_contents(dump_json({**value, **change}))
    with pytest.raises(FormatError):
        parse_contents(dump_json([]))


def test_signatures_are_written_as_they_were_read(rng: random.Random) -> None:
    given = {"west-court/prosecutor-2": rng.randbytes(64), "west-court/prosecutor-1": rng.randbytes(64)}
    raw = dump_signatures(given)
    assert parse_signatures(raw) == tuple(sorted(given.items()))
    value = parse_json(raw)
    for other in (
        {**value, "v": 2}, {**value, "signatures": value["signatures"][::-1]}, {**value, "signatures": {}},
        {**value, "signatures": [1]}, {**value, "signatures": [{**value["signatures"][0], "signature": "x"}]},
        {**value, "signatures": [{**value["signatures"][0], "by": 1}]}, [], {},
    ):  # fmt: skip
        with pytest.raises(FormatError):
            parse_signatures(dump_json(other))


def test_a_consistency_proof_is_read_line_by_line(rng: random.Random) -> None:
    hashes = [rng.randbytes(32) for _ in range(3)]
    raw = "".join(f"{b64(one)}\n" for one in hashes).encode()
    assert parse_consistency(raw) == tuple(hashes)
    assert parse_consistency(b"") == ()
    for other in (raw[:-1], raw + b"\n", b"\n", raw[1:], b"\xff\n", raw.replace(b"\n", b"\r\n")):
        with pytest.raises(AmparoError):
            parse_consistency(other)


def test_the_same_file_in_two_lists_is_one_list(raw: bytes) -> None:
    """Changing nothing changes no digest; changing the reference of the proceeding does."""
    listed = parse_pack_list(raw)
    assert sha256(replace(listed).dump()) == sha256(raw)
    assert sha256(replace(listed, case="other").dump()) != sha256(raw)
