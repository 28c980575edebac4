"""Agencies in a real browser: the list, comparing by turns, what a difference stops, the letter, an admission."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete

from agencies import comparison, setup
from agencies.comparison import RootState
from agencies.models import RootComparison
from crypto import hybrid
from errors import KeyChanged, RootNotCompared
from exchange import admission, membership
from exchange.delivery import day_of
from tests.support.field import DeskAt, Field, hold_ceremony, now, with_field
from tests.support.served import Served, serving, sign_in, violations

HOSTILE = ("nobody", "x" * 200, "<b>north</b>", "\u202enorth", "north-police%00", "..%2f..")


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


def state(desk: DeskAt, agency: str) -> RootState:
    with desk.office.files.session() as db:
        return comparison.root_state(db, desk.office.directory(db), agency)


def fingerprint(desk: DeskAt, agency: str) -> str:
    with desk.office.files.session() as db:
        return comparison.fingerprint_of(desk.office.directory(db), agency)


def may_seal(desk: DeskAt, agency: str) -> bool:
    with desk.office.files.session() as db:
        try:
            desk.office.require_known(db, agency)
        except (KeyChanged, RootNotCompared):
            return False
        return True


def forget(desk: DeskAt, agency: str) -> None:
    """As before anybody had compared."""
    with desk.office.files.session() as db:
        db.execute(delete(RootComparison).where(RootComparison.agency == agency))


def answer(page: Page, words: str, how: str = "In person", ticks: int = 8) -> None:
    page.get_by_label(how).check()
    for number in range(1, ticks + 1):
        page.get_by_label(f"Same group {number}").check()
    page.get_by_label(words).check()
    page.get_by_role("button", name="Record the answer").click()


def test_the_list_shows_kind_country_key_and_fingerprint_of_each(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    page.get_by_role("link", name="Agencies").first.click()
    kinds = {"north-police": "Police", "shelter-ngo": "NGO", "south-prosecutor": "Prosecution"}
    for agency, kind in kinds.items():
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=agency)).inner_text()
        assert kind in row
        assert "XA" in row
        assert fingerprint(served.desk, agency) in " ".join(row.split())
        assert ("Your agency" if agency == "north-police" else "Verified") in row
    assert violations(page) == []
    page.get_by_role("link", name="north-police").click()
    assert fingerprint(served.desk, "north-police") in " ".join(page.locator("main").inner_text().split())
    assert violations(page) == []


def test_an_agency_is_sealed_to_only_after_all_eight_groups_were_the_same(page: Page, served: Served) -> None:
    forget(served.desk, "shelter-ngo")
    assert not may_seal(served.desk, "shelter-ngo")
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/agencies")
    page.get_by_role("link", name="Compare shelter-ngo").click()
    groups = page.locator(".am-group-signs").all_inner_texts()
    assert " ".join(groups) == fingerprint(served.desk, "shelter-ngo")
    turns = page.locator(".am-turn").all_inner_texts()
    assert [one.startswith("You read") for one in turns] == [True, False] * 4
    assert violations(page) == []
    page.get_by_role("button", name="Record the answer").click()
    expect(page).to_have_title(re.compile("^Error:"))
    assert violations(page) == []
    answer(page, "All eight groups are the same", ticks=7)
    assert "all eight have to be the same" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Same group 7").is_checked()
    assert not may_seal(served.desk, "shelter-ngo")
    page.get_by_label("Same group 8").check()
    page.get_by_role("button", name="Record the answer").click()
    expect(page).to_have_url(re.compile(re.escape("/agencies/shelter-ngo") + "$"))
    expect(page.get_by_text("Verified")).to_be_visible()
    assert may_seal(served.desk, "shelter-ngo")
    row = page.get_by_role("row").filter(has_text="north-police/liaison-1").first.inner_text()
    assert "In person" in row
    assert "All the same" in row
    assert violations(page) == []


def test_a_difference_stops_sending_raises_an_alarm_and_says_what_to_do(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-2")
    page.goto(f"{served.url}/agencies/south-prosecutor/compare")
    assert may_seal(served.desk, "south-prosecutor")
    answer(page, "They are not the same", how="By telephone", ticks=0)
    stop = page.get_by_role("alert").inner_text()
    assert "Sending has stopped" in stop
    assert "Tell your administrators" in stop
    assert violations(page) == []
    assert not may_seal(served.desk, "south-prosecutor")
    page.get_by_role("link", name="Log health").first.click()
    expect(page.get_by_role("heading", name="A fingerprint was not the same")).to_be_visible()
    page.get_by_role("link", name="Go to the agency south-prosecutor").click()
    page.get_by_role("link", name="Compare again").click()
    answer(page, "All eight groups are the same")
    assert may_seal(served.desk, "south-prosecutor")
    history = page.locator("section").filter(has=page.get_by_role("heading", name="Comparisons")).get_by_role("row")
    assert ["Not the same" in one for one in history.all_inner_texts()[1:3]] == [False, True]


def test_who_cannot_finish_records_nothing(page: Page, served: Served) -> None:
    sign_in(page, served, "supervisor-1")
    page.goto(f"{served.url}/agencies/shelter-ngo")
    before = page.get_by_role("row").count()
    page.goto(f"{served.url}/agencies/shelter-ngo/compare")
    answer(page, "Stop: we could not finish", ticks=3)
    expect(page.get_by_text("Nothing was recorded")).to_be_visible()
    assert page.get_by_role("row").count() == before


def test_another_fingerprint_than_the_one_shown_is_not_taken(page: Page, served: Served) -> None:
    """What the form carries is what was read; a key that changed meanwhile is not taken for compared."""
    forget(served.desk, "shelter-ngo")
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/agencies/shelter-ngo/compare")
    other = fingerprint(served.desk, "south-prosecutor")
    page.evaluate("(value) => { document.querySelector('[name=shown]').value = value }", other)
    answer(page, "All eight groups are the same")
    assert "compare again" in page.get_by_role("alert").inner_text()
    assert state(served.desk, "shelter-ngo") is RootState.UNVERIFIED
    assert not page.get_by_label("Same group 1").is_checked()
    answer(page, "All eight groups are the same")  # control: unaltered, it is taken
    assert state(served.desk, "shelter-ngo") is RootState.VERIFIED


def test_a_key_that_changed_stops_sending_until_it_is_compared_again(page: Page, served: Served) -> None:
    south = served.field.south
    key = hybrid.ReceivingKey(hybrid.generate(os.urandom)).public_key
    with south.office.files.session() as db:
        identity = setup.get_identity(db)
        log, root_key = identity.log, membership.require_root(identity)
    with setup.open_root(south.agency, south.papers["root"], root_key) as root:
        statement = root.sign(setup.statement_of(setup.recovery_body(log, south.agency, key, day_of(now()))))
    membership.publish(south.office, statement, now=now())
    served.field.sync_all()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/agencies")
    expect(page.get_by_role("row").filter(has_text="south-prosecutor").get_by_text("Changed")).to_be_visible()
    page.get_by_role("link", name="south-prosecutor", exact=True).click()
    assert "Call them by a number that you knew before" in page.get_by_role("alert").inner_text()
    expect(page.get_by_text("Of a key that has changed since").first).to_be_visible()
    assert violations(page) == []
    assert not may_seal(served.desk, "south-prosecutor")
    page.get_by_role("link", name="Compare again").click()
    answer(page, "All eight groups are the same")
    assert may_seal(served.desk, "south-prosecutor")


def test_without_a_script_and_by_keyboard_alone(browser: Browser, served: Served) -> None:
    forget(served.desk, "shelter-ngo")
    context = browser.new_context(java_script_enabled=False, color_scheme="dark")
    page = context.new_page()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/agencies/shelter-ngo/compare")
    page.get_by_label("By telephone").focus()
    page.keyboard.press("Space")
    for _ in range(8):
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/agencies/shelter-ngo")
    expect(page.get_by_text("Verified")).to_be_visible()
    assert state(served.desk, "shelter-ngo") is RootState.VERIFIED
    context.close()


def test_an_auditor_looks_and_does_not_compare(page: Page, served: Served) -> None:
    sign_in(page, served, "auditor-1")
    page.goto(f"{served.url}/agencies/shelter-ngo")
    assert page.get_by_role("link", name="Compare again").count() == 0
    found = page.goto(f"{served.url}/agencies/shelter-ngo/compare")
    assert found is not None
    assert found.status == 403


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_of_no_agency_is_a_page_in_words(page: Page, served: Served, name: str) -> None:
    sign_in(page, served, "liaison-1")
    for path in (f"/agencies/{name}", f"/agencies/{name}/compare"):
        found = page.goto(served.url + path)
        assert found is not None
        assert found.status == 404
        expect(page.get_by_role("heading", name="This is not here")).to_be_visible()


def test_the_own_agency_is_not_compared_with_itself(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/agencies/north-police/compare")
    expect(page).to_have_url(re.compile(re.escape("/agencies/north-police") + "$"))


def test_the_letter_says_the_same_on_the_page_and_on_paper(page: Page, served: Served, tmp_path: Path) -> None:
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/agencies/invite")
    text = " ".join(page.locator("article").inner_text().split())
    assert violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Get the letter as PDF").click()
    download.value.save_as(tmp_path / "letter.pdf")
    pdf = pypdfium2.PdfDocument(tmp_path / "letter.pdf")
    assert len(pdf) == 1
    paper = " ".join(pdf[0].get_textpage().get_text_bounded().split())
    pdf.close()
    for words in (served.field.settings.public_url, "north-police", "Nothing is sealed to you", "amparo desk apply"):
        assert words in text
        assert words in paper
    assert fingerprint(served.desk, "north-police") in text
    assert all(group in paper for group in fingerprint(served.desk, "north-police").split(" "))


# ---- Admission --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def application(field: Field) -> bytes:
    invitation = field.invite("west-court")
    folder = field.folder / "desks" / "west-court"
    membership.create_desk(folder, invitation, country="XB", kind="prosecution", now=now())
    office = membership.open_office(folder, field.settings.public_url, clock=time.time, invitation=invitation)
    desk = DeskAt(folder, office)
    ceremony = hold_ceremony(desk)
    with office.files.session() as db:
        ceremony.finish(db, now=now())
        key = membership.require_root(setup.get_identity(db))
    with setup.open_root("west-court", desk.papers["root"], key) as root:
        statement = admission.apply_for(office, root)
    membership.close_office(office)
    return statement.dump()


def read_file(page: Page, served: Served, path: Path) -> None:
    page.goto(f"{served.url}/agencies/invite/admission")
    page.get_by_label("Application of the agency").set_input_files(path)
    page.get_by_role("button", name="Read it").click()


def sign_file(page: Page, served: Served, path: Path) -> None:
    read_file(page, served, path)
    page.get_by_label("I have read this fingerprint").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Sign and get the file").click()
    download.value.save_as(path)


def test_two_administrators_of_each_of_two_agencies_admit_a_new_one(
    page: Page, served: Served, field: Field, application: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "west-court.statement"
    path.write_bytes(application)
    sign_in(page, served, "administrator-1")
    page.goto(f"{served.url}/agencies/invite/admission")
    page.get_by_role("button", name="Read it").click()
    assert "Choose the file" in page.get_by_role("alert").inner_text()
    assert violations(page) == []
    read_file(page, served, path)
    expect(page.get_by_text("Waits for signatures")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Sign and get the file").click()
    assert "Read the fingerprint to them first" in page.get_by_role("alert").inner_text()
    sign_file(page, served, path)
    read_file(page, served, path)
    assert page.get_by_role("button", name="Sign and get the file").count() == 0  # not twice
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "administrator-2")
    sign_file(page, served, path)
    with serving(field, field.south) as south:
        for word in ("administrator-1", "administrator-2"):
            sign_in(page, south, word)
            sign_file(page, south, path)
            page.get_by_role("button", name="Lock").click()
        sign_in(page, south, "administrator-2")
        read_file(page, south, path)
        expect(page.get_by_text("All have signed")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("button", name="Publish the admission").click()
        expect(page.get_by_text("of the log").first).to_be_visible()
    field.sync_all()
    sign_in(page, served, "administrator-1")
    page.goto(f"{served.url}/agencies")
    expect(page.get_by_role("row").filter(has_text="west-court").get_by_text("Unverified")).to_be_visible()
    read_file(page, served, path)
    expect(page.get_by_text("This agency is in the network")).to_be_visible()


def test_a_file_that_is_no_application_is_refused_where_it_was_chosen(
    page: Page, served: Served, application: bytes, tmp_path: Path
) -> None:
    sign_in(page, served, "administrator-1")
    for number, data in enumerate((b"\x00\xff not a statement", application[:-3], b"{}")):
        path = tmp_path / f"wrong-{number}"
        path.write_bytes(data)
        read_file(page, served, path)
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page).to_have_title(re.compile("^Error:"))


def test_an_officer_who_is_no_administrator_admits_nobody(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    found = page.goto(f"{served.url}/agencies/invite/admission")
    assert found is not None
    assert found.status == 403
