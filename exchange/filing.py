"""Keeping something out of an opened bundle in a case: sealed under the case's key, with what proves where it is from.

Each item has a file key of its own, which stands in its sealed row; without the row the blob is noise. A purge order
finds items by the handles of their bundle, with nobody signed in (exchange/purges.py).
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto import chunks, labels
from crypto.digests import DIGEST_BYTES, sha256
from crypto.encoding import b64u, dump_json, fields, parse_json, unb64u
from crypto.header import IDENTIFIER_BYTES, parse_header
from crypto.opening import Content, verify_content
from crypto.sealing import Source
from errors import CommitmentMismatch, FormatError, NotFound, NotPermitted
from evidence import intake
from exchange import acts, arrivals, grounds, notes, release
from exchange.models import BundleNote, Filed, FiledHandle, HandleOrder
from exchange.office import Office
from exchange.opened import Opened
from storage.desk_files import DeskFiles
from storage.sealed import open_column, seal_column

FORM: Final = "form"
FILE: Final = "file"
LARGEST_ROW_BYTES: Final = 2**20
_MEMBERS: Final = {"v", "index", "entry", "salt", "path", "header_digest", "key"}

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class FiledItem:
    """One item that was kept.

    Attributes:
        index: its place in the manifest; 0 is the form.
        entry: the sender's manifest entry; `entry_bytes` the bytes that the header commits to.
        salt, path: lead from `entry_bytes` to the header's `contents` (docs/protocol.md 3.2).
        ground: the legal ground under which it is kept past an order to delete (exchange/keeping.py).
    """

    item_id: bytes
    bundle_id: bytes
    case_id: bytes
    header_digest: bytes
    index: int
    entry: dict[str, Any] = field(repr=False)
    entry_bytes: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    path: tuple[bytes, ...] = field(repr=False)
    filed_by: str
    filed_at: int
    key: bytes = field(repr=False)
    ground: str | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        """`form` or `file`."""
        return FILE if self.index else FORM

    @property
    def file_id(self) -> bytes:
        return unb64u(self.entry["file"], IDENTIFIER_BYTES)

    @property
    def object_id(self) -> bytes:
        return unb64u(self.entry["object"], IDENTIFIER_BYTES)

    @property
    def media_type(self) -> str:
        return str(self.entry["media_type"])

    @property
    def size_bytes(self) -> int:
        return int(self.entry["size_bytes"])

    @property
    def sha256(self) -> bytes:
        return unb64u(self.entry["sha256"], DIGEST_BYTES)


# ---- Keeping ----------------------------------------------------------------------------------------------------


def file_item(
    office: Office, officer: OfficerSession, opened: Opened, case_id: bytes, index: int | str, *, now: int
) -> bytes:
    """Keep one file, or the form, in a case; the item's id. See `file_items`."""
    return file_items(office, officer, opened, case_id, [0 if index == FORM else int(index)], now=now)[0]


def file_all(office: Office, officer: OfficerSession, opened: Opened, case_id: bytes, *, now: int) -> list[bytes]:
    """Keep everything. See `file_items`."""
    return file_items(office, officer, opened, case_id, range(len(opened.entries)), now=now)


def file_items(
    office: Office,
    officer: OfficerSession,
    opened: Opened,
    case_id: bytes,
    indices: Sequence[int],
    *,
    now: int,
    random_bytes: Random = os.urandom,
) -> list[bytes]:
    """Keep some files in a case, on record as one `filed` event; their ids. What is kept there already stays as it is.

    Raises:
        NotPermitted: no right to file, not on the case team, or opened by somebody else.
        ReleaseHeld, ReleaseDestroyed: an order came while the bundle was open; nothing was kept.
        CommitmentMismatch: a file is not what its entry says; nothing was kept.
    """
    officer.require("file")
    if opened.officer != officer.handle:
        raise NotPermitted("who opened a bundle files out of it")
    wanted = [opened.content(index) for index in dict.fromkeys(indices)]
    with office.files.session() as db:
        _require_no_order(db, opened)
        known = {
            one.index: one.item_id
            for one in list_filed(db, officer, case_id)
            if one.bundle_id == opened.bundle_id
        }  # fmt: skip
    fresh = [(random_bytes(IDENTIFIER_BYTES), random_bytes(chunks.KEY_BYTES), one) for one in wanted
             if one.index not in known]  # fmt: skip
    try:
        for item_id, key, content in fresh:
            office.files.blobs.put_stream(_blob_key(item_id), _sealed(item_id, key, opened.read(content.index)))
        with office.files.session() as db:
            _require_no_order(db, opened)
            for item_id, key, content in fresh:
                _keep(db, officer, opened, case_id, item_id, key, content, now)
            if fresh:
                _record(db, office, officer, opened, [content for *_, content in fresh], now)
                link(db, officer, opened, case_id)
    except BaseException:
        for item_id, *_ in fresh:
            office.files.blobs.delete(_blob_key(item_id))
        raise
    made = {content.index: item_id for item_id, _, content in fresh}
    return [known.get(index) or made[index] for index in indices]


