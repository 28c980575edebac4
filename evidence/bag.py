"""The BagIt 1.0 side of a pack: its tag files and manifests, written and strictly read (RFC 8493).

The pack's own signed list (pack.json) governs. The bag lets programs that know nothing of Amparo check that
the files arrived whole. Here the bag has one spelling, narrower than the RFC's: two spaces in a manifest's
line, paths in byte order, LF at the end of each line, no `fetch.txt` (docs/protocol.md 10.2).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from crypto.header import AGENCY
from errors import ArchiveInvalid, BagInvalid
from evidence.archive import PACK_BUILT, PACK_JSON, PACK_SIG, Archive, Digests, require_path

BAGIT_TXT: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
SOFTWARE: Final = "Amparo evidence pack 1"
PAYLOAD: Final = "data/"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
MANIFEST_LIMIT: Final = 400 * 2**20
_LINE = re.compile(r"([0-9a-f]+)  (\S+)\Z")
_INFO = re.compile(
    rf"Source-Organization: (\S+)\nBagging-Date: (\d{{4}}-\d\d-\d\d)\nExternal-Identifier: ([0-9a-f]{{32}})\n"
    rf"Bag-Software-Agent: {SOFTWARE}\nPayload-Oxum: ([0-9]{{1,18}})\.([0-9]{{1,8}})\n\Z",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class BagInfo:
    """What bag-info.txt says: the agency, the day, the pack's id (hexadecimal), and the payload's extent."""

    agency: str
    day: str
    pack: str
    payload_bytes: int
    payload_files: int

    def dump(self) -> bytes:
        """The bytes of bag-info.txt; it names no person."""
        return (
            f"Source-Organization: {self.agency}\nBagging-Date: {self.day}\n"
            f"External-Identifier: {self.pack}\n"
            f"Bag-Software-Agent: {SOFTWARE}\nPayload-Oxum: {self.payload_bytes}.{self.payload_files}\n"
        ).encode()


def parse_bag_info(raw: bytes) -> BagInfo:
    """Read bag-info.txt in the one spelling that `BagInfo.dump` writes.

    Raises:
        BagInvalid: any other spelling.
    """
    try:
        found = _INFO.match(raw.decode("ascii"))
    except UnicodeDecodeError as error:
        raise BagInvalid("bag-info.txt is not plain text") from error
    if found is None:
        raise BagInvalid("bag-info.txt does not have its five lines")
    agency, day, pack, payload_bytes, payload_files = found.groups()
    info = BagInfo(agency, day, pack, int(payload_bytes), int(payload_files))
    if info.dump() != raw or not AGENCY.match(agency):
        raise BagInvalid("bag-info.txt is not in its one spelling")
    return info


def day_of(at: int) -> str:
    """The date of a POSIX time in UTC, YYYY-MM-DD."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def dump_manifest(digests: Mapping[str, bytes]) -> bytes:
    """A manifest's bytes: `<hex digest>  <path>` for each file, paths in byte order."""
    return b"".join(b"%s  %s\n" % (digests[path].hex().encode(), path.encode()) for path in sorted(digests))


def parse_manifest(raw: bytes, digest_bytes: int) -> dict[str, bytes]:
    """Read a manifest strictly: one spelling, safe paths, byte order, no path twice.

    Raises:
        BagInvalid: any other spelling, or an unsafe path.
    """
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise BagInvalid("a manifest is not plain text") from error
    if not text.endswith("\n"):
        raise BagInvalid("a manifest is empty or its last line is cut off")
    out: dict[str, bytes] = {}
    before = ""
    for line in text[:-1].split("\n"):
        found = _LINE.match(line)
        if found is None or len(found[1]) != 2 * digest_bytes:
            raise BagInvalid("a line of a manifest is not `digest, two spaces, path`")
        try:
            require_path(path := found[2])
        except ArchiveInvalid as error:
            raise BagInvalid(f"a manifest lists {found[2][:80]!r}, which is not allowed") from error
        if path <= before:
            raise BagInvalid(f"a manifest lists {path} twice or out of order")
        out[path], before = bytes.fromhex(found[1]), path
    return out


def is_governed_elsewhere(path: str) -> bool:
    """Whether a file is one of the three that neither pack.json nor the tag manifest lists."""
    return path in (PACK_JSON, PACK_SIG) or path.startswith(PACK_BUILT)


def payload_manifests(payload: Mapping[str, Digests]) -> dict[str, bytes]:
    """Both payload manifests, by their names, from the digests of every file under data/."""
    return {
        "manifest-sha256.txt": dump_manifest({path: one.sha256 for path, one in payload.items()}),
        "manifest-sha512.txt": dump_manifest({path: one.sha512 for path, one in payload.items()}),
    }


def verify_bag(archive: Archive) -> BagInfo:
    """Check the bag both ways: what is listed is there and unchanged, and what is there is listed.

    Raises:
        BagInvalid: anything that RFC 8493, or the one spelling of 10.2, forbids.
    """
    if archive.read("bagit.txt", 100, BagInvalid) != BAGIT_TXT:
        raise BagInvalid("bagit.txt does not have its two lines")
    payload = {path: one.digests for path, one in archive.files.items() if path.startswith(PAYLOAD)}
    tags = {
        path: one.digests
        for path, one in archive.files.items()
        if not path.startswith(PAYLOAD) and path != TAG_MANIFEST and not is_governed_elsewhere(path)
    }
    _compare(archive, "manifest-sha256.txt", {path: one.sha256 for path, one in payload.items()})
    _compare(archive, "manifest-sha512.txt", {path: one.sha512 for path, one in payload.items()})
    _compare(archive, TAG_MANIFEST, {path: one.sha256 for path, one in tags.items()})
    info = parse_bag_info(archive.read("bag-info.txt", 1000, BagInvalid))
    extent = (sum(one.size_bytes for one in payload.values()), len(payload))
    if (info.payload_bytes, info.payload_files) != extent:
        raise BagInvalid("bag-info.txt gives another size or number of files than the pack has")
    return info


def _compare(archive: Archive, manifest: str, found: Mapping[str, bytes]) -> None:
    listed = parse_manifest(archive.read(manifest, MANIFEST_LIMIT, BagInvalid), 64 if "sha512" in manifest else 32)
    for path in sorted(listed.keys() ^ found.keys()):
        state = "is listed but missing" if path in listed else "is not listed"
        raise BagInvalid(f"{path} {state} ({manifest})")
    for path, digest in listed.items():
        if digest != found[path]:
            raise BagInvalid(f"{path} is not the file that {manifest} lists")
