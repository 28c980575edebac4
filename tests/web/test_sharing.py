"""Share a bundle in the browser: six steps, drafts, two tabs, back button, a broken transfer, hostile words."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from agencies import own_papers
from exchange import approvals, arrivals, reading, sent
from identity import persons
from tests.support.field import KINDS, Field, now
from tests.support.served import Served, serving, sign_in, violations
from tests.support.shares import HOSTILE, CaseOf, case_of, consented, flagged, on_team
from tests.support.traffic import between, open_at

BASIS = "European Investigation Order"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    made = Field(tmp_path_factory.mktemp("field"), {**KINDS, "west-police": "police"})  # one officer, who can open
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


@pytest.fixture(scope="module")
def case(field: Field, tmp_path_factory: pytest.TempPathFactory) -> CaseOf:
    made = case_of(field.north, "liaison-1", "NP-2031-7", tmp_path_factory.mktemp("case"), items=10)
    on_team(made, "liaison-2")
    return made


def begin(page: Page, served: Served, case: CaseOf) -> None:
    page.goto(f"{served.url}/bundles/new?case={case.case_id.hex()}")


def answer_case(page: Page, purpose: str = "Prosecution", basis: str = BASIS) -> None:
    page.get_by_label(purpose, exact=True).check()
    page.get_by_label("Legal basis").select_option(basis)
    page.get_by_label("Reference, or another basis").fill("SM-T-2026-31")
    go_on(page)


def answer_recipients(page: Page, **agencies: list[str]) -> None:
    for name, officers in agencies.items():
        card = page.get_by_role("region", name=name.replace("_", "-"))
        card.get_by_label("Share with this agency").check()
        for one in officers:
            card.get_by_label(one).check()
    go_on(page)


def go_on(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Continue", exact=True).last.click()


def confirm(page: Page, button: str = "Seal and send") -> None:
    page.get_by_label("I have read this page").check()
    if page.get_by_label("I have looked at").count():
        page.get_by_label("I have looked at").check()
    page.get_by_role("button", name=button).click()


def to_content(page: Page, served: Served, case: CaseOf) -> None:
    sign_in(page, served, "liaison-1")
    begin(page, served, case)
    answer_case(page)
    answer_recipients(page, south_prosecutor=["prosecutor-1"])


def bundle_on(page: Page) -> bytes:
    return bytes.fromhex(page.url.split("/bundles/")[1].split("/")[0])


def drafts(served: Served) -> int:
    with served.desk.office.files.session() as db:
        return len(own_papers.list_papers(db, served.desk.officer("liaison"), "share"))


def sent_count(served: Served) -> int:
    with served.desk.office.files.session() as db:
        return sent.count(db, served.desk.officer("liaison"))


# ---- The flow -----------------------------------------------------------------------------------------------------


def test_a_share_goes_through_its_six_steps_and_the_recipient_opens_what_the_page_showed(
    page: Page, field: Field, served: Served, case: CaseOf
) -> None:
    sign_in(page, served, "liaison-1")
    before = drafts(served)
    begin(page, served, case)
    assert page.get_by_label("Case", exact=True).input_value() == case.case_id.hex()
    assert violations(page) == []
    answer_case(page)
    assert violations(page) == []
    answer_recipients(page, south_prosecutor=["prosecutor-1", "prosecutor-2"])
    assert violations(page) == []
    person = page.get_by_role("group", name="Victim, P-1")
    person.get_by_label("Share this person").check()
    assert person.get_by_label("Citizenship").input_value() == "leave"  # more than a prosecution needs
    assert person.get_by_label("Type of exploitation").input_value() == "full"
    page.get_by_label("E-0002").check()
    page.get_by_label("Summary").fill("She answered an advert.")
    page.get_by_role("button", name="Update the preview").click()
    seen = page.get_by_role("region", name="What south-prosecutor will see")
    pseudonym = seen.locator("h3 .am-id").first.inner_text()
    assert "Forced labour" in seen.inner_text()
    assert "Citizenship" not in seen.inner_text()
    assert "Placeholder" not in page.content()
    assert violations(page) == []
    go_on(page)
    page.get_by_label("H2").check()
    page.get_by_label("One officer is enough").check()
    assert violations(page) == []
    go_on(page)
    assert pseudonym in page.get_by_role("main").inner_text()
    assert violations(page) == []
    confirm(page)
    page.wait_for_url("**/receipt*")
    expect(page.get_by_role("heading", name="The bundle is sent")).to_be_visible()
    assert violations(page) == []
    assert drafts(served) == before
    bundle = bundle_on(page)
    assert str(bundle.hex()) in page.get_by_role("main").inner_text()
    field.south.sync()
    with open_at(field.south, "prosecutor-1", bundle) as opened:
        assert opened.form["persons"][0]["pseudonym"] == pseudonym
        assert set(opened.form["persons"][0]["fields"]) == {"vic_typeofexploitation", "vic_methodsofcontrol"}
        assert [one["local_number"] for one in opened.form["exhibits"]] == ["E-0002"]
        assert opened.cover.handling == ("H2",)
        assert opened.cover.purposes == ("prosecution",)


def test_ten_exhibits_take_as_many_clicks_as_one(page: Page, served: Served, case: CaseOf) -> None:
    to_content(page, served, case)
    page.get_by_role("button", name="Choose all 10 exhibits").click()
    assert page.get_by_role("checkbox", name="E-0010").is_checked()
    assert page.locator("input[name=exhibits]:checked").count() == 10
    page.get_by_label("E-0003").uncheck()
    go_on(page)
    go_on(page)
    main = page.get_by_role("main").inner_text()
    assert "9 exhibits" in main
    assert "E-0004" in main
    assert "E-0003" not in main


def test_a_step_that_lacks_something_says_what_and_keeps_what_was_typed(
    page: Page, served: Served, case: CaseOf
) -> None:
    sign_in(page, served, "liaison-1")
    begin(page, served, case)
    page.get_by_label("Reference, or another basis").fill("no. ½")
    go_on(page)
    expect(page).to_have_title(re.compile("^Error:"))
    assert page.get_by_role("alert").get_by_role("link").count() == 2
    assert page.get_by_label("Reference, or another basis").input_value() == "no. ½"
    page.get_by_label("Prosecution", exact=True).check()
    page.get_by_label("Legal basis").select_option("other")
    go_on(page)
    assert "plain letters" in page.get_by_role("alert").inner_text()
    assert violations(page) == []
    page.get_by_label("Reference, or another basis").fill("Act 7, section 2")
    go_on(page)
    go_on(page)
    assert "Choose at least one agency" in page.get_by_role("alert").inner_text()
    card = page.get_by_role("region", name="south-prosecutor")
    card.get_by_label("Share with this agency").check()
    go_on(page)
    assert "Choose who may open it at south-prosecutor" in page.get_by_role("alert").inner_text()
    assert violations(page) == []
    card.get_by_label("prosecutor-1").check()
    go_on(page)
    go_on(page)
    assert "nothing would be shared" in page.get_by_role("alert").inner_text()


def test_a_field_above_the_minimum_takes_a_reason_and_the_reason_stays_at_home(
    page: Page, field: Field, served: Served, case: CaseOf
) -> None:
    to_content(page, served, case)
    person = page.get_by_role("group", name="Victim, P-1")
    person.get_by_label("Share this person").check()
    person.get_by_label("Gender").select_option("full")
    go_on(page)
    assert "Gender" in page.get_by_role("alert").inner_text()
    assert violations(page) == []
    page.get_by_label("Why more than the purpose needs").fill("The court asked for it")
    go_on(page)
    go_on(page)
    assert "The court asked for it" in page.get_by_role("main").inner_text()
    confirm(page)
    page.wait_for_url("**/receipt*")
    bundle = bundle_on(page)
    page.goto(f"{served.url}/bundles/{bundle.hex()}")
    assert "The court asked for it" in page.get_by_role("main").inner_text()
    field.south.sync()
    with open_at(field.south, "prosecutor-1", bundle) as opened:
        assert opened.form["persons"][0]["fields"]["prs_gender"] == ["Feminine"]
        assert "The court asked" not in str(opened.form)


def test_two_agencies_get_bundles_of_their_own_with_pseudonyms_of_their_own(
    page: Page, field: Field, served: Served, case: CaseOf
) -> None:
    sign_in(page, served, "liaison-1")
    begin(page, served, case)
    answer_case(page)
    answer_recipients(page, south_prosecutor=["prosecutor-1"], shelter_ngo=["case-worker-1"])
    page.get_by_role("group", name="Victim, P-1").get_by_label("Share this person").check()
    page.get_by_label("E-0001").check()
    page.get_by_role("button", name="Update the preview").click()
    expect(page.get_by_role("heading", name="What these agencies could join")).to_be_visible()
    assert "same exhibit" in page.get_by_role("main").inner_text()
    names = page.locator("aside h3 .am-id").all_inner_texts()
    assert len(names) == len(set(names)) == 2
    go_on(page)
    assert "H1" in page.get_by_role("region", name="Codes").inner_text()  # comes along with the exhibit
    assert page.get_by_role("checkbox", name="H1").count() == 0
    go_on(page)
    confirm(page)
    page.wait_for_url("**/receipt*")
    expect(page.get_by_role("heading", name="The 2 bundles are sent")).to_be_visible()
    expect(page.get_by_role("region", name="For shelter-ngo")).to_be_visible()
    expect(page.get_by_role("region", name="For south-prosecutor")).to_be_visible()


def test_an_agency_whose_root_was_not_compared_cannot_be_chosen(
    page: Page, field: Field, served: Served, case: CaseOf
) -> None:
    sign_in(page, served, "liaison-1")
    begin(page, served, case)
    answer_case(page)
    expect(page.get_by_role("region", name="shelter-ngo").get_by_label("Share with this agency")).to_be_visible()
    field.north.compare("shelter-ngo", "different")
    try:
        page.reload()
        card = page.get_by_role("region", name="shelter-ngo")
        assert card.get_by_role("checkbox").count() == 0
        assert "Nothing is sealed to this agency" in card.inner_text()
        assert violations(page) == []
    finally:
        field.north.compare("shelter-ngo")


# ---- Drafts -------------------------------------------------------------------------------------------------------


def test_a_draft_is_left_found_again_and_deleted_and_lies_sealed_on_the_disk(
    page: Page, served: Served, case: CaseOf
) -> None:
    to_content(page, served, case)
    page.get_by_label("Summary").fill("Quite a particular sentence")
    page.get_by_role("button", name="Save and leave").click()
    expect(page).to_have_url(re.compile(re.escape("/bundles/drafts") + "$"))
    assert violations(page) == []
    raw = b"".join(path.read_bytes() for path in served.desk.folder.rglob("desk.sqlite*"))
    assert b"NP-2031-7" in raw  # control: what stands there in clear is found
    assert b"Quite a particular" not in raw
    page.get_by_role("link", name="Go on").first.click()
    assert page.get_by_label("Summary").input_value() == "Quite a particular sentence"
    before = drafts(served)
    page.goto(f"{served.url}/bundles/drafts")
    page.get_by_role("link", name="Delete").first.click()
    assert violations(page) == []
    page.get_by_role("button", name="Delete the draft").click()
    assert drafts(served) == before - 1


def test_a_draft_of_one_officer_is_not_there_for_another(page: Page, served: Served, case: CaseOf) -> None:
    to_content(page, served, case)
    url = page.url
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "liaison-2")
    assert page.goto(url).status == 404  # type: ignore[union-attr]
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "liaison-1")
    assert page.goto(url).status == 200  # type: ignore[union-attr]


def test_two_tabs_on_one_draft_keep_both_versions(page: Page, served: Served, case: CaseOf) -> None:
    to_content(page, served, case)
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_label("Summary").fill("From the first tab")
    go_on(page)
    assert "/handling" in page.url
    before = drafts(served)
    other.get_by_label("Summary").fill("From the second tab")
    go_on(other)
    expect(other.get_by_role("heading", name="This draft was changed in another tab")).to_be_visible()
    assert violations(other) == []
    assert drafts(served) == before + 1
    other.get_by_role("link", name="Go on with this one").last.click()
    other.get_by_role("link", name="Back").click()
    assert other.get_by_label("Summary").input_value() == "From the second tab"
    page.get_by_role("link", name="Back").click()
    assert page.get_by_label("Summary").input_value() == "From the first tab"


def test_the_back_button_shows_what_was_saved_and_saves_again(page: Page, served: Served, case: CaseOf) -> None:
    to_content(page, served, case)
    page.get_by_label("Summary").fill("First")
    go_on(page)
    page.go_back()
    page.wait_for_load_state()
    assert page.get_by_label("Summary").input_value() == "First"
    page.get_by_label("Summary").fill("Second")
    go_on(page)
    assert "/handling" in page.url
    go_on(page)
    assert "Second" in page.get_by_role("main").inner_text()


def test_a_form_sent_twice_seals_once(page: Page, served: Served, case: CaseOf) -> None:
    to_content(page, served, case)
    page.get_by_label("Summary").fill("Once")
    go_on(page)
    go_on(page)
    before = sent_count(served)
    fields = {
        one.get_attribute("name"): one.get_attribute("value") or ""
        for one in page.locator("main form input[type=hidden]").all()
    }
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    with httpx2.Client(trust_env=False, headers={"Origin": served.url}, cookies=cookies, timeout=60) as client:
        answers = [client.post(page.url, data={**fields, "read": "y"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    page.goto(served.url + answers[0].headers["Location"])
    page.wait_for_url("**/receipt*")
    assert sent_count(served) == before + 1


def test_what_was_changed_after_the_page_was_read_is_shown_again_before_it_is_sealed(
    page: Page, field: Field, served: Served, case: CaseOf
) -> None:
    to_content(page, served, case)
    page.get_by_role("group", name="Suspect, P-2").get_by_label("Share this person").check()
    go_on(page)
    go_on(page)
    before = sent_count(served)
    with field.north.office.files.session() as db:
        persons.change_person(
            db, field.north.officer("liaison"), case.case_id, case.persons[1], {"per_roleinprocess": "Transporter"}
        )
    confirm(page)
    assert "changed" in page.get_by_role("alert").first.inner_text()
    assert "Transporter" in page.get_by_role("main").inner_text()
    assert sent_count(served) == before
    confirm(page)
    page.wait_for_url("**/receipt*")
    assert sent_count(served) == before + 1


def test_a_link_of_the_summary_changes_one_answer_and_comes_back(page: Page, served: Served, case: CaseOf) -> None:
    to_content(page, served, case)
    page.get_by_label("Summary").fill("Words")
    go_on(page)
    go_on(page)
    page.get_by_role("link", name="Change handling codes").click()
    page.get_by_label("H3").check()
    go_on(page)
    assert "/check" in page.url
    assert "H3" in page.get_by_role("region", name="Handling and protection").inner_text()


def test_what_was_typed_before_a_lock_comes_back_on_its_own_draft_and_on_no_other(
    page: Page, browser: Browser, served: Served, case: CaseOf
) -> None:
    """A summary of one case must never stand in the share of another."""
    to_content(page, served, case)
    first = page.url
    begin(page, served, case)
    answer_case(page)
    answer_recipients(page, south_prosecutor=["prosecutor-1"])
    second = page.url
    page.goto(first)
    page.get_by_label("Summary").fill("Of the first share")
    served.app.extensions["book"].end_all()
    go_on(page)
    expect(page).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    page = browser.new_context().new_page()  # one that does not know the way back
    sign_in(page, served, "liaison-1")
    page.goto(second)
    assert page.get_by_label("Summary").input_value() == ""
    page.goto(first)
    assert page.get_by_label("Summary").input_value() == "Of the first share"
    go_on(page)
    assert "/handling/" in page.url


# ---- Interruptions ------------------------------------------------------------------------------------------------


def test_an_interrupted_transfer_waits_and_goes_on_where_it_stopped(
    page: Page, field: Field, served: Served, case: CaseOf
) -> None:
    to_content(page, served, case)
    page.get_by_label("Summary").fill("Interrupted")
    go_on(page)
    go_on(page)

    def broken(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        if "/parts/" in request.url.path:
            return httpx2.Response(503, json={"code": "unavailable", "message": "away"})
        return ask()

    before = sent_count(served)
    with between(served.app.extensions["office"], broken):
        confirm(page)
        page.get_by_role("heading", name="It stopped").wait_for(timeout=30_000)
        assert violations(page) == []
    page.get_by_role("link", name="Go back and begin again").click()
    expect(page.get_by_text("It was interrupted")).to_be_visible()
    assert violations(page) == []
    page.goto(f"{served.url}/bundles")
    expect(page.get_by_text("Partly sent")).to_be_visible()
    page.get_by_role("link", name=re.compile("Share of case NP-2031-7")).first.click()
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/receipt*")
    assert sent_count(served) == before + 1


def test_progress_counts_parts_and_the_page_can_be_left(
    page: Page, field: Field, served: Served, tmp_path: Path
) -> None:
    made = case_of(field.north, "liaison-1", "NP-2031-6", tmp_path, items=1, size_bytes=20 * 2**20)
    sign_in(page, served, "liaison-1")
    begin(page, served, made)
    answer_case(page)
    answer_recipients(page, south_prosecutor=["prosecutor-1"])
    page.get_by_label("E-0001").check()
    go_on(page)
    go_on(page)
    may_go_on = threading.Event()

    def slow(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        if request.url.path.endswith("/parts/2"):
            may_go_on.wait(60)
        return ask()

    with between(served.app.extensions["office"], slow):
        confirm(page)
        page.get_by_text("2 of 3 parts").wait_for(timeout=60_000)
        expect(page.get_by_role("heading", name="Sending")).to_be_visible()
        assert violations(page) == []
        page.goto(f"{served.url}/today")
        page.goto(f"{served.url}/bundles")
        page.get_by_role("link", name=re.compile("Share of case NP-2031-6")).click()
        assert page.get_by_role("button", name="Go on").count() == 0  # it still runs
        may_go_on.set()
        page.get_by_role("link", name="See how far it is").click()
        page.wait_for_url("**/receipt*", timeout=60_000)


def test_what_lies_sealed_is_sent_from_its_own_page(page: Page, field: Field, served: Served, case: CaseOf) -> None:
    to_content(page, served, case)
    page.get_by_label("Summary").fill("Later")
    go_on(page)
    go_on(page)
    with between(served.app.extensions["office"], lambda request, ask: httpx2.Response(503, json={})):
        confirm(page)
        page.get_by_role("heading", name="It stopped").wait_for(timeout=30_000)
        page.goto(f"{served.url}/bundles")
        page.get_by_role("row", name=re.compile("Waits to be sent")).get_by_role("link").click()
        assert violations(page) == []
    page.get_by_role("button", name="Send it now").click()
    page.wait_for_url("**/receipt*")
    expect(page.get_by_text("Accepted by the broker")).to_be_visible()


# ---- Dual control -------------------------------------------------------------------------------------------------


def test_two_officers_in_two_browsers_share_under_dual_control(
    browser: Browser, field: Field, served: Served, tmp_path: Path
) -> None:
    made = case_of(field.north, "liaison-1", "NP-2031-8", tmp_path)
    flagged(made)
    first, second = browser.new_context().new_page(), browser.new_context(color_scheme="dark").new_page()
    sign_in(first, served, "liaison-1")
    sign_in(second, served, "liaison-2")
    begin(first, served, made)
    answer_case(first)
    answer_recipients(first, south_prosecutor=["prosecutor-1", "prosecutor-2"])
    first.get_by_role("group", name="Victim, P-1").get_by_label("Share this person").check()
    go_on(first)
    assert first.get_by_label("Two officers open it together").is_checked()  # a flag proposes it
    go_on(first)
    confirm(first, "Ask for approval")
    expect(first.get_by_role("heading", name="Waits for a second officer")).to_be_visible()
    assert first.get_by_role("button", name="Seal and send").count() == 0
    assert violations(first) == []
    first.goto(f"{served.url}/approvals")
    first.get_by_role("link", name="Seal and send a bundle").first.click()
    expect(first.get_by_role("heading", name="You prepared it yourself")).to_be_visible()
    assert first.get_by_role("button", name="Approve").count() == 0
    assert violations(first) == []
    second.goto(f"{served.url}/approvals")
    assert second.locator(".am-rail .am-count").inner_text().startswith("1")
    assert violations(second) == []
    second.get_by_role("link", name="Seal and send a bundle").click()
    assert "Forced labour" in second.get_by_role("main").inner_text()
    assert violations(second) == []
    second.get_by_role("button", name="Approve").click()
    expect(second.get_by_text("Nothing waits for you")).to_be_visible()
    first.get_by_role("link", name="Go on with the share").click()
    first.get_by_role("button", name="Seal and send").click()
    first.wait_for_url("**/receipt*")
    bundle = bundle_on(first)
    field.south.sync()
    seen = reading.preview(field.south.office, field.south.officer("prosecutor-1"), bundle, now=now())
    assert seen.cover.threshold == 2
    assert [one["flag"] for one in seen.flags] == ["protected-witness"]


def test_a_change_after_the_question_takes_it_back(
    browser: Browser, field: Field, served: Served, tmp_path: Path
) -> None:
    made = case_of(field.north, "liaison-1", "NP-2031-9", tmp_path, items=0)
    first, second = browser.new_context().new_page(), browser.new_context().new_page()
    sign_in(first, served, "liaison-1")
    sign_in(second, served, "liaison-2")
    begin(first, served, made)
    answer_case(first)
    answer_recipients(first, south_prosecutor=["prosecutor-1", "prosecutor-2"])
    first.get_by_label("Summary").fill("As it was asked")
    go_on(first)
    first.get_by_label("Two officers open it together").check()
    go_on(first)
    confirm(first, "Ask for approval")
    second.goto(f"{served.url}/approvals")
    second.get_by_role("link", name="Seal and send a bundle").click()
    expect(second.get_by_text("As it was asked")).to_be_visible()
    first.get_by_role("button", name="Take it back and change it").click()
    assert "/check" in first.url
    second.get_by_role("button", name="Approve").click()
    assert "it changed since you read it" in second.get_by_role("main").inner_text()
    with field.north.office.files.session() as db:
        assert approvals.list_waiting(db, field.north.officer("liaison-2")) == []
    confirm(first, "Ask for approval")
    second.goto(f"{served.url}/approvals")
    second.get_by_role("link", name="Seal and send a bundle").click()
    second.get_by_role("button", name="Refuse").click()
    first.get_by_role("link", name="Look again").click()
    expect(first.get_by_role("heading", name="Not approved")).to_be_visible()
    assert violations(first) == []
    first.get_by_role("button", name="Ask again").click()
    expect(first.get_by_role("heading", name="Waits for a second officer")).to_be_visible()


def test_dual_control_takes_two_officers_at_every_agency(
    page: Page, field: Field, served: Served, case: CaseOf
) -> None:
    to_content(page, served, case)
    page.get_by_label("Summary").fill("Words")
    go_on(page)
    page.get_by_label("Two officers open it together").check()
    go_on(page)
    assert "Choose two officers first at: south-prosecutor" in page.get_by_role("alert").inner_text()
    page.get_by_label("One officer is enough").check()
    go_on(page)
    assert "/check" in page.url


def test_an_agency_of_one_officer_is_not_offered_dual_control_and_the_page_says_why(
    page: Page, served: Served, case: CaseOf
) -> None:
    sign_in(page, served, "liaison-1")
    begin(page, served, case)
    answer_case(page)
    card = page.get_by_role("region", name="west-police")
    card.get_by_label("Share with this agency").check()
    assert "Nobody else there has this role" in card.inner_text()
    card.get_by_label("liaison-1").check()
    go_on(page)
    page.get_by_label("Summary").fill("Words")
    go_on(page)
    control = page.get_by_role("region", name="Dual control")
    assert "there are not two who could at: west-police" in control.inner_text()
    assert control.get_by_role("radio").count() == 0
    assert violations(page) == []
    go_on(page)
    assert "One officer is enough" in page.get_by_role("main").inner_text()


# ---- Consent ------------------------------------------------------------------------------------------------------


def test_a_shelter_shares_with_consent_alone_and_holds_what_it_shared(page: Page, field: Field, tmp_path: Path) -> None:
    made = case_of(field.shelter, "case-worker-1", "SN-1-1", tmp_path, people=1, items=1)
    with serving(field, field.shelter) as served:
        sign_in(page, served, "case-worker-1")
        begin(page, served, made)
        answer_case(page, basis="Consent of the person")
        answer_recipients(page, south_prosecutor=["prosecutor-1"])
        page.get_by_label("Share this person").check()
        page.get_by_label("E-0001").check()
        page.get_by_role("button", name="Update the preview").click()
        expect(page.get_by_text("No consent covers this agency")).to_be_visible()
        go_on(page)
        go_on(page)
        assert "There is no consent that covers this disclosure" in page.get_by_role("alert").inner_text()
        assert page.get_by_role("button", name="Seal and send").count() == 0
        assert violations(page) == []
        consented(made, field.south)
        page.reload()
        expect(page.get_by_text("Given: prosecution, for south-prosecutor")).to_be_visible()
        confirm(page)
        page.wait_for_url("**/receipt*")
        bundle = bundle_on(page)
        page.goto(f"{served.url}/bundles/{bundle.hex()}")
        page.get_by_role("link", name="Hold or withdraw").click()
        assert violations(page) == []
        page.get_by_label("Hold: nothing opens").check()
        page.get_by_label("Why").fill("She asked us to stop")
        page.get_by_role("button", name="Confirm").click()
        assert "It is held" in page.get_by_role("main").inner_text()
        field.south.sync()
        with field.south.office.files.session() as db:
            assert arrivals.get_stored(db, bundle).state == "held"


# ---- Without a script, by keyboard, small, dark, hostile ----------------------------------------------------------


def test_the_flow_works_without_a_script(browser: Browser, served: Served, case: CaseOf) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    to_content(page, served, case)
    page.get_by_role("button", name="Choose all 10 exhibits").click()
    assert page.locator("input[name=exhibits]:checked").count() == 10
    page.get_by_label("Summary").fill(HOSTILE)
    go_on(page)
    go_on(page)
    assert page.locator("main b").count() == page.locator("main .am-code b").count()  # no markup out of the words
    confirm(page)
    page.wait_for_url("**/receipt*", timeout=60_000)


def test_the_first_steps_by_keyboard_alone(page: Page, served: Served, case: CaseOf) -> None:
    sign_in(page, served, "liaison-1")
    begin(page, served, case)
    press_to(page, "Prosecution")
    page.keyboard.press("Space")
    press_to(page, "Legal basis")
    page.keyboard.type("National")
    press_to(page, "Continue")
    page.keyboard.press("Enter")
    page.wait_for_url("**/recipients/*")
    while True:
        press_to(page, "Share with this agency")
        if page.evaluate("document.activeElement.name") == "to-south-prosecutor":
            break
    page.keyboard.press("Space")
    press_to(page, "prosecutor-1")
    page.keyboard.press("Space")
    press_to(page, "Continue")
    page.keyboard.press("Enter")
    page.wait_for_url("**/content/*")
    press_to(page, "Summary")
    page.keyboard.type("By keyboard")
    press_to(page, "Continue")
    page.keyboard.press("Enter")
    page.wait_for_url("**/handling/*")


def press_to(page: Page, name: str) -> None:
    """Tab until the control of this name has the focus."""
    script = """() => { const one = document.activeElement; const label = one.labels && one.labels[0];
        return (label ? label.innerText : one.innerText || '') }"""
    for _ in range(80):
        page.keyboard.press("Tab")
        if name in page.evaluate(script):
            return
    raise AssertionError(f"{name} is not reached with the Tab key")


def test_a_telephone_shows_it_without_scrolling_sideways(browser: Browser, served: Served, case: CaseOf) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme="dark")
    page = context.new_page()
    to_content(page, served, case)
    for path in (page.url, f"{served.url}/bundles", f"{served.url}/bundles/drafts", f"{served.url}/approvals"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert violations(page) == []


def test_a_wrong_id_is_a_page_that_does_not_exist(page: Page, served: Served, case: CaseOf) -> None:
    sign_in(page, served, "liaison-1")
    for path in ("/bundles/zz", "/bundles/" + "0" * 32, "/bundles/new/content/<b>", "/approvals/1",
                 "/bundles/new/check", "/bundles/new/send/" + "0" * 32):  # fmt: skip
        assert page.goto(served.url + path).status == 404, path  # type: ignore[union-attr]
    assert page.goto(f"{served.url}/bundles/new?case={case.case_id.hex()}").status == 200  # type: ignore[union-attr]
