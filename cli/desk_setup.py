"""`amparo desk` before the first case: the agency's root, the network, officers, comparison (docs/operations.md)."""

import json
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from agencies import comparison, members, setup
from agencies.directory import Directory
from cli.desk_at import (
    ENV_FILE,
    At,
    ask_passphrase,
    pass_at,
    read_bytes,
    read_text,
    table,
)
from config.settings import SECOND_FACTOR
from crypto import labels
from crypto.encoding import dump_json, parse_json
from crypto.statements import Statement, parse_statement
from errors import FormatError, KeyUnusable, NotFound, SetUpUnfinished
from exchange import admission, comparing, membership
from exchange.delivery import day_of

PAPER = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("invitation", type=PAPER)
@click.option("--country", required=True, help="Two letters, such as XA.")
@click.option("--kind", required=True, type=click.Choice(["police", "prosecution", "ngo", "other"]))
@click.option("--port", default=8001, show_default=True, help="Where the desk's pages are served on this machine.")
@click.option("--url", help="Exact address of the pages; http only on this machine.")
@click.option(
    "--second-factor", type=click.Choice(SECOND_FACTOR), default="required", show_default=True,
    help="Whether pages ask for a second factor; off is for trying the desk out, on this machine alone.",
)  # fmt: skip
@pass_at
def init(
    at: At, invitation: Path, country: str, kind: str, port: int, url: str | None, second_factor: str
) -> None:  # fmt: skip
    """Make a desk in its folder out of an INVITATION, and pin the keys of the log that it names."""
    raw = read_bytes(invitation)
    found = membership.parse_invitation(raw)
    membership.create_desk(at.folder, found, country=country, kind=kind, now=at.now)
    write_private(at.folder / "session.key", secrets.token_bytes(32))
    write_private(membership.invitation_file(at.folder), raw)
    values = {
        "DATA_DIR": at.folder.resolve(),
        "AGENCY_ID": found.agency,
        "PUBLIC_URL": url or f"http://127.0.0.1:{port}",
        "PORT": port,
        "BROKER_URL": found.url,
        "SESSION_KEY_FILE": (at.folder / "session.key").resolve(),
        "SECOND_FACTOR": second_factor,
    }
    text = "".join(f"AMPARO_DESK_{name}={value}\n" for name, value in values.items())
    write_private(at.folder / ENV_FILE, text.encode())
    at.say({"agency": found.agency}, f"The desk of {found.agency} is made. Next: amparo desk ceremony")


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only this user can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fsync(file.fileno())


# ---- The root ---------------------------------------------------------------------------------------------------


@click.command()
@click.option("--holder", "holders", multiple=True, required=True, help="Who keeps a share, by role handle; repeat.")
@click.option("--threshold", default=2, show_default=True, help="How many shares give a key back.")
@click.option(
    "--papers",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write each share to a file of this folder, to be printed and then destroyed, in place of showing it.",
)
@pass_at
def ceremony(at: At, holders: tuple[str, ...], threshold: int, papers: Path | None) -> None:
    """Make the agency's root and recovery key with two people present; the shares go to paper."""
    office = at.office
    full = [one if "/" in one else f"{office.agency}/{one}" for one in holders]
    made = setup.Ceremony(office.agency, full, threshold)
    try:
        for purpose, one in made.papers.items():
            if papers is None:
                _show(one)
            else:
                _write_papers(papers, purpose, one)
        with office.files.session() as db:
            made.finish(db, now=at.now)
    finally:
        made.close()
    at.say(
        {"root": made.root_key.hex()}, "The root and the recovery key exist on paper only. Next: founding or admission."
    )


def _show(papers: setup.Papers) -> None:
    for holder in papers.holders:
        click.pause(f"Only {holder} looks at the screen now. Press a key.")
        click.echo(f"{papers.purpose}, share of {holder}:\n\n{papers.show(holder)}\n")
        click.pause("Write it down; it is never shown again. Press a key.")
        click.clear()
        papers.put_away(holder)
    while True:
        words: str = click.prompt(f"Type a share of the {papers.purpose} key back from its paper", hide_input=True)
        try:
            click.echo(f"Right: the share of {papers.type_back(words)}.")
            papers.require_done()
        except SetUpUnfinished:
            continue
        except KeyUnusable as error:
            click.echo(error.message)
            continue
        return


