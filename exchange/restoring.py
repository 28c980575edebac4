"""A desk that goes on from an older copy, or from nothing: it finds again what it had signed since (protocol 6.1).

Events on bundles and handles come back whole from the broker, each compared with the log. Of custody events the log has
a tag and a commitment alone: a holding that went on after the copy was made is not continued here, since the next event
would be a second one with the same number.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import RESTORED_FILE, OfficerSession
from crypto.encoding import b64u
from crypto.header import IDENTIFIER_BYTES, Header
from crypto.pseudonyms import extract_id
from custody import outbox, tags
from custody.entries import event_entry, handle_tag
from custody.events import Event
from custody.handles import HEADER_PLACES, own_handle
from custody.models import OwnEvent
from errors import CustodyBroken, KeyUnusable
from evidence.models import HoldingRow
from exchange import follow, handle_keys, stop_targets
from exchange.models import HandleOrder, HandleUse, LogEntry, StoredBundle, Withdrawal
from exchange.office import Office
from identity import consent
from identity.models import ConsentRecord
from storage.sealed import open_column

_STATES: Final = {"handle-held": consent.HELD, "handle-lifted": consent.ACTIVE, "handle-destroyed": consent.WITHDRAWN}


# ---- The first round after a restore ----------------------------------------------------------------------------


def is_restored(office: Office) -> bool:
    """Whether the folder came from a copy and was not brought up to date yet."""
    return (office.files.folder / RESTORED_FILE).exists()


def begin(office: Office) -> bool:
    """Read the mailbox from its beginning again, if this desk came from a copy; whether it did."""
    if not is_restored(office):
        return False
    with office.files.session() as db:
        office.log(db).mailbox_cursor = 0
    return True


def bundles_here(office: Office) -> list[bytes]:
    """Bundles whose events have to be looked at again."""
    with office.files.session() as db:
        return list(db.scalars(select(StoredBundle.bundle_id).where(StoredBundle.log_index.is_not(None))))


def handles_in_log(office: Office) -> list[bytes]:
    """Handles of bundles here on which the log has an entry."""
    with office.files.session() as db:
        known = set(db.scalars(select(HandleUse.handle)))
        return [
            one
            for one in sorted(known)
            if db.scalar(select(LogEntry.log_index).where(LogEntry.tag == handle_tag(one)).limit(1)) is not None
        ]


def finish(office: Office) -> None:
    """Note what became of consents meanwhile, and let officers sign in again."""
    with office.files.session() as db:
        settle_stops(db, office.agency)
    (office.files.folder / RESTORED_FILE).unlink(missing_ok=True)


def adopt(
    db: Session,
    event: Event,
    statement: bytes,
    salt: bytes,
    details_box: bytes | None,
    object_kind: str,
    object_id: bytes,
    index: int,
) -> bool:
    """Take an event of this agency, which was checked against the log, into its own record; whether it was not there.

    Numbers go on behind it from then on. The proof is fetched by the next sync, like that of any other own event.
    """
    query = select(OwnEvent).where(OwnEvent.object_kind == object_kind, OwnEvent.object_id == object_id)
    known = db.scalar(query.where(OwnEvent.number == event.number))
    if known is not None and known.state != outbox.REFUSED:
        return False
    if known is not None:
        db.delete(known)
        db.flush()
    db.add(
        OwnEvent(
            object_kind=object_kind, object_id=object_id, number=event.number, tag=event.tag,
            clear_statement=statement, salt=salt, details_box=details_box,
            entry=event_entry(event.tag, salt, statement), append_signature=None, officer=event.officer,
            made_at=int(event.body["at"]), state=outbox.LOGGED, log_index=index,
        )
    )  # fmt: skip
    db.flush()
    return True


def settle_stops(db: Session, agency: str) -> None:
    """A consent or a bundle that was held or withdrawn after the copy was made is so again."""
    query = (
        select(HandleUse.record, HandleUse.bundle_id, HandleOrder.kind)
        .join(HandleOrder, HandleOrder.handle == HandleUse.handle)
        .where(HandleUse.record.is_not(None), HandleOrder.agency == agency)
        .order_by(HandleOrder.log_index)
    )
    bundles = set()
    for record, bundle_id, kind in db.execute(query).all():
        row = db.get(ConsentRecord, record)
        if row is not None and row.state != consent.WITHDRAWN:
            row.state = _STATES[kind]
        elif record == bundle_id:
            bundles.add(bundle_id)
    for bundle_id in bundles:
        _settle_bundle(db, agency, bundle_id)


def _settle_bundle(db: Session, agency: str, bundle_id: bytes) -> None:
    """The row of an act on a bundle alone that the copy does not have, out of the event; its reason is lost.

    One that is withdrawn here stays so: its order may wait in the outbox still.
    """
    query = select(HandleOrder).join(HandleUse, HandleUse.handle == HandleOrder.handle)
    order = db.scalars(
        query.where(HandleUse.bundle_id == bundle_id, HandleUse.record == bundle_id, HandleOrder.agency == agency)
        .order_by(HandleOrder.log_index.desc())
    ).first()  # fmt: skip
    known = stop_targets.bundle_state(db, bundle_id)
    if order is None or known in (consent.WITHDRAWN, _STATES[order.kind]):
        return
    state = _STATES[order.kind]
    if known == consent.HELD:
        held = select(Withdrawal).where(Withdrawal.record == bundle_id, Withdrawal.state == stop_targets.HELD)
        for one in db.scalars(held):
            one.state = stop_targets.LIFTED if state == consent.ACTIVE else stop_targets.DESTROYED
        return
    events = select(OwnEvent).where(OwnEvent.object_kind == "handle", OwnEvent.object_id == order.handle)
    event = db.scalars(events.order_by(OwnEvent.number.desc())).first()
    by, at = ("", 0) if event is None else (event.officer, event.made_at)
    word = stop_targets.HELD if state == consent.HELD else stop_targets.DESTROYED
    number = os.urandom(IDENTIFIER_BYTES)
    db.add(Withdrawal(withdrawal_id=number, record=bundle_id, state=word, asked_by=by, held_at=at, changed_at=at))
    db.flush()


def relink(
    db: Session, office: Office, officer: OfficerSession, header: Header, manifest: Mapping[str, Any], *, now: int
) -> int:
    """After opening an own bundle: what its own places stand for, which a copy did not know; how many.

    Without this, a withdrawal would not reach a bundle that was sent after the copy was made.
    """
    recipients = [one for one in header.agencies if one != office.agency]
    known = {b64u(extract_id(one, recipients)): one for one in db.scalars(select(ConsentRecord.record_id))}
    records = {one["place"]: known.get(one["consent"]) for one in manifest["handles"] if one["consent"] is not None}
    used = len(manifest["handles"])
    own_place = used if used < HEADER_PLACES else None
    places = [place for place, record in records.items() if record is not None]
    places += [] if own_place is None else [own_place]
    rows = {place: db.get(HandleUse, (header.handles[place], header.bundle_id)) for place in places}
    missing = [place for place, row in rows.items() if row is not None and row.record is None]
    if not missing:
        return 0
    try:
        secret = handle_keys.handle_secret(db, office, officer, now=now)
    except KeyUnusable:
        return 0  # the next colleague who opens it has the key
    if any(own_handle(secret, header.bundle_id, place) != header.handles[place] for place in places):
        return 0  # sealed with a secret that the agency has no more
    handle_keys.keep_own(db, secret, header.bundle_id, recipients, records, own_place)
    _settle_bundle(db, office.agency, header.bundle_id)
    return len(missing)


# ---- Custody ----------------------------------------------------------------------------------------------------


def require_whole(db: Session, officer: OfficerSession, case_id: bytes, object_id: bytes | None = None) -> None:
    """Raise unless this desk has every event of its own holdings in a case, or of one exhibit, that the log has.

    Raises:
        CustodyBroken: a holding went on after the copy was made from which this desk was restored.
        NotPermitted: not on the case team.
    """
    key = case_key(db, officer, case_id)
    for row in db.scalars(select(HoldingRow).where(HoldingRow.case_id == case_id)):
        if object_id is not None and row.object_id != object_id:
            continue
        tag_key = open_column(key, "holding", "tag_key", row.holding, 1, row.tag_key)
        known = outbox.next_number(db, "holding", row.holding)
        number = tags.next_number(lambda wanted: follow.find_tags(db, wanted), tag_key, officer.agency, known=known)
        if number > known:
            raise CustodyBroken(
                f"the log has {number - known} later events on exhibit {row.object_id.hex()} that this desk has lost; "
                "take its files in as a new exhibit that names this one"
            )
