"""`amparo desk` inside one agency: cases, persons of the vault, exhibits and their custody, consent records, flags."""

from pathlib import Path
from typing import Any

import click

from agencies import cases
from cli.desk_at import ID, At, day, pass_at, short, table
from errors import NotFound
from evidence import exhibits, holdings, intake
from exchange import people
from identity import consent, flags, persons


@click.group(name="cases")
def case_group() -> None:
    """Cases of this agency."""


@case_group.command("create")
@click.argument("number")
@click.option("--title", default="", help="Read by the team alone.")
@click.option("--member", "members", multiple=True, help="Another officer who works on it; repeat.")
@pass_at
def create_case(at: At, number: str, title: str, members: tuple[str, ...]) -> None:
    """Open a case under a file NUMBER such as NP-2031-7; no name has a place in it."""
    officer = at.officer
    with at.office.files.session() as db:
        case_id = cases.create_case(db, officer, number, {"title": title}, now=at.now).case_id
        for one in members:
            handle = one if "/" in one else f"{officer.agency}/{one}"
            cases.add_member(db, officer, case_id, handle, vault=True, now=at.now)
    at.say({"case": short(case_id)}, f"Case {short(case_id)} is open.")


@case_group.command("list")
@pass_at
def list_cases(at: At) -> None:
    """Cases that you work on."""
    officer = at.officer
    with at.office.files.session() as db:
        found = [
            {"case": short(one.case_id), "handle": one.handle, **cases.read_facts(db, officer, one)}
            for one in cases.list_cases(db, officer)
        ]
    with table(at, "Cases:", "You work on no case yet: amparo desk cases create NUMBER") as lines:
        lines += [f"  {one['case']}  {one['handle']}  {one['title']}" for one in found]
    if at.as_json:
        at.say(found)


@click.command("import")
@click.argument("case_id", type=ID)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--place", default="evidence room", show_default=True, help="Where the exhibits are, coarsely.")
@click.option("--persons-only", is_flag=True)
@pass_at
def import_folder(at: At, case_id: bytes, folder: Path, place: str, persons_only: bool) -> None:
    """Take a FOLDER in: persons.csv or persons.xlsx, and each file of evidence/ as an exhibit (docs/input.md)."""
    officer = at.officer
    found = people.import_persons(at.office, officer, case_id, folder, now=at.now)
    files = [] if persons_only else people.evidence_files(folder)
    taken = [
        _take_in(at, case_id, path, description="", action="receive", place=place, reason="taken in") for path in files
    ]
    value = {
        "persons": [{"person": short(one), "short": name} for one, name in found.persons],
        "unknown": list(found.unknown), "ignored": list(found.ignored), "exhibits": taken,
    }  # fmt: skip
    at.say(
        value,
        f"{len(found.persons)} persons, {len(taken)} exhibits.",
        *(f"Kept as they are, not of HTCDS: {', '.join(found.unknown)}" for _ in found.unknown[:1]),
        *(f"Not taken in: {name}" for name in found.ignored),
    )


@click.group(name="persons")
def person_group() -> None:
    """Persons of a case, in the vault that its team alone opens."""


@person_group.command("list")
@click.argument("case_id", type=ID)
@pass_at
def list_persons(at: At, case_id: bytes) -> None:
    """Persons of a case with the fields that are known."""
    officer = at.officer
    with at.office.files.session() as db:
        found = [
            {"person": short(one.person_id), "short": one.short, "role": one.role, "fields": dict(one.values)}
            for one in persons.list_persons(db, officer, case_id)
        ]
    with table(at, "Persons:", "No person is in this case yet: amparo desk import CASE FOLDER") as lines:
        lines += [f"  {one['person']}  {one['short']} ({one['role']})" for one in found]
    if at.as_json:
        at.say(found)


@person_group.command("reidentify")
@click.argument("case_id", type=ID)
@click.argument("pseudonym")
@click.option("--reason", required=True, help="Recorded.")
@pass_at
def reidentify(at: At, case_id: bytes, pseudonym: str, reason: str) -> None:
    """Who stands behind a PSEUDONYM that this agency gave."""
    officer = at.officer
    with at.office.files.session() as db:
        found = persons.reidentify(db, officer, case_id, pseudonym, reason=reason, now=at.now)
    at.say({"person": short(found.person_id), "short": found.short}, f"{pseudonym} is {found.short}.")


@click.group(name="exhibits")
def exhibit_group() -> None:
    """Exhibits and their custody."""


@exhibit_group.command("list")
@click.argument("case_id", type=ID)
@pass_at
def list_exhibits(at: At, case_id: bytes) -> None:
    """Exhibits of a case."""
    officer = at.officer
    with at.office.files.session() as db:
        found = [
            {
                "object": short(one.object_id), "number": one.local_number, "root_number": one.root_number,
                "description": one.description, "files": [short(file) for file in one.files], "state": one.state,
            }
            for one in exhibits.list_exhibits(db, officer, case_id)
        ]  # fmt: skip
    with table(at, "Exhibits:", "No exhibit yet: amparo desk import CASE FOLDER") as lines:
        lines += [f"  {one['object']}  {one['number']}  {one['description']} ({one['state']})" for one in found]
    if at.as_json:
        at.say(found)


