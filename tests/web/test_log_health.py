"""The page of the log in a real browser: the verdict, who confirmed, alarms, a check at once, and the stop."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete

from desk.alarm_words import KINDS
from exchange.models import Alarm
from exchange.office import raise_alarm
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


@pytest.fixture(autouse=True)
def clean(field: Field) -> Iterator[None]:
    """No alarm of the test before, and the log looked at."""
    field.sync_all()
    yield
    with field.north.office.files.session() as db:
        db.execute(delete(Alarm))


def alarm(served: Served, kind: str, subject: str = "log entry 7", **evidence: object) -> int:
    with served.desk.office.files.session() as db:
        return raise_alarm(db, kind, subject, evidence, now=now()).alarm_id


def verdict(page: Page) -> str:
    return page.locator("main .am-notice h2").first.inner_text()


def test_a_whole_log_with_its_confirming_agencies_checkpoint_and_day(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    page.get_by_role("link", name="Log health").first.click()
    assert verdict(page) == "The record is whole"
    expect(page.get_by_text("3 of 3 agencies saw the same record")).to_be_visible()
    with served.desk.office.files.session() as db:
        state = served.desk.office.log(db)
        size, root = state.size, state.root.hex()
    for agency in served.field.desks:
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=agency)).first.inner_text()
        assert str(size) in row
        assert "UTC" in row
        assert "Confirmed" in row
    aside = page.locator("aside.am-stack").inner_text()
    assert str(size) in aside
    assert root[:4] in aside
    assert root[-4:] in aside
    expect(page.get_by_text("There was never an alarm at this desk.")).to_be_visible()
    assert "Record whole, 3 of 3 agencies" in page.locator(".am-trust").inner_text()
    page.get_by_text("The same as a table").click()
    assert page.get_by_role("row").filter(has_text="In time").count() >= 3
    assert violations(page) == []


def test_check_now_follows_the_log_and_comes_back(page: Page, served: Served) -> None:
    served.field.south.appoint("prosecutor-7", "prosecutor")
    served.field.south.sync()
    sign_in(page, served, "auditor-1")
    page.goto(f"{served.url}/custody/log")
    before = int(page.locator("aside dd").first.inner_text())
    page.get_by_role("button", name="Check now").click()
    page.wait_for_url("**/custody/log", timeout=30_000)
    assert int(page.locator("aside dd").first.inner_text()) == before + 1


def test_alarms_say_what_happened_how_bad_it_is_and_what_to_do(page: Page, served: Served) -> None:
    alarm(served, "withheld", "ab" * 16 + " south-prosecutor 3")
    alarm(served, "event-refused", "custody 4")
    alarm(served, "broker-restored", "size 4 of 9")
    alarm(served, "refused-format", "bundle " + "cd" * 16)
    alarm(served, "a-kind-of-tomorrow")
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/custody/log")
    assert verdict(page) == "Something about the record does not fit"
    assert "does not fit" in page.locator(".am-trust").inner_text()
    for title, how_bad, todo in (
        ("The broker holds something back", "Serious", "Call the operator"),
        ("The broker refused an entry of yours", "Needs a look", "Do it again"),
        ("The broker was restored from a copy", "For information", "Nothing, unless"),
        ("Something that arrived was refused", "Needs a look", "Ask the sender"),
        ("An alarm of a kind that this page has no words for", "Needs a look", "Export the evidence"),
    ):
        item = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=title)).inner_text()
        assert how_bad in item
        assert todo in item
    expect(page.get_by_text("5 open")).to_be_visible()
    assert violations(page) == []


def test_the_evidence_of_an_alarm_is_a_file_for_others_to_check(page: Page, served: Served, tmp_path: Path) -> None:
    number = alarm(served, "log-two-faces", "size 3 aabb", ours="the one", source="the other")
    sign_in(page, served, "auditor-1")
    page.goto(f"{served.url}/custody/log")
    with page.expect_download() as download:
        page.get_by_role("link", name=f"Export the evidence of alarm {number}").click()
    assert download.value.suggested_filename == f"alarm-{number}.json"
    download.value.save_as(tmp_path / "alarm.json")
    assert json.loads((tmp_path / "alarm.json").read_bytes()) == {
        "v": 1, "kind": "log-two-faces", "ours": "the one", "source": "the other",
    }  # fmt: skip


def test_an_alarm_that_was_seen_stays_in_the_list_and_is_no_longer_counted(page: Page, served: Served) -> None:
    number = alarm(served, "withheld")
    sign_in(page, served, "supervisor-1")
    page.goto(f"{served.url}/custody/log")
    rail = page.locator(".am-rail").get_by_role("link", name="Log health 1 waiting")
    expect(rail).to_be_visible()
    page.get_by_role("button", name=f"Mark as seen alarm {number}").click()
    expect(page.get_by_text("seen by north-police/supervisor-1")).to_be_visible()
    assert page.get_by_role("button", name="Mark as seen").count() == 0
    assert rail.count() == 0
    assert verdict(page) == "The record is whole"
    with served.desk.office.files.session() as db:
        assert db.get_one(Alarm, number).seen_by == "north-police/supervisor-1"


def test_a_stopped_desk_says_stop_and_what_to_do_and_checks_no_further(page: Page, served: Served) -> None:
    with served.desk.office.files.session() as db:
        served.desk.office.log(db).is_stopped = True
    try:
        sign_in(page, served, "liaison-1")
        page.goto(f"{served.url}/custody/log")
        assert verdict(page).startswith("Stop: the shared log was changed")
        expect(page.get_by_text("Two administrators decide together")).to_be_visible()
        assert "Nothing is sent or opened" in page.locator(".am-trust").inner_text()
        assert violations(page) == []
        page.get_by_role("button", name="Check now").click()
        page.wait_for_url("**/custody/log", timeout=30_000)
        assert verdict(page).startswith("Stop: the shared log was changed")
    finally:
        with served.desk.office.files.session() as db:
            served.desk.office.log(db).is_stopped = False


def test_without_a_script_by_keyboard_in_the_dark_and_on_a_phone(browser: Browser, served: Served) -> None:
    number = alarm(served, "withheld", "ab" * 16 + " south-prosecutor 3")
    context = browser.new_context(
        java_script_enabled=False, color_scheme="dark", viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/custody/log")
    page.get_by_role("button", name=f"Mark as seen alarm {number}").focus()
    page.keyboard.press("Enter")
    page.get_by_text("seen by north-police/liaison-1").wait_for()
    context.close()
    context = browser.new_context(color_scheme="dark", viewport={"width": 390, "height": 800})
    page = context.new_page()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/custody/log")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()


@pytest.mark.parametrize("number", ["0", "999999999", "-1", "x", "1e3", "٣", "9" * 200, "<b>"])
def test_an_alarm_that_there_is_not_is_a_page_in_words(page: Page, served: Served, number: str) -> None:
    sign_in(page, served, "liaison-1")
    found = page.goto(f"{served.url}/custody/log/alarms/{number}/evidence")
    assert found is not None
    assert found.status == 404


def test_every_kind_that_the_program_raises_has_words(repository: Path) -> None:
    """A kind without words would tell an officer nothing."""
    raised = set()
    for path in [*(repository / "exchange").glob("*.py")]:
        raised |= set(re.findall(r'raise_alarm\(\s*db, "([a-z-]+)"', path.read_text()))
    raised |= {"log-rollback", "log-fork", "root-differs", "not-me"}  # named by a variable
    assert "withheld" in raised  # control: the search finds what is there
    assert {kind for kind in raised if not kind.startswith("refused-")} - set(KINDS) == set()
