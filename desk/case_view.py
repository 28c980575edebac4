"""What the pages of a case show at their head, and on the overview."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import VAULT, OfficerSession
from desk import case_words
from evidence import exhibits
from evidence.exhibits import Exhibit
from exchange import case_contents, case_files, inquiries
from exchange.case_contents import BundleLine
from exchange.case_files import CaseFacts, Period
from exchange.models import Approval, InquiryRow
from exchange.office import Office
from identity import consent, flags, persons
from identity.flags import Flag
from identity.persons import Person


@dataclass(frozen=True, slots=True)
class Shown:
    """A case as every one of its pages shows it at its head.

    Attributes:
        sees_persons: the officer opens the identities of this case.
        exhibits, persons: how many there are; of persons None for whom they are closed.
    """

    case_id: bytes
    handle: str
    version: int
    opened_at: int
    closed_at: int | None
    facts: CaseFacts = field(repr=False)
    sees_persons: bool
    exhibits: int
    persons: int | None

    @property
    def hex(self) -> str:
        """The id as it stands in addresses."""
        return self.case_id.hex()

    @property
    def is_closed(self) -> bool:
        """Whether the case is closed."""
        return self.closed_at is not None


def show(db: Session, office: Office, officer: OfficerSession, case_id: bytes) -> Shown:
    """The head of a case.

    Raises:
        NotPermitted
    """
    file = case_files.read(db, officer, case_id)
    sees = bool(cases.opened_to(db, officer, [case_id], VAULT))
    counts = case_contents.counts_of(db, officer, case_id)
    return Shown(
        file.case_id, file.handle, file.version, file.opened_at, file.closed_at, file.facts, sees, counts["exhibits"],
        counts["persons"] if sees else None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person as lists show her: no name, no number of a document."""

    person: Person = field(repr=False)
    flags: tuple[Flag, ...]
    consents: Mapping[str, int]
    known_as: Mapping[str, str] = field(repr=False)

    @property
    def hex(self) -> str:
        """The id as it stands in addresses."""
        return self.person.person_id.hex()

    @property
    def traits(self) -> list[str]:
        """What of her record may stand in a list."""
        values = self.person.values
        return [
            values[name] for name in ("prs_gender", "prs_citizenship", "vic_typeofexploitation") if values.get(name)
        ]


def person_lines(db: Session, office: Office, officer: OfficerSession, case_id: bytes) -> list[PersonLine]:
    """Everybody of a case, by role, with flags, consents, and the pseudonyms that agencies were given.

    Raises:
        NotPermitted
    """
    standing: dict[bytes, list[Flag]] = {}
    for flag in flags.list_flags(db, officer, case_id):
        if not flag.is_lowered:
            standing.setdefault(flag.person_id, []).append(flag)
    agreed: dict[bytes, dict[str, int]] = {}
    for record in consent.list_consents(db, officer, case_id):
        states = agreed.setdefault(record.person_id, {})
        states[record.state] = states.get(record.state, 0) + 1
    given = persons.given_pseudonyms(db, officer, case_id, other_agencies(db, office))
    people = persons.list_persons(db, officer, case_id)
    order = list(case_words.ROLES)
    return [
        PersonLine(
            one, tuple(standing.get(one.person_id, ())), agreed.get(one.person_id, {}), given.get(one.person_id, {})
        )
        for one in sorted(people, key=lambda one: order.index(one.role))
    ]


def other_agencies(db: Session, office: Office) -> list[str]:
    """Names of the other agencies of the network, as far as the log was followed."""
    return [one for one in office.directory(db).agencies if one != office.agency]


@dataclass(frozen=True, slots=True)
class Overview:
    """The overview of a case.

    Attributes:
        overdue: ids of inquiries whose day of reply is over.
    """

    people: tuple[PersonLine, ...] = field(repr=False)
    exhibits: tuple[Exhibit, ...] = field(repr=False)
    bundles: tuple[BundleLine, ...] = field(repr=False)
    inquiries: tuple[InquiryRow, ...]
    overdue: frozenset[bytes]
    approvals: tuple[Approval, ...]
    period: Period | None
    team: Mapping[str, tuple[str, ...]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was done in it yet."""
        return not (self.people or self.exhibits or self.bundles or self.inquiries)

    def steps(self) -> list[dict[str, Any]]:
        """Which of the three first steps are done."""
        return [{"done": bool(one)} for one in (self.people, self.exhibits, self.bundles)]


def overview(db: Session, office: Office, officer: OfficerSession, shown: Shown, *, now: int) -> Overview:
    """What there is about a case."""
    case_id = shown.case_id
    asked = case_contents.inquiries_of(db, officer, case_id)
    return Overview(
        tuple(person_lines(db, office, officer, case_id)) if shown.sees_persons else (),
        tuple(exhibits.list_exhibits(db, officer, case_id)),
        tuple(case_contents.bundles_of(db, officer, case_id)),
        tuple(asked),
        frozenset(one.inquiry_id for one in asked if inquiries.is_overdue(one, now=now)),
        tuple(case_contents.open_approvals(db, officer, case_id)),
        case_files.period_of(shown.facts, now=now),
        cases.team(db, officer, case_id),
    )
