"""Tables of a desk for the traffic: the log it follows, bundles, registers, events, approvals, handles, filed items.

Everything is ciphertext, hashes, or public statements. What an officer wrote is sealed under the case key or to
the officers who may read it.
"""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import DeskBase
from storage.types import Digest, Identifier, SealedBytes


class LogState(DeskBase):
    """The log as far as this desk has followed and checked it. One row."""

    __tablename__ = "log_state"

    origin: Mapped[str] = mapped_column(String(200), primary_key=True)
    broker: Mapped[str] = mapped_column(String(40))
    vkeys: Mapped[str] = mapped_column(Text)  # pinned verifier keys, one per line
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(Digest)
    frontier: Mapped[bytes] = mapped_column(SealedBytes)
    note: Mapped[bytes] = mapped_column(SealedBytes)  # newest checked checkpoint
    mailbox_cursor: Mapped[int] = mapped_column(BigInteger)
    is_stopped: Mapped[bool] = mapped_column(Boolean)  # a rollback or fork was seen: nothing is sent or opened
    synced_at: Mapped[int] = mapped_column(BigInteger)
    # Where the log of a restored broker ended, until this desk has sent again all that it had sent behind that.
    restored_from: Mapped[int | None] = mapped_column(BigInteger)


class LogEntry(DeskBase):
    """Tag and commitment of one sealed entry of the log."""

    __tablename__ = "log_entry"

    log_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    tag: Mapped[bytes] = mapped_column(Identifier, index=True)
    commitment: Mapped[bytes] = mapped_column(Digest)


class DirectoryRow(DeskBase):
    """One directory statement, as it stands in the log."""

    __tablename__ = "directory_row"

    log_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    statement: Mapped[bytes] = mapped_column(SealedBytes)


class OwnStatement(DeskBase):
    """A directory statement that this desk sent; one about this agency that is not here is an alarm."""

    __tablename__ = "own_statement"

    digest: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    made_at: Mapped[int] = mapped_column(BigInteger)


class CheckpointRow(DeskBase):
    """A checked checkpoint with this desk's cosignatures and those of others."""

    __tablename__ = "checkpoint_row"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    note: Mapped[bytes] = mapped_column(SealedBytes)
    is_sent: Mapped[bool] = mapped_column(Boolean)


class Alarm(DeskBase):
    """Something that a person has to look at; `evidence` is what can be shown to a third party."""

    __tablename__ = "alarm"

    alarm_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    evidence: Mapped[bytes] = mapped_column(SealedBytes)
    raised_at: Mapped[int] = mapped_column(BigInteger)
    seen_by: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (UniqueConstraint("kind", "subject"),)


class Draft(DeskBase):
    """A bundle being composed, sealed under the key of its case."""

    __tablename__ = "draft"

    draft_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(SealedBytes)
    made_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[int] = mapped_column(BigInteger)


class StoredBundle(DeskBase):
    """A bundle that this agency sends or receives. The ciphertext lies in the blobs, part by part."""

    __tablename__ = "stored_bundle"

    bundle_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    header: Mapped[bytes] = mapped_column(SealedBytes)
    header_digest: Mapped[bytes] = mapped_column(Digest, unique=True)
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))
    cover: Mapped[bytes] = mapped_column(SealedBytes)
    sender_agency: Mapped[str] = mapped_column(String(40))
    direction: Mapped[str] = mapped_column(String(4))  # out | in
    state: Mapped[str] = mapped_column(String(12))
    # out: sealed, depositing, sent; in: arrived; both: held, destroyed, expired, half-lost, refused
    case_id: Mapped[bytes | None] = mapped_column(Identifier, index=True)
    tag_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    deposit: Mapped[bytes | None] = mapped_column(SealedBytes)  # what is deposited; gone with the receipt
    log_index: Mapped[int | None] = mapped_column(BigInteger)
    proof: Mapped[bytes | None] = mapped_column(SealedBytes)
    events_after: Mapped[int] = mapped_column(BigInteger)
    added_at: Mapped[int] = mapped_column(BigInteger)


