"""The command `amparo`; each subcommand lives in its own module and is imported only when it is asked for."""

import importlib
import importlib.util
import sys

import click

from errors import AmparoError

# Name of the subcommand -> module and attribute. A name whose module is not installed is not shown.
SUBCOMMANDS = {
    "broker": "cli.broker:group",
    "desk": "cli.desk:group",
    "keys": "cli.keys:group",
    "trust": "cli.trust:command",
    "verify": "cli.verify:command",
    "guard": "cli.guard:command",
    "witness": "cli.witness:command",
    "demo": "cli.demo:command",
}


class LazyGroup(click.Group):
    """Imports a subcommand when it is called: `amparo verify` needs neither a server nor a database."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names whose modules are installed."""
        return sorted(name for name, target in SUBCOMMANDS.items() if is_installed(target))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one subcommand; None if there is none of this name."""
        target = SUBCOMMANDS.get(cmd_name)
        if target is None or not is_installed(target):
            return None
        module, _, attribute = target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{target} is not a command")
        return command


def is_installed(target: str) -> bool:
    """Whether the module of `module:attribute` can be found."""
    return importlib.util.find_spec(target.partition(":")[0]) is not None


@click.group(cls=LazyGroup)
@click.version_option(package_name="amparo", prog_name="amparo")
def amparo() -> None:
    """Share sealed case bundles between agencies through a broker that cannot read them."""


def main() -> None:
    """Entry point of the console script: an error raised on purpose becomes one line and exit status 1."""
    try:
        amparo()
    except AmparoError as error:
        click.echo(f"amparo: {error.message} [{error.code}]", err=True)
        sys.exit(1)
