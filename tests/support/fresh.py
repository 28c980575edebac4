"""A desk that was made by `amparo desk init` and not set up yet, served, with the address that its launcher prints."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from werkzeug.serving import make_server

from app import create_app
from config.settings import DeskSettings
from desk import setup
from exchange import membership
from tests.support.brokers import free_port
from tests.support.field import DeskAt, Field, now
from tests.support.served import Served


@contextmanager
def fresh_desk(field: Field, agency: str, folder: Path, **more: Any) -> Iterator[tuple[Served, str]]:
    """The served desk, and the address with the one-time code."""
    invitation = field.invite(agency)
    membership.create_desk(folder, invitation, country="XA", kind="other", now=now())
    raw = dump_invitation(invitation)
    membership.invitation_file(folder).write_bytes(raw)
    (folder / "session.key").write_bytes(b"k" * 32)
    (folder / "desk.env").write_text("AMPARO_DESK_AGENCY_ID=" + agency + "\nAMPARO_DESK_LANGUAGE=fr\n")
    with again(field, agency, folder, **more) as found:
        yield found


@contextmanager
def again(field: Field, agency: str, folder: Path, **more: Any) -> Iterator[tuple[Served, str]]:
    """The same desk, started once more."""
    port = free_port()
    settings = DeskSettings(
        data_dir=folder, agency_id=agency, public_url=f"http://127.0.0.1:{port}", port=port,
        broker_url=field.settings.public_url, session_key_file=folder / "session.key",
        **{"second_factor": "off", **more},
    )  # fmt: skip
    app = create_app(settings)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        desk = DeskAt(folder, app.extensions["office"])
        yield Served(settings.public_url, desk, field, app), setup.address(app)
    finally:
        server.shutdown()
        thread.join(10)
        app.extensions["book"].end_all()
        membership.close_office(app.extensions["office"])


def dump_invitation(invitation: membership.Invitation) -> bytes:
    from crypto.encoding import b64u, dump_json

    return dump_json(
        {
            "v": 1, "url": invitation.url, "broker": invitation.broker, "log": invitation.log,
            "log_vkeys": list(invitation.log_vkeys), "agency": invitation.agency, "invite": invitation.invite,
            "seed": b64u(invitation.seed),
        }
    )  # fmt: skip
