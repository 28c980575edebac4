"""pack.json, pack.sig, contents proofs and pack-built/consistency (docs/protocol.md 10.1, 10.5, 10.6)."""

from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, canonical, fields, sha256
from tests.vectors_made import notes
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.people import (
    ADMIN_1,
    DEPUTIES,
    LIAISON_3,
    LIAISON_4,
    LOG,
    MEMBERS,
    NORTH,
    NOW,
    SOUTH,
    WEST,
    WORKER_1,
    member,
    seed,
)

PACK, OBJECT, HOLDING, BUNDLE = (draw(name, 16) for name in ("pack", "pack object", "pack holding", "pack bundle"))
FILES = sorted(draw(f"pack file {number}", 16) for number in range(3))
OTHER_PACK, SECOND_HOLDING = draw("earlier pack", 16), draw("second pack holding", 16)


def exhibit_file(at: int, proof: str, **changes: Any) -> dict[str, Any]:
    return {
        "path": f"data/exhibits/1/{FILES[at].hex()}.jpg", "file": b64u(FILES[at]), "media_type": "image/jpeg",
        "label": "front", "proof": proof, "bundle": b64u(BUNDLE) if proof == "bundle" else None, **changes,
    }  # fmt: skip


def listed_file(path: str, **changes: Any) -> dict[str, Any]:
    digest = sha256(path.encode())
    return {"path": path, "size_bytes": 5, "sha256": b64u(digest), "pieces": b64u(ref.tree([digest])), **changes}


def exhibit(**changes: Any) -> dict[str, Any]:
    return {
        "number": 1, "object": b64u(OBJECT), "root_number": "NP-4", "local_number": "W-12",
        "description": "Photograph", "schedule": "used",
        "files": [exhibit_file(0, "bundle"), exhibit_file(1, "custody"), exhibit_file(2, "none")],
        "holdings": [b64u(HOLDING)], **changes,
    }  # fmt: skip


def holding(**changes: Any) -> dict[str, Any]:
    return {"holding": b64u(HOLDING), "object": b64u(OBJECT), "agency": WEST, "length": 2, "state": "open", **changes}


def gap(reason: str = "handling", **changes: Any) -> dict[str, Any]:
    return {"reason": reason, "text": "waits", "number": 2, "path": None, "holding": None, **changes}


def pack(**changes: Any) -> dict[str, Any]:
    return {
        "v": 1, "pack": b64u(PACK), "agency": WEST, "log": LOG, "made_at": NOW, "case": "W-T-2031-31",
        "numbers": {"first": 1, "last": 2}, "exhibits": [exhibit()], "holdings": [holding()],
        "bundles": [b64u(BUNDLE)], "certificates": [4, 9],
        "gaps": [gap(), gap("no-proof", number=None, path=exhibit_file(2, "none")["path"])],
        "disclosed": [{"pack": b64u(OTHER_PACK), "on": "2030-12-01", "numbers": [1, 3]}],
        "documents": [{"path": "data/documents/Schedule_1.pdf", "title": "Schedule"}],
        "files": [listed_file("HOW-TO-CHECK.txt"), listed_file("data/checkpoint")], **changes,
    }  # fmt: skip


def raw_of(text: str) -> bytes:
    return ref.base64.urlsafe_b64decode(text + "==")


