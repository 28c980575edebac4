"""Recovery shares on the pages: the table, opening keys again by two administrators and the shares, new shares."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from agencies import acts, setup, succession
from agencies.models import CaseKey
from tests.support.departures import depart, new_case
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


def lay(page: Page, served: Served, purpose: str, words: str) -> None:
    page.goto(f"{served.url}/recover")
    page.get_by_label(purpose).check()
    page.get_by_label("Words of the share").fill(words)
    page.get_by_role("button", name="Add a share").click()


def propose(page: Page, served: Served, whose: str, to: str, what: str = "Cases") -> None:
    page.goto(f"{served.url}/settings/recovery/propose")
    page.get_by_role("radio", name=what).check()
    page.get_by_role("radio", name=whose).check()
    page.get_by_role("checkbox", name=to).check()
    page.get_by_role("button", name="Propose and sign").click()


def finished(page: Page) -> None:
    for _ in range(60):
        if "/work/" not in page.url:
            return
        page.wait_for_timeout(500)
        page.reload()


def test_shares_come_one_after_the_other_and_are_never_shown_again(page: Page, served: Served) -> None:
    root, recovery = served.desk.papers["root"], served.desk.papers["recovery"]
    sign_in(page, served, "administrator-1")
    page.goto(f"{served.url}/recover")
    assert page.get_by_text("No share yet").count() == 2
    assert violations(page) == []
    lay(page, served, "Recovery key", recovery[0].rsplit(" ", 1)[0] + " zebra")
    assert "misspelt" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Words of the share").input_value() == ""
    assert violations(page) == []
    lay(page, served, "Recovery key", "  " + recovery[0].upper() + " ")
    expect(page.get_by_text("1 more is needed")).to_be_visible()
    for words, said in ((recovery[0], "lies on the table already"), (root[0], "of another set")):
        lay(page, served, "Recovery key", words)
        assert said in page.get_by_role("alert").inner_text()
    lay(page, served, "Recovery key", recovery[1])
    expect(page.get_by_text("There are enough")).to_be_visible()
    for words in recovery:
        assert words.split()[7] not in page.locator("main").inner_text()
    page.get_by_role("button", name="Take all off the table").click()
    assert page.get_by_text("No share yet").count() == 2


def test_a_lock_takes_the_shares_off_the_table_and_a_late_form_keeps_none(page: Page, served: Served) -> None:
    words = served.desk.papers["recovery"][0]
    sign_in(page, served, "administrator-1")
    lay(page, served, "Recovery key", words)
    page.get_by_label("Recovery key").check()
    page.get_by_label("Words of the share").fill(words)
    served.app.extensions["book"].end_all()
    page.get_by_role("button", name="Add a share").click()
    sign_in(page, served, "administrator-1")
    page.goto(f"{served.url}/recover")
    assert page.get_by_label("Words of the share").input_value() == ""
    assert page.get_by_text("No share yet").count() == 2
    raw = b"".join(path.read_bytes() for path in served.desk.folder.rglob("desk.sqlite*"))
    assert b"north-police/administrator-1" in raw  # control
    assert " ".join(words.split()[3:6]).encode() not in raw


def test_keys_of_an_officer_who_is_gone_are_opened_by_two_and_the_shares(
    page: Page, browser: Browser, served: Served, field: Field
) -> None:
    field.north.appoint("liaison-41", "liaison")
    field.north.sync()
    case = new_case(field.north, "liaison-41")
    depart(field.north, "liaison-41", with_orphans=True)
    sign_in(page, served, "administrator-1")
    propose(page, served, "north-police/liaison-1", "north-police/liaison-2")
    assert "no case key to recover" in page.get_by_role("alert").inner_text()
    propose(page, served, "north-police/liaison-41", "north-police/liaison-2")
    expect(page.get_by_text("1 of 2 signatures")).to_be_visible()
    assert violations(page) == []

    for words in served.desk.papers["recovery"]:
        lay(page, served, "Recovery key", words)
    assert page.get_by_role("button", name="Open the keys").count() == 0  # one signature is not enough

    context = browser.new_context()
    second = context.new_page()
    sign_in(second, served, "administrator-2")
    second.goto(f"{served.url}/settings/recovery")
    second.get_by_role("link", name="Read and sign").click()
    expect(second.get_by_text("The keys of 1 case")).to_be_visible()
    assert violations(second) == []
    second.get_by_role("button", name="Sign as second administrator").click()
    context.close()

    page.goto(f"{served.url}/recover")
    page.get_by_role("button", name="Open the keys").click()
    finished(page)
    expect(page.get_by_role("heading", name="The keys are open again")).to_be_visible()
    assert violations(page) == []
    with served.desk.office.files.session() as db:
        assert db.get(CaseKey, (case, "north-police/liaison-2", "case")) is not None
        assert [body["act"] for body, _ in acts.read_acts(db)][-1] == "recovered"
    page.goto(f"{served.url}/recover")
    assert page.get_by_text("No share yet").count() == 2


def test_an_act_that_came_too_late_is_proposed_again(page: Page, served: Served, field: Field) -> None:
    field.north.appoint("liaison-42", "liaison")
    field.north.sync()
    new_case(field.north, "liaison-42")
    sign_in(page, served, "administrator-1")
    propose(page, served, "north-police/liaison-42", "north-police/liaison-2")
    with served.desk.office.files.session() as db:
        succession.hand_over_cases(db, field.north.officer("liaison-42"), field.north.handle("liaison-1"), now=now())
    page.goto(f"{served.url}/settings/recovery")
    expect(page.get_by_text("Propose it again").first).to_be_visible()
    page.get_by_role("button", name="Give it up").click()
    expect(page.get_by_text("Nothing is proposed")).to_be_visible()


def test_new_shares_make_the_old_ones_worthless(page: Page, served: Served, field: Field) -> None:
    old = list(served.desk.papers["recovery"])
    case = new_case(field.north, "liaison-1")
    sign_in(page, served, "administrator-1")
    page.goto(f"{served.url}/settings/recovery/new-shares")
    assert violations(page) == []
    page.get_by_label("Holders").fill("Maria Petrescu")
    page.get_by_role("button", name="Make the shares").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Holders").fill("administrator-1 administrator-2 supervisor-1")
    page.get_by_role("button", name="Make the shares").click()
    fresh = []
    for _ in range(3):
        page.get_by_role("button", name="I am alone").click()
        expect(page.locator(".am-words")).to_be_visible()
        fresh.append(" ".join(page.locator(".am-words li").all_inner_texts()))
        page.get_by_role("button", name="It is on paper").click()
    for words in fresh[:2]:
        page.get_by_label("Words of the share").fill(words)
        page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="The papers work")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Certify the new key").click()
    expect(page.get_by_text("Code for whoever helps you")).to_be_visible()  # no share lies on the table
    for purpose, papers in (("Root key", served.desk.papers["root"]), ("Recovery key", old)):
        for words in papers:
            lay(page, served, purpose, words)
    page.goto(f"{served.url}/settings/recovery/new-shares")
    page.get_by_role("button", name="Certify the new key").click()
    expect(page.get_by_text("The new recovery key counts")).to_be_visible()
    office = served.app.extensions["office"]
    with office.files.session() as db:
        assert setup.get_identity(db).recovery_key == office.directory(db).recovery_key("north-police")
        wrapped = db.get_one(CaseKey, (case, "recovery", "case")).wrapped
        key = office.directory(db).recovery_key("north-police")
        info = succession.wrap_info(case, "case")
        with succession.RecoveryKey(fresh[1:], key) as found:
            assert len(found.open(info, wrapped)) == 32
        with pytest.raises(succession.KeyUnusable):
            succession.RecoveryKey(old, key)
        assert [body["act"] for body, _ in acts.read_acts(db)][-1] == "shares-issued"
    page.goto(f"{served.url}/settings/recovery")
    expect(page.get_by_text("north-police/supervisor-1")).to_be_visible()


def test_the_pages_have_no_violation_on_a_dark_phone(browser: Browser, served: Served) -> None:
    context = browser.new_context(color_scheme="dark", viewport={"width": 390, "height": 800})
    page = context.new_page()
    sign_in(page, served, "administrator-2")
    for path in ("/settings/recovery", "/settings/recovery/propose", "/recover", "/settings/recovery/new-shares"):
        page.goto(served.url + path)
        assert violations(page) == [], path
    context.close()
