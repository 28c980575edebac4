"""Opening a bundle as long work beside the pages: alone, or with what a second officer has signed."""

from dataclasses import dataclass, field
from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from agencies.members import OfficerSession
from crypto.encoding import parse_json, unb64u
from desk import access, progress
from desk.access import office, officer
from desk.jobs import Progress
from desk.opened_store import Held
from errors import Conflict, NotFound, RegisterStale
from exchange import approvals, exports, inquiries, joint, opening, policy
from exchange.delivery import day_of
from exchange.exports import AsFiles
from exchange.models import Approval
from exchange.office import Office
from exchange.opened import Opened
from exchange.reading import Preview


@dataclass(frozen=True, slots=True)
class Stated:
    """Why a bundle is opened, and whether it will be taken out as files."""

    purpose: str
    legal_basis: str
    as_files: AsFiles | None = None

    @property
    def note(self) -> str | None:
        """How the record says that files are taken out.

        Raises:
            FormatError: the reference of the court's order is not one short line.
        """
        return None if self.as_files is None else self.as_files.note


def takes_colleague(seen: Preview, stated: Stated, *, now: int) -> bool:
    """Whether a second officer has to agree: it is sealed or flagged so, or files are taken out past a flag.

    Raises:
        FlagForbids: a flag forbids to take files out, and there is no order of a court.
        FormatError
    """
    if stated.as_files is not None and policy.forbidding_export(seen.flags, day_of(now)):
        exports.require_as_files(seen, stated.as_files, officers=policy.OFFICERS_PAST_FLAG, now=now)
        return True
    return joint.takes_two(seen, now=now)


def begin(
    bundle_id: bytes, stated: Stated, *, acknowledged: bytes, approval_id: bytes | None = None
) -> ResponseReturnValue:
    """Open on the record, as work that can be left. It leads to the opened bundle, or back to flags that are new."""
    entry: Any = current_user._get_current_object()  # the proxy is of no use outside the request
    desk, opener = office(), officer()
    back = url_for("inbox.bundle", bundle_id=bundle_id.hex())
    again = url_for("inbox.bundle", bundle_id=bundle_id.hex(), again="flags")
    to = url_for("inbox.read", bundle_id=bundle_id.hex())

    def work(tell: Progress) -> str:
        now = access.now()
        try:
            opened = opening.open_bundle(
                desk, opener, bundle_id, purpose=stated.purpose, legal_basis=stated.legal_basis,
                acknowledged=acknowledged, approval_id=approval_id, as_files=stated.as_files, now=now, progress=tell,
            )  # fmt: skip
        except RegisterStale:
            return again
        held = Held(opened, stated.as_files)
        entry.opened.put(held)
        held.warning = _noted(desk, opened, now)
        return to

    return progress.begin("open", work, back=back)


def _noted(desk: Office, opened: Opened, now: int) -> str | None:
    """An inquiry, or an answer to one, is noted; what does not fit to anything asked stays readable, with a warning."""
    try:
        with desk.files.session() as db:
            inquiries.note_opened(db, opened, None, now=now)
    except Conflict as error:
        return error.message
    return None


# ---- What was asked of a colleague ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """An opening for which a second officer was asked."""

    row: Approval
    stated: Stated | None = field(default=None, repr=False)
    acknowledged: bytes = field(default=b"", repr=False)


def waiting_for(bundle_id: bytes) -> Waiting | None:
    """The newest question of this officer about a bundle; None when there is none, or it is used up."""
    desk, opener = office(), officer()
    with desk.files.session() as db:
        row = approvals.newest_asked(db, opener, joint.OPEN, bundle_id)
        if row is None or row.state == approvals.USED:
            return None
        db.expunge(row)
        try:
            return _read(opener, approvals.read_own(db, opener, row.approval_id), row)
        except NotFound:
            return None


def _read(opener: OfficerSession, asked: approvals.Asked, row: Approval) -> Waiting:
    subject, shown = asked.subject["subjects"][0], asked.subject["shown"]
    core = parse_json(unb64u(subject["core"]))
    acknowledged = unb64u(core["register_digest"], 32) if isinstance(core, dict) else b""
    note = shown.get("export")
    as_files = None if note is None else _as_files(str(note))
    return Waiting(row, Stated(str(subject["purpose"]), str(subject["legal_basis"]), as_files), acknowledged)


def _as_files(note: str) -> AsFiles:
    """The reverse of `AsFiles.note`."""
    before, _, after = exports.AS_FILES.partition("{order}")
    return AsFiles(note[len(before) : len(note) - len(after)] if note.startswith(before) else None)
