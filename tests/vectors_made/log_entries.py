"""Log entries, tags, append signatures, tiles and events (docs/protocol.md 6.1 to 6.3)."""

from collections.abc import Mapping
from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, canonical, fields, sha256
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.people import (
    DIRECTORY,
    EVENT,
    LIAISON_3,
    LIAISON_4,
    LOG,
    MEMBERS,
    NORTH,
    SOUTH,
    WORKER_1,
    common,
    receiving_key,
    seed,
    statement,
    tag,
)

OBJECT_KEY = draw("object key")
BUNDLE, HEADER_DIGEST = draw("bundle id", 16), draw("header digest")


def add_entries(book: Book) -> None:
    book.form("entry", "given: a log entry; expected: the statement of a directory entry, or tag and commitment")
    listed = statement({"v": 1, "kind": "log-closed", "log": LOG, "successor": "log.example/2027"}, "log")
    own, commitment = tag(OBJECT_KEY, NORTH, 0), draw("commitment")
    book.valid("a directory entry", {"entry": b"\1" + listed}, {"statement": listed})
    like = "the entry of an event"
    book.valid(like, {"entry": b"\2" + own + commitment}, {"tag": own, "commitment": commitment})
    book.invalid("a directory entry without a statement", "a directory entry", "format", entry=b"\1")
    for title, data in {
        "an empty entry": b"",
        "an entry of kind 0": b"\0" + own + commitment,
        "an entry of kind 3": b"\3" + own + commitment,
        "the entry of an event, one byte short": b"\2" + own + commitment[:-1],
        "the entry of an event, one byte long": b"\2" + own + commitment + b"\0",
    }.items():
        book.invalid(title, like, "format", entry=data)
    book.form("event-entry", "given: tag, salt and signed event; expected: its entry")
    salt, event = draw("event salt"), b"the bytes of a statement, or of a register version with its signature"
    entry = b"\2" + own + sha256(fields("amparo/v1/event", salt, event))
    like = "a commitment to an event"
    book.valid(like, {"tag": own, "salt": salt, "event": event}, {"entry": entry})
    book.invalid("a tag of 15 bytes", like, "format", tag=own[:-1])
    book.invalid("a salt of 31 bytes", like, "format", salt=salt[:-1])


def add_tags(book: Book) -> None:
    book.form("tag", "given: object key, agency, number; expected: the tag")
    for title, agency, number in (
        ("the first tag of an agency", NORTH, 0),
        ("the second tag of an agency", NORTH, 1),
        ("the first tag of another agency", SOUTH, 0),
        ("the tag of the first register version", "", 1),
        ("the tag of a large number", NORTH, 2**31),
    ):
        given = {"object_key": OBJECT_KEY, "agency": agency, "number": number}
        book.valid(title, given, {"tag": tag(OBJECT_KEY, agency, number)})
    book.invalid("a tag of number -1", "the first tag of an agency", "format", number=-1)
    book.invalid("a tag of number 2^64", "the first tag of an agency", "format", number=2**64)
    book.form("handle-tag", "given: a handle; expected: the tag of every event on it")
    handle = draw("handle")
    book.valid("the tag of a handle", {"handle": handle}, {"tag": sha256(fields("amparo/v1/handle-tag", handle))[:16]})


