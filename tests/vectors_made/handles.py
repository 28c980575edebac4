"""Handles of consent: derivation, spares, events on them, purge receipts (docs/protocol.md 6.3 and 7)."""

from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, canonical, expand, fields, padded, sha256
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.hpke_box import seal
from tests.vectors_made.people import (
    ADMIN_1,
    DEPUTIES,
    DIRECTORY,
    EVENT,
    LIAISON_3,
    LIAISON_4,
    LOG,
    MEMBERS,
    NORTH,
    SOUTH,
    WEST,
    WORKER_1,
    common,
    member,
    receiving_key,
    seed,
)

SECRET, BUNDLE = draw("handle secret of north"), draw("handle bundle", 16)


def handle_seed(place: int) -> bytes:
    return expand(SECRET, fields("amparo/v1/handle-key", BUNDLE, place), 32)


def handle(place: int) -> bytes:
    return sha256(fields("amparo/v1/handle", ref.public_key(handle_seed(place))))


def handle_tag(value: bytes) -> bytes:
    return sha256(fields("amparo/v1/handle-tag", value))[:16]


def spares(place: int, agency: str, first: int) -> dict[str, Any]:
    handles = [b64u(handle(first + at)) for at in range(16)]
    return {"place": place, "agency": agency, "first": first, "handles": handles}


def add_derivations(book: Book) -> None:
    book.form("handle", "given: secret of the agency, bundle id, place; expected: seed, public key, handle, tag")
    for place in (0, 7, 8, 2**20):
        given = {"secret": SECRET, "bundle_id": BUNDLE, "place": place}
        public = ref.public_key(handle_seed(place))
        book.valid(f"the handle at place {place}", given, {
            "seed": handle_seed(place), "public_key": public, "handle": handle(place), "tag": handle_tag(handle(place))
        })  # fmt: skip
    book.invalid("a handle at place -1", "the handle at place 0", "format", place=-1)
    book.form("deal", "given: secret, bundle id, places in use, recipients; expected: the manifest's `spares`")
    places, agencies = [2, 0], [SOUTH, WEST]
    given = {"secret": SECRET, "bundle_id": BUNDLE, "places": places, "agencies": agencies}
    dealt = [spares(0, SOUTH, 8), spares(0, WEST, 24), spares(2, SOUTH, 40), spares(2, WEST, 56)]
    book.valid("spares of two places for two agencies", given, dealt)
    book.valid("spares of one place for one agency", {**given, "places": [0], "agencies": [SOUTH]}, dealt[:1])
    book.valid("no place in use", {**given, "places": []}, [])
    book.form(
        "derive",
        "given: a range that was dealt to the agency, handles of it that are used, recipients of the derivative, the "
        "header place; expected: the spare for that place, and what is dealt",
    )
    given = {"range": dealt[0], "used": [b64u(handle(8))], "agencies": [WEST], "place": 3}
    rest = [b64u(handle(10 + at)) for at in range(14)]
    passed = {"place": 3, "agency": WEST, "first": None, "handles": rest}
    like = "a derivative's spare"
    book.valid(like, given, {"own": handle(9), "dealt": [passed]})
    book.invalid("a range without a spare left", like, "limit-exceeded", used=dealt[0]["handles"])


def add_ranges(book: Book) -> None:
    book.form("spares", "given: a range of the manifest's `spares`; expected: its place, agency, first, and how many")
    good = spares(0, SOUTH, 8)
    like = "a range"
    book.valid(like, {"range": good}, {"place": 0, "agency": SOUTH, "first": 8, "count": 16})
    passed = {**good, "first": None, "handles": good["handles"][3:]}
    book.valid(
        "a range that was passed on", {"range": passed}, {"place": 0, "agency": SOUTH, "first": None, "count": 13}
    )
    for title, change in {
        "a range of 17 handles": {"handles": [*good["handles"], b64u(handle(24))]},
        "a range that names a handle twice": {"handles": [*good["handles"][:15], good["handles"][0]]},
        "a range for place 8": {"place": 8},
        "a range for place -1": {"place": -1},
        "a range for place true": {"place": True},
        "a range that begins at place 7": {"first": 7},
        "a range for an agency with a space": {"agency": "south ngo"},
        "a handle of 31 bytes": {"handles": [b64u(draw("short handle", 31))]},
        "handles that are a text": {"handles": good["handles"][0]},
        "a range with a member too many": {"bundle": None},
    }.items():
        book.invalid(title, like, "format", range={**good, **change})
    missing = {name: value for name, value in good.items() if name != "first"}
    book.invalid("a range without its first place", like, "format", range=missing)


