"""pack.json: its form, and that the pack has exactly the files that it calls for."""

from __future__ import annotations

import datetime
import re
from itertools import pairwise
from typing import Any

from .archive import PART, TAG_FILES, bag_info
from .encoding import (
    AGENCY,
    MEDIA_TYPE,
    ORIGIN,
    Malformed,
    binary,
    canonical,
    choice,
    date,
    integer,
    listing,
    nullable,
    pattern,
    refusing,
    require,
    sha256,
    shape,
    text,
)
from .merkle import pieces_root

CODE = "pack-list"
MAX_LIST = 256 * 1024 * 1024
WITHHELD = ("handling", "consent", "sensitive", "not-held", "other")
FOUND = ("no-proof", "no-custody", "no-origin")
EXTENSION = re.compile(r"[a-z0-9]{1,8}")
DOCUMENT = re.compile(rf"data/documents/(?=[^/]{{1,100}}\Z)(?:{PART.pattern})")
MOST_NUMBERS = 1_000_000
LAST_SECOND = 253402300799

_TEXT = text(2000)
_ID = binary(16)
_DIGEST = binary(32)
_FILE = shape(
    {
        "path": _TEXT,
        "file": _ID,
        "media_type": pattern(MEDIA_TYPE),
        "label": _TEXT,
        "proof": choice("bundle", "custody", "none"),
        "bundle": nullable(_ID),
    }
)
_EXHIBIT = shape(
    {
        "number": integer(1),
        "object": _ID,
        "root_number": _TEXT,
        "local_number": _TEXT,
        "description": _TEXT,
        "schedule": choice("used", "unused", "sensitive"),
        "files": listing(_FILE),
        "holdings": listing(_ID),
    }
)
_HOLDING = shape(
    {
        "holding": _ID,
        "object": _ID,
        "agency": pattern(AGENCY),
        "length": integer(1),
        "state": choice("open", "closed", "elsewhere"),
    }
)
_GAP = shape(
    {
        "reason": choice(*FOUND, *WITHHELD),
        "text": _TEXT,
        "number": nullable(integer(1)),
        "path": nullable(_TEXT),
        "holding": nullable(_ID),
    }
)
_PACK = shape(
    {
        "v": choice(1),
        "pack": _ID,
        "agency": pattern(AGENCY),
        "log": pattern(ORIGIN),
        "made_at": integer(0, LAST_SECOND),
        "case": _TEXT,
        "numbers": shape({"first": integer(1), "last": integer(1)}),
        "exhibits": listing(_EXHIBIT),
        "holdings": listing(_HOLDING),
        "bundles": listing(_ID),
        "certificates": listing(integer(0)),
        "gaps": listing(_GAP),
        "disclosed": listing(shape({"pack": _ID, "on": date, "numbers": listing(integer(1))})),
        "documents": listing(shape({"path": pattern(DOCUMENT), "title": _TEXT})),
        "files": listing(shape({"path": _TEXT, "size_bytes": integer(0), "sha256": _DIGEST, "pieces": _DIGEST})),
    }
)


def _ascending(values: list[Any], what: str) -> None:
    if any(not first < second for first, second in pairwise(values)):
        raise Malformed(f"{what} are not in ascending order, each once")


def _once(values: list[Any], what: str) -> None:
    if len({repr(value) for value in values}) != len(values):
        raise Malformed(f"something stands twice in {what}")


def _check_order(pack: dict[str, Any]) -> None:
    _ascending([exhibit["number"] for exhibit in pack["exhibits"]], "exhibits")
    for exhibit in pack["exhibits"]:
        _ascending([file["path"].encode() for file in exhibit["files"]], "files of an exhibit")
        _once(exhibit["holdings"], "holdings of an exhibit")
        _once([file["file"] for file in exhibit["files"]], "files of an exhibit")
    _ascending([holding["holding"] for holding in pack["holdings"]], "holdings")
    _ascending(pack["bundles"], "bundles")
    _ascending(pack["certificates"], "certificates")
    _ascending([document["path"].encode() for document in pack["documents"]], "documents")
    _ascending([file["path"].encode() for file in pack["files"]], "files")
    _once(pack["gaps"], "gaps")
    _once(pack["disclosed"], "disclosed")
    for shown in pack["disclosed"]:
        _ascending(shown["numbers"], "numbers of a disclosed pack")