def _write_papers(folder: Path, purpose: str, papers: setup.Papers) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for holder in papers.holders:
        path = folder / f"{purpose}-{holder.split('/')[1]}.txt"
        write_private(path, papers.show(holder).encode())
        papers.put_away(holder)
        papers.type_back(read_text(path))


def open_root(at: At, papers: Sequence[Path]) -> setup.Root:
    """The root out of its papers."""
    with at.office.files.session() as db:
        key = membership.require_root(setup.get_identity(db))
    return setup.open_root(at.office.agency, [read_text(path) for path in papers], key)


def paper_option(function: Any) -> Any:
    """`--paper FILE`, once for each share."""
    return click.option("--paper", "papers", type=PAPER, multiple=True, required=True, help="A share; repeat.")(
        function
    )


@click.group()
def root() -> None:
    """What the root signs, with its papers on the table."""


@root.command("sign")
@click.argument("statement", type=PAPER)
@paper_option
@pass_at
def root_sign(at: At, statement: Path, papers: tuple[Path, ...]) -> None:
    """Add the root's signature to a STATEMENT: a founding, an administrator's certificate."""
    with open_root(at, papers) as key:
        write_statement(statement, key.sign(read_statement(statement)))
    at.say({"signed": str(statement)}, f"The root of {at.office.agency} has signed {statement}.")


@root.command("certify-desk")
@paper_option
@pass_at
def certify_desk(at: At, papers: tuple[Path, ...]) -> None:
    """Publish the certificates of the recovery key and of this desk; the invitation is then used up."""
    with open_root(at, papers) as key:
        statements = membership.own_certificates(at.office, key, now=at.now)
    indices = [membership.publish(at.office, one, now=at.now) for one in statements]
    membership.invitation_file(at.folder).unlink(missing_ok=True)
    at.say({"indices": indices}, "This desk and its recovery key are in the directory.")


# ---- Statements on their way through several hands ---------------------------------------------------------------


def read_statement(path: Path) -> Statement:
    """A statement out of a file."""
    return parse_statement(read_bytes(path))


def write_statement(path: Path, statement: Statement) -> None:
    """A statement to a file; a reader never sees half of it."""
    half = path.with_name(f".{path.name}.new")
    half.write_bytes(statement.dump())
    half.replace(path)


@click.command("agency")
@click.option("--out", type=PAPER, required=True)
@pass_at
def agency(at: At, out: Path) -> None:
    """Write what a founding or an admission says of this agency: name, country, kind, root key."""
    with at.office.files.session() as db:
        out.write_bytes(dump_json(membership.own_value(db)))
    at.say({"file": str(out)}, f"Written to {out}; give it to whoever proposes the founding.")


@click.command()
@click.argument("agencies", type=PAPER, nargs=-1, required=True)
@click.option("--network", required=True, help="Name of the network.")
@click.option("--out", type=PAPER, required=True)
@paper_option
@pass_at
def found(at: At, agencies: tuple[Path, ...], network: str, out: Path, papers: tuple[Path, ...]) -> None:
    """Propose and sign the founding of a network by AGENCIES (files of `amparo desk agency`)."""
    values = [parse_json(read_bytes(path)) for path in agencies]
    if not all(isinstance(one, dict) for one in values):
        raise FormatError("these are not files that `amparo desk agency` writes")
    with at.office.files.session() as db:
        log = setup.get_identity(db).log
    with open_root(at, papers) as key:
        write_statement(out, key.sign(membership.founding(log, network, values)))
    at.say({"file": str(out)}, f"Written to {out}. Every other agency signs it: amparo desk root sign {out}")


