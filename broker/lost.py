"""What happens when a key half is gone: the log says so, and the sender may seal again as a new bundle."""

import os
from collections.abc import Callable

from broker.models import Bundle
from broker.parts import Parts
from crypto import labels
from crypto.signing import parse_note
from crypto.statements import make_statement
from custody import checkpoint as checkpoints
from custody import entries, events
from storage.database import transact


def report_lost(parts: Parts, bundle: Bundle, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
    """Log a `half-lost-notice` signed by the log, and tell the parties. Reporting twice changes nothing."""
    head = transact(parts.readers, parts.log.head)
    seen = checkpoints.parse_body(parse_note(head.note).text)
    tag, salt = random_bytes(16), random_bytes(32)
    base = events.common("half-lost-notice", parts.origin, "", "", 0, tag, int(parts.now().timestamp()), seen)
    body = events.on_bundle(base, bundle.bundle_id, bundle.header_digest)
    statement = make_statement(body).signed_by(labels.EVENT_SIGNATURE, "log", parts.keys.ed25519).dump()
    parts.submit(
        "half-lost",
        {
            "bundle_id": bundle.bundle_id,
            "statement": statement,
            "salt": salt,
            "entry": entries.event_entry(tag, salt, statement),
        },
    )
