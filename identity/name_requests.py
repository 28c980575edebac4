"""Asking for the name of a person: one at a time, for a stated purpose, and on the record."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto.header import IDENTIFIER_BYTES
from errors import FormatError
from identity.models import NameRequest
from identity.persons import get_person
from storage.sealed import open_column, seal_column

LONGEST_PURPOSE: Final = 500
# What names a person. The next list identifies her as well, and is shown and hidden together with the name.
NAME: Final = ("prs_salutation", "prs_firstname", "prs_middlename", "prs_secondname")
IDENTIFYING: Final = frozenset(
    {
        *NAME, "prs_birthdate", "prs_identitynumber", "prs_email", "prs_homephone", "prs_mobilephone",
        "prs_mailingstreet", "prs_mailingpostalcode", "prs_mailinglongitude", "prs_mailinglatitude",
    }
)  # fmt: skip

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Asked:
    """One look at a name."""

    person_id: bytes
    officer: str
    at: int
    purpose: str = field(repr=False)


def name_of(values: Mapping[str, str]) -> str:
    """The name as the record has it; empty if it has none."""
    return " ".join(part for part in (values.get(one, "").strip() for one in NAME) if part)


def ask(
    db: Session, officer: OfficerSession, case_id: bytes, person_id: bytes, purpose: str, *, now: int,
    random_bytes: Random = os.urandom,
) -> str:  # fmt: skip
    """The name of a person; that it was asked, by whom and what for is recorded first.

    Raises:
        FormatError: no purpose, or a longer one than 500 signs.
        NotFound, NotPermitted
    """
    officer.require("vault-read")
    text = purpose.strip()
    if not 0 < len(text) <= LONGEST_PURPOSE:
        raise FormatError("say what you need the name for, in at most 500 signs; it is recorded")
    person = get_person(db, officer, case_id, person_id)
    request_id = random_bytes(IDENTIFIER_BYTES)
    sealed = seal_column(case_key(db, officer, case_id), "name_request", "purpose", request_id, 1, text.encode())
    db.add(
        NameRequest(
            request_id=request_id, case_id=case_id, person_id=person_id, officer=officer.handle, at=now, purpose=sealed
        )
    )
    db.flush()
    return name_of(person.values)


def list_asked(db: Session, officer: OfficerSession, case_id: bytes) -> list[Asked]:
    """Every look at a name in a case, oldest first.

    Raises:
        NotPermitted
    """
    key = case_key(db, officer, case_id)
    rows = db.scalars(select(NameRequest).where(NameRequest.case_id == case_id).order_by(NameRequest.at))
    return [
        Asked(
            row.person_id, row.officer, row.at,
            open_column(key, "name_request", "purpose", row.request_id, 1, row.purpose).decode(),
        )
        for row in rows
    ]  # fmt: skip


def counts(db: Session, since: int, until: int | None = None) -> dict[str, int]:
    """How many names each officer asked for since a moment (POSIX seconds), without whose and what for."""
    query = select(NameRequest.officer, func.count()).where(NameRequest.at >= since).group_by(NameRequest.officer)
    if until is not None:
        query = query.where(NameRequest.at < until)
    return {handle: number for handle, number in db.execute(query)}  # noqa: C416  # a result has keys of its own
