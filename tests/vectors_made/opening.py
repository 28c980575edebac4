"""Padding, boxes, shares, stanzas, halves, details, approvals, releases (docs/protocol.md 1, 3.2, 3.3 and 4)."""

from collections.abc import Sequence
from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, box, canonical, expand, fields, padded, sha256
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.hpke_box import seal
from tests.vectors_made.people import LIAISON_4, LOG, NORTH, SOUTH, WORKER_1, common, public, seed, statement, tag

BUNDLE, HEADER_DIGEST = draw("opening bundle", 16), draw("opening header digest")
S, B, R, D = (draw(f"opening {name}") for name in "SBRD")
CTX = fields(
    "amparo/bundle/v1", "amparo-1", BUNDLE, LOG, NORTH, f"{NORTH}/liaison-3", public(f"{NORTH}/liaison-3"), 1, 4096
)
CONTEXT = ref.hashlib.sha512(CTX).digest()
C_S, C_B = sha256(fields("amparo/v1/cS", BUNDLE, S)), sha256(fields("amparo/v1/cB", BUNDLE, B))


def agency_secret(agency: str) -> bytes:
    return expand(D, fields("amparo/v1/D", agency), 32)


def add_padding(book: Book) -> None:
    book.form("padme", "given: a length in bytes; expected: the padded length, with the floor of 4,096")
    for length in (0, 1, 4095, 4096, 4097, 4224, 4225, 65535, 65537, 10**6, 10**9 + 1, 2**40 + 1, 2**52 - 1):
        book.valid(f"padme of {length}", {"length": length}, {"padded": ref.padme(length)})
    book.form("padded", "given: a padded record and its size; expected: the data in it")
    like = "a padded record"
    good = padded(b"data", 16)
    book.valid(like, {"padded": good, "size": 16}, {"data": b"data"})
    book.valid("a padded record of nothing", {"padded": padded(b"", 16), "size": 16}, {"data": b""})
    book.valid("a padded record that is full", {"padded": padded(b"x" * 12, 16), "size": 16}, {"data": b"x" * 12})
    for title, data in {
        "a padded record that ends in a one": good[:-1] + b"\1",
        "a padded record with a length one too short": b"\0\0\0\3" + good[4:],
        "a padded record with a length beyond its end": b"\0\0\0\x0d" + good[4:],
        "a padded record with a length of 2^32 - 1": b"\xff" * 4 + good[4:],
        "a padded record with a little-endian length": b"\4\0\0\0" + good[4:],
        "a padded record one byte short": good[:-1],
        "a padded record one byte long": good + b"\0",
    }.items():
        book.invalid(title, like, "format", padded=data)
    book.form("box", "given: key, aad, box; expected: the plaintext")
    key, aad, nonce = draw("box key"), b"aad", draw("box nonce", 24)
    sealed = box(key, aad, nonce, b"plain")
    like = "a box"
    book.valid(like, {"key": key, "aad": aad, "box": sealed}, {"plain": b"plain"})
    book.valid("a box of nothing", {"key": key, "aad": b"", "box": box(key, b"", nonce, b"")}, {"plain": b""})
    for title, data in {
        "a box with an altered nonce": flipped(sealed, 0),
        "a box with an altered ciphertext": flipped(sealed, 24),
        "a box with an altered tag": flipped(sealed),
        "a box one byte short": sealed[:-1],
        "a box one byte long": sealed + b"\0",
        "a box shorter than nonce and tag": sealed[:39],
        "no box": b"",
    }.items():
        book.invalid(title, like, "decryption-failed", box=data)
    book.invalid("a box with another aad", like, "decryption-failed", aad=b"aae")
    book.invalid("a box with another key", like, "decryption-failed", key=flipped(key))
    book.invalid("a box key of 31 bytes", like, "format", key=key[:-1])


