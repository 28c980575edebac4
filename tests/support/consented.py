"""A shelter's case with consents in every state, for the pages on consent: made through the product's own calls."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from agencies import cases
from exchange import delivery, sharing
from exchange.sharing import Choice
from identity import consent, persons
from tests.support.departures import take_in
from tests.support.field import Field, now

PURPOSE = "prosecution"
NUMBERS: Iterator[int] = count(1)


@dataclass
class Case:
    """A case with one person and one exhibit."""

    field: Field
    case_id: bytes
    person: bytes
    item: bytes
    short: str
    handle: str

    @property
    def worker(self):  # type: ignore[no-untyped-def]  # an open session
        return self.field.shelter.officer("case-worker-1")

    @property
    def person_path(self) -> str:
        return f"/consent/people/{self.case_id.hex()}/{self.person.hex()}"

    def consent(self, recipient: str = "south-prosecutor", purpose: str = PURPOSE, **more: object) -> bytes:
        """A consent record."""
        values = {"items": (self.item,), **more}
        facts = consent.ConsentFacts((purpose,), (recipient,), delivery.day_of(now()), "en", "Tell us.", **values)  # type: ignore[arg-type]
        with self.field.shelter.office.files.session() as db:
            return consent.record_consent(db, self.worker, self.case_id, self.person, facts, now=now())

    def share(self, record: bytes) -> bytes:
        """A bundle to the prosecutor that rests on a record."""
        office = self.field.shelter.office
        choice = Choice(
            self.case_id, "south-prosecutor", ("south-prosecutor/prosecutor-1",), (PURPOSE,), "Act 7", "SP-1",
            persons=(self.person,), exhibits=(self.item,), records=(record,),
        )  # fmt: skip
        with office.files.session() as db:
            made = sharing.compose(db, office, self.worker, choice, now=now())
        sources = sharing.sources(office, self.worker, made)
        bundle_id = delivery.seal(office, self.worker, made, sources, now=now())
        delivery.send(office, bundle_id, now=now())
        self.field.sync_all()
        return bundle_id

    def state(self, record: bytes) -> str:
        """State of a consent record."""
        with self.field.shelter.office.files.session() as db:
            return consent.get_consent(db, self.worker, self.case_id, record).state


def make_case(field: Field, folder: Path, short: str = "W", description: str | None = None) -> Case:
    """A case of both case workers."""
    desk, worker = field.shelter, field.shelter.officer("case-worker-1")
    handle = f"SN-2031-{next(NUMBERS)}"
    with desk.office.files.session() as db:
        case_id = cases.create_case(db, worker, handle, {"title": "t"}, now=now()).case_id
        cases.add_member(db, worker, case_id, desk.handle("case-worker-2"), vault=True, now=now())
        person = persons.add_person(
            db, worker, case_id, {"prs_gender": "Feminine", "prs_firstname": "Oksana"}, role="victim", short=short,
            now=now(),
        )  # fmt: skip
    item = take_in(desk, "case-worker-1", case_id, folder / f"{handle}.jpg")
    field.sync_all()
    return Case(field, case_id, person, item, short, handle)
