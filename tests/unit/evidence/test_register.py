"""The register over several cases, and the seal as the custody tells it."""

from typing import Any

import pytest

from agencies import cases
from errors import NotFound, NotPermitted
from evidence import exhibits, holdings, intake, register
from evidence.seals import Seal, current_seal
from tests.support.desks import NOW
from tests.unit.evidence.test_intake import SEEN, Team
from tests.unit.evidence.test_intake import team as team  # a fixture


def add(team: Team, description: str, **more: Any) -> bytes:
    with team.desk.files.session() as db:
        return exhibits.create_exhibit(
            db, team.liaison, more.pop("case_id", team.case_id), description=description, files=more.pop("files", ()),
            place="store", reason="r", seen=SEEN, now=NOW, **more,
        )  # fmt: skip


def find(team: Team, **more: Any) -> tuple[list[str], int]:
    with team.desk.files.session() as db:
        lines, total = register.find(db, team.liaison, **more)
    return [one.exhibit.description for one in lines], total


def test_exhibits_are_found_by_case_words_and_custody_in_pages(team: Team) -> None:
    with team.desk.files.session() as db:
        other = cases.create_case(db, team.liaison, "NP-2031-2", {"title": "t"}, now=NOW).case_id
    for name in ("Red lamp", "Blue lamp", "Red door"):
        add(team, name)
    add(team, "Red chair", case_id=other)
    assert find(team) == (["Red lamp", "Blue lamp", "Red door", "Red chair"], 4)
    assert find(team, case_id=other) == (["Red chair"], 1)
    assert find(team, words="RED lamp") == (["Red lamp"], 1)
    assert find(team, words="e-0002") == (["Blue lamp"], 1)
    assert find(team, words="np-2031-2") == (["Red chair"], 1)
    assert find(team, state="here", start=1, most=2) == (["Blue lamp", "Red door"], 4)
    assert find(team, start=2, most=1) == (["Red door"], 4)
    assert find(team, state="ended") == ([], 0)
    assert find(team, state="offered") == ([], 0)
    assert find(team, state="unknown") == ([], 0)


def test_nobody_finds_what_is_of_a_case_of_others(team: Team) -> None:
    thing = add(team, "Red lamp")
    with team.desk.files.session() as db:
        assert register.find(db, team.outsider) == ([], 0)
        assert register.cases_with(db, team.outsider, thing) == []
        assert register.cases_with(db, team.liaison, thing) == [team.case_id]
        with pytest.raises(NotPermitted):
            register.find(db, team.outsider, case_id=team.case_id)


def test_a_file_leads_to_its_exhibit_and_the_same_content_is_known_again(team: Team, tmp_path: Any) -> None:
    (tmp_path / "a").write_bytes(b"same")
    first, second = team.take_in(tmp_path / "a"), team.take_in(tmp_path / "a")
    thing = add(team, "A file", files=[first.file_id])
    with team.desk.files.session() as db:
        assert register.exhibit_of_file(db, team.liaison, team.case_id, first.file_id).object_id == thing
        with pytest.raises(NotFound):
            register.exhibit_of_file(db, team.liaison, team.case_id, second.file_id)
        known = register.same_file(db, team.liaison, team.case_id, second.sha256)
        assert [one.object_id for one in known] == [thing]
        assert register.same_file(db, team.liaison, team.case_id, bytes(32)) == []
        assert len(intake.list_files(db, team.liaison, team.case_id)) == 2


def test_the_seal_is_the_newest_and_is_open_once_it_was_opened(team: Team) -> None:
    thing = add(team, "A telephone", seal="S-1")
    found: list[Seal | None] = []
    with team.desk.files.session() as db:
        holding = holdings.open_holding(db, team.liaison, team.case_id, thing)
        for action, seal in [("examine", None), ("unseal", None), ("reseal", "S-2"), ("unseal", "S-2"), ("view", None)]:
            holdings.append_event(
                db, team.liaison, team.case_id, holding, action=action, seal=seal, seen=SEEN, now=NOW
            )  # fmt: skip
            (chain,) = holdings.chains(db, team.liaison, team.case_id, thing)
            found.append(current_seal(one.event for one in chain.events))
    assert found == [Seal("S-1", True), Seal("S-1", False), Seal("S-2", True), Seal("S-2", False), Seal("S-2", False)]
    assert current_seal([]) is None
