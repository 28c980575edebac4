"""What two administrators do in turn: certificates, revocations, departures, deputies; and what the root signs.

Each signs with a sign-in of her own. With the second signature the statement goes to the log at once; when the broker
cannot be reached, it waits here, signed, and is sent again.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from agencies import appointments, directory_entries, proposals, setup, succession
from agencies.members import OfficerSession
from agencies.models import Appointment, Member, Proposal
from agencies.rights import ADMINISTRATOR
from crypto import labels
from crypto.statements import Statement
from errors import Conflict, FormatError, KeyUnusable, NotFound, SetUpUnfinished
from exchange import follow, membership
from exchange.office import Office

NEEDED: Final = 2


# ---- Certificates -----------------------------------------------------------------------------------------------


def sign_appointment(office: Office, administrator: OfficerSession, appointment_id: bytes, *, now: int) -> bool:
    """An administrator's signature under an officer's certificate; whether it was the last and the officer is in.

    Raises:
        NotPermitted, Conflict, KeyUnusable, SetUpUnfinished: see `appointments.sign`.
        Unavailable: both have signed, and the broker cannot be reached; `send_appointment` sends it again.
    """
    with office.files.session() as db:
        row = appointments.get_open(db, appointment_id)
        _require_free(db, office, row)
        appointments.sign(db, administrator, appointment_id)
        if len(appointments.signers_of(row)) < NEEDED:
            return False
    send_appointment(office, administrator, appointment_id, now=now)
    return True


def certify_by_root(
    office: Office, administrator: OfficerSession, appointment_id: bytes, papers: Sequence[str], *, now: int
) -> None:
    """The root signs the certificate of an administrator, with its papers on the table.

    Raises:
        KeyUnusable: the shares are not those of the agency's root.
        SetUpUnfinished, Unavailable: see `sign_appointment`.
    """
    administrator.require("certify")
    with office.files.session() as db:
        row = appointments.get_open(db, appointment_id)
        if ADMINISTRATOR not in row.roles.split(" "):
            raise KeyUnusable("two administrators certify an officer; the root certifies administrators")
        _require_free(db, office, row)
        statement = appointments.get_statement(row)
        if not appointments.signers_of(row):
            with _root(db, office, papers) as key:
                row.statement = key.sign(statement).dump()
    send_appointment(office, administrator, appointment_id, now=now)


def send_appointment(office: Office, administrator: OfficerSession, appointment_id: bytes, *, now: int) -> None:
    """Put a certificate that has its signatures into the log, and count the officer in.

    Raises:
        SetUpUnfinished: a signature is missing.
        Unavailable: the broker cannot be reached; send it again later.
    """
    administrator.require("certify")
    with office.files.session() as db:
        row = appointments.get_open(db, appointment_id)
        statement, signers = appointments.get_statement(row), appointments.signers_of(row)
    if len(signers) < NEEDED and f"root/{office.agency}" not in signers:
        raise SetUpUnfinished("the other administrator has not signed yet")
    membership.publish(office, statement, now=now)
    follow.follow_log(office, now=now)
    with office.files.session() as db:
        appointments.finish(db, administrator, appointment_id, now=now)


def _require_free(db: Session, office: Office, row: Appointment) -> None:
    """A second certificate under one handle is refused by the network."""
    if office.directory(db).find_certificate(row.officer) is not None:
        raise SetUpUnfinished("the old certificate still counts; the other administrator signs its revocation first")


def _root(db: Session, office: Office, papers: Sequence[str]) -> setup.Root:
    return setup.open_root(office.agency, papers, membership.require_root(setup.get_identity(db)))


# ---- Revocations, and leaving -----------------------------------------------------------------------------------


def depart(
    office: Office, administrator: OfficerSession, handle: str, *, with_orphans: bool, now: int
) -> succession.Departure:
    """End an officer's rights at this desk at once; the revocation waits for the other administrator.

    Raises:
        Refused, NotPermitted, NotFound: see `succession.depart`.
    """
    with office.files.session() as db:
        gone = succession.depart(
            db, administrator, handle, now=now, directory=office.directory(db), with_orphans=with_orphans
        )
        if gone.revocation is not None:
            _propose_revocation(db, administrator, handle, gone.revocation, now)
        for row in appointments.of_officer(db, handle):
            if row.state in appointments.OPEN:
                appointments.withdraw(db, administrator, row.appointment_id, now=now)
    return gone


def begin_renewal(
    office: Office, administrator: OfficerSession, handle: str, *, order: str, now: int
) -> tuple[Appointment, str]:
    """New keys after a lost passphrase: a one-time code for the officer, and the revocation of the old certificate.

    Raises:
        NotPermitted, NotFound, Conflict, FormatError: see `appointments.renew`.
    """
    with office.files.session() as db:
        row, code = appointments.renew(db, administrator, handle, order=order, now=now)
        directory = office.directory(db)
        if directory.find_certificate(handle) is not None and not revocation_of(db, handle):
            _propose_revocation(db, administrator, handle, succession.revoke(directory, handle), now)
        return row, code


def _propose_revocation(
    db: Session, administrator: OfficerSession, handle: str, statement: Statement, now: int
) -> None:
    administrator.require("certify")
    signed = administrator.sign_statement(labels.DIRECTORY, statement)
    proposals.add(db, proposals.REVOCATION, administrator.handle, handle, signed, now=now)


def revocation_of(db: Session, handle: str) -> Proposal | None:
    """The revocation of an officer's certificate that waits."""
    return next((one for one in proposals.list_open(db, proposals.REVOCATION) if one.officer == handle), None)


