"""kill -9 in the middle of everything, and a full disk: what was acknowledged stays, nothing stays half done."""

import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from broker.app import open_parts
from broker.bundles_api import open_halves
from config.settings import BrokerSettings
from crypto import hybrid
from crypto.encoding import unb64u
from custody import proofs
from storage.database import transact
from tests.support.brokers import RunningBroker, free_port, invite, prepare_broker
from tests.support.network import Network, require_refused
from tests.unit.broker.conftest import AGENCIES, make_settings_in
from tests.unit.broker.test_events import signed_entry

MakeStores = Callable[[], dict[str, str]]
Served = tuple[RunningBroker, Network]
LOST_CONNECTION = (httpx2.TransportError, AssertionError)


def serve(folder: Path, **more: Any) -> Served:
    """A broker in processes of its own, with three agencies."""
    port = free_port()
    settings = make_settings_in(folder, public_url=f"http://127.0.0.1:{port}", port=port, **more)
    prepare_broker(settings)
    broker = RunningBroker(settings)
    broker.start()
    network = Network(settings.public_url, settings.broker_id)
    network.found(partial(invite, settings, network), AGENCIES)
    return broker, network


@pytest.fixture
def fragile(make_stores: MakeStores, tmp_path: Path) -> Iterator[Served]:
    """A broker of this test alone, on each kind of store."""
    broker, network = serve(tmp_path, **make_stores())
    yield broker, network
    broker.kill()


def require_sound(settings: BrokerSettings) -> int:
    """Every stored entry is what was hashed, and all leads to the signed root; the size."""
    parts = open_parts(settings)
    try:
        head = transact(parts.readers, parts.log.head)
        transact(parts.readers, lambda session: parts.log.require_stored(session, head.size, head.root))
        transact(parts.readers, lambda session: list(parts.log.check_all(session, head.size)))
        return head.size
    finally:
        parts.halves.close()
        parts.engine.dispose()


def hammer(work: Callable[[], None], stop: threading.Event) -> None:
    """Repeat until the broker is gone."""
    while not stop.is_set():
        try:
            work()
        except LOST_CONNECTION:
            return


def kill_while(broker: RunningBroker, *works: Callable[[], None], is_busy: Callable[[], bool], after: float) -> None:
    """Kill all processes while clients work: so many seconds after each of them had an answer."""
    stop = threading.Event()
    threads = [threading.Thread(target=hammer, args=(work, stop), daemon=True) for work in works]
    for one in threads:
        one.start()
    waited = time.monotonic() + 60
    while not is_busy() and time.monotonic() < waited:
        time.sleep(0.02)
    time.sleep(after)
    broker.kill()
    stop.set()
    for one in threads:
        one.join(30)


@pytest.mark.parametrize("round_", range(2))
def test_what_was_acknowledged_before_a_kill_is_there_after_it(
    round_: int, fragile: Served, rng: random.Random
) -> None:
    """Appends, deposits and releases at once, killed at a random moment."""
    broker, network = fragile
    south, north = network.clients["south-police"], network.clients["north-police"]
    base = network.draft("north-police", ["south-police"])
    base.deposit()
    entries: list[tuple[int, bytes]] = []
    deposited: list[Any] = []
    released: list[int] = []
    own = [
        network.client("desk/south-police", south.key),
        network.client("desk/north-police", north.key),
        network.client("desk/south-police", south.key),
    ]
    for one in own:
        one.http = httpx2.Client(base_url=network.base_url, timeout=60, trust_env=False)

    def append() -> None:
        batch = [signed_entry(network, "south-police") for _ in range(20)]
        results = own[0].post("/entries", {"entries": batch})["results"]
        entries.extend((one["index"], unb64u(two["entry"])) for one, two in zip(results, batch, strict=True))

    def deposit() -> None:
        draft = network.draft("north-police", ["south-police"], os.urandom(5000))
        own[1].post("/bundles", draft.deposit_body())
        own[1].put(f"/bundles/{draft.id}/parts/0", draft.payload)
        deposited.append(draft)

    def release() -> None:
        body, _ = base.request("south-police", hybrid.ReceivingKey(hybrid.generate()))
        released.append(own[2].post(f"/bundles/{base.id}/release", body)["index"])

    kill_while(
        broker, append, deposit, release, is_busy=lambda: bool(entries and deposited and released),
        after=rng.uniform(0.0, 1.5),
    )  # fmt: skip
    assert entries
    assert deposited
    assert released
    broker.start()
    for index, entry in rng.sample(entries, min(20, len(entries))):
        proof = proofs.parse_proof(south.get("/proof", index=index).encode())
        proofs.verify_proof(proof, entry, network.log_keys)
    for draft in deposited:
        assert south.get(f"/bundles/{draft.id}")["complete"] is True
        assert south.get(f"/bundles/{draft.id}/parts/0") == draft.payload
    logged = {one["index"] for one in all_events(south, base.id)}
    assert set(released) <= logged
    key = hybrid.ReceivingKey(hybrid.generate())
    body, statement = deposited[-1].request("south-police", key)
    answer = south.post(f"/bundles/{deposited[-1].id}/release", body)
    assert deposited[-1].open_release(answer, key, statement) == deposited[-1].secrets.halves[0]
    broker.stop()
    assert require_sound(broker.settings) > max(index for index, _ in entries)


