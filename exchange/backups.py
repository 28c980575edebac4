"""Copies of the desk and drills: a copy is made and sealed; a drill puts it back into a scratch place and compares."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import acts
from agencies.desk_keys import DeskKeys
from agencies.members import OfficerSession, require_passphrase
from agencies.models import Drill
from config.logs import get_log
from crypto import keyring
from errors import AmparoError, FormatError, IntegrityError, NotFound
from exchange import desk_copies, sealed_copies
from exchange.office import Office
from exchange.sealed_copies import Tell, quiet
from storage.desk_files import DATABASE

COPY, DRILL = "copy", "drill"
EQUAL: Final = "equal"
DAY_SECONDS: Final = 86_400
LONGEST_DAYS: Final = 90  # a drill that is older is a warning
ENDING: Final = ".amparo-copy"

Clock = Callable[[], float]


def back_up(
    office: Office, administrator: OfficerSession, folder: Path, passphrase: str, *, now: int, tell: Tell = quiet,
    cost: keyring.Cost = keyring.MODERATE, clock: Clock = time.monotonic,
) -> Path:  # fmt: skip
    """Copy the desk while it runs, and seal the copy into a new file of this folder; the file.

    Raises:
        NotPermitted: not an administrator.
        FormatError: the passphrase is too short, or the folder is the desk's own.
        NotFound, StorageFull: the folder is not there, or cannot be written to.
        IntegrityError: the copy is not what was copied; nothing is left of it.
    """
    administrator.require("administer")
    require_passphrase(passphrase)
    require_place(office, folder)
    began = clock()
    stamp = time.strftime("%Y-%m-%d-%H%M%S", time.gmtime(now))
    target = folder / f"{office.agency}-{stamp}{ENDING}"
    with sealed_copies.scratch(office.files.folder) as near:
        made = desk_copies.make_copy(office.files.folder, near / "copy", now=now)
        size = sealed_copies.seal_copy(near / "copy", target, passphrase, cost=cost, tell=tell)
    with office.files.session() as db:
        note(db, COPY, administrator.handle, now=now, seconds=int(clock() - began), entries=made.entries, rows=0,
             size_bytes=size, result=EQUAL)  # fmt: skip
    return target


def require_place(office: Office, folder: Path) -> None:
    """Raise unless copies may be put into this folder.

    Raises:
        FormatError: not an absolute path, or a place inside of the desk's own folder.
        NotFound: there is no such folder.
    """
    if not folder.is_absolute():
        raise FormatError("write the whole path of the folder, from its beginning")
    if not folder.is_dir():
        raise NotFound("there is no such folder on this computer")
    if folder.resolve().is_relative_to(office.files.folder.resolve()):
        raise FormatError("a copy inside of the desk’s own folder is lost with it; name another place")


def drill(
    office: Office, administrator: OfficerSession, source: Path, passphrase: str, *, now: int, tell: Tell = quiet,
    clock: Clock = time.monotonic,
) -> Drill:  # fmt: skip
    """Put a sealed copy back into a scratch place, compare it with its list, and throw the place away.

    What went wrong with the copy is the result of the drill and stands on the record too.

    Raises:
        NotPermitted: not an administrator.
        NotFound, FormatError: there is no sealed copy in this place.
        PassphraseWrong: the passphrase is another.
    """
    administrator.require("administer")
    began = clock()
    entries = rows = size = 0
    try:
        with sealed_copies.scratch(office.files.folder) as near:
            sealed_copies.unseal_copy(source, near / "copy", passphrase, tell=tell)
            found = desk_copies.restore_copy(near / "copy", near / "desk")
            entries, size = found.entries, found.size_bytes
            rows = _compare(office, near / "copy", near / "desk", found.agency)
        result = EQUAL
    except IntegrityError as error:
        result = error.code
        get_log("desk.backup").error("drill-failed", code=error.code)
    with office.files.session() as db:
        row = note(
            db, DRILL, administrator.handle, now=now, seconds=int(clock() - began), entries=entries, rows=rows,
            size_bytes=size, result=result,
        )  # fmt: skip
        facts = {"result": result, "entries": entries, "rows": rows}
        acts.add_act(db, administrator, "drilled", facts, now=now)
        db.expunge(row)
    return row


def _compare(office: Office, copy: Path, restored: Path, agency: str) -> int:
    """Rows of the restored database, after each table was compared with the copy's.

    Raises:
        IntegrityError: a table differs, the desk's keys do not open, or it is another agency's copy.
    """
    if agency != office.agency:
        raise IntegrityError("this is the copy of another agency")
    try:
        DeskKeys.open(restored, agency).close()
    except AmparoError as error:
        raise IntegrityError("the desk’s own keys in the copy do not open") from error
    wanted, found = _counts(copy / DATABASE), _counts(restored / DATABASE)
    if wanted != found or not found:
        raise IntegrityError("the restored tables are not those of the copy")
    return sum(found.values())


def _counts(database: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608


# ---- The record of copies and drills ----------------------------------------------------------------------------


def note(
    db: Session, kind: str, officer: str, *, now: int, seconds: int, entries: int, rows: int, size_bytes: int,
    result: str,
) -> Drill:  # fmt: skip
    """Write a copy or a drill down."""
    row = Drill(
        kind=kind, at=now, seconds=max(0, seconds), entries=entries, rows=rows, size_bytes=size_bytes, result=result,
        officer=officer,
    )  # fmt: skip
    db.add(row)
    db.flush()
    return row


def list_all(db: Session, kind: str, most: int = 20) -> list[Drill]:
    """Newest first."""
    return list(db.scalars(select(Drill).where(Drill.kind == kind).order_by(Drill.number.desc()).limit(most)))


def last_good_drill(db: Session) -> Drill | None:
    """The newest drill in which all was equal."""
    query = select(Drill).where(Drill.kind == DRILL, Drill.result == EQUAL)
    return db.scalar(query.order_by(Drill.number.desc()).limit(1))


def is_overdue(db: Session, *, now: int) -> bool:
    """Whether no drill of the last 90 days has shown that a copy works."""
    last = last_good_drill(db)
    return last is None or now - last.at > LONGEST_DAYS * DAY_SECONDS
