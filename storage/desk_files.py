"""A desk's folder: one SQLite database, sealed blobs, and the desk's name. All of it is ciphertext or hashes."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from errors import Conflict, NotFound
from storage.blobs import FileBlobs
from storage.database import open_engine, session_factory
from storage.migration import migrate, require_current

DATABASE: Final = "desk.sqlite3"
BLOBS: Final = "blobs"
ID_FILE: Final = "desk-id"
ID_BYTES: Final = 8
HISTORY: Final = "desk"


class DeskFiles:
    """An opened desk folder. `session()` is a transaction: it commits at the end, or leaves no trace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desk_id = (folder / ID_FILE).read_text(encoding="ascii").strip()
        self.engine = open_engine(f"sqlite:///{folder / DATABASE}")
        self.blobs = FileBlobs(folder / BLOBS)
        self._sessions = session_factory(self.engine)
        self._readers = session_factory(self.engine, read_only=True)

    @classmethod
    def create(cls, folder: Path) -> "DeskFiles":
        """Make a new desk's folder, readable by this user alone.

        Raises:
            Conflict: there is a desk in this folder already.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (folder / ID_FILE).exists():
            raise Conflict("there is a desk in this folder already")
        folder.chmod(0o700)
        (folder / BLOBS).mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / ID_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(ID_BYTES))
        files = cls(folder)
        migrate(files.engine, HISTORY)
        return files

    @classmethod
    def open(cls, folder: Path) -> "DeskFiles":
        """Open an existing desk.

        Raises:
            NotFound: there is no desk in this folder.
            SettingInvalid: its tables are of another version; `amparo desk migrate` brings them up to date.
        """
        if not (folder / ID_FILE).is_file():
            raise NotFound("there is no desk in this folder")
        files = cls(folder)
        require_current(files.engine, HISTORY)
        return files

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction."""
        with self._sessions() as db, db.begin():
            yield db

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A look at the database as it is at its first question; holds nobody up, and writes nothing."""
        with self._readers() as db:
            try:
                yield db
            finally:
                db.rollback()

    def close(self) -> None:
        """Give the database connections back."""
        self.engine.dispose()
