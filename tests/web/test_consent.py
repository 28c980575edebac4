"""Consent in a real browser: asking, the survivor's pages, papers and codes, hold and withdrawal."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Browser, Page, expect

from agencies.models import OwnPaper
from crypto.receipt_codes import as_signs
from desk import survivor
from exchange import approvals, purges, receipt_codes, text_readings
from exchange.models import CodeTry
from identity import consent, talks
from tests.support.consented import Case, make_case
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations
from tests.support.traffic import open_at

HOSTILE = "<b>x</b> \u202e\u200b \U0001f600 " + "w" * 150


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.shelter) as served:
        yield served


@pytest.fixture
def case(field: Field, tmp_path: Path) -> Case:
    return make_case(field, tmp_path)


@pytest.fixture
def worker(page: Page, served: Served) -> Page:
    sign_in(page, served, "case-worker-1")
    return page


def path_of(page: Page, served: Served) -> str:
    return page.url.removeprefix(served.url)


def prepare(page: Page, served: Served, case: Case, language: str = "en", *, asks: bool = True) -> str:
    """The case worker's page and the words, up to the survivor's first page; the address of the walk."""
    page.goto(f"{served.url}{case.person_path}/ask")
    page.get_by_label("Language", exact=True).select_option(language)
    page.get_by_role("group", name="Interpreter").get_by_label("None is needed").check()
    page.get_by_label("The person decides", exact=True).check()
    page.get_by_label("Spoken, and written down here").check()
    if asks:
        page.get_by_label("south-prosecutor").check()
        page.get_by_label("Prosecution").check()
        page.get_by_label("Facts about the person").check()
        page.get_by_label("E-0001").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").click()
    return page.url.rsplit("/", 1)[0]


def answer(page: Page, value: str) -> None:
    page.locator(f"input[name=answer][value={value}]").check()
    with page.expect_navigation():
        page.locator("form button.btn-primary").click()


def press_enter(page: Page) -> None:
    """Enter, and the page that it leads to."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def record_talk(page: Page, served: Served, case: Case, answers: str = "yes yes no later yes") -> str:
    """A whole walk in English; the id of the talk."""
    walk = prepare(page, served, case)
    page.goto(f"{walk}/1")
    for value in answers.split():
        answer(page, value)
    page.get_by_role("button", name="Keep these answers").click()
    return path_of(page, served).split("/")[3]


# ---- The walk ---------------------------------------------------------------------------------------------------


def test_a_survivor_answers_one_question_on_each_page_and_each_answer_is_recorded(
    worker: Page, served: Served, case: Case
) -> None:
    walk = prepare(worker, served, case)
    expect(worker.get_by_role("heading", name="Turn the screen to the person")).to_be_visible()
    worker.get_by_role("link", name="Open the pages for the person").click()
    worker.get_by_role("link", name="Begin").click()
    assert worker.title() == "Question 1 of 5 - Desk"
    assert worker.locator(".am-rail").count() == 0
    assert worker.locator("input[name=answer]:checked").count() == 0
    boxes = [one.bounding_box() for one in worker.locator(".am-equal .form-check").all()]
    sizes = [(box["width"], box["height"]) for box in boxes if box]
    assert len(sizes) == 3 and len(set(sizes)) == 1
    answer(worker, "yes")
    heading = worker.get_by_role("heading", level=1)
    assert heading.inner_text() == "May south-prosecutor see some facts about you?"
    expect(worker.get_by_text("cannot be called back")).to_be_visible()
    answer(worker, "yes")
    assert heading.inner_text() == "May south-prosecutor see A door?"
    answer(worker, "no")
    answer(worker, "later")
    worker.get_by_label("If yes: which way is safe, and when?").fill("by day")
    answer(worker, "yes")
    expect(worker).to_have_url(f"{walk}/answers")
    worker.get_by_role("button", name="Keep these answers").click()
    expect(worker.get_by_role("heading", name="Thank you")).to_be_visible()
    worker.get_by_role("link", name="For the case worker").click()
    expect(worker.get_by_role("cell", name="Not now")).to_be_visible()
    expect(worker.get_by_text("by day")).to_be_visible()
    with served.desk.office.files.session() as db:
        (made,) = consent.list_consents(db, case.worker, case.case_id)
        (talk,) = talks.list_talks(db, case.worker, case.case_id)
        assert db.query(OwnPaper).filter_by(kind="walk", officer=case.worker.handle).count() == 0
    assert (made.facts.items, made.facts.covers_data) == ((), True)
    assert [one.answer for one in talk.answers] == ["yes", "yes", "no", "later", "yes"]
    worker.goto(f"{served.url}/consent/open")
    expect(worker.get_by_role("row", name="A door").first).to_be_visible()


