"""The record on its page: filters, samples, reasons that are asked and answered, signed exports; no content."""

import hashlib
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert

from agencies import cases
from agencies.models import AskedReason, RecordLine, SignInNote
from crypto import labels
from crypto.encoding import unb64u
from crypto.signing import verify
from crypto.statements import parse_statement
from exchange import record
from tests.support.departures import new_case, read
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations
from tests.support.traffic import parcel

SECRET = "the one word that nobody may read"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        case = new_case(field.north, "liaison-1")
        with field.north.office.files.session() as db:
            cases.exclude_officer(
                db, field.north.officer("liaison-1"), case, field.north.handle("liaison-2"), now=now()
            )
        bundle = parcel(field.south, "prosecutor-1", field.north, ["liaison-1"], (b"evidence",)).send(field.north)
        field.sync_all(1)
        read(field.north, "liaison-1", bundle)
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


def rows(page: Page) -> list[list[str]]:
    return [one.locator("th, td").all_inner_texts() for one in page.locator("tbody tr").all()]


def test_the_record_shows_who_did_what_and_no_content(page: Page, served: Served) -> None:
    sign_in(page, served, "auditor-1")
    page.get_by_role("link", name="Record").click()
    assert violations(page) == []
    whats = {row[3] for row in rows(page)}
    assert {"Signed in", "Bundle opened", "Opening asked for", "Officer kept out of a case"} <= whats
    page.get_by_label("What").select_option(label="Officer kept out of a case")
    page.get_by_role("button", name="Filter").click()
    (only,) = rows(page)
    assert only[2] == "liaison-1" and only[4].startswith("D-")
    page.get_by_role("link", name="Show everything").click()
    page.get_by_label("Number of the case").fill(only[4])
    page.get_by_role("button", name="Filter").click()
    assert rows(page) == [only]
    page.get_by_label("Number of the case").fill("<b>\u202e\U0001f600")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No line fits this filter")).to_be_visible()
    assert violations(page) == []
    page.goto(f"{served.url}/record?officer=north-police/auditor-1&from=2020-01-01&to=2020-01-02")
    expect(page.get_by_text("No line fits this filter")).to_be_visible()
    page.goto(f"{served.url}/record?officer=north-police/auditor-1")
    assert {row[2] for row in rows(page)} == {"auditor-1"}


def test_the_same_seed_draws_the_same_sample(page: Page, served: Served) -> None:
    sign_in(page, served, "auditor-1")
    page.goto(f"{served.url}/record")
    page.get_by_label("How many lines").fill("4")
    page.get_by_role("button", name="Draw").click()
    drawn = rows(page)
    assert len(drawn) == 4
    assert violations(page) == []
    seed = page.locator("dd .am-id").first.inner_text()
    assert f"seed={seed}" in page.url
    page.reload()
    assert rows(page) == drawn
    other = page.url.replace(seed, "0123456789abcdef")
    page.goto(other)
    assert page.locator("dd .am-id").first.inner_text() == "0123456789abcdef"
    for wrong in ("seed=x", "seed=0123456789abcdef&size=-1", "seed=%00"):
        answer = page.goto(f"{served.url}/record/sample?{wrong}")
        assert answer is not None and answer.status == 404, wrong


def test_a_reason_is_asked_and_answered_between_the_two_alone(page: Page, served: Served, browser: Browser) -> None:
    sign_in(page, served, "auditor-1")
    page.goto(f"{served.url}/record?what=opened")
    page.locator("tbody th a").first.click()
    assert violations(page) == []
    page.get_by_label("Your question").fill(f"Why? {SECRET} <b>\u202e\U0001f600")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Waits for the officer")).to_be_visible()
    page.get_by_label("Your question").fill("Again?")
    page.get_by_role("button", name="Ask").click()
    assert "not answered yet" in page.get_by_role("alert").inner_text()

    context = browser.new_context(color_scheme="dark", viewport={"width": 390, "height": 800})
    hers = context.new_page()
    sign_in(hers, served, "supervisor-1")
    hers.goto(f"{served.url}/record/questions")
    expect(hers.get_by_text("Nobody has asked you anything")).to_be_visible()
    with served.desk.office.files.session() as db:
        number = db.query(AskedReason).one().reason_id.hex()
    answer = hers.goto(f"{served.url}/record/questions/{number}")
    assert answer is not None and answer.status == 404
    hers.get_by_role("button", name="Lock").click() if hers.get_by_role("button", name="Lock").count() else None
    sign_in(hers, served, "liaison-1")
    hers.goto(f"{served.url}/settings")
    hers.get_by_role("link", name="Read and answer").click()
    assert violations(hers) == []
    hers.locator("a.am-task").first.click()
    assert SECRET in hers.locator("main").inner_text()
    hers.get_by_label("Your answer").fill(f"Because. {SECRET}")
    hers.get_by_role("button", name="Answer").click()
    expect(hers.get_by_text("Your answer is with the auditor")).to_be_visible()
    hers.locator("a.am-task").first.click()
    assert hers.get_by_label("Your answer").count() == 0
    assert violations(hers) == []
    context.close()

    page.goto(f"{served.url}/record/questions")
    page.locator("#put ~ ul a.am-task").first.click()
    assert f"Because. {SECRET}" in page.locator("main").inner_text()
    assert violations(page) == []
    raw = b"".join(path.read_bytes() for path in served.desk.folder.glob("desk.sqlite3*"))
    assert b"north-police/auditor-1" in raw  # control
    assert SECRET.encode() not in raw