def add_appends(book: Book) -> None:
    book.form(
        "append",
        "given: officers, the caller's agency, log, entry, officer and append signature; expected: nothing more",
    )
    entry = b"\2" + tag(OBJECT_KEY, NORTH, 5) + draw("commitment 5")

    def signed(by: str = LIAISON_3, log: str = LOG, data: bytes = entry, label: str = "amparo/v1/append") -> bytes:
        return ref.sign(seed(by), fields(label, log, data))

    like = "an append signature"
    given = {"members": MEMBERS, "agency": NORTH, "log": LOG, "entry": entry, "officer": LIAISON_3}
    book.valid(like, {**given, "signature": signed()}, None)
    book.invalid("an append signature for another log", like, "signature-invalid", signature=signed(log="log.example"))
    book.invalid("an append signature of another entry", like, "signature-invalid",
                 signature=signed(data=flipped(entry)))  # fmt: skip
    book.invalid("an append signature under another label", like, "signature-invalid", signature=signed(label=EVENT))
    book.invalid("an append signature of another officer", like, "signature-invalid", signature=signed(LIAISON_4))
    book.invalid("an append signature cut by a byte", like, "signature-invalid", signature=signed()[:-1])
    book.invalid("an append by an officer of another agency", like, "not-permitted", officer=WORKER_1,
                 signature=signed(WORKER_1))  # fmt: skip
    book.invalid("an append by an unknown officer", like, "signature-invalid", officer=f"{NORTH}/liaison-9",
                 signature=signed(f"{NORTH}/liaison-9"))  # fmt: skip
    listed = b"\1" + entry[1:]
    book.invalid("an append of a directory entry", like, "format", entry=listed, signature=signed(data=listed))


def add_tiles(book: Book) -> None:
    book.form("tile-path", "given: the path of a tile; expected: level (-1 for entries), number, width")
    for path, found in {
        "0/000": (0, 0, 256),
        "0/000.p/1": (0, 0, 1),
        "1/x001/234": (1, 1234, 256),
        "63/x001/x234/067.p/255": (63, 1234067, 255),
        "entries/005.p/3": (-1, 5, 3),
    }.items():
        book.valid(f"tile {path}", {"path": path}, dict(zip(("level", "number", "width"), found, strict=True)))
    for title, path in {
        "a tile of level 64": "64/000",
        "a tile of level 00": "00/000",
        "a tile number of two digits": "0/00",
        "a tile number without its x": "0/001/234",
        "a tile number with a leading group of zeros": "0/x000/000",
        "a tile of width 0": "0/000.p/0",
        "a tile of width 256 as a partial one": "0/000.p/256",
        "a tile of width 257": "0/000.p/257",
        "a tile width with a leading zero": "0/000.p/01",
    }.items():
        book.invalid(title, "tile 0/000", "format", path=path)
    book.form("entry-bundle", "given: the bytes of an entry bundle, and its width; expected: its entries")
    entries = [b"\1abc", b"", b"\2" + bytes(48)]
    data = b"".join(len(one).to_bytes(2, "big") + one for one in entries)
    like = "an entry bundle"
    book.valid(like, {"data": data, "width": 3}, {"entries": entries})
    book.invalid("an entry bundle that is cut off", like, "format", data=data[:-1])
    book.invalid("an entry bundle with a byte more", like, "format", data=data + b"\0")
    book.invalid("an entry bundle with another number of entries", like, "format", width=2)


def on_bundle(kind: str, officer: str = LIAISON_3, number: int = 1, **more: Any) -> dict[str, Any]:
    body = common(kind, officer, number, tag(OBJECT_KEY, officer.split("/")[0], number))
    return {**body, "bundle_id": b64u(BUNDLE), "header_digest": b64u(HEADER_DIGEST), **more}


def bodies() -> dict[str, dict[str, Any]]:
    """An event of each kind on a bundle."""
    commitment = {"commitment": b64u(draw("details commitment"))}
    addendum = {
        "v": 1, "bundle_id": b64u(BUNDLE), "header_digest": b64u(HEADER_DIGEST), "agency": "west-court",
        "stanzas": [b64u(draw(f"stanza {number}", 1234)) for number in range(8)],
        "cover_addition": b64u(draw("cover addition", 8232)),
    }  # fmt: skip
    digest = {"register_digest": b64u(draw("register digest"))}
    asked = {**digest, "broker": "one", "one_time_key": b64u(receiving_key("one-time"))}
    return {
        "deposited": on_bundle("deposited", number=0, **digest),
        "open-requested": on_bundle("open-requested", **commitment, **asked),
        "opened": on_bundle("opened", number=2, **commitment, request=77),
        "open-failed": on_bundle("open-failed", number=2, **commitment, request=77),
        "returned": on_bundle("returned", number=3, **commitment),
        "filed": on_bundle("filed", number=3, **commitment),
        "stanza-handed-on": on_bundle("stanza-handed-on", number=4, **commitment, stanza=b64u(draw("stanza", 1234))),
        "addendum": on_bundle("addendum", number=5, addendum=b64u(canonical(addendum))),
    }


