"""A file that arrives at a page and is only looked at: sealed while it arrives, nothing of it in clear on the disk.

It goes through the chunk format under a fresh key that lives in memory alone, into a blob of the desk; it is read back
through an opener, in pieces, and is gone when it is closed.
"""

import io
import os
import secrets
import shutil
from typing import Any, Final, cast

from crypto.chunks import CHUNK_BYTES, KEY_BYTES, PREFIX_BYTES, Opener, Sealer
from errors import LimitExceeded, StorageFull
from storage.blobs import FileBlobs, FileWriter
from storage.desk_files import BLOBS, DeskFiles

FOLDER: Final = "uploads"
CONTEXT: Final = b"amparo/desk/upload"
CHUNKS_AT_ONCE: Final = 64
RUN_BYTES: Final = CHUNKS_AT_ONCE * CHUNK_BYTES
# What is checked must not take the room that the desk's own work needs.
KEPT_FREE_BYTES: Final = 256 * 2**20
LOOK_EVERY_BYTES: Final = 64 * 2**20


class SealedFile(io.RawIOBase):
    """One file of a form: written once, then read as often as it is wanted. Its key is dropped at `close`."""

    def __init__(self, files: DeskFiles, most_bytes: int) -> None:
        self._folder, self._blobs = files.folder, FileBlobs(files.folder / BLOBS)
        self._name = f"{FOLDER}/{secrets.token_hex(16)}"
        self._key = os.urandom(KEY_BYTES)
        self._sealer = Sealer(self._key, CONTEXT)
        self._writer: FileWriter | None = self._blobs.open_writer(self._name)
        self._writer.write(self._sealer.prefix)
        self._most, self.size_bytes = most_bytes, 0
        self._opener: Opener | None = None
        self._position = 0
        self._run, self._run_at = bytearray(), -1

    def __repr__(self) -> str:
        return "SealedFile(hidden)"

    def writable(self) -> bool:
        return self._writer is not None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        """The next bytes.

        Raises:
            LimitExceeded: more than this page takes.
            StorageFull: the rest of the disk is for the desk's own work.
        """
        if self._writer is None:
            raise io.UnsupportedOperation("this file is whole")
        size = len(data)
        if self.size_bytes + size > self._most:
            raise LimitExceeded("this file is too large for this page; nothing of it was kept")
        if self.size_bytes % LOOK_EVERY_BYTES + size >= LOOK_EVERY_BYTES or not self.size_bytes:
            self._require_room()
        self.size_bytes += size
        self._writer.write(self._sealer.update(data))
        return size

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place. The first call ends the writing."""
        self._finish()
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Where the next read begins; while it is written, its end."""
        return self._position if self._writer is None else self.size_bytes

    def readinto(self, buffer: Any, /) -> int:
        """Opened bytes from the place on.

        Raises:
            DecryptionFailed: the blob was altered on the disk.
        """
        self._finish()
        view = memoryview(buffer).cast("B")
        if self._position >= self.size_bytes or not len(view):
            return 0
        at, inside = divmod(self._position, RUN_BYTES)
        if at != self._run_at:
            self._load(at)
        piece = memoryview(self._run)[inside : inside + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        """Leave nothing behind; twice is no error."""
        if self.closed:
            return
        if self._writer is not None:
            self._writer.abort()
            self._writer = None
        self._sealer.close()
        if self._opener is not None:
            self._opener.close()
        self._run, self._key = bytearray(), b""
        self._blobs.delete(self._name)
        super().close()

    def _require_room(self) -> None:
        if shutil.disk_usage(self._folder).free < KEPT_FREE_BYTES + LOOK_EVERY_BYTES:
            raise StorageFull

    def _finish(self) -> None:
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        try:
            writer.write(self._sealer.finish())
            writer.commit()
        except BaseException:
            writer.abort()
            raise
        prefix = self._blobs.get_range(self._name, 0, PREFIX_BYTES)
        self._opener = Opener(self._key, CONTEXT, prefix, self._blobs.get_size(self._name))

    def _load(self, at: int) -> None:
        opener = cast(Opener, self._opener)
        start, end = opener.sealed_range(at * CHUNKS_AT_ONCE, CHUNKS_AT_ONCE)
        raw = self._blobs.get_range(self._name, start, end - start)
        self._run, self._run_at = opener.open_run(raw, at * CHUNKS_AT_ONCE), at


def read_through(file: SealedFile) -> io.BufferedReader:
    """The file from its beginning, for readers that want exactly as many bytes as they ask for."""
    file.seek(0)
    return io.BufferedReader(file, RUN_BYTES)


def sweep(files: DeskFiles) -> None:
    """Remove what a stop of the program left behind while something arrived; it is sealed, and its key is gone."""
    left = files.folder / BLOBS / FOLDER
    if left.is_dir():
        for path in left.iterdir():
            path.unlink(missing_ok=True)
