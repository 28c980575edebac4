"""The record as a file: CSV for programs, its digest under the auditor's signature in an act. No name stands in it."""

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies import acts
from agencies.members import OfficerSession
from crypto.digests import sha256
from crypto.encoding import b64u
from exchange import record
from exchange.record import Filter, Line

COLUMNS: Final = ("number", "time_utc", "officer", "what", "case", "object", "source")


@dataclass(frozen=True, slots=True)
class Exported:
    """An export: the CSV, the act that signs it, its lines.

    Attributes:
        digest: SHA-256 of the CSV, 32 bytes; stands in the act.
    """

    csv: bytes
    digest: bytes
    act: bytes
    act_number: int
    lines: tuple[Line, ...]


def export(db: Session, auditor: OfficerSession, wanted: Filter, *, now: int) -> Exported:
    """Write the lines, oldest first, and sign their digest in an act of the record.

    Raises:
        NotPermitted: not the auditor.
    """
    auditor.require("audit")
    found = tuple(reversed(record.lines(db, wanted)))
    content = write_csv(found)
    digest = sha256(content)
    facts: dict[str, Any] = {
        "sha256": b64u(digest), "rows": len(found), "officer": wanted.officer, "what": wanted.kind,
        "case": None, "since": wanted.since, "until": wanted.until,
    }  # fmt: skip
    made = acts.add_act(db, auditor, "record-exported", facts, now=now)
    return Exported(content, digest, made.statement, made.number, found)


def write_csv(found: Sequence[Line]) -> bytes:
    """Lines as CSV with a head, UTF-8. Every value is a number, a handle or a word out of a list."""
    into = io.StringIO(newline="")
    writer = csv.writer(into)
    writer.writerow(COLUMNS)
    for one in found:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one.at))
        object_id = "" if one.object_id is None else one.object_id.hex()
        writer.writerow((one.number, at, one.officer, one.kind, one.case or "", object_id, one.source))
    return into.getvalue().encode("utf-8")
