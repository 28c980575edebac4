"""All consents that a case worker may see, and what was refused or left open, with the words for lists."""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import OfficerSession
from errors import NotPermitted
from evidence import exhibits
from exchange.delivery import day_of
from exchange.office import Office
from identity import consent, persons, talks

GIVEN: Final = "given"
ENDED: Final = "ended"


@dataclass(frozen=True, slots=True)
class Person:
    """A person whose consent can be asked."""

    case_id: bytes
    person_id: bytes
    case: str
    short: str
    role: str


@dataclass(frozen=True, slots=True)
class Line:
    """A consent.

    Attributes:
        state: given, ended, held or withdrawn.
        items: numbers and descriptions of exhibits.
    """

    person: Person
    consent: consent.Consent
    state: str
    items: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unsaid:
    """Something that she refused, or left open; `item` in words, None for the facts about her."""

    person: Person
    answer: talks.Answer
    item: str | None = field(repr=False)
    talk: talks.Talk = field(repr=False)


@dataclass(frozen=True, slots=True)
class Register:
    """For the overview, newest consents first."""

    lines: tuple[Line, ...]
    unsaid: tuple[Unsaid, ...]


def state_of(one: consent.Consent, *, now: int) -> str:
    """In the words of the pages."""
    if one.state != consent.ACTIVE:
        return one.state
    until = one.facts.valid_until
    return ENDED if until is not None and until < day_of(now) else GIVEN


def list_people(db: Session, officer: OfficerSession) -> list[Person]:
    """Persons of the officer's cases."""
    officer.require("consent")
    found = []
    for case in cases.list_cases(db, officer):
        try:
            people = persons.list_persons(db, officer, case.case_id)
        except NotPermitted:  # on the team without the identities
            continue
        found += [Person(case.case_id, one.person_id, case.handle, one.short, one.role) for one in people]
    return found


def get_person(db: Session, officer: OfficerSession, case_id: bytes, person_id: bytes) -> Person:
    """One of them.

    Raises:
        NotFound, NotPermitted
    """
    officer.require("consent")
    one = persons.get_person(db, officer, case_id, person_id)
    return Person(case_id, person_id, cases.get_case(db, officer, case_id).handle, one.short, one.role)


def register(office: Office, officer: OfficerSession, *, now: int) -> Register:
    """Everything, of all cases of the officer."""
    lines: list[Line] = []
    unsaid: list[Unsaid] = []
    with office.files.session() as db:
        people = list_people(db, officer)
        for case_id in dict.fromkeys(one.case_id for one in people):
            by_id = {one.person_id: one for one in people if one.case_id == case_id}
            words = item_words(db, officer, case_id)
            found = consent.list_consents(db, officer, case_id)
            lines += [_line(by_id[one.person_id], one, words, now) for one in found if one.person_id in by_id]
            for person in by_id.values():
                unsaid += unsaid_of(db, officer, person, words)
    return Register(tuple(sorted(lines, key=lambda one: -one.consent.made_at)), tuple(unsaid))


def get_line(office: Office, officer: OfficerSession, record_id: bytes, *, now: int) -> Line:
    """One consent.

    Raises:
        NotFound, NotPermitted
    """
    with office.files.session() as db:
        case_id = consent.case_of(db, record_id)
        one = consent.get_consent(db, officer, case_id, record_id)
        person = get_person(db, officer, case_id, one.person_id)
        return _line(person, one, item_words(db, officer, case_id), now)


def lines_of(office: Office, officer: OfficerSession, case_id: bytes, person_id: bytes, *, now: int) -> list[Line]:
    """Consents of one person, oldest first."""
    with office.files.session() as db:
        person = get_person(db, officer, case_id, person_id)
        words = item_words(db, officer, case_id)
        return [_line(person, one, words, now) for one in consent.list_consents(db, officer, case_id, person_id)]


def unsaid_of(
    db: Session, officer: OfficerSession, person: Person, words: dict[bytes, tuple[str, str]]
) -> list[Unsaid]:  # fmt: skip
    """Her last answers that were no, or not now."""
    found = talks.newest_answers(talks.list_talks(db, officer, person.case_id, person.person_id))
    return [
        Unsaid(person, answer, None if answer.item is None else _words(words, answer.item)[1], talk)
        for answer, talk in found
        if answer.answer != talks.YES
    ]


def item_words(db: Session, officer: OfficerSession, case_id: bytes) -> dict[bytes, tuple[str, str]]:
    """Number and description of each exhibit of a case."""
    found = exhibits.list_exhibits(db, officer, case_id)
    return {one.object_id: (one.local_number, one.description) for one in found}


def _words(words: dict[bytes, tuple[str, str]], item: bytes) -> tuple[str, str]:
    return words.get(item, ("-", item.hex()))


def _line(person: Person, one: consent.Consent, words: dict[bytes, tuple[str, str]], now: int) -> Line:
    items = tuple(_words(words, item) for item in one.facts.items)
    return Line(person, one, state_of(one, now=now), items)
