"""Events on bundles, handles and holdings: their bodies and canonical bytes (docs/protocol.md 6.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crypto import boxes, labels
from crypto.digests import DIGEST_BYTES, hash_fields, sha256
from crypto.encoding import b64u, dump_json, fields, parse_json, unb64u
from crypto.header import AGENCY, IDENTIFIER_BYTES, ROLE_HANDLE
from crypto.hybrid import PUBLIC_BYTES
from crypto.padding import padded, unpadded
from crypto.statements import Statement, parse_statement
from custody.checkpoint import Checkpoint
from custody.entries import SALT_BYTES, TAG_BYTES
from errors import CommitmentMismatch, FormatError

DETAILS_BYTES: Final = 1024
DETAILS_BOX_BYTES: Final = SALT_BYTES + DETAILS_BYTES + boxes.OVERHEAD_BYTES
LARGEST_EVENT_BYTES: Final = 256 * 1024
MOST_NUMBER: Final = 2**31
LATEST: Final = 2**40  # POSIX seconds

_COMMON: Final = frozenset({"v", "kind", "log", "agency", "officer", "number", "tag", "at", "checkpoint"})
_BUNDLE: Final = _COMMON | {"bundle_id", "header_digest"}
_DETAILED: Final = _BUNDLE | {"commitment"}
_HANDLE: Final = _COMMON | {"handle"}

BUNDLE_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "deposited": _BUNDLE | {"register_digest"},
    "open-requested": _DETAILED | {"register_digest", "broker", "one_time_key"},
    "opened": _DETAILED | {"request"},
    "open-failed": _DETAILED | {"request"},
    "returned": _DETAILED,
    "filed": _DETAILED,
    "stanza-handed-on": _DETAILED | {"stanza"},
    "addendum": _BUNDLE | {"addendum"},
    "half-lost-notice": _BUNDLE,
}
HANDLE_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "handle-held": _HANDLE | {"handle_key", "one_time_key"},
    "handle-lifted": _HANDLE | {"handle_key", "one_time_key"},
    "handle-destroyed": _HANDLE | {"handle_key", "one_time_key"},
    "purge-receipt": _HANDLE | {"box"},
}
CORE_OF_REQUEST: Final = (
    "agency", "bundle_id", "header_digest", "register_digest", "log", "broker", "one_time_key", "number", "checkpoint",
)  # fmt: skip
_OUTSIDE_CORE: Final = frozenset({"commitment"})


@dataclass(frozen=True, slots=True)
class Event:
    """A parsed event that the broker may see: on a bundle or a handle."""

    statement: Statement
    body: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def agency(self) -> str:
        return str(self.body["agency"])

    @property
    def officer(self) -> str:
        return str(self.body["officer"])

    @property
    def number(self) -> int:
        return int(self.body["number"])

    @property
    def tag(self) -> bytes:
        return unb64u(self.body["tag"], TAG_BYTES)

    @property
    def bundle_id(self) -> bytes | None:
        return unb64u(self.body["bundle_id"], IDENTIFIER_BYTES) if "bundle_id" in self.body else None

    @property
    def header_digest(self) -> bytes | None:
        return unb64u(self.body["header_digest"], DIGEST_BYTES) if "header_digest" in self.body else None

    @property
    def handle(self) -> bytes | None:
        return unb64u(self.body["handle"], DIGEST_BYTES) if "handle" in self.body else None

    def dump(self) -> bytes:
        """The signed event's bytes."""
        return self.statement.dump()


def common(
    kind: str, log: str, agency: str, officer: str, number: int, tag: bytes, at: int, seen: Checkpoint
) -> dict[str, Any]:
    """Members that every event has."""
    return {
        "v": 1,
        "kind": kind,
        "log": log,
        "agency": agency,
        "officer": officer,
        "number": number,
        "tag": b64u(tag),
        "at": at,
        "checkpoint": {"size": seen.size, "root": b64u(seen.root)},
    }


def on_bundle(base: Mapping[str, Any], bundle_id: bytes, header_digest: bytes, **more: Any) -> dict[str, Any]:
    """Body of an event on a bundle."""
    return {**base, "bundle_id": b64u(bundle_id), "header_digest": b64u(header_digest), **more}


def parse_event(data: bytes, *, log: str) -> Event:
    """Read an event on a bundle or a handle strictly. Signatures are the caller's to check.

    Raises:
        FormatError: another form, another log, unknown or missing members.
    """
    if len(data) > LARGEST_EVENT_BYTES:
        raise FormatError("the event is too large")
    statement = parse_statement(data)
    body = statement.value
    kind = body.get("kind")
    wanted = {**BUNDLE_KINDS, **HANDLE_KINDS}.get(kind) if isinstance(kind, str) else None
    if wanted is None or set(body) != wanted or not is_version(body["v"]):
        raise FormatError("an event of no known kind, or with other members")
    if body["log"] != log:
        raise FormatError("the event is for another log")
    _check_common(body)
    _check_members(body)
    return Event(statement, body)