def test_nothing_chosen_is_asked_again_calmly(worker: Page, served: Served, case: Case) -> None:
    walk = prepare(worker, served, case, asks=False)
    worker.goto(f"{walk}/1")
    worker.get_by_role("button", name="Next").click()
    expect(worker).to_have_url(f"{walk}/1")
    expect(worker.get_by_text("Nothing is chosen yet")).to_be_visible()
    assert worker.locator(".am-error, .am-errors, .am-invalid, [aria-invalid]").count() == 0
    assert not worker.title().startswith("Error")
    assert violations(worker) == []
    answer(worker, "no")
    expect(worker).to_have_url(f"{walk}/2")


def test_back_reload_stop_and_the_lock_lose_no_answer_and_a_changed_one_counts(
    worker: Page, served: Served, case: Case
) -> None:
    walk = prepare(worker, served, case)
    worker.goto(f"{walk}/1")
    answer(worker, "yes")
    answer(worker, "yes")
    worker.go_back()
    assert worker.locator("input[value=yes]").is_checked()
    answer(worker, "no")
    worker.reload()
    expect(worker).to_have_url(f"{walk}/3")
    worker.locator("input[value=later]").check()
    worker.get_by_role("button", name="Stop here").click()
    expect(worker.get_by_role("heading", name="We stop here")).to_be_visible()
    served.app.extensions["book"].end_all()
    worker.goto(walk)
    sign_in(worker, served, "case-worker-1")
    worker.goto(walk)
    expect(worker).to_have_url(f"{walk}/4")
    worker.goto(f"{walk}/answers")
    worker.get_by_role("link", name="Change 1").click()
    answer(worker, "later")
    expect(worker).to_have_url(f"{walk}/answers")
    answers = worker.locator(".am-answers dd:nth-of-type(1)").all_inner_texts()
    assert answers == ["Not now", "No", "Not now", "No answer yet", "No answer yet"]
    worker.goto(f"{served.url}/consent")
    expect(worker.get_by_role("link", name="Talk of").first).to_be_visible()


def test_an_answer_that_comes_after_the_lock_is_there_again(worker: Page, served: Served, case: Case) -> None:
    walk = prepare(worker, served, case, asks=False)
    worker.goto(f"{walk}/1")
    worker.locator("input[value=no]").check()
    served.app.extensions["book"].end_all()
    worker.get_by_role("button", name="Next").click()
    expect(worker).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    sign_in(worker, served, "case-worker-1")
    expect(worker).to_have_url(f"{walk}/1")
    assert worker.locator("input[value=no]").is_checked()


def test_nobody_else_opens_a_walk_and_nothing_of_it_lies_open(worker: Page, served: Served, case: Case) -> None:
    walk = prepare(worker, served, case)
    worker.goto(f"{walk}/words")
    worker.get_by_label("Say for: south-prosecutor").fill("Zeisigamt")
    worker.get_by_role("button", name="Continue").click()
    worker.goto(f"{walk}/2")
    expect(worker.get_by_role("heading", name="May Zeisigamt see")).to_be_visible()
    assert "Zeisig" not in worker.url + worker.title()
    raw = b"".join(path.read_bytes() for path in served.desk.folder.rglob("desk.sqlite*"))
    assert b"Zeisig" not in raw and case.handle.encode() in raw
    worker.get_by_role("link", name="Leave this page").click()
    sign_in(worker, served, "case-worker-2")
    worker.goto(f"{walk}/2")
    assert worker.get_by_text("Zeisigamt").count() == 0
    for path in ("/0", "/99", "/x", "/٣", "/-1"):
        assert worker.goto(walk + path).status == 404  # type: ignore[union-attr]


