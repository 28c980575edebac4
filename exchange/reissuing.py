"""New shares of the recovery key: a new key, certified by the root, to which everything is wrapped anew (protocol 2).

From then on the old shares open no case of this desk. Bundles that were sealed before name the old key for good: its
papers are kept as safely as the new ones.
"""

import os
from collections.abc import Callable, Sequence

from agencies import acts, setup, succession
from agencies.members import OfficerSession
from agencies.setup import Papers
from agencies.succession import RecoveryKey
from crypto import recovery
from crypto.buffers import overwrite
from exchange import follow, handle_keys, membership
from exchange.delivery import day_of
from exchange.office import Office

Random = Callable[[int], bytes]


class NewRecoveryKey:
    """A new recovery key while its shares go to paper; close it when it is given up."""

    def __init__(
        self, agency: str, holders: Sequence[str], threshold: int, *, random_bytes: Random = os.urandom
    ) -> None:
        """Raises FormatError: two holders at least, each once, named by role handle."""
        seed = bytearray(random_bytes(recovery.SEED_BYTES))
        self.papers = Papers(setup.RECOVERY, seed, [_full(agency, one) for one in holders], threshold)
        self.public_key = recovery.receiving_key(seed).public_key
        overwrite(seed)

    def close(self) -> None:
        """Forget the words."""
        self.papers.forget()


def _full(agency: str, handle: str) -> str:
    return handle if "/" in handle else f"{agency}/{handle}"


def finish(
    office: Office,
    administrator: OfficerSession,
    new: NewRecoveryKey,
    *,
    root_papers: Sequence[str],
    old_papers: Sequence[str],
    now: int,
) -> int:
    """Certify the new key by the root, and wrap everything to it; how many case keys were wrapped.

    Raises:
        SetUpUnfinished: the new papers are not all written down, or not typed back.
        KeyUnusable: the shares are not those of the root, or of the recovery key of today; nothing is changed then.
        Unavailable: the broker cannot be reached; nothing is changed then.
    """
    administrator.require("administer")
    new.papers.require_done()
    with office.files.session() as db:
        identity = setup.get_identity(db)
        log, root_key = identity.log, membership.require_root(identity)
        current = office.directory(db).recovery_key(office.agency)
    with RecoveryKey(old_papers, current) as old, setup.open_root(office.agency, root_papers, root_key) as root:
        body = setup.recovery_body(log, office.agency, new.public_key, day_of(now))
        statement = root.sign(setup.statement_of(body))
        membership.publish(office, statement, now=now)
        follow.follow_log(office, now=now)
        with office.files.session() as db:
            count = succession.replace_recovery_key(db, old, new.public_key, new.papers, now=now)
            handle_keys.replace_recovery_key(db, office, old.receiving, new.public_key, now=now)
            facts = {
                "purpose": setup.RECOVERY, "holders": list(new.papers.holders), "threshold": new.papers.threshold,
            }  # fmt: skip
            acts.add_act(db, administrator, "shares-issued", facts, now=now)
    new.close()
    return count
