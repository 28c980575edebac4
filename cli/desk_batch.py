"""Many commands of a desk in one process, for scripts: officers stay signed in until it ends."""

import contextlib
import io
import json
import sys
from typing import Any, Final

import click

from cli.desk_at import At
from errors import AmparoError, FormatError, SignInRequired
from exchange import membership

MEMBERS: Final = {"argv", "as", "passphrase", "words"}


class Batch:
    """One desk and the officers who have signed in so far."""

    def __init__(self, first: At) -> None:
        self._first = first
        self._signed_in: dict[str | None, At] = {}
        self._passphrase: str | None = None

    def at(self, handle: str | None) -> At:
        """What a command of this batch works with."""
        found = self._signed_in.get(handle)
        if found is None or found.is_invited != (membership.read_invitation(self._first.folder) is not None):
            if found is not None:
                found.close()
            found = At(self._first.folder, handle, None, True)
            self._signed_in[handle] = found
        found.passphrase = self._passphrase
        return found

    def answer(self, line: str, group: click.Group) -> dict[str, Any]:
        """Run one line; a refusal is an answer too."""
        try:
            argv, handle, words = self._parse(line)
            return {"ok": self._run(group, argv, handle, words)}
        except AmparoError as error:
            return {"error": error.message, "code": error.code}
        except click.ClickException as error:
            return {"error": error.format_message(), "code": "usage"}

    def _parse(self, line: str) -> tuple[list[str], str | None, str]:
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            raise FormatError("a line of a batch is a JSON object") from None
        if not isinstance(value, dict) or not set(value) <= MEMBERS or "argv" not in value:
            raise FormatError("a line of a batch has argv, as, passphrase, words")
        argv, handle, words = value["argv"], value.get("as"), value.get("words", "")
        self._passphrase = value.get("passphrase")
        if not isinstance(argv, list) or not all(isinstance(one, str) for one in argv) or "batch" in argv[:1]:
            raise FormatError("argv is a list of words, and a batch has no batch in it")
        if not (handle is None or isinstance(handle, str)) or not isinstance(words, str):
            raise FormatError("as and words are texts")
        if handle is not None and handle not in self._signed_in and self._passphrase is None:
            raise SignInRequired(f"give the passphrase of {handle} once")
        return argv, handle, words

    def _run(self, group: click.Group, argv: list[str], handle: str | None, words: str) -> Any:
        options = [] if handle is None else ["--as", handle]
        printed, given, kept = io.StringIO(), io.StringIO(words), sys.stdin
        try:
            sys.stdin = given
            with contextlib.redirect_stdout(printed):
                group.main(["--json", *options, *argv], prog_name="amparo desk", standalone_mode=False, obj=self)
        finally:
            sys.stdin = kept
        lines = printed.getvalue().strip().splitlines()
        return json.loads(lines[-1]) if lines else None

    def close(self) -> None:
        """Lock every officer's keys."""
        for one in self._signed_in.values():
            one.close()
