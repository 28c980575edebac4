"""Brokers with three agencies, on both kinds of stores: one for a module, and one of a test's own."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx2
import pytest

from broker.app import create_broker, stop_broker
from config.settings import BrokerSettings, sqlite_url
from tests.support.brokers import RunningBroker, free_port, invite, prepare_broker
from tests.support.network import Network
from tests.support.stores import make_stores, moto, postgres

__all__ = ["make_stores", "moto", "postgres"]
AGENCIES = ("north-police", "south-police", "harbour-ngo")
MakeStores = Callable[[], dict[str, str]]


def make_settings_in(folder: Path, **more: object) -> BrokerSettings:
    """Settings of a broker that keeps its things in this folder, unless told otherwise."""
    values: dict[str, object] = {
        "data_dir": folder,
        "public_url": "http://127.0.0.1:8000",
        "broker_id": "broker-1",
        "store_key_file": folder / "store.key",
        "log_key_file": folder / "log.key",
        "receiving_key_file": folder / "receiving.key",
        "database_url": sqlite_url(folder / "broker.sqlite"),
        "halves_url": sqlite_url(folder / "halves.sqlite"),
        "blob_url": (folder / "blobs").as_uri(),
        "requests_per_minute": 100_000,
    }
    return BrokerSettings(**(values | more))  # type: ignore[arg-type]


def open_network(settings: BrokerSettings) -> Network:
    """A broker in this process with three agencies; `stop_broker(network.app)` ends it."""
    prepare_broker(settings)
    app = create_broker(settings)
    made = Network(settings.public_url, settings.broker_id, httpx2.WSGITransport(app=app), app=app)
    made.found(partial(invite, settings, made), AGENCIES)
    return made


@pytest.fixture(scope="module")
def network(make_stores: MakeStores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Three agencies at the broker of this module; tests share it and leave it as usable as they found it."""
    made = open_network(make_settings_in(tmp_path_factory.mktemp("broker"), **make_stores()))
    yield made
    stop_broker(made.app)


@pytest.fixture
def settings(make_stores: MakeStores, tmp_path: Path) -> BrokerSettings:
    """Settings of a broker of this test alone."""
    return make_settings_in(tmp_path, **make_stores())


@pytest.fixture
def own_network(settings: BrokerSettings) -> Iterator[Network]:
    """Three agencies at a broker of this test alone."""
    made = open_network(settings)
    yield made
    stop_broker(made.app)


@pytest.fixture(scope="module")
def served(
    make_stores: MakeStores, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningBroker, Network]]:
    """Three agencies at a broker that is served over HTTP by processes of its own."""
    port = free_port()
    settings = make_settings_in(
        tmp_path_factory.mktemp("served"), public_url=f"http://127.0.0.1:{port}", port=port, **make_stores()
    )
    prepare_broker(settings)
    broker = RunningBroker(settings)
    broker.start()
    made = Network(settings.public_url, settings.broker_id)
    try:
        made.found(partial(invite, settings, made), AGENCIES)
        yield broker, made
    finally:
        broker.kill()
