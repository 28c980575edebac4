"""Following the log: every entry, every root, the directory, this agency's own entries, and the witness's duty.

The desk reads all entries of the log and computes each root itself, so that a checkpoint it has accepted proves that
the newer log continues the older one. (docs/protocol.md 2, 6)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import setup
from crypto.digests import leaf_hash, sha256
from crypto.encoding import b64u
from crypto.signing import COSIGNATURE_ED25519, COSIGNATURE_MLDSA, NoteKey
from crypto.statements import Statement, parse_statement
from custody import outbox, tiles, tree
from custody.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    cosign_ed25519,
    cosign_mldsa,
    cosigned_at,
    open_checkpoint,
    with_lines,
)
from custody.entries import SealedEntry, directory_entry, parse_entry
from custody.proofs import Proof, parse_proof, verify_proof
from errors import Conflict, FormatError, IntegrityError, LogForked, NotFound, ProofError, Recovering, SignatureInvalid
from exchange.models import CheckpointRow, DirectoryRow, LogEntry, LogState, OwnStatement
from exchange.office import Office, log_keys, parse_frontier, raise_alarm

KEPT_CHECKPOINTS: Final = 256
PROOFS_AT_ONCE: Final = 64
MOST_TRIES: Final = 20


@dataclass
class Followed:
    """What one round of following brought."""

    size: int
    new_entries: int = 0
    directory: list[int] = field(default_factory=list)


def follow_log(office: Office, *, now: int) -> Followed:
    """Fetch the newest checkpoint and every entry up to it; check and keep them.

    Raises:
        LogForked: the broker shows an older or another log; the proof is kept in an alarm, and the desk stops.
        Recovering: the broker was restored from a copy and says so; sync helps it (exchange/recovering.py).
        SignatureInvalid, FormatError: what the broker sent is not a checkpoint of the pinned log.
        Conflict: other threads or programs of this desk keep following the same log.
    """
    followed = Followed(0)
    for _ in range(MOST_TRIES):
        if _follow_once(office, followed, now):
            return followed
    raise Conflict("another sync runs at this desk")


def _follow_once(office: Office, followed: Followed, now: int) -> bool:
    """False when somebody else at this desk followed the log meanwhile: what was compared is not its state any more."""
    with office.files.session() as db:
        state = office.require_running(db)
        keys, origin, root, note = log_keys(state), state.origin, state.root, state.note
        followed.size = size = state.size
    signed = open_checkpoint(office.client.checkpoint(), keys)
    if signed.checkpoint.origin != origin:
        raise FormatError("the broker sent the checkpoint of another log")
    if signed.checkpoint.size < size:
        require_complete(office)
    if signed.checkpoint.size < size or (signed.checkpoint.size == size and signed.checkpoint.root != root):
        _stop(office, note, signed, now)
    if signed.checkpoint.size > size and not _follow_on(office, signed, followed, now):
        return False
    with office.files.session() as db:
        if office.log(db).size != followed.size:
            return False
        _keep_checkpoint(db, office, signed, now)
    return True


def require_complete(office: Office) -> None:
    """Raise Recovering while the broker lacks what it once had, and says so; it signs nothing in that state."""
    with office.files.session() as db:
        is_behind = office.log(db).restored_from is not None
    if is_behind or office.client.describe().get("state") == "recovering":
        raise Recovering


def _follow_on(office: Office, signed: SignedCheckpoint, followed: Followed, now: int) -> bool:
    """Read the entries up to a checkpoint, and keep them when they make its root; False as `_follow_once`.

    Roots between checkpoints are nobody's promise, so everything is fetched first and written in one piece.
    """
    start, end = followed.size, signed.checkpoint.size
    with office.files.session() as db:
        state = office.log(db)
        if state.size != start:
            return False
        edge, note = parse_frontier(state.frontier), state.note
    rows = [(start + at, raw) for at, raw in enumerate(read_entries(office, start, end))]
    for _, raw in rows:
        edge.append(leaf_hash(raw))
    if edge.root() != signed.checkpoint.root:
        _stop(office, note, signed, now)
    with office.files.session() as db:
        state = office.log(db)
        if state.size != start:
            return False
        try:
            for index, raw in rows:
                _keep_entry(db, office, index, raw, followed, now)
        except BaseException:
            office.forget_directory()
            raise
        state.size, state.root, state.frontier = end, signed.checkpoint.root, edge.dump()
        state.note = signed.dump()
    followed.new_entries += len(rows)
    followed.size = end
    return True


def read_entries(office: Office, start: int, end: int) -> list[bytes]:
    """Entries start..end-1 out of the entry bundles of a log of `end` entries."""
    found: list[bytes] = []
    for number in range(start // tiles.WIDTH, -(-end // tiles.WIDTH)):
        width = min(tiles.WIDTH, end - number * tiles.WIDTH)
        raw = office.client.tile(tiles.tile_path(tiles.ENTRIES, number, width))
        entries = tiles.parse_entries(raw, width)
        found += entries[max(0, start - number * tiles.WIDTH) :]
    return found


def _keep_entry(db: Session, office: Office, index: int, raw: bytes, followed: Followed, now: int) -> None:
    entry = parse_entry(raw)
    if isinstance(entry, SealedEntry):
        db.add(LogEntry(log_index=index, tag=entry.tag, commitment=entry.commitment))
        return
    _check_statement(db, office, index, entry, now)
    db.add(DirectoryRow(log_index=index, statement=entry))
    db.flush()
    office.directory(db)
    followed.directory.append(index)


def _check_statement(db: Session, office: Office, index: int, raw: bytes, now: int) -> None:
    """Alarms: the first entry names other keys than pinned, an entry about us that we did not make, changed keys."""
    statement = parse_statement(raw)
    body = statement.value
    subject, kind = f"log entry {index}", body.get("kind")
    if index == 0:
        _require_pinned(office.log(db), body)
    if kind == "receiving-key" or kind == "broker":
        return
    evidence = {"index": index, "statement": b64u(raw)}
    name = body.get("agency")
    if kind in ("founding", "admission"):
        is_foreign = _names_another_root(db, body, office.agency)
    else:
        is_foreign = name == office.agency and db.get(OwnStatement, sha256(raw)) is None
    if is_foreign:
        raise_alarm(db, "directory-not-ours", subject, evidence, now=now)
    if kind == "certificate" and body.get("type") in ("desk", "recovery") and name != office.agency:
        known = office.directory(db).find_certificate(str(body.get("subject")))
        if known is not None:
            raise_alarm(db, "key-replaced", str(body.get("subject")), evidence, now=now)


def _names_another_root(db: Session, body: dict[str, Any], agency: str) -> bool:
    """Whether a founding or an admission, which others publish, gives this agency a root that its papers do not make.

    The one that names our own root needs no announcement: nobody but its shares could have signed it.
    """
    found = body.get("agencies") if body.get("kind") == "founding" else [body.get("agency")]
    named = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    own = setup.get_identity(db).root_key
    return any(one.get("name") == agency and (own is None or one.get("root") != b64u(own)) for one in named)


def _require_pinned(state: LogState, body: dict[str, object]) -> None:
    pinned = {key.kind: b64u(key.public_key) for key in log_keys(state)}
    if body.get("log_key") != pinned.get(0x01) or body.get("log_mldsa_key") != pinned.get(0x06):
        raise SignatureInvalid("the first entry of the log names other keys than the trust file")


def _stop(office: Office, older: bytes, newer: SignedCheckpoint, now: int) -> None:
    """Keep both signed states as proof, stop the desk, raise."""
    with office.files.session() as db:
        state = office.log(db)
        kind = "log-rollback" if newer.checkpoint.size < state.size else "log-fork"
        evidence = {"older": older.decode("utf-8"), "newer": newer.dump().decode("utf-8")}
        raise_alarm(db, kind, f"size {newer.checkpoint.size}", evidence, now=now)
        state.is_stopped = True
    raise LogForked


def resume_after_fork(db: Session, office: Office) -> None:
    """After the operator has explained and two people have decided: follow the log again from where it was left."""
    office.log(db).is_stopped = False


# ---- Cosignatures -----------------------------------------------------------------------------------------------


def witness_keys(office: Office, db: Session, agency: str) -> list[NoteKey]:
    """The verifier keys of an agency's desk as a witness; none if it has no certificate."""
    desk = office.directory(db).find_certificate(f"desk/{agency}")
    if desk is None or desk.witness_key is None or desk.witness_mldsa_key is None:
        return []
    name = f"desk/{agency}"
    return [
        NoteKey(name, COSIGNATURE_ED25519, desk.witness_key),
        NoteKey(name, COSIGNATURE_MLDSA, desk.witness_mldsa_key),
    ]


