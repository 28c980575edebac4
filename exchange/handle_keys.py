"""The agency's one secret behind its handles, and the handles that this desk knows (docs/protocol.md 7).

The secret is wrapped to every officer of the desk who may share or hold, and to the recovery key. It is made with the
first bundle; an officer who joins later gets it the next time a colleague uses it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from agencies.models import Member
from agencies.rights import has_right
from crypto import hybrid, labels
from crypto.encoding import b64u, fields
from crypto.pseudonyms import extract_id
from custody import handles
from custody.handles import HEADER_PLACES, Spares, handle_key, own_handle
from errors import DecryptionFailed, KeyUnusable, LimitExceeded, NotFound
from exchange.models import HandleSecret, HandleUse, StoredBundle
from exchange.office import Office

RECOVERY: Final = "recovery"
GIVEN: Final = "given"  # dealt to this agency by the maker or by somebody in between
OWN: Final = "own"  # derived from this agency's secret and dealt to recipients
HEADER: Final = "header"
WAIT: Final = "you do not have your agency's key for consent yet; a colleague who has signs in and shares"
RIGHTS: Final = ("hold", "share", "withdraw", "consent")


def handle_secret(
    db: Session, office: Office, officer: OfficerSession, *, now: int, random_bytes: Callable[[int], bytes] = os.urandom
) -> bytes:
    """The secret, 32 bytes; made at first use, and handed to colleagues who do not have it yet.

    Raises:
        KeyUnusable: it was not handed to this officer yet.
        NotPermitted
    """
    office.require_own(officer)
    row = db.get(HandleSecret, officer.handle)
    if row is not None:
        try:
            secret = officer.receiving.open(_info(office), row.wrapped)
        except DecryptionFailed:
            raise KeyUnusable(WAIT) from None  # it was given to the key that she had before
    elif db.scalar(select(HandleSecret.holder).limit(1)) is None:
        secret = random_bytes(32)
    else:
        raise KeyUnusable(WAIT)
    _hand_out(db, office, officer, secret, now)
    return secret


def pass_on(db: Session, office: Office, officer: OfficerSession, *, now: int) -> bool:
    """Hand the secret to colleagues who do not have it, also those with new keys; whether this officer has it."""
    if db.get(HandleSecret, officer.handle) is None:
        return False
    try:
        handle_secret(db, office, officer, now=now)
    except KeyUnusable:
        return False
    return True


def _hand_out(db: Session, office: Office, officer: OfficerSession, secret: bytes, now: int) -> None:
    wanted = {RECOVERY: (office.directory(db).recovery_key(office.agency), 0)}
    for member in db.scalars(select(Member).where(Member.left_at.is_(None))):
        if member.handle != officer.handle and any(has_right(member.roles.split(" "), right) for right in RIGHTS):
            wanted[member.handle] = (member.receiving_key, member.enrolled_at)
    if db.get(HandleSecret, officer.handle) is None:
        wanted[officer.handle] = (officer.receiving.public_key, 0)
    for holder, (key, since) in wanted.items():
        row = db.get(HandleSecret, holder)
        # What was given before the keys were renewed, after a lost passphrase, opens with none of today's.
        if row is None or row.given_at < since or (row.given_at == since and row.given_by != holder):
            wrapped = hybrid.seal(key, _info(office), secret)
            db.merge(HandleSecret(holder=holder, wrapped=wrapped, given_by=officer.handle, given_at=now))
    db.flush()


def _info(office: Office) -> bytes:
    return fields(labels.HANDLE_SECRET, office.agency)


def recover_handle_secret(
    db: Session, office: Office, key: hybrid.ReceivingKey, to: Member, *, by: str, now: int
) -> None:
    """After a recovery by shares: wrap the secret to an officer.

    Raises:
        NotFound: the agency has no secret yet.
    """
    row = db.get(HandleSecret, RECOVERY)
    if row is None:
        raise NotFound("this agency has sealed no bundle yet")
    secret = key.open(_info(office), row.wrapped)
    wrapped = hybrid.seal(to.receiving_key, _info(office), secret)
    db.merge(HandleSecret(holder=to.handle, wrapped=wrapped, given_by=by, given_at=now))


def replace_recovery_key(db: Session, office: Office, old: hybrid.ReceivingKey, new_key: bytes, *, now: int) -> bool:
    """Wrap the secret from the old recovery key to a new one; whether the agency has a secret."""
    row = db.get(HandleSecret, RECOVERY)
    if row is None:
        return False
    secret = old.open(_info(office), row.wrapped)
    row.wrapped, row.given_by, row.given_at = hybrid.seal(new_key, _info(office), secret), RECOVERY, now
    return True


class Placement:
    """Which handle stands in which header place of a new bundle, and which spares go with it."""

    def __init__(self, secret: bytes, bundle_id: bytes, recipients: Sequence[str]) -> None:
        self._secret, self._bundle_id, self._recipients = secret, bundle_id, tuple(recipients)
        self._own: list[tuple[int, bytes]] = []
        self._parents: list[tuple[int, bytes, bytes, bytes, list[Spares]]] = []

    @property
    def used(self) -> int:
        """Places in use."""
        return len(self._own) + len(self._parents)

    def add_consent(self, record: bytes) -> None:
        """The next place stands for a consent record of this agency."""
        self._own.append((self._next(), record))

    def add_parent(self, parent: bytes, parent_handle: bytes, given: Spares, used: Sequence[bytes]) -> None:
        """The next place takes a spare of a parent's handle.

        Raises:
            LimitExceeded: no spare is left, or all eight places are in use.
        """
        place = self._next()
        own, dealt = handles.take_spare(given, used, self._recipients, place)
        self._parents.append((place, parent, parent_handle, own, dealt))

    def _next(self) -> int:
        if self.used >= HEADER_PLACES:
            raise LimitExceeded("a bundle rests on eight consents at most; make two bundles of it")
        return self.used

    @property
    def own_place(self) -> int | None:
        """The first place that nothing rests on: by it the maker stops this bundle alone. None where all are taken."""
        return self.used if self.used < HEADER_PLACES else None

    def header(self) -> tuple[bytes, ...]:
        """The eight handles of the header."""
        taken = {place: own for place, _, _, own, _ in self._parents}
        return tuple(
            taken.get(place) or own_handle(self._secret, self._bundle_id, place) for place in range(HEADER_PLACES)
        )

    def manifest_handles(self) -> list[dict[str, Any]]:
        """`handles` of the manifest."""
        own: list[dict[str, Any]] = [
            {"place": place, "consent": b64u(extract_id(record, self._recipients)), "parent": None}
            for place, record in self._own
        ]
        return own + [
            {"place": place, "consent": None, "parent": {"bundle_id": b64u(parent), "handle": b64u(handle)}}
            for place, parent, handle, _, _ in self._parents
        ]

    def spares(self) -> list[Spares]:
        """`spares` of the manifest: fresh ranges for own places, then what is passed on of parents' ranges."""
        fresh = handles.deal_own(self._secret, self._bundle_id, [place for place, _ in self._own], self._recipients)
        return fresh + [one for *_, dealt in self._parents for one in dealt]

    def record(self, db: Session) -> None:
        """Keep which handles rest on which record, and which spares are used up. The header's rows exist already."""
        keep_own(db, self._secret, self._bundle_id, self._recipients, dict(self._own), self.own_place)
        for _, parent, parent_handle, own, dealt in self._parents:
            row = _get(db, own, self._bundle_id)
            row.parent_handle = parent_handle
            for handle in [own, *(handle for one in dealt for handle in one.handles)]:
                given = db.get(HandleUse, (handle, parent))
                if given is not None:
                    given.is_used = True
        db.flush()


