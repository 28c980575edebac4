"""After the broker has lost a key half: the sender seals again what is still live, as a new bundle that names the old.

What was destroyed stays destroyed. Flags are raised again by the desks that had raised them.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto.encoding import unb64u
from crypto.header import IDENTIFIER_BYTES, parse_header
from crypto.sealing import Source
from errors import AmparoError, HeadersDiffer, NotFound, ReleaseDestroyed, ReleaseHeld
from exchange import arrivals, delivery, notes, policy, registers, release
from exchange.composition import Composition, parse_composition, replacing
from exchange.models import StoredBundle
from exchange.office import Office
from exchange.reading import Preview, preview
from exchange.registers import FLAG_MEMBERS
from identity import consent

LOST: Final = "half-lost"

Random = Callable[[int], bytes]


def list_lost(db: Session) -> list[StoredBundle]:
    """Bundles of this agency whose half the broker has lost, oldest first; also those that were sealed again."""
    query = select(StoredBundle).where(StoredBundle.direction == "out", StoredBundle.state == LOST)
    return list(db.scalars(query.order_by(StoredBundle.added_at)))


def replacement_of(db: Session, officer: OfficerSession, bundle_id: bytes) -> bytes | None:
    """The bundle that was sealed in place of this one, if there is one.

    Raises:
        NotPermitted: not on the case team.
    """
    row = arrivals.get_stored(db, bundle_id)
    if row.case_id is None:
        return None
    value = notes.note_of(db, officer, row.case_id, bundle_id).get(delivery.REPLACED)
    return None if value is None else unb64u(value, IDENTIFIER_BYTES)


def composition_of(office: Office, officer: OfficerSession, bundle_id: bytes, *, now: int | None = None) -> Composition:
    """What was sealed, ready to be sealed once more: same recipients, terms, form, files and consent.

    With `now`, flags that this agency raised on the lost bundle later on go along too.

    Raises:
        NotFound: the bundle, or what was composed, is not at this desk.
        Conflict: its half is not lost, or it was sealed again before.
        ReleaseHeld, ReleaseDestroyed: what it rests on was withdrawn.
    """
    with office.files.session() as db:
        note = delivery.require_replaceable(db, officer, bundle_id)
        for handle in parse_header(arrivals.get_stored(db, bundle_id).header).handles:
            release.require_no_order(db, handle)
        if note.get("composition") is None:
            raise NotFound("what was composed for this bundle is not at this desk")
        made = replacing(parse_composition(unb64u(note["composition"])), bundle_id)
        # The mailbox does not tell an agency of its own holds: its own record of consents does.
        for record in made.consents:
            state = consent.get_consent(db, officer, made.case_id, record).state
            if state != consent.ACTIVE:
                raise ReleaseHeld if state == consent.HELD else ReleaseDestroyed
    return made if now is None else replace(made, flags=_own_flags(office, officer, bundle_id, now))


def _own_flags(office: Office, officer: OfficerSession, bundle_id: bytes, now: int) -> tuple[dict[str, Any], ...]:
    seen = preview(office, officer, bundle_id, now=now)
    active = policy.active_flags(seen.flags, delivery.day_of(now))
    return tuple(_members(one) for one in active if one["raiser"] == office.agency)


def seal_again(
    office: Office,
    officer: OfficerSession,
    bundle_id: bytes,
    sources: Sequence[Source],
    *,
    now: int,
    approval_id: bytes | None = None,
    progress: delivery.Progress = delivery.ignore_progress,
    random_bytes: Random = os.urandom,
) -> bytes:
    """Seal a lost bundle anew, ready to be sent; the new bundle's id.

    Args:
        sources: readers of the composition's files, in their order.
        approval_id: for t = 2, a colleague's approval of `composition_of(..., now=now)`.

    Raises:
        see `composition_of` and `delivery.seal`.
    """
    made = composition_of(office, officer, bundle_id, now=now)
    return delivery.seal(
        office, officer, made, sources, now=now, approval_id=approval_id, progress=progress, random_bytes=random_bytes
    )


# ---- Flags at the other desks -----------------------------------------------------------------------------------


def raise_again(office: Office, officer: OfficerSession, bundle_id: bytes, *, now: int) -> int:
    """Raise this agency's flags of the lost bundle on the one that took its place; how many were raised.

    Repeating it changes nothing.

    Raises:
        HeadersDiffer: the new bundle names one of another sender.
        NotEntitled: the officer was entitled to one of the two only.
    """
    seen = preview(office, officer, bundle_id, now=now)
    if seen.cover.replaces is None:
        return 0
    lost = preview_replaced(office, officer, seen, now=now)
    today = delivery.day_of(now)
    have = [_members(one) for one in policy.active_flags(seen.flags, today) if one["raiser"] == office.agency]
    wanted = [_members(one) for one in policy.active_flags(lost.flags, today) if one["raiser"] == office.agency]
    missing = [one for one in wanted if one not in have]
    for one in missing:
        registers.raise_flag(office, officer, bundle_id, one, now=now)
    return len(missing)


def preview_replaced(office: Office, officer: OfficerSession, seen: Preview, *, now: int) -> Preview:
    """The bundle in whose place another one was sealed.

    Raises:
        NotFound: it names none, or one that is not at this desk.
        HeadersDiffer: the two are of different senders.
    """
    if seen.cover.replaces is None:
        raise NotFound("this bundle takes no other one's place")
    lost = preview(office, officer, seen.cover.replaces, now=now)
    if lost.header.sender_agency != seen.header.sender_agency:
        raise HeadersDiffer("a bundle claims the place of one that another agency has sent")
    return lost


def raise_all_again(office: Office, officer: OfficerSession, *, now: int) -> int:
    """`raise_again` for every bundle that this officer may read; called after sign-in. How many flags were raised."""
    with office.files.session() as db:
        if db.scalar(select(StoredBundle.bundle_id).where(StoredBundle.state == LOST).limit(1)) is None:
            return 0
        query = select(StoredBundle.bundle_id).where(
            StoredBundle.state.in_(("arrived", "sent")), StoredBundle.log_index.is_not(None)
        )
        bundles = list(db.scalars(query))
    raised = 0
    for bundle_id in bundles:
        try:
            raised += raise_again(office, officer, bundle_id, now=now)
        except AmparoError:
            continue  # another officer's, or one that stays closed for a reason of its own
    return raised


def _members(flag: Mapping[str, Any]) -> dict[str, Any]:
    return {name: flag[name] for name in FLAG_MEMBERS}
