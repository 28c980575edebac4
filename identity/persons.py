"""Persons of a case: in the vault that its team alone opens, outside under one pseudonym for each recipient agency."""

import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import VAULT, OfficerSession
from crypto import labels, pseudonyms
from crypto.digests import hash_fields
from crypto.encoding import dump_json, parse_json
from crypto.header import IDENTIFIER_BYTES
from errors import FormatError, NotFound
from identity import htcds
from identity.models import GivenPseudonym, PersonRecord, Reidentification
from storage.sealed import open_column, seal_column

ROLES: Final = ("witness", "victim", "suspect", "third-party")
CATEGORIES: Final[Mapping[str, str]] = {role: role.replace("-", "_") for role in ROLES}
LARGEST_BYTES: Final = 16 * 2**20
LONGEST_SHORT: Final = 40
LONGEST_REASON: Final = 500

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Person:
    """A person of a case as its team reads her.

    Attributes:
        short: the short id of the import, for lists.
        values: by lower-case HTCDS name.
        extra: columns that HTCDS does not have.
    """

    person_id: bytes
    case_id: bytes
    role: str
    short: str
    values: Mapping[str, str] = field(repr=False)
    extra: Mapping[str, str] = field(repr=False)
    version: int


def add_person(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    values: Mapping[str, str],
    *,
    role: str,
    short: str,
    extra: Mapping[str, str] | None = None,
    now: int,
    random_bytes: Random = os.urandom,
) -> bytes:
    """Put a person into the vault; her id.

    Raises:
        NotPermitted: not on the case team, or no right to its vault.
        FormatError: a field that HTCDS does not have, or an unknown role.
    """
    officer.require("vault-write")
    key = case_key(db, officer, case_id, VAULT)
    _check(values, role, short)
    person_id = random_bytes(IDENTIFIER_BYTES)
    content = {"v": 1, "role": role, "short": short, "values": dict(values), "extra": _pairs(extra or {})}
    sealed = seal_column(key, "person", "content", person_id, 1, dump_json(content))
    db.add(
        PersonRecord(
            person_id=person_id, case_id=case_id, version=1, content=sealed, added_by=officer.handle, added_at=now
        )
    )
    db.flush()
    return person_id


def _check(values: Mapping[str, str], role: str, short: str) -> None:
    unknown = sorted(set(values) - set(htcds.FIELDS))
    if unknown:
        raise FormatError(f"HTCDS has no field {unknown[0]}; keep it among the other columns")
    if role not in ROLES or not 0 < len(short) <= LONGEST_SHORT:
        raise FormatError("a person has a role of the list and a short id")


def _pairs(extra: Mapping[str, str]) -> list[dict[str, str]]:
    """Columns of any name as a list: canonical JSON has no such keys."""
    return [{"column": column, "value": value} for column, value in extra.items()]


def get_person(db: Session, officer: OfficerSession, case_id: bytes, person_id: bytes) -> Person:
    """One person.

    Raises:
        NotFound, NotPermitted
    """
    officer.require("vault-read")
    key = case_key(db, officer, case_id, VAULT)
    row = db.get(PersonRecord, person_id)
    if row is None or row.case_id != case_id:
        raise NotFound("there is no such person in this case")
    return open_person(key, row)


def list_persons(db: Session, officer: OfficerSession, case_id: bytes) -> list[Person]:
    """Persons of a case, in the order in which they were added."""
    officer.require("vault-read")
    key = case_key(db, officer, case_id, VAULT)
    rows = db.scalars(select(PersonRecord).where(PersonRecord.case_id == case_id))
    return sorted((open_person(key, row) for row in rows), key=lambda one: _place(one.short))


def next_short(db: Session, officer: OfficerSession, case_id: bytes) -> str:
    """A short id that nobody of this case has: P1, P2 ..."""
    taken = {one.short for one in list_persons(db, officer, case_id)}
    number = len(taken) + 1
    while f"P{number}" in taken:
        number += 1
    return f"P{number}"


def change_person(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    person_id: bytes,
    values: Mapping[str, str],
    *,
    role: str | None = None,
) -> None:
    """Replace a person's fields; what was sent of them before stays as it was sent."""
    officer.require("vault-write")
    key = case_key(db, officer, case_id, VAULT)
    before = get_person(db, officer, case_id, person_id)
    _check(values, role or before.role, before.short)
    row = db.get_one(PersonRecord, person_id)
    row.version += 1
    content = {
        "v": 1, "role": role or before.role, "short": before.short, "values": dict(values),
        "extra": _pairs(before.extra),
    }  # fmt: skip
    row.content = seal_column(key, "person", "content", person_id, row.version, dump_json(content))


def _place(short: str) -> tuple[int, str]:
    """P2 before P10."""
    return len(short), short


def open_person(key: bytes, row: PersonRecord) -> Person:
    """A person, opened with the vault key of her case."""
    raw = open_column(key, "person", "content", row.person_id, row.version, row.content)
    value = parse_json(raw, max_bytes=LARGEST_BYTES)
    return Person(
        row.person_id,
        row.case_id,
        value["role"],
        value["short"],
        value["values"],
        {one["column"]: one["value"] for one in value["extra"]},
        row.version,
    )


