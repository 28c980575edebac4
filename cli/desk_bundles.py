"""`amparo desk` between agencies: share, inbox, open with one or two officers, file, flags, hand on."""

from pathlib import Path
from typing import Any

import click

from cli.desk_at import ID, At, day, pass_at, short, table
from errors import FormatError
from exchange import (
    adopting,
    approvals,
    arrivals,
    delivery,
    exports,
    filing,
    handing_on,
    inquiries,
    joint,
    keeping,
    opening,
    policy,
    reading,
    registers,
    renewal,
    sharing,
)
from exchange.composition import Composition, delete_draft, load_draft, save_draft
from exchange.office import acknowledge_alarm, list_alarms
from exchange.sync import sync


def send_options(function: Any) -> Any:
    """Options of everything that is composed and sent to one agency."""
    for option in reversed(
        (
            click.argument("case_id", type=ID),
            click.option("--to", "agency", required=True, help="The agency that gets it."),
            click.option("--officer", "officers", multiple=True, required=True, help="Who may open it there; repeat."),
            click.option("--own-officer", "own_officers", multiple=True, help="Who may open it here on the record."),
            click.option("--purpose", "purposes", multiple=True, required=True),
            click.option("--legal-basis", required=True),
            click.option("--reference", required=True, help="What the case is called for this recipient."),
            click.option("--text", default=""),
            click.option("--person", "persons", type=ID, multiple=True),
            click.option("--exhibit", "exhibits", type=ID, multiple=True),
            click.option("--record", "records", type=ID, multiple=True, help="Consent record it rests on; repeat."),
            click.option("--handling", multiple=True),
            click.option("--keep-until", help="YYYY-MM-DD"),
            click.option("--reply-by", help="YYYY-MM-DD"),
            click.option("--threshold", default=1, show_default=True, help="How many officers open it together."),
        )
    ):
        function = option(function)
    return function


def choice_of(at: At, values: dict[str, Any]) -> sharing.Choice:
    """The options as a choice; handles may be given without their agency."""
    agency = values["agency"]
    values["officers"] = tuple(full(agency, one) for one in values["officers"])
    values["own_officers"] = tuple(full(at.office.agency, one) for one in values["own_officers"])
    return sharing.Choice(**values)


def full(agency: str, handle: str) -> str:
    """A role handle with its agency."""
    return handle if "/" in handle else f"{agency}/{handle}"


def send_or_ask(at: At, made: Composition) -> None:
    """Seal and send; what takes two is kept as a draft first, for a colleague to approve."""
    if made.threshold == 1:
        seal_and_send(at, made, None)
        return
    with at.office.files.session() as db:
        draft = save_draft(db, at.officer, made, now=at.now)
    asked = delivery.ask_approval(at.office, at.officer, made, now=at.now)
    at.say(
        {"draft": short(draft), "approval": short(asked)},
        f"A colleague approves it: amparo desk approve {short(asked)}",
        f"Then: amparo desk send {short(draft)} --approval {short(asked)}",
    )


def seal_and_send(at: At, made: Composition, approval: bytes | None) -> None:
    """Seal, send, and say what became of it."""
    officer = at.officer
    bundle_id = delivery.seal(
        at.office, officer, made, sharing.sources(at.office, officer, made), now=at.now, approval_id=approval,
        progress=at.progress("sealing"),
    )  # fmt: skip
    with at.office.files.session() as db:
        inquiries.note_sent(db, made, bundle_id, now=at.now)
    receipt = delivery.send(at.office, bundle_id, now=at.now, progress=at.progress("sending"))
    at.say(
        {"bundle": short(bundle_id), "index": receipt.log_index},
        f"Bundle {short(bundle_id)} is sent; entry {receipt.log_index} of the log.",
    )


@click.command("send")
@click.argument("draft_id", type=ID)
@click.option("--approval", type=ID, required=True)
@pass_at
def send_draft(at: At, draft_id: bytes, approval: bytes) -> None:
    """Seal and send a draft that a colleague has approved."""
    officer = at.officer
    with at.office.files.session() as db:
        made = load_draft(db, officer, draft_id)
    seal_and_send(at, made, approval)
    with at.office.files.session() as db:
        delete_draft(db, officer, draft_id)


