"""Taking files in: hashed, sealed and stored in one read, in flat memory; read back as they were."""

import hashlib
import mimetypes
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto import labels
from crypto.chunks import Sealer, open_pieces, sealed_length
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
    blob = f"files/{file_id.hex()}"
    digest, pieces = hashlib.sha256(), BlockRoot(PIECE_BYTES)
    sizes: list[int] = []
    try:
        files.blobs.put_stream(blob, _seal(source, key, file_id, digest, pieces, sizes, progress))
        row = {
            "v": 1, "name": name, "media_type": media_type or guess_type(name),
            "size_bytes": sizes[0], "sha256": b64u(digest.digest()), "pieces": b64u(pieces.root()), "key": b64u(key),
        }  # fmt: skip
        with files.session() as db:
            is_double = any(one.sha256 == digest.digest() for one in list_files(db, officer, case_id))
            sealed = seal_column(case, "file", "content", file_id, 1, dump_json(row))
            db.add(
                FileRow(
                    file_id=file_id, case_id=case_id, content=sealed, blob_key=blob, taken_by=officer.handle,
                    taken_at=now,
                )
            )  # fmt: skip
    except BaseException:
        files.blobs.delete(blob)
        raise
    return StoredFile(
        file_id, str(row["name"]), str(row["media_type"]), sizes[0], digest.digest(), pieces.root(), is_double
    )


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
            sealer, done = Sealer(key, _context(file_id)), 0
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


def _context(file_id: bytes) -> bytes:
    return fields(labels.FILE_KEY, file_id)


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
    return open_blob(files, f"files/{file_id.hex()}", stored.key, _context(file_id), stored.size_bytes)


def open_blob(files: DeskFiles, blob: str, key: bytes, context: bytes, size_bytes: int) -> Iterator[bytes]:
    """A sealed stream of this size out of the blobs."""
    sealed_bytes = files.blobs.get_size(blob)
    if sealed_bytes != sealed_length(size_bytes):
        raise FormatError("a stored file has another length than its record says")
    return open_pieces(key, context, files.blobs.get_stream(blob))


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
