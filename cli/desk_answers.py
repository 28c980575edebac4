"""`amparo desk`: inquiries and answers, hold and withdrawal of consent, receipts of what was deleted."""

from typing import Any

import click

from cli.desk_at import ID, At, pass_at, short, table
from cli.desk_bundles import choice_of, send_options, send_or_ask
from exchange import inquiries, keeping, purges, withdrawals


@click.command()
@send_options
@click.option("--question", "questions", multiple=True, required=True)
@click.option("--about", required=True, help="Whom or what it is about, by pseudonym or exhibit.")
@click.option("--type", "kind", default="information", show_default=True)
@pass_at
def inquire(at: At, /, questions: tuple[str, ...], about: str, kind: str, **values: Any) -> None:
    """Ask another agency, with purpose and legal basis."""
    officer = at.officer
    choice = choice_of(at, values)
    with at.office.files.session() as db:
        made = inquiries.make_inquiry(
            db, at.office, officer, choice, questions=questions, about=about, category=kind, now=at.now
        )
    send_or_ask(at, made)


@click.command("inquiries")
@pass_at
def list_inquiries(at: At) -> None:
    """Inquiries asked and received, and what became of them."""
    officer = at.officer
    with at.office.files.session() as db:
        found = [inquiries.as_value(one) for one in inquiries.list_inquiries(db, officer)]
    with table(at, "Inquiries:", "No inquiry yet.") as lines:
        lines += [f"  {one['inquiry']}  {one['direction']} {one['with']} ({one['state']})" for one in found]
    if at.as_json:
        at.say(found)


@click.command()
@click.argument("inquiry_id", type=ID)
@send_options
@click.option("--decision", type=click.Choice(["granted", "narrowed", "refused"]), required=True)
@click.option("--ground", help="Why it is narrowed or refused.")
@pass_at
def answer(at: At, /, inquiry_id: bytes, decision: str, ground: str | None, **values: Any) -> None:
    """Answer an inquiry, with the survivor's consent attached where it names her."""
    officer = at.officer
    choice = choice_of(at, values)
    with at.office.files.session() as db:
        made = inquiries.make_answer(
            db, at.office, officer, choice, inquiry_id=inquiry_id, decision=decision, ground=ground, now=at.now
        )
    send_or_ask(at, made)


# ---- Hold and withdrawal ----------------------------------------------------------------------------------------


@click.command()
@click.argument("case_id", type=ID)
@click.argument("record_id", type=ID)
@click.option("--reason", required=True)
@pass_at
def hold(at: At, case_id: bytes, record_id: bytes, reason: str) -> None:
    """Stop every opening of what rests on a consent record, or of one bundle that was sent, at once."""
    found = withdrawals.hold(at.office, at.officer, case_id, record_id, reason=reason, now=at.now)
    at.say({"withdrawal": short(found)}, f"Everything that rests on it is held ({short(found)}).")


@click.command()
@click.argument("case_id", type=ID)
@click.argument("record_id", type=ID)
@click.option("--approval", type=ID)
@pass_at
def withdraw(at: At, case_id: bytes, record_id: bytes, approval: bytes | None) -> None:
    """Take a consent or a sent bundle back: halves are destroyed, purge orders go out. It takes two."""
    if approval is None:
        asked = withdrawals.ask_withdrawal(at.office, at.officer, case_id, record_id, now=at.now)
        if asked is None:
            at.say({"withdrawn": short(record_id)}, "It is withdrawn. Nothing was sent that rests on it.")
            return
        said = f"Everything that rests on it is held. A colleague approves its end: amparo desk approve {short(asked)}"
        at.say({"approval": short(asked)}, said)
        return
    withdrawals.withdraw(at.office, at.officer, case_id, record_id, approval_id=approval, now=at.now)
    at.say({"withdrawn": short(record_id)}, "It is withdrawn; receipts of the recipients arrive with the next syncs.")


@click.command("lift")
@click.argument("case_id", type=ID)
@click.argument("record_id", type=ID)
@click.option("--approval", type=ID)
@pass_at
def lift(at: At, case_id: bytes, record_id: bytes, approval: bytes | None) -> None:
    """Lift a hold: what it stopped opens again. It takes two."""
    if approval is None:
        asked = withdrawals.ask_lifting(at.office, at.officer, case_id, record_id, now=at.now)
        at.say({"approval": short(asked)}, f"A colleague approves it: amparo desk approve {short(asked)}")
        return
    withdrawals.lift(at.office, at.officer, case_id, record_id, approval_id=approval, now=at.now)
    at.say({"lifted": short(record_id)}, "The hold is lifted.")


@click.command("receipts")
@click.argument("case_id", type=ID)
@click.argument("record_id", type=ID)
@pass_at
def receipts(at: At, case_id: bytes, record_id: bytes) -> None:
    """What recipients deleted after a withdrawal, what they keep and why, and what was disclosed before."""
    found = withdrawals.status(at.office, at.officer, case_id, record_id)
    with table(at, "Receipts:", "No receipt has arrived yet.") as lines:
        for one in found:
            ground = "" if one["ground"] is None else f", under: {one['ground']}"
            lines.append(f"  {one['agency']}: {one['state']}, {one['items']} items{ground}")
    holds = withdrawals.history(at.office, at.officer, case_id, record_id)
    with table(at, "Holds and withdrawals:", "It was never held.") as lines:
        lines += [f"  {one['state']} by {one['asked_by']}: {one['reason'] or '-'}" for one in holds]
    if at.as_json:
        at.say({"receipts": found, "holds": holds})


@click.command("purge")
@pass_at
def purge(at: At) -> None:
    """Sign the receipts of purge orders that this desk has carried out."""
    count = purges.sign_receipts(at.office, at.officer, now=at.now)
    with at.office.files.session() as db:
        waiting = len(purges.waiting(db))
    more = [f"{waiting} wait for an officer of the case that keeps something."] if waiting else []
    said = f"{count} receipts are signed and go out with the next sync."
    at.say({"receipts": count, "waiting": waiting}, said, *more)


@click.command("keep")
@click.argument("item_id", type=ID)
@click.option("--ground", help="Provision or order that obliges this agency to keep it; the maker will read it.")
@click.option("--approval", type=ID)
@pass_at
def keep(at: At, item_id: bytes, ground: str | None, approval: bytes | None) -> None:
    """Put a filed item under a legal ground, before an order to delete it comes. It takes two.

    Without --approval a colleague is asked; then once more with it.
    """
    if approval is None:
        asked = keeping.ask(at.office, at.officer, item_id, ground or "", now=at.now)
        at.say({"approval": short(asked)}, f"A colleague approves it: amparo desk approve {short(asked)}")
        return
    kept = keeping.keep(at.office, at.officer, approval, item_id=item_id, now=at.now)
    at.say({"kept": short(kept)}, "An order does not delete it any more; from then on it serves this ground alone.")


COMMANDS = (inquire, list_inquiries, answer, hold, lift, withdraw, receipts, purge, keep)
