"""Handovers between two desks in two browsers: offered, compared, accepted or refused, closed; many in one form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from agencies import cases
from evidence import exhibits, holdings, intake
from exchange import adopting, delivery, filing, handover_papers, opening, reading, sharing
from exchange.office import list_alarms
from exchange.sharing import Choice
from tests.support.field import DeskAt, Field, now, with_field
from tests.support.served import Served, serving, sign_in, violations

PURPOSE = "prosecution"
NUMBERS = iter(range(1, 100))


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def north(field: Field) -> Iterator[Served]:
    with serving(field, field.north) as served:
        yield served


@pytest.fixture(scope="module")
def south(field: Field) -> Iterator[Served]:
    with serving(field, field.south) as served:
        yield served


@dataclass
class Shared:
    """Exhibits of the police that the prosecutor has filed."""

    ours: bytes
    theirs: bytes
    objects: tuple[bytes, ...]

    def at(self, served: Served, one: int = 0, *, is_giver: bool) -> str:
        case = self.ours if is_giver else self.theirs
        return f"{served.url}/cases/{case.hex()}/exhibits/{self.objects[one].hex()}"

    def offer_url(self, served: Served) -> str:
        wanted = "&".join(f"x={self.ours.hex()}.{one.hex()}" for one in self.objects)
        return f"{served.url}/handovers/offer?{wanted}"


def make_case(desk: DeskAt, word: str) -> bytes:
    with desk.office.files.session() as db:
        return cases.create_case(
            db, desk.officer(word), f"H-{next(NUMBERS)}", {"title": "t"}, now=now()
        ).case_id  # fmt: skip


def share(field: Field, tmp_path: Path, count: int = 1) -> Shared:
    north, south = field.north.office, field.south.office
    liaison, prosecutor = field.north.officer("liaison"), field.south.officer("prosecutor")
    ours, theirs = make_case(field.north, "liaison"), make_case(field.south, "prosecutor")
    objects = []
    for number in range(count):
        path = tmp_path / f"door-{number}.jpg"
        path.write_bytes(b"\xff\xd8 a door" + bytes(1000) + bytes([number]))
        stored = intake.take_in(north.files, liaison, ours, path, now=now())
        with north.files.session() as db:
            objects.append(
                exhibits.create_exhibit(
                    db, liaison, ours, description="A door", files=[stored.file_id], place="store", reason="seized",
                    action="seize", seal=f"S-{number}", seen=north.seen(db), now=now(),
                )
            )  # fmt: skip
    field.sync_all()
    to = ("south-prosecutor/prosecutor-1",)
    choice = Choice(ours, "south-prosecutor", to, (PURPOSE,), "Act", "R", exhibits=tuple(objects))
    with north.files.session() as db:
        made = sharing.compose(db, north, liaison, choice, now=now())
    bundle_id = delivery.seal(north, liaison, made, sharing.sources(north, liaison, made), now=now())
    delivery.send(north, bundle_id, now=now())
    field.sync_all()
    seen = reading.preview(south, prosecutor, bundle_id, now=now())
    opened = opening.open_bundle(
        south, prosecutor, bundle_id, purpose=PURPOSE, legal_basis="CCP", acknowledged=seen.register_digest, now=now()
    )
    filing.file_all(south, prosecutor, opened, theirs, now=now())
    adopting.adopt(south, prosecutor, opened, theirs, now=now())
    field.sync_all()
    return Shared(ours, theirs, tuple(objects))


def state(desk: DeskAt, word: str, case_id: bytes, object_id: bytes) -> str:
    with desk.office.files.session() as db:
        return holdings.state(db, desk.officer(word), case_id, object_id)


def offer(page: Page, north: Served, shared: Shared, to: Path) -> Path:
    """The giver signs; the document."""
    page.goto(shared.offer_url(north))
    page.get_by_label("To which agency").select_option("south-prosecutor")
    page.get_by_label("Place").fill("post room")
    page.get_by_label("Reason").fill("for the trial")
    page.get_by_role("button", name="Sign and offer").click()
    page.get_by_role("heading", name="1 of 2 signatures").wait_for()
    north.field.sync_all()
    return save(page, "Document for the receiver", to)


def save(page: Page, name: str, to: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("link", name=name).click()
    waiting.value.save_as(to)
    return to


def read(page: Page, served: Served, document: Path) -> None:
    page.goto(f"{served.url}/handovers/read")
    page.get_by_label("Handover document").set_input_files(document)
    page.get_by_role("button", name="Read it").click()


def answer(page: Page, seals: list[str], decision: str = "Accept") -> None:
    for at, seal in enumerate(seals):
        page.get_by_label("Seal that you found").nth(at).fill(seal)
        page.get_by_role("radio", name=decision).nth(at).check()
    page.get_by_label("Place").fill("court")
    page.get_by_label("What you say to it").fill("received by courier")
    page.get_by_role("button", name="Sign", exact=True).click()


def seals_on(page: Page, shared: Shared, field: Field) -> list[str]:
    """The seals of the exhibits in the order of the page."""
    waiting = handover_papers.waiting(field.south.office, field.south.officer("prosecutor"))
    return [str(one.seal) for one in waiting if not one.is_answer]


@pytest.mark.parametrize("count", [1, 3])
def test_exhibits_go_to_another_agency_with_a_signature_of_each_side(
    browser: Browser, field: Field, north: Served, south: Served, tmp_path: Path, count: int
) -> None:
    """One exhibit and three take the same clicks."""
    shared = share(field, tmp_path, count)
    with browser.new_context() as one, browser.new_context() as other:
        giver, receiver = one.new_page(), other.new_page()
        sign_in(giver, north, "liaison-1")
        giver.goto(shared.offer_url(north))
        assert violations(giver) == []
        assert giver.get_by_label("Seal of").first.input_value().startswith("S-")
        document = offer(giver, north, shared, tmp_path / "offer.json")
        assert violations(giver) == []
        giver.goto(shared.at(north, is_giver=True))
        expect(giver.get_by_text("1 of 2 signatures").first).to_be_visible()
        assert giver.get_by_role("link", name="Record something").count() == 0
        sign_in(receiver, south, "prosecutor-1")
        read(receiver, south, document)
        receiver.get_by_role("heading", name="Check and sign").wait_for()
        assert violations(receiver) == []
        answer(receiver, seals_on(receiver, shared, field))
        receiver.get_by_role("heading", name="give the answer back").wait_for()
        assert violations(receiver) == []
        field.sync_all()
        back = save(receiver, "Answer for the giver", tmp_path / "answer.json")
        receiver.goto(shared.at(south, is_giver=False))
        expect(receiver.get_by_text("2 of 2 signatures").first).to_be_visible()
        read(giver, north, back)
        giver.get_by_role("heading", name="Close handovers").wait_for()
        assert violations(giver) == []
        giver.get_by_role("button", name="Sign and close").click()
        giver.get_by_text("on record on both sides").wait_for()
        assert violations(giver) == []
        giver.goto(shared.at(north, is_giver=True))
        expect(giver.get_by_text("With another agency").first).to_be_visible()
        assert violations(giver) == []
    for thing in shared.objects:
        assert state(field.north, "liaison", shared.ours, thing) == "elsewhere"
        assert state(field.south, "prosecutor", shared.theirs, thing) == "here"


def test_a_seal_that_does_not_match_stops_it_says_what_to_do_and_is_an_alarm(
    browser: Browser, field: Field, north: Served, south: Served, tmp_path: Path
) -> None:
    shared = share(field, tmp_path)
    with browser.new_context() as one, browser.new_context() as other:
        giver, receiver = one.new_page(), other.new_page()
        sign_in(giver, north, "liaison-1")
        document = offer(giver, north, shared, tmp_path / "offer.json")
        sign_in(receiver, south, "prosecutor-1")
        read(receiver, south, document)
        answer(receiver, ["S-999"])
        expect(receiver.get_by_role("alert").get_by_text("Does not match: stop")).to_be_visible()
        expect(receiver).to_have_title(re.compile("^Error:"))
        assert violations(receiver) == []
        assert state(field.south, "prosecutor", shared.theirs, shared.objects[0]) != "here"
        with field.south.office.files.session() as db:
            assert "handover-mismatch" in [alarm.kind for alarm in list_alarms(db)]
        answer(receiver, ["S-999"], "Refuse")
        receiver.get_by_role("heading", name="give the answer back").wait_for()
        field.sync_all()
        back = save(receiver, "Answer for the giver", tmp_path / "answer.json")
        read(giver, north, back)
        expect(giver.get_by_text("Refused")).to_be_visible()
        giver.get_by_role("button", name="Sign and close").click()
        giver.get_by_text("on record on both sides").wait_for()
    assert state(field.north, "liaison", shared.ours, shared.objects[0]) == "here"


def test_a_document_is_read_by_those_it_concerns_and_anything_else_is_refused_in_words(
    page: Page, field: Field, north: Served, south: Served, tmp_path: Path
) -> None:
    shared = share(field, tmp_path)
    sign_in(page, north, "liaison-1")
    document = offer(page, north, shared, tmp_path / "offer.json")
    page.context.clear_cookies()
    sign_in(page, south, "prosecutor-2")  # not on the team of the case
    for path, words in [
        (document, "none of your cases"), (tmp_path / "door-0.jpg", "Error"), (tmp_path / "empty.json", "Choose the"),
    ]:  # fmt: skip
        (tmp_path / "empty.json").write_bytes(b"")
        read(page, south, path)
        expect(page).to_have_title(re.compile("^Error:"))
        assert words in page.content()
    assert violations(page) == []
    page.goto(f"{south.url}/handovers/read")
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_text("Choose the document").first).to_be_visible()
    page.context.clear_cookies()
    sign_in(page, south, "prosecutor-1")  # control
    read(page, south, document)
    expect(page.get_by_role("heading", name="Check and sign")).to_be_visible()
    page.goto(f"{south.url}/handovers")
    assert violations(page) == []
    page.get_by_role("button", name="Put away").click()
    expect(page.get_by_text("Nothing waits")).to_be_visible()


def test_what_is_offered_already_or_is_elsewhere_is_not_offered_again(
    page: Page, field: Field, north: Served, tmp_path: Path
) -> None:
    shared = share(field, tmp_path)
    sign_in(page, north, "liaison-1")
    offer(page, north, shared, tmp_path / "offer.json")
    page.goto(shared.offer_url(north))
    page.get_by_label("To which agency").select_option("south-prosecutor")
    page.get_by_label("Place").fill("x")
    page.get_by_label("Reason").fill("x")
    page.get_by_role("button", name="Sign and offer").click()
    expect(page.get_by_text("offered already").first).to_be_visible()
    assert violations(page) == []


def test_the_chosen_of_the_register_are_handed_over_and_empty_pages_say_what_to_do(
    browser: Browser, field: Field, north: Served, south: Served, tmp_path: Path
) -> None:
    share(field, tmp_path, 2)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, north, "liaison-1")
        page.goto(f"{north.url}/exhibits")
        boxes = page.get_by_role("checkbox")
        for at in (boxes.count() - 1, boxes.count() - 2):
            boxes.nth(at).check()
        page.get_by_role("button", name="Hand over the chosen").click()
        expect(page.get_by_role("heading", name="Hand over 2 exhibits")).to_be_visible()
        page.goto(f"{north.url}/handovers/offer")
        expect(page.get_by_role("heading", name="Nothing is chosen")).to_be_visible()
        wrong = page.goto(f"{north.url}/handovers/offer?x=1")
        assert wrong is not None
        assert wrong.status == 404
    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        sign_in(page, south, "prosecutor-2")
        for path in ("", "/answer", "/close", "/read"):
            page.goto(f"{south.url}/handovers{path}")
            assert violations(page) == []
        page.context.clear_cookies()
        sign_in(page, south, "supervisor-1")
        answered = page.goto(f"{south.url}/handovers")
        assert answered is not None
        assert answered.status == 403
