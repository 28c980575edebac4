"""Ciphertext blobs in a folder or in an S3 bucket.

Keys are random or content hashes, and uniqueness is settled in the database: put-if-absent is not portable
between object stores. What `put` has acknowledged survives a power loss: a file is written beside its name,
synced, renamed, and its folder synced; an object is read back and compared by size and digest where the store
gives no checksum that can be trusted.
"""

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from errors import FormatError, IntegrityError, NotFound, SettingInvalid, StorageFull, Unavailable

KEY = re.compile(r"[a-z0-9_-]{1,80}(?:/[a-z0-9_-]{1,80}){0,5}", re.ASCII)
READ_BYTES = 1024 * 1024
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class BlobStore(Protocol):
    """Where ciphertext lies. A key is 1 to 6 words of `[a-z0-9_-]` joined by `/`.

    Every method may raise NotFound (no blob under this key), StorageFull, Unavailable, FormatError (bad key).
    """

    def put(self, key: str, content: bytes) -> None:
        """Store one blob durably; an existing blob of this key is replaced."""

    def put_stream(self, key: str, pieces: Iterable[bytes]) -> None:
        """Store pieces as one blob in flat memory."""

    def get(self, key: str) -> bytes:
        """The whole blob."""

    def get_range(self, key: str, start: int, size_bytes: int) -> bytes:
        """Up to `size_bytes` bytes from `start` on; fewer at the end of the blob."""

    def get_stream(self, key: str, piece_bytes: int = READ_BYTES) -> Iterator[bytes]:
        """The blob in pieces of this size, the last one shorter."""

    def get_size(self, key: str) -> int:
        """Size in bytes."""

    def delete(self, key: str) -> None:
        """Remove the blob; one that is already gone is no error."""

    def list_keys(self, prefix: str) -> list[str]:
        """Keys under `prefix/`, sorted."""


def open_blobs(url: str) -> BlobStore:
    """Open a store.

    Args:
        url: `file:///<absolute folder>` or
            `s3://[key:secret@]bucket[/prefix][?endpoint=http://...&region=...]`.

    Raises:
        SettingInvalid: the URL is of another kind.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return FileBlobs(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.hostname:
        return ObjectBlobs(_open_bucket(url))
    raise SettingInvalid("blob_url: only file:///folder or s3://bucket are supported")


def _open_bucket(url: str) -> S3Store:
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    options: dict[str, str] = {"region": query.get("region", "us-east-1")}
    if query.get("endpoint"):
        options |= {"endpoint": query["endpoint"], "virtual_hosted_style_request": "false"}
    if parts.username and parts.password:
        options |= {"access_key_id": unquote(parts.username), "secret_access_key": unquote(parts.password)}
    return S3Store(
        str(parts.hostname),
        prefix=parts.path.strip("/") or None,
        config=options,  # type: ignore[arg-type]
        client_options={"allow_http": query.get("endpoint", "").startswith("http://"), "timeout": "60s"},
        retry_config={
            "max_retries": 3,
            "retry_timeout": timedelta(seconds=30),
            "backoff": {
                "base": 2,
                "init_backoff": timedelta(seconds=0.1),
                "max_backoff": timedelta(seconds=1),
            },
        },
    )


def require_key(key: str) -> None:
    """Raise FormatError unless the key has the one allowed form (no dot, so no way out of the folder)."""
    if not KEY.fullmatch(key):
        raise FormatError("not a blob key")


class FileBlobs:
    """Blobs as files under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _file_errors():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, key: str, content: bytes) -> None:
        """Store one blob durably."""
        self.put_stream(key, (content,))

    def put_stream(self, key: str, pieces: Iterable[bytes]) -> None:
        """Store pieces as one blob; a crash at any point leaves the old blob or the new one."""
        writer = self.open_writer(key)
        try:
            for piece in pieces:
                writer.write(piece)
            writer.commit()
        except BaseException:
            writer.abort()
            raise

    def open_writer(self, key: str, *, beside: str | None = None) -> "FileWriter":
        """Begin a blob that is written piece by piece; it is there once the writer has committed.

        Args:
            beside: a key under which it lies until then, for what may take long or never end: whoever starts again
                finds it in the list of that folder and throws it away.
        """
        path = self._path(key)
        partial = None if beside is None else self._path(beside)
        with _file_errors():
            for one in (path, *([partial] if partial else [])):
                self._make_folder(one.parent)
        return FileWriter(path, partial)

    def get(self, key: str) -> bytes:
        """The whole blob."""
        with _file_errors():
            return self._path(key).read_bytes()

    def get_range(self, key: str, start: int, size_bytes: int) -> bytes:
        """Up to `size_bytes` bytes from `start` on."""
        with _file_errors(), self._path(key).open("rb") as file:
            file.seek(start)
            return file.read(size_bytes)

    def get_stream(self, key: str, piece_bytes: int = READ_BYTES) -> Iterator[bytes]:
        """The blob in pieces; a missing blob is refused at the call, not at the first piece."""
        with _file_errors():
            file = self._path(key).open("rb", buffering=0)

        def read() -> Iterator[bytes]:
            with file, _file_errors():
                while piece := file.read(piece_bytes):
                    yield piece

        return read()

    def get_size(self, key: str) -> int:
        """Size in bytes."""
        with _file_errors():
            return self._path(key).stat().st_size

    def delete(self, key: str) -> None:
        """Remove the blob; one that is already gone is no error."""
        path = self._path(key)
        with _file_errors():
            if not path.parent.is_dir():
                return
            path.unlink(missing_ok=True)
            _sync_folder(path.parent)

    def list_keys(self, prefix: str) -> list[str]:
        """Keys under `prefix/`, sorted; half-written files are not blobs."""
        root = self._path(prefix)
        with _file_errors():
            found = [path.relative_to(self._folder).as_posix() for path in root.rglob("*") if path.is_file()]
        return sorted(key for key in found if KEY.fullmatch(key))

    def _path(self, key: str) -> Path:
        require_key(key)
        return self._folder / key

    def _make_folder(self, folder: Path) -> None:
        missing: list[Path] = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for path in reversed(missing):
            path.mkdir(exist_ok=True, mode=0o700)
            _sync_folder(path.parent)


