"""The second factor in a real browser: codes, a virtual security key, what is refused, and what is on the record."""

import re
import time
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Page, expect

from agencies import sign_ins
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    """Opened by a name, since a security key works for no bare address."""
    with serving(field, field.north, host="localhost", second_factor="required") as served:
        yield served


def secret_on(page: Page) -> str:
    return page.locator("ol .am-id").inner_text().replace(" ", "")


def set_up_code(page: Page, served: Served, handle: str, label: str = "Office telephone") -> str:
    sign_in(page, served, handle)
    expect(page).to_have_url(re.compile(re.escape("/sign-in/second/new") + "$"))
    secret = secret_on(page)
    page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("textbox", name="What you call it").first.fill(label)
    page.get_by_role("button", name="Set up and unlock").click()
    return secret


def next_code(secret: str) -> str:
    """The code of the step after this one: each counts once, and one beside the current is taken."""
    return pyotp.TOTP(secret).at(int(time.time()) + 30)


def test_an_officer_sets_up_an_authenticator_and_signs_in_with_it(page: Page, served: Served) -> None:
    secret = set_up_code(page, served, "liaison-1")
    expect(page).to_have_url(re.compile(re.escape("/settings/second-factor") + "$"))
    expect(page.get_by_role("rowheader", name="Office telephone")).to_be_visible()
    expect(page.get_by_text("fewer than two")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "liaison-1")
    expect(page).to_have_url(re.compile(re.escape("/sign-in/second") + "$"))
    assert violations(page) == []
    page.get_by_label("Code").fill(next_code(secret))
    page.get_by_role("button", name="Unlock").click()
    expect(page).to_have_url(re.compile(re.escape("/today") + "$"))
    expect(page.get_by_text("Your last sign-in")).to_be_visible()


def test_the_passphrase_alone_opens_no_page(page: Page, served: Served) -> None:
    set_up_code(page, served, "liaison-2")
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "liaison-2")
    for path in ("/today", "/cases", "/inbox", "/settings/second-factor", "/sign-in/second/new"):
        page.goto(served.url + path)
        assert "/sign-in" in page.url
        assert not page.url.endswith("/new")


def test_a_code_counts_once_and_a_wrong_one_is_refused_and_told_at_the_next_sign_in(page: Page, served: Served) -> None:
    secret = set_up_code(page, served, "supervisor-1")
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "supervisor-1")
    code = next_code(secret)
    for wrong in ("000000" if code != "000000" else "000001", "12", "twelve"):
        page.get_by_label("Code").fill(wrong)
        page.get_by_role("button", name="Unlock").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page).to_have_title(re.compile("^Error:"))
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Unlock").click()
    expect(page).to_have_url(re.compile(re.escape("/today") + "$"))
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "supervisor-1")
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("alert")).to_be_visible()
    with served.desk.office.files.session() as db:
        results = [one.result for one in sign_ins.list_notes(db, "north-police/supervisor-1")]
    assert results.count(sign_ins.FACTOR) == 4


def test_many_wrong_codes_make_one_wait(page: Page, served: Served) -> None:
    secret = set_up_code(page, served, "auditor-1")
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "auditor-1")
    for _ in range(6):
        page.get_by_label("Code").fill("000000")
        page.get_by_role("button", name="Unlock").click()
    page.get_by_label("Code").fill(next_code(secret))
    page.get_by_role("button", name="Unlock").click()
    assert "Wait a moment" in page.get_by_role("alert").inner_text()


def test_a_security_key_is_set_up_and_opens_the_desk(page: Page, served: Served) -> None:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True,
                     "automaticPresenceSimulation": True}},
    )  # fmt: skip
    sign_in(page, served, "administrator-1")
    page.get_by_role("textbox", name="What you call it").last.fill("Blue key")
    page.get_by_role("button", name="Set up a security key").click()
    page.wait_for_url("**/settings/second-factor")
    expect(page.get_by_role("rowheader", name="Blue key")).to_be_visible()
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "administrator-1")
    page.get_by_role("button", name="Use a security key or passkey").click()
    page.wait_for_url("**/today")


def test_the_last_factor_stays_and_another_can_be_removed(page: Page, served: Served) -> None:
    set_up_code(page, served, "administrator-2", "First")
    assert page.get_by_role("button", name="Remove").count() == 0
    page.get_by_role("link", name="Add an authenticator").click()
    page.get_by_label("Code").fill(pyotp.TOTP(secret_on(page)).now())
    page.get_by_role("textbox", name="What you call it").fill("Second")
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("button", name="Remove Second").click()
    assert page.get_by_role("rowheader").count() == 1
    expect(page.get_by_role("rowheader", name="First")).to_be_visible()


def test_what_an_officer_calls_her_factor_and_its_secret_lie_sealed_on_the_disk(page: Page, served: Served) -> None:
    handle = "liaison-1"
    with served.desk.office.files.session() as db:
        before = sign_ins.last_time(db, f"north-police/{handle}")
    assert before.at is None or before.at <= now()
    raw = b"".join(path.read_bytes() for path in served.desk.folder.rglob("desk.sqlite*"))
    assert b"north-police/liaison-1" in raw  # control: what stands there in clear is found
    assert b"Office telephone" not in raw
    assert b"Blue key" not in raw
