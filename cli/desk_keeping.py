"""`amparo desk` when somebody goes or something is lost: departures, new keys, recovery shares, copies (G8)."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from agencies import acts, cases, members, setup, succession
from agencies.directory import Certificate
from cli.desk_at import ID, At, ask_passphrase, day, pass_at, read_text, short, table
from cli.desk_bundles import full
from cli.desk_cases import case_group
from cli.desk_setup import PAPER, officers, open_root, paper_option, read_statement, write_statement
from crypto import labels
from errors import FormatError, NotPermitted
from exchange import desk_copies, handing_on, handle_keys, membership, rebuilding, recovered, renewal, sealed_copies
from exchange.delivery import day_of

# ---- Officers who leave, or lost their passphrase ----------------------------------------------------------------


@officers.command("depart")
@click.argument("handle")
@click.option("--with-orphans", is_flag=True, help="Although cases are left that only the recovery shares open then.")
@click.option("--out", type=PAPER, required=True, help="The revocation, still to be signed by a second administrator.")
@pass_at
def depart(at: At, handle: str, with_orphans: bool, out: Path) -> None:
    """End an officer's rights at this desk, at once, and write the revocation of the certificate."""
    office, administrator = at.office, at.officer
    name = full(office.agency, handle)
    with office.files.session() as db:
        gone = succession.depart(
            db, administrator, name, now=at.now, directory=office.directory(db), with_orphans=with_orphans
        )
    if gone.revocation is not None:
        write_statement(out, administrator.sign_statement(labels.DIRECTORY, gone.revocation))
    at.say(
        {"departed": name, "cases": [short(one) for one in gone.cases], "file": str(out) if gone.revocation else None},
        f"{name} cannot sign in any more. {len(gone.cases)} cases were hers.",
        f"The other administrator: amparo desk officers sign {out}; then publish {out}" if gone.revocation else "",
    )


@officers.command("revoke")
@click.argument("handle")
@click.option("--paper", "papers", type=PAPER, multiple=True, help="Shares of the root, for an administrator; repeat.")
@click.option("--out", type=PAPER, required=True)
@pass_at
def revoke(at: At, handle: str, papers: tuple[Path, ...], out: Path) -> None:
    """Sign the revocation of a certificate: as one of two administrators (--as), or with the root's papers alone."""
    name = full(at.office.agency, handle)
    with at.office.files.session() as db:
        statement = succession.revoke(at.office.directory(db), name)
    if papers:
        with open_root(at, papers) as key:
            write_statement(out, key.sign(statement))
    else:
        at.officer.require("certify")
        write_statement(out, at.officer.sign_statement(labels.DIRECTORY, statement))
    who = "" if papers else f"The other administrator: amparo desk officers sign {out}"
    at.say({"file": str(out)}, f"Written to {out}. Nothing is revoked before it is published.", who)


@officers.command("renew")
@click.argument("handle")
@click.option("--new-passphrase-file", help="The officer's new passphrase; - reads a line of standard input.")
@click.option("--out", type=PAPER, required=True, help="The new certificate, still to be signed.")
@pass_at
def renew(at: At, handle: str, new_passphrase_file: str | None, out: Path) -> None:
    """Make new keys for the same person after a lost passphrase; revoke the old certificate first."""
    office = at.office
    at.officer.require("administer")
    name = full(office.agency, handle)
    words = ask_passphrase(new_passphrase_file, f"New passphrase of {name}: ")
    with office.files.session() as db:
        log = setup.get_identity(db).log
        made = members.renew_officer(db, name, words, now=at.now)
    session = members.sign_in(office.files, name, words, now=at.now)
    try:
        statement = members.prove_possession(setup.statement_of(made.body(log, day_of(at.now))), session)
    finally:
        session.lock()
    write_statement(out, statement)
    at.say(
        {"handle": name, "file": str(out)},
        f"{name} has new keys. {out} waits for administrators, after the revocation of the old certificate.",
        "Cases and bundles come back from a colleague (cases add, hand-on) or by the recovery shares (recover).",
    )


@case_group.command("add")
@click.argument("case_id", type=ID)
@click.argument("handle")
@click.option("--no-persons", is_flag=True, help="Without the identities.")
@pass_at
def add_member(at: At, case_id: bytes, handle: str, no_persons: bool) -> None:
    """Put a colleague on the team of a case, or give it again to one who has new keys."""
    officer = at.officer
    name = full(officer.agency, handle)
    with at.office.files.session() as db:
        cases.add_member(db, officer, case_id, name, vault=not no_persons, now=at.now)
        handle_keys.pass_on(db, at.office, officer, now=at.now)
    at.say({"added": name}, f"{name} works on this case now.")


