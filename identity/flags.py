"""Protection flags on a person: what others must not do, and never why. They go along with every bundle naming her."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import VAULT, OfficerSession
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import IDENTIFIER_BYTES
from custody.register import INSTRUCTIONS
from errors import FormatError, NotFound
from identity.models import PersonFlag
from identity.persons import get_person, pseudonym_for
from storage.sealed import open_column, seal_column

LARGEST_BYTES: Final = 2**16
LONGEST_NAME: Final = 60

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag on a person of this case."""

    flag_id: bytes
    person_id: bytes
    value: Mapping[str, Any] = field(repr=False)
    made_by: str
    made_at: int
    is_lowered: bool


def add_flag(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    person_id: bytes,
    flag: str,
    concerns: Sequence[str],
    instruction: str,
    start: str | None,
    until: str | None,
    *,
    now: int,
    random_bytes: Random = os.urandom,
) -> bytes:
    """Flag a person; the flag's id.

    Args:
        flag: its name, such as protected-witness.
        concerns: countries or agencies that it is about; none means everybody.
        instruction: one of `custody.register.INSTRUCTIONS`.
        start, until: YYYY-MM-DD, or None.

    Raises:
        FormatError: an instruction that is not of the list.
        NotFound, NotPermitted
    """
    officer.require("flag")
    get_person(db, officer, case_id, person_id)
    if instruction not in INSTRUCTIONS:
        raise FormatError(f"an instruction is one of: {', '.join(INSTRUCTIONS)}")
    if not 0 < len(flag.strip()) <= LONGEST_NAME:
        raise FormatError("a flag has a short name")
    value = {
        "v": 1, "person": b64u(person_id), "flag": flag.strip(), "concerns": list(concerns),
        "instruction": instruction, "from": start, "until": until,
    }  # fmt: skip
    flag_id = random_bytes(IDENTIFIER_BYTES)
    key = case_key(db, officer, case_id, VAULT)
    db.add(
        PersonFlag(
            flag_id=flag_id, case_id=case_id,
            content=seal_column(key, "person_flag", "content", flag_id, 1, dump_json(value)),
            made_by=officer.handle, made_at=now,
        )
    )  # fmt: skip
    db.flush()
    return flag_id


def lower_flag(db: Session, officer: OfficerSession, case_id: bytes, flag_id: bytes, *, now: int) -> None:
    """Bundles to come go without it; on bundles that are out, two officers lower it (exchange/registers.py)."""
    officer.require("flag")
    case_key(db, officer, case_id, VAULT)
    row = db.get(PersonFlag, flag_id)
    if row is None or row.case_id != case_id:
        raise NotFound("there is no such flag in this case")
    row.lowered_at = now


def list_flags(db: Session, officer: OfficerSession, case_id: bytes, person_id: bytes | None = None) -> list[Flag]:
    """Flags of a case, or of one person, lowered ones included."""
    officer.require("vault-read")
    key = case_key(db, officer, case_id, VAULT)
    rows = db.scalars(select(PersonFlag).where(PersonFlag.case_id == case_id).order_by(PersonFlag.made_at))
    found = []
    for row in rows:
        raw = open_column(key, "person_flag", "content", row.flag_id, 1, row.content)
        value = parse_json(raw, max_bytes=LARGEST_BYTES)
        person = unb64u(value["person"], IDENTIFIER_BYTES)
        if person_id is None or person == person_id:
            found.append(Flag(row.flag_id, person, value, row.made_by, row.made_at, row.lowered_at is not None))
    return found


def flags_for_bundle(
    db: Session, officer: OfficerSession, case_id: bytes, person_ids: Sequence[bytes], agency: str, *, now: int
) -> list[dict[str, Any]]:
    """The flags that go along, under the recipient's pseudonyms, as `Composition.flags` takes them."""
    found = []
    for person_id in person_ids:
        pseudonym = pseudonym_for(db, officer, case_id, person_id, agency, now=now)
        for flag in list_flags(db, officer, case_id, person_id):
            if not flag.is_lowered:
                members = {name: flag.value[name] for name in ("flag", "concerns", "instruction", "from", "until")}
                found.append({"pseudonym": pseudonym, **members})
    return found