class BundleNote(DeskBase):
    """What the desk keeps of a bundle for its officers, sealed under a case key: what it was about, and where to go on.

    The row of a bundle that was received is made when an officer files something or links it to a case.
    """

    __tablename__ = "bundle_note"

    bundle_id: Mapped[bytes] = mapped_column(ForeignKey("stored_bundle.bundle_id"), primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(SealedBytes)


class RegisterRow(DeskBase):
    """One version of a bundle's flag register."""

    __tablename__ = "register_row"

    bundle_id: Mapped[bytes] = mapped_column(ForeignKey("stored_bundle.bundle_id"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    previous: Mapped[bytes] = mapped_column(Digest)
    box: Mapped[bytes] = mapped_column(SealedBytes)
    officer: Mapped[str] = mapped_column(String(64))
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))
    salt: Mapped[bytes] = mapped_column(Digest)
    tag: Mapped[bytes] = mapped_column(Identifier)
    log_index: Mapped[int] = mapped_column(BigInteger)
    made_here_at: Mapped[int | None] = mapped_column(BigInteger)


class BundleEvent(DeskBase):
    """An event on a bundle or on one of its handles, by whichever agency."""

    __tablename__ = "bundle_event"

    bundle_id: Mapped[bytes] = mapped_column(ForeignKey("stored_bundle.bundle_id"), primary_key=True)
    log_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(24))
    agency: Mapped[str] = mapped_column(String(40))
    number: Mapped[int] = mapped_column(BigInteger)
    statement: Mapped[bytes] = mapped_column(SealedBytes)
    salt: Mapped[bytes] = mapped_column(Digest)
    details_box: Mapped[bytes | None] = mapped_column(SealedBytes)


class Approval(DeskBase):
    """Something that takes two: asked by one officer, answered by another with a sign-in of their own."""

    __tablename__ = "approval"

    approval_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    object_id: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    asked_by: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[int] = mapped_column(BigInteger)
    subject_digest: Mapped[bytes] = mapped_column(Digest)
    own_box: Mapped[bytes] = mapped_column(SealedBytes)  # to the asking officer: what is needed to go on
    state: Mapped[str] = mapped_column(String(8))  # waiting | granted | denied | used
    answered_by: Mapped[str | None] = mapped_column(String(64))
    answered_at: Mapped[int | None] = mapped_column(BigInteger)
    answer_box: Mapped[bytes | None] = mapped_column(SealedBytes)  # to the asking officer: signature and share


class ApprovalReader(DeskBase):
    """The subject of an approval, sealed to one officer who may answer."""

    __tablename__ = "approval_reader"

    approval_id: Mapped[bytes] = mapped_column(ForeignKey("approval.approval_id"), primary_key=True)
    officer: Mapped[str] = mapped_column(String(64), primary_key=True)
    box: Mapped[bytes] = mapped_column(SealedBytes)


class HandleSecret(DeskBase):
    """The agency's one secret behind all its handles, wrapped to an officer, or to `recovery`."""

    __tablename__ = "handle_secret"

    holder: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(SealedBytes)
    given_by: Mapped[str] = mapped_column(String(64))
    given_at: Mapped[int] = mapped_column(BigInteger)


class HandleUse(DeskBase):
    """A handle that this desk knows: in a header, or a spare that it was given or has dealt.

    `record` is the consent record that an own place rests on, or the bundle itself for the place by which it is stopped
    alone. `is_used`: taken for a derivative or dealt further.
    """

    __tablename__ = "handle_use"

    handle: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    bundle_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    place: Mapped[int] = mapped_column(Integer)  # header place that it stands in or was given for
    role: Mapped[str] = mapped_column(String(8))  # header | given | own
    own_place: Mapped[int | None] = mapped_column(Integer)  # number in the derivation, for the agency's own
    record: Mapped[bytes | None] = mapped_column(Identifier, index=True)
    parent_handle: Mapped[bytes | None] = mapped_column(Digest)
    is_used: Mapped[bool] = mapped_column(Boolean, default=False)

    __table_args__ = (Index("ix_handle_use_bundle", "bundle_id"),)

    @property
    def consent(self) -> bytes | None:
        """The consent record behind it; None also for the place that stands for the bundle itself."""
        return None if self.record == self.bundle_id else self.record


class Filed(DeskBase):
    """Something kept out of a received bundle: sealed under the case key, found by its handles."""

    __tablename__ = "filed"

    item_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    bundle_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    content: Mapped[bytes] = mapped_column(SealedBytes)  # JSON: entry, salt, path, index, key of the blob
    blob_key: Mapped[str | None] = mapped_column(String(120))
    filed_by: Mapped[str] = mapped_column(String(64))
    filed_at: Mapped[int] = mapped_column(BigInteger)
    ground: Mapped[bytes | None] = mapped_column(SealedBytes)  # JSON: why it outlives an order to delete, who decided


class FiledHandle(DeskBase):
    """A handle on which a filed item rests."""

    __tablename__ = "filed_handle"

    item_id: Mapped[bytes] = mapped_column(ForeignKey("filed.item_id", ondelete="CASCADE"), primary_key=True)
    handle: Mapped[bytes] = mapped_column(Digest, primary_key=True, index=True)