def add_lists(book: Book) -> None:
    book.form("pack-list", "given: pack.json; expected: its pack, agency, case, exhibit numbers and SHA-256")
    raw = canonical(pack())
    like = "pack.json"

    def found(made: bytes) -> dict[str, Any]:
        return {"pack": PACK, "agency": WEST, "case": "W-T-2031-31", "numbers": [1], "sha256": sha256(made)}

    book.valid(like, {"text": raw.decode()}, found(raw))
    least = canonical(pack(bundles=[], certificates=[], gaps=[], disclosed=[], documents=[], files=[],
                           exhibits=[exhibit(files=[])], numbers={"first": 1, "last": 1}))  # fmt: skip
    book.valid("pack.json with empty lists", {"text": least.decode()}, found(least))
    one, two = exhibit_file(0, "bundle"), exhibit_file(1, "custody")
    earlier, later = sorted([b64u(HOLDING), b64u(SECOND_HOLDING)], key=raw_of)
    spoilt: dict[str, dict[str, Any]] = {
        "a pack of version 2": {"v": 2},
        "a pack of version true": {"v": True},
        "a pack with a short id": {"pack": b64u(PACK[:-1])},
        "a pack of an agency with a space": {"agency": "west court"},
        "a pack made at a text": {"made_at": "2031-01-01"},
        "a pack made before 1970": {"made_at": -1},
        "a case of 2,001 signs": {"case": "x" * 2001},
        "numbers that begin at 0": {"numbers": {"first": 0, "last": 2}},
        "numbers that end before they begin": {"numbers": {"first": 3, "last": 2}},
        "an exhibit outside the numbers": {"numbers": {"first": 2, "last": 2}},
        "a pack without an exhibit": {"exhibits": []},
        "an exhibit twice": {"exhibits": [exhibit(), exhibit()]},
        "an unknown schedule": {"exhibits": [exhibit(schedule="secret")]},
        "an exhibit that names a holding twice": {"exhibits": [exhibit(holdings=[b64u(HOLDING)] * 2)]},
        "an exhibit with a number as text": {"exhibits": [exhibit(number="1")]},
        "files of an exhibit out of order": {"exhibits": [exhibit(files=[two, one])]},
        "a file of an exhibit twice": {"exhibits": [exhibit(files=[one, one])]},
        "a file at the place of another exhibit": {
            "exhibits": [exhibit(files=[{**one, "path": one["path"].replace("/1/", "/2/")}])]
        },
        "a file with an extension of nine letters": {
            "exhibits": [exhibit(files=[{**one, "path": one["path"] + "jpegjp"}])]
        },
        "a file with an upper-case extension": {
            "exhibits": [exhibit(files=[{**one, "path": one["path"].replace(".jpg", ".JPG")}])]
        },
        "a file of an unknown proof": {"exhibits": [exhibit(files=[{**one, "proof": "trust"}])]},
        "a file that a bundle proves, without the bundle": {"exhibits": [exhibit(files=[{**one, "bundle": None}])]},
        "a file that custody proves, with a bundle": {"exhibits": [exhibit(files=[{**two, "bundle": b64u(BUNDLE)}])]},
        "a holding of length 0": {"holdings": [holding(length=0)]},
        "a holding of an unknown state": {"holdings": [holding(state="lost")]},
        "a holding that no exhibit names": {"exhibits": [exhibit(holdings=[])]},
        "an exhibit that names an unknown holding": {"holdings": []},
        "an exhibit that names a holding of another object": {"holdings": [holding(object=b64u(OTHER_PACK))]},
        "a holding of another agency that is called open": {"holdings": [holding(agency=NORTH)]},
        "a holding of one's own that is called elsewhere": {"holdings": [holding(state="elsewhere")]},
        "no open holding": {"holdings": [holding(state="closed")]},
        "a bundle that no file names": {"bundles": sorted([b64u(BUNDLE), b64u(OTHER_PACK)], key=raw_of)},
        "a file of a bundle that is not listed": {"bundles": []},
        "holdings out of order": {
            "holdings": [holding(holding=later), holding(holding=earlier)],
            "exhibits": [exhibit(holdings=[earlier, later])],
        },
        "a bundle twice": {"bundles": [b64u(BUNDLE), b64u(BUNDLE)]},
        "certificates out of order": {"certificates": [9, 4]},
        "a certificate at a negative index": {"certificates": [-1, 4]},
        "an unknown reason for a gap": {"gaps": [gap("lost")]},
        "a gap of number 0": {"gaps": [gap(number=0)]},
        "a gap with a member too few": {"gaps": [{"reason": "handling", "text": "waits", "number": 2}]},
        "an earlier pack shown on a day without hyphens": {
            "disclosed": [{"pack": b64u(OTHER_PACK), "on": "20301201", "numbers": []}]
        },
        "an earlier pack shown on a day that is none": {
            "disclosed": [{"pack": b64u(OTHER_PACK), "on": "2030-02-30", "numbers": []}]
        },
        "an earlier pack with number 0": {
            "disclosed": [{"pack": b64u(OTHER_PACK), "on": "2030-12-01", "numbers": [0]}]
        },
        "an earlier pack with numbers out of order": {
            "disclosed": [{"pack": b64u(OTHER_PACK), "on": "2030-12-01", "numbers": [3, 1]}]
        },
        "an earlier pack twice": {"disclosed": [{"pack": b64u(OTHER_PACK), "on": "2030-12-01", "numbers": []}] * 2},
        "a gap twice": {"gaps": [gap(), gap()]},
        "one file id twice in an exhibit": {
            "exhibits": [exhibit(files=[one, {**one, "path": one["path"].replace(".jpg", ".png")}])]
        },
        "a media type with a space": {"exhibits": [exhibit(files=[{**one, "media_type": "image/jpeg; q=1"}])]},
        "a media type with a capital": {"exhibits": [exhibit(files=[{**one, "media_type": "image/JPEG"}])]},
        "a pack made after the year 9999": {"made_at": 253402300800},
        "1,000,001 numbers": {"numbers": {"first": 1, "last": 1_000_001}},
        "a document whose name ends with a dot": {"documents": [{"path": "data/documents/a.", "title": "x"}]},
        "a document in a folder of its own": {"documents": [{"path": "data/documents/a/b.pdf", "title": "x"}]},
        "a document outside its folder": {"documents": [{"path": "data/exhibits/1/b.pdf", "title": "x"}]},
        "files out of order": {"files": [listed_file("data/checkpoint"), listed_file("HOW-TO-CHECK.txt")]},
        "a file listed twice": {"files": [listed_file("data/checkpoint")] * 2},
        "a listed digest of 31 bytes": {"files": [listed_file("data/checkpoint", sha256=b64u(draw("short", 31)))]},
        "a listed size of true": {"files": [listed_file("data/checkpoint", size_bytes=True)]},
        "a member too many in pack.json": {"more": None},
    }
    for title, change in spoilt.items():
        book.invalid(title, like, "pack-list", text=canonical(pack(**change)).decode())
    missing = {name: value for name, value in pack().items() if name != "gaps"}
    for title, text in {
        "pack.json without its gaps": canonical(missing),
        "pack.json with white space": raw.replace(b",", b", ", 1),
        "pack.json with a newline at its end": raw + b"\n",
        "pack.json that is a list": canonical([pack()]),
        "pack.json that is cut off": raw[:-1],
    }.items():
        book.invalid(title, like, "pack-list", text=text.decode())


