"""Everything that an officer has, for a colleague: before she leaves, or is away for long (guarantee G8)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from agencies import succession
from agencies.members import OfficerSession
from agencies.rights import has_right
from exchange import handing_on, handle_keys
from exchange.office import Office


@dataclass(frozen=True, slots=True)
class HandedOver:
    """Cases and bundles that the colleague has now, and codes of errors of bundles that stayed."""

    cases: tuple[bytes, ...]
    bundles: tuple[bytes, ...]
    refused: tuple[tuple[bytes, str], ...]


def may_hand_over(roles: Iterable[str]) -> bool:
    """Whether officers of these roles have anything to hand over."""
    held = tuple(roles)
    return has_right(held, "case-read") or has_right(held, "hand-on")


def colleagues(db: Session, office: Office, handle: str) -> list[str]:
    """Officers of this agency with a certificate that counts, who may have what she has."""
    return [
        one.subject
        for one in office.directory(db).officers(office.agency)
        if one.subject != handle and may_hand_over(one.roles)
    ]


def only_hers(db: Session, handle: str) -> list[bytes]:
    """Cases that nobody else opens."""
    return succession.orphaned_cases(db, handle)


def hand_over_all(office: Office, officer: OfficerSession, to: str, *, reason: str, now: int) -> HandedOver:
    """Give a colleague all cases and all bundles of this officer, on the record.

    Raises:
        NotFound, NotPermitted: the colleague is not here, or her role opens nothing.
        Unavailable: the broker cannot be reached; call again, what was handed over stays so.
    """
    with office.files.session() as db:
        given = succession.hand_over_cases(db, officer, to, now=now)
        handle_keys.pass_on(db, office, officer, now=now)
    bundles: list[bytes] = []
    refused: dict[bytes, str] = {}
    if has_right(officer.roles, "hand-on"):
        bundles, refused = handing_on.hand_on_all(office, officer, to, reason=reason, now=now)
    return HandedOver(tuple(given), tuple(bundles), tuple(refused.items()))