def add_shares(book: Book) -> None:
    book.form("split", "given: secret, coefficients of x, x^2 ..., how many shares; expected: the shares, x from 1")
    for name, degree, count in (("two", 1, 3), ("three", 2, 5), ("eight", 7, 8)):
        higher = [draw(f"coefficient {name} {at}") for at in range(degree)]
        made = [ref.share(S, higher, x) for x in range(1, count + 1)]
        book.valid(f"a split of which {name} are needed", {"secret": S, "coefficients": higher, "count": count},
                   {"shares": made})  # fmt: skip
    book.valid("a split into 255", {"secret": b"\1", "coefficients": [b"\2"], "count": 255},
               {"shares": [ref.share(b"\1", [b"\2"], x) for x in range(1, 256)]})  # fmt: skip
    book.invalid("a split into 256", "a split into 255", "format", count=256)
    book.invalid("a split into fewer than are needed", "a split of which three are needed", "format", count=2)
    book.form(
        "shares",
        "given: bundle id, c_s, stanzas of one agency's officers (threshold, x, share); expected: S out of them",
    )

    def stanzas(threshold: int, shares: Sequence[tuple[int, bytes]]) -> list[dict[str, Any]]:
        return [{"threshold": threshold, "x": x, "share": share} for x, share in shares]

    two = [(x, ref.share(S, [draw("coefficient two 0")], x)) for x in (1, 2, 3)]
    other = [(x, ref.share(S, [draw("coefficient of another agency")], x)) for x in (1, 2, 3)]
    higher = [draw(f"coefficient three {at}") for at in range(2)]
    five = [(x, ref.share(S, higher, x)) for x in range(1, 6)]
    base = {"bundle_id": BUNDLE, "c_s": C_S}
    like = "two shares of two"
    book.valid("the whole of one", {**base, "stanzas": stanzas(1, [(1, S)])}, {"s": S})
    book.valid(like, {**base, "stanzas": stanzas(2, two[:2])}, {"s": S})
    book.valid("two other shares, out of order", {**base, "stanzas": stanzas(2, [two[2], two[0]])}, {"s": S})
    book.valid("three shares of five", {**base, "stanzas": stanzas(3, [five[4], five[0], five[2]])}, {"s": S})
    for title, code, made in (
        ("one share where two are needed", "commitment-mismatch", stanzas(2, two[:1])),
        ("a share with another x", "commitment-mismatch", stanzas(2, [two[0], (3, two[1][1])])),
        ("two shares with exchanged x", "commitment-mismatch", stanzas(2, [(2, two[0][1]), (1, two[1][1])])),
        ("an altered share", "commitment-mismatch", stanzas(2, [two[0], (2, flipped(two[1][1]))])),
        ("shares of two agencies", "commitment-mismatch", stanzas(2, [two[0], other[1]])),
        ("one x twice", "format", stanzas(2, [two[0], two[0]])),
        ("one x twice with two shares", "format", stanzas(2, [two[0], (1, two[1][1])])),
        ("a share with x = 0", "format", stanzas(2, [two[0], (0, S)])),
        ("a share with x = 256", "format", stanzas(2, [two[0], (256, two[1][1])])),
        ("a share of 31 bytes", "format", stanzas(2, [two[0], (2, two[1][1][:-1])])),
        ("two thresholds", "format", [*stanzas(2, two[:1]), *stanzas(3, two[1:2])]),
    ):
        book.invalid(title, like, code, stanzas=made)
    book.invalid("two shares of five where three are needed", "three shares of five", "commitment-mismatch",
                 stanzas=stanzas(3, five[:2]))  # fmt: skip
    book.invalid("a commitment to another S", like, "commitment-mismatch", c_s=flipped(C_S))


def add_sealed(book: Book) -> None:
    """What is sealed to keys: stanzas and halves."""
    book.form("stanza", "given: the secret of a receiving key, ctx, a stanza; expected: what it holds")
    secret = draw("receiving key of officer", 96)
    key = ref.xwing_public(secret)
    tail = S + R + agency_secret(SOUTH)
    info = fields("amparo/v1/stanza", CONTEXT)
    like = "a stanza"
    base = {"secret": secret, "ctx": CTX}
    found = {"threshold": 2, "x": 1, "share": S, "r": R, "agency_secret": agency_secret(SOUTH)}
    book.valid(like, {**base, "stanza": seal(key, info, b"\2\1" + tail)}, found)
    book.valid(
        "a stanza with the highest x", {**base, "stanza": seal(key, info, b"\2\xff" + tail)}, {**found, "x": 255}
    )
    for title, plain in {
        "a stanza with x = 0 in it": b"\2\0" + tail,
        "a stanza with a threshold of 0": b"\0\1" + tail,
        "a stanza of 97 bytes": b"\2\1" + tail[:-1],
        "a stanza of 99 bytes": b"\2\1" + tail + b"\0",
        "an empty stanza": b"",
    }.items():
        book.invalid(title, like, "format", stanza=seal(key, info, plain))
    good = seal(key, info, b"\2\1" + tail)
    other = ref.xwing_public(draw("receiving key of a stranger", 96))
    for title, sealed in {
        "a stanza to another key": seal(other, info, b"\2\1" + tail),
        "a stanza of another bundle": seal(key, fields("amparo/v1/stanza", flipped(CONTEXT)), b"\2\1" + tail),
        "a stanza under another label": seal(key, fields("amparo/v1/half", CONTEXT), b"\2\1" + tail),
        "a stanza with an altered ML-KEM part": flipped(good, 0),
        "a stanza with an altered X25519 part": flipped(good, 1100),
        "a stanza with an altered ciphertext": flipped(good, 1120),
        "a stanza with an altered tag": flipped(good),
        "a stanza one byte short": good[:-1],
    }.items():
        book.invalid(title, like, "decryption-failed", stanza=sealed)
    book.form("half", "given: the operator's secret, ctx, bundle id, number, c_b, a sealed half; expected: B")
    secret = draw("receiving key of operator", 96)
    key = ref.xwing_public(secret)

    def half(number: int = 1, what: bytes = B, context: bytes = CONTEXT) -> bytes:
        return seal(key, fields("amparo/v1/half", context, number), what)

    like = "a half"
    book.valid(
        like, {"secret": secret, "ctx": CTX, "bundle_id": BUNDLE, "number": 1, "c_b": C_B, "half": half()}, {"b": B}
    )
    book.invalid("a half with another number", like, "decryption-failed", half=half(2))
    book.invalid("a half of another bundle", like, "decryption-failed", half=half(context=flipped(CONTEXT)))
    book.invalid("an altered half", like, "decryption-failed", half=flipped(half()))
    book.invalid("another half than the header commits to", like, "commitment-mismatch", half=half(what=flipped(B)))


