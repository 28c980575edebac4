"""The code on a survivor's paper: with it she asks who used what she gave, or takes it back, without an account.

The desk keeps a hash of the code, keyed with a key that opens with an officer's sign-in. Who types codes is slowed down
after a few wrong ones; a right one leads only officers of the case's team any further.
"""

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import VAULT, OfficerSession
from agencies.models import CaseKey
from crypto import boxes, labels, receipt_codes
from crypto.encoding import b64u, dump_json, fields, parse_json, unb64u
from crypto.header import IDENTIFIER_BYTES
from errors import LimitExceeded, NotFound, NotPermitted
from exchange.handle_keys import handle_secret
from exchange.models import CodeTry, ReceiptCode
from exchange.office import Office
from identity.persons import get_person
from storage.sealed import open_column, seal_column

FREE_TRIES: Final = 5
LONGEST_DELAY_SECONDS: Final = 15 * 60
COUNTED_SECONDS: Final = 24 * 3600

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Found:
    """Whose paper it is."""

    case_id: bytes
    person_id: bytes


def make_code(
    db: Session,
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    person_id: bytes,
    *,
    now: int,
    random_bytes: Random = os.urandom,
) -> int:
    """A new code for a person; the one on an earlier paper of hers ends.

    Raises:
        NotPermitted, NotFound
        KeyUnusable: the agency's key for consent was not handed to this officer yet.
    """
    officer.require("consent")
    get_person(db, officer, case_id, person_id)
    end_codes(db, officer, case_id, person_id, now=now)
    code, code_id = receipt_codes.new_code(random_bytes), random_bytes(IDENTIFIER_BYTES)
    key = case_key(db, officer, case_id, VAULT)
    content = dump_json({"v": 1, "person": b64u(person_id)})
    db.add(
        ReceiptCode(
            code_id=code_id, case_id=case_id, lookup=_lookup(db, office, officer, code, now),
            content=seal_column(key, "receipt_code", "content", code_id, 1, content), made_by=officer.handle,
            made_at=now,
        )
    )  # fmt: skip
    db.flush()
    return code


def end_codes(db: Session, officer: OfficerSession, case_id: bytes, person_id: bytes, *, now: int) -> int:
    """End every code of a person, as when a paper was lost; how many."""
    officer.require("consent")
    key, count = case_key(db, officer, case_id, VAULT), 0
    query = select(ReceiptCode).where(ReceiptCode.case_id == case_id, ReceiptCode.ended_at.is_(None))
    for row in db.scalars(query):
        if _person_of(key, row) == person_id:
            row.ended_at, count = now, count + 1
    return count


def has_code(db: Session, officer: OfficerSession, case_id: bytes, person_id: bytes) -> int | None:
    """When the code was made that a person carries now; None without one."""
    key = case_key(db, officer, case_id, VAULT)
    query = select(ReceiptCode).where(ReceiptCode.case_id == case_id, ReceiptCode.ended_at.is_(None))
    return next((row.made_at for row in db.scalars(query) if _person_of(key, row) == person_id), None)


def find_person(office: Office, officer: OfficerSession, typed: str, *, now: int) -> Found:
    """Whose code was typed. A wrong one is counted before it is looked at, and from the sixth on each doubles the wait.

    Raises:
        FormatError: not a code at all; this is not counted.
        LimitExceeded: too soon after wrong ones.
        NotFound: no paper has this code, or it ended.
        NotPermitted: the code is right, and the officer is not on the team; the message names colleagues who are.
    """
    officer.require("consent")
    code = receipt_codes.parse_code(typed)
    with office.files.session() as db:
        wait = wait_seconds(db, officer, now=now)
        if wait:
            raise LimitExceeded(f"wait {wait} seconds before you try another code")
        note = CodeTry(officer=officer.handle, at=now)
        db.add(note)
        db.flush()
        number = note.number
    with office.files.session() as db:
        lookup = _lookup(db, office, officer, code, now)
        row = db.scalar(select(ReceiptCode).where(ReceiptCode.lookup == lookup))
        if row is None or row.ended_at is not None:
            raise NotFound("no paper of this agency has that code")
        counted = db.get(CodeTry, number)
        if counted is not None:
            db.delete(counted)
        case_id, content = row.case_id, row
        team = list(db.scalars(select(CaseKey.holder).where(CaseKey.case_id == case_id, CaseKey.compartment == VAULT)))
        if officer.handle in team:
            return Found(case_id, _person_of(case_key(db, officer, case_id, VAULT), content))
    names = ", ".join(sorted(name for name in team if "/" in name))
    raise NotPermitted(f"the code is right; hand over to a colleague of the team: {names}")


def wrong_tries(db: Session, officer: OfficerSession, *, now: int) -> int:
    """Wrong codes of this officer within a day."""
    query = select(func.count()).select_from(CodeTry)
    return db.scalar(query.where(CodeTry.officer == officer.handle, CodeTry.at > now - COUNTED_SECONDS)) or 0


def wait_seconds(db: Session, officer: OfficerSession, *, now: int) -> int:
    """How long this officer has to wait before the next code."""
    count = wrong_tries(db, officer, now=now)
    if count < FREE_TRIES:
        return 0
    last = db.scalar(select(func.max(CodeTry.at)).where(CodeTry.officer == officer.handle)) or 0
    return max(0, last + min(LONGEST_DELAY_SECONDS, int(2 ** min(count - FREE_TRIES + 1, 20))) - now)


def _lookup(db: Session, office: Office, officer: OfficerSession, code: int, now: int) -> bytes:
    secret = handle_secret(db, office, officer, now=now)
    key = boxes.expand(secret, fields(labels.RECEIPT_CODE, office.agency), 32)
    return hmac.digest(key, receipt_codes.as_bytes(code), "sha256")


def _person_of(key: bytes, row: ReceiptCode) -> bytes:
    value = parse_json(open_column(key, "receipt_code", "content", row.code_id, 1, row.content))
    return unb64u(value["person"], IDENTIFIER_BYTES)
