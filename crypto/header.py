"""Header and addendum of a sealed bundle, and the bindings made of them (docs/protocol.md 3.1 to 3.4). No secrets."""

import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from crypto import chunks, labels, signing
from crypto.digests import DIGEST_BYTES, hash_fields, sha256, sha512
from crypto.encoding import b64u, dump_json, fields, parse_json, unb64u
from crypto.padding import FLOOR_BYTES, padme
from errors import CommitmentMismatch, FormatError

SUITE: Final = "amparo-1"
IDENTIFIER_BYTES: Final = 16
STANZA_BYTES: Final = 1234
STANZA_COUNTS: Final = (8, 16, 32, 64)
HALF_BYTES: Final = 1168
COVER_BYTES: Final = 8192
COVER_BOX_BYTES: Final = COVER_BYTES + 40
HANDLES: Final = 8
MOST_AGENCIES: Final = 8
MOST_HALVES: Final = 3
LARGEST_HEADER_BYTES: Final = 128 * 1024
LARGEST_PADDED_BYTES: Final = chunks.MOST_CHUNKS * chunks.CHUNK_BYTES - 1

AGENCY: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")
ROLE_HANDLE: Final = re.compile(
    r"(?P<agency>[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)/[a-z]+(?:-[a-z]+)*-[1-9][0-9]{0,5}\Z"
)
MONTH: Final = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])\Z")
ORIGIN: Final = re.compile(r"[^\s+\x00-\x1f]{1,200}\Z")
OPERATOR: Final = AGENCY

_MEMBERS: Final = frozenset(
    [
        "v",
        "suite",
        "bundle_id",
        "log",
        "sender_agency",
        "sender",
        "sender_key",
        "padded_bytes",
        "agencies",
        "stanzas",
        "c_s",
        "halves",
        "c_r",
        "cover_digest",
        "payload_commitment",
        "contents",
        "root",
        "handles",
        "expires",
    ]
)


@dataclass(frozen=True, slots=True)
class Half:
    """What the header says of one operator's half of the content key."""

    operator: str
    c_b: bytes
    half_digest: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header; `dump` gives the bytes that are hashed and signed."""

    bundle_id: bytes
    log: str
    sender_agency: str
    sender: str
    sender_key: bytes
    padded_bytes: int
    agencies: tuple[str, ...]
    stanzas: tuple[bytes, ...]
    c_s: bytes
    halves: tuple[Half, ...]
    c_r: bytes
    cover_digest: bytes
    payload_commitment: bytes
    contents: bytes
    root: bytes
    handles: tuple[bytes, ...]
    expires: str

    @property
    def ctx(self) -> bytes:
        """What content key, cover, stanzas and halves are bound to."""
        return make_ctx(
            self.bundle_id, self.log, self.sender_agency, self.sender, self.sender_key, len(self.halves),
            self.padded_bytes,
        )  # fmt: skip

    @property
    def payload_bytes(self) -> int:
        """Length of the ciphertext."""
        return chunks.sealed_length(self.padded_bytes)

    def dump(self) -> bytes:
        """Canonical bytes."""
        return dump_json(
            {
                "v": 1,
                "suite": SUITE,
                "bundle_id": b64u(self.bundle_id),
                "log": self.log,
                "sender_agency": self.sender_agency,
                "sender": self.sender,
                "sender_key": b64u(self.sender_key),
                "padded_bytes": self.padded_bytes,
                "agencies": list(self.agencies),
                "stanzas": [b64u(stanza) for stanza in self.stanzas],
                "c_s": b64u(self.c_s),
                "halves": [
                    {"operator": half.operator, "c_b": b64u(half.c_b), "half_digest": b64u(half.half_digest)}
                    for half in self.halves
                ],
                "c_r": b64u(self.c_r),
                "cover_digest": b64u(self.cover_digest),
                "payload_commitment": b64u(self.payload_commitment),
                "contents": b64u(self.contents),
                "root": b64u(self.root),
                "handles": [b64u(handle) for handle in self.handles],
                "expires": self.expires,
            }
        )

    def digest(self) -> bytes:
        """Header digest, 32 bytes."""
        return sha256(self.dump())


def make_ctx(
    bundle_id: bytes,
    log: str,
    sender_agency: str,
    sender: str,
    sender_key: bytes,
    halves: int,
    padded_bytes: int,
) -> bytes:
    """ctx of docs/protocol.md 3.1."""
    return fields(
        labels.BUNDLE, SUITE, bundle_id, log, sender_agency, sender, sender_key, halves, padded_bytes
    )  # fmt: skip


def commit_s(bundle_id: bytes, s: bytes) -> bytes:
    """c_s, 32 bytes."""
    return hash_fields(labels.COMMIT_S, bundle_id, s)


def commit_b(bundle_id: bytes, half: bytes) -> bytes:
    """c_b of one operator's half, 32 bytes."""
    return hash_fields(labels.COMMIT_B, bundle_id, half)


