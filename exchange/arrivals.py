"""What comes from the broker: bundles, register versions, events. Nothing here needs an officer.

Everything is checked against the log that this desk has followed: an event or a version counts only if its entry
stands at the index that the broker names, with the tag that its object's key gives once that is known.
(docs/protocol.md 3.4, 5, 6)
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crypto import labels
from crypto.digests import sha256
from crypto.encoding import b64u, unb64u
from crypto.header import COVER_BOX_BYTES, Header, parse_addendum, parse_header, require_commitment, verify_header
from crypto.statements import parse_statement, verify_statement
from custody import events
from custody.entries import SealedEntry, event_entry, tag_of
from custody.register import Version, require_successor
from errors import AmparoError, FormatError, NotFound, ProofError, RegisterInvalid, SignatureInvalid
from exchange import follow, restoring
from exchange.broker_client import integer_of, text_of
from exchange.follow import find_tags
from exchange.models import BundleEvent, HandleUse, LogEntry, RegisterRow, StoredBundle
from exchange.office import Office, raise_alarm

HEADER_ROLE: Final = "header"
TAGS_AHEAD: Final = 16


def get_stored(db: Session, bundle_id: bytes) -> StoredBundle:
    """A bundle of this desk.

    Raises:
        NotFound
    """
    row = db.get(StoredBundle, bundle_id)
    if row is None:
        raise NotFound("there is no such bundle at this desk")
    return row


# ---- Bundles ----------------------------------------------------------------------------------------------------


def take_bundle(office: Office, bundle_id: bytes, *, now: int) -> bool:
    """Fetch a bundle without its ciphertext, check it, and keep it. Whether it is new here.

    Raises:
        FormatError, SignatureInvalid, CommitmentMismatch, ProofError: it is not what the log and its sender say.
    """
    answer = office.client.bundle(bundle_id)
    raw, signature, cover = (unb64u(answer.get(name)) for name in ("header", "signature", "cover"))
    header = verify_header(raw, signature)
    index = integer_of(answer, "index")
    with office.files.session() as db:
        known = db.get(StoredBundle, bundle_id)
        if known is not None:
            if known.header != raw:
                evidence = {"one": b64u(known.header), "two": b64u(raw), "signature": b64u(signature)}
                raise_alarm(db, "two-headers", bundle_id.hex(), evidence, now=now)
                known.state = "refused"
            else:
                _note_state(known, text_of(answer, "state"))
            return False
        _require_header(db, office, header, bundle_id, cover, index)
        # One of this agency comes back to a desk that was restored from an older copy, or made anew.
        is_own = header.sender_agency == office.agency
        direction, state = ("out", "sent") if is_own else ("in", "arrived")
        store_bundle(db, header, signature, cover, direction, state, now=now).log_index = index
    take_events(office, bundle_id, now=now)
    take_register(office, bundle_id, now=now)
    return True


def _require_header(db: Session, office: Office, header: Header, bundle_id: bytes, cover: bytes, index: int) -> None:
    if header.bundle_id != bundle_id or header.log != office.log(db).origin or office.agency not in header.agencies:
        named = header.bundle_id == bundle_id and header.log == office.log(db).origin
        if not named or header.sender_agency == office.agency:
            raise FormatError("this header is of another bundle, or of another log")
    sender = office.directory(db).find_certificate(header.sender, index)
    if sender is None or sender.signing_key != header.sender_key or sender.agency != header.sender_agency:
        raise SignatureInvalid("the sender had no certificate for this key when the bundle was logged")
    if len(cover) != COVER_BOX_BYTES:
        raise FormatError("a cover has another size")
    require_commitment(header.cover_digest, sha256(cover), "the cover")


def store_bundle(
    db: Session, header: Header, signature: bytes, cover: bytes, direction: str, state: str, *, now: int
) -> StoredBundle:
    """Keep a checked bundle and the handles of its header."""
    raw = header.dump()
    row = StoredBundle(
        bundle_id=header.bundle_id, header=raw, header_digest=sha256(raw), signature=signature, cover=cover,
        sender_agency=header.sender_agency, direction=direction, state=state, events_after=-1, added_at=now,
    )  # fmt: skip
    db.add(row)
    for place, handle in enumerate(header.handles):
        if db.get(HandleUse, (handle, header.bundle_id)) is None:
            db.add(HandleUse(handle=handle, bundle_id=header.bundle_id, place=place, role=HEADER_ROLE))
    db.flush()
    return row


def _note_state(row: StoredBundle, state: str) -> None:
    # What the broker says of a state is shown, and decides nothing: orders are believed by their signed events.
    if state in ("held", "destroyed", "half-lost", "expired") and row.state != "refused":
        row.state = state
    elif state == "active" and row.state in ("held", "half-lost"):
        row.state = "arrived" if row.direction == "in" else "sent"


def refresh_state(office: Office, bundle_id: bytes) -> str:
    """Ask the broker for the bundle's state."""
    state = text_of(office.client.bundle(bundle_id), "state")
    with office.files.session() as db:
        row = get_stored(db, bundle_id)
        _note_state(row, state)
        return row.state