@click.command()
@send_options
@pass_at
def share(at: At, /, **values: Any) -> None:
    """Seal persons (by pseudonym) and exhibits of a case for officers of another agency, and send them."""
    officer = at.officer
    choice = choice_of(at, values)
    with at.office.files.session() as db:
        made = sharing.compose(db, at.office, officer, choice, now=at.now)
    send_or_ask(at, made)


@click.command()
@pass_at
def inbox(at: At) -> None:
    """Bundles that arrived, newest first."""
    sync(at.office, now=at.now)
    with at.office.files.session() as db:
        found = [
            {"bundle": short(one.bundle_id), "from": one.sender_agency, "state": one.state, "at": one.added_at}
            for one in arrivals.list_bundles(db, "in")
        ]
    with table(at, "Bundles:", "Nothing has arrived yet.") as lines:
        lines += [
            f"  {one['bundle']}  {day(int(str(one['at'])))}  from {one['from']} ({one['state']})" for one in found
        ]
    if at.as_json:
        at.say(found)


@click.command()
@click.argument("bundle_id", type=ID)
@pass_at
def preview(at: At, bundle_id: bytes) -> None:
    """What stands before the opening: sender, purposes, legal basis, who may open it, flags. Nothing is logged."""
    seen = reading.preview(at.office, at.officer, bundle_id, now=at.now)
    value = {
        "sender": seen.sender, "kind": seen.cover.kind, "purposes": list(seen.cover.purposes),
        "legal_basis": seen.cover.legal_basis, "threshold": seen.cover.threshold, "state": seen.state,
        "officers": {name: list(handles) for name, handles in seen.entitled.items()},
        "flags": [
            {name: one[name] for name in ("place", "flag", "instruction", "pseudonym", "concerns", "state")}
            for one in seen.flags
        ],
        "register": seen.register_digest.hex(),
    }  # fmt: skip
    at.say(
        value,
        f"{seen.cover.kind} by {seen.sender}, for: {'; '.join(seen.cover.purposes)} ({seen.cover.legal_basis})",
        f"It takes {seen.cover.threshold} of the entitled officers.",
        *(f"Flag: {one['flag']}, {one['instruction']}, on {one['pseudonym']} [{one['state']}]" for one in seen.flags),
    )


# ---- Opening ----------------------------------------------------------------------------------------------------


@click.command("open")
@click.argument("bundle_id", type=ID)
@click.option("--purpose", required=True)
@click.option("--legal-basis", required=True)
@click.option("--place", default="office", show_default=True)
@click.option("--approval", type=ID, help="The colleague's approval, where it takes two.")
@click.option("--acknowledge", is_flag=True, help="The flags were read.")
@click.option("--case", "case_id", type=ID, help="File everything in this case.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the form and the files here, as plain files; the record says so.",
)
@click.option("--court-order", help="Reference of the court's order, where a flag forbids --out.")
@pass_at
def open_command(
    at: At,
    bundle_id: bytes,
    purpose: str,
    legal_basis: str,
    place: str,
    approval: bytes | None,
    acknowledge: bool,
    case_id: bytes | None,
    out: Path | None,
    court_order: str | None,
) -> None:
    """Ask for the broker's half, on the record, and read the bundle."""
    officer = at.officer
    seen = reading.preview(at.office, officer, bundle_id, now=at.now)
    raised = [one for one in seen.flags if one["state"] == "raised"]
    if raised and not acknowledge:
        raise FormatError("flags stand on this bundle; read them (amparo desk preview), then give --acknowledge")
    as_files = None if out is None else exports.AsFiles(court_order)
    if approval is None and (joint.takes_two(seen, now=at.now) or is_past_flag(at, seen, as_files)):
        asked = joint.ask_approval(
            at.office, officer, bundle_id, purpose=purpose, legal_basis=legal_basis, place=place,
            export=None if as_files is None else as_files.note, now=at.now,
        )  # fmt: skip
        at.say({"approval": short(asked)}, f"A colleague opens it with you: amparo desk approve {short(asked)}")
        return
    opened = opening.open_bundle(
        at.office, officer, bundle_id, purpose=purpose, legal_basis=legal_basis, place=place,
        acknowledged=seen.register_digest, approval_id=approval, as_files=as_files, now=at.now,
        progress=at.progress("opening"),
    )  # fmt: skip
    filed = [] if case_id is None else filing.file_all(at.office, officer, opened, case_id, now=at.now)
    adopted = [] if case_id is None else adopting.adopt(at.office, officer, opened, case_id, now=at.now)
    with at.office.files.session() as db:
        inquiries.note_opened(db, opened, case_id, now=at.now)
    if out is not None and as_files is not None:
        exports.tell_as_files(at.office, officer, opened, as_files, now=at.now)
        _write_out(opened, out)
    at.say(
        {
            "bundle": short(bundle_id),
            "form": opened.form,
            "files": len(opened.entries) - 1,
            "filed": [short(one) for one in filed],
            "exhibits": [short(one) for one in adopted],
        },
        f"Opened: {len(opened.entries) - 1} files; {len(filed)} items filed.",
    )


