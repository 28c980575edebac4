"""Who may call: signatures, times, nonces, rates, invitations. Every refusal stands beside the same call unaltered."""

import dataclasses
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest

from broker.app import create_broker, stop_broker
from config.settings import BrokerSettings
from crypto import http_signatures as http
from tests.support.brokers import invite, prepare_broker
from tests.support.network import Network, new_key, require_refused
from tests.unit.broker.conftest import AGENCIES

Change = Callable[[httpx2.Request], httpx2.Request | None]


def without(name: str) -> Change:
    """Drop a header."""

    def change(request: httpx2.Request) -> None:
        del request.headers[name]

    return change


def with_(name: str, value: str) -> Change:
    """Set a header."""

    def change(request: httpx2.Request) -> None:
        request.headers[name] = value

    return change


def other_url(part: str, value: str) -> Change:
    """Send what was signed to another address."""

    def change(request: httpx2.Request) -> None:
        request.url = request.url.copy_with(**{part: value.encode()})

    return change


def other_method(request: httpx2.Request) -> httpx2.Request:
    """Send what was signed with another method."""
    return httpx2.Request("HEAD", request.url, headers=request.headers)


def other_body(request: httpx2.Request) -> httpx2.Request:
    """Another body of the same length."""
    body = bytearray(request.read())
    body[-2] ^= 1
    return httpx2.Request(request.method, request.url, headers=request.headers, content=bytes(body))


ALTERED: dict[str, tuple[Change, int, str]] = {
    "no signature": (without("Signature"), 401, "signature-invalid"),
    "no parameters": (without("Signature-Input"), 401, "signature-invalid"),
    "no digest": (without("Content-Digest"), 401, "signature-invalid"),
    "another broker": (with_("Amparo-Broker", "broker-2"), 401, "signature-invalid"),
    "another digest": (with_("Content-Digest", http.content_digest(b"x")), 401, "signature-invalid"),
    "another type": (with_("Content-Type", "text/plain"), 401, "signature-invalid"),
    "another path": (other_url("raw_path", "/v1/entries"), 401, "signature-invalid"),
    "a query added": (other_url("query", "after=3"), 401, "signature-invalid"),
    "another body": (other_body, 401, "signature-invalid"),
    "a signature that is none": (with_("Signature", "amparo=:AAAA:"), 401, "signature-invalid"),
    "parameters that are none": (with_("Signature-Input", "nothing"), 400, "format"),
}


@pytest.mark.parametrize("how", ALTERED)
def test_a_request_that_was_altered_after_signing_is_refused(how: str, network: Network) -> None:
    change, status, code = ALTERED[how]
    south = network.clients["south-police"]
    body = {"events": [{"statement": "AAAA", "salt": "A" * 43}]}
    answer = south.call("POST", "/events", json=body, change=change)
    assert answer.status_code in (status, 400), answer.text
    assert answer.json()["code"] in (code, "format")
    assert south.call("POST", "/events", json=body).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b'"x"', b"1e999", b'{"statement":NaN}', b'{"statement":"AA","statement":"BB"}',
        b"[" * 100_000, b'{"events":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"events":' + b"1" * 5000 + b"}",
        b'\xef\xbb\xbf{"statement":"AA"}', b'{"statement":"\\ud800"}', "{}".encode("utf-16"), b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:24]),
)  # fmt: skip
def test_a_body_that_is_no_json_of_this_protocol_is_refused_in_words(body: bytes, network: Network) -> None:
    """Whoever holds an invitation can send anything; nothing of it is an error of the broker's own."""
    south = network.clients["south-police"]
    answer = south.call("POST", "/events", content=body, kind="application/json")
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"] == "format"
    good = {"events": [{"statement": "AAAA", "salt": "A" * 43}]}
    assert south.call("POST", "/events", json=good).status_code == 200


def test_another_method_than_was_signed_is_refused(network: Network) -> None:
    south = network.clients["south-police"]
    assert south.call("GET", "/mailbox", change=other_method).status_code == 401
    assert south.call("HEAD", "/mailbox").status_code == 200


def test_a_request_is_taken_once(network: Network) -> None:
    south = network.clients["south-police"]
    kept: list[httpx2.Request] = []
    assert south.call("GET", "/mailbox", change=kept.append).status_code == 200
    require_refused(network.http.send(kept[0]), 409, "request-replayed")
    assert south.call("GET", "/mailbox").status_code == 200


@pytest.mark.parametrize(("shift", "code"), [(-3600, "clock-skewed"), (3600, "clock-skewed"), (-40 * 365 * 86400, "")])
def test_a_clock_that_is_off_is_told_so(
    shift: int, code: str, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    south, true_time = network.clients["south-police"], time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: true_time() + shift)
        answer = south.call("GET", "/mailbox")
    assert "clock" in require_refused(answer, 401, "clock-skewed")
    assert south.call("GET", "/mailbox").status_code == 200


def test_a_key_that_nobody_certified_is_refused(network: Network) -> None:
    for name in ("desk/south-police", "desk/nobody-here"):
        answer = network.client(name, new_key()).call("GET", "/mailbox")
        require_refused(answer, 401, "signature-invalid")
    assert network.clients["south-police"].call("GET", "/mailbox").status_code == 200


def test_an_invitation_opens_the_directory_and_ends_with_the_desks_certificate(
    own_network: Network, settings: Any
) -> None:
    guest = invite(settings, own_network, "new-agency")
    assert guest.call("GET", "/directory").status_code == 200
    require_refused(guest.call("GET", "/mailbox"), 403, "not-permitted")
    used = invite(settings, own_network, "south-police")
    require_refused(used.call("GET", "/directory"), 401, "signature-invalid")


def test_more_requests_than_the_rate_are_refused_until_the_minute_is_over(settings: BrokerSettings) -> None:
    settings = dataclasses.replace(settings, requests_per_minute=40)
    prepare_broker(settings)
    app = create_broker(settings)
    try:
        made = Network(settings.public_url, settings.broker_id, httpx2.WSGITransport(app=app), app=app)
        made.found(partial(invite, settings, made), AGENCIES)
        south, north = made.clients["south-police"], made.clients["north-police"]
        codes = [south.call("GET", "/mailbox").status_code for _ in range(90)]
        assert 40 <= codes.count(200) <= 80
        refused = next(one for one in (south.call("GET", "/mailbox") for _ in range(45)) if one.status_code != 200)
        require_refused(refused, 429, "quota-exceeded")
        assert int(refused.headers["Retry-After"]) > 0
        assert north.call("GET", "/mailbox").status_code == 200
    finally:
        stop_broker(app)


def test_every_address_but_one_asks_for_a_signature(network: Network) -> None:
    description = network.http.get("/v1/openapi.json")
    assert description.status_code == 200
    paths = description.json()["paths"]
    asked = [
        (method.upper(), path) for path, one in paths.items() for method in one if method in ("get", "post", "put")
    ]
    assert len(asked) >= 20
    for method, path in asked:
        plain = path.replace("{bundle_id}", "x" * 22).replace("{handle}", "x" * 43).replace("{number}", "0")
        answer = network.http.request(method, plain.replace("{name}", "0/000"))
        require_refused(answer, 401, "signature-invalid")
    assert network.http.get("/v1/none").status_code == 401


def test_methods_that_an_address_does_not_take_are_named(network: Network) -> None:
    answer = network.clients["south-police"].call("DELETE", "/mailbox")
    require_refused(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["Allow"]
