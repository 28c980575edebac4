"""Version chain of the flag register: opaque content for the broker, 64 places for the parties (docs/protocol.md 5)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from crypto import boxes, labels, signing
from crypto.digests import DIGEST_BYTES, sha256
from crypto.encoding import b64u, dump_json, fields, parse_json, unb64u
from crypto.padding import padded, unpadded
from custody.events import is_version
from errors import Conflict, FormatError, SignatureInvalid

PLACES: Final = 64
PLACES_PER_AGENCY: Final = 8
PLACE_BYTES: Final = 1024
BOX_BYTES: Final = PLACES * PLACE_BYTES + boxes.OVERHEAD_BYTES
VERSIONS_PER_DAY: Final = 12
KEPT_FOR_RAISES: Final = 4
NO_PREDECESSOR: Final = bytes(DIGEST_BYTES)
INSTRUCTIONS: Final = ("dual-control", "no-contact", "no-export", "no-onward-transfer", "no-reinterview")
STATES: Final = ("raised", "lowered")
_ENTRY: Final = {
    "v", "place", "number", "raiser", "pseudonym", "flag", "concerns", "instruction", "from", "until", "state",
}  # fmt: skip

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

SignerKey = Callable[[str], bytes | None]
TakesTwo = Callable[[str, Sequence[str]], bool]


class Signer(Protocol):
    """A key, or an officer who is signed in."""

    def sign_raw(self, message: bytes) -> bytes:
        """64 bytes over a message that carries its own label."""


@dataclass(frozen=True, slots=True)
class Version:
    """One signed version as the broker stores it."""

    bundle_id: bytes
    header_digest: bytes
    version: int
    previous: bytes
    box: bytes
    officer: str
    signature: bytes

    @property
    def signed(self) -> bytes:
        """The fields that are signed."""
        return fields(
            labels.REGISTER_SIGNATURE, self.bundle_id, self.header_digest, self.version, self.previous, sha256(self.box)
        )

    @property
    def event(self) -> bytes:
        """What the log entry commits to."""
        return self.signed + self.signature

    @property
    def digest(self) -> bytes:
        """Register digest."""
        return sha256(self.event)

    def verify(self, key: bytes) -> None:
        """Raise SignatureInvalid unless the officer's key signed this version."""
        if len(self.box) != BOX_BYTES or self.version < 1 or len(self.signature) != signing.SIGNATURE_BYTES:
            raise FormatError("a register version has another form")
        signing.verify_raw(key, self.signed, self.signature)


def require_successor(version: Version, before: Version | None) -> None:
    """Check number and predecessor.

    Raises:
        Conflict: another version came first; fetch it and try again.
    """
    number = 1 if before is None else before.version + 1
    previous = NO_PREDECESSOR if before is None else before.digest
    if version.version != number or version.previous != previous:
        raise Conflict("the register has a newer version; fetch it and try again")


def sign_version(
    key: Signer,
    officer: str,
    r: bytes,
    bundle_id: bytes,
    header_digest: bytes,
    before: Version | None,
    places: Sequence["Record | None"],
) -> Version:
    """Seal and sign the next version."""
    number = 1 if before is None else before.version + 1
    previous = NO_PREDECESSOR if before is None else before.digest
    plain = b"".join(padded(record.dump() if record else b"", PLACE_BYTES) for record in places)
    if len(places) != PLACES:
        raise FormatError("a register has 64 places")
    box = boxes.seal_box(*_binding(r, bundle_id, header_digest, number), plain)
    unsigned = Version(bundle_id, header_digest, number, previous, box, officer, b"")
    signature = key.sign_raw(unsigned.signed)
    return Version(bundle_id, header_digest, number, previous, box, officer, signature)


def _binding(r: bytes, bundle_id: bytes, header_digest: bytes, version: int) -> tuple[bytes, bytes]:
    key = boxes.expand(r, fields(labels.REGISTER_KEY, version), 32)
    return key, fields(labels.REGISTER, bundle_id, header_digest, version)


@dataclass(frozen=True, slots=True)
class Record:
    """One place: the entry's bytes, its signatures, and remarks of others."""

    entry: bytes
    signatures: tuple[tuple[str, bytes], ...]
    remarks: tuple[tuple[str, str, bytes], ...] = ()

    @property
    def value(self) -> dict[str, Any]:
        """The parsed entry."""
        return parse_flag(self.entry)

    def dump(self) -> bytes:
        """Canonical bytes of the record."""
        return dump_json(
            {
                "entry": b64u(self.entry),
                "signatures": [{"by": by, "signature": b64u(signature)} for by, signature in self.signatures],
                "remarks": [
                    {"by": by, "text": text, "signature": b64u(signature)} for by, text, signature in self.remarks
                ],
            }
        )


def open_version(r: bytes, version: Version) -> list[Record | None]:
    """The 64 places.

    Raises:
        DecryptionFailed, FormatError
    """
    binding = _binding(r, version.bundle_id, version.header_digest, version.version)
    plain = boxes.open_box(*binding, version.box)
    if len(plain) != PLACES * PLACE_BYTES:
        raise FormatError("a register has 64 places")
    found: list[Record | None] = []
    for start in range(0, len(plain), PLACE_BYTES):
        data = unpadded(plain[start : start + PLACE_BYTES], PLACE_BYTES)
        found.append(_parse_record(data) if data else None)
    return found