def add_signatures(book: Book) -> None:
    book.form(
        "pack-signatures",
        "given: SHA-256 of pack.json, the files of pack-built/, pack.sig, the pack's agency, officers, deputies; "
        'expected: who signed. The message is fields("amparo/v1/pack", SHA-256(pack.json), SHA-256 of each file ...)',
    )
    digest = sha256(canonical(pack()))
    built = {
        "pack-built/consistency": b"", f"pack-built/{HOLDING.hex()}.salt": draw("built salt"),
        f"pack-built/{HOLDING.hex()}.statement": b"a statement", f"pack-built/{HOLDING.hex()}.tlog-proof": b"a proof",
    }  # fmt: skip

    def signature(by: str, label: str = "amparo/v1/pack", listed: bytes = digest, order: int = 1) -> bytes:
        values = [sha256(built[path]) for path in sorted(built)][::order]
        return ref.sign(seed(by), fields(label, listed, *values))

    def signed(*pairs: tuple[str, bytes]) -> str:
        rows = [{"by": by, "signature": b64u(one)} for by, one in pairs]
        return canonical({"v": 1, "signatures": rows}).decode()

    one, two = (LIAISON_3, signature(LIAISON_3)), (LIAISON_4, signature(LIAISON_4))
    members = [*MEMBERS, member(ADMIN_1, ["administrator"])]
    base = {"pack_json_sha256": digest, "built": built, "agency": NORTH, "members": members, "deputies": DEPUTIES}
    like = "pack.sig of two officers"
    book.valid(like, {**base, "signatures": signed(one, two)}, [LIAISON_3, LIAISON_4])
    deputy = signed(one, (WORKER_1, signature(WORKER_1)))
    book.valid("pack.sig of an officer and the deputy", {**base, "agency": SOUTH, "signatures": deputy},
               [LIAISON_3, WORKER_1])  # fmt: skip
    admin = (ADMIN_1, signature(ADMIN_1))
    for title, code, text in (
        ("one signature", "pack-signatures", signed(one)),
        ("three signatures", "pack-signatures", signed(one, two, (WORKER_1, signature(WORKER_1)))),
        ("no signature", "pack-signatures", signed()),
        ("one officer twice", "pack-signatures", signed(one, one)),
        ("signatures out of order", "pack-signatures", signed(two, one)),
        ("a signature of an administrator", "pack-signer", signed(admin, one)),
        ("a signature of another agency's officer", "pack-signer", signed(one, (WORKER_1, signature(WORKER_1)))),
        ("a signature of somebody unknown", "pack-signer",
         signed(one, (f"{NORTH}/liaison-9", signature(f"{NORTH}/liaison-9")))),
        ("a signature by another key", "pack-signatures", signed(one, (LIAISON_4, signature(LIAISON_3)))),
        ("a signature of another pack", "pack-signatures", signed(one, (LIAISON_4, signature(LIAISON_4,
                                                                                             listed=flipped(digest))))),
        ("a signature under another label", "pack-signatures",
         signed(one, (LIAISON_4, signature(LIAISON_4, "amparo/v1/event-sig")))),
        ("a signature over the files in another order", "pack-signatures",
         signed(one, (LIAISON_4, signature(LIAISON_4, order=-1)))),
        ("pack.sig with white space", "pack-signatures", signed(one, two).replace(",", ", ", 1)),
        ("pack.sig of version 2", "pack-signatures", signed(one, two).replace('"v":1', '"v":2')),
        ("pack.sig of version true", "pack-signatures", signed(one, two).replace('"v":1', '"v":true')),
        ("pack.sig with a short signature", "pack-signatures", signed(one, (LIAISON_4, two[1][:-1]))),
    ):  # fmt: skip
        book.invalid(title, like, code, signatures=text)
    altered = {**built, "pack-built/consistency": b"AAAA\n"}
    book.invalid("a file of pack-built/ that is altered", like, "pack-signatures", built=altered)
    book.invalid("a file of pack-built/ that is missing", like, "pack-signatures",
                 built={path: data for path, data in built.items() if not path.endswith(".salt")})  # fmt: skip