def _check_exhibit(pack: dict[str, Any], exhibit: dict[str, Any], objects: dict[bytes, bytes]) -> None:
    number, first, last = exhibit["number"], pack["numbers"]["first"], pack["numbers"]["last"]
    require(first <= number <= last, CODE, f"exhibit {number} is outside the numbers")
    for file in exhibit["files"]:
        start = f"data/exhibits/{number}/{file['file'].hex()}."
        good = file["path"].startswith(start) and EXTENSION.fullmatch(file["path"][len(start) :])
        require(bool(good), CODE, f"path of a file of exhibit {number} does not fit")
        require((file["bundle"] is not None) == (file["proof"] == "bundle"), CODE, f"{file['path']}: bundle or not?")
    for holding in exhibit["holdings"]:
        require(objects.get(holding) == exhibit["object"], CODE, f"exhibit {number} names a holding of something else")


def _check_holdings(pack: dict[str, Any]) -> None:
    objects = {holding["holding"]: holding["object"] for holding in pack["holdings"]}
    for exhibit in pack["exhibits"]:
        _check_exhibit(pack, exhibit, objects)
    named = {holding for exhibit in pack["exhibits"] for holding in exhibit["holdings"]}
    require(named == set(objects), CODE, "a holding that no exhibit names")
    for holding in pack["holdings"]:
        own = holding["agency"] == pack["agency"]
        require(own == (holding["state"] != "elsewhere"), CODE, "state of a holding does not fit its agency")
    require(any(holding["state"] == "open" for holding in pack["holdings"]), CODE, "no holding is open")
    bundles = {file["bundle"] for exhibit in pack["exhibits"] for file in exhibit["files"]} - {None}
    require(bundles == set(pack["bundles"]), CODE, "the bundles are not those that files name")


def called_for(pack: dict[str, Any]) -> set[str]:
    """All paths that a pack with this pack.json has."""
    paths = {*TAG_FILES, "tagmanifest-sha256.txt", "pack.json", "pack.sig", "pack-built/consistency"}
    paths |= {"data/checkpoint", "data/custody-statement.pdf", "data/trust-copy.txt"}
    for exhibit in pack["exhibits"]:
        for file in exhibit["files"]:
            paths.add(file["path"])
            if file["proof"] == "bundle":
                paths.add(f"data/proofs/{file['file'].hex()}.json")
    for bundle in pack["bundles"]:
        names = ("header", "signature", "deposited.statement", "deposited.salt", "deposited.tlog-proof")
        paths |= {f"data/bundles/{bundle.hex()}/{name}" for name in names}
    for holding in pack["holdings"]:
        stems = [f"data/custody/{holding['holding'].hex()}/{number}" for number in range(holding["length"])]
        if holding["state"] == "open":
            stems.append(f"pack-built/{holding['holding'].hex()}")
        paths |= {f"{stem}.{end}" for stem in stems for end in ("statement", "salt", "tlog-proof")}
    for index in pack["certificates"]:
        paths |= {f"data/certificates/{index}.{end}" for end in ("statement", "tlog-proof")}
    return paths | {document["path"] for document in pack["documents"]}


def _check_files(pack: dict[str, Any], files: dict[str, bytes]) -> None:
    length = sum(holding["length"] for holding in pack["holdings"])
    require(length <= len(files), CODE, "custody is longer than the pack")
    wanted = called_for(pack)
    require(not wanted - set(files), CODE, f"missing: {min(wanted - set(files), default='')}")
    require(not set(files) - wanted, CODE, f"not called for: {min(set(files) - wanted, default='')[:200]}")
    unlisted = {path for path in files if path in ("pack.json", "pack.sig") or path.startswith("pack-built/")}
    listed = {file["path"] for file in pack["files"]}
    require(listed == set(files) - unlisted, CODE, "the list of files is not that of the zip")
    for file in pack["files"]:
        data = files[file["path"]]
        good = len(data) == file["size_bytes"] and sha256(data) == file["sha256"]
        require(good and pieces_root(data) == file["pieces"], CODE, f"{file['path']} is not the file in the list")


def read_pack_list(files: dict[str, bytes]) -> dict[str, Any]:
    """Parse pack.json and hold it against the files, and bag-info.txt against it."""
    with refusing(CODE, "pack.json"):
        if not 0 < len(files.get("pack.json", b"")) <= MAX_LIST:
            raise Malformed("missing or too large")
        pack: dict[str, Any] = _PACK(canonical(files["pack.json"]))
        _check_order(pack)
        day = datetime.datetime.fromtimestamp(pack["made_at"], datetime.UTC).date().isoformat()
    info = bag_info(pack["agency"], day, pack["pack"].hex(), files)
    require(files["bag-info.txt"] == info, CODE, "bag-info.txt does not fit the pack")
    require(pack["numbers"]["first"] <= pack["numbers"]["last"], CODE, "numbers end before they begin")
    count = pack["numbers"]["last"] - pack["numbers"]["first"] + 1
    require(count <= MOST_NUMBERS and bool(pack["exhibits"]), CODE, "too many numbers, or no exhibit")
    _check_holdings(pack)
    _check_files(pack, files)
    return pack
