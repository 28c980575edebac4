"""`amparo verify PACK`: checks an evidence pack, offline and without an account (docs/protocol.md 10.7)."""

import dataclasses
import hashlib
import json
import sys
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import click

from errors import AmparoError
from evidence.pack_texts import one_line
from evidence.statements import time_words
from evidence.verification import Verdict, verify_pack

PROVEN, REFUSED, NO_PACK, WHOLE = 0, 1, 2, 3
RESULTS: Final = {PROVEN: "proven", REFUSED: "refused", NO_PACK: "no-pack", WHOLE: "whole"}
HEADLINES: Final = {
    PROVEN: "PROVEN against the trust file you gave.",
    WHOLE: "WHOLE, BUT ITS SIGNERS ARE NOT CHECKED: give a trust file from outside the pack (--trust).",
    REFUSED: "REFUSED. Keep the pack as it is and ask the agency that made it.",
    NO_PACK: "THERE IS NO PACK TO READ.",
}


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
            report["pack_sha256"] = _digest(stream)
            stream.seek(0)
            if trust_file is not None:
                report["trust_sha256"] = hashlib.sha256(trust_file).hexdigest()
            verdict = verify_pack(stream, trust_file)
    except OSError as error:
        report |= {"code": "no-pack", "message": f"{error.filename or pack}: {error.strerror or 'cannot be read'}"}
        return NO_PACK, {"result": RESULTS[NO_PACK], **report}
    except AmparoError as error:
        report |= {"code": error.code, "message": error.message, "meaning": error.explanation()}
        return REFUSED, {"result": RESULTS[REFUSED], **report}
    except Exception as error:  # noqa: BLE001  # whoever checks a hostile pack gets an answer, and the answer is no
        kind = type(error).__name__
        report |= {"code": "unexpected", "message": f"the pack holds something that this program cannot read ({kind})"}
        return REFUSED, {"result": RESULTS[REFUSED], **report}
    status = PROVEN if verdict.is_proven else WHOLE
    return status, {"result": RESULTS[status], **report, **_as_json(verdict)}


def sentences(status: int, report: dict[str, Any]) -> list[str]:
    """The report in words, a line each."""
    lines = [HEADLINES[status]]
    if status in (REFUSED, NO_PACK):
        lines.append(f"{report['message']} [{report['code']}]")
    if status in (PROVEN, WHOLE):
        confirmed, agencies = report["confirmed"]
        lines += [
            f"Evidence pack {report['pack']} of {report['agency']} for {report['case']}, "
            f"made {time_words(report['made_at'])}.",
            *report["checks"],
            f"Log {report['log']}, {report['log_size']} entries, confirmed by {confirmed} of {agencies} agencies.",
            *(f"Missing: {words}" for words in report["gaps"]),
            *(f"Withdrawn: {words}" for words in report["disclosed"]),
            *(f"Not shown: {words}" for words in report["limits"]),
        ]
    for name in ("pack", "trust"):
        if digest := report.get(f"{name}_sha256"):
            lines.append(f"SHA-256 of the {name} file: {digest}")
    return lines


def _as_json(verdict: Verdict) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(verdict).items()
    }


def _digest(stream: BufferedReader) -> str:
    return hashlib.file_digest(stream, "sha256").hexdigest()
