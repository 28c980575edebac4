"""Engines and retried transactions, on SQLite and on PostgreSQL."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Engine, String, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from config.settings import sqlite_url
from errors import SettingInvalid, StorageFull, Unavailable
from storage.database import is_full, open_engine, session_factory, transact
from tests.support.stores import postgres

__all__ = ["postgres"]


class Base(DeclarativeBase):
    """Tables of this test."""


class Counter(Base):
    """A number that many want to raise."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(String(10), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """A database of each kind with one counter at 0."""
    url = sqlite_url(tmp_path / "x.sqlite")
    made = open_engine(request.getfixturevalue("postgres").create() if request.param == "postgres" else url)
    Base.metadata.create_all(made)
    transact(session_factory(made), lambda session: session.add(Counter(name="a", value=0)))
    return made


def raise_counter(session: Session) -> None:
    """Read, then write: the pattern that loses updates or aborts without care."""
    row = session.get_one(Counter, "a")
    row.value = row.value + 1


def test_many_writers_lose_no_update(engine: Engine) -> None:
    """Serialization failures and locks are retried until each has had its turn."""
    sessions = session_factory(engine)
    threads = [
        threading.Thread(target=lambda: [transact(sessions, raise_counter, tries=60) for _ in range(10)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert transact(sessions, lambda session: session.get_one(Counter, "a").value) == 80


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    """All or nothing, and what is no reason to retry is raised at once."""
    sessions, runs = session_factory(engine), []

    def work(session: Session) -> None:
        runs.append(1)
        raise_counter(session)
        session.execute(insert(Counter).values(name="a", value=9))

    with pytest.raises(IntegrityError):
        transact(sessions, work)
    assert len(runs) == 1
    assert transact(sessions, lambda session: session.get_one(Counter, "a").value) == 0


@pytest.mark.parametrize("state", ["40001", "40P01", "08006"])
def test_what_the_engine_asks_for_is_run_again(engine: Engine, state: str) -> None:
    """Error 40001 in the first tries; the effect happens once."""
    sessions, runs = session_factory(engine), []

    class Aborted(Exception):
        sqlstate = state

    def work(session: Session) -> None:
        raise_counter(session)
        session.flush()
        runs.append(1)
        if len(runs) < 4:
            raise OperationalError("", {}, Aborted())

    transact(sessions, work, sleep=lambda seconds: None)
    assert transact(sessions, lambda session: session.get_one(Counter, "a").value) == 1
    with pytest.raises(Unavailable):
        transact(sessions, lambda session: _abort(Aborted()), sleep=lambda seconds: None)


def _abort(error: Exception) -> None:
    raise OperationalError("", {}, error)


def test_a_reader_sees_one_state_and_does_not_hold_up_a_writer(engine: Engine) -> None:
    """A long read in one connection, a write in another."""
    readers, sessions = session_factory(engine, read_only=True), session_factory(engine)
    if engine.dialect.name == "postgresql":
        pytest.skip("PostgreSQL's readers never block; its snapshots are its own business")
    with readers.begin() as reading:
        assert reading.get_one(Counter, "a").value == 0
        transact(sessions, raise_counter)
        reading.expire_all()
        assert reading.scalar(select(Counter.value)) == 0
    assert transact(readers, lambda session: session.scalar(select(Counter.value))) == 1


def test_sqlite_syncs_each_commit_and_checks_foreign_keys(tmp_path: Path) -> None:
    """The pragmas on which durability rests, as the connection has them."""
    with open_engine(sqlite_url(tmp_path / "x.sqlite")).connect() as connection:
        values = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
        }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10000,
        "secure_delete": 0,
    }


@pytest.mark.parametrize(("erase", "found"), [(True, False), (False, True)])
def test_an_erasing_database_keeps_nothing_of_what_was_deleted(tmp_path: Path, erase: bool, found: bool) -> None:
    """The control shows that without it the deleted row can be read in the files."""
    engine = open_engine(sqlite_url(tmp_path / "x.sqlite"), erase=erase)
    Base.metadata.create_all(engine)
    sessions = session_factory(engine)
    for number in range(200):
        transact(sessions, lambda session, n=number: session.add(Counter(name=f"CANARY{n:03d}", value=n)))
    transact(sessions, lambda session: session.execute(text("DELETE FROM counter")))
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert (b"CANARY" in files) is found


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """The caller can tell a full disk from a mistake; reading goes on."""
    engine = open_engine(sqlite_url(tmp_path / "x.sqlite"))
    Base.metadata.create_all(engine)
    sessions = session_factory(engine)

    def fill(session: Session) -> None:
        session.execute(text("PRAGMA max_page_count = 6"))
        for number in range(2000):
            session.add(Counter(name=str(number), value=number))

    with pytest.raises(StorageFull):
        transact(sessions, fill)
    assert transact(sessions, lambda session: session.scalar(select(Counter.value))) is None
    assert not is_full(OperationalError("", {}, Exception("no such table")))


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", ""])
def test_another_database_is_refused(url: str) -> None:
    """The rules of the schema hold on two engines and were tried on no other."""
    with pytest.raises(SettingInvalid):
        open_engine(url)
