"""Evidence inside the page: shown after a reason, on the record, and nothing in it ever runs."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from agencies import cases
from evidence import exhibits, holdings, intake
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations

CANARY = "window.top.document.title = 'ran'; fetch('/uploads?ran')"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{CANARY}"><script>{CANARY}</script></svg>'
PAGE = f'<!doctype html><html><body><script>{CANARY}</script><img src=x onerror="{CANARY}"></body></html>'
SIGNED = "to describe it"


def picture(tail: bytes = b"") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (80, 60), (10, 90, 200)).save(made, "GIF")
    return made.getvalue() + tail


def wave(seconds: int = 1) -> bytes:
    count = 8000 * seconds
    head = b"RIFF" + (36 + count).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    form = b"\x01\x00\x01\x00" + (8000).to_bytes(4, "little") * 2 + b"\x01\x00\x08\x00"
    return head + form + b"data" + count.to_bytes(4, "little") + bytes(count)


FILES = {
    "picture.gif": picture(),
    "polyglot.gif": picture(PAGE.encode()),
    "page.html": PAGE.encode(),
    "drawing.svg": SVG.encode(),
    "claims.jpg": PAGE.encode(),
    "film.mp4": PAGE.encode(),
    "sound.wav": wave(),
    "table.csv": b"number,words\n1,<script>document.title='ran'</script>\n",
    "program.exe": b"MZ" + bytes(100),
    "script.pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF",
}


class Shown:
    """A case with one exhibit per hostile file."""

    def __init__(self, served: Served, case_id: bytes, objects: dict[str, bytes], files: dict[str, bytes]) -> None:
        self.served, self.case_id, self.objects, self.files = served, case_id, objects, files

    def url(self, name: str, more: str = "") -> str:
        return f"{self.served.url}/cases/{self.case_id.hex()}/files/{self.files[name].hex()}{more}"

    def actions(self, name: str) -> list[tuple[str, str | None]]:
        desk = self.served.desk
        with desk.office.files.session() as db:
            lines = holdings.history(db, desk.officer("liaison"), self.case_id, self.objects[name])
        return [(one.action, one.reason) for one in lines]

    def show(self, page: Page, name: str) -> None:
        page.goto(self.url(name))
        page.get_by_label("Why you look at it").fill(SIGNED)
        page.get_by_role("button", name="Record and show").click()
        page.get_by_role("heading", name="What is in it").wait_for()


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def shown(field: Field, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    desk, officer, folder = field.north, field.north.officer("liaison"), tmp_path_factory.mktemp("files")
    objects, files = {}, {}
    with desk.office.files.session() as db:
        case = cases.create_case(db, officer, "NP-2031-7", {"title": "t"}, now=now()).case_id
        cases.add_member(db, officer, case, desk.handle("liaison-2"), vault=True, now=now())
    for name, raw in FILES.items():
        Path(folder, name).write_bytes(raw)
        stored = intake.take_in(desk.office.files, officer, case, Path(folder, name), now=now())
        with desk.office.files.session() as db:
            files[name] = stored.file_id
            objects[name] = exhibits.create_exhibit(
                db, officer, case, description=name, files=[stored.file_id], place="store", reason="r",
                seen=desk.office.seen(db), now=now(),
            )  # fmt: skip
    with serving(field, desk) as served:
        yield Shown(served, case, objects, files)


def test_a_file_is_shown_after_a_reason_that_goes_into_its_custody(page: Page, shown: Shown) -> None:
    sign_in(page, shown.served, "liaison-1")
    page.goto(shown.url("picture.gif"))
    assert page.locator("img").count() == 0
    for more in ("/picture", "/stream"):
        assert page.request.get(shown.url("picture.gif", more)).status == 403
    page.get_by_role("button", name="Record and show").click()
    expect(page).to_have_title(re.compile("^Error:"))
    assert violations(page) == []
    assert shown.actions("picture.gif") == [("receive", "r")]
    shown.show(page, "picture.gif")
    page.wait_for_function("() => document.querySelector('img').complete")
    assert page.locator("img").evaluate("one => [one.naturalWidth, one.naturalHeight]") == [80, 60]
    assert shown.actions("picture.gif")[1:] == [("view", SIGNED)]
    assert violations(page) == []
    page.reload()
    assert shown.actions("picture.gif")[1:] == [("view", SIGNED)]  # loading it again is no further showing
    page.get_by_role("button", name="Hide it now").click()
    assert page.request.get(shown.url("picture.gif", "/picture")).status == 403


@pytest.mark.parametrize("name", list(FILES))
def test_no_hostile_file_runs(page: Page, shown: Shown, name: str) -> None:
    """The canary is a script that changes the title and asks for a page; each way that evidence goes out is opened."""
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    sign_in(page, shown.served, "liaison-1")
    shown.show(page, name)
    page.wait_for_timeout(300)
    for more in ("/picture?part=0", "/stream"):
        answer = page.request.get(shown.url(name, more))
        if answer.ok:
            assert answer.headers["content-security-policy"].startswith("default-src 'none'; sandbox")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-type"] in ("image/png", "image/webp", "audio/x-wav", "audio/wav")
            assert b"<script" not in answer.body()
            page.goto(shown.url(name, more))
            page.wait_for_timeout(100)
        assert "ran" not in page.title()
    assert not [one for one in asked if one.endswith("?ran")]


def test_the_canary_would_run_if_it_were_let(page: Page, shown: Shown, tmp_path: Path) -> None:
    """Control: the same pages, opened outside of the desk, run."""
    for name in ("page.html", "drawing.svg"):
        Path(tmp_path, name).write_bytes(FILES[name].replace(b"fetch('/uploads?ran')", b"0"))
        page.goto(Path(tmp_path, name).as_uri())
        page.wait_for_function("() => document.title === 'ran'")


def test_html_svg_and_tables_are_shown_as_the_words_that_they_are(page: Page, shown: Shown) -> None:
    sign_in(page, shown.served, "liaison-1")
    for name in ("page.html", "drawing.svg"):
        shown.show(page, name)
        assert CANARY.split(";", 1)[0] in page.locator("pre").inner_text()
    shown.show(page, "table.csv")
    expect(page.get_by_role("cell", name="<script>document.title='ran'</script>")).to_be_visible()
    assert violations(page) == []


def test_what_is_not_what_it_says_is_not_shown_and_the_page_says_so(page: Page, shown: Shown) -> None:
    sign_in(page, shown.served, "liaison-1")
    for name in ("claims.jpg", "film.mp4", "program.exe"):
        shown.show(page, name)
        expect(page.get_by_text("It cannot be shown here")).to_be_visible()
        assert page.request.get(shown.url(name, "/picture")).status == 404
        assert page.request.get(shown.url(name, "/stream")).status == 404
    assert violations(page) == []


def test_sound_is_played_out_of_the_sealed_store_by_ranges(page: Page, shown: Shown) -> None:
    sign_in(page, shown.served, "liaison-1")
    shown.show(page, "sound.wav")
    page.wait_for_function("() => document.querySelector('audio').duration > 0.9")
    raw = FILES["sound.wav"]
    for asked, part in [("bytes=0-9", raw[:10]), ("bytes=-5", raw[-5:]), ("bytes=100-", raw[100:]), (None, raw)]:
        answer = page.request.get(shown.url("sound.wav", "/stream"), headers={"Range": asked} if asked else {})
        assert (answer.status, answer.body()) == (206, part)
    for wrong in ("bytes=9000-", "bytes=5-2", "bytes=-", "words", "bytes=0-1,4-5"):
        assert page.request.get(shown.url("sound.wav", "/stream"), headers={"Range": wrong}).status == 416


def test_a_download_takes_a_reason_and_is_recorded(page: Page, shown: Shown) -> None:
    sign_in(page, shown.served, "liaison-1")
    page.goto(shown.url("page.html"))
    page.get_by_role("link", name="Download on purpose").click()
    assert violations(page) == []
    page.get_by_role("button", name="Record and download").click()
    expect(page).to_have_title(re.compile("^Error:"))
    page.get_by_label("Why it has to leave the desk").fill("for the laboratory")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Record and download").click()
    assert waiting.value.suggested_filename == "page.html"
    assert Path(waiting.value.path()).read_bytes() == FILES["page.html"]
    assert shown.actions("page.html")[-1] == ("export", "for the laboratory")


def test_a_file_opens_for_the_one_who_gave_a_reason_and_for_nobody_else(browser: Browser, shown: Shown) -> None:
    with browser.new_context() as one, browser.new_context() as other, browser.new_context() as third:
        first, second, outsider = one.new_page(), other.new_page(), third.new_page()
        sign_in(first, shown.served, "liaison-1")
        shown.show(first, "picture.gif")
        assert first.request.get(shown.url("picture.gif", "/picture")).status == 200
        sign_in(second, shown.served, "liaison-2")
        assert second.request.get(shown.url("picture.gif", "/picture")).status == 403
        sign_in(outsider, shown.served, "supervisor-1")
        for more in ("", "/picture", "/stream", "/download"):
            assert outsider.request.get(shown.url("picture.gif", more)).status == 403
        shown.served.app.extensions["book"].end_all()
        assert "/sign-in" in first.request.get(shown.url("picture.gif", "/picture")).url


def test_files_that_do_not_exist_are_pages_in_words(page: Page, shown: Shown) -> None:
    sign_in(page, shown.served, "liaison-1")
    case = shown.case_id.hex()
    for path in (f"/cases/{case}/files/{'0' * 32}", f"/cases/{case}/files/x", f"/cases/{case}/files/{'0' * 32}/stream"):
        answer = page.goto(shown.served.url + path)
        assert answer is not None
        assert answer.status in (403, 404)
        expect(page.get_by_role("alert")).to_be_visible()


def test_it_works_without_scripts_and_in_the_dark(browser: Browser, shown: Shown) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, shown.served, "liaison-1")
        shown.show(page, "table.csv")
        expect(page.get_by_role("table")).to_be_visible()
    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        sign_in(page, shown.served, "liaison-1")
        shown.show(page, "picture.gif")
        assert violations(page) == []
