"""Headers, addenda, covers, manifests, forms and extracts of tests/vectors/documents.json."""

import re
from types import SimpleNamespace
from typing import Any

from crypto.header import parse_addendum, require_addendum, verify_header
from crypto.manifest import parse_manifest
from crypto.opening import open_cover_addition
from crypto.pseudonyms import extract_id
from exchange.cover import parse_addition, parse_cover
from exchange.forms import parse_form
from exchange.opened import check_extracts
from tests.support.vectors import Run, Vector, check, directory_of, each

LOG = "log.example/2026"


def text(vector: Vector) -> bytes:
    """The text with its long parts in place."""
    whole: str = vector.given["text"]
    return re.sub(r"@[a-z0-9-]+", lambda found: vector.shared["texts"][found[0]], whole).encode()


def read_header(vector: Vector) -> Any:
    found = verify_header(text(vector), vector.octets("signature"))
    assert found.dump() == text(vector)
    return {"digest": found.digest(), "agencies": found.agencies, "padded_bytes": found.padded_bytes}


def read_addendum(vector: Vector) -> Any:
    found = parse_addendum(text(vector))
    assert found.dump() == text(vector)
    digest = vector.octets("header_digest")
    header: Any = SimpleNamespace(
        bundle_id=vector.octets("bundle_id"), digest=lambda: digest, agencies=tuple(vector.given["agencies"])
    )
    require_addendum(found, header, vector.given["added"])
    raw = open_cover_addition(digest, found.agency, vector.octets("r"), found.cover_addition)
    (entitled,) = parse_addition(raw)
    return {"agency": found.agency, "officers": entitled.officers}


def read_cover(vector: Vector) -> Any:
    found = parse_cover(vector.raw("text"), LOG)
    assert found.dump() == vector.raw("text")
    officers = {one.agency: one.officers for one in found.officers}
    return {"kind": found.kind, "threshold": found.threshold, "officers": officers}


def read_manifest(vector: Vector) -> Any:
    found = parse_manifest(vector.raw("text"))
    return {"kind": found["kind"], **{name: len(found[name]) for name in ("entries", "handles", "spares")}}


def read_form(vector: Vector) -> Any:
    found = parse_form(vector.raw("text"), vector.given["kind"])
    return {"kind": found["kind"], "case": found["case"]}


def make_record(vector: Vector) -> Any:
    return {"record": extract_id(vector.octets("record"), vector.given["recipients"])}


def check_extract(vector: Vector) -> None:
    given = vector.given
    header: Any = SimpleNamespace(sender_agency=given["sender_agency"], agencies=tuple(given["agencies"]))
    handles = [{"place": int(at), "consent": one, "parent": None} for at, one in given["handles"].items()]
    directory = directory_of(LOG, given["members"])
    check_extracts(directory, header, 10, {"handles": handles}, {"consents": [given["extract"]]})


FORMS: dict[str, Run] = {
    "header": read_header,
    "addendum": read_addendum,
    "cover": read_cover,
    "manifest": read_manifest,
    "form": read_form,
    "consent-record": make_record,
    "consent-extract": check_extract,
}


@each("documents.json")
def test_document_vectors(vector: Vector) -> None:
    """What one agency writes another reads in the one form, before and after a bundle is opened."""
    check(vector, FORMS)
