"""The log as it is stored: tiles and entries in SQL until they are full, then in blobs (docs/protocol.md 6.2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.orm import Session, sessionmaker

from broker.models import Checkpoint, Cosignature, Entry, LogHead, Tile
from crypto.digests import leaf_hash, sha256
from crypto.signing import parse_note
from custody import checkpoint as checkpoints
from custody import proofs, tiles
from custody.tree import inclusion_proof, root_of
from errors import IntegrityError, NotFound
from storage.blobs import BlobStore
from storage.database import transact

ARCHIVE_BUNDLES = 64


def make_log_id(origin: str) -> bytes:
    """16 bytes that stand for a log in every key."""
    return sha256(origin.encode())[:16]


@dataclass(frozen=True, slots=True)
class LogState:
    """What was last published."""

    size: int
    root: bytes
    note: bytes
    state: str
    restored_from: int | None


class LogStore:
    """Reads the log, and writes what the sequencer appends."""

    def __init__(self, log_id: bytes, blobs: BlobStore) -> None:
        self.log_id = log_id
        self._blobs = blobs
        # A full tile or entry bundle never changes again.
        self._full = lru_cache(maxsize=512)(self._load_blob)
        self._proof_rows = tiles.TileRows()

    def head(self, session: Session) -> LogState:
        """What was last published."""
        head = session.get_one(LogHead, self.log_id)
        if head.adopted_to:
            restored_from: int | None = head.adopted_from
        else:
            restored_from = head.size if head.state == "recovering" else None
        return LogState(head.size, head.root, head.note, head.state, restored_from)

    # ---- tiles and entries

    def read_tile(self, session: Session, level: int, number: int, width: int) -> bytes:
        """Hashes of a tile, cut to `width` of them.

        Raises:
            NotFound: the log is not that long.
        """
        hashes = session.scalar(
            select(Tile.hashes).where(Tile.log_id == self.log_id, Tile.level == level, Tile.number == number)
        )
        if hashes is None:
            hashes = self._full(level, number)
        if len(hashes) < width * tiles.HASH_BYTES:
            raise NotFound("the log has no such tile")
        return hashes[: width * tiles.HASH_BYTES]

    def read_entries(self, session: Session, number: int, width: int) -> list[bytes]:
        """The first `width` entries of an entry bundle.

        Raises:
            NotFound: the log is not that long.
        """
        first = number * tiles.WIDTH
        query = (
            select(Entry.entry)
            .where(Entry.log_id == self.log_id, Entry.entry_index >= first, Entry.entry_index < first + width)
            .order_by(Entry.entry_index)
        )
        found = list(session.scalars(query))
        if len(found) < width:
            found = tiles.parse_entries(self._full(tiles.ENTRIES, number), tiles.WIDTH)[:width]
        return found

    def read_entry(self, session: Session, index: int) -> bytes:
        """One entry.

        Raises:
            NotFound: the log is not that long.
        """
        row = session.get(Entry, (self.log_id, index))
        if row is not None:
            return row.entry
        number, place = divmod(index, tiles.WIDTH)
        return tiles.parse_entries(self._full(tiles.ENTRIES, number), tiles.WIDTH)[place]

    def hashes(self, session: Session, size: int, rows: tiles.TileRows | None = None) -> tiles.TileHashes:
        """Subtree hashes of the first `size` entries, read anew unless `rows` remembers them."""
        return tiles.TileHashes(partial(self.read_tile, session), size, rows)

    def get_path(self, session: Session, index: int, size: int) -> tuple[bytes, ...]:
        """Inclusion path of one entry. The session sees committed tiles only: what is remembered of them stays true."""
        return tuple(inclusion_proof(self.hashes(session, size, self._proof_rows), index, size))

    def _load_blob(self, level: int, number: int) -> bytes:
        try:
            return self._blobs.get(self._blob_key(level, number))
        except NotFound:
            raise NotFound("the log has no such tile") from None

    def _blob_key(self, level: int, number: int) -> str:
        name = "entries" if level == tiles.ENTRIES else str(level)
        return f"log/{self.log_id.hex()}/{name}/{number}"

    # ---- appending

    def append(self, session: Session, size: int, entries: Sequence[bytes]) -> bytes:
        """Write entries behind the first `size` ones; return the new root, computed from what is stored.

        The caller holds the head row and checks that `size` is its size.
        """
        rows = [{"log_id": self.log_id, "entry_index": size + at, "entry": entry} for at, entry in enumerate(entries)]
        session.execute(insert(Entry), rows)
        changed = list(
            tiles.new_tiles(
                lambda level, number, width: self.read_tile(session, level, number, width),
                size,
                [leaf_hash(entry) for entry in entries],
            )
        )
        self._write_tiles(session, changed)
        return self.root_at(session, size + len(entries))

    def _write_tiles(self, session: Session, changed: Sequence[tiles.Tile]) -> None:
        for tile in changed:
            session.execute(
                delete(Tile).where(Tile.log_id == self.log_id, Tile.level == tile.level, Tile.number == tile.number)
            )
        rows = [
            {"log_id": self.log_id, "level": tile.level, "number": tile.number, "hashes": tile.data} for tile in changed
        ]
        session.execute(insert(Tile), rows)

    # ---- proofs

    def get_note(self, session: Session, witnesses: int = 0) -> bytes:
        """The newest checkpoint with at least so many cosignatures, with the lines of its witnesses.

        Raises:
            NotFound: no checkpoint has so many.
        """
        if not witnesses:
            head = session.get_one(LogHead, self.log_id)
            return self._with_cosignatures(session, head.size, head.note)
        row = session.scalars(
            select(Checkpoint)
            .where(Checkpoint.log_id == self.log_id, Checkpoint.witnesses >= witnesses)
            .order_by(Checkpoint.size.desc())
            .limit(1)
        ).one_or_none()
        if row is None:
            raise NotFound("no checkpoint has so many cosignatures yet")
        return self._with_cosignatures(session, row.size, row.note)

    def _with_cosignatures(self, session: Session, size: int, note: bytes) -> bytes:
        query = (
            select(Cosignature.lines)
            .where(Cosignature.log_id == self.log_id, Cosignature.size == size)
            .order_by(Cosignature.agency)
        )
        return note + b"".join(session.scalars(query))

    def get_proof(self, session: Session, index: int, witnesses: int = 0) -> bytes:
        """A tlog-proof of one entry.

        Raises:
            NotFound: the entry is not covered by such a checkpoint.
        """
        note = self.get_note(session, witnesses)
        size = checkpoints.parse_body(parse_note(note).text).size
        if index >= size:
            raise NotFound("the log has no such entry, or no checkpoint that covers it")
        return proofs.Proof(index, self.get_path(session, index, size), note).dump()

    # ---- checks and archive

    def root_at(self, session: Session, size: int) -> bytes:
        """The root of the first `size` entries, computed from what is stored."""
        return root_of(self.hashes(session, size), size)

    def require_stored(self, session: Session, size: int, root: bytes) -> None:
        """Recompute the root from the stored tiles, and the last tile from the stored entries.

        Raises:
            IntegrityError: they do not lead to this root.
            NotFound: something is missing.
        """
        if self.root_at(session, size) != root:
            raise IntegrityError("the stored tiles do not lead to the signed root")
        number, width = divmod(size, tiles.WIDTH)
        if width:
            entries = self.read_entries(session, number, width)
            stored = b"".join(leaf_hash(entry) for entry in entries)
            if stored != self.read_tile(session, 0, number, width):
                raise IntegrityError("the stored entries are not those that were hashed")

    def check_all(self, session: Session, size: int) -> Iterator[int]:
        """Compare every stored entry with its hash; yield each entry bundle's number when it is sound.

        Raises:
            IntegrityError: one differs.
        """
        for number in range(-(-size // tiles.WIDTH)):
            width = min(tiles.WIDTH, size - number * tiles.WIDTH)
            entries = self.read_entries(session, number, width)
            if b"".join(leaf_hash(entry) for entry in entries) != self.read_tile(session, 0, number, width):
                raise IntegrityError(f"entry bundle {number} is not what was hashed")
            yield number

    def archive(self, sessions: sessionmaker[Session], readers: sessionmaker[Session]) -> int:
        """Move full tiles and entry bundles from SQL to blobs; return how many entries moved.

        Blobs first, synced, then one transaction that removes the rows: a crash between leaves both.
        """
        plan = transact(readers, self._plan_archive)
        if plan is None:
            return 0
        start, stop, full = plan
        for number in range(start // tiles.WIDTH, stop // tiles.WIDTH):
            entries = transact(readers, partial(self.read_entries, number=number, width=tiles.WIDTH))
            self._blobs.put(self._blob_key(tiles.ENTRIES, number), tiles.dump_entries(entries))
        for tile in full:
            self._blobs.put(self._blob_key(tile.level, tile.number), tile.hashes)

        def forget(session: Session) -> None:
            head = session.get_one(LogHead, self.log_id, with_for_update=True)
            if head.archived != start:
                return
            session.execute(delete(Entry).where(Entry.log_id == self.log_id, Entry.entry_index < stop))
            for tile in full:
                session.execute(
                    delete(Tile).where(Tile.log_id == self.log_id, Tile.level == tile.level, Tile.number == tile.number)
                )
            head.archived = stop

        transact(sessions, forget)
        return stop - start

    def _plan_archive(self, session: Session) -> tuple[int, int, Sequence[Row[int, int, bytes]]] | None:
        head = session.get_one(LogHead, self.log_id)
        stop = min(head.size // tiles.WIDTH, head.archived // tiles.WIDTH + ARCHIVE_BUNDLES) * tiles.WIDTH
        if stop <= head.archived:
            return None
        rows = session.execute(select(Tile.level, Tile.number, Tile.hashes).where(Tile.log_id == self.log_id)).all()
        full = [row for row in rows if len(row.hashes) == tiles.WIDTH * tiles.HASH_BYTES]
        return head.archived, stop, full