@exhibit_group.command("add")
@click.argument("case_id", type=ID)
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--description", default="", help="Read by the team, and by whom it is sent to.")
@click.option("--action", type=click.Choice(exhibits.TAKING_IN), default="receive", show_default=True)
@click.option("--place", default="evidence room", show_default=True)
@click.option("--reason", default="taken in", show_default=True)
@pass_at
def add_exhibit(at: At, /, case_id: bytes, path: Path, **how: str) -> None:
    """Take one file in as an exhibit; its custody begins."""
    taken = _take_in(at, case_id, path, **how)
    at.say(taken, f"It is exhibit {taken['number']}.")


def _take_in(
    at: At, case_id: bytes, path: Path, *, description: str, action: str, place: str, reason: str
) -> dict[str, Any]:
    officer = at.officer
    stored = intake.take_in(at.office.files, officer, case_id, path, progress=at.progress(path.name), now=at.now)
    with at.office.files.session() as db:
        object_id = exhibits.create_exhibit(
            db,
            officer,
            case_id,
            description=description or f"File of type {stored.media_type}",
            files=[stored.file_id],
            action=action,
            place=place,
            reason=reason,
            seen=at.office.seen(db),
            now=at.now,
        )
        exhibit = exhibits.get_exhibit(db, officer, case_id, object_id)
    return {
        "object": short(object_id),
        "number": exhibit.local_number,
        "bytes": stored.size_bytes,
        "double": stored.is_double,
    }


@exhibit_group.command("history")
@click.argument("case_id", type=ID)
@click.argument("object_id", type=ID)
@pass_at
def history(at: At, case_id: bytes, object_id: bytes) -> None:
    """Who held an exhibit, what was done with it, and whether the log proves it."""
    officer = at.officer
    with at.office.files.session() as db:
        found = [
            {
                "at": one.at, "agency": one.agency, "officer": one.officer, "action": one.action, "reason": one.reason,
                "place": one.place, "proven": one.is_proven,
            }
            for one in holdings.history(db, officer, case_id, object_id)
        ]  # fmt: skip
    with table(at, "Custody:", "Nothing is recorded yet.") as lines:
        for one in found:
            lines.append(f"  {day(int(str(one['at'])))}  {one['action']} by {one['officer']}: {one['reason'] or '-'}")
    if at.as_json:
        at.say(found)


@click.group(name="consent")
def consent_group() -> None:
    """Consent records of survivors."""


@consent_group.command("record")
@click.argument("case_id", type=ID)
@click.argument("person_id", type=ID)
@click.option("--purpose", "purposes", multiple=True, required=True)
@click.option("--recipient", "recipients", multiple=True, required=True, help="Agency that may get it; repeat.")
@click.option("--item", "items", type=ID, multiple=True, help="Exhibit it covers; none covers the person's data alone.")
@click.option("--given-on", required=True, help="YYYY-MM-DD")
@click.option("--valid-until", help="YYYY-MM-DD")
@click.option("--language", default="en", show_default=True, help="In which it was explained.")
@click.option("--how-to-withdraw", default="Tell any case worker, at any time.", show_default=True)
@pass_at
def record_consent(at: At, /, case_id: bytes, person_id: bytes, **facts: Any) -> None:
    """Record what a survivor agreed to, and how she takes it back."""
    officer = at.officer
    with at.office.files.session() as db:
        record = consent.record_consent(db, officer, case_id, person_id, consent.ConsentFacts(**facts), now=at.now)
    at.say({"record": short(record)}, f"Consent {short(record)} is recorded.")


@consent_group.command("list")
@click.argument("case_id", type=ID)
@pass_at
def list_consents(at: At, case_id: bytes) -> None:
    """Consent records of a case and their state."""
    officer = at.officer
    with at.office.files.session() as db:
        found = [
            {"record": short(one.record_id), "person": short(one.person_id), "state": one.state}
            for one in consent.list_consents(db, officer, case_id)
        ]
    with table(at, "Consent records:", "No consent is recorded in this case.") as lines:
        lines += [f"  {one['record']}  {one['state']}" for one in found]
    if at.as_json:
        at.say(found)


@click.group(name="flag")
def flag_group() -> None:
    """Protection flags: what others must not do, never why."""


@flag_group.command("person")
@click.argument("case_id", type=ID)
@click.argument("person_id", type=ID)
@click.option("--flag", "name", required=True, help="Such as protected-witness.")
@click.option("--instruction", required=True, help="What to do, out of the list.")
@click.option("--concerns", multiple=True, help="Country or agency that it is about; none means everybody.")
@click.option("--from", "start", help="YYYY-MM-DD")
@click.option("--until", help="YYYY-MM-DD")
@pass_at
def flag_person(
    at: At,
    case_id: bytes,
    person_id: bytes,
    name: str,
    instruction: str,
    concerns: tuple[str, ...],
    start: str | None,
    until: str | None,
) -> None:
    """Flag a person; the flag goes along with every bundle that names her."""
    officer = at.officer
    with at.office.files.session() as db:
        if not persons.list_persons(db, officer, case_id):
            raise NotFound("there is nobody in this case")
        flags.add_flag(db, officer, case_id, person_id, name, concerns, instruction, start, until, now=at.now)
    at.say({"flag": name}, "The flag is set.")


COMMANDS = (case_group, import_folder, person_group, exhibit_group, consent_group, flag_group)
