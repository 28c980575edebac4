"""Copies of the desk on its pages: sealed, tried out in a drill, and what becomes of a damaged one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agencies import acts
from exchange import backups, desk_copies, sealed_copies
from tests.support.canaries import search
from tests.support.departures import new_case
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations

WORDS_OF_COPY = "a passphrase of the copy"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        new_case(field.north, "liaison-1")
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where copies go."""
    return tmp_path_factory.mktemp("stick")


def finished(page: Page) -> None:
    for _ in range(60):
        if "/work/" not in page.url:
            return
        page.wait_for_timeout(500)
        page.reload()


def make_copy(page: Page, served: Served, folder: str, words: str = WORDS_OF_COPY, again: str | None = None) -> None:
    page.goto(f"{served.url}/settings/backup/copy")
    page.get_by_label("Folder").fill(folder)
    page.get_by_label("Passphrase of the copy", exact=True).fill(words)
    page.get_by_label("Passphrase of the copy, once more").fill(words if again is None else again)
    page.get_by_role("button", name="Make the copy").click()
    finished(page)


def drill(page: Page, served: Served, file: Path, words: str = WORDS_OF_COPY) -> None:
    page.goto(f"{served.url}/settings/backup/drill")
    page.get_by_label("File of the copy").fill(str(file))
    page.get_by_label("Passphrase of the copy").fill(words)
    page.get_by_role("button", name="Begin the drill").click()
    finished(page)


def copies(stick: Path) -> list[Path]:
    return sorted(stick.glob("*.amparo-copy"))


def test_a_copy_is_made_sealed_and_holds_in_a_drill(page: Page, served: Served, stick: Path) -> None:
    sign_in(page, served, "administrator-1")
    page.goto(f"{served.url}/settings/backup")
    expect(page.get_by_role("heading", name="Never drilled")).to_be_visible()
    assert violations(page) == []
    desk = str(served.desk.folder)
    for folder, words, again, said in (
        (str(stick), WORDS_OF_COPY, "other words than these", "do not match"),
        (str(stick), "short", "short", "at least 12 signs"),
        ("stick", WORDS_OF_COPY, None, "whole path"),
        (str(stick / "nowhere"), WORDS_OF_COPY, None, "no such folder"),
        (desk, WORDS_OF_COPY, None, "lost with it"),
    ):
        make_copy(page, served, folder, words, again)
        assert said in page.get_by_role("alert").inner_text(), said
    assert violations(page) == []
    assert copies(stick) == []
    make_copy(page, served, str(stick))
    expect(page).to_have_url(re.compile(re.escape("/settings/backup") + "$"))
    (made,) = copies(stick)
    assert made.stat().st_mode & 0o077 == 0
    assert sorted(one.name for one in served.desk.folder.parent.iterdir() if "scratch" in one.name) == []

    known = b"north-police/liaison-1"  # in clear in the database: the control of the search in the copy
    assert any(known in one.read_bytes() for one in served.desk.folder.glob("desk.sqlite3*"))
    assert search(stick, [known.decode()]) == []

    drill(page, served, made)
    expect(page.get_by_text("all equal")).to_be_visible()
    assert "restored in" in page.locator("main").inner_text()
    assert page.get_by_role("heading", name="Never drilled").count() == 0
    assert violations(page) == []
    with served.desk.office.files.session() as db:
        last = backups.last_good_drill(db)
        assert last is not None and last.entries > 0 and last.rows > 0
        assert not backups.is_overdue(db, now=now())
        assert backups.is_overdue(db, now=now() + 91 * 86_400)
        assert [body["act"] for body, _ in acts.read_acts(db)][-1] == "drilled"
    assert sorted(one.name for one in served.desk.folder.parent.iterdir() if "scratch" in one.name) == []


def test_a_damaged_copy_is_told_and_stands_on_the_record(page: Page, served: Served, stick: Path) -> None:
    if not copies(stick):
        backups.back_up(served.desk.office, served.desk.officer("administrator-1"), stick, WORDS_OF_COPY, now=now())
    (made, *_) = copies(stick)
    damaged = stick / "damaged.amparo-copy"
    raw = bytearray(made.read_bytes())
    raw[len(raw) // 2] ^= 1
    damaged.write_bytes(raw)
    sign_in(page, served, "administrator-1")
    drill(page, served, damaged)
    expect(page.get_by_text("the copy does not hold")).to_be_visible()
    drill(page, served, made, "another passphrase")
    expect(page.get_by_role("heading", name="It stopped")).to_be_visible()
    expect(page.get_by_text("passphrase-wrong")).to_be_visible()
    drill(page, served, stick / "nothing")
    assert "no such file" in page.get_by_role("alert").inner_text()
    drill(page, served, made)  # the control
    expect(page.get_by_text("all equal").first).to_be_visible()


def test_a_sealed_copy_is_opened_for_a_new_computer(served: Served, stick: Path, tmp_path: Path) -> None:
    made = backups.back_up(
        served.desk.office, served.desk.officer("administrator-1"), stick, WORDS_OF_COPY, now=now() + 5
    )
    sealed_copies.unseal_copy(made, tmp_path / "opened", WORDS_OF_COPY)
    assert desk_copies.check_copy(tmp_path / "opened").agency == "north-police"
    desk_copies.restore_copy(tmp_path / "opened", tmp_path / "new")
    for cut in (10, len(made.read_bytes()) // 2, 1):
        short = tmp_path / f"short-{cut}"
        short.write_bytes(made.read_bytes()[:-cut])
        with pytest.raises(sealed_copies.DecryptionFailed):
            sealed_copies.unseal_copy(short, tmp_path / f"opened-{cut}", WORDS_OF_COPY)
        assert not (tmp_path / f"opened-{cut}").exists()


def test_moving_says_exactly_what_to_do(page: Page, served: Served) -> None:
    sign_in(page, served, "administrator-2")
    page.goto(f"{served.url}/settings/backup/move")
    expect(page.get_by_text("amparo desk unseal COPY FOLDER")).to_be_visible()
    assert violations(page) == []
