"""`amparo desk`: handover of exhibits, and evidence packs for a court."""

from pathlib import Path

import click

from cli.desk_at import ID, At, day, pass_at, read_bytes, short, table
from cli.desk_setup import write_private
from exchange import court_packs, handing_over

PAPER = click.Path(path_type=Path, dir_okay=False)


@click.group(name="handover")
def handover() -> None:
    """An exhibit goes to another agency, with a signature of each side."""


@handover.command("offer")
@click.argument("case_id", type=ID)
@click.argument("object_id", type=ID)
@click.option("--to", "to_agency", required=True)
@click.option("--seal", help="Number of the seal, where there is one.")
@click.option("--place", default="evidence room", show_default=True)
@click.option("--reason", required=True)
@pass_at
def offer(at: At, case_id: bytes, object_id: bytes, to_agency: str, seal: str | None, place: str, reason: str) -> None:
    """Offer an exhibit; nothing else is done with it until the answer."""
    handing_over.offer(
        at.office, at.officer, case_id, object_id, to_agency, seal=seal, place=place, reason=reason, now=at.now
    )
    at.say({"offered": short(object_id)}, "Offered. After the next sync: amparo desk handover document")


@handover.command("document")
@click.argument("case_id", type=ID)
@click.argument("object_id", type=ID)
@click.option("--out", type=PAPER, required=True)
@click.option("--answer", "is_answer", is_flag=True, help="The answer to an offer, for the giver.")
@pass_at
def document(at: At, case_id: bytes, object_id: bytes, out: Path, is_answer: bool) -> None:
    """Write the document that goes along with the exhibit, or back to the giver."""
    make = handing_over.answer_document if is_answer else handing_over.offer_document
    write_private(out, make(at.office, at.officer, case_id, object_id))
    at.say({"file": str(out)}, f"Written to {out}.")


@handover.command("answer")
@click.argument("case_id", type=ID)
@click.argument("document", type=PAPER)
@click.option("--refuse", is_flag=True, help="The exhibit is not taken; say why.")
@click.option("--seal", help="The seal as it was found.")
@click.option("--place", default="evidence room", show_default=True)
@click.option("--reason", required=True)
@pass_at
def answer(at: At, case_id: bytes, document: Path, refuse: bool, seal: str | None, place: str, reason: str) -> None:
    """Take an offered exhibit, after its seal and files were compared with the offer; or --refuse it."""
    object_id = handing_over.answer(
        at.office, at.officer, case_id, read_bytes(document), accept=not refuse, seal=seal, place=place,
        reason=reason, now=at.now,
    )  # fmt: skip
    at.say({"object": short(object_id), "accepted": not refuse}, "Refused." if refuse else "It is with you now.")


@handover.command("close")
@click.argument("case_id", type=ID)
@click.argument("document", type=PAPER)
@pass_at
def close(at: At, case_id: bytes, document: Path) -> None:
    """Close a handover with the receiver's answer."""
    made = handing_over.close(at.office, at.officer, case_id, read_bytes(document), now=at.now)
    at.say({"number": made.number}, "The handover is on record on both sides.")


# ---- Packs ------------------------------------------------------------------------------------------------------


@click.group(name="pack")
def pack() -> None:
    """Evidence packs that a court checks by itself: plan, sync, sign by two, write."""


@pack.command("plan")
@click.argument("case_id", type=ID)
@click.option("--reference", required=True, help="Of the proceeding.")
@click.option("--court-order", help="Reference of the court's order, where a flag forbids export.")
@click.option("--ground", help="Legal ground of the pack, for what is kept under it although it was withdrawn.")
@pass_at
def plan(at: At, case_id: bytes, reference: str, court_order: str | None, ground: str | None) -> None:
    """Read every exhibit of a case, form the pack, and put it on record."""
    from desk.printing import print_custody_statement

    found = court_packs.plan(
        at.office, at.officer, case_id, reference=reference, render=print_custody_statement, court_order=court_order,
        ground=ground, now=at.now, notice=at.warn,
    )  # fmt: skip
    order = court_packs.order_of(at.office, at.officer, found)
    at.say(
        {"pack": short(found), "order": order},
        *past_flag(order),
        f"Pack {short(found)} is planned. Sync, then two officers: amparo desk pack sign",
    )


def past_flag(order: str | None) -> list[str]:
    """What is said of a pack that is made past a flag."""
    return [] if order is None else [f"A flag forbids export; this pack is made by order of court: {order}"]


@pack.command("sign")
@click.argument("pack_id", type=ID)
@pass_at
def sign(at: At, pack_id: bytes) -> None:
    """Sign a pack; two officers do."""
    state = court_packs.sign(at.office, at.officer, pack_id, now=at.now, notice=at.warn)
    order = court_packs.order_of(at.office, at.officer, pack_id)
    said = "Both signatures are there." if state == "ready" else "A second officer signs it now."
    at.say({"state": state, "order": order}, *past_flag(order), said)


@pack.command("write")
@click.argument("pack_id", type=ID)
@click.argument("out", type=PAPER)
@pass_at
def write(at: At, pack_id: bytes, out: Path) -> None:
    """Write a pack that two officers have signed to a new file."""
    size = court_packs.write(at.office, at.officer, pack_id, out, now=at.now, notice=at.warn)
    at.say({"file": str(out), "bytes": size}, f"{out}: {size:,} bytes. Check it: amparo verify {out}")


@pack.command("disclosed")
@click.argument("pack_id", type=ID)
@pass_at
def disclosed(at: At, pack_id: bytes) -> None:
    """Record that a pack was shown to a court or to the defence."""
    court_packs.note_disclosed(at.office, at.officer, pack_id, now=at.now)
    at.say({"disclosed": short(pack_id)}, "Recorded. Later packs will name what was withdrawn since.")


@pack.command("list")
@click.argument("case_id", type=ID)
@pass_at
def list_packs(at: At, case_id: bytes) -> None:
    """Packs of a case."""
    officer = at.officer
    with at.office.files.session() as db:
        rows = court_packs.list_packs(db, officer, case_id)
    with table(at, "Packs:", "No pack was made yet.") as lines:
        for row in rows:
            note = ", something in it was withdrawn: build it again" if row.is_blocked else ""
            lines.append(f"  {short(row.pack_id)}  {day(row.made_at)}  {row.state}{note}")
    if at.as_json:
        at.say(
            [
                {
                    "pack": short(row.pack_id),
                    "state": row.state,
                    "signers": list(row.signers),
                    "blocked": row.is_blocked,
                }
                for row in rows
            ]
        )


COMMANDS = (handover, pack)
