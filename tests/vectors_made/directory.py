"""The directory of a small network, its keys' validity, fingerprints and shares on paper (docs/protocol.md 2)."""

from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, canonical, fields, sha256
from tests.vectors_made import notes, slip39
from tests.vectors_made.book import Book, draw
from tests.vectors_made.people import (
    ADMIN_1,
    ADMIN_2,
    DIRECTORY,
    EVENT,
    LIAISON_3,
    LIAISON_4,
    LOG,
    NORTH,
    SOUTH,
    SOUTH_ADMIN_1,
    SOUTH_ADMIN_2,
    WEST,
    WORKER_1,
    WORKER_2,
    public,
    receiving_key,
    recovery_secret,
    seed,
    statement,
)

Signed = tuple[str, dict[str, Any], tuple[str, ...]]  # name of the vector, body, signers


def body(kind: str, **members: Any) -> dict[str, Any]:
    return {"v": 1, "kind": kind, "log": LOG, **members}


def agency(name: str, kind: str, country: str = "XN") -> dict[str, Any]:
    return {"name": name, "country": country, "type": kind, "root": b64u(public(f"root/{name}"))}


def certificate(subject: str, kind: str, *roles: str, **changes: Any) -> dict[str, Any]:
    named = subject.split("/")[1] if kind in ("desk", "recovery") else subject.split("/")[0]
    is_desk, is_recovery = kind == "desk", kind == "recovery"
    made = body(
        "certificate", subject=subject, agency=named, type=kind, roles=list(roles),
        signing_key=None if is_recovery else b64u(public(subject)),
        receiving_key=None if is_desk else b64u(receiving_key(subject)),
        witness_key=b64u(ref.public_key(draw(f"witness seed of {subject}"))) if is_desk else None,
        witness_mldsa_key=b64u(notes.mldsa_public(draw(f"witness ML-DSA seed of {subject}"))) if is_desk else None,
        until=None,
    )  # fmt: skip
    return {**made, "from": "2031-01-01", **changes}


def admin(subject: str) -> Signed:
    return (
        f"certificate of {subject}",
        certificate(subject, "administrator", "administrator"),
        (subject, f"root/{subject.split('/')[0]}"),
    )


def network() -> list[Signed]:
    """The entries in order; between them stand other entries of the log."""
    operator_key = body("receiving-key", operator="one", receiving_key=b64u(receiving_key("operator")),
                        day="2031-01-02", until="2031-01-16")  # fmt: skip
    broker = body("broker", broker="one", operators=["one"], log_key=b64u(public("log")),
                  log_mldsa_key=b64u(notes.mldsa_public(draw("ML-DSA seed of log"))))  # fmt: skip
    founders = [agency(NORTH, "police"), agency(SOUTH, "ngo", "XS")]
    admins = (ADMIN_1, ADMIN_2, SOUTH_ADMIN_1, SOUTH_ADMIN_2)
    return [
        ("broker", broker, ("log",)),
        ("receiving key", operator_key, ("log",)),
        ("founding", body("founding", network="Example network", agencies=founders),
         (f"root/{NORTH}", f"root/{SOUTH}")),
        *(admin(one) for one in admins),
        ("certificate of an officer", certificate(LIAISON_3, "officer", "liaison"), (LIAISON_3, ADMIN_1, ADMIN_2)),
        ("certificate with two roles", certificate(LIAISON_4, "officer", "liaison", "supervisor"),
         (LIAISON_4, ADMIN_2, ADMIN_1)),
        ("certificate of an officer of the second agency", certificate(WORKER_1, "officer", "case-worker"),
         (WORKER_1, SOUTH_ADMIN_1, SOUTH_ADMIN_2)),
        ("admission", body("admission", agency=agency(WEST, "prosecution", "XW")), (f"root/{WEST}", *admins)),
        ("certificate of a desk", certificate(f"desk/{WEST}", "desk"), (f"desk/{WEST}", f"root/{WEST}")),
        ("certificate of a recovery key", certificate(f"recovery/{WEST}", "recovery"), (f"root/{WEST}",)),
        ("deputy", body("deputy", agency=SOUTH, officer=LIAISON_3), (f"root/{SOUTH}",)),
        ("certificate by one administrator and the deputy", certificate(WORKER_2, "officer", "case-worker"),
         (WORKER_2, SOUTH_ADMIN_1, LIAISON_3)),
        ("revocation of an officer", body("revocation", agency=NORTH, subject=LIAISON_4, certificate=16),
         (ADMIN_1, ADMIN_2)),
        ("second certificate after a revocation",
         certificate(LIAISON_4, "officer", "liaison", signing_key=b64u(public("second key of liaison-4"))),
         (LIAISON_4, ADMIN_1, ADMIN_2)),
        ("desk's second certificate without a revocation",
         certificate(f"desk/{WEST}", "desk", **{"from": "2031-02-01"}), (f"desk/{WEST}", f"root/{WEST}")),
        ("revocation by one administrator and the deputy",
         body("revocation", agency=SOUTH, subject=WORKER_2, certificate=28), (SOUTH_ADMIN_2, LIAISON_3)),
        ("revocation of an administrator by the root",
         body("revocation", agency=NORTH, subject=ADMIN_2, certificate=8), (f"root/{NORTH}",)),
        ("log closed", body("log-closed", successor="log.example/2027"), ("log",)),
    ]  # fmt: skip


