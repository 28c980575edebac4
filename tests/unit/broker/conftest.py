"""A broker of its own for each test, over SQLite and files or over PostgreSQL and S3."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx2
import pytest

from broker.app import create_broker, stop_broker
from config.settings import BrokerSettings, sqlite_url
from tests.support.brokers import invite, prepare_broker
from tests.support.network import Network

AUTHORITY = "http://127.0.0.1:8000"


@pytest.fixture
def settings(tmp_path: Path) -> BrokerSettings:
    """A broker on SQLite and files."""
    return BrokerSettings(
        data_dir=tmp_path,
        public_url=AUTHORITY,
        broker_id="broker-1",
        store_key_file=tmp_path / "store.key",
        log_key_file=tmp_path / "log.key",
        receiving_key_file=tmp_path / "receiving.key",
        database_url=sqlite_url(tmp_path / "broker.sqlite"),
        halves_url=sqlite_url(tmp_path / "halves.sqlite"),
        blob_url=(tmp_path / "blobs").as_uri(),
    )


@pytest.fixture
def network(settings: BrokerSettings) -> Iterator[Network]:
    """Three agencies at a running broker, in this process."""
    prepare_broker(settings)
    app = create_broker(settings)
    made = Network(settings.public_url, settings.broker_id, httpx2.WSGITransport(app=app))
    made.found(partial(invite, settings, made), ["north-police", "south-police", "harbour-ngo"])
    yield made
    stop_broker(app)