@case_group.command("hand-over")
@click.argument("to")
@click.option("--case", "case_ids", type=ID, multiple=True, help="Only these; all of yours when not given.")
@pass_at
def hand_over(at: At, to: str, case_ids: tuple[bytes, ...]) -> None:
    """Give a colleague your cases, before you leave."""
    officer = at.officer
    name = full(officer.agency, to)
    with at.office.files.session() as db:
        given = succession.hand_over_cases(db, officer, name, now=at.now, case_ids=case_ids or None)
        handle_keys.pass_on(db, at.office, officer, now=at.now)
    at.say({"cases": [short(one) for one in given]}, f"{len(given)} cases are with {name} too.")


@click.command("hand-on-all")
@click.argument("to")
@click.option("--reason", required=True)
@pass_at
def hand_on_all(at: At, to: str, reason: str) -> None:
    """Give your key to every bundle that you can open to a colleague, on the record, before you leave."""
    name = full(at.office.agency, to)
    given, refused = handing_on.hand_on_all(at.office, at.officer, name, reason=reason, now=at.now)
    at.say(
        {"handed_on": [short(one) for one in given], "refused": {short(one): code for one, code in refused.items()}},
        f"{len(given)} bundles are handed on to {name}.",
        *(f"  not handed on: {short(one)} ({code})" for one, code in refused.items()),
    )


# ---- Recovery shares ---------------------------------------------------------------------------------------------


@click.group()
def recover() -> None:
    """What nobody opens any more, by the recovery shares: propose, two sign, carry out with the papers."""


@recover.command("propose")
@click.option("--to", "officers_", multiple=True, required=True, help="Who gets the keys; repeat for bundles.")
@click.option("--of", help="Only what this officer had: one who is gone, or whose keys are new.")
@click.option("--what", type=click.Choice(["cases", "bundles"]), required=True)
@click.option("--bundle", "bundles", type=ID, multiple=True, help="Only these bundles.")
@click.option("--out", type=PAPER, required=True)
@pass_at
def propose(
    at: At, officers_: tuple[str, ...], of: str | None, what: str, bundles: tuple[bytes, ...], out: Path
) -> None:
    """Write the act as an administrator (--as), for the other one to sign."""
    office = at.office
    at.officer.require("administer")
    to = [full(office.agency, one) for one in officers_]
    whose = None if of is None else full(office.agency, of)
    if what == "bundles":
        act = recovered.propose(office, to, of=whose, bundles=bundles or None, now=at.now)
    else:
        if len(to) != 1 or bundles:
            raise FormatError("cases are recovered for one officer at a time")
        with office.files.session() as db:
            act = succession.propose_recovery(db, office.directory(db), to[0], of=whose, now=at.now)
    write_statement(out, acts.sign_act(act, at.officer))
    at.say(
        {"file": str(out), "facts": act.value["facts"]},
        f"Written to {out} and signed. The other administrator: amparo desk recover sign {out}",
    )


@recover.command("sign")
@click.argument("act", type=PAPER)
@pass_at
def sign(at: At, act: Path) -> None:
    """Sign an act of recovery as the second administrator (--as); what it says is printed."""
    at.officer.require("administer")
    statement = read_statement(act)
    write_statement(act, acts.sign_act(statement, at.officer))
    facts = statement.value.get("facts", {})
    at.say(
        {"signed": str(act), "facts": facts},
        f"{at.officer.handle} has signed {act}: {statement.value.get('act')} {json.dumps(facts)}",
    )


@recover.command("carry-out")
@click.argument("act", type=PAPER)
@paper_option
@pass_at
def carry_out(at: At, act: Path, papers: tuple[Path, ...]) -> None:
    """Carry out a signed act with the papers of the recovery key on the table."""
    statement, words = read_statement(act), [read_text(one) for one in papers]
    at.officer.require("administer")
    if statement.value.get("act") != recovered.ACT:
        found = recovered.recover_cases(at.office, statement, words, now=at.now)
        at.say({"cases": [short(one) for one in found]}, f"{len(found)} cases are open again.")
        return
    done = recovered.recover_bundles(at.office, at.officer, statement, words, now=at.now)
    at.say(
        {
            "bundles": [
                {"bundle": short(one.bundle_id), "given": list(one.given), "refused": one.refusal} for one in done
            ]
        },
        f"{sum(bool(one.given) for one in done)} bundles are handed on; opening them is logged as ever.",
        *(f"  {short(one.bundle_id)}: {one.refusal}" for one in done if one.refusal),
    )


# ---- Key halves that the broker has lost -------------------------------------------------------------------------


