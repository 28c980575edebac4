"""What an entitled officer reads of a bundle before opening it: cover, officers, flags (docs/protocol.md 3.3, 4, 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.directory import Directory
from agencies.members import OfficerSession
from agencies.rights import has_right
from crypto.boxes import is_equal
from crypto.digests import sha256
from crypto.encoding import unb64u
from crypto.header import Header, commit_r, parse_addendum, verify_header
from crypto.hybrid import ReceivingKey
from crypto.opening import Stanza, agency_secret_of, find_stanza, open_cover, open_cover_addition, open_stanza
from crypto.sealing import tag_key
from crypto.statements import parse_statement
from custody import events
from custody.register import PLACES, Record, Version, check_change, check_places, open_version
from errors import AmparoError, DecryptionFailed, FormatError, HeadersDiffer, NotEntitled, RegisterInvalid
from exchange import arrivals, follow
from exchange.cover import Cover, parse_addition, parse_cover
from exchange.models import BundleEvent, RegisterRow, StoredBundle
from exchange.office import Office, raise_alarm


@dataclass(frozen=True, slots=True)
class Preview:
    """What stands before the opening.

    Attributes:
        header, cover: as the sender signed them.
        entitled: the cover's officers and those of logged addenda, by agency.
        version: newest register version at this desk; its digest is what an officer acknowledges.
        flags: entries of that version, lowered ones included, with `remarks`.
        stanza: the officer's own.
    """

    header: Header
    header_digest: bytes
    state: str
    sender: str
    cover: Cover
    entitled: Mapping[str, tuple[str, ...]]
    version: Version
    flags: tuple[Mapping[str, Any], ...] = field(repr=False)
    stanza: Stanza = field(repr=False)

    @property
    def r(self) -> bytes:
        """The secret of the bundle's parties, from which the keys of its register come."""
        return self.stanza.r

    @property
    def register_digest(self) -> bytes:
        """Digest of the register version whose flags these are."""
        return self.version.digest


def preview(office: Office, officer: OfficerSession, bundle_id: bytes, *, now: int) -> Preview:
    """Open cover and flags with the officer's own stanza. Nothing is logged; nothing of the content opens.

    Raises:
        NotEntitled: it was not sealed to this officer.
        HeadersDiffer, RegisterInvalid, CommitmentMismatch, LogForked: it stays closed; an alarm says why.
    """
    office.require_own(officer)
    with office.files.session() as db:
        office.require_running(db)
        row = arrivals.get_stored(db, bundle_id)
        if row.state == "refused":
            raise HeadersDiffer
        header = verify_header(row.header, row.signature)
        office.require_known(db, header.sender_agency)
        stanza, handed = find_own_stanza(db, office, officer, header, row)
        cover = parse_cover(open_cover(header, stanza.r, row.cover), header.log)
        entitled = entitled_officers(db, row, header, cover, stanza)
        try:
            _require_listed(office, officer, header, cover, entitled, stanza, handed)
        except HeadersDiffer as error:
            raise_alarm(db, "unlisted-key", f"{bundle_id.hex()} {officer.handle}", {"message": error.message}, now=now)
            db.commit()
            raise
        if row.tag_key is None:
            row.tag_key = tag_key(stanza.r)
    follow.require_same_log(office, cover.checkpoint, header.dump(), now=now)
    with office.files.session() as db:
        version, records = read_register(db, office, bundle_id, stanza.r, now=now)
        row = arrivals.get_stored(db, bundle_id)
        return Preview(
            header, row.header_digest, row.state, header.sender, cover, entitled, version, flag_values(records), stanza
        )


def cover_with(db: Session, bundle_id: bytes, r: bytes) -> tuple[Header, Cover]:
    """Header and cover by the parties' secret, for a case team that keeps it; nobody's stanza is needed.

    Raises:
        NotFound, SignatureInvalid, DecryptionFailed, FormatError
    """
    row = arrivals.get_stored(db, bundle_id)
    header = verify_header(row.header, row.signature)
    return header, parse_cover(open_cover(header, r, row.cover), header.log)


