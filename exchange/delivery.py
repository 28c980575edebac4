"""Sealing a bundle and sending it: deposit, parts, receipt; an interrupted upload goes on where it stopped.

Content key and halves exist in memory while `seal` runs and nowhere afterwards (docs/protocol.md 3, 9).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.directory import Certificate, Directory
from agencies.members import OfficerSession
from crypto import labels
from crypto.digests import BlockRoot, sha256
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import Half, Header, commit_b, commit_r, commit_s, make_ctx, parse_header
from crypto.sealing import (
    BundleSecrets,
    SealedPayload,
    Source,
    StanzaFor,
    agency_key,
    make_manifest,
    new_secrets,
    padded_length,
    seal_cover,
    seal_half,
    seal_payload,
    seal_stanzas,
    tag_key,
)
from crypto.shares import split
from crypto.statements import make_statement
from custody import events, outbox
from custody.entries import SALT_BYTES, tag_of
from custody.register import PLACES, Record, Version, sign_version
from errors import ApprovalMissing, Conflict, FormatError, HalfKeyExpired, HandleUsed, NotFound
from exchange import approvals, arrivals, ciphertext, follow, handle_keys, notes, policy, prohibitions
from exchange.broker_client import integer_of, text_of
from exchange.composition import Composition
from exchange.cover import Cover, Entitled
from exchange.forms import media_type, parse_form
from exchange.models import StoredBundle
from exchange.office import Office
from exchange.registers import first_places, version_value

Random = Callable[[int], bytes]
Progress = Callable[[int, int], object]
PIECE_BYTES: Final = 8 * 2**20
REPLACED: Final = "replaced_by"  # member of a lost bundle's note


def ignore_progress(done: int, total: int) -> None:
    """No progress is shown."""


# ---- Approval of t >= 2 -----------------------------------------------------------------------------------------


def ask_approval(office: Office, officer: OfficerSession, made: Composition, *, now: int, reason: str = "") -> bytes:
    """Ask a second officer to approve a bundle before it is sealed; the approval's id.

    The second officer reads the whole composition.

    Args:
        reason: why more is sent than the purpose needs.
    """
    officer.require(made.right)
    subject = {"core": b64u(made.digest()), "purpose": "; ".join(made.purposes), "legal_basis": made.legal_basis}
    with office.files.session() as db:
        case_key(db, officer, made.case_id)
        shown = {"composition": b64u(made.dump()), **({"reason": reason} if reason else {})}
        return approvals.ask(db, officer, "seal", made.case_id, [subject], shown=shown, now=now)


def _use_approval(
    db: Session, office: Office, officer: OfficerSession, made: Composition, approval_id: bytes | None
) -> str | None:
    if approval_id is None:
        if made.threshold > 1:
            raise ApprovalMissing("what is sealed for two is sent by two; ask a colleague to approve it")
        return None
    answer = approvals.use(db, office, officer, approval_id, "seal")
    if unb64u(answer.subject["subjects"][0]["core"]) != made.digest():
        raise ApprovalMissing("the bundle was changed after it was approved; ask again")
    return answer.officer


# ---- Sealing ----------------------------------------------------------------------------------------------------


@dataclass
class _Work:
    """What one sealing needs; gone when it ends."""

    made: Composition
    officer: OfficerSession
    directory: Directory
    log: str
    bundle_id: bytes
    secrets: BundleSecrets = field(repr=False)
    placement: handle_keys.Placement = field(repr=False)
    officers: dict[str, list[Certificate]] = field(repr=False)
    cover: Cover = field(repr=False)
    operators: list[tuple[str, bytes]] = field(repr=False)


def seal(
    office: Office,
    officer: OfficerSession,
    made: Composition,
    sources: Sequence[Source],
    *,
    now: int,
    approval_id: bytes | None = None,
    progress: Progress = ignore_progress,
    random_bytes: Random = os.urandom,
) -> bytes:
    """Seal a bundle and keep it ready to be sent; its id.

    Args:
        sources: readers of `made.files`, in their order.
        approval_id: the second officer's approval; needed for t >= 2.
        progress: gets bytes done and bytes in all.

    Raises:
        RootNotCompared, ApprovalMissing, ConsentMissing, NotPermitted, FlagForbids: the rules.
        Unavailable: it derives from bundles of others, and the broker cannot be asked for their newest flags.
        NotFound: the key of the day is not known here; sync first.
        SourceChanged: a file is not what it was at intake; nothing was kept.
    """
    office.require_own(officer)
    officer.require(made.right)
    if tuple(source.file_id for source in sources) != made.files:
        raise FormatError("the files are not those of the draft")
    all_sources = [form_source(made, random_bytes), *sources]
    prohibitions.require_onward(office, officer, made, now=now)
    with office.files.session() as db:
        work = _prepare(db, office, officer, made, approval_id, now, random_bytes)
    spares = [one.value() for one in work.placement.spares()]
    manifest = make_manifest(made.kind, all_sources, work.placement.manifest_handles(), spares)
    padded = padded_length(all_sources, manifest)
    ctx = make_ctx(
        work.bundle_id, work.log, office.agency, officer.handle, officer.signing_key, len(work.operators), padded
    )  # fmt: skip
    writer = ciphertext.PartWriter(office, work.bundle_id)
    try:
        payload = seal_payload(
            work.secrets, ctx, all_sources, manifest, writer.write, progress=lambda done: progress(done, padded)
        )  # fmt: skip
        writer.close()
        prohibitions.require_onward(office, officer, made, now=now)  # large files take long; a flag may have come
        with office.files.session() as db:
            _store(db, office, work, ctx, padded, payload, now, random_bytes)
    except BaseException:
        writer.undo()
        if approval_id is not None:
            with office.files.session() as db:
                approvals.reopen(db, approval_id)
        raise
    return work.bundle_id


def _prepare(
    db: Session,
    office: Office,
    officer: OfficerSession,
    made: Composition,
    approval_id: bytes | None,
    now: int,
    random_bytes: Random,
) -> _Work:
    office.require_running(db)
    case_key(db, officer, made.case_id)
    directory = office.directory(db)
    for agency in made.agencies:
        office.require_known(db, agency)
    today = day_of(now)
    policy.require_consent(made, directory.agency(office.agency).type, today)
    policy.require_live_consents(db, officer, made, now)
    officers = policy.require_officers(directory, made, office.agency)
    operators = [(name, directory.receiving_key(name, today).key) for name in directory.operators]
    secret = handle_keys.handle_secret(db, office, officer, now=now, random_bytes=random_bytes)
    bundle_id = random_bytes(16)
    placement = handle_keys.Placement(secret, bundle_id, made.agencies)
    _place_handles(db, office, made, placement)
    _use_approval(db, office, officer, made, approval_id)
    if made.replaces is not None:
        require_replaceable(db, officer, made.replaces)
    lists = (*made.recipients, Entitled(office.agency, made.own_officers))
    cover = Cover(
        made.kind, made.purposes, made.legal_basis, made.handling, made.keep_until, made.reply_by, made.threshold,
        tuple(sorted(lists, key=lambda one: one.agency)), made.parents, made.replaces, office.seen(db),
    )  # fmt: skip
    return _Work(
        made, officer, directory, directory.origin, bundle_id, new_secrets(len(operators), random_bytes), placement,
        officers, cover, operators,
    )  # fmt: skip


def _place_handles(db: Session, office: Office, made: Composition, placement: handle_keys.Placement) -> None:
    records = list(made.consents)
    parents: list[StoredBundle] = []
    for parent in made.parents:
        row = arrivals.get_stored(db, parent.bundle_id)
        if row.header_digest != parent.header_digest:
            raise FormatError("a parent is named by another header than it has")
        if row.state in ("held", "destroyed", "refused"):
            raise Conflict("a bundle that this one derives from is held or destroyed")
        own = [record for record in handle_keys.own_records(db, row.bundle_id) if record not in records]
        records += own
        parents.append(row)
    for record in records:
        placement.add_consent(record)
    for row in parents:
        handle_keys.add_parents(db, placement, row)


def form_source(made: Composition, random_bytes: Random = os.urandom) -> Source:
    """Entry 0: the form as canonical JSON."""
    raw = dump_json({"v": 1, "kind": made.kind, **made.form})
    parse_form(raw, made.kind)  # what recipients would refuse is not sealed
    return bytes_source(raw, media_type(made.kind), random_bytes(16), random_bytes(16))


def bytes_source(raw: bytes, media_type: str, object_id: bytes, file_id: bytes) -> Source:
    """A small file that is held in memory."""
    pieces = BlockRoot(PIECE_BYTES)
    pieces.update(raw)
    return Source(object_id, file_id, len(raw), sha256(raw), media_type, pieces.root(), lambda: [raw])


def _store(
    db: Session,
    office: Office,
    work: _Work,
    ctx: bytes,
    padded: int,
    payload: SealedPayload,
    now: int,
    random_bytes: Random,
) -> None:
    officer, secrets = work.officer, work.secrets
    # Sealing takes as long as the files are large; a hold that came meanwhile ends it here.
    policy.require_live_consents(db, officer, work.made, now)
    stanzas = seal_stanzas(ctx, secrets.r, _entitled(office, work), random_bytes)
    cover = seal_cover(ctx, secrets.r, work.cover.dump(), random_bytes)
    halves = [seal_half(key, ctx, at, secrets.halves[at - 1]) for at, (_, key) in enumerate(work.operators, start=1)]
    header = Header(
        bundle_id=work.bundle_id, log=work.log, sender_agency=office.agency, sender=officer.handle,
        sender_key=officer.signing_key, padded_bytes=padded,
        agencies=tuple(sorted([*work.made.agencies, office.agency])), stanzas=stanzas,
        c_s=commit_s(work.bundle_id, secrets.s),
        halves=tuple(
            Half(operator, commit_b(work.bundle_id, secrets.halves[at]), sha256(halves[at]))
            for at, (operator, _) in enumerate(work.operators)
        ),
        c_r=commit_r(work.bundle_id, secrets.r), cover_digest=sha256(cover),
        payload_commitment=payload.payload_commitment, contents=payload.contents, root=payload.root,
        handles=work.placement.header(), expires=work.made.expires,
    )  # fmt: skip
    raw = header.dump()
    signature = officer.sign(labels.HEADER, raw)
    row = arrivals.store_bundle(db, parse_header(raw), signature, cover, "out", "sealed", now=now)
    row.case_id, row.tag_key = work.made.case_id, tag_key(secrets.r)
    work.placement.record(db)
    first = first_places(officer, header, work.made.flags)
    version = _sign_first(officer, secrets.r, header, first)
    row.deposit = dump_json(
        _deposit_value(db, office, work, header, signature, cover, halves, version, now, random_bytes)
    )
    note = {notes.COMPOSITION: b64u(work.made.dump()), notes.PARTIES_KEY: b64u(secrets.r)}
    notes.keep_note(db, officer, work.made.case_id, work.bundle_id, note)
    if work.made.replaces is not None:
        _note_replacement(db, officer, work.made.replaces, work.bundle_id)


def require_replaceable(db: Session, officer: OfficerSession, lost: bytes) -> dict[str, Any]:
    """What this desk keeps about a bundle that may be sealed anew, since the broker has lost its key half.

    Raises:
        NotFound: it was not sent from here, or nothing is kept about it.
        Conflict: its half is not lost, or another bundle took its place before.
    """
    row = arrivals.get_stored(db, lost)
    if row.direction != "out" or row.case_id is None:
        raise NotFound("only the agency that sent a bundle seals it again")
    if row.state != "half-lost":
        raise Conflict("the key half of this bundle is not lost")
    note = notes.note_of(db, officer, row.case_id, lost)
    fresh = note.get(REPLACED)
    if fresh is not None and arrivals.get_stored(db, unb64u(fresh, 16)).state != "refused":
        raise Conflict("this bundle was sealed again before")
    return note


def _note_replacement(db: Session, officer: OfficerSession, lost: bytes, fresh: bytes) -> None:
    note = require_replaceable(db, officer, lost)
    case_id = arrivals.get_stored(db, lost).case_id
    if case_id is not None:
        notes.keep_note(db, officer, case_id, lost, {**note, REPLACED: b64u(fresh)})


def _entitled(office: Office, work: _Work) -> list[StanzaFor]:
    found = []
    for agency, certificates in work.officers.items():
        is_own = agency == office.agency
        secret = work.secrets.d if is_own else agency_key(work.secrets.d, agency)
        shares = (
            {1: work.secrets.s}
            if work.made.threshold == 1
            else split(work.secrets.s, work.made.threshold, len(certificates))
        )
        for position, one in enumerate(certificates, start=1):
            share = shares[1 if work.made.threshold == 1 else position]
            if one.receiving_key is None:
                raise NotFound(f"{one.subject} has no receiving key")
            x = 1 if work.made.threshold == 1 else position
            found.append(StanzaFor(one.receiving_key, work.made.threshold, x, share, secret))
        found.append(StanzaFor(work.directory.recovery_key(agency), 1, 1, work.secrets.s, secret))
    return found


def _sign_first(officer: OfficerSession, r: bytes, header: Header, places: Sequence[Record | None]) -> Version:
    if len(places) != PLACES:
        raise FormatError("a register has 64 places")
    return sign_version(officer, officer.handle, r, header.bundle_id, header.digest(), None, places)


def _deposit_value(
    db: Session,
    office: Office,
    work: _Work,
    header: Header,
    signature: bytes,
    cover: bytes,
    halves: Sequence[bytes],
    version: Version,
    now: int,
    random_bytes: Random,
) -> dict[str, Any]:
    object_key, seen = tag_key(work.secrets.r), office.seen(db)
    tag = tag_of(object_key, office.agency, 0)
    base = events.common("deposited", seen.origin, office.agency, work.officer.handle, 0, tag, now, seen)
    body = events.on_bundle(base, header.bundle_id, header.digest(), register_digest=b64u(version.digest))
    statement = work.officer.sign_statement(labels.EVENT_SIGNATURE, make_statement(body))
    salt = random_bytes(SALT_BYTES)
    outbox.record_event(
        db, statement=statement, salt=salt, object_kind="bundle", object_id=header.bundle_id, number=0, tag=tag,
        append_signature=None, officer=work.officer.handle, now=now, state=outbox.DEPOSIT,
    )  # fmt: skip
    return {
        "header": b64u(header.dump()),
        "signature": b64u(signature),
        "halves": [b64u(one) for one in halves],
        "cover": b64u(cover),
        "register": version_value(version, random_bytes(SALT_BYTES), tag_of(object_key, "", version.version)),
        "event": {"statement": b64u(statement.dump()), "salt": b64u(salt)},
    }


# ---- Sending ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where the bundle stands in the log, and the proof."""

    bundle_id: bytes
    log_index: int
    proof: bytes = field(repr=False)


