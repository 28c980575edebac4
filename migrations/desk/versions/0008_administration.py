"""Appointments and proposals of administrators, drills, the lines of the record, reasons that were asked."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from storage import types

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "appointment",
        sa.Column("appointment_id", types.Identifier(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("order_number", sa.String(length=40), nullable=False),
        sa.Column("from_day", sa.String(length=10), nullable=False),
        sa.Column("until_day", sa.String(length=10), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("code_until", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("keyring", sa.LargeBinary(), nullable=True),
        sa.Column("signing_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("receiving_key", sa.LargeBinary(length=1216), nullable=True),
        sa.Column("statement", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("appointment_id", name=op.f("pk_appointment")),
    )
    op.create_index(op.f("ix_appointment_officer"), "appointment", ["officer"])
    op.create_table(
        "proposal",
        sa.Column("proposal_id", types.Identifier(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_proposal")),
    )
    op.create_table(
        "drill",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.String(length=40), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_drill")),
    )
    op.create_table(
        "record_line",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("case_id", types.Identifier(), nullable=True),
        sa.Column("object_id", sa.LargeBinary(length=32), nullable=True),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("source_key", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_record_line")),
        sa.UniqueConstraint("source", "source_key", name=op.f("uq_record_line_source_source_key")),
    )
    op.create_index(op.f("ix_record_line_at"), "record_line", ["at"])
    op.create_index(op.f("ix_record_line_case_id"), "record_line", ["case_id"])
    op.create_index("ix_record_line_officer", "record_line", ["officer", "at"])
    op.create_index("ix_record_line_kind", "record_line", ["kind", "at"])
    op.create_table(
        "asked_reason",
        sa.Column("reason_id", types.Identifier(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("question_to_officer", types.SealedBytes(), nullable=False),
        sa.Column("question_to_auditor", types.SealedBytes(), nullable=False),
        sa.Column("answer_to_officer", types.SealedBytes(), nullable=True),
        sa.Column("answer_to_auditor", types.SealedBytes(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("reason_id", name=op.f("pk_asked_reason")),
    )
    op.create_index(op.f("ix_asked_reason_line"), "asked_reason", ["line"])
    op.create_index(op.f("ix_asked_reason_officer"), "asked_reason", ["officer"])


def downgrade() -> None:
    for table in ("asked_reason", "record_line", "drill", "proposal", "appointment"):
        op.drop_table(table)