def parties(db: Session, row: StoredBundle) -> list[str]:
    """Agencies of a bundle: the header's, then those that logged addenda added."""
    found = list(parse_header(row.header).agencies)
    for event in list_events(db, row.bundle_id, "addendum"):
        added = parse_addendum(unb64u(_body(event.statement)["addendum"])).agency
        if added not in found:
            found.append(added)
    return found


# ---- Events -----------------------------------------------------------------------------------------------------


def take_events(office: Office, bundle_id: bytes, *, now: int) -> list[int]:
    """Fetch and check the events on a bundle that are new here; their indices. What is not followed yet waits."""
    with office.files.session() as db:
        after, size = get_stored(db, bundle_id).events_after, office.log(db).size
    taken: list[int] = []
    for one in office.client.bundle_events(bundle_id, after):
        index = integer_of(one, "index")
        if index >= size:
            break
        with office.files.session() as db:
            try:
                _take_event(db, office, bundle_id, index, one, now)
                taken.append(index)
            except AmparoError as error:
                report_refused(db, f"event at log entry {index}", error, one, now)
            get_stored(db, bundle_id).events_after = index
    return taken


def _take_event(db: Session, office: Office, bundle_id: bytes, index: int, one: Mapping[str, Any], now: int) -> None:
    raw, salt = unb64u(one.get("statement")), unb64u(one.get("salt"), 32)
    box = one.get("details_box")
    event = events.parse_event(raw, log=office.log(db).origin)
    row = get_stored(db, bundle_id)
    require_entry(db, index, event_entry(event.tag, salt, raw))
    if event.bundle_id != bundle_id or event.header_digest != row.header_digest:
        raise FormatError("this event is on another bundle")
    if event.kind != "half-lost-notice" and event.agency not in parties(db, row):
        raise SignatureInvalid("an agency acts on a bundle that does not name it")
    verify_signer(db, office, event, index)
    if row.tag_key is not None and event.kind != "half-lost-notice":
        require_tag(row.tag_key, event.agency, event.number, event.tag)
    if db.get(BundleEvent, (bundle_id, index)) is None:
        db.add(
            BundleEvent(
                bundle_id=bundle_id, log_index=index, kind=event.kind, agency=event.agency, number=event.number,
                statement=raw, salt=salt, details_box=None if box is None else unb64u(box),
            )
        )  # fmt: skip
    if event.kind == "half-lost-notice":
        row.state = "half-lost"
        if row.direction == "out":
            raise_alarm(db, "half-lost", bundle_id.hex(), {"index": index, "statement": b64u(raw)}, now=now)
    elif event.agency == office.agency:
        restoring.adopt(db, event, raw, salt, None if box is None else unb64u(box), "bundle", bundle_id, index)


def keep_own_event(
    db: Session, bundle_id: bytes, index: int, statement: bytes, salt: bytes, details_box: bytes | None
) -> None:
    """Put an event of this agency, whose proof was checked, among the bundle's events."""
    if db.get(BundleEvent, (bundle_id, index)) is None:
        body = _body(statement)
        db.add(
            BundleEvent(
                bundle_id=bundle_id, log_index=index, kind=str(body["kind"]), agency=str(body["agency"]),
                number=int(body["number"]), statement=statement, salt=salt, details_box=details_box,
            )
        )  # fmt: skip


