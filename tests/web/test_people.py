"""Persons in a real browser: hidden names, the record of who asked, flags that two lift, tables with a look before."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import Workbook
from playwright.sync_api import Browser, Page, expect

from exchange import approvals
from identity import flags, name_requests, persons
from tests.support import casefiles
from tests.support.casefiles import CaseAt
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


@pytest.fixture(scope="module")
def case(field: Field) -> CaseAt:
    made = casefiles.begin(field.north, "liaison-1", "NP-2041-1", "Persons")
    made.person(short="V1", prs_mobilephone="+40721555", prs_birthdate="2001-02-03")
    made.person("suspect", "S1", prs_firstname="Gorg", prs_secondname="Vella")
    made.join("liaison-2")
    return made


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()
    page.wait_for_load_state("load")


def open_person(page: Page, served: Served, case: CaseAt, short: str = "V1") -> str:
    page.goto(f"{served.url}{case.path}/persons")
    page.get_by_role("rowheader", name=short).get_by_role("link").click()
    return page.url


# ---- Names ------------------------------------------------------------------------------------------------------


def test_a_name_shows_alone_after_a_purpose_is_recorded_and_hides_now(page: Page, served: Served, case: CaseAt) -> None:
    sign_in(page, served, "liaison-1")
    there = open_person(page, served, case)
    assert "Mirabela" not in page.content()
    assert "+40721555" not in page.content()
    press(page, "Show name")
    expect(page).to_have_title(re.compile("^Error:"))
    assert "Mirabela" not in page.content()
    page.get_by_label("What do you need the name for?").fill("to call her lawyer")
    press(page, "Show name")
    assert page.url == there
    expect(page.get_by_text("Mirabela Ionescu")).to_be_visible()
    expect(page.get_by_text("+40721555")).to_be_visible()
    expect(page.get_by_text("One name is shown")).to_be_visible()
    assert "Mirabela" not in page.title() and "Mirabela" not in page.url
    assert violations(page) == []
    with served.desk.office.files.session() as db:
        (asked,) = name_requests.list_asked(db, case.officer, case.case_id)
        counted = name_requests.counts(db, now() - 60)
    assert (asked.officer, asked.purpose) == ("north-police/liaison-1", "to call her lawyer")
    assert counted == {"north-police/liaison-1": 1}

    open_person(page, served, case, "S1")
    page.get_by_label("What do you need the name for?").fill("to check a spelling")
    press(page, "Show name")
    expect(page.get_by_text("Gorg Vella")).to_be_visible()
    page.goto(there)  # one name at a time
    assert "Mirabela" not in page.content()
    page.goto(f"{served.url}{case.path}/persons")
    assert "Gorg" not in page.content()
    open_person(page, served, case, "S1")
    press(page, "Hide now")
    assert "Gorg" not in page.content()
    expect(page.get_by_text("Names are hidden")).to_be_visible()


def test_a_name_hides_by_itself_with_a_script_and_at_the_next_page_without(
    page: Page, browser: Browser, served: Served, case: CaseAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.people.SHOWN_SECONDS", 5)
    sign_in(page, served, "liaison-1")
    open_person(page, served, case)
    page.get_by_label("What do you need the name for?").fill("once more")
    press(page, "Show name")
    expect(page.get_by_text("Mirabela Ionescu")).to_be_visible()
    expect(page.get_by_text("Mirabela Ionescu")).to_have_count(0, timeout=15_000)
    assert "+40721555" not in page.content()
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, served, "liaison-2")
    open_person(plain, served, case)
    plain.get_by_label("What do you need the name for?").fill("and again")
    press(plain, "Show name")
    expect(plain.get_by_text("Mirabela Ionescu")).to_be_visible()
    time.sleep(6.1)
    plain.reload()
    assert "Mirabela" not in plain.content()
    context.close()


def test_a_print_names_nobody_unless_its_form_asks(page: Page, served: Served, case: CaseAt) -> None:
    sign_in(page, served, "liaison-1")
    there = open_person(page, served, case)
    page.get_by_label("What do you need the name for?").fill("to look while printing")
    press(page, "Show name")
    page.emulate_media(media="print")
    assert not page.get_by_text("Mirabela Ionescu").is_visible()
    page.emulate_media(media="screen")
    expect(page.get_by_text("Mirabela Ionescu")).to_be_visible()  # the control
    for with_name in (False, True):
        page.goto(there + "/print")
        page.get_by_label("What do you need the name for?").fill("for the file of the court")
        if with_name:
            page.get_by_label("Print the name and what identifies, too").check()
        press(page, "Make the page")
        page.emulate_media(media="print")
        assert page.get_by_text("Mirabela Ionescu").is_visible() is with_name
        assert ("+40721555" in page.content()) is with_name
        page.emulate_media(media="screen")
    with served.desk.office.files.session() as db:
        asked = name_requests.list_asked(db, case.officer, case.case_id)
    assert [one.purpose for one in asked].count("for the file of the court") == 1


def test_the_lock_takes_the_shown_name_away(page: Page, served: Served, case: CaseAt) -> None:
    sign_in(page, served, "liaison-1")
    open_person(page, served, case)
    page.get_by_label("What do you need the name for?").fill("before the lock")
    press(page, "Show name")
    entry = list(served.app.extensions["book"]._open.values())[-1]
    assert entry.named and entry.index is not None
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_label("Passphrase")).to_be_visible()
    assert not entry.named
    assert len(entry.index._rows) == 0


# ---- Records ----------------------------------------------------------------------------------------------------


def test_a_person_is_recorded_and_edited_without_the_name_being_seen(page: Page, served: Served, case: CaseAt) -> None:
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}{case.path}/persons/new")
    press(page, "Save")
    expect(page.get_by_text("Choose who this is in the case").first).to_be_visible()
    page.get_by_label("Witness").check()
    page.get_by_label("First name").fill("Tilda")
    page.get_by_label("Family name").fill("Sorensen")
    page.get_by_text("About the person").click()
    page.get_by_label("Citizenship").fill("XB")
    assert violations(page) == []
    press(page, "Save")
    assert "Tilda" not in page.content()
    expect(page.get_by_text("The person is recorded as P3.")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    assert page.get_by_label("First name").count() == 0
    assert "Tilda" not in page.content()
    page.get_by_label("Citizenship").fill("XC")
    press(page, "Save")
    with served.desk.office.files.session() as db:
        found = next(one for one in persons.list_persons(db, case.officer, case.case_id) if one.short == "P3")
    assert found.values == {"prs_firstname": "Tilda", "prs_secondname": "Sorensen", "prs_citizenship": "XC"}
    page.get_by_label("What do you need the name for?").fill("to correct the spelling")
    press(page, "Show name")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("First name").fill("Thilda")
    press(page, "Save")
    expect(page.get_by_text("Thilda Sorensen")).to_be_visible()


def test_a_known_pseudonym_shows_and_looking_gives_none(page: Page, served: Served, case: CaseAt, field: Field) -> None:
    person = case.person(short="V9")
    sign_in(page, served, "liaison-1")
    open_person(page, served, case, "V9")
    expect(page.get_by_text("Nobody yet. An agency is given a pseudonym")).to_be_visible()
    case.share(field.south, "prosecutor-1", person)
    with served.desk.office.files.session() as db:
        given = persons.given_pseudonyms(db, case.officer, case.case_id, ["south-prosecutor", "shelter-ngo"])
    assert list(given[person]) == ["south-prosecutor"]
    page.reload()
    expect(page.get_by_text(given[person]["south-prosecutor"])).to_be_visible()


# ---- Flags ------------------------------------------------------------------------------------------------------


def test_one_officer_sets_a_flag_and_two_lift_it(page: Page, served: Served, case: CaseAt, field: Field) -> None:
    sign_in(page, served, "liaison-1")
    there = open_person(page, served, case)
    page.get_by_role("link", name="Set a flag").click()
    press(page, "Set the flag")
    expect(page).to_have_title(re.compile("^Error:"))
    page.get_by_label("Name of the flag").fill("Family at risk")
    page.get_by_label("No contact").check()
    page.get_by_label("Or countries").fill("Romania")
    press(page, "Set the flag")
    expect(page.get_by_text("Write countries with two letters each").first).to_be_visible()
    page.get_by_label("Or countries").fill("xc")
    page.get_by_label("south-prosecutor").check()
    assert violations(page) == []
    press(page, "Set the flag")
    expect(page.get_by_text("Family at risk").first).to_be_visible()
    expect(page.get_by_text("Concerns south-prosecutor, XC")).to_be_visible()
    page.get_by_role("link", name="Lift the flag Family at risk").click()
    assert violations(page) == []
    press(page, "Ask a second officer")
    expect(page.get_by_text("Write why the flag is not needed any more").first).to_be_visible()
    page.get_by_label("Why is the flag not needed any more?").fill("the family is safe here")
    press(page, "Ask a second officer")
    expect(page.get_by_text("A second officer is asked").first).to_be_visible()
    with served.desk.office.files.session() as db:
        (flag,) = [
            one for one in flags.list_flags(db, case.officer, case.case_id) if one.value["flag"] == "Family at risk"
        ]
        assert not flag.is_lowered
        second = field.north.officer("liaison-2")
        (waiting,) = approvals.list_waiting(db, second)
        asked = approvals.read(db, second, waiting.approval_id)
        assert asked.subject["shown"]["flag"] == "Family at risk"
        assert asked.subject["subjects"][0]["legal_basis"] == "the family is safe here"
        approvals.grant(db, second, waiting.approval_id, now=now())
    page.goto(there)
    page.get_by_role("link", name="Go on with lifting the flag Family at risk").click()
    press(page, "Lift the flag")
    expect(page.get_by_text("The flag is lifted.")).to_be_visible()
    with served.desk.office.files.session() as db:
        found = [one for one in flags.list_flags(db, case.officer, case.case_id) if one.flag_id == flag.flag_id]
    assert [one.is_lowered for one in found] == [True]


def test_a_flag_stays_when_the_second_officer_refuses(page: Page, served: Served, case: CaseAt, field: Field) -> None:
    person = case.person(short="V7")
    flag_id = case.flag(person, "Stays")
    there = f"{served.url}{case.path}/persons/{person.hex()}"
    sign_in(page, served, "liaison-1")
    page.goto(f"{there}/flags/{flag_id.hex()}/lift")
    page.get_by_label("Why is the flag not needed any more?").fill("no reason")
    press(page, "Ask a second officer")
    with served.desk.office.files.session() as db:
        second = field.north.officer("liaison-2")
        (waiting,) = [one for one in approvals.list_waiting(db, second) if one.object_id == flag_id]
        approvals.deny(db, second, waiting.approval_id, now=now())
    page.goto(f"{there}/flags/{flag_id.hex()}/lift")
    assert page.get_by_role("button", name="Lift the flag").count() == 0
    expect(page.get_by_role("button", name="Ask a second officer")).to_be_visible()
    page.goto(there)
    expect(page.get_by_text("Stays").first).to_be_visible()


# ---- Tables -----------------------------------------------------------------------------------------------------


def send(page: Page, served: Served, case: CaseAt, path: Path) -> None:
    page.goto(f"{served.url}{case.path}/persons/import")
    page.get_by_label("Table", exact=True).set_input_files(path)
    press(page, "Read the table")


def test_a_table_is_shown_before_it_is_taken_in_and_again_brings_what_changed(
    page: Page, served: Served, field: Field, tmp_path: Path
) -> None:
    case = casefiles.begin(field.north, "liaison-1", "NP-2042-1", "Table")
    table = tmp_path / "persons.csv"
    head = "person,prs_FirstName,prs_Gender,Favourite colour\n"
    table.write_text(head + "V1,Mirabela,female,green\nV2,Zuleika,female,\n", "utf-8")
    sign_in(page, served, "liaison-1")
    send(page, served, case, table)
    expect(page.get_by_text("1 column is not of the standard")).to_be_visible()
    expect(page.get_by_text("Favourite colour")).to_be_visible()
    assert "Mirabela" not in page.content()
    assert violations(page) == []
    with served.desk.office.files.session() as db:
        assert persons.list_persons(db, case.officer, case.case_id) == []  # nothing yet
    press(page, "Take it in")
    expect(page.get_by_text("2 persons were added.")).to_be_visible()
    table.write_text(head + "V1,Mirabela,woman,green\nV2,Zuleika,female,\nV3,Tilda,,\n", "utf-8")
    send(page, served, case, table)
    expect(page.get_by_role("rowheader", name="V3")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="V1").get_by_text("Gender")).to_be_visible()
    page.get_by_label("Also change persons").check()
    press(page, "Take it in")
    expect(page.get_by_text("1 person was added.")).to_be_visible()
    expect(page.get_by_text("1 record was changed.")).to_be_visible()
    with served.desk.office.files.session() as db:
        found = {
            one.short: one.values.get("prs_gender") for one in persons.list_persons(db, case.officer, case.case_id)
        }
    assert found == {"V1": "woman", "V2": "female", "V3": None}


def test_a_workbook_is_read_and_what_is_no_table_is_refused(
    page: Page, served: Served, case: CaseAt, tmp_path: Path
) -> None:
    book = Workbook()
    book.active.append(["person", "prs_FirstName"])  # type: ignore[union-attr]
    book.active.append(["X1", "Amal"])  # type: ignore[union-attr]
    book.save(tmp_path / "list.xlsx")
    (tmp_path / "list.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 nothing")
    (tmp_path / "other.csv").write_text("name;age\nA;7\n", "utf-8")
    sign_in(page, served, "liaison-1")
    for name in ("list.pdf", "broken.xlsx", "other.csv"):
        send(page, served, case, tmp_path / name)
        assert page.title().startswith("Error:"), name
        assert violations(page) == []
    page.goto(f"{served.url}{case.path}/persons/import")
    press(page, "Read the table")
    expect(page.get_by_text("Choose a file").first).to_be_visible()
    send(page, served, case, tmp_path / "list.xlsx")
    expect(page.get_by_role("rowheader", name="X1")).to_be_visible()
    assert "Amal" not in page.content()


def test_a_table_is_forgotten_at_the_lock(page: Page, served: Served, case: CaseAt, tmp_path: Path) -> None:
    table = tmp_path / "persons.csv"
    table.write_text("person,prs_FirstName\nZ1,Yara\n", "utf-8")
    sign_in(page, served, "liaison-1")
    send(page, served, case, table)
    preview = page.url
    entry = list(served.app.extensions["book"]._open.values())[-1]
    assert entry.tables
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_label("Passphrase")).to_be_visible()
    assert not entry.tables
    sign_in(page, served, "liaison-1")
    page.goto(preview)
    expect(page).to_have_url(re.compile(re.escape("/persons/import") + "$"))
