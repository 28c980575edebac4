"""A bundle goes in, and its half comes out only with a logged request."""

from crypto import hybrid
from tests.support.brokers import RunningBroker
from tests.support.network import Network


def test_a_bundle_is_deposited_and_its_half_released_with_a_proof(network: Network) -> None:
    """The whole path: deposit, upload, mailbox, request, release."""
    draft = network.draft("north-police", ["south-police"], b"x" * 5000)
    answer = draft.deposit()
    assert answer["index"] == answer["register_index"] + 1
    south = network.clients["south-police"]
    (item,) = south.get("/mailbox")["items"]
    assert (item["kind"], item["bundle_id"], item["index"]) == ("bundle", draft.id, answer["index"])
    fetched = south.get(f"/bundles/{draft.id}")
    assert fetched["state"] == "active"
    assert fetched["complete"] is True
    assert south.get(f"/bundles/{draft.id}/parts/0") == draft.payload
    one_time = hybrid.ReceivingKey(hybrid.generate())
    body, statement = draft.request("south-police", one_time)
    released = south.post(f"/bundles/{draft.id}/release", body)
    assert draft.open_release(released, one_time, statement) == draft.secrets.halves[0]


def test_the_same_path_over_real_http(served: tuple[RunningBroker, Network]) -> None:
    """As above, with the server in processes of its own."""
    broker, network = served
    draft = network.draft("north-police", ["south-police"], b"x" * 9_000_000)
    draft.deposit()
    one_time = hybrid.ReceivingKey(hybrid.generate())
    body, statement = draft.request("south-police", one_time)
    released = network.clients["south-police"].post(f"/bundles/{draft.id}/release", body)
    assert draft.open_release(released, one_time, statement) == draft.secrets.halves[0]
    assert broker.stop() == 0
