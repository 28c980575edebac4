"""The manifest of a bundle, read strictly: it was written by another agency (docs/protocol.md 3.2 and 7)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from crypto.digests import DIGEST_BYTES
from crypto.encoding import parse_json, unb64u
from crypto.header import AGENCY, HANDLES, IDENTIFIER_BYTES, is_version
from errors import FormatError

LARGEST_MANIFEST_BYTES: Final = 64 * 2**20
MOST_ENTRIES: Final = 2**16
MOST_SPARES: Final = 2**12
RANGE_HANDLES: Final = 16
KINDS: Final = frozenset(
    ["share", "inquiry", "answer", "referral", "permission", "correction", "consent-update", "match"]
)
MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\Z")
DERIVATION_KIND: Final = re.compile(r"[a-z0-9-]{1,40}\Z")

Check = Callable[[Any], bool]


def parse_manifest(raw: bytes) -> dict[str, Any]:
    """Read manifest bytes.

    Returns:
        The object as it stands: `v`, `kind`, `entries` (at least one), `handles`, `spares`; every member has its form.

    Raises:
        FormatError: anything that this version does not write.
    """
    found = parse_json(raw, max_bytes=LARGEST_MANIFEST_BYTES)
    _members(found, _MANIFEST)
    for entry in found["entries"]:
        _members(entry, _ENTRY)
    for handle in found["handles"]:
        _members(handle, _HANDLE)
    for spare in found["spares"]:
        _members(spare, _SPARE)
    files = [entry["file"] for entry in found["entries"]]
    places = [handle["place"] for handle in found["handles"]]
    if len(set(files)) != len(files) or len(set(places)) != len(places):
        raise FormatError("the manifest names a file or a handle's place twice")
    return dict(found)


def parse_entry(raw: bytes) -> dict[str, Any]:
    """Read one entry as it was committed to, without the manifest around it.

    Raises:
        FormatError: any other form than that of an entry.
    """
    found = parse_json(raw)
    _members(found, _ENTRY)
    return dict(found)


def _members(value: Any, form: Mapping[str, Check]) -> None:
    if not isinstance(value, dict) or set(value) != set(form):
        raise FormatError("the manifest has another form")
    for name, check in form.items():
        if not check(value[name]):
            raise FormatError(f"the manifest has another form at {name}")


def _bytes(size: int) -> Check:
    def check(value: Any) -> bool:
        return len(unb64u(value, size)) == size

    return check


def _matches(form: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and form.match(value) is not None


def _list(most: int, least: int = 0) -> Check:
    return lambda value: isinstance(value, list) and least <= len(value) <= most


def _integer(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _object(form: Mapping[str, Check]) -> Check:
    def check(value: Any) -> bool:
        _members(value, form)
        return True

    return check


def _handles(value: Any) -> bool:
    if not isinstance(value, list) or len(value) > RANGE_HANDLES:
        return False
    return len({unb64u(handle, DIGEST_BYTES) for handle in value}) == len(value)


_ID: Final = _bytes(IDENTIFIER_BYTES)
_DIGEST: Final = _bytes(DIGEST_BYTES)
_PLACE: Final = _integer(0, HANDLES - 1)
_MANIFEST: Final[Mapping[str, Check]] = {
    "v": is_version,
    "kind": lambda value: isinstance(value, str) and value in KINDS,
    "entries": _list(MOST_ENTRIES, 1),
    "handles": _list(HANDLES),
    "spares": _list(MOST_SPARES),
}
_ENTRY: Final[Mapping[str, Check]] = {
    "object": _ID,
    "file": _ID,
    "size_bytes": _integer(0, 2**52),
    "sha256": _DIGEST,
    "media_type": _matches(MEDIA_TYPE),
    "derivation": _or_null(_object({"from": _ID, "kind": _matches(DERIVATION_KIND)})),
    "parts": _or_null(_DIGEST),
    "pieces": _DIGEST,
}
_HANDLE: Final[Mapping[str, Check]] = {
    "place": _PLACE,
    "consent": _or_null(_ID),
    "parent": _or_null(_object({"bundle_id": _ID, "handle": _DIGEST})),
}
_SPARE: Final[Mapping[str, Check]] = {
    "place": _PLACE,
    "agency": _matches(AGENCY),
    "first": _or_null(_integer(HANDLES, 2**31)),
    "handles": _handles,
}