def _parse_record(data: bytes) -> Record:
    value = parse_json(data)
    if not isinstance(value, dict) or set(value) != {"entry", "signatures", "remarks"}:
        raise FormatError("a place of the register has another form")
    signatures, remarks = value["signatures"], value["remarks"]
    if not isinstance(signatures, list) or not isinstance(remarks, list):
        raise FormatError("a place of the register has another form")
    return Record(
        unb64u(value["entry"]),
        tuple((_text(one, "by"), unb64u(one.get("signature"), 64)) for one in signatures if _is_dict(one, 2)),
        tuple(
            (_text(one, "by"), _text(one, "text"), unb64u(one.get("signature"), 64))
            for one in remarks
            if _is_dict(one, 3)
        ),
    )


def _is_dict(value: Any, members: int) -> bool:
    if not isinstance(value, dict) or len(value) != members:
        raise FormatError("a place of the register has another form")
    return True


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise FormatError("a place of the register has another form")
    return found


def parse_flag(data: bytes) -> dict[str, Any]:
    """Read an entry strictly.

    Raises:
        FormatError: other members, or an instruction that this version does not know (which means: refuse).
    """
    value = parse_json(data)
    if not isinstance(value, dict) or set(value) != _ENTRY or not is_version(value["v"]):
        raise FormatError("a flag of another version")
    if value["instruction"] not in INSTRUCTIONS or value["state"] not in STATES:
        raise FormatError("a flag gives an instruction that this desk does not know; it is treated as a refusal")
    for name, least, most in (("place", 0, PLACES - 1), ("number", 1, 2**31)):
        number = value[name]
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise FormatError("a number of the flag is out of range")
    concerns = value["concerns"]
    if not isinstance(concerns, list) or any(not isinstance(one, str) for one in concerns):
        raise FormatError("a flag names countries or agencies")
    _check_flag_texts(value)
    return value


def _check_flag_texts(value: Mapping[str, Any]) -> None:
    for name in ("raiser", "pseudonym", "flag"):
        if not isinstance(value[name], str) or not value[name]:
            raise FormatError(f"a flag has a {name}")
    for name in ("from", "until"):
        if value[name] is not None and not (isinstance(value[name], str) and _DATE.match(value[name])):
            raise FormatError("the term of a flag is given in dates")


def flag_fields(bundle_id: bytes, header_digest: bytes, entry: bytes) -> tuple[bytes, bytes, bytes]:
    """What an officer of the raiser signs under `labels.FLAG`."""
    return bundle_id, header_digest, entry


def remark_fields(bundle_id: bytes, header_digest: bytes, entry: bytes, text: str) -> tuple[bytes, bytes, bytes, str]:
    """What an officer of another party signs under `labels.FLAG_REMARK`."""
    return bundle_id, header_digest, sha256(entry), text


def versions_left(made_today: int, *, is_raise: bool) -> int:
    """How many versions an agency may still write today; the last four of a day are kept for raises."""
    return max(0, VERSIONS_PER_DAY - (0 if is_raise else KEPT_FOR_RAISES) - made_today)


def place_of(agencies: Sequence[str], agency: str, slot: int) -> int:
    """Number of an agency's place; `agencies` are the header's, later additions behind them."""
    if not 0 <= slot < PLACES_PER_AGENCY:
        raise FormatError("an agency has eight places")
    return agencies.index(agency) * PLACES_PER_AGENCY + slot


def check_places(
    places: Sequence[Record | None],
    version: Version,
    agencies: Sequence[str],
    signer_key: SignerKey,
    takes_two: TakesTwo,
) -> None:
    """Check every entry of a version: its place, raiser and signatures.

    Raises:
        FormatError, SignatureInvalid
    """
    for number, record in enumerate(places):
        if record is None:
            continue
        value = record.value
        owner = number // PLACES_PER_AGENCY
        if value["place"] != number or owner >= len(agencies) or value["raiser"] != agencies[owner]:
            raise FormatError("a flag stands in a place that is not its raiser's")
        _check_signatures(record, value, version, signer_key, takes_two)


def _check_signatures(
    record: Record, value: Mapping[str, Any], version: Version, signer_key: SignerKey, takes_two: TakesTwo
) -> None:
    raiser = str(value["raiser"])
    signers = [by for by, _ in record.signatures]
    if len(set(signers)) != len(signers):
        raise SignatureInvalid("a flag names one signer twice")
    if not any(by.startswith(raiser + "/") for by in signers):
        raise SignatureInvalid("a flag is not signed by its raiser")
    for by, signature in record.signatures:
        what = flag_fields(version.bundle_id, version.header_digest, record.entry)
        signing.verify(_key_of(by, signer_key), labels.FLAG, *what, signature=signature)
    for by, text, signature in record.remarks:
        said = remark_fields(version.bundle_id, version.header_digest, record.entry, text)
        signing.verify(_key_of(by, signer_key), labels.FLAG_REMARK, *said, signature=signature)
    if value["state"] == "lowered" and not takes_two(raiser, signers):
        raise SignatureInvalid("a flag is lowered by two officers of the agency that raised it")


def _key_of(by: str, signer_key: SignerKey) -> bytes:
    key = signer_key(by)
    if key is None:
        raise SignatureInvalid("a flag or a remark is signed by somebody who is not known")
    return key


def check_change(before: Sequence[Record | None], after: Sequence[Record | None]) -> None:
    """Refuse a version that drops a flag or a remark on it, or brings back an older state of it.

    A remark is on one state of a flag; it goes when the raiser changes the flag.

    Raises:
        FormatError
    """
    for old, new in zip(before, after, strict=True):
        if old is None:
            continue
        if new is None:
            raise FormatError("this version of the register drops a flag; only its raiser lowers it")
        number, later = old.value["number"], new.value["number"]
        if later < number or (later == number and new.entry != old.entry):
            raise FormatError("this version of the register brings back an older state of a flag")
        if later == number and not set(old.remarks) <= set(new.remarks):
            raise FormatError("this version of the register drops a remark on a flag")
