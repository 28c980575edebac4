"""The outer form of a pack: the one zip that its files can have, and the BagIt bag in it."""

from __future__ import annotations

import hashlib
import re
import zlib

from .encoding import AGENCY, Refused, require

LARGE = 0xFFFFFFFF
MANY = 0xFFFF
MAX_FILES = 1_000_000
TAG_FILES = ("HOW-TO-CHECK.txt", "bag-info.txt", "bagit.txt", "manifest-sha256.txt", "manifest-sha512.txt")
PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
BAG_FILES = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "manifest-sha512.txt", "tagmanifest-sha256.txt")
BAG_INFO = re.compile(
    rf"Source-Organization: {AGENCY.pattern}\nBagging-Date: [0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}\n"
    r"External-Identifier: [0-9a-f]{32}\nBag-Software-Agent: Amparo evidence pack 1\nPayload-Oxum: ([0-9.]+)\n"
)
BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "little")


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _local_header(name: bytes, data: bytes) -> bytes:
    extra = _u16(1) + _u16(16) + _u64(len(data)) * 2 if len(data) >= LARGE else b""
    head = b"PK\x03\x04" + _u16(45 if extra else 10) + bytes(6) + _u16(0x21) + _u32(zlib.crc32(data))
    return head + _u32(min(len(data), LARGE)) * 2 + _u16(len(name)) + _u16(len(extra)) + name + extra


def _directory_header(name: bytes, data: bytes, offset: int) -> bytes:
    extra = _u64(len(data)) * 2 if len(data) >= LARGE else b""
    extra += _u64(offset) if offset >= LARGE else b""
    extra = _u16(1) + _u16(len(extra)) + extra if extra else b""
    head = b"PK\x01\x02" + _u16(45) + _u16(45 if extra else 10) + bytes(6) + _u16(0x21) + _u32(zlib.crc32(data))
    head += _u32(min(len(data), LARGE)) * 2 + _u16(len(name)) + _u16(len(extra)) + bytes(10)
    return head + _u32(min(offset, LARGE)) + name + extra


def _end(files: int, length: int, offset: int) -> bytes:
    large = b""
    if files >= MANY or length >= LARGE or offset >= LARGE:
        large = b"PK\x06\x06" + _u64(44) + _u16(45) * 2 + bytes(8) + _u64(files) * 2 + _u64(length) + _u64(offset)
        large += b"PK\x06\x07" + bytes(4) + _u64(offset + length) + _u32(1)
    few = _u16(min(files, MANY))
    return large + b"PK\x05\x06" + bytes(4) + few * 2 + _u32(min(length, LARGE)) + _u32(min(offset, LARGE)) + bytes(2)


def order_key(path: str) -> tuple[int, bytes]:
    """Where a path stands in the zip."""
    last = 1 if path == "pack.json" else 2 if path.startswith("pack-built/") else 3 if path == "pack.sig" else 0
    return last, path.encode()


def form_zip(files: dict[str, bytes]) -> bytes:
    """The one zip that these files have (paths without `pack/`)."""
    body, directory, offset = [], [], 0
    for path in sorted(files, key=order_key):
        name, data = b"pack/" + path.encode(), files[path]
        local = _local_header(name, data)
        directory.append(_directory_header(name, data, offset))
        body += [local, data]
        offset += len(local) + len(data)
    length = sum(map(len, directory))
    return b"".join([*body, *directory, _end(len(files), length, offset)])


def _check_paths(paths: list[str]) -> None:
    require(0 < len(paths) <= MAX_FILES, "pack-zip", "no files, or too many")
    lower = {path.lower() for path in paths}
    require(len(lower) == len(paths), "pack-zip", "two paths are equal in lower case")
    for path in paths:
        parts = path.split("/")
        good = len(path) <= 200 and all(PART.fullmatch(part) and not RESERVED.fullmatch(part) for part in parts)
        require(good, "pack-zip", f"path is not allowed: {path[:200]!r}")
        folders = ("/".join(parts[:count]).lower() for count in range(1, len(parts)))
        require(not any(folder in lower for folder in folders), "pack-zip", f"a folder of {path} is also a file")


def read_zip(data: bytes) -> dict[str, bytes]:
    """The files of a pack by path without `pack/`; any zip but the one they must have is refused."""
    files: dict[str, bytes] = {}
    offset = 0
    while data[offset : offset + 4] == b"PK\x03\x04":
        require(offset + 30 <= len(data), "pack-zip", "cut short")
        size = int.from_bytes(data[offset + 22 : offset + 26], "little")
        name_end = offset + 30 + int.from_bytes(data[offset + 26 : offset + 28], "little")
        start = name_end + int.from_bytes(data[offset + 28 : offset + 30], "little")
        name = data[offset + 30 : name_end]
        if size == LARGE:
            require(start - name_end == 20, "pack-zip", "large file without its true size")
            size = int.from_bytes(data[name_end + 4 : name_end + 12], "little")
        require(start + size <= len(data), "pack-zip", "cut short")
        try:
            path = name.decode("ascii")
        except UnicodeDecodeError as error:
            raise Refused("pack-zip", "path is not ASCII") from error
        require(path.startswith("pack/") and path[5:] not in files, "pack-zip", f"path outside pack/, or twice: {path}")
        require(len(files) < MAX_FILES, "pack-zip", "too many files")
        files[path[5:]] = data[start : start + size]
        offset = start + size
    _check_paths(list(files))
    require(form_zip(files) == data, "pack-zip", "the zip is not the one that these files form")
    return files


def manifest(files: dict[str, bytes], paths: list[str], algorithm: str) -> bytes:
    """A BagIt manifest over some of the files."""
    ordered = sorted(paths, key=str.encode)
    return "".join(f"{hashlib.new(algorithm, files[path]).hexdigest()}  {path}\n" for path in ordered).encode()


def bag_info(agency: str, day: str, pack_hex: str, files: dict[str, bytes]) -> bytes:
    """The bag-info.txt that a pack must have."""
    payload = [data for path, data in files.items() if path.startswith("data/")]
    lines = [
        f"Source-Organization: {agency}",
        f"Bagging-Date: {day}",
        f"External-Identifier: {pack_hex}",
        "Bag-Software-Agent: Amparo evidence pack 1",
        f"Payload-Oxum: {sum(map(len, payload))}.{len(payload)}",
    ]
    return "".join(line + "\n" for line in lines).encode()


def check_bag(files: dict[str, bytes]) -> None:
    """Refuse unless the bag's own files are those that the files call for; what bag-info.txt says comes later."""
    for name in BAG_FILES:
        require(name in files, "pack-bag", f"{name} is missing")
    require(files["bagit.txt"] == BAGIT, "pack-bag", "bagit.txt is another")
    payload = [path for path in files if path.startswith("data/")]
    for algorithm in ("sha256", "sha512"):
        name = f"manifest-{algorithm}.txt"
        require(files[name] == manifest(files, payload, algorithm), "pack-bag", f"{name} does not fit the files")
    apart = ("data/", "pack-built/", "tagmanifest-sha256.txt", "pack.json", "pack.sig")
    tagged = [path for path in files if not path.startswith(apart[:2]) and path not in apart]
    tags = manifest(files, tagged, "sha256")
    require(files["tagmanifest-sha256.txt"] == tags, "pack-bag", "tagmanifest-sha256.txt does not fit the files")
    info = BAG_INFO.fullmatch(files["bag-info.txt"].decode("utf-8", "replace"))
    oxum = f"{sum(len(files[path]) for path in payload)}.{len(payload)}"
    require(info is not None and info[1] == oxum, "pack-bag", "bag-info.txt has another form, or another size")
