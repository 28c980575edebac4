"""Names that are asked for: recorded with a purpose that only the team reads, and counted without one."""

import sqlite3

import pytest

from agencies import cases
from errors import FormatError, NotFound, NotPermitted
from identity import name_requests, persons
from storage.desk_files import DATABASE
from tests.support.desks import NOW
from tests.unit.identity.conftest import Team

NAMED = {"prs_firstname": "Mirabela", "prs_secondname": "Ionescu", "prs_gender": "female"}


def add(team: Team) -> bytes:
    with team.desk.files.session() as db:
        return persons.add_person(db, team.worker, team.case_id, NAMED, role="victim", short="V1", now=NOW)


def test_a_name_is_given_and_who_asked_for_what_is_on_record(team: Team) -> None:
    person = add(team)
    with team.desk.files.session() as db:
        for at in (NOW, NOW + 60):
            name = name_requests.ask(db, team.worker, team.case_id, person, f" at {at} ", now=at)
        assert name == "Mirabela Ionescu"
        asked = name_requests.list_asked(db, team.worker, team.case_id)
        assert [(one.person_id, one.officer, one.at, one.purpose) for one in asked] == [
            (person, team.worker.handle, NOW, f"at {NOW}"), (person, team.worker.handle, NOW + 60, f"at {NOW + 60}"),
        ]  # fmt: skip
        assert name_requests.counts(db, NOW) == {team.worker.handle: 2}
        assert name_requests.counts(db, NOW + 1) == {team.worker.handle: 1}
        assert name_requests.counts(db, NOW, NOW + 60) == {team.worker.handle: 1}
        assert name_requests.counts(db, NOW + 61) == {}


@pytest.mark.parametrize("purpose", ["", "   ", "x" * 501])
def test_no_name_without_a_purpose_and_nothing_is_recorded(team: Team, purpose: str) -> None:
    person = add(team)
    with team.desk.files.session() as db:
        with pytest.raises(FormatError):
            name_requests.ask(db, team.worker, team.case_id, person, purpose, now=NOW)
        assert name_requests.list_asked(db, team.worker, team.case_id) == []
        name_requests.ask(db, team.worker, team.case_id, person, "x" * 500, now=NOW)
        assert len(name_requests.list_asked(db, team.worker, team.case_id)) == 1


def test_who_has_no_identities_gets_no_name(team: Team) -> None:
    person = add(team)
    with team.desk.files.session() as db:
        cases.add_member(db, team.worker, team.case_id, team.outsider.handle, vault=False, now=NOW)
        with pytest.raises(NotPermitted):
            name_requests.ask(db, team.outsider, team.case_id, person, "curious", now=NOW)
        with pytest.raises(NotFound):
            name_requests.ask(db, team.worker, team.case_id, bytes(16), "nobody", now=NOW)
        assert name_requests.counts(db, 0) == {}


def test_the_purpose_is_sealed_on_the_disk(team: Team) -> None:
    person = add(team)
    with team.desk.files.session() as db:
        name_requests.ask(db, team.worker, team.case_id, person, "planted purpose", now=NOW)
    with sqlite3.connect(team.desk.files.folder / DATABASE) as database:
        ((sealed, officer),) = database.execute("SELECT purpose, officer FROM name_request").fetchall()
    assert officer == team.worker.handle  # the control: this can be read
    assert b"planted purpose" not in sealed
    with team.desk.files.session() as db:
        assert name_requests.list_asked(db, team.worker, team.case_id)[0].purpose == "planted purpose"


def test_a_name_is_what_the_record_has(team: Team) -> None:
    assert name_requests.name_of({}) == ""
    assert name_requests.name_of({"prs_firstname": " Amal ", "prs_middlename": "", "prs_secondname": "Haddad"}) == (
        "Amal Haddad"
    )
    assert set(name_requests.NAME) < name_requests.IDENTIFYING
