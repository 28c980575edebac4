"""What the commands of a desk share: its folder, who acts, how results are printed, progress of long work."""

import getpass
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
from dotenv import load_dotenv

from agencies import members
from agencies.members import OfficerSession
from config.settings import DeskSettings
from errors import FormatError, NotFound, SignInRequired
from exchange import membership
from exchange.office import Office

ENV_FILE: Final = "desk.env"
ID_BYTES: Final = 16


@dataclass
class At:
    """One call of `amparo desk`: the desk's folder, the officer who acts, the form of the output."""

    folder: Path
    handle: str | None
    passphrase_file: str | None
    as_json: bool
    passphrase: str | None = field(default=None, repr=False)
    _closing: list[Callable[[], None]] = field(default_factory=list)
    _office: Office | None = None
    _officer: OfficerSession | None = None

    @property
    def now(self) -> int:
        """POSIX seconds."""
        return int(time.time())

    @property
    def is_invited(self) -> bool:
        """Whether this call signs its requests by the invitation: the desk has no certificate yet."""
        return self._office is not None and self._office.client.key_id.startswith("invite/")

    @property
    def settings(self) -> DeskSettings:
        """The desk's settings: `desk.env` in its folder; variables of the environment win."""
        return read_settings(self.folder)

    @property
    def office(self) -> Office:
        """The desk at work; opened once."""
        if self._office is None:
            settings = self.settings
            office = membership.open_office(
                self.folder, settings.broker_url, clock=time.time, settings=settings,
                invitation=membership.read_invitation(self.folder),
            )  # fmt: skip
            self._office = office
            self._closing.append(lambda: membership.close_office(office))
        return self._office

    @property
    def officer(self) -> OfficerSession:
        """The officer who acts, signed in for this call.

        Raises:
            SignInRequired, PassphraseWrong
        """
        if self._officer is None:
            if self.handle is None:
                raise SignInRequired("say who acts: amparo desk --as north-police/liaison-1 ...")
            handle = self.handle if "/" in self.handle else f"{self.office.agency}/{self.handle}"
            words = self.passphrase or ask_passphrase(self.passphrase_file, f"Passphrase of {handle}: ")
            with self.office.files.session() as db:
                directory = self.office.directory(db)
            officer = members.sign_in(self.office.files, handle, words, now=self.now, directory=directory)
            self._officer = officer
            self._closing.append(officer.lock)
        return self._officer

    def close(self) -> None:
        """Lock the officer's keys and give everything back."""
        for one in reversed(self._closing):
            one()
        self._closing.clear()

    def say(self, value: Mapping[str, Any] | list[Any], *lines: str) -> None:
        """Print the result: JSON for programs, else sentences."""
        if self.as_json:
            click.echo(json.dumps(value, sort_keys=True, ensure_ascii=False))
        else:
            for line in lines:
                click.echo(line)

    def warn(self, text: str) -> None:
        """Print what the officer has to know beside the result."""
        click.echo(text, err=True)

    def progress(self, label: str) -> Callable[[int, int], None]:
        """Shows bytes done: one line that is rewritten on a terminal, else a line for each quarter."""
        return Progress(label, quiet=self.as_json)


class Progress:
    """Progress on standard error; nothing for work that is done at once."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        self._label, self._quiet = label, quiet
        self._shown = -1
        self._began = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Bytes done and bytes in all."""
        if self._quiet or total <= 0 or time.monotonic() - self._began < 0.5:
            return
        is_terminal = sys.stderr.isatty()
        part = done * (100 if is_terminal else 4) // total
        if part == self._shown:
            return
        self._shown = part
        percent = done * 100 // total
        end = "\n" if done >= total or not is_terminal else ""
        click.echo(f"{chr(13) if is_terminal else ''}{self._label}: {percent} %{end}", err=True, nl=False)


def read_settings(folder: Path) -> DeskSettings:
    """Settings out of `desk.env`; variables that are set already win.

    Raises:
        NotFound: there is no desk in this folder.
        SettingInvalid
    """
    if not (folder / ENV_FILE).is_file():
        raise NotFound(f"there is no desk in {folder}; `amparo desk init` makes one, --dir names another folder")
    load_dotenv(folder / ENV_FILE, override=False)
    return DeskSettings.from_environment()


def ask_passphrase(source: str | None, prompt: str) -> str:
    """A passphrase from a file (`-`: a line of standard input), or typed unseen."""
    if source == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if source is not None:
        return read_text(Path(source)).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise SignInRequired("no terminal to ask for the passphrase: give --passphrase-file")
    return getpass.getpass(prompt)


def read_text(path: Path) -> str:
    """A small text file.

    Raises:
        NotFound, FormatError
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FormatError(f"{path} is not a text file") from None


def read_bytes(path: Path) -> bytes:
    """A small file.

    Raises:
        NotFound
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}") from None


class Identifier(click.ParamType):  # type: ignore[type-arg]
    """A 16-byte id, written as 32 hexadecimal digits: it never begins with a dash."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """The id's bytes; a usage error for something else."""
        if isinstance(value, bytes):
            return value
        try:
            found = bytes.fromhex(value)
        except ValueError:
            found = b""
        if len(found) != ID_BYTES:
            self.fail(f"{value!r} is not an id as the lists print them", param, ctx)
        return found


ID = Identifier()
pass_at = click.make_pass_decorator(At)


def short(raw: bytes) -> str:
    """An id as it is printed."""
    return raw.hex()


def day(moment: int | None) -> str:
    """UTC, to the minute."""
    return "-" if moment is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(moment))


@contextmanager
def table(at: At, head: str, empty: str) -> Iterator[list[str]]:
    """Collects lines and prints them under a head; `empty` if there are none. Nothing for --json."""
    lines: list[str] = []
    yield lines
    if not at.as_json:
        click.echo(head if lines else empty)
        for line in lines:
            click.echo(line)
