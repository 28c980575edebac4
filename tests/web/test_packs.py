"""Evidence packs in the browser: planned by one, signed by two, taken out as a stream, checked by `amparo verify`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, expect

from agencies import cases
from cli.verify import command
from evidence import exhibits, intake
from tests.support.canaries import search
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations

CANARY = b"a bill of lading that nobody else has: 7f3k-22 amparo canary"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        desk, officer = field.south, field.south.officer("prosecutor")
        paper = tmp_path_factory.mktemp("files") / "paper.txt"
        paper.write_bytes(CANARY)
        with desk.office.files.session() as db:
            case = cases.create_case(db, officer, "SP-2031-12", {"title": "Harbour"}, now=now()).case_id
            cases.add_member(db, officer, case, "south-prosecutor/prosecutor-2", vault=False, now=now())
            cases.create_case(db, officer, "SP-2031-13", {"title": "Empty"}, now=now())
        stored = intake.take_in(desk.office.files, officer, case, paper, now=now())
        with desk.office.files.session() as db:
            exhibits.create_exhibit(
                db, officer, case, description="Bill of lading", files=[stored.file_id], place="court store",
                reason="handed in", action="receive", seen=desk.office.seen(db), now=now(),
            )  # fmt: skip
        field.sync_all()
        field.sync_all()
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.south) as served:
        yield served


def begin(page: Page, served: Served, case: str) -> None:
    page.goto(f"{served.url}/packs")
    page.get_by_role("link", name=f"Out of case {case}").click()


def test_two_officers_make_a_pack_that_verifies(browser: Browser, page: Page, served: Served, tmp_path: Path) -> None:
    sign_in(page, served, "prosecutor-1")
    begin(page, served, "SP-2031-12")
    page.get_by_role("button", name="Read the exhibits").click()
    expect(page.get_by_role("alert").get_by_text("Write the reference of the proceeding")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Reference of the proceeding").fill("T-2031-31")
    page.get_by_role("button", name="Read the exhibits").click()
    page.wait_for_url("**/packs/*", timeout=60_000)
    page.wait_for_selector("text=Planned, waits for the first signature", timeout=60_000)
    expect(page.get_by_role("cell", name="Bill of lading")).to_be_visible()
    assert violations(page) == []
    served.field.sync_all()
    served.field.sync_all()
    page.get_by_role("button", name="Sign this pack").click()
    expect(page.get_by_text("You have signed.").first).to_be_visible()
    assert page.get_by_role("button", name="Sign this pack").count() == 0
    assert page.get_by_role("button", name="Take the pack out").count() == 0
    address = page.url
    with browser.new_context() as context:
        second = context.new_page()
        sign_in(second, served, "prosecutor-2")
        second.goto(address)
        second.get_by_role("button", name="Sign this pack").click()
        with second.expect_download() as found:
            second.get_by_role("button", name="Take the pack out").click()
        found.value.save_as(tmp_path / "pack.zip")
        with second.expect_download() as found:
            second.get_by_role("button", name="Trust file of this desk").click()
        found.value.save_as(tmp_path / "trust.txt")
    result = CliRunner().invoke(command, [str(tmp_path / "pack.zip"), "--trust", str(tmp_path / "trust.txt")])
    assert result.exit_code == 0, result.output
    altered = bytearray((tmp_path / "pack.zip").read_bytes())
    altered[len(altered) // 2] ^= 1
    (tmp_path / "altered.zip").write_bytes(altered)
    result = CliRunner().invoke(command, [str(tmp_path / "altered.zip"), "--trust", str(tmp_path / "trust.txt")])
    assert result.exit_code == 1
    # The desk keeps nothing of it in clear; the same search finds it in the pack that was taken out.
    assert search(served.desk.folder, [CANARY.decode()]) == []
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "evidence.txt").write_bytes(CANARY)
    assert search(tmp_path / "plain", [CANARY.decode()])
    page.reload()
    page.get_by_role("link", name="It was shown in court").click()
    assert violations(page) == []
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_role("alert").get_by_text("Tick that it was shown")).to_be_visible()
    page.get_by_label("This pack was shown").check()
    page.get_by_role("button", name="Record it").click()
    page.get_by_text("Shown on").wait_for()


def test_a_case_without_an_exhibit_makes_no_pack_and_says_why(page: Page, served: Served) -> None:
    sign_in(page, served, "prosecutor-1")
    begin(page, served, "SP-2031-13")
    expect(page.get_by_text("A pack without an exhibit is not made")).to_be_visible()
    page.get_by_label("Reference of the proceeding").fill("T-2031-32")
    page.get_by_role("button", name="Read the exhibits").click()

    page.wait_for_selector("text=It stopped", timeout=60_000)
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Go back and begin again").click()
    expect(page.get_by_role("heading", name="New evidence pack")).to_be_visible()


def test_the_list_names_the_packs_of_the_officers_cases(page: Page, served: Served) -> None:
    sign_in(page, served, "prosecutor-1")
    page.get_by_role("link", name="Evidence packs").first.click()
    expect(page.get_by_role("link", name="Out of case SP-2031-12")).to_be_visible()
    assert violations(page) == []
