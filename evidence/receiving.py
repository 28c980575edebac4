"""A file that arrives piece by piece, as a browser sends it: sealed under its own key as it comes, in one pass.

Until it is kept in a case its ciphertext lies apart, and its key is in memory alone: a transfer that breaks, a desk
that locks or a process that dies leaves noise behind, which the next start throws away.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Final

from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto.chunks import KEY_BYTES, Sealer, open_pieces
from crypto.digests import PIECE_BYTES, BlockRoot
from crypto.header import IDENTIFIER_BYTES
from errors import Conflict, LimitExceeded
from evidence import intake
from evidence.intake import StoredFile
from storage.desk_files import DeskFiles

FOLDER: Final = "arriving"
Random = Callable[[int], bytes]
Also = Callable[[Session, StoredFile], object]


class Receiving:
    """One file on its way in. End it with `keep` or `abort`. Safe for threads.

    Args:
        most_bytes: the largest file that is taken.

    Raises (constructor):
        StorageFull
    """

    def __init__(self, files: DeskFiles, *, most_bytes: int, random_bytes: Random = os.urandom) -> None:
        self.file_id, self._key = random_bytes(IDENTIFIER_BYTES), random_bytes(KEY_BYTES)
        self._files, self._most = files, most_bytes
        self._digest, self._pieces = hashlib.sha256(), BlockRoot(PIECE_BYTES)
        self._lock = threading.RLock()
        self._is_over = False
        self.size_bytes = 0
        self.is_complete = False
        self._sealer = Sealer(self._key, intake.context_of(self.file_id))
        self._writer = files.blobs.open_writer(
            intake.blob_of(self.file_id), beside=f"{FOLDER}/{self.file_id.hex()}"
        )  # fmt: skip
        try:
            self._writer.write(self._sealer.prefix)
        except BaseException:
            self.abort()
            raise

    def __repr__(self) -> str:
        return "Receiving(hidden)"

    @property
    def sha256(self) -> bytes:
        """Of what has arrived so far."""
        return self._digest.digest()

    @property
    def piece_digests(self) -> tuple[bytes, ...]:
        """SHA-256 of every whole piece of 8 MiB so far: whoever goes on with a transfer compares them."""
        return tuple(self._pieces.blocks)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """The next bytes. After an error nothing of the file is left.

        Raises:
            LimitExceeded: it is larger than is taken.
            StorageFull
            Conflict: the transfer was ended.
        """
        with self._lock:
            self._require_open()
            try:
                if self.size_bytes + len(data) > self._most:
                    raise LimitExceeded("this file is larger than this desk takes; nothing of it was kept")
                self._digest.update(data)
                self._pieces.update(data)
                self._writer.write(self._sealer.update(data))
                self.size_bytes += len(data)
            except BaseException:
                self.abort()
                raise

    def finish(self) -> None:
        """All has arrived."""
        with self._lock:
            self._require_open()
            try:
                self._writer.write(self._sealer.finish())
            except BaseException:
                self.abort()
                raise
            self.is_complete = True

    def read(self) -> Iterator[bytes]:
        """The bytes of a file that has arrived, before it is kept anywhere."""
        if not self.is_complete or self._is_over:
            raise Conflict("this file has not arrived")
        return open_pieces(self._key, intake.context_of(self.file_id), self._writer.read_back())

    def keep(
        self,
        officer: OfficerSession,
        case_id: bytes,
        *,
        name: str,
        media_type: str | None = None,
        also: Also | None = None,
        now: int,
    ) -> StoredFile:
        """Enter the file into a case. All of it is stored, or nothing.

        Args:
            name: how it is called in the case. It is sealed.
            media_type: guessed by the name if not given.
            also: what else is done in the same transaction. If it is refused the file is not in the case, and is held
                as before.

        Raises:
            NotPermitted: no right to take in, or not on the case team.
            Conflict: it has not arrived, or was kept or thrown away.
        """
        officer.require("exhibit-take-in")
        with self._lock:
            if not self.is_complete or self._is_over:
                raise Conflict("this file has not arrived; send it again")
            found = StoredFile(
                self.file_id, name, media_type or intake.guess_type(name), self.size_bytes, self.sha256,
                self._pieces.root(), key=self._key,
            )  # fmt: skip
            is_in_place = False
            try:
                with self._files.session() as db:
                    case = bytes(case_key(db, officer, case_id))
                    kept = intake.record(db, officer, case, case_id, found, now=now)
                    if also is not None:
                        also(db, kept)
                    is_in_place = True
                    self._writer.commit()
            except BaseException:
                if is_in_place:
                    self._files.blobs.delete(intake.blob_of(self.file_id))
                    self.abort()
                raise
            self._end()
            return kept

    def abort(self) -> None:
        """Throw away what has arrived; one that was kept stays where it is."""
        with self._lock:
            if not self._is_over:
                self._writer.abort()
                self._end()

    def _require_open(self) -> None:
        if self._is_over or self.is_complete:
            raise Conflict("this transfer was ended; send the file again")

    def _end(self) -> None:
        self._is_over = True
        self._sealer.close()
        self._key = b""


def clear(files: DeskFiles) -> int:
    """Throw away what transfers have left that a process before this one never ended; how many those were."""
    left = files.blobs.list_keys(FOLDER)
    for key in left:
        files.blobs.delete(key)
    return len(left)
