"""What was typed is there again: after the idle lock, after a double click, after the back button."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from agencies.models import OwnPaper
from tests.support.field import with_field
from tests.support.served import Served, serving, sign_in

TYPED = "Telephone of the night shift"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with with_field(tmp_path_factory.mktemp("field")) as field, serving(field, field.north) as served:
        yield served


def lock_meanwhile(served: Served) -> None:
    """What the idle lock does while a form is open in the browser."""
    served.app.extensions["book"].end_all()


def fill_in(page: Page, served: Served, handle: str) -> None:
    sign_in(page, served, handle)
    page.goto(f"{served.url}/settings/second-factor/code")
    page.get_by_label("What you call it").fill(TYPED)
    page.get_by_label("Code").fill("123456")
    lock_meanwhile(served)
    page.get_by_role("button", name="Add it").click()
    expect(page).to_have_url(re.compile(re.escape("/sign-in") + "$"))


def test_a_form_that_comes_after_the_lock_is_filled_in_again_once(page: Page, served: Served) -> None:
    fill_in(page, served, "liaison-1")
    sign_in(page, served, "liaison-1")
    expect(page).to_have_url(re.compile(re.escape("/settings/second-factor/code") + "$"))
    assert page.get_by_label("What you call it").input_value() == TYPED
    assert page.get_by_label("Code").input_value() == ""  # secrets are not kept
    expect(page.get_by_text("What you had typed is here again")).to_be_visible()
    page.reload()
    assert page.get_by_label("What you call it").input_value() == ""


def test_another_officer_in_the_same_browser_sees_nothing_of_it(page: Page, served: Served) -> None:
    fill_in(page, served, "liaison-1")
    sign_in(page, served, "liaison-2")
    page.goto(f"{served.url}/settings/second-factor/code")
    assert page.get_by_label("What you call it").input_value() == ""
    page.get_by_role("button", name="Lock").click()
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}/settings/second-factor/code")
    assert page.get_by_label("What you call it").input_value() == TYPED


def test_what_was_typed_lies_sealed_on_the_disk(page: Page, served: Served) -> None:
    fill_in(page, served, "supervisor-1")
    with served.desk.office.files.session() as db:
        assert db.query(OwnPaper).filter_by(officer="north-police/supervisor-1", kind="parked").count() == 1
    raw = b"".join(path.read_bytes() for path in served.desk.folder.rglob("desk.sqlite*"))
    assert TYPED.encode() not in raw
    assert b"north-police/supervisor-1" in raw  # control


def test_a_form_of_nobody_is_kept_for_nobody(page: Page, served: Served) -> None:
    with served.desk.office.files.session() as db:
        before = db.query(OwnPaper).count()
    page.goto(f"{served.url}/sign-in")
    page.evaluate(
        """(url) => fetch(url, {
            method: "POST", body: new URLSearchParams({label: "x", from_page: "/cases"})
        }).then(() => null)""",
        f"{served.url}/settings/second-factor/code",
    )
    with served.desk.office.files.session() as db:
        assert db.query(OwnPaper).count() == before
