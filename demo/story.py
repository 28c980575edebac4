"""The story of the demonstration: one case, three agencies, a broker that reads nothing (README, docs/input.md).

Every step is done by commands that an officer could type; after each, the broker's own database is read.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from demo.broker_view import BrokerView
from demo.founding import Stage, found, make_stage
from demo.input import Input
from demo.processes import CommandFailed, DeskCommands, Server, call

PROSECUTION: Final = "prosecution of trafficking in human beings"
BASIS: Final = "Demo Act on Mutual Assistance, s. 7"
CASE_NUMBERS: Final = {"north-police": "NP-2031-7", "shelter-ngo": "SN-2031-3", "south-prosecutor": "SP-2031-12"}
REFERENCE: Final = "SP-2031-12"
COURT_ORDER: Final = "Demo Court 2 KLs 7/31"


class Story:
    """Plays the story once; the stage stays up until `close`.

    Args:
        folder: empty; everything that is made lies here.
        source: persons and files.
        tell: prints a line.
    """

    def __init__(self, folder: Path, source: Input, tell: Callable[[str], None]) -> None:
        self.folder, self.source, self.tell = folder, source, tell
        self.stage: Stage = make_stage(folder)
        self.view = BrokerView(self.stage.broker_environment["AMPARO_BROKER_DATABASE_URL"])
        self.cases: dict[str, str] = {}
        self.persons: dict[str, list[dict[str, Any]]] = {}
        self.exhibits: dict[str, list[dict[str, Any]]] = {}
        self.bundles: dict[str, str] = {}
        self.record = ""
        self.packs: list[Path] = []
        self._step = 0

    # ---- Frame --------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """From the founding to the rebuilt pack."""
        for name in self.source.unknown:
            self.tell(f"column kept as it is, not of HTCDS: {name}")
        for name in self.source.ignored:
            self.tell(f"file not taken in: {name}")
        self.step("Founding: a broker, three agencies, their keys compared", self.found)
        self.step("The agencies open their cases and take persons and evidence in", self.open_cases)
        self.step("The police share evidence with the prosecutor; a witness is flagged; two open it", self.share)
        self.step("Two prosecutors open it together, on the record", self.open_shared)
        self.step("The prosecutor asks the NGO", self.ask)
        self.step("The NGO answers with the survivor's consent attached", self.answer)
        self.step("The prosecutor opens the answer; the senders see every opening", self.open_answer)
        self.step("An exhibit is handed over, with a signature of each side", self.hand_over)
        self.step("The evidence pack is built and checked offline", self.build_pack)
        self.step("The survivor withdraws; receipts arrive; the pack is rebuilt without her", self.withdraw)

    def step(self, title: str, act: Callable[[], None]) -> None:
        """One step, and what the broker saw of it."""
        self._step += 1
        self.tell(f"\n{self._step}. {title}")
        act()
        self.tell("   The broker saw:")
        for line in self.view.news() or ["nothing"]:
            self.tell(f"     {line}")

    def note(self, text: str) -> None:
        """A line within a step."""
        self.tell(f"   {text}")

    def close(self) -> None:
        """End every process."""
        self.stage.close()

    # ---- Steps --------------------------------------------------------------------------------------------------

    def found(self) -> None:
        """Three agencies that can work with each other."""
        found(self.stage, self.note)

    def open_cases(self) -> None:
        """Police and NGO know the persons; the police have the files; the prosecutor begins empty."""
        for agency, officer, more in (
            ("north-police", "liaison-1", ["liaison-2"]),
            ("shelter-ngo", "case-worker-1", ["case-worker-2"]),
            ("south-prosecutor", "prosecutor-1", ["prosecutor-2"]),
        ):
            desk = self.stage.desks[agency]
            members = [word for one in more for word in ("--member", one)]
            case = desk.do("cases", "create", CASE_NUMBERS[agency], "--title", "Demo case", *members, by=officer)
            self.cases[agency] = case["case"]
        folder = str(self.source.folder)
        taken = self.stage.north.do("import", self.cases["north-police"], folder, by="liaison-1")
        self.note(f"north-police: {len(taken['persons'])} persons, {len(taken['exhibits'])} exhibits")
        if not taken["exhibits"]:
            self.take_in("north-police", "liaison-1", "The police's note on how the case began (demonstration).")
        self.stage.shelter.do("import", self.cases["shelter-ngo"], folder, "--persons-only", by="case-worker-1")
        self.take_in("shelter-ngo", "case-worker-1", "Her account, as the shelter wrote it down (demonstration).")
        for agency, officer in (("north-police", "liaison-1"), ("shelter-ngo", "case-worker-1")):
            desk, case = self.stage.desks[agency], self.cases[agency]
            self.persons[agency] = desk.do("persons", "list", case, by=officer)
            self.exhibits[agency] = desk.do("exhibits", "list", case, by=officer)
        self.stage.sync(2)

    def take_in(self, agency: str, officer: str, text: str) -> None:
        """An exhibit that the agency writes itself."""
        folder = self.folder / "own" / agency
        (folder / "evidence").mkdir(parents=True)
        (folder / "evidence" / "note.txt").write_text(text + "\n", encoding="utf-8")
        self.stage.desks[agency].do(
            "exhibits", "add", self.cases[agency], str(folder / "evidence" / "note.txt"), by=officer
        )

    @property
    def witness(self) -> Mapping[str, dict[str, Any]]:
        """The witness as police and NGO know her."""
        return {agency: find_witness(rows) for agency, rows in self.persons.items()}

    def share(self) -> None:
        """Sealed so that two prosecutors open it together."""
        north, case = self.stage.north, self.cases["north-police"]
        witness = self.witness["north-police"]["person"]
        north.do(
            "flag", "person", case, witness, "--flag", "protected-witness", "--instruction", "no-export",
            "--concerns", "identity", by="liaison-1",
        )  # fmt: skip
        exhibits = [word for one in self.exhibits["north-police"] for word in ("--exhibit", one["object"])]
        asked = north.do(
            "share", case, "--to", "south-prosecutor", "--officer", "prosecutor-1", "--officer", "prosecutor-2",
            "--own-officer", "liaison-1", "--own-officer", "liaison-2", "--purpose", PROSECUTION,
            "--legal-basis", BASIS, "--reference", REFERENCE, "--text", "Evidence as agreed.", "--person", witness,
            *exhibits, "--threshold", "2", by="liaison-1",
        )  # fmt: skip
        north.do("approve", asked["approval"], by="liaison-2")
        sent = north.do("send", asked["draft"], "--approval", asked["approval"], by="liaison-1")
        self.bundles["shared"] = sent["bundle"]
        self.note("two liaison officers signed it; the file names stayed at home")

    def open_shared(self) -> None:
        """One prosecutor alone is refused; two open it and file what they need."""
        south, case = self.stage.south, self.cases["south-prosecutor"]
        self.stage.sync(2)
        arrived = south.do("inbox", by="prosecutor-1")
        self.note(f"in the inbox: {len(arrived)} bundle")
        seen = south.do("preview", self.bundles["shared"], by="prosecutor-1")
        for flag in seen["flags"]:
            self.note(f"flag before opening: {flag['flag']}, {flag['instruction']}, on {flag['pseudonym']}")
        opened = self.open_by_two(south, self.bundles["shared"], case)
        self.note(f"opened by two: {opened['files']} files, each checked against the sender's signature")

    def open_by_two(self, desk: DeskCommands, bundle: str, case: str) -> Any:
        """Ask, approve, open."""
        words = ["--purpose", PROSECUTION, "--legal-basis", BASIS, "--acknowledge"]
        asked = desk.do("open", bundle, *words, by="prosecutor-1")
        desk.do("approve", asked["approval"], by="prosecutor-2")
        return desk.do("open", bundle, *words, "--approval", asked["approval"], "--case", case, by="prosecutor-1")

    def ask(self) -> None:
        """An inquiry names no person: the pseudonyms of police and NGO differ."""
        sent = self.stage.south.do(
            "inquire", self.cases["south-prosecutor"], "--to", "shelter-ngo", "--officer", "case-worker-1",
            "--officer", "case-worker-2", "--own-officer", "prosecutor-1", "--purpose", PROSECUTION,
            "--legal-basis", BASIS, "--reference", CASE_NUMBERS["shelter-ngo"], "--about",
            "the person you support in this case",
            "--question", "Is she willing to give evidence, and what does she need for it?",
            "--reply-by", in_days(14), by="prosecutor-1",
        )  # fmt: skip
        self.bundles["inquiry"] = sent["bundle"]

    def answer(self) -> None:
        """The survivor's consent travels with the answer, signed by her case worker."""
        shelter, case = self.stage.shelter, self.cases["shelter-ngo"]
        self.stage.sync(2)
        shelter.do(
            "open",
            self.bundles["inquiry"],
            "--purpose",
            PROSECUTION,
            "--legal-basis",
            BASIS,
            "--case",
            case,
            by="case-worker-1",
        )
        waiting = [one for one in shelter.do("inquiries", by="case-worker-1") if one["direction"] == "in"]
        person, item = self.witness["shelter-ngo"]["person"], self.exhibits["shelter-ngo"][0]["object"]
        self.record = shelter.do(
            "consent", "record", case, person, "--purpose", PROSECUTION, "--recipient", "south-prosecutor",
            "--item", item, "--given-on", in_days(0), "--valid-until", in_days(180), by="case-worker-1",
        )["record"]  # fmt: skip
        sent = shelter.do(
            "answer", waiting[0]["inquiry"], case, "--to", "south-prosecutor", "--officer", "prosecutor-1",
            "--officer", "prosecutor-2", "--own-officer", "case-worker-1", "--purpose", PROSECUTION, "--legal-basis",
            BASIS, "--reference", REFERENCE, "--text", "She is willing, by video link.", "--person", person,
            "--exhibit", item, "--record", self.record, "--decision", "granted", by="case-worker-1",
        )  # fmt: skip
        self.bundles["answer"] = sent["bundle"]

    def open_answer(self) -> None:
        """One prosecutor is enough; the NGO reads who opened and for what."""
        south = self.stage.south
        self.stage.sync(2)
        south.do(
            "open", self.bundles["answer"], "--purpose", PROSECUTION, "--legal-basis", BASIS, "--acknowledge",
            "--case", self.cases["south-prosecutor"], by="prosecutor-1",
        )  # fmt: skip
        self.stage.sync(2)
        for agency, officer, name in (
            ("north-police", "liaison-1", "shared"),
            ("shelter-ngo", "case-worker-1", "answer"),
        ):
            acts = self.stage.desks[agency].do("record", self.bundles[name], by=officer)
            for act in acts:
                if act["kind"] == "open-requested":
                    self.note(f"{agency} reads: asked for by {act['officer']}, for: {act['details'].get('purpose')}")

    def hand_over(self) -> None:
        """The first exhibit goes to the prosecutor; the documents travel with it."""
        north, south = self.stage.north, self.stage.south
        ours, theirs = self.cases["north-police"], self.cases["south-prosecutor"]
        item = self.exhibits["north-police"][0]["object"]
        papers = self.folder / "handover"
        papers.mkdir()
        offer, answer = str(papers / "offer.json"), str(papers / "answer.json")
        north.do(
            "handover", "offer", ours, item, "--to", "south-prosecutor", "--seal", "SEAL-0001", "--reason",
            "for the trial", by="liaison-1",
        )  # fmt: skip
        north.do("handover", "document", ours, item, "--out", offer, by="liaison-1")
        self.stage.sync()
        south.do(
            "handover", "answer", theirs, offer, "--seal", "SEAL-0001", "--reason", "taken over", by="prosecutor-1"
        )
        south.do("handover", "document", theirs, item, "--out", answer, "--answer", by="prosecutor-1")
        self.stage.sync()
        north.do("handover", "close", ours, answer, by="liaison-1")
        self.stage.sync(2)
        for line in south.do("exhibits", "history", theirs, item, by="prosecutor-1"):
            self.note(f"{line['action']} by {line['officer']}")

    def build_pack(self) -> None:
        """Planned, on record, signed by two, written, and checked by a program that needs no desk."""
        pack = self.make_pack("pack.zip")
        self.stage.south.do("pack", "disclosed", self.bundles["pack"], by="prosecutor-1")
        broken = self.folder / "pack" / "one-byte-changed.zip"
        raw = bytearray(pack.read_bytes())
        raw[len(raw) // 2] ^= 1
        broken.write_bytes(raw)
        try:
            call(("verify", str(broken), "--trust", str(self.folder / "trust.txt")))
        except CommandFailed as refused:
            self.note(f"with one byte changed: {refused.message}")
        else:
            raise CommandFailed("a pack with a changed byte was not refused")
        broken.unlink()

    def make_pack(self, name: str) -> Path:
        """Plan, record, sign, write, verify."""
        south, case = self.stage.south, self.cases["south-prosecutor"]
        self.stage.sync(2)
        planned = south.do(
            "pack", "plan", case, "--reference", REFERENCE, "--court-order", COURT_ORDER, by="prosecutor-1"
        )
        self.bundles["pack"] = planned["pack"]
        self.note(f"the witness is flagged no-export: by order of court ({planned['order']}), and with two officers")
        self.stage.sync(2)
        for officer in ("prosecutor-1", "prosecutor-2"):
            south.do("pack", "sign", self.bundles["pack"], by=officer)
        out = self.folder / "pack" / name
        out.parent.mkdir(exist_ok=True)
        written = south.do("pack", "write", self.bundles["pack"], str(out), by="prosecutor-1")
        trust = self.folder / "trust.txt"
        if not trust.exists():
            trust.write_text(call(("trust", "--data", str(south.folder))), encoding="utf-8")
        report = call(("verify", str(out), "--trust", str(trust)))
        self.note(f"{name}: {written['bytes']:,} bytes")
        for line in report.splitlines():
            if line.startswith(("PROVEN", "Missing", "Withdrawn")):
                self.note(line)
        return out

    def withdraw(self) -> None:
        """The NGO withdraws; the broker destroys its half; the prosecutor's desk deletes and signs for it."""
        shelter, south, case = self.stage.shelter, self.stage.south, self.cases["shelter-ngo"]
        asked = shelter.do("withdraw", case, self.record, by="case-worker-1")
        shelter.do("approve", asked["approval"], by="case-worker-2")
        shelter.do("withdraw", case, self.record, "--approval", asked["approval"], by="case-worker-1")
        self.require_refused()
        self.stage.sync(2)
        signed = south.do("purge", by="prosecutor-1")
        self.note(f"south-prosecutor deleted what it had filed and signed {signed['receipts']} receipts")
        self.stage.sync(2)
        for one in shelter.do("receipts", case, self.record, by="case-worker-1")["receipts"]:
            self.note(f"receipt of {one['agency']}: {one['state']}, {one['items']} items, {len(one['packs'])} packs")
        for one in south.do("pack", "list", self.cases["south-prosecutor"], by="prosecutor-1"):
            self.note(f"record of pack {one['pack'][:8]}: {'a consent was withdrawn' if one['blocked'] else 'whole'}")
        self.make_pack("pack-rebuilt.zip")

    def require_refused(self) -> None:
        """The prosecutor tries once more to open the answer."""
        words = ["--purpose", PROSECUTION, "--legal-basis", BASIS, "--acknowledge"]
        try:
            self.stage.south.do("open", self.bundles["answer"], *words, by="prosecutor-1")
        except CommandFailed as refused:
            self.note(f"the prosecutor's next opening is refused: {refused.message}")
        else:
            raise CommandFailed("a bundle opened although its consent was withdrawn")

    # ---- After the story ----------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Serve the pages of the three desks."""
        for agency, desk in self.stage.desks.items():
            url = self.stage.urls[agency]
            log = self.folder / "logs" / f"{agency}-pages.log"
            server = Server(f"desk of {agency}", ("desk", "--dir", str(desk.folder), "run"), {}, log, f"{url}/sign-in")
            server.start()
            self.stage.servers.append(server)

    def addresses(self) -> list[str]:
        """Where the desks are, and how to sign in. The passphrases are of this run alone."""
        lines = ["", "The three desks, each in its own tab of one browser:"]
        for agency, desk in self.stage.desks.items():
            lines.append(f"  {self.stage.urls[agency]}")
            lines += [f"    {agency}/{handle}  passphrase {words}" for handle, words in desk.passphrases.items()]
        return lines


def find_witness(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The first person who is not a suspect; else the first."""
    return next((one for one in rows if one["role"] in ("witness", "victim")), rows[0])


def in_days(days: int) -> str:
    """A UTC date so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
