"""Canonical bytes: one value has one spelling, and no other spelling is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.encoding import b64, b64u, dump_json, fields, parse_fields, parse_json, unb64, unb64u
from errors import FormatError

KEYS = st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LEAVES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def test_fields_are_count_and_length_prefixed() -> None:
    assert fields(b"L", b"ab", 1, "é", None).hex() == (
        "00000005000000014c00000002616200000008000000000000000100000002c3a900000000"
    )


def test_fields_with_shifted_boundaries_differ() -> None:
    """Without lengths, ("ab", "c") and ("a", "bc") would be one message."""
    assert fields(b"L", b"ab", b"c") != fields(b"L", b"a", b"bc") != fields(b"La", b"b", b"c")


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_fields_round_trip(values: list[bytes]) -> None:
    assert parse_fields(fields(b"amparo/test", *values), b"amparo/test") == values


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d + b"\0", lambda d: d[:3], lambda d: b"\xff" * 4 + d[4:]]
)
def test_damaged_fields_are_refused(damage) -> None:  # type: ignore[no-untyped-def]
    good = fields(b"L", b"value")
    assert parse_fields(good, b"L") == [b"value"]
    with pytest.raises(FormatError):
        parse_fields(damage(good), b"L")
    with pytest.raises(FormatError):
        parse_fields(good, b"M")


@pytest.mark.parametrize("number", [-1, 2**64, True])
def test_a_number_outside_u64_is_refused(number: int) -> None:
    assert fields(b"L", 2**64 - 1)
    with pytest.raises(FormatError):
        fields(b"L", number)


@given(VALUES)
def test_json_round_trip(value: object) -> None:
    assert parse_json(dump_json(value)) == value


@pytest.mark.parametrize(
    ("claim", "raw"),
    [
        ("byte order mark", b'\xef\xbb\xbf{"a":1}'),
        ("white space", b'{"a": 1}'),
        ("keys out of order", b'{"b":1,"a":2}'),
        ("duplicate key", b'{"a":1,"a":2}'),
        ("float", b'{"a":1.0}'),
        ("exponent", b'{"a":1e3}'),
        ("not a number", b'{"a":NaN}'),
        ("infinity", b'{"a":-Infinity}'),
        ("minus zero", b'{"a":-0}'),
        ("leading zero", b'{"a":01}'),
        ("integer beyond 2^53", b'{"a":9007199254740992}'),
        ("needless escape", b'{"a":"\\u0041"}'),
        ("escaped slash", b'{"a":"\\/"}'),
        ("lone surrogate", b'{"a":"\\ud800"}'),
        ("upper-case key", b'{"A":1}'),
        ("not UTF-8", b'{"a":"\xff"}'),
        ("trailing bytes", b'{"a":1} '),
        ("two values", b"1 2"),
        ("nothing", b""),
        ("too deep", b"[" * 18 + b"]" * 18),
        ("far too deep", b"[" * 100_000),
        ("huge integer", b'{"a":' + b"9" * 6000 + b"}"),
    ],
)
def test_other_spellings_are_refused(claim: str, raw: bytes) -> None:
    assert parse_json(b'{"a":1}') == {"a": 1}
    with pytest.raises(FormatError):
        parse_json(raw)


def test_sixteen_levels_are_read_and_seventeen_are_not() -> None:
    assert parse_json(b"[" * 16 + b"]" * 16)
    with pytest.raises(FormatError):
        parse_json(b"[" * 17 + b"]" * 17)


def test_json_larger_than_allowed_is_refused() -> None:
    assert parse_json(b'"aaa"', max_bytes=5) == "aaa"
    with pytest.raises(FormatError):
        parse_json(b'"aaa"', max_bytes=4)


@given(st.binary(max_size=70))
def test_base64_round_trip(data: bytes) -> None:
    assert unb64u(b64u(data), len(data)) == data
    assert unb64(b64(data)) == data


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "Q Q", "QQ\n", "+/8", "é", None, 5])
def test_base64_in_another_spelling_is_refused(text: object) -> None:
    assert unb64u("QQ") == b"A"
    with pytest.raises(FormatError):
        unb64u(text)


def test_base64_of_another_length_is_refused() -> None:
    assert unb64u("QQ", 1) == b"A"
    with pytest.raises(FormatError):
        unb64u("QQ", 2)
