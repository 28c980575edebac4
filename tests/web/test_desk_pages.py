"""The desk's first pages in a real browser, over real HTTP, with a desk that `amparo desk run` would serve."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from agencies import cases
from evidence import exhibits, intake
from tests.support.field import now, with_field
from tests.support.served import Served, serving, sign_in


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        desk, officer = field.north, field.north.officer("liaison")
        photo = tmp_path_factory.mktemp("files") / "photo.jpg"
        photo.write_bytes(b"\xff\xd8 a photograph")
        with desk.office.files.session() as db:
            case = cases.create_case(db, officer, "NP-2031-7", {"title": "Harbour"}, now=now()).case_id
        stored = intake.take_in(desk.office.files, officer, case, photo, now=now())
        with desk.office.files.session() as db:
            exhibits.create_exhibit(
                db, officer, case, description="Photograph of a door", files=[stored.file_id], place="store",
                reason="seized in a search", action="seize", seen=desk.office.seen(db), now=now(),
            )  # fmt: skip
        desk.sync()
        with serving(field, desk) as served:
            yield served


def test_an_officer_signs_in_reads_the_custody_of_an_exhibit_and_locks(page: Page, served: Served) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    sign_in(page, served, "liaison-1")
    page.get_by_role("link", name="Cases").first.click()
    page.get_by_role("link", name="NP-2031-7").click()
    page.get_by_role("link", name="E-0001").click()
    entry = page.get_by_role("listitem").filter(has_text="seized in a search")
    assert "north-police/liaison-1" in entry.inner_text()
    assert "Logged" in entry.inner_text() or "Confirmed" in entry.inner_text()
    page.get_by_role("button", name="Lock").click()
    page.goto(f"{served.url}/cases")
    expect(page).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    assert problems == []


def test_the_inbox_is_empty_and_says_so(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    page.get_by_role("link", name="Inbox").first.click()
    expect(page.get_by_text("Nothing to open")).to_be_visible()


def test_a_wrong_passphrase_and_an_unknown_handle_get_the_same_answer(page: Page, served: Served) -> None:
    told = []
    for handle in ("liaison-2", "nobody-1"):
        sign_in(page, served, handle, "wrong words of four")
        told.append(page.get_by_role("alert").inner_text())
    assert told[0] == told[1]
    sign_in(page, served, "liaison-2")
    expect(page).to_have_url(re.compile(re.escape("/today") + "$"))


def test_an_administrator_reads_no_case_and_no_bundle(page: Page, served: Served) -> None:
    sign_in(page, served, "administrator-1")
    for path in ("/cases", f"/inbox/{'0' * 32}"):
        answer = page.goto(served.url + path)
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("heading", name="This is not for your role")).to_be_visible()


def test_what_is_not_there_is_a_page_in_words(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    for path in ("/cases/nothing", f"/cases/{'0' * 32}", "/nowhere"):
        answer = page.goto(served.url + path)
        assert answer is not None
        assert answer.status in (403, 404)
        expect(page.get_by_role("alert")).to_be_visible()


def test_pages_are_closed_without_a_session_and_to_other_hosts_and_origins(served: Served) -> None:
    with httpx2.Client(trust_env=False) as client:
        assert client.get(f"{served.url}/sign-in").status_code == 200
        assert client.get(f"{served.url}/cases").headers["Location"] == "/sign-in"
        assert client.get(f"{served.url}/sign-in", headers={"Host": "desk.example"}).status_code == 421
        foreign = {"Origin": "http://elsewhere.example"}
        assert client.post(f"{served.url}/sign-in", data={}, headers=foreign).status_code == 403
        without = client.post(f"{served.url}/sign-in", data={"handle": "x"}, headers={"Origin": served.url})
        assert without.status_code == 400


def test_the_cookie_names_the_desk_and_is_of_this_site_alone(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    (cookie,) = page.context.cookies()
    assert cookie["name"] == f"amparo-{served.desk.office.files.desk_id}"
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert Path(served.desk.folder, "desk-id").read_text(encoding="ascii") in cookie["name"]