def test_what_people_write_is_text_and_breaks_nothing(worker: Page, served: Served, case: Case) -> None:
    walk = prepare(worker, served, case)
    worker.goto(f"{walk}/words")
    worker.locator("input[name=said-0]").fill(HOSTILE[:200])
    worker.get_by_role("button", name="Continue").click()
    worker.set_viewport_size({"width": 390, "height": 800})
    for path in ("/2", "/answers", "/sheet"):
        worker.goto(walk + path)
        assert worker.locator("main b").filter(has_text="x").count() == 0
        assert worker.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    expect(worker.get_by_text("<b>x</b>").first).to_be_visible()


# ---- Languages --------------------------------------------------------------------------------------------------


def test_a_draft_is_shown_to_nobody_until_an_officer_has_recorded_who_read_it(
    worker: Page, served: Served, case: Case
) -> None:
    walk = prepare(worker, served, case, "uk")
    expect(worker.get_by_role("heading", name="With an interpreter")).to_be_visible()
    worker.goto(f"{walk}/1")
    assert worker.locator("html").get_attribute("lang") == "en"
    expect(worker.get_by_text("For the interpreter to read aloud")).to_be_visible()
    worker.goto(f"{served.url}/consent/texts/uk")
    worker.get_by_role("button", name="Record it").click()
    expect(worker).to_have_title(re.compile("^Error:"))
    assert violations(worker) == []
    worker.get_by_label("Who has read it").fill("Interpreter 12")
    worker.get_by_label("On which day").fill("2026-11-02")
    worker.get_by_label("It is this person’s first language").check()
    worker.get_by_role("button", name="Record it").click()
    expect(worker.get_by_role("cell", name="Interpreter 12")).to_be_visible()
    walk = prepare(worker, served, case, "uk")
    worker.goto(f"{walk}/1")
    assert worker.locator("html").get_attribute("lang") == "uk"
    assert worker.get_by_role("heading", level=1).inner_text() == survivor.texts("uk").lines["support_title"]
    worker.get_by_text("For the case worker: this page in English").click()
    expect(worker.get_by_text("May we go on helping you here?")).to_be_visible()


def test_the_arabic_pages_run_from_right_to_left_and_are_clean_in_all_modes(
    browser: Browser, served: Served, case: Case
) -> None:
    with served.desk.office.files.session() as db:
        text_readings.record_reading(
            db, served.desk.office, case.worker, "ar", survivor.texts("ar").digest, reader="N", read_on="2026-11-01",
            now=now(),
        )  # fmt: skip
    context = browser.new_context(color_scheme="dark", viewport={"width": 390, "height": 800})
    page = context.new_page()
    sign_in(page, served, "case-worker-1")
    walk = prepare(page, served, case, "ar")
    for path in ("begin", "1", "3", "5", "answers", "stopped"):
        page.goto(f"{walk}/{path}")
        assert page.locator("html").get_attribute("dir") == "rtl"
        assert violations(page) == []
    context.close()


# ---- On paper, and refusals -------------------------------------------------------------------------------------


def test_a_consent_on_paper_becomes_one_for_each_recipient_and_purpose(
    worker: Page, served: Served, case: Case
) -> None:
    worker.goto(f"{served.url}{case.person_path}/record")
    worker.get_by_role("button", name="Record it").click()
    expect(worker).to_have_title(re.compile("^Error:"))
    expect(worker.get_by_role("link", name="Choose the language")).to_be_visible()
    worker.get_by_label("Given on").fill("2026-11-01")
    worker.get_by_label("Language", exact=True).select_option("other")
    worker.get_by_label("If another language: which").fill("Tigrinya")
    worker.get_by_role("group", name="Interpreter").get_by_label("In the room").check()
    worker.get_by_label("The person decides", exact=True).check()
    worker.get_by_label("south-prosecutor").check()
    worker.get_by_label("north-police").check()
    worker.get_by_label("E-0001").check()
    worker.get_by_role("button", name="Record it").click()
    expect(worker.get_by_role("link", name="Choose recipient, purpose and thing")).to_be_visible()
    worker.get_by_label("Protection").check()
    worker.get_by_label("Another purpose").fill("a pension")
    worker.get_by_role("button", name="Record it").click()
    expect(worker.get_by_text("The consent is recorded.")).to_be_visible()
    with served.desk.office.files.session() as db:
        found = [one.facts for one in consent.list_consents(db, case.worker, case.case_id)]
    pairs = {(one.recipients[0], one.purposes[0], one.covers_data, one.language) for one in found}
    agencies, purposes = ("north-police", "south-prosecutor"), ("protection", "a pension")
    assert pairs == {(who, why, False, "Tigrinya") for who in agencies for why in purposes}