def sign_revocation(office: Office, administrator: OfficerSession, proposal_id: bytes, *, now: int) -> None:
    """The second administrator's signature; the revocation goes into the log.

    Raises:
        NotPermitted, Conflict, NotFound, Unavailable
    """
    with office.files.session() as db:
        row = proposals.get(db, proposal_id)
        if row.kind != proposals.REVOCATION:
            raise NotFound("there is no such revocation")
        if row.state == proposals.WAITING:
            proposals.sign(db, administrator, proposal_id, now=now)
    _send_revocation(office, administrator, proposal_id, now)


def revoke_by_root(
    office: Office, administrator: OfficerSession, proposal_id: bytes, papers: Sequence[str], *, now: int
) -> None:
    """The root signs the revocation of an administrator's certificate in place of two administrators.

    Raises:
        KeyUnusable: the shares are not those of the agency's root, or it is no administrator's certificate.
    """
    administrator.require("certify")
    with office.files.session() as db:
        row = proposals.get(db, proposal_id)
        member = db.get(Member, row.officer)
        if row.kind != proposals.REVOCATION or member is None or ADMINISTRATOR not in member.roles.split(" "):
            raise KeyUnusable("the root revokes certificates of administrators alone")
        bare = succession.revoke(office.directory(db), row.officer)
        with _root(db, office, papers) as key:
            row.statement = key.sign(bare).dump()
        row.state = proposals.SIGNED
    _send_revocation(office, administrator, proposal_id, now)


def _send_revocation(office: Office, administrator: OfficerSession, proposal_id: bytes, now: int) -> None:
    with office.files.session() as db:
        row = proposals.get(db, proposal_id)
        if row.state != proposals.SIGNED:
            raise Conflict("this is over already")
        statement = proposals.statement_of(row)
    membership.publish(office, statement, now=now)
    follow.follow_log(office, now=now)
    with office.files.session() as db:
        proposals.end(db, proposal_id, administrator.handle, now=now)


# ---- The deputy -------------------------------------------------------------------------------------------------


def name_deputy(
    office: Office, administrator: OfficerSession, officer: str, papers: Sequence[str], *, now: int
) -> None:
    """Name the officer of another agency who signs with a single administrator; the root signs it.

    Raises:
        FormatError: an officer of this agency.
        NotFound: nobody of this handle has a certificate.
        KeyUnusable: the shares are not those of the agency's root.
    """
    administrator.require("certify")
    with office.files.session() as db:
        directory = office.directory(db)
        found = directory.certificate(officer)
        if found.agency == office.agency:
            raise FormatError("a deputy is an officer of another agency")
        body = directory_entries.deputy_body(directory.origin, office.agency, officer)
        with _root(db, office, papers) as key:
            statement = key.sign(setup.statement_of(body))
    membership.publish(office, statement, now=now)
    follow.follow_log(office, now=now)
