"""How far the proof of a custody entry has come: signed, in the log, confirmed by how many agencies (protocol 6, 7)."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from crypto.encoding import unb64u
from crypto.signing import NoteKey
from custody.checkpoint import SignedCheckpoint, cosigned_at, open_checkpoint
from custody.entries import event_entry
from errors import AmparoError
from evidence.holdings import Recorded
from exchange import follow
from exchange.models import CheckpointRow
from exchange.office import Office, log_keys

SIGNED: Final = "signed"
LOGGED: Final = "logged"
CONFIRMED: Final = "confirmed"
UNPROVEN: Final = "unproven"
WRONG: Final = "wrong"


@dataclass(frozen=True, slots=True)
class Standing:
    """State of one entry, and how many of how many agencies confirmed a state of the log that holds it."""

    state: str
    confirmed: int = 0
    of: int = 0


class Confirmations:
    """Up to where each agency has confirmed the log, read once for a page."""

    def __init__(self, db: Session, office: Office) -> None:
        self._db = db
        state = office.log(db)
        self._size, self._is_stopped = state.size, state.is_stopped
        keys = log_keys(state)
        wanted = {one: follow.witness_keys(office, db, one) for one in office.directory(db).agencies}
        self._sizes: dict[str, int] = {agency: 0 for agency, found in wanted.items() if found}
        self._quorum = len(self._sizes) // 2 + 1
        for row in db.scalars(select(CheckpointRow).order_by(CheckpointRow.size.desc())):
            missing = [one for one, size in self._sizes.items() if not size]
            if not missing:
                break
            signed = open_checkpoint(row.note, keys)
            for agency in missing:
                if any(_has_signed(signed, key) for key in wanted[agency]):
                    self._sizes[agency] = row.size

    def of_entry(self, index: int | None) -> Standing:
        """An entry at an index of the log."""
        if index is None:
            return Standing(SIGNED)
        confirmed = sum(size > index for size in self._sizes.values())
        if confirmed >= self._quorum:
            return Standing(CONFIRMED, confirmed, len(self._sizes))
        return Standing(UNPROVEN if self._is_stopped else LOGGED, confirmed, len(self._sizes))

    def of_event(self, recorded: Recorded) -> Standing:
        """An event of a holding; `wrong` when the log has something else in its place."""
        index = recorded.log_index
        if index is not None and index < self._size:
            tag = unb64u(recorded.event.body["tag"])
            if follow.find_entry(self._db, event_entry(tag, recorded.salt, recorded.statement)) != index:
                return Standing(WRONG)
        return self.of_entry(index)


def _has_signed(signed: SignedCheckpoint, key: NoteKey) -> bool:
    try:
        return cosigned_at(signed.note, signed.checkpoint, key) is not None
    except AmparoError:
        return False
