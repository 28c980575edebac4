"""Cases with persons, exhibits, flags and bundles, for the pages that show them."""

from dataclasses import dataclass
from pathlib import Path

from agencies import cases
from agencies.members import OfficerSession
from evidence import exhibits, intake
from exchange import case_files, case_links, delivery, sharing
from exchange.case_files import CaseFacts
from exchange.sharing import Choice
from identity import flags, persons
from tests.support.field import DeskAt, now

HOSTILE = "<b>Ali</b> \"x' &amp; \u202etxt.exe\u202c \u200b\U0001f9ff " + "Ж" * 160


@dataclass
class CaseAt:
    """A case of a desk, with whoever begins it."""

    desk: DeskAt
    officer: OfficerSession
    case_id: bytes
    handle: str

    @property
    def hex(self) -> str:
        return self.case_id.hex()

    @property
    def path(self) -> str:
        return f"/cases/{self.hex}"

    def person(self, role: str = "victim", short: str = "V1", **values: str) -> bytes:
        named = {"prs_firstname": "Mirabela", "prs_secondname": "Ionescu", "prs_gender": "female", **values}
        with self.desk.office.files.session() as db:
            return persons.add_person(db, self.officer, self.case_id, named, role=role, short=short, now=now())

    def exhibit(self, folder: Path, description: str = "Photograph of a door") -> bytes:
        path = folder / "photo.jpg"
        path.write_bytes(b"\xff\xd8 a photograph of " + description.encode())
        stored = intake.take_in(self.desk.office.files, self.officer, self.case_id, path, now=now())
        with self.desk.office.files.session() as db:
            return exhibits.create_exhibit(
                db, self.officer, self.case_id, description=description, files=[stored.file_id], place="store",
                reason="seized in a search", action="seize", seen=self.desk.office.seen(db), now=now(),
            )  # fmt: skip

    def flag(self, person: bytes, name: str = "Family at risk", instruction: str = "no-contact") -> bytes:
        with self.desk.office.files.session() as db:
            return flags.add_flag(
                db, self.officer, self.case_id, person, name, ["XC"], instruction, None, None, now=now()
            )

    def link(self, start: str, end: str, label: str, exhibit: bytes | None = None) -> str:
        state = "reported" if exhibit is None else "confirmed"
        with self.desk.office.files.session() as db:
            return case_links.add_link(db, self.officer, self.case_id, start, end, label, state, exhibit, now=now())

    def thing(self, kind: str, label: str) -> str:
        with self.desk.office.files.session() as db:
            return case_links.add_thing(db, self.officer, self.case_id, kind, label, now=now())

    def join(self, handle: str, *, vault: bool = True) -> None:
        with self.desk.office.files.session() as db:
            cases.add_member(db, self.officer, self.case_id, self.desk.handle(handle), vault=vault, now=now())

    def share(self, to: DeskAt, officer: str, *people: bytes) -> bytes:
        """A bundle that names these persons, sent."""
        office = self.desk.office
        choice = Choice(
            case_id=self.case_id, agency=to.agency, officers=(to.handle(officer),), purposes=("prosecution",),
            legal_basis="CCP 12", reference="R-77", text="what is known", persons=people,
        )  # fmt: skip
        with office.files.session() as db:
            made = sharing.compose(db, office, self.officer, choice, now=now())
        bundle_id = delivery.seal(office, self.officer, made, sharing.sources(office, self.officer, made), now=now())
        delivery.send(office, bundle_id, now=now())
        return bundle_id


def begin(desk: DeskAt, officer: str, handle: str, title: str = "Harbour", **facts: object) -> CaseAt:
    """A case of this officer."""
    acting = desk.officer(officer)
    with desk.office.files.session() as db:
        case_id = case_files.begin(db, acting, handle, CaseFacts(title=title, **facts), now=now())  # type: ignore[arg-type]
    return CaseAt(desk, acting, case_id, handle)


def whole(desk: DeskAt, officer: str, handle: str, folder: Path) -> tuple[CaseAt, dict[str, bytes]]:
    """A case with something of everything that one desk makes."""
    case = begin(
        desk, officer, handle, "Farm at the river", stage="investigation", route="XC, XB, XA",
        period="March to August 2026", accountable="Liaison unit", summary="Two women worked on a farm\nwithout pay.",
        recovery_from=delivery.day_of(now() - 9 * 86400), recovery_until=delivery.day_of(now() + 21 * 86400),
    )  # fmt: skip
    made = {
        "V1": case.person(prs_citizenship="XC", vic_typeofexploitation="labour", prs_mobilephone="+40721555"),
        "V2": case.person(short="V2", prs_firstname="Zuleika", prs_secondname="Haddad"),
        "S1": case.person("suspect", "S1", prs_firstname="Gorg", prs_secondname="Vella", per_roleinprocess="recruiter"),
        "W1": case.person("witness", "W1", prs_firstname="Tilda", prs_secondname="Sorensen"),
    }  # fmt: skip
    made["flag"] = case.flag(made["V1"])
    case.flag(made["V2"], "Special measures for a child", "no-reinterview")
    made["exhibit"] = case.exhibit(folder)
    phone, farm = case.thing("phone", "T-1"), case.thing("place", "Farm, XA")
    hexes = {name: one.hex() for name, one in made.items()}
    case.link(hexes["S1"], hexes["V1"], "recruited", made["exhibit"])
    case.link(hexes["S1"], hexes["V2"], "recruited")
    case.link(hexes["S1"], phone, "uses", made["exhibit"])
    case.link(phone, hexes["V1"], "called", made["exhibit"])
    case.link(hexes["V1"], farm, "worked at", made["exhibit"])
    case.link(hexes["V2"], farm, "worked at")
    case.link(hexes["W1"], farm, "saw", made["exhibit"])
    return case, made
