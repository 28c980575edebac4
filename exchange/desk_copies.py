"""Copies of a desk for the day on which its computer is lost: made while it runs, checked, put in place of a lost one.

A copy holds the database, the ciphertext, the desk's own keys and its settings: whoever has it has what a thief of the
computer has, officers' keys under their passphrases. It goes where the papers of the recovery key do not lie.
"""

import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agencies import desk_keys
from agencies.members import RESTORED_FILE
from agencies.models import DeskIdentity
from crypto.encoding import dump_json, parse_json
from crypto.header import is_version
from errors import Conflict, FormatError, IntegrityError, NotFound
from evidence import receiving
from evidence.models import FileRow
from exchange.models import Filed, LogState
from storage.blobs import FileBlobs
from storage.desk_files import BLOBS, DATABASE, ID_FILE

LIST: Final = "copy.json"
SETTINGS: Final = "desk.env"
SESSION_KEY: Final = "session.key"
NEEDED: Final = (ID_FILE, desk_keys.KEY_FILE, desk_keys.SEALED_FILE)
LARGEST_LIST: Final = 256 * 2**20
# Settings that name a place in the folder: they are written anew where the copy is put.
_PLACES: Final = {"AMPARO_DESK_DATA_DIR": "", "AMPARO_DESK_SESSION_KEY_FILE": SESSION_KEY}


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds.

    Attributes:
        entries: size of the log as far as the desk had followed it.
        missing: blobs that the desk's database names and the desk has not; they were lost before.
    """

    agency: str
    made_at: int
    entries: int
    blobs: int
    size_bytes: int
    missing: tuple[str, ...] = ()


# ---- Making one -------------------------------------------------------------------------------------------------


def make_copy(folder: Path, target: Path, *, now: int) -> Copied:
    """Copy a desk into an empty or new folder; the desk may run meanwhile.

    Ciphertext is copied before the database and once more behind it: what the copied database names was written
    before it, and what was deleted in between had been copied already.

    Raises:
        NotFound: there is no desk in the folder.
        Conflict: the target is not empty.
        IntegrityError: the copy is not what was copied; nothing is left of it.
    """
    if not all((folder / name).is_file() for name in (DATABASE, *NEEDED)):
        raise NotFound("there is no desk in this folder, or its key files lie elsewhere")
    _make_folder(target)
    try:
        return _copy(folder, target, now)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _copy(folder: Path, target: Path, now: int) -> Copied:
    listed = _copy_blobs(folder / BLOBS, target / BLOBS, {})
    for name in (*NEEDED, SETTINGS):
        if (folder / name).is_file():
            _write(target / name, (folder / name).read_bytes())
    _copy_database(folder / DATABASE, target / DATABASE)
    listed = _copy_blobs(folder / BLOBS, target / BLOBS, listed)
    small = [(name, *_digest(target / name)) for name in (DATABASE, *NEEDED, SETTINGS) if (target / name).is_file()]
    agency, entries, named = _read_database(target / DATABASE)
    # What was withdrawn while the copy was made is named by neither database any more.
    missing = tuple(sorted((named - set(listed)) & _read_database(folder / DATABASE)[2]))
    value = {
        "v": 1, "agency": agency, "made_at": now, "entries": entries,
        "files": [list(one) for one in small], "blobs": [[key, *one] for key, one in sorted(listed.items())],
    }  # fmt: skip
    _write(target / LIST, dump_json(value))
    found = check_copy(target)
    return Copied(found.agency, now, found.entries, found.blobs, found.size_bytes, missing)


def _make_folder(target: Path) -> None:
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise Conflict("this folder is not empty; name a new one")
    target.chmod(0o700)


def _copy_database(source: Path, target: Path) -> None:
    """SQLite's own backup: one state of the database, whatever is written meanwhile."""
    with closing(_open(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")
    target.chmod(0o600)


def _open(database: Path) -> sqlite3.Connection:
    """Read-only: a copy waits for no lock, and holds up nobody who works at the desk."""
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)


def _copy_blobs(folder: Path, copy: Path, known: Mapping[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    source, target, listed = FileBlobs(folder), FileBlobs(copy), dict(known)
    for key in _keys(source, folder):
        if key not in listed:
            try:
                listed[key] = _copy_blob(source, target, key)
            except NotFound:
                continue  # deleted since it was listed
    return listed


def _copy_blob(source: FileBlobs, target: FileBlobs, key: str) -> tuple[int, str]:
    """Size and SHA-256 of what was read and written."""
    digest, sizes = hashlib.sha256(), [0]

    def pieces() -> Iterator[bytes]:
        for piece in source.get_stream(key):
            digest.update(piece)
            sizes[0] += len(piece)
            yield bytes(piece)

    target.put_stream(key, pieces())
    return sizes[0], digest.hexdigest()


def _keys(store: FileBlobs, folder: Path) -> Iterator[str]:
    for one in sorted(folder.iterdir()):
        if one.is_dir() and one.name != receiving.FOLDER:  # of no case yet, and without a key outside of memory
            yield from store.list_keys(one.name)


def _read_database(database: Path) -> tuple[str, int, set[str]]:
    """Agency, size of the followed log, and the blobs that are named.

    Raises:
        IntegrityError: SQLite finds the database damaged.
    """
    try:
        return _read(database)
    except sqlite3.DatabaseError as error:
        raise IntegrityError("the database is damaged") from error


def _read(database: Path) -> tuple[str, int, set[str]]:
    with closing(_open(database)) as db:
        if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise IntegrityError("the database is damaged")
        agency = db.execute(f"SELECT agency FROM {DeskIdentity.__tablename__}").fetchone()  # noqa: S608
        size = db.execute(f"SELECT size FROM {LogState.__tablename__}").fetchone()  # noqa: S608
        named = db.execute(
            f"SELECT blob_key FROM {FileRow.__tablename__} UNION "  # noqa: S608
            f"SELECT blob_key FROM {Filed.__tablename__} WHERE blob_key IS NOT NULL"
        ).fetchall()
    if agency is None:
        raise IntegrityError("the database does not say whose desk it is")
    return agency[0], 0 if size is None else size[0], {row[0] for row in named}


# ---- Checking, and putting it in place --------------------------------------------------------------------------


def check_copy(copy: Path) -> Copied:
    """Read a copy and compare every file with its list.

    Raises:
        NotFound: there is no copy in this folder, or a file of it is missing.
        FormatError, IntegrityError: it is not what was copied.
    """
    listed = _read_list(copy)
    for name, size, digest in listed.files:
        if not (copy / name).is_file():
            raise NotFound(f"{name} is missing from the copy")
        if _digest(copy / name) != (size, digest):
            raise IntegrityError(f"{name} in the copy is not what was copied")
    blobs = FileBlobs(copy / BLOBS)
    for key, size, digest in listed.blobs:
        found = hashlib.sha256()
        for piece in blobs.get_stream(key):
            found.update(piece)
        if (blobs.get_size(key), found.hexdigest()) != (size, digest):
            raise IntegrityError("a piece of ciphertext in the copy is not what was copied")
    agency, entries, _ = _read_database(copy / DATABASE)
    if (agency, entries) != (listed.agency, listed.entries):
        raise IntegrityError("the list of the copy is of another desk")
    total = sum(size for _, size, _ in (*listed.files, *listed.blobs))
    return Copied(agency, listed.made_at, entries, len(listed.blobs), total)


def restore_copy(copy: Path, folder: Path) -> Copied:
    """Put a checked copy into an empty or new folder. Nobody signs in there before the desk has synced once.

    Raises:
        Conflict: the folder is not empty.
        NotFound, FormatError, IntegrityError: see `check_copy`; nothing is written then.
    """
    found = check_copy(copy)
    listed = _read_list(copy)
    _make_folder(folder)
    try:
        # First of all: a desk that was put in place by half must not be worked with.
        _write(folder / RESTORED_FILE, f"{found.made_at}\n".encode())
        for name, *_ in listed.files:
            if name == SETTINGS:
                _write(folder / name, _moved((copy / name).read_text(encoding="utf-8"), folder))
                _write(folder / SESSION_KEY, secrets.token_bytes(32))
            elif name == DATABASE:
                shutil.copyfile(copy / name, folder / name)
                (folder / name).chmod(0o600)
            else:
                _write(folder / name, (copy / name).read_bytes())
        source, target = FileBlobs(copy / BLOBS), FileBlobs(folder / BLOBS)
        for key, size, digest in listed.blobs:
            if _copy_blob(source, target, key) != (size, digest):
                raise IntegrityError("a piece of ciphertext changed while it was copied")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return found


def _moved(settings: str, folder: Path) -> bytes:
    """The settings with the places in their folder written anew."""
    lines = []
    for line in settings.splitlines():
        name = line.split("=", 1)[0]
        lines.append(f"{name}={(folder / _PLACES[name]).resolve()}" if name in _PLACES else line)
    return "".join(f"{line}\n" for line in lines).encode()


@dataclass(frozen=True, slots=True)
class _List:
    """What a copy says of itself: (name, size, SHA-256 in hexadecimal digits) of files and of blobs."""

    agency: str
    made_at: int
    entries: int
    files: tuple[tuple[str, int, str], ...]
    blobs: tuple[tuple[str, int, str], ...]


def _read_list(copy: Path) -> _List:
    path = copy / LIST
    if not path.is_file():
        raise NotFound("there is no copy of a desk in this folder")
    value = parse_json(path.read_bytes(), max_bytes=LARGEST_LIST)
    if not isinstance(value, dict) or set(value) != {"v", "agency", "made_at", "entries", "files", "blobs"}:
        raise FormatError("the list of the copy has another form")
    numbers = all(type(value[name]) is int for name in ("v", "made_at", "entries"))
    if not numbers or not is_version(value["v"]) or not isinstance(value["agency"], str):
        raise FormatError("the list of the copy has another form")
    files, blobs = _parse_items(value["files"]), _parse_items(value["blobs"])
    names = {name for name, *_ in files}
    if not {DATABASE, *NEEDED} <= names or not names <= {DATABASE, *NEEDED, SETTINGS}:
        raise FormatError("the list of the copy names other files than a desk has")
    return _List(value["agency"], value["made_at"], value["entries"], files, blobs)


def _parse_items(value: Any) -> tuple[tuple[str, int, str], ...]:
    if not isinstance(value, list):
        raise FormatError("the list of the copy has another form")
    for one in value:
        if not isinstance(one, list) or [type(part) for part in one] != [str, int, str]:
            raise FormatError("the list of the copy has another form")
    return tuple((one[0], one[1], one[2]) for one in value)


def _digest(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
