"""Persons, consent and flags: sealed at rest, apart per recipient, and only for the case's team."""

import dataclasses
from pathlib import Path

import pytest

from crypto import labels
from crypto.encoding import unb64u
from crypto.signing import verify
from errors import Conflict, ConsentMissing, FormatError, NotFound, NotPermitted
from identity import consent, flags, persons
from tests.support.desks import NOW
from tests.unit.identity.conftest import Team

NAME = "Testperson-Geheimwort"
VALUES = {"prs_firstname": NAME, "prs_gender": "Feminine", "prs_mobilephone": "+10000000001"}
FACTS = consent.ConsentFacts(("prosecution",), ("south",), "2031-01-01", "en", "Tell us.", (b"i" * 16,), "2031-12-31")


def add(team: Team, **values: str) -> bytes:
    with team.desk.files.session() as db:
        return persons.add_person(
            db, team.worker, team.case_id, {**VALUES, **values}, role="victim", short="W1",
            extra={"Schuhgröße": "39"}, now=NOW,
        )  # fmt: skip


def found_in(folder: Path, word: str) -> list[str]:
    raw = word.encode()
    return [path.name for path in folder.rglob("*") if path.is_file() and raw in path.read_bytes()]


def test_a_person_reads_back_and_nothing_of_her_is_readable_on_the_disk(team: Team) -> None:
    person_id = add(team)
    with team.desk.files.session() as db:
        person = persons.get_person(db, team.worker, team.case_id, person_id)
        pseudonym = persons.pseudonym_for(db, team.worker, team.case_id, person_id, "south", now=NOW)
        persons.reidentify(db, team.worker, team.case_id, pseudonym, reason="Grund-Geheim", now=NOW)
        consent.record_consent(db, team.worker, team.case_id, person_id, FACTS, now=NOW)
        flags.add_flag(
            db, team.worker, team.case_id, person_id, "protected-witness", ["XB"], "no-export", None, None, now=NOW
        )
    assert person.values == VALUES
    assert person.extra == {"Schuhgröße": "39"}
    team.desk.files.engine.dispose()
    for word in (NAME, "Schuhgr", pseudonym, "Grund-Geheim", "protected-witness", "Tell us."):
        assert found_in(team.desk.files.folder, word) == []
    (team.desk.files.folder / "planted").write_text(f"xx{NAME}xx", encoding="utf-8")
    assert found_in(team.desk.files.folder, NAME) == ["planted"]


def test_one_pseudonym_for_each_agency_and_the_same_each_time(team: Team) -> None:
    first, second = add(team), add(team)
    with team.desk.files.session() as db:
        names = {
            (one, agency): persons.pseudonym_for(db, team.worker, team.case_id, one, agency, now=NOW)
            for one in (first, second)
            for agency in ("south", "north")
        }
        again = persons.pseudonym_for(db, team.worker, team.case_id, first, "south", now=NOW + 9)
    assert len(set(names.values())) == 4
    assert again == names[first, "south"]


def test_looking_behind_a_pseudonym_is_recorded_with_its_reason(team: Team) -> None:
    person_id = add(team)
    with team.desk.files.session() as db:
        pseudonym = persons.pseudonym_for(db, team.worker, team.case_id, person_id, "south", now=NOW)
        with pytest.raises(FormatError, match="reason"):
            persons.reidentify(db, team.worker, team.case_id, pseudonym, reason=" ", now=NOW)
        with pytest.raises(NotFound):
            persons.reidentify(db, team.worker, team.case_id, "Nobo-Dyxx 0000", reason="r", now=NOW)
        found = persons.reidentify(db, team.worker, team.case_id, pseudonym, reason="court order 7", now=NOW)
        record = persons.list_reidentifications(db, team.worker, team.case_id)
    assert found.person_id == person_id
    assert record == [(NOW, team.worker.handle, person_id, "court order 7")]


def test_an_officer_outside_the_team_reads_nobody(team: Team) -> None:
    person_id = add(team)
    with team.desk.files.session() as db:
        assert persons.get_person(db, team.worker, team.case_id, person_id).short == "W1"
        for act in (
            lambda: persons.get_person(db, team.outsider, team.case_id, person_id),
            lambda: persons.list_persons(db, team.outsider, team.case_id),
            lambda: consent.list_consents(db, team.outsider, team.case_id),
            lambda: flags.list_flags(db, team.outsider, team.case_id),
        ):
            with pytest.raises(NotPermitted):
                act()


def test_a_changed_person_is_read_as_changed_and_foreign_fields_are_refused(team: Team) -> None:
    person_id = add(team)
    with team.desk.files.session() as db:
        persons.change_person(db, team.worker, team.case_id, person_id, {"prs_gender": "Masculine"})
        person = persons.get_person(db, team.worker, team.case_id, person_id)
        with pytest.raises(FormatError, match="HTCDS"):
            persons.change_person(db, team.worker, team.case_id, person_id, {"prs_shoe": "39"})
    assert (person.version, person.values) == (2, {"prs_gender": "Masculine"})


