"""The whole story through the pages alone: three desks and a broker as real processes, officers at their browsers.

An NGO comes into a network of police and prosecution; bundles, an inquiry, a consent, a handover, a pack, a withdrawal
and a departure follow. Nothing is done but what an officer does at a page. Four manners: with the mouse, without
scripts in the dark, in Arabic on a telephone, and by keyboard alone; a sample run draws one.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, expect

from cli.verify import command as verify
from exchange import membership
from tests.support.canaries import search
from tests.support.desk_processes import DeskProcess
from tests.support.draws import drawn
from tests.support.field import KINDS, Field, now
from tests.support.fresh import dump_invitation
from tests.support.sitting import Manner, Sitting, seated

NORTH, SHELTER, SOUTH = "north-police", "shelter-ngo", "south-prosecutor"
PHONE: Final = {"width": 390, "height": 844}
MANNERS: Final = {
    "mouse": Manner(),
    "without scripts": Manner(look={"java_script_enabled": False, "color_scheme": "dark"}),
    "Arabic telephone": Manner("ar", {"viewport": PHONE, "has_touch": True}),
    "keyboard": Manner(by_keyboard=True),
}
NEW = "six quite other words of hers"
HIDDEN = ("Mirabela", "Ionescu", "Oksana")
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(64)


@dataclass
class Story:
    """Everybody in it.

    Attributes:
        desks: agency to its process.
        words: handle to passphrase, of those who chose their own.
    """

    browser: Browser
    manner: Manner
    field: Field
    folder: Path
    desks: dict[str, DeskProcess] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    bundle: str = ""
    answer: str = ""
    case: dict[str, str] = field(default_factory=dict)

    def at(self, handle: str) -> Any:
        """An officer who has signed in, in a browser of her own."""
        url = self.desks[handle.partition("/")[0]].url
        more = {"words": self.words[handle]} if handle in self.words else {}
        return seated(self.browser, self.manner, url, handle, **more)


@contextmanager
def network(folder: Path) -> Iterator[tuple[Field, dict[str, DeskProcess]]]:
    """Police and prosecution, founded; the NGO has its invitation and nothing else."""
    made = Field(folder, {agency: kind for agency, kind in KINDS.items() if agency != SHELTER})
    with ExitStack() as stack:
        stack.callback(made.stop)
        made.start()
        invitation = made.invite(SHELTER)
        shelter = folder / "desks" / SHELTER
        membership.create_desk(shelter, invitation, country="XB", kind="ngo", now=now())
        membership.invitation_file(shelter).write_bytes(dump_invitation(invitation))
        desks = {}
        for agency in KINDS:
            desks[agency] = process = DeskProcess(
                agency, folder / "desks" / agency, made.settings.public_url, folder / "processes" / agency / "temp",
                more={"SYNC_EVERY_SECONDS": 1},
            )  # fmt: skip
            stack.callback(process.kill)
            process.start()
        yield made, desks


def test_the_story_through_the_pages(browser: Browser, tmp_path: Path, manner: str) -> None:
    with network(tmp_path / "field") as (made, desks):
        story = Story(browser, MANNERS[manner], made, tmp_path, desks)
        set_up(story)
        come_in(story)
        compare(story)
        appoint(story)
        take_in(story)
        share_with_two(story)
        ask_and_answer(story)
        hand_over(story)
        make_a_pack(story)
        hold_and_withdraw(story)
        leave(story)
        nothing_readable(story)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One manner, drawn by the seed; the keyboard, which takes twice as long, at full count only."""
    if "manner" in metafunc.fixturenames:
        is_full = metafunc.config.option.full
        metafunc.parametrize("manner", [*MANNERS] if is_full else drawn(metafunc.config, [*MANNERS][:3], 1))


# ---- An agency comes in -----------------------------------------------------------------------------------------


