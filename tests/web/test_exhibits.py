"""Exhibits in a real browser: taking in, the register, custody and its proofs, acts, corrections, papers."""

import io
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from playwright.sync_api import Browser, BrowserType, Page, Route, expect

from agencies import cases
from desk import exhibits as exhibit_pages
from evidence import exhibits, holdings, intake
from evidence.receiving import FOLDER
from tests.support.canaries import search
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations

HOSTILE = "<b>bold</b> 🦊 \u202egpj \u200b ثلاثة " + "x" * 180


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


@pytest.fixture(scope="module")
def case_id(field: Field) -> bytes:
    with field.north.office.files.session() as db:
        officer = field.north.officer("liaison")
        return cases.create_case(db, officer, "NP-2031-7", {"title": "Harbour"}, now=now()).case_id


def url(served: Served, case_id: bytes, more: str = "") -> str:
    return f"{served.url}/cases/{case_id.hex()}/exhibits/{more}"


def register(field: Field, case_id: bytes, description: str, **more: str) -> bytes:
    with field.north.office.files.session() as db:
        return exhibits.create_exhibit(
            db, field.north.officer("liaison"), case_id, description=description, files=[], place="store",
            reason="seized in a search", action="seize", seen=field.north.office.seen(db), now=now(), **more,
        )  # fmt: skip  # type: ignore[arg-type]


def actions(field: Field, case_id: bytes, object_id: bytes) -> list[str]:
    with field.north.office.files.session() as db:
        return [one.action for one in holdings.history(db, field.north.officer("liaison"), case_id, object_id)]


def newest(field: Field, case_id: bytes) -> exhibits.Exhibit:
    with field.north.office.files.session() as db:
        return exhibits.list_exhibits(db, field.north.officer("liaison"), case_id)[-1]


def fill_in(page: Page, description: str, **more: str) -> None:
    page.get_by_label("Description").fill(description)
    page.get_by_label("Place").fill("evidence room 2")
    page.get_by_label("Reason").fill("seized in a search")
    for label, value in more.items():
        page.get_by_label(label.replace("_", " ")).fill(value)


# ---- Taking in --------------------------------------------------------------------------------------------------


def test_an_exhibit_is_taken_in_and_a_mistake_does_not_send_its_file_again(
    page: Page, served: Served, field: Field, case_id: bytes, tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8" + bytes(9 * 2**20))
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/exhibits")
    page.get_by_role("link", name="New exhibit in NP-2031-7").click()
    assert violations(page) == []
    page.get_by_label("File", exact=True).set_input_files(tmp_path / "photo.jpg")
    page.get_by_role("button", name="Seal and take in").click()
    page.get_by_role("heading", name="There is a problem").wait_for(timeout=60_000)
    expect(page.get_by_text("need not be chosen again")).to_be_visible()
    assert violations(page) == []
    assert len(field.north.office.files.blobs.list_keys(FOLDER)) == 1
    fill_in(page, "Photograph of a door", Authority="warrant XA-W-118", Seal_number="S-44 0877")
    page.get_by_role("button", name="Seal and take in").click()
    page.get_by_role("heading", name="Custody entries").wait_for()
    expect(page.get_by_text("its custody has begun")).to_be_visible()
    assert "Authority: warrant XA-W-118" in page.locator(".am-timeline").inner_text()
    expect(page.get_by_text("S-44 0877").first).to_be_visible()
    assert field.north.office.files.blobs.list_keys(FOLDER) == []
    found = newest(field, case_id)
    raw = intake.read_file(field.north.office.files, field.north.officer("liaison"), case_id, found.files[0])
    assert b"".join(raw) == (tmp_path / "photo.jpg").read_bytes()


def test_a_transfer_that_breaks_goes_on_where_it_stopped_with_the_same_file_alone(
    page: Page, served: Served, field: Field, case_id: bytes, tmp_path: Path
) -> None:
    (tmp_path / "film.mp4").write_bytes(b"one" * 6 * 2**20)
    sent: list[str] = []

    def break_off(route: Route) -> None:
        sent.append(route.request.url)
        if "from=8388608" in route.request.url and len([one for one in sent if "from=8388608" in one]) == 1:
            page.unroute("**/uploads/*")
            page.goto(url(served, case_id, "new"))
            return
        route.continue_()

    sign_in(page, served, "liaison-1")
    page.goto(url(served, case_id, "new"))
    page.route("**/uploads/*", break_off)
    fill_in(page, "A film")
    page.get_by_label("File", exact=True).set_input_files(tmp_path / "film.mp4")
    page.get_by_role("button", name="Seal and take in").click()
    page.wait_for_function("() => !document.querySelector('[name=description]').value")  # the page was left
    page.on("request", lambda one: sent.append(one.url))
    sent.clear()
    fill_in(page, "A film")
    page.get_by_label("File", exact=True).set_input_files(tmp_path / "film.mp4")
    page.get_by_role("button", name="Seal and take in").click()
    page.get_by_role("heading", name="Custody entries").wait_for(timeout=60_000)
    parts = [one for one in sent if "from=" in one]
    assert parts
    assert not any(one.endswith("from=0") for one in parts)
    found = newest(field, case_id)
    raw = intake.read_file(field.north.office.files, field.north.officer("liaison"), case_id, found.files[0])
    assert b"".join(raw) == (tmp_path / "film.mp4").read_bytes()


def test_the_same_file_is_said_and_taken_in_again_only_on_purpose(
    browser: Browser, served: Served, field: Field, case_id: bytes, tmp_path: Path
) -> None:
    """Without a script, the file comes with the form."""
    (tmp_path / "note.txt").write_bytes(b"the same words")
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, served, "liaison-1")
        for number in (1, 2):
            page.goto(url(served, case_id, "new"))
            fill_in(page, f"Note {number}")
            page.get_by_label("File", exact=True).set_input_files(tmp_path / "note.txt")
            page.get_by_role("button", name="Seal and take in").click()
        expect(page.get_by_text("the same file is in this case already").first).to_be_visible()
        assert newest(field, case_id).description == "Note 1"
        page.get_by_label("Take the same file in once more").check()
        page.get_by_role("button", name="Seal and take in").click()
        expect(page.get_by_role("heading", name="Custody entries")).to_be_visible()
    assert newest(field, case_id).description == "Note 2"


