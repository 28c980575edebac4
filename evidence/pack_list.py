"""pack.json, the signed list that governs a pack, and the paths of its files (docs/protocol.md 10.4, 10.5)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Final, TypeVar

from crypto.digests import DIGEST_BYTES
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import AGENCY, IDENTIFIER_BYTES, ORIGIN
from crypto.manifest import MEDIA_TYPE
from errors import AmparoError, FormatError, PackListInvalid

T = TypeVar("T")
LIST_LIMIT: Final = 256 * 2**20
LONGEST_TEXT: Final = 2000
LARGEST: Final = 2**53 - 1
LATEST: Final = 253_402_300_799  # the last second that has a date YYYY-MM-DD
MOST_NUMBERS: Final = 1_000_000

HOW_TO_CHECK: Final = "HOW-TO-CHECK.txt"
CHECKPOINT: Final = "data/checkpoint"
STATEMENT_PDF: Final = "data/custody-statement.pdf"
TRUST_COPY: Final = "data/trust-copy.txt"
CONSISTENCY: Final = "pack-built/consistency"
DOCUMENT = re.compile(r"data/documents/[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?\Z")
EXTENSION = re.compile(r"[a-z0-9]{1,8}\Z")

SCHEDULES: Final = ("used", "unused", "sensitive")
PROOFS: Final = ("bundle", "custody", "none")
STATES: Final = ("open", "closed", "elsewhere")
# A number that no exhibit in the pack has. The verifier demands a reason, and cannot judge which is the true one.
ABSENT: Final = ("handling", "consent", "sensitive", "not-held", "other")
# What the verifier finds by itself and demands to be named.
FOUND: Final = ("no-proof", "no-custody", "no-origin")

EVENT_PARTS: Final = ("statement", "salt", "tlog-proof")


def exhibit_path(number: int, file: bytes, extension: str) -> str:
    """Where a file of an exhibit stands."""
    return f"data/exhibits/{number}/{file.hex()}.{extension}"


def event_path(holding: bytes, number: int, part: str) -> str:
    """Where a custody event stands; `part` is one of EVENT_PARTS."""
    return f"data/custody/{holding.hex()}/{number}.{part}"


def built_path(holding: bytes, part: str) -> str:
    """Where the pack-built event of a holding stands."""
    return f"pack-built/{holding.hex()}.{part}"


def certificate_path(index: int, part: str) -> str:
    """Where a directory entry stands; `part` is `statement` or `tlog-proof`."""
    return f"data/certificates/{index}.{part}"


def proof_path(file: bytes) -> str:
    """Where the contents proof of a file stands."""
    return f"data/proofs/{file.hex()}.json"


def bundle_path(bundle_id: bytes, part: str) -> str:
    """Where a bundle's header stands: `header`, `signature`, or `deposited.` and one of EVENT_PARTS."""
    return f"data/bundles/{bundle_id.hex()}/{part}"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A line of `files`: every file of the pack but pack.json, pack-built/ and pack.sig."""

    path: str
    size_bytes: int
    sha256: bytes
    pieces: bytes

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "path": self.path, "size_bytes": self.size_bytes, "sha256": b64u(self.sha256),
            "pieces": b64u(self.pieces),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExhibitFile:
    """A file of an exhibit; `proof` says what proves it, `bundle` names the sealed bundle or is None."""

    path: str
    file: bytes
    media_type: str
    label: str
    proof: str
    bundle: bytes | None = None

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "path": self.path, "file": b64u(self.file), "media_type": self.media_type, "label": self.label,
            "proof": self.proof, "bundle": b64u(self.bundle) if self.bundle else None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListedExhibit:
    """An exhibit: its number in the pack, its own numbers, its files, and the holdings of its custody."""

    number: int
    object_id: bytes
    root_number: str
    local_number: str
    description: str
    schedule: str
    files: tuple[ExhibitFile, ...]
    holdings: tuple[bytes, ...]

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "number": self.number, "object": b64u(self.object_id), "root_number": self.root_number,
            "local_number": self.local_number, "description": self.description, "schedule": self.schedule,
            "files": [file.dump() for file in self.files],
            "holdings": [b64u(holding) for holding in self.holdings],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListedHolding:
    """A holding: `length` events stand in data/custody/; `state` says whether a pack-built event follows."""

    holding: bytes
    object_id: bytes
    agency: str
    length: int
    state: str

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "holding": b64u(self.holding), "object": b64u(self.object_id), "agency": self.agency,
            "length": self.length, "state": self.state,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is not in the pack or not proven, named: of a number, of a file or of a holding."""

    reason: str
    text: str
    number: int | None = None
    path: str | None = None
    holding: bytes | None = None

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "reason": self.reason, "text": self.text, "number": self.number, "path": self.path,
            "holding": b64u(self.holding) if self.holding else None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Disclosed:
    """An earlier pack that was shown, with the numbers in it that were withdrawn since."""

    pack: bytes
    on: str
    numbers: tuple[int, ...]

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {"pack": b64u(self.pack), "on": self.on, "numbers": list(self.numbers)}


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A further document of the maker's own, for readers; nothing but the pack's signatures vouches for it."""

    path: str
    title: str

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {"path": self.path, "title": self.title}


@dataclass(frozen=True, slots=True)
class PackList:
    """The whole of pack.json; `dump` gives the bytes whose digest officers sign."""

    pack: bytes
    agency: str
    log: str
    made_at: int
    case: str
    first: int
    last: int
    exhibits: tuple[ListedExhibit, ...]
    holdings: tuple[ListedHolding, ...]
    bundles: tuple[bytes, ...]
    certificates: tuple[int, ...]
    gaps: tuple[Gap, ...]
    disclosed: tuple[Disclosed, ...]
    documents: tuple[ListedDocument, ...]
    files: tuple[ListedFile, ...]

    def dump(self) -> bytes:
        """Canonical JSON."""
        return dump_json(
            {
                "v": 1, "pack": b64u(self.pack), "agency": self.agency, "log": self.log,
                "made_at": self.made_at, "case": self.case,
                "numbers": {"first": self.first, "last": self.last},
                "exhibits": [one.dump() for one in self.exhibits],
                "holdings": [one.dump() for one in self.holdings],
                "bundles": [b64u(one) for one in self.bundles], "certificates": list(self.certificates),
                "gaps": [one.dump() for one in self.gaps], "disclosed": [one.dump() for one in self.disclosed],
                "documents": [one.dump() for one in self.documents],
                "files": [one.dump() for one in self.files],
            }
        )  # fmt: skip


def disclosed_words(one: Disclosed) -> str:
    """What is said of an earlier pack that was shown, in one sentence."""
    numbers = ", ".join(map(str, one.numbers))
    return f"Pack {one.pack.hex()} was shown on {one.on}; number {numbers} in it was withdrawn since."


# ---- Reader -----------------------------------------------------------------------------------------------


def parse_pack_list(raw: bytes) -> PackList:
    """Read pack.json strictly; what `PackList.dump` would not write is refused.

    Raises:
        PackListInvalid: another form, an unknown word, an order that is not the prescribed one.
    """
    try:
        found = _members(
            parse_json(raw, max_bytes=LIST_LIMIT),
            "v pack agency log made_at case numbers exhibits holdings bundles certificates gaps disclosed "
            "documents files",
        )
        numbers = _members(found["numbers"], "first last")
        out = PackList(
            _id(found["pack"]),
            _match(found["agency"], AGENCY),
            _match(found["log"], ORIGIN),
            _integer(found["made_at"], most=LATEST),
            _text(found["case"]),
            _integer(numbers["first"], 1),
            _integer(numbers["last"], 1),
            _each(found["exhibits"], _exhibit),
            _each(found["holdings"], _holding),
            _each(found["bundles"], _id),
            _each(found["certificates"], _integer),
            _each(found["gaps"], _gap),
            _each(found["disclosed"], _disclosed),
            _each(found["documents"], _document),
            _each(found["files"], _file),
        )
        if found["v"] != 1 or isinstance(found["v"], bool):
            raise FormatError("the pack is of another version; a newer program may read it")
        _check(out)
    except PackListInvalid:
        raise
    except AmparoError as error:
        raise PackListInvalid(f"pack.json: {error.message}") from error
    return out


def _check(found: PackList) -> None:
    """Order and uniqueness, so that one pack has one list."""
    _ascending([one.number for one in found.exhibits], "exhibits")
    _ascending([one.holding for one in found.holdings], "holdings")
    _ascending(found.bundles, "bundles")
    _ascending(found.certificates, "certificates")
    _ascending([one.path for one in found.documents], "documents")
    _ascending([one.path for one in found.files], "files")
    _once(found.gaps, "gaps")
    _once(found.disclosed, "packs that were shown")
    if not found.exhibits:
        raise FormatError("a pack has at least one exhibit")
    if found.last < found.first or found.exhibits[0].number < found.first:
        raise FormatError("an exhibit's number lies outside the numbers of the pack")
    if found.exhibits[-1].number > found.last:
        raise FormatError("an exhibit's number lies outside the numbers of the pack")
    if found.last - found.first >= MOST_NUMBERS:
        raise FormatError("there are too many numbers")
    for exhibit in found.exhibits:
        _ascending([file.path for file in exhibit.files], "files of an exhibit")
        _once([file.file for file in exhibit.files], "files of an exhibit")
        _once(exhibit.holdings, "holdings of an exhibit")
    for shown in found.disclosed:
        _ascending(shown.numbers, "numbers of a pack that was shown")
    _check_holdings(found)


def _check_holdings(found: PackList) -> None:
    """Each holding is named by an exhibit of its object, each bundle by a file; at least one holding is open."""
    objects = {one.holding: one.object_id for one in found.holdings}
    for exhibit in found.exhibits:
        if any(objects.get(holding) != exhibit.object_id for holding in exhibit.holdings):
            raise FormatError(f"exhibit {exhibit.number} names a chain of custody that is not its own")
    if {holding for exhibit in found.exhibits for holding in exhibit.holdings} != set(objects):
        raise FormatError("there is a chain of custody to which no exhibit belongs")
    for one in found.holdings:
        if (one.agency == found.agency) is (one.state == "elsewhere"):
            raise FormatError(f"holding {one.holding.hex()} is called {one.state}, but it is of {one.agency}")
    if not any(one.state == "open" for one in found.holdings):
        raise FormatError("no chain of custody of the pack's agency records the pack")
    used = {file.bundle for exhibit in found.exhibits for file in exhibit.files if file.bundle is not None}
    if used != set(found.bundles):
        raise FormatError("the bundles are not those from which files of the pack came")


def _ascending(values: Sequence[Any], what: str) -> None:
    if any(later <= earlier for earlier, later in pairwise(values)):
        raise FormatError(f"the {what} are not in ascending order, each once")


def _once(values: Sequence[Any], what: str) -> None:
    if len(set(values)) != len(values):
        raise FormatError(f"something stands twice among the {what}")


def _exhibit(value: Any) -> ListedExhibit:
    found = _members(value, "number object root_number local_number description schedule files holdings")
    number = _integer(found["number"], 1)
    exhibit = ListedExhibit(
        number,
        _id(found["object"]),
        _text(found["root_number"]),
        _text(found["local_number"]),
        _text(found["description"]),
        _word(found["schedule"], SCHEDULES),
        _each(found["files"], _exhibit_file),
        _each(found["holdings"], _id),
    )
    for file in exhibit.files:
        extension = file.path.rpartition(".")[2]
        if not EXTENSION.match(extension) or file.path != exhibit_path(number, file.file, extension):
            raise FormatError("a file of an exhibit does not stand at its place")
    return exhibit


def _exhibit_file(value: Any) -> ExhibitFile:
    found = _members(value, "path file media_type label proof bundle")
    file = ExhibitFile(
        _text(found["path"]),
        _id(found["file"]),
        _match(found["media_type"], MEDIA_TYPE),
        _text(found["label"]),
        _word(found["proof"], PROOFS),
        None if found["bundle"] is None else _id(found["bundle"]),
    )
    if (file.proof == "bundle") is not (file.bundle is not None):
        raise FormatError("a file names a bundle exactly when a bundle proves it")
    return file


def _holding(value: Any) -> ListedHolding:
    found = _members(value, "holding object agency length state")
    return ListedHolding(
        _id(found["holding"]),
        _id(found["object"]),
        _match(found["agency"], AGENCY),
        _integer(found["length"], 1),
        _word(found["state"], STATES),
    )


def _gap(value: Any) -> Gap:
    found = _members(value, "reason text number path holding")
    return Gap(
        _word(found["reason"], ABSENT + FOUND),
        _text(found["text"]),
        None if found["number"] is None else _integer(found["number"], 1),
        None if found["path"] is None else _text(found["path"]),
        None if found["holding"] is None else _id(found["holding"]),
    )


def _disclosed(value: Any) -> Disclosed:
    found = _members(value, "pack on numbers")
    return Disclosed(_id(found["pack"]), _date(found["on"]), _each(found["numbers"], lambda one: _integer(one, 1)))


def _document(value: Any) -> ListedDocument:
    found = _members(value, "path title")
    return ListedDocument(_match(found["path"], DOCUMENT), _text(found["title"]))


def _file(value: Any) -> ListedFile:
    found = _members(value, "path size_bytes sha256 pieces")
    return ListedFile(
        _text(found["path"]),
        _integer(found["size_bytes"]),
        unb64u(found["sha256"], DIGEST_BYTES),
        unb64u(found["pieces"], DIGEST_BYTES),
    )


def _members(value: Any, names: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(names.split()):
        raise FormatError(f"an object needs exactly the members {names}")
    return value


def _each(value: Any, read: Callable[[Any], T]) -> tuple[T, ...]:
    if not isinstance(value, list):
        raise FormatError("a list is expected")
    return tuple(read(item) for item in value)


def _id(value: Any) -> bytes:
    return unb64u(value, IDENTIFIER_BYTES)


def _integer(value: Any, least: int = 0, most: int = LARGEST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise FormatError("a whole number is expected")
    return value


def _date(value: Any) -> str:
    text = _match(value, re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"))
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise FormatError("there is no such date") from error
    return text


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise FormatError("a text is expected")
    return value


def _match(value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.match(value):
        raise FormatError("a text has another form")
    return value


def _word(value: Any, words: Sequence[str]) -> str:
    if value not in words:
        raise FormatError(f"one of {', '.join(words)} is expected")
    return str(value)
