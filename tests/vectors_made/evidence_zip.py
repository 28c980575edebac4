"""The zip of an evidence pack, written from docs/protocol.md 10.3; parts of it can be replaced by wrong ones."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

from tests.unit.crypto.reference import sha256
from tests.vectors_made.book import Book, flipped


def local(name: bytes, data: bytes, **other: Any) -> bytes:
    """Local header and contents."""
    size, crc = other.get("size", len(data)), other.get("crc", zlib.crc32(data))
    extra = other.get("extra", b"")
    head = struct.pack(
        "<4s5H3I2H", b"PK\3\4", other.get("version", 10), other.get("flags", 0), other.get("method", 0),
        other.get("time", 0), other.get("date", 0x21), crc, size, size, len(name), len(extra),
    )  # fmt: skip
    return head + name + extra + data


def central(name: bytes, data: bytes, offset: int, **other: Any) -> bytes:
    """A line of the directory."""
    extra, comment = other.get("extra", b""), other.get("comment", b"")
    head = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", other.get("made_by", 45), other.get("version", 10), other.get("flags", 0),
        other.get("method", 0), other.get("time", 0), other.get("date", 0x21), other.get("crc", zlib.crc32(data)),
        len(data), len(data), len(name), len(extra), len(comment), 0, other.get("internal", 0),
        other.get("external", 0), offset,
    )  # fmt: skip
    return head + name + extra + comment


def end(count: int, size: int, offset: int, comment: bytes = b"", disk: int = 0) -> bytes:
    return struct.pack("<4s4H2IH", b"PK\5\6", disk, 0, count, count, size, offset, len(comment)) + comment


def archive(files: Sequence[tuple[str, bytes]], top: str = "pack/") -> bytes:
    """A whole zip, files in the order given."""
    out, listed = b"", b""
    for path, data in files:
        name = (top + path).encode()
        listed += central(name, data, len(out))
        out += local(name, data)
    return out + listed + end(len(files), len(listed), len(out))


FILES = [("data/a.txt", b"first"), ("pack.json", b"{}")]
NAMES = [b"pack/" + path.encode() for path, _ in FILES]
LONG = "a/" * 98 + "abcd"  # 200 bytes


def add_paths(book: Book) -> None:
    book.form("path", "given: the path of a file without `pack/`; expected: nothing more")
    for path in ("data/exhibits/1/0f.jpg", "a", "Z-9_x.tar.gz", "console.txt", LONG):
        book.valid(f"path {path[:24]}", {"path": path}, None)
    for title, path in {
        "an empty path": "",
        "a path with an empty part": "data//a.txt",
        "a path that begins with a slash": "/data/a.txt",
        "a path that ends with a slash": "data/",
        "a path to the folder above": "data/../a.txt",
        "a path with a dot for a part": "data/./a.txt",
        "a hidden file": "data/.a",
        "a part that ends with a dot": "data/a.",
        "a part that ends with a space": "data/a ",
        "a part with a backslash": "data\\a.txt",
        "a drive letter": "C:/a.txt",
        "a part that is not ASCII": "data/señas.txt",
        "a device of Windows": "data/con",
        "a device of Windows with an extension": "data/Lpt1.txt",
        "a path of 201 bytes": LONG + "e",
        "a path with a newline at its end": "a\n",
    }.items():
        book.invalid(title, "path a", "pack-zip", path=path)


def add_zips(book: Book) -> None:
    book.form("zip", "given: a whole zip; expected: SHA-256 of each file's contents, in order")
    good = archive(FILES)
    like = "a zip of two files"
    book.valid(like, {"zip": good}, [[path, sha256(data)] for path, data in FILES])
    nine = [("data/A", b""), ("data/a1", b"x"), ("data/b", b""), ("pack.json", b"{}"), ("pack-built/00.salt", b"s"),
            ("pack-built/consistency", b""), ("pack.sig", b"")]  # fmt: skip
    book.valid("a zip with every rule of order", {"zip": archive(nine)}, [[path, sha256(data)] for path, data in nine])

    def made(*, first: dict[str, Any] | None = None, line: dict[str, Any] | None = None, **last: Any) -> bytes:
        """The same two files; fields of the first local header, of its line, of the end are other ones."""
        contents = FILES[0][1]
        heads = [local(NAMES[0], contents, **(first or {})), local(NAMES[1], FILES[1][1])]
        lines = [central(NAMES[0], contents, 0, **(line or {})), central(NAMES[1], FILES[1][1], len(heads[0]))]
        body, listed = b"".join(heads), b"".join(lines)
        values = {"count": 2, "size": len(listed), "offset": len(body), **last}
        return body + listed + end(**values)

    assert made() == good
    first, second = FILES
    heads = [local(NAMES[0], first[1]), local(NAMES[1], second[1])]
    lines = [central(NAMES[0], first[1], 0), central(NAMES[1], second[1], len(heads[0]))]
    body = b"".join(heads)
    both = {"method": 8}
    dated = {"date": 0x5A21}
    for title, data in {
        "a byte before the zip": b"\0" + good,
        "a byte behind the zip": good + b"\0",
        "a byte between two files": heads[0] + b"\0" + good[len(heads[0]) :],
        "a zip without its last byte": good[:-1],
        "an empty zip": end(0, 0, 0),
        "no zip": b"",
        "contents that were altered": good.replace(b"first", b"forst"),
        "a CRC-32 that is wrong in both places": made(first={"crc": 1}, line={"crc": 1}),
        "a directory with another CRC-32": made(line={"crc": 1}),
        "a compressed file": made(first=both, line=both),
        "a method in the directory alone": made(line=both),
        "a flag for names in UTF-8": made(first={"flags": 0x800}, line={"flags": 0x800}),
        "a date of today": made(first=dated, line=dated),
        "a time": made(first={"time": 1}, line={"time": 1}),
        "a version of 20": made(first={"version": 20}, line={"version": 20}),
        "made by another system": made(line={"made_by": 0x32D}),
        "an extra field in the local header": made(first={"extra": b"\xfe\xca\0\0"}),
        "an extra field in the directory": made(line={"extra": b"\xfe\xca\0\0"}),
        "a zip64 field that no size needs": made(
            first={"version": 45, "size": 0xFFFFFFFF, "extra": struct.pack("<2H2Q", 1, 16, 5, 5)},
        ),
        "a comment on a file": made(line={"comment": b"c"}),
        "a comment on the zip": made(comment=b"c"),
        "attributes of a file": made(line={"external": 0o644 << 16}),
        "internal attributes of a file": made(line={"internal": 1}),
        "a second disk": made(disk=1),
        "one file too many in the end record": made(count=3),
        "a directory of another length in the end record": made(size=1),
        "a directory at another offset in the end record": made(offset=1),
        "a directory that leaves a file out": body + lines[0] + end(1, len(lines[0]), len(body)),
        "a directory in another order": body + lines[1] + lines[0] + end(2, len(lines[0] + lines[1]), len(body)),
        "a directory with another name": good[: len(body)] + good[len(body) :].replace(b"a.txt", b"b.txt"),
        "a directory with another offset": body + lines[0] + central(NAMES[1], second[1], 0)
        + end(2, len(lines[0] + lines[1]), len(body)),
        "files in another order": archive(FILES[::-1]),
        "a path twice": archive([first, first, second]),
        "two paths that differ in case": archive([("data/A.txt", b""), first, second]),
        "a path that is a folder of another": archive([("data", b""), first, second]),
        "a folder of its own": archive([("data/", b""), first, second]),
        "a file outside the folder pack": archive([("pack/data/a.txt", b"first"), ("pack/pack.json", b"{}")], top=""
                                                  ).replace(b"pack/pack.json", b"kcap/pack.json"),
        "a device's name in the zip": archive([("data/aux.txt", b"first"), second]),
        "pack.sig before pack.json": archive([first, ("pack.sig", b""), second]),
        "an altered byte of the directory": good[: len(body)] + flipped(good[len(body) :], 6),
    }.items():  # fmt: skip
        book.invalid(title, like, "pack-zip", zip=data)


def add(book: Book) -> None:
    """All of this module."""
    add_paths(book)
    add_zips(book)
