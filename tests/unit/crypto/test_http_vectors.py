"""Signed requests of tests/vectors/http.json."""

from typing import Any

from crypto import http_signatures as http
from tests.support.vectors import Run, Vector, check, each


def check_digest(vector: Vector) -> None:
    http.require_content_digest(vector.octets("body"), vector.given["value"])
    assert http.content_digest(vector.octets("body")) == vector.given["value"]


def read_input(vector: Vector) -> Any:
    found = http.parse_signature_input(vector.given["value"])
    assert f"amparo={found.dump()}" == vector.given["value"]
    return {"created": found.created, "expires": found.expires, "nonce": found.nonce, "keyid": found.key_id}


def check_request(vector: Vector) -> Any:
    """What the broker does with a request, but for the clock and the nonce."""
    given = vector.given
    parameters = http.parse_signature_input(given["signature_input"])
    names = ("method", "authority", "path", "query", "content_digest", "content_type", "broker")
    parts = http.RequestParts(*(given[name] for name in names))
    http.verify_request(vector.octets("key"), parts, parameters, given["signature"])
    http.require_content_digest(vector.octets("body"), given["content_digest"])
    return {"base": http.signature_base(parts, parameters).decode()}


FORMS: dict[str, Run] = {"content-digest": check_digest, "signature-input": read_input, "request": check_request}


@each("http.json")
def test_http_vectors(vector: Vector) -> None:
    """One byte that two implementations sign differently, and no desk reaches a broker of the other."""
    check(vector, FORMS)
