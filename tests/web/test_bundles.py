"""Sent bundles and what waits for a second officer, in the browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from crypto.header import parse_header
from errors import ReleaseHeld
from exchange import arrivals, delivery, joint, purges, reading, registers, renewal, sharing
from exchange.sharing import Choice
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations
from tests.support.shares import CaseOf, case_of, consented, flagged, on_team
from tests.support.traffic import open_at

BASIS = "Act 7, section 2"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


@pytest.fixture(scope="module")
def case(field: Field, tmp_path_factory: pytest.TempPathFactory) -> CaseOf:
    made = case_of(field.north, "liaison-1", "NP-2031-1", tmp_path_factory.mktemp("case"))
    flagged(made)
    on_team(made, "liaison-2")
    return made


def send(made: CaseOf, field: Field, **more: object) -> bytes:
    """A bundle for the prosecutor out of a case, through the services."""
    officer, office = made.desk.officer(made.word), made.desk.office
    values: dict[str, object] = {
        "persons": (made.persons[0],), "exhibits": tuple(made.exhibits[:1]), "text": "Words", **more,
    }  # fmt: skip
    choice = Choice(
        made.case_id, "south-prosecutor", (field.south.handle("prosecutor-1"), field.south.handle("prosecutor-2")),
        ("prosecution",), BASIS, "R-1", **values,  # type: ignore[arg-type]
    )  # fmt: skip
    with office.files.session() as db:
        composed = sharing.compose(db, office, officer, choice, now=now())
    bundle = delivery.seal(office, officer, composed, sharing.sources(office, officer, composed), now=now())
    delivery.send(office, bundle, now=now())
    field.south.sync()
    return bundle


def test_nothing_sent_says_what_to_do(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-2")
    page.goto(f"{served.url}/bundles")
    if page.get_by_text("Nothing was sent yet").count():
        page.get_by_role("link", name="Share a bundle").click()
        expect(page).to_have_url(re.compile(re.escape("/bundles/new") + "$"))
    assert violations(page) == []


def test_the_sender_reads_who_opened_it_and_why(page: Page, field: Field, served: Served, case: CaseOf) -> None:
    bundle = send(case, field)
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/bundles/{bundle.hex()}")
    expect(page.get_by_text("Accepted by the broker")).to_be_visible()
    assert "Asked to open" not in page.get_by_role("main").inner_text()
    with open_at(field.south, "prosecutor-1", bundle, legal_basis="Order 12"):
        pass
    field.north.sync()
    page.reload()
    main = page.get_by_role("main").inner_text()
    assert "south-prosecutor/prosecutor-1" in main
    assert "For: Prosecution" in main
    assert "Order 12" in main
    assert violations(page) == []
    page.goto(f"{served.url}/bundles")
    row = page.get_by_role("row").filter(has=page.locator(f'a[href$="{bundle.hex()}"]'))
    assert "Opened" in row.inner_text()
    assert violations(page) == []


def test_a_colleague_who_is_not_on_the_team_sees_nothing_of_it(
    page: Page, field: Field, served: Served, tmp_path: Path
) -> None:
    made = case_of(field.north, "liaison-1", "NP-2031-2", tmp_path)
    bundle = send(made, field)
    sign_in(page, served, "liaison-2")
    page.goto(f"{served.url}/bundles/{bundle.hex()}")
    expect(page.get_by_role("heading", name="This is not open to you")).to_be_visible()
    page.goto(f"{served.url}/bundles")
    assert "NP-2031-2" not in page.content()
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/bundles")
    assert "NP-2031-2" in page.content()


def test_a_correction_names_the_bundle_that_it_corrects(page: Page, field: Field, served: Served, case: CaseOf) -> None:
    bundle = send(case, field)
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/bundles/{bundle.hex()}")
    page.get_by_role("button", name="Correct it").click()
    assert "Correct a bundle" in page.get_by_role("main").inner_text()
    assert page.get_by_role("group", name="Victim, P-1").get_by_label("Share this person").is_checked()
    page.get_by_label("Summary").fill("The date was wrong")
    page.get_by_label("Why more than the purpose needs").fill("As before")
    page.get_by_role("button", name="Continue", exact=True).last.click()
    assert "south-prosecutor/prosecutor-1" in page.get_by_role("main").inner_text()
    page.get_by_label("I have read this page").check()
    page.get_by_label("I have looked at").check()
    page.get_by_role("button", name="Seal and send").click()
    page.wait_for_url("**/receipt*")
    fresh = bytes.fromhex(page.url.split("/bundles/")[1].split("/")[0])
    field.south.sync()
    with open_at(field.south, "prosecutor-1", fresh) as opened:
        assert opened.cover.kind == "correction"
        assert [one.bundle_id for one in opened.cover.parents] == [bundle]
        assert opened.form["text"] == "The date was wrong"


def test_the_answers_go_on_to_another_agency_and_to_a_later_end(
    page: Page, field: Field, served: Served, case: CaseOf
) -> None:
    bundle = send(case, field)
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/bundles/{bundle.hex()}")
    page.get_by_role("button", name="Share it with another agency").click()
    expect(page.get_by_role("heading", name="Choose who gets it")).to_be_visible()
    assert page.locator("input[name^=to-]:checked").count() == 0
    page.goto(f"{served.url}/bundles/{bundle.hex()}")
    page.get_by_role("button", name="Seal it again for longer").click()
    page.get_by_label("Months in which it can be opened").fill("24")
    page.get_by_role("button", name="Continue", exact=True).last.click()
    main = page.get_by_role("main").inner_text()
    assert "south-prosecutor/prosecutor-2" in main
    assert "Words" in main
    page.get_by_label("I have read this page").check()
    page.get_by_label("I have looked at").check()
    page.get_by_role("button", name="Seal and send").click()
    page.wait_for_url("**/receipt*")
    fresh = bytes.fromhex(page.url.split("/bundles/")[1].split("/")[0])
    with field.north.office.files.session() as db:
        headers = [parse_header(arrivals.get_stored(db, one).header) for one in (bundle, fresh)]
    assert headers[1].expires > headers[0].expires


def test_a_bundle_whose_key_half_was_lost_is_sealed_again(
    page: Page, field: Field, served: Served, case: CaseOf
) -> None:
    bundle = send(case, field)
    with field.north.office.files.session() as db:
        arrivals.get_stored(db, bundle).state = "half-lost"
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/bundles/{bundle.hex()}")
    expect(page.get_by_role("heading", name="The broker has lost its key half")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Seal it again", exact=True).click()
    page.wait_for_url("**/receipt*")
    with field.north.office.files.session() as db:
        assert renewal.replacement_of(db, field.north.officer("liaison"), bundle) is not None
    page.goto(f"{served.url}/bundles/{bundle.hex()}")
    expect(page.get_by_role("link", name="It was sealed again")).to_be_visible()


def test_a_police_bundle_without_a_consent_is_held_lifted_and_withdrawn_from_its_page(
    page: Page, browser: Browser, field: Field, served: Served, case: CaseOf
) -> None:
    bundle = send(case, field)
    open_at(field.south, "prosecutor-1", bundle).close()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/bundles/{bundle.hex()}")
    page.get_by_role("link", name="Hold or withdraw").click()
    assert page.get_by_text("What it reaches").count() == 0
    assert violations(page) == []
    page.get_by_label("Hold: nothing opens until the hold is lifted").check()
    page.get_by_label("Why").fill("Sent to the wrong agency")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Stopped by your agency")).to_be_visible()
    assert "Sent to the wrong agency" in page.get_by_role("main").inner_text()
    assert violations(page) == []
    with pytest.raises(ReleaseHeld):
        open_at(field.south, "prosecutor-1", bundle)
    page.get_by_role("link", name="Lift the hold").click()
    page.get_by_role("button", name="Ask a colleague").click()
    expect(page.get_by_text("A colleague is asked")).to_be_visible()
    colleague = browser.new_context().new_page()
    _agree(colleague, served, "Lift a hold")
    page.reload()
    page.get_by_role("button", name="Lift the hold now").click()
    expect(page.get_by_text("It is signed by two")).to_be_visible()
    open_at(field.south, "prosecutor-1", bundle).close()

    page.get_by_role("link", name="Hold or withdraw").click()
    page.get_by_label("Withdraw: it never opens again").check()
    page.get_by_label("Why").fill("The agency has no use for it")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Withdraw: destroy the key halves")).to_be_visible()
    _agree(colleague, served, "Withdraw: destroy the key halves")
    page.goto(f"{served.url}/bundles/{bundle.hex()}")
    page.get_by_role("button", name="Destroy it now").click()
    expect(page.get_by_role("heading", name="Who held the data, and what they did")).to_be_visible()
    assert "No answer yet" in page.get_by_role("main").inner_text()
    field.south.sync()
    purges.sign_receipts(field.south.office, field.south.officer("prosecutor-1"), now=now())
    field.sync_all()
    page.reload()
    assert "All have answered" in page.get_by_role("main").inner_text()
    assert page.get_by_role("link", name="Hold or withdraw").count() == 0
    page.goto(f"{served.url}/bundles/{bundle.hex()}/stop")
    assert "There is nothing to hold" in page.get_by_role("main").inner_text()
    assert page.get_by_role("button", name="Confirm").count() == 0
    page.goto(f"{served.url}/cases/{case.case_id.hex()}/history")
    assert "A bundle was withdrawn" in page.get_by_role("main").inner_text()


def _agree(page: Page, served: Served, question: str) -> None:
    if "/approvals" not in page.url:
        sign_in(page, served, "supervisor-1")
    page.goto(f"{served.url}/approvals")
    page.get_by_role("link", name=question).first.click()
    page.get_by_role("button", name="Approve").click()
    page.wait_for_load_state()


def test_a_withdrawal_takes_two_browsers(browser: Browser, field: Field, tmp_path: Path) -> None:
    made = case_of(field.shelter, "case-worker-1", "SN-2-1", tmp_path, people=1, items=1)
    record = consented(made, field.south)
    bundle = send(made, field, records=(record,))
    with serving(field, field.shelter) as served:
        first, second = browser.new_context().new_page(), browser.new_context().new_page()
        sign_in(first, served, "case-worker-1")
        sign_in(second, served, "case-worker-2")
        first.goto(f"{served.url}/bundles/{bundle.hex()}/stop")
        first.get_by_role("button", name="Confirm").click()
        assert "Choose what shall happen" in first.get_by_role("alert").inner_text()
        first.get_by_label("Withdraw: it never opens again").check()
        first.get_by_label("Why").fill("She changed her mind")
        first.get_by_role("button", name="Confirm").click()
        expect(first.get_by_role("heading", name="Withdraw: destroy the key halves")).to_be_visible()
        assert first.get_by_role("button", name="Carry it out").count() == 0
        assert violations(first) == []
        second.goto(f"{served.url}/approvals")
        second.get_by_role("link", name="Withdraw").click()
        assert "cannot be undone" in second.get_by_role("main").inner_text()
        assert violations(second) == []
        second.get_by_role("button", name="Approve").click()
        first.reload()
        first.get_by_role("button", name="Carry it out now").click()
        assert "It is done" in first.get_by_role("main").inner_text()
    field.south.sync()
    with field.south.office.files.session() as db:
        assert arrivals.get_stored(db, bundle).state == "destroyed"


def test_an_opening_by_two_shows_the_second_officer_cover_and_flags(page: Page, field: Field, case: CaseOf) -> None:
    bundle = send(case, field)
    registers.raise_flag(
        field.south.office, field.south.officer("prosecutor-1"), bundle,
        {"pseudonym": "somebody", "flag": "at risk", "concerns": [], "instruction": "dual-control", "from": None,
         "until": None}, now=now(),
    )  # fmt: skip
    asked = joint.ask_approval(
        field.south.office, field.south.officer("prosecutor-1"), bundle, purpose="prosecution", legal_basis="Order 9",
        now=now(),
    )  # fmt: skip
    with serving(field, field.south) as served:
        sign_in(page, served, "prosecutor-1")
        page.goto(f"{served.url}/approvals/{asked.hex()}")
        expect(page.get_by_role("heading", name="You prepared it yourself")).to_be_visible()
        page.get_by_role("button", name="Lock").click()
        sign_in(page, served, "prosecutor-2")
        page.goto(f"{served.url}/approvals/{asked.hex()}")
        main = page.get_by_role("main").inner_text()
        assert "Order 9" in main
        assert "protected-witness" in main
        assert violations(page) == []
        registers.raise_flag(
            field.south.office, field.south.officer("prosecutor-1"), bundle,
            {"pseudonym": "somebody", "flag": "newer", "concerns": [], "instruction": "no-contact", "from": None,
             "until": None}, now=now(),
        )  # fmt: skip
        for one in page.get_by_role("checkbox").all():
            one.check()
        page.get_by_role("button", name="Agree to open it").click()
        expect(page.locator("#errors")).to_contain_text("Tick that you have read the flag")  # one came meanwhile
        for one in page.get_by_role("checkbox").all():
            one.check()
        page.get_by_role("button", name="Agree to open it").click()
        expect(page.get_by_text("your colleague asks again")).to_be_visible()
        again = joint.ask_approval(
            field.south.office, field.south.officer("prosecutor-1"), bundle, purpose="prosecution",
            legal_basis="Order 9", now=now(),
        )  # fmt: skip
        page.goto(f"{served.url}/approvals/{again.hex()}")
        for one in page.get_by_role("checkbox").all():
            one.check()
        page.get_by_role("button", name="Agree to open it").click()
        expect(page.get_by_text("You have agreed. Your colleague opens it now.")).to_be_visible()
    with open_at(field.south, "prosecutor-1", bundle, approval_id=again, legal_basis="Order 9") as opened:
        assert opened.form["text"] == "Words"


def test_lowering_a_flag_is_asked_read_and_carried_out(page: Page, field: Field, served: Served, case: CaseOf) -> None:
    bundle = send(case, field)
    officer, office = field.north.officer("liaison-1"), field.north.office
    place = int(reading.preview(office, officer, bundle, now=now()).flags[0]["place"])
    asked = registers.ask_lowering(office, officer, bundle, place, now=now())
    sign_in(page, served, "liaison-2")
    page.goto(f"{served.url}/approvals/{asked.hex()}")
    assert "protected-witness" in page.get_by_role("main").inner_text()
    assert violations(page) == []
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/approvals/{asked.hex()}")
    page.get_by_role("button", name="Carry it out now").click()
    assert "It is done" in page.get_by_role("main").inner_text()
    field.north.sync()
    seen = reading.preview(office, officer, bundle, now=now())
    assert [one["state"] for one in seen.flags] == ["lowered"]
