"""The history of the main database's tables (migrations/broker), and bringing a database up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

import migrations
from errors import SettingInvalid

FOLDER = Path(migrations.__file__).parent / "broker"


def make_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine) -> str:
    """Bring the tables up to date, all steps in one transaction; return the revision."""
    with engine.begin() as connection:
        command.upgrade(make_config(connection), "head")
        return MigrationContext.configure(connection).get_current_revision() or ""


def get_newest() -> str:
    """The revision that this version of the program needs."""
    return ScriptDirectory.from_config(make_config()).get_current_head() or ""


def require_current(engine: Engine) -> None:
    """Raise SettingInvalid unless the tables are those of this version."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != get_newest():
        raise SettingInvalid("the database is of another version; run `amparo broker migrate`")
