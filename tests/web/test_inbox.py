"""The inbox and the opening in a real browser: what stands before it, what it takes, what is left of it."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from crypto.sealing import Source
from exchange import approvals, arrivals, delivery, opening, registers, withdrawals
from tests.support.departures import new_case, share_person
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations
from tests.support.traffic import BASIS, PURPOSE, flag, form, parcel, record_of

TEXT = b"The ledger names three rooms.\n"
HOSTILE = "<b>bold</b> \u202ekcab \u200b \U0001f6aa " + "x" * 200


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.south) as served:
        yield served


def send(
    field: Field, *officers: str, data: tuple[bytes, ...] = (TEXT,), media: str = "text/plain", **more: object
) -> bytes:
    """A share of the police for these officers of the prosecution, who have it."""
    made = parcel(field.north, "liaison-1", field.south, officers or ("prosecutor-1",), data, **more)
    sources = tuple(
        Source(one.object_id, one.file_id, one.size_bytes, one.sha256, media, one.pieces, one.read)
        for one in made.sources
    )
    made.sources = sources
    if made.made.threshold == 1:
        return made.send(field.south)
    asked = delivery.ask_approval(field.north.office, made.officer, made.made, now=now())
    with field.north.office.files.session() as db:
        approvals.grant(db, field.north.officer("liaison-2"), asked, now=now())
    return made.send(field.south, approval_id=asked)


def go(page: Page, served: Served, bundle: bytes, rest: str = "") -> None:
    page.goto(f"{served.url}/inbox/{bundle.hex()}{rest}")


def state(page: Page, purpose: str = "Prosecution", basis: str = "CCP 12") -> None:
    page.get_by_label(purpose, exact=True).check()
    page.get_by_role("textbox", name="Legal basis").fill(basis)


def open_it(page: Page) -> None:
    page.get_by_role("button", name="Open it on record").click()
    page.wait_for_url("**/opened", timeout=30_000)


def test_an_officer_reads_the_flags_and_opens_and_it_is_on_record(page: Page, field: Field, served: Served) -> None:
    bundle = send(field, flags=(flag(),), handling=("H1", "H2", "XYZ"), form=form(text=HOSTILE))
    sign_in(page, served, "prosecutor-1")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Inbox").click()
    assert violations(page) == []
    row = page.get_by_role("row", name=bundle.hex()[:8])
    expect(row.get_by_text("One protection flag")).to_be_visible()
    row.get_by_role("link", name="Read flags").click()
    expect(page.get_by_role("heading", name="No contact")).to_be_visible()
    expect(page.get_by_text("Every contact goes through north-police")).to_be_visible()
    expect(page.get_by_text("Not in court without permission")).to_be_visible()
    expect(page.get_by_text("This desk does not know this code")).to_be_visible()
    assert violations(page) == []
    # Nothing is ticked: the flag, the purpose and the legal basis are asked for, and nothing is opened.
    page.get_by_role("button", name="Open it on record").click()
    expect(page).to_have_title(re.compile("^Error:"))
    errors = page.get_by_role("alert")
    for words in ("Tick that you have read the flag “No contact”", "Choose the purpose", "State the legal basis"):
        expect(errors.get_by_text(words)).to_be_visible()
    assert violations(page) == []
    assert "opened" not in {one.kind for one in record_of(field.south, "prosecutor-1", bundle)}
    page.get_by_label("I have read this and will act on it: No contact").check()
    state(page)
    open_it(page)
    expect(page.get_by_text("<b>bold</b>")).to_be_visible()
    expect(page.get_by_text("A protection flag:")).to_be_visible()
    assert violations(page) == []
    acts = record_of(field.south, "prosecutor-1", bundle)
    opened = [one for one in acts if one.kind == "open-requested"]
    assert [(one.details["purpose"], one.details["legal_basis"]) for one in opened] == [(PURPOSE, "CCP 12")]


def test_files_are_shown_in_the_page_and_leave_no_trace_on_the_disk(page: Page, field: Field, served: Served) -> None:
    bundle = send(field)
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    state(page)
    open_it(page)
    page.get_by_role("link", name="Exhibits and files (1)").click()
    assert violations(page) == []
    page.get_by_role("link", name="Look at it").click()
    expect(page.get_by_text("The ledger names three rooms.")).to_be_visible()
    assert violations(page) == []
    found = [path for path in field.south.folder.rglob("*") if path.is_file()]
    assert not [path for path in found if b"ledger names three" in path.read_bytes()]
    planted = field.south.folder / "planted"
    planted.write_bytes(TEXT)  # the same search finds what is there
    assert [path for path in field.south.folder.rglob("*") if path.is_file() and b"ledger names" in path.read_bytes()]
    planted.unlink()


def test_the_lock_wipes_what_was_open(page: Page, field: Field, served: Served) -> None:
    bundle = send(field)
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    state(page)
    open_it(page)
    book = served.app.extensions["book"]
    entry = next(one for one in book._open.values() if one.opened.find(bundle) is not None)
    held = entry.opened.find(bundle)
    assert b"".join(held.opened.read(1)) == TEXT
    page.get_by_role("button", name="Lock", exact=True).click()
    assert entry.opened.find(bundle) is None
    with pytest.raises(Exception):  # noqa: B017  # the key is gone, whichever part says so first
        b"".join(held.opened.read(1))
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle, "/opened")
    expect(page).to_have_url(re.compile(re.escape(bundle.hex()) + "$"))
    expect(page.get_by_text("Opened before")).to_be_visible()


def test_a_flag_that_comes_meanwhile_sends_the_officer_back(page: Page, field: Field, served: Served) -> None:
    bundle = send(field)
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    state(page)
    registers.raise_flag(
        field.north.office, field.north.officer("liaison-1"), bundle, flag("no-reinterview"), now=now()
    )
    page.get_by_role("button", name="Open it on record").click()
    page.wait_for_url("**?again=flags", timeout=30_000)
    expect(page.get_by_text("The flags changed meanwhile")).to_be_visible()
    expect(page.get_by_role("heading", name="No further interview")).to_be_visible()
    assert violations(page) == []
    assert "opened" not in {one.kind for one in record_of(field.south, "prosecutor-1", bundle)}
    page.get_by_label("I have read this and will act on it: No further interview").check()
    state(page)
    open_it(page)  # the control: the same bundle, with the flag read


def test_another_purpose_is_refused_and_says_whom_to_ask(page: Page, field: Field, served: Served) -> None:
    bundle = send(field)
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    state(page, "Something else")
    page.get_by_role("button", name="Open it on record").click()
    assert "ask for permission with an inquiry first" in page.get_by_role("alert").inner_text()
    assert "opened" not in {one.kind for one in record_of(field.south, "prosecutor-1", bundle)}


def test_a_bundle_is_returned_unopened_with_a_reason_and_never_opens_here_again(
    page: Page, field: Field, served: Served
) -> None:
    bundle = send(field)
    sign_in(page, served, "prosecutor-2")
    go(page, served, bundle)
    expect(page.get_by_role("heading", name="This bundle is sealed to colleagues")).to_be_visible()  # not hers
    assert violations(page) == []
    page.get_by_role("button", name="Lock", exact=True).click()
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    page.get_by_role("link", name="Return it unopened").click()
    page.get_by_role("button", name="Return it unopened").click()
    assert "Say why you return it" in page.get_by_role("alert").inner_text()
    assert violations(page) == []
    page.get_by_label("Why do you return it?").fill("It is for another office.")
    page.get_by_role("button", name="Return it unopened").click()
    expect(page.get_by_text("The bundle is returned.")).to_be_visible()
    go(page, served, bundle)
    expect(page.get_by_role("heading", name="This bundle has ended")).to_be_visible()
    assert violations(page) == []
    acts = record_of(field.north, "liaison-1", bundle)
    assert [one.details["reason"] for one in acts if one.kind == "returned"] == ["It is for another office."]
    page.goto(f"{served.url}/inbox?tab=ended")
    expect(page.get_by_role("row", name=bundle.hex()[:8]).get_by_text("Returned unopened")).to_be_visible()


def test_two_officers_open_together_each_on_a_sign_in_of_their_own(
    page: Page, browser: Browser, field: Field, served: Served
) -> None:
    own = ("north-police/liaison-1", "north-police/liaison-2")
    bundle = send(field, "prosecutor-1", "prosecutor-2", threshold=2, own_officers=own, flags=(flag(),))
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    page.get_by_label("I have read this and will act on it: No contact").check()
    state(page)
    page.get_by_role("button", name="Ask a second officer, then open").click()
    expect(page.get_by_role("heading", name="Waiting for a second officer")).to_be_visible()
    assert violations(page) == []
    with field.south.office.files.session() as db:
        asked = approvals.list_asked(db, field.south.officer("prosecutor-1"))[0].approval_id
    page.goto(f"{served.url}/approvals/{asked.hex()}/opening")
    expect(page.get_by_role("heading", name="This is not here")).to_be_visible()  # nobody approves her own question
    second = browser.new_context().new_page()
    sign_in(second, served, "prosecutor-2")
    second.goto(f"{served.url}/approvals/{asked.hex()}/opening")
    assert violations(second) == []
    second.get_by_role("button", name="Agree to open it").click()
    assert "Tick that you have read the flag" in second.get_by_role("alert").inner_text()
    second.get_by_label("I have read this and will act on it: No contact").check()
    second.get_by_role("button", name="Agree to open it").click()
    expect(second.get_by_text("You have agreed.")).to_be_visible()
    second.context.close()
    go(page, served, bundle, "/wait")
    expect(page.get_by_role("heading", name="Your colleague agrees")).to_be_visible()
    assert violations(page) == []
    open_it(page)
    acts = record_of(field.south, "prosecutor-1", bundle)
    approval = next(one.details["approval"] for one in acts if one.kind == "open-requested")
    assert approval["officer"] == "south-prosecutor/prosecutor-2"


def test_a_colleague_who_does_not_agree_ends_it(page: Page, browser: Browser, field: Field, served: Served) -> None:
    bundle = send(field, "prosecutor-1", flags=(flag("dual-control"),))
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    page.get_by_label("I have read this and will act on it: Two officers").check()
    state(page)
    page.get_by_role("button", name="Ask a second officer, then open").click()
    with field.south.office.files.session() as db:
        asked = approvals.list_asked(db, field.south.officer("prosecutor-1"))[0].approval_id
    second = browser.new_context().new_page()
    sign_in(second, served, "prosecutor-2")
    second.goto(f"{served.url}/approvals/{asked.hex()}/opening")
    expect(second.get_by_text("you cannot read its cover")).to_be_visible()
    second.get_by_role("button", name="Do not agree").click()
    second.context.close()
    page.reload()
    expect(page.get_by_role("heading", name="Your colleague does not agree")).to_be_visible()
    assert page.get_by_role("button", name="Open it on record").count() == 0


def test_what_is_kept_stands_in_the_case_with_its_origin(page: Page, field: Field, served: Served) -> None:
    new_case(field.south, "prosecutor-1")
    bundle = send(field, keep_until="2026-12-31")
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    state(page)
    open_it(page)
    page.get_by_role("link", name="Keep in a case").click()
    assert violations(page) == []
    page.get_by_label("Case", exact=True).select_option(index=1)
    page.get_by_role("button", name="Keep it").click()
    assert "Choose what to keep" in page.get_by_role("alert").inner_text()
    page.get_by_label("Case", exact=True).select_option(index=1)
    page.get_by_label("The note").check()
    page.get_by_label("text/plain").check()
    page.get_by_role("button", name="Keep it").click()
    page.wait_for_url("**/kept?case=*", timeout=30_000)
    assert page.get_by_role("row", name="31 December 2026").count() == 2
    assert violations(page) == []
    page.get_by_role("link", name="File").first.click()
    expect(page.get_by_text("The ledger names three rooms.")).to_be_visible()
    expect(page.get_by_text("north-police/liaison-1")).to_be_visible()
    assert violations(page) == []
    field.south.sync()
    assert [one.details["items"] for one in record_of(field.north, "liaison-1", bundle) if one.kind == "filed"] == [2]


def test_a_key_is_handed_on_and_the_colleague_opens(page: Page, field: Field, served: Served) -> None:
    bundle = send(field)
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    page.get_by_role("link", name="Hand it on to a colleague").click()
    assert violations(page) == []
    page.get_by_label("Colleague").select_option("south-prosecutor/prosecutor-2")
    page.get_by_label("Why do you hand it on?").fill("Holiday")
    page.get_by_role("button", name="Hand it on").click()
    expect(page.get_by_text("It is handed on.")).to_be_visible()
    page.get_by_role("button", name="Lock", exact=True).click()
    sign_in(page, served, "prosecutor-2")
    go(page, served, bundle)
    state(page)
    open_it(page)


def test_files_leave_only_when_the_opening_said_so(page: Page, browser: Browser, field: Field, served: Served) -> None:
    bundle = send(field, flags=(flag("no-export"),))
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    page.get_by_label("I have read this and will act on it: Not taken out").check()
    state(page)
    page.get_by_text("I need to take files out of the desk").click()
    page.get_by_label("I will take files out of the desk").check()
    page.get_by_role("button", name="Open it on record").click()
    assert "order" in page.get_by_role("alert").inner_text()
    page.get_by_label("Reference of the court").fill("7 Ct 12/31")
    page.get_by_role("button", name="Open it on record").click()
    expect(page.get_by_role("heading", name="Waiting for a second officer")).to_be_visible()
    expect(page.get_by_text("exported as files by order of court: 7 Ct 12/31")).to_be_visible()
    with field.south.office.files.session() as db:
        asked = approvals.list_asked(db, field.south.officer("prosecutor-1"))[0].approval_id
    opening.approve_opening(field.south.office, field.south.officer("supervisor"), asked, now=now())
    page.reload()
    open_it(page)
    page.get_by_role("link", name="Take files out").click()
    assert violations(page) == []
    with page.expect_download() as found:
        page.get_by_role("button", name="Take it out").click()
    assert Path(found.value.path()).read_bytes() == TEXT
    field.sync_all()
    told = registers.list_flags(field.north.office, field.north.officer("liaison-1"), bundle, now=now())
    assert [one["text"] for flag_ in told for one in flag_["remarks"]] == [
        "exported as files by order of court: 7 Ct 12/31"
    ]
    # The control: what was opened to be read gives no file away.
    other = send(field)
    go(page, served, other)
    state(page)
    open_it(page)
    go(page, served, other, "/out")
    expect(page.get_by_role("heading", name="Not opened for this")).to_be_visible()
    token = page.locator("input[name=csrf_token]").first.input_value()
    answer = page.request.post(
        f"{served.url}/inbox/{other.hex()}/out/1", form={"csrf_token": token}, headers={"Origin": served.url}
    )
    assert answer.status == 400
    assert "opened to be read here" in answer.text()


def test_without_scripts_and_by_keyboard_alone(browser: Browser, field: Field, served: Served) -> None:
    bundle = send(field, flags=(flag(),))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    tab_to(page, "I have read this")
    page.keyboard.press("Space")
    tab_to(page, "Prosecution")
    page.keyboard.press("Space")
    tab_to(page, "Legal basis")
    page.keyboard.type("CCP 12")
    tab_to(page, "Open it on record")
    page.keyboard.press("Enter")
    for _ in range(20):
        if page.url.endswith("/opened"):
            break
        time.sleep(0.5)
        page.reload()
    expect(page).to_have_url(re.compile(re.escape("/opened") + "$"))
    tab_to(page, "Close the bundle")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The bundle is closed.")).to_be_visible()
    context.close()


def tab_to(page: Page, words: str) -> None:
    """Press Tab until something with these words has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        found = page.locator(":focus")
        if found.count() and words in (found.evaluate(WORDS_OF) or ""):
            return
    raise AssertionError(f"{words} was not reached")


