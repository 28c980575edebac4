"""`amparo trust`: prints the trust file that a desk vouches for (docs/protocol.md 11)."""

import hashlib
from pathlib import Path

import click
from platformdirs import user_data_path

from custody.policy import policy_lines, print_trust
from exchange.trust import trust_of_desk
from storage.desk_files import DeskFiles


@click.command(name="trust")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    envvar="AMPARO_DESK_DATA_DIR",
    default=lambda: user_data_path("amparo") / "desk",
    help="The desk's folder (AMPARO_DESK_DATA_DIR).",
)
@click.option("--policy", is_flag=True, help="Only the part that other C2SP tools read.")
@click.option("--digest", is_flag=True, help="Only the SHA-256 of the trust file, to be kept on paper.")
def command(data: Path, policy: bool, digest: bool) -> None:
    """Print this desk's trust file: the log's keys, the witnesses, the roots that were compared.

    Agencies whose root nobody has compared are left out and named on standard error. A court takes the file from
    more than one agency, compares, and keeps its SHA-256 on paper.
    """
    files = DeskFiles.open(data)
    try:
        with files.session() as db:
            found = trust_of_desk(db)
    finally:
        files.close()
    raw = print_trust(found.trust)
    if digest:
        click.echo(hashlib.sha256(raw).hexdigest())
    elif policy:
        click.echo("\n".join(policy_lines(found.trust)))
    else:
        click.echo(raw, nl=False)
    for name in found.left_out:
        click.echo(f"left out, its root was not compared: {name}", err=True)
