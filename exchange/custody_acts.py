"""What officers do with an exhibit that their agency holds, put on its record: acts, corrections, showings, exports.

What is signed here waits in the outbox; the next sync puts it into the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto.encoding import b64u
from custody.holdings import CORRECTION, ENDING, OFFERED
from errors import Conflict, CustodyBroken, FormatError, NotFound
from evidence import exhibits, holdings, register
from evidence.intake import StoredFile
from evidence.receiving import Receiving
from exchange import restoring
from exchange.office import Office

# What an officer records by hand. Showing and exporting are recorded where they happen; packs record themselves.
BY_HAND: Final = ("examine", "copy", "extract", "transfer", "seal", "unseal", "reseal", "disclose", *ENDING)
NEEDS_SEAL: Final = frozenset({"seal", "reseal"})
LONGEST: Final = 2000
AUTHORITY: Final = "{reason}\nAuthority: {authority}"


class SameFile(Conflict):
    """The same file is in this case already."""

    code = "same-file"


@dataclass(frozen=True, slots=True)
class Origin:
    """How an exhibit came here.

    Attributes:
        action: one of `exhibits.TAKING_IN`.
        authority: the order or law under which it was taken, as the officer cites it.
    """

    action: str
    place: str
    reason: str
    authority: str = ""
    seal: str | None = None

    @property
    def signed_reason(self) -> str:
        """Reason and authority as the record gives them."""
        if not self.authority:
            return self.reason
        return AUTHORITY.format(reason=self.reason, authority=self.authority)


def take_in(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    received: Receiving | None,
    *,
    name: str = "",
    description: str,
    origin: Origin,
    local_number: str | None = None,
    handling: Sequence[str] = (),
    is_again: bool = False,
    now: int,
) -> bytes:
    """Register an exhibit, with the file that arrived or without one, and begin its custody; its object id.

    Args:
        received: the file; None for a thing that lies in a room.
        is_again: the same file is in this case already, and is taken in once more.

    Raises:
        SameFile: it is in this case already; the message names the exhibit.
        Conflict: the number was given before.
        FormatError, NotPermitted
    """

    def begin(db: Session, files: Sequence[bytes]) -> bytes:
        return exhibits.create_exhibit(
            db, officer, case_id, description=description, files=files, place=origin.place,
            reason=origin.signed_reason, seen=office.seen(db), action=origin.action, local_number=local_number,
            seal=origin.seal, handling=handling, now=now,
        )  # fmt: skip

    if received is None:
        with office.files.session() as db:
            made = begin(db, ())
    else:
        if not is_again:
            _require_new(office, officer, case_id, received)
        begun: list[bytes] = []

        def also(db: Session, kept: StoredFile) -> None:
            begun.append(begin(db, (kept.file_id,)))

        received.keep(officer, case_id, name=name, also=also, now=now)
        made = begun[0]
    return made


def _require_new(office: Office, officer: OfficerSession, case_id: bytes, received: Receiving) -> None:
    with office.files.session() as db:
        known = register.same_file(db, officer, case_id, received.sha256)
    if known:
        numbers = ", ".join(one.local_number for one in known)
        raise SameFile(f"the same file is in this case already: {numbers}")


def record(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    object_id: bytes,
    action: str,
    *,
    place: str,
    reason: str,
    seal: str | None = None,
    tool: tuple[str, str] | None = None,
    now: int,
) -> None:
    """Put an act on the record of an exhibit that this agency holds.

    Args:
        action: one of BY_HAND.
        tool: name and version of what was used.

    Raises:
        FormatError: another action, or a seal without its number.
        NotFound: the exhibit is not with this agency.
        CustodyBroken: it is offered to another agency.
    """
    officer.require("handover")
    if action not in BY_HAND:
        raise FormatError("this is not recorded by hand")
    if action in NEEDS_SEAL and not seal:
        raise FormatError("a new seal has a number")
    used = None if tool is None else {"name": tool[0], "version": tool[1]}
    with office.files.session() as db:
        restoring.require_whole(db, officer, case_id, object_id)
        holding = holdings.open_holding(db, officer, case_id, object_id)
        holdings.append_event(
            db, officer, case_id, holding, action=action, place=place, reason=reason, seal=seal or None, tool=used,
            seen=office.seen(db), now=now,
        )  # fmt: skip


def correct(
    office: Office, officer: OfficerSession, case_id: bytes, object_id: bytes, number: int, *, reason: str, now: int
) -> None:
    """Correct an earlier entry of the agency's open holding: a new entry, beside the old words.

    Raises:
        NotFound: the exhibit is not with this agency, or has no such entry.
        CustodyBroken: it is offered to another agency.
    """
    officer.require("handover")
    with office.files.session() as db:
        restoring.require_whole(db, officer, case_id, object_id)
        holding = holdings.open_holding(db, officer, case_id, object_id)
        chain = next(one for one in holdings.chains(db, officer, case_id, object_id) if one.holding == holding)
        if not 0 <= number < len(chain.events):
            raise NotFound("there is no such entry in the present holding")
        holdings.append_event(
            db, officer, case_id, holding, action=CORRECTION, supersedes=number, reason=reason,
            seen=office.seen(db), now=now,
        )  # fmt: skip


def note_use(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    object_id: bytes,
    action: str,
    *,
    file: tuple[bytes, bytes],
    reason: str,
    now: int,
) -> bool:
    """Record that a file of an exhibit is shown or exported; whether there is a record of this agency to write it into.

    Custody that is with another agency, offered to one, or ended takes no entry: a copy of the file is then used
    outside of it, and the page says so.

    Args:
        action: `view` or `export`.
        file: id and SHA-256.
    """
    officer.require("case-read")
    inputs = [{"file": b64u(file[0]), "sha256": b64u(file[1])}]
    with office.files.session() as db:
        if not is_recorded(db, officer, case_id, object_id):
            return False
        holding = holdings.open_holding(db, officer, case_id, object_id)
        holdings.append_event(
            db, officer, case_id, holding, action=action, reason=reason, inputs=inputs, seen=office.seen(db), now=now
        )
    return True


def is_recorded(db: Session, officer: OfficerSession, case_id: bytes, object_id: bytes) -> bool:
    """Whether the use of an exhibit's files goes into a record of this agency now."""
    try:
        restoring.require_whole(db, officer, case_id, object_id)
        holding = holdings.open_holding(db, officer, case_id, object_id)
    except (CustodyBroken, NotFound):
        return False
    chain = next(one for one in holdings.chains(db, officer, case_id, object_id) if one.holding == holding)
    return chain.events[-1].event.action != OFFERED
