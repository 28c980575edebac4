"""The page that checks a pack: the answers of `amparo verify`, without a sign-in, and nothing in clear on any disk."""

import contextlib
import os
import random
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from cli.verify import examine
from desk.sealed_file import FOLDER
from evidence.pack_report import PROVEN, REFUSED, WHOLE, log_words, made_words
from storage.desk_files import BLOBS
from tests.support.canaries import search
from tests.support.field import Field, with_field
from tests.support.packs import make_case, relist, unpack, zip_up
from tests.support.served import Served, serving, sign_in, violations

CANARY = "harbour lights at four in the morning"
LIMIT = 3 * 2**20


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north, max_pack_bytes=LIMIT) as served:
        yield served


@pytest.fixture(scope="module")
def packs(seed: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack, its trust file, and altered ones."""
    folder = tmp_path_factory.mktemp("packs")
    case = make_case(random.Random(seed))
    pack = case.build()
    (folder / "pack.zip").write_bytes(pack)
    (folder / "trust.txt").write_bytes(case.world.trust())
    (folder / "other.txt").write_bytes(make_case(random.Random(seed + 1)).world.trust())
    files = unpack(pack)
    photo = next(path for path in files if path.endswith(".jpg"))
    (folder / "forged.zip").write_bytes(zip_up(relist({**files, photo: files[photo] + b"!"})))
    (folder / "empty.zip").write_bytes(b"")
    (folder / "large.zip").write_bytes(random.Random(seed).randbytes(LIMIT + 1))
    (folder / "long.txt").write_bytes(b"# x\n" * 100_000)
    return folder


def check(page: Page, served: Served, pack: Path, trust: Path | None = None) -> str:
    page.goto(f"{served.url}/verify")
    page.get_by_label("Evidence pack").set_input_files(pack)
    if trust is not None:
        page.get_by_label("Trust file").set_input_files(trust)
    page.get_by_role("button", name="Check it").click()
    return " ".join(page.locator("main").inner_text().split())


def left_behind(served: Served) -> list[str]:
    folder = served.desk.folder / BLOBS / FOLDER
    return [one.name for one in folder.iterdir()] if folder.is_dir() else []


def test_a_proven_pack_says_the_same_as_the_command(page: Page, served: Served, packs: Path) -> None:
    text = check(page, served, packs / "pack.zip", packs / "trust.txt")
    status, report = examine(packs / "pack.zip", packs / "trust.txt")
    assert status == PROVEN
    assert "Proven against the trust file you gave" in text
    for words in (
        made_words(report), log_words(report), *report["checks"], *report["gaps"], *report["limits"],
        report["pack_sha256"], report["trust_sha256"],
    ):  # fmt: skip
        assert words in text, words
    assert violations(page) == []
    assert left_behind(served) == []


def test_without_a_trust_file_it_is_whole_and_no_more(page: Page, served: Served, packs: Path) -> None:
    assert examine(packs / "pack.zip", None)[0] == WHOLE
    text = check(page, served, packs / "pack.zip")
    assert "Whole, but its signers are not checked" in text
    assert "Proven" not in text
    assert "Who the signers are" in text
    assert violations(page) == []


@pytest.mark.parametrize(
    ("pack", "trust"),
    [("forged.zip", "trust.txt"), ("pack.zip", "other.txt"), ("empty.zip", "trust.txt"), ("trust.txt", "trust.txt"),
     ("pack.zip", "pack.zip")],
)  # fmt: skip
def test_a_refused_pack_says_what_does_not_fit_and_the_code_of_the_command(
    page: Page, served: Served, packs: Path, pack: str, trust: str
) -> None:
    status, report = examine(packs / pack, packs / trust)
    assert status == REFUSED
    text = check(page, served, packs / pack, packs / trust)
    assert "Refused" in text
    assert report["code"] in text
    assert report["message"] in text
    assert report["pack_sha256"] in text
    assert "Proven" not in text
    assert violations(page) == []


def test_nothing_chosen_and_a_trust_file_that_is_none_are_said_at_their_fields(
    page: Page, served: Served, packs: Path
) -> None:
    page.goto(f"{served.url}/verify")
    assert violations(page) == []
    page.get_by_role("button", name="Check it").click()
    assert "Choose the pack" in page.get_by_role("alert").inner_text()
    expect(page).to_have_title(re.compile("^Error:"))
    assert violations(page) == []
    assert "too large to be a trust file" in check(page, served, packs / "pack.zip", packs / "long.txt")
    assert "Whole" in check(page, served, packs / "pack.zip")  # control


def test_what_is_larger_than_the_setting_is_refused_and_kept_nowhere(served: Served, packs: Path) -> None:
    for name, expected in (("large.zip", 413), ("pack.zip", 200)):
        with httpx2.Client(trust_env=False, headers={"Origin": served.url}, timeout=30) as client:
            token = client.get(f"{served.url}/verify").text.split('name="csrf_token" type="hidden" value="')[1]
            answer = client.post(
                f"{served.url}/verify", data={"csrf_token": token.split('"')[0]},
                files={"pack": (name, (packs / name).read_bytes())},
            )  # fmt: skip
        assert answer.status_code == expected
        assert left_behind(served) == []


def test_a_large_pack_is_a_page_in_words_in_the_browser_too(page: Page, served: Served, packs: Path) -> None:
    assert "too large for this page" in check(page, served, packs / "large.zip")


def test_it_works_without_a_script_by_keyboard_and_for_who_is_signed_in(
    browser: Browser, served: Served, packs: Path
) -> None:
    context = browser.new_context(java_script_enabled=False, color_scheme="dark")
    page = context.new_page()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/custody/log")
    page.get_by_role("link", name="Check an evidence pack").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Evidence pack").set_input_files(packs / "pack.zip")
    page.get_by_role("button", name="Check it").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Whole, but its signers are not checked").wait_for()
    expect(page.get_by_role("link", name="Log health").first).to_be_visible()
    context.close()


def test_a_form_from_elsewhere_is_refused_and_kept_nowhere(served: Served, packs: Path) -> None:
    with httpx2.Client(trust_env=False, timeout=30) as client:
        for origin in ("http://evil.example", served.url):
            answer = client.post(
                f"{served.url}/verify", headers={"Origin": origin}, data={"csrf_token": "x"},
                files={"pack": ("pack.zip", (packs / "pack.zip").read_bytes())},
            )  # fmt: skip
            assert answer.status_code == (403 if origin != served.url else 400)
    assert left_behind(served) == []


# ---- Nothing in clear -------------------------------------------------------------------------------------------


def open_files_with(word: str) -> list[str]:
    """Files of this process, those without a name too, that hold a word in clear."""
    found = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if path.is_file() and word.encode() in path.read_bytes():
                found.append(os.readlink(path))  # noqa: PTH115  # a name that is gone is no path
    return found


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process puts its temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def half_sent(served: Served, body: bytes) -> tuple[socket.socket, bytes]:
    """A form of which half has arrived, and the rest of it."""
    with httpx2.Client(trust_env=False, headers={"Origin": served.url}, timeout=30) as client:
        text = client.get(f"{served.url}/verify").text
        token = text.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    parts = urlsplit(served.url)
    form = (
        f'--b\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token}\r\n'
        '--b\r\nContent-Disposition: form-data; name="pack"; filename="pack.zip"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    ).encode()
    whole = form + body + b"\r\n--b--\r\n"
    head = (
        f"POST /verify HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: {served.url}\r\nCookie: {cookie}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(whole)}\r\nConnection: close\r\n\r\n"
    ).encode()
    made = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)
    half = len(form) + len(body) // 2
    made.sendall(head + whole[:half])
    return made, whole[half:]


def test_while_a_pack_arrives_and_afterwards_no_word_of_it_lies_in_clear(served: Served, scratch: Path) -> None:
    body = (CANARY + "\n").encode() * 40_000
    head, rest = half_sent(served, body)
    waited = time.monotonic() + 10
    while not left_behind(served) and time.monotonic() < waited:
        time.sleep(0.05)
    assert left_behind(served)  # it is arriving
    for folder in (served.desk.folder, scratch):
        assert search(folder, [CANARY]) == []
    assert open_files_with(CANARY) == []
    head.sendall(rest)
    answer = b""
    while piece := head.recv(65536):
        answer += piece
    head.close()
    assert b"200 OK" in answer.split(b"\r\n", 1)[0]
    assert b"Refused" in answer  # such a file is no pack
    assert left_behind(served) == []
    for folder in (served.desk.folder, scratch):
        assert search(folder, [CANARY]) == []


def test_the_same_searches_find_what_is_planted(served: Served, scratch: Path) -> None:
    (scratch / "planted").write_text(CANARY)
    assert search(scratch, [CANARY]) == [("planted", CANARY)]
    with tempfile.TemporaryFile() as nameless:
        nameless.write(CANARY.encode())
        nameless.flush()
        assert open_files_with(CANARY)
    planted = served.desk.folder / BLOBS / "planted"
    planted.write_text(CANARY)
    assert ("planted", CANARY) in search(served.desk.folder, [CANARY])
    planted.unlink()


def test_an_upload_that_breaks_off_leaves_nothing(served: Served) -> None:
    head, _ = half_sent(served, b"x" * 2**20)
    waited = time.monotonic() + 10
    while not left_behind(served) and time.monotonic() < waited:
        time.sleep(0.05)
    assert left_behind(served)
    head.shutdown(socket.SHUT_RDWR)
    head.close()
    waited = time.monotonic() + 10
    while left_behind(served) and time.monotonic() < waited:
        time.sleep(0.05)
    assert left_behind(served) == []


def test_two_at_once_do_not_mix(served: Served, packs: Path) -> None:
    answers: dict[str, str] = {}

    def send(name: str) -> None:
        with httpx2.Client(trust_env=False, headers={"Origin": served.url}, timeout=60) as client:
            token = client.get(f"{served.url}/verify").text.split('name="csrf_token" type="hidden" value="')[1]
            answers[name] = client.post(
                f"{served.url}/verify", data={"csrf_token": token.split('"')[0]},
                files={"pack": (name, (packs / name).read_bytes())},
            ).text  # fmt: skip

    threads = [threading.Thread(target=send, args=(name,)) for name in ("pack.zip", "forged.zip")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "Whole, but" in answers["pack.zip"]
    assert "Refused" in answers["forged.zip"]
