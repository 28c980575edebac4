"""`amparo demo`: a broker and three made-up agencies on this machine, and one case from the founding to the verdict."""

import signal
import sys
import tempfile
import threading
from pathlib import Path

import click

from errors import Conflict


@click.command(name="demo")
@click.option("--once", is_flag=True, help="Play the story, leave everything in --dir, and end.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False),
    help="An empty folder for everything that is made. Default: a new folder for temporary files.",
)  # fmt: skip
@click.option(
    "--input", "given", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Play it with persons.csv or persons.xlsx and evidence/* of this folder (docs/input.md).",
)  # fmt: skip
def command(once: bool, folder: Path | None, given: Path | None) -> None:
    """Watch three agencies work one case through a broker that never learns who the survivor is."""
    from demo.case import default_folder
    from demo.input import read_input
    from demo.story import Story

    source = read_input(given or default_folder())
    at = require_empty(folder)
    click.echo(f"Everything that is made lies in {at}")
    story = Story(at, source, tell=click.echo)
    try:
        story.play()
        if once:
            return
        story.serve()
        for line in story.addresses():
            click.echo(line)
        click.echo("It stays up until Ctrl-C.")
        wait_for_end()
    finally:
        story.close()


def require_empty(folder: Path | None) -> Path:
    """The folder for everything; made if it is not there.

    Raises:
        Conflict: something is in it.
    """
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="amparo-demo-"))
    folder = folder.expanduser().resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty; name a new folder, so that nothing of yours is mixed up")
    return folder


def wait_for_end() -> None:
    """Until Ctrl-C or SIGTERM."""
    ended = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: ended.set())
    while not ended.wait(1):
        sys.stdout.flush()
