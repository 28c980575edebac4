"""Header, addendum, cover, manifest, form, consent extract of a bundle (docs/protocol.md 3.2 to 3.5)."""

from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, box, canonical, expand, fields, padded, sha256
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.people import LIAISON_3, LIAISON_4, LOG, MEMBERS, NORTH, SOUTH, WEST, WORKER_1, public, seed

BUNDLE, R = draw("documents bundle", 16), draw("documents R")
DIGEST = b64u(draw("some digest"))
STANZAS = [f"@stanza-{number}" for number in range(9)]
EXPANDS = "; an @word stands for the shared text of that name"

Json = dict[str, Any]


def texts() -> dict[str, str]:
    """Long parts that many vectors have in common."""
    made = {name: b64u(draw(f"documents {name}", 1234)) for name in STANZAS}
    return {**made, "@short-stanza": b64u(draw("documents short", 1233)), **additions()}


def expanded(text: str) -> str:
    for name, value in texts().items():
        text = text.replace(name, value)
    return text


def refuse_members(book: Book, like: str, value: Json, spoilt: dict[str, Json], member: str = "text") -> None:
    for title, change in spoilt.items():
        book.invalid(title, like, "format", **{member: canonical({**value, **change}).decode()})


def header(**changes: Any) -> Json:
    half = {"operator": "one", "c_b": DIGEST, "half_digest": DIGEST}
    return {
        "v": 1, "suite": "amparo-1", "bundle_id": b64u(BUNDLE), "log": LOG, "sender_agency": NORTH, "sender": LIAISON_3,
        "sender_key": b64u(public(LIAISON_3)), "padded_bytes": 4096, "agencies": [NORTH, SOUTH], "stanzas": STANZAS[:8],
        "c_s": DIGEST, "halves": [half], "c_r": DIGEST, "cover_digest": DIGEST,
        "payload_commitment": b64u(draw("payload commitment", 56)), "contents": DIGEST, "root": DIGEST,
        "handles": [b64u(draw(f"documents handle {number}")) for number in range(8)], "expires": "2031-11", **changes,
    }  # fmt: skip


def sign_header(text: str, by: str = LIAISON_3, label: str = "amparo/v1/header") -> bytes:
    return ref.sign(seed(by), fields(label, expanded(text)))


def add_headers(book: Book) -> None:
    book.form(
        "header", "given: a header as text, its signature; expected: its digest, agencies, padded bytes" + EXPANDS
    )
    like = "a header"

    def valid(name: str, value: Json) -> None:
        text = canonical(value).decode()
        found = {"digest": sha256(expanded(text).encode()), "agencies": value["agencies"],
                 "padded_bytes": value["padded_bytes"]}  # fmt: skip
        book.valid(name, {"text": text, "signature": sign_header(text)}, found)

    valid(like, header())
    half = header()["halves"][0]
    halves = [{**half, "operator": name} for name in ("one", "two", "three", "four")]
    valid("a header with three halves", header(halves=halves[:3]))
    valid("a header of the largest size", header(padded_bytes=2**52 - 2**46))
    handles = header()["handles"]
    for title, change in {
        "a header of version 2": {"v": 2},
        "a header of version true": {"v": True},
        "a header of another suite": {"suite": "amparo-2"},
        "a header with a bundle id of 15 bytes": {"bundle_id": b64u(BUNDLE[:-1])},
        "a header with a log that has a space": {"log": "log example"},
        "a sender of another agency": {"sender": WORKER_1},
        "a sender's agency that is not named": {"sender_agency": WEST, "sender": f"{WEST}/prosecutor-1"},
        "a size that is not a padded one": {"padded_bytes": 5_000_001},
        "a size below the floor": {"padded_bytes": 4095},
        "a size of true": {"padded_bytes": True},
        "a size of 2^53 - 1": {"padded_bytes": 2**53 - 1},
        "agencies out of order": {"agencies": [SOUTH, NORTH]},
        "an agency twice in a header": {"agencies": [NORTH, NORTH, SOUTH]},
        "a header of one agency": {"agencies": [NORTH]},
        "a header of nine agencies": {"agencies": [*"abcdefgh", NORTH]},
        "seven stanzas": {"stanzas": STANZAS[:7]},
        "nine stanzas": {"stanzas": STANZAS},
        "one stanza twice": {"stanzas": [*STANZAS[:7], STANZAS[0]]},
        "a header's stanza of 1,233 bytes": {"stanzas": [*STANZAS[:7], "@short-stanza"]},
        "no half": {"halves": []},
        "four halves": {"halves": halves},
        "two halves of one operator": {"halves": [half, half]},
        "a half with a member too many": {"halves": [{**half, "key": DIGEST}]},
        "seven handles": {"handles": handles[:7]},
        "a handle twice": {"handles": [*handles[:7], handles[0]]},
        "a payload commitment of 55 bytes": {"payload_commitment": b64u(draw("payload commitment", 55))},
        "a month that is none": {"expires": "2031-13"},
        "a day in place of a month": {"expires": "2031-11-01"},
        "a header with a member too many": {"note": ""},
    }.items():
        text = canonical(header(**change)).decode()
        book.invalid(title, like, "format", text=text, signature=sign_header(text))
    good = canonical(header()).decode()
    missing = canonical({name: value for name, value in header().items() if name != "root"}).decode()
    for title, text in (
        ("a header without its root", missing),
        ("a header with white space", good.replace(",", ", ", 1)),
    ):
        book.invalid(title, like, "format", text=text, signature=sign_header(text))
    book.invalid("an altered header", like, "signature-invalid", text=good.replace("2031-11", "2031-12"))
    book.invalid(
        "a header signed by another officer", like, "signature-invalid", signature=sign_header(good, LIAISON_4)
    )
    book.invalid("a header signed under another label", like, "signature-invalid",
                 signature=sign_header(good, label="amparo/v1/append"))  # fmt: skip


