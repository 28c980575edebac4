"""Tables of the broker's main database: ciphertext by reference, digests, public statements, states.

Rules (held by tests/unit/broker/test_schema.py): the log's id leads every primary key, identifiers are
random or digests, no sequence, no row above 64 KiB, time only as data. Whatever is larger is a blob. Nothing
here says what a bundle contains; key halves are in a database of their own (broker/halves.py).
"""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKeyConstraint, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import BrokerBase
from storage.types import Digest, Identifier, Moment, SealedBytes

# SQLite keeps such a table as the index of its primary key: one tree to write instead of two.
KEYED = {"sqlite_with_rowid": False}


class DirectoryEntry(BrokerBase):
    """A statement of the directory, which every desk reads whole."""

    __tablename__ = "directory_entry"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    entry_index: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    statement: Mapped[bytes] = mapped_column(SealedBytes)


class LogHead(BrokerBase):
    """One row per log: what was last published. The index of every entry is assigned by this row."""

    __tablename__ = "log_head"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    origin: Mapped[str] = mapped_column(String(200))
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(Digest)
    note: Mapped[bytes] = mapped_column(SealedBytes)  # newest signed checkpoint
    cursor: Mapped[int] = mapped_column(BigInteger)  # last one given to an item of a mailbox
    archived: Mapped[int] = mapped_column(BigInteger)  # entries below stand in blobs alone
    state: Mapped[str] = mapped_column(String(16))  # open, recovering, closed
    recover_size: Mapped[int] = mapped_column(BigInteger)
    recover_note: Mapped[bytes] = mapped_column(SealedBytes)
    adopted_from: Mapped[int] = mapped_column(BigInteger)  # entries that a recovery brought back, from ..
    adopted_to: Mapped[int] = mapped_column(BigInteger)  # .. up to here: their events may come again


class Lease(BrokerBase):
    """Who may publish: the number goes up with every holder and is checked in the publishing transaction."""

    __tablename__ = "lease"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    fence: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[bytes] = mapped_column(Identifier)
    held_until: Mapped[datetime] = mapped_column(Moment)


class Entry(BrokerBase):
    """A log entry that is not yet in a full, archived entry bundle."""

    __tablename__ = "entry"
    __table_args__ = (KEYED,)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    entry_index: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entry: Mapped[bytes] = mapped_column(SealedBytes)


class EntryKey(BrokerBase):
    """Finds an entry by its digest: what makes every append repeatable."""

    __tablename__ = "entry_key"
    __table_args__ = (KEYED,)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    digest: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    entry_index: Mapped[int] = mapped_column(BigInteger)


class Tile(BrokerBase):
    """Up to 256 hashes of one level; a full one moves to a blob."""

    __tablename__ = "tile"
    __table_args__ = (KEYED,)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    level: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hashes: Mapped[bytes] = mapped_column(SealedBytes)


class Checkpoint(BrokerBase):
    """A published checkpoint that can still be cosigned, or was."""

    __tablename__ = "checkpoint"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    note: Mapped[bytes] = mapped_column(SealedBytes)
    witnesses: Mapped[int] = mapped_column(Integer)


class Cosignature(BrokerBase):
    """The lines of one witness on one checkpoint."""

    __tablename__ = "cosignature"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    agency: Mapped[str] = mapped_column(String(40), primary_key=True)
    lines: Mapped[bytes] = mapped_column(SealedBytes)
    signed_at: Mapped[datetime] = mapped_column(Moment)  # by the witness's own clock


class Bundle(BrokerBase):
    """A deposited bundle; header, cover, register boxes and parts are blobs."""

    __tablename__ = "bundle"
    __table_args__ = (
        Index("ix_bundle_expires", "log_id", "expires_at"),
        Index("ix_bundle_header", "log_id", "header_digest"),
        Index("ix_bundle_unfinished", "log_id", "complete", "deposited_at"),
    )

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    bundle_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    header_digest: Mapped[bytes] = mapped_column(Digest)
    header_signature: Mapped[bytes] = mapped_column(SealedBytes)
    sender_agency: Mapped[str] = mapped_column(String(40))
    payload_bytes: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(Digest)
    complete: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(String(16))  # active, held, destroyed, half-lost, expired
    expires_at: Mapped[datetime] = mapped_column(Moment)  # end of the month that the header names
    deposited_at: Mapped[datetime] = mapped_column(Moment)
    entry_index: Mapped[int] = mapped_column(BigInteger)
    register_entry: Mapped[int] = mapped_column(BigInteger)
    register_version: Mapped[int] = mapped_column(Integer)
    register_digest: Mapped[bytes] = mapped_column(Digest)


class BundleAgency(BrokerBase):
    """An agency that the header or an addendum names."""

    __tablename__ = "bundle_agency"
    __table_args__ = (
        ForeignKeyConstraint(["log_id", "bundle_id"], ["bundle.log_id", "bundle.bundle_id"]),
        KEYED,
    )

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    bundle_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    agency: Mapped[str] = mapped_column(String(40), primary_key=True)
    entry_index: Mapped[int] = mapped_column(BigInteger)  # of the deposit or of the addendum


