"""Setting up a log and a store of halves, opening their keys, and the first entry of the log."""

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from agencies.directory_entries import broker_body, unsigned
from broker.log_store import LogStore, make_log_id
from broker.models import Checkpoint as StoredCheckpoint
from broker.models import DirectoryEntry, EntryKey, Lease, LogHead
from broker.sequencer import SIGNED_BYTES, SIGNED_SLOTS
from broker.slots import SlotFile
from config.settings import BrokerSettings
from crypto import labels, signing
from crypto.digests import EMPTY_ROOT, sha256
from custody.checkpoint import Checkpoint, LogKeys, sign_checkpoint
from custody.entries import directory_entry
from errors import Conflict, SettingInvalid
from storage.blobs import open_blobs
from storage.database import session_factory, transact
from storage.types import EPOCH

KEY_SLOTS, KEY_BYTES = 1, 2 * signing.SEED_BYTES
SIGNED_FILE = "signed.slots"


def get_authority(settings: BrokerSettings) -> str:
    """Host, and port unless it is the scheme's own: the `@authority` of signed requests."""
    return urlsplit(settings.public_url).netloc.lower()


def get_origin(settings: BrokerSettings) -> str:
    """The log's name: the address of its tiles without the scheme."""
    return f"{get_authority(settings)}/v1/log"


def get_signed_file(settings: BrokerSettings) -> Path:
    """Where this machine notes what was signed last."""
    return settings.data_dir / SIGNED_FILE


def open_log_keys(settings: BrokerSettings) -> LogKeys:
    """The log's signing keys.

    Raises:
        SettingInvalid: the key file is missing or empty.
    """
    record = SlotFile(settings.log_key_file, KEY_SLOTS, KEY_BYTES).read(0)
    if record is None:
        raise SettingInvalid("log_key_file: there is no key in it")
    return make_log_keys(get_origin(settings), record)


def make_log_keys(origin: str, seeds: bytes) -> LogKeys:
    """Keys out of 64 secret bytes: Ed25519 seed, ML-DSA seed."""
    half = signing.SEED_BYTES
    return LogKeys(origin, signing.SigningKey(seeds[:half]), signing.MLDSAKey(seeds[half:]))


def require_no_key_files(settings: BrokerSettings) -> None:
    """Raise Conflict if a key file is there: nothing is begun that could not be ended."""
    files = (settings.store_key_file, settings.receiving_key_file, settings.log_key_file, get_signed_file(settings))
    for path in files:
        if path.exists():
            raise Conflict(f"the key file {path.name} exists already; a broker is set up once")


def create_log(
    settings: BrokerSettings,
    engine: Engine,
    now: datetime,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> LogKeys:
    """Make the log's keys and its first entry, which names the broker and the log's keys.

    The tables are there (migrations). The store of halves is set up by `bundles_api.create_halves`.

    Raises:
        Conflict: a key file or a log is there already.
    """
    key_file = SlotFile.create(settings.log_key_file, KEY_SLOTS, KEY_BYTES)
    key_file.write(0, random_bytes(KEY_BYTES))
    SlotFile.create(get_signed_file(settings), SIGNED_SLOTS, SIGNED_BYTES)
    keys = open_log_keys(settings)
    body = broker_body(
        keys.origin, settings.broker_id, [settings.broker_id], keys.ed25519.public_key, keys.mldsa.public_key
    )
    statement = unsigned(body).signed_by(labels.DIRECTORY, "log", keys.ed25519).dump()
    transact(session_factory(engine), lambda session: _write_first(session, settings, keys, statement, now))
    return keys


def _write_first(session: Session, settings: BrokerSettings, keys: LogKeys, statement: bytes, now: datetime) -> None:
    log_id = make_log_id(keys.origin)
    if session.get(LogHead, log_id) is not None:
        raise Conflict("this log is there already")
    entry = directory_entry(statement)
    head = LogHead(
        log_id=log_id, origin=keys.origin, size=0, root=EMPTY_ROOT, note=b"", cursor=0, archived=0, state="open",
        recover_size=0, recover_note=b"", adopted_from=0, adopted_to=0,
    )  # fmt: skip
    session.add(head)
    session.add(Lease(log_id=log_id, fence=0, holder=bytes(16), held_until=EPOCH))
    session.add(DirectoryEntry(log_id=log_id, entry_index=0, statement=statement))
    session.add(EntryKey(log_id=log_id, digest=sha256(entry), entry_index=0))
    session.flush()
    head.root = LogStore(log_id, open_blobs(settings.blob_url)).append(session, 0, [entry])
    head.size = 1
    head.note = sign_checkpoint(keys, Checkpoint(keys.origin, 1, head.root), int(now.timestamp()))
    session.add(StoredCheckpoint(log_id=log_id, size=1, note=head.note, witnesses=0))
