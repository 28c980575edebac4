"""Second factors, tries to sign in, preferences, and what officers keep for themselves."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from storage import types

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "own_paper",
        sa.Column("paper_id", types.Identifier(), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sealed", types.SealedBytes(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("paper_id", name=op.f("pk_own_paper")),
    )
    op.create_index(op.f("ix_own_paper_officer"), "own_paper", ["officer"])
    op.create_table(
        "second_factor",
        sa.Column("factor_id", types.Identifier(), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("paper_id", types.Identifier(), nullable=False),
        sa.Column("credential", sa.LargeBinary(length=1023), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("factor_id", name=op.f("pk_second_factor")),
        sa.UniqueConstraint("credential", name=op.f("uq_second_factor_credential")),
    )
    op.create_index(op.f("ix_second_factor_officer"), "second_factor", ["officer"])
    op.create_table(
        "sign_in_note",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_sign_in_note")),
    )
    op.create_index(op.f("ix_sign_in_note_officer"), "sign_in_note", ["officer"])
    op.create_table(
        "preference",
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("theme", sa.String(length=8), nullable=True),
        sa.Column("hides_agency", sa.Boolean(), nullable=False),
        sa.Column("shows_exit", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("officer", name=op.f("pk_preference")),
    )


def downgrade() -> None:
    for table in ("preference", "sign_in_note", "second_factor", "own_paper"):
        op.drop_table(table)