class PartGroup(BrokerBase):
    """128 parts of a bundle: which have arrived, and the digests of their segments."""

    __tablename__ = "part_group"
    __table_args__ = (ForeignKeyConstraint(["log_id", "bundle_id"], ["bundle.log_id", "bundle.bundle_id"]),)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    bundle_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    have: Mapped[bytes] = mapped_column(SealedBytes)  # a byte for each part: 1 if it is there
    digests: Mapped[bytes] = mapped_column(SealedBytes)  # 8 x 32 bytes for each part


class HandleState(BrokerBase):
    """A handle that stands in a header, or that was held or destroyed before it stood in one."""

    __tablename__ = "handle_state"
    __table_args__ = (Index("ix_handle_state_bundle", "log_id", "bundle_id"), KEYED)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    handle: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    bundle_id: Mapped[bytes | None] = mapped_column(Identifier)
    state: Mapped[str] = mapped_column(String(16))  # active, held, destroyed
    held_index: Mapped[int | None] = mapped_column(BigInteger)  # lowest hold that still counts
    agency: Mapped[str | None] = mapped_column(String(40))  # who held or destroyed it


class Event(BrokerBase):
    """A signed event on a bundle or a handle, whole."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("log_id", "object_id", "agency", "number"),)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    object_id: Mapped[bytes] = mapped_column(SealedBytes, primary_key=True)  # bundle id or handle
    entry_index: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    agency: Mapped[str] = mapped_column(String(40))
    number: Mapped[int] = mapped_column(BigInteger)
    statement: Mapped[bytes | None] = mapped_column(SealedBytes)  # None: it is large and lies in a blob
    statement_digest: Mapped[bytes] = mapped_column(Digest)
    salt: Mapped[bytes] = mapped_column(Digest)
    details_box: Mapped[bytes | None] = mapped_column(SealedBytes)


class Register(BrokerBase):
    """One version of a flag register; its box is a blob."""

    __tablename__ = "register"
    __table_args__ = (ForeignKeyConstraint(["log_id", "bundle_id"], ["bundle.log_id", "bundle.bundle_id"]),)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    bundle_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[bytes] = mapped_column(Digest)
    previous: Mapped[bytes] = mapped_column(Digest)
    box_digest: Mapped[bytes] = mapped_column(Digest)
    officer: Mapped[str] = mapped_column(String(80))
    signature: Mapped[bytes] = mapped_column(SealedBytes)
    salt: Mapped[bytes] = mapped_column(Digest)
    tag: Mapped[bytes] = mapped_column(Identifier)
    entry_index: Mapped[int] = mapped_column(BigInteger)


class RegisterQuota(BrokerBase):
    """Versions that an agency has written on one day (days since 1970)."""

    __tablename__ = "register_quota"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    bundle_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    agency: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True)
    used: Mapped[int] = mapped_column(Integer)


class MailItem(BrokerBase):
    """What an agency's desk should look at."""

    __tablename__ = "mail_item"
    __table_args__ = (KEYED,)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    agency: Mapped[str] = mapped_column(String(40), primary_key=True)
    cursor: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    bundle_id: Mapped[bytes | None] = mapped_column(Identifier)
    entry_index: Mapped[int] = mapped_column(BigInteger)
    handle: Mapped[bytes | None] = mapped_column(Digest)


class Nonce(BrokerBase):
    """A nonce that was used; a second use is a replay."""

    __tablename__ = "nonce"
    __table_args__ = (Index("ix_nonce_keep_until", "log_id", "keep_until"),)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    nonce: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    keep_until: Mapped[datetime] = mapped_column(Moment)


class Rate(BrokerBase):
    """Requests of one key in one minute (minutes since 1970)."""

    __tablename__ = "rate"
    __table_args__ = (KEYED,)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    used: Mapped[int] = mapped_column(Integer)


class Invite(BrokerBase):
    """The key with which an agency signs requests before its desk is certified."""

    __tablename__ = "invite"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    invite_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    agency: Mapped[str] = mapped_column(String(40))
    public_key: Mapped[bytes] = mapped_column(Digest)
    valid_until: Mapped[datetime] = mapped_column(Moment)


class Duty(BrokerBase):
    """What the halves' store still has to do; written with the event that asks for it, removed when done."""

    __tablename__ = "duty"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    duty_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # hold, lift, destroy
    header_digest: Mapped[bytes] = mapped_column(Digest)
    entry_index: Mapped[int] = mapped_column(BigInteger)


class Pending(BrokerBase):
    """An append that waits for the process that holds the lease."""

    __tablename__ = "pending"
    __table_args__ = (Index("ix_pending_asked_at", "log_id", "asked_at"),)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    pending_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    payload: Mapped[bytes] = mapped_column(SealedBytes)
    asked_at: Mapped[datetime] = mapped_column(Moment)


class RecoveryReport(BrokerBase):
    """The newest checkpoint that an agency's desk has shown to a broker that was restored."""

    __tablename__ = "recovery_report"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    agency: Mapped[str] = mapped_column(String(40), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)


class RecoveryEntry(BrokerBase):
    """An entry behind the restored end of the log, until all are there."""

    __tablename__ = "recovery_entry"

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    entry_index: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entry: Mapped[bytes] = mapped_column(SealedBytes)


class Outcome(BrokerBase):
    """The answer to a `Pending` of another process."""

    __tablename__ = "outcome"
    __table_args__ = (Index("ix_outcome_answered_at", "log_id", "answered_at"),)

    log_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    pending_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    answer: Mapped[bytes] = mapped_column(SealedBytes)
    answered_at: Mapped[datetime] = mapped_column(Moment)
