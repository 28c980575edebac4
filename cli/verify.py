"""`amparo verify PACK`: checks an evidence pack, offline and without an account (docs/protocol.md 10.7)."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from evidence.pack_report import examine_stream, no_pack, sentences
from evidence.pack_texts import one_line


@click.command(name="verify")
@click.argument("pack", type=click.Path(path_type=Path))
@click.option("--trust", type=click.Path(path_type=Path), help="Trust file that did not come with the pack.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of sentences.")
def command(pack: Path, trust: Path | None, as_json: bool) -> None:
    """Check an evidence pack: every file, every signature, every entry of custody, every proof.

    The exit status is 0 when it is proven against a trust file, 3 when it is whole but no trust file was given,
    1 when it is refused, 2 when there is no pack (or no trust file) to read.
    """
    status, report = examine(pack, trust)
    if as_json:
        click.echo(json.dumps(report, indent=2, sort_keys=True))
    else:
        for line in sentences(status, report):
            click.echo(one_line(line))
    sys.exit(status)


def examine(pack: Path, trust: Path | None) -> tuple[int, dict[str, Any]]:
    """Check a pack; gives the exit status and the report."""
    report: dict[str, Any] = {"pack_file": str(pack)}
    try:
        trust_file = trust.read_bytes() if trust is not None else None
        with pack.open("rb") as stream:
            return examine_stream(stream, trust_file, report)
    except OSError as error:
        return no_pack(report, f"{error.filename or pack}: {error.strerror or 'cannot be read'}")
