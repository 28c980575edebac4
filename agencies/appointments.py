"""Appointing officers, and giving them new keys: two administrators sign, the officer makes her keys herself.

An administrator appoints and gets a one-time code, which the officer takes to her own screen. There she chooses her
passphrase; her keys are made and sign their own certificate. Two administrators sign it next, each with a sign-in of
their own (the root's papers in place of the two, for an administrator). Until then nothing at the desk counts the
officer in: her keys lie in the appointment.
"""

import hmac
import os
import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import acts, members, setup
from agencies.directory import ROLES, Directory
from agencies.members import OfficerSession
from agencies.models import Appointment, Member
from agencies.rights import ADMINISTRATOR, AUDITOR
from crypto import keyring, labels
from crypto.digests import sha256
from crypto.fingerprints import ALPHABET, fingerprint
from crypto.header import IDENTIFIER_BYTES, ROLE_HANDLE
from crypto.statements import Statement, parse_statement
from errors import Conflict, FormatError, KeyUnusable, NotFound, NotPermitted, PassphraseWrong, SetUpUnfinished
from storage.desk_files import DeskFiles

APPOINT, RENEW = "appoint", "renew"
INVITED, ENROLLED, DONE, WITHDRAWN = "invited", "enrolled", "done", "withdrawn"
OPEN: Final = (INVITED, ENROLLED)
CODE_SIGNS: Final = 16
CODE_DAYS: Final = 7
MOST_TRIES: Final = 5
DAY_SECONDS: Final = 86_400
ORDER: Final = re.compile(r"(?:[A-Z]{1,8}-)?[0-9]{1,8}(?:-[0-9]{1,8}){0,3}\Z")
# Whoever runs the desk, or looks at its record, has no right that reaches evidence; so these roles stand alone.
ALONE: Final = frozenset({ADMINISTRATOR, AUDITOR})
CODE_WRONG: Final = "handle and code do not fit, or the code is used up; ask your administrator for a new one"

Random = Callable[[int], bytes]


# ---- The appointment --------------------------------------------------------------------------------------------


def appoint(
    db: Session,
    administrator: OfficerSession,
    handle: str,
    roles: Iterable[str],
    *,
    order: str,
    from_day: str,
    until_day: str | None,
    now: int,
    random_bytes: Random = os.urandom,
) -> tuple[Appointment, str]:
    """Begin an appointment; the row, and the one-time code for the officer, which is kept nowhere.

    Args:
        order: number of the order by which she is appointed, such as ORD-2026-114.
        from_day, until_day: YYYY-MM-DD; without an end, the appointment ends by departure alone.

    Raises:
        NotPermitted: not an administrator.
        FormatError: the handle, the roles, the number or the dates are not acceptable; the message says which.
        Conflict: the handle was given before, or is being given.
    """
    administrator.require("administer")
    wanted = _require_roles(roles)
    if not ROLE_HANDLE.match(handle) or handle.split("/")[0] != administrator.agency:
        raise FormatError("a role handle is a role and a number, such as liaison-3; never a name")
    if db.get(Member, handle) is not None or _find_open(db, handle) is not None:
        raise Conflict("this role handle was given before; take the next number")
    _require_days(from_day, until_day)
    return _invite(
        db, administrator, APPOINT, handle, " ".join(wanted), parse_order(order), from_day, until_day, now, random_bytes
    )


def renew(
    db: Session, administrator: OfficerSession, handle: str, *, order: str, now: int, random_bytes: Random = os.urandom
) -> tuple[Appointment, str]:
    """New keys for an officer who has lost her passphrase; her old keys count until their revocation is in the log.

    Raises:
        NotPermitted: not an administrator, or one's own keys.
        NotFound: nobody with this handle works here.
        Conflict: it was begun already.
    """
    administrator.require("administer")
    if handle == administrator.handle:
        raise NotPermitted("nobody renews her own keys; the other administrator does it")
    member = members.get_member(db, handle)
    if _find_open(db, handle) is not None:
        raise Conflict("this officer is getting new keys already")
    today = _day_of(now)
    return _invite(
        db, administrator, RENEW, handle, member.roles, parse_order(order), today, None, now, random_bytes
    )  # fmt: skip


def _invite(
    db: Session, administrator: OfficerSession, kind: str, handle: str, roles: str, order: str, from_day: str,
    until_day: str | None, now: int, random_bytes: Random,
) -> tuple[Appointment, str]:  # fmt: skip
    code, digest = _new_code(random_bytes)
    row = Appointment(
        appointment_id=random_bytes(IDENTIFIER_BYTES), kind=kind, officer=handle, roles=roles, order_number=order,
        from_day=from_day, until_day=until_day, state=INVITED, proposed_by=administrator.handle, proposed_at=now,
        code_digest=digest, code_until=now + CODE_DAYS * DAY_SECONDS, tries=0,
    )  # fmt: skip
    db.add(row)
    db.flush()
    return row, code


