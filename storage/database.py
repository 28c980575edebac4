"""Engines, sessions and retried transactions for the two databases, the broker's and a desk's.

SQLite runs in WAL mode with synchronous=FULL: a committed transaction survives a power loss. PostgreSQL runs
SERIALIZABLE. A transaction is a function that may run again (`transact`), since either engine may ask for it.
"""

import os
import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from errors import SettingInvalid, StorageFull, Unavailable

BUSY_SECONDS = 10
READ_ONLY = "amparo_read_only"
# Serialization failure, deadlock, and the ways in which PostgreSQL says that the connection went away.
RETRIED_STATES = frozenset({"40001", "40P01", "08000", "08003", "08006", "57P01", "57P02", "57P03"})
FULL_STATES = frozenset({"53100"})
FULL_WORDS = ("database or disk is full", "disk I/O error")
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
T = TypeVar("T")


class BrokerBase(DeclarativeBase):
    """Tables of the broker."""

    metadata = MetaData(naming_convention=NAMES)


class DeskBase(DeclarativeBase):
    """Tables of a desk."""

    metadata = MetaData(naming_convention=NAMES)


def open_engine(url: str, *, pool_size: int = 20, erase: bool = False) -> Engine:
    """Open a database for one process.

    Args:
        url: `sqlite:///<absolute path>` or `postgresql+psycopg://...`.
        pool_size: the most connections kept open; one per thread is enough.
        erase: for SQLite, overwrite what is deleted. In WAL mode deleted rows stay readable in the file, so
            such a database runs with a rollback journal that is truncated, and with secure_delete.

    Raises:
        SettingInvalid: the URL names neither SQLite nor PostgreSQL.
    """
    try:
        parts = make_url(url)
    except ArgumentError:
        raise SettingInvalid("database_url: not a database URL") from None
    if parts.get_backend_name() == "sqlite":
        return _open_sqlite(url, pool_size, erase)
    if parts.get_backend_name() == "postgresql":
        return create_engine(
            parts.set(drivername="postgresql+psycopg"),
            isolation_level="SERIALIZABLE",
            pool_size=pool_size,
            max_overflow=4,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    raise SettingInvalid("database_url: only sqlite and postgresql are supported")


def _open_sqlite(url: str, pool_size: int, erase: bool) -> Engine:
    name = make_url(url).database
    if name and name != ":memory:":
        Path(name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_private(Path(name))
    # hide_parameters: a value must not reach a log line or a traceback (guarantee G1).
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        pool_size=pool_size,
        max_overflow=4,
        hide_parameters=True,
    )
    event.listen(engine, "connect", partial(_prepare_sqlite, erase))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """A new database is its user's alone, whatever the folder allows; SQLite gives its journals the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError:
        raise Unavailable("the database file cannot be made") from None


def _prepare_sqlite(erase: bool, connection: Any, record: object) -> None:
    # The driver must not begin transactions by itself; `_begin_sqlite` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=TRUNCATE" if erase else "journal_mode=WAL",
        "secure_delete=ON" if erase else "secure_delete=OFF",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "fullfsync=ON",  # macOS: fsync alone does not reach the disk there; ignored elsewhere
        "trusted_schema=OFF",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that starts as a reader and then writes fails when another wrote in between, and waiting
    # does not help. Whoever may write therefore takes the write lock at the start.
    reads = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def session_factory(engine: Engine, *, read_only: bool = False) -> sessionmaker[Session]:
    """Sessions on this engine.

    A session that may write holds SQLite's single write lock from its first statement to its end: keep it
    short, wait for nothing inside it, and open no second one within it. A `read_only` session holds none.
    """
    bound = engine.execution_options(**{READ_ONLY: True}) if read_only else engine
    return sessionmaker(bind=bound, expire_on_commit=False)


def transact(
    sessions: sessionmaker[Session],
    work: Callable[[Session], T],
    *,
    tries: int = 12,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Run `work` in one transaction; run it again when the database asks for that.

    `work` may run several times and must have no effect outside the database. After a lost connection it is
    not known whether the last try was committed: a unique key inside `work` has to decide.

    Raises:
        StorageFull: the disk of the database is full.
        Unavailable: the database cannot be reached or stayed busy during all tries.
    """
    for attempt in range(tries):
        try:
            with sessions.begin() as session:
                return work(session)
        except DBAPIError as error:
            if is_full(error):
                raise StorageFull from None
            if not is_retried(error):
                raise
        sleep(min(1.0, 0.004 * 2**attempt) * (0.5 + secrets.randbelow(1000) / 1000))
    raise Unavailable("the database is busy or cannot be reached; try again later")


def is_retried(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed when it runs again."""
    if error.connection_invalidated:
        return True
    if getattr(error.orig, "sqlstate", None) in RETRIED_STATES:
        return True
    return isinstance(error, OperationalError) and "locked" in str(error.orig)


def is_full(error: DBAPIError) -> bool:
    """Whether the database had no room left."""
    return getattr(error.orig, "sqlstate", None) in FULL_STATES or any(words in str(error.orig) for words in FULL_WORDS)