def test_nobody_is_asked_who_cannot_decide(worker: Page, served: Served, case: Case) -> None:
    worker.goto(f"{served.url}{case.person_path}/ask")
    worker.get_by_label("Language", exact=True).select_option("en")
    worker.get_by_role("group", name="Interpreter").get_by_label("None is needed").check()
    worker.get_by_label("The person cannot decide today").check()
    worker.get_by_label("Spoken, and written down here").check()
    worker.get_by_role("button", name="Continue").click()
    expect(worker.get_by_role("link", name="Nobody is asked who cannot decide")).to_be_visible()
    worker.get_by_label("The person decides", exact=True).check()
    worker.get_by_role("button", name="Continue").click()
    expect(worker).to_have_url(re.compile(re.escape("/words") + "$"))


# ---- Papers and codes -------------------------------------------------------------------------------------------


def shown_codes(served: Served) -> int:
    """Codes that can still be read at the desk, by the officer who made them."""
    with served.desk.office.files.session() as db:
        return db.query(OwnPaper).filter_by(kind="receipt").count()


def test_a_code_is_shown_for_half_an_hour_and_then_to_nobody(worker: Page, served: Served, case: Case) -> None:
    worker.goto(f"{served.url}/consent/{case.consent().hex()}/receipt")
    worker.get_by_label("No, I want six words to remember").check()
    worker.get_by_role("button", name="Next").click()
    worker.reload()
    assert worker.locator(".am-sixwords li").count() == 6  # the control
    with served.desk.office.files.session() as db:
        row = db.query(OwnPaper).filter_by(kind="receipt").one()
        row.changed_at -= 1801
    worker.reload()
    assert worker.locator(".am-sixwords li").count() == 0
    expect(worker.get_by_text("a code is shown for half an hour")).to_be_visible()
    assert shown_codes(served) == 0


def test_a_paper_is_printed_when_it_is_safe_and_its_code_leads_back(worker: Page, served: Served, case: Case) -> None:
    talk = record_talk(worker, served, case)
    worker.goto(f"{served.url}/consent/{talk}/receipt")
    expect(worker.get_by_role("heading", name="Is it safe for you to keep a paper?")).to_be_visible()
    assert worker.locator("input[name=choice]:checked").count() == 0
    worker.get_by_role("button", name="Next").click()
    expect(worker.get_by_text("Nothing is chosen yet")).to_be_visible()
    worker.get_by_label("Yes, print a paper").check()
    worker.get_by_role("button", name="Next").click()
    code = worker.locator(".am-paper .am-id").inner_text()
    assert code not in worker.url
    assert violations(worker) == []
    answered = worker.context.request.get(f"{worker.url}/paper.pdf")
    assert answered.headers["cache-control"] == "no-store"
    text = pypdfium2.PdfDocument(io.BytesIO(answered.body()))[0].get_textpage().get_text_range()
    assert "You said no to" in text and "another office" in text and "south-prosecutor" not in text
    shown = worker.url
    assert shown_codes(served) == 1
    worker.get_by_role("button", name="Done").click()
    assert shown_codes(served) == 0
    assert worker.goto(shown).status == 404  # type: ignore[union-attr]
    worker.goto(f"{served.url}/consent/code")
    worker.get_by_label("Code, or the six words").fill("0000-0000-0000")
    worker.get_by_role("button", name="Look it up").click()
    expect(worker.get_by_role("link", name="no paper of this agency has that code")).to_be_visible()
    expect(worker.get_by_text("1 wrong code")).to_be_visible()
    assert violations(worker) == []
    worker.get_by_label("Code, or the six words").fill(code.lower().replace("-", " "))
    worker.get_by_role("button", name="Look it up").click()
    assert path_of(worker, served) == case.person_path
    with served.desk.office.files.session() as db:
        db.query(CodeTry).delete()