HEADER_DIGEST = sha256(b"the header to which the addenda are made")


def addition(officers: Any = None, agency: str = WEST, digest: bytes = HEADER_DIGEST, plain: bytes = b"") -> bytes:
    listed = officers or {"v": 1, "officers": [{"agency": WEST, "officers": [f"{WEST}/prosecutor-1"]}]}
    raw = plain or padded(listed if isinstance(listed, bytes) else canonical(listed), 8192)
    aad = fields("amparo/v1/cover-addition", digest, agency)
    return box(expand(R, fields("amparo/v1/cover"), 32), aad, draw("addition nonce", 24), raw)


def listed(*officers: str, agency: str = WEST, **more: Any) -> Json:
    return {"v": 1, "officers": [{"agency": agency, "officers": list(officers)}], **more}


def additions() -> dict[str, str]:
    """Sealed lists of officers, good and bad."""
    one = f"{WEST}/prosecutor-1"
    made = {
        "@addition": addition(),
        "@altered-addition": flipped(addition()),
        "@addition-for-south": addition(agency=SOUTH),
        "@addition-to-another-header": addition(digest=flipped(HEADER_DIGEST)),
        "@unpadded-addition": addition(plain=padded(canonical(listed(one)), 8192)[:-1] + b"\1"),
        "@addition-of-version-two": addition(listed(one, v=2)),
        "@addition-of-version-true": addition(listed(one, v=True)),
        "@addition-of-a-stranger": addition(listed(WORKER_1)),
        "@addition-with-a-member": addition(listed(one, note="")),
        "@short-addition": addition()[:-1],
    }
    return {name: b64u(raw) for name, raw in made.items()}


def add_addenda(book: Book) -> None:
    book.form(
        "addendum",
        "given: an addendum as text, bundle id, header digest and agencies of its header, agencies of earlier addenda, "
        "R; expected: agency and its officers" + EXPANDS,
    )
    like = "an addendum"
    value = {
        "v": 1, "bundle_id": b64u(BUNDLE), "header_digest": b64u(HEADER_DIGEST), "agency": WEST,
        "stanzas": STANZAS[:8], "cover_addition": "@addition",
    }  # fmt: skip
    given = {
        "text": canonical(value).decode(), "bundle_id": BUNDLE, "header_digest": HEADER_DIGEST,
        "agencies": [NORTH, SOUTH], "added": [], "r": R,
    }  # fmt: skip
    book.valid(like, given, {"agency": WEST, "officers": [f"{WEST}/prosecutor-1"]})
    refuse_members(book, like, value, {
        "an addendum of version 2": {"v": 2},
        "an addendum of version true": {"v": True},
        "an addendum to another bundle": {"bundle_id": b64u(flipped(BUNDLE))},
        "an addendum to another header": {"header_digest": b64u(flipped(HEADER_DIGEST))},
        "an addendum for an agency of the header": {"agency": SOUTH},
        "an addendum for an agency with a space": {"agency": "west court"},
        "an addendum with seven stanzas": {"stanzas": STANZAS[:7]},
        "an addendum with a stanza twice": {"stanzas": [*STANZAS[:7], STANZAS[0]]},
        "an addendum with a stanza of 1,233 bytes": {"stanzas": [*STANZAS[:7], "@short-stanza"]},
        "an addendum with a cover addition of another length": {"cover_addition": "@short-addition"},
        "an addendum with a member too many": {"note": ""},
        "a cover addition padded with a one": {"cover_addition": "@unpadded-addition"},
        "a cover addition of version 2": {"cover_addition": "@addition-of-version-two"},
        "a cover addition of version true": {"cover_addition": "@addition-of-version-true"},
        "a cover addition that lists an officer of another agency": {"cover_addition": "@addition-of-a-stranger"},
        "a cover addition with a member too many": {"cover_addition": "@addition-with-a-member"},
    })  # fmt: skip
    book.invalid("a cover addition under another key", like, "decryption-failed", r=flipped(R))
    book.invalid("a second addendum for one agency", like, "format", added=[WEST])
    book.invalid("an addendum for a ninth agency", like, "format", added=[*"abcdef"])
    for title, name in {
        "an altered cover addition": "@altered-addition",
        "a cover addition for another agency": "@addition-for-south",
        "a cover addition to another header": "@addition-to-another-header",
    }.items():
        text = canonical({**value, "cover_addition": name}).decode()
        book.invalid(title, like, "decryption-failed", text=text)


