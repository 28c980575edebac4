"""A release from end to end: `python -m bench.release [--requests N] [--rounds N] [--json]`.

Measured is the time from sending a signed request to open until the answer is there: the broker has checked both
signatures, put the request into the log, synced it, signed a checkpoint, read the state of the half again, sealed the
half to the one-time key and made the proof. The client opens every half and checks it against the header, outside of
the measured time.

Beside it stands the floor of any such service: Flask under the same server writes the same bytes to SQLite, synced,
and answers (bench/_floor.py). Rounds are interleaved; then 64 clients ask at once, and no answer may be an error.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from bench._measure import Result, make_parser, median_ratio
from bench._network import served_network, tree_mib
from crypto import hybrid
from crypto.statements import Statement
from tests.support.brokers import free_port
from tests.support.network import Client, Draft, Network

GOAL_MS, MANY = 50, 64
RECIPIENT = "south-police"


@dataclass
class Ask:
    """One request, made before the clock runs."""

    draft: Draft
    key: hybrid.ReceivingKey
    body: dict[str, Any]
    statement: Statement

    def send(self, client: Client) -> float:
        """Milliseconds until the answer; the half in it is checked."""
        started = time.perf_counter()
        answer = client.call("POST", f"/bundles/{self.draft.id}/release", json=self.body)
        spent = time.perf_counter() - started
        if answer.status_code != 200:
            raise SystemExit(f"a release was refused: {answer.status_code} {answer.text[:200]}")
        if self.draft.open_release(answer.json(), self.key, self.statement) != self.draft.secrets.halves[0]:
            raise SystemExit("another half was released")
        return spent * 1000


def make_asks(draft: Draft, count: int) -> list[Ask]:
    """So many requests of the recipient's first officer."""
    asks = []
    for _ in range(count):
        key = hybrid.ReceivingKey(hybrid.generate())
        body, statement = draft.request(RECIPIENT, key)
        asks.append(Ask(draft, key, body, statement))
    return asks


@contextmanager
def run_floor(folder: Path) -> Iterator[str]:
    """The floor under the broker's own server; its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface=wsgi", "--host=127.0.0.1", f"--port={port}", "--workers=1",
         "--blocking-threads=16", "--no-ws", "--log-level=error", "bench._floor:app"],
        env={**os.environ, "FLOOR_DATABASE": str(folder / "floor.sqlite")},
        cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}/take"
        for _ in range(300):
            try:
                httpx2.post(url, content=b"up", trust_env=False)
                break
            except httpx2.TransportError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def time_floor(client: httpx2.Client, url: str, bodies: list[bytes]) -> float:
    """Median milliseconds."""
    spent = []
    for body in bodies:
        started = time.perf_counter()
        client.post(url, content=body).raise_for_status()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent) * 1000


def ask_at_once(network: Network, asks: list[Ask]) -> tuple[int, list[float]]:
    """Everybody sends at the same moment over a connection of its own; errors, and the milliseconds of the others."""
    gate, agency = threading.Barrier(len(asks)), network.agencies[RECIPIENT]

    def one(ask: Ask) -> float | None:
        with httpx2.Client(base_url=network.base_url, timeout=60, trust_env=False) as http:
            known = network.clients[RECIPIENT]
            client = Client(http, known.authority, known.broker, known.key_id, agency.desk)
            gate.wait()
            try:
                return ask.send(client)
            except (SystemExit, httpx2.HTTPError) as error:
                print(error, file=sys.stderr)
                return None

    with ThreadPoolExecutor(len(asks)) as pool:
        found = list(pool.map(one, asks))
    return found.count(None), [one for one in found if one is not None]


def main(arguments: list[str] | None = None) -> int:
    """0: measured and reached; 1: not reached."""
    parser = make_parser("release", 5)
    parser.add_argument("--requests", type=int, default=40, help="in each round")
    options = parser.parse_args(arguments)
    ours: list[float] = []
    medians, floor = [], []
    with served_network() as (broker, network), tempfile.TemporaryDirectory() as name, run_floor(Path(name)) as url:
        draft = network.draft("north-police", [RECIPIENT], os.urandom(100_000))
        draft.deposit()
        with httpx2.Client(trust_env=False, timeout=60) as http:
            for number in range(options.rounds + 1):
                asks = make_asks(draft, options.requests)
                spent = [ask.send(network.clients[RECIPIENT]) for ask in asks]
                least = time_floor(http, url, [ask.statement.dump() for ask in asks])
                if number:  # the first round warms both up
                    ours += spent
                    medians.append(statistics.median(spent))
                    floor.append(least)
        failed, together = ask_at_once(network, make_asks(draft, MANY))
        assert broker.process is not None
        memory = tree_mib(broker.process.pid)
    middle = statistics.median(ours)
    return Result(
        name="release",
        unit="ms from request to released half (p50)",
        ours=middle,
        peers={"flask+sqlite": statistics.median(floor)},
        ratios={"flask+sqlite": median_ratio(medians, floor)},
        memory_mib=memory,
        goals={
            f"p50 at most {GOAL_MS} ms at one client": middle <= GOAL_MS,
            f"no error at {MANY} clients": failed == 0,
        },
        more={
            "p95_ms": round(statistics.quantiles(ours, n=20)[18], 1),
            f"p50_ms_at_{MANY}": round(statistics.median(together), 1) if together else None,
            f"worst_ms_at_{MANY}": round(max(together), 1) if together else None,
            f"errors_at_{MANY}": failed,
        },
    ).show(as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