def set_up(story: Story) -> None:
    """The first run of the shelter's desk: two administrators, shares on paper, the broker's key compared."""
    desk = story.desks[SHELTER]
    with Sitting(story.browser, story.manner, desk.url) as one:
        one.go(desk.address)
        one.follow("Start")
        one.tick(one.page.locator(f"input[type=radio][value={story.manner.language}]"))
        one.press("Continue")
        one.follow("Go on")
        one.write("Country", "xb")
        one.tick("Non-governmental organisation")
        one.press("Continue")
        one.follow("Go on")
        for _ in range(2):
            one.write("Passphrase", NEW)
            one.write("The passphrase once more", NEW)
            one.press("Make the keys")
        one.follow("Go on")
        one.follow("Go on")
        one.press("Make the shares")
        found: dict[str, list[str]] = {}
        for key in ("root", "recovery"):
            for _ in range(3):
                one.press("I am alone: show my share")
                found.setdefault(key, []).append(" ".join(one.page.locator(".am-words li").all_inner_texts()))
                one.press("It is on paper: put it away")
        for words in (*found["root"][:2], *found["recovery"][:2]):
            one.write("Words of the share", words)
            one.press("Compare")
        one.follow("Go on")
        one.tick("Yes, all the same")
        one.press("Continue")
        one.press("Finish the set-up")
        expect(one.page).to_have_url(re.compile(r"/sign-in$"))
    story.words |= {f"{SHELTER}/administrator-{number}": NEW for number in (1, 2)}


def come_in(story: Story) -> None:
    """Two administrators of each member sign the request; then the shelter is in the network."""
    file = story.folder / "request"
    with story.at(f"{SHELTER}/administrator-1") as one:
        one.use(one.page.get_by_role("link", name=one.say("Come into the network")))
        one.save(one.link("Download the request"), file)
    for agency in (NORTH, SOUTH):
        for number in (1, 2):
            with story.at(f"{agency}/administrator-{number}") as one:
                read_request(one, file)
                one.tick("I have read this fingerprint to people of the agency whom I know, and it is the same")
                one.save(one.button("Sign and get the file"), file)
    with story.at(f"{SOUTH}/administrator-2") as one:
        read_request(one, file)
        one.press("Publish the admission")
    with story.at(f"{SHELTER}/administrator-1") as one:
        one.use(one.page.get_by_role("link", name=one.say("Come into the network")))
        one.press("Look whether we are in")
        one.see("The agency is in the network")


def read_request(one: Sitting, file: Path) -> None:
    one.go("/agencies/invite/admission")
    one.attach("Application of the agency", file)
    one.press("Read it")


def compare(story: Story) -> None:
    """Each pair reads the fingerprint to each other, and both say what they found."""
    for handle, agencies in (
        (f"{SHELTER}/administrator-1", (NORTH, SOUTH)),
        (f"{NORTH}/liaison-1", (SHELTER,)),
        (f"{SOUTH}/prosecutor-1", (SHELTER,)),
    ):
        with story.at(handle) as one:
            for agency in agencies:
                wait_for(one, f"/agencies/{agency}/compare")
                one.tick("In person")
                for number in range(1, 9):
                    one.tick(one.page.locator(f"input[type=checkbox][value='{number}']"))
                one.tick("All eight groups are the same")
                one.press("Record the answer")
                one.see("Verified")


def wait_for(one: Sitting, path: str, *, also: Callable[[], None] = lambda: None) -> None:
    """A page that comes once the desk has looked for news."""
    for _ in range(60):
        also()
        answer = one.page.goto(one.url + path)
        assert answer is not None
        if answer.ok:
            return
        one.page.wait_for_timeout(500)
    raise AssertionError(f"{path} does not come")


def appoint(story: Story) -> None:
    """Two case workers: each makes her own keys, and two administrators sign her certificate."""
    for number in (1, 2):
        handle = f"{SHELTER}/case-worker-{number}"
        with story.at(f"{SHELTER}/administrator-1") as one:
            one.go("/settings/officers/appoint")
            one.tick("Case worker")
            one.write("Number of the order", f"ORD-{number}")
            one.press("Appoint")
            code = one.page.locator(".am-share").inner_text()
            one.press("It is on paper")
        with Sitting(story.browser, story.manner, story.desks[SHELTER].url) as hers:
            hers.go("/enrol")
            hers.write("Your role handle", f"case-worker-{number}")
            hers.write("One-time code", code)
            hers.write("Your new passphrase", NEW)
            hers.write("The passphrase once more", NEW)
            hers.press("Make my keys")
            shown = hers.page.locator(".am-share").inner_text()
        for administrator in (1, 2):
            with story.at(f"{SHELTER}/administrator-{administrator}") as one:
                one.go(f"/settings/officers/case-worker-{number}")
                assert shown in one.page.content()
                one.tick("The officer has read the same fingerprint to me from her own screen")
                one.press("Sign the certificate")
        story.words[handle] = NEW