def request(**changes: Any) -> dict[str, Any]:
    """The body of a request to open by an officer of the second agency."""
    key = expand(R, fields("amparo/v1/tag-key"), 32)
    return {
        **common("open-requested", WORKER_1, 0, tag(key, SOUTH, 0)), "bundle_id": b64u(BUNDLE),
        "header_digest": b64u(HEADER_DIGEST), "register_digest": b64u(draw("opening register digest")), "broker": "one",
        "one_time_key": b64u(ref.xwing_public(draw("one-time key", 96))), "commitment": b64u(COMMITMENT), **changes,
    }  # fmt: skip


CORE = (
    "agency",
    "bundle_id",
    "header_digest",
    "register_digest",
    "log",
    "broker",
    "one_time_key",
    "number",
    "checkpoint",
)
SALT = draw("opening salt")
DETAILS = canonical({"purpose": "prosecution", "legal_basis": "mla", "place": "office", "approval": None})
COMMITMENT = sha256(fields("amparo/v1/details", SALT, DETAILS))


def core_of(body: dict[str, Any]) -> bytes:
    if body["kind"] == "open-requested":
        return canonical({name: body[name] for name in CORE})
    return canonical({name: value for name, value in body.items() if name != "commitment"})


def opened(**changes: Any) -> dict[str, Any]:
    key = expand(R, fields("amparo/v1/tag-key"), 32)
    body = {**common("opened", WORKER_1, 1, tag(key, SOUTH, 1)), "bundle_id": b64u(BUNDLE)}
    return {**body, "header_digest": b64u(HEADER_DIGEST), "request": 77, "commitment": b64u(COMMITMENT), **changes}


