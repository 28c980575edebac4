"""The first tables, second part."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op

from storage import types

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Those that others point to come last.
TABLES: Final = (
    "register_row",
    "filed_handle",
    "case_key",
    "case_exclusion",
    "bundle_note",
    "bundle_event",
    "approval_reader",
    "withdrawal",
    "stored_bundle",
    "share_holder",
    "root_comparison",
    "reidentification",
    "received_custody",
    "purge_receipt",
    "pseudonym",
    "person_flag",
    "person",
    "pack_use",
    "pack_number",
    "own_statement",
    "own_event",
    "member",
)


def upgrade() -> None:
    op.create_table(
        "member",
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("keyring", sa.LargeBinary(), nullable=False),
        sa.Column("signing_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("receiving_key", sa.LargeBinary(length=1216), nullable=False),
        sa.Column("enrolled_at", sa.Integer(), nullable=False),
        sa.Column("left_at", sa.Integer(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("handle", name=op.f("pk_member")),
    )
    op.create_table(
        "own_event",
        sa.Column("position", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("object_kind", sa.String(length=8), nullable=False),
        sa.Column("object_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("tag", types.Identifier(length=16), nullable=False),
        sa.Column("statement", types.SealedBytes(), nullable=False),
        sa.Column("salt", types.Digest(length=32), nullable=False),
        sa.Column("details_box", sa.LargeBinary(), nullable=True),
        sa.Column("entry", sa.LargeBinary(length=49), nullable=False),
        sa.Column("append_signature", sa.LargeBinary(length=64), nullable=True),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("refusal", sa.String(length=40), nullable=True),
        sa.Column("log_index", sa.BigInteger(), nullable=True),
        sa.Column("proof", types.SealedBytes(), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_own_event")),
        sa.UniqueConstraint("entry", name=op.f("uq_own_event_entry")),
        sa.UniqueConstraint(
            "object_kind", "object_id", "number", name=op.f("uq_own_event_object_kind_object_id_number")
        ),
    )
    op.create_table(
        "own_statement",
        sa.Column("digest", types.Digest(length=32), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_own_statement")),
    )
    op.create_table(
        "pack_number",
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("object_id", types.Identifier(length=16), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_pack_number")),
        sa.UniqueConstraint("case_id", "object_id", name=op.f("uq_pack_number_case_id_object_id")),
    )
    op.create_table(
        "pack_use",
        sa.Column("pack_id", types.Identifier(length=16), nullable=False),
        sa.Column("handle", types.Digest(length=32), nullable=False),
        sa.Column("disclosed", sa.Boolean(), nullable=False),
        sa.Column("is_blocked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("pack_id", "handle", name=op.f("pk_pack_use")),
    )
    op.create_table(
        "person",
        sa.Column("person_id", types.Identifier(length=16), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person")),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_case_id"), ["case_id"], unique=False)

    op.create_table(
        "person_flag",
        sa.Column("flag_id", types.Identifier(length=16), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("lowered_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("flag_id", name=op.f("pk_person_flag")),
    )
    with op.batch_alter_table("person_flag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_flag_case_id"), ["case_id"], unique=False)

    op.create_table(
        "pseudonym",
        sa.Column("person_id", types.Identifier(length=16), nullable=False),
        sa.Column("agency", types.Digest(length=32), nullable=False),
        sa.Column("lookup", types.Digest(length=32), nullable=False),
        sa.Column("sealed", types.SealedBytes(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "agency", name=op.f("pk_pseudonym")),
        sa.UniqueConstraint("agency", "lookup", name=op.f("uq_pseudonym_agency_lookup")),
    )
    with op.batch_alter_table("pseudonym", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pseudonym_lookup"), ["lookup"], unique=False)

    op.create_table(
        "purge_receipt",
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("handle", types.Digest(length=32), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("statement", types.SealedBytes(), nullable=False),
        sa.Column("box", types.SealedBytes(), nullable=False),
        sa.PrimaryKeyConstraint("log_index", name=op.f("pk_purge_receipt")),
    )
    with op.batch_alter_table("purge_receipt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_purge_receipt_handle"), ["handle"], unique=False)

    op.create_table(
        "received_custody",
        sa.Column("digest", types.Digest(length=32), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("holding", types.Identifier(length=16), nullable=False),
        sa.Column("object_id", types.Identifier(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=True),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "case_id", name=op.f("pk_received_custody")),
    )
    with op.batch_alter_table("received_custody", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_received_custody_holding"), ["holding"], unique=False)
        batch_op.create_index(batch_op.f("ix_received_custody_object_id"), ["object_id"], unique=False)

    op.create_table(
        "reidentification",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("person_id", types.Identifier(length=16), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", types.SealedBytes(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_reidentification")),
    )
    with op.batch_alter_table("reidentification", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reidentification_case_id"), ["case_id"], unique=False)

    op.create_table(
        "root_comparison",
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("act", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_root_comparison")),
    )
    op.create_table(
        "share_holder",
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("typed_back", sa.Boolean(), nullable=False),
        sa.Column("issued_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", "issue", "holder", name=op.f("pk_share_holder")),
    )
    op.create_table(
        "stored_bundle",
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("header", types.SealedBytes(), nullable=False),
        sa.Column("header_digest", types.Digest(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("cover", types.SealedBytes(), nullable=False),
        sa.Column("sender_agency", sa.String(length=40), nullable=False),
        sa.Column("direction", sa.String(length=4), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=True),
        sa.Column("tag_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("deposit", types.SealedBytes(), nullable=True),
        sa.Column("log_index", sa.BigInteger(), nullable=True),
        sa.Column("proof", types.SealedBytes(), nullable=True),
        sa.Column("events_after", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bundle_id", name=op.f("pk_stored_bundle")),
        sa.UniqueConstraint("header_digest", name=op.f("uq_stored_bundle_header_digest")),
    )
    with op.batch_alter_table("stored_bundle", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stored_bundle_case_id"), ["case_id"], unique=False)

    op.create_table(
        "withdrawal",
        sa.Column("withdrawal_id", types.Identifier(length=16), nullable=False),
        sa.Column("record", types.Identifier(length=16), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("withdrawal_id", name=op.f("pk_withdrawal")),
    )
    with op.batch_alter_table("withdrawal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_withdrawal_record"), ["record"], unique=False)

    op.create_table(
        "approval_reader",
        sa.Column("approval_id", types.Identifier(length=16), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("box", types.SealedBytes(), nullable=False),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.approval_id"], name=op.f("fk_approval_reader_approval_id")),
        sa.PrimaryKeyConstraint("approval_id", "officer", name=op.f("pk_approval_reader")),
    )
    op.create_table(
        "bundle_event",
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("statement", types.SealedBytes(), nullable=False),
        sa.Column("salt", types.Digest(length=32), nullable=False),
        sa.Column("details_box", types.SealedBytes(), nullable=True),
        sa.ForeignKeyConstraint(["bundle_id"], ["stored_bundle.bundle_id"], name=op.f("fk_bundle_event_bundle_id")),
        sa.PrimaryKeyConstraint("bundle_id", "log_index", name=op.f("pk_bundle_event")),
    )
    op.create_table(
        "bundle_note",
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.ForeignKeyConstraint(["bundle_id"], ["stored_bundle.bundle_id"], name=op.f("fk_bundle_note_bundle_id")),
        sa.PrimaryKeyConstraint("bundle_id", "case_id", name=op.f("pk_bundle_note")),
    )
    op.create_table(
        "case_exclusion",
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.case_id"], name=op.f("fk_case_exclusion_case_id")),
        sa.PrimaryKeyConstraint("case_id", "officer", name=op.f("pk_case_exclusion")),
    )
    op.create_table(
        "case_key",
        sa.Column("case_id", types.Identifier(length=16), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("compartment", sa.String(length=8), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("given_at", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.case_id"], name=op.f("fk_case_key_case_id")),
        sa.PrimaryKeyConstraint("case_id", "holder", "compartment", name=op.f("pk_case_key")),
    )
    op.create_table(
        "filed_handle",
        sa.Column("item_id", types.Identifier(length=16), nullable=False),
        sa.Column("handle", types.Digest(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["filed.item_id"], name=op.f("fk_filed_handle_item_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_id", "handle", name=op.f("pk_filed_handle")),
    )
    with op.batch_alter_table("filed_handle", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_filed_handle_handle"), ["handle"], unique=False)

    op.create_table(
        "register_row",
        sa.Column("bundle_id", types.Identifier(length=16), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("previous", types.Digest(length=32), nullable=False),
        sa.Column("box", types.SealedBytes(), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("salt", types.Digest(length=32), nullable=False),
        sa.Column("tag", types.Identifier(length=16), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("made_here_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["bundle_id"], ["stored_bundle.bundle_id"], name=op.f("fk_register_row_bundle_id")),
        sa.PrimaryKeyConstraint("bundle_id", "version", name=op.f("pk_register_row")),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