def add_covers(book: Book) -> None:
    book.form("cover", "given: the JSON of a cover as text; expected: kind, threshold, officers by agency")
    like = "a cover"
    own = {"agency": NORTH, "officers": [LIAISON_3, LIAISON_4]}
    other = {"agency": SOUTH, "officers": [WORKER_1]}
    value = {
        "v": 1, "kind": "share", "purposes": ["prosecution"], "legal_basis": "Art. 5 treaty", "handling": ["ask first"],
        "keep_until": "2036-12-31", "reply_by": None, "threshold": 1, "officers": [own, other],
        "parents": [{"bundle_id": b64u(BUNDLE), "header_digest": DIGEST}], "replaces": None,
        "checkpoint": {"size": 42, "root": DIGEST},
    }  # fmt: skip
    found = {"kind": "share", "threshold": 1, "officers": {NORTH: own["officers"], SOUTH: other["officers"]}}
    book.valid(like, {"text": canonical(value).decode()}, found)
    for kind in ("inquiry", "answer", "referral", "permission", "correction", "consent-update", "match"):
        book.valid(
            f"a cover of kind {kind}", {"text": canonical({**value, "kind": kind}).decode()}, {**found, "kind": kind}
        )
    refuse_members(book, like, value, {
        "a cover of version 2": {"v": 2},
        "a cover of version true": {"v": True},
        "a cover of an unknown kind": {"kind": "gift"},
        "a cover with a threshold of 0": {"threshold": 0},
        "a cover with a threshold of true": {"threshold": True},
        "a cover with a purpose that is a number": {"purposes": [1]},
        "a cover without a legal basis": {"legal_basis": None},
        "a cover that lists an officer under another agency": {"officers": [{**own, "officers": [WORKER_1]}]},
        "a cover that lists an officer twice": {"officers": [{**own, "officers": [LIAISON_3, LIAISON_3]}]},
        "a cover that lists an agency twice": {"officers": [own, own]},
        "a cover that lists a desk": {"officers": [{**own, "officers": [f"desk/{NORTH}"]}]},
        "a cover that is kept until no day": {"keep_until": "2036-12-32"},
        "a cover with a time to reply by": {"reply_by": 1925000000},
        "a cover with a parent without a digest": {"parents": [{"bundle_id": b64u(BUNDLE)}]},
        "a cover that replaces a short id": {"replaces": b64u(BUNDLE[:-1])},
        "a cover without a checkpoint": {"checkpoint": None},
        "a cover with a member too many": {"text": "to whom it may concern"},
    })  # fmt: skip


