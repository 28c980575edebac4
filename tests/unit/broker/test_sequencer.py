"""Two processes of one broker: one log, one holder of the lease, nothing published beside it."""

import dataclasses
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from flask import Flask
from sqlalchemy.orm import Session

from broker.app import create_broker, stop_broker
from broker.models import Lease, Pending
from broker.parts import EXTENSION, Parts
from broker.remote import pack
from broker.sequencer import SIGNED_BYTES, SIGNED_SLOTS
from broker.setup import get_signed_file
from broker.slots import SlotFile
from config.settings import BrokerSettings
from crypto.encoding import unb64u
from custody import proofs
from storage.database import transact
from storage.types import EPOCH
from tests.support.network import Client, Network
from tests.support.stores import server_stores
from tests.unit.broker.conftest import make_settings_in, open_network
from tests.unit.broker.test_events import signed_entry

pytestmark = pytest.mark.postgres


@dataclasses.dataclass
class Two:
    """A network at the first process, and a second process on the same stores."""

    network: Network
    second: Flask

    def parts(self, app: Flask) -> Parts:
        found: Parts = app.extensions[EXTENSION]
        return found

    def client(self, app: Flask) -> Client:
        """The desk of south-police, talking to one of them."""
        own = self.network.clients["south-police"]
        made = self.network.client("desk/south-police", own.key)
        made.http = httpx2.Client(transport=httpx2.WSGITransport(app=app), base_url=self.network.base_url)
        return made


def second_process(settings: BrokerSettings, folder: Path) -> Flask:
    other = dataclasses.replace(settings, data_dir=folder)
    SlotFile.create(get_signed_file(other), SIGNED_SLOTS, SIGNED_BYTES)
    return create_broker(other)


@pytest.fixture
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Two]:
    settings = make_settings_in(tmp_path / "one", **server_stores(request))
    network = open_network(settings)
    second = second_process(settings, tmp_path / "two")
    yield Two(network, second)
    stop_broker(second)
    stop_broker(network.app)


def append(client: Client, network: Network, count: int = 5) -> list[tuple[int, bytes]]:
    batch = [signed_entry(network, "south-police") for _ in range(count)]
    results = client.post("/entries", {"entries": batch})["results"]
    return [(one["index"], unb64u(two["entry"])) for one, two in zip(results, batch, strict=True)]


def test_what_either_process_takes_stands_in_one_log(two: Two) -> None:
    clients = [two.client(app) for app in (two.network.app, two.second)]
    with ThreadPoolExecutor(4) as pool:
        rounds = list(pool.map(lambda number: append(clients[number % 2], two.network), range(12)))
    found = [one for entries in rounds for one in entries]
    assert len({index for index, _ in found}) == len(found) == 60
    for index, entry in found[::7]:
        for client in clients:
            proof = proofs.parse_proof(client.get("/proof", index=index).encode())
            proofs.verify_proof(proof, entry, two.network.log_keys)


def test_a_holder_whose_lease_went_to_another_publishes_nothing_beside_it(two: Two) -> None:
    first, second = two.parts(two.network.app), two.parts(two.second)
    append(two.client(two.network.app), two.network)

    def holder() -> bytes:
        return transact(first.readers, lambda session: session.get_one(Lease, first.log_id).holder)

    def take_away(session: Session) -> None:
        lease = session.get_one(Lease, first.log_id)
        lease.fence, lease.holder, lease.held_until = lease.fence + 1, secrets.token_bytes(16), EPOCH

    before = holder()
    transact(second.sessions, take_away)
    assert holder() != before
    found = append(two.client(two.network.app), two.network) + append(two.client(two.second), two.network)
    assert len({index for index, _ in found}) == 10
    head = transact(first.readers, first.log.head)
    transact(first.readers, lambda session: first.log.require_stored(session, head.size, head.root))


def test_a_request_of_another_process_that_breaks_is_answered_and_ends_no_others(two: Two) -> None:
    """It would come with every batch again: whoever holds the lease could publish nothing more."""
    parts = two.parts(two.network.app)
    append(two.client(two.network.app), two.network)
    poison = {"statement": b"x", "entry": 7, "keys": None}

    def ask(session: Session) -> None:
        session.add(
            Pending(
                log_id=parts.log_id, pending_id=secrets.token_bytes(16), kind="register", payload=pack(poison),
                asked_at=parts.now(),
            )
        )  # fmt: skip

    transact(parts.sessions, ask)
    assert len(append(two.client(two.network.app), two.network)) == 5
    assert len(append(two.client(two.second), two.network)) == 5
    assert transact(parts.readers, lambda session: session.query(Pending).count()) == 0