def event(kind: str, officer: str = LIAISON_3, number: int = 0, place: int = 0, **changes: Any) -> dict[str, Any]:
    own = handle(place)
    body = {**common(kind, officer, number, handle_tag(own)), "handle": b64u(own)}
    if kind != "purge-receipt":
        key = None if kind == "handle-lifted" else b64u(receiving_key("purge"))
        body |= {"handle_key": b64u(ref.public_key(handle_seed(place))), "one_time_key": key}
    return {**body, **changes}


def signed(
    body: dict[str, Any], *signers: str, place: int = 0, label: str = EVENT, pens: dict[str, str] | None = None
) -> str:
    """A statement in base64url; `handle` signs with the key at `place`."""
    raw = canonical(body)
    parts: list[bytes | str] = []
    for by in signers:
        key = handle_seed(place) if by == "handle" else seed((pens or {}).get(by, by))
        parts += [by, ref.sign(key, fields(label, raw))]
    return b64u(fields("amparo/v1/statement", raw, *parts))


def add_events(book: Book) -> None:
    book.form(
        "handle-event",
        "given: officers, deputies, the acting agency, an event on a handle (base64url), as broker and desks check it, "
        "but for the age of a hold; expected: kind, handle, tag",
    )
    members = [*MEMBERS, member(ADMIN_1, ["administrator"])]
    south = member(f"{SOUTH}/case-worker-2", ["case-worker"])
    base = {"log": LOG, "members": [*members, south], "deputies": DEPUTIES, "agency": NORTH}
    found = {"handle": handle(0), "tag": handle_tag(handle(0))}
    two = ("handle", LIAISON_3, LIAISON_4)
    for kind, signers in (
        ("handle-held", two[:2]), ("handle-lifted", two), ("handle-destroyed", two)
    ):  # fmt: skip
        book.valid(kind, {**base, "statement": signed(event(kind), *signers)}, {"kind": kind, **found})
    alone = signed(event("handle-destroyed", number=1), "handle", LIAISON_3)
    book.valid("handle-destroyed by one officer, after a hold of 14 days", {**base, "statement": alone},
               {"kind": "handle-destroyed", **found})  # fmt: skip
    by_deputy = signed(event("handle-lifted", WORKER_1), WORKER_1, "handle", LIAISON_3)
    book.valid("handle-lifted by an officer and the deputy", {**base, "agency": SOUTH, "statement": by_deputy},
               {"kind": "handle-lifted", **found})  # fmt: skip
    box = b64u(draw("receipt box", 2160))
    receipt = event("purge-receipt", WORKER_1, box=box)
    book.valid("purge-receipt", {**base, "agency": SOUTH, "statement": signed(receipt, WORKER_1)},
               {"kind": "purge-receipt", **found})  # fmt: skip
    _refuse_events(book, two)
    _refuse_receipts(book, receipt)


def _refuse_events(book: Book, two: tuple[str, str, str]) -> None:
    held, lifted = event("handle-held"), event("handle-lifted")

    def refuse(title: str, code: str, statement: str, like: str = "handle-held") -> None:
        book.invalid(title, like, code, statement=statement)

    refuse("a hold that the handle's key did not sign", "signature-invalid", signed(held, LIAISON_3))
    refuse("a hold that no officer signed", "signature-invalid", signed(held, "handle"))
    refuse("a hold signed by another handle's key", "signature-invalid", signed(held, *two[:2], place=1))
    refuse("a hold with the key of another handle", "commitment-mismatch",
           signed({**held, "handle_key": b64u(ref.public_key(handle_seed(1)))}, *two[:2], place=1))  # fmt: skip
    refuse("a hold signed by an officer whom it does not name", "signature-invalid", signed(held, "handle", LIAISON_4))
    refuse("a hold with a second signer of another agency", "not-permitted", signed(held, *two[:2], WORKER_1))
    refuse("a hold under another label", "signature-invalid", signed(held, *two[:2], label=DIRECTORY))
    refuse("a hold signed with another officer's key", "signature-invalid",
           signed(held, *two[:2], pens={LIAISON_3: LIAISON_4}))  # fmt: skip
    refuse("a hold by an officer of another agency", "not-permitted",
           signed({**held, "officer": WORKER_1}, "handle", WORKER_1))  # fmt: skip
    refuse("a hold for another agency", "not-permitted",
           signed(event("handle-held", WORKER_1), "handle", WORKER_1))  # fmt: skip
    refuse("a hold with the tag of another handle", "format",
           signed({**held, "tag": b64u(handle_tag(handle(1)))}, *two[:2]))  # fmt: skip
    refuse("a hold without a one-time key", "format", signed({**held, "one_time_key": None}, *two[:2]))
    refuse("a handle of 31 bytes in an event", "format", signed({**held, "handle": b64u(handle(0)[:-1])}, *two[:2]))
    refuse("a hold with a bundle id", "format", signed({**held, "bundle_id": b64u(BUNDLE)}, *two[:2]))
    small = b64u(bytes([1]) + bytes(31))
    refuse("a handle's key of small order", "format", signed({**held, "handle_key": small}, *two[:2]))
    like = "handle-lifted"
    refuse("a lifting by one officer", "signature-invalid", signed(lifted, *two[:2]), like)
    refuse("a lifting by an officer and an administrator", "signature-invalid", signed(lifted, *two[:2], ADMIN_1), like)
    refuse("a lifting by one officer twice", "format", signed(lifted, *two[:2], LIAISON_3), like)
    refuse("a lifting by the deputy of another agency", "not-permitted", signed(lifted, *two[:2], WORKER_1), like)