def verify_signer(db: Session, office: Office, event: events.Event, index: int) -> None:
    """The officer named in the event signed it, with a certificate that counts at its place of the log."""
    directory = office.directory(db)
    wanted = ("log",) if event.kind == "half-lost-notice" else (event.officer,)
    named_well = event.kind == "half-lost-notice" or event.officer.startswith(event.agency + "/")
    if event.statement.signers != wanted or not named_well:
        raise SignatureInvalid("this event is not signed by the officer whom it names")
    verify_statement(event.statement, labels.EVENT_SIGNATURE, lambda by: directory.signing_key(by, index))


def require_entry(db: Session, index: int, entry: bytes) -> None:
    """Raise ProofError unless exactly this entry stands at this index of the followed log."""
    found = db.get(LogEntry, index)
    if found is None or SealedEntry(found.tag, found.commitment).dump() != entry:
        raise ProofError("the log has another entry at this place")


def require_tag(tag_key: bytes, agency: str, number: int, tag: bytes) -> None:
    """Raise ProofError unless the tag is that of this agency's event `number`."""
    if tag_of(tag_key, agency, number) != tag:
        raise ProofError("an entry carries a tag that its parties would not find")


def list_events(db: Session, bundle_id: bytes, kind: str | None = None) -> list[BundleEvent]:
    """Events on a bundle that were taken, in order of the log."""
    query = select(BundleEvent).where(BundleEvent.bundle_id == bundle_id)
    if kind is not None:
        query = query.where(BundleEvent.kind == kind)
    return list(db.scalars(query.order_by(BundleEvent.log_index)))


def _body(raw: bytes) -> dict[str, Any]:
    return parse_statement(raw).value


def report_refused(db: Session, subject: str, error: AmparoError, one: Mapping[str, Any], now: int) -> None:
    """Keep what the broker sent and why it was refused."""
    kept = {name: value for name, value in one.items() if isinstance(value, (str, int)) or value is None}
    raise_alarm(db, "refused-" + error.code, subject, {"message": error.message, "received": kept}, now=now)


# ---- Registers --------------------------------------------------------------------------------------------------


def take_register(office: Office, bundle_id: bytes, *, now: int) -> int:
    """Fetch every register version up to the newest, check chain, signatures and log entries. The newest number.

    Raises:
        RegisterInvalid: a version does not follow, or its entry is not in the log; an alarm keeps what was received.
        Recovering: the broker was restored from a copy and does not have the newer versions back yet.
    """
    newest = version_of(office, bundle_id, office.client.register(bundle_id))
    with office.files.session() as db:
        have = newest_version(db, bundle_id)
        size = office.log(db).size
    last = 0 if have is None else have.version
    if newest[0].version < last:
        follow.require_complete(office)
        with office.files.session() as db:
            raise_alarm(db, "register-rollback", bundle_id.hex(), {"version": newest[0].version}, now=now)
        raise RegisterInvalid("the broker shows an older version of the register than before")
    for number in range(last + 1, newest[0].version + 1):
        found = newest if number == newest[0].version else version_of(
            office, bundle_id, office.client.register(bundle_id, number)
        )  # fmt: skip
        if found[3] >= size:
            return number - 1  # not yet covered by the followed log
        with office.files.session() as db:
            _take_version(db, office, *found, now=now)
    return newest[0].version


def version_of(office: Office, bundle_id: bytes, answer: Mapping[str, Any]) -> tuple[Version, bytes, bytes, int]:
    """A version as the broker sends it, its salt, its tag and its index."""
    with office.files.session() as db:
        digest = get_stored(db, bundle_id).header_digest
    version = Version(
        bundle_id, digest, integer_of(answer, "version"), unb64u(answer.get("previous"), 32),
        unb64u(answer.get("box")), text_of(answer, "officer"), unb64u(answer.get("signature"), 64),
    )  # fmt: skip
    return version, unb64u(answer.get("salt"), 32), unb64u(answer.get("tag"), 16), integer_of(answer, "index")


