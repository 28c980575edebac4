"""What was done with handles of consent: orders of their makers, receipts of holders (docs/protocol.md 6.3, 7)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crypto import labels
from crypto.encoding import unb64u
from crypto.header import require_commitment
from crypto.statements import verify_statement
from custody import events, handles
from custody.entries import event_entry, handle_tag
from errors import AmparoError, FormatError, SignatureInvalid
from exchange import restoring
from exchange.arrivals import HEADER_ROLE, report_refused, require_entry, verify_signer
from exchange.broker_client import integer_of
from exchange.models import HandleOrder, HandleUse, PurgeReceipt
from exchange.office import Office


def take_handle_events(office: Office, handle: bytes, *, now: int) -> list[str]:
    """Fetch what was done with a handle: orders of its maker, receipts of holders. Kinds of what is new here."""
    taken: list[str] = []
    with office.files.session() as db:
        size = office.log(db).size
    for one in office.client.handle_events(handle):
        index = integer_of(one, "index")
        if index >= size:
            break
        with office.files.session() as db:
            if db.get(HandleOrder, (handle, index)) is not None or db.get(PurgeReceipt, index) is not None:
                continue
            try:
                taken.append(_take_handle_event(db, office, handle, index, one))
            except AmparoError as error:
                report_refused(db, f"handle event at log entry {index}", error, one, now)
    return taken


def _take_handle_event(db: Session, office: Office, handle: bytes, index: int, one: Mapping[str, Any]) -> str:
    raw, salt = unb64u(one.get("statement")), unb64u(one.get("salt"), 32)
    event = events.parse_event(raw, log=office.log(db).origin)
    require_entry(db, index, event_entry(event.tag, salt, raw))
    if event.handle != handle or event.tag != handle_tag(handle):
        raise FormatError("this event is on another handle")
    if event.kind == "purge-receipt":
        verify_signer(db, office, event, index)
        _adopt_own(db, office, event, raw, salt, index)
        db.add(
            PurgeReceipt(
                log_index=index, handle=handle, agency=event.agency, statement=raw, box=unb64u(event.body["box"])
            )
        )
        return event.kind
    verify_handle_signers(db, office, event, index)
    _adopt_own(db, office, event, raw, salt, index)
    key = event.body["one_time_key"]
    bundles = db.scalars(
        select(HandleUse.bundle_id).where(HandleUse.handle == handle, HandleUse.role == HEADER_ROLE)
    )  # fmt: skip
    db.add(
        HandleOrder(
            handle=handle, log_index=index, kind=event.kind, agency=event.agency,
            one_time_key=None if key is None else unb64u(key), items=0, state="noted", bundle_ids=b"".join(bundles),
        )
    )  # fmt: skip
    return event.kind


def _adopt_own(db: Session, office: Office, event: events.Event, raw: bytes, salt: bytes, index: int) -> None:
    if event.agency == office.agency and event.handle is not None:
        restoring.adopt(db, event, raw, salt, None, "handle", event.handle, index)


def verify_handle_signers(db: Session, office: Office, event: events.Event, index: int) -> None:
    """The key behind the handle signed, and as many officers of the acting agency as the kind takes.

    A destruction signed by one officer counts: that its hold was old enough is measured by the witnesses' times, which
    the broker checks; it can only close, never open.
    """
    directory = office.directory(db)
    public_key = unb64u(event.body["handle_key"], 32)
    require_commitment(event.handle or b"", handles.handle_of(public_key), "the handle's key")
    signers = event.statement.signers
    officers = [by for by in signers if by != "handle"]
    if "handle" not in signers or event.officer not in officers:
        raise SignatureInvalid("this event is signed by the handle's key and by the officer whom it names")
    if event.kind == "handle-lifted" and not directory.takes_two(event.agency, officers, index):
        raise SignatureInvalid("a hold is lifted by two officers")
    verify_statement(
        event.statement,
        labels.EVENT_SIGNATURE,
        lambda by: public_key if by == "handle" else directory.signing_key(by, index),
    )
