"""fields, JSON, base64, names and Ed25519 of tests/vectors/encoding.json."""

from typing import Any

from crypto import encoding, hybrid, signing
from crypto.header import AGENCY, ROLE_HANDLE
from errors import FormatError
from tests.support.vectors import Run, Vector, check, each


def value_of(one: Any) -> Any:
    if isinstance(one, dict):
        return one["text"] if "text" in one else bytes.fromhex(one["bytes"])
    return one


def make_fields(vector: Vector) -> Any:
    return {"fields": encoding.fields(vector.given["label"], *map(value_of, vector.given["values"]))}


def read_fields(vector: Vector) -> Any:
    found = encoding.parse_fields(vector.octets("fields"), vector.given["label"])
    assert encoding.fields(vector.given["label"], *found) == vector.octets("fields")
    return {"values": found}


def read_json(vector: Vector) -> Any:
    value = encoding.parse_json(vector.raw("text"))
    assert encoding.dump_json(value) == vector.raw("text")
    return {"value": value}


def read_url(vector: Vector) -> Any:
    data = encoding.unb64u(vector.given["text"])
    assert encoding.b64u(data) == vector.given["text"]
    return {"data": data}


def read_base64(vector: Vector) -> Any:
    data = encoding.unb64(vector.given["text"])
    assert encoding.b64(data) == vector.given["text"]
    return {"data": data}


def check_agency(vector: Vector) -> None:
    if not AGENCY.match(vector.given["name"]):
        raise FormatError


def check_handle(vector: Vector) -> Any:
    found = ROLE_HANDLE.match(vector.given["name"])
    if found is None:
        raise FormatError
    return {"agency": found["agency"]}


def check_signature(vector: Vector) -> None:
    values = [bytes.fromhex(one) for one in vector.given["values"]]
    label = vector.given["label"].encode()
    signing.verify(vector.octets("key"), label, *values, signature=vector.octets("signature"))


def check_key(vector: Vector) -> None:
    signing.check_public_key(vector.octets("key"))


def check_receiving_key(vector: Vector) -> None:
    hybrid.check_public_key(vector.octets("key"))


FORMS: dict[str, Run] = {
    "fields": make_fields,
    "parsed-fields": read_fields,
    "json": read_json,
    "base64url": read_url,
    "base64": read_base64,
    "agency": check_agency,
    "role-handle": check_handle,
    "signature": check_signature,
    "public-key": check_key,
    "receiving-key": check_receiving_key,
}


@each("encoding.json")
def test_encoding_vectors(vector: Vector) -> None:
    """Every format stands on these; a second spelling of one value would be a second meaning of one signature."""
    check(vector, FORMS)
