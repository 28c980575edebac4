"""The byte forms that everything else rests on: fields, canonical JSON, base64, signatures, shapes of objects."""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import nacl.bindings
import nacl.exceptions

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 16
AGENCY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
HANDLE = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)/[a-z]+(?:-[a-z]+)*-[1-9][0-9]{0,5}")
ORIGIN = re.compile(r"[^\s+\x00-\x1f]{1,200}")
MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")

Check = Callable[[Any], Any]


class Refused(Exception):
    """The pack is refused; `code` is one of the codes of the protocol, `message` says why."""

    def __init__(self, code: str, message: str) -> None:
        """Refuse with a code and a reason."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Malformed(Exception):
    """Bytes that have not the form they must have; the caller turns it into a refusal with its own code."""


@contextmanager
def refusing(code: str, what: str) -> Iterator[None]:
    """Turn malformed bytes met inside the block into a refusal with this code."""
    try:
        yield
    except Malformed as error:
        raise Refused(code, f"{what}: {error}") from error


def require(condition: bool, code: str, message: str) -> None:
    """Refuse with this code unless the condition holds."""
    if not condition:
        raise Refused(code, message)


def sha256(data: bytes) -> bytes:
    """SHA-256 of the bytes."""
    return hashlib.sha256(data).digest()


def fields(label: str, *items: bytes) -> bytes:
    """The unambiguous list of byte strings that is hashed and signed."""
    parts = [label.encode(), *items]
    return len(parts).to_bytes(4, "big") + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def read_fields(data: bytes) -> list[bytes]:
    """The items of `fields`, label first; nothing may be left over."""
    if len(data) < 4:
        raise Malformed("list of fields is cut short")
    count, offset = int.from_bytes(data[:4], "big"), 4
    if not 1 <= count <= len(data) // 4:
        raise Malformed("list of fields is cut short")
    items = []
    for _ in range(count):
        end = offset + 4 + int.from_bytes(data[offset : offset + 4], "big")
        if offset + 4 > len(data) or end > len(data):
            raise Malformed("list of fields is cut short")
        items.append(data[offset + 4 : end])
        offset = end
    if offset != len(data):
        raise Malformed("bytes after a list of fields")
    return items


def verify_ed25519(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature is good (libsodium's strict rules: S < L, canonical key, no small order)."""
    if len(key) != 32 or len(signature) != 64:
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + message, key)
    except (nacl.exceptions.CryptoError, ValueError):
        return False
    return True


def signed_by(key: bytes, signature: bytes, label: str, *items: bytes) -> bool:
    """Whether `signature` is the protocol's sign(key, label, items...)."""
    return verify_ed25519(key, signature, fields(label, *items))


def is_prime_order_point(key: bytes) -> bool:
    """Whether these bytes are the canonical encoding of a point of Ed25519's prime-order group, not of small order."""
    canonical_y = int.from_bytes(key, "little") & (2**255 - 1) < 2**255 - 19
    return len(key) == 32 and canonical_y and bool(nacl.bindings.crypto_core_ed25519_is_valid_point(key))


def is_receiving_key(key: bytes) -> bool:
    """Whether every coefficient in the ML-KEM-768 part, 12 bits each and the lowest bits first, is below 3,329."""
    triples = (int.from_bytes(key[start : start + 3], "little") for start in range(0, 1152, 3))
    return len(key) == 1216 and all(triple & 0xFFF < 3329 and triple >> 12 < 3329 for triple in triples)


def b64url(text: Any, length: int | None = None) -> bytes:
    """Decode base64url without padding, unused bits zero, of a given length in bytes where one is given."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise Malformed("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Malformed("base64url is not canonical")
    if length is not None and len(data) != length:
        raise Malformed(f"{len(data)} bytes in place of {length}")
    return data


def b64(text: str, length: int | None = None) -> bytes:
    """Decode base64 with padding, in its one canonical form."""
    try:
        data = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("not base64") from error
    if base64.b64encode(data) != text.encode():
        raise Malformed("base64 is not canonical")
    if length is not None and len(data) != length:
        raise Malformed(f"{len(data)} bytes in place of {length}")
    return data


def _no_number(text: str) -> Any:
    raise Malformed(f"number {text[:20]} is not allowed")


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise Malformed("integer is too large")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result or not re.fullmatch(r"[a-z0-9_-]+", key):
            raise Malformed("key twice, or key of other signs")
        result[key] = value
    return result


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        nested = [item for item in level if isinstance(item, (dict, list))]
        depth += bool(nested)
        if depth > MAX_DEPTH:
            raise Malformed("nested too deeply")
        level = [child for item in nested for child in (item.values() if isinstance(item, dict) else item)]


def canonical(data: bytes) -> Any:
    """Parse canonical JSON; bytes that would not be written again in the same way are malformed."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
        _check_depth(value)
        again = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON in UTF-8") from error
    if again != data:
        raise Malformed("JSON is not canonical")
    return value


def shape(members: dict[str, Check]) -> Check:
    """A check for an object with exactly these members; gives them back decoded."""

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or value.keys() != members.keys():
            raise Malformed("not exactly the members that belong there")
        result = {}
        for name, inner in members.items():
            try:
                result[name] = inner(value[name])
            except Malformed as error:
                raise Malformed(f"{name}: {error}") from error
        return result

    return check


def listing(inner: Check) -> Check:
    """A check for a list."""

    def check(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Malformed("not a list")
        return [inner(item) for item in value]

    return check


def nullable(inner: Check) -> Check:
    """A check that also lets null pass."""
    return lambda value: None if value is None else inner(value)


def binary(length: int) -> Check:
    """A check for so many bytes in base64url."""
    return lambda value: b64url(value, length)


def choice(*allowed: Any) -> Check:
    """A check for one of some constants."""

    def check(value: Any) -> Any:
        if not any(type(value) is type(item) and value == item for item in allowed):
            raise Malformed("not one of the values allowed")
        return value

    return check


def text(longest: int | None = None) -> Check:
    """A check for a text, with at most so many characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or (longest is not None and len(value) > longest):
            raise Malformed("not a text, or too long")
        return value

    return check


def integer(least: int = -MAX_INTEGER, most: int = MAX_INTEGER) -> Check:
    """A check for an integer."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Malformed("not an integer, or out of range")
        return value

    return check


def pattern(regex: re.Pattern[str]) -> Check:
    """A check for a text that matches in full."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not regex.fullmatch(value):
            raise Malformed("not of the form required")
        return value

    return check


def date(value: Any) -> str:
    """A check for a date YYYY-MM-DD that exists."""
    try:
        if not isinstance(value, str) or datetime.date.fromisoformat(value).isoformat() != value:
            raise Malformed("not a date")
    except ValueError as error:
        raise Malformed("not a date") from error
    return value


def handle_agency(handle: str) -> str | None:
    """The agency in a role handle, or None when the text is no role handle."""
    match = HANDLE.fullmatch(handle)
    return match.group(1) if match else None
