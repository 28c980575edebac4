"""Deposits and their parts: what is taken, what is refused and why, and that refusals leave nothing behind."""

import copy
import dataclasses
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from broker.parts import EXTENSION
from crypto import hybrid, sealing
from crypto.digests import sha256
from crypto.encoding import b64u, unb64u
from crypto.header import Half, commit_b, sign_header
from custody.register import sign_version
from tests.support.network import Draft, Network, new_key, require_refused

PART = 8 * 2**20
Body = dict[str, Any]


def flip(text: str) -> str:
    """Base64url with one bit changed."""
    raw = bytearray(unb64u(text))
    raw[len(raw) // 2] ^= 1
    return b64u(bytes(raw))


def set_in(*path: Any, change: Callable[[Any], Any]) -> Callable[[Body], None]:
    """Change one member of a deposit."""

    def work(body: Body) -> None:
        place: Any = body
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = change(place[path[-1]])

    return work


WRONG: dict[str, tuple[Callable[[Body], None], int, str]] = {
    "header altered": (set_in("header", change=flip), 0, ""),
    "signature altered": (set_in("signature", change=flip), 401, "signature-invalid"),
    "half altered": (set_in("halves", 0, change=flip), 422, "commitment-mismatch"),
    "half missing": (set_in("halves", change=lambda _: []), 422, "format"),
    "half too many": (set_in("halves", change=lambda one: one * 2), 400, "format"),
    "half cut off": (set_in("halves", 0, change=lambda one: one[:-4]), 422, "format"),
    "cover altered": (set_in("cover", change=flip), 422, "commitment-mismatch"),
    "register altered": (set_in("register", "box", change=flip), 401, "signature-invalid"),
    "register of version 2": (set_in("register", "version", change=lambda _: 2), 401, "signature-invalid"),
    "event altered": (set_in("event", "statement", change=flip), 0, ""),
    "event cut off": (set_in("event", "statement", change=lambda one: one[:-8]), 0, ""),
    "salt of another length": (set_in("event", "salt", change=lambda one: one[:-4]), 422, "format"),
    "a member more": (lambda body: body.update(name="x"), 422, "format"),
    "a member less": (lambda body: body.pop("cover"), 422, "format"),
    "not an object": (lambda body: body.clear(), 422, "format"),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_deposit_with_one_thing_wrong_is_refused_and_can_be_made_right(how: str, network: Network) -> None:
    change, status, code = WRONG[how]
    draft = network.draft("north-police", ["south-police"])
    body = draft.deposit_body()
    wrong = copy.deepcopy(body)
    change(wrong)
    answer = draft.client.call("POST", "/bundles", json=wrong)
    if code:
        require_refused(answer, status, code)
    else:
        assert answer.status_code in (400, 401, 422), answer.text
    assert network.clients["south-police"].call("GET", f"/bundles/{draft.id}").status_code == 404
    draft.client.post("/bundles", body)
    assert network.clients["south-police"].call("GET", f"/bundles/{draft.id}").status_code == 200


def test_the_same_deposit_again_changes_nothing(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"])
    body = draft.deposit_body()
    first, second = draft.client.post("/bundles", body), draft.client.post("/bundles", body)
    assert (first["index"], first["register_index"]) == (second["index"], second["register_index"])


def test_a_second_header_for_one_bundle_is_refused(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"])
    draft.deposit()
    other = network.draft("north-police", ["south-police"], b"other", bundle_id=draft.header.bundle_id)
    require_refused(other.client.call("POST", "/bundles", json=other.deposit_body()), 409, "conflict")
    assert network.clients["south-police"].get(f"/bundles/{draft.id}")["header"] == b64u(draft.header.dump())


def test_a_handle_stands_in_one_header_only(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"])
    draft.deposit()
    handles = (*[os.urandom(32) for _ in range(7)], draft.header.handles[3])
    again = network.draft("north-police", ["south-police"], handle_list=tuple(sorted(handles)))
    require_refused(again.client.call("POST", "/bundles", json=again.deposit_body()), 409, "handle-used")


def test_another_agency_cannot_deposit_in_its_name(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"])
    body = draft.deposit_body()
    require_refused(network.clients["south-police"].call("POST", "/bundles", json=body), 403, "not-permitted")
    draft.client.post("/bundles", body)


def test_a_sender_with_another_key_is_refused(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"])
    key = new_key()
    header = dataclasses.replace(draft.header, sender_key=key.public_key)
    body = draft.deposit_body() | {"header": b64u(header.dump()), "signature": b64u(sign_header(key, header.dump()))}
    require_refused(draft.client.call("POST", "/bundles", json=body), 401, "signature-invalid")


@pytest.mark.parametrize(("month", "status", "code"), [
        ("2020-01", 410, "expired"), ("0000-01", 410, "expired"), ("0001-12", 410, "expired"),
        ("2099-12", 413, "limit-exceeded"), ("9999-12", 413, "limit-exceeded"),
    ],
)  # fmt: skip
def test_a_term_that_is_over_or_too_long_is_refused(month: str, status: int, code: str, network: Network) -> None:
    draft = network.draft("north-police", ["south-police"], expires=month)
    require_refused(draft.client.call("POST", "/bundles", json=draft.deposit_body()), status, code)
    network.draft("north-police", ["south-police"], expires=f"{datetime.now(UTC).year + 1}-12").deposit()


def test_an_agency_that_is_not_in_the_directory_is_refused(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"])
    changed = draft.changed(agencies=("north-police", "unknown-agency"))
    body = Draft.deposit_body(changed)
    answer = changed.client.call("POST", "/bundles", json=body)
    assert answer.status_code in (401, 404), answer.text


def test_a_half_for_a_key_that_is_over_is_told_so(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"])
    half = draft.secrets.halves[0]
    sealed = sealing.seal_half(hybrid.ReceivingKey(hybrid.generate()).public_key, draft.header.ctx, 1, half)
    commitment = commit_b(draft.header.bundle_id, half)
    stale = draft.changed(halves=(Half(network.broker, commitment, sha256(sealed)),))
    stale.halves = [sealed]
    answer = stale.client.call("POST", "/bundles", json=resigned(stale).deposit_body())
    require_refused(answer, 409, "half-key-expired")
    draft.deposit()


def resigned(draft: Draft) -> Draft:
    """The register made again for a changed header."""
    officer, header = draft.sender.officers[0], draft.header
    draft.register = sign_version(
        officer.signing, officer.handle, draft.secrets.r, header.bundle_id, header.digest(), None, [None] * 64
    )
    return draft


# ---- parts


def test_an_upload_goes_on_where_it_stopped(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"], os.urandom(PART + 70_000))
    draft.client.post("/bundles", draft.deposit_body())
    path, south = f"/bundles/{draft.id}/parts", network.clients["south-police"]
    assert draft.client.get(path) == {"have": [], "count": 2, "complete": False}
    draft.client.put(f"{path}/1", draft.payload[PART:])
    assert draft.client.get(path) == {"have": [1], "count": 2, "complete": False}
    assert not [one for one in south.get("/mailbox")["items"] if one["bundle_id"] == draft.id]
    assert draft.client.put(f"{path}/0", draft.payload[:PART]) == {"have": 2}
    assert draft.client.put(f"{path}/0", draft.payload[:PART]) == {"have": 2}
    assert draft.client.get(path)["complete"] is True
    assert [one["kind"] for one in south.get("/mailbox")["items"] if one["bundle_id"] == draft.id] == ["bundle"]
    assert south.get(f"{path}/0") + south.get(f"{path}/1") == draft.payload


def test_parts_that_do_not_fit_are_refused(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"], os.urandom(20_000))
    draft.client.post("/bundles", draft.deposit_body())
    path, north, south = f"/bundles/{draft.id}/parts", draft.client, network.clients["south-police"]
    require_refused(north.call("PUT", f"{path}/0", content=draft.payload[:-1]), 400, "format")
    require_refused(north.call("PUT", f"{path}/0", content=draft.payload + b"x"), 400, "format")
    require_refused(north.call("PUT", f"{path}/0", content=b""), 400, "format")
    require_refused(north.call("PUT", f"{path}/1", content=draft.payload), 404, "not-found")
    require_refused(north.call("PUT", f"{path}/0", content=bytes(PART + 5 * 2**20)), 413, "limit-exceeded")
    require_refused(south.call("PUT", f"{path}/0", content=draft.payload), 403, "not-permitted")
    require_refused(south.call("GET", f"{path}/0"), 404, "not-found")
    outsider = network.clients["harbour-ngo"]
    require_refused(outsider.call("PUT", f"{path}/0", content=draft.payload), 404, "not-found")
    draft.upload()
    require_refused(north.call("PUT", f"{path}/0", content=bytes(len(draft.payload))), 409, "conflict")
    assert south.get(f"{path}/0") == draft.payload


def test_a_payload_that_is_not_what_the_header_commits_to_is_found_with_its_last_part(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"], os.urandom(20_000))
    draft.client.post("/bundles", draft.deposit_body())
    path = f"/bundles/{draft.id}/parts"
    wrong = bytearray(draft.payload)
    wrong[100] ^= 1
    require_refused(draft.client.call("PUT", f"{path}/0", content=bytes(wrong)), 422, "commitment-mismatch")
    assert draft.client.get(path)["complete"] is False
    draft.client.put(f"{path}/0", draft.payload)
    assert draft.client.get(path)["complete"] is True


def test_agencies_that_are_not_named_learn_nothing(network: Network) -> None:
    draft = network.draft("north-police", ["south-police"])
    draft.deposit()
    outsider, named = network.clients["harbour-ngo"], network.clients["south-police"]
    none = b64u(os.urandom(16))
    for path in ("", "/parts", "/parts/0", "/events", "/register"):
        known = outsider.call("GET", f"/bundles/{draft.id}{path}")
        unknown = outsider.call("GET", f"/bundles/{none}{path}")
        assert require_refused(known, 404, "not-found") == require_refused(unknown, 404, "not-found")
        assert named.call("GET", f"/bundles/{draft.id}{path}").status_code == 200


def test_a_refused_deposit_leaves_neither_half_nor_blob(network: Network) -> None:
    parts = network.app.extensions[EXTENSION]

    def kept() -> tuple[set[bytes], set[str]]:
        return set(parts.halves.list_digests(parts.log_id)), set(parts.blobs.list_keys("bundles"))

    first = network.draft("north-police", ["south-police"])
    before, body = kept(), first.deposit_body()
    first.client.post("/bundles", body)
    first.upload()
    digest = first.header.digest()
    halves, blobs = (after - earlier for after, earlier in zip(kept(), before, strict=True))
    assert halves == {digest} and {key.split("/")[2].split("-")[0] for key in blobs} == {
        "header", "cover", "register", "part",
    }  # fmt: skip

    refused = {
        "a used handle": network.draft("north-police", ["south-police"], handle_list=first.header.handles),
        "another header": resigned(first.changed(handles=tuple(os.urandom(32) for _ in range(8)))),
    }
    before = kept()
    for claim, draft in refused.items():
        answer = draft.client.call("POST", "/bundles", json=draft.deposit_body())
        assert answer.status_code == 409, (claim, answer.text)
        assert kept() == before, claim
    first.client.post("/bundles", body)
    assert kept() == before


def test_a_refused_version_leaves_no_blob(network: Network) -> None:
    parts = network.app.extensions[EXTENSION]
    draft = network.draft("north-police", ["south-police"])
    draft.deposit()
    officer, path = draft.sender.officers[0], f"/bundles/{draft.id}/register"
    before = set(parts.blobs.list_keys("bundles"))
    second, rival = draft.next_version(officer), draft.next_version(officer)
    draft.client.post(path, draft.register_body(second))
    after = set(parts.blobs.list_keys("bundles"))
    assert len(after - before) == 1
    require_refused(draft.client.call("POST", path, json=draft.register_body(rival)), 409, "register-stale")
    # The versions that were accepted, again and with another salt: refused, and what they repeat stays.
    for version in (draft.register, second):
        require_refused(draft.client.call("POST", path, json=draft.register_body(version)), 409, "register-stale")
        assert unb64u(draft.client.get(path, version=version.version)["box"]) == version.box
    assert set(parts.blobs.list_keys("bundles")) == after
    assert draft.client.get(path)["version"] == 2