def send(office: Office, bundle_id: bytes, *, now: int, progress: Progress = ignore_progress) -> Receipt:
    """Deposit a sealed bundle and upload its parts. It may be called again after any interruption.

    Args:
        progress: gets parts done and parts in all.

    Raises:
        HalfKeyExpired, HandleUsed: it has to be sealed anew; the draft is still there (`notes.note_of`).
        Unavailable: the broker cannot be reached; call again later.
    """
    with office.files.session() as db:
        office.require_running(db)
        row = arrivals.get_stored(db, bundle_id)
        header, deposit = parse_header(row.header), row.deposit
        if row.direction != "out" or row.state == "refused":
            raise Conflict("this bundle cannot be sent")
    if deposit is not None:
        _deposit(office, header, parse_json(deposit, max_bytes=2**23), now)
    have, complete = office.client.parts(bundle_id)
    count = ciphertext.part_count(header.payload_bytes)
    if not complete:
        _upload(office, header, have, count, progress)
    progress(count, count)
    with office.files.session() as db:
        row = arrivals.get_stored(db, bundle_id)
        if row.state in ("sealed", "depositing"):
            row.state = "sent"
        if row.log_index is None or row.proof is None:
            raise NotFound("the broker has given no receipt for this bundle")
        return Receipt(bundle_id, row.log_index, row.proof)


