"""A broker that was restored from a copy: read-only until the desks have brought back what is newer.

A restore is an attack until proven otherwise. The broker signs nothing; desks show it the newest checkpoint that
it signed itself, and send the entries behind its own end. Holds and destructions of the newer log take effect
first, before anything can be released: those that come as events, and every entry that bears the tag of a known
handle even if nobody sends its event. When the entries lead to the root that was signed, they are taken in under
that very checkpoint. Then desks send their events and register versions again by the usual calls, which put them
back at the index where the log has them; and bundles whose half is gone are reported to their senders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.orm import Session

from broker import checks, handle_states, wire
from broker.auth import get_agency
from broker.batch import Appender
from broker.blueprints import Blueprint
from broker.lost import report_lost
from broker.models import (
    Bundle,
    DirectoryEntry,
    EntryKey,
    HandleState,
    LogHead,
    RecoveryEntry,
    RecoveryReport,
)
from broker.models import Checkpoint as StoredCheckpoint
from broker.parts import Parts, get_parts
from config.logs import get_log
from crypto.digests import leaf_hash, sha256
from crypto.signing import Note
from custody import checkpoint as checkpoints
from custody import entries as log_entries
from custody import events, tree
from errors import AmparoError, Conflict, LogShorter, NotPermitted
from storage.database import transact

bp = Blueprint("recovery", __name__, description="Bringing back what a restored broker lacks.")
PAGE = 500


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recovery is: entries there, entries wanted, agencies that have not reported."""

    size: int
    wanted: int
    missing: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Whether everybody has reported and all entries are there."""
        return self.size >= self.wanted and not self.missing


@bp.post("/recover", endpoint="recover")
@bp.arguments(wire.RecoverSchema)
@bp.response(200, wire.RecoveredSchema)
def recover(asked: dict[str, Any]) -> dict[str, Any]:
    """Take what one desk has of the newer log."""
    parts = get_parts()
    if parts.read_state() != "recovering":
        raise NotPermitted("this broker is not recovering; it needs nothing")
    signed = checkpoints.open_checkpoint(asked["checkpoint"], parts.keys.note_keys())
    parts.sequencer.run(partial(_take, parts, get_agency(), signed, asked))
    parts.duties.perform()
    progress = transact(parts.readers, partial(get_progress, parts))
    if progress.is_done:
        finish(parts)
    return {"size": progress.size, "wanted": progress.wanted}


def _take(
    parts: Parts, agency: str, signed: checkpoints.SignedCheckpoint, asked: dict[str, Any], session: Session
) -> None:
    head = session.get_one(LogHead, parts.log_id, with_for_update=True)
    said = signed.checkpoint
    if said.origin != parts.origin:
        raise Conflict("this is a checkpoint of another log")
    if said.size <= head.size and parts.log.root_at(session, said.size) != said.root:
        raise LogShorter("the stored log differs from a checkpoint that this broker signed")
    _report(session, parts, agency, said.size)
    # This machine's own memory of what it signed gives a size without a note (sequencer.missing_size).
    is_wanted = said.size > head.recover_size or (said.size == head.recover_size and not head.recover_note)
    if said.size > head.size and is_wanted:
        head.recover_size, head.recover_note = said.size, _own_lines(parts, signed)
    _stage(session, parts, head, asked["from_"], asked["entries"])
    _stop_handles(session, parts, head, asked["events"])
    _adopt(session, parts, head)


def _report(session: Session, parts: Parts, agency: str, size: int) -> None:
    row = session.get(RecoveryReport, (parts.log_id, agency))
    if row is None:
        session.add(RecoveryReport(log_id=parts.log_id, agency=agency, size=size))
    else:
        row.size = max(row.size, size)


def _own_lines(parts: Parts, signed: checkpoints.SignedCheckpoint) -> bytes:
    own = {(key.name, key.id) for key in parts.keys.note_keys()}
    lines = tuple(line for line in signed.note.signatures if (line.name, line.id) in own)
    return Note(signed.note.text, lines).dump()


# ---- holds and destructions first


def _stop_handles(session: Session, parts: Parts, head: LogHead, asked: Sequence[dict[str, Any]]) -> None:
    directory = parts.directories.get(session)
    batch = Appender(
        session, parts.log, parts.origin, head, directory, parts.now(), head.size, parts.settings.witness_quorum
    )
    for one in asked:
        try:
            event = events.parse_event(one["statement"], log=parts.origin)
            if event.kind in ("handle-held", "handle-destroyed"):
                checks.check_event(directory, event.agency, one, parts.settings)
                _stop_handle(batch, event)
        except AmparoError as error:
            # A desk may send events of officers certified after the copy was made; they come again later.
            get_log("broker.recover").warning("event-later", code=error.code)


def _stop_handle(batch: Appender, event: events.Event) -> None:
    handle = event.handle or b""
    state = batch.session.get(HandleState, (batch.log_id, handle))
    # With one signature nothing is destroyed here: the 14 days are checked when the event comes to its place.
    is_final = event.kind == "handle-destroyed" and batch.directory.takes_two(event.agency, event.statement.signers)
    wanted = "destroyed" if is_final else "held"
    if state is None:
        state = HandleState(log_id=batch.log_id, handle=handle, state="active")
        batch.session.add(state)
    if state.state in (wanted, "destroyed"):
        return
    index = max(batch.head.size, batch.head.recover_size - 1)
    handle_states.change_handle(batch, state, f"handle-{wanted}", event.agency, index)


def _stage(session: Session, parts: Parts, head: LogHead, start: int, found: Sequence[bytes]) -> None:
    for at, entry in enumerate(found, start):
        if head.size <= at < head.recover_size and session.get(RecoveryEntry, (parts.log_id, at)) is None:
            session.add(RecoveryEntry(log_id=parts.log_id, entry_index=at, entry=entry))
    session.flush()
    tags = {entry[1:17]: at for at, entry in enumerate(found, start) if entry[:1] == log_entries.SEALED}
    if tags:
        _hold_tagged(session, parts, tags)


def _hold_tagged(session: Session, parts: Parts, tags: dict[bytes, int]) -> None:
    """Hold every known handle on which the newer log has an entry, whatever the entry says."""
    after = bytes(32)
    while True:
        query = (
            select(HandleState)
            .where(HandleState.log_id == parts.log_id, HandleState.handle > after)
            .order_by(HandleState.handle)
            .limit(PAGE)
        )
        rows = list(session.scalars(query))
        for row in rows:
            index = tags.get(log_entries.handle_tag(row.handle))
            if index is None or row.state != "active" or row.bundle_id is None:
                continue
            row.state, row.held_index = "held", index
            bundle = session.get_one(Bundle, (parts.log_id, row.bundle_id))
            if bundle.state == "active":
                bundle.state = "held"
                handle_states.add_duty(session, bundle, index, parts.random_bytes)
        if len(rows) < PAGE:
            return
        after = rows[-1].handle


# ---- the entries


def _adopt(session: Session, parts: Parts, head: LogHead) -> None:
    """Take the staged entries in when all are there and lead to the signed root."""
    query = (
        select(RecoveryEntry.entry)
        .where(
            RecoveryEntry.log_id == parts.log_id,
            RecoveryEntry.entry_index >= head.size,
            RecoveryEntry.entry_index < head.recover_size,
        )
        .order_by(RecoveryEntry.entry_index)
    )
    staged = list(session.scalars(query))
    if not staged or not head.recover_note or len(staged) < head.recover_size - head.size:
        return
    signed = checkpoints.open_checkpoint(head.recover_note, parts.keys.note_keys())
    if _root_with(session, parts, head.size, staged) != signed.checkpoint.root:
        # Somebody sent entries that never stood there. The signed root tells; begin again.
        session.execute(delete(RecoveryEntry).where(RecoveryEntry.log_id == parts.log_id))
        get_log("broker.recover").error("entries-refused", count=len(staged))
        return
    # After several recoveries the range covers all of them; what lies between has its events already.
    head.adopted_from = min(head.adopted_from, head.size) if head.adopted_to else head.size
    head.adopted_to = head.recover_size
    _append(session, parts, head, staged)
    head.note = head.recover_note
    session.add(StoredCheckpoint(log_id=parts.log_id, size=head.size, note=head.note, witnesses=0))
    session.execute(delete(RecoveryEntry).where(RecoveryEntry.log_id == parts.log_id))


def _root_with(session: Session, parts: Parts, size: int, staged: Sequence[bytes]) -> bytes:
    stored = parts.log.hashes(session, size)
    return tree.root_of(_Extended(stored, size, [leaf_hash(entry) for entry in staged]), size + len(staged))


class _Extended:
    """Subtree hashes of a stored log and of leaves that would follow it; nothing is written."""

    def __init__(self, stored: tree.Hashes, size: int, leaves: Sequence[bytes]) -> None:
        self._stored, self._size, self._leaves = stored, size, leaves

    def hash_at(self, level: int, index: int) -> bytes:
        """The root of complete subtree `index` of 2^level leaves."""
        if (index + 1) << level <= self._size:
            return self._stored.hash_at(level, index)
        if level == 0:
            return self._leaves[index - self._size]
        return tree.node_hash(self.hash_at(level - 1, 2 * index), self.hash_at(level - 1, 2 * index + 1))


def _append(session: Session, parts: Parts, head: LogHead, staged: Sequence[bytes]) -> None:
    start = head.size
    head.root = parts.log.append(session, start, staged)
    head.size = start + len(staged)
    rows = [
        {"log_id": parts.log_id, "digest": sha256(entry), "entry_index": start + at} for at, entry in enumerate(staged)
    ]
    session.execute(insert(EntryKey), rows)
    session.add_all(
        DirectoryEntry(log_id=parts.log_id, entry_index=start + at, statement=entry[1:])
        for at, entry in enumerate(staged)
        if entry[:1] == log_entries.DIRECTORY
    )


# ---- the end


def get_progress(parts: Parts, session: Session) -> Progress:
    """How far the recovery is."""
    head = session.get_one(LogHead, parts.log_id)
    directory = parts.directories.get(session)
    reported = set(session.scalars(select(RecoveryReport.agency).where(RecoveryReport.log_id == parts.log_id)))
    desks = {name for name in directory.agencies if directory.find_certificate(f"desk/{name}") is not None}
    return Progress(head.size, max(head.size, head.recover_size), tuple(sorted(desks - reported)))


def finish(parts: Parts) -> None:
    """Open the log again, and report every bundle whose half is gone.

    The administrator calls it too (`amparo broker resume`) when a desk will never report: what only that desk
    knows of the newer log is then lost, and every desk that knows better will refuse this broker.
    """
    parts.sequencer.run(partial(_open, parts))
    parts.sequencer.recheck()
    report_all_lost(parts)


def _open(parts: Parts, session: Session) -> None:
    head = session.get_one(LogHead, parts.log_id, with_for_update=True)
    head.state, head.recover_size, head.recover_note = "open", 0, b""
    for table in (RecoveryEntry, RecoveryReport):
        session.execute(delete(table).where(table.log_id == parts.log_id))


def report_all_lost(parts: Parts) -> int:
    """Tell the parties of every bundle whose half is not in the store; return how many."""
    lost, after = 0, bytes(16)
    while True:
        query = (
            select(Bundle)
            .where(Bundle.log_id == parts.log_id, Bundle.bundle_id > after)
            .order_by(Bundle.bundle_id)
            .limit(PAGE)
        )
        rows = transact(parts.readers, partial(_read, query))
        for bundle in rows:
            # What is over by its term is not sealed again, so nobody is asked to.
            is_alive = bundle.state in ("active", "held") and bundle.expires_at > parts.now()
            if is_alive and not parts.halves.has(parts.log_id, bundle.header_digest):
                report_lost(parts, bundle)
                lost += 1
        if len(rows) < PAGE:
            return lost
        after = rows[-1].bundle_id


def _read(query: Select[Bundle], session: Session) -> list[Bundle]:
    return list(session.scalars(query))


def mark_recovering(session: Session, log_id: bytes, size: int) -> None:
    """Make a log read-only until `size` entries, or what the desks show, are back."""
    head = session.get_one(LogHead, log_id)
    head.state, head.recover_size = "recovering", max(head.recover_size, size)
