"""Desks of a field, served over real HTTP as `amparo desk run` does, and what a person does in the browser first."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Error, Page
from werkzeug.serving import make_server

from app import create_app
from config.settings import DeskSettings
from tests.support.brokers import free_port
from tests.support.field import WORDS, DeskAt, Field

RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Served:
    """A desk that answers.

    Attributes:
        url: its origin, without a slash at the end.
        desk: the desk of the field behind it.
        app: its application, for what lives in its memory.
    """

    url: str
    desk: DeskAt
    field: Field
    app: Flask


@contextmanager
def serving(field: Field, desk: DeskAt, *, host: str = "127.0.0.1", **more: Any) -> Iterator[Served]:
    """Serve one desk. `more` are settings of the desk; no second factor is asked for unless they say so."""
    port, key = free_port(), desk.folder / "session.key"
    key.write_bytes(b"k" * 32)
    settings = DeskSettings(
        data_dir=desk.folder, agency_id=desk.agency, public_url=f"http://{host}:{port}", port=port,
        broker_url=field.settings.public_url, session_key_file=key, **{"second_factor": "off", **more},
    )  # fmt: skip
    app = create_app(settings)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Served(settings.public_url, desk, field, app)
    finally:
        server.shutdown()
        thread.join(10)
        app.extensions["book"].end_all()


def sign_in(page: Page, served: Served, handle: str, words: str = WORDS) -> None:
    """Type handle and passphrase; `handle` without the agency, as liaison-1."""
    page.goto(f"{served.url}/sign-in")
    page.get_by_label("Your role handle").fill(handle)
    page.get_by_label("Passphrase").fill(words)
    page.get_by_role("button", name="Continue").click()


def violations(page: Page) -> list[str]:
    """What axe finds on the page, once it is there: rule, and where."""
    for _ in range(3):
        page.wait_for_load_state("load")
        try:
            found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        except Error as error:  # the page went on to another while it was looked at
            problem = error
            continue
        return [f"{one['id']}: {[node['html'][:200] for node in one['nodes']]}" for one in found]
    raise problem
