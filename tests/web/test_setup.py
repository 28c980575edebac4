"""The first run in a real browser: six tasks, shares seen once and kept nowhere, the wizard closed for good."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from agencies import setup as ceremonies
from crypto import labels
from crypto.statements import parse_statement
from exchange import first_run, membership
from exchange.office import list_alarms
from tests.support.canaries import search
from tests.support.field import WORDS, Field, now, with_field
from tests.support.fresh import again, fresh_desk
from tests.support.served import Served, sign_in, violations

EAST = "east-labour"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


def use(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def first_two(page: Page, start: str = "Start") -> None:
    """Language and agency; `start` is the first link, in the language of the installation."""
    page.get_by_role("link", name=start).click()
    page.get_by_label("English").check()
    use(page, "Continue")
    page.get_by_role("link", name="Go on").click()
    page.get_by_label("Country").fill("xb")
    page.get_by_label("Non-governmental organisation").check()
    page.get_by_label("Unit").fill("Night desk")
    use(page, "Continue")


def administrator(page: Page, words: str = WORDS) -> None:
    page.get_by_label("Passphrase", exact=True).fill(words)
    page.get_by_label("The passphrase once more").fill(words)
    use(page, "Make the keys")


def words_on(page: Page) -> str:
    return " ".join(page.locator(".am-words li").all_inner_texts())


def hold_ceremony(page: Page) -> dict[str, list[str]]:
    """Every share looked at, put away; two of each typed back. The words by key."""
    found: dict[str, list[str]] = {"Root key": [], "Recovery key": []}
    use(page, "Make the shares")
    while page.get_by_role("button", name="I am alone").count():
        assert page.locator(".am-words").count() == 0
        title = page.get_by_role("heading", level=2).inner_text()
        use(page, "I am alone")
        found[title.split(":")[0]].append(words_on(page))
        use(page, "It is on paper")
    for name in ("Root key", "Recovery key"):
        expect(page.get_by_role("heading", name=f"Type shares back: {name}")).to_be_visible()
        for words in found[name][:2]:
            page.get_by_label("Words of the share").fill(words)
            use(page, "Compare")
    return found


def test_the_first_run_from_the_code_to_the_network(page: Page, field: Field, tmp_path: Path) -> None:
    folder = tmp_path / EAST
    with fresh_desk(field, EAST, folder, second_factor="required", language="fr") as (served, address):
        seen: list[str] = []
        page.on("framenavigated", lambda frame: seen.append(frame.url))
        page.goto(address)
        expect(page).to_have_url(f"{served.url}/setup")  # the code does not stay in the address
        assert violations(page) == []
        first_two(page, "Commencer")
        page.get_by_role("link", name="Go on").click()
        page.get_by_label("Passphrase", exact=True).fill("too short")
        page.get_by_label("The passphrase once more").fill("too short")
        use(page, "Make the keys")
        expect(page).to_have_title(re.compile("^Error:"))
        assert "at least 12 signs" in page.get_by_role("alert").inner_text()
        assert violations(page) == []
        administrator(page)
        expect(page.get_by_role("heading", name="Administrator 2 of 2")).to_be_visible()
        administrator(page)
        page.get_by_role("link", name="Go on").click()
        for _ in range(2):
            assert violations(page) == []
            secret = page.locator("ol .am-id").inner_text().replace(" ", "")
            page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
            page.get_by_label("What you call it").fill("Telephone")
            use(page, "Set it up")
        page.get_by_role("link", name="Go on").click()
        assert violations(page) == []
        found = hold_ceremony(page)
        assert [len(one) for one in found.values()] == [3, 3]
        page.get_by_role("link", name="Go on").click()
        expect(page.get_by_text("The broker answers")).to_be_visible()
        assert violations(page) == []
        page.get_by_label("Yes, all the same").check()
        use(page, "Continue")
        use(page, "Finish the set-up")
        expect(page).to_have_url(f"{served.url}/sign-in")
        _nothing_kept(page, served, folder, found, seen)
        _closed(served)
        settings = (folder / "desk.env").read_text()
        assert "AMPARO_DESK_UNIT='Night desk'" in settings and "LANGUAGE=fr" not in settings
        _comes_in(page, field, served, secret)
    with again(field, EAST, folder) as (served, address):
        assert address == served.url  # no code any more
        sign_in(page, served, "administrator-1")
        page.goto(f"{served.url}/settings/recovery")
        assert page.get_by_text("2 of 3 give the key").count() == 2


def _nothing_kept(page: Page, served: Served, folder: Path, found: dict[str, list[str]], seen: list[str]) -> None:
    """No word list on the disk, in an address, or in a cookie; a planted one is found by the same search."""
    shares = [words for one in found.values() for words in one]
    runs = [" ".join(words.split()[3:6]) for words in shares]
    assert search(folder, runs) == []
    planted = folder / "blobs" / "planted"
    planted.write_text(shares[0])
    assert search(folder, runs)
    planted.unlink()
    cookies = str(page.context.cookies())
    for words in runs:
        for text in (*seen, cookies, page.content()):
            assert words not in text and words.replace(" ", "+") not in text and words.replace(" ", "%20") not in text
    with served.desk.office.files.session() as db:
        assert [one.typed_back for one in ceremonies.share_holders(db, "root")] == [True, True, False]


def _closed(served: Served) -> None:
    """Every address of the wizard leads to the sign-in, for whoever asks."""
    with httpx2.Client(trust_env=False) as client:
        for path in ("", "?code=x", "/language", "/agency", "/administrators", "/second-factor", "/shares", "/broker"):
            answer = client.get(f"{served.url}/setup{path}")
            assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in")


def _comes_in(page: Page, field: Field, served: Served, secret: str) -> None:
    """Two members admit the agency; then its own certificates are sent, and no alarm is raised."""
    desk = served.desk
    sign_in(page, served, "administrator-2")
    page.get_by_label("Code").fill(pyotp.TOTP(secret).at(now() + 30))
    use(page, "Unlock")
    expect(page).to_have_url(re.compile(re.escape("/settings/first-steps") + "$"))
    assert violations(page) == []
    page.goto(f"{served.url}/today")
    page.get_by_role("link", name="Come into the network").click()
    use(page, "Look whether we are in")
    expect(page.get_by_text("does not know this agency yet")).to_be_visible()
    with page.expect_download() as got:
        page.get_by_role("link", name="Download the request").click()
    statement = parse_statement(Path(str(got.value.path())).read_bytes())
    for member in (field.north, field.south):
        for word in ("administrator-1", "administrator-2"):
            statement = member.officer(word).sign_statement(labels.DIRECTORY, statement)
    membership.publish(field.north.office, statement, now=now())
    use(page, "Look whether we are in")
    assert page.get_by_role("heading", name="The agency is in the network").is_visible(), page.content()
    assert violations(page) == []
    office = served.app.extensions["office"]
    assert office.client.key_id == f"desk/{EAST}"
    assert not membership.invitation_file(desk.folder).exists()
    with office.files.session() as db:
        assert len(office.directory(db).administrators(EAST)) == 2
        assert first_run.waiting(db) == []
        assert list_alarms(db) == []
    page.goto(f"{served.url}/today")
    assert page.get_by_role("link", name="Come into the network").count() == 0
    field.sync_all(1)


def test_without_the_code_nothing_is_served(field: Field, tmp_path: Path, page: Page, browser: Browser) -> None:
    with fresh_desk(field, "west-labour", tmp_path / "west") as (served, address):
        with httpx2.Client(trust_env=False, headers={"Origin": served.url}) as client:
            assert client.get(f"{served.url}/setup").status_code == 403
            assert client.get(f"{served.url}/setup/administrators").status_code == 403
            assert client.get(f"{served.url}/setup?code=wrong").status_code == 403
            for path in ("/today", "/sign-in", "/enrol", "/settings", "/recover", "/"):
                answer = client.get(served.url + path, follow_redirects=True)
                assert answer.status_code == 403, path
            assert client.post(f"{served.url}/setup/finish").status_code in (400, 403)
        page.goto(address)  # the control: the code opens it, once
        expect(page.get_by_role("heading", name="Set up this desk")).to_be_visible()
        other = browser.new_page()
        other.goto(address)
        expect(other.get_by_text("This code was used")).to_be_visible()
        other.close()
        page.reload()
        expect(page.get_by_role("heading", name="Set up this desk")).to_be_visible()


def test_a_set_up_that_was_broken_off_begins_anew(field: Field, tmp_path: Path, page: Page) -> None:
    folder = tmp_path / "south"
    with fresh_desk(field, "coast-labour", folder) as (served, address):
        page.goto(address)
        first_two(page)
        page.get_by_role("link", name="Go on").click()
        administrator(page, "the first passphrase")
    with again(field, "coast-labour", folder) as (served, address):
        page.goto(address)
        first_two(page)
        page.get_by_role("link", name="Go on").click()
        expect(page.get_by_role("heading", name="Administrator 1 of 2")).to_be_visible()
        administrator(page)
        expect(page.get_by_role("heading", name="Administrator 2 of 2")).to_be_visible()
        assert served.url + "/sign-in" != page.url


def test_without_scripts_and_stopped_at_a_key_that_differs(field: Field, tmp_path: Path, browser: Browser) -> None:
    context = browser.new_context(
        java_script_enabled=False, color_scheme="dark", viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    with fresh_desk(field, "hill-labour", tmp_path / "hill") as (served, address):
        page.goto(address)
        first_two(page)
        page.get_by_role("link", name="Go on").click()
        page.get_by_label("There is only one administrator here").check()
        administrator(page)
        page.get_by_role("link", name="Go on").click()  # no factor is asked for at this desk: straight on
        page.get_by_role("link", name="Go on").click()
        page.get_by_label("Holders of shares").fill("administrator-1")
        use(page, "Make the shares")
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("Holders of shares").fill("administrator-1 holder-1")
        found = hold_ceremony(page)
        assert [len(one) for one in found.values()] == [2, 2]
        page.get_by_role("link", name="Go on").click()
        page.get_by_label("No, something is different").check()
        use(page, "Continue")
        expect(page.get_by_role("heading", name="Stop here")).to_be_visible()
        page.goto(f"{served.url}/setup")
        assert page.get_by_role("button", name="Finish the set-up").count() == 0
        with served.desk.office.files.session() as db:
            assert not first_run.is_finished(db)
    context.close()


def test_a_share_that_is_typed_wrongly_is_refused_and_not_shown_again(field: Field, tmp_path: Path, page: Page) -> None:
    with fresh_desk(field, "lake-labour", tmp_path / "lake") as (_, address):
        page.goto(address)
        first_two(page)
        page.get_by_role("link", name="Go on").click()
        administrator(page)
        administrator(page)
        page.get_by_role("link", name="Go on").click()
        page.get_by_role("link", name="Go on").click()
        use(page, "Make the shares")
        use(page, "I am alone")
        page.emulate_media(media="print")
        assert (
            page.locator(".am-words").is_visible()
            and not page.get_by_role("button", name="It is on paper").is_visible()
        )
        page.emulate_media(media="screen")
        assert violations(page) == []
        first = words_on(page)
        use(page, "It is on paper")
        assert words_on(page) == ""
        page.go_back()
        assert first not in words_on(page)
        page.goto(page.url)
        while page.get_by_role("button", name="I am alone").count():
            use(page, "I am alone")
            use(page, "It is on paper")
        assert violations(page) == []
        page.get_by_label("Words of the share").fill(first.rsplit(" ", 1)[0] + " academic")
        use(page, "Compare")
        expect(page.get_by_role("alert")).to_be_visible()
        assert page.get_by_label("Words of the share").input_value() == ""
        page.get_by_label("Words of the share").fill(first)
        use(page, "Compare")
        expect(page.get_by_text("1 of 2 is done")).to_be_visible()
