"""Padding, boxes, shares, stanzas, details and releases of tests/vectors/opening.json."""

import json
from types import SimpleNamespace
from typing import Any

from crypto import boxes, labels, shares, signing
from crypto.encoding import unb64u
from crypto.header import Half, commit_b, half_info, require_commitment
from crypto.hybrid import ReceivingKey
from crypto.opening import Stanza, combine_shares, open_stanza
from crypto.padding import padded, padme, unpadded
from crypto.statements import parse_statement
from custody import events
from exchange.release import Answer, open_halves
from tests.support.vectors import Run, Vector, check, each


def pad_length(vector: Vector) -> Any:
    return {"padded": padme(vector.given["length"])}


def unpad(vector: Vector) -> Any:
    data = unpadded(vector.octets("padded"), vector.given["size"])
    assert padded(data, vector.given["size"]) == vector.octets("padded")
    return {"data": data}


def open_box(vector: Vector) -> Any:
    return {"plain": boxes.open_box(vector.octets("key"), vector.octets("aad"), vector.octets("box"))}


def split(vector: Vector) -> Any:
    coefficients = [bytes.fromhex(one) for one in vector.given["coefficients"]]
    left = iter(coefficients)
    made = shares.split(vector.octets("secret"), len(coefficients) + 1, vector.given["count"], lambda size: next(left))
    return {"shares": [made[x] for x in sorted(made)]}


def combine(vector: Vector) -> Any:
    header: Any = SimpleNamespace(bundle_id=vector.octets("bundle_id"), c_s=vector.octets("c_s"))
    stanzas = [
        Stanza(one["threshold"], one["x"], bytes.fromhex(one["share"]), b"", b"") for one in vector.given["stanzas"]
    ]
    return {"s": combine_shares(header, stanzas)}


def read_stanza(vector: Vector) -> Any:
    found = open_stanza(ReceivingKey(vector.octets("secret")), vector.octets("ctx"), vector.octets("stanza"))
    return {
        "threshold": found.threshold, "x": found.x, "share": found.share, "r": found.r,
        "agency_secret": found.agency_secret,
    }  # fmt: skip


def open_half(vector: Vector) -> Any:
    info = half_info(vector.octets("ctx"), vector.given["number"])
    half = ReceivingKey(vector.octets("secret")).open(info, vector.octets("half"))
    require_commitment(vector.octets("c_b"), commit_b(vector.octets("bundle_id"), half), "the half")
    return {"b": half}


def make_core(vector: Vector) -> Any:
    return {"core": events.core_of(json.loads(vector.given["body"])).decode()}


def open_details(vector: Vector) -> Any:
    key = events.details_key(vector.octets("agency_secret"), vector.octets("bundle_id"))
    return {"details": events.open_details(key, json.loads(vector.given["body"]), vector.octets("details_box"))}


def check_approval(vector: Vector) -> None:
    values = events.approval_fields(vector.raw("core"), vector.given["purpose"], vector.given["legal_basis"])
    signing.verify(vector.octets("key"), labels.APPROVE, *values, signature=vector.octets("signature"))


def open_release(vector: Vector) -> Any:
    half = Half("one", vector.octets("c_b"), bytes(32))
    header = SimpleNamespace(bundle_id=vector.octets("bundle_id"), halves=(half,))
    asked: Any = SimpleNamespace(header=header, statement=parse_statement(unb64u(vector.given["statement"])))
    (found,) = open_halves(asked, Answer(0, (vector.octets("box"),)), bytearray(vector.octets("secret")))
    return {"b": found}


FORMS: dict[str, Run] = {
    "padme": pad_length,
    "padded": unpad,
    "box": open_box,
    "split": split,
    "shares": combine,
    "stanza": read_stanza,
    "half": open_half,
    "core": make_core,
    "details": open_details,
    "approval": check_approval,
    "release": open_release,
}


@each("opening.json")
def test_opening_vectors(vector: Vector) -> None:
    """What one implementation seals another opens, and neither opens anything else."""
    check(vector, FORMS)