@click.command("lost")
@pass_at
def lost(at: At) -> None:
    """Bundles of this agency whose key half the broker has lost, and what was sealed in their place."""
    officer = at.officer
    with at.office.files.session() as db:
        found = []
        for row in renewal.list_lost(db):
            with suppress(NotPermitted):  # of a case of others; their officers see it
                fresh = renewal.replacement_of(db, officer, row.bundle_id)
                found.append({"bundle": short(row.bundle_id), "sealed_again": None if fresh is None else short(fresh)})
    with table(at, "Lost:", "The broker has lost no half of your cases.") as lines:
        lines += [f"  {one['bundle']}  {one['sealed_again'] or 'amparo desk seal-again'}" for one in found]
    if at.as_json:
        at.say(found)


@click.command("raise-again")
@pass_at
def raise_again(at: At) -> None:
    """Raise your agency's flags of lost bundles on those that were sealed in their place."""
    count = renewal.raise_all_again(at.office, at.officer, now=at.now)
    at.say({"flags": count}, f"{count} flags are raised again.")


# ---- Copies ------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@pass_at
def backup(at: At, folder: Path) -> None:
    """Copy this desk into an empty FOLDER and check the copy; the desk may run meanwhile."""
    made = desk_copies.make_copy(at.folder, folder, now=at.now)
    at.say(
        {**_copied(made), "missing": list(made.missing)},
        f"Copied {made.agency}: {made.size_bytes:,} bytes, a log of {made.entries} entries. The copy was read again.",
        f"{len(made.missing)} stored files were missing at this desk already." if made.missing else "",
        "Keep it as safe as the desk itself: the desk's keys are in it, and what is withdrawn later as well.",
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@pass_at
def restore(at: At, folder: Path) -> None:
    """Put the copy in FOLDER in place of a lost desk (--dir, empty). It syncs once before anybody signs in."""
    found = desk_copies.restore_copy(folder, at.folder)
    at.say(
        _copied(found),
        f"Restored {found.agency} as of {day(found.made_at)}. Next: amparo desk sync",
        "What was entered since then comes back as far as the broker has it; the rest is entered again.",
    )


@click.command()
@click.argument("copy", type=PAPER)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--copy-passphrase-file", help="The copy's passphrase; - reads a line of standard input.")
@pass_at
def unseal(at: At, copy: Path, folder: Path, copy_passphrase_file: str | None) -> None:
    """Open a sealed COPY, as the desk's pages make it, into an empty FOLDER; then `restore` puts it in place."""
    words = ask_passphrase(copy_passphrase_file, "Passphrase of the copy: ")
    sealed_copies.unseal_copy(copy, folder, words)
    found = desk_copies.check_copy(folder)
    at.say(_copied(found), f"The copy of {found.agency} of {day(found.made_at)} lies in {folder}. Next: restore")


def _copied(one: desk_copies.Copied) -> dict[str, Any]:
    return {
        "agency": one.agency, "made_at": one.made_at, "entries": one.entries, "blobs": one.blobs,
        "bytes": one.size_bytes,
    }  # fmt: skip


@click.group()
def rebuild() -> None:
    """A desk of which there is no copy: init with a new invitation, certify, take over, officers anew, recover."""


@rebuild.command("certify")
@click.option("--out", type=PAPER, required=True, help="The desk's certificate, for another agency to publish.")
@paper_option
@pass_at
def certify(at: At, out: Path, papers: tuple[Path, ...]) -> None:
    """Certify this new desk with the papers of the agency's root."""
    statement = rebuilding.certify(at.office, [read_text(one) for one in papers], now=at.now)
    write_statement(out, statement)
    membership.invitation_file(at.folder).unlink(missing_ok=True)
    at.say({"file": str(out)}, f"Another agency publishes it: amparo desk publish {out}. Then: rebuild take-over")


@rebuild.command("take-over")
@pass_at
def take_over(at: At) -> None:
    """Follow the log, and show what it says of this agency; then say what is lost for good."""
    found = rebuilding.take_over(at.office, now=at.now)
    with table(at, "Certificates of this agency; revoke every one that nobody knows:", "None.") as lines:
        lines += [f"  {one.index}  {one.subject} ({one.type})" for one in found.certificates]
    at.say(
        {"entries": found.size, "certificates": [_certificate(one) for one in found.certificates],
         "lost": list(rebuilding.LOST)},
        "Lost with the old desk, unless there is a copy of it:",
        *(f"  {one}" for one in rebuilding.LOST),
        "Next: administrators anew (officers revoke --paper, enrol, root sign), officers anew, sync, recover bundles.",
    )  # fmt: skip


def _certificate(one: Certificate) -> dict[str, Any]:
    return {"index": one.index, "subject": one.subject, "type": one.type, "roles": list(one.roles)}


COMMANDS = (hand_on_all, recover, lost, raise_again, backup, unseal, restore, rebuild)