def new_code(
    db: Session, administrator: OfficerSession, appointment_id: bytes, *, now: int, random_bytes: Random = os.urandom
) -> str:
    """Another one-time code in place of one that was lost, or typed wrongly too often."""
    administrator.require("administer")
    row = get_open(db, appointment_id)
    if row.state != INVITED:
        raise Conflict("the officer has made her keys already")
    code, row.code_digest = _new_code(random_bytes)
    row.code_until, row.tries = now + CODE_DAYS * DAY_SECONDS, 0
    return code


def withdraw(db: Session, administrator: OfficerSession, appointment_id: bytes, *, now: int) -> None:
    """Give an appointment up before it is in the log; the keys that were made for it are dropped."""
    administrator.require("administer")
    row = get_open(db, appointment_id)
    row.state, row.code_digest, row.keyring = WITHDRAWN, None, None
    row.decided_by, row.decided_at = administrator.handle, now


def parse_order(text: str) -> str:
    """The number of an order in its one spelling.

    Raises:
        FormatError: it is none; words have no place in it.
    """
    number = re.sub(r"[\s/._-]+", "-", text.strip().upper()).strip("-")
    if not ORDER.match(number):
        raise FormatError("the order's number is letters and then digits, such as ORD-2026-114; no words and no names")
    return number


def next_handle(db: Session, directory: Directory, agency: str, role: str) -> str:
    """The next free handle of a role; a number is never given twice.

    Raises:
        FormatError: there is no such role.
    """
    if role not in ROLES:
        raise FormatError("there is no such role")
    given = {*db.scalars(select(Member.handle)), *db.scalars(select(Appointment.officer))}
    given |= {one.subject for one in directory.certificates if one.agency == agency}
    number = 1
    while f"{agency}/{role}-{number}" in given:
        number += 1
    return f"{agency}/{role}-{number}"


