"""Copies of a broker for the day after a disaster, and what a restored one has to do first.

A copy holds the main database and the ciphertext. It holds no key and no key half: a destroyed half must not
come back from a shelf. The keys are kept offline by the operator; a second live store of halves that destroys
together with the first is a matter of operation (docs/operations.md).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, make_url, select
from sqlalchemy.orm import Session

from broker.log_store import make_log_id
from broker.models import LogHead
from broker.recover import mark_recovering
from broker.setup import get_origin
from config.settings import BrokerSettings
from errors import Conflict, InstallationError, NotFound, SettingInvalid
from storage.blobs import BlobStore, FileBlobs, open_blobs
from storage.database import open_engine, session_factory, transact

DATABASE = "broker.sqlite"
BLOBS = "blobs"
PREFIXES = ("bundles", "events", "log")


def make_copy(settings: BrokerSettings, folder: Path) -> int:
    """Write a copy into a new folder, or bring the copy there up to date; return the size of the log in it.

    The database first, then the blobs: what the database names is then in the copy, since blobs are written
    before the rows that name them.

    Raises:
        InstallationError: the main database is not SQLite; use the tools of PostgreSQL.
    """
    engine = open_engine(settings.database_url)
    if engine.dialect.name != "sqlite":
        raise InstallationError("copy a PostgreSQL database with its own tools, and the bucket with those of its store")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = folder / f".{DATABASE}.new"
    fresh.unlink(missing_ok=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("VACUUM INTO ?", (str(fresh),))
    fresh.replace(folder / DATABASE)
    _copy_blobs(open_blobs(settings.blob_url), FileBlobs(folder / BLOBS))
    copied = open_engine(f"sqlite:///{folder / DATABASE}")
    size = _get_size(copied, settings)
    copied.dispose()
    engine.dispose()
    return size


def restore_copy(settings: BrokerSettings, folder: Path) -> int:
    """Put a copy in the place of a lost database; return the size of the log in it.

    The log is read-only from the first start on, until the desks have brought back what is newer.

    Raises:
        Conflict: there is a database already; move it away first.
        NotFound: the folder holds no copy.
    """
    source = folder / DATABASE
    if not source.is_file():
        raise NotFound("there is no copy of a broker in this folder")
    target = Path(make_url(settings.database_url).database or "")  # opening it would make the file
    if target.exists():
        raise Conflict("there is a database already; move it away before a copy takes its place")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(source, target)
    target.chmod(0o600)
    _copy_blobs(FileBlobs(folder / BLOBS), open_blobs(settings.blob_url))
    engine = open_engine(settings.database_url)
    log_id = make_log_id(get_origin(settings))
    transact(session_factory(engine), lambda session: mark_recovering(session, log_id, 0))
    size = _get_size(engine, settings)
    engine.dispose()
    return size


def _get_size(engine: Engine, settings: BrokerSettings) -> int:
    log_id = make_log_id(get_origin(settings))

    def work(session: Session) -> int:
        head = session.scalars(select(LogHead).where(LogHead.log_id == log_id)).one_or_none()
        if head is None:
            raise SettingInvalid("this copy is of another broker's log")
        return head.size

    return transact(session_factory(engine, read_only=True), work)


def _copy_blobs(source: BlobStore, target: BlobStore) -> None:
    there = set(_keys(target))
    for key in _keys(source):
        if key not in there:
            target.put_stream(key, source.get_stream(key))


def _keys(store: BlobStore) -> Iterator[str]:
    for prefix in PREFIXES:
        yield from store.list_keys(prefix)