WORDS_OF = "e => (e.labels && e.labels.length ? e.labels[0].textContent : e.textContent)"


def test_dark_pages_and_empty_lists_have_no_violations(browser: Browser, field: Field, served: Served) -> None:
    bundle = send(field, flags=(flag(),), handling=("TLP:RED",))
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    sign_in(page, served, "supervisor-1")
    for path in ("/inbox", "/inbox?tab=opened", "/inbox?tab=colleagues", f"/inbox/{bundle.hex()}"):
        page.goto(served.url + path)
        assert violations(page) == []
    page.get_by_role("button", name="Lock", exact=True).click()
    sign_in(page, served, "prosecutor-1")
    for path in (f"/inbox/{bundle.hex()}", f"/inbox/{bundle.hex()}/record", f"/inbox/{bundle.hex()}/hand-on"):
        page.goto(served.url + path)
        assert violations(page) == []
    context.close()


def test_wrong_ids_are_pages_that_do_not_exist(page: Page, served: Served) -> None:
    sign_in(page, served, "prosecutor-1")
    for path in ("/inbox/zz", "/inbox/" + "0" * 32, "/kept/" + "0" * 32, "/kept/x", "/approvals/x/opening"):
        answer = page.goto(served.url + path)
        assert answer is not None
        assert answer.status == 404, path
    assert page.goto(served.url + "/inbox?page=99999&tab=strange&from=nobody").status == 200  # type: ignore[union-attr]


def test_a_bundle_that_its_maker_stops_is_closed_in_the_session_too(page: Page, field: Field, served: Served) -> None:
    case_id = new_case(field.shelter, "case-worker-1")
    record, bundle = share_person(field.shelter, "case-worker-1", case_id, field.south)
    sign_in(page, served, "prosecutor-1")
    go(page, served, bundle)
    state(page, basis=BASIS)
    open_it(page)
    page.get_by_role("link", name="Persons (1)").click()
    expect(page.get_by_text("Feminine")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Consents (1)").click()
    assert violations(page) == []
    withdrawals.hold(
        field.shelter.office, field.shelter.officer("case-worker"), case_id, record, reason="She asks.", now=now()
    )  # fmt: skip
    field.south.sync()
    page.get_by_role("link", name="Persons (1)").click()
    assert page.get_by_text("Feminine").count() == 0
    expect(page.get_by_text("is held")).to_be_visible()
    go(page, served, bundle)
    expect(page.get_by_text("Held by its sender").first).to_be_visible()
    with field.south.office.files.session() as db:
        assert arrivals.get_stored(db, bundle).state == "held"
