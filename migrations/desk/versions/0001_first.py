"""The first tables, first part: a file of all of them would be longer than a reader likes."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op

from storage import types

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Those that others point to come last.
TABLES: Final = (
    "log_state",
    "log_entry",
    "inquiry",
    "holding",
    "handle_use",
    "handle_secret",
    "handle_order",
    "filed",
    "file",
    "exhibit",
    "draft",
    "directory_row",
    "desk_identity",
    "court_pack",
    "consent_record",
    "checkpoint_row",
    "case",
    "approval",
    "alarm",
    "act",
)


def upgrade() -> None:
    op.create_table(
        "act",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_act")),
    )
    op.create_table(
        "alarm",
        sa.Column("alarm_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("evidence", types.SealedBytes(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("alarm_id", name=op.f("pk_alarm")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_alarm_kind_subject")),
    )
    op.create_table(
        "approval",
        sa.Column("approval_id", types.Identifier(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("object_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("subject_digest", types.Digest(length=32), nullable=False),
        sa.Column("own_box", types.SealedBytes(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("answered_by", sa.String(length=64), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("answer_box", types.SealedBytes(), nullable=True),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approval")),
    )
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_approval_object_id"), ["object_id"], unique=False)

    op.create_table(
        "case",
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case")),
        sa.UniqueConstraint("handle", name=op.f("uq_case_handle")),
    )
    op.create_table(
        "checkpoint_row",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", types.SealedBytes(), nullable=False),
        sa.Column("is_sent", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint_row")),
    )
    op.create_table(
        "consent_record",
        sa.Column("record_id", types.Identifier(length=16), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_consent_record")),
    )
    with op.batch_alter_table("consent_record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_record_case_id"), ["case_id"], unique=False)

    op.create_table(
        "court_pack",
        sa.Column("pack_id", types.Identifier(length=16), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("plan", types.SealedBytes(), nullable=False),
        sa.Column("built", types.SealedBytes(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pack_id", name=op.f("pk_court_pack")),
    )
    with op.batch_alter_table("court_pack", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_court_pack_case_id"), ["case_id"], unique=False)

    op.create_table(
        "desk_identity",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("log", sa.String(length=200), nullable=False),
        sa.Column("root_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("recovery_key", sa.LargeBinary(length=1216), nullable=True),
        sa.Column("made_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_desk_identity")),
    )
    op.create_table(
        "directory_row",
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("statement", types.SealedBytes(), nullable=False),
        sa.PrimaryKeyConstraint("log_index", name=op.f("pk_directory_row")),
    )
    op.create_table(
        "draft",
        sa.Column("draft_id", types.Identifier(length=16), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("draft_id", name=op.f("pk_draft")),
    )
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_draft_case_id"), ["case_id"], unique=False)

    op.create_table(
        "exhibit",
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("object_id", types.Identifier(length=16), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "object_id", name=op.f("pk_exhibit")),
    )
    op.create_table(
        "file",
        sa.Column("file_id", types.Identifier(length=16), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("blob_key", sa.String(length=120), nullable=False),
        sa.Column("taken_by", sa.String(length=64), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_file")),
    )
    with op.batch_alter_table("file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_file_case_id"), ["case_id"], unique=False)

    op.create_table(
        "filed",
        sa.Column("item_id", types.Identifier(length=16), nullable=False),
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("blob_key", sa.String(length=120), nullable=True),
        sa.Column("filed_by", sa.String(length=64), nullable=False),
        sa.Column("filed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_filed")),
    )
    with op.batch_alter_table("filed", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_filed_bundle_id"), ["bundle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_filed_case_id"), ["case_id"], unique=False)

    op.create_table(
        "handle_order",
        sa.Column("handle", types.Digest(length=32), nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("one_time_key", types.SealedBytes(), nullable=True),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("bundle_ids", types.SealedBytes(), nullable=False),
        sa.PrimaryKeyConstraint("handle", "log_index", name=op.f("pk_handle_order")),
    )
    op.create_table(
        "handle_secret",
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("wrapped", types.SealedBytes(), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("holder", name=op.f("pk_handle_secret")),
    )
    op.create_table(
        "handle_use",
        sa.Column("handle", types.Digest(length=32), nullable=False),
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("own_place", sa.Integer(), nullable=True),
        sa.Column("record", types.Identifier(length=16), nullable=True),
        sa.Column("parent_handle", types.Digest(length=32), nullable=True),
        sa.Column("is_used", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("handle", "bundle_id", name=op.f("pk_handle_use")),
    )
    with op.batch_alter_table("handle_use", schema=None) as batch_op:
        batch_op.create_index("ix_handle_use_bundle", ["bundle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_handle_use_record"), ["record"], unique=False)

    op.create_table(
        "holding",
        sa.Column("holding", types.Identifier(length=16), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("object_id", types.Identifier(length=16), nullable=False),
        sa.Column("tag_key", types.SealedBytes(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("holding", name=op.f("pk_holding")),
    )
    with op.batch_alter_table("holding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_holding_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_holding_object_id"), ["object_id"], unique=False)

    op.create_table(
        "inquiry",
        sa.Column("inquiry_id", types.Identifier(length=16), nullable=False),
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("other_agency", sa.String(length=40), nullable=False),
        sa.Column("direction", sa.String(length=4), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=True),
        sa.Column("reply_by", sa.String(length=10), nullable=True),
        sa.Column("answer_bundle", types.Identifier(length=16), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("inquiry_id", name=op.f("pk_inquiry")),
    )
    with op.batch_alter_table("inquiry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inquiry_bundle_id"), ["bundle_id"], unique=False)

    op.create_table(
        "log_entry",
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tag", types.Identifier(length=16), nullable=False),
        sa.Column("commitment", types.Digest(length=32), nullable=False),
        sa.PrimaryKeyConstraint("log_index", name=op.f("pk_log_entry")),
    )
    with op.batch_alter_table("log_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_log_entry_tag"), ["tag"], unique=False)

    op.create_table(
        "log_state",
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("broker", sa.String(length=40), nullable=False),
        sa.Column("vkeys", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", types.Digest(length=32), nullable=False),
        sa.Column("frontier", types.SealedBytes(), nullable=False),
        sa.Column("note", types.SealedBytes(), nullable=False),
        sa.Column("mailbox_cursor", sa.BigInteger(), nullable=False),
        sa.Column("is_stopped", sa.Boolean(), nullable=False),
        sa.Column("synced_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_log_state")),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
