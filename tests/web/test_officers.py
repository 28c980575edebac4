"""Officers on the pages of two administrators: appointing, enrolling, ending, new keys, the table of rights."""

import re
from collections.abc import Iterator

import httpx2
import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from agencies import acts, appointments, factors, members
from agencies.directory import ROLES
from agencies.models import Appointment, Member
from agencies.rights import MEANINGS, RIGHTS
from tests.support.departures import new_case
from tests.support.field import WORDS, Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations

NEW = "a passphrase of her own"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


@pytest.fixture
def second(browser: Browser, served: Served) -> Iterator[Page]:
    """The other administrator, in a browser of her own."""
    context: BrowserContext = browser.new_context()
    page = context.new_page()
    sign_in(page, served, "administrator-2")
    yield page
    context.close()


@pytest.fixture
def first(page: Page, served: Served) -> Page:
    sign_in(page, served, "administrator-1")
    return page


def appoint(page: Page, served: Served, role: str, order: str = "ord 2026/114") -> tuple[str, str]:
    """Begin an appointment; the word of the handle, and the code."""
    page.goto(f"{served.url}/settings/officers/appoint")
    page.get_by_label(role, exact=True).check()
    page.get_by_label("Number of the order").fill(order)
    page.get_by_role("button", name="Appoint").click()
    return page.url.split("/")[-2], page.locator(".am-share").inner_text()


def enrol(page: Page, served: Served, word: str, code: str, words: str = NEW) -> None:
    page.goto(f"{served.url}/enrol")
    page.get_by_label("Your role handle").fill(word)
    page.get_by_label("One-time code").fill(code)
    page.get_by_label("Your new passphrase").fill(words)
    page.get_by_label("The passphrase once more").fill(words)
    page.get_by_role("button", name="Make my keys").click()


def sign_certificate(page: Page, served: Served, word: str) -> None:
    page.goto(f"{served.url}/settings/officers/{word}")
    page.get_by_label("The officer has read the same fingerprint").check()
    page.get_by_role("button", name="Sign the certificate").click()


def test_an_officer_is_appointed_by_two_and_makes_her_own_keys(
    first: Page, second: Page, served: Served, browser: Browser
) -> None:
    hers = browser.new_page()
    word, code = appoint(first, served, "Police liaison")
    assert word == "liaison-3"
    assert violations(first) == []
    first.get_by_role("button", name="It is on paper").click()
    assert code not in first.content()
    first.goto(f"{served.url}/settings/officers/{word}/code")
    assert code not in first.content()  # it is not shown again
    first.goto(f"{served.url}/settings/officers")
    expect(first.get_by_text("Officer makes her keys")).to_be_visible()
    assert violations(first) == []

    enrol(hers, served, word, "0000 0000 0000 0000")
    assert "do not fit" in hers.get_by_role("alert").inner_text()
    assert violations(hers) == []
    enrol(hers, served, word, code.upper(), "short")
    assert "at least 12 signs" in hers.get_by_role("alert").inner_text()
    enrol(hers, served, word, code.upper())
    shown = hers.locator(".am-share").inner_text()
    assert violations(hers) == []
    enrol(hers, served, word, code)  # the code is used up
    assert "do not fit" in hers.get_by_role("alert").inner_text()

    sign_in(hers, served, word, NEW)  # nobody counts her in before two have signed
    expect(hers).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    with served.desk.office.files.session() as db:
        assert db.get(Member, f"north-police/{word}") is None

    first.goto(f"{served.url}/settings/officers/{word}")
    assert shown in first.content()  # both sides see the same fingerprint
    first.get_by_role("button", name="Sign the certificate").click()
    assert "Compare the fingerprint" in first.get_by_role("alert").inner_text()
    assert violations(first) == []
    sign_certificate(first, served, word)
    expect(first.get_by_role("heading", name="1 of 2 signatures")).to_be_visible()
    assert first.get_by_role("button", name="Sign the certificate").count() == 0
    sign_certificate(second, served, word)
    expect(second.get_by_text("The certificate is in the log")).to_be_visible()
    expect(second.get_by_text("Works here")).to_be_visible()
    assert violations(second) == []

    sign_in(hers, served, word, NEW)
    expect(hers).to_have_url(re.compile(re.escape("/today") + "$"))
    hers.goto(f"{served.url}/cases")
    expect(hers.get_by_role("heading", name="Cases")).to_be_visible()
    hers.close()
    with served.desk.office.files.session() as db:
        body, signers = list(acts.read_acts(db))[-1]
        assert (body["act"], body["facts"]["order"], signers) == (
            "appointed", "ORD-2026-114", ("north-police/administrator-2",),
        )  # fmt: skip
        assert served.app.extensions["office"].directory(db).find_certificate(f"north-police/{word}") is not None


