"""Acts that take two: one officer asks, another answers with a sign-in of their own (guarantee G7).

The subject is sealed to every officer who may answer, the answer to the officer who asked; the row itself says only
who, what kind, and when. The answer carries the second officer's signature over exactly the subject, so that it counts
for nothing else.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from agencies.models import Member
from agencies.rights import has_right
from crypto import hybrid, labels
from crypto.digests import sha256
from crypto.encoding import b64u, dump_json, fields, parse_json, unb64u
from crypto.signing import verify
from errors import ApprovalMissing, Conflict, FormatError, NotFound, NotPermitted
from exchange.models import Approval, ApprovalReader
from exchange.office import Office

WAITING: Final = "waiting"
GRANTED: Final = "granted"
DENIED: Final = "denied"
USED: Final = "used"
RECALLED: Final = "recalled"
LARGEST_BYTES: Final = 8 * 2**20
SALT_BYTES: Final = 16

# What the second officer signs, by kind: label, and the values behind it.
Signed = Callable[[Mapping[str, Any]], tuple[bytes, Sequence[bytes | str]]]


def _approve(subject: Mapping[str, Any]) -> tuple[bytes, Sequence[bytes | str]]:
    return labels.APPROVE, (unb64u(subject["core"]), str(subject["purpose"]), str(subject["legal_basis"]))


def _event(subject: Mapping[str, Any]) -> tuple[bytes, Sequence[bytes | str]]:
    return labels.EVENT_SIGNATURE, (unb64u(subject["core"]),)


def _flag(subject: Mapping[str, Any]) -> tuple[bytes, Sequence[bytes | str]]:
    return labels.FLAG, (
        unb64u(subject["bundle_id"], 16), unb64u(subject["header_digest"], 32), unb64u(subject["core"]),
    )  # fmt: skip


SIGNED: Final[Mapping[str, Signed]] = {
    "open": _approve,
    "seal": _approve,
    "hand-on": _approve,
    "keep": _approve,
    "lift": _event,
    "destroy": _event,
    "lower": _flag,
    "lift-flag": _approve,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the second officer reads."""

    approval_id: bytes
    kind: str
    object_id: bytes
    asked_by: str
    asked_at: int
    subject: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What the first officer goes on with: the subject, own notes, the second officer's signatures and more."""

    kind: str
    officer: str
    subject: Mapping[str, Any] = field(repr=False)
    own: Mapping[str, Any] = field(repr=False)
    signatures: tuple[bytes, ...] = field(repr=False)
    more: Mapping[str, Any] = field(repr=False)

    @property
    def signature(self) -> bytes:
        """The first signature."""
        return self.signatures[0]


