"""Opening a bundle, in the order of docs/protocol.md 4, stopping at the first failure.

A request that stands in the log is always followed by `opened` or `open-failed`. Plaintext exists as a stream in memory
only, as long as the officer is signed in; the ciphertext is read in segments that were checked against the header.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from crypto import hybrid
from crypto.buffers import overwrite, overwrite_bytes
from crypto.encoding import b64u, parse_json, unb64u
from crypto.opening import OpenBundle, Stanza, combine_shares
from custody import events
from errors import AmparoError, ApprovalMissing, CommitmentMismatch, DecryptionFailed, FormatError, IntegrityError
from exchange import (
    acts,
    approvals,
    arrivals,
    ciphertext,
    exports,
    handle_keys,
    joint,
    registers,
    release,
    restoring,
    returning,
)
from exchange.joint import approve_opening, ask_approval, takes_two
from exchange.models import Approval
from exchange.office import Office, raise_alarm
from exchange.opened import (
    Opened,
    Segments,
    check_extracts,
    ignore_progress,
    read_form,
    require_beginning,
    require_parents,
)
from exchange.reading import Preview
from exchange.sync import push_outbox

Random = Callable[[int], bytes]
Progress = Callable[[int, int], object]

__all__ = ["Opened", "approve_opening", "ask_approval", "open_bundle", "takes_two"]


@dataclass
class _Try:
    """One attempt: what was asked, and what has to be overwritten at its end."""

    seen: Preview
    asked: release.Asked = field(repr=False)
    shares: list[Stanza] = field(repr=False)
    one_time: bytearray = field(repr=False)

    def wipe(self) -> None:
        overwrite(self.one_time)
        for one in self.shares:
            overwrite_bytes(one.share)


def open_bundle(
    office: Office,
    officer: OfficerSession,
    bundle_id: bytes,
    *,
    purpose: str,
    legal_basis: str,
    place: str = "office",
    acknowledged: bytes,
    approval_id: bytes | None = None,
    as_files: exports.AsFiles | None = None,
    now: int,
    progress: Progress = ignore_progress,
    random_bytes: Random = os.urandom,
) -> Opened:
    """Open a bundle on the record.

    Args:
        purpose: one of the cover's.
        acknowledged: `register_digest` of the preview whose flags the officer has read.
        approval_id: the colleague's approval, where it takes two.
        as_files: given when it will be written out as plain files: the record says so, and a flag may forbid it.
        progress: gets bytes done and bytes in all, first of fetching, then of checking.

    Raises:
        RegisterStale: flags changed; read them again.
        Conflict: this agency has returned it.
        ApprovalMissing, NotPermitted, NotEntitled, ReleaseHeld, ReleaseDestroyed, ...: nothing was opened.
        IntegrityError: what came is not what was sealed; `open-failed` is on record, and an alarm.
        Unavailable: the broker did not answer; the request may stand in the log all the same.
    """
    seen = release.look(office, officer, bundle_id, now=now)
    joint.require_allowed(seen, officer, purpose, legal_basis)
    with office.files.session() as db:
        returning.require_not_returned(db, office, bundle_id)
    release.require_acknowledged(office, seen, acknowledged)
    if approval_id is None and takes_two(seen, now=now):
        raise ApprovalMissing("this opens with two officers; ask a colleague first")
    if as_files is not None:
        exports.require_as_files(seen, as_files, officers=1 if approval_id is None else 2, now=now)
    note = "" if as_files is None else as_files.note
    ciphertext.fetch_payload(office, bundle_id, progress)
    stated = {"purpose": purpose, "legal_basis": legal_basis, "place": place}
    if approval_id is None:
        attempt = _ask_alone(office, officer, seen, stated, now, random_bytes)
    else:
        attempt = _ask_with(office, officer, seen, stated, approval_id, note, now, random_bytes)
    try:
        answer = release.send_request(office, attempt.asked, seen.version.version, now=now)
        return _open_answer(office, officer, attempt, answer, note, progress, now)
    finally:
        attempt.wipe()


def _ask_alone(
    office: Office, officer: OfficerSession, seen: Preview, stated: Mapping[str, str], now: int, random_bytes: Random
) -> _Try:
    one_time = hybrid.generate(random_bytes)
    with office.files.session() as db:
        public_key = hybrid.ReceivingKey(one_time).public_key
        body = release.request_body(db, office, officer, seen, public_key, now=now)
        details = {**stated, "approval": None}
        asked = release.record_request(db, office, officer, seen, body, details, now=now, random_bytes=random_bytes)
    return _Try(seen, asked, [seen.stanza], one_time)


def _ask_with(
    office: Office,
    officer: OfficerSession,
    seen: Preview,
    stated: Mapping[str, str],
    approval_id: bytes,
    note: str,
    now: int,
    random_bytes: Random,
) -> _Try:
    """Record the request that the colleague signed; one transaction, so that a failure leaves the approval usable."""
    with office.files.session() as db:
        answer = approvals.use(db, office, officer, approval_id, joint.OPEN)
        subject = answer.subject["subjects"][0]
        one_time = bytearray(unb64u(answer.own["one_time"], hybrid.SECRET_BYTES))
        public_key = hybrid.ReceivingKey(one_time).public_key
        body = release.request_body(db, office, officer, seen, public_key, now=now)
        core = parse_json(unb64u(subject["core"]))
        if isinstance(core, dict):
            body["checkpoint"] = core.get("checkpoint")
        stays = (subject["purpose"], subject["legal_basis"]) == (stated["purpose"], stated["legal_basis"])
        stays = stays and (answer.subject["shown"].get("export") or "") == note
        if not stays or events.core_of(body) != unb64u(subject["core"]):
            raise ApprovalMissing("something changed since your colleague approved this; ask again")
        shares = [seen.stanza]
        if seen.stanza.threshold > 1:
            shares.append(joint.open_share(officer, approval_id, answer.more, seen.stanza))
        approval = {"officer": answer.officer, "signature": b64u(answer.signature)}
        asked = release.record_request(
            db, office, officer, seen, body, {**stated, "approval": approval}, now=now, random_bytes=random_bytes
        )  # fmt: skip
        row = db.get(Approval, approval_id)
        if row is not None:  # the one-time key and the share have no place at rest once the request is made
            row.own_box, row.answer_box = b"", None
    return _Try(seen, asked, shares, one_time)


def _open_answer(
    office: Office,
    officer: OfficerSession,
    attempt: _Try,
    answer: release.Answer,
    note: str,
    progress: Progress,
    now: int,
) -> Opened:
    opened: Opened | None = None
    try:
        if answer.refusal is not None:
            raise answer.refusal
        opened = _decrypt(office, officer, attempt, answer)
        opened.request = answer.index
        opened.verify(progress)
        with office.files.session() as db:
            index = arrivals.get_stored(db, opened.bundle_id).log_index or 0
            check_extracts(office.directory(db), opened.header, index, opened.manifest, opened.form)
            require_parents(db, opened.header, opened.cover, opened.manifest)
            handle_keys.keep_given(
                db, office.agency, opened.bundle_id, opened.header.handles, opened.manifest["spares"]
            )
            if opened.header.sender_agency == office.agency:
                restoring.relink(db, office, officer, opened.header, opened.manifest, now=now)
            _record(db, office, officer, attempt.seen, "opened", note, answer.index, now)
    except BaseException as error:
        if opened is not None:
            opened.close()
        _record_failure(office, officer, attempt.seen, answer.index, error, now)
        raise
    _afterwards(office, officer, opened.bundle_id, now)
    return opened


def _decrypt(office: Office, officer: OfficerSession, attempt: _Try, answer: release.Answer) -> Opened:
    """Half, shares, payload commitment, segments, chunks, manifest, entries, form: in this order."""
    header = attempt.seen.header
    halves: list[bytes] = []
    s = b""
    content: OpenBundle | None = None
    try:
        halves = release.open_halves(attempt.asked, answer, attempt.one_time)
        s = combine_shares(header, attempt.shares)
        require_beginning(office, header)
        content = OpenBundle(header, s, halves, Segments(office, header).read)
        form = read_form(content, attempt.seen.cover)
        return Opened(office, officer, attempt.seen, content, form)
    except BaseException:
        if content is not None:
            content.close()
        raise
    finally:
        for secret in (s, *halves):
            overwrite_bytes(secret)


# ---- On the record ----------------------------------------------------------------------------------------------


def _record(
    db: Session, office: Office, officer: OfficerSession, seen: Preview, kind: str, note: str, request: int, now: int
) -> None:
    acts.record_on_bundle(
        db, office, officer, seen.header, seen.stanza, kind, {"note": note}, now=now, request=request
    )  # fmt: skip


def _record_failure(
    office: Office, officer: OfficerSession, seen: Preview, request: int, error: BaseException, now: int
) -> None:
    code = error.code if isinstance(error, AmparoError) else "interrupted"
    with office.files.session() as db:
        _record(db, office, officer, seen, "open-failed", code, request, now)
        if isinstance(error, IntegrityError | FormatError):
            evidence = {"message": error.message, "code": code, "request": request}
            raise_alarm(db, "open-failed", f"{seen.header.bundle_id.hex()} {request}", evidence, now=now)
            is_damaged = isinstance(error, CommitmentMismatch | DecryptionFailed)
            if is_damaged and arrivals.get_stored(db, seen.header.bundle_id).direction == "in":
                ciphertext.drop_payload(office, seen.header)  # what was damaged here is fetched anew
    with suppress(AmparoError):
        push_outbox(office, now=now)


def _afterwards(office: Office, officer: OfficerSession, bundle_id: bytes, now: int) -> None:
    """Push what was recorded, and rewrite the register, so that a raise is one more rewrite. Either may wait."""
    with suppress(AmparoError):
        push_outbox(office, now=now)
        registers.rewrite(office, officer, bundle_id, now=now)
