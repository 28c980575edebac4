"""What the yardsticks share: the one form of a result, medians, and a broker with a network to measure at."""

import argparse
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from config.settings import BrokerSettings, sqlite_url
from tests.support.brokers import RunningBroker, free_port, invite, prepare_broker
from tests.support.network import Network

AGENCIES = ("north-police", "south-police", "harbour-ngo")
MIB = 2**20


@dataclass
class Result:
    """One yardstick: `ratios` says how many times better we are than each peer, as the median over the rounds."""

    name: str
    unit: str
    ours: float
    peers: Mapping[str, float]
    ratios: Mapping[str, float]
    memory_mib: float
    goals: Mapping[str, bool]
    more: Mapping[str, Any] = field(default_factory=dict)

    def dump(self) -> str:
        """One JSON object."""
        return json.dumps(
            {
                "name": self.name,
                "unit": self.unit,
                "ours": _short(self.ours),
                "peers": {name: _short(value) for name, value in self.peers.items()},
                "ratios": {name: round(value, 2) for name, value in self.ratios.items()},
                "memory_mib": round(self.memory_mib, 1),
                "machine": describe_machine(),
                "goals": dict(self.goals),
                **self.more,
            }
        )

    def text(self) -> str:
        """The same for people."""
        lines = [f"{self.name} in {self.unit} on {describe_machine()}", f"  amparo {_short(self.ours)}"]
        lines += [f"  {name} {_short(value)}" for name, value in self.peers.items()]
        lines += [f"  {value:.2f} times as good as {name}" for name, value in self.ratios.items()]
        lines += [f"  {name}: {value}" for name, value in self.more.items()]
        lines.append(f"  memory {self.memory_mib:.1f} MiB")
        lines += [f"  {'reached' if reached else 'NOT reached'}: {goal}" for goal, reached in self.goals.items()]
        return "\n".join(lines)

    def show(self, *, as_json: bool) -> int:
        """Print it; 0 when every goal is reached, else 1."""
        print(self.dump() if as_json else self.text())
        return 0 if all(self.goals.values()) else 1


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def describe_machine() -> str:
    """What the figures were measured on."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def median_ratio(better: Sequence[float], worse: Sequence[float]) -> float:
    """Median over the rounds of how many times larger `worse` is than `better`."""
    return statistics.median(one / other for one, other in zip(worse, better, strict=True))


def make_parser(name: str, rounds: int) -> argparse.ArgumentParser:
    """The options that every yardstick has."""
    parser = argparse.ArgumentParser(prog=f"bench.{name}")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser


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