class FileWriter:
    """One blob on its way to the disk, beside its name. End it with `commit` or `abort`."""

    def __init__(self, path: Path, partial: Path | None = None) -> None:
        self._path = path
        self._partial = partial or path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with _file_errors():
            self._file = self._partial.open("xb", buffering=0)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """The next bytes."""
        view = memoryview(data)
        with _file_errors():
            while len(view):
                view = view[self._file.write(view) :]

    def read_back(self, piece_bytes: int = READ_BYTES) -> Iterator[bytes]:
        """What was written so far, in pieces."""
        with _file_errors(), self._partial.open("rb", buffering=0) as file:
            while piece := file.read(piece_bytes):
                yield piece

    def commit(self) -> None:
        """Make the blob durable under its name."""
        with _file_errors():
            os.fsync(self._file.fileno())
            self._file.close()
            self._partial.replace(self._path)
            _sync_folder(self._path.parent)

    def abort(self) -> None:
        """Leave nothing behind of what was not committed."""
        self._file.close()
        self._partial.unlink(missing_ok=True)


class ObjectBlobs:
    """Blobs in an S3 bucket."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def put(self, key: str, content: bytes) -> None:
        """Store one blob and read it back: some stores accept a wrong checksum without a word."""
        require_key(key)
        with _object_errors():
            obstore.put(self._store, key, content)
            stored = bytes(obstore.get(self._store, key).bytes())
        if hashlib.sha256(stored).digest() != hashlib.sha256(content).digest():
            raise IntegrityError("the object store returned other bytes than it was given")

    def put_stream(self, key: str, pieces: Iterable[bytes]) -> None:
        """Store pieces as one blob by a multipart upload, then read it back."""
        require_key(key)
        digest = hashlib.sha256()
        with _object_errors(), obstore.open_writer(self._store, key) as writer:
            for piece in pieces:
                writer.write(piece)
                digest.update(piece)
        stored = hashlib.sha256()
        for piece in self.get_stream(key):
            stored.update(piece)
        if stored.digest() != digest.digest():
            raise IntegrityError("the object store returned other bytes than it was given")

    def get(self, key: str) -> bytes:
        """The whole blob."""
        require_key(key)
        with _object_errors():
            return bytes(obstore.get(self._store, key).bytes())

    def get_range(self, key: str, start: int, size_bytes: int) -> bytes:
        """Up to `size_bytes` bytes from `start` on."""
        end = min(start + size_bytes, self.get_size(key))
        if end <= start:
            return b""
        with _object_errors():
            return bytes(obstore.get_range(self._store, key, start=start, end=end))

    def get_stream(self, key: str, piece_bytes: int = READ_BYTES) -> Iterator[bytes]:
        """The blob in pieces; a missing blob is refused at the call."""
        size = self.get_size(key)
        return (self.get_range(key, start, piece_bytes) for start in range(0, size, piece_bytes))

    def get_size(self, key: str) -> int:
        """Size in bytes."""
        require_key(key)
        with _object_errors():
            return int(obstore.head(self._store, key)["size"])

    def delete(self, key: str) -> None:
        """Remove the blob; one that is already gone is no error."""
        require_key(key)
        try:
            with _object_errors():
                obstore.delete(self._store, key)
        except NotFound:
            return

    def list_keys(self, prefix: str) -> list[str]:
        """Keys under `prefix/`, sorted."""
        require_key(prefix)
        with _object_errors():
            pages = obstore.list(self._store, prefix=prefix)
            return sorted(item["path"] for page in pages for item in page)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise NotFound("there is no such blob") from None
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull from None
        raise Unavailable("the blob folder cannot be used") from None


@contextmanager
def _object_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound("there is no such blob") from None
    except (BaseError, OSError):
        # The message of the client may name the address and the key of the bucket.
        raise Unavailable("the object store cannot be reached or refused") from None
