"""What an opened bundle says of exhibits becomes part of the recipient's case: register and custody so far."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto.encoding import unb64u
from crypto.header import IDENTIFIER_BYTES
from custody.entries import SALT_BYTES, event_entry
from custody.holdings import CustodyEvent, parse_custody_event, verify_signature
from errors import CustodyBroken, ProofError
from evidence import exhibits, holdings
from exchange import filing, follow, inquiries
from exchange.office import Office, raise_alarm
from exchange.opened import Opened


def adopt(office: Office, officer: OfficerSession, opened: Opened, case_id: bytes, *, now: int) -> list[bytes]:
    """Register the exhibits of an opened bundle and keep their custody; the object ids of new ones.

    Raises:
        ProofError: an event is not in the log as far as this desk has followed it; sync and file again.
        SignatureInvalid, FormatError, CustodyBroken: the custody is not what its agency signed; nothing was kept.
    """
    added = []
    with office.files.session() as db:
        objects = {unb64u(one["object"], IDENTIFIER_BYTES) for one in opened.form.get("exhibits", [])}
        for value in opened.form.get("custody", []):
            event = keep_event(db, office, officer, case_id, value, now=now)
            if event.object_id not in objects:
                raise CustodyBroken("the bundle has custody of an exhibit that it does not name")
        for one in opened.form.get("exhibits", []):
            object_id = unb64u(one["object"], IDENTIFIER_BYTES)
            is_new = exhibits.adopt_exhibit(
                db, officer, case_id, object_id=object_id, root_number=one["root_number"],
                description=one["description"], files=[unb64u(file["file"], IDENTIFIER_BYTES) for file in one["files"]],
                handling=sorted({*one["handling"], *opened.cover.handling}), now=now,
            )  # fmt: skip
            if is_new:
                added.append(object_id)
            if holdings.state(db, officer, case_id, object_id) == "broken":
                raise_alarm(db, "custody-broken", object_id.hex(), {"bundle": opened.bundle_id.hex()}, now=now)
        if objects:
            filing.link(db, officer, opened, case_id, exhibits=sorted(objects))
    return added


def keep_in_case(
    office: Office,
    officer: OfficerSession,
    opened: Opened,
    case_id: bytes,
    indices: Sequence[int],
    *,
    with_exhibits: bool,
    now: int,
) -> list[bytes]:
    """Keep some of an opened bundle in a case, on record: files, the form, its exhibits; ids of the kept items.

    An inquiry belongs to the case from then on.

    Args:
        indices: places in the bundle's list of files; 0 is the form.
        with_exhibits: also enter its exhibits into the register of the case, with their custody so far.

    Raises:
        see `filing.file_items` and `adopt`. What was filed before the exhibits were refused stays filed.
    """
    filed = filing.file_items(office, officer, opened, case_id, indices, now=now) if indices else []
    if with_exhibits:
        adopt(office, officer, opened, case_id, now=now)
    if opened.cover.kind == "inquiry":
        with office.files.session() as db:
            inquiries.note_opened(db, opened, case_id, now=now)
    return filed


def keep_event(
    db: Session, office: Office, officer: OfficerSession, case_id: bytes, value: Mapping[str, Any], *, now: int
) -> CustodyEvent:
    """Check and keep one custody event of another agency.

    Args:
        value: {statement, salt} in base64url, as a form or a handover document has it.

    Raises:
        ProofError: it does not stand in the log.
        SignatureInvalid, FormatError
    """
    raw, salt = unb64u(value["statement"]), unb64u(value["salt"], SALT_BYTES)
    log = office.log(db).origin
    event = parse_custody_event(raw, log=log)
    tag = unb64u(event.body["tag"])
    index = follow.find_entry(db, event_entry(tag, salt, raw))
    if index is None:
        raise ProofError("a custody event does not stand in the log as far as it was followed; sync and try again")
    directory = office.directory(db)
    verify_signature(event, lambda by: directory.signing_key(by, index))
    return holdings.keep_received(db, officer, case_id, raw, salt, index, log=log, now=now)