def test_a_code_that_was_tried_too_often_is_void_until_a_new_one_is_made(first: Page, served: Served) -> None:
    word, code = appoint(first, served, "Supervisor")
    with httpx2.Client(trust_env=False, headers={"Origin": served.url}) as client:
        for one in [*["wrong code"] * appointments.MOST_TRIES, code]:
            page = client.get(f"{served.url}/enrol").text
            token = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
            answer = client.post(
                f"{served.url}/enrol",
                data={"handle": word, "code": one, "passphrase": NEW, "again": NEW, "csrf_token": token},
            )
            assert answer.status_code == 401
            assert "do not fit" in answer.text
        unknown = client.post(
            f"{served.url}/enrol",
            data={"handle": "liaison-99", "code": code, "passphrase": NEW, "again": NEW, "csrf_token": token},
        )
        assert "do not fit" in unknown.text  # one answer for all
    first.goto(f"{served.url}/settings/officers/{word}")
    expect(first.get_by_role("heading", name="The code is used up")).to_be_visible()
    first.get_by_role("button", name="Make another code").click()
    fresh = first.locator(".am-share").inner_text()
    first.get_by_role("button", name="Lock").click()
    enrol(first, served, word, fresh)
    expect(first.get_by_role("heading", name="Your keys are made")).to_be_visible()


def test_what_cannot_be_appointed_is_said_at_its_field(first: Page, served: Served) -> None:
    first.goto(f"{served.url}/settings/officers/appoint")
    first.get_by_label("Auditor", exact=True).check()
    first.get_by_label("Police liaison", exact=True).check()
    for order, handle, until, said in (
        ("Maria Petrescu", "", "", "no words and no names"),
        ("ORD-1", "maria", "", "never a name"),
        ("ORD-1", "liaison-1", "", "given before"),
        ("ORD-1", "", "2020-01-01", "ends before it begins"),
        ("ORD-1", "", "", "no other role beside it"),
        ("<b>\u202e\U0001f600" + "x" * 30, "", "", "no words and no names"),
    ):
        roles = ["Auditor", "Police liaison"] if "beside" in said else ["Police liaison"]
        for role in ("Auditor", "Police liaison"):
            first.get_by_label(role, exact=True).set_checked(role in roles)
        first.get_by_label("Number of the order").fill(order)
        first.get_by_label("Role handle").fill(handle)
        first.get_by_label("Until").fill(until)
        first.get_by_role("button", name="Appoint").click()
        assert said in first.get_by_role("alert").inner_text(), said
    assert violations(first) == []


def test_an_appointment_is_given_up(first: Page, served: Served) -> None:
    word, code = appoint(first, served, "Auditor")
    first.get_by_role("button", name="It is on paper").click()
    first.get_by_role("link", name="Give it up").click()
    assert violations(first) == []
    first.get_by_role("button", name="Give it up").click()
    first.get_by_role("button", name="Lock").click()
    enrol(first, served, word, code)
    assert "do not fit" in first.get_by_role("alert").inner_text()
    with served.desk.office.files.session() as db:
        row = db.query(Appointment).filter_by(officer=f"north-police/{word}").one()
        assert (row.state, row.keyring) == ("withdrawn", None)


