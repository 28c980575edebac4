"""The histories of tables (migrations/broker, migrations/desk), and bringing a database up to date.

Alembic is loaded where tables are changed. Whether they are current is asked at every start of a desk or a broker, and
answered by the names of the steps and the one row that Alembic keeps.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

import migrations
from errors import SettingInvalid

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(migrations.__file__).parent


def make_config(history: str, connection: Connection | None = None) -> "Config":
    """Alembic's configuration, without a file.

    Args:
        history: `broker` or `desk`.
    """
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER / history))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine, history: str) -> str:
    """Bring the tables up to date, all steps in one transaction; return the revision."""
    from alembic import command

    with engine.begin() as connection:
        command.upgrade(make_config(history, connection), "head")
    return get_revision(engine) or ""


def get_newest(history: str) -> str:
    """The revision that this version of the program needs: the steps are named by their numbers."""
    return max(path.name.partition("_")[0] for path in (FOLDER / history / "versions").glob("[0-9]*_*.py"))


def get_revision(engine: Engine) -> str | None:
    """The revision of a database's tables; None before the first."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def require_current(engine: Engine, history: str) -> None:
    """Raise SettingInvalid unless the tables are those of this version."""
    if get_revision(engine) != get_newest(history):
        raise SettingInvalid(f"the database is of another version; run `amparo {history} migrate`")
