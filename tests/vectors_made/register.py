"""The flag register: entries, signatures, remarks, boxes and the chain of versions (docs/protocol.md 5)."""

import copy
from collections.abc import Callable
from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, box, canonical, expand, fields, padded, sha256
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.people import (
    DEPUTIES,
    LIAISON_3,
    LIAISON_4,
    LOG,
    MEMBERS,
    NORTH,
    SOUTH,
    WEST,
    WORKER_1,
    seed,
    tag,
)

R, BUNDLE, HEADER_DIGEST = draw("register R"), draw("register bundle", 16), draw("register header digest")
AGENCIES = [NORTH, SOUTH, WEST]  # the header's two, and one of an addendum
PLACE_BYTES, PLACES = 1024, 64

Places = dict[str, dict[str, Any]]


def flag(place: int = 0, number: int = 1, raiser: str = NORTH, **changes: Any) -> dict[str, Any]:
    value = {
        "v": 1, "place": place, "number": number, "raiser": raiser, "pseudonym": "Tamo-Keri 4071",
        "flag": "family-at-risk", "concerns": ["XA", "north-police"], "instruction": "no-contact", "until": None,
        "state": "raised",
    }  # fmt: skip
    return {**value, "from": "2031-01-01", **{name.rstrip("_"): one for name, one in changes.items()}}