def test_an_export_is_signed_and_names_nobody(page: Page, served: Served) -> None:
    sign_in(page, served, "auditor-1")
    page.goto(f"{served.url}/record?officer=north-police/liaison-1")
    shown = int(page.locator("#lines").inner_text().split()[0])
    with page.expect_download() as got:
        page.get_by_role("button", name="Export signed").click()
    with zipfile.ZipFile(io.BytesIO(Path(str(got.value.path())).read_bytes())) as archive:
        content = archive.read("record.csv")
        act = parse_statement(archive.read("record.act"))
        assert archive.read("record.pdf").startswith(b"%PDF")
    lines = content.decode().splitlines()
    assert lines[0].startswith("number,time_utc,officer") and len(lines) == shown + 1
    assert all(",north-police/liaison-1," in line for line in lines[1:])
    facts = act.value["facts"]
    assert unb64u(facts["sha256"]) == hashlib.sha256(content).digest()
    assert facts["rows"] == shown
    auditor = served.desk.officer("auditor-1")
    ((by, signature),) = act.signatures
    assert by == auditor.handle
    verify(auditor.signing_key, labels.ACT, act.body, signature=signature)
    page.goto(f"{served.url}/record?what=record-exported")
    assert len(rows(page)) == 1


def test_others_read_the_record_and_do_not_audit(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/record")
    assert rows(page)
    assert page.get_by_role("button", name="Draw").count() == 0
    assert page.get_by_role("button", name="Export signed").count() == 0
    page.goto(f"{served.url}/record/sample?seed=0123456789abcdef")
    expect(page.get_by_role("heading", name="This is not for your role")).to_be_visible()
    page.goto(f"{served.url}/record/1")
    assert page.get_by_label("Your question").count() == 0
    for wrong in ("/record/99999999", "/record/9223372036854775807", "/record/questions/" + "0" * 32,
                  "/record/questions/zz", "/record/x"):  # fmt: skip
        answer = page.goto(served.url + wrong)
        assert answer is not None and answer.status == 404, wrong


def test_who_is_kept_out_of_a_case_sees_no_line_of_it_and_others_no_number_of_it(page: Page, served: Served) -> None:
    shown = {}
    for word in ("auditor-1", "liaison-1", "liaison-2", "supervisor-1"):
        sign_in(page, served, word)
        page.goto(f"{served.url}/record?what=excluded")
        shown[word] = [row[4] for row in rows(page)]
        number = shown["auditor-1"][0]
        page.goto(f"{served.url}/record?case={number}")
        assert bool(rows(page)) == (word in ("auditor-1", "liaison-1")), word
        page.get_by_role("button", name="Lock").click()
    assert shown["auditor-1"] == shown["liaison-1"] == [number]  # the auditor, and who is on the team
    assert shown["liaison-2"] == []  # kept out of it
    assert shown["supervisor-1"] == ["-"]  # not on the team


def test_a_hundred_thousand_lines_are_read_page_by_page(page: Page, served: Served) -> None:
    """The list, a filter, and the last page, each nearly as soon as a page that reads nothing."""
    files = served.desk.office.files
    at = now() - 200_000
    with files.session() as db:
        db.execute(
            insert(SignInNote),
            [
                {"officer": f"north-police/liaison-{100 + n % 50}", "result": "open", "at": at + n}
                for n in range(100_000)
            ],
        )
    sign_in(page, served, "auditor-1")
    with files.session() as db:
        record.catch_up(db)  # what is new is noted once
        assert record.count(db, record.Filter()) > 100_000
    for path in ("/record", "/record?page=2000", "/record?officer=north-police/liaison-120", "/record?what=opened",
                 "/record/sample?seed=0123456789abcdef&size=50"):  # fmt: skip
        began = time.monotonic()
        page.goto(f"{served.url}/settings/sign-out")  # the control: what the machine and its load take
        between = time.monotonic()
        page.goto(served.url + path)
        assert time.monotonic() - between < 2 + 4 * (between - began), path
        assert rows(page), path
    page.goto(f"{served.url}/record?page=2")
    assert len(rows(page)) == 50
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 3 of")).to_be_visible()
    with files.session() as db:
        assert record.catch_up(db) <= 1  # nothing is noted twice
        assert db.query(RecordLine).filter_by(source="sign-in").count() >= 100_000
