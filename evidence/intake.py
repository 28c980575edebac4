"""Taking files in: hashed, sealed and stored in one read, in flat memory; read back as they were."""

import hashlib
import mimetypes
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto import labels
from crypto.chunks import CHUNK_BYTES, PREFIX_BYTES, Opener, Sealer, open_pieces, sealed_length
from crypto.digests import PIECE_BYTES, BlockRoot
from crypto.encoding import b64u, dump_json, fields, parse_json, unb64u
from crypto.header import IDENTIFIER_BYTES
from crypto.manifest import MEDIA_TYPE
from crypto.pipeline import hashed_aside
from crypto.sealing import Source
from errors import AmparoError, FormatError, NotFound, SourceChanged
from evidence.models import FileRow
from storage.desk_files import DeskFiles
from storage.sealed import open_column, seal_column

READ_BYTES: Final = 1 << 20
RANGE_CHUNKS: Final = 32  # read at a time, 512 KiB
LARGEST_BYTES: Final = 1 << 20
UNKNOWN_TYPE: Final = "application/octet-stream"
_TYPES: Final = {".jsonld": "application/ld+json", ".heic": "image/heic", ".webp": "image/webp"}

Progress = Callable[[int, int], object]
Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was taken in.

    Attributes:
        pieces: root over its pieces of 8 MiB, as the manifest of a bundle names it.
        is_double: a file with the same content was in the case before.
    """

    file_id: bytes
    name: str = field(repr=False)
    media_type: str
    size_bytes: int
    sha256: bytes
    pieces: bytes
    is_double: bool = False
    key: bytes = field(default=b"", repr=False)


def _no_progress(done: int, total: int) -> None:
    pass


def readable_name(path: Path) -> str:
    r"""The name of a file as text; bytes of it that are no UTF-8 come out as \xNN."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def guess_type(name: str) -> str:
    """The media type by the ending of a name, in the form that bundles and packs take; the content is not read here."""
    ending = Path(name).suffix.lower()
    guessed = (mimetypes.guess_type(f"file{ending}")[0] or "").lower()
    return _TYPES.get(ending) or (guessed if MEDIA_TYPE.match(guessed) else UNKNOWN_TYPE)


def take_in(
    files: DeskFiles,
    officer: OfficerSession,
    case_id: bytes,
    source: Path,
    *,
    name: str | None = None,
    media_type: str | None = None,
    progress: Progress = _no_progress,
    now: int,
    random_bytes: Random = os.urandom,
) -> StoredFile:
    """Read a file once: digest, piece root and ciphertext. All of it is stored, or nothing.

    Args:
        name: how it is called in the case; the file's own name if not given. It is sealed.
        media_type: guessed by the name if not given.
        progress: gets bytes done and bytes in all.

    Raises:
        NotFound: it cannot be read.
        SourceChanged: it grew or shrank while it was read; take it in again.
        StorageFull: nothing was kept.
        FormatError: a media type that no bundle and no pack could name.
    """
    officer.require("exhibit-take-in")
    if media_type is not None and not MEDIA_TYPE.match(media_type):
        raise FormatError("a media type has two words in lower case and a slash")
    if not source.is_file():  # a pipe would be waited for without end
        raise NotFound("this cannot be taken in: it is missing, or it is no plain file")
    name = name or readable_name(source)
    with files.session() as db:
        case = bytes(case_key(db, officer, case_id))
    file_id, key = random_bytes(IDENTIFIER_BYTES), random_bytes(32)
    blob = blob_of(file_id)
    digest, pieces = hashlib.sha256(), BlockRoot(PIECE_BYTES)
    sizes: list[int] = []
    try:
        files.blobs.put_stream(blob, _seal(source, key, file_id, digest, pieces, sizes, progress))
        found = StoredFile(
            file_id, name, media_type or guess_type(name), sizes[0], digest.digest(), pieces.root(), key=key
        )
        with files.session() as db:
            return record(db, officer, case, case_id, found, now=now)
    except BaseException:
        files.blobs.delete(blob)
        raise


def record(
    db: Session, officer: OfficerSession, case: bytes, case_id: bytes, found: StoredFile, *, now: int
) -> StoredFile:
    """Enter a file whose ciphertext is stored into a case; the same, with `is_double` settled and without its key.

    Args:
        case: the key of the case.
    """
    row = {
        "v": 1, "name": found.name, "media_type": found.media_type, "size_bytes": found.size_bytes,
        "sha256": b64u(found.sha256), "pieces": b64u(found.pieces), "key": b64u(found.key),
    }  # fmt: skip
    is_double = any(one.sha256 == found.sha256 for one in list_files(db, officer, case_id))
    sealed = seal_column(case, "file", "content", found.file_id, 1, dump_json(row))
    db.add(
        FileRow(
            file_id=found.file_id, case_id=case_id, content=sealed, blob_key=blob_of(found.file_id),
            taken_by=officer.handle, taken_at=now,
        )
    )  # fmt: skip
    db.flush()
    return replace(found, is_double=is_double, key=b"")


def _seal(
    source: Path, key: bytes, file_id: bytes, digest: Any, pieces: BlockRoot, sizes: list[int], progress: Progress
) -> Iterator[bytes]:
    """The sealed stream of a file; digests and size are complete when it ends."""

    def update(block: bytes) -> None:
        digest.update(block)
        pieces.update(block)

    try:
        with source.open("rb", buffering=0) as file:
            expected = os.fstat(file.fileno()).st_size
            sealer, done = Sealer(key, context_of(file_id)), 0
            yield sealer.prefix
            for block in hashed_aside(iter(lambda: file.read(READ_BYTES), b""), update):
                done += len(block)
                if done > expected:  # a file that grows as fast as it is read would never end
                    break
                yield sealer.update(block)
                progress(done, expected)
            yield sealer.finish()
            if done != expected:
                raise SourceChanged("the file changed while it was read; take it in again")
            sizes.append(done)
    except OSError as error:
        raise NotFound(f"the file cannot be read: {error.strerror}") from None


