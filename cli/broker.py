"""`amparo broker`: set up and run a broker (docs/operations.md)."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from config.logs import set_up_logs
from config.settings import BrokerSettings
from errors import SettingInvalid

INVITE_DAYS = 14
BACKLOG = 1024
HEADER_READ_MS = 5000


@click.group(name="broker")
def group() -> None:
    """Set up and run a broker; its settings are variables AMPARO_BROKER_* (config/example.env)."""
    set_up_logs("info", "text")  # before anything can go wrong: an error is printed without its values


@group.command()
def init() -> None:
    """Make the databases, the keys and the first entry of the log."""
    from broker.bundles_api import create_halves
    from broker.setup import create_log, require_no_key_files
    from storage.database import open_engine
    from storage.migration import migrate

    settings = BrokerSettings.from_environment()
    engine = open_engine(settings.database_url)
    migrate(engine, "broker")
    require_no_key_files(settings)
    create_halves(settings).close()
    keys = create_log(settings, engine, datetime.now(UTC))
    click.echo("The log is set up. Agencies compare its keys, which stand in their trust files:")
    for key in keys.note_keys():
        click.echo(key.vkey())


@group.command()
def migrate() -> None:
    """Bring the tables of the main database up to date."""
    from storage.database import open_engine
    from storage.migration import migrate as run

    revision = run(open_engine(BrokerSettings.from_environment().database_url), "broker")
    click.echo(f"The tables are at revision {revision}.")


@group.command()
@click.argument("agency")
@click.option(
    "--days", type=click.IntRange(1, INVITE_DAYS), default=INVITE_DAYS, show_default=True,
    help="How long the invitation opens the broker.",
)  # fmt: skip
def invite(agency: str, days: int) -> None:
    """Print an invitation for AGENCY; hand it over by a trusted channel."""
    from broker.invites import create_invite
    from storage.database import open_engine

    settings = BrokerSettings.from_environment()
    now = datetime.now(UTC)
    engine = open_engine(settings.database_url)
    made = create_invite(settings, engine, agency, now, now + timedelta(days=days), os.urandom)
    click.echo(made.dump().decode())


@group.command()
def serve() -> None:
    """Answer requests until SIGTERM."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings

    from broker.app import require_ready

    settings = BrokerSettings.from_environment()
    require_private(settings.host)
    require_ready(settings)
    Granian(
        "broker.app:create_from_environment",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=settings.threads,
        backlog=BACKLOG,
        backpressure=BACKLOG,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_READ_MS),
        websockets=False,
        log_access=False,
        log_enabled=False,
        respawn_failed_workers=False,
    ).serve()


group.add_command(serve, "run")


def require_private(host: str) -> None:
    """Raise SettingInvalid for a public address: half-sent requests would stop the server without nginx before it."""
    try:
        address = ip_address(host)
    except ValueError:
        if host == "localhost":
            return
        raise SettingInvalid("host: give an address of this machine") from None
    if address.is_unspecified or not address.is_private:
        raise SettingInvalid("host: listen on a private address, and put nginx before it (docs/operations.md)")


@group.command()
@click.option("--verify", is_flag=True, help="Read the whole log and compare every entry with its hash.")
def status(verify: bool) -> None:
    """Print the state of the log as JSON."""
    _with_parts(lambda parts: _print(_describe(parts, verify)))


def _describe(parts: Any, verify: bool) -> dict[str, Any]:
    from functools import partial

    from broker.recover import get_progress
    from broker.witnesses import get_time
    from storage.database import transact

    head = transact(parts.readers, parts.log.head)
    quorum = parts.settings.witness_quorum
    found: dict[str, Any] = {
        "log": parts.origin,
        "state": head.state,
        "size": head.size,
        "root": head.root.hex(),
        "witness_time": transact(parts.readers, lambda session: get_time(session, parts.log_id, quorum)).isoformat(),
    }
    if head.state == "recovering":
        progress = transact(parts.readers, partial(get_progress, parts))
        found |= {"wanted": progress.wanted, "not_reported": list(progress.missing)}
    if verify:
        transact(parts.readers, lambda session: parts.log.require_stored(session, head.size, head.root))
        checked = transact(parts.readers, lambda session: sum(1 for _ in parts.log.check_all(session, head.size)))
        found["entry_bundles_verified"] = checked
    return found


def _print(found: dict[str, Any]) -> None:
    click.echo(json.dumps(found, indent=1))


def _with_parts(work: Callable[[Any], None]) -> None:
    from broker.app import open_parts

    parts = open_parts(BrokerSettings.from_environment())
    try:
        work(parts)
    finally:
        parts.halves.close()
        parts.engine.dispose()


@group.command()
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Copy the main database and the ciphertext into FOLDER. Keys and key halves are in no copy."""
    from broker.copies import make_copy

    size = make_copy(BrokerSettings.from_environment(), folder)
    click.echo(f"Copied a log of {size} entries. Key files and key halves are not in the copy.")


@group.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def restore(folder: Path) -> None:
    """Put the copy in FOLDER in place of a lost database; the log stays read-only until the desks have reported."""
    from broker.copies import restore_copy

    size = restore_copy(BrokerSettings.from_environment(), folder)
    click.echo(f"Restored a log of {size} entries. It takes nothing until the desks have sent what is newer.")


@group.command()
@click.option("--lose-what-is-missing", is_flag=True, required=True, help="Say that you know what is lost by this.")
def resume(lose_what_is_missing: bool) -> None:
    """Open a recovering log although not every desk has reported; stop the server first."""
    from broker.app import resume_log

    resume_log(BrokerSettings.from_environment())
    click.echo("The log is open. A desk that has seen more of it will refuse this broker and say so.")


@group.command("new-halves")
@click.option("--lose-what-is-gone", is_flag=True, required=True, help="Say that the old store will not be found.")
def new_halves(lose_what_is_gone: bool) -> None:
    """Make an empty store of key halves where one was lost, and tell every sender; stop the server first."""
    from broker.app import replace_halves

    is_made, lost = replace_halves(BrokerSettings.from_environment())
    click.echo("A new store of key halves is set up." if is_made else "The store of key halves is there and opens.")
    click.echo(f"{lost} bundles are lost; their senders are told to seal them again.")
    if is_made:
        click.echo("Key files of the old store lie beside the new ones; destroy them once it is certainly gone.")
