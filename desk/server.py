"""The desk as a server: one process whose threads share the keys in its memory, and the clock beside them.

`amparo desk run` starts it. On a desk for several computers it speaks TLS with the agency's own certificate; plain
HTTP is served on loopback alone.
"""

import functools
import multiprocessing.util
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flask import Flask

from config.logs import set_up_logs
from config.settings import DeskSettings
from desk import setup
from desk.app import create_desk
from desk.clock import Clock
from errors import SettingInvalid
from exchange import membership

Announce = Callable[[str], object]

BACKLOG: Final = 128
PARENT_SECONDS: Final = 0.5
NAME_OF_PROCESS: Final = "amparo desk"
HEADER_READ_MS: Final = 10_000
NAME: Final = "localhost"
OTHER: Final = {"127.0.0.1": (socket.AF_INET6, "::1"), "::1": (socket.AF_INET, "127.0.0.1")}


def serve(settings: DeskSettings, announce: Announce) -> None:
    """Serve the pages until SIGTERM.

    Args:
        announce: gets the address to open, in the process that serves: with a one-time code while the desk is not set
            up. A function of a module, since some systems pass it to that process by name.

    Raises:
        NotFound: there is no desk in the folder of the settings.
        SettingInvalid: another program uses the port, on this address or on the other that the desk's name leads to.
    """
    from granian import Granian
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings

    _require_ready(settings)
    held = hold_other_loopback(settings)
    try:
        Granian(
            NAME_OF_PROCESS,
            address=settings.host,
            port=settings.port,
            interface=Interfaces.WSGI,
            workers=1,  # keys live in the memory of one process
            blocking_threads=settings.threads,
            backlog=BACKLOG,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_READ_MS),
            websockets=False,
            log_access=False,
            log_enabled=False,
            ssl_cert=Path(settings.tls_certificate) if settings.tls_certificate else None,
            ssl_key=Path(settings.tls_key) if settings.tls_key else None,
            respawn_failed_workers=False,
        ).serve(target_loader=functools.partial(_create, settings, announce, os.getpid()), wrap_loader=False)
    finally:
        if held is not None:
            held.close()


def _require_ready(settings: DeskSettings) -> None:
    """What would end the serving process at once is said here, in a sentence."""
    membership.close_office(
        membership.open_office(
            settings.data_dir, settings.broker_url, clock=time.time, settings=settings,
            invitation=membership.read_invitation(settings.data_dir),
        )
    )  # fmt: skip
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingInvalid(
                f"port: another program uses port {settings.port}, or this computer is not {settings.host}; "
                "choose another"
            ) from error


def hold_other_loopback(settings: DeskSettings) -> socket.socket | None:
    """Keep the port on the other loopback address to ourselves, where the desk is opened by the name `localhost`.

    The name leads to both addresses, and browsers may try the other one first: whoever listened there would be given
    the officer's passphrase. The socket is bound and never listens, so browsers go on to the right one at once.

    Raises:
        SettingInvalid: somebody holds it already.
    """
    if urlsplit(settings.public_url).hostname != NAME or settings.host not in OTHER:
        return None
    family, address = OTHER[settings.host]
    try:
        held = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return None  # this machine does not have the other kind of address at all
    try:
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held.bind((address, settings.port))
    except OSError as error:
        held.close()
        if not _has(family, address):
            return None
        raise SettingInvalid(
            f"port: another program uses port {settings.port} of {address}, to which localhost leads too; "
            "choose another port"
        ) from error
    return held


def _has(family: socket.AddressFamily, address: str) -> bool:
    """Whether this machine has the address."""
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        try:
            tried.bind((address, 0))
        except OSError:
            return False
    return True


def _create(settings: DeskSettings, announce: Announce, parent: int) -> Flask:
    """The application in the process that serves it, with its clock; both end with the process."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    set_up_logs(settings.log_level, settings.log_form)
    app = create_desk(settings)
    clock = Clock(app, settings.sync_every_seconds)
    clock.start()
    announce(setup.address(app))

    def stop() -> None:
        clock.stop()
        app.extensions["book"].end_all()
        setup.close(app)
        membership.close_office(app.extensions["office"])

    # A process of `multiprocessing` ends without the interpreter's own exit handlers.
    multiprocessing.util.Finalize(None, stop, exitpriority=10)
    return app


def _end_with(parent: int) -> None:
    """Whoever kills the process that was started means this one too; nobody's keys stay in a memory left behind."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)