def is_version(value: Any) -> bool:
    """Whether `v` is the integer 1; `true` is another spelling, which a second implementation would refuse."""
    return value == 1 and not isinstance(value, bool)


def _check_common(body: Mapping[str, Any]) -> None:
    if body["kind"] != "half-lost-notice":
        named = ROLE_HANDLE.match(body["officer"]) if isinstance(body["officer"], str) else None
        if not named or not isinstance(body["agency"], str) or not AGENCY.match(body["agency"]):
            raise FormatError("an event names an agency and a role handle")
    elif body["officer"] != "" or body["agency"] != "":
        raise FormatError("a notice of the broker names no agency")
    for name, most in (("number", MOST_NUMBER), ("at", LATEST)):
        if isinstance(body[name], bool) or not isinstance(body[name], int) or not 0 <= body[name] <= most:
            raise FormatError("a number of the event is out of range")
    unb64u(body["tag"], TAG_BYTES)
    parse_seen(body["log"], body["checkpoint"])


def _check_members(body: Mapping[str, Any]) -> None:
    sizes = {
        "bundle_id": IDENTIFIER_BYTES, "header_digest": DIGEST_BYTES, "register_digest": DIGEST_BYTES,
        "commitment": DIGEST_BYTES, "handle": DIGEST_BYTES, "handle_key": 32, "stanza": 1234,
        "box": 1024 + 1136, "addendum": None,
    }  # fmt: skip
    for name, size in sizes.items():
        if name in body:
            unb64u(body[name], size)
    if "one_time_key" in body and not (body["kind"] == "handle-lifted" and body["one_time_key"] is None):
        unb64u(body["one_time_key"], PUBLIC_BYTES)
    if "broker" in body and not isinstance(body["broker"], str):
        raise FormatError("a broker's id is a text")
    if "request" in body and (isinstance(body["request"], bool) or not isinstance(body["request"], int)):
        raise FormatError("the request is an index of the log")


def parse_seen(origin: str, value: Any) -> Checkpoint:
    """The newest checkpoint that the signer had seen."""
    if not isinstance(value, dict) or set(value) != {"size", "root"}:
        raise FormatError("a checkpoint has size and root")
    size = value["size"]
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise FormatError("a checkpoint has size and root")
    return Checkpoint(origin, size, unb64u(value["root"], DIGEST_BYTES))


# ---- Details ----------------------------------------------------------------------------------------------------


def core_of(body: Mapping[str, Any]) -> bytes:
    """The part of an event's body to which its details are bound, and which a second officer approves."""
    if body["kind"] == "open-requested":
        return dump_json({name: body[name] for name in CORE_OF_REQUEST})
    return dump_json({name: value for name, value in body.items() if name not in _OUTSIDE_CORE})


def details_commitment(salt: bytes, details: bytes) -> bytes:
    """`commitment` of docs/protocol.md 4."""
    return hash_fields(labels.DETAILS, salt, details)


def details_key(agency_secret: bytes, bundle_id: bytes) -> bytes:
    """Key of the details boxes of one agency on one bundle."""
    return boxes.expand(agency_secret, fields(labels.DETAILS_KEY, bundle_id), 32)


def seal_details(key: bytes, core: bytes, salt: bytes, details: bytes) -> bytes:
    """`details_box`, always of one length."""
    return boxes.seal_box(key, sha256(core), salt + padded(details, DETAILS_BYTES))


def open_details(key: bytes, body: Mapping[str, Any], box: bytes) -> dict[str, Any]:
    """The details of an event, checked against its commitment.

    Raises:
        DecryptionFailed, CommitmentMismatch, FormatError
    """
    plain = boxes.open_box(key, sha256(core_of(body)), box)
    salt, details = plain[:SALT_BYTES], unpadded(plain[SALT_BYTES:], DETAILS_BYTES)
    if not boxes.is_equal(details_commitment(salt, details), unb64u(body["commitment"], DIGEST_BYTES)):
        raise CommitmentMismatch("the details are not those that were signed")
    found = parse_json(details)
    if not isinstance(found, dict):
        raise FormatError("details are an object")
    return found


def approval_fields(core: bytes, purpose: str, legal_basis: str) -> Sequence[bytes | str]:
    """What the second officer signs under `labels.APPROVE`."""
    return (core, purpose, legal_basis)