def notice(**changes: Any) -> dict[str, Any]:
    """The broker's own event."""
    body = on_bundle("half-lost-notice", number=0)
    return {**body, "agency": "", "officer": "", "tag": b64u(draw("notice tag", 16)), **changes}


def without(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def add_events(book: Book) -> None:
    book.form(
        "event",
        "given: an event's statement (base64url), whose signatures are not checked here; expected: what it says",
    )
    made = bodies()
    for kind, body in made.items():
        given = {"statement": b64u(statement(body, LIAISON_3))}
        names = ("kind", "agency", "officer", "number")
        found = {**{name: body[name] for name in names}, "bundle_id": BUNDLE, "header_digest": HEADER_DIGEST}
        book.valid(f"event {kind}", given, found)
    found = {"kind": "half-lost-notice", "agency": "", "officer": "", "number": 0, "bundle_id": BUNDLE,
             "header_digest": HEADER_DIGEST}  # fmt: skip
    book.valid("event half-lost-notice", {"statement": b64u(statement(notice(), "log"))}, found)

    def refuse(title: str, kind: str, body: dict[str, Any] | bytes, *signers: str) -> None:
        book.invalid(title, f"event {kind}", "format", statement=b64u(statement(body, *(signers or (LIAISON_3,)))))

    opened = made["opened"]
    seen = opened["checkpoint"]
    for title, changed in {
        "an event of an unknown kind": {"kind": "closed"},
        "an event of version 2": {"v": 2},
        "an event of version true": {"v": True},
        "an event of another log": {"log": "log.example/2025"},
        "an event with a member too many": {"place": ""},
        "an event with a negative number": {"number": -1},
        "an event with the number true": {"number": True},
        "an event with a number above 2^31": {"number": 2**31 + 1},
        "an event with a time as text": {"at": "2031-01-01"},
        "an event with an upper-case agency": {"agency": "North-police"},
        "an event by an officer without a number": {"officer": f"{NORTH}/liaison"},
        "an event by an officer with the number 0": {"officer": f"{NORTH}/liaison-0"},
        "an event by a desk": {"officer": f"desk/{NORTH}"},
        "a tag of 15 bytes in an event": {"tag": b64u(draw("tag", 15))},
        "a tag with padding": {"tag": opened["tag"] + "=="},
        "a bundle id of 15 bytes": {"bundle_id": b64u(BUNDLE[:-1])},
        "a header digest of 31 bytes": {"header_digest": b64u(HEADER_DIGEST[:-1])},
        "a commitment of null": {"commitment": None},
        "a request as text": {"request": "77"},
        "a checkpoint with a time": {"checkpoint": {**seen, "time": 1}},
        "a checkpoint with a negative size": {"checkpoint": {**seen, "size": -1}},
        "a checkpoint of null": {"checkpoint": None},
    }.items():
        refuse(title, "opened", {**opened, **changed})
    refuse("an event without its request", "opened", without(opened, "request"))
    refuse("an event with details and no commitment", "opened", without(opened, "commitment"))
    refuse("an event with an empty body", "opened", b"", LIAISON_3)
    refuse("a body with a space", "opened", canonical(opened).replace(b'"v":1', b'"v": 1'))
    refuse("a body that is a list", "opened", canonical([opened]))
    raw = canonical(opened)
    signature = ref.sign(seed(LIAISON_3), fields(EVENT, raw))
    label = "amparo/v1/statement"
    for title, whole in {
        "an event without a signature": fields(label, raw),
        "a signer without a signature": fields(label, raw, LIAISON_3),
        "a signature of 63 bytes": fields(label, raw, LIAISON_3, signature[:-1]),
        "one signer twice": fields(label, raw, LIAISON_3, signature, LIAISON_3, signature),
        "a statement with another label": fields("amparo/v1/event", raw, LIAISON_3, signature),
        "a statement with a byte more": fields(label, raw, LIAISON_3, signature) + b"\0",
        "a signer who is not ASCII": fields(label, raw, f"{NORTH}/liaisón-3", signature),
    }.items():
        book.invalid(title, "event opened", "format", statement=b64u(whole))
    request = made["open-requested"]
    refuse("a one-time key of 1,215 bytes", "open-requested", {**request, "one_time_key": request["one_time_key"][:-2]})
    refuse("a request without a one-time key", "open-requested", {**request, "one_time_key": None})
    refuse("a broker that is a number", "open-requested", {**request, "broker": 1})
    handed = made["stanza-handed-on"]
    refuse("a stanza of 1,233 bytes", "stanza-handed-on", {**handed, "stanza": b64u(draw("stanza", 1233))})
    refuse("a deposit without a register digest", "deposited", {**made["deposited"], "register_digest": None})
    refuse("a notice of the broker that names an agency", "half-lost-notice", notice(agency=NORTH), "log")
    refuse("a notice of the broker that names an officer", "half-lost-notice", notice(officer=LIAISON_3), "log")


def add_signed_events(book: Book) -> None:
    book.form(
        "signed-event",
        "given: officers, the caller's agency, an event as it is sent (statement, salt, details_box; base64url), as "
        "the broker checks it; expected: its entry",
    )
    made = bodies()
    salt, box = draw("event salt"), draw("details box", 1096)

    def given(raw: bytes, details: bytes | None = box) -> dict[str, Any]:
        sent = None if details is None else b64u(details)
        return {"members": MEMBERS, "agency": NORTH, "statement": b64u(raw), "salt": b64u(salt), "details_box": sent}

    def entry(body: dict[str, Any], raw: bytes) -> bytes:
        return b"\2" + unb64u(body["tag"]) + sha256(fields("amparo/v1/event", salt, raw))

    like = "a signed event with details"
    opened = made["opened"]
    raw = statement(opened, LIAISON_3)
    book.valid(like, given(raw), {"entry": entry(opened, raw)})
    plain = statement(made["deposited"], LIAISON_3)
    bare = "a signed event without details"
    book.valid(bare, given(plain, None), {"entry": entry(made["deposited"], plain)})
    other = on_bundle("opened", WORKER_1, 2, commitment=opened["commitment"], request=77)
    crossed = {**opened, "officer": WORKER_1}
    for title, code, whole in (
        ("an event signed under another label", "signature-invalid", statement(opened, LIAISON_3, label=DIRECTORY)),
        ("an event signed with another officer's key", "signature-invalid",
         statement(opened, LIAISON_3, pens={LIAISON_3: LIAISON_4})),
        ("an event signed by an officer whom it does not name", "signature-invalid", statement(opened, LIAISON_4)),
        ("an event signed by a second officer too", "signature-invalid", statement(opened, LIAISON_3, LIAISON_4)),
        ("an event whose body was altered", "signature-invalid", raw.replace(b'"request":77', b'"request":78')),
        ("an event of another agency", "not-permitted", statement(other, WORKER_1)),
        ("an event by an officer of another agency", "not-permitted", statement(crossed, WORKER_1)),
        ("an event by an officer without a certificate", "signature-invalid",
         statement({**opened, "officer": f"{NORTH}/liaison-9"}, f"{NORTH}/liaison-9")),
    ):  # fmt: skip
        book.invalid(title, like, code, statement=b64u(whole))
    book.invalid("an event with a commitment and no details", like, "format", details_box=None)
    book.invalid("an event with details and no commitment in it", bare, "format", details_box=b64u(box))
    book.invalid("a salt of 31 bytes with an event", like, "format", salt=b64u(salt[:-1]))


def unb64u(text: str) -> bytes:
    return ref.base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def add(book: Book) -> None:
    """All of this module."""
    add_entries(book)
    add_tags(book)
    add_appends(book)
    add_tiles(book)
    add_events(book)
    add_signed_events(book)