def _keep_checkpoint(db: Session, office: Office, signed: SignedCheckpoint, now: int) -> None:
    """Keep the newest checkpoint with the cosignatures that verify, and when it was seen."""
    state = office.log(db)
    state.synced_at = now
    for agency in office.directory(db).agencies:
        for key in witness_keys(office, db, agency):
            cosigned_at(signed.note, signed.checkpoint, key)  # a line that does not verify is a SignatureInvalid
    row = db.get(CheckpointRow, signed.checkpoint.size)
    if row is None:
        db.add(CheckpointRow(size=signed.checkpoint.size, note=signed.dump(), is_sent=False))
    else:
        old = open_checkpoint(row.note, log_keys(state))
        row.note = with_lines(old, signed.note.signatures).dump()
    state.note = signed.dump()
    sizes = list(db.scalars(select(CheckpointRow.size).order_by(CheckpointRow.size.desc()).offset(KEPT_CHECKPOINTS)))
    for size in sizes:
        old_row = db.get(CheckpointRow, size)
        if old_row is not None and old_row.is_sent:
            db.delete(old_row)


def cosign(office: Office, *, now: int) -> int:
    """Witness duty: sign the newest checkpoint that this desk has computed itself, with both keys; send the lines."""
    with office.files.session() as db:
        state = office.require_running(db)
        row = db.get(CheckpointRow, state.size)
        if row is None or row.is_sent or not witness_keys(office, db, office.agency):
            return 0
        signed = open_checkpoint(row.note, log_keys(state))
        name = f"desk/{office.agency}"
        lines = [
            cosign_ed25519(name, office.keys.witness, signed.checkpoint, now),
            cosign_mldsa(name, office.keys.witness_mldsa, signed.checkpoint, now),
        ]
        made = with_lines(signed, lines).dump()
        row.note = made
        size = state.size
    try:
        accepted = office.client.post_cosignatures(made)
    except NotFound:
        accepted = 0  # the broker has forgotten this checkpoint; the next one is cosigned
    with office.files.session() as db:
        sent = db.get(CheckpointRow, size)
        if sent is not None:
            sent.is_sent = True
    return accepted