def test_six_words_do_the_same_and_a_new_paper_ends_them(worker: Page, served: Served, case: Case) -> None:
    record = case.consent()
    worker.goto(f"{served.url}/consent/{record.hex()}/receipt")
    worker.get_by_label("No, I want six words to remember").check()
    worker.get_by_role("button", name="Next").click()
    words = worker.locator(".am-sixwords li").all_inner_texts()
    assert len(words) == 6
    assert worker.context.request.get(f"{worker.url}/paper.pdf").status == 404
    worker.get_by_role("button", name="Done").click()
    find = served.desk.office, case.worker, " ".join(words)
    assert receipt_codes.find_person(*find, now=now()).person_id == case.person
    with served.desk.office.files.session() as db:
        made = receipt_codes.make_code(db, served.desk.office, case.worker, case.case_id, case.person, now=now())
    worker.goto(f"{served.url}/consent/code")
    worker.get_by_label("Code, or the six words").fill(" ".join(words))
    worker.get_by_role("button", name="Look it up").click()
    expect(worker.get_by_role("link", name="no paper")).to_be_visible()
    worker.get_by_label("Code, or the six words").fill(as_signs(made))
    worker.get_by_role("button", name="Look it up").click()
    assert path_of(worker, served) == case.person_path


def test_the_page_of_uses_says_who_opened_it_and_why(worker: Page, served: Served, case: Case) -> None:
    record = case.consent()
    worker.goto(f"{served.url}/consent/{record.hex()}/seen")
    expect(worker.get_by_text("Nothing was sent to anybody")).to_be_visible()
    bundle = case.share(record)
    worker.reload()
    expect(worker.get_by_text("Nobody has opened it yet")).to_be_visible()
    open_at(case.field.south, "prosecutor-1", bundle)
    case.field.sync_all()
    worker.reload()
    line = worker.get_by_role("listitem").filter(has_text="south-prosecutor opened it on").first
    assert "to bring those who did this before a court" in line.inner_text()
    assert "CCP 12" in line.inner_text()
    assert violations(worker) == []
    answered = worker.context.request.get(f"{served.url}/consent/{record.hex()}/seen/unnamed/paper.pdf")
    text = pypdfium2.PdfDocument(io.BytesIO(answered.body()))[0].get_textpage().get_text_range()
    assert "another office opened it" in text and "south-prosecutor" not in text


# ---- Hold and withdrawal ----------------------------------------------------------------------------------------


def grant(case: Case) -> None:
    """A colleague agrees with a sign-in of her own."""
    other = case.field.shelter.officer("case-worker-2")
    with case.field.shelter.office.files.session() as db:
        for one in approvals.list_waiting(db, other):
            approvals.grant(db, other, one.approval_id, now=now())


def test_a_withdrawal_says_first_what_cannot_be_called_back_then_holds_then_two_destroy(
    worker: Page, served: Served, case: Case
) -> None:
    record, other = case.consent(), case.consent("north-police")
    bundle = case.share(record)
    open_at(case.field.south, "prosecutor-1", bundle)
    case.field.sync_all()
    worker.goto(f"{served.url}/consent/{record.hex()}/withdraw")
    worker.get_by_role("button", name="Continue").click()
    expect(worker.get_by_role("link", name="Choose one of the two")).to_be_visible()
    worker.get_by_label("Take it back for good").check()
    worker.get_by_role("button", name="Continue").click()
    expect(worker.get_by_text("it was opened 1 time")).to_be_visible()
    expect(worker.get_by_text("1 agency holds something of it")).to_be_visible()
    assert violations(worker) == []
    assert case.state(record) == consent.ACTIVE  # nothing happened yet
    worker.get_by_role("button", name="Stop it and ask a colleague").click()
    assert (case.state(record), case.state(other)) == (consent.HELD, consent.ACTIVE)
    expect(worker.get_by_text("A colleague is asked")).to_be_visible()
    assert worker.get_by_role("button", name="Destroy it now").count() == 0
    assert violations(worker) == []
    grant(case)
    worker.reload()
    worker.get_by_role("button", name="Destroy it now").click()
    expect(worker.get_by_role("heading", name="Consent withdrawn")).to_be_visible()
    expect(worker.get_by_text("No answer yet, due")).to_be_visible()
    case.field.sync_all()
    purges.sign_receipts(case.field.south.office, case.field.south.officer("prosecutor-1"), now=now())
    case.field.sync_all()
    worker.reload()
    expect(worker.get_by_text("Stopped; nothing was kept there")).to_be_visible()
    expect(worker.get_by_text("All have answered")).to_be_visible()
    expect(worker.get_by_role("cell", name="prosecutor-1")).to_be_visible()
    assert violations(worker) == []
    worker.get_by_role("link", name="Show the page to the person").click()
    expect(worker.get_by_text("south-prosecutor says that it is deleted")).to_be_visible()