def keep_own(
    db: Session,
    secret: bytes,
    bundle_id: bytes,
    recipients: Sequence[str],
    records: Mapping[int, bytes | None],
    own_place: int | None,
) -> None:
    """Keep what the maker's own places of a bundle stand for, and the spares behind each.

    The place of the bundle itself has a range of spares too, the last one, which nobody is given: a stop of it signs
    for as many handles as that of a consent, so that the log does not show which of the two it was.

    Args:
        records: header place: consent record; None for one that this desk does not know.
        own_place: header place that stands for the bundle itself.
    """
    places = dict(records) if own_place is None else {**records, own_place: bundle_id}
    for place, record in places.items():
        if record is not None:
            row = _get(db, own_handle(secret, bundle_id, place), bundle_id)
            row.own_place, row.record = place, record
    for one in handles.deal_own(secret, bundle_id, list(places), recipients):
        for at, handle in enumerate(() if places[one.place] is None else one.handles):
            db.merge(
                HandleUse(
                    handle=handle, bundle_id=bundle_id, place=one.place, role=OWN, own_place=(one.first or 0) + at,
                    record=places[one.place], is_used=True,
                )
            )  # fmt: skip
    db.flush()


def _get(db: Session, handle: bytes, bundle_id: bytes) -> HandleUse:
    row = db.get(HandleUse, (handle, bundle_id))
    if row is None:
        raise NotFound("a handle of this bundle is not recorded")
    return row


