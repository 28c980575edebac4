"""The bag of an evidence pack: bag-info.txt, manifests, and a whole small bag (docs/protocol.md 10.2)."""

import hashlib

from tests.unit.crypto.reference import sha256
from tests.vectors_made.book import Book, draw, flipped
from tests.vectors_made.people import WEST

PACK = draw("pack", 16)
TAGS = ("HOW-TO-CHECK.txt", "bag-info.txt", "bagit.txt", "manifest-sha256.txt", "manifest-sha512.txt")


def info(**changes: str) -> str:
    lines = {
        "Source-Organization": WEST, "Bagging-Date": "2031-01-01", "External-Identifier": PACK.hex(),
        "Bag-Software-Agent": "Amparo evidence pack 1", "Payload-Oxum": "9.2",
    }  # fmt: skip
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return "".join(f"{name}: {value}\n" for name, value in {**lines, **named}.items())


def manifest(files: dict[str, str], algorithm: str) -> str:
    lines = [f"{hashlib.new(algorithm, files[path].encode()).hexdigest()}  {path}\n" for path in sorted(files)]
    return "".join(lines)


def bag(data: dict[str, str] | None = None, **changes: str) -> dict[str, str]:
    """A whole bag; tag files may be replaced (`bag_info` for bag-info.txt), and the tag manifest fits what is there."""
    payload = data or {"data/a.txt": "first", "data/b": "last"}
    files = {
        **payload, "HOW-TO-CHECK.txt": "Trust must come from outside.\n", "bag-info.txt": info(),
        "bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "manifest-sha256.txt": manifest(payload, "sha256"), "manifest-sha512.txt": manifest(payload, "sha512"),
    }  # fmt: skip
    files |= {name.replace("__", "-").replace("_", ".", 1) + ".txt": text for name, text in changes.items()}
    files["tagmanifest-sha256.txt"] = manifest({name: files[name] for name in TAGS}, "sha256")
    return {**files, "pack.json": "{}", "pack-built/consistency": "", "pack.sig": "{}"}


def add_info(book: Book) -> None:
    book.form("bag-info", "given: bag-info.txt; expected: what it says")
    found = {"agency": WEST, "day": "2031-01-01", "pack": PACK.hex(), "bytes": 9, "files": 2}
    good, like = info(), "bag-info.txt"
    book.valid(like, {"text": good}, found)
    lines = good.splitlines(keepends=True)
    for title, text in {
        "bag-info.txt with carriage returns": good.replace("\n", "\r\n"),
        "bag-info.txt without its last newline": good[:-1],
        "bag-info.txt with a sixth line": good + "Contact-Name: somebody\n",
        "bag-info.txt without its date": "".join([lines[0], *lines[2:]]),
        "bag-info.txt in another order": "".join([lines[1], lines[0], *lines[2:]]),
        "bag-info.txt with a folded line": good.replace(": Amparo", ":\n Amparo"),
        "bag-info.txt with a tab": good.replace(": ", ":\t", 1),
        "a pack id in capitals": info(External_Identifier=PACK.hex().upper()),
        "a pack id one digit short": info(External_Identifier=PACK.hex()[:-1]),
        "an extent with a leading zero": info(Payload_Oxum="09.2"),
        "an extent without a count": info(Payload_Oxum="9"),
        "another software agent": info(Bag_Software_Agent="Amparo evidence pack 2"),
    }.items():
        book.invalid(title, like, "pack-bag", text=text)


def add_manifests(book: Book) -> None:
    book.form("manifest", "given: a manifest and the length of its digests; expected: the digest of each path")
    one, two = sha256(b"one"), sha256(b"two")
    good = f"{one.hex()}  data/a.txt\n{two.hex()}  data/b\n"
    like = "a manifest"
    book.valid(like, {"text": good, "digest_bytes": 32}, {"data/a.txt": one, "data/b": two})
    first, second = good.splitlines(keepends=True)
    for title, text in {
        "an empty manifest": "",
        "a manifest without its last newline": good[:-1],
        "a manifest with an empty line": first + "\n" + second,
        "a manifest with carriage returns": good.replace("\n", "\r\n"),
        "a manifest with one space": good.replace("  ", " "),
        "a manifest with a tab between": good.replace("  ", "\t"),
        "a manifest with an asterisk": good.replace("  ", " *"),
        "a manifest in capitals": f"{one.hex().upper()}  data/a.txt\n",
        "a digest one digit short": good[1:],
        "a manifest out of order": second + first,
        "a manifest with a path twice": first + first,
        "a manifest with a comment": "# made by hand\n" + good,
    }.items():
        book.invalid(title, like, "pack-bag", text=text)
    book.invalid("digests of another algorithm", like, "pack-bag", digest_bytes=64)
    escaped = good.replace("data/a.txt", "data/../a.txt")
    book.invalid("a manifest with a path to the folder above", like, "pack-bag", text=escaped)


def add_bags(book: Book) -> None:
    book.form("bag", "given: every file of a small pack as text; expected: agency, day and pack of its bag-info.txt")
    like = "a bag"
    book.valid(like, {"files": bag()}, {"agency": WEST, "day": "2031-01-01", "pack": PACK.hex()})
    good = bag()
    payload = {"data/a.txt": "first", "data/b": "last"}
    sha256_lines = good["manifest-sha256.txt"].splitlines(keepends=True)
    wrong = flipped(sha256(b"first")).hex() + "  data/a.txt\n"
    tags = good["tagmanifest-sha256.txt"]

    def without(path: str) -> dict[str, str]:
        return {name: text for name, text in good.items() if name != path}

    for title, files in {
        "a bag of another version": bag(bagit="BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"),
        "a bag in another character encoding": bag(
            bagit="BagIt-Version: 1.0\nTag-File-Character-Encoding: ISO-8859-1\n"
        ),
        "a bag with another extent": bag(bag__info=info(Payload_Oxum="8.2")),
        "a bag with another number of files": bag(bag__info=info(Payload_Oxum="9.3")),
        "a file that the SHA-256 manifest does not list": bag(manifest__sha256=sha256_lines[0]),
        "a file that the SHA-512 manifest does not list": bag(manifest__sha512=manifest({"data/b": "last"}, "sha512")),
        "a file that is listed and missing": bag(
            manifest__sha256=manifest({**payload, "data/c": "more"}, "sha256")
        ),
        "a file that is not the listed one": bag(manifest__sha256=wrong + sha256_lines[1]),
        "a file that is altered after the manifests": {**good, "data/a.txt": "forst"},
        "a tag manifest that lists itself": {
            **good, "tagmanifest-sha256.txt": tags + manifest({"tagmanifest-sha256.txt": tags}, "sha256")
        },
        "a tag manifest that lists pack.json": {
            **good, "tagmanifest-sha256.txt": tags + manifest({"pack.json": "{}"}, "sha256")
        },
        "a tag file that is altered": {**good, "HOW-TO-CHECK.txt": "Trust this pack.\n"},
        "a tag file that is not listed": {**good, "fetch.txt": "https://example.org/b - data/b\n"},
    }.items():  # fmt: skip
        book.invalid(title, like, "pack-bag", files=files)
    for path in ("bagit.txt", "manifest-sha512.txt", "tagmanifest-sha256.txt"):
        book.invalid(f"a bag without {path}", like, "pack-bag", files=without(path))


def add(book: Book) -> None:
    """All of this module."""
    add_info(book)
    add_manifests(book)
    add_bags(book)
