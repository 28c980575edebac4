"""`amparo desk`: everything that an officer or an administrator does at a desk, without a browser."""

import json
import sys
from pathlib import Path

import click
from platformdirs import user_data_path

from cli import desk_answers, desk_bundles, desk_cases, desk_custody, desk_keeping, desk_setup
from cli.desk_at import At, pass_at
from cli.desk_batch import Batch


@click.group(name="desk")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="AMPARO_DESK_DATA_DIR",
    default=lambda: user_data_path("amparo") / "desk",
    help="The desk's folder (AMPARO_DESK_DATA_DIR).",
)
@click.option("--as", "handle", metavar="HANDLE", help="Who acts, such as north-police/liaison-1.")
@click.option("--passphrase-file", help="Where the passphrase is read from; - is a line of standard input.")
@click.option("--json", "as_json", is_flag=True, help="Results as JSON, one object in a line.")
@click.pass_context
def group(ctx: click.Context, folder: Path, handle: str | None, passphrase_file: str | None, as_json: bool) -> None:
    """Work at an agency's desk: set it up, share, open, answer, hold, withdraw, hand over, pack."""
    if isinstance(ctx.obj, Batch):
        ctx.obj = ctx.obj.at(handle)
        return
    ctx.obj = At(folder.resolve(), handle, passphrase_file, as_json)
    ctx.call_on_close(ctx.obj.close)


@group.command()
@pass_at
def batch(at: At) -> None:
    """Run many commands in one process: a JSON object in a line of standard input, an answer in a line each.

    {"argv": ["cases", "list"], "as": "liaison-1", "passphrase": "...", "words": "..."}; the answer is {"ok": result} or
    {"error": message, "code": code}. A passphrase is needed once for each officer; `words` is what the command reads.
    """
    run = Batch(at)
    try:
        for line in sys.stdin:
            if line.strip():
                click.echo(json.dumps(run.answer(line, group), ensure_ascii=False))
                sys.stdout.flush()
    finally:
        run.close()


@group.command("run")
@pass_at
def run(at: At) -> None:
    """Serve the desk's pages on this machine, and sync, until Ctrl-C."""
    from desk.server import serve

    serve(at.settings, _announce)


def _announce(address: str) -> None:
    click.echo(f"The desk answers at {address}")
    sys.stdout.flush()


for command in (
    *desk_setup.COMMANDS,
    *desk_cases.COMMANDS,
    *desk_bundles.COMMANDS,
    *desk_answers.COMMANDS,
    *desk_custody.COMMANDS,
    *desk_keeping.COMMANDS,
):
    group.add_command(command)
