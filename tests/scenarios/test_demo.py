"""The demonstration played through by processes of their own; then what it left behind is examined."""

import base64
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from cli.verify import examine
from demo.case import default_folder
from demo.input import read_input
from evidence.pack_report import PROVEN, REFUSED, WHOLE
from tests.independent.encoding import Refused
from tests.independent.verifier import verify
from tests.support.canaries import search
from tests.support.crawl import walk
from tests.support.draws import drawn

AGENCIES = ("north-police", "shelter-ngo", "south-prosecutor")
LAST_LINE = "It stays up until Ctrl-C.\n"
COMMAND = (sys.executable, "-c", "from cli.main import main; main()")


@dataclass(frozen=True)
class Demo:
    """A demonstration that stays up.

    Attributes:
        desks: agency to the address of its desk.
        officers: role handle and passphrase of everybody who can sign in.
    """

    folder: Path
    told: str
    desks: dict[str, str]
    officers: dict[str, str]

    def enter(self, page: Page, handle: str) -> str:
        """Sign an officer in; the address of her first page."""
        url = self.desks[handle.partition("/")[0]]
        page.goto(f"{url}/sign-in")
        page.locator("#handle").fill(handle)
        page.locator("#passphrase").fill(self.officers[handle])
        page.locator("main button.btn-primary").first.click()
        page.wait_for_url("**/today")
        return page.url