# The second certificate of an officer is signed with the key that it names.
PENS = {"second certificate after a revocation": {LIAISON_4: "second key of liaison-4"}}


def index_of(place: int) -> int:
    """Every other entry of the log is something else."""
    return 2 * place


def add_network(book: Book) -> dict[str, Signed]:
    made = network()
    raws = [statement(value, *by, label=DIRECTORY, pens=PENS.get(name)) for name, value, by in made]
    book.shared["log"] = [{"index": index_of(at), "vector": name} for at, (name, _, _) in enumerate(made)]
    book.form(
        "directory",
        "given: a statement (base64url) as entry `index`, after the first `before` entries of the shared log, which "
        "are the statements of the vectors named there; expected: its kind, and who signed",
    )
    for at, (name, value, by) in enumerate(made):
        given = {"before": at, "index": index_of(at), "statement": b64u(raws[at])}
        book.valid(name, given, {"kind": value["kind"], "signers": by})
    return {name: (name, value, by) for name, value, by in made}


def add_refused(book: Book, made: dict[str, Signed]) -> None:
    def refuse(
        title: str, like: str, code: str, *signers: str, pens: dict[str, str] | None = None, label: str = DIRECTORY,
        **changes: Any,
    ) -> None:  # fmt: skip
        _, value, by = made[like]
        named = {**value, **{name.rstrip("_"): one for name, one in changes.items()}}
        raw = statement(named, *(signers or by), label=label, pens={**PENS.get(like, {}), **(pens or {})})
        book.invalid(title, like, code, statement=b64u(raw))

    form, signature = "format", "signature-invalid"
    short = b64u(draw("short", 31))
    small = b64u(bytes([1]) + bytes(31))
    refuse("a broker's entry signed under another label", "broker", signature, label=EVENT)
    refuse("a broker's entry signed with another key", "broker", signature, pens={"log": ADMIN_1})
    refuse("a log key of small order", "broker", form, log_key=small)
    refuse("a log key of 31 bytes", "broker", form, log_key=short)
    refuse("an ML-DSA-44 key one byte short", "broker", form, log_mldsa_key=b64u(draw("short ML-DSA", 1311)))
    refuse("an operator with a space", "broker", form, operators=["one two"])
    book.invalid("a broker's entry that is not the first", "broker", form, index=1)
    refuse("a directory entry of another log", "receiving key", form, log="log.example/2025")
    refuse("a directory entry of version true", "receiving key", form, v=True)
    refuse("a directory entry with a member too many", "receiving key", form, more=1)
    refuse("a directory entry of an unknown kind", "receiving key", form, kind="receiving")
    refuse("a receiving key of an unknown operator", "receiving key", form, operator="two")
    refuse("a receiving key that an officer signed", "receiving key", signature, ADMIN_1)
    refuse("a receiving key with a coefficient out of range", "receiving key", form,
           receiving_key=b64u(b"\xff" * 1184 + receiving_key("operator")[1184:]))  # fmt: skip
    refuse("a receiving key of 1,215 bytes", "receiving key", form, receiving_key=b64u(receiving_key("operator")[:-1]))
    refuse("a day that is none", "receiving key", form, day="2031-02-30")
    book.invalid("a directory entry at the index of the one before", "receiving key", "conflict", index=0)
    founders = made["founding"][1]["agencies"]
    refuse("a founding by one agency", "founding", form, f"root/{NORTH}", agencies=founders[:1])
    refuse("a founding that one root did not sign", "founding", signature, f"root/{NORTH}")
    refuse("a founding with a third signer", "founding", signature, f"root/{NORTH}", f"root/{SOUTH}", "log")
    refuse("a founding that names an agency twice", "founding", form, agencies=[founders[0], founders[0]])
    refuse("an agency with a reserved name", "founding", form, agencies=[{**founders[0], "name": "desk"}, founders[1]])
    for title, change in (
        ("an agency with an upper-case name", {"name": "North"}),
        ("an agency with a name that ends in a hyphen", {"name": "north-"}),
        ("a country in lower case", {"country": "xn"}),
        ("an agency of an unknown type", {"type": "court"}),
        ("a root of small order", {"root": small}),
        ("a root that is not canonical", {"root": b64u(b"\xed" + b"\xff" * 30 + b"\x7f")}),
        ("an agency with a member too many", {"city": "X"}),
    ):
        refuse(title, "founding", form, agencies=[{**founders[0], **change}, founders[1]])
    book.invalid("a second founding", "founding", "conflict", before=10, index=20)

    like = f"certificate of {ADMIN_1}"
    refuse("an administrator certified by another root", like, signature, ADMIN_1, f"root/{SOUTH}")
    refuse("an administrator without proof of possession", like, signature, f"root/{NORTH}")
    refuse("an administrator whose own signature is another key's", like, signature, pens={ADMIN_1: ADMIN_2})
    refuse("an administrator without a receiving key", like, form, receiving_key=None)
    refuse("an administrator with a witness key", like, form, witness_key=b64u(public("other")))
    refuse("an administrator who is an officer too", like, form, roles=["administrator", "liaison"], type="officer")
    refuse("an administrator without the role", like, form, roles=["liaison"])
    refuse("a certificate of an agency that is not in", like, "not-found", f"{WEST}/administrator-1", f"root/{WEST}",
           subject=f"{WEST}/administrator-1", agency=WEST, pens={f"{WEST}/administrator-1": ADMIN_1})  # fmt: skip
    book.invalid("a second certificate without a revocation", like, "conflict", before=10, index=20)

    like = "certificate of an officer"
    refuse("an officer certified by one administrator", like, signature, LIAISON_3, ADMIN_1)
    refuse("an officer certified by the root", like, signature, LIAISON_3, f"root/{NORTH}")
    refuse("an officer certified by administrators of another agency", like, signature, LIAISON_3, SOUTH_ADMIN_1,
           SOUTH_ADMIN_2)  # fmt: skip
    refuse("an officer certified by an administrator and an officer who is no deputy", like, signature, LIAISON_3,
           ADMIN_1, SOUTH_ADMIN_1)  # fmt: skip
    refuse("an officer certified by two administrators and somebody unknown", like, signature, LIAISON_3, ADMIN_1,
           ADMIN_2, f"{NORTH}/administrator-9")  # fmt: skip
    refuse("an officer certified by two administrators and another officer", "certificate with two roles", signature,
           LIAISON_4, ADMIN_1, ADMIN_2, LIAISON_3)  # fmt: skip
    refuse("an officer without proof of possession", like, signature, ADMIN_1, ADMIN_2)
    refuse("an officer certified under the label of events", like, signature, label=EVENT)
    refuse("an issuer's signature by another key", like, signature, pens={ADMIN_2: ADMIN_1})
    refuse("roles that are not sorted", like, form, roles=["supervisor", "liaison"])
    refuse("a role twice", like, form, roles=["liaison", "liaison"])
    refuse("an unknown role", like, form, roles=["clerk"])
    refuse("an officer without a role", like, form, roles=[])
    refuse("an officer of another agency than the certificate", like, form, subject=WORKER_1)
    refuse("a role handle without a number", like, form, subject=f"{NORTH}/liaison")
    refuse("a role handle with a leading zero", like, form, subject=f"{NORTH}/liaison-03")
    refuse("a signing key of small order", like, form, signing_key=small)
    refuse("a signing key with padding", like, form, signing_key=made[like][1]["signing_key"] + "=")
    refuse("a certificate from a day that is none", like, form, from_="2031-13-01")
    book.invalid("an officer certified before one of the issuers", like, signature, before=4, index=8)

    like = "certificate by one administrator and the deputy"
    book.invalid("a certificate by a deputy before the appointment", like, signature, before=13, index=27)
    refuse("a certificate by the deputy alone", like, signature, WORKER_2, LIAISON_3)
    like = "admission"
    refuse("an admission that the new root did not sign", like, signature, *made[like][2][1:])
    refuse("an admission by the administrators of one agency", like, signature, f"root/{WEST}", ADMIN_1, ADMIN_2)
    refuse("an admission by one administrator of each of two agencies", like, signature, f"root/{WEST}", ADMIN_1,
           SOUTH_ADMIN_1)  # fmt: skip
    refuse("an admission signed by another root than the new one", like, signature, pens={f"root/{WEST}": "other"})
    book.invalid("a second admission", like, "conflict", before=12, index=24)
    like = "certificate of a desk"
    refuse("a desk without proof of possession", like, signature, f"root/{WEST}")
    refuse(
        "a desk certified by the root and an administrator", like, signature, f"desk/{WEST}", f"root/{WEST}", ADMIN_1
    )
    refuse("a desk certified by administrators", like, signature, f"desk/{WEST}", ADMIN_1, ADMIN_2)
    refuse("a desk without a witness key", like, form, witness_key=None)
    refuse("a desk with a receiving key", like, form, receiving_key=b64u(receiving_key("desk")))
    refuse("a desk with a role", like, form, roles=["liaison"])
    refuse("a desk under another name", like, form, subject=f"desk/{NORTH}")
    like = "certificate of a recovery key"
    refuse("a recovery key with a signing key", like, form, f"recovery/{WEST}", f"root/{WEST}",
           signing_key=b64u(public(f"recovery/{WEST}")))  # fmt: skip
    refuse("a recovery key that the root did not sign", like, signature, ADMIN_1, ADMIN_2)
    like = "deputy"
    refuse("a deputy of one's own agency", like, form, officer=WORKER_1)
    refuse("a deputy who is not known", like, "not-found", officer=f"{NORTH}/liaison-9")
    refuse("a deputy appointed by another root", like, signature, f"root/{NORTH}")
    like = "revocation of an officer"
    refuse("a revocation of another certificate", like, form, certificate=14)
    refuse("a revocation that names true as its certificate", like, form, certificate=True)
    refuse("a revocation by two administrators and another officer", like, signature, ADMIN_1, ADMIN_2, LIAISON_3)
    refuse("a revocation by the root and two administrators", like, signature, f"root/{NORTH}", ADMIN_1, ADMIN_2)
    refuse("a revocation by one administrator", like, signature, ADMIN_1)
    refuse("a revocation of an officer by the root alone", like, signature, f"root/{NORTH}")
    refuse("a revocation by another agency", like, form, SOUTH_ADMIN_1, SOUTH_ADMIN_2, agency=SOUTH)
    refuse("a revocation by administrators of another agency", like, signature, SOUTH_ADMIN_1, SOUTH_ADMIN_2)
    refuse("a revocation of nobody", like, "not-found", subject=f"{NORTH}/liaison-9")
    book.invalid("a second revocation of one certificate", like, "not-found", before=16, index=32)
    like, third = "certificate of a third officer", f"{NORTH}/liaison-5"
    raw = statement(certificate(third, "officer", "liaison"), third, ADMIN_1, ADMIN_2, label=DIRECTORY)
    found = {"kind": "certificate", "signers": [third, ADMIN_1, ADMIN_2]}
    book.valid(like, {"before": 19, "index": 38, "statement": b64u(raw)}, found)
    book.invalid("a certificate by an administrator who was revoked", like, signature, before=20, index=39)
    like = "log closed"
    refuse("a log closed by a root", like, signature, f"root/{NORTH}")
    refuse("a log closed without a successor", like, form, successor="")
    refuse("a log closed for a successor with a space", like, form, successor="log example")