def test_what_travels_of_a_person_has_no_name(team: Team) -> None:
    person_id = add(team)
    with team.desk.files.session() as db:
        value = persons.shared_person(db, team.worker, team.case_id, person_id, "south", None, NOW)
    assert value["fields"] == {"prs_gender": ["Feminine"]}
    assert NAME not in str(value)


# ---- Consent ----------------------------------------------------------------------------------------------------


def test_an_extract_is_signed_and_covers_what_it_names(team: Team) -> None:
    person_id = add(team)
    with team.desk.files.session() as db:
        record = consent.record_consent(db, team.worker, team.case_id, person_id, FACTS, now=NOW)
        made = consent.make_extract(
            db, team.worker, team.case_id, record, pseudonym="P", agency="south", purposes=("prosecution",),
            items=[b"i" * 16], place=0, now=NOW,
        )  # fmt: skip
    verify(
        team.worker.signing_key, labels.CONSENT_EXTRACT, consent.extract_body(made),
        signature=unb64u(made["signature"]),
    )  # fmt: skip
    assert NAME not in str(made)


@pytest.mark.parametrize(
    ("agency", "purposes", "items", "days", "words"),
    [
        ("north", ("prosecution",), [], 0, "did not agree that north"),
        ("south", ("asylum",), [], 0, "purpose"),
        ("south", ("prosecution",), [b"j" * 16], 0, "items"),
        ("south", ("prosecution",), [], 400, "today"),
        ("south", ("prosecution",), [], -400, "today"),
    ],
)
def test_what_a_consent_does_not_cover_is_refused(
    team: Team, agency: str, purposes: tuple[str, ...], items: list[bytes], days: int, words: str
) -> None:
    person_id = add(team)
    with team.desk.files.session() as db:
        record = consent.record_consent(db, team.worker, team.case_id, person_id, FACTS, now=NOW)
        found = consent.get_consent(db, team.worker, team.case_id, record)
    consent.require_covered(found, "south", ("prosecution",), [b"i" * 16], NOW)
    with pytest.raises(ConsentMissing, match=words):
        consent.require_covered(found, agency, purposes, items, NOW + days * 86400)


def test_what_was_withdrawn_stays_withdrawn(team: Team) -> None:
    person_id = add(team)
    with team.desk.files.session() as db:
        record = consent.record_consent(db, team.worker, team.case_id, person_id, FACTS, now=NOW)
        consent.mark(db, team.worker, team.case_id, record, "held", now=NOW)
        held = consent.get_consent(db, team.worker, team.case_id, record)
        with pytest.raises(ConsentMissing, match="held"):
            consent.require_covered(held, "south", ("prosecution",), [], NOW)
        consent.mark(db, team.worker, team.case_id, record, "withdrawn", now=NOW)
        with pytest.raises(Conflict):
            consent.mark(db, team.worker, team.case_id, record, "active", now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"purposes": ()}, {"recipients": ()}, {"recipients": ("Not An Agency",)}, {"given_on": "2031-13-01"},
        {"valid_until": "2030-01-01"}, {"how_to_withdraw": " "}, {"purposes": ("x" * 501,)},
    ],
)  # fmt: skip
def test_a_consent_that_says_too_little_is_not_recorded(change: dict[str, object]) -> None:
    FACTS.check()
    with pytest.raises(FormatError):
        dataclasses.replace(FACTS, **change).check()  # type: ignore[arg-type]


# ---- Flags ------------------------------------------------------------------------------------------------------


def test_flags_go_along_under_the_recipients_pseudonym_until_they_are_lowered(team: Team) -> None:
    person_id = add(team)
    with team.desk.files.session() as db:
        flag_id = flags.add_flag(
            db, team.worker, team.case_id, person_id, "protected-witness", [], "no-export", None, None, now=NOW
        )
        pseudonym = persons.pseudonym_for(db, team.worker, team.case_id, person_id, "south", now=NOW)
        raised = flags.flags_for_bundle(db, team.worker, team.case_id, [person_id], "south", now=NOW)
        flags.lower_flag(db, team.worker, team.case_id, flag_id, now=NOW)
        lowered = flags.flags_for_bundle(db, team.worker, team.case_id, [person_id], "south", now=NOW)
        with pytest.raises(FormatError, match="instruction"):
            flags.add_flag(db, team.worker, team.case_id, person_id, "f", [], "do-harm", None, None, now=NOW)
    assert [one["pseudonym"] for one in raised] == [pseudonym]
    assert set(raised[0]) == {"pseudonym", "flag", "concerns", "instruction", "from", "until"}
    assert lowered == []