def test_a_thing_is_taken_in_by_keyboard_alone(page: Page, served: Served, field: Field, case_id: bytes) -> None:
    sign_in(page, served, "liaison-1")
    page.goto(url(served, case_id, "new"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    page.keyboard.press("Tab")
    for _ in range(20):  # over the crumbs, to the first choice
        if page.evaluate("() => document.activeElement.name") == "kind":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    typed = {"description": HOSTILE, "place": "room", "reason": "found", "seal": "S-9"}
    for _ in range(20):
        page.keyboard.press("Tab")
        name = page.evaluate("() => document.activeElement.name")
        if name in typed:
            page.keyboard.type(typed[name])
        if name == "reason":
            page.keyboard.press("Enter")
            break
    page.get_by_role("heading", name="Custody entries").wait_for()
    found = newest(field, case_id)
    assert (found.description, found.files) == (HOSTILE.replace("\u200b ", "\u200b ").strip(), ())
    assert page.locator("main b").count() == 0
    assert "<b>bold</b>" in page.inner_text("main")
    assert violations(page) == []


def test_the_register_finds_by_word_case_and_custody_and_its_address_says_nothing(
    page: Page, served: Served, field: Field, case_id: bytes
) -> None:
    register(field, case_id, "A lamp of copper")
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/exhibits")
    assert violations(page) == []
    page.get_by_label("Number or description").fill("COPPER")
    page.get_by_role("button", name="Filter").click()
    assert page.get_by_role("row").count() == 2
    assert "opper" not in page.url
    page.get_by_label("Custody").select_option("ended")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No exhibit fits")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    assert page.get_by_role("row").count() > 2


def test_a_long_register_comes_in_pages(page: Page, served: Served, field: Field) -> None:
    with field.north.office.files.session() as db:
        other = cases.create_case(db, field.north.officer("liaison"), "NP-2031-8", {"title": "t"}, now=now()).case_id
    for number in range(51):
        register(field, other, f"Thing {number}")
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/exhibits?case={other.hex()}")
    assert page.get_by_role("row").count() == 51
    page.get_by_role("button", name="Next").click()
    assert page.get_by_role("row").count() == 2
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()


def test_of_very_many_cases_some_are_offered_and_the_others_are_found_by_their_number(
    page: Page, served: Served, field: Field, case_id: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with field.north.office.files.session() as db:
        other = cases.create_case(db, field.north.officer("liaison"), "NP-2031-99", {"title": "t"}, now=now()).case_id
    register(field, case_id, "A lamp"), register(field, other, "The only lamp of this case")
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/exhibits")
    assert page.get_by_text("Some of your cases").count() == 0
    monkeypatch.setattr(exhibit_pages, "MOST_CASES", 1)
    monkeypatch.setattr(exhibit_pages, "FEW_CASES", 1)
    page.reload()
    expect(page.get_by_text("Some of your cases")).to_be_visible()
    assert page.get_by_label("Case", exact=True).locator("option").count() == 2
    page.get_by_label("Number or description").fill("NP-2031-99")
    page.get_by_role("button", name="Filter").click()
    assert "The only lamp of this case" in page.get_by_role("main").inner_text()
    page.goto(f"{served.url}/exhibits?case={other.hex()}")
    assert page.get_by_role("row").count() == 2
    assert violations(page) == []


# ---- Custody ----------------------------------------------------------------------------------------------------


def test_custody_shows_signatures_and_how_far_each_proof_has_come(
    page: Page, served: Served, field: Field, case_id: bytes
) -> None:
    thing = register(field, case_id, "A telephone", seal="S-1")
    sign_in(page, served, "liaison-1")
    page.goto(url(served, case_id, thing.hex()))
    expect(page.locator(".am-timeline").get_by_text("Signed", exact=True)).to_be_visible()
    field.north.sync()
    page.reload()
    expect(page.get_by_text("Logged, waits for confirmation")).to_be_visible()
    field.sync_all()
    page.reload()
    expect(page.get_by_text("Confirmed by 3 of 3 agencies")).to_be_visible()
    expect(page.get_by_text("north-police/liaison-1").first).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Custody of exhibit"))).to_be_visible()
    assert violations(page) == []


def test_an_act_and_a_correction_are_new_entries_and_the_old_words_stay(
    page: Page, served: Served, field: Field, case_id: bytes
) -> None:
    thing = register(field, case_id, "A telephone", seal="S-1")
    sign_in(page, served, "liaison-1")
    page.goto(url(served, case_id, thing.hex()))
    page.get_by_role("link", name="Record something").click()
    assert violations(page) == []
    page.get_by_role("button", name="Sign and record").click()
    expect(page).to_have_title(re.compile("^Error:"))
    page.get_by_label("What was done").select_option("reseal")
    page.get_by_label("Place").fill("room 4")
    page.get_by_label("What happened").fill("Sealed with tool 7.1")
    page.get_by_role("button", name="Sign and record").click()
    expect(page.get_by_text("Write the number of the new seal").first).to_be_visible()
    page.get_by_label("Seal number").fill("S-2")
    page.get_by_role("button", name="Sign and record").click()
    page.get_by_role("link", name="Correct entry 2").click()
    expect(page.get_by_text("Sealed with tool 7.1")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("What is right").fill("It was tool 7.2")
    page.get_by_role("button", name="Sign the correction").click()
    words = page.locator(".am-timeline").inner_text()
    assert "Correction of entry 2" in words
    assert "Corrected by entry 3" in words
    assert "Sealed with tool 7.1" in words
    expect(page.locator("aside").get_by_text("S-2")).to_be_visible()
    assert actions(field, case_id, thing) == ["seize", "reseal", "correction"]


def test_an_end_of_custody_is_asked_once_more_and_nothing_follows_it(
    page: Page, served: Served, field: Field, case_id: bytes
) -> None:
    thing = register(field, case_id, "A telephone")
    sign_in(page, served, "liaison-1")
    page.goto(url(served, case_id, f"{thing.hex()}/acts/new"))
    page.get_by_label("What was done").select_option("return")
    page.get_by_label("Place").fill("counter")
    page.get_by_label("What happened").fill("Given back to its owner")
    page.get_by_role("button", name="Sign and record").click()
    expect(page.get_by_text("Tick that you know it").first).to_be_visible()
    assert actions(field, case_id, thing) == ["seize"]
    page.get_by_label("I know that the custody").check()
    page.get_by_role("button", name="Sign and record").click()
    expect(page.get_by_text("Returned or destroyed")).to_be_visible()
    assert page.get_by_role("link", name="Record something").count() == 0
    page.goto(url(served, case_id, f"{thing.hex()}/acts/new"))
    page.get_by_label("What was done").select_option("examine")
    page.get_by_label("Place").fill("counter")
    page.get_by_label("What happened").fill("x")
    page.get_by_role("button", name="Sign and record").click()
    expect(page.get_by_text("not with this agency").first).to_be_visible()
    assert actions(field, case_id, thing) == ["seize", "return"]


def test_papers_hold_numbers_and_seals_and_a_label_no_content(
    page: Page, served: Served, field: Field, case_id: bytes
) -> None:
    thing = register(field, case_id, "A telephone with a story", seal="S-77")
    sign_in(page, served, "liaison-1")
    page.goto(url(served, case_id, thing.hex()))
    words = {}
    for name in ("Custody statement", "Label with a code to scan"):
        answer = page.request.get(served.url + str(page.get_by_role("link", name=name).get_attribute("href")))
        assert answer.headers["content-type"] == "application/pdf"
        with pypdfium2.PdfDocument(io.BytesIO(answer.body())) as paper:
            words[name] = " ".join(one.get_textpage().get_text_range() for one in paper)
    assert "A telephone with a story" in words["Custody statement"]
    assert "seized in a search" in words["Custody statement"]
    assert "S-77" in words["Label with a code to scan"]
    assert "story" not in words["Label with a code to scan"]
    wrong = page.goto(f"{served.url}/exhibits/labels.pdf?x=1")
    assert wrong is not None
    assert wrong.status == 404


def test_who_is_not_on_the_team_and_who_has_no_right_sees_nothing(
    page: Page, served: Served, field: Field, case_id: bytes
) -> None:
    thing = register(field, case_id, "A telephone")
    paths = [f"/cases/{case_id.hex()}/exhibits/{more}" for more in
             ("new", thing.hex(), f"{thing.hex()}/acts/new", f"{thing.hex()}/entries/0/correct",
              f"{thing.hex()}/statement.pdf")]  # fmt: skip
    for handle in ("liaison-2", "administrator-1", "supervisor-1"):
        sign_in(page, served, handle)
        for path in [*paths, f"/exhibits/labels.pdf?x={case_id.hex()}.{thing.hex()}"]:
            answer = page.goto(served.url + path)
            assert answer is not None
            assert answer.status == 403
            assert "telephone" not in page.content()
        page.context.clear_cookies()
    sign_in(page, served, "liaison-1")
    for path in paths[1:4]:  # control
        answer = page.goto(served.url + path)
        assert answer is not None
        assert answer.status == 200


def test_nothing_of_a_file_that_was_sent_and_shown_lies_in_the_browsers_profile(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], served: Served, case_id: bytes, tmp_path: Path
) -> None:
    """Neither while it is shown nor after the browser has closed; its name and the reason are looked for as well."""
    words = {name: f"planted-{name}-{secrets.token_hex(8)}" for name in ("content", "name", "reason", "description")}
    profile, source = tmp_path / "profile", tmp_path / f"{words['name']}.txt"
    source.write_text(f"{words['content']}\n" * 200_000)
    with browser_type.launch_persistent_context(profile, **browser_type_launch_args) as context:
        page = context.new_page()
        sign_in(page, served, "liaison-1")
        page.goto(url(served, case_id, "new"))
        fill_in(page, words["description"])
        page.get_by_label("File", exact=True).set_input_files(source)
        page.get_by_role("button", name="Seal and take in").click()
        page.get_by_role("link", name=words["name"]).click(timeout=60_000)
        page.get_by_label("Why you look at it").fill(words["reason"])
        page.get_by_role("button", name="Record and show").click()
        page.locator("pre").wait_for()
        assert words["content"] in page.locator("pre").inner_text()
        assert search(profile, words.values()) == []
    assert search(profile, words.values()) == []
    assert search(profile, [served.url]) != []  # control: what the browser keeps is found
    (profile / "planted").write_text(words["content"])
    assert search(profile, words.values()) == [("planted", words["content"])]


def test_the_pages_are_clean_in_the_dark(browser: Browser, served: Served, field: Field, case_id: bytes) -> None:
    thing = register(field, case_id, HOSTILE, seal="S" * 60)
    with browser.new_context(color_scheme="dark", viewport={"width": 390, "height": 800}) as context:
        page = context.new_page()
        sign_in(page, served, "liaison-1")
        for more in (thing.hex(), "new", f"{thing.hex()}/acts/new"):
            page.goto(url(served, case_id, more))
            assert violations(page) == []
            assert page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