@click.command("apply")
@click.option("--out", type=PAPER, required=True)
@paper_option
@pass_at
def apply_for(at: At, out: Path, papers: tuple[Path, ...]) -> None:
    """Ask a network that exists to admit this agency; two administrators of each of two agencies sign it after that."""
    with open_root(at, papers) as key:
        statement = admission.apply_for(at.office, key)
    write_statement(out, statement)
    at.say({"file": str(out)}, f"Written to {out}; send it to an administrator of an agency that is in the network.")


@click.command()
@click.argument("statement", type=PAPER)
@pass_at
def publish(at: At, statement: Path) -> None:
    """Put a STATEMENT that has all its signatures into the directory."""
    index = membership.publish(at.office, read_statement(statement), now=at.now)
    at.say({"index": index}, f"It is entry {index} of the log.")


# ---- Officers ---------------------------------------------------------------------------------------------------


@click.group()
def officers() -> None:
    """Officers, their keys and certificates."""


@officers.command("enrol")
@click.argument("handle")
@click.option("--role", "roles", multiple=True, required=True)
@click.option("--new-passphrase-file", help="The new officer's passphrase; - reads a line of standard input.")
@click.option("--out", type=PAPER, required=True, help="The certificate, still to be signed by administrators.")
@pass_at
def enrol(at: At, handle: str, roles: tuple[str, ...], new_passphrase_file: str | None, out: Path) -> None:
    """Make an officer's keys at this desk. HANDLE is such as liaison-1; a name of a person has no place in it."""
    office = at.office
    full = handle if "/" in handle else f"{office.agency}/{handle}"
    words = ask_passphrase(new_passphrase_file, f"New passphrase of {full}: ")
    with office.files.session() as db:
        log = setup.get_identity(db).log
        made = members.enrol_officer(db, full, roles, words, now=at.now)
    session = members.sign_in(office.files, full, words, now=at.now)
    try:
        statement = members.prove_possession(setup.statement_of(made.body(log, day_of(at.now))), session)
    finally:
        session.lock()
    write_statement(out, statement)
    who = "the root" if "administrator" in roles else "two administrators"
    at.say({"handle": full, "file": str(out)}, f"{full} has keys. The certificate {out} waits for {who}.")


@officers.command("sign")
@click.argument("statement", type=PAPER)
@pass_at
def sign(at: At, statement: Path) -> None:
    """Sign a certificate or a revocation as an administrator (--as)."""
    at.officer.require("certify")
    write_statement(statement, at.officer.sign_statement(labels.DIRECTORY, read_statement(statement)))
    at.say({"signed": str(statement)}, f"{at.officer.handle} has signed {statement}.")


@officers.command("list")
@pass_at
def list_officers(at: At) -> None:
    """Officers of this agency with a certificate that counts."""
    with at.office.files.session() as db:
        found = [
            {"handle": one.subject, "roles": sorted(one.roles)}
            for one in at.office.directory(db).officers(at.office.agency)
        ]
    with table(at, "Officers:", "No officer has a certificate yet.") as lines:
        lines += [f"  {one['handle']}: {', '.join(one['roles'])}" for one in found]
    if at.as_json:
        at.say(found)


# ---- Comparison -------------------------------------------------------------------------------------------------


@click.command()
@click.argument("name")
@click.option("--answer", type=click.Choice(["same", "different"]), help="What both of you found.")
@click.option("--how", type=click.Choice(["phone", "in-person"]), default="phone", show_default=True)
@click.option("--shown", help="The fingerprint that was read out.")
@pass_at
def compare(at: At, name: str, answer: str | None, how: str, shown: str | None) -> None:
    """Show the fingerprint of an agency's root, or record that it was read out and compared."""
    officer = None if answer is None else at.officer
    with at.office.files.session() as db:
        directory = at.office.directory(db)
        fingerprint = comparison.fingerprint_of(directory, name)
        state = comparison.root_state(db, directory, name)
        if answer is None or officer is None:
            at.say(
                {"agency": name, "fingerprint": fingerprint, "state": state.value},
                f"{name}: {state.value}",
                f"  {fingerprint}",
                "Read it to each other by a phone number known before, then: --answer same --shown '...'",
            )
            return
    state = comparing.answer(at.office, officer, name, shown=shown or "", said=answer, how=how, now=at.now)
    at.say({"agency": name, "state": state.value}, f"{name}: {state.value}")


