"""The cover: what every party reads before opening. No free text, no pseudonym (docs/protocol.md 3.3)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crypto.digests import DIGEST_BYTES
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import AGENCY, IDENTIFIER_BYTES, MOST_AGENCIES, ROLE_HANDLE, is_version
from custody.checkpoint import Checkpoint
from custody.events import parse_seen
from errors import FormatError

KINDS: Final = (
    "share", "inquiry", "answer", "referral", "permission", "correction", "consent-update", "match",
)  # fmt: skip
MOST_THRESHOLD: Final = 8
MOST_WORDS: Final = 32
MOST_SIGNS: Final = 120
_DATE: Final = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])\Z")
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,;:/()'§&+-]{0,119}\Z")
_MEMBERS: Final = {
    "v", "kind", "purposes", "legal_basis", "handling", "keep_until", "reply_by", "threshold", "officers", "parents",
    "replaces", "checkpoint",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entitled:
    """Officers of one agency to whom a bundle is sealed, in the order of their shares."""

    agency: str
    officers: tuple[str, ...]

    def value(self) -> dict[str, Any]:
        """As it stands in the cover."""
        return {"agency": self.agency, "officers": list(self.officers)}


@dataclass(frozen=True, slots=True)
class Parent:
    """A bundle that this one derives from or answers."""

    bundle_id: bytes
    header_digest: bytes


@dataclass(frozen=True, slots=True)
class Cover:
    """A parsed cover. Purposes and handling codes are short terms out of lists, never sentences about a person."""

    kind: str
    purposes: tuple[str, ...]
    legal_basis: str
    handling: tuple[str, ...]
    keep_until: str | None
    reply_by: str | None
    threshold: int
    officers: tuple[Entitled, ...]
    parents: tuple[Parent, ...]
    replaces: bytes | None
    checkpoint: Checkpoint

    def dump(self) -> bytes:
        """Canonical bytes."""
        return dump_json(
            {
                "v": 1,
                "kind": self.kind,
                "purposes": list(self.purposes),
                "legal_basis": self.legal_basis,
                "handling": list(self.handling),
                "keep_until": self.keep_until,
                "reply_by": self.reply_by,
                "threshold": self.threshold,
                "officers": [one.value() for one in self.officers],
                "parents": [
                    {"bundle_id": b64u(one.bundle_id), "header_digest": b64u(one.header_digest)} for one in self.parents
                ],
                "replaces": None if self.replaces is None else b64u(self.replaces),
                "checkpoint": {"size": self.checkpoint.size, "root": b64u(self.checkpoint.root)},
            }
        )

    def officers_of(self, agency: str) -> tuple[str, ...]:
        """Entitled officers of an agency."""
        return next((one.officers for one in self.officers if one.agency == agency), ())


def parse_cover(data: bytes, log: str) -> Cover:
    """Read a cover strictly.

    Raises:
        FormatError: anything that this version does not write.
    """
    value = parse_json(data)
    if (
        not isinstance(value, dict)
        or set(value) != _MEMBERS
        or not is_version(value["v"])
        or value["kind"] not in KINDS
    ):
        raise FormatError("a cover of another version")
    threshold = value["threshold"]
    if isinstance(threshold, bool) or not isinstance(threshold, int) or not 1 <= threshold <= MOST_THRESHOLD:
        raise FormatError("a cover names a threshold")
    return Cover(
        value["kind"],
        tuple(term(one) for one in _list(value["purposes"])),
        term(value["legal_basis"]),
        tuple(term(one) for one in _list(value["handling"])),
        date_or_none(value["keep_until"]),
        date_or_none(value["reply_by"]),
        threshold,
        parse_entitled(value["officers"]),
        tuple(_parent(one) for one in _list(value["parents"])),
        None if value["replaces"] is None else unb64u(value["replaces"], IDENTIFIER_BYTES),
        parse_seen(log, value["checkpoint"]),
    )


def addition_value(agency: str, officers: Sequence[str]) -> bytes:
    """JSON of a cover addition (addendum)."""
    return dump_json({"v": 1, "officers": [Entitled(agency, tuple(officers)).value()]})


def parse_addition(data: bytes) -> tuple[Entitled, ...]:
    """Read a cover addition strictly."""
    value = parse_json(data)
    if not isinstance(value, dict) or set(value) != {"v", "officers"} or not is_version(value["v"]):
        raise FormatError("a cover addition of another version")
    return parse_entitled(value["officers"])


def parse_entitled(value: Any) -> tuple[Entitled, ...]:
    """The list of officers per agency."""
    found = []
    for one in _list(value):
        if not isinstance(one, dict) or set(one) != {"agency", "officers"}:
            raise FormatError("the officers of a cover stand per agency")
        agency, officers = one["agency"], _list(one["officers"])
        if not isinstance(agency, str) or not AGENCY.match(agency) or len(set(map(str, officers))) != len(officers):
            raise FormatError("the officers of a cover stand per agency, each once")
        for officer in officers:
            if not isinstance(officer, str) or not ROLE_HANDLE.match(officer) or officer.split("/")[0] != agency:
                raise FormatError("an entitled officer is of the agency under which they stand")
        found.append(Entitled(agency, tuple(officers)))
    if len({one.agency for one in found}) != len(found) or len(found) > MOST_AGENCIES:
        raise FormatError("an agency stands twice in the cover")
    return tuple(found)


def term(value: Any) -> str:
    """A short term: a purpose, a legal basis, a handling code.

    Raises:
        FormatError: empty, longer than 120 signs, or with signs that no list of terms has.
    """
    if not isinstance(value, str) or not _WORD.match(value):
        raise FormatError("a cover has short terms of plain signs, and no free text")
    return value


def is_term(text: str) -> bool:
    """Whether `term` takes it."""
    return _WORD.match(text) is not None


def date_or_none(value: Any) -> str | None:
    """A date `YYYY-MM-DD`, or None."""
    if value is not None and (not isinstance(value, str) or not _DATE.match(value)):
        raise FormatError("a date is YYYY-MM-DD")
    return value


def _parent(value: Any) -> Parent:
    if not isinstance(value, dict) or set(value) != {"bundle_id", "header_digest"}:
        raise FormatError("a parent is named by bundle and header digest")
    return Parent(unb64u(value["bundle_id"], IDENTIFIER_BYTES), unb64u(value["header_digest"], DIGEST_BYTES))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_WORDS:
        raise FormatError("a list is expected")
    return value


def members_of(value: Any, names: Mapping[str, Any] | set[str]) -> dict[str, Any]:
    """An object with exactly these members.

    Raises:
        FormatError
    """
    if not isinstance(value, dict) or set(value) != set(names):
        raise FormatError("members are missing, or there are unknown ones")
    return value