def _deposit(office: Office, header: Header, value: dict[str, Any], now: int) -> None:
    try:
        answer = office.client.deposit(value)
    except (HalfKeyExpired, HandleUsed) as error:
        with office.files.session() as db:
            row = arrivals.get_stored(db, header.bundle_id)
            row.state, row.deposit = "refused", None
            for event in outbox.own_events(db, "bundle", header.bundle_id):
                outbox.mark_refused(db, event.position, error.code)
        raise
    index, register_index = integer_of(answer, "index"), integer_of(answer, "register_index")
    with office.files.session() as db:
        event = outbox.own_events(db, "bundle", header.bundle_id)[0]
        position, entry, statement = event.position, event.entry, event.statement
    proof = follow.check_proof(office, text_of(answer, "proof"), entry, index)
    with office.files.session() as db:
        row = arrivals.get_stored(db, header.bundle_id)
        outbox.mark_logged(db, position, index, proof)
        version, salt, tag, _ = _first_version(row, value["register"])
        arrivals.keep_version(db, version, salt, tag, register_index, made_here_at=now)
        row.log_index, row.proof, row.deposit, row.state = index, proof, None, "depositing"
        arrivals.keep_own_event(db, header.bundle_id, index, statement, unb64u(value["event"]["salt"]), None)


def _first_version(row: StoredBundle, value: dict[str, Any]) -> tuple[Version, bytes, bytes, int]:
    version = Version(
        row.bundle_id, row.header_digest, 1, unb64u(value["previous"], 32), unb64u(value["box"]), value["officer"],
        unb64u(value["signature"], 64),
    )  # fmt: skip
    return version, unb64u(value["salt"], 32), unb64u(value["tag"], 16), 0


def _upload(office: Office, header: Header, have: set[int], count: int, progress: Progress) -> None:
    for number in range(count):
        if number not in have:
            office.client.put_part(
                header.bundle_id, number, office.files.blobs.get(ciphertext.blob_key(header.bundle_id, number))
            )
        progress(number + 1, count)


def day_of(now: int) -> str:
    """The UTC date of a POSIX time."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()