def find_own_stanza(
    db: Session, office: Office, officer: OfficerSession, header: Header, row: StoredBundle
) -> tuple[Stanza, BundleEvent | None]:
    """The officer's stanza out of header, addenda and logged hand-ons, and the hand-on that it came with.

    What administrators have recovered comes first: with t >= 2 it is a new split, in which every officer of the agency
    who still has a share got a new one, and shares of two splits do not belong together.

    Raises:
        NotEntitled
    """
    key = officer.receiving
    handed = arrivals.list_events(db, row.bundle_id, "stanza-handed-on")[::-1]
    own = [one for one in handed if one.agency == officer.agency]
    recovered = [one for one in own if is_recovery(db, office, one)]
    found = _open_handed(key, header, recovered)
    if found is not None:
        return found
    stanza = find_named_stanza(db, key, header)
    if stanza is not None:
        return stanza, None
    # One by another agency comes last: it is reported when it opens, and must not stand before a colleague's.
    found = _open_handed(key, header, own + [one for one in handed if one not in own])
    if found is None:
        raise NotEntitled
    return found


def find_named_stanza(db: Session, key: ReceivingKey, header: Header) -> Stanza | None:
    """The stanza of this key in the header, or in an addendum."""
    found = find_stanza(key, header)
    for event in arrivals.list_events(db, header.bundle_id, "addendum") if found is None else ():
        addendum = parse_addendum(unb64u(parse_statement(event.statement).value["addendum"]))
        found = found or find_stanza(key, header, addendum.stanzas)
    return found


def is_recovery(db: Session, office: Office, event: BundleEvent) -> bool:
    """Whether an administrator has handed this on: out of the recovery stanza, since she has none of her own."""
    by = str(parse_statement(event.statement).value["officer"])
    certificate = office.directory(db).find_certificate(by, event.log_index)
    return certificate is not None and certificate.type == "administrator"


def _open_handed(
    key: ReceivingKey, header: Header, events_: Sequence[BundleEvent]
) -> tuple[Stanza, BundleEvent] | None:
    """The first hand-on that opens with this key and holds the parties' own R."""
    for event in events_:
        try:
            found = open_stanza(key, header.ctx, unb64u(parse_statement(event.statement).value["stanza"]))
        except (DecryptionFailed, FormatError):
            continue
        if is_equal(commit_r(header.bundle_id, found.r), header.c_r):
            return found, event
    return None


def entitled_officers(
    db: Session, row: StoredBundle, header: Header, cover: Cover, stanza: Stanza
) -> dict[str, tuple[str, ...]]:
    """Entitled officers by agency: the cover's, then those of addenda."""
    found = {one.agency: one.officers for one in cover.officers}
    if set(found) - set(header.agencies):
        raise FormatError("the cover names an agency that the header does not")
    for event in arrivals.list_events(db, row.bundle_id, "addendum"):
        addendum = parse_addendum(unb64u(parse_statement(event.statement).value["addendum"]))
        raw = open_cover_addition(row.header_digest, addendum.agency, stanza.r, addendum.cover_addition)
        for one in parse_addition(raw):
            found.setdefault(one.agency, one.officers)
    return found


def _require_listed(
    office: Office,
    officer: OfficerSession,
    header: Header,
    cover: Cover,
    entitled: Mapping[str, Sequence[str]],
    stanza: Stanza,
    handed: BundleEvent | None,
) -> None:
    """The officer stands in a list that everybody sees, at the place that her share has, or got a logged hand-on."""
    if stanza.threshold != cover.threshold:
        raise HeadersDiffer("the key was sealed with another threshold than the cover says")
    if handed is None:
        names = list(entitled.get(officer.agency, ()))
        if officer.handle not in names:
            raise HeadersDiffer("a key was sealed to you, but no list names you; this is reported")
        if cover.threshold > 1 and stanza.x != names.index(officer.handle) + 1:
            raise HeadersDiffer("your share is not the one that the list gives you")
        return
    if handed.agency != officer.agency:
        raise HeadersDiffer("another agency has sealed a key to you; this is reported")
    details = open_event_details(header, stanza, office.agency, handed)
    if details.get("to") != officer.handle or details.get("x") != stanza.x:
        raise HeadersDiffer("this key was handed on to somebody else")


def open_event_details(header: Header, stanza: Stanza, holder: str, event: BundleEvent) -> dict[str, Any]:
    """Details of an event: for its own agency, and for the sender.

    Raises:
        DecryptionFailed: they are for others.
    """
    if event.details_box is None:
        return {}
    secret = agency_secret_of(stanza, header, holder, event.agency)
    body = parse_statement(event.statement).value
    return events.open_details(events.details_key(secret, header.bundle_id), body, event.details_box)


# ---- The record of a bundle -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Act:
    """One event of a bundle's record: who did what, and why as far as this agency may know."""

    log_index: int
    kind: str
    agency: str
    officer: str
    at: int
    details: Mapping[str, Any] = field(repr=False)
    request: int | None = None