@contextmanager
def demonstration(folder: Path, *more: str) -> Iterator[Demo]:
    """`amparo demo`, as a newcomer starts it, until its last line."""
    process = subprocess.Popen(
        [*COMMAND, "demo", "--dir", str(folder), *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        told = "".join(iter(process.stdout.readline, LAST_LINE))
        assert process.poll() is None, told[-2000:]
        rows = dict(re.findall(r"^    (\S+)  passphrase (.+)$", told, re.MULTILINE))
        urls = re.findall(r"^  (http://\S+)$", told, re.MULTILINE)
        yield Demo(folder, told, dict(zip(AGENCIES, urls, strict=True)), rows)
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demonstration(tmp_path_factory.mktemp("demo") / "out") as demo:
        yield demo


@pytest.fixture(scope="module")
def played(demo: Demo) -> tuple[Path, str]:
    return demo.folder, demo.told


def secrets_of_the_case() -> set[str]:
    """Names, numbers, places, file names and texts that only agencies may know."""
    found = read_input(default_folder())
    words = {value for row in found.persons for name, value in row.values.items() if name in HIDDEN}
    return words | {path.name for path in found.files} | {"Her account, as the shelter", "protected-witness"}


NAME = "नमूना"
HIDDEN = ("prs_firstname", "prs_secondname", "prs_mobilephone", "vic_locationofexploitation", "per_roledetails")


def test_the_story_is_told_to_its_end(played: tuple[Path, str]) -> None:
    folder, told = played
    for words in (
        "opened by two: 7 files", "with one byte changed: REFUSED", "opening is refused",
        "receipt of south-prosecutor: deleted", "by order of court (Demo Court 2 KLs 7/31)",
        "a consent was withdrawn", "Missing: The person concerned has withdrawn the consent", "Withdrawn:",
    ):  # fmt: skip
        assert words in told
    assert {path.name for path in (folder / "desks").iterdir()} == {"north-police", "shelter-ngo", "south-prosecutor"}


def test_both_packs_are_proven_and_one_changed_byte_is_refused(played: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = played
    trust = folder / "trust.txt"
    for name in ("pack.zip", "pack-rebuilt.zip"):
        assert examine(folder / "pack" / name, trust)[0] == PROVEN
        assert examine(folder / "pack" / name, None)[0] == WHOLE
    raw = bytearray((folder / "pack" / "pack.zip").read_bytes())
    raw[-30] ^= 1
    (tmp_path / "changed.zip").write_bytes(raw)
    assert examine(tmp_path / "changed.zip", trust)[0] == REFUSED


def test_a_second_verifier_says_the_same_of_both_packs(played: tuple[Path, str]) -> None:
    """It was written from the document alone: what it accepts, a stranger's program would."""
    folder, _ = played
    trust = (folder / "trust.txt").read_bytes()
    for name in ("pack.zip", "pack-rebuilt.zip"):
        raw = (folder / "pack" / name).read_bytes()
        assert verify(raw, trust).proven
        assert not verify(raw, None).proven
        with pytest.raises(Refused):
            verify(raw[:-30] + bytes([raw[-30] ^ 1]) + raw[-29:], trust)


def test_the_rebuilt_pack_leaves_the_withdrawn_item_out(played: tuple[Path, str]) -> None:
    folder, _ = played
    numbers = {}
    for name in ("pack.zip", "pack-rebuilt.zip"):
        with zipfile.ZipFile(folder / "pack" / name) as pack:
            numbers[name] = {one.split("/")[3] for one in pack.namelist() if one.startswith("pack/data/exhibits/")}
    assert len(numbers["pack.zip"] - numbers["pack-rebuilt.zip"]) == 1
    assert numbers["pack-rebuilt.zip"] < numbers["pack.zip"]


def test_nothing_of_the_case_is_found_in_what_the_broker_holds(played: tuple[Path, str]) -> None:
    folder, _ = played
    words = secrets_of_the_case()
    assert len(words) > 20
    assert search(folder / "broker", words) == []
    planted = folder / "broker" / "blobs" / "planted"
    planted.write_bytes(b"\x07" + base64.b64encode(f"xx{NAME}yyy".encode()) + b"\x00")
    assert search(folder / "broker", words) == [("planted", NAME)]
    planted.unlink()


def test_nothing_readable_lies_in_the_desks(played: tuple[Path, str]) -> None:
    folder, _ = played
    words = secrets_of_the_case()
    for desk in (folder / "desks").iterdir():
        assert search(desk, words) == []


# ---- Its pages --------------------------------------------------------------------------------------------------

LOOKS: Final = (
    {"locale": "en-GB", "color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    {"locale": "ar", "color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
    {"locale": "en-GB", "color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
    {"locale": "ar", "color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
)  # fmt: skip
ROLES: Final = (
    "north-police/liaison-1", "shelter-ngo/case-worker-1", "south-prosecutor/prosecutor-1", "north-police/supervisor-1",
    "north-police/administrator-1", "north-police/auditor-1",
)  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Two of the roles in a sample run."""
    if "handle" in metafunc.fixturenames:
        metafunc.parametrize("handle", drawn(metafunc.config, ROLES, 2))


def test_every_page_that_a_role_reaches_is_whole_and_clean(
    demo: Demo, browser: Browser, handle: str, rng: random.Random, request: pytest.FixtureRequest
) -> None:
    """Nothing is broken, nothing is wider than the window, axe finds nothing, nobody else is asked for anything."""
    is_full = request.config.option.full
    for look in LOOKS if is_full else rng.sample(LOOKS, 1):
        context = browser.new_context(**look)  # type: ignore[arg-type]
        page = context.new_page()
        seen = walk(
            context, page, demo.enter(page, handle), look=1.0 if is_full else 0.34, secret=secrets_of_the_case()
        )
        context.close()
        assert seen.problems == [], "\n".join(seen.problems)
        assert seen.elsewhere == []
        assert len(seen.pages) >= 8
        print(handle, look["locale"], len(seen.pages), "pages")


def test_a_walk_tells_of_a_page_that_is_broken_and_of_a_request_elsewhere(browser: Browser, demo: Demo) -> None:
    """The control: what the walks look for is found where it is."""
    context = browser.new_context()
    page = context.new_page()
    url = demo.enter(page, "north-police/liaison-1")
    page.route("**/cases", lambda route: route.fulfill(
        status=200, content_type="text/html",
        body="<html lang='en'><title>Cases</title><body style='width: 5000px'><img src='http://192.0.2.1/x.png'>",
    ))  # fmt: skip
    page.route("http://192.0.2.1/**", lambda route: route.abort())
    page.route(
        "**/inbox", lambda route: route.fulfill(status=500, content_type="text/html", body="<main>broken</main>")
    )
    seen = walk(context, page, url, most=8, secret=["Cases"])
    context.close()
    assert "http://192.0.2.1/x.png" in seen.elsewhere
    words = " ".join(seen.problems)
    assert "broken" in words
    assert "a secret word in the history" in words
    assert "wider than the window" in words
    assert "image-alt" in words


def test_three_desks_are_open_in_one_browser(demo: Demo, browser: Browser) -> None:
    context = browser.new_context()
    pages = []
    for handle in ("north-police/liaison-1", "shelter-ngo/case-worker-1", "south-prosecutor/prosecutor-1"):
        pages.append((handle, context.new_page()))
        demo.enter(pages[-1][1], handle)
    for handle, page in pages:  # each is still its own, after the others came in
        page.reload()
        expect(page.locator("header")).to_contain_text(handle.partition("/")[0])
    pages[0][1].goto(f"{demo.desks['north-police']}/cases")
    pages[0][1].locator("form[action$='/lock'] button").first.click()
    pages[0][1].wait_for_url("**/sign-in")
    pages[1][1].reload()
    expect(pages[1][1].locator("header")).to_contain_text("shelter-ngo")  # the others stay
    context.close()


@pytest.mark.slow
def test_one_person_and_no_evidence_is_enough(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "persons.csv").write_text("prs_First_Name\nTestperson\n", encoding="utf-8")
    (given / "notes.txt").write_text("x", encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "demo", "--once", "--dir", str(tmp_path / "out"), "--input", str(given)], capture_output=True,
        text=True, check=False, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    told = done.stdout
    assert "file not taken in: notes.txt" in told
    assert examine(tmp_path / "out" / "pack" / "pack.zip", tmp_path / "out" / "trust.txt")[0] == PROVEN