def record(
    entry: dict[str, Any] | bytes,
    *signers: str,
    label: str = "amparo/v1/flag",
    header: bytes = HEADER_DIGEST,
    pens: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A place's record; `pens` names whose key signs in place of a signer's own."""
    raw = entry if isinstance(entry, bytes) else canonical(entry)
    message = fields(label, BUNDLE, header, raw)
    made = [{"by": by, "signature": b64u(ref.sign(seed((pens or {}).get(by, by)), message))} for by in signers]
    return {"entry": b64u(raw), "signatures": made, "remarks": []}


def remarked(made: dict[str, Any], by: str, text: str, *, label: str = "", on: bytes | None = None) -> dict[str, Any]:
    """The record with one remark more."""
    entry = ref.base64.urlsafe_b64decode(made["entry"] + "==")
    message = fields(label or "amparo/v1/flag-remark", BUNDLE, HEADER_DIGEST, sha256(on or entry), text)
    remark = {"by": by, "text": text, "signature": b64u(ref.sign(seed(by), message))}
    return {**made, "remarks": [*made["remarks"], remark]}


def version(
    number: int,
    previous: bytes,
    places: dict[int, dict[str, Any] | bytes],
    officer: str = LIAISON_3,
    *,
    bound: int | None = None,
    pen: str = "",
    count: int = PLACES,
) -> dict[str, Any]:
    """A version as a vector has it. A place is a record, or its 1,024 bytes as they are."""
    plain = b"".join(padded_place(places.get(at)) for at in range(count))
    key = expand(R, fields("amparo/v1/register-key", bound or number), 32)
    aad = fields("amparo/v1/register", BUNDLE, HEADER_DIGEST, bound or number)
    nonce = draw(f"register nonce {number}", 24)
    sealed = box(key, aad, nonce, plain)
    signed = fields("amparo/v1/register-sig", BUNDLE, HEADER_DIGEST, number, previous, sha256(sealed))
    return {
        "version": number, "previous": previous, "officer": officer, "nonce": nonce, "count": count,
        "bound": bound or number, "box_sha256": sha256(sealed), "signature": ref.sign(seed(pen or officer), signed),
        "places": {str(at): one if isinstance(one, bytes) else canonical(one).decode() for at, one in places.items()},
    }  # fmt: skip


def padded_place(one: dict[str, Any] | bytes | None) -> bytes:
    if isinstance(one, bytes):
        return one
    return padded(canonical(one) if one else b"", PLACE_BYTES)


def event_of(made: dict[str, Any]) -> bytes:
    """signed || signature."""
    signed = fields(
        "amparo/v1/register-sig", BUNDLE, HEADER_DIGEST, made["version"], made["previous"], made["box_sha256"]
    )
    return signed + bytes(made["signature"])


def digest_of(made: dict[str, Any]) -> bytes:
    return sha256(event_of(made))


def chain(*steps: dict[int, dict[str, Any] | bytes], **last: Any) -> list[dict[str, Any]]:
    """Versions 1, 2, ... with these places; further arguments go to the last one."""
    made: list[dict[str, Any]] = []
    for at, places in enumerate(steps):
        previous = digest_of(made[-1]) if made else bytes(32)
        more = last if at == len(steps) - 1 else {}
        made.append(version(more.pop("number", at + 1), more.pop("previous", previous), places, **more))
    return made


RAISED = record(flag(), LIAISON_3)
LOWERED = record(flag(number=2, state="lowered"), LIAISON_3, LIAISON_4)
AGAIN = record(flag(number=3), LIAISON_4)
SOUTHERN = record(flag(8, raiser=SOUTH, instruction="dual-control"), WORKER_1)
SOUTH_LOWERED = record(flag(8, 2, SOUTH, instruction="dual-control", state="lowered"), WORKER_1, LIAISON_3)


def add_entries(book: Book) -> None:
    book.form("flag", "given: the entry of a place; expected: its place, number, instruction and state")
    for instruction in ("no-contact", "no-reinterview", "no-onward-transfer", "no-export", "dual-control"):
        found = {"place": 0, "number": 1, "instruction": instruction, "state": "raised"}
        book.valid(f"a flag {instruction}", {"entry": canonical(flag(instruction=instruction)).decode()}, found)
    last = flag(63, 2**31, f"{SOUTH}", state="lowered", until="2031-12-31")
    found = {"place": 63, "number": 2**31, "instruction": "no-contact", "state": "lowered"}
    book.valid("a lowered flag in the last place", {"entry": canonical(last).decode()}, found)
    for title, change in {
        "an unknown instruction": {"instruction": "no-copy"},
        "an unknown state": {"state": "paused"},
        "a flag of version 2": {"v": 2},
        "a flag of version true": {"v": True},
        "a flag in place 64": {"place": 64},
        "a flag in place -1": {"place": -1},
        "a flag with number 0": {"number": 0},
        "a flag with number true": {"number": True},
        "a flag without a pseudonym": {"pseudonym": ""},
        "a flag of nothing": {"flag": ""},
        "a flag without a raiser": {"raiser": None},
        "a flag that concerns a text": {"concerns": "XA"},
        "a flag that concerns a number": {"concerns": [1]},
        "a flag from a time": {"from_": 1925000000},
        "a flag from a date without hyphens": {"from_": "20310101"},
        "a flag with a member too many": {"why": ""},
    }.items():
        book.invalid(title, "a flag no-contact", "format", entry=canonical(flag(**change)).decode())
    missing = {name: value for name, value in flag().items() if name != "until"}
    book.invalid("a flag without its end", "a flag no-contact", "format", entry=canonical(missing).decode())
    spaced = canonical(flag()).decode().replace(",", ", ", 1)
    book.invalid("a flag with white space", "a flag no-contact", "format", entry=spaced)


def add_chains(book: Book) -> None:
    book.form(
        "register",
        "given: R, bundle id, header digest, agencies in order of their places, officers and deputies, versions. The "
        'plaintext of a box is `count` places, all padded("", 1024) but those given (the text of a record, to be '
        "padded; or 1,024 bytes as they are, in hexadecimal digits); its key and aad are those of version `bound`, its "
        "SHA-256 must come out. expected: register digests, entries of the log (with `salt`, one for all), states "
        "at the end",
    )
    salt = draw("register salt")
    base = {
        "r": R, "bundle_id": BUNDLE, "header_digest": HEADER_DIGEST, "agencies": AGENCIES, "members": MEMBERS,
        "deputies": DEPUTIES, "log": LOG, "salt": salt,
    }  # fmt: skip
    object_key = expand(R, fields("amparo/v1/tag-key"), 32)

    def valid(name: str, versions: list[dict[str, Any]], **states: list[Any]) -> None:
        entries = [
            b"\2" + tag(object_key, "", one["version"]) + sha256(fields("amparo/v1/event", salt, event_of(one)))
            for one in versions
        ]
        found = {"digests": [digest_of(one) for one in versions], "entries": entries,
                 "states": {at.removeprefix("at_"): state for at, state in states.items()}}  # fmt: skip
        book.valid(name, {**base, "versions": versions}, found)

    remark = remarked(RAISED, WORKER_1, "seen")
    valid("an empty register", chain({}))
    valid("two versions without a change", chain({}, {}))
    valid("a flag raised", chain({}, {0: RAISED}), at_0=["raised", 1])
    valid("a flag raised with the bundle", chain({0: RAISED}), at_0=["raised", 1])
    valid("flags of two agencies", chain({0: RAISED}, {0: RAISED, 8: SOUTHERN}, officer=WORKER_1),
          at_0=["raised", 1], at_8=["raised", 1])  # fmt: skip
    valid("a remark", chain({0: RAISED}, {0: remark}, officer=WORKER_1), at_0=["raised", 1])
    valid("a flag lowered by two officers", chain({0: RAISED}, {0: LOWERED}), at_0=["lowered", 2])
    valid("a flag lowered by an officer and the deputy", chain({8: SOUTHERN}, {8: SOUTH_LOWERED}), at_8=["lowered", 2])
    valid("a flag raised again", chain({0: RAISED}, {0: LOWERED}, {0: AGAIN}), at_0=["raised", 3])
    valid("a remark that goes with a change", chain({0: remark}, {0: LOWERED}), at_0=["lowered", 2])

    add_refused_versions(book)
    add_refused_places(book, remark)


def refuse(book: Book, title: str, like: str, code: str, *steps: Any, **last: Any) -> None:
    book.invalid(title, like, code, versions=chain(*steps, **last))


def add_refused_versions(book: Book) -> None:
    """Numbers, predecessors, signatures and boxes of versions."""
    like, signature, conflict = "two versions without a change", "signature-invalid", "conflict"
    refuse(book, "a version number left out", like, conflict, {}, {}, number=3)
    refuse(book, "a version number twice", like, conflict, {}, {}, number=1)
    refuse(book, "a version with zeros as its predecessor", like, conflict, {}, {}, previous=bytes(32))
    first = chain({})
    refuse(book, "a version with another predecessor", like, conflict, {}, {}, previous=flipped(digest_of(first[0])))
    refuse(book, "a version signed by another officer than named", like, signature, {}, {}, pen=LIAISON_4)
    refuse(book, "a box bound to the version before", like, "decryption-failed", {}, {}, bound=1)
    refuse(book, "a register of 63 places", like, "format", {}, {}, count=63)
    refuse(book, "a register of 65 places", like, "format", {}, {}, count=65)
    refuse(book, "a first version with a predecessor", "an empty register", conflict, {}, previous=draw("previous"))
    refuse(book, "a first version with number 2", "an empty register", conflict, {}, number=2)
    for title, change in (
        ("a version with an altered signature", lambda one: {**one, "signature": flipped(one["signature"])}),
        ("a version over another box", lambda one: {**one, "nonce": draw("another nonce", 24)}),
    ):
        _refuse_changed(book, title, change)


def _refuse_changed(book: Book, title: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    first, second = chain({}, {})
    changed = change(copy.deepcopy(second))
    if changed["nonce"] != second["nonce"]:  # the officer signed another box than this one
        key = expand(R, fields("amparo/v1/register-key", 2), 32)
        aad = fields("amparo/v1/register", BUNDLE, HEADER_DIGEST, 2)
        changed["box_sha256"] = sha256(box(key, aad, changed["nonce"], padded_place(None) * PLACES))
    book.invalid(title, "two versions without a change", "signature-invalid", versions=[first, changed])


def add_refused_places(book: Book, remark: dict[str, Any]) -> None:
    """Places and the flags in them."""
    signature, form = "signature-invalid", "format"
    like = "a flag raised"
    west = f"{WEST}/prosecutor-1"
    for title, code, place, made in (
        ("a flag that names another place than it stands in", form, 1, RAISED),
        ("a flag in the places of another agency", form, 8, record(flag(8), LIAISON_3)),
        ("a flag in the places of no agency", form, 24, record(flag(24), LIAISON_3)),
        ("a flag that nobody signed", signature, 0, record(flag())),
        ("a flag that its raiser did not sign", signature, 0, record(flag(), west)),
        ("a flag signed by somebody unknown", signature, 0, record(flag(), f"{NORTH}/liaison-9")),
        ("a flag signed for another header", signature, 0, record(flag(), LIAISON_3, header=draw("another header"))),
        ("a flag signed under the label of remarks", signature, 0,
         record(flag(), LIAISON_3, label="amparo/v1/flag-remark")),
        ("a flag signed with another key", signature, 0, record(flag(), LIAISON_3, pens={LIAISON_3: LIAISON_4})),
        ("a flag that names a signer twice", signature, 0, record(flag(), LIAISON_3, LIAISON_3)),
        ("a flag with a signature by an agency's namesake", signature, 0,
         record(flag(), f"{NORTH}-two/liaison-1")),
        ("a flag with an altered entry", signature, 0,
         {**RAISED, "entry": b64u(canonical(flag(instruction="no-export")))}),
        ("a record with a member too many", form, 0, {**RAISED, "more": []}),
        ("a record without remarks", form, 0, {name: RAISED[name] for name in ("entry", "signatures")}),
        ("a signature with a member too many", form, 0,
         {**RAISED, "signatures": [{**RAISED["signatures"][0], "at": 1}]}),
        ("a signature of 63 bytes in a record", form, 0,
         {**RAISED, "signatures": [{**RAISED["signatures"][0], "signature": b64u(draw("short", 63))}]}),
        ("signatures that are an object", form, 0, {**RAISED, "signatures": {}}),
        ("an entry in base64 with padding", form, 0, {**RAISED, "entry": RAISED["entry"] + "="}),
    ):  # fmt: skip
        refuse(book, title, like, code, {}, {place: made})
    whole = padded(canonical(RAISED), PLACE_BYTES)
    for title, place in {
        "a place padded with a one": whole[:-1] + b"\1",
        "a place with a length beyond its end": (1021).to_bytes(4, "big") + whole[4:],
        "a place with a length one short": (len(canonical(RAISED)) - 1).to_bytes(4, "big") + whole[4:],
        "a place with white space in its record": padded(canonical(RAISED).replace(b",", b", ", 1), PLACE_BYTES),
        "an unused place that is not zero": bytes(4) + b"\1" + bytes(1019),
    }.items():
        refuse(book, title, like, form, {}, {0: place})

    like = "a flag lowered by two officers"
    for title, code, lowered in (
        ("a flag lowered by one officer", signature, record(flag(number=2, state="lowered"), LIAISON_3)),
        ("a flag lowered by one officer twice", signature,
         record(flag(number=2, state="lowered"), LIAISON_3, LIAISON_3)),
        ("a flag lowered by an officer of each of two agencies", signature,
         record(flag(number=2, state="lowered"), LIAISON_3, WORKER_1)),
        ("a flag lowered with a second signature that is another key's", signature,
         record(flag(number=2, state="lowered"), LIAISON_3, LIAISON_4, pens={LIAISON_4: LIAISON_3})),
        ("a number used again", form, record(flag(number=1, state="lowered"), LIAISON_3, LIAISON_4)),
        ("a flag changed under its old number", form, record(flag(instruction="no-export"), LIAISON_3)),
    ):  # fmt: skip
        refuse(book, title, like, code, {0: RAISED}, {0: lowered})
    refuse(book, "a raised flag that is dropped", like, form, {0: RAISED}, {})
    like = "a flag raised again"
    refuse(book, "an old raise after the lowering", like, form, {0: RAISED}, {0: LOWERED}, {0: RAISED})
    refuse(book, "a lowered flag that is dropped", like, form, {0: RAISED}, {0: LOWERED}, {})
    like = "a flag lowered by an officer and the deputy"
    refuse(book, "a flag lowered by the deputy alone", like, signature, {8: SOUTHERN}, {
        8: record(flag(8, 2, SOUTH, instruction="dual-control", state="lowered"), LIAISON_3)
    })  # fmt: skip
    like = "a remark"
    entry = canonical(flag(number=2))
    for title, made in {
        "a remark by somebody unknown": remarked(RAISED, f"{SOUTH}/case-worker-9", "seen"),
        "a remark on another entry": remarked(RAISED, WORKER_1, "seen", on=entry),
        "a remark under the label of flags": remarked(RAISED, WORKER_1, "seen", label="amparo/v1/flag"),
        "a remark with another text than signed": {**remark, "remarks": [{**remark["remarks"][0], "text": "not seen"}]},
    }.items():
        refuse(book, title, like, signature, {0: RAISED}, {0: made}, officer=WORKER_1)
    refuse(book, "a remark that is dropped", "a remark that goes with a change", form, {0: remark}, {0: RAISED})


def add(book: Book) -> None:
    """All of this module."""
    add_entries(book)
    add_chains(book)
