"""The histories of tables (migrations/broker, migrations/desk), and bringing a database up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

import migrations
from errors import SettingInvalid

FOLDER = Path(migrations.__file__).parent


def make_config(history: str, connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file.

    Args:
        history: `broker` or `desk`.
    """
    config = Config()
    config.set_main_option("script_location", str(FOLDER / history))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine, history: str) -> str:
    """Bring the tables up to date, all steps in one transaction; return the revision."""
    with engine.begin() as connection:
        command.upgrade(make_config(history, connection), "head")
        return MigrationContext.configure(connection).get_current_revision() or ""


def get_newest(history: str) -> str:
    """The revision that this version of the program needs."""
    return ScriptDirectory.from_config(make_config(history)).get_current_head() or ""


def get_revision(engine: Engine) -> str | None:
    """The revision of a database's tables; None before the first."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def require_current(engine: Engine, history: str) -> None:
    """Raise SettingInvalid unless the tables are those of this version."""
    if get_revision(engine) != get_newest(history):
        raise SettingInvalid(f"the database is of another version; run `amparo {history} migrate`")
