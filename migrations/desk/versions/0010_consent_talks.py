"""What survivors answered, codes of their papers, and who has read the texts for them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from storage import types

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "consent_talk",
        sa.Column("talk_id", types.Identifier(), nullable=False),
        sa.Column("case_id", types.Identifier(), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("talk_id", name=op.f("pk_consent_talk")),
    )
    op.create_index(op.f("ix_consent_talk_case_id"), "consent_talk", ["case_id"])
    op.create_table(
        "receipt_code",
        sa.Column("code_id", types.Identifier(), nullable=False),
        sa.Column("case_id", types.Identifier(), nullable=False),
        sa.Column("lookup", types.Digest(), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("code_id", name=op.f("pk_receipt_code")),
        sa.UniqueConstraint("lookup", name=op.f("uq_receipt_code_lookup")),
    )
    op.create_index(op.f("ix_receipt_code_case_id"), "receipt_code", ["case_id"])
    op.create_table(
        "code_try",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_code_try")),
    )
    op.create_index(op.f("ix_code_try_officer"), "code_try", ["officer"])
    op.create_table(
        "text_reading",
        sa.Column("reading_id", types.Identifier(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("digest", types.Digest(), nullable=False),
        sa.Column("content", types.SealedBytes(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reading_id", name=op.f("pk_text_reading")),
    )


def downgrade() -> None:
    for table in ("text_reading", "code_try", "receipt_code", "consent_talk"):
        op.drop_table(table)
