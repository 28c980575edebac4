"""Lifting a protection flag from a person of our own case: one officer asks, a second one agrees.

On bundles that are out the flag is lowered in their registers (exchange/registers.py); this one is the flag that goes
along with bundles to come.
"""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto.encoding import b64u, unb64u
from crypto.header import IDENTIFIER_BYTES
from errors import Conflict, FormatError, NotFound
from exchange import approvals
from exchange.models import Approval
from exchange.office import Office
from identity import flags

LIFT: Final = "lift-flag"
PURPOSE: Final = "to lift a protection flag"
LONGEST_REASON: Final = 500


def ask(office: Office, officer: OfficerSession, case_id: bytes, flag_id: bytes, reason: str, *, now: int) -> bytes:
    """Ask a colleague to agree; the approval's id. The flag stays until then.

    Args:
        reason: why it is not needed any more; the second officer reads it.

    Raises:
        FormatError: no reason, or a longer one than 500 signs.
        Conflict: the flag was lifted, or the same is asked already.
        NotFound, NotPermitted
    """
    officer.require("flag")
    text = reason.strip()
    if not 0 < len(text) <= LONGEST_REASON:
        raise FormatError("say why the flag is not needed any more, in at most 500 signs")
    with office.files.session() as db:
        flag = _standing(db, officer, case_id, flag_id)
        if waiting(db, flag_id) is not None:
            raise Conflict("a second officer has been asked about this flag already")
        subject = {"core": b64u(flag_id), "purpose": PURPOSE, "legal_basis": text}
        shown = {name: flag.value[name] for name in ("flag", "instruction", "concerns", "from", "until")}
        return approvals.ask(db, officer, LIFT, flag_id, [subject], shown=shown, own={"case": b64u(case_id)}, now=now)


def waiting(db: Session, flag_id: bytes) -> Approval | None:
    """The question about a flag that is open, or that was agreed to and not carried out."""
    query = select(Approval).where(
        Approval.object_id == flag_id, Approval.kind == LIFT, Approval.state.in_((approvals.WAITING, approvals.GRANTED))
    )
    return db.scalar(query.order_by(Approval.asked_at.desc()).limit(1))


def lift(office: Office, officer: OfficerSession, approval_id: bytes, *, now: int) -> tuple[bytes, bytes]:
    """Lift the flag that a colleague has agreed about; the case and the person.

    Raises:
        ApprovalMissing: the colleague has not agreed.
        Conflict: it was lifted meanwhile.
        NotFound, NotPermitted
    """
    officer.require("flag")
    with office.files.session() as db:
        answer = approvals.use(db, office, officer, approval_id, LIFT)
        flag_id = unb64u(answer.subject["subjects"][0]["core"], IDENTIFIER_BYTES)
        case_id = unb64u(answer.own["case"], IDENTIFIER_BYTES)
        flag = _standing(db, officer, case_id, flag_id)
        flags.lower_flag(db, officer, case_id, flag_id, now=now)
        return case_id, flag.person_id


def _standing(db: Session, officer: OfficerSession, case_id: bytes, flag_id: bytes) -> flags.Flag:
    found = next((one for one in flags.list_flags(db, officer, case_id) if one.flag_id == flag_id), None)
    if found is None:
        raise NotFound("there is no such flag in this case")
    if found.is_lowered:
        raise Conflict("this flag was lifted already")
    return found
