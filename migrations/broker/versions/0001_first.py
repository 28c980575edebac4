"""The first tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from storage import types

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "bundle",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("header_digest", types.Digest(length=32), nullable=False),
        sa.Column("header_signature", types.SealedBytes(), nullable=False),
        sa.Column("sender_agency", sa.String(length=40), nullable=False),
        sa.Column("payload_bytes", sa.BigInteger(), nullable=False),
        sa.Column("root", types.Digest(length=32), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("expires_at", types.Moment(), nullable=False),
        sa.Column("deposited_at", types.Moment(), nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.Column("register_entry", sa.BigInteger(), nullable=False),
        sa.Column("register_version", sa.Integer(), nullable=False),
        sa.Column("register_digest", types.Digest(length=32), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "bundle_id", name=op.f("pk_bundle")),
    )
    with op.batch_alter_table("bundle", schema=None) as batch_op:
        batch_op.create_index("ix_bundle_expires", ["log_id", "expires_at"], unique=False)
        batch_op.create_index("ix_bundle_header", ["log_id", "header_digest"], unique=False)
        batch_op.create_index("ix_bundle_unfinished", ["log_id", "complete", "deposited_at"], unique=False)

    op.create_table(
        "checkpoint",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("note", types.SealedBytes(), nullable=False),
        sa.Column("witnesses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "size", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "cosignature",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("lines", types.SealedBytes(), nullable=False),
        sa.Column("signed_at", types.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "size", "agency", name=op.f("pk_cosignature")),
    )
    op.create_table(
        "directory_entry",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.Column("statement", types.SealedBytes(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "entry_index", name=op.f("pk_directory_entry")),
    )
    op.create_table(
        "duty",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("duty_id", types.Identifier(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("header_digest", types.Digest(length=32), nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "duty_id", name=op.f("pk_duty")),
    )
    op.create_table(
        "entry",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.Column("entry", types.SealedBytes(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "entry_index", name=op.f("pk_entry")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entry_key",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("digest", types.Digest(length=32), nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "digest", name=op.f("pk_entry_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("object_id", types.SealedBytes(), nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("statement", types.SealedBytes(), nullable=True),
        sa.Column("statement_digest", types.Digest(length=32), nullable=False),
        sa.Column("salt", types.Digest(length=32), nullable=False),
        sa.Column("details_box", types.SealedBytes(), nullable=True),
        sa.PrimaryKeyConstraint("log_id", "object_id", "entry_index", name=op.f("pk_event")),
        sa.UniqueConstraint(
            "log_id", "object_id", "agency", "number", name=op.f("uq_event_log_id_object_id_agency_number")
        ),
    )
    op.create_table(
        "handle_state",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("handle", types.Digest(length=32), nullable=False),
        sa.Column("bundle_id", types.Identifier(length=16), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("held_index", sa.BigInteger(), nullable=True),
        sa.Column("agency", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("log_id", "handle", name=op.f("pk_handle_state")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("handle_state", schema=None) as batch_op:
        batch_op.create_index("ix_handle_state_bundle", ["log_id", "bundle_id"], unique=False)

    op.create_table(
        "invite",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("invite_id", types.Identifier(length=16), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("public_key", types.Digest(length=32), nullable=False),
        sa.Column("valid_until", types.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "invite_id", name=op.f("pk_invite")),
    )
    op.create_table(
        "lease",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("holder", types.Identifier(length=16), nullable=False),
        sa.Column("held_until", types.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", name=op.f("pk_lease")),
    )
    op.create_table(
        "log_head",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", types.Digest(length=32), nullable=False),
        sa.Column("note", types.SealedBytes(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("archived", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("recover_size", sa.BigInteger(), nullable=False),
        sa.Column("recover_note", types.SealedBytes(), nullable=False),
        sa.Column("adopted_from", sa.BigInteger(), nullable=False),
        sa.Column("adopted_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", name=op.f("pk_log_head")),
    )
    op.create_table(
        "mail_item",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("bundle_id", types.Identifier(length=16), nullable=True),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.Column("handle", types.Digest(length=32), nullable=True),
        sa.PrimaryKeyConstraint("log_id", "agency", "cursor", name=op.f("pk_mail_item")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "nonce",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("nonce", types.Identifier(length=16), nullable=False),
        sa.Column("keep_until", types.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "key_id", "nonce", name=op.f("pk_nonce")),
    )
    with op.batch_alter_table("nonce", schema=None) as batch_op:
        batch_op.create_index("ix_nonce_keep_until", ["log_id", "keep_until"], unique=False)

    op.create_table(
        "outcome",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("pending_id", types.Identifier(length=16), nullable=False),
        sa.Column("answer", types.SealedBytes(), nullable=False),
        sa.Column("answered_at", types.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "pending_id", name=op.f("pk_outcome")),
    )
    with op.batch_alter_table("outcome", schema=None) as batch_op:
        batch_op.create_index("ix_outcome_answered_at", ["log_id", "answered_at"], unique=False)

    op.create_table(
        "pending",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("pending_id", types.Identifier(length=16), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("payload", types.SealedBytes(), nullable=False),
        sa.Column("asked_at", types.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "pending_id", name=op.f("pk_pending")),
    )
    with op.batch_alter_table("pending", schema=None) as batch_op:
        batch_op.create_index("ix_pending_asked_at", ["log_id", "asked_at"], unique=False)

    op.create_table(
        "rate",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "key_id", "minute", name=op.f("pk_rate")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "recovery_entry",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.Column("entry", types.SealedBytes(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "entry_index", name=op.f("pk_recovery_entry")),
    )
    op.create_table(
        "recovery_report",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "agency", name=op.f("pk_recovery_report")),
    )
    op.create_table(
        "register_quota",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "bundle_id", "agency", "day", name=op.f("pk_register_quota")),
    )
    op.create_table(
        "tile",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hashes", types.SealedBytes(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "level", "number", name=op.f("pk_tile")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bundle_agency",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["log_id", "bundle_id"],
            ["bundle.log_id", "bundle.bundle_id"],
            name=op.f("fk_bundle_agency_log_id_bundle_id"),
        ),
        sa.PrimaryKeyConstraint("log_id", "bundle_id", "agency", name=op.f("pk_bundle_agency")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "part_group",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("have", types.SealedBytes(), nullable=False),
        sa.Column("digests", types.SealedBytes(), nullable=False),
        sa.ForeignKeyConstraint(
            ["log_id", "bundle_id"], ["bundle.log_id", "bundle.bundle_id"], name=op.f("fk_part_group_log_id_bundle_id")
        ),
        sa.PrimaryKeyConstraint("log_id", "bundle_id", "number", name=op.f("pk_part_group")),
    )
    op.create_table(
        "register",
        sa.Column("log_id", types.Identifier(length=16), nullable=False),
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", types.Digest(length=32), nullable=False),
        sa.Column("previous", types.Digest(length=32), nullable=False),
        sa.Column("box_digest", types.Digest(length=32), nullable=False),
        sa.Column("officer", sa.String(length=80), nullable=False),
        sa.Column("signature", types.SealedBytes(), nullable=False),
        sa.Column("salt", types.Digest(length=32), nullable=False),
        sa.Column("tag", types.Identifier(length=16), nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["log_id", "bundle_id"], ["bundle.log_id", "bundle.bundle_id"], name=op.f("fk_register_log_id_bundle_id")
        ),
        sa.PrimaryKeyConstraint("log_id", "bundle_id", "version", name=op.f("pk_register")),
    )


def downgrade() -> None:
    op.drop_table("register")
    op.drop_table("part_group")
    op.drop_table("bundle_agency")
    op.drop_table("tile")
    op.drop_table("register_quota")
    op.drop_table("recovery_report")
    op.drop_table("recovery_entry")
    op.drop_table("rate")
    with op.batch_alter_table("pending", schema=None) as batch_op:
        batch_op.drop_index("ix_pending_asked_at")

    op.drop_table("pending")
    with op.batch_alter_table("outcome", schema=None) as batch_op:
        batch_op.drop_index("ix_outcome_answered_at")

    op.drop_table("outcome")
    with op.batch_alter_table("nonce", schema=None) as batch_op:
        batch_op.drop_index("ix_nonce_keep_until")

    op.drop_table("nonce")
    op.drop_table("mail_item")
    op.drop_table("log_head")
    op.drop_table("lease")
    op.drop_table("invite")
    with op.batch_alter_table("handle_state", schema=None) as batch_op:
        batch_op.drop_index("ix_handle_state_bundle")

    op.drop_table("handle_state")
    op.drop_table("event")
    op.drop_table("entry_key")
    op.drop_table("entry")
    op.drop_table("duty")
    op.drop_table("directory_entry")
    op.drop_table("cosignature")
    op.drop_table("checkpoint")
    with op.batch_alter_table("bundle", schema=None) as batch_op:
        batch_op.drop_index("ix_bundle_unfinished")
        batch_op.drop_index("ix_bundle_header")
        batch_op.drop_index("ix_bundle_expires")

    op.drop_table("bundle")
