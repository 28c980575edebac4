"""The lines of the record: noted once, sampled by a seed, written without any word of an officer."""

import csv
import io
from pathlib import Path

import pytest
from sqlalchemy import insert

from agencies import sign_ins
from agencies.models import RecordLine, SignInNote
from exchange import record, record_exports
from exchange.record import Filter
from storage.desk_files import DeskFiles

ONE, TWO = "north-police/liaison-1", "north-police/liaison-2"


@pytest.fixture
def files(tmp_path: Path) -> DeskFiles:
    made = DeskFiles.create(tmp_path / "desk")
    with made.session() as db:
        for number in range(300):
            officer = ONE if number % 3 else TWO
            db.execute(insert(SignInNote), [{"officer": officer, "result": sign_ins.OPEN, "at": 1000 + number}])
    return made


def test_each_row_of_a_source_is_noted_once(files: DeskFiles) -> None:
    with files.session() as db:
        assert record.catch_up(db) == 300
        assert record.catch_up(db) == 0
        sign_ins.note(db, ONE, sign_ins.FACTOR, now=5000)
        assert record.catch_up(db) == 1
        (newest,) = record.lines(db, Filter(), most=1)
        assert (newest.officer, newest.kind, newest.at) == (ONE, "sign-in-factor", 5000)
        assert record.kinds(db) == ["sign-in-factor", "sign-in-open"]


def test_lines_stay_when_their_source_forgets_them(files: DeskFiles) -> None:
    """Of an officer's tries to sign in the desk keeps the newest alone; the record keeps all."""
    with files.session() as db:
        record.catch_up(db)
        db.query(SignInNote).delete()
        assert record.count(db, Filter()) == 300


def test_filters_narrow_what_is_shown(files: DeskFiles) -> None:
    with files.session() as db:
        record.catch_up(db)
        assert record.count(db, Filter(officer=TWO)) == 100
        assert record.count(db, Filter(since=1100, until=1110)) == 10
        assert record.count(db, Filter(kind="opened")) == 0
        assert record.count(db, Filter(case="N-1")) == 0
        assert [one.at for one in record.lines(db, Filter(), start=10, most=2)] == [1289, 1288]


def test_a_seed_draws_the_same_lines_and_another_others(files: DeskFiles) -> None:
    with files.session() as db:
        record.catch_up(db)
        wanted = Filter(officer=ONE, last=record.newest(db))
        first = record.sample(db, wanted, seed="00112233", most=10)
        sign_ins.note(db, ONE, sign_ins.OPEN, now=5000)
        record.catch_up(db)
        assert record.sample(db, wanted, seed="00112233", most=10) == first
        assert record.sample(db, wanted, seed="00112234", most=10) != first
        assert len(first) == 10 and {one.officer for one in first} == {ONE}
        assert len(record.sample(db, wanted, seed="0", most=10_000)) == record.MOST_SAMPLE


def test_the_csv_reads_back(files: DeskFiles) -> None:
    with files.session() as db:
        record.catch_up(db)
        lines = record.lines(db, Filter(), most=3)
    rows = list(csv.DictReader(io.StringIO(record_exports.write_csv(lines).decode())))
    assert [int(row["number"]) for row in rows] == [one.number for one in lines]
    assert rows[0]["time_utc"] == "1970-01-01T00:21:39Z"
    assert {row["officer"] for row in rows} <= {ONE, TWO}


def test_the_index_of_the_lines_is_made_again_from_their_sources(files: DeskFiles) -> None:
    with files.session() as db:
        record.catch_up(db)
        before = [(one.at, one.officer, one.kind) for one in record.lines(db, Filter())]
        db.query(RecordLine).delete()
        record.catch_up(db)
        assert [(one.at, one.officer, one.kind) for one in record.lines(db, Filter())] == before
