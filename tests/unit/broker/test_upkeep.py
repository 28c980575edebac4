"""What a broker does by itself: terms, bundles that never arrived, orphans of a kill, keys that are overwritten."""

import dataclasses
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from broker import upkeep, witnesses
from broker.models import Bundle
from broker.parts import EXTENSION, Parts
from broker.staging import PATIENCE, drop_orphans
from config.settings import BrokerSettings
from crypto import hybrid
from tests.support.network import Draft, Network, require_refused
from tests.unit.broker.conftest import AGENCIES

RECIPIENT = "south-police"


def parts_at(network: Network, moment: datetime) -> Parts:
    """The broker's parts under a clock that stands still."""
    parts: Parts = network.app.extensions[EXTENSION]
    return dataclasses.replace(parts, clock=lambda: moment)


def witnesses_say(network: Network, moment: datetime) -> None:
    """Every desk cosigns a fresh checkpoint at this time by its own clock."""
    parts = parts_at(network, moment)
    network.draft("north-police", [RECIPIENT]).deposit()
    for name in AGENCIES:
        note = network.cosigned(name, int(moment.timestamp()))
        take = partial(
            witnesses.take_cosignatures, log_id=parts.log_id, directory=parts.read_directory(), agency=name, data=note,
            now=moment,
        )  # fmt: skip
        parts.sequencer.run(take)


def ask(network: Network, draft: Draft) -> Any:
    """A request of the recipient to open."""
    body, _ = draft.request(RECIPIENT, hybrid.ReceivingKey(hybrid.generate()))
    return network.clients[RECIPIENT].call("POST", f"/bundles/{draft.id}/release", json=body)


def state_of(network: Network, draft: Draft) -> str:
    found: str = network.clients[RECIPIENT].get(f"/bundles/{draft.id}")["state"]
    return found


def has_half(parts: Parts, draft: Draft) -> bool:
    return bool(parts.halves.has(parts.log_id, draft.header.digest()))


def test_a_term_stops_releases_at_once_and_destroys_a_month_later_by_the_witnesses_times(own_network: Network) -> None:
    draft = own_network.draft("north-police", [RECIPIENT])
    draft.deposit()
    assert ask(own_network, draft).status_code == 200
    parts = own_network.app.extensions[EXTENSION]

    def end_now(session: Any) -> None:
        session.get_one(Bundle, (parts.log_id, draft.header.bundle_id)).expires_at = datetime.now(UTC)

    parts.sequencer.run(end_now)
    require_refused(ask(own_network, draft), 410, "expired")
    assert has_half(parts, draft)

    later = datetime.now(UTC) + timedelta(days=31)
    assert upkeep.expire_bundles(parts_at(own_network, later)) == 0  # the broker's own clock alone destroys nothing
    witnesses_say(own_network, datetime.now(UTC) + timedelta(days=29))
    assert upkeep.expire_bundles(parts_at(own_network, later)) == 0
    assert has_half(parts, draft)
    witnesses_say(own_network, later)
    assert upkeep.expire_bundles(parts_at(own_network, later)) == 1
    assert not has_half(parts, draft)
    assert state_of(own_network, draft) == "expired"


def test_a_bundle_that_is_never_uploaded_ends_after_its_time_by_the_witnesses_times(own_network: Network) -> None:
    draft, whole = (own_network.draft("north-police", [RECIPIENT]) for _ in range(2))
    draft.client.post("/bundles", draft.deposit_body())
    whole.deposit()
    later = datetime.now(UTC) + timedelta(days=91)
    assert upkeep.drop_unfinished(parts_at(own_network, datetime.now(UTC))) == 0
    assert upkeep.drop_unfinished(parts_at(own_network, later)) == 0  # a clock that is off ends nothing
    assert state_of(own_network, draft) == "active"
    witnesses_say(own_network, later)
    assert upkeep.drop_unfinished(parts_at(own_network, later)) == 1
    assert state_of(own_network, draft) == "expired"
    assert state_of(own_network, whole) == "active"
    assert ask(own_network, whole).status_code == 200


def test_what_a_kill_left_before_the_log_knew_of_it_is_removed_after_an_hour(own_network: Network) -> None:
    parts = own_network.app.extensions[EXTENSION]
    lost, whole = (own_network.draft("north-police", [RECIPIENT]) for _ in range(2))
    whole.deposit()
    digest = lost.header.digest()
    parts.halves.put(parts.log_id, lost.header, digest, lost.halves)
    parts.blobs.put(f"bundles/{digest.hex()}/header", lost.header.dump())
    seen: dict[bytes, datetime] = {}
    now = datetime.now(UTC)
    assert drop_orphans(parts_at(own_network, now), seen) == 0
    assert drop_orphans(parts_at(own_network, now + PATIENCE / 2), seen) == 0
    assert has_half(parts, lost)
    assert drop_orphans(parts_at(own_network, now + PATIENCE), seen) == 1
    assert not has_half(parts, lost) and parts.blobs.list_keys(f"bundles/{digest.hex()}") == []
    assert has_half(parts, whole) and ask(own_network, whole).status_code == 200
    lost.deposit()  # a retry begins anew, and nothing stands in its way
    assert ask(own_network, lost).status_code == 200


def test_a_deposit_that_arrives_while_it_is_watched_is_not_removed(own_network: Network) -> None:
    parts = own_network.app.extensions[EXTENSION]
    draft = own_network.draft("north-police", [RECIPIENT])
    parts.halves.put(parts.log_id, draft.header, draft.header.digest(), draft.halves)
    seen: dict[bytes, datetime] = {}
    now = datetime.now(UTC)
    drop_orphans(parts_at(own_network, now), seen)
    assert list(seen) == [draft.header.digest()]
    draft.deposit()
    assert drop_orphans(parts_at(own_network, now + PATIENCE), seen) == 0
    assert seen == {} and ask(own_network, draft).status_code == 200


def test_a_broker_renews_the_store_key_soon_after_every_start(own_network: Network, settings: BrokerSettings) -> None:
    draft = own_network.draft("north-police", [RECIPIENT])
    draft.deposit()
    before = settings.store_key_file.read_bytes()
    upkeep.Upkeep(own_network.app.extensions[EXTENSION]).run_once()
    after = settings.store_key_file.read_bytes()
    assert after != before
    assert ask(own_network, draft).status_code == 200


def test_private_receiving_keys_are_overwritten_when_their_days_are_over(
    own_network: Network, settings: BrokerSettings
) -> None:
    def places() -> list[bytes]:
        raw = settings.receiving_key_file.read_bytes()
        size = len(raw) // 6
        return [part for at in range(6) if any(part := raw[at * size : (at + 1) * size])]

    first = places()
    assert len(first) == 2  # of today and tomorrow
    upkeep.publish_receiving_keys(parts_at(own_network, datetime.now(UTC) + timedelta(days=2)))
    assert set(first) & set(places())  # the key of today is taken for two days more
    upkeep.publish_receiving_keys(parts_at(own_network, datetime.now(UTC) + timedelta(days=4)))
    raw = settings.receiving_key_file.read_bytes()
    assert not set(first) & set(places())
    assert all(one[32:] not in raw for one in first) and len(places()) >= 2