def commit_r(bundle_id: bytes, r: bytes) -> bytes:
    """c_r, 32 bytes."""
    return hash_fields(labels.COMMIT_R, bundle_id, r)


def require_commitment(expected: bytes, found: bytes, what: str) -> None:
    """Raise CommitmentMismatch unless both digests are equal."""
    if not hmac.compare_digest(expected, found):
        raise CommitmentMismatch(f"{what} is not what the header commits to")


def stanza_info(ctx: bytes) -> bytes:
    """HPKE info of a stanza."""
    return fields(labels.STANZA, sha512(ctx))


def half_info(ctx: bytes, number: int) -> bytes:
    """HPKE info of the half of operator `number`, counted from 1."""
    return fields(labels.HALF, sha512(ctx), number)


def release_info(request: bytes) -> bytes:
    """HPKE info of a released half; `request` is the body of the open-requested event."""
    return fields(labels.RELEASE, sha256(request))


def sign_header(key: signing.SigningKey, header: bytes) -> bytes:
    """The officer's signature over header bytes."""
    return key.sign(labels.HEADER, header)


def verify_header(header: bytes, signature: bytes) -> Header:
    """Parse a header and check that the key it names signed it. Who owns the key is the directory's matter.

    Raises:
        FormatError, SignatureInvalid
    """
    parsed = parse_header(header)
    signing.verify(parsed.sender_key, labels.HEADER, header, signature=signature)
    return parsed


def parse_header(data: bytes) -> Header:
    """Read header bytes strictly.

    Raises:
        FormatError: anything that this version does not write.
    """
    found = _members(parse_json(data, max_bytes=LARGEST_HEADER_BYTES), _MEMBERS)
    if not is_version(found["v"]) or found["suite"] != SUITE:
        raise FormatError("the bundle is of another version; a newer desk may read it")
    header = Header(
        bundle_id=unb64u(found["bundle_id"], IDENTIFIER_BYTES),
        log=_match(found["log"], ORIGIN, "log"),
        sender_agency=_match(found["sender_agency"], AGENCY, "agency"),
        sender=_match(found["sender"], ROLE_HANDLE, "role handle"),
        sender_key=unb64u(found["sender_key"], signing.PUBLIC_KEY_BYTES),
        padded_bytes=_integer(found["padded_bytes"], FLOOR_BYTES, LARGEST_PADDED_BYTES),
        agencies=tuple(_match(name, AGENCY, "agency") for name in _list(found["agencies"])),
        stanzas=parse_stanzas(found["stanzas"]),
        c_s=unb64u(found["c_s"], DIGEST_BYTES),
        halves=tuple(_parse_half(half) for half in _list(found["halves"])),
        c_r=unb64u(found["c_r"], DIGEST_BYTES),
        cover_digest=unb64u(found["cover_digest"], DIGEST_BYTES),
        payload_commitment=unb64u(found["payload_commitment"], chunks.PREFIX_BYTES),
        contents=unb64u(found["contents"], DIGEST_BYTES),
        root=unb64u(found["root"], DIGEST_BYTES),
        handles=tuple(unb64u(handle, DIGEST_BYTES) for handle in _list(found["handles"])),
        expires=_match(found["expires"], MONTH, "month"),
    )
    _check(header)
    return header


