"""Search in a real browser: what is typed stands in no address, names stay hidden, and the lock leaves nothing."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from agencies import cases
from tests.support import casefiles
from tests.support.casefiles import CaseAt
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def case(field: Field) -> CaseAt:
    made = casefiles.begin(field.north, "liaison-1", "NP-2051-1", "Farm at the river", stage="court")
    made.person(short="V1", prs_mobilephone="+40721555")
    return made


@pytest.fixture(scope="module")
def served(field: Field, case: CaseAt) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


def look_for(page: Page, served: Served, words: str) -> None:
    page.goto(f"{served.url}/search")
    end = time.monotonic() + 30
    while page.locator("#read").count() and time.monotonic() < end:
        page.reload()
    page.get_by_label("Words").fill(words)
    page.get_by_role("main").get_by_role("button", name="Search").click()


def test_a_name_leads_to_its_person_and_is_neither_shown_nor_in_an_address(page: Page, served: Served) -> None:
    addresses: list[str] = []
    page.on("framenavigated", lambda frame: addresses.append(frame.url))
    sign_in(page, served, "liaison-1")
    look_for(page, served, "mirabela IONESCU")
    expect(page.get_by_text("A name in the vault fits.")).to_be_visible()
    assert page.get_by_label("Words").input_value() == "mirabela IONESCU"
    shown = page.get_by_role("main").inner_text()
    assert "Mirabela" not in shown and "Ionescu" not in shown
    assert violations(page) == []
    page.reload()  # the page of a search can be loaded again
    page.get_by_role("link", name="Person V1").click()
    expect(page.get_by_role("heading", name="Person V1")).to_be_visible()
    assert not any("mirabela" in one.lower() for one in addresses)
    for words, fits in (("+40721555", "Something in the record fits."), ("river farm", "Farm at the river")):
        look_for(page, served, words)
        expect(page.get_by_text(fits)).to_be_visible()


def test_nothing_found_and_too_little_typed_are_said(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    look_for(page, served, "zzzz-nowhere")
    expect(page.get_by_text("Nothing fits all of these words")).to_be_visible()
    look_for(page, served, "a")
    expect(page).to_have_title(re.compile("^Error:"))
    assert violations(page) == []


def test_what_an_officer_writes_is_found_at_once_and_an_exclusion_too(
    page: Page, browser: Browser, served: Served, field: Field
) -> None:
    case = casefiles.begin(field.north, "liaison-1", "NP-2052-1", "Quarry")
    case.join("liaison-2")
    other = browser.new_context().new_page()
    sign_in(other, served, "liaison-2")
    look_for(other, served, "quarry")
    expect(other.get_by_role("link", name="Case NP-2052-1")).to_be_visible()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}{case.path}/persons/new")
    page.get_by_label("Victim", exact=True).check()
    page.get_by_label("First name").fill("Quiteria")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Person P1")).to_be_visible()
    look_for(page, served, "quiteria")
    expect(page.get_by_role("link", name="Person P1")).to_be_visible()
    with field.north.office.files.session() as db:
        cases.exclude_officer(db, case.officer, case.case_id, "north-police/liaison-2", now=now())
    look_for(other, served, "quarry")
    assert other.get_by_role("link", name="Case NP-2052-1").count() == 0
    other.context.close()


def test_the_list_of_cases_filters_by_stage(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    look_for(page, served, "river")
    page.goto(f"{served.url}/cases?stage=court&state=all")
    expect(page.get_by_role("link", name="NP-2051-1")).to_be_visible()
    page.goto(f"{served.url}/cases?stage=support&state=all")
    expect(page.get_by_text("No case fits this filter")).to_be_visible()


def test_the_lock_forgets_the_words_and_wipes_the_index(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    look_for(page, served, "mirabela")
    results = page.url
    entry = list(served.app.extensions["book"]._open.values())[-1]
    buffers = list(entry.index._rows._buffers)
    assert entry.searched and any(b"mirabela" in one for one in buffers)
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_label("Passphrase")).to_be_visible()
    assert not entry.searched
    assert not any(any(one) for one in buffers)
    sign_in(page, served, "liaison-1")
    page.goto(results)
    expect(page).to_have_url(re.compile(re.escape("/search") + "$"))
    assert "mirabela" not in page.content().lower()


def test_without_scripts_a_search_works(browser: Browser, served: Served) -> None:
    context = browser.new_context(
        java_script_enabled=False, color_scheme="dark", viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/search")
    page.get_by_label("Words").focus()
    page.keyboard.type("NP-2051-1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Case NP-2051-1")).to_be_visible()
    context.close()