class PackUse(DeskBase):
    """A pack that was built of filed items; a purge order marks it."""

    __tablename__ = "pack_use"

    pack_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    handle: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    disclosed: Mapped[bool] = mapped_column(Boolean)
    is_blocked: Mapped[bool] = mapped_column(Boolean)


class HandleOrder(DeskBase):
    """A hold, lifting or destruction of a handle that concerns this desk."""

    __tablename__ = "handle_order"

    handle: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    log_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(20))
    agency: Mapped[str] = mapped_column(String(40))  # of the maker
    one_time_key: Mapped[bytes | None] = mapped_column(SealedBytes)
    items: Mapped[int] = mapped_column(Integer)  # deleted because of it
    state: Mapped[str] = mapped_column(String(10))  # noted | deleted | answered
    bundle_ids: Mapped[bytes] = mapped_column(SealedBytes)


class Withdrawal(DeskBase):
    """A hold or withdrawal of one consent record or of one sent bundle, by this agency."""

    __tablename__ = "withdrawal"

    withdrawal_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    record: Mapped[bytes] = mapped_column(Identifier, index=True)
    state: Mapped[str] = mapped_column(String(10))  # held | lifted | destroyed
    asked_by: Mapped[str] = mapped_column(String(64))
    reason: Mapped[bytes | None] = mapped_column(SealedBytes)  # why it was held, under a key of the case
    held_at: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[int] = mapped_column(BigInteger)


class ReceiptCode(DeskBase):
    """A code that a survivor was given on paper or in words. The code itself is not kept.

    `lookup` is a keyed hash of it; whom it leads to is sealed under the vault key of the case.
    """

    __tablename__ = "receipt_code"

    code_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    lookup: Mapped[bytes] = mapped_column(Digest, unique=True)
    content: Mapped[bytes] = mapped_column(SealedBytes)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[int] = mapped_column(BigInteger)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)


class CodeTry(DeskBase):
    """That an officer typed a code that no paper has."""

    __tablename__ = "code_try"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    officer: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[int] = mapped_column(BigInteger)


class TextReading(DeskBase):
    """That a native speaker has read one version of the texts for survivors; who that was is sealed."""

    __tablename__ = "text_reading"

    reading_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    language: Mapped[str] = mapped_column(String(8))
    digest: Mapped[bytes] = mapped_column(Digest)  # of the texts
    content: Mapped[bytes] = mapped_column(SealedBytes)  # under a key out of the agency's handle secret
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[int] = mapped_column(BigInteger)


class PurgeReceipt(DeskBase):
    """An answer to a purge order of this agency, still sealed to its one-time key."""

    __tablename__ = "purge_receipt"

    log_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    handle: Mapped[bytes] = mapped_column(Digest, index=True)
    agency: Mapped[str] = mapped_column(String(40))
    statement: Mapped[bytes] = mapped_column(SealedBytes)
    box: Mapped[bytes] = mapped_column(SealedBytes)


class InquiryRow(DeskBase):
    """An inquiry, asked or received, and what became of it; its content is in the bundles."""

    __tablename__ = "inquiry"

    inquiry_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    bundle_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    other_agency: Mapped[str] = mapped_column(String(40))
    direction: Mapped[str] = mapped_column(String(4))  # out | in
    case_id: Mapped[bytes | None] = mapped_column(Identifier)
    state: Mapped[str] = mapped_column(String(10))  # draft | asked | received | answered | closed
    decision: Mapped[str | None] = mapped_column(String(10))
    reply_by: Mapped[str | None] = mapped_column(String(10))
    answer_bundle: Mapped[bytes | None] = mapped_column(Identifier)
    changed_at: Mapped[int] = mapped_column(BigInteger)


class CourtPack(DeskBase):
    """An evidence pack on its way: what it consists of is sealed under the key of its case."""

    __tablename__ = "court_pack"

    pack_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(SealedBytes)  # JSON: sources of its files, signatures, what is on record
    plan: Mapped[bytes] = mapped_column(SealedBytes)
    built: Mapped[bytes | None] = mapped_column(SealedBytes)  # files of pack-built/, once two officers can sign
    state: Mapped[str] = mapped_column(String(8))  # planned | signing | ready
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[int] = mapped_column(BigInteger)


class PackNumber(DeskBase):
    """The number that an exhibit has in every pack of a case; a number is never given twice."""

    __tablename__ = "pack_number"

    case_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    object_id: Mapped[bytes] = mapped_column(Identifier)

    __table_args__ = (UniqueConstraint("case_id", "object_id"),)
