"""What a check of an evidence pack says: the same in `amparo verify` and on the page `/verify` (protocol 10.7)."""

import dataclasses
import hashlib
from typing import Any, BinaryIO, Final

from errors import AmparoError
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


def examine_stream(
    stream: BinaryIO, trust_file: bytes | None, report: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """Check a pack; gives the result as a number, and the report.

    Args:
        stream: the zip: binary, seekable, at its beginning; read in pieces, never whole.
        trust_file: bytes of a trust file that did not come with the pack.
        report: members that come first.

    Raises:
        OSError: the stream cannot be read.
    """
    said = dict(report or {})
    try:
        said["pack_sha256"] = _digest(stream)
        stream.seek(0)
        if trust_file is not None:
            said["trust_sha256"] = hashlib.sha256(trust_file).hexdigest()
        verdict = verify_pack(stream, trust_file)
    except OSError:
        raise
    except AmparoError as error:
        said |= {"code": error.code, "message": error.message, "meaning": error.explanation()}
        return REFUSED, {"result": RESULTS[REFUSED], **said}
    except Exception as error:  # noqa: BLE001  # whoever checks a hostile pack gets an answer, and the answer is no
        kind = type(error).__name__
        said |= {"code": "unexpected", "message": f"the pack holds something that this program cannot read ({kind})"}
        return REFUSED, {"result": RESULTS[REFUSED], **said}
    status = PROVEN if verdict.is_proven else WHOLE
    return status, {"result": RESULTS[status], **said, **_as_json(verdict)}


def no_pack(report: dict[str, Any], message: str) -> tuple[int, dict[str, Any]]:
    """The report of something that could not be read at all."""
    return NO_PACK, {"result": RESULTS[NO_PACK], **report, "code": "no-pack", "message": message}


def sentences(status: int, report: dict[str, Any]) -> list[str]:
    """The report in words, a line each."""
    lines = [HEADLINES[status]]
    if status in (REFUSED, NO_PACK):
        lines.append(f"{report['message']} [{report['code']}]")
    if status in (PROVEN, WHOLE):
        lines += [
            made_words(report),
            *report["checks"],
            log_words(report),
            *(f"Missing: {words}" for words in report["gaps"]),
            *(f"Withdrawn: {words}" for words in report["disclosed"]),
            *(f"Not shown: {words}" for words in report["limits"]),
        ]
    for name in ("pack", "trust"):
        if digest := report.get(f"{name}_sha256"):
            lines.append(f"SHA-256 of the {name} file: {digest}")
    return lines


def made_words(report: dict[str, Any]) -> str:
    """Which pack it is."""
    return (
        f"Evidence pack {report['pack']} of {report['agency']} for {report['case']}, "
        f"made {time_words(report['made_at'])}."
    )


def log_words(report: dict[str, Any]) -> str:
    """Which state of the log proves it."""
    confirmed, agencies = report["confirmed"]
    return f"Log {report['log']}, {report['log_size']} entries, confirmed by {confirmed} of {agencies} agencies."


def _as_json(verdict: Verdict) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(verdict).items()
    }


def _digest(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while piece := stream.read(2**20):
        digest.update(piece)
    return digest.hexdigest()
