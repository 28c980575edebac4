"""Flag registers of tests/vectors/register.json."""

from collections.abc import Mapping
from typing import Any

from crypto.digests import sha256
from crypto.encoding import fields
from crypto.sealing import tag_key
from custody import register
from custody.entries import event_entry, tag_of
from custody.register import Record, Version
from errors import SignatureInvalid
from tests.support.vectors import Run, Vector, check, directory_of, each
from tests.unit.crypto import reference as ref


def read_flag(vector: Vector) -> Any:
    value = register.parse_flag(vector.raw("entry"))
    return {name: value[name] for name in ("place", "number", "instruction", "state")}


def place(text: str | None) -> bytes:
    if text is not None and not text.startswith("{"):
        return bytes.fromhex(text)
    return ref.padded((text or "").encode(), 1024)


def seal(vector: Vector, one: Mapping[str, Any]) -> bytes:
    """The box of a version, made by the reference out of what the vector gives."""
    plain = b"".join(place(one["places"].get(str(at))) for at in range(one["count"]))
    key = ref.expand(vector.octets("r"), ref.fields("amparo/v1/register-key", one["bound"]), 32)
    aad = fields("amparo/v1/register", vector.octets("bundle_id"), vector.octets("header_digest"), one["bound"])
    box = ref.box(key, aad, bytes.fromhex(one["nonce"]), plain)
    assert sha256(box).hex() == one["box_sha256"]
    return box


def follow(vector: Vector) -> Any:
    """Every version as a desk takes it: signature, predecessor, box, change, and each flag's own signatures."""
    directory = directory_of(vector.given["log"], vector.given["members"], vector.given["deputies"])
    before: Version | None = None
    places: list[Record | None] = [None] * register.PLACES
    digests, entries = [], []
    for one in vector.given["versions"]:
        version = Version(
            vector.octets("bundle_id"), vector.octets("header_digest"), one["version"], bytes.fromhex(one["previous"]),
            seal(vector, one), one["officer"], bytes.fromhex(one["signature"]),
        )  # fmt: skip
        key = directory.signing_key(version.officer)
        if key is None:
            raise SignatureInvalid
        version.verify(key)
        register.require_successor(version, before)
        found = register.open_version(vector.octets("r"), version)
        register.check_change(places, found)
        register.check_places(found, version, vector.given["agencies"], directory.signing_key, directory.takes_two)
        before, places = version, found
        digests.append(version.digest)
        tag = tag_of(tag_key(vector.octets("r")), "", version.version)
        entries.append(event_entry(tag, vector.octets("salt"), version.event))
    states = {
        str(at): [record.value["state"], record.value["number"]]
        for at, record in enumerate(places)
        if record is not None
    }
    return {"digests": digests, "entries": entries, "states": states}


FORMS: dict[str, Run] = {"flag": read_flag, "register": follow}


@each("register.json")
def test_register_vectors(vector: Vector) -> None:
    """A flag that one implementation sees and another does not is a person met who must not be met."""
    check(vector, FORMS)
