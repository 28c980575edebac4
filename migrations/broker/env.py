"""Alembic environment of the broker's main database. The engine is handed in; there is no file with a password."""

from alembic import context

import broker.models
from storage.database import BrokerBase

# Importing the models fills the metadata that autogeneration compares with.
assert broker.models.LogHead.metadata is BrokerBase.metadata  # noqa: S101


def run() -> None:
    """Run the migrations on the connection of the caller, in its transaction."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=BrokerBase.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        user_module_prefix="types.",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
