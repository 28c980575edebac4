"""`amparo desk` at a desk of a field: settings, papers and passphrases in files, results as JSON."""

import json
import os
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from cli.desk import group
from tests.support.brokers import free_port
from tests.support.field import WORDS, DeskAt, Field


class Commands:
    """`amparo desk` for one desk, each call as a process of its own would see it."""

    def __init__(self, field: Field, desk: DeskAt, papers: Path) -> None:
        self.folder, self.agency, self._papers = desk.folder, desk.agency, papers
        papers.mkdir(parents=True)
        self.passphrases: dict[str, str] = {}
        for purpose, shares in desk.papers.items():
            for number, words in enumerate(shares):
                (papers / f"{purpose}-{number}").write_text(words)
        self.settings = {
            "DATA_DIR": desk.folder, "AGENCY_ID": desk.agency, "PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
            "PORT": 8001, "BROKER_URL": field.settings.public_url, "SESSION_KEY_FILE": desk.folder / "session.key",
        }  # fmt: skip
        (desk.folder / "session.key").write_bytes(os.urandom(32))
        lines = [f"AMPARO_DESK_{name}={value}\n" for name, value in self.settings.items()]
        (desk.folder / "desk.env").write_text("".join(lines))

    def papers(self, purpose: str, most: int = 2) -> list[str]:
        return [word for at in range(most) for word in ("--paper", str(self._papers / f"{purpose}-{at}"))]

    def do(self, *argv: object, by: str | None = None, words: str | None = None) -> Any:
        """The result of a command; a refusal is raised."""
        options = ["--dir", str(self.folder), "--json"]
        if by is not None:
            secret = self._papers / "passphrase"
            secret.write_text(self.passphrases.get(by, WORDS))
            options += ["--as", by, "--passphrase-file", str(secret)]
        kept = dict(os.environ)
        try:
            result = CliRunner().invoke(group, [*options, *map(str, argv)], input=words)
        finally:
            os.environ.clear()
            os.environ.update(kept)
        if result.exception is not None:
            raise result.exception
        return json.loads(result.stdout.strip().splitlines()[-1])

    def sign(self, file: Path, *by: str) -> None:
        """These administrators sign a certificate or a revocation, and it is published."""
        for one in by:
            self.do("officers", "sign", file, by=one)
        self.do("publish", file)
