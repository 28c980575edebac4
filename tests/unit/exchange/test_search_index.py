"""The search of one session: what it finds, for whom, and what is left of it after the lock."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agencies import cases
from agencies.members import OfficerSession
from exchange import case_files, search_hits
from exchange.case_files import CaseFacts
from exchange.search_index import A_CASE, A_PERSON, SearchIndex
from exchange.search_text import BUFFER_BYTES, NAME_END, PackedRows, Row, normal, words_of
from identity import persons
from tests.support.desks import NOW, Desk, Network


@dataclass
class Desks:
    desk: Desk
    one: OfficerSession
    two: OfficerSession
    indexes: list[SearchIndex] = field(default_factory=list)

    def begin(self, officer: OfficerSession, handle: str, title: str, **facts: str) -> bytes:
        with self.desk.files.session() as db:
            return case_files.begin(db, officer, handle, CaseFacts(title=title, **facts), now=NOW)  # type: ignore[arg-type]

    def person(self, officer: OfficerSession, case_id: bytes, short: str, **values: str) -> bytes:
        with self.desk.files.session() as db:
            return persons.add_person(db, officer, case_id, values, role="victim", short=short, now=NOW)

    def index(self, officer: OfficerSession) -> SearchIndex:
        made = SearchIndex(self.desk.files, officer, lambda db: ["south"])
        made.start()
        self.indexes.append(made)
        wait(lambda: made.is_complete)
        return made

    def found(self, index: SearchIndex, officer: OfficerSession, text: str) -> list[tuple[str, str]]:
        with self.desk.files.reading() as db:
            hits = index.find(db, text).hits
            return [(one.kind, one.title) for one in search_hits.describe(db, officer, hits)]


def wait(until: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not until():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@pytest.fixture
def desks(tmp_path: Path, rng: random.Random) -> Iterator[Desks]:
    net = Network(tmp_path, rng)
    desk, _ = net.found("north", "south")
    made = Desks(desk, net.appoint(desk, "liaison-1", "liaison"), net.appoint(desk, "liaison-2", "liaison"))
    yield made
    for one in made.indexes:
        one.wipe()
    net.close()


# ---- Packed rows ------------------------------------------------------------------------------------------------


def filled(rows: int = 5) -> PackedRows:
    packed = PackedRows()
    for case in range(rows):
        texts = [f"n-{case} title of {case}", f"mira {case}{NAME_END}v{case}", "common words"]
        packed.put(bytes([case]) * 16, [Row(at, bytes([case, at]) * 8, text) for at, text in enumerate(texts)])
    return packed


def test_rows_are_found_by_all_words_in_any_order_with_where_they_stand() -> None:
    packed = filled()
    (hit,), is_more = packed.find(words_of("title N-3"), 10)
    assert (hit.kind, hit.case_id, hit.object_id, hit.is_exact) == (0, bytes([3]) * 16, bytes([3, 0]) * 8, True)
    assert not is_more
    assert len(packed.find(words_of("common"), 10)[0]) == 5
    assert packed.find(words_of("common"), 3)[1] is True
    assert packed.find(words_of("title common"), 10) == ([], False)
    assert packed.find(words_of("a"), 10) == ([], False)


def test_a_hit_says_whether_it_is_a_name() -> None:
    packed = filled()
    assert [one.in_name for one in packed.find(words_of("mira"), 10)[0]] == [True] * 5
    assert [one.in_name for one in packed.find(words_of("v3"), 10)[0]] == [False]


def test_a_case_that_is_packed_again_or_dropped_leaves_no_words() -> None:
    packed = filled()
    packed.put(bytes([3]) * 16, [Row(0, bytes(16), "something else")])
    assert packed.find(words_of("n-3"), 10) == ([], False)
    assert len(packed.find(words_of("something else"), 10)[0]) == 1
    packed.drop(bytes([4]) * 16)
    assert packed.find(words_of("n-4"), 10) == ([], False)
    assert not any(b"n-4" in buffer or b"n-3" in buffer for buffer in packed._buffers)
    assert any(b"n-2" in buffer for buffer in packed._buffers)


def test_a_wipe_overwrites_the_buffers_for_good() -> None:
    packed = filled()
    buffers = list(packed._buffers)
    assert any(b"mira" in buffer for buffer in buffers)
    packed.wipe()
    assert not any(any(buffer) for buffer in buffers)
    packed.put(bytes(16), [Row(0, bytes(16), "late")])
    assert len(packed) == 0 and packed.find(words_of("late"), 1) == ([], False)


def test_many_rows_span_buffers_and_stay_small_and_fast() -> None:
    packed = PackedRows()
    for case in range(2000):
        rows = [
            Row(1, case.to_bytes(8) + at.to_bytes(8), f"person {case}-{at} of a longer line of text" * 2)
            for at in range(20)
        ]
        packed.put(case.to_bytes(16), rows)
    assert len(packed._buffers) > 2
    started = time.perf_counter()
    hits, _ = packed.find(words_of("1999-19"), 10)
    assert time.perf_counter() - started < 0.3
    assert [one.object_id for one in hits] == [(1999).to_bytes(8) + (19).to_bytes(8)]
    assert packed.size_bytes / 40_000 < 200
    assert all(len(buffer) == BUFFER_BYTES for buffer in packed._buffers)


@pytest.mark.parametrize(
    ("typed", "written"),
    [("ÉLODIE", "Élodie"), ("muller", "Müller"), ("علي", "عَلِيّ"), ("strasse", "Straße"), ("a\u200bb", "ab")],
)
def test_what_is_typed_finds_what_is_written(typed: str, written: str) -> None:
    assert normal(typed) == normal(written)
    assert normal("other") != normal(written)


# ---- The index of a session -------------------------------------------------------------------------------------


def test_it_finds_cases_and_persons_of_the_officers_own_teams_alone(desks: Desks) -> None:
    mine, theirs = desks.begin(desks.one, "N-1", "Harbour"), desks.begin(desks.two, "N-2", "Harbour too")
    desks.person(desks.one, mine, "V1", prs_firstname="Mirabela", prs_mobilephone="+40721555")
    desks.person(desks.two, theirs, "V2", prs_firstname="Mirabela")
    index = desks.index(desks.one)
    assert index.read == index.total == 2
    assert desks.found(index, desks.one, "harbour") == [("case", "N-1")]
    assert desks.found(index, desks.one, "MIRABELA") == [("person", "V1")]
    assert desks.found(index, desks.one, "+40721555") == [("person", "V1")]
    assert desks.found(index, desks.one, "n-2") == []
    assert desks.found(desks.index(desks.two), desks.two, "mirabela") == [("person", "V2")]  # the control


def test_without_identities_persons_are_not_read(desks: Desks) -> None:
    case_id = desks.begin(desks.one, "N-1", "Harbour")
    desks.person(desks.one, case_id, "V1", prs_firstname="Mirabela")
    with desks.desk.files.session() as db:
        cases.add_member(db, desks.one, case_id, desks.two.handle, vault=False, now=NOW)
    index = desks.index(desks.two)
    assert desks.found(index, desks.two, "harbour") == [("case", "N-1")]
    assert desks.found(index, desks.two, "mirabela") == []
    assert not any(b"mirabela" in buffer for buffer in index._rows._buffers)


def test_an_exclusion_counts_at_the_next_search_and_then_the_words_go(desks: Desks) -> None:
    case_id = desks.begin(desks.one, "N-1", "Harbour")
    with desks.desk.files.session() as db:
        cases.add_member(db, desks.one, case_id, desks.two.handle, vault=True, now=NOW)
    index = desks.index(desks.two)
    assert desks.found(index, desks.two, "harbour") == [("case", "N-1")]
    with desks.desk.files.session() as db:
        cases.exclude_officer(db, desks.one, case_id, desks.two.handle, now=NOW)
    assert desks.found(index, desks.two, "harbour") == []
    wait(lambda: not any(b"harbour" in buffer for buffer in index._rows._buffers))


def test_what_others_change_is_found_a_moment_later_and_ones_own_at_once(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange.search_index.SWEEP_SECONDS", 0.1)
    case_id = desks.begin(desks.one, "N-1", "Harbour", stage="court")
    index = desks.index(desks.one)
    assert index.cases_at("court") == {case_id}
    person = desks.person(desks.one, case_id, "V1", prs_firstname="Mirabela")
    index.renew([case_id])
    assert desks.found(index, desks.one, "mirabela") == [("person", "V1")]
    with desks.desk.files.session() as db:
        persons.change_person(db, desks.one, case_id, person, {"prs_firstname": "Zuleika"})
    other = desks.begin(desks.one, "N-2", "Another")
    desks.found(index, desks.one, "mirabela")  # a search sets it going
    wait(lambda: desks.found(index, desks.one, "zuleika") == [("person", "V1")])
    assert desks.found(index, desks.one, "mirabela") == []
    wait(lambda: desks.found(index, desks.one, "another") == [("case", "N-2")])
    assert other in index.cases_at("report")


def test_the_lock_ends_the_reading_and_leaves_nothing(desks: Desks) -> None:
    for number in range(60):
        case_id = desks.begin(desks.one, f"N-{number}", "Planted Title")
    desks.person(desks.one, case_id, "V1", prs_firstname="Mirabela")
    index = desks.index(desks.one)
    buffers = list(index._rows._buffers)
    assert any(b"planted title" in one for one in buffers)
    early = SearchIndex(desks.desk.files, desks.one, lambda db: [])
    early.start()
    index.wipe()
    early.wipe()
    desks.one.lock()
    assert not any(any(one) for one in buffers)
    wait(lambda: not index.is_working and not early.is_working)
    assert len(early._rows) == len(index._rows) == 0
    assert not index.cases_at("report")
    assert A_CASE != A_PERSON
