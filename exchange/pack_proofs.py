"""Proofs that go into an evidence pack: all against one checkpoint that enough agencies confirmed (protocol 10.4)."""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from custody.checkpoint import open_checkpoint
from custody.policy import print_trust, require_quorum
from errors import AmparoError, PackNotReady
from exchange import follow
from exchange.models import CheckpointRow
from exchange.office import Office, log_keys
from exchange.trust import trust_of_desk


@dataclass
class Prover:
    """Proofs of entries against one checkpoint."""

    office: Office
    note: bytes
    size: int
    _made: dict[int, bytes] = field(default_factory=dict)

    def __call__(self, index: int | None) -> bytes:
        if index is None or index >= self.size:
            raise PackNotReady("the newest events are not confirmed in the log yet; sync, then build it again")
        if index not in self._made:
            self._made[index] = follow.prove(self.office, index, self.note)
        return self._made[index]


def confirmed_checkpoint(db: Session, office: Office) -> tuple[bytes, bytes]:
    """The newest checkpoint that enough agencies confirmed, and the trust file that says which are enough."""
    trust = trust_of_desk(db).trust
    keys = log_keys(office.log(db))
    for row in db.scalars(select(CheckpointRow).order_by(CheckpointRow.size.desc())):
        try:
            require_quorum(trust, open_checkpoint(row.note, keys))
        except AmparoError:
            continue
        return row.note, print_trust(trust)
    raise PackNotReady("no state of the log is confirmed by enough agencies yet; sync when the others are online")
