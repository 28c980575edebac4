"""A small file of fixed records that are overwritten in place: where keys lie that must be able to vanish.

Writing a new file and renaming it would leave the old bytes on the disk. A record carries a checksum, so that
a write cut off by a power loss reads as empty. On flash media an overwritten block may survive; only a
hardware module ends that (docs/known-limitations.md).
"""

import hashlib
import hmac
import os
from pathlib import Path

from errors import Conflict, FormatError, SettingInvalid

CHECK_BYTES = 32


class SlotFile:
    """`count` records of `size_bytes` bytes each; all zeros means empty."""

    def __init__(self, path: Path, count: int, size_bytes: int) -> None:
        self.path = path
        self.count = count
        self.size_bytes = size_bytes
        try:
            found = path.stat().st_size
        except OSError:
            raise SettingInvalid(f"the key file {path.name} is missing") from None
        if found != count * self._record_bytes:
            raise SettingInvalid(f"the key file {path.name} has another size")

    @classmethod
    def create(cls, path: Path, count: int, size_bytes: int) -> "SlotFile":
        """Make the file with empty records, readable by this user alone.

        Raises:
            Conflict: the file is already there; a key is never overwritten by setting up again.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Conflict(f"the key file {path.name} exists already") from None
        with os.fdopen(handle, "wb") as file:
            file.write(bytes(count * (size_bytes + CHECK_BYTES)))
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return cls(path, count, size_bytes)

    def read(self, slot: int) -> bytes | None:
        """The record; None if it is empty or was cut off while it was written."""
        with self.path.open("rb") as file:
            file.seek(self._offset(slot))
            record = file.read(self._record_bytes)
        check, content = record[:CHECK_BYTES], record[CHECK_BYTES:]
        is_whole = hmac.compare_digest(check, hashlib.sha256(content).digest())
        return content if is_whole and any(content) else None

    def write(self, slot: int, content: bytes) -> None:
        """Overwrite a record; on return it is on the disk."""
        if len(content) != self.size_bytes:
            raise FormatError("a record of a key file has a fixed size")
        self._overwrite(slot, hashlib.sha256(content).digest() + content)

    def wipe(self, slot: int) -> None:
        """Overwrite a record with zeros; on return they are on the disk."""
        self._overwrite(slot, bytes(self._record_bytes))

    @property
    def _record_bytes(self) -> int:
        return self.size_bytes + CHECK_BYTES

    def _offset(self, slot: int) -> int:
        if not 0 <= slot < self.count:
            raise FormatError("there is no such record in the key file")
        return slot * self._record_bytes

    def _overwrite(self, slot: int, record: bytes) -> None:
        with self.path.open("r+b", buffering=0) as file:
            file.seek(self._offset(slot))
            file.write(record)
            os.fsync(file.fileno())