def context_of(file_id: bytes) -> bytes:
    """What a file's ciphertext is bound to."""
    return fields(labels.FILE_KEY, file_id)


def blob_of(file_id: bytes) -> str:
    """Key of its ciphertext in the blobs."""
    return f"files/{file_id.hex()}"


# ---- Reading back -----------------------------------------------------------------------------------------------


def list_files(db: Session, officer: OfficerSession, case_id: bytes) -> list[StoredFile]:
    """Files of a case, oldest first."""
    key = case_key(db, officer, case_id)
    rows = db.scalars(select(FileRow).where(FileRow.case_id == case_id).order_by(FileRow.taken_at))
    return [_open(key, row) for row in rows]


def get_file(db: Session, officer: OfficerSession, case_id: bytes, file_id: bytes) -> StoredFile:
    """One file.

    Raises:
        NotFound, NotPermitted
    """
    key = case_key(db, officer, case_id)
    row = db.get(FileRow, file_id)
    if row is None or row.case_id != case_id:
        raise NotFound("there is no such file in this case")
    return _open(key, row)


def _open(key: bytes | bytearray, row: FileRow) -> StoredFile:
    value = parse_json(open_column(key, "file", "content", row.file_id, 1, row.content), max_bytes=LARGEST_BYTES)
    return StoredFile(
        row.file_id, value["name"], value["media_type"], value["size_bytes"], unb64u(value["sha256"]),
        unb64u(value["pieces"]), False, unb64u(value["key"]),
    )  # fmt: skip


def read_file(files: DeskFiles, officer: OfficerSession, case_id: bytes, file_id: bytes) -> Iterator[bytes]:
    """The bytes of a file; every chunk is authenticated before it is given out.

    Raises:
        NotFound, NotPermitted
        DecryptionFailed, FormatError: the stored ciphertext was altered or cut.
    """
    with files.session() as db:
        stored = get_file(db, officer, case_id, file_id)
    return open_blob(files, blob_of(file_id), stored.key, context_of(file_id), stored.size_bytes)


def open_blob(files: DeskFiles, blob: str, key: bytes, context: bytes, size_bytes: int) -> Iterator[bytes]:
    """A sealed stream of this size out of the blobs."""
    sealed_bytes = files.blobs.get_size(blob)
    if sealed_bytes != sealed_length(size_bytes):
        raise FormatError("a stored file has another length than its record says")
    return open_pieces(key, context, files.blobs.get_stream(blob))


def read_range(
    files: DeskFiles, officer: OfficerSession, case_id: bytes, file_id: bytes, start: int, end: int
) -> Iterator[bytes]:
    """The bytes of a file from `start` up to `end`, without reading what stands before them.

    Raises:
        NotFound, NotPermitted
        DecryptionFailed, FormatError: the stored ciphertext was altered or cut.
    """
    with files.session() as db:
        stored = get_file(db, officer, case_id, file_id)
    return open_range(files, blob_of(file_id), stored.key, context_of(file_id), stored.size_bytes, start, end)


def open_range(
    files: DeskFiles, blob: str, key: bytes, context: bytes, size_bytes: int, start: int, end: int
) -> Iterator[bytes]:
    """A part of a sealed stream of this size out of the blobs; every chunk is authenticated."""
    sealed_bytes = files.blobs.get_size(blob)
    if sealed_bytes != sealed_length(size_bytes):
        raise FormatError("a stored file has another length than its record says")
    opener = Opener(key, context, files.blobs.get_range(blob, 0, PREFIX_BYTES), sealed_bytes)
    return _open_range(files, blob, opener, max(0, start), min(end, size_bytes))


def _open_range(files: DeskFiles, blob: str, opener: Opener, start: int, end: int) -> Iterator[bytes]:
    try:
        while start < end:
            first = start // CHUNK_BYTES
            count = min(RANGE_CHUNKS, (end - 1) // CHUNK_BYTES - first + 1)
            begin, stop = opener.sealed_range(first, count)
            plain = opener.open_run(files.blobs.get_range(blob, begin, stop - begin), first)
            piece = bytes(plain[start - first * CHUNK_BYTES : end - first * CHUNK_BYTES])
            start += len(piece)
            yield piece
    finally:
        opener.close()


def source_of(files: DeskFiles, officer: OfficerSession, case_id: bytes, file_id: bytes, *, object_id: bytes) -> Source:
    """A file on its way into a bundle, as part of an exhibit."""
    with files.session() as db:
        stored = get_file(db, officer, case_id, file_id)
    return Source(
        object_id, file_id, stored.size_bytes, stored.sha256, stored.media_type, stored.pieces,
        lambda: read_file(files, officer, case_id, file_id), is_authenticated=True,
    )  # fmt: skip


def is_intact(files: DeskFiles, officer: OfficerSession, case_id: bytes, file_id: bytes) -> bool:
    """Read a file through and compare it with the digest of its intake."""
    with files.session() as db:
        stored = get_file(db, officer, case_id, file_id)
    digest = hashlib.sha256()
    try:
        for piece in read_file(files, officer, case_id, file_id):
            digest.update(piece)
    except AmparoError:
        return False
    return bool(digest.digest() == stored.sha256)