# ---- What others have seen, and proofs --------------------------------------------------------------------------


def require_same_log(office: Office, seen: Checkpoint, source: Statement | bytes, *, now: int) -> None:
    """Compare a checkpoint that a partner has seen with the log as this desk has followed it.

    Args:
        source: the signed statement, or header, in which it came: the proof that somebody saw that other log.

    Raises:
        LogForked: it is not a state of this log, or the partner lies; what it signed is kept in an alarm.
    """
    with office.files.session() as db:
        state = office.require_running(db)
        size, root, note = state.size, state.root, state.note
    if seen.size > size:
        return  # this desk is behind; the next sync follows up to it
    try:
        path = tree.consistency_proof(log_hashes(office, size), seen.size, size)
        tree.verify_consistency(seen.size, seen.root, size, root, path)
    except (ProofError, IntegrityError):
        raw = source if isinstance(source, bytes) else source.dump()
        with office.files.session() as db:
            evidence = {
                "ours": note.decode("utf-8"), "size": seen.size, "root": b64u(seen.root), "source": b64u(raw),
            }  # fmt: skip
            raise_alarm(db, "log-two-faces", f"size {seen.size} {seen.root.hex()[:16]}", evidence, now=now)
        # The desk goes on: a dishonest partner can name any state of the log, and must not be able to stop others.
        raise LogForked from None


def log_hashes(office: Office, size: int) -> tiles.TileHashes:
    """Hashes of the log's tree out of the broker's tiles; what is computed of them is compared with signed roots."""
    return tiles.TileHashes(
        lambda level, number, width: office.client.tile(tiles.tile_path(level, number, width)), size
    )


def prove(office: Office, index: int, note: bytes) -> bytes:
    """tlog-proof of an entry against a checkpoint that this desk keeps; the path is checked before it is returned.

    Raises:
        ProofError, NotFound
    """
    with office.files.session() as db:
        keys = log_keys(office.log(db))
        raw = entry_bytes(db, index)
    checkpoint = open_checkpoint(note, keys).checkpoint
    path = tree.inclusion_proof(log_hashes(office, checkpoint.size), index, checkpoint.size)
    proof = Proof(index, tuple(path), note)
    verify_proof(proof, raw, keys)
    return proof.dump()


