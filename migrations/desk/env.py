"""Alembic environment of a desk's database. The engine is handed in; there is no file with a password."""

import importlib
from types import ModuleType

from alembic import context

from storage.database import DeskBase


def import_models() -> list[ModuleType]:
    """Importing the models fills the metadata that autogeneration compares with."""
    return [
        importlib.import_module(f"{name}.models")
        for name in ("agencies", "custody", "evidence", "exchange", "identity")
    ]


def run() -> None:
    """Run the migrations on the connection of the caller, in its transaction."""
    connection = context.config.attributes["connection"]
    if context.config.attributes.get("autogenerate"):
        import_models()
    context.configure(
        connection=connection,
        target_metadata=DeskBase.metadata,
        render_as_batch=True,
        user_module_prefix="types.",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
