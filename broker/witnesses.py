"""Cosignatures: which witnesses signed which checkpoint, and what time it is by their clocks.

A witness is a certified desk (`witness_key`, `witness_mldsa_key`); its key name is `desk/<agency>`. Expiry and
the 14 days after which one officer may destroy are measured by the witnesses, never by the broker's own clock.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies.directory import Directory
from broker.models import Checkpoint, Cosignature
from crypto.signing import COSIGNATURE_ED25519, COSIGNATURE_MLDSA, Note, NoteKey, parse_note
from custody.checkpoint import cosigned_at, parse_body
from errors import FormatError, NotFound, SignatureInvalid
from storage.types import EPOCH


def take_cosignatures(
    session: Session, log_id: bytes, directory: Directory, agency: str, data: bytes, now: datetime
) -> int:
    """Keep the lines of one desk on a checkpoint of this log.

    Args:
        agency: whose desk sent them; lines of others are not taken from it.
        data: the checkpoint's note with the witness's lines.

    Returns:
        how many lines were taken; 0 if they were here before.

    Raises:
        NotFound: no such checkpoint was published, or it is too old.
        SignatureInvalid: no valid line of this desk, or only one of its two keys.
        FormatError: not a note.
    """
    note = parse_note(data)
    said = parse_body(note.text)
    stored = session.get(Checkpoint, (log_id, said.size))
    if stored is None or parse_note(stored.note).text != note.text:
        raise NotFound("this broker has published no such checkpoint, or has forgotten it")
    if session.get(Cosignature, (log_id, said.size, agency)) is not None:
        return 0
    keys = _keys(directory, agency)
    times = [cosigned_at(note, said, key) for key in keys]
    found = [time for time in times if time is not None]
    if len(found) != len(keys):
        raise SignatureInvalid("a witness signs with both of its keys")
    if max(found) > int(now.timestamp()) + 300:
        raise FormatError("the witness's clock is ahead")
    lines = [line for key in keys for line in note.by(key)[:1]]
    session.add(
        Cosignature(
            log_id=log_id,
            size=said.size,
            agency=agency,
            lines="".join(line.line() for line in lines).encode(),
            signed_at=datetime.fromtimestamp(min(found), EPOCH.tzinfo),
        )
    )
    stored.witnesses += 1
    return len(lines)


def _keys(directory: Directory, agency: str) -> Sequence[NoteKey]:
    desk = directory.desk(agency)
    if desk.witness_key is None or desk.witness_mldsa_key is None:
        raise NotFound("this desk has no witness keys")
    name = f"desk/{agency}"
    return (
        NoteKey(name, COSIGNATURE_ED25519, desk.witness_key),
        NoteKey(name, COSIGNATURE_MLDSA, desk.witness_mldsa_key),
    )


def make_note(stored: bytes, lines: Sequence[bytes]) -> Note:
    """A stored checkpoint with lines of witnesses."""
    return parse_note(stored + b"".join(lines))


def get_time(session: Session, log_id: bytes, quorum: int) -> datetime:
    """The time that at least `quorum` witnesses have reached; 1970 while there are fewer."""
    query = select(func.max(Cosignature.signed_at)).where(Cosignature.log_id == log_id)
    times = sorted(session.scalars(query.group_by(Cosignature.agency)), reverse=True)
    return times[quorum - 1] if len(times) >= quorum else EPOCH


def get_age(session: Session, log_id: bytes, index: int, quorum: int) -> float:
    """Seconds that have passed since `quorum` witnesses had seen the entry; 0 while there are fewer."""
    query = select(func.min(Cosignature.signed_at)).where(Cosignature.log_id == log_id, Cosignature.size > index)
    seen = sorted(session.scalars(query.group_by(Cosignature.agency)))
    if len(seen) < quorum:
        return 0.0
    return max(0.0, (get_time(session, log_id, quorum) - seen[quorum - 1]).total_seconds())