def add_spelled(book: Book, made: dict[str, Signed]) -> None:
    """What is wrong with the statement around a body that would be taken."""
    like = "deputy"
    _, value, (root,) = made[like]
    raw = canonical(value)
    signature = ref.sign(seed(root), fields(DIRECTORY, raw))
    label = "amparo/v1/statement"
    spaced = raw.replace(b'"v":1', b'"v": 1')
    unsorted = b'{"v":1,' + raw[1:].replace(b',"v":1', b"")
    for title, whole in {
        "a statement without a signature": fields(label, raw),
        "a statement that names a signer twice": fields(label, raw, root, signature, root, signature),
        "a statement under another label": fields(DIRECTORY, raw, root, signature),
        "a statement with a signature of 63 bytes": fields(label, raw, root, signature[:-1]),
        "a statement with a signer of no name": fields(label, raw, "", signature),
        "a statement with a name of 65 signs": fields(label, raw, "r" * 65, signature),
        "a statement with bytes at its end": fields(label, raw, root, signature) + b"\0",
        "a statement that is cut off": fields(label, raw, root, signature)[:-1],
        "a statement with white space in its body": statement(spaced, root, label=DIRECTORY),
        "a statement with unsorted members": statement(unsorted, root, label=DIRECTORY),
        "a statement with a byte order mark": statement(b"\xef\xbb\xbf" + raw, root, label=DIRECTORY),
        "a statement whose body is a text": statement(b'"deputy"', root, label=DIRECTORY),
    }.items():
        book.invalid(title, like, "format", statement=b64u(whole))
    group = 2**252 + 27742317777372353535851937790883648493
    shifted = signature[:32] + (int.from_bytes(signature[32:], "little") + group).to_bytes(32, "little")
    book.invalid("a signature whose S is L larger", like, "signature-invalid",
                 statement=b64u(fields(label, raw, root, shifted)))  # fmt: skip


