"""The legal ground, sealed, under which a filed item outlives an order to delete."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("filed", sa.Column("ground", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("filed", "ground")
