"""Facts, links and layout of a case, without a browser."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from agencies import cases
from agencies.members import OfficerSession
from desk import chart_layout
from errors import Conflict, FormatError, NotFound, NotPermitted
from exchange import case_files, case_links, case_lists
from exchange.case_files import CaseFacts
from identity import persons
from tests.support.desks import NOW, Desk, Network

DAY = 86_400


@pytest.fixture
def desk(tmp_path: Path, rng: random.Random) -> Iterator[Desk]:
    net = Network(tmp_path, rng)
    made, _ = net.found("north", "south")
    for number in (1, 2):
        net.appoint(made, f"liaison-{number}", "liaison")
    yield made
    net.close()


@pytest.fixture
def officer(desk: Desk) -> OfficerSession:
    return desk.officer("liaison-1")


@pytest.fixture
def case_id(desk: Desk, officer: OfficerSession) -> bytes:
    with desk.files.session() as db:
        return case_files.begin(db, officer, "N-1", CaseFacts(title=" Harbour "), now=NOW)


def test_facts_come_back_and_every_change_says_who(desk: Desk, officer: OfficerSession, case_id: bytes) -> None:
    with desk.files.session() as db:
        file = case_files.read(db, officer, case_id)
        assert file.facts.title == "Harbour"
        changed = CaseFacts(
            title="Pier", stage="court", summary="text", recovery_from="2031-01-01", recovery_until="2031-02-01"
        )
        case_files.change(db, officer, case_id, changed, version=file.version, now=NOW + 1)
        case_files.change(db, officer, case_id, changed, version=file.version + 1, now=NOW + 2)  # nothing new
        case_files.close(db, officer, case_id, "judged", "sentence", now=NOW + 3)
        case_files.reopen(db, officer, case_id, now=NOW + 4)
        file = case_files.read(db, officer, case_id)
    assert file.facts == changed
    assert [(one.at - NOW, one.what, one.word) for one in file.changes] == [
        (0, "opened", ""), (1, "stage", "court"), (3, "closed", "judged"), (4, "reopened", ""),
    ]  # fmt: skip
    assert {one.officer for one in file.changes} == {officer.handle}


@pytest.mark.parametrize(
    "wrong",
    [
        CaseFacts(title="x" * 201), CaseFacts(stage="nowhere"), CaseFacts(recovery_from="2031-01-01"),
        CaseFacts(recovery_from="2031-02-01", recovery_until="2031-01-01"), CaseFacts(outcome="won"),
        CaseFacts(recovery_from="x", recovery_until="y"),
    ],
)  # fmt: skip
def test_facts_that_do_not_fit_are_refused(wrong: CaseFacts) -> None:
    with pytest.raises(FormatError):
        wrong.checked()
    assert CaseFacts(title="x" * 200, recovery_from="2031-01-01", recovery_until="2031-01-31").checked()


def test_a_closed_case_and_a_stale_page_change_nothing(desk: Desk, officer: OfficerSession, case_id: bytes) -> None:
    with desk.files.session() as db:
        with pytest.raises(Conflict):
            case_files.change(db, officer, case_id, CaseFacts(title="late"), version=7, now=NOW)
        with pytest.raises(Conflict):
            case_files.reopen(db, officer, case_id, now=NOW)
        case_files.close(db, officer, case_id, "settled", "", now=NOW)
        with pytest.raises(Conflict):
            case_files.close(db, officer, case_id, "settled", "", now=NOW)
        version = case_files.read(db, officer, case_id).version
        with pytest.raises(Conflict):
            case_files.change(db, officer, case_id, CaseFacts(title="late"), version=version, now=NOW)
        assert [one.handle for one in case_lists.list_handles(db, officer, state="closed")] == ["N-1"]
        assert len(case_lists.list_handles(db, officer, state="open")) == 0
        with pytest.raises(NotPermitted):
            case_files.read(db, desk.officer("liaison-2"), case_id)


def test_the_clock_of_a_recovery_period() -> None:
    facts = CaseFacts(recovery_from="2031-03-01", recovery_until="2031-03-30")
    for day, state, left in (
        ("2031-02-28", "ahead", 30),
        ("2031-03-01", "running", 29),
        ("2031-03-30", "running", 0),
        ("2031-03-31", "over", 0),
    ):
        at = int(__import__("datetime").datetime.fromisoformat(day + "T12:00+00:00").timestamp())
        period = case_files.period_of(facts, now=at)
        assert period is not None
        assert (period.state, period.days_left, period.days) == (state, left, 30)
        assert 0 <= period.percent <= 100
    assert case_files.period_of(CaseFacts(), now=NOW) is None


def test_lists_are_of_the_officers_own_cases_in_order(desk: Desk, officer: OfficerSession, case_id: bytes) -> None:
    with desk.files.session() as db:
        newer = case_files.begin(db, officer, "A-1", CaseFacts(title="Newer"), now=NOW + DAY)
        case_files.begin(db, desk.officer("liaison-2"), "N-3", CaseFacts(title="Not mine"), now=NOW)
    with desk.files.reading() as db:
        assert [one.handle for one in case_lists.list_handles(db, officer)] == ["A-1", "N-1"]
        assert [one.case_id for one in case_lists.list_handles(db, officer, newest_first=True)] == [newer, case_id]
        assert [one.handle for one in case_lists.list_handles(db, officer, within={case_id})] == ["N-1"]
        assert case_lists.count(db, officer) == 2
        lines = case_lists.lines(db, officer, [case_id, newer])
    assert [(one.handle, one.file.facts.title if one.file else "", one.last_at) for one in lines] == [
        ("N-1", "Harbour", NOW), ("A-1", "Newer", NOW + DAY),
    ]  # fmt: skip


def test_links_join_what_is_in_the_case_once(desk: Desk, officer: OfficerSession, case_id: bytes) -> None:
    with desk.files.session() as db:
        person = persons.add_person(db, officer, case_id, {}, role="victim", short="V1", now=NOW).hex()
        phone = case_links.add_thing(db, officer, case_id, "phone", " T-1 ", now=NOW)
        number = case_links.add_link(db, officer, case_id, person, phone, "uses", "reported", now=NOW)
        for wrong, error in (
            ((person, phone, "uses", "reported", None), Conflict),
            ((person, person, "knows", "reported", None), FormatError),
            ((person, "0" * 12, "knows", "reported", None), NotFound),
            ((person, phone, "knows", "confirmed", None), FormatError),
            ((person, phone, "knows", "confirmed", bytes(16)), NotFound),
            ((person, phone, "", "reported", None), FormatError),
            ((person, phone, "knows", "sure", None), FormatError),
        ):
            with pytest.raises(error):
                case_links.add_link(db, officer, case_id, *wrong, now=NOW)
        with pytest.raises(Conflict):
            case_links.remove(db, officer, case_id, phone, now=NOW)
        chart = case_links.read(db, officer, case_id)
        assert [(one.key, one.kind, one.label) for one in chart.nodes] == [
            (person, "victim", "V1"),
            (phone, "phone", "T-1"),
        ]
        assert [one.number for one in chart.links] == [number]
        case_links.remove(db, officer, case_id, number, now=NOW)
        case_links.remove(db, officer, case_id, phone, now=NOW)
        with pytest.raises(NotFound):
            case_links.remove(db, officer, case_id, phone, now=NOW)
        assert case_links.read(db, officer, case_id).links == ()


def test_who_has_no_identities_reads_links_between_things_alone(
    desk: Desk, officer: OfficerSession, case_id: bytes
) -> None:
    two = desk.officer("liaison-2")
    with desk.files.session() as db:
        cases.add_member(db, officer, case_id, two.handle, vault=False, now=NOW)
        person = persons.add_person(db, officer, case_id, {}, role="victim", short="V1", now=NOW).hex()
        phone, place = (case_links.add_thing(db, officer, case_id, kind, kind, now=NOW) for kind in ("phone", "place"))
        case_links.add_link(db, officer, case_id, person, phone, "uses", "reported", now=NOW)
        case_links.add_link(db, officer, case_id, phone, place, "seen at", "reported", now=NOW)
        theirs, ours = case_links.read(db, two, case_id), case_links.read(db, officer, case_id)
    assert ([one.label for one in theirs.links], theirs.hides_persons) == (["seen at"], True)
    assert ([one.label for one in ours.links], ours.hides_persons) == (["uses", "seen at"], False)


def test_the_layout_is_the_same_each_time_mirrors_and_keeps_nodes_apart() -> None:
    keys = [f"n{at}" for at in range(12)]
    links = [(f"l{at}", keys[at // 3], keys[at]) for at in range(1, 12)] + [("twice", keys[0], keys[1])]
    one, again, other = (chart_layout.lay_out(keys, links, mirrored=flip) for flip in (False, False, True))
    assert one == again
    assert [chart_layout.WIDTH - node.x for node in one.nodes] == pytest.approx([node.x for node in other.nodes], abs=1)
    assert [node.y for node in one.nodes] == [node.y for node in other.nodes]
    spots = [(node.x, node.y) for node in one.nodes]
    assert all(0 < x < one.width and 0 < y < one.height for x, y in spots)
    near = min((ax - bx) ** 2 + (ay - by) ** 2 for at, (ax, ay) in enumerate(spots) for bx, by in spots[at + 1 :])
    assert near > 40**2
    assert len({(link.x, link.y) for link in one.links}) == len(links)  # labels of a double link do not hide each other
    assert chart_layout.lay_out([], []).nodes == ()
    assert len(chart_layout.lay_out(["a"], []).nodes) == 1