def test_an_appointment_ends_after_its_cases_were_handed_over(
    first: Page, second: Page, served: Served, field: Field, browser: Browser
) -> None:
    field.north.appoint("liaison-31", "liaison")
    field.north.sync()
    case = new_case(field.north, "liaison-31")
    hers = browser.new_page()
    sign_in(hers, served, "liaison-31")
    first.goto(f"{served.url}/settings/officers/liaison-31")
    first.get_by_role("link", name="End the appointment").click()
    expect(first.get_by_role("heading", name="Hand over first")).to_be_visible()
    assert violations(first) == []
    first.get_by_role("button", name="End the appointment").click()
    assert "hand them over first" in first.get_by_role("alert").inner_text()
    hers.goto(f"{served.url}/today")
    expect(hers).to_have_url(re.compile(re.escape("/today") + "$"))
    first.get_by_label("End it although").check()
    first.get_by_role("button", name="End the appointment").click()
    expect(first.get_by_role("heading", name="1 of 2 signatures")).to_be_visible()
    hers.goto(f"{served.url}/today")  # signed out at once
    expect(hers).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    sign_in(hers, served, "liaison-31")
    expect(hers).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    hers.close()
    second.goto(f"{served.url}/settings/officers")
    second.get_by_role("link", name="Revocation of").click()
    second.get_by_role("button", name="Sign the revocation").click()
    expect(second.get_by_text("The certificate is revoked in the log")).to_be_visible()
    expect(second.get_by_text("Has left")).to_be_visible()
    with served.desk.office.files.session() as db:
        directory = served.app.extensions["office"].directory(db)
        assert directory.find_certificate("north-police/liaison-31") is None
        assert directory.find_certificate("north-police/liaison-1") is not None  # the control
        facts = [body["facts"] for body, _ in acts.read_acts(db) if body["act"] == "departed"][-1]
        assert facts["officer"] == "north-police/liaison-31" and len(facts["cases"]) == 1 and case


def test_new_keys_after_a_lost_passphrase(
    first: Page, second: Page, served: Served, field: Field, browser: Browser
) -> None:
    field.north.appoint("liaison-32", "liaison")
    field.north.sync()
    first.goto(f"{served.url}/settings/officers/liaison-32/new-keys")
    assert violations(first) == []
    first.get_by_label("Number of the order").fill("12")
    first.get_by_role("button", name="Begin").click()
    code = first.locator(".am-share").inner_text()
    hers = browser.new_page()
    enrol(hers, served, "liaison-32", code)
    shown = hers.locator(".am-share").inner_text()
    first.goto(f"{served.url}/settings/officers/liaison-32")
    expect(first.get_by_role("heading", name="The old certificate still counts")).to_be_visible()
    second.goto(f"{served.url}/settings/officers/liaison-32")
    second.get_by_role("button", name="Sign the revocation").click()
    sign_certificate(second, served, "liaison-32")
    first.goto(f"{served.url}/settings/officers/liaison-32")
    assert shown in first.content()
    sign_certificate(first, served, "liaison-32")
    expect(first.get_by_text("The certificate is in the log")).to_be_visible()
    sign_in(hers, served, "liaison-32", WORDS)
    expect(hers).to_have_url(re.compile(re.escape("/sign-in") + "$"))
    sign_in(hers, served, "liaison-32", NEW)
    expect(hers).to_have_url(re.compile(re.escape("/today") + "$"))
    hers.close()
    with served.desk.office.files.session() as db:
        assert [body["act"] for body, _ in acts.read_acts(db)][-1] == "renewed"


def test_nobody_does_it_for_herself(first: Page, served: Served) -> None:
    first.goto(f"{served.url}/settings/officers/administrator-1")
    assert first.get_by_role("link", name="New keys").count() == 0
    first.goto(f"{served.url}/settings/officers/administrator-1/new-keys")
    first.get_by_label("Number of the order").fill("12")
    first.get_by_role("button", name="Begin").click()
    assert "nobody renews her own keys" in first.get_by_role("alert").inner_text()
    first.goto(f"{served.url}/settings/officers/administrator-1/second-factors")
    expect(first.get_by_text("Nobody resets her own second factors")).to_be_visible()


def test_second_factors_are_reset_on_the_record(first: Page, served: Served) -> None:
    desk = served.desk
    secret = factors.new_secret()
    with desk.office.files.session() as db:
        factors.add_code(db, desk.officer("supervisor-1"), secret, pyotp.TOTP(secret).now(), "x", now=now())
    first.goto(f"{served.url}/settings/officers/supervisor-1")
    first.get_by_role("link", name="Reset second factors").click()
    assert violations(first) == []
    first.get_by_role("button", name="Reset the second factors").click()
    with desk.office.files.session() as db:
        assert not factors.has_factor(db, "north-police/supervisor-1")
        body, signers = list(acts.read_acts(db))[-1]
        assert (body["act"], body["facts"]["officer"]) == ("factors-reset", "north-police/supervisor-1")
        assert signers == ("north-police/administrator-1",)