def _check(header: Header) -> None:
    names = header.agencies
    if not 2 <= len(names) <= MOST_AGENCIES or list(names) != sorted(set(names)):
        raise FormatError("a header names two to eight agencies, sorted, each once")
    if header.sender_agency not in names or not header.sender.startswith(header.sender_agency + "/"):
        raise FormatError("the sender is not of an agency that the header names")
    if not 1 <= len(header.halves) <= MOST_HALVES:
        raise FormatError("a header has one to three halves")
    if len({half.operator for half in header.halves}) != len(header.halves):
        raise FormatError("two halves are with one operator")
    if len(set(header.handles)) != HANDLES or len(header.handles) != HANDLES:
        raise FormatError("a header has eight different handles")
    if padme(header.padded_bytes) != header.padded_bytes:
        raise FormatError("the size is not a padded one")


def _parse_half(value: Any) -> Half:
    found = _members(value, {"operator", "c_b", "half_digest"})
    return Half(
        _match(found["operator"], OPERATOR, "operator"),
        unb64u(found["c_b"], DIGEST_BYTES),
        unb64u(found["half_digest"], DIGEST_BYTES),
    )


def parse_stanzas(value: Any) -> tuple[bytes, ...]:
    """A list of 8, 16, 32 or 64 stanzas."""
    stanzas = tuple(unb64u(stanza, STANZA_BYTES) for stanza in _list(value))
    if len(stanzas) not in STANZA_COUNTS or len(set(stanzas)) != len(stanzas):
        raise FormatError("there are 8, 16, 32 or 64 stanzas, all different")
    return stanzas


@dataclass(frozen=True, slots=True)
class Addendum:
    """A recipient agency added later by the sender's agency."""

    bundle_id: bytes
    header_digest: bytes
    agency: str
    stanzas: tuple[bytes, ...]
    cover_addition: bytes

    def dump(self) -> bytes:
        """Canonical bytes."""
        return dump_json(
            {
                "v": 1,
                "bundle_id": b64u(self.bundle_id),
                "header_digest": b64u(self.header_digest),
                "agency": self.agency,
                "stanzas": [b64u(stanza) for stanza in self.stanzas],
                "cover_addition": b64u(self.cover_addition),
            }
        )


def parse_addendum(data: bytes) -> Addendum:
    """Read an addendum strictly.

    Raises:
        FormatError: anything that this version does not write.
    """
    names = {"v", "bundle_id", "header_digest", "agency", "stanzas", "cover_addition"}
    found = _members(parse_json(data, max_bytes=LARGEST_HEADER_BYTES), names)
    if not is_version(found["v"]):
        raise FormatError("the addendum is of another version")
    return Addendum(
        unb64u(found["bundle_id"], IDENTIFIER_BYTES),
        unb64u(found["header_digest"], DIGEST_BYTES),
        _match(found["agency"], AGENCY, "agency"),
        parse_stanzas(found["stanzas"]),
        unb64u(found["cover_addition"], COVER_BOX_BYTES),
    )


def require_addendum(addendum: Addendum, header: Header, added: Collection[str] = ()) -> None:
    """Check that an addendum is one to this header and adds one agency more; `added` are those of earlier addenda.

    Who signed it is checked with the event that carries it.

    Raises:
        FormatError: it is for another bundle, the agency is there already, or there would be more than eight.
    """
    same = (addendum.bundle_id, addendum.header_digest) == (header.bundle_id, header.digest())
    if not same:
        raise FormatError("the addendum is for another bundle")
    named = {*header.agencies, *added}
    if addendum.agency in named or len(named) >= MOST_AGENCIES:
        raise FormatError("the agency is named already, or there would be more than eight")


def is_version(value: Any, version: int = 1) -> bool:
    """Whether a member `v` is this number; JSON's `true` equals 1 in Python and is not."""
    return type(value) is int and value == version


def _members(value: Any, names: frozenset[str] | set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != names:
        raise FormatError("members are missing, or there are unknown ones")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise FormatError("a list is expected")
    return value


def _match(value: Any, form: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not form.match(value):
        raise FormatError(f"not the form of a {what}")
    return value


def _integer(value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise FormatError("a number is out of range")
    return value
