"""A case with persons, exhibits and consents, ready to be shared, for tests of the pages around a share."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from agencies import cases
from evidence import exhibits, intake
from exchange.delivery import day_of
from identity import consent, flags, persons
from tests.support.field import DeskAt, now

HOSTILE = "<b>bold</b> \u202eright\u200b 🕊 " + "long " * 40


@dataclass
class CaseOf:
    """Ids of what was made."""

    desk: DeskAt
    word: str
    case_id: bytes
    handle: str
    persons: list[bytes] = field(default_factory=list)
    exhibits: list[bytes] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)


def case_of(
    desk: DeskAt, word: str, handle: str, folder: Path, *, people: int = 2, items: int = 2, size_bytes: int = 3000
) -> CaseOf:
    """A victim with six fields that may travel, a suspect, and exhibits of one small file each; synced."""
    officer = desk.officer(word)
    with desk.office.files.session() as db:
        case_id = cases.create_case(db, officer, handle, {"title": "A case"}, now=now()).case_id
    made = CaseOf(desk, word, case_id, handle)
    with desk.office.files.session() as db:
        for number in range(people):
            values = {
                "prs_firstname": "Placeholder", "prs_gender": "Feminine", "prs_citizenship": "XC",
                "vic_typeofexploitation": "Forced labour",
                "vic_methodsofcontrol": "Debt bondage;Passport taken;Threats",
            } if number == 0 else {"per_roleinprocess": "Recruiter", "prs_firstname": "Someone"}  # fmt: skip
            made.persons.append(
                persons.add_person(
                    db, officer, case_id, values, role="victim" if number == 0 else "suspect", short=f"P-{number + 1}",
                    now=now(),
                )
            )  # fmt: skip
    for number in range(items):
        path = folder / f"{handle}-{number}.bin"
        path.write_bytes(os.urandom(size_bytes))
        stored = intake.take_in(desk.office.files, officer, case_id, path, now=now())
        with desk.office.files.session() as db:
            made.exhibits.append(
                exhibits.create_exhibit(
                    db, officer, case_id, description=f"Recording {number + 1}", files=[stored.file_id], place="store",
                    reason="seized", action="receive", seen=desk.office.seen(db), now=now(),
                    handling=("H1",) if number == 0 else (),
                )
            )  # fmt: skip
    desk.sync()
    return made


def flagged(made: CaseOf, person: int = 0, instruction: str = "no-export") -> None:
    """A protection flag on a person of the case."""
    with made.desk.office.files.session() as db:
        flags.add_flag(
            db, made.desk.officer(made.word), made.case_id, made.persons[person], "protected-witness", ["identity"],
            instruction, None, None, now=now(),
        )  # fmt: skip


def consented(made: CaseOf, to: DeskAt, *, purpose: str = "prosecution") -> bytes:
    """The first person agrees that one agency gets her data and every exhibit."""
    facts = consent.ConsentFacts(
        (purpose,), (to.agency,), day_of(now()), "en", "Tell your case worker.", items=tuple(made.exhibits)
    )
    with made.desk.office.files.session() as db:
        record = consent.record_consent(
            db, made.desk.officer(made.word), made.case_id, made.persons[0], facts, now=now()
        )
    made.records.append(record)
    return record


def on_team(made: CaseOf, other: str) -> None:
    """Another officer joins the case team, with the identities."""
    with made.desk.office.files.session() as db:
        cases.add_member(
            db, made.desk.officer(made.word), made.case_id, made.desk.officer(other).handle, vault=True, now=now()
        )