def is_past_flag(at: At, seen: reading.Preview, as_files: exports.AsFiles | None) -> bool:
    """Whether files are written out past a flag, which takes a court's order and a colleague.

    Raises:
        FlagForbids: there is no order.
    """
    if as_files is None or not policy.forbidding_export(seen.flags, delivery.day_of(at.now)):
        return False
    exports.require_as_files(seen, as_files, officers=2, now=at.now)
    return True


def _write_out(opened: Any, out: Path) -> None:
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(len(opened.entries)):
        with (out / f"{number:03d}").open("xb") as file:
            for piece in opened.read(number):
                file.write(piece)


@click.command("approvals")
@pass_at
def list_approvals(at: At) -> None:
    """What colleagues ask you to approve."""
    officer = at.officer
    with at.office.files.session() as db:
        found = [
            {"approval": short(one.approval_id), "kind": one.kind, "by": one.asked_by, "at": one.asked_at}
            for one in approvals.list_waiting(db, officer)
        ]
    with table(at, "Waiting for you:", "Nothing waits for you.") as lines:
        lines += [
            f"  {one['approval']}  {one['kind']} asked by {one['by']}, {day(int(str(one['at'])))}" for one in found
        ]
    if at.as_json:
        at.say(found)


@click.command()
@click.argument("approval_id", type=ID)
@click.option("--deny", is_flag=True)
@pass_at
def approve(at: At, approval_id: bytes, deny: bool) -> None:
    """Approve, or --deny, what a colleague asked; your signature goes along."""
    officer = at.officer
    with at.office.files.session() as db:
        if deny:
            approvals.deny(db, officer, approval_id, now=at.now)
            is_opening = False
        else:
            question = approvals.read(db, officer, approval_id)
            is_opening = question.kind == "open"
            if not is_opening:
                approvals.grant(db, officer, approval_id, now=at.now)
            if question.kind == keeping.KEEP:
                ground = question.subject["subjects"][0]["legal_basis"]
                at.warn(f"Item {question.object_id.hex()} is kept past an order to delete, under: {ground}")
    if is_opening:
        joint.approve_opening(at.office, officer, approval_id, now=at.now)
        if export := question.subject["shown"].get("export"):
            at.warn(f"What opens is {export}.")
    at.say({"approved": not deny}, "Denied." if deny else "Approved; your colleague goes on.")


@click.command()
@click.argument("bundle_id", type=ID)
@pass_at
def record(at: At, bundle_id: bytes) -> None:
    """Who did what with a bundle, and why as far as this agency may know."""
    found = [
        {
            "index": one.log_index, "kind": one.kind, "agency": one.agency, "officer": one.officer, "at": one.at,
            "details": dict(one.details),
        }
        for one in reading.bundle_record(at.office, at.officer, bundle_id)
    ]  # fmt: skip
    with table(at, "Record:", "Nothing happened with it yet.") as lines:
        for one in found:
            lines.append(f"  {day(int(str(one['at'])))}  {one['kind']} by {one['officer'] or one['agency']}")
    if at.as_json:
        at.say(found)


