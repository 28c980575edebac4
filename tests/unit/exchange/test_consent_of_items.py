"""Nothing leaves an NGO that no survivor agreed to, also when nobody is named (guarantee G5)."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from errors import ConsentMissing
from exchange import delivery, sharing
from exchange.composition import Composition
from identity import consent, persons
from tests.support.departures import share, take_in
from tests.support.field import DeskAt, Field, now
from tests.support.traffic import PURPOSE, parcel
from tests.unit.exchange.test_prohibitions import make_case


@dataclass
class Case:
    """Two exhibits of the shelter, and a consent to the first."""

    case_id: bytes
    agreed: bytes
    other: bytes
    person: bytes
    record: bytes


@pytest.fixture
def case(field: Field, tmp_path: Path) -> Case:
    desk, worker = field.shelter, field.shelter.officer("case-worker-1")
    case_id = make_case(desk, "case-worker-1", "case-worker-2")
    agreed, other = (take_in(desk, "case-worker-1", case_id, tmp_path / name) for name in ("a.jpg", "b.jpg"))
    field.sync_all()
    facts = consent.ConsentFacts((PURPOSE,), ("south-prosecutor",), "2026-01-01", "en", "Tell us.", (agreed,))
    with desk.office.files.session() as db:
        person = persons.add_person(db, worker, case_id, {}, role="victim", short="W", now=now())
        record = consent.record_consent(db, worker, case_id, person, facts, now=now())
    return Case(case_id, agreed, other, person, record)


def compose(desk: DeskAt, word: str, case_id: bytes, **more: object) -> Composition:
    choice = sharing.Choice(
        case_id,
        "south-prosecutor",
        ("south-prosecutor/prosecutor-1",),
        (PURPOSE,),
        "Act 7",
        "R-1",
        **more,  # type: ignore[arg-type]
    )
    with desk.office.files.session() as db:
        return sharing.compose(db, desk.office, desk.officer(word), choice, now=now())


def seal(desk: DeskAt, word: str, made: Composition) -> bytes:
    officer = desk.officer(word)
    return delivery.seal(desk.office, officer, made, sharing.sources(desk.office, officer, made), now=now())


def test_an_exhibit_of_an_ngo_takes_a_consent_that_names_it(field: Field, case: Case) -> None:
    desk, word = field.shelter, "case-worker-1"
    with pytest.raises(ConsentMissing, match=r"E-0001 for south-prosecutor.*leave it out"):
        seal(desk, word, compose(desk, word, case.case_id, exhibits=(case.agreed,)))
    with pytest.raises(ConsentMissing):
        compose(desk, word, case.case_id, exhibits=(case.other,), persons=(case.person,), records=(case.record,))
    with pytest.raises(ConsentMissing):
        both = (case.agreed, case.other)
        compose(desk, word, case.case_id, exhibits=both, persons=(case.person,), records=(case.record,))
    share(
        desk, word, case.case_id, field.south, exhibits=(case.agreed,), persons=(case.person,), records=(case.record,)
    )  # the control
    seal(desk, word, compose(desk, word, case.case_id, text="Nothing of hers goes along."))


def test_a_file_of_no_exhibit_does_not_leave_an_ngo(field: Field) -> None:
    with pytest.raises(ConsentMissing, match="belongs to no exhibit"):
        parcel(field.shelter, "case-worker-1", field.south, ["prosecutor-1"]).seal()
    parcel(field.shelter, "case-worker-1", field.south, ["prosecutor-1"], ()).seal()  # the control


def test_the_police_share_an_exhibit_without_a_consent(field: Field, tmp_path: Path) -> None:
    case_id = make_case(field.north, "liaison-1", "liaison-2")
    item = take_in(field.north, "liaison-1", case_id, tmp_path / "door.jpg")
    field.sync_all()
    share(field.north, "liaison-1", case_id, field.south, exhibits=(item,))