def add_contents(book: Book) -> None:
    book.form(
        "contents-proof", "given: data/proofs/<file>.json and the header's `contents`; expected: bundle, index, entry"
    )
    entries = [canonical({"file": b64u(one)}) for one in FILES]
    salts = [draw(f"entry salt {number}") for number in range(4)]
    leaves = [sha256(fields("amparo/v1/entry", salt, one)) for salt, one in zip(salts, [*entries, b""], strict=True)]
    root = ref.tree(leaves)
    value = {
        "v": 1, "bundle": b64u(BUNDLE), "index": 2, "entry": b64u(entries[2]), "salt": b64u(salts[2]),
        "path": [b64u(one) for one in notes.path(leaves, 2)],
    }  # fmt: skip

    def text(**changes: Any) -> str:
        return canonical({**value, **changes}).decode()

    like = "a contents proof"
    book.valid(like, {"text": text(), "contents": root}, {"bundle": BUNDLE, "index": 2, "entry": entries[2]})
    for title, code, changed in (
        ("a contents proof of another entry", "proof-invalid", text(entry=b64u(entries[1]))),
        ("a contents proof with another salt", "proof-invalid", text(salt=b64u(salts[1]))),
        ("a contents proof of another index", "proof-invalid", text(index=3)),
        ("a contents proof of an index outside the list", "proof-invalid", text(index=6)),
        ("a contents proof of index -1", "proof-invalid", text(index=-1)),
        ("a contents proof one hash short", "proof-invalid", text(path=value["path"][:-1])),
        ("a contents proof one hash long", "proof-invalid", text(path=[*value["path"], b64u(bytes(32))])),
        ("a contents proof with exchanged hashes", "proof-invalid", text(path=value["path"][::-1])),
        ("a contents proof of version 2", "format", text(v=2)),
        ("a contents proof with a member too many", "format", text(more=1)),
        ("a contents proof with the index true", "format", text(index=True)),
        ("a contents proof with a salt of 31 bytes", "format", text(salt=b64u(salts[2][:-1]))),
        ("a contents proof with a hash of 31 bytes", "format", text(path=[b64u(bytes(31)), value["path"][1]])),
        ("a contents proof of 64 hashes", "format", text(path=[b64u(bytes(32))] * 64)),
        ("a contents proof with white space", "format", text().replace(",", ", ", 1)),
    ):
        book.invalid(title, like, code, text=changed)
    book.invalid("a contents proof for another header", like, "proof-invalid", contents=flipped(root))


def add_consistency(book: Book) -> None:
    book.form("consistency", "given: pack-built/consistency and both states of the log; expected: nothing more")
    leaves = [draw(f"log entry {number}", 49) for number in range(21)]

    def given(old: int, size: int) -> dict[str, Any]:
        hashes = notes.consistency(leaves[:size], old)
        return {"text": "".join(f"{notes.b64(one)}\n" for one in hashes), "old": old,
                "old_root": ref.tree(leaves[:old]), "size": size, "root": ref.tree(leaves[:size])}  # fmt: skip

    like = "consistency from 6 to 21"
    book.valid(like, given(6, 21), None)
    book.valid("consistency of equal sizes", given(21, 21), None)
    text = given(6, 21)["text"]
    lines = text.splitlines(keepends=True)
    for title, code, changed in (
        ("consistency one hash short", "proof-invalid", "".join(lines[:-1])),
        ("consistency with exchanged hashes", "proof-invalid", "".join([lines[1], lines[0], *lines[2:]])),
        ("consistency without its last newline", "format", text[:-1]),
        ("consistency with carriage returns", "format", text.replace("\n", "\r\n")),
        ("consistency with an empty line", "format", text + "\n"),
        ("consistency with a hash of 31 bytes", "format", notes.b64(bytes(31)) + "\n" + "".join(lines[1:])),
        ("consistency without padding", "format", text.replace("=", "")),
    ):
        book.invalid(title, like, code, text=changed)
    book.invalid("consistency of equal sizes with a hash", "consistency of equal sizes", "proof-invalid", text=lines[0])
    book.invalid("consistency to another root", like, "proof-invalid", root=flipped(ref.tree(leaves)))


def add(book: Book) -> None:
    """All of this module."""
    add_lists(book)
    add_signatures(book)
    add_contents(book)
    add_consistency(book)
