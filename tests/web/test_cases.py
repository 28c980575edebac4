"""Cases, their team, link chart and history in a real browser, as officers use them."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from agencies import cases
from exchange import case_files, case_links
from identity import name_requests
from tests.support import casefiles
from tests.support.casefiles import HOSTILE, CaseAt
from tests.support.field import Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def served(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


@pytest.fixture(scope="module")
def whole(field: Field, tmp_path_factory: pytest.TempPathFactory) -> tuple[CaseAt, dict[str, bytes]]:
    """A case with everything in it, and a bundle that the prosecutor got."""
    case, made = casefiles.whole(field.north, "liaison-1", "NP-2031-7", tmp_path_factory.mktemp("files"))
    made["bundle"] = case.share(field.south, "prosecutor-1", made["V1"])
    case.join("liaison-2", vault=False)
    with field.north.office.files.session() as db:
        name_requests.ask(db, case.officer, case.case_id, made["V1"], "to call her lawyer", now=now())
    field.sync_all()
    return case, made


@pytest.fixture(scope="module")
def empty(field: Field) -> CaseAt:
    return casefiles.begin(field.north, "liaison-1", "NP-2031-8", "Nothing in it yet")


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()
    page.wait_for_load_state("load")


# ---- A case from its beginning to its end -----------------------------------------------------------------------


def test_an_officer_begins_a_case_changes_it_closes_it_and_opens_it_again(page: Page, served: Served) -> None:
    sign_in(page, served, "liaison-1")
    page.get_by_role("link", name="Cases").first.click()
    page.get_by_role("link", name="New case").first.click()
    page.get_by_label("File number").fill("NP-2032-1")
    page.get_by_label("Title").fill("Car wash")
    page.get_by_label("Stage").select_option("identification")
    press(page, "Begin the case")
    expect(page.get_by_role("heading", level=1)).to_have_text("Car wash")
    assert page.title() == "Case NP-2032-1 - Desk"
    expect(page.get_by_role("heading", name="Begin here")).to_be_visible()
    page.get_by_role("link", name="Change the facts and the stage").click()
    page.get_by_label("Stage").select_option("investigation")
    page.get_by_label("Recovery period from").fill("2031-01-01")
    press(page, "Save")
    expect(page).to_have_title(re.compile("^Error:"))
    page.get_by_label("Recovery period until").fill("2030-12-01")
    press(page, "Save")
    expect(page.get_by_text("The last day comes after the first").first).to_be_visible()
    page.get_by_label("Recovery period until").fill("2031-02-01")
    press(page, "Save")
    expect(page.locator(".am-facts").get_by_text("Investigation")).to_be_visible()
    page.get_by_role("link", name="Close this case").click()
    press(page, "Close the case")
    expect(page.get_by_text("Choose how the case ended").first).to_be_visible()
    page.get_by_label("A court has decided").check()
    page.get_by_label("Nothing more is expected").check()
    press(page, "Close the case")
    expect(page.get_by_text("This case was closed on")).to_be_visible()
    closed = page.url
    page.goto(served.url + "/cases")
    assert page.get_by_role("link", name="NP-2032-1").count() == 0
    page.get_by_label("State").select_option("closed")
    press(page, "Apply")
    page.get_by_role("link", name="NP-2032-1").click()
    assert page.url == closed
    assert page.goto(closed + "/facts").status == 409  # type: ignore[union-attr]
    page.goto(closed)
    page.get_by_role("link", name="Open this case again").click()
    press(page, "Open the case again")
    expect(page.get_by_role("link", name="Close this case")).to_be_visible()
    page.get_by_role("link", name="History").click()
    for words in ("The case was opened", "The stage was changed", "The case was closed", "The case was opened again"):
        expect(page.get_by_text(words).first).to_be_visible()


@pytest.mark.parametrize("handle", ["Maria Popescu", "NP 7", "<b>-1", "NP-2031-7"])
def test_a_file_number_that_names_or_repeats_is_refused_at_its_field(
    page: Page, served: Served, whole: tuple[CaseAt, dict[str, bytes]], handle: str
) -> None:
    sign_in(page, served, "liaison-1")
    page.goto(served.url + "/cases/new")
    page.get_by_label("File number").fill(handle)
    page.get_by_label("Title").fill("Kept as typed")
    press(page, "Begin the case")
    expect(page).to_have_title(re.compile("^Error:"))
    assert page.locator("#handle[aria-invalid=true]").count() == 1
    assert page.get_by_label("Title").input_value() == "Kept as typed"


def test_two_officers_who_change_the_facts_at_once_do_not_overwrite_each_other(
    page: Page, served: Served, field: Field
) -> None:
    case = casefiles.begin(field.north, "liaison-1", "NP-2033-1", "Before")
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}{case.path}/facts")
    with field.north.office.files.session() as db:
        file = case_files.read(db, case.officer, case.case_id)
        case_files.change(
            db,
            case.officer,
            case.case_id,
            case_files.CaseFacts(title="By a colleague"),
            version=file.version,
            now=now(),
        )
    page.get_by_label("Title").fill("By me")
    press(page, "Save")
    expect(page.get_by_text("a colleague changed this case meanwhile").first).to_be_visible()
    with field.north.office.files.session() as db:
        assert case_files.read(db, case.officer, case.case_id).facts.title == "By a colleague"


def test_hostile_text_is_shown_as_text_and_breaks_no_page(page: Page, served: Served, field: Field) -> None:
    case = casefiles.begin(field.north, "liaison-1", "NP-2034-1", HOSTILE[:200], route=HOSTILE[:200])
    person = case.person(short="X" * 40, prs_firstname=HOSTILE, prs_citizenship=HOSTILE)
    case.flag(person, HOSTILE[:60])
    case.link(person.hex(), case.thing("place", HOSTILE[:60]), HOSTILE[:60])
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    sign_in(page, served, "liaison-1")
    for width in (1360, 390):
        page.set_viewport_size({"width": width, "height": 800})
        for path in ("", "/persons", f"/persons/{person.hex()}", "/chart", "/chart/links", "/history"):
            page.goto(served.url + case.path + path)
            assert page.locator("b", has_text="Ali").count() == 0
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, (path, width)
            assert violations(page) == [], path
            assert HOSTILE[:9] not in page.title()
    page.goto(served.url + case.path)
    assert page.get_by_text("<b>Ali").count() > 0
    assert problems == []


# ---- What every page holds to -----------------------------------------------------------------------------------

PATHS = (
    "", "/facts", "/close", "/team", "/team/keep-out", "/persons", "/persons/new", "/persons/import", "/chart",
    "/chart/links", "/chart/things/new", "/history", "/history/print",
)  # fmt: skip


@pytest.mark.parametrize("is_filled", [True, False])
def test_the_pages_of_a_case_are_accessible_in_light_and_dark_on_a_phone_and_say_no_name(
    browser: Browser, served: Served, whole: tuple[CaseAt, dict[str, bytes]], empty: CaseAt, is_filled: bool
) -> None:
    case, scheme = (whole[0], "dark") if is_filled else (empty, "light")
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 800})  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, served, "liaison-1")
    for path in (*(case.path + one for one in PATHS), "/cases", "/cases/new", "/search"):
        answer = page.goto(served.url + path)
        assert answer is not None
        assert answer.status == 200, path
        assert violations(page) == [], path
        text = page.content()
        assert "Mirabela" not in text and "Ionescu" not in text, path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
    context.close()


def test_without_scripts_and_by_keyboard_alone_a_case_is_begun(browser: Browser, served: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, served, "liaison-1")
    page.goto(served.url + "/cases/new")
    page.get_by_label("File number").focus()
    page.keyboard.type("NP-2035-1")
    page.keyboard.press("Tab")
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("By keyboard")
    context.close()


# ---- The team ---------------------------------------------------------------------------------------------------


def test_a_colleague_joins_without_identities_gets_them_later_and_another_is_kept_out(
    page: Page, browser: Browser, served: Served, field: Field
) -> None:
    case = casefiles.begin(field.north, "liaison-1", "NP-2036-1", "Team of two")
    case.person(short="V1")
    other = browser.new_context().new_page()
    sign_in(other, served, "liaison-2")
    other.goto(served.url + case.path)
    expect(other.get_by_role("alert")).to_be_visible()  # not on the team
    assert "Team of two" not in other.content()

    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}{case.path}/team")
    press(page, "Add to the team")
    expect(page.get_by_text("Choose whether this officer sees the identities").first).to_be_visible()
    page.get_by_label("Officer", exact=True).select_option("north-police/liaison-2")
    page.get_by_label("Without the identities").check()
    press(page, "Add to the team")
    expect(page.get_by_role("row", name="liaison-2").get_by_text("Without the identities")).to_be_visible()

    other.goto(served.url + case.path)
    expect(other.get_by_role("heading", level=1)).to_have_text("Team of two")
    expect(other.get_by_text("The identities of this case are not open to you").first).to_be_visible()
    assert other.goto(f"{served.url}{case.path}/persons/new").status == 403  # type: ignore[union-attr]

    page.get_by_label("Officer", exact=True).select_option("north-police/liaison-2")
    page.get_by_label("With the identities").check()
    press(page, "Add to the team")
    other.goto(f"{served.url}{case.path}/persons")
    expect(other.get_by_role("rowheader", name="V1")).to_be_visible()

    page.get_by_role("link", name="Keep an officer out").click()
    page.get_by_label("Officer", exact=True).select_option("north-police/liaison-2")
    press(page, "Keep out")
    expect(page.get_by_text("Tick this before you go on").first).to_be_visible()
    page.get_by_label("I understand").check()
    press(page, "Keep out")
    expect(page.get_by_text("The officer is kept out of this case.")).to_be_visible()
    other.goto(f"{served.url}{case.path}/persons")
    assert other.get_by_role("rowheader", name="V1").count() == 0  # at once, in the session that is open
    other.goto(served.url + "/cases")
    assert other.get_by_text("NP-2036-1").count() == 0
    other.context.close()


def test_who_is_kept_out_cannot_be_added_again_even_by_a_form_that_was_open(
    page: Page, served: Served, field: Field
) -> None:
    case = casefiles.begin(field.north, "liaison-1", "NP-2036-2", "Race")
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}{case.path}/team")
    page.get_by_label("Officer", exact=True).select_option("north-police/liaison-2")
    page.get_by_label("Without the identities").check()
    with field.north.office.files.session() as db:
        cases.exclude_officer(db, case.officer, case.case_id, "north-police/liaison-2", now=now())
    press(page, "Add to the team")
    expect(page).to_have_title(re.compile("^Error:"))
    with field.north.office.files.session() as db:
        assert list(cases.team(db, case.officer, case.case_id)) == ["north-police/liaison-1"]


# ---- The link chart ---------------------------------------------------------------------------------------------


def test_links_are_added_confirmed_by_an_exhibit_and_removed(
    page: Page, served: Served, whole: tuple[CaseAt, dict[str, bytes]]
) -> None:
    case, _made = whole
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}{case.path}/chart")
    assert page.locator("svg[role=img] title").text_content() == "Link chart of case NP-2031-7"
    assert page.locator(".g-link path").count() == 7
    assert page.locator(".g-link path.g-dash").count() == 2
    assert page.get_by_role("table").get_by_role("row").count() == 8
    page.get_by_role("link", name="Add or remove links").click()
    page.get_by_role("link", name="Add one").click()
    page.get_by_label("Kind").select_option("account")
    page.get_by_label("What the team calls it").fill("A-1")
    press(page, "Add")
    page.get_by_label("From").select_option(label="S1, Suspect")
    page.get_by_label("Link", exact=True).fill("pays into")
    page.get_by_label("To", exact=True).select_option(label="A-1, Account")
    page.get_by_label("Confirmed by an exhibit").check()
    press(page, "Add the link")
    expect(page.get_by_text("Choose the exhibit that confirms the link").first).to_be_visible()
    page.get_by_label("Exhibit that confirms it").select_option(label="E-0001")
    press(page, "Add the link")
    row = page.get_by_role("row").filter(has_text="pays into")
    assert "E-0001" in row.inner_text()
    assert violations(page) == []
    row.get_by_role("button").click()
    assert page.get_by_role("row").filter(has_text="pays into").count() == 0
    expect(page.get_by_text("It is out of the chart.")).to_be_visible()


def test_the_chart_mirrors_in_right_to_left_and_keeps_its_shape(
    page: Page, served: Served, whole: tuple[CaseAt, dict[str, bytes]]
) -> None:
    case, _made = whole
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}{case.path}/chart")
    left = page.locator("svg[role=img] circle").evaluate_all("all => all.map(one => Number(one.getAttribute('cx')))")
    page.get_by_role("button", name="Lock").click()
    page.goto(served.url + "/sign-in?lang=ar")
    page.locator("#handle").fill("liaison-1")
    page.locator("#passphrase").fill("four random words here")
    page.locator("form .btn-primary").click()
    page.goto(f"{served.url}{case.path}/chart")
    assert page.locator("html").get_attribute("dir") == "rtl"
    right = page.locator("svg[role=img] circle").evaluate_all("all => all.map(one => Number(one.getAttribute('cx')))")
    assert left and right == [960 - one for one in left]
    assert violations(page) == []


def test_a_large_chart_offers_what_is_around_one(page: Page, served: Served, field: Field) -> None:
    case = casefiles.begin(field.north, "liaison-1", "NP-2037-1", "Large")
    things = [case.thing("phone", f"T-{number}") for number in range(45)]
    for number, one in enumerate(things[1:]):
        case.link(things[number // 2], one, "called")
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}{case.path}/chart")
    expect(page.get_by_text("45 persons and things, too many for one picture")).to_be_visible()
    assert page.locator("svg[role=img]").count() == 0
    assert page.get_by_role("row").count() == 45  # the table has them all
    page.get_by_label("Around one").select_option(label="T-3, Phone")
    press(page, "Show")
    assert 2 < page.locator("svg[role=img] .g-surf").count() <= 40
    assert violations(page) == []


def test_an_officer_without_identities_sees_no_link_with_a_person(
    page: Page, served: Served, whole: tuple[CaseAt, dict[str, bytes]]
) -> None:
    sign_in(page, served, "liaison-2")
    page.goto(f"{served.url}{whole[0].path}/chart")
    expect(page.get_by_text("Nothing is linked yet")).to_be_visible()
    page.goto(f"{served.url}{whole[0].path}/history")
    expect(page.get_by_text("What concerns identities is left out")).to_be_visible()
    assert "to call her lawyer" not in page.content()


# ---- History ----------------------------------------------------------------------------------------------------


def test_the_history_gathers_what_happened_and_filters_it(
    page: Page, served: Served, whole: tuple[CaseAt, dict[str, bytes]]
) -> None:
    case, _made = whole
    sign_in(page, served, "liaison-1")
    page.goto(f"{served.url}{case.path}/history")
    for words in (
        "The case was opened", "A person was recorded", "A name was asked for", "A protection flag was set", "Seized",
        "A bundle was sealed", "A bundle was sent", "An officer joined the team, without identities",
    ):  # fmt: skip
        assert page.get_by_text(words, exact=False).first.is_visible(), words
    expect(page.get_by_text("to call her lawyer")).to_be_visible()
    expect(page.get_by_text("seized in a search")).to_be_visible()
    expect(page.get_by_role("cell", name="of the log").first).to_be_visible()
    page.get_by_label("What", exact=True).select_option("name")
    press(page, "Apply")
    assert page.get_by_role("row").count() == 2
    assert "kind=name" in page.url
    page.get_by_role("link", name="Print").click()
    expect(page.get_by_text("Filtered: this is not everything")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_text("to call her lawyer")).to_be_visible()
    assert not page.get_by_role("navigation", name="Main", exact=True).is_visible()
    page.emulate_media(media="screen")
    page.goto(f"{served.url}{case.path}/history?until=2020-01-01")
    expect(page.get_by_text("Nothing fits this filter")).to_be_visible()
    page.goto(f"{served.url}{case.path}/history?kind=nonsense&since=yesterday&page=999999&officer=" + "x" * 300)
    expect(page.get_by_role("main")).to_be_visible()


def test_wrong_ids_are_pages_that_do_not_exist(
    page: Page, served: Served, whole: tuple[CaseAt, dict[str, bytes]]
) -> None:
    case, made = whole
    sign_in(page, served, "liaison-1")
    nothing, other = "0" * 32, "zz"
    for path in (
        f"{case.path}/persons/{nothing}", f"{case.path}/persons/{other}", f"{case.path}/exhibits/{nothing}",
        f"/cases/{other}/chart", f"{case.path}/persons/{made['V1'].hex()}/flags/{nothing}/lift",
    ):  # fmt: skip
        answer = page.goto(served.url + path)
        assert answer is not None
        assert answer.status == 404, path
    assert page.goto(f"{served.url}/search/{nothing}").status == 200  # type: ignore[union-attr]
    expect(page).to_have_url(re.compile(re.escape("/search") + "$"))


def test_links_are_sealed_and_read_back_through_the_service(whole: tuple[CaseAt, dict[str, bytes]]) -> None:
    case, _made = whole
    with case.desk.office.files.session() as db:
        chart = case_links.read(db, case.officer, case.case_id)
    assert len(chart.links) == 7
    around = chart.around(chart.links[0].start, 3)
    assert len(around.nodes) <= 3
    assert all({one.start, one.end} <= {node.key for node in around.nodes} for one in around.links)


def test_a_supervisor_and_an_administrator_reach_none_of_these_pages(
    served: Served, whole: tuple[CaseAt, dict[str, bytes]]
) -> None:
    """The control is the officer of the team, who reads each of them."""
    for handle, expected in (("supervisor-1", 403), ("administrator-1", 403), ("liaison-1", 200)):
        with httpx2.Client(trust_env=False, headers={"Origin": served.url}, timeout=30) as client:
            page = client.get(f"{served.url}/sign-in").text
            token = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
            words = {"handle": handle, "passphrase": "four random words here", "csrf_token": token}
            assert client.post(f"{served.url}/sign-in", data=words).status_code == 303
            for path in PATHS:
                assert client.get(served.url + whole[0].path + path).status_code == expected, (handle, path)
