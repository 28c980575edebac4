"""How an agency's desk comes into a network: invitation, folder, founding or admission, certificates (protocol 2)."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
from sqlalchemy.orm import Session

from agencies import comparison, directory_entries, setup
from agencies.desk_keys import DeskKeys
from agencies.directory import Directory
from agencies.models import DeskIdentity
from crypto import signing
from crypto.encoding import parse_json, unb64u
from crypto.header import is_version
from crypto.signing import SigningKey
from crypto.statements import Statement
from errors import AmparoError, FormatError, SetUpUnfinished
from exchange import follow
from exchange.broker_client import BrokerClient, require_address
from exchange.delivery import day_of
from exchange.models import LogState
from exchange.office import Office, pin_log
from storage.desk_files import DeskFiles

LARGEST_INVITATION: Final = 64 * 1024
_MEMBERS: Final = {"v", "url", "broker", "log", "log_vkeys", "agency", "invite", "seed"}
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a broker's operator hands to a new agency by a trusted channel: where the log is, and a key for the door.

    Attributes:
        log_vkeys: verifier keys of the log (Ed25519 and ML-DSA-44); they are pinned.
        seed: signs requests until the desk has a certificate of its own.
    """

    url: str
    broker: str
    log: str
    log_vkeys: tuple[str, ...]
    agency: str
    invite: str
    seed: bytes = field(repr=False)


def parse_invitation(data: bytes) -> Invitation:
    """Read an invitation.

    Raises:
        FormatError
    """
    value = parse_json(data.strip(), max_bytes=LARGEST_INVITATION)
    if not isinstance(value, dict) or set(value) != _MEMBERS or not is_version(value["v"]):
        raise FormatError("this is not an invitation to a broker")
    texts = [value[name] for name in ("url", "broker", "log", "agency", "invite")]
    keys = value["log_vkeys"]
    if not all(isinstance(one, str) for one in texts) or not isinstance(keys, list):
        raise FormatError("the invitation is malformed; ask for a new one")
    for key in keys:
        signing.parse_vkey(key)
    return Invitation(
        require_address(value["url"]), value["broker"], value["log"], tuple(keys), value["agency"], value["invite"],
        unb64u(value["seed"], signing.SEED_BYTES),
    )  # fmt: skip


def invitation_file(folder: Path) -> Path:
    """Where the invitation lies until the desk signs with its own key."""
    return folder / "invitation.json"


def read_invitation(folder: Path) -> Invitation | None:
    """The invitation while it is needed."""
    path = invitation_file(folder)
    return parse_invitation(path.read_bytes()) if path.is_file() else None


def create_desk(folder: Path, invitation: Invitation, *, country: str, kind: str, now: int) -> None:
    """Make a desk's folder, its keys, and pin the log that the invitation names.

    Raises:
        Conflict: there is a desk in this folder already.
        FormatError: country or kind of agency are not acceptable; nothing is left in the folder.
    """
    files = DeskFiles.create(folder)
    try:
        with files.session() as db:
            setup.begin(db, agency=invitation.agency, country=country, kind=kind, log=invitation.log, now=now)
            pin_log(db, invitation.broker, list(invitation.log_vkeys), now=now)
        DeskKeys.create(folder, invitation.agency).close()
    finally:
        files.close()


def open_office(
    folder: Path,
    broker_url: str,
    *,
    clock: Clock,
    settings: Any = None,
    invitation: Invitation | None = None,
    transport: httpx2.BaseTransport | None = None,
) -> Office:
    """A desk at work.

    Args:
        invitation: signs the requests until the desk has its certificate.

    Raises:
        NotFound, SetUpUnfinished, KeyUnusable, InstallationError
    """
    files = DeskFiles.open(folder)
    try:
        with files.session() as db:
            agency = setup.get_identity(db).agency
            state = db.query(LogState).one()
            broker = state.broker
        keys = DeskKeys.open(folder, agency)
    except BaseException:
        files.close()
        raise
    client = BrokerClient(broker_url, broker, keys.key_id, lambda: keys.http_key, _whole(clock), transport)
    if invitation is not None:
        seed = invitation.seed
        client = BrokerClient(
            broker_url, broker, f"invite/{invitation.invite}", lambda: SigningKey(seed), _whole(clock), transport
        )
    return Office(agency, files, keys, client, settings, _require_compared)


def use_own_key(office: Office) -> None:
    """Sign requests with the desk's own key from now on: its certificate stands in the log."""
    old, keys = office.client, office.keys
    own: Any = keys
    office.client = BrokerClient(old.url, old.broker_id, own.key_id, lambda: keys.http_key, old.clock, old.transport)
    old.close()


def _whole(clock: Clock) -> Callable[[], int]:
    return lambda: int(clock())


def _require_compared(db: Session, directory: Directory, agency: str) -> None:
    comparison.require_compared(db, agency, directory)


def close_office(office: Office) -> None:
    """Give connections back and overwrite the desk's keys."""
    office.client.close()
    with contextlib.suppress(AttributeError):
        office.keys.close()  # type: ignore[attr-defined]
    office.files.close()


# ---- What an agency signs to come in ----------------------------------------------------------------------------


def own_value(db: Session) -> dict[str, Any]:
    """This agency's object for a founding or an admission.

    Raises:
        SetUpUnfinished: it has no root yet.
    """
    identity = setup.get_identity(db)
    return setup.agency_value(identity, require_root(identity))


def require_root(identity: DeskIdentity) -> bytes:
    """The agency's root key; raises SetUpUnfinished before the ceremony."""
    if identity.root_key is None:
        raise SetUpUnfinished("the agency has no root yet; hold the ceremony first")
    return identity.root_key


def founding(log: str, network: str, values: Sequence[dict[str, Any]]) -> Statement:
    """The statement that founds a network; every root in it signs."""
    return setup.statement_of(directory_entries.founding_body(log, network, list(values)))


def admission(log: str, value: dict[str, Any]) -> Statement:
    """The statement that admits an agency; its root signs, and administrators of members."""
    return setup.statement_of(directory_entries.admission_body(log, value))


def own_certificates(office: Office, root: setup.Root, *, now: int) -> list[Statement]:
    """The certificates of the recovery key and of the desk, signed by the root.

    The desk's comes last: once it stands in the log, the invitation is used up.
    """
    today = day_of(now)
    with office.files.session() as db:
        identity = setup.get_identity(db)
        log, recovery_key = identity.log, identity.recovery_key
    if recovery_key is None:
        raise SetUpUnfinished("the agency has no recovery key yet; hold the ceremony first")
    desk = office.keys.prove_possession(setup.statement_of(office.keys.body(log, today)))  # type: ignore[attr-defined]
    recovery = setup.statement_of(setup.recovery_body(log, office.agency, recovery_key, today))
    return [root.sign(recovery), root.sign(desk)]


def publish(office: Office, statement: Statement, *, now: int) -> int:
    """Put a statement of this agency into the directory; its index in the log. Repeating it changes nothing.

    Raises:
        AmparoError: the broker refused it; the message says what is missing.
    """
    return follow.post_directory(office, statement, now=now)


def missing(office: Office) -> list[str]:
    """What is still to do before the agency can work; empty when it can."""
    with office.files.session() as db:
        try:
            directory = office.directory(db)
        except AmparoError:
            return ["network"]
        return setup.to_do(directory, office.agency)