def given_pseudonyms(
    db: Session, officer: OfficerSession, case_id: bytes, agencies: Iterable[str]
) -> dict[bytes, dict[str, str]]:
    """By person: the pseudonym that each of these agencies was given, where one was. Nothing is given by looking."""
    officer.require("vault-read")
    key = case_key(db, officer, case_id, VAULT)
    own = select(PersonRecord.person_id).where(PersonRecord.case_id == case_id)
    rows = db.scalars(select(GivenPseudonym).where(GivenPseudonym.person_id.in_(own)))
    return open_pseudonyms(key, rows, agencies)


def open_pseudonyms(
    key: bytes, rows: Iterable[GivenPseudonym], agencies: Iterable[str]
) -> dict[bytes, dict[str, str]]:  # fmt: skip
    """Pseudonyms of one case, opened with its vault key; those of agencies that are not named are left out."""
    places = {_keyed(key, "agency", one): one for one in agencies}
    found: dict[bytes, dict[str, str]] = {}
    for row in rows:
        agency = places.get(row.agency)
        if agency is not None:
            pseudonym = open_column(key, "pseudonym", agency, row.person_id, 1, row.sealed).decode()
            found.setdefault(row.person_id, {})[agency] = pseudonym
    return found


# ---- Pseudonyms -------------------------------------------------------------------------------------------------


def _keyed(key: bytes, word: str, *values: bytes | str) -> bytes:
    """A hash that only the case's team can compute."""
    return hmac.digest(key, hash_fields(labels.VAULT_LOOKUP, word, *values), "sha256")


def pseudonym_for(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    person_id: bytes,
    agency: str,
    *,
    now: int,
    random_bytes: Random = os.urandom,
) -> str:
    """The person's pseudonym for one agency: random, the same each time, unlike that of any other agency."""
    given = find_pseudonym(db, officer, case_id, person_id, agency)
    if given is not None:
        return given
    key = case_key(db, officer, case_id, VAULT)
    place = _keyed(key, "agency", agency)
    while True:
        made = pseudonyms.new_pseudonym(random_bytes)
        lookup = _keyed(key, "pseudonym", made)
        taken = select(GivenPseudonym).where(GivenPseudonym.agency == place, GivenPseudonym.lookup == lookup)
        if db.scalar(taken) is None:
            break
    sealed = seal_column(key, "pseudonym", agency, person_id, 1, made.encode())
    db.add(GivenPseudonym(person_id=person_id, agency=place, lookup=lookup, sealed=sealed, given_at=now))
    db.flush()
    return made


def find_pseudonym(db: Session, officer: OfficerSession, case_id: bytes, person_id: bytes, agency: str) -> str | None:
    """The person's pseudonym for one agency, if she was ever given one."""
    get_person(db, officer, case_id, person_id)
    key = case_key(db, officer, case_id, VAULT)
    row = db.get(GivenPseudonym, (person_id, _keyed(key, "agency", agency)))
    return None if row is None else open_column(key, "pseudonym", agency, person_id, 1, row.sealed).decode()


def reidentify(
    db: Session, officer: OfficerSession, case_id: bytes, pseudonym: str, *, reason: str, now: int
) -> Person:
    """Who stands behind a pseudonym of this case; that it was asked, by whom and why is recorded.

    Raises:
        NotFound: no person of this case was given that pseudonym.
        FormatError: no reason is stated.
    """
    officer.require("reidentify")
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise FormatError("state a reason, in at most 500 signs; it is recorded")
    key = case_key(db, officer, case_id, VAULT)
    lookup = _keyed(key, "pseudonym", " ".join(pseudonym.split()))
    row = db.scalar(select(GivenPseudonym).where(GivenPseudonym.lookup == lookup))
    if row is None:
        raise NotFound("nobody of this case has that pseudonym")
    person = get_person(db, officer, case_id, row.person_id)
    sealed = seal_column(key, "reidentification", "reason", row.person_id, now, reason.strip().encode())
    db.add(Reidentification(case_id=case_id, person_id=row.person_id, officer=officer.handle, at=now, reason=sealed))
    db.flush()
    return person


def list_reidentifications(db: Session, officer: OfficerSession, case_id: bytes) -> list[tuple[int, str, bytes, str]]:
    """When, by whom, whom, and why: every look behind a pseudonym of this case."""
    key = case_key(db, officer, case_id, VAULT)
    rows = db.scalars(
        select(Reidentification).where(Reidentification.case_id == case_id).order_by(Reidentification.number)
    )
    return [
        (
            row.at, row.officer, row.person_id,
            open_column(key, "reidentification", "reason", row.person_id, row.at, row.reason).decode(),
        )
        for row in rows
    ]  # fmt: skip


def shared_person(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    person_id: bytes,
    agency: str,
    names: Iterable[str] | None,
    now: int,
) -> dict[str, Any]:
    """What a bundle says of a person: pseudonym, category and fields that may travel (docs/protocol.md 3.5)."""
    person = get_person(db, officer, case_id, person_id)
    return {
        "pseudonym": pseudonym_for(db, officer, case_id, person_id, agency, now=now),
        "category": CATEGORIES[person.role],
        "fields": htcds.shareable(person.values, names),
    }
