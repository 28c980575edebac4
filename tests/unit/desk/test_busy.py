"""The database is in use, or full: a sentence, no trace, and threads that do not stop each other."""

import sqlite3
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from config.settings import DeskSettings
from desk.app import create_desk
from exchange.office import Office
from tests.support.field import Field, with_field


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture
def office(field: Field) -> Office:
    return field.north.office


def test_who_writes_and_who_looks_at_the_directory_do_not_stop_each_other(office: Office) -> None:
    """One has the database and comes to the directory; the other comes to the directory first."""
    has_database, goes_on = threading.Event(), threading.Event()
    problems: list[BaseException] = []

    def writer() -> None:
        try:
            with office.files.session() as db:
                db.execute(text("SELECT 1"))
                has_database.set()
                assert goes_on.wait(30)
                office.directory(db)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test names it
            problems.append(error)

    def reader() -> None:
        try:
            with office.files.session() as db:
                office.directory(db)
        except BaseException as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=writer), threading.Thread(target=reader)]
    threads[0].start()
    assert has_database.wait(30)
    threads[1].start()
    threads[1].join(0.5)  # it waits for the database now
    assert threads[1].is_alive()  # control: they did meet
    goes_on.set()
    for thread in threads:
        thread.join(5)
    assert [thread.is_alive() for thread in threads] == [False, False]
    assert problems == []


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [("database is locked", 503, b"desk-busy"), ("database or disk is full", 507, b"storage-full"),
     ("no such table: x", 500, b"http-500")],
)  # fmt: skip
def test_what_the_database_refuses_is_a_page_in_words(field: Field, words: str, status: int, code: bytes) -> None:
    at = field.north
    (at.folder / "session.key").write_bytes(b"k" * 32)
    app = create_desk(DeskSettings(
        data_dir=at.folder, agency_id=at.agency, public_url="http://127.0.0.1:1", broker_url=field.settings.public_url,
        session_key_file=at.folder / "session.key",
    ))  # fmt: skip

    def fails() -> None:
        raise OperationalError("SELECT secret", {}, sqlite3.OperationalError(words))

    fails.access = app.view_functions["entry.sign_in"].access  # type: ignore[attr-defined]
    app.add_url_rule(f"/fails-{status}", endpoint=f"fails-{status}", view_func=fails)
    answer = app.test_client().get(f"/fails-{status}", base_url="http://127.0.0.1:1")
    assert answer.status_code == status
    assert code in answer.data
    assert b"secret" not in answer.data
    assert words.encode() not in answer.data
