"""A copy of a desk as one sealed file: what goes on a stick or a disk that leaves the house is never in clear.

The file is a line that names the format, a keyring under the copy's own passphrase (Argon2id), and the copy's files as
a tar stream under the key in it (chunk format, so that an altered or shortened file opens to an error).
"""

import os
import shutil
import struct
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, cast

from agencies.members import require_passphrase
from crypto import chunks, keyring, labels
from errors import Conflict, DecryptionFailed, FormatError, NotFound, StorageFull

MAGIC: Final = b"amparo desk copy 1\n"
LARGEST_RING: Final = 64 * 1024
BLOCK_BYTES: Final = 2**20
KEY: Final = "copy"

Tell = Callable[[int, int], object]


def quiet(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


@contextmanager
def scratch(near: Path) -> Iterator[Path]:
    """A folder that only this user can read, beside the desk's own; nothing of it is left at the end."""
    folder = Path(tempfile.mkdtemp(prefix=".amparo-scratch-", dir=near.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def seal_copy(
    copy: Path, target: Path, passphrase: str, *, cost: keyring.Cost = keyring.MODERATE, tell: Tell = quiet
) -> int:
    """Seal a copy into a new file; its size in bytes.

    Raises:
        FormatError: the passphrase is too short.
        Conflict: there is a file of this name already.
        NotFound, StorageFull: the file cannot be written; nothing is left of it.
    """
    require_passphrase(passphrase)
    key = os.urandom(chunks.KEY_BYTES)
    ring = keyring.lock({KEY: key}, passphrase, cost=cost)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict("there is a file of this name already") from None
    except OSError as error:
        raise NotFound("this place cannot be written to") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(MAGIC + struct.pack(">I", len(ring)) + ring)
            _write_tar(copy, _Into(file, key), tell)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
    except OSError as error:
        target.unlink(missing_ok=True)
        raise StorageFull("the copy did not fit there, and nothing of it was left") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class _Into:
    """What `tarfile` writes into: it seals and passes on."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        self._file, self._sealer = file, chunks.Sealer(key, labels.DESK_COPY)
        file.write(self._sealer.prefix)

    def write(self, data: bytes) -> int:
        self._file.write(self._sealer.update(data))
        return len(data)

    def finish(self) -> None:
        self._file.write(self._sealer.finish())


def _write_tar(copy: Path, into: _Into, tell: Tell) -> None:
    names = sorted(one for one in copy.rglob("*") if one.is_file())
    total, done = sum(one.stat().st_size for one in names), 0
    with tarfile.open(fileobj=cast(Any, into), mode="w|", bufsize=BLOCK_BYTES) as archive:
        for one in names:
            archive.add(one, arcname=one.relative_to(copy).as_posix(), recursive=False)
            done += one.stat().st_size
            tell(done, total)
    into.finish()


def unseal_copy(source: Path, folder: Path, passphrase: str, *, tell: Tell = quiet) -> None:
    """Open a sealed copy into a new or empty folder; `desk_copies.check_copy` says whether it is what was copied.

    Raises:
        NotFound: there is no such file.
        FormatError: it is no sealed copy.
        PassphraseWrong: the passphrase is another.
        DecryptionFailed: the file was altered or cut off; nothing is left in the folder.
        Conflict: the folder is not empty.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Conflict("this folder is not empty; name a new one")
    try:
        file = source.open("rb")
    except OSError as error:
        raise NotFound("there is no such file, or it cannot be read") from error
    with file:
        with keyring.unlock(_read_ring(file), passphrase)[KEY] as secret:
            key = bytes(secret.value)
        try:
            _extract(file, key, folder, source.stat().st_size, tell)
        except (tarfile.TarError, struct.error, EOFError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise DecryptionFailed("the copy was altered or cut off") from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _read_ring(file: IO[bytes]) -> bytes:
    head = file.read(len(MAGIC) + 4)
    if head[: len(MAGIC)] != MAGIC or len(head) < len(MAGIC) + 4:
        raise FormatError("this is not a sealed copy of a desk")
    (size,) = struct.unpack(">I", head[len(MAGIC) :])
    if size > LARGEST_RING:
        raise FormatError("this is not a sealed copy of a desk")
    return file.read(size)


class _From:
    """What `tarfile` reads from: the opened stream."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        self._pieces = chunks.open_pieces(key, labels.DESK_COPY, iter(lambda: file.read(BLOCK_BYTES), b""))
        self._left = b""

    def read(self, size: int) -> bytes:
        while len(self._left) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._left += piece
        found, self._left = self._left[:size], self._left[size:]
        return found

    def drain(self) -> None:
        """To the end, where the last chunk says that the stream is whole."""
        for _ in self._pieces:
            pass


def _extract(file: IO[bytes], key: bytes, folder: Path, total: int, tell: Tell) -> None:
    stream = _From(file, key)
    with tarfile.open(fileobj=cast(Any, stream), mode="r|", bufsize=BLOCK_BYTES) as archive:
        for one in archive:
            _write(archive, one, folder)
            tell(file.tell(), total)
    stream.drain()


def _write(archive: tarfile.TarFile, one: tarfile.TarInfo, folder: Path) -> None:
    """Write one file, below the folder and nowhere else; what `filter="data"` does, which Debian 12 does not have."""
    parts = PurePosixPath(one.name).parts
    if one.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        raise FormatError("a copy holds files alone")
    if not parts or parts[0] == "/" or ".." in parts:
        raise FormatError("a copy names a file outside of itself")
    content, path = archive.extractfile(one), folder.joinpath(*parts)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise FormatError("a copy names a file twice") from error
    with os.fdopen(descriptor, "wb") as out:
        shutil.copyfileobj(cast(IO[bytes], content), out, BLOCK_BYTES)