# ---- Cases ------------------------------------------------------------------------------------------------------


def take_in(story: Story) -> None:
    """A case at each desk, with its team; persons and exhibits at two of them."""
    for handle, colleague, number in (
        (f"{NORTH}/liaison-1", "liaison-2", "NP-2031-7"),
        (f"{SHELTER}/case-worker-1", "case-worker-2", "SN-2031-2"),
        (f"{SOUTH}/prosecutor-1", "prosecutor-2", "SP-2031-4"),
    ):
        agency = handle.partition("/")[0]
        with story.at(handle) as one:
            one.go("/cases/new")
            one.write("File number", number)
            one.write("Title", "Harbour")
            one.press("Begin the case")
            story.case[agency] = case = "/".join(one.page.url.split("/")[3:5])
            one.go(f"/{case}/team")
            one.choose("Officer", f"{agency}/{colleague}")
            one.tick("With the identities")
            one.press("Add to the team")
            if agency == SOUTH:
                continue
            one.go(f"/{case}/persons/new")
            one.tick("Victim")
            one.write("First name", HIDDEN[0] if agency == NORTH else HIDDEN[2])
            one.write("Family name", HIDDEN[1])
            one.press("Save")
            assert HIDDEN[1] not in one.page.content()
            one.go(f"/{case}/exhibits/new")
            path = story.folder / f"{agency}.png"
            path.write_bytes(PICTURE + agency.encode())
            one.attach(one.page.locator("main input[type=file]"), path)
            one.write("Description", "Photograph of a door")
            one.write("Place", "evidence room 2")
            one.write("Reason", "found in a search")
            one.write("Seal number", f"S-{number[-1]}")
            one.press("Seal and take in")
            one.see("The exhibit is registered and its custody has begun.")


def share_with_two(story: Story) -> None:
    """The police shares person and exhibit with a flag; two prosecutors open it from two browsers."""
    with story.at(f"{NORTH}/liaison-1") as one:
        set_a_flag(story, one)
        one.go(f"/bundles/new?case={story.case[NORTH].split('/')[1]}")
        one.tick("Prosecution")
        one.choose("Legal basis", "European Investigation Order")
        one.write("Reference, or another basis", "SM-T-2026-31")
        one.press("Continue")
        card = one.page.get_by_role("region", name=SOUTH)
        one.tick(one.field("Share with this agency", card))
        for number in (1, 2):
            one.tick(card.get_by_label(f"prosecutor-{number}"))
        one.press("Continue")
        one.tick("Share this person, under a pseudonym")
        one.tick(one.page.get_by_label("E-0001"))
        one.write("Summary", "She answered an advert.")
        one.press("Update the preview")
        one.press("Continue")
        one.tick("Two officers open it together (dual control)")
        one.press("Continue")

        confirm(one)
        one.press("Ask for approval")
    agree(story, f"{NORTH}/liaison-2", "Approve")
    with story.at(f"{NORTH}/liaison-1") as one:
        one.go("/bundles/drafts")
        one.use(one.page.get_by_role("link", name=one.say("Go on")).first)
        one.press("Seal and send")
        one.page.wait_for_url("**/receipt*")
        story.bundle = one.page.url.split("/bundles/")[1].split("/")[0]
    open_together(story)


def confirm(one: Sitting) -> None:
    """What is read and ticked before a bundle is sealed."""
    one.tick("I have read this page, and what is shared is needed for the purpose")
    one.tick("I have looked at the photos, recordings and papers myself")


def set_a_flag(story: Story, one: Sitting) -> None:
    """On the person of the police's case."""
    one.go(f"/{story.case[NORTH]}/persons")
    one.use(one.page.get_by_role("rowheader").get_by_role("link").first)
    one.follow("Set a flag")
    one.write("Name of the flag", "Family at risk")
    one.tick("No contact")
    one.write("Or countries", "XC")
    one.press("Set the flag")


