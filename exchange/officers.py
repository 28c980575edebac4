"""Officers of this agency as their administrators see them: who, which roles, from when to when, in which state."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import appointments, factors, succession
from agencies.directory import Directory
from agencies.models import Appointment, Member
from errors import NotFound
from exchange import administering
from exchange.office import Office

WORKS, UNCERTIFIED, OVER, LEFT, AWAY, COMING = "works", "uncertified", "over", "left", "away", "coming"
ORDER: Final = {WORKS: 0, UNCERTIFIED: 0, COMING: 0, OVER: 1, AWAY: 1, LEFT: 2}


@dataclass(frozen=True, slots=True)
class Shown:
    """One officer.

    Attributes:
        state: works; uncertified (keys without a certificate that counts); over (the appointment's last day has
            passed); left; away (a certificate of keys that are not at this desk); coming (appointed, not in yet).
        began, ends: POSIX seconds or YYYY-MM-DD; None: not known, or without an end.
        needs_revocation: left or over, and the certificate still counts.
    """

    handle: str
    roles: tuple[str, ...]
    state: str
    began: int | str | None
    ends: int | str | None
    order: str | None = None
    needs_revocation: bool = False


def list_officers(db: Session, office: Office, *, now: int) -> list[Shown]:
    """Everybody who works here, is coming, or has left; those who have left come last."""
    directory = office.directory(db)
    known = {row.handle: row for row in db.scalars(select(Member))}
    certified = {one.subject for one in directory.officers(office.agency)}
    newest: dict[str, Appointment] = {}
    for row in db.scalars(select(Appointment).order_by(Appointment.proposed_at)):
        if row.state != appointments.WITHDRAWN and (row.kind == appointments.APPOINT):
            newest[row.officer] = row
    names = {*known, *certified, *newest}
    found = [_shown(directory, name, known.get(name), newest.get(name), now) for name in names]
    return sorted(found, key=lambda one: (ORDER[one.state], _by_number(one.handle)))


def _by_number(handle: str) -> tuple[str, int]:
    word, _, number = handle.rpartition("-")
    return word, int(number) if number.isdigit() else 0


def _shown(directory: Directory, handle: str, member: Member | None, row: Appointment | None, now: int) -> Shown:
    found = directory.find_certificate(handle)
    began = row.from_day if row is not None else (member.enrolled_at if member is not None else None)
    until = row.until_day if row is not None else None
    order = row.order_number if row is not None else None
    if member is None:
        if row is not None and row.state in appointments.OPEN:
            return Shown(handle, tuple(row.roles.split(" ")), COMING, row.from_day, until, order)
        return Shown(handle, found.roles if found else (), AWAY, None, None)
    roles = tuple(member.roles.split(" "))
    if member.left_at is not None:
        return Shown(handle, roles, LEFT, began, member.left_at, order, found is not None)
    if until is not None and until < datetime.fromtimestamp(now, UTC).date().isoformat():
        return Shown(handle, roles, OVER, began, until, order, found is not None)
    fits = found is not None and found.signing_key == member.signing_key
    return Shown(handle, roles, WORKS if fits else UNCERTIFIED, began, until, order)


@dataclass(frozen=True, slots=True)
class Detail:
    """One officer, with what administrators can do about her.

    Attributes:
        orphaned: cases that nobody but her opens.
        certificates: (log index, index of the revocation or None), newest first.
    """

    shown: Shown
    factors: int
    orphaned: int
    certificates: tuple[tuple[int, int | None], ...]
    appointment: Appointment | None
    revocation: bytes | None
    revocation_by: str | None


def get_officer(db: Session, office: Office, handle: str, *, now: int) -> Detail:
    """One officer of this agency, also one who has left.

    Raises:
        NotFound
    """
    shown = next((one for one in list_officers(db, office, now=now) if one.handle == handle), None)
    if shown is None:
        raise NotFound("there is no officer of this handle at this desk")
    history = office.directory(db).history(handle)
    under_way = next((one for one in appointments.of_officer(db, handle) if one.state in appointments.OPEN), None)
    revocation = administering.revocation_of(db, handle)
    return Detail(
        shown, len(factors.list_factors(db, handle)), len(succession.orphaned_cases(db, handle)),
        tuple((one.index, one.revoked) for one in reversed(history)), under_way,
        None if revocation is None else revocation.proposal_id,
        None if revocation is None or revocation.state != "waiting" else revocation.proposed_by,
    )  # fmt: skip
