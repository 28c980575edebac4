"""Own custody events are sealed under the key of their case."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from errors import SettingInvalid
from storage import types

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # Nobody's key is at hand here. No version that kept custody in clear was released.
    kinds = sa.text("SELECT count(*) FROM own_event WHERE object_kind NOT IN ('bundle', 'handle')")
    if op.get_bind().scalar(kinds):
        raise SettingInvalid("this desk has custody events of an unreleased version; it cannot be brought up to date")
    with op.batch_alter_table("own_event", schema=None) as batch_op:
        batch_op.alter_column("statement", new_column_name="clear_statement", nullable=True)
        batch_op.add_column(sa.Column("sealed_statement", types.SealedBytes(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("own_event", schema=None) as batch_op:
        batch_op.drop_column("sealed_statement")
        batch_op.alter_column("clear_statement", new_column_name="statement", nullable=False)
