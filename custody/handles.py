"""Handles of consent: derivation, spares, and how many signatures hold, lift and destroy take (docs/protocol.md 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from crypto import boxes, labels, signing
from crypto.digests import DIGEST_BYTES, hash_fields
from crypto.encoding import b64u, fields, unb64u
from errors import FormatError, LimitExceeded

HEADER_PLACES: Final = 8
SPARES: Final = 16
OFFICERS_NEEDED: Final = {"handle-held": 1, "handle-lifted": 2, "handle-destroyed": 2}
DESTROY_ALONE_AFTER_SECONDS: Final = 14 * 24 * 3600


def handle_key(secret: bytes, bundle_id: bytes, place: int) -> signing.SigningKey:
    """The key behind a handle of the agency's own."""
    return signing.SigningKey(boxes.expand(secret, fields(labels.HANDLE_KEY, bundle_id, place), 32))


def handle_of(public_key: bytes) -> bytes:
    """The handle of a key, 32 bytes."""
    return hash_fields(labels.HANDLE, public_key)


def own_handle(secret: bytes, bundle_id: bytes, place: int) -> bytes:
    """The handle at a place of the agency's own bundle."""
    return handle_of(handle_key(secret, bundle_id, place).public_key)


@dataclass(frozen=True, slots=True)
class Spares:
    """A range of spare handles that one recipient agency was given for one header place."""

    place: int
    agency: str
    first: int | None  # place of the first; None when somebody else's handles were passed on
    handles: tuple[bytes, ...]

    def value(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        return {
            "place": self.place,
            "agency": self.agency,
            "first": self.first,
            "handles": [b64u(handle) for handle in self.handles],
        }


def parse_spares(value: Any) -> Spares:
    """Read one range strictly.

    Raises:
        FormatError
    """
    if not isinstance(value, dict) or set(value) != {"place", "agency", "first", "handles"}:
        raise FormatError("a range of spares has other members")
    place, first, handles = value["place"], value["first"], value["handles"]
    if not _is_number(place) or not 0 <= place < HEADER_PLACES or not isinstance(value["agency"], str):
        raise FormatError("a range of spares is malformed")
    if first is not None and (not _is_number(first) or first < HEADER_PLACES):
        raise FormatError("a range of spares is malformed")
    if not isinstance(handles, list) or len(handles) > SPARES:
        raise FormatError("a range of spares has at most 16 handles")
    return Spares(place, value["agency"], first, tuple(unb64u(one, DIGEST_BYTES) for one in handles))


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def deal_own(secret: bytes, bundle_id: bytes, places: Sequence[int], agencies: Sequence[str]) -> list[Spares]:
    """Fresh ranges for every header place in use and every recipient agency, in the order of docs/protocol.md 7."""
    ranges: list[Spares] = []
    for place in sorted(places):
        for agency in agencies:
            first = HEADER_PLACES + SPARES * len(ranges)
            handles = tuple(own_handle(secret, bundle_id, first + at) for at in range(SPARES))
            ranges.append(Spares(place, agency, first, handles))
    return ranges


def own_places(ranges: int) -> range:
    """Every place of a bundle of one's own that a withdrawal signs for: the header's and all spares."""
    return range(HEADER_PLACES + SPARES * ranges)


def take_spare(given: Spares, used: Sequence[bytes], agencies: Sequence[str], place: int) -> tuple[bytes, list[Spares]]:
    """One spare for a derivative's own header, and the rest dealt to its recipients, disjoint.

    Args:
        given: the range that this agency got for the parent's handle.
        used: handles of the range that earlier derivatives took or dealt.
        agencies: recipients of the derivative.
        place: header place of the derivative that the spare takes.

    Raises:
        LimitExceeded: no spare is left; the maker has to be asked for more.
    """
    free = [handle for handle in given.handles if handle not in used]
    if not free:
        raise LimitExceeded("no spare handle is left for this; ask the agency that recorded the consent for more")
    own, rest = free[0], free[1:]
    share = len(rest) // max(1, len(agencies))
    dealt = [
        Spares(place, agency, None, tuple(rest[number * share : (number + 1) * share]))
        for number, agency in enumerate(agencies)
    ]
    return own, dealt
