"""Who asked for whose name and when, and an index by which an officer's cases are found."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from storage import types

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "name_request",
        sa.Column("request_id", types.Identifier(), nullable=False),
        sa.Column("case_id", types.Identifier(), nullable=False),
        sa.Column("person_id", types.Identifier(), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("purpose", types.SealedBytes(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_name_request")),
    )
    op.create_index(op.f("ix_name_request_case_id"), "name_request", ["case_id"])
    op.create_index(op.f("ix_name_request_at"), "name_request", ["at"])
    op.create_index("ix_case_key_holder", "case_key", ["holder", "compartment", "case_id"])


def downgrade() -> None:
    op.drop_index("ix_case_key_holder", table_name="case_key")
    op.drop_table("name_request")
