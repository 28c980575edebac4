"""Where the log of a broker ended that was restored from an old copy."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("log_state", sa.Column("restored_from", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("log_state", "restored_from")
