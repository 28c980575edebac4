"""Events, registers, holds, proofs, tiles and mailboxes, over the API and on both kinds of stores."""

import os
import threading
import time
from typing import Any

import pytest

from crypto import hybrid, labels
from crypto.encoding import b64u, unb64u
from custody import entries, proofs, tiles
from custody.checkpoint import open_checkpoint
from custody.entries import SealedEntry
from custody.tree import root_of
from tests.support.network import Draft, Network, require_refused


@pytest.fixture
def draft(network: Network) -> Draft:
    """A bundle that has arrived."""
    made = network.draft("north-police", ["south-police"])
    made.deposit()
    return made


def ask(draft: Draft, **more: Any) -> tuple[dict[str, Any], hybrid.ReceivingKey, Any]:
    """A request of the recipient, not sent."""
    key = hybrid.ReceivingKey(hybrid.generate())
    body, statement = draft.request("south-police", key, **more)
    return body, key, statement


def push(network: Network, agency: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """Send events; what became of each."""
    found: list[dict[str, Any]] = network.clients[agency].post("/events", {"events": list(events)})["results"]
    return found


def plain_event(draft: Draft, kind: str, agency: str, **more: Any) -> dict[str, Any]:
    """JSON of an event with sealed details."""
    from crypto import sealing
    from custody import events

    salt, details = os.urandom(32), b"{}"
    statement, event_salt = draft.event(kind, agency, commitment=b64u(events.details_commitment(salt, details)), **more)
    key = events.details_key(sealing.agency_key(draft.secrets.d, agency), draft.header.bundle_id)
    box = events.seal_details(key, events.core_of(statement.value), salt, details)
    return {"statement": b64u(statement.dump()), "salt": b64u(event_salt), "details_box": b64u(box)}


# ---- release


def test_a_request_that_is_sent_again_gets_the_half_again_and_one_entry(network: Network, draft: Draft) -> None:
    body, key, statement = ask(draft)
    south = network.clients["south-police"]
    first = south.post(f"/bundles/{draft.id}/release", body)
    second = south.post(f"/bundles/{draft.id}/release", body)
    assert first["index"] == second["index"]
    assert draft.open_release(second, key, statement) == draft.secrets.halves[0]


def test_a_release_to_another_agency_bundle_or_broker_is_refused(network: Network, draft: Draft) -> None:
    south, outsider = network.clients["south-police"], network.clients["harbour-ngo"]
    body, _, _ = ask(draft)
    require_refused(outsider.call("POST", f"/bundles/{draft.id}/release", json=body), 403, "not-permitted")
    other = network.draft("north-police", ["south-police"])
    other.deposit()
    require_refused(south.call("POST", f"/bundles/{other.id}/release", json=body), 400, "format")
    foreign, _, _ = ask(draft, broker="broker-2")
    require_refused(south.call("POST", f"/bundles/{draft.id}/release", json=foreign), 400, "format")
    stale, _, _ = ask(draft, register_digest=b64u(bytes(32)))
    require_refused(south.call("POST", f"/bundles/{draft.id}/release", json=stale), 409, "register-stale")
    altered = dict(body, salt=b64u(os.urandom(32)), statement=body["statement"][:-6] + "AAAAAA")
    assert south.call("POST", f"/bundles/{draft.id}/release", json=altered).status_code in (400, 401, 422)
    assert south.call("POST", f"/bundles/{draft.id}/release", json=body).status_code == 200


def test_a_request_by_an_agency_that_is_not_named_gets_nothing(network: Network, draft: Draft) -> None:
    key = hybrid.ReceivingKey(hybrid.generate())
    body, _ = draft.request("harbour-ngo", key)
    answer = network.clients["harbour-ngo"].call("POST", f"/bundles/{draft.id}/release", json=body)
    require_refused(answer, 404, "not-found")


# ---- events


def test_events_stand_or_fall_each_by_itself(network: Network, draft: Draft) -> None:
    good = plain_event(draft, "returned", "south-police")
    bad = dict(good, details_box=None)
    results = push(network, "south-police", bad, good, good)
    assert results[0]["code"] == "format"
    assert results[1]["index"] == results[2]["index"]
    logged = network.clients["north-police"].get(f"/bundles/{draft.id}/events")["events"]
    assert [one["index"] for one in logged][-1] == results[1]["index"]
    assert logged[-1]["statement"] == good["statement"]


def test_a_number_counts_once(network: Network, draft: Draft) -> None:
    first = plain_event(draft, "returned", "south-police", number=7)
    second = plain_event(draft, "filed", "south-police", number=7)
    assert "index" in push(network, "south-police", first)[0]
    assert push(network, "south-police", second)[0]["code"] == "conflict"


def test_an_event_of_another_agency_or_unknown_officer_is_refused(network: Network, draft: Draft) -> None:
    event = plain_event(draft, "returned", "south-police")
    assert push(network, "north-police", event)[0]["code"] == "not-permitted"
    assert push(network, "harbour-ngo", event)[0]["code"] == "not-permitted"
    assert "index" in push(network, "south-police", event)[0]


def test_opened_answers_a_request_of_its_own_agency(network: Network, draft: Draft) -> None:
    body, _, _ = ask(draft)
    index = network.clients["south-police"].post(f"/bundles/{draft.id}/release", body)["index"]
    wrong = plain_event(draft, "opened", "south-police", request=index - 1)
    right = plain_event(draft, "opened", "south-police", request=index)
    results = push(network, "south-police", wrong, right)
    assert results[0]["code"] == "conflict"
    assert "index" in results[1]


def test_too_many_events_and_too_large_ones_are_refused(network: Network, draft: Draft) -> None:
    event = plain_event(draft, "returned", "south-police")
    south = network.clients["south-police"]
    require_refused(south.call("POST", "/events", json={"events": [event] * 65}), 422, "format")
    require_refused(south.call("POST", "/events", json={"events": []}), 422, "format")
    large = dict(event, statement=b64u(bytes(300 * 1024)))
    assert push(network, "south-police", large)[0]["code"] == "limit-exceeded"


# ---- entries


def signed_entry(network: Network, agency: str, entry: bytes | None = None) -> dict[str, str]:
    """An entry with its officer's signature."""
    officer = network.agencies[agency].officers[0]
    entry = entry or SealedEntry(os.urandom(16), os.urandom(32)).dump()
    signature = officer.signing.sign(labels.APPEND, network.origin, entry)
    return {"entry": b64u(entry), "officer": officer.handle, "signature": b64u(signature)}


def test_entries_are_taken_once_and_proven(network: Network) -> None:
    south = network.clients["south-police"]
    batch = [signed_entry(network, "south-police") for _ in range(5)]
    wrong = dict(batch[0], signature=b64u(bytes(64)))
    foreign = signed_entry(network, "north-police")
    found = south.post("/entries", {"entries": [*batch, batch[2], wrong, foreign]})
    indices = [one.get("index") for one in found["results"][:6]]
    assert len(set(indices[:5])) == 5
    assert indices[5] == indices[2]
    assert [one["code"] for one in found["results"][6:]] == ["signature-invalid", "not-permitted"]
    for one, index in zip(batch, indices[:5], strict=True):
        proof = proofs.parse_proof(south.get("/proof", index=index).encode())
        proofs.verify_proof(proof, unb64u(one["entry"]), network.log_keys)
    assert open_checkpoint(found["checkpoint"].encode(), network.log_keys).checkpoint.size > max(indices[:5])


def test_a_proof_for_what_is_not_there_is_refused(network: Network) -> None:
    south = network.clients["south-police"]
    size = network.seen().size
    require_refused(south.call("GET", "/proof", params={"index": size + 5}), 404, "not-found")
    require_refused(south.call("GET", "/proof", params={"index": -1}), 422, "format")
    require_refused(south.call("GET", "/proof"), 422, "format")
    require_refused(south.call("GET", "/proof", params={"index": 0, "witnesses": 60}), 404, "not-found")
    assert south.call("GET", "/proof", params={"index": size - 1}).status_code == 200


def test_the_tiles_lead_to_the_signed_root(network: Network) -> None:
    south = network.clients["south-police"]
    south.post("/entries", {"entries": [signed_entry(network, "south-police") for _ in range(256)]})
    seen = network.seen()

    def read(level: int, number: int, width: int) -> bytes:
        found: bytes = south.get(f"/log/tile/{tiles.tile_path(level, number, width)}")
        return found

    assert root_of(tiles.TileHashes(read, seen.size), seen.size) == seen.root
    assert len(tiles.parse_entries(read(tiles.ENTRIES, 0, 256), 256)) == 256
    for path in ("0/999", "0/000.p/0", "0/000.p/300", "9/000", "x/000", "entries/001.p/255x", "0/x000"):
        require_refused(south.call("GET", f"/log/tile/{path}"), 404, "not-found")


def test_a_witness_is_counted_and_a_foreign_line_is_not(network: Network) -> None:
    south = network.clients["south-police"]
    index = south.post("/entries", {"entries": [signed_entry(network, "south-police")]})["results"][0]["index"]
    assert network.cosign("south-police")["accepted"] > 0
    proof = proofs.parse_proof(south.get("/proof", index=index, witnesses=1).encode())
    assert proof.index == index
    note = south.get("/log/checkpoint")
    answer = network.clients["north-police"].call("POST", "/log/cosignatures", content=note.encode())
    assert answer.status_code != 200 or answer.json()["accepted"] == 0
    require_refused(south.call("POST", "/log/cosignatures", content=b"x" * 2_000_000), 413, "limit-exceeded")


# ---- registers


def test_a_register_goes_on_version_by_version(network: Network, draft: Draft) -> None:
    south, officer = network.clients["south-police"], network.agencies["south-police"].officers[0]
    path = f"/bundles/{draft.id}/register"
    second = draft.next_version(officer)
    body = draft.register_body(second)
    first = south.post(path, body)
    assert south.post(path, body)["index"] == first["index"]
    assert south.get(path)["version"] == 2
    assert unb64u(south.get(path, version=1)["box"]) == draft.register.box
    rival = draft.register_body(draft.next_version(officer))
    require_refused(south.call("POST", path, json=rival), 409, "register-stale")
    draft.register = second
    third = draft.register_body(draft.next_version(officer))
    require_refused(south.call("POST", path, json=dict(third, version=9)), 401, "signature-invalid")
    require_refused(south.call("POST", path, json=dict(third, box=b64u(bytes(70)))), 422, "format")
    require_refused(network.clients["harbour-ngo"].call("POST", path, json=third), 404, "not-found")
    require_refused(network.clients["north-police"].call("POST", path, json=third), 403, "not-permitted")
    require_refused(south.call("GET", path, params={"version": 77}), 404, "not-found")
    assert south.post(path, third)["index"] > first["index"]


def test_versions_of_a_day_have_a_quota(network: Network, draft: Draft) -> None:
    south, officer = network.clients["south-police"], network.agencies["south-police"].officers[0]
    path = f"/bundles/{draft.id}/register"
    for _ in range(12):
        version = draft.next_version(officer)
        south.post(path, draft.register_body(version))
        draft.register = version
    more = draft.register_body(draft.next_version(officer))
    require_refused(south.call("POST", path, json=more), 429, "quota-exceeded")
    north = network.agencies["north-police"].officers[0]
    network.clients["north-police"].post(path, draft.register_body(draft.next_version(north)))


# ---- handles


def test_a_hold_stops_a_release_until_two_officers_lift_it(network: Network, draft: Draft) -> None:
    south, release = network.clients["south-police"], f"/bundles/{draft.id}/release"
    assert "index" in push(network, "north-police", draft.handle_event("handle-held", 1, number=0))[0]
    assert south.get(f"/bundles/{draft.id}")["state"] == "held"
    require_refused(south.call("POST", release, json=ask(draft)[0]), 409, "held")
    again = push(network, "north-police", draft.handle_event("handle-held", 1, number=1))[0]
    assert again["code"] == "conflict"
    alone = push(network, "north-police", draft.handle_event("handle-lifted", 1, number=2))[0]
    assert alone["code"] == "not-permitted"
    assert "index" in push(network, "north-police", draft.handle_event("handle-lifted", 2, number=3))[0]
    body, key, statement = ask(draft)
    assert draft.open_release(south.post(release, body), key, statement) == draft.secrets.halves[0]


def test_a_destruction_takes_two_and_is_for_ever(network: Network, draft: Draft) -> None:
    south, release = network.clients["south-police"], f"/bundles/{draft.id}/release"
    alone = push(network, "north-police", draft.handle_event("handle-destroyed", 1, number=0))[0]
    assert alone["code"] == "not-permitted"
    assert south.call("POST", release, json=ask(draft)[0]).status_code == 200
    assert "index" in push(network, "north-police", draft.handle_event("handle-destroyed", 2, number=1))[0]
    require_refused(south.call("POST", release, json=ask(draft)[0]), 410, "destroyed")
    for kind in ("handle-held", "handle-lifted", "handle-destroyed"):
        result = push(network, "north-police", draft.handle_event(kind, 2, number=5))[0]
        assert result["code"] in ("destroyed", "conflict")
    require_refused(draft.client.call("PUT", f"/bundles/{draft.id}/parts/0", content=draft.payload), 410, "destroyed")


def test_a_handle_without_its_key_cannot_be_held(network: Network, draft: Draft) -> None:
    outsider = network.agencies["harbour-ngo"]
    event = draft.handle_event("handle-held", 1, number=0, agency=outsider)
    found = push(network, "harbour-ngo", event)[0]
    # Its key leads to another handle: what is held is a name that stands in no header.
    assert "index" in found
    assert network.clients["south-police"].get(f"/bundles/{draft.id}")["state"] == "active"
    raw = draft.handle_event("handle-held", 1, number=0)
    assert push(network, "harbour-ngo", raw)[0]["code"] == "not-permitted"


def test_events_on_a_handle_are_for_those_whom_it_concerns(network: Network, draft: Draft) -> None:
    push(network, "north-police", draft.handle_event("handle-held", 1, number=0))
    path = f"/handles/{b64u(draft.header.handles[0])}/events"
    assert len(network.clients["north-police"].get(path)["events"]) == 1
    assert len(network.clients["south-police"].get(path)["events"]) == 1
    require_refused(network.clients["harbour-ngo"].call("GET", path), 404, "not-found")
    require_refused(network.clients["north-police"].call("GET", f"/handles/{'A' * 43}/events"), 404, "not-found")


# ---- mailboxes


def test_a_mailbox_waits_for_news_and_answers_at_once_when_there_is_some(network: Network) -> None:
    south = network.clients["south-police"]
    after = south.get("/mailbox")["next"]
    while (page := south.get("/mailbox", after=after))["items"]:
        after = page["next"]
    found: list[Any] = []
    began = time.monotonic()
    waiting = threading.Thread(
        target=lambda: found.append((south.get("/mailbox", after=after, wait=30), time.monotonic() - began))
    )
    waiting.start()
    time.sleep(0.5)
    made = network.draft("north-police", ["south-police"])
    made.deposit()
    waiting.join(30)
    page, spent = found[0]
    assert [one["bundle_id"] for one in page["items"]] == [made.id]
    assert 0.4 < spent < 20
    assert network.clients["harbour-ngo"].get("/mailbox", after=0)["next"] >= 0
    assert made.id not in [one["bundle_id"] for one in network.clients["harbour-ngo"].get("/mailbox")["items"]]


def test_at_most_a_quarter_of_the_threads_wait(network: Network) -> None:
    """With four waiting the fifth is answered at once, and other calls go on."""
    south = network.clients["south-police"]
    after = 2**40
    threads = [
        threading.Thread(target=lambda: south.get("/mailbox", after=after, wait=4), daemon=True) for _ in range(4)
    ]
    for one in threads:
        one.start()
    time.sleep(1)
    began = time.monotonic()
    assert south.get("/mailbox", after=after, wait=4)["items"] == []
    assert time.monotonic() - began < 2.5
    for one in threads:
        one.join()
    began = time.monotonic()
    assert south.get("/mailbox", after=after, wait=1)["items"] == []
    assert time.monotonic() - began > 0.9


# ---- the directory


def test_the_directory_is_read_in_order_and_a_wrong_statement_is_refused(network: Network) -> None:
    south = network.clients["south-police"]
    page = south.get("/directory")
    indices = [one["index"] for one in page["entries"]]
    assert indices == sorted(indices)
    assert indices[0] == 0
    assert all(one["index"] > indices[3] for one in south.get("/directory", after=indices[3])["entries"])
    for statement in (b"", b"{}", b"\xff" * 40, entries.directory_entry(b"{}"), os.urandom(3000)):
        answer = south.call("POST", "/directory", json={"statement": b64u(statement)})
        require_refused(answer, 400, "format")
    known = page["entries"][4]
    assert south.post("/directory", {"statement": known["statement"]})["index"] == known["index"]


def test_a_revoked_officer_signs_nothing_more(own_network: Network) -> None:
    agency = own_network.agencies["south-police"]
    south = own_network.clients["south-police"]
    made = own_network.draft("north-police", ["south-police"])
    made.deposit()
    before = plain_event(made, "returned", "south-police")
    assert "index" in push(own_network, "south-police", before)[0]
    certificate = own_network.app.extensions["amparo"].read_directory().certificate(agency.officers[0].handle)
    own_network.send(south, own_network.revocation(agency, certificate))
    assert push(own_network, "south-police", plain_event(made, "filed", "south-police"))[0]["code"] == (
        "signature-invalid"
    )
    body, _ = made.request("south-police", hybrid.ReceivingKey(hybrid.generate()))
    require_refused(south.call("POST", f"/bundles/{made.id}/release", json=body), 401, "signature-invalid")
    second, _ = made.request("south-police", hybrid.ReceivingKey(hybrid.generate()), agency.officers[1])
    assert south.call("POST", f"/bundles/{made.id}/release", json=second).status_code == 200


def test_the_broker_says_who_it_is(network: Network) -> None:
    found = network.clients["south-police"].get("/broker")
    assert found["state"] == "open"
    assert found["broker"] == network.broker
    assert len(found["log_vkeys"]) == 2
    assert found["receiving_keys"]
    assert found["limits"]["part_bytes"] == 8 * 2**20
    assert abs(found["time"] - time.time()) < 300