def agree(story: Story, handle: str, button: str) -> None:
    """A second officer answers what waits for her."""
    with story.at(handle) as other:
        other.go("/approvals")
        other.use(other.page.locator("main a[href*='/approvals/']").first)
        flag = other.page.locator("main input[type=checkbox]")
        if flag.count():
            other.tick(flag)
        other.press(button)


def open_together(story: Story) -> None:
    """One asks, a colleague agrees on a sign-in of her own, the first opens and keeps what she needs."""
    with story.at(f"{SOUTH}/prosecutor-1") as one:
        wait_for(one, f"/inbox/{story.bundle}")
        one.tick(one.page.locator("main input[type=checkbox]").first)
        state(one)
        one.press("Ask a second officer, then open")
        one.see("Waiting for a second officer")
    agree(story, f"{SOUTH}/prosecutor-2", "Agree to open it")
    with story.at(f"{SOUTH}/prosecutor-1") as one:
        one.go(f"/inbox/{story.bundle}/wait")
        one.press("Open it on record")
        one.page.wait_for_url("**/opened")
        one.see_text("She answered an advert.")
        keep(story, one)


def state(one: Sitting) -> None:
    """Why she opens it."""
    one.tick("Prosecution")
    one.write("Legal basis", "CCP 12")


def keep(story: Story, one: Sitting) -> None:
    """Everything in the bundle goes into the case of the prosecutor, with its origin."""
    one.follow("Keep in a case")
    one.choose("Case", story.case[SOUTH].split("/")[1])
    for box in one.page.locator("main form input[type=checkbox]").all():
        one.tick(box)
    one.press("Keep it")
    one.page.wait_for_url("**/kept?case=*")


# ---- An inquiry, and what a survivor says to it -----------------------------------------------------------------


def ask_and_answer(story: Story) -> None:
    """The survivor says yes to one agency and one purpose; the prosecutor asks; what she agreed to goes out."""
    ask_the_survivor(story)
    inquiry = inquire(story)
    answer_it(story, inquiry)


def answer_it(story: Story, inquiry: str) -> None:
    """The shelter releases what rests on her yes, and the prosecutor keeps it."""
    with story.at(f"{SHELTER}/case-worker-1") as one:
        wait_for(one, f"/inquiries/{inquiry}", also=lambda: open_inquiry(one))
        one.follow("Answer")
        if one.page.locator("select[name=case]").count():
            one.choose("Case", story.case[SHELTER].split("/")[1])
            one.press("Continue")
        one.tick("Release")
        one.tick(one.page.get_by_role("radio", name="P1"))
        one.tick(one.page.get_by_role("checkbox", name="E-0001"))
        one.write("Legal basis", "Consent of the person")
        one.press("Check the answer")
        one.press("Seal and send")
        one.page.wait_for_url(re.compile(r"/inquiries/[0-9a-f]{32}$"))
        one.see("Answered")
    with story.at(f"{SOUTH}/prosecutor-1") as one:
        one.go("/inbox")
        wait_until(one, lambda: one.page.get_by_role("row", name=SHELTER).count() == 1)
        one.use(one.page.get_by_role("row", name=SHELTER).get_by_role("link").first)
        story.answer = one.page.url.rsplit("/", 1)[1]
        state(one)
        one.press("Open it on record")
        one.page.wait_for_url("**/opened")
        keep(story, one)


def ask_the_survivor(story: Story) -> None:
    """One question on each page, answered at the case worker's screen."""
    with story.at(f"{SHELTER}/case-worker-1") as one:
        one.go(f"/{story.case[SHELTER]}/persons")
        person = one.page.get_by_role("rowheader").get_by_role("link").first.get_attribute("href")
        assert person is not None
        one.go("/consent/people" + person.removeprefix("/cases").replace("/persons/", "/") + "/ask")
        one.choose("Language", "en")
        one.tick("None is needed")
        one.tick("The person decides")
        one.tick("Spoken, and written down here")
        one.tick(one.page.get_by_label(SOUTH))
        one.tick("Prosecution")
        one.tick("Facts about the person, as the share page lists them")
        one.tick(one.page.get_by_label("E-0001"))
        one.press("Continue")
        one.press("Continue")
        one.follow("Open the pages for the person")
        one.use(one.page.locator("main a.btn-primary"))
        for answer in ("yes", "yes", "yes", "later", "yes"):
            one.tick(one.page.locator(f"input[name=answer][value={answer}]"))
            one.use(one.page.locator("form button.btn-primary"))
        one.use(one.page.locator("form button.btn-primary"))
        assert HIDDEN[2] not in one.page.content()


