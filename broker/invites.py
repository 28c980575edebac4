"""Invitations: the key with which an agency signs requests until its desk is certified."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from broker.log_store import make_log_id
from broker.models import Invite
from broker.setup import get_origin, open_log_keys
from config.settings import BrokerSettings
from crypto.encoding import b64u, dump_json
from crypto.header import AGENCY
from crypto.signing import SigningKey
from errors import FormatError
from storage.database import session_factory, transact


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an agency is given on paper or by a trusted channel. `seed` is secret until it is used."""

    url: str
    broker: str
    log: str
    log_vkeys: tuple[str, ...]
    agency: str
    invite_id: str
    seed: bytes = field(repr=False)

    def dump(self) -> bytes:
        """Canonical JSON, one line."""
        return dump_json(
            {
                "v": 1,
                "url": self.url,
                "broker": self.broker,
                "log": self.log,
                "log_vkeys": list(self.log_vkeys),
                "agency": self.agency,
                "invite": self.invite_id,
                "seed": b64u(self.seed),
            }
        )


def create_invite(
    settings: BrokerSettings,
    engine: Engine,
    agency: str,
    now: datetime,
    valid_until: datetime,
    random_bytes: Callable[[int], bytes],
) -> Invitation:
    """Make an invitation; the broker keeps its public key alone.

    Raises:
        FormatError: not the name of an agency, or a time that is over.
    """
    if AGENCY.match(agency) is None or valid_until <= now:
        raise FormatError("an invitation names an agency and a time to come")
    invite_id, seed = random_bytes(16), random_bytes(32)
    origin = get_origin(settings)
    row = Invite(
        log_id=make_log_id(origin),
        invite_id=invite_id,
        agency=agency,
        public_key=SigningKey(seed).public_key,
        valid_until=valid_until,
    )
    transact(session_factory(engine), lambda session: session.add(row))
    keys = tuple(key.vkey() for key in open_log_keys(settings).note_keys())
    return Invitation(settings.public_url, settings.broker_id, origin, keys, agency, b64u(invite_id), seed)
