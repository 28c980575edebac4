"""Names that reach the broker by mistake or malice leave no trace in what it stores and logs.

Nobody should send a name to a broker. A broken desk might: in an address, a header, a member that does not exist, a
body that is cut off. Every such request is refused, and nothing of it stays on the disk, the server's own output
included.
"""

import base64
import gzip
import json
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from crypto.encoding import b64u
from crypto.signing import SigningKey
from storage.database import session_factory, transact
from tests.support.brokers import RunningBroker, free_port, invite, prepare_broker
from tests.support.canaries import search, spellings
from tests.support.network import Client, Network
from tests.unit.broker.conftest import AGENCIES, make_settings_in

WORDS = ("Zyxwa-Testname", "нетакогоимени", "测试证人甲乙")
NAME = " ".join(WORDS)
ASCII = quote(NAME, safe="")
Served = tuple[RunningBroker, Network]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A broker whose whole folder and output can be searched; it logs all that it ever would."""
    port, folder = free_port(), tmp_path_factory.mktemp("watched")
    settings = make_settings_in(folder, public_url=f"http://127.0.0.1:{port}", port=port, log_level="debug")
    prepare_broker(settings)
    broker = RunningBroker(settings)
    broker.start()
    made = Network(settings.public_url, settings.broker_id)
    try:
        made.found(partial(invite, settings, made), AGENCIES)
        yield broker, made
    finally:
        broker.kill()


def with_header(name: str, value: str) -> Callable[[httpx2.Request], None]:
    """Set a header after the request was signed."""

    def change(request: httpx2.Request) -> None:
        request.headers[name] = value

    return change


def by_stranger(network: Network) -> Client:
    """Signs with a key that nobody certified, under a name that tells."""
    return network.client(f"desk/{ASCII}"[:60], SigningKey(bytes(31) + b"\x01"))


Send = Callable[[Network, Client], httpx2.Response]
TEXT = NAME.encode()
UTF16 = json.dumps({"events": NAME}).encode("utf-16")
HUGE = TEXT * (13 * 2**20 // len(TEXT))
JSON = "application/json"
REFUSED: dict[str, tuple[int, Send]] = {
    "in the address": (404, lambda _, south: south.call("GET", f"/bundles/{WORDS[0]}")),
    "in an escaped address": (400, lambda _, south: south.call("GET", f"/bundles/{ASCII}")),
    "as an unknown address": (404, lambda _, south: south.call("GET", f"/persons/{WORDS[0]}")),
    "in a parameter": (422, lambda _, south: south.call("GET", "/mailbox", params={"after": NAME})),
    "in a member that does not exist": (
        422, lambda _, south: south.call("POST", "/events", json={"events": [], "note": NAME}),
    ),
    "as a member's name": (422, lambda _, south: south.call("POST", "/events", json={WORDS[0]: 1, NAME: 2})),
    "as an officer": (
        422,
        lambda _, south: south.call(
            "POST", "/entries", json={"entries": [{"entry": NAME, "officer": NAME, "signature": NAME}]}
        ),
    ),
    "as a statement": (
        400, lambda _, south: south.call("POST", "/directory", json={"statement": b64u(TEXT)}),
    ),
    "as JSON cut off": (400, lambda _, south: south.call("POST", "/events", content=b'{"events": "' + TEXT, kind=JSON)),
    "as a note": (400, lambda _, south: south.call("POST", "/log/cosignatures", content=TEXT)),
    "in another encoding": (
        400, lambda _, south: south.call("POST", "/events", content=UTF16, kind=JSON),
    ),
    "compressed": (400, lambda _, south: south.call("POST", "/events", content=gzip.compress(TEXT * 100), kind=JSON)),
    "oversize": (413, lambda _, south: south.call("POST", "/events", content=HUGE, kind=JSON)),
    "in an altered request": (
        401, lambda _, south: south.call("GET", "/mailbox", change=with_header("Amparo-Broker", ASCII)),
    ),
    "in a signature": (
        400, lambda _, south: south.call("GET", "/mailbox", change=with_header("Signature-Input", f"amparo={ASCII}")),
    ),
    "by a stranger": (400, lambda network, _: by_stranger(network).call("GET", "/mailbox")),
    "unsigned": (401, lambda network, _: network.http.post(f"/v1/events?q={ASCII}", content=TEXT)),
}  # fmt: skip


@pytest.mark.parametrize("how", REFUSED)
def test_a_request_with_a_name_is_refused_and_the_answer_does_not_repeat_it(how: str, watched: Served) -> None:
    """Status as expected, one form of error, nothing of what was sent."""
    _, network = watched
    status, send = REFUSED[how]
    answer = send(network, network.clients["south-police"])
    assert answer.status_code == status, answer.text
    assert answer.json()["code"]
    raw = answer.content + repr(answer.headers).encode()
    assert not [word for word in WORDS if any(one in raw for one in spellings(word))]


def test_batches_report_refused_items_without_repeating_them(watched: Served) -> None:
    """The whole is answered with 200, each item with its own code."""
    _, network = watched
    south = network.clients["south-police"]
    event = {"statement": b64u(json.dumps({"body": {"name": NAME}}).encode()), "salt": b64u(bytes(32))}
    answer = south.post("/events", {"events": [event]})
    assert answer["results"][0]["code"] == "format"
    entry = {"entry": b64u(TEXT[:49]), "officer": f"south-police/{WORDS[0]}", "signature": b64u(bytes(64))}
    answer = south.call("POST", "/entries", json={"entries": [entry]})
    assert answer.status_code in (200, 422)
    assert not [word for word in WORDS if any(one in answer.content for one in spellings(word))]


def test_a_parameter_that_nobody_reads_is_taken_and_forgotten(watched: Served) -> None:
    """It is signed with the address, and then it is gone."""
    _, network = watched
    assert network.clients["south-police"].call("GET", "/mailbox", params={WORDS[0]: "1"}).status_code == 200


def test_harmless_headers_with_a_name_are_taken_and_forgotten(watched: Served) -> None:
    """A header that is not signed does no harm: the same request is answered."""
    _, network = watched
    south = network.clients["south-police"]
    for name in ("User-Agent", "Referer", "X-Person", "Cookie"):
        assert south.call("GET", "/mailbox", change=with_header(name, ASCII)).status_code == 200


def test_what_is_not_http_at_all_is_dropped(watched: Served) -> None:
    """A line of text, then silence; the broker goes on."""
    broker, network = watched
    with socket.create_connection(("127.0.0.1", broker.settings.port), timeout=10) as raw:
        raw.sendall(TEXT + b"\r\n\r\n")
        raw.shutdown(socket.SHUT_WR)
        answer = raw.recv(65536)
    assert WORDS[0].encode() not in answer
    assert network.clients["south-police"].call("GET", "/mailbox").status_code == 200


def test_afterwards_nothing_of_it_is_stored_or_logged(watched: Served) -> None:
    """Every byte below the broker's folder; the same search finds what is planted in each kind of place."""
    broker, network = watched
    south = network.clients["south-police"]
    for status, send in REFUSED.values():
        assert send(network, south).status_code == status
    draft = network.draft("north-police", ["south-police"], TEXT * 50)
    draft.deposit()
    broker.stop()
    folder = broker.settings.data_dir
    assert search(folder, WORDS) == []
    plant_in_log(folder)
    plant_in_database(broker)
    plant_in_blobs(folder)
    found = {name for name, _ in search(folder, WORDS)}
    assert {"server.log", "planted"} <= found
    assert found & {"broker.sqlite", "broker.sqlite-wal"}


def plant_in_log(folder: Path) -> None:
    with (folder / "server.log").open("ab") as log:
        log.write(b'{"event": "' + TEXT + b'"}\n')


def plant_in_blobs(folder: Path) -> None:
    (folder / "blobs" / "planted").write_bytes(b"\x07" + base64.b64encode(TEXT) + b"\x00")


def plant_in_database(broker: RunningBroker) -> None:
    """Through SQLAlchemy, as a mistake of ours would."""
    from sqlalchemy import update

    from broker.models import LogHead
    from storage.database import open_engine

    engine = open_engine(broker.settings.database_url)
    transact(session_factory(engine), lambda session: session.execute(update(LogHead).values(recover_note=TEXT)))
    engine.dispose()
