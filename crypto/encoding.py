"""Canonical bytes: length-prefixed fields, strict JSON, base64 without padding (docs/protocol.md 1)."""

import base64
import binascii
import json
import re
from typing import Any, Final

from errors import FormatError

JsonValue = Any  # dict, list, str, int, bool or None; floats have no place in anything that is signed

LARGEST_INTEGER: Final = 2**53 - 1
DEEPEST: Final = 16
_KEY = re.compile(r"[a-z0-9_-]+\Z")
_U32: Final = 4


def fields(label: bytes | str, *values: bytes | bytearray | str | int | None) -> bytes:
    """The one way in which anything is hashed, signed or bound.

    Args:
        label: domain label, first item.
        values: bytes as they are, text as UTF-8, integers 0 <= n < 2^64 as 8 bytes big-endian, None as nothing.

    Returns:
        u32 count of all items, then u32 length and bytes of each, big-endian.

    Raises:
        FormatError: a number out of range, or a text with a lone surrogate.
    """
    items = [_item(label), *(_item(value) for value in values)]
    return b"".join([_u32(len(items)), *(part for item in items for part in (_u32(len(item)), item))])


def parse_fields(data: bytes, label: bytes | str, *, most: int = 64) -> list[bytes]:
    """The values behind the label of `fields` bytes; the reverse of `fields`.

    Raises:
        FormatError: another label, a length that does not fit, or bytes left over.
    """
    count, offset = _read_u32(data, 0)
    if not 1 <= count <= most:
        raise FormatError("the number of fields is not allowed here")
    items = []
    for _ in range(count):
        length, offset = _read_u32(data, offset)
        if offset + length > len(data):
            raise FormatError("a field is cut off")
        items.append(data[offset : offset + length])
        offset += length
    if offset != len(data):
        raise FormatError("there are bytes after the last field")
    if items[0] != _item(label):
        raise FormatError("these fields have another label")
    return items[1:]


def _item(value: object) -> bytes:
    if value is None:
        return b""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, str):
        _check_text(value)
        return value.encode("utf-8")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**64:
        raise FormatError("a number in fields lies between 0 and 2^64 - 1")
    return value.to_bytes(8, "big")


def _u32(number: int) -> bytes:
    return number.to_bytes(_U32, "big")


def _read_u32(data: bytes, offset: int) -> tuple[int, int]:
    end = offset + _U32
    if end > len(data):
        raise FormatError("a length is cut off")
    return int.from_bytes(data[offset:end], "big"), end


def dump_json(value: JsonValue) -> bytes:
    """Canonical JSON (RFC 8785 restricted as in docs/protocol.md 1).

    Raises:
        FormatError: a float, a key that is not lower-case ASCII, an integer beyond 2^53 - 1, a lone surrogate, or more
            than 16 levels.
    """
    _check(value, DEEPEST)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def parse_json(data: bytes, *, max_bytes: int = 2**20) -> JsonValue:
    """Read canonical JSON; whatever would not be written back as the same bytes is refused.

    Raises:
        FormatError: not UTF-8, a byte order mark, a duplicate key, a float, or another spelling than the canonical one.
    """
    if len(data) > max_bytes:
        raise FormatError(f"more than {max_bytes} bytes of JSON")
    try:
        text = bytes(data).decode("utf-8", errors="strict")
        value = json.loads(text, object_pairs_hook=_pairs, parse_float=_no_float, parse_constant=_no_float)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise FormatError("not canonical JSON") from error
    if dump_json(value) != bytes(data):
        raise FormatError("the JSON is not in its canonical spelling")
    return value


def _pairs(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _no_float(text: str) -> JsonValue:
    raise ValueError("no floating point number is allowed")


def _check(value: JsonValue, levels: int) -> None:
    if levels < 1 and isinstance(value, (dict, list, tuple)):
        raise FormatError("the JSON is nested too deeply")
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise FormatError("an integer is larger than 2^53 - 1")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not _KEY.match(key):
                raise FormatError("a key is not lower-case ASCII")
            _check(item, levels - 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check(item, levels - 1)
    else:
        raise FormatError("a value has no place in canonical JSON")


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError("a text has half a character (lone surrogate)") from error


def b64u(data: bytes | bytearray) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(bytes(data)).rstrip(b"=").decode("ascii")


def unb64u(text: object, size: int | None = None) -> bytes:
    """Bytes of canonical base64url without padding, of `size` bytes when given.

    Raises:
        FormatError: not text, another alphabet, padding, unused bits that are not zero, or another length.
    """
    return _decode(text, size, url=True)


def b64(data: bytes) -> str:
    """base64 with padding, as the C2SP formats use it."""
    return base64.b64encode(data).decode("ascii")


def unb64(text: object, size: int | None = None) -> bytes:
    """Bytes of canonical base64 with padding; see `unb64u`."""
    return _decode(text, size, url=False)


def _decode(text: object, size: int | None, *, url: bool) -> bytes:
    if not isinstance(text, str):
        raise FormatError("text in base64 is expected")
    try:
        raw = text.encode("ascii")
        padded = raw + b"=" * (-len(raw) % 4) if url else raw
        data = base64.b64decode(padded, altchars=b"-_" if url else None, validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError) as error:
        raise FormatError("not base64") from error
    if (b64u(data) if url else b64(data)) != text:
        raise FormatError("the base64 is not in its canonical spelling")
    if size is not None and len(data) != size:
        raise FormatError(f"{len(data)} bytes where {size} are expected")
    return data