def test_a_hold_is_set_by_one_and_lifted_by_two(worker: Page, served: Served, case: Case) -> None:
    record = case.consent()
    case.share(record)
    worker.goto(f"{served.url}/consent/{record.hex()}/withdraw/confirm?record={record.hex()}&act=hold")
    worker.get_by_label("Note for the team").fill(HOSTILE)
    worker.get_by_role("button", name="Stop it now").click()
    assert case.state(record) == consent.HELD
    expect(worker.get_by_text("<b>x</b>")).to_be_visible()
    worker.get_by_role("link", name="Lift the hold").click()
    worker.get_by_role("button", name="Ask a colleague").click()
    assert case.state(record) == consent.HELD
    grant(case)
    worker.reload()
    worker.get_by_role("button", name="Lift the hold now").click()
    expect(worker.get_by_text("It is signed by two")).to_be_visible()
    assert case.state(record) == consent.ACTIVE


def test_what_rests_on_nothing_ends_at_once_by_keyboard_and_without_scripts(
    browser: Browser, served: Served, case: Case
) -> None:
    record = case.consent()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, served, "case-worker-1")
    page.goto(f"{served.url}/consent/{record.hex()}/withdraw")
    page.get_by_label("Take it back for good").focus()
    page.keyboard.press("Space")
    press_enter(page)
    expect(page.get_by_text("Nothing was sent that rests on it")).to_be_visible()
    page.get_by_role("button", name="Withdraw it").focus()
    press_enter(page)
    expect(page.get_by_role("heading", name="Consent withdrawn")).to_be_visible()
    assert case.state(record) == consent.WITHDRAWN
    context.close()


def test_a_walk_works_by_keyboard_alone_without_scripts(browser: Browser, served: Served, case: Case) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, served, "case-worker-1")
    walk = prepare(page, served, case, asks=False)
    page.goto(f"{walk}/begin")
    page.get_by_role("link", name="Begin").focus()
    press_enter(page)
    for value in ("yes", "no", "later"):
        page.locator(f"input[value={value}]").focus()
        page.keyboard.press("Space")
        press_enter(page)
    page.get_by_role("button", name="Keep these answers").focus()
    press_enter(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    context.close()


# ---- All pages --------------------------------------------------------------------------------------------------


def test_every_page_for_the_case_worker_is_clean_empty_and_filled(worker: Page, served: Served, case: Case) -> None:
    record = case.consent(purpose=HOSTILE)
    paths = [
        "/consent", "/consent/open", "/consent/people", "/consent/texts", "/consent/texts/ar", "/consent/code",
        case.person_path, f"{case.person_path}/ask", f"{case.person_path}/record", f"/consent/{record.hex()}",
        f"/consent/{record.hex()}/withdrawal", f"/consent/{record.hex()}/code/end", f"/consent/{record.hex()}/receipt",
    ]  # fmt: skip
    for path in paths:
        worker.goto(served.url + path)
        assert worker.title().endswith(" - Desk") and "Oksana" not in worker.content()
        assert violations(worker) == [], path


def test_a_wrong_id_is_a_page_that_does_not_exist_and_another_teams_person_is_not_shown(
    worker: Page, served: Served, case: Case, field: Field
) -> None:
    record, nothing = case.consent().hex(), "0" * 32
    wrong = [
        nothing, "x", f"{nothing}/withdraw", f"{nothing}/receipt", f"{record}/receipt/{nothing}", "texts/en",
        f"{record}/seen/all/paper.pdf", f"walk/{nothing}/1", f"talks/{nothing}", "texts/xx",
    ]  # fmt: skip
    for path in wrong:
        assert worker.goto(f"{served.url}/consent/{path}").status == 404, path  # type: ignore[union-attr]
    assert worker.goto(f"{served.url}/consent/{record}").status == 200  # type: ignore[union-attr]  # the control
    worker.goto(f"{served.url}{case.person_path.replace(case.person.hex(), nothing)}")
    expect(worker.get_by_text("This is not here")).to_be_visible()