def inquire(story: Story) -> str:
    """The prosecutor asks the shelter one thing."""
    with story.at(f"{SOUTH}/prosecutor-1") as one:
        one.go("/inquiries/new")
        one.choose("Case", story.case[SOUTH].split("/")[1])
        one.tick(one.page.get_by_label(SHELTER))
        one.press("Continue")
        one.tick("Information")
        one.write("About whom or what", "Zeza-Date")
        one.write("Question %(n)d", "Her written statement", n=1)
        one.write("Reply by", (datetime.now(UTC) + timedelta(days=10)).date().isoformat())
        one.tick("Prosecution")
        one.write("Legal basis", "CCP 12")
        one.tick(one.page.get_by_label(f"{SHELTER}/case-worker-1"))
        one.press("Check the inquiry")
        one.press("Seal and send")
        one.page.wait_for_url(re.compile(r"/inquiries/[0-9a-f]{32}$"))
        return one.page.url.rsplit("/", 1)[1]


def open_inquiry(one: Sitting) -> None:
    """What came from the prosecutor, at the shelter."""
    one.go("/inbox")
    found = one.page.get_by_role("row", name=SOUTH)
    if found.count() == 0:
        return
    one.use(found.get_by_role("link").first)
    state(one)
    one.press("Open it on record")
    one.page.wait_for_url("**/opened")


def wait_until(one: Sitting, is_there: Callable[[], bool]) -> None:
    """Load the page again until the desk has looked for news."""
    for _ in range(60):
        if is_there():
            return
        one.page.wait_for_timeout(500)
        one.page.reload()
    raise AssertionError("it does not come")


# ---- Custody and court ------------------------------------------------------------------------------------------


def hand_over(story: Story) -> None:
    """The exhibit goes from the police to the prosecutor, signed by both."""
    offer(story)
    accept(story)
    close(story)


def offer(story: Story) -> None:
    with story.at(f"{NORTH}/liaison-1") as one:
        one.go("/exhibits")
        one.tick(one.page.locator("main table input[type=checkbox]").first)
        one.press("Hand over the chosen")
        one.choose("To which agency", SOUTH)
        one.write("Place", "post room")
        one.write("Reason", "for the trial")
        one.press("Sign and offer")
        one.save(one.link("Document for the receiver"), story.folder / "offer.json")


def accept(story: Story) -> None:
    with story.at(f"{SOUTH}/prosecutor-1") as one:
        read_document(one, story.folder / "offer.json")
        one.write("Seal that you found on %(number)s", "S-7", number="E-0001")
        one.tick("Accept")
        one.write("Place", "court")
        one.write("What you say to it", "received by courier")
        one.press("Sign")
        one.save(one.link("Answer for the giver"), story.folder / "answer.json")


def close(story: Story) -> None:
    with story.at(f"{NORTH}/liaison-1") as one:
        read_document(one, story.folder / "answer.json")
        one.press("Sign and close")
        one.go("/exhibits")
        one.see("With another agency")


def read_document(one: Sitting, path: Path) -> None:
    """A handover document; the desk waits for the log if it is younger than its last look."""
    for _ in range(60):
        one.go("/handovers/read")
        one.attach("Handover document", path)
        one.press("Read it")
        if one.page.locator(".am-errors").count() == 0:
            return
        one.page.wait_for_timeout(500)
    raise AssertionError("the document is not read")