@click.command("filed")
@click.argument("case_id", type=ID)
@pass_at
def list_filed(at: At, case_id: bytes) -> None:
    """What was kept in a case out of bundles of others."""
    officer = at.officer
    with at.office.files.session() as db:
        found = [
            {"item": short(one.item_id), "bundle": short(one.bundle_id), "kind": one.kind, "ground": one.ground}
            for one in filing.list_filed(db, officer, case_id)
        ]
    with table(at, "Filed:", "Nothing is filed in this case.") as lines:
        for one in found:
            ground = "" if one["ground"] is None else f", kept under: {one['ground']}"
            lines.append(f"  {one['item']}  {one['kind']} out of {one['bundle']}{ground}")
    if at.as_json:
        at.say(found)


# ---- Flags of a bundle, hand-on, sealing again ------------------------------------------------------------------


@click.command("raise")
@click.argument("bundle_id", type=ID)
@click.option("--pseudonym", required=True)
@click.option("--flag", required=True)
@click.option("--instruction", required=True)
@click.option("--concerns", multiple=True)
@click.option("--from", "start")
@click.option("--until")
@pass_at
def raise_flag(at: At, /, bundle_id: bytes, start: str | None, **values: Any) -> None:
    """Raise a flag on a bundle that is out; it holds at once."""
    place = registers.raise_flag(
        at.office, at.officer, bundle_id, {**values, "concerns": list(values["concerns"]), "from": start}, now=at.now
    )
    at.say({"place": place}, f"The flag stands at place {place}.")


@click.command("lower")
@click.argument("bundle_id", type=ID)
@click.argument("place", type=int)
@click.option("--approval", type=ID)
@pass_at
def lower_flag(at: At, bundle_id: bytes, place: int, approval: bytes | None) -> None:
    """Lower a flag of this agency, with a colleague's approval."""
    if approval is None:
        found = registers.ask_lowering(at.office, at.officer, bundle_id, place, now=at.now)
        at.say({"approval": short(found)}, f"A colleague approves it: amparo desk approve {short(found)}")
        return
    registers.lower_flag(at.office, at.officer, approval, now=at.now)
    at.say({"lowered": place}, "The flag is lowered.")


@click.command("hand-on")
@click.argument("bundle_id", type=ID)
@click.argument("to")
@click.option("--reason", required=True)
@pass_at
def hand_on(at: At, bundle_id: bytes, to: str, reason: str) -> None:
    """Give your key to a bundle to a colleague, on the record."""
    handing_on.hand_on(at.office, at.officer, bundle_id, full(at.office.agency, to), reason=reason, now=at.now)
    at.say({"to": to}, f"{to} can ask for it now.")


@click.command("seal-again")
@click.argument("bundle_id", type=ID)
@pass_at
def seal_again(at: At, bundle_id: bytes) -> None:
    """Seal a bundle anew whose half the broker has lost."""
    send_or_ask(at, renewal.composition_of(at.office, at.officer, bundle_id, now=at.now))


@click.command("alarms")
@click.option("--seen", type=int, help="Note that this alarm was seen.")
@pass_at
def alarms(at: At, seen: int | None) -> None:
    """What needs a person to look at it."""
    if seen is not None:
        officer = at.officer
        with at.office.files.session() as db:
            acknowledge_alarm(db, officer, seen)
    with at.office.files.session() as db:
        found = [
            {"id": one.alarm_id, "kind": one.kind, "subject": one.subject, "seen_by": one.seen_by}
            for one in list_alarms(db)
        ]
    with table(at, "Alarms:", "No alarm.") as lines:
        lines += [f"  {one['id']}  {one['kind']} {one['subject']} {one['seen_by'] or ''}" for one in found]
    if at.as_json:
        at.say(found)


COMMANDS = (
    share, send_draft, inbox, preview, open_command, list_approvals, approve, record, list_filed, raise_flag,
    lower_flag, hand_on, seal_again, alarms,
)  # fmt: skip