def add_manifests(book: Book) -> None:
    book.form("manifest", "given: a manifest as text; expected: its kind, and how many entries, handles, ranges")
    like = "a manifest of a bundle"
    entry = {
        "object": b64u(draw("manifest object", 16)), "file": b64u(draw("manifest file 0", 16)), "size_bytes": 7,
        "sha256": DIGEST, "media_type": "application/vnd.amparo.share+json", "derivation": None, "parts": None,
        "pieces": DIGEST,
    }  # fmt: skip
    source = {"from": entry["file"], "kind": "redacted"}
    second = {**entry, "file": b64u(draw("manifest file 1", 16)), "media_type": "image/jpeg", "derivation": source}
    parent = {"bundle_id": b64u(BUNDLE), "handle": DIGEST}
    place = {"place": 0, "consent": b64u(draw("consent", 16)), "parent": None}
    spare = {"place": 0, "agency": SOUTH, "first": 8, "handles": [b64u(draw(f"spare {at}")) for at in range(16)]}
    value = {
        "v": 1, "kind": "share", "entries": [entry, second],
        "handles": [place, {"place": 1, "consent": None, "parent": parent}], "spares": [spare],
    }  # fmt: skip
    book.valid(like, {"text": canonical(value).decode()}, {"kind": "share", "entries": 2, "handles": 2, "spares": 1})
    spoilt = {
        "a manifest of version true": {"v": True},
        "a manifest of an unknown kind": {"kind": "gift"},
        "a manifest without entries": {"entries": []},
        "a file id twice in a manifest": {"entries": [entry, {**second, "file": entry["file"]}]},
        "a handle's place twice": {"handles": [place, place]},
        "a handle in place 8": {"handles": [{**place, "place": 8}]},
        "a handle with a consent of 15 bytes": {"handles": [{**place, "consent": b64u(draw("consent", 15))}]},
        "a parent without a handle": {"handles": [{**place, "parent": {"bundle_id": b64u(BUNDLE)}}]},
        "a manifest with a member too many": {"note": ""},
    }
    for title, change in {
        "an entry of a negative size": {"size_bytes": -1},
        "an entry of size true": {"size_bytes": True},
        "an entry with a short digest": {"sha256": b64u(draw("short", 31))},
        "an entry with a media type without a slash": {"media_type": "jpeg"},
        "an entry with a media type with parameters": {"media_type": "text/plain; charset=utf-8"},
        "an entry with a media type in capitals": {"media_type": "Image/JPEG"},
        "an entry with a derivation of an unknown form": {"derivation": {"from": entry["file"]}},
        "an entry with a derivation in capitals": {"derivation": {**source, "kind": "Redacted"}},
        "an entry with a member too many": {"name": "photo.jpg"},
    }.items():
        spoilt[title] = {"entries": [entry, {**second, **change}]}
    refuse_members(book, like, value, spoilt)


def extract(**changes: Any) -> Json:
    record = sha256(fields("amparo/v1/consent-record", draw("record", 16), SOUTH))[:16]
    return {
        "v": 1, "record": b64u(record), "person": "Tamo-Keri 4071", "purposes": ["prosecution"],
        "items": [b64u(draw("manifest object", 16))], "recipient": SOUTH, "given_on": "2031-01-01",
        "valid_until": "2032-01-01", "language": "es", "how_to_withdraw": "ask any officer", "place": 0,
        "signature_by": LIAISON_3, **changes,
    }  # fmt: skip


def signed(value: Json, by: str = "", label: str = "amparo/v1/consent-extract") -> Json:
    raw = ref.sign(seed(by or value["signature_by"]), fields(label, canonical(value)))
    return {**value, "signature": b64u(raw)}


def form(kind: str = "share", **changes: Any) -> Json:
    exhibit = {
        "object": b64u(draw("manifest object", 16)), "root_number": "NP-4", "local_number": None,
        "description": "Photograph", "files": [{"file": b64u(draw("manifest file 1", 16)), "label": "front"}],
        "handling": ["ask first"], "holding": b64u(draw("holding key")),
    }  # fmt: skip
    person = {"pseudonym": "Tamo-Keri 4071", "category": "victim", "fields": {"means_of_control": ["debt"]}}
    custody = {"statement": b64u(b"statement"), "salt": b64u(draw("custody salt")), "proof": b64u(b"proof")}
    return {
        "v": 1, "kind": kind, "case": "N-12", "text": "", "persons": [person], "exhibits": [exhibit],
        "custody": [custody], "consents": [signed(extract())], **changes,
    }  # fmt: skip


