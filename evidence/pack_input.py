"""What an evidence pack is made of, before it is one: filled from a desk's rows or, in tests, by hand."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from crypto.encoding import b64u, dump_json
from evidence.pack_list import Disclosed, Gap


@dataclass(frozen=True, slots=True)
class PackEvent:
    """A logged event: statement bytes, 32-byte salt, tlog-proof bytes."""

    statement: bytes
    salt: bytes = field(repr=False)
    proof: bytes = field(repr=False)

    def parts(self) -> dict[str, bytes]:
        """Contents by the names of pack_list.EVENT_PARTS."""
        return {"statement": self.statement, "salt": self.salt, "tlog-proof": self.proof}


@dataclass(frozen=True, slots=True)
class PackContents:
    """What proves that a sealed bundle contained a file: entry `index` of its manifest (docs/protocol.md 3.2)."""

    bundle_id: bytes
    index: int
    entry: bytes
    salt: bytes = field(repr=False)
    path: tuple[bytes, ...] = field(repr=False)

    def dump(self) -> bytes:
        """The bytes of data/proofs/<file>.json."""
        return dump_json(
            {
                "v": 1, "bundle": b64u(self.bundle_id), "index": self.index, "entry": b64u(self.entry),
                "salt": b64u(self.salt), "path": [b64u(digest) for digest in self.path],
            }
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PackFile:
    """A file of an exhibit. `read` yields its bytes in portions, once for each pass.

    Attributes:
        extension: of its name in the pack, a-z and 0-9, at most eight signs.
        contents: proof of the bundle that it came in, or None for the agency's own.
    """

    file: bytes
    extension: str
    media_type: str
    label: str
    read: Callable[[], Iterable[bytes]] = field(repr=False)
    contents: PackContents | None = None


@dataclass(frozen=True, slots=True)
class PackExhibit:
    """An exhibit with its files and its holdings, in order of custody."""

    number: int
    object_id: bytes
    root_number: str
    local_number: str
    description: str
    schedule: str
    files: tuple[PackFile, ...]
    holdings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PackHolding:
    """A holding and its events from number 0 on."""

    holding: bytes
    object_id: bytes
    agency: str
    events: tuple[PackEvent, ...]


@dataclass(frozen=True, slots=True)
class PackBundle:
    """Header, signature and `deposited` event of a bundle from which files of the pack came."""

    bundle_id: bytes
    header: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    deposited: PackEvent


@dataclass(frozen=True, slots=True)
class PackCertificate:
    """A directory statement with its log index and its proof."""

    index: int
    statement: bytes
    proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PackDocument:
    """A further document for readers, such as a schedule; `name` is its name in data/documents/."""

    name: str
    title: str
    contents: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PackInput:
    """Everything a pack is made of.

    Attributes:
        pack: 16 random bytes.
        made_at: POSIX seconds.
        numbers: first and last number of the pack; each without an exhibit needs a gap.
        gaps: for absent numbers alone; what has no proof is found by the planner.
        checkpoint: the signed note to which every proof leads.
        trust: bytes of the desk's trust file.
    """

    pack: bytes
    agency: str
    log: str
    made_at: int
    case: str
    numbers: tuple[int, int]
    exhibits: tuple[PackExhibit, ...]
    holdings: tuple[PackHolding, ...]
    bundles: tuple[PackBundle, ...]
    certificates: tuple[PackCertificate, ...]
    checkpoint: bytes = field(repr=False)
    trust: bytes = field(repr=False)
    gaps: tuple[Gap, ...] = ()
    disclosed: tuple[Disclosed, ...] = ()
    documents: tuple[PackDocument, ...] = ()