def add_details(book: Book) -> None:
    book.form("core", "given: the body of an event on a bundle, as text; expected: its core")
    for name, body in (("a request", request()), ("an event with a note", opened())):
        book.valid(f"the core of {name}", {"body": canonical(body).decode()}, {"core": core_of(body).decode()})
    book.form(
        "details",
        "given: D_a of the event's agency, bundle id, the event's body as text, the box; expected: the details",
    )
    key = expand(agency_secret(SOUTH), fields("amparo/v1/details-key", BUNDLE), 32)

    def sealed(
        body: dict[str, Any], plain: bytes = SALT + padded(DETAILS, 1024), secret: bytes = key, aad: bytes = b""
    ) -> bytes:
        return box(secret, aad or sha256(core_of(body)), draw("opening nonce", 24), plain)

    for name, body in (("details of a request", request()), ("details of another event", opened())):
        given = {"agency_secret": agency_secret(SOUTH), "bundle_id": BUNDLE, "body": canonical(body).decode()}
        book.valid(name, {**given, "details_box": sealed(body)}, {"details": ref.json.loads(DETAILS)})
    like, body = "details of a request", request()
    good = sealed(body)
    north = expand(agency_secret(NORTH), fields("amparo/v1/details-key", BUNDLE), 32)
    other = expand(agency_secret(SOUTH), fields("amparo/v1/details-key", flipped(BUNDLE)), 32)
    for title, data in {
        "altered details": flipped(good),
        "details with the core itself as aad": sealed(body, aad=core_of(body)),
        "details with the whole body as aad": sealed(body, aad=sha256(canonical(body))),
        "details bound to another number": sealed(request(number=1)),
        "details sealed for another agency": sealed(body, secret=north),
        "details sealed for another bundle": sealed(body, secret=other),
        "details one byte short": good[:-1],
    }.items():
        book.invalid(title, like, "decryption-failed", details_box=data)
    changed = canonical({**ref.json.loads(DETAILS), "purpose": "referral"})
    for title, code, plain in (
        ("details with another purpose than signed", "commitment-mismatch", SALT + padded(changed, 1024)),
        ("details with another salt than signed", "commitment-mismatch", flipped(SALT) + padded(DETAILS, 1024)),
        ("details padded with a one", "format", SALT + padded(DETAILS, 1024)[:-1] + b"\1"),
        ("details padded to 1,023 bytes", "format", SALT + padded(DETAILS, 1023)),
        ("details with a length beyond their end", "format", SALT + b"\0\0\x04\0" + padded(DETAILS, 1024)[4:]),
        ("details without a salt", "format", padded(DETAILS, 1024)),
    ):
        book.invalid(title, like, code, details_box=sealed(body, plain))
    for title, raw in {
        "details with white space": DETAILS.replace(b",", b", ", 1),
        "details that are a list": b"[]",
        "details that are no JSON": b"purpose",
    }.items():
        promised = request(commitment=b64u(sha256(fields("amparo/v1/details", SALT, raw))))
        box_of = sealed(promised, SALT + padded(raw, 1024))
        book.invalid(title, like, "format", body=canonical(promised).decode(), details_box=box_of)


def add_approvals(book: Book) -> None:
    book.form(
        "approval", "given: the second officer's key, core as text, purpose, legal basis, signature; expected: nothing"
    )
    core = core_of(request())

    def signed(*values: bytes | str, by: str = LIAISON_4, label: str = "amparo/v1/approve") -> bytes:
        return ref.sign(seed(by), fields(label, *values))

    like = "an approval"
    given = {"key": public(LIAISON_4), "core": core.decode(), "purpose": "prosecution", "legal_basis": "mla"}
    book.valid(like, {**given, "signature": signed(core, "prosecution", "mla")}, None)
    for title, signature in {
        "an approval of another request": signed(core_of(request(number=1)), "prosecution", "mla"),
        "an approval for another purpose": signed(core, "referral", "mla"),
        "an approval on another legal basis": signed(core, "prosecution", "law"),
        "an approval with purpose and basis exchanged": signed(core, "mla", "prosecution"),
        "an approval of the core's digest": signed(sha256(core), "prosecution", "mla"),
        "an approval under another label": signed(core, "prosecution", "mla", label="amparo/v1/event-sig"),
        "an approval of another officer": signed(core, "prosecution", "mla", by=WORKER_1),
        "an altered approval": flipped(signed(core, "prosecution", "mla")),
        "an approval cut by a byte": signed(core, "prosecution", "mla")[:-1],
    }.items():
        book.invalid(title, like, "signature-invalid", signature=signature)


def add_releases(book: Book) -> None:
    book.form(
        "release", "given: the one-time secret, the request's statement (base64url), bundle id, c_b, a box; expected: B"
    )
    secret = draw("one-time key", 96)
    key = ref.xwing_public(secret)
    body = request()
    raw = canonical(body)

    def sealed(what: bytes = B, info: bytes = fields("amparo/v1/release", sha256(raw)), to: bytes = key) -> bytes:
        return seal(to, info, what)

    like = "a release"
    given = {"secret": secret, "statement": b64u(statement(body, WORKER_1)), "bundle_id": BUNDLE, "c_b": C_B}
    book.valid(like, {**given, "box": sealed()}, {"b": B})
    for title, data in {
        "a release for another request": sealed(info=fields("amparo/v1/release", sha256(canonical(request(number=1))))),
        "a release for the request's statement": sealed(
            info=fields("amparo/v1/release", sha256(statement(body, WORKER_1)))
        ),
        "a release under another label": sealed(info=fields("amparo/v1/half", sha256(raw))),
        "a release to another key": sealed(to=ref.xwing_public(draw("another one-time key", 96))),
        "an altered release": flipped(sealed()),
    }.items():
        book.invalid(title, like, "decryption-failed", box=data)
    book.invalid("a release of another half", like, "commitment-mismatch", box=sealed(flipped(B)))


def add(book: Book) -> None:
    """All of this module."""
    add_padding(book)
    add_shares(book)
    add_sealed(book)
    add_details(book)
    add_approvals(book)
    add_releases(book)