@click.command()
@pass_at
def agencies(at: At) -> None:
    """Agencies of the network, and whether their roots were compared."""
    with at.office.files.session() as db:
        directory = at.office.directory(db)
        found = [_agency(db, directory, name) for name in sorted(directory.agencies)]
    with table(at, "Agencies:", "This desk is in no network yet.") as lines:
        lines += [f"  {one['agency']} ({one['kind']}): {one['state']}" for one in found]
    if at.as_json:
        at.say(found)


def _agency(db: Any, directory: Directory, name: str) -> dict[str, Any]:
    state = comparison.root_state(db, directory, name)
    return {"agency": name, "kind": directory.agency(name).type, "state": state.value}


@click.command()
@pass_at
def status(at: At) -> None:
    """How far this desk has followed the log, what is still to be set up, and what needs a person."""
    from exchange.office import list_alarms

    missing = membership.missing(at.office)
    with at.office.files.session() as db:
        state = at.office.log(db)
        alarms = list_alarms(db, unseen_only=True)
        found = {
            "agency": at.office.agency,
            "log": state.origin,
            "entries": state.size,
            "synced_at": state.synced_at,
            "stopped": state.is_stopped,
            "missing": missing,
            "alarms": [{"id": one.alarm_id, "kind": one.kind, "subject": one.subject} for one in alarms],
        }
    lines = [
        f"{found['agency']} follows {found['log']}, {found['entries']} entries.",
        "Stopped: the log was seen rolled back or forked. Nothing is sent or opened." if state.is_stopped else "",
        f"Still to do: {', '.join(missing)}" if missing else "",
        *(f"Alarm {one.alarm_id}: {one.kind} {one.subject}" for one in alarms),
    ]
    at.say(found, *[line for line in lines if line])


@click.command("sync")
@click.option("--wait", default=0, show_default=True, help="Seconds to wait for news.")
@click.option("--watch", is_flag=True, help="Go on until it is stopped.")
@pass_at
def sync_command(at: At, wait: int, watch: bool) -> None:
    """Follow the log, push what waits, fetch what arrived. Nobody needs to be signed in."""
    from exchange.sync import sync

    while True:
        report = sync(at.office, now=at.now, wait=wait)
        found = {
            "entries": report.size,
            "sent": report.sent,
            "refused": report.refused,
            "bundles": [one.hex() for one in report.bundles],
            "cosigned": report.cosigned,
            "problems": {str(name): str(text) for name, text in report.problems.items()},
        }
        at.say(
            found,
            f"{report.size} entries, {report.sent} sent, {report.refused} refused; "
            f"{len(report.bundles)} bundles arrived.",
            *(f"  {name}: {text}" for name, text in found["problems"].items()),  # type: ignore[attr-defined]
        )
        if not watch:
            return
        time.sleep(0 if wait else at.settings.sync_every_seconds)


def find_json(path: Path) -> dict[str, Any]:
    """A JSON object that a person wrote."""
    try:
        value = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}, line {error.lineno}: {error.msg}") from None
    if not isinstance(value, dict):
        raise NotFound(f"{path} holds no JSON object")
    return value


@click.command("migrate")
@pass_at
def migrate_command(at: At) -> None:
    """Bring the tables of this desk up to date after an update of the program."""
    from storage.database import open_engine
    from storage.desk_files import DATABASE, HISTORY
    from storage.migration import migrate

    path = at.folder / DATABASE
    if not path.is_file():
        raise NotFound(f"there is no desk in {at.folder}")
    engine = open_engine(f"sqlite:///{path}")
    revision = migrate(engine, HISTORY)
    engine.dispose()
    at.say({"revision": revision}, f"The tables are at revision {revision}.")


COMMANDS = (
    init,
    ceremony,
    root,
    agency,
    found,
    apply_for,
    publish,
    officers,
    compare,
    agencies,
    status,
    sync_command,
    migrate_command,
)
