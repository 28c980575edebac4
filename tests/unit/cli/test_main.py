"""The command `amparo`: subcommands are found by name and imported late."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from cli import main as program
from errors import NotFound


@pytest.fixture
def subcommands(monkeypatch: pytest.MonkeyPatch) -> None:
    """One subcommand that is installed, one that is not."""
    monkeypatch.setattr(program, "SUBCOMMANDS", {"version": "click:version_option", "gone": "cli.gone:command"})


def test_a_subcommand_without_its_module_is_not_shown(subcommands: None) -> None:
    """An installation without the demonstration does not offer it."""
    shown = CliRunner().invoke(program.amparo, ["--help"]).output
    assert "version" in program.amparo.list_commands(click.Context(program.amparo))
    assert "gone" not in shown.split("Commands:")[-1]
    assert CliRunner().invoke(program.amparo, ["gone"]).exit_code == 2


def test_a_target_that_is_no_command_is_a_mistake_of_ours(subcommands: None) -> None:
    """A wrong name in the table shows at once."""
    with pytest.raises(TypeError, match="not a command"):
        program.amparo.get_command(click.Context(program.amparo), "version")


def test_an_error_raised_on_purpose_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person reads the sentence, a script reads the code and the status."""

    def fail() -> None:
        raise NotFound("no such pack")

    monkeypatch.setattr(program, "amparo", fail)
    with pytest.raises(SystemExit) as caught:
        program.main()
    assert caught.value.code == 1
    assert capsys.readouterr().err == "amparo: no such pack [not-found]\n"


def test_help_imports_no_server_and_no_database() -> None:
    """`amparo verify` runs where a court has nothing else installed."""
    check = "import sys, cli.main; sys.exit(any(name in sys.modules for name in ('flask', 'sqlalchemy', 'nacl')))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
