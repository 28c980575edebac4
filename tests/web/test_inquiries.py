"""Asking another agency and answering it, from both ends, in a real browser."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from evidence import exhibits
from exchange import approvals, arrivals, inquiries, keeping, purges, withdrawals
from exchange.inquiries import NO_REASON
from exchange.models import InquiryRow
from identity import consent, persons
from tests.support.departures import new_case, share_person, take_in, withdraw
from tests.support.field import DeskAt, Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations
from tests.support.traffic import open_at

SOON = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
ONE = re.compile(r"/inquiries/[0-9a-f]{32}$")
HOSTILE = "<script>alert(1)</script> \u202ekcab \U0001f6aa"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        new_case(field.south, "prosecutor-1", "prosecutor-2")
        yield field


@pytest.fixture(scope="module")
def asking(field: Field) -> Iterator[Served]:
    with serving(field, field.south) as served:
        yield served


@pytest.fixture(scope="module")
def answering(field: Field) -> Iterator[Served]:
    with serving(field, field.shelter) as served:
        yield served


def ask(page: Page, asking: Served, *questions: str, agency: str = "shelter-ngo", kind: str = "Information") -> bytes:
    """Write an inquiry on the pages and send it; its id."""
    page.goto(f"{asking.url}/inquiries/new")
    page.get_by_role("combobox", name="Case").select_option(index=1)
    page.get_by_label(agency).check()
    page.get_by_role("button", name="Continue").click()
    fill(page, *questions, agency=agency, kind=kind)
    page.get_by_role("button", name="Check the inquiry").click()
    page.get_by_role("button", name="Seal and send").click()
    page.wait_for_url(ONE, timeout=30_000)
    return bytes.fromhex(page.url.rsplit("/", 1)[1])


def fill(page: Page, *questions: str, agency: str, kind: str) -> None:
    page.get_by_label(kind, exact=True).check()
    page.get_by_label("About whom or what").fill("P-2LLC8")
    for number, one in enumerate(questions, 1):
        page.get_by_label(f"Question {number}").fill(one)
    page.get_by_label("Reply by").fill(SOON)
    page.get_by_label("Prosecution", exact=True).check()
    page.get_by_role("textbox", name="Legal basis").fill("CCP 12")
    officer = {"shelter-ngo": "case-worker-1", "north-police": "liaison-1"}[agency]
    page.get_by_label(f"{agency}/{officer}").check()


def row_of(desk: DeskAt, inquiry_id: bytes) -> InquiryRow:
    with desk.office.files.session() as db:
        row = inquiries.get_inquiry(db, inquiry_id)
        db.expunge(row)
        return row


def open_inquiry(page: Page, answering: Served, inquiry_id: bytes) -> None:
    """Open what arrived last, as the case worker."""
    bundle = row_of(answering.field.south, inquiry_id).bundle_id
    answering.desk.sync()
    page.goto(f"{answering.url}/inbox/{bundle.hex()}")
    page.get_by_label("Prosecution", exact=True).check()
    page.get_by_role("textbox", name="Legal basis").fill("Statute 3")
    page.get_by_role("button", name="Open it on record").click()
    page.wait_for_url("**/opened", timeout=30_000)


def decide(page: Page, *answers: str) -> None:
    for number, one in enumerate(answers, 1):
        page.get_by_role("group", name=f"Your answer to question {number}").get_by_label(one, exact=True).check()


def send_answer(page: Page) -> None:
    page.get_by_role("textbox", name="Legal basis").fill("Consent of the person")
    page.get_by_role("button", name="Check the answer").click()
    page.get_by_role("heading", name="Check the answer").wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Seal and send").click()
    page.wait_for_url(ONE, timeout=30_000)


def read_answer(field: Field, inquiry_id: bytes) -> dict[str, object]:
    """The form of the answer, as the prosecution opens it."""
    field.south.sync()
    with field.south.office.files.session() as db:
        bundle = arrivals.list_bundles(db, "in")[0].bundle_id
    with open_at(field.south, "prosecutor-1", bundle) as opened:
        with field.south.office.files.session() as db:
            inquiries.note_opened(db, opened, None, now=now())
        assert opened.form["inquiry"]
        return dict(opened.form)


@pytest.fixture
def case(field: Field, tmp_path: Path) -> tuple[bytes, bytes, bytes]:
    """A case of the shelter: an exhibit that a person agreed to, and one that nobody agreed to."""
    desk, worker = field.shelter, field.shelter.officer("case-worker")
    case_id = new_case(desk, "case-worker-1", "case-worker-2")
    agreed, other = (take_in(desk, "case-worker-1", case_id, tmp_path / name) for name in ("a.jpg", "b.jpg"))
    field.sync_all()
    facts = consent.ConsentFacts(("prosecution",), ("south-prosecutor",), "2026-01-01", "en", "Tell us.", (agreed,))
    with desk.office.files.session() as db:
        person = persons.add_person(
            db, worker, case_id, {"prs_gender": "Feminine"}, role="victim", short="W", now=now()
        )
        consent.record_consent(db, worker, case_id, person, facts, now=now())
    return case_id, agreed, other


def test_an_inquiry_is_asked_answered_in_part_and_the_answer_arrives(
    page: Page, browser: Browser, field: Field, asking: Served, answering: Served, case: tuple[bytes, bytes, bytes]
) -> None:
    sign_in(page, asking, "prosecutor-1")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Inquiries").click()
    expect(page.get_by_text("No inquiries to answer.")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Ask another agency").click()
    assert violations(page) == []
    mine = page.get_by_role("combobox", name="Case").locator("option").last.get_attribute("value")
    page.goto(f"{asking.url}/inquiries/new?case={mine}")  # as the page of a case leads here
    assert page.get_by_role("alert").count() == 0
    page.goto(f"{asking.url}/inquiries/new")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert").get_by_text("Choose a case")).to_be_visible()
    assert violations(page) == []
    inquiry_id = ask(page, asking, "Her written statement", HOSTILE)
    expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    assert violations(page) == []
    page.goto(f"{asking.url}/inquiries?tab=asked")
    expect(page.get_by_role("row", name=inquiry_id.hex()[:8]).get_by_text("Waits for theirs")).to_be_visible()
    assert violations(page) == []

    worker = browser.new_context().new_page()
    sign_in(worker, answering, "case-worker-1")
    open_inquiry(worker, answering, inquiry_id)
    expect(worker.get_by_text("Her written statement")).to_be_visible()
    worker.get_by_role("link", name="Go to the inquiry").click()
    expect(worker.get_by_role("heading", name="south-prosecutor asks 2 things")).to_be_visible()
    expect(worker.get_by_text("Compared")).to_be_visible()
    assert violations(worker) == []
    worker.get_by_role("link", name="Answer", exact=True).click()
    if worker.get_by_role("heading", name="From which case do you answer?").is_visible():
        assert violations(worker) == []
        worker.get_by_role("combobox", name="Case").select_option(value=case[0].hex())
        worker.get_by_role("button", name="Continue").click()
    assert violations(worker) == []
    # What nobody agreed to is named and cannot be ticked; what is undecided does not go.
    register = {one.object_id: one.local_number for one in _register(field.shelter, case[0])}
    assert worker.get_by_role("checkbox", name=register[case[1]]).count() == 1
    assert worker.get_by_role("checkbox", name=register[case[2]]).count() == 0
    expect(worker.get_by_text("No consent for this")).to_be_visible()
    decide(worker, "Release", "Decide later")
    worker.get_by_role("textbox", name="Legal basis").fill("Consent of the person")
    worker.get_by_role("button", name="Check the answer").click()
    assert "An answer goes out once" in worker.get_by_role("alert").inner_text()
    assert violations(worker) == []
    decide(worker, "Release", "Do not release")
    worker.get_by_role("checkbox", name=register[case[1]]).check()
    worker.get_by_role("textbox", name="Legal basis").fill("Consent of the person")
    worker.get_by_role("button", name="Check the answer").click()
    assert "no enclosed consent covers" in worker.get_by_role("alert").inner_text()
    worker.get_by_label("Victim W").check()
    decide(worker, "Release", "Do not release")
    worker.get_by_role("checkbox", name=register[case[1]]).check()
    send_answer(worker)
    expect(worker.get_by_text("Answered in part")).to_be_visible()
    worker.context.close()

    form = read_answer(field, inquiry_id)
    assert (form["decision"], form["ground"]) == ("narrowed", NO_REASON)
    assert len(form["exhibits"]) == len(form["persons"]) == len(form["consents"]) == 1  # type: ignore[arg-type]
    page.goto(f"{asking.url}/inquiries/{inquiry_id.hex()}")
    expect(page.get_by_text("Answered in part")).to_be_visible()
    expect(page.get_by_role("rowheader", name="Opened it")).to_be_visible()
    assert violations(page) == []


def _register(desk: DeskAt, case_id: bytes) -> list[exhibits.Exhibit]:
    with desk.office.files.session() as db:
        return exhibits.list_exhibits(db, desk.officer("case-worker"), case_id)


def test_a_shelter_refuses_all_of_it_and_gives_no_reason(
    page: Page, browser: Browser, field: Field, asking: Served, answering: Served, case: tuple[bytes, bytes, bytes]
) -> None:
    sign_in(page, asking, "prosecutor-1")
    inquiry_id = ask(page, asking, "An interview with her", kind="Interview")
    context = browser.new_context(java_script_enabled=False, color_scheme="dark")
    worker = context.new_page()
    sign_in(worker, answering, "case-worker-1")
    bundle = row_of(field.south, inquiry_id).bundle_id
    field.shelter.sync()
    worker.goto(f"{answering.url}/inbox/{bundle.hex()}")
    worker.get_by_label("Prosecution", exact=True).check()
    worker.get_by_role("textbox", name="Legal basis").fill("Statute 3")
    worker.get_by_role("button", name="Open it on record").click()
    worker.wait_for_url("**/opened", timeout=60_000)  # the page loads itself again
    worker.goto(f"{answering.url}/inquiries/{inquiry_id.hex()}/answer?case={case[0].hex()}")
    expect(worker.get_by_text("They ask for an interview")).to_be_visible()
    decide(worker, "Do not release")
    worker.get_by_role("textbox", name="Legal basis").fill("Consent of the person")
    worker.get_by_role("button", name="Check the answer").click()
    worker.get_by_role("button", name="Seal and send").click()
    worker.wait_for_url(ONE, timeout=60_000)
    expect(worker.get_by_text("Refused")).to_be_visible()
    context.close()
    form = read_answer(field, inquiry_id)
    assert (form["decision"], form["ground"], form["persons"]) == ("refused", NO_REASON, [])


def test_the_police_refuses_with_a_reason_and_not_without(
    page: Page, browser: Browser, field: Field, asking: Served
) -> None:
    case_id = new_case(field.north, "liaison-1")
    sign_in(page, asking, "prosecutor-1")
    inquiry_id = ask(page, asking, "Who owns the car?", agency="north-police")
    with serving(field, field.north) as police:
        officer = browser.new_context().new_page()
        sign_in(officer, police, "liaison-1")
        open_inquiry(officer, police, inquiry_id)
        officer.goto(f"{police.url}/inquiries/{inquiry_id.hex()}/answer?case={case_id.hex()}")
        assert violations(officer) == []
        decide(officer, "Do not release")
        officer.get_by_role("textbox", name="Legal basis").fill("Police Act 5")
        officer.get_by_role("button", name="Check the answer").click()
        assert "Write why something is not released" in officer.get_by_role("alert").inner_text()
        officer.get_by_label("Reason").fill("The car is part of another proceeding.")
        send_answer(officer)
        officer.context.close()
    assert read_answer(field, inquiry_id)["ground"] == "The car is part of another proceeding."


def test_mistakes_of_an_inquiry_are_named_at_their_fields(page: Page, asking: Served) -> None:
    sign_in(page, asking, "prosecutor-1")
    page.goto(f"{asking.url}/inquiries/new")
    page.get_by_role("combobox", name="Case").select_option(index=1)
    page.get_by_label("shelter-ngo").check()
    page.get_by_role("button", name="Continue").click()
    assert violations(page) == []
    page.get_by_role("button", name="Check the inquiry").click()
    alert = page.get_by_role("alert")
    for words in ("kind of inquiry", "by when", "purpose", "legal basis", "who may open it"):
        assert words in alert.inner_text()
    assert violations(page) == []
    fill(page, agency="shelter-ngo", kind="Evidence")
    page.get_by_role("button", name="Check the inquiry").click()
    assert "between one and 50 questions" in page.get_by_role("alert").inner_text()
    page.get_by_label("Question 1").fill("The ledger")
    page.get_by_role("textbox", name="Legal basis").fill("Loi n° 7 du 3 août")
    page.get_by_role("button", name="Check the inquiry").click()
    assert "letters without accents" in page.get_by_role("alert").inner_text()
    page.get_by_role("textbox", name="Legal basis").fill("Loi no. 7")
    page.get_by_label("Reply by").fill("2020-01-01")
    page.get_by_role("button", name="Check the inquiry").click()
    assert "is over" in page.get_by_role("alert").inner_text()
    page.get_by_label("Reply by").fill(SOON)
    page.get_by_role("button", name="Check the inquiry").click()
    expect(page.get_by_role("heading", name="Check the inquiry")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Leave it for later").click()
    assert violations(page) == []
    page.get_by_role("link", name="Inquiry: shelter-ngo").first.click()
    page.get_by_role("button", name="Throw the draft away").click()
    expect(page.get_by_text("Nothing was sent.")).to_be_visible()


def test_an_inquiry_that_was_not_kept_says_how_to_read_it_again(
    page: Page, browser: Browser, field: Field, asking: Served, answering: Served
) -> None:
    sign_in(page, asking, "prosecutor-1")
    inquiry_id = ask(page, asking, "Where was she on Monday?")
    worker = browser.new_context().new_page()
    sign_in(worker, answering, "case-worker-1")
    open_inquiry(worker, answering, inquiry_id)
    worker.get_by_role("button", name="Close the bundle").click()
    worker.goto(f"{answering.url}/inquiries/{inquiry_id.hex()}")
    expect(worker.get_by_text("It is sealed again")).to_be_visible()
    assert worker.get_by_text("Where was she on Monday?").count() == 0
    assert violations(worker) == []
    open_inquiry(worker, answering, inquiry_id)
    worker.get_by_role("link", name="Keep in a case").click()
    worker.get_by_label("Case", exact=True).select_option(index=1)
    worker.get_by_label("The note").check()
    worker.get_by_role("button", name="Keep it").click()
    worker.wait_for_url("**/kept?case=*", timeout=30_000)
    worker.get_by_role("button", name="Lock", exact=True).click()
    sign_in(worker, answering, "case-worker-1")
    worker.goto(f"{answering.url}/inquiries/{inquiry_id.hex()}")
    expect(worker.get_by_text("Where was she on Monday?")).to_be_visible()  # the control: what is kept can be read
    worker.context.close()


def test_what_is_deleted_on_order_is_receipted_and_what_is_under_a_ground_stays(
    page: Page, field: Field, asking: Served
) -> None:
    case_id = new_case(field.shelter, "case-worker-1", "case-worker-2")
    record, bundle = share_person(field.shelter, "case-worker-1", case_id, field.south)
    sign_in(page, asking, "prosecutor-1")
    page.goto(f"{asking.url}/inbox/{bundle.hex()}")
    page.get_by_label("Prosecution", exact=True).check()
    page.get_by_role("textbox", name="Legal basis").fill("CCP 12")
    page.get_by_role("button", name="Open it on record").click()
    page.wait_for_url("**/opened", timeout=30_000)
    page.get_by_role("link", name="Keep in a case").click()
    page.get_by_label("Case", exact=True).select_option(index=1)
    page.get_by_label("The note").check()
    page.get_by_role("button", name="Keep it").click()
    page.wait_for_url("**/kept?case=*", timeout=30_000)
    page.get_by_role("rowheader", name="Note").first.get_by_role("link").click()
    address = page.url
    page.get_by_role("link", name="Keep it under a legal ground").click()
    assert violations(page) == []
    page.get_by_label("Legal ground").fill("CCP 101: evidence in a pending trial")
    page.get_by_role("button", name="Ask a colleague").click()
    expect(page.get_by_text("A colleague is asked", exact=True)).to_be_visible()
    with field.south.office.files.session() as db:
        asked = approvals.newest_asked(
            db, field.south.officer("prosecutor-1"), keeping.KEEP, bytes.fromhex(address[-32:])
        )
        assert asked is not None
        approvals.grant(db, field.south.officer("prosecutor-2"), asked.approval_id, now=now())
    page.reload()
    page.get_by_role("button", name="Put it under the ground").click()
    expect(page.get_by_text("It is under its legal ground now.")).to_be_visible()
    assert violations(page) == []

    withdraw(field.shelter, "case-worker-1", "case-worker-2", case_id, record)
    field.south.sync()
    page.goto(f"{asking.url}/kept")
    expect(page.get_by_text("Withdrawn, kept by law")).to_be_visible()
    expect(page.get_by_text("was carried out")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Sign the receipts").click()
    expect(page.get_by_text("is signed and goes out")).to_be_visible()
    field.sync_all()
    found = withdrawals.status(field.shelter.office, field.shelter.officer("case-worker"), case_id, record)
    assert [(one["agency"], one["state"]) for one in found] == [("south-prosecutor", "kept")]
    page.goto(address)
    assert page.get_by_text("Feminine").count() == 0
    page.get_by_role("button", name="Read it").click()
    assert "Tick that you use it" in page.get_by_role("alert").inner_text()
    page.get_by_label("I use it for this ground and for nothing else").check()
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_text("Feminine")).to_be_visible()
    assert violations(page) == []
    with field.south.office.files.session() as db:
        assert purges.waiting(db) == []