def add_keys(book: Book) -> None:
    book.form("key", "given: a signer and a log index, in the shared log; expected: the key that counts there, or null")
    own, second = public(LIAISON_4), public("second key of liaison-4")
    for by, at, key in (
        (LIAISON_4, 16, None), (LIAISON_4, 17, own), (LIAISON_4, 30, own), (LIAISON_4, 31, None),
        (LIAISON_4, 32, None), (LIAISON_4, 33, second), (ADMIN_2, 38, public(ADMIN_2)), (ADMIN_2, 39, None),
        (f"desk/{WEST}", 22, None), (f"desk/{WEST}", 23, public(f"desk/{WEST}")), (f"{NORTH}/liaison-9", 40, None),
        (f"recovery/{WEST}", 40, None),
    ):  # fmt: skip
        book.valid(f"{by} at {at}", {"by": by, "index": at}, {"key": key})


def add_fingerprints(book: Book) -> None:
    book.form("fingerprint", "given: agency and root; expected: its fingerprint")
    signs = "0123456789abcdefghjkmnpqrstvwxyz"
    made = {}
    for name in (NORTH, SOUTH):
        number = int.from_bytes(sha256(fields("amparo/v1/fingerprint", name, public(f"root/{name}")))[:20], "big")
        text = "".join(signs[number >> shift & 31] for shift in range(155, -1, -5))
        made[name] = " ".join(text[at : at + 4] for at in range(0, 32, 4))
        book.valid(f"fingerprint of {name}", {"agency": name, "root": public(f"root/{name}")},
                   {"fingerprint": made[name]})  # fmt: skip
    book.form("typed-fingerprint", "given: a fingerprint as somebody typed it; expected: its one spelling")
    good = made[NORTH]
    book.valid("a fingerprint as it is printed", {"text": good}, {"fingerprint": good})
    book.valid(
        "a fingerprint in capitals with hyphens", {"text": good.upper().replace(" ", "-")}, {"fingerprint": good}
    )
    for title, text in {
        "a fingerprint one sign short": good[:-1],
        "a fingerprint one sign long": good + "0",
        "a fingerprint with a u": good[:-1] + "u",
        "an empty fingerprint": "",
    }.items():
        book.invalid(title, "a fingerprint as it is printed", "format", text=text)


