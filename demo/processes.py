"""Runs the broker, the desks and the commands of the demonstration as processes of their own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from errors import AmparoError, Unavailable

COMMAND: Final = (sys.executable, "-c", "from cli.main import main; main()")
START_SECONDS: Final = 60
STOP_SECONDS: Final = 20


class CommandFailed(AmparoError):
    """A command of the demonstration did not do what the story expects; its own message says why."""

    code = "command-failed"


@dataclass
class Server:
    """A process that serves HTTP on loopback, with its own log file."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    log_file: Path
    ready_url: str
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            Unavailable: it ended, or does not answer.
        """
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, *self.arguments], env=clean_environment(self.environment), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        limit = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                raise Unavailable(f"the {self.name} ended at its start; its last words are in {self.log_file}")
            if time.monotonic() > limit:
                self.stop()
                raise Unavailable(f"the {self.name} does not answer; see {self.log_file}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx2.HTTPError):
            return httpx2.get(self.ready_url, timeout=5, trust_env=False).status_code < 400
        return False

    def stop(self) -> None:
        """End it, and what it started."""
        if self._process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self._process = None


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without those of another Amparo, and more."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AMPARO_")}
    return {**kept, **more}


def call(arguments: tuple[str, ...], *, words: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Run `amparo ARGUMENTS`; what it prints.

    Args:
        words: what it reads from standard input (passphrases, a line each).

    Raises:
        CommandFailed: its exit status is not 0; the message is its own.
    """
    done = subprocess.run(
        [*COMMAND, *arguments], env=clean_environment(environment or {}), input=words, text=True, encoding="utf-8",
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or done.stdout.strip().splitlines()[:2]
        raise CommandFailed(" ".join(said) or f"exit status {done.returncode}")
    return done.stdout


@dataclass
class DeskCommands:
    """`amparo desk batch` for one agency, a process of its own in which officers stay signed in.

    Attributes:
        passphrases: by handle without the agency.
    """

    agency: str
    folder: Path
    log_file: Path
    passphrases: dict[str, str] = field(default_factory=dict, repr=False)
    _process: subprocess.Popen[str] | None = None

    def do(self, *arguments: str, by: str | None = None, words: str = "") -> Any:
        """Run a command as an officer, or as nobody; its result.

        Raises:
            CommandFailed: it was refused; the message and the code are its own.
        """
        request = {"argv": list(arguments), "as": by, "passphrase": self.passphrases.get(by or ""), "words": words}
        answer = self._ask(json.dumps(request))
        if "error" in answer:
            raise CommandFailed(f"{answer['error']} [{answer['code']}]")
        return answer["ok"]

    def _ask(self, line: str) -> dict[str, Any]:
        process = self._process or self._start()
        if process.stdin is None or process.stdout is None:
            raise CommandFailed("the desk's commands have no pipe")
        process.stdin.write(line + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise CommandFailed(f"the desk's commands ended; their last words are in {self.log_file}")
        value: dict[str, Any] = json.loads(answer)
        return value

    def _start(self) -> subprocess.Popen[str]:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "desk", "--dir", str(self.folder), "batch"], env=clean_environment({}), text=True,
                encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        return self._process

    def close(self) -> None:
        """End the process; it locks its officers' keys."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process = None


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