def entry_bytes(db: Session, index: int) -> bytes:
    """An entry of the log as this desk has followed it.

    Raises:
        NotFound: the desk has not followed the log so far.
    """
    sealed = db.get(LogEntry, index)
    if sealed is not None:
        return SealedEntry(sealed.tag, sealed.commitment).dump()
    statement = db.get(DirectoryRow, index)
    if statement is None:
        raise NotFound("this desk has not followed the log so far")
    return directory_entry(statement.statement)


def best_checkpoint(db: Session, office: Office) -> bytes:
    """The kept checkpoint with the most cosignature lines, the newest of these: for packs and printed proofs."""
    rows = list(db.scalars(select(CheckpointRow).order_by(CheckpointRow.size)))
    keys = log_keys(office.log(db))
    if not rows:
        raise NotFound("this desk has not followed the log yet")
    return max(rows, key=lambda row: (len(open_checkpoint(row.note, keys).note.signatures), row.size)).note


def check_proof(office: Office, data: str | bytes, entry: bytes, index: int) -> bytes:
    """A proof that the broker sent for this entry at this index; returns its bytes.

    Raises:
        ProofError, SignatureInvalid, FormatError
    """
    raw = data.encode("utf-8") if isinstance(data, str) else data
    with office.files.session() as db:
        keys = log_keys(office.log(db))
    proof = parse_proof(raw)
    if proof.index != index:
        raise ProofError("the proof is for another entry")
    verify_proof(proof, entry, keys)
    return raw


def check_own_entries(office: Office, *, now: int) -> list[int]:
    """Every entry of this agency that the broker acknowledged stands where it said; fetch the proofs.

    Returns:
        indices of entries that do not, each with an alarm.
    """
    missing: list[int] = []
    after = -1
    while True:
        with office.files.session() as db:
            events = outbox.unproven_events(db, office.log(db).size, PROOFS_AT_ONCE, after)
            wanted = [(one.position, one.log_index or 0, one.entry) for one in events]
            absent = [(index, entry) for _, index, entry in wanted if not _stands(db, index, entry)]
            for index, entry in absent:
                evidence = {"index": index, "entry": b64u(entry), "checkpoint": office.log(db).note.decode("utf-8")}
                raise_alarm(db, "own-entry-missing", f"log entry {index}", evidence, now=now)
        if not wanted:
            return missing
        after = wanted[-1][1]
        missing += [index for index, _ in absent]
        for position, index, entry in wanted:
            if index not in missing:
                proof = check_proof(office, office.client.proof(index), entry, index)
                with office.files.session() as db:
                    outbox.mark_logged(db, position, index, proof)


def _stands(db: Session, index: int, entry: bytes) -> bool:
    found = db.get(LogEntry, index)
    return found is not None and SealedEntry(found.tag, found.commitment).dump() == entry


def post_directory(office: Office, statement: Statement, *, now: int) -> int:
    """Send a directory statement that this desk made; its index. Repeating it changes nothing."""
    raw = statement.dump()
    with office.files.session() as db:
        if db.get(OwnStatement, sha256(raw)) is None:
            db.add(OwnStatement(digest=sha256(raw), made_at=now))
    answer = office.client.post_statement(raw)
    index = answer.get("index")
    if not isinstance(index, int):
        raise FormatError("the broker's answer has another form")
    return index


def expect_statement(db: Session, statement: Statement | bytes, *, now: int) -> None:
    """Note a directory statement about this agency that this desk did not make, as one before it did."""
    raw = statement if isinstance(statement, bytes) else statement.dump()
    if db.get(OwnStatement, sha256(raw)) is None:
        db.add(OwnStatement(digest=sha256(raw), made_at=now))


def find_tags(db: Session, tags: Sequence[bytes]) -> dict[bytes, int]:
    """Where entries with these tags stand in the log, as far as it was followed."""
    rows = db.execute(select(LogEntry.tag, LogEntry.log_index).where(LogEntry.tag.in_(list(tags)))).all()
    return {row[0]: row[1] for row in rows}


def find_entry(db: Session, entry: bytes) -> int | None:
    """Where exactly this sealed entry stands in the log, as far as it was followed; None if it does not."""
    wanted = parse_entry(entry)
    if not isinstance(wanted, SealedEntry):
        raise FormatError("not the entry of an event")
    return db.scalar(
        select(LogEntry.log_index).where(LogEntry.tag == wanted.tag, LogEntry.commitment == wanted.commitment)
    )