def add_forms(book: Book) -> None:
    book.form("form", "given: a form as text, and the kind that the cover names; expected: its kind and case")

    def valid(name: str, value: Json) -> None:
        given = {"text": canonical(value).decode(), "kind": value["kind"]}
        book.valid(name, given, {"kind": value["kind"], "case": "N-12"})

    inquiry = {"inquiry": b64u(draw("inquiry", 16)), "type": "evidence", "questions": ["Which car?"], "about": "",
               "reply_by": "2031-02-01"}  # fmt: skip
    answer = {"inquiry": inquiry["inquiry"], "decision": "narrowed", "ground": "consent"}
    like, share = "a form of kind share", form()
    valid(like, share)
    valid("a form of kind inquiry", form("inquiry", **inquiry))
    valid("a form of kind answer", form("answer", **answer))
    (exhibit,), (person,), (custody,), (consent,) = (
        share[name] for name in ("exhibits", "persons", "custody", "consents")
    )
    refuse_members(book, like, share, {
        "a form of version true": {"v": True},
        "a form of another kind than the cover's": {"kind": "referral"},
        "a form with a member too many": {"note": ""},
        "a form with a case of null": {"case": None},
        "a person without a category": {"persons": [{"pseudonym": "x", "fields": {}}]},
        "a person with a name beside the pseudonym": {"persons": [{**person, "name": "x"}]},
        "a person with a value that is no list": {"persons": [{**person, "fields": {"means_of_control": "debt"}}]},
        "an exhibit with a short object": {"exhibits": [{**exhibit, "object": b64u(draw("short", 15))}]},
        "an exhibit with a holding key of 31 bytes": {"exhibits": [{**exhibit, "holding": b64u(draw("short", 31))}]},
        "a custody event with a short salt": {"custody": [{**custody, "salt": b64u(draw("short", 31))}]},
        "an extract in place 8": {"consents": [{**consent, "place": 8}]},
        "an extract with a short record": {"consents": [{**consent, "record": b64u(draw("short", 15))}]},
        "an extract of version 2": {"consents": [{**consent, "v": 2}]},
        "an extract without a signature": {"consents": [extract()]},
        "an extract signed by a desk": {"consents": [{**consent, "signature_by": f"desk/{NORTH}"}]},
        "an extract given on no day": {"consents": [{**consent, "given_on": "2031-13-01"}]},
    })  # fmt: skip
    missing = {name: value for name, value in share.items() if name != "custody"}
    book.invalid("a form without custody", like, "format", text=canonical(missing).decode())
    refuse_members(book, "a form of kind inquiry", form("inquiry", **inquiry), {
        "an inquiry of an unknown type": {"type": "favour"},
        "an inquiry without questions": {"questions": None},
        "an inquiry with a short id": {"inquiry": b64u(draw("short", 15))},
    })  # fmt: skip
    refuse_members(book, "a form of kind answer", form("answer", **answer), {
        "an answer of an unknown decision": {"decision": "maybe"},
        "an answer with a number as its ground": {"ground": 1},
    })  # fmt: skip


def add_consents(book: Book) -> None:
    book.form("consent-record", "given: record id and recipient agencies; expected: the id in extracts")
    record = draw("record", 16)
    for name, agencies in (("one recipient", [SOUTH]), ("two recipients, out of order", [WEST, SOUTH])):
        found = sha256(fields("amparo/v1/consent-record", record, *sorted(agencies)))[:16]
        book.valid(name, {"record": record, "recipients": agencies}, {"record": found})
    book.form(
        "consent-extract",
        "given: an extract, the header's agencies and sender's agency, the consents of the manifest's handles by "
        "place, officers; expected: nothing more. The signature is over the canonical JSON of all other members",
    )
    like = "a consent extract"
    good = signed(extract())
    given = {
        "extract": good, "agencies": [NORTH, SOUTH], "sender_agency": NORTH, "handles": {"0": good["record"]},
        "members": MEMBERS,
    }  # fmt: skip
    book.valid(like, given, None)
    for title, made in {
        "an extract signed by another agency's officer": signed(extract(signature_by=WORKER_1)),
        "an extract signed by somebody unknown": signed(extract(signature_by=f"{NORTH}/liaison-9")),
        "an extract signed with another key": signed(extract(), by=LIAISON_4),
        "an extract signed under another label": signed(extract(), label="amparo/v1/event-sig"),
        "an extract altered after it was signed": {**good, "valid_until": "2042-01-01"},
        "an extract signed with its signature in it": {
            **good,
            "signature": b64u(ref.sign(seed(LIAISON_3), fields("amparo/v1/consent-extract", canonical(good)))),
        },
    }.items():
        book.invalid(title, like, "signature-invalid", extract=made)
    book.invalid("an extract for an agency that is no party", like, "consent-missing",
                 extract=signed(extract(recipient=WEST)))  # fmt: skip
    book.invalid("an extract for a place without a handle", like, "consent-missing", extract=signed(extract(place=3)))
    book.invalid("an extract of another record than its handle's", like, "consent-missing",
                 handles={"0": b64u(draw("another record", 16))})  # fmt: skip


def add(book: Book) -> None:
    """All of this module."""
    book.shared["texts"] = texts()
    add_headers(book)
    add_addenda(book)
    add_covers(book)
    add_manifests(book)
    add_forms(book)
    add_consents(book)