def _require_roles(roles: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(sorted(set(roles)))
    if not wanted or not set(wanted) <= set(ROLES):
        raise FormatError("choose one role at least, out of the list")
    if len(wanted) > 1 and ALONE & set(wanted):
        raise FormatError("an administrator or an auditor has no other role beside it")
    return wanted


def _require_days(from_day: str, until_day: str | None) -> None:
    try:
        begin = date.fromisoformat(from_day)
        end = None if until_day is None else date.fromisoformat(until_day)
    except ValueError:
        raise FormatError("a date is a day of the calendar") from None
    if end is not None and end < begin:
        raise FormatError("the appointment ends before it begins")


def _new_code(random_bytes: Random) -> tuple[str, bytes]:
    number = int.from_bytes(random_bytes(CODE_SIGNS * 5 // 8), "big")
    signs = "".join(ALPHABET[(number >> (5 * at)) & 31] for at in range(CODE_SIGNS))
    return " ".join(signs[at : at + 4] for at in range(0, CODE_SIGNS, 4)), _code_digest(signs)


def _code_digest(code: str) -> bytes:
    signs = "".join(code.lower().split()).replace("-", "").translate(str.maketrans("ilo", "110"))
    return sha256(signs.encode())


def _day_of(now: int) -> str:
    return date.fromordinal(date(1970, 1, 1).toordinal() + now // DAY_SECONDS).isoformat()


# ---- On the officer's own screen --------------------------------------------------------------------------------


def enrol(
    files: DeskFiles,
    handle: str,
    code: str,
    passphrase: str,
    *,
    now: int,
    cost: keyring.Cost = keyring.MODERATE,
    random_bytes: Random = os.urandom,
) -> str:
    """Make the officer's keys under her passphrase, in transactions of its own; the fingerprint of her new key.

    The try is counted before the code is looked at, as with passphrases.

    Raises:
        FormatError: the passphrase is too short.
        PassphraseWrong: one answer for an unknown handle, a wrong code, one that is over, and one tried too often.
    """
    members.require_passphrase(passphrase)
    with files.session() as db:
        row = _find_open(db, handle)
        known = bytes(32)
        if row is not None and row.state == INVITED and row.tries < MOST_TRIES and now < row.code_until:
            row.tries += 1
            known = row.code_digest or known
    if not hmac.compare_digest(known, _code_digest(code)):
        raise PassphraseWrong(CODE_WRONG)
    assert row is not None  # noqa: S101  # a code fitted
    made, ring = members.make_keys(handle, tuple(row.roles.split(" ")), passphrase, cost, random_bytes)
    with files.session() as db:
        row = get_open(db, row.appointment_id)
        if row.state != INVITED or not hmac.compare_digest(row.code_digest or b"", known):
            raise PassphraseWrong(CODE_WRONG)
        body = made.body(setup.get_identity(db).log, row.from_day, row.until_day)
        officer = OfficerSession(handle, made.roles, keyring.unlock(ring, passphrase))
        try:
            row.statement = members.prove_possession(setup.statement_of(body), officer).dump()
        finally:
            officer.lock()
        row.keyring, row.signing_key, row.receiving_key = ring, made.signing_key, made.receiving_key
        row.state, row.code_digest = ENROLLED, None
        return fingerprint(handle, made.signing_key)


# ---- The signatures ---------------------------------------------------------------------------------------------


def sign(db: Session, administrator: OfficerSession, appointment_id: bytes) -> Statement:
    """Add an administrator's signature to the certificate; the statement as it is then.

    Raises:
        NotPermitted: not an administrator, or it is her own certificate.
        SetUpUnfinished: the officer has not made her keys yet.
        Conflict: she has signed already, or two have.
        KeyUnusable: an administrator is certified by the root.
    """
    administrator.require("certify")
    row = get_open(db, appointment_id)
    if row.officer == administrator.handle:
        raise NotPermitted("nobody signs her own certificate")
    if ADMINISTRATOR in row.roles.split(" "):
        raise KeyUnusable("an administrator is certified by the root; lay its papers on the table")
    statement = get_statement(row)
    signers = signers_of(row)
    if administrator.handle in signers:
        raise Conflict("you have signed this already; the other administrator signs too")
    if len(signers) >= 2:
        raise Conflict("two administrators have signed this already")
    statement = administrator.sign_statement(labels.DIRECTORY, statement)
    row.statement = statement.dump()
    return statement


def signers_of(row: Appointment) -> tuple[str, ...]:
    """Who has signed beside the officer herself."""
    if row.statement is None:
        return ()
    return tuple(one for one in parse_statement(row.statement).signers if one != row.officer)


def get_statement(row: Appointment) -> Statement:
    """The certificate.

    Raises:
        SetUpUnfinished: the officer has not made her keys yet.
    """
    if row.statement is None:
        raise SetUpUnfinished("the officer has not made her keys yet; she does it with her code")
    return parse_statement(row.statement)


def key_of(row: Appointment) -> str | None:
    """Fingerprint of the officer's new key, as she saw it on her own screen."""
    return None if row.signing_key is None else fingerprint(row.officer, row.signing_key)


def finish(db: Session, administrator: OfficerSession, appointment_id: bytes, *, now: int) -> None:
    """The certificate stands in the log: from now on the desk counts the officer in, with an act on the record."""
    row = get_open(db, appointment_id)
    if row.keyring is None or row.signing_key is None or row.receiving_key is None:
        raise SetUpUnfinished("the officer has not made her keys yet; she does it with her code")
    member = db.get(Member, row.officer)
    if member is None:
        member = Member(handle=row.officer, failures=0, locked_until=0)
        db.add(member)
    member.roles, member.keyring, member.enrolled_at = row.roles, row.keyring, now
    member.signing_key, member.receiving_key = row.signing_key, row.receiving_key
    member.failures, member.locked_until = 0, 0
    row.state, row.keyring, row.decided_by, row.decided_at = DONE, None, administrator.handle, now
    db.flush()
    facts: dict[str, Any] = {
        "officer": row.officer, "roles": row.roles.split(" "), "order": row.order_number, "from": row.from_day,
        "until": row.until_day, "signed": list(signers_of(row)), "key": fingerprint(row.officer, row.signing_key),
    }  # fmt: skip
    acts.add_act(db, administrator, "appointed" if row.kind == APPOINT else "renewed", facts, now=now)


# ---- What there is ----------------------------------------------------------------------------------------------


def get(db: Session, appointment_id: bytes) -> Appointment:
    """Raises NotFound."""
    row = db.get(Appointment, appointment_id)
    if row is None:
        raise NotFound("there is no such appointment")
    return row


def get_open(db: Session, appointment_id: bytes) -> Appointment:
    """An appointment that is not over. Raises NotFound, Conflict."""
    row = get(db, appointment_id)
    if row.state not in OPEN:
        raise Conflict("this appointment is over")
    return row


def _find_open(db: Session, handle: str) -> Appointment | None:
    query = select(Appointment).where(Appointment.officer == handle, Appointment.state.in_(OPEN))
    return db.scalar(query)


def list_open(db: Session) -> list[Appointment]:
    """Appointments under way, oldest first."""
    return list(db.scalars(select(Appointment).where(Appointment.state.in_(OPEN)).order_by(Appointment.proposed_at)))


def of_officer(db: Session, handle: str) -> list[Appointment]:
    """All of one officer, newest first."""
    query = select(Appointment).where(Appointment.officer == handle)
    return list(db.scalars(query.order_by(Appointment.proposed_at.desc())))
