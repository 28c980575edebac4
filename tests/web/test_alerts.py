"""Access alerts in a real browser: what stands out, both answers, and what the supervisor sees of it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from agencies import sign_ins
from agencies.models import SignInNote
from exchange.office import list_alarms
from tests.support.field import Field, with_field
from tests.support.hours import daylight, noon
from tests.support.served import Served, serving, sign_in, violations

ZONE = daylight()


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north, time_zone=ZONE) as served:
        yield served


def failed(served: Served, word: str, times: int = 6, days_ago: int = 1) -> None:
    """Tries that failed on one day, at noon."""
    at = noon(ZONE, days_ago)
    with served.desk.office.files.session() as db:
        for number in range(times):
            db.add(SignInNote(officer=served.desk.handle(word), result=sign_ins.PASSPHRASE, at=at + number * 60))


def alarms(served: Served) -> list[str]:
    with served.desk.office.files.session() as db:
        return [f"{one.kind} {one.subject}" for one in list_alarms(db)]


def test_nothing_that_stands_out_says_so_and_lists_what_was_done(page: Page, served: Served) -> None:
    with served.desk.office.files.session() as db:
        db.query(SignInNote).filter_by(officer="north-police/auditor-1").delete()
        db.add(SignInNote(officer="north-police/auditor-1", result=sign_ins.OPEN, at=noon(ZONE)))
    sign_in(page, served, "auditor-1")
    page.get_by_role("link", name="Access alerts").first.click()
    assert [one.strip() for one in page.get_by_role("cell").all_inner_texts()] == ["Signed in", "Signed in"]
    assert violations(page) == []


def test_this_was_me_is_kept_and_asks_no_more(page: Page, served: Served) -> None:
    failed(served, "liaison-1")
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/alerts")
    item = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Many failed tries to sign in"))
    assert "6 times between 12:00 and 12:05" in item.inner_text()
    assert violations(page) == []
    item.get_by_role("button", name="This was me").click()
    expect(page.get_by_text("Only you read it")).to_be_visible()
    assert page.get_by_role("button", name="This was me (Many failed").count() == 0
    page.get_by_text("Answered", exact=True).click()
    expect(page.get_by_text("This was you")).to_be_visible()
    assert violations(page) == []
    assert alarms(served) == []


def test_this_was_not_me_signs_out_everywhere_and_tells_the_administrators(
    page: Page, browser: Browser, served: Served
) -> None:
    failed(served, "liaison-2", 7)
    elsewhere = browser.new_context()
    other = elsewhere.new_page()
    sign_in(other, served, "liaison-2")
    expect(other).to_have_url(re.compile(re.escape("/today") + "$"))  # control: it is open there
    sign_in(page, served, "liaison-2")
    page.goto(f"{served.url}/alerts")
    page.get_by_role("link", name="This was not me (Many failed").click()
    expect(page.get_by_text("You are signed out everywhere")).to_be_visible()
    assert violations(page) == []
    assert alarms(served) == []  # the link alone does nothing
    page.get_by_role("button", name="It was not me").click()
    expect(page).to_have_url(re.compile(re.escape("/alerts/signed-out") + "$"))
    expect(page.get_by_text("Call an administrator")).to_be_visible()
    assert violations(page) == []
    for one in (page, other):
        one.goto(f"{served.url}/today")
        expect(one).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    elsewhere.close()
    assert [one.split(" ")[:2] for one in alarms(served)] == [["not-me", "north-police/liaison-2"]]
    sign_in(page, served, "administrator-1")
    page.get_by_role("link", name="Log health").first.click()
    expect(page.get_by_role("heading", name="An officer says: this was not me")).to_be_visible()
    expect(page.get_by_text("Revoke the certificate")).to_be_visible()


def test_without_a_script_and_by_keyboard_alone(browser: Browser, served: Served) -> None:
    failed(served, "administrator-2", 8)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, served, "administrator-2")
    page.goto(f"{served.url}/alerts")
    page.get_by_role("link", name="This was not me (Many failed").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="It was not me").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/alerts/signed-out")
    assert any("north-police/administrator-2" in one for one in alarms(served))
    context.close()


def test_the_supervisor_sees_counts_of_each_officer_and_no_content(page: Page, served: Served) -> None:
    failed(served, "administrator-1", 9)
    sign_in(page, served, "supervisor-1")
    page.goto(f"{served.url}/alerts")
    page.get_by_role("link", name="Counts of the unit").click()
    row = page.get_by_role("row").filter(has_text="administrator-1")
    cells = row.get_by_role("cell").all_inner_texts()
    assert cells[1] == "9"
    assert page.get_by_role("row").count() == 1 + len(served.desk.officers)
    assert violations(page) == []
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/alerts")
    assert page.get_by_role("link", name="Counts of the unit").count() == 0
    found = page.goto(f"{served.url}/alerts/unit")
    assert found is not None
    assert found.status == 403


@pytest.mark.parametrize("key", ["failures-2031-05-04-7", "x" * 200, "<b>", "‮", "..%2f"])
def test_nobody_answers_what_was_not_asked(page: Page, served: Served, key: str) -> None:
    sign_in(page, served, "liaison-1")
    found = page.goto(f"{served.url}/alerts/{key}/not-me")
    assert found is not None
    assert found.status == 404


def test_in_the_dark_and_on_a_phone(browser: Browser, served: Served) -> None:
    failed(served, "supervisor-1", 6)
    context = browser.new_context(color_scheme="dark", viewport={"width": 390, "height": 800})
    page = context.new_page()
    sign_in(page, served, "supervisor-1")
    for path in ("/alerts", "/alerts/unit", "/alerts/signed-out"):
        page.goto(served.url + path)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()