def keep_given(db: Session, agency: str, bundle_id: bytes, header_handles: Sequence[bytes], spares: Any) -> int:
    """After opening: keep the spares that were dealt to this agency; how many.

    Raises:
        FormatError: a range is malformed.
    """
    count = 0
    for value in spares if isinstance(spares, list) else []:
        one = handles.parse_spares(value)
        if one.agency != agency:
            continue
        for handle in one.handles:
            if db.get(HandleUse, (handle, bundle_id)) is None:
                db.add(
                    HandleUse(
                        handle=handle, bundle_id=bundle_id, place=one.place, role=GIVEN, own_place=None,
                        parent_handle=header_handles[one.place],
                    )
                )  # fmt: skip
                count += 1
    db.flush()
    return count


def add_parents(db: Session, placement: Placement, parent: StoredBundle) -> None:
    """Take one spare for every place that a parent had in use, as far as its maker is another agency.

    Raises:
        LimitExceeded: no spare is left.
    """
    query = select(HandleUse).where(HandleUse.bundle_id == parent.bundle_id, HandleUse.role == GIVEN)
    by_handle: dict[bytes, list[HandleUse]] = {}
    for row in db.scalars(query.order_by(HandleUse.place, HandleUse.own_place)):
        if row.parent_handle is not None:
            by_handle.setdefault(row.parent_handle, []).append(row)
    for parent_handle, rows in by_handle.items():
        given = Spares(rows[0].place, "", None, tuple(row.handle for row in rows))
        used = [row.handle for row in rows if row.is_used]
        placement.add_parent(parent.bundle_id, parent_handle, given, used)


def own_records(db: Session, parent: bytes) -> list[bytes]:
    """Consent records of this agency on which one of its own bundles rests."""
    rows = db.scalars(select(HandleUse).where(HandleUse.bundle_id == parent, HandleUse.role == HEADER))
    return [row.consent for row in rows if row.consent is not None]


def handles_of_record(db: Session, record: bytes) -> list[HandleUse]:
    """Every handle of this agency, headers and spares, that rests on a consent record; or on a bundle's own place."""
    query = select(HandleUse).where(HandleUse.record == record, HandleUse.own_place.is_not(None))
    return list(db.scalars(query.order_by(HandleUse.bundle_id, HandleUse.own_place)))


__all__ = [
    "Placement", "add_parents", "handle_key", "handle_secret", "handles_of_record", "keep_given", "own_records",
    "recover_handle_secret",
]  # fmt: skip