def ask(
    db: Session,
    officer: OfficerSession,
    kind: str,
    object_id: bytes,
    subjects: Sequence[Mapping[str, Any]],
    *,
    own: Mapping[str, Any] | None = None,
    shown: Mapping[str, Any] | None = None,
    now: int,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Put a question to the other officers of this desk; the approval's id.

    Args:
        kind: key of `SIGNED`.
        object_id: the bundle, handle, record or case that it is about; never a digest of words.
        subjects: each with `core` and what else is signed; the second officer signs each.
        own: what this officer needs later, sealed to herself.
        shown: what else the second officer should read.

    Raises:
        NotFound: nobody else at this desk may answer.
    """
    if kind not in SIGNED or not subjects:
        raise FormatError("a question of no known kind")
    approval_id = random_bytes(16)
    # The row has the subject's digest in clear. Without the salt, whoever has the file could try words against it.
    value = {"v": 1, "kind": kind, "salt": b64u(random_bytes(SALT_BYTES)), "shown": dict(shown or {})}
    subject = dump_json({**value, "subjects": [dict(one) for one in subjects]})
    own_text = dump_json({"v": 1, "own": dict(own or {}), "subject": b64u(subject)})
    db.add(
        Approval(
            approval_id=approval_id, kind=kind, object_id=object_id, asked_by=officer.handle, asked_at=now,
            subject_digest=sha256(subject), state=WAITING,
            own_box=hybrid.seal(officer.receiving.public_key, _info(approval_id, "own"), own_text),
        )
    )  # fmt: skip
    db.flush()
    readers = _others(db, officer.handle)
    if not readers:
        raise NotFound("nobody else at this desk may answer; an agency of one officer has a deputy")
    for member in readers:
        box = hybrid.seal(member.receiving_key, _info(approval_id, "subject"), subject)
        db.add(ApprovalReader(approval_id=approval_id, officer=member.handle, box=box))
    db.flush()
    return approval_id


def _others(db: Session, handle: str) -> list[Member]:
    members = db.scalars(select(Member).where(Member.left_at.is_(None), Member.handle != handle))
    return [one for one in members if has_right(one.roles.split(" "), "approve")]


def _info(approval_id: bytes, part: str) -> bytes:
    return fields(labels.APPROVAL_BOX, approval_id, part)


def list_waiting(db: Session, officer: OfficerSession) -> list[Approval]:
    """Questions that this officer may answer, oldest first."""
    query = (
        select(Approval)
        .join(ApprovalReader, ApprovalReader.approval_id == Approval.approval_id)
        .where(ApprovalReader.officer == officer.handle, Approval.state == WAITING)
    )
    return list(db.scalars(query.order_by(Approval.asked_at)))


def list_asked(db: Session, officer: OfficerSession) -> list[Approval]:
    """Questions of this officer, newest first."""
    query = select(Approval).where(Approval.asked_by == officer.handle)
    return list(db.scalars(query.order_by(Approval.asked_at.desc())))


def read(db: Session, officer: OfficerSession, approval_id: bytes) -> Asked:
    """What is asked of this officer.

    Raises:
        NotFound: no such question, or not to this officer.
        FormatError: what stands there is not what was asked.
    """
    row, reader = db.get(Approval, approval_id), db.get(ApprovalReader, (approval_id, officer.handle))
    if row is None or reader is None:
        raise NotFound("there is no such question to you")
    raw = officer.receiving.open(_info(approval_id, "subject"), reader.box)
    if sha256(raw) != row.subject_digest:
        raise FormatError("the question was changed after it was asked")
    value = parse_json(raw, max_bytes=LARGEST_BYTES)
    return Asked(approval_id, row.kind, row.object_id, row.asked_by, row.asked_at, value)


def read_own(db: Session, officer: OfficerSession, approval_id: bytes) -> Asked:
    """What this officer asked, for the page on which she waits.

    Raises:
        NotFound: no such question of hers; also once what she asked for is under way, since its secrets are gone then.
        FormatError: what stands there is not what she asked.
    """
    row = db.get(Approval, approval_id)
    if row is None or row.asked_by != officer.handle or not row.own_box:
        raise NotFound("there is no such question of yours")
    own = parse_json(officer.receiving.open(_info(approval_id, "own"), row.own_box), max_bytes=LARGEST_BYTES)
    raw = unb64u(own["subject"])
    if sha256(raw) != row.subject_digest:
        raise FormatError("the question was changed after it was asked")
    value = parse_json(raw, max_bytes=LARGEST_BYTES)
    return Asked(approval_id, row.kind, row.object_id, row.asked_by, row.asked_at, value)


def newest_asked(db: Session, officer: OfficerSession, kind: str, object_id: bytes) -> Approval | None:
    """The newest question of this officer about something, whatever became of it."""
    query = select(Approval).where(
        Approval.asked_by == officer.handle, Approval.kind == kind, Approval.object_id == object_id
    )
    return db.scalar(query.order_by(Approval.asked_at.desc(), Approval.approval_id).limit(1))


def grant(
    db: Session, officer: OfficerSession, approval_id: bytes, *, now: int, more: Mapping[str, Any] | None = None
) -> None:
    """Approve, with a signature over each subject.

    Args:
        more: what travels to the first officer besides, e.g. a share.

    Raises:
        NotPermitted: the officer asked this herself, or has no right to approve.
        Conflict: it was answered before.
    """
    row = _answerable(db, officer, approval_id)
    asked = read(db, officer, approval_id)
    signatures = []
    for subject in asked.subject["subjects"]:
        label, values = SIGNED[row.kind](subject)
        signatures.append(officer.sign(label, *values))
    answer = dump_json(
        {"v": 1, "officer": officer.handle, "signatures": [b64u(one) for one in signatures], "more": dict(more or {})}
    )
    member = db.get(Member, row.asked_by)
    if member is None:
        raise NotFound("the officer who asked is not at this desk any more")
    row.answer_box = hybrid.seal(member.receiving_key, _info(approval_id, "answer"), answer)
    row.state, row.answered_by, row.answered_at = GRANTED, officer.handle, now


def deny(db: Session, officer: OfficerSession, approval_id: bytes, *, now: int) -> None:
    """Refuse; the question is closed."""
    row = _answerable(db, officer, approval_id)
    row.state, row.answered_by, row.answered_at = DENIED, officer.handle, now


def recall(db: Session, officer: OfficerSession, approval_id: bytes) -> None:
    """Take an own question back, as when what it is about was changed; nobody goes on with it.

    Raises:
        NotFound: no such question of this officer.
        Conflict: it was used already.
    """
    row = db.get(Approval, approval_id)
    if row is None or row.asked_by != officer.handle:
        raise NotFound("there is no such question of yours")
    if row.state == USED:
        raise Conflict("this was carried out already")
    row.state = RECALLED


def get_question(db: Session, officer: OfficerSession, approval_id: bytes) -> Approval:
    """A question that this officer asked, or may answer: who, what kind, when, and what became of it.

    Raises:
        NotFound
    """
    row = db.get(Approval, approval_id)
    may_see = row is not None and (
        row.asked_by == officer.handle or db.get(ApprovalReader, (approval_id, officer.handle)) is not None
    )
    if row is None or not may_see:
        raise NotFound("there is no such question to you")
    return row


def readers_of(db: Session, approval_id: bytes) -> list[str]:
    """Handles of the officers who may answer a question."""
    query = select(ApprovalReader.officer).where(ApprovalReader.approval_id == approval_id)
    return sorted(db.scalars(query))


def _answerable(db: Session, officer: OfficerSession, approval_id: bytes) -> Approval:
    officer.require("approve")
    row = db.get(Approval, approval_id)
    if row is None:
        raise NotFound("there is no such question")
    if row.asked_by == officer.handle:
        raise NotPermitted("nobody approves what they asked themselves")
    if row.state == RECALLED:
        raise Conflict("it changed since you read it; your colleague asks again")
    if row.state != WAITING:
        raise Conflict("this was answered already")
    return row


def use(db: Session, office: Office, officer: OfficerSession, approval_id: bytes, kind: str) -> Answered:
    """Go on with what was approved, once. The second officer's signatures are checked against the directory.

    Raises:
        ApprovalMissing: not answered yet, refused, or used up.
        NotFound: no such question of this officer.
        SignatureInvalid: the second officer has no certificate that counts, or signed something else.
    """
    row = db.get(Approval, approval_id)
    if row is None or row.asked_by != officer.handle or row.kind != kind:
        raise NotFound("there is no such question of yours")
    if row.state != GRANTED or row.answer_box is None or row.answered_by in (None, officer.handle):
        raise ApprovalMissing
    own = parse_json(officer.receiving.open(_info(approval_id, "own"), row.own_box), max_bytes=LARGEST_BYTES)
    answer = parse_json(officer.receiving.open(_info(approval_id, "answer"), row.answer_box), max_bytes=LARGEST_BYTES)
    raw = unb64u(own["subject"])
    if sha256(raw) != row.subject_digest or answer["officer"] != row.answered_by:
        raise FormatError("the answer belongs to another question")
    subject = parse_json(raw, max_bytes=LARGEST_BYTES)
    signatures = tuple(unb64u(one, 64) for one in answer["signatures"])
    certificate = office.directory(db).certificate(answer["officer"])
    if certificate.agency != officer.agency or certificate.signing_key is None:
        raise NotPermitted("the second officer is of another agency")
    for one, signature in zip(subject["subjects"], signatures, strict=True):
        label, values = SIGNED[kind](one)
        verify(certificate.signing_key, label, *values, signature=signature)
    row.state = USED
    return Answered(kind, answer["officer"], subject, own["own"], signatures, answer["more"])


def reopen(db: Session, approval_id: bytes) -> None:
    """Give a used approval back: the act failed before anything was signed or sent."""
    row = db.get(Approval, approval_id)
    if row is not None and row.state == USED:
        row.state = GRANTED