def make_a_pack(story: Story) -> None:
    """Planned by one, signed by two, and a court's own program says what it proves."""
    pack, trust = story.folder / "pack.zip", story.folder / "trust.txt"
    with story.at(f"{SOUTH}/prosecutor-1") as one:
        one.go("/packs")
        one.use(one.page.locator(f"main a[href*='{story.case[SOUTH].split('/')[1]}']").first)
        one.write("Reference of the proceeding", "T-2031-31")
        one.press("Read the exhibits and form the pack")
        one.page.wait_for_url(re.compile(r"/packs/[0-9a-f]{32}$"))
        one.press("Sign this pack")
        address = one.page.url
    with story.at(f"{SOUTH}/prosecutor-2") as one:
        one.go(address)
        one.press("Sign this pack")
        one.save(one.button("Take the pack out"), pack)
        one.save(one.button("Trust file of this desk"), trust)
    found = CliRunner().invoke(verify, [str(pack), "--trust", str(trust)])
    assert found.exit_code == 0, found.output
    pack.write_bytes(pack.read_bytes()[:-1] + b"x")
    assert CliRunner().invoke(verify, [str(pack), "--trust", str(trust)]).exit_code == 1


# ---- She changes her mind ---------------------------------------------------------------------------------------


def hold_and_withdraw(story: Story) -> None:
    """A hold by one stops it at once; two destroy it; whoever holds something answers."""
    with story.at(f"{SHELTER}/case-worker-1") as one:
        one.go("/consent")
        links = [link.get_attribute("href") or "" for link in one.page.locator("main a").all()]
        record = next(found[1] for link in links if (found := re.search(r"/consent/([0-9a-f]{32})", link)))
        one.go(f"/consent/{record}/withdraw")
        one.tick("Stop it for now")
        one.press("Continue")
        one.press("Stop it now")
    with story.at(f"{SOUTH}/prosecutor-1") as one:
        one.go(f"/inbox/{story.answer}")
        wait_until(one, lambda: one.page.get_by_text(one.say("Held by its sender")).count() > 0)
    with story.at(f"{SHELTER}/case-worker-1") as one:
        one.go(f"/consent/{record}/withdraw")
        one.tick("Take it back for good")
        one.press("Continue")
        one.press("Stop it and ask a colleague")
    agree(story, f"{SHELTER}/case-worker-2", "Approve")
    with story.at(f"{SHELTER}/case-worker-1") as one:
        one.go(f"/consent/{record}/withdrawal")
        one.press("Destroy it now")
        one.see("Consent withdrawn")
    with story.at(f"{SOUTH}/prosecutor-1") as one:
        one.go("/kept")
        wait_until(one, lambda: one.button("Sign the receipts").count() > 0)
        one.press("Sign the receipts")
        one.go(f"/inbox/{story.answer}")
        one.see("This bundle has ended")
    with story.at(f"{SHELTER}/case-worker-1") as one:
        one.go(f"/consent/{record}/withdrawal")
        wait_until(one, lambda: one.page.get_by_text(one.say("All have answered")).count() > 0)


def leave(story: Story) -> None:
    """The liaison officer hands over and leaves; two administrators end it; her colleague goes on."""
    with story.at(f"{NORTH}/liaison-1") as one:
        one.go("/settings/hand-over")
        one.tick(one.page.get_by_label(f"{NORTH}/liaison-2"))
        one.write("Reason", "leaves the unit")
        one.press("Hand over")
    with story.at(f"{NORTH}/administrator-1") as one:
        one.go("/settings/officers/liaison-1")
        one.follow("End the appointment")
        one.press("End the appointment")
        one.see("1 of 2 signatures")
    with story.at(f"{NORTH}/administrator-2") as one:
        one.go("/settings/officers")
        one.use(one.page.get_by_role("link", name=one.say("Revocation of %(handle)s", handle=f"{NORTH}/liaison-1")))
        one.press("Sign the revocation")
        one.see("Has left")
    with Sitting(story.browser, story.manner, story.desks[NORTH].url) as one:
        one.sign_in(f"{NORTH}/liaison-1")
        expect(one.page).to_have_url(re.compile(r"/sign-in$"))
    with story.at(f"{NORTH}/liaison-2") as one:
        one.go(f"/{story.case[NORTH]}")
        one.see_text("NP-2031-7")


def nothing_readable(story: Story) -> None:
    """No name lies in clear at the broker or at a desk; the same search finds one that is planted."""
    for folder in (story.field.settings.data_dir, *(desk.folder for desk in story.desks.values())):
        assert search(folder, HIDDEN) == []
        planted = folder / "planted"
        planted.write_text(f"her name is {HIDDEN[0]}")
        assert search(folder, HIDDEN) == [("planted", HIDDEN[0])]
        planted.unlink()