def _require_no_order(db: Session, opened: Opened) -> None:
    for handle in opened.header.handles:
        release.require_no_order(db, handle)


def _sealed(item_id: bytes, key: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    sealer = chunks.Sealer(key, _context(item_id))
    try:
        yield sealer.prefix
        for block in blocks:
            if found := sealer.update(block):
                yield found
        yield sealer.finish()
    finally:
        sealer.close()


def _keep(
    db: Session,
    officer: OfficerSession,
    opened: Opened,
    case_id: bytes,
    item_id: bytes,
    key: bytes,
    content: Content,
    now: int,
) -> None:
    row = {
        "v": 1,
        "index": content.index,
        "entry": b64u(content.entry_bytes),
        "salt": b64u(content.salt),
        "path": [b64u(one) for one in content.path],
        "header_digest": b64u(opened.header_digest),
        "key": b64u(key),
    }
    sealed = seal_column(case_key(db, officer, case_id), "filed", "content", item_id, 1, dump_json(row))
    db.add(
        Filed(
            item_id=item_id, bundle_id=opened.bundle_id, case_id=case_id, content=sealed,
            blob_key=_blob_key(item_id), filed_by=officer.handle, filed_at=now,
        )
    )  # fmt: skip
    db.flush()
    # All eight: the maker may withdraw the bundle by any of them, whether a consent stands behind it or not.
    for handle in opened.header.handles:
        db.add(FiledHandle(item_id=item_id, handle=handle))
    db.flush()


def _record(
    db: Session, office: Office, officer: OfficerSession, opened: Opened, contents: Sequence[Content], now: int
) -> None:
    files = [{"file": one.entry["file"], "sha256": one.entry["sha256"]} for one in contents]
    details = {"items": len(files), "digest": b64u(sha256(dump_json(files)))}
    acts.record_on_bundle(db, office, officer, opened.header, opened.stanza, "filed", details, now=now)


def link(
    db: Session, officer: OfficerSession, opened: Opened, case_id: bytes, *, exhibits: Sequence[bytes] = ()
) -> None:
    """The bundle belongs to the case from now on; what its sender keeps about it is left alone.

    The case team keeps the parties' secret of the bundle: whoever exports or passes on what was filed reads the flags
    first, also an officer to whom the bundle was not sealed.

    Args:
        exhibits: object ids that the case has taken out of it.
    """
    row = arrivals.get_stored(db, opened.bundle_id)
    if row.case_id is None:
        row.case_id = case_id
    note: dict[str, Any] = {"kind": opened.cover.kind, "sender": opened.header.sender, "case": opened.form["case"]}
    if db.get(BundleNote, (opened.bundle_id, case_id)) is not None:
        note = notes.note_of(db, officer, case_id, opened.bundle_id)
    known = set(note.get(notes.EXHIBITS, []))
    wanted = {
        **note, notes.PARTIES_KEY: b64u(opened.stanza.r),
        notes.EXHIBITS: sorted(known | {b64u(one) for one in exhibits}),
    }  # fmt: skip
    if wanted != note:
        notes.keep_note(db, officer, case_id, opened.bundle_id, wanted)


# ---- Reading ----------------------------------------------------------------------------------------------------


def list_filed(db: Session, officer: OfficerSession, case_id: bytes) -> list[FiledItem]:
    """What is kept in a case, in the order in which it was filed.

    Raises:
        NotPermitted: not on the case team.
    """
    key = case_key(db, officer, case_id)
    rows = db.scalars(select(Filed).where(Filed.case_id == case_id).order_by(Filed.filed_at, Filed.item_id))
    found = [_item(key, row) for row in rows]
    return sorted(found, key=lambda one: (one.filed_at, one.bundle_id, one.index))


def get_filed(db: Session, officer: OfficerSession, item_id: bytes) -> FiledItem:
    """One item.

    Raises:
        NotFound: it was never there, or its agency withdrew it.
        NotPermitted: not on the case team.
    """
    row = db.get(Filed, item_id)
    if row is None:
        raise NotFound("nothing is kept under this id; what was withdrawn is gone")
    return _item(case_key(db, officer, row.case_id), row)


def _item(key: bytes, row: Filed) -> FiledItem:
    raw = open_column(key, "filed", "content", row.item_id, 1, row.content)
    value = parse_json(raw, max_bytes=LARGEST_ROW_BYTES)
    if not isinstance(value, dict) or set(value) != _MEMBERS:
        raise FormatError("a filed item is damaged")
    entry_bytes = unb64u(value["entry"])
    entry = parse_json(entry_bytes)
    if not isinstance(entry, dict):
        raise FormatError("a filed item is damaged")
    return FiledItem(
        row.item_id, row.bundle_id, row.case_id, unb64u(value["header_digest"], DIGEST_BYTES), int(value["index"]),
        entry, entry_bytes, unb64u(value["salt"], DIGEST_BYTES),
        tuple(unb64u(one, DIGEST_BYTES) for one in value["path"]), row.filed_by, row.filed_at,
        unb64u(value["key"], chunks.KEY_BYTES), grounds.ground_of(key, row),
    )  # fmt: skip


def is_closed(db: Session, item: FiledItem) -> bool:
    """Whether it outlived an order to delete: from then on it serves its legal ground alone."""
    query = (
        select(HandleOrder.log_index)
        .join(FiledHandle, FiledHandle.handle == HandleOrder.handle)
        .where(FiledHandle.item_id == item.item_id, HandleOrder.kind == "handle-destroyed")
    )
    return item.ground is not None and db.scalar(query.limit(1)) is not None


def require_readable(db: Session, item: FiledItem, under: str | None) -> None:
    """Raise NotPermitted for an item that outlived an order to delete, unless its own ground is stated.

    Args:
        under: the legal ground that the officer states; None for ordinary use.
    """
    if is_closed(db, item) and (under or "").strip() != item.ground:
        raise NotPermitted("it was withdrawn; it is kept, and used, under its legal ground alone")


def read_filed(
    files: DeskFiles, officer: OfficerSession, item_id: bytes, *, under: str | None = None
) -> Iterator[bytes]:
    """The bytes of an item as a stream, whole only when the iterator ends without an error.

    Args:
        under: the legal ground, for an item that is kept past an order to delete.

    Raises:
        NotFound, NotPermitted
        DecryptionFailed, CommitmentMismatch: the stored bytes are not those that were filed.
    """
    with files.session() as db:
        item = get_filed(db, officer, item_id)
        require_readable(db, item, under)
    digest = hashlib.sha256()
    for block in chunks.open_pieces(item.key, _context(item.item_id), files.blobs.get_stream(_blob_key(item.item_id))):
        digest.update(block)
        yield block
    if digest.digest() != item.sha256:
        raise CommitmentMismatch("a filed item is not what the sender's entry says")


def read_filed_range(
    files: DeskFiles, officer: OfficerSession, item_id: bytes, start: int, end: int, *, under: str | None = None
) -> Iterator[bytes]:
    """The bytes of an item from `start` up to `end`; every chunk is authenticated, the whole is not compared.

    Raises:
        NotFound, NotPermitted, DecryptionFailed, FormatError
    """
    with files.session() as db:
        item = get_filed(db, officer, item_id)
        require_readable(db, item, under)
    blob = _blob_key(item_id)
    return intake.open_range(files, blob, item.key, _context(item_id), item.size_bytes, start, end)


def verify_filed(office: Office, officer: OfficerSession, item_id: bytes) -> FiledItem:
    """Check an item against the header that its sender signed: its entry, its path, and every byte.

    Raises:
        ProofError, CommitmentMismatch, DecryptionFailed, FormatError
    """
    with office.files.session() as db:
        item = get_filed(db, officer, item_id)
        stored = arrivals.get_stored(db, item.bundle_id)
        header, digest = parse_header(stored.header), stored.header_digest
    if digest != item.header_digest or sha256(header.dump()) != digest:
        raise CommitmentMismatch("the item was filed out of a bundle with another header")
    verify_content(item.entry_bytes, item.salt, item.index, item.path, header.contents)
    for _ in read_filed(office.files, officer, item_id):
        pass
    return item


def source_of(files: DeskFiles, officer: OfficerSession, item_id: bytes) -> Source:
    """A filed file on its way into another bundle, under the ids that its sender gave it.

    Raises:
        NotFound
        NotPermitted: also for what outlived an order to delete, under whatever ground.
    """
    with files.session() as db:
        item = get_filed(db, officer, item_id)
        require_readable(db, item, None)
    parts = item.entry["parts"]
    return Source(
        item.object_id, item.file_id, item.size_bytes, item.sha256, item.media_type,
        unb64u(item.entry["pieces"], DIGEST_BYTES), lambda: read_filed(files, officer, item_id),
        derivation=item.entry["derivation"], parts=None if parts is None else unb64u(parts, DIGEST_BYTES),
        is_authenticated=True,
    )  # fmt: skip


def _blob_key(item_id: bytes) -> str:
    return f"filed/{item_id.hex()}"


def _context(item_id: bytes) -> bytes:
    return fields(labels.FILED_FILE, item_id)