def test_a_second_administrator_is_certified_by_the_root_with_shares_on_the_table(
    first: Page, served: Served, browser: Browser
) -> None:
    word, code = appoint(first, served, "Administrator")
    assert word == "administrator-3"
    hers = browser.new_page()
    enrol(hers, served, word, code)
    hers.close()

    def sign_with_root() -> None:
        first.goto(f"{served.url}/settings/officers/{word}")
        first.get_by_label("The officer has read the same fingerprint").check()
        first.get_by_role("button", name="Sign with the root").click()

    sign_with_root()  # no share lies there
    assert first.get_by_text("keyholder").count() + first.get_by_text("key-unusable").count() > 0
    for words in served.desk.papers["root"]:
        first.goto(f"{served.url}/recover")
        first.get_by_label("Root key").check()
        first.get_by_label("Words of the share").fill(words)
        first.get_by_role("button", name="Add a share").click()
        assert words.split()[5] not in first.locator("main form").first.inner_html()
    sign_with_root()
    expect(first.get_by_text("The certificate is in the log")).to_be_visible()
    first.goto(f"{served.url}/recover")
    assert first.get_by_text("No share yet").count() == 2  # taken off by it


def test_the_table_of_roles_is_that_of_the_rights(first: Page, served: Served) -> None:
    first.goto(f"{served.url}/settings/roles")
    assert violations(first) == []
    heads = first.get_by_role("columnheader").all_inner_texts()[1:]
    words = dict(
        zip(
            ("Police liaison", "Prosecutor", "Case worker", "Supervisor", "Administrator", "Auditor"),
            ("liaison", "prosecutor", "case-worker", "supervisor", "administrator", "auditor"),
            strict=True,
        )
    )
    assert {words[head] for head in heads} == set(ROLES)
    for right, roles in RIGHTS.items():
        row = first.get_by_role("row").filter(has=first.get_by_role("rowheader", name=MEANINGS[right], exact=True))
        said = [text.strip() for text in row.locator("td .visually-hidden").all_inner_texts()]
        assert {words[head] for head, yes in zip(heads, said, strict=True) if yes == "yes"} == roles, right
    first.emulate_media(media="print")
    assert not first.locator(".am-rail").is_visible()


def test_each_right_has_a_plain_sentence() -> None:
    assert set(MEANINGS) == set(RIGHTS)
    assert all(one.endswith(".") and one[0].isupper() for one in MEANINGS.values())


def test_wrong_addresses_are_pages_that_do_not_exist(first: Page, served: Served) -> None:
    for word in ("liaison-999", "maria", "x" * 200, "%F0%9F%98%80", "<b>", "..%2f"):
        for more in ("", "/end", "/new-keys", "/second-factors"):
            answer = first.goto(f"{served.url}/settings/officers/{word}{more}")
            assert answer is not None and answer.status == 404, (word, more)


def test_after_the_last_day_of_an_appointment_nobody_signs_in(served: Served, field: Field) -> None:
    field.north.appoint("liaison-33", "liaison")
    field.north.sync()
    handle = field.north.handle("liaison-33")
    members.sign_in(field.north.office.files, handle, WORDS, now=now()).lock()
    with field.north.office.files.session() as db:
        db.add(
            Appointment(
                appointment_id=b"9" * 16, kind="appoint", officer=handle, roles="liaison", order_number="1",
                from_day="2020-01-01", until_day="2020-12-31", state="done", proposed_by=handle, proposed_at=1,
                code_until=0, tries=0, decided_at=2,
            )
        )  # fmt: skip
    with pytest.raises(members.PassphraseWrong):
        members.sign_in(field.north.office.files, handle, WORDS, now=now())


def test_everything_also_in_the_dark_and_on_a_phone(browser: Browser, served: Served) -> None:
    context = browser.new_context(color_scheme="dark", viewport={"width": 390, "height": 800})
    page = context.new_page()
    sign_in(page, served, "administrator-2")
    for path in ("/settings/officers", "/settings/officers/liaison-1", "/settings/officers/appoint", "/settings/roles",
                 "/settings/officers/deputy"):  # fmt: skip
        page.goto(served.url + path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
    context.close()
