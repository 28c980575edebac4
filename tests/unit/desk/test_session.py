"""Sessions of officers in the desk's memory: how each of them ends, and what is done while one is open."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from agencies import members
from agencies.members import OfficerSession
from config.settings import DeskSettings
from desk.app import create_desk
from desk.clock import Clock
from desk.session import SessionBook
from errors import SignInRequired
from exchange.models import RegisterRow
from tests.support.field import WORDS, Field, now, with_field
from tests.support.traffic import parcel

IDLE, LONGEST = 600, 12 * 3600


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """A broker and three desks."""
    with with_field(tmp_path_factory.mktemp("field")) as made:
        yield made


def open_session(field: Field, word: str = "liaison-1") -> OfficerSession:
    return members.sign_in(field.north.office.files, field.north.handle(word), WORDS, now=now())


def is_wiped(officer: OfficerSession) -> bool:
    try:
        officer.sign(b"label", b"message")
    except SignInRequired:
        return True
    return False


def test_a_session_ends_after_an_idle_spell_and_its_keys_are_wiped(field: Field) -> None:
    book = SessionBook(IDLE, LONGEST, lambda officer: True)
    entry = book.begin(open_session(field))
    start = time.monotonic()
    assert book.find(entry.name, start + IDLE - 5) is entry
    assert book.find(entry.name, start + 2 * IDLE - 10) is entry  # every request begins the spell anew
    assert not is_wiped(entry.officer)
    assert book.find(entry.name, start + 3 * IDLE) is None
    assert is_wiped(entry.officer)
    assert book.find(entry.name) is None


def test_a_session_ends_after_its_longest_time_however_busy_it_is(field: Field) -> None:
    book = SessionBook(IDLE, LONGEST, lambda officer: True)
    entry = book.begin(open_session(field))
    start = time.monotonic()
    for moment in range(0, LONGEST, IDLE - 1):
        assert book.find(entry.name, start + moment) is entry
    assert book.find(entry.name, start + LONGEST + 5) is None
    assert is_wiped(entry.officer)


def test_idle_sessions_are_swept_without_a_request(field: Field) -> None:
    book = SessionBook(IDLE, LONGEST, lambda officer: True)
    first, second = book.begin(open_session(field)), book.begin(open_session(field, "liaison-2"))
    moment = time.monotonic() + IDLE + 5
    second.seen = moment
    book.sweep(moment)
    assert is_wiped(first.officer) and not is_wiped(second.officer)
    assert [one.handle for one in book.officers()] == [field.north.handle("liaison-2")]
    book.end_all()
    assert is_wiped(second.officer) and book.officers() == []


def settings_of(field: Field, folder: Path) -> DeskSettings:
    key = folder / "session.key"
    key.write_bytes(b"k" * 32)
    return DeskSettings(
        data_dir=field.north.folder, agency_id="north-police", public_url="http://127.0.0.1:8001",
        broker_url=field.settings.public_url, session_key_file=key,
    )  # fmt: skip


def test_an_open_session_ends_when_the_officer_leaves(field: Field, tmp_path: Path) -> None:
    """Whoever was dismissed does not go on because the page was still open."""
    book: SessionBook = create_desk(settings_of(field, tmp_path)).extensions["book"]
    field.north.appoint("liaison-7", "liaison")
    entry, other = book.begin(open_session(field, "liaison-7")), book.begin(open_session(field))
    assert book.find(entry.name) is entry
    with field.north.office.files.session() as db:
        members.get_member(db, field.north.handle("liaison-7")).left_at = now()
    assert book.find(entry.name) is None
    assert is_wiped(entry.officer)
    assert book.find(other.name) is other
    book.end_all()


def test_registers_are_rewritten_at_random_times_while_somebody_is_signed_in(field: Field, tmp_path: Path) -> None:
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"]).send(field.south)
    app = create_desk(settings_of(field, tmp_path))
    clock, book = Clock(app, 1), app.extensions["book"]

    def versions() -> int:
        with field.north.office.files.session() as db:
            query = select(func.max(RegisterRow.version)).where(RegisterRow.bundle_id == bundle)
            return int(db.scalar(query) or 0)

    def hours(count: int) -> None:
        for _ in range(count):
            clock._rewrite_at = 0  # an hour went by
            clock._rewrite_registers(app.extensions["office"])
            if versions() > 1:
                return

    hours(50)
    assert versions() == 1  # nobody is signed in
    entry = book.begin(open_session(field))
    clock._rewrite_at = time.monotonic() + 600
    clock._rewrite_registers(app.extensions["office"])
    assert versions() == 1  # the hour is not over
    hours(1000)
    assert versions() == 2
    book.end(entry.name)