def all_events(client: Any, bundle_id: str) -> Iterator[dict[str, Any]]:
    after: int | None = -1
    while after is not None:
        page = client.get(f"/bundles/{bundle_id}/events", after=after)
        yield from page["events"]
        after = page["next"]


REKEY = """
import sys
from broker.bundles_api import open_halves
from config.settings import BrokerSettings
halves = open_halves(BrokerSettings.from_environment())
print("ready", flush=True)
while True:
    halves.rekey()
"""


def test_a_kill_while_the_store_key_is_renewed_loses_no_half(tmp_path: Path, rng: random.Random) -> None:
    """Killed several times at random moments; every half opens afterwards, under one key alone."""
    broker, network = serve(tmp_path)
    drafts = [network.draft("north-police", ["south-police"]) for _ in range(12)]
    for draft in drafts:
        draft.deposit()
    broker.stop()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AMPARO_")} | {
        f"AMPARO_BROKER_{name.upper()}": str(getattr(broker.settings, name))
        for name in BrokerSettings.__dataclass_fields__
    }
    generations = set()
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", REKEY], env=environment, stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.01, 0.4))
        child.kill()
        child.wait(10)
        child.stdout.close()
        halves = open_halves(broker.settings)
        generations.add(halves.rekey())
        halves.close()
    assert len(generations) == 6
    broker.start()
    south = network.clients["south-police"]
    for draft in drafts:
        key = hybrid.ReceivingKey(hybrid.generate())
        body, statement = draft.request("south-police", key)
        answer = south.post(f"/bundles/{draft.id}/release", body)
        assert draft.open_release(answer, key, statement) == draft.secrets.halves[0]
    broker.kill()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """48 MiB that can run full."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", str(folder)]
    try:
        made = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("not run: there is no `mount` here")
    if made.returncode:
        pytest.skip("not run: mounting a small disk takes root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_loses_nothing_and_is_over_when_there_is_room(small_disk: Path) -> None:
    """507 with what to do; what was there is there afterwards, and no restart is needed."""
    broker, network = serve(small_disk)
    south, north = network.clients["south-police"], network.clients["north-police"]
    kept = network.draft("north-police", ["south-police"], os.urandom(100_000))
    kept.deposit()
    big = network.draft("north-police", ["south-police"], os.urandom(7 * 2**20))
    north.post("/bundles", big.deposit_body())
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(2**16)):
            pass
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(64)):
            pass
    try:
        refused = [north.call("PUT", f"/bundles/{big.id}/parts/0", content=big.payload[: 8 * 2**20]) for _ in range(3)]
        for answer in refused:
            assert "full" in require_refused(answer, 507, "storage-full")
        ballast.unlink()
        assert south.get(f"/bundles/{kept.id}/parts/0") == kept.payload
        big.upload()
        assert south.get(f"/bundles/{big.id}")["complete"] is True
        broker.stop()
        require_sound(broker.settings)
    finally:
        ballast.unlink(missing_ok=True)
        broker.kill()