def bundle_record(office: Office, officer: OfficerSession, bundle_id: bytes) -> list[Act]:
    """All events of a bundle in order of the log. The sender's officers read every purpose, others their agency's.

    A supervisor or an auditor to whom the bundle is not sealed reads who acted and when, and no purpose.

    Raises:
        NotEntitled: the officer has no stanza of this bundle.
    """
    office.require_own(officer)
    officer.require("record-read")
    found = []
    with office.files.session() as db:
        row = arrivals.get_stored(db, bundle_id)
        header = verify_header(row.header, row.signature)
        try:
            stanza, _ = find_own_stanza(db, office, officer, header, row)
        except NotEntitled:
            if not has_right(officer.roles, "alerts-unit"):
                raise
            stanza = None
        for event in arrivals.list_events(db, bundle_id):
            body = parse_statement(event.statement).value
            try:
                details = {} if stanza is None else open_event_details(header, stanza, office.agency, event)
            except AmparoError:
                details = {}
            request = body.get("request")
            found.append(
                Act(event.log_index, event.kind, event.agency, str(body["officer"]), int(body["at"]), details, request)
            )
    return found


def unanswered_requests(acts: Sequence[Act]) -> list[int]:
    """Log indices of requests that neither `opened` nor `open-failed` followed: the content may have been seen."""
    answered = {act.request for act in acts}
    return [act.log_index for act in acts if act.kind == "open-requested" and act.log_index not in answered]


# ---- Flags ------------------------------------------------------------------------------------------------------


def read_register(
    db: Session, office: Office, bundle_id: bytes, r: bytes, *, now: int
) -> tuple[Version, list[Record | None]]:
    """The newest version at this desk and its places; every change since the first version is checked.

    Raises:
        RegisterInvalid: a version drops a flag, brings back an old state, or has a flag that its raiser did not sign.
    """
    row = arrivals.get_stored(db, bundle_id)
    agencies = arrivals.parties(db, row)
    directory = office.directory(db)
    before: list[Record | None] = [None] * PLACES
    first: list[int] = [0] * PLACES  # log index at which the entry of each place came
    version: Version | None = None
    for stored in _versions(db, bundle_id):
        version = arrivals.as_version(db, stored)
        try:
            places = open_version(r, version)
            check_change(before, places)
            _check_version(directory, version, agencies, before, places, first, stored.log_index)
        except AmparoError as error:
            evidence = {"message": error.message, "version": version.version, "index": stored.log_index}
            raise_alarm(db, "register-invalid", f"{bundle_id.hex()} {version.version}", evidence, now=now)
            db.commit()
            raise RegisterInvalid(error.message) from error
        before = places
    if version is None:
        raise RegisterInvalid("there is no flag register for this bundle; nothing is opened without one")
    return version, before


def _check_version(
    directory: Directory,
    version: Version,
    agencies: Sequence[str],
    before: Sequence[Record | None],
    places: Sequence[Record | None],
    first: list[int],
    index: int,
) -> None:
    """Signatures of what changed, at the place of the log where it changed: a flag outlives its raiser's certificate.

    A flag that stays as it is was checked when it came; of its place only the new remarks are.
    """
    for number, (old, new) in enumerate(zip(before, places, strict=True)):
        if new is None or new == old:
            continue
        is_same = old is not None and (new.entry, new.signatures) == (old.entry, old.signatures)
        if not is_same or old is None:
            first[number] = index
        remarks = [one for one in new.remarks if old is None or not is_same or one not in old.remarks]
        row: list[Record | None] = [None] * PLACES
        row[number] = Record(new.entry, new.signatures, tuple(remarks))
        speakers = {by for by, _, _ in remarks}
        signers = {by for by, _ in new.signatures}
        at = {by: index if by in speakers else first[number] for by in speakers | signers}
        check_places(
            row,
            version,
            agencies,
            lambda by, at=at: directory.signing_key(by, at.get(by, index)),  # type: ignore[misc]
            lambda agency, names, place=number: directory.takes_two(agency, names, first[place]),  # type: ignore[misc]
        )


def _versions(db: Session, bundle_id: bytes) -> list[RegisterRow]:
    query = select(RegisterRow).where(RegisterRow.bundle_id == bundle_id)
    return list(db.scalars(query.order_by(RegisterRow.version)))


def flag_values(records: Sequence[Record | None]) -> tuple[dict[str, Any], ...]:
    """Entries of all places in use, each with its remarks and its digest."""
    return tuple(
        {
            **record.value,
            "remarks": [{"by": by, "text": text} for by, text, _ in record.remarks],
            "digest": sha256(record.entry),
        }
        for record in records
        if record is not None
    )
