"""The register of exhibits of a case: numbers, description, files, handling."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import IDENTIFIER_BYTES
from custody.checkpoint import Checkpoint
from errors import Conflict, FormatError, NotFound
from evidence import holdings, intake
from evidence.models import ExhibitRow
from storage.sealed import open_column, seal_column

LARGEST_BYTES: Final = 2**20
LONGEST_TEXT: Final = 2000
LONGEST_NUMBER: Final = 60
TAKING_IN: Final = ("seize", "receive", "acquire", "derive", "copy", "extract")

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """An exhibit of a case.

    Attributes:
        root_number: the number that it had first, with the agency that gave it.
        local_number: this agency's own.
        files: ids of its files.
        state: of its custody, see `holdings.state`.
        is_own: it was taken in here; else it came in a bundle.
    """

    object_id: bytes
    root_number: str
    local_number: str
    description: str = field(repr=False)
    files: tuple[bytes, ...]
    handling: tuple[str, ...]
    holding: bytes | None
    state: str
    is_own: bool


def create_exhibit(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    *,
    description: str,
    files: Sequence[bytes],
    place: str,
    reason: str,
    seen: Checkpoint,
    action: str = "receive",
    local_number: str | None = None,
    seal: str | None = None,
    handling: Sequence[str] = (),
    now: int,
    random_bytes: Random = os.urandom,
) -> bytes:
    """Register an exhibit of stored files and begin its custody; its object id.

    Args:
        local_number: the agency's own; the next E-0001, E-0002 ... if not given.
        action: how it came here.
        seen: newest checkpoint that this desk has checked.

    Raises:
        Conflict: the number was given before.
        FormatError, NotFound, NotPermitted
    """
    officer.require("exhibit-take-in")
    if action not in TAKING_IN:
        raise FormatError(f"an exhibit begins with one of: {', '.join(TAKING_IN)}")
    stored = [intake.get_file(db, officer, case_id, one) for one in files]
    number = local_number or _next_number(db, case_id)
    object_id = random_bytes(IDENTIFIER_BYTES)
    _add(
        db, officer, case_id, object_id, f"{officer.agency}/{number}", number, description, files, handling,
        is_own=True, now=now,
    )  # fmt: skip
    holdings.start(
        db, officer, case_id, object_id, action=action, seen=seen, now=now, random_bytes=random_bytes, place=place,
        reason=reason, seal=seal, outputs=holdings.outputs((one.file_id, one.sha256) for one in stored),
    )  # fmt: skip
    return object_id


def adopt_exhibit(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    *,
    object_id: bytes,
    root_number: str,
    description: str,
    files: Sequence[bytes],
    handling: Sequence[str] = (),
    now: int,
) -> bool:
    """Register an exhibit that came in a bundle, under a number of this agency; False if it is registered already."""
    officer.require("file")
    if db.get(ExhibitRow, (case_id, object_id)) is not None:
        return False
    number = _next_number(db, case_id)
    _add(db, officer, case_id, object_id, root_number, number, description, files, handling, is_own=False, now=now)
    return True


def _add(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    object_id: bytes,
    root_number: str,
    number: str,
    description: str,
    files: Sequence[bytes],
    handling: Sequence[str],
    *,
    is_own: bool,
    now: int,
) -> None:
    if len(description) > LONGEST_TEXT or not 0 < len(number) <= LONGEST_NUMBER or len(root_number) > LONGEST_TEXT:
        raise FormatError("a number has at most 60 signs, a description at most 2,000")
    if any(one.local_number == number for one in list_exhibits(db, officer, case_id)):
        raise Conflict(f"there is an exhibit {number} in this case")
    key = case_key(db, officer, case_id)
    last = db.scalar(select(func.max(ExhibitRow.serial)).where(ExhibitRow.case_id == case_id)) or 0
    content = {
        "v": 1, "root_number": root_number, "local_number": number, "description": description,
        "files": [b64u(one) for one in files], "handling": list(handling),
    }  # fmt: skip
    db.add(
        ExhibitRow(
            case_id=case_id, object_id=object_id, serial=last + 1, version=1,
            content=seal_column(key, "exhibit", "content", object_id, 1, dump_json(content)), is_own=is_own,
            added_by=officer.handle, added_at=now,
        )
    )  # fmt: skip
    db.flush()


def _next_number(db: Session, case_id: bytes) -> str:
    last = db.scalar(select(func.max(ExhibitRow.serial)).where(ExhibitRow.case_id == case_id)) or 0
    return f"E-{last + 1:04d}"


def get_exhibit(db: Session, officer: OfficerSession, case_id: bytes, object_id: bytes) -> Exhibit:
    """One exhibit.

    Raises:
        NotFound, NotPermitted
    """
    key = case_key(db, officer, case_id)
    row = db.get(ExhibitRow, (case_id, object_id))
    if row is None:
        raise NotFound("there is no such exhibit in this case")
    return _open(db, officer, key, row)


def list_exhibits(
    db: Session, officer: OfficerSession, case_id: bytes, *, with_state: bool = True
) -> list[Exhibit]:  # fmt: skip
    """Exhibits of a case in the order of their numbers.

    Args:
        with_state: read the custody of each; without it `state` is empty, and a long list is quick.
    """
    key = case_key(db, officer, case_id)
    rows = db.scalars(select(ExhibitRow).where(ExhibitRow.case_id == case_id).order_by(ExhibitRow.serial))
    return [_open(db, officer, key, row, with_state=with_state) for row in rows]


def _open(
    db: Session, officer: OfficerSession, key: bytes | bytearray, row: ExhibitRow, *, with_state: bool = True
) -> Exhibit:  # fmt: skip
    found = opened(key, row)
    own = holdings.own_holdings(db, row.case_id, row.object_id)
    return replace(
        found, holding=own[-1].holding if own else None,
        state=holdings.state(db, officer, row.case_id, row.object_id) if with_state else "",
    )  # fmt: skip


def opened(key: bytes | bytearray, row: ExhibitRow) -> Exhibit:
    """What a row says, for long lists: `holding` and `state` are not read."""
    raw = open_column(key, "exhibit", "content", row.object_id, row.version, row.content)
    value = parse_json(raw, max_bytes=LARGEST_BYTES)
    return Exhibit(
        row.object_id, value["root_number"], value["local_number"], value["description"],
        tuple(unb64u(one, IDENTIFIER_BYTES) for one in value["files"]), tuple(value["handling"]),
        None, "", row.is_own,
    )  # fmt: skip