def _take_version(
    db: Session, office: Office, version: Version, salt: bytes, tag: bytes, index: int, *, now: int
) -> None:
    row = get_stored(db, version.bundle_id)
    before = newest_version(db, version.bundle_id)
    try:
        require_entry(db, index, event_entry(tag, salt, version.event))
        require_successor(version, before)
        key = office.directory(db).signing_key(version.officer, index)
        if key is None or version.officer.split("/")[0] not in parties(db, row):
            raise SignatureInvalid("the officer who signed the register may not do that")
        version.verify(key)
        if row.tag_key is not None:
            require_tag(row.tag_key, "", version.version, tag)
    except AmparoError as error:
        evidence = {"message": error.message, "signed": b64u(version.event), "index": index}
        raise_alarm(db, "register-invalid", f"{version.bundle_id.hex()} {version.version}", evidence, now=now)
        db.commit()
        raise RegisterInvalid(error.message) from error
    keep_version(db, version, salt, tag, index)


def keep_version(
    db: Session, version: Version, salt: bytes, tag: bytes, index: int, made_here_at: int | None = None
) -> None:
    """Store a checked version."""
    if db.get(RegisterRow, (version.bundle_id, version.version)) is None:
        db.add(
            RegisterRow(
                bundle_id=version.bundle_id, version=version.version, previous=version.previous, box=version.box,
                officer=version.officer, signature=version.signature, salt=salt, tag=tag, log_index=index,
                made_here_at=made_here_at,
            )
        )  # fmt: skip
        db.flush()


def newest_version(db: Session, bundle_id: bytes) -> Version | None:
    """The newest register version of a bundle at this desk."""
    row = db.scalar(
        select(RegisterRow).where(RegisterRow.bundle_id == bundle_id).order_by(RegisterRow.version.desc()).limit(1)
    )
    return None if row is None else as_version(db, row)


def as_version(db: Session, row: RegisterRow) -> Version:
    """A stored row as a version."""
    digest = get_stored(db, row.bundle_id).header_digest
    return Version(row.bundle_id, digest, row.version, row.previous, row.box, row.officer, row.signature)


# ---- Tags -------------------------------------------------------------------------------------------------------


def check_tags(office: Office, bundle_id: bytes, *, now: int) -> list[str]:
    """Look in the log for events and versions on a bundle that the broker did not show; fetch them, or raise alarms.

    Returns:
        what is withheld: `<agency> <number>`, or `register <version>`.
    """
    missing = _unknown_tags(office, bundle_id)
    if missing:
        take_events(office, bundle_id, now=now)
        with suppress(RegisterInvalid):  # the alarm stands
            take_register(office, bundle_id, now=now)
        missing = _unknown_tags(office, bundle_id)
    with office.files.session() as db:
        for name, index in missing.items():
            evidence = {"index": index, "checkpoint": office.log(db).note.decode("utf-8")}
            raise_alarm(db, "withheld", f"{bundle_id.hex()} {name}", evidence, now=now)
    return sorted(missing)


def _unknown_tags(office: Office, bundle_id: bytes) -> dict[str, int]:
    with office.files.session() as db:
        row = get_stored(db, bundle_id)
        if row.tag_key is None:
            return {}
        wanted: dict[bytes, str] = {}
        for agency in parties(db, row):
            last = db.scalar(
                select(func.max(BundleEvent.number)).where(
                    BundleEvent.bundle_id == bundle_id, BundleEvent.agency == agency
                )
            )
            start = 0 if last is None else last + 1
            for number in range(start, start + TAGS_AHEAD):
                wanted[tag_of(row.tag_key, agency, number)] = f"{agency} {number}"
        newest = newest_version(db, bundle_id)
        begin = 1 if newest is None else newest.version + 1
        for number in range(begin, begin + TAGS_AHEAD):
            wanted[tag_of(row.tag_key, "", number)] = f"register {number}"
        return {wanted[tag]: index for tag, index in find_tags(db, list(wanted)).items()}


def has_newer_register(db: Session, row: StoredBundle, version: int) -> bool:
    """Whether the log holds a tag of a register version behind this one."""
    if row.tag_key is None:
        return False
    return bool(find_tags(db, [tag_of(row.tag_key, "", version + ahead) for ahead in range(1, TAGS_AHEAD)]))


def list_bundles(db: Session, direction: str) -> list[StoredBundle]:
    """Bundles that arrived (`in`) or were sent (`out`), newest first."""
    query = select(StoredBundle).where(StoredBundle.direction == direction)
    return list(db.scalars(query.order_by(StoredBundle.added_at.desc(), StoredBundle.bundle_id)))