def add_paper(book: Book) -> None:
    book.form("recovery-key", "given: a recovery seed; expected: the public receiving key (`secret` is its 96 bytes)")
    for number in (1, 2):
        own = draw(f"recovery seed {number}")
        secret = recovery_secret(own)
        book.valid(f"recovery key {number}", {"seed": own, "secret": secret}, {"public_key": ref.xwing_public(secret)})
    book.invalid("a recovery seed cut by a byte", "recovery key 1", "format", seed=draw("recovery seed 1")[:-1])
    book.form("paper", "given: SLIP-39 shares in words; expected: the seed")
    own = draw("root seed on paper")
    three = slip39.split(own, 2, 3, 0x1234, [draw("digest share", 28)])
    five = slip39.split(own, 3, 5, 0x4321, [draw("free share"), draw("second digest share", 28)])
    book.valid("two of three shares", {"shares": three[:2]}, {"seed": own})
    book.valid("two other shares of three", {"shares": [three[2], three[0]]}, {"seed": own})
    book.valid("three of five shares", {"shares": [five[4], five[1], five[2]]}, {"seed": own})
    book.valid("shares in capitals with more spaces", {"shares": [f"  {one.upper()}  " for one in three[:2]]},
               {"seed": own})  # fmt: skip
    first, *rest = three[0].split(" ")
    swapped = " ".join([*rest[:5], rest[6], rest[5], *rest[7:]])
    short = slip39.split(own[:16], 2, 3, 0x1234, [draw("short digest share", 12)])
    like = "two of three shares"
    for title, shares in {
        "one share of two": three[:1],
        "one share twice": [three[0], three[0]],
        "shares of two sets": [three[0], five[1]],
        "a share with two words exchanged": [f"{first} {swapped}", three[1]],
        "a share with a word missing": [" ".join([first, *rest[:-1]]), three[1]],
        "a share with a word of no list": [" ".join(["amparo", *rest]), three[1]],
        "no share": [],
        "shares of a seed of 16 bytes": short[:2],
    }.items():
        book.invalid(title, like, "key-unusable", shares=shares)
    book.invalid("two shares of five where three are needed", "three of five shares", "key-unusable", shares=five[:2])


def add(book: Book) -> None:
    """All of this module."""
    made = add_network(book)
    add_refused(book, made)
    add_spelled(book, made)
    add_keys(book)
    add_fingerprints(book)
    add_paper(book)
