"""The form of a bundle, read strictly: it was written by another agency (docs/protocol.md 3.5)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from crypto.encoding import parse_json, unb64u
from crypto.header import AGENCY, HANDLES, IDENTIFIER_BYTES, ROLE_HANDLE
from errors import FormatError
from exchange.cover import date_or_none

LARGEST_FORM_BYTES: Final = 16 * 2**20
MOST_ITEMS: Final = 4096
MOST_SIGNS: Final = 200_000
INQUIRY_TYPES: Final = ("information", "evidence", "interview", "eio", "mla")
DECISIONS: Final = ("granted", "narrowed", "refused")
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,79}\Z")
_MEDIA: Final = "application/vnd.amparo.{kind}+json"

Check = Callable[[Any], bool]


def media_type(kind: str) -> str:
    """Media type of the form of a bundle of this kind."""
    return _MEDIA.format(kind=kind)


def parse_form(raw: bytes, kind: str) -> dict[str, Any]:
    """Read a form.

    Args:
        raw: canonical JSON.
        kind: what the cover and the manifest say that it is.

    Returns:
        the object as it stands; every member that the protocol names has its form. Kinds other than `share`,
        `inquiry` and `answer` may have members of their own.

    Raises:
        FormatError: anything that this version does not write.
    """
    value = parse_json(raw, max_bytes=LARGEST_FORM_BYTES)
    if not isinstance(value, dict) or value.get("kind") != kind or type(value.get("v")) is not int or value["v"] != 1:
        raise FormatError("the form is of another kind or version than the cover says")
    form = {**_COMMON, **_OF_KIND.get(kind, {})}
    if not set(form) <= set(value) or (kind in _CLOSED_KINDS and set(value) - set(form) - {"v", "kind"}):
        raise FormatError("the form lacks a member, or has an unknown one")
    for name, check in form.items():
        if not check(value[name]):
            raise FormatError(f"the form is malformed at {name}")
    return dict(value)


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MOST_SIGNS


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list(check: Check) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= MOST_ITEMS and all(check(one) for one in value)


def _object(members: Mapping[str, Check]) -> Check:
    return lambda value: (
        isinstance(value, dict)
        and set(value) == set(members)
        and all(check(value[name]) for name, check in members.items())
    )


def _one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def _matches(form: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and form.match(value) is not None


def _bytes(size: int | None = None) -> Check:
    def check(value: Any) -> bool:
        unb64u(value, size)
        return True

    return check


def _date(value: Any) -> bool:
    return bool(date_or_none(value) == value)


def _fields(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MOST_ITEMS
        and all(_FIELD.match(name) is not None and _list(_text)(found) for name, found in value.items())
    )


def _place(value: Any) -> bool:
    return type(value) is int and 0 <= value < HANDLES


_ID: Final = _bytes(IDENTIFIER_BYTES)
_PERSON: Final = _object({"pseudonym": _text, "category": _text, "fields": _fields})
_EXHIBIT: Final = _object(
    {
        "object": _ID,
        "root_number": _or_null(_text),
        "local_number": _or_null(_text),
        "description": _text,
        "files": _list(_object({"file": _ID, "label": _text})),
        "handling": _list(_text),
        "holding": _or_null(_bytes(32)),
    }
)
_CUSTODY: Final = _object({"statement": _bytes(), "salt": _bytes(32), "proof": _bytes()})
_EXTRACT: Final = _object(
    {
        "v": lambda value: type(value) is int and value == 1,
        "record": _ID,
        "person": _text,
        "purposes": _list(_text),
        "items": _list(_ID),
        "recipient": _matches(AGENCY),
        "given_on": _date,
        "valid_until": _date,
        "language": _text,
        "how_to_withdraw": _text,
        "place": _place,
        "signature_by": _matches(ROLE_HANDLE),
        "signature": _bytes(64),
    }
)
_COMMON: Final[Mapping[str, Check]] = {
    "case": _text,
    "text": _text,
    "persons": _list(_PERSON),
    "exhibits": _list(_EXHIBIT),
    "custody": _list(_CUSTODY),
    "consents": _list(_EXTRACT),
}
_OF_KIND: Final[Mapping[str, Mapping[str, Check]]] = {
    "inquiry": {
        "inquiry": _ID,
        "type": _one_of(*INQUIRY_TYPES),
        "questions": _list(_text),
        "about": _text,
        "reply_by": _date,
    },
    "answer": {"inquiry": _ID, "decision": _one_of(*DECISIONS), "ground": _or_null(_text)},
}
_CLOSED_KINDS: Final = frozenset({"share", "inquiry", "answer"})
