"""What is an officer's own: how the desk looks, her passphrase, her sessions, and handing over before she leaves."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from agencies import acts, members, succession
from desk.parked import NEVER
from errors import PassphraseWrong
from tests.support.departures import new_case
from tests.support.field import WORDS, Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations

NEW = "quite other words of mine"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


def test_language_and_colours_count_at_once_and_at_the_next_sign_in(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    page.get_by_role("link", name="Settings").click()
    assert violations(page) == []
    page.get_by_role("link", name="Change how the desk looks").click()
    assert violations(page) == []
    page.get_by_label("العربية").check()
    page.get_by_label("Dark").check()
    page.get_by_label("Quiet top bar").check()
    page.get_by_label("Show “Exit this page” on every page").check()
    page.get_by_role("button", name="Keep these choices").click()
    expect(page).to_have_url(re.compile(re.escape("/settings") + "$"))
    for _ in range(2):
        html = page.locator("html")
        assert (html.get_attribute("lang"), html.get_attribute("dir")) == ("ar", "rtl")
        assert html.get_attribute("data-bs-theme") == "dark"
        assert "north-police" not in page.locator(".am-top .am-agency").inner_text().splitlines()
        assert page.locator(".am-exit").count() == 1
        assert violations(page) == []
        served.app.extensions["book"].end_all()
        page.context.clear_cookies()
        page.goto(f"{served.url}/sign-in?lang=en")
        sign_in(page, served, "liaison-1")
        page.goto(f"{served.url}/settings")


def test_the_exit_of_an_ngo_is_always_there(page: Page, field: Field) -> None:
    with serving(field, field.shelter) as served:
        sign_in(page, served, "case-worker-1")
        page.goto(f"{served.url}/settings/display")
        expect(page.get_by_text("always there at an NGO’s desk")).to_be_visible()
        page.get_by_role("button", name="Keep these choices").click()
        assert page.locator(".am-exit").count() == 1


def test_a_passphrase_is_changed_with_the_old_one_and_ends_other_sessions(
    page: Page, served: Served, browser: Browser
) -> None:
    other = browser.new_page()
    sign_in(other, served, "supervisor-1")
    sign_in(page, served, "supervisor-1")
    page.goto(f"{served.url}/settings/passphrase")
    assert violations(page) == []
    for old, new, again, said in (
        ("not the right words", NEW, NEW, "This is not your passphrase"),
        (WORDS, NEW, "other", "do not match"),
        (WORDS, "short", "short", "at least 12 signs"),
    ):
        page.get_by_label("Your passphrase now").fill(old)
        page.get_by_label("New passphrase", exact=True).fill(new)
        page.get_by_label("New passphrase, once more").fill(again)
        page.get_by_role("button", name="Change passphrase").click()
        assert said in page.get_by_role("alert").inner_text()
        assert page.get_by_label("New passphrase", exact=True).input_value() == ""
    other.goto(f"{served.url}/today")
    expect(other).to_have_url(re.compile(re.escape("/today") + "$"))
    page.get_by_label("Your passphrase now").fill(WORDS)
    page.get_by_label("New passphrase", exact=True).fill(NEW)
    page.get_by_label("New passphrase, once more").fill(NEW)
    page.get_by_role("button", name="Change passphrase").click()
    expect(page.get_by_text("Your passphrase is changed")).to_be_visible()
    other.goto(f"{served.url}/today")
    expect(other).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    other.close()
    files = served.desk.office.files
    with pytest.raises(PassphraseWrong):
        members.sign_in(files, "north-police/supervisor-1", WORDS, now=now())
    members.sign_in(files, "north-police/supervisor-1", NEW, now=now() + 60).lock()


def test_the_meter_speaks_in_words(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-2")
    page.goto(f"{served.url}/settings/passphrase")
    for typed, said in (("abc", "Too short"), ("four random wo", "It will do"), ("four random words are long", "Good")):
        page.get_by_label("New passphrase", exact=True).fill(typed)
        assert said in page.locator("[data-meter]").inner_text()


def test_signing_out_everywhere(page: Page, served: Served, browser: Browser) -> None:
    other = browser.new_page()
    sign_in(other, served, "liaison-2")
    sign_in(page, served, "liaison-2")
    page.goto(f"{served.url}/settings")
    page.get_by_role("link", name="Sign out everywhere").click()
    expect(page.get_by_text("other browser")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    other.goto(f"{served.url}/today")
    expect(other).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    other.close()


def test_an_officer_hands_over_what_she_has_before_she_leaves(browser: Browser, served: Served, field: Field) -> None:
    """Without scripts, by keyboard alone."""
    desk = field.north
    desk.appoint("liaison-7", "liaison")
    case = new_case(desk, "liaison-7")
    with desk.office.files.session() as db:
        assert succession.orphaned_cases(db, desk.handle("liaison-7")) == [case]
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, served, "liaison-7")
    page.goto(f"{served.url}/settings/hand-over")
    page.get_by_role("button", name="Hand over").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("^Error:"))
    page.get_by_label("north-police/liaison-2").focus()
    page.keyboard.press("Space")
    page.get_by_label("Reason").focus()
    page.keyboard.type("Leaves the unit")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    for _ in range(40):
        if page.url.endswith("/done"):
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(page.get_by_text("Nothing is with you alone")).to_be_visible()
    with desk.office.files.session() as db:
        assert succession.orphaned_cases(db, desk.handle("liaison-7")) == []
        assert [body["act"] for body, _ in acts.read_acts(db)][-1] == "case-handed-over"
    context.close()


def test_whoever_has_nothing_to_hand_over_is_told_so(page: Page, served: Served) -> None:
    sign_in(page, served, "administrator-1")
    page.goto(f"{served.url}/settings")
    assert page.get_by_role("link", name="Hand over what you have").count() == 0
    page.goto(f"{served.url}/settings/hand-over")
    expect(page.get_by_role("heading", name="This is not for your role")).to_be_visible()


def test_no_passphrase_is_kept_of_a_form_that_comes_late(page: Page, served: Served) -> None:
    assert "passphrase" in NEVER
    sign_in(page, served, "auditor-1")
    page.goto(f"{served.url}/settings/passphrase")
    page.get_by_label("Your passphrase now").fill(WORDS)
    page.get_by_label("New passphrase", exact=True).fill("planted words for the search")
    page.get_by_label("New passphrase, once more").fill("planted words for the search")
    served.app.extensions["book"].end_all()
    page.get_by_role("button", name="Change passphrase").click()
    sign_in(page, served, "auditor-1")
    page.goto(f"{served.url}/settings/passphrase")
    assert page.get_by_label("New passphrase", exact=True).input_value() == ""
    assert "planted words" not in page.content()