def _refuse_receipts(book: Book, receipt: dict[str, Any]) -> None:
    def refuse(title: str, code: str, statement: str) -> None:
        book.invalid(title, "purge-receipt", code, statement=statement)

    refuse("a receipt signed by another officer", "signature-invalid", signed(receipt, f"{SOUTH}/case-worker-2"))
    refuse("a receipt that the handle's key signed too", "signature-invalid", signed(receipt, WORKER_1, "handle"))
    refuse("a receipt with a box of another length", "format",
           signed({**receipt, "box": b64u(draw("receipt box", 2159))}, WORKER_1))  # fmt: skip
    refuse("a receipt with a handle's key", "format",
           signed({**receipt, "handle_key": b64u(ref.public_key(handle_seed(0)))}, WORKER_1))  # fmt: skip


def add_receipts(book: Book) -> None:
    book.form(
        "receipt",
        "given: the handle, the holder's agency, the box; `secret` is the maker's handle secret, `one_time_secret` "
        "what this project derives from it for the handle; expected: the receipt",
    )
    own = handle(0)
    one_time = expand(SECRET, fields("amparo/v1/purge-key", own), 96)
    bundle = {"bundle_id": b64u(BUNDLE), "header_digest": b64u(draw("header digest"))}
    pack = {"pack": b64u(draw("pack", 16)), "disclosed": True}
    value = {"v": 1, "state": "deleted", "ground": None, "bundles": [bundle], "items": 3, "packs": [pack]}

    def sealed(
        receipt: Any,
        agency: str = SOUTH,
        label: str = "amparo/v1/purge-receipt",
        about: bytes = own,
        plain: bytes = b"",
    ) -> bytes:
        raw = receipt if isinstance(receipt, bytes) else canonical(receipt)
        return seal(ref.xwing_public(one_time), fields(label, about, agency), plain or padded(raw, 1024))

    like = "a receipt"
    base = {"secret": SECRET, "one_time_secret": one_time, "handle": own, "agency": SOUTH}
    book.valid(like, {**base, "box": sealed(value)}, value)
    kept = {**value, "state": "kept", "ground": "a court ordered it", "items": 0, "bundles": [], "packs": []}
    book.valid("a receipt for what is kept", {**base, "box": sealed(kept)}, kept)
    for title, box in {
        "a receipt for another agency": sealed(value, WEST),
        "a receipt for another handle": sealed(value, about=handle(1)),
        "a receipt under another label": sealed(value, label="amparo/v1/release"),
        "an altered receipt": flipped(sealed(value)),
        "a receipt to another key": seal(receiving_key("other"), fields("amparo/v1/purge-receipt", own, SOUTH),
                                         padded(canonical(value), 1024)),
    }.items():  # fmt: skip
        book.invalid(title, like, "decryption-failed", box=box)
    whole = padded(canonical(value), 1024)
    spoilt = {
        "a receipt that is not padded": {"plain": canonical(value)},
        "a receipt padded with a one": {"plain": whole[:-1] + b"\1"},
        "a receipt with white space": {"receipt": canonical(value).replace(b",", b", ", 1)},
        "a receipt that is a list": {"receipt": [value]},
        "a receipt of version 2": {"receipt": {**value, "v": 2}},
        "a receipt with a member too many": {"receipt": {**value, "more": 1}},
        "a receipt without its state": {"receipt": {name: one for name, one in value.items() if name != "state"}},
        "a receipt of an unknown state": {"receipt": {**value, "state": "lost"}},
        "a receipt of -1 items": {"receipt": {**value, "items": -1}},
        "a receipt with a number as its ground": {"receipt": {**value, "ground": 1}},
        "a receipt whose pack has no id": {"receipt": {**value, "packs": [{"disclosed": True}]}},
        "a receipt whose bundle has a short id": {"receipt": {**value, "bundles": [{**bundle, "bundle_id": "AAAA"}]}},
    }
    for title, given in spoilt.items():
        book.invalid(title, like, "format", box=sealed(given.get("receipt", value), plain=given.get("plain", b"")))


def add(book: Book) -> None:
    """All of this module."""
    add_derivations(book)
    add_ranges(book)
    add_events(book)
    add_receipts(book)
