"""A broker with a network to measure at."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from config.settings import BrokerSettings, sqlite_url
from tests.support.brokers import RunningBroker, free_port, invite, prepare_broker
from tests.support.network import Network

AGENCIES = ("north-police", "south-police", "harbour-ngo")
MIB = 2**20


def tree_mib(process_id: int) -> float:
    """Memory of a process and its children that no other process shares, in MiB."""
    parent = psutil.Process(process_id)
    return sum(one.memory_full_info().uss for one in [parent, *parent.children(recursive=True)]) / MIB


@contextmanager
def served_network(**more: Any) -> Iterator[tuple[RunningBroker, Network]]:
    """Three agencies at a broker that runs as `amparo broker serve` runs it, with SQLite and files on the disk."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        values: dict[str, Any] = {
            "data_dir": folder,
            "public_url": f"http://127.0.0.1:{port}",
            "port": port,
            "broker_id": "broker-1",
            "store_key_file": folder / "store.key",
            "log_key_file": folder / "log.key",
            "receiving_key_file": folder / "receiving.key",
            "database_url": sqlite_url(folder / "broker.sqlite"),
            "halves_url": sqlite_url(folder / "halves.sqlite"),
            "blob_url": (folder / "blobs").as_uri(),
            "requests_per_minute": 1_000_000,
        }
        settings = BrokerSettings(**(values | more))
        prepare_broker(settings)
        broker = RunningBroker(settings)
        broker.start()
        network = Network(settings.public_url, settings.broker_id)
        try:
            network.found(partial(invite, settings, network), AGENCIES)
            yield broker, network
        finally:
            broker.kill()
