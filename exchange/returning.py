"""Giving a bundle back unopened, with a reason that its sender reads (docs/protocol.md 6.3, `returned`)."""

import os
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy.orm import Session

from agencies.members import OfficerSession
from errors import AmparoError, Conflict, FormatError, NotPermitted
from exchange import acts, ciphertext, received
from exchange.office import Office
from exchange.reading import preview
from exchange.sync import push_outbox

Random = Callable[[int], bytes]
LONGEST_REASON = 300


def return_unopened(
    office: Office,
    officer: OfficerSession,
    bundle_id: bytes,
    *,
    reason: str,
    now: int,
    random_bytes: Random = os.urandom,
) -> None:
    """Return a bundle that nobody of this agency has opened. The sealed content leaves this desk.

    The event goes out at once, or with the next sync when the broker does not answer.

    Args:
        reason: stands in the sealed details, for this agency and the sender.

    Raises:
        NotPermitted: the role, or the own agency has sent it.
        NotEntitled
        FormatError: there is no reason, or too long a one.
        Conflict: somebody here has opened it, or returned it before.
    """
    officer.require("return")
    text = reason.strip()
    if not 0 < len(text) <= LONGEST_REASON:
        raise FormatError(f"say why you return it, in at most {LONGEST_REASON} signs; the sender reads it")
    seen = preview(office, officer, bundle_id, now=now)
    if seen.header.sender_agency == office.agency:
        raise NotPermitted("your own agency has sent this bundle; only those who received it return it")
    with office.files.session() as db:
        require_not_returned(db, office, bundle_id)
        if received.opened_by(db, bundle_id, office.agency) is not None:
            raise Conflict("this bundle was opened here; it cannot be returned unopened any more")
        acts.record_on_bundle(
            db, office, officer, seen.header, seen.stanza, received.RETURNED, {"reason": text}, now=now,
            random_bytes=random_bytes,
        )  # fmt: skip
    ciphertext.drop_payload(office, seen.header)
    with suppress(AmparoError):
        push_outbox(office, now=now)


def require_not_returned(db: Session, office: Office, bundle_id: bytes) -> None:
    """Raise Conflict for a bundle that this agency gave back; its sender sends it again if it is still wanted."""
    by = received.returned_by(db, bundle_id, office.agency)
    if by is not None:
        raise Conflict("your agency has returned this bundle; ask its sender to send it again")
