"""Building an evidence pack from what a desk holds; pure, without a database (docs/protocol.md 10).

A pack is made in two passes over the exhibits, so that it can be written as a stream and no plaintext has to lie
on a disk. `plan_pack` reads everything once and yields `pack.json`. Then each open holding gets its `pack-built`
event, which goes through the log, and two officers sign. `finish_pack` puts both into the plan; writing it reads
the exhibits a second time and stops if one is no longer the same.
"""

import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from crypto.digests import sha256
from crypto.encoding import b64, b64u, dump_json, parse_json
from errors import ArchiveInvalid, PackNotReady
from evidence import pack_list
from evidence.archive import (
    PACK_JSON,
    PACK_SIG,
    Digests,
    Member,
    archive_bytes,
    digest_chunks,
    order_key,
    place_members,
    require_path,
    scan_archive,
    write_archive,
)
from evidence.bag import BAGIT_TXT, PAYLOAD, TAG_MANIFEST, BagInfo, day_of, dump_manifest, payload_manifests
from evidence.pack_custody import Chain, follow_chain, place_of
from evidence.pack_input import PackEvent, PackExhibit, PackInput
from evidence.pack_list import (
    ExhibitFile,
    Gap,
    ListedDocument,
    ListedExhibit,
    ListedFile,
    ListedHolding,
    PackList,
    parse_pack_list,
)
from evidence.pack_statement import custody_statement
from evidence.pack_texts import how_to_check, trust_copy
from evidence.statements import CustodyStatement


@dataclass(frozen=True, slots=True)
class PackPlan:
    """A pack up to and including pack.json.

    Attributes:
        listed: what pack.json says.
        small: contents of every file but the exhibits'.
        large: readers of the exhibits' files, by path.
        digests: of every file.
    """

    listed: PackList
    small: Mapping[str, bytes] = field(repr=False)
    large: Mapping[str, Callable[[], Iterable[bytes]]] = field(repr=False)
    digests: Mapping[str, Digests] = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of pack.json: what `pack-built` events and officers sign."""
        return self.digests[PACK_JSON].sha256

    @property
    def open_holdings(self) -> tuple[ListedHolding, ...]:
        """Holdings that need a `pack-built` event with number and `length` = their length."""
        return tuple(one for one in self.listed.holdings if one.state == "open")


Render = Callable[[CustodyStatement], bytes]


def plan_pack(given: PackInput, render: Render) -> PackPlan:
    """First pass: read every exhibit once and form everything up to pack.json.

    Args:
        given: what the pack is made of.
        render: sets the custody statement on paper (desk/printing.py).

    Raises:
        PackNotReady: what is given does not make a pack that a court would accept.
        PackListInvalid: a text or an order that pack.json does not take.
    """
    large = {
        pack_list.exhibit_path(exhibit.number, file.file, file.extension): file.read
        for exhibit in given.exhibits
        for file in exhibit.files
    }
    digests = {path: digest_chunks(read()) for path, read in large.items()}
    draft = _draft(given, digests)
    small = _small_files(given)
    small[pack_list.STATEMENT_PDF] = render(custody_statement(given, draft, digests))
    digests |= {path: digest_chunks([contents]) for path, contents in small.items()}
    tags = _tag_files(given, draft, {path: one for path, one in digests.items() if path.startswith(PAYLOAD)})
    digests |= {path: digest_chunks([contents]) for path, contents in tags.items()}
    listed = _with_files(draft, digests)
    try:
        for path in digests:
            require_path(path)
    except ArchiveInvalid as error:  # before the pack is on record: the zip itself is formed after that
        raise PackNotReady(error.message) from error
    small |= tags | {PACK_JSON: listed.dump()}
    parse_pack_list(small[PACK_JSON])  # what the reader would refuse is not written
    return PackPlan(listed, small, large, {**digests, PACK_JSON: digest_chunks([small[PACK_JSON]])})


def _tag_files(given: PackInput, draft: PackList, payload: Mapping[str, Digests]) -> dict[str, bytes]:
    size_bytes = sum(one.size_bytes for one in payload.values())
    pack = given.pack.hex()
    tags = {
        "bagit.txt": BAGIT_TXT,
        "bag-info.txt": BagInfo(given.agency, day_of(given.made_at), pack, size_bytes, len(payload)).dump(),
        pack_list.HOW_TO_CHECK: how_to_check(pack, given.agency, given.case, tuple(gap.text for gap in draft.gaps)),
        **payload_manifests(payload),
    }
    return tags | {TAG_MANIFEST: dump_manifest({path: sha256(raw) for path, raw in tags.items()})}


def _small_files(given: PackInput) -> dict[str, bytes]:
    """Every file under data/ but the exhibits and the printed statement."""
    small = {pack_list.CHECKPOINT: given.checkpoint, pack_list.TRUST_COPY: trust_copy(given.trust)}
    for holding in given.holdings:
        for number, event in enumerate(holding.events):
            for part, contents in event.parts().items():
                small[pack_list.event_path(holding.holding, number, part)] = contents
    for bundle in given.bundles:
        small[pack_list.bundle_path(bundle.bundle_id, "header")] = bundle.header
        small[pack_list.bundle_path(bundle.bundle_id, "signature")] = bundle.signature
        for part, contents in bundle.deposited.parts().items():
            small[pack_list.bundle_path(bundle.bundle_id, f"deposited.{part}")] = contents
    for certificate in given.certificates:
        small[pack_list.certificate_path(certificate.index, "statement")] = certificate.statement
        small[pack_list.certificate_path(certificate.index, "tlog-proof")] = certificate.proof
    for exhibit in given.exhibits:
        for file in exhibit.files:
            if file.contents:
                small[pack_list.proof_path(file.file)] = file.contents.dump()
    small |= {f"data/documents/{document.name}": document.contents for document in given.documents}
    return small


def _draft(given: PackInput, digests: Mapping[str, Digests]) -> PackList:
    """pack.json without `files`."""
    first, last = given.numbers
    chains = {one.holding: follow_chain(one, given.log) for one in given.holdings}
    exhibits = tuple(
        _list_exhibit(exhibit, chains, digests) for exhibit in sorted(given.exhibits, key=lambda one: one.number)
    )
    holdings = tuple(_list_holding(chains[holding], given.agency) for holding in sorted(chains))
    if not any(one.state == "open" for one in holdings):
        raise PackNotReady("this agency holds none of the exhibits: nobody here can put the pack on record")
    documents = sorted(given.documents, key=lambda one: one.name)
    return PackList(
        pack=given.pack,
        agency=given.agency,
        log=given.log,
        made_at=given.made_at,
        case=given.case,
        first=first,
        last=last,
        exhibits=exhibits,
        holdings=holdings,
        bundles=tuple(sorted(bundle.bundle_id for bundle in given.bundles)),
        certificates=tuple(sorted(certificate.index for certificate in given.certificates)),
        gaps=(*_absent(given), *_unproven(exhibits), *_without_origin(chains)),
        disclosed=given.disclosed,
        documents=tuple(ListedDocument(f"data/documents/{one.name}", one.title) for one in documents),
        files=(),
    )


def _list_exhibit(
    exhibit: PackExhibit,
    chains: Mapping[bytes, Chain],
    digests: Mapping[str, Digests],
) -> ListedExhibit:
    files = []
    for file in exhibit.files:
        path = pack_list.exhibit_path(exhibit.number, file.file, file.extension)
        here = [chains[holding] for holding in exhibit.holdings if holding in chains]
        if set().union(*(chain.recorded(file.file) for chain in here)) - {digests[path].sha256}:
            raise PackNotReady(f"{path} is not the file that its custody records")
        known = any(file.file in chain.outputs for chain in here)
        proof = "bundle" if file.contents else "custody" if known else "none"
        bundle = file.contents.bundle_id if file.contents else None
        files.append(ExhibitFile(path, file.file, file.media_type, file.label, proof, bundle))
    return ListedExhibit(
        exhibit.number,
        exhibit.object_id,
        exhibit.root_number,
        exhibit.local_number,
        exhibit.description,
        exhibit.schedule,
        tuple(sorted(files, key=lambda one: one.path)),
        tuple(sorted(exhibit.holdings, key=lambda one: place_of(chains[one]) if one in chains else -1)),
    )


def _list_holding(chain: Chain, agency: str) -> ListedHolding:
    if chain.agency == agency and chain.waits:
        raise PackNotReady("an exhibit is being handed over; wait for the other agency's answer")
    state = "elsewhere" if chain.agency != agency else "closed" if chain.is_closed else "open"
    return ListedHolding(chain.holding, chain.object_id, chain.agency, len(chain.digests), state)


def _absent(given: PackInput) -> tuple[Gap, ...]:
    """The given gaps, once every absent number has exactly one."""
    first, last = given.numbers
    present = {exhibit.number for exhibit in given.exhibits}
    named = [gap.number for gap in given.gaps]
    if sorted(number or 0 for number in named) != sorted(set(range(first, last + 1)) - present):
        raise PackNotReady("a number of the pack has neither an exhibit nor a reason why it is missing")
    return given.gaps


def _unproven(exhibits: Sequence[ListedExhibit]) -> Iterator[Gap]:
    for exhibit in exhibits:
        if not exhibit.holdings:
            yield Gap("no-custody", f"Exhibit {exhibit.number} has no record of custody.", number=exhibit.number)
        for file in exhibit.files:
            if file.proof == "none":
                text = f"A file of exhibit {exhibit.number} has no proof where it comes from: {file.path}."
                yield Gap("no-proof", text, path=file.path)


def _without_origin(chains: Mapping[bytes, Chain]) -> Iterator[Gap]:
    known = {digest for chain in chains.values() for digest in chain.digests}
    for holding, chain in sorted(chains.items()):
        if chain.origin is not None and chain.origin not in known:
            text = f"What happened before {chain.agency} held chain {holding.hex()} is not in the pack."
            yield Gap("no-origin", text, holding=holding)


def _with_files(draft: PackList, digests: Mapping[str, Digests]) -> PackList:
    files = (ListedFile(path, one.size_bytes, one.sha256, one.pieces) for path, one in sorted(digests.items()))
    return replace(draft, files=tuple(files))


# ---- Keeping a plan while the log and the second officer are waited for -------------------------------------

KEPT_CHECKSUMS = "checksums"


def keep_plan(plan: PackPlan) -> bytes:
    """The plan without its exhibits, as bytes that `restore_plan` reads; they are to be sealed like a case's rows."""
    crc32s = {path: plan.digests[path].crc32 for path in plan.large}
    files = {**plan.small, KEPT_CHECKSUMS: dump_json(sorted([path, crc32] for path, crc32 in crc32s.items()))}
    members = place_members(
        [(path, len(files[path]), zlib.crc32(files[path])) for path in sorted(files, key=order_key)]
    )
    return b"".join(write_archive(members, lambda path: [files[path]]))


def restore_plan(kept: bytes, large: Mapping[str, Callable[[], Iterable[bytes]]]) -> PackPlan:
    """A plan as it was; `large` reads the exhibits' files, by path.

    Raises:
        ArchiveInvalid, PackListInvalid: the bytes were altered.
        PackNotReady: an exhibit of the plan is no longer at hand.
    """
    archive = scan_archive(io.BytesIO(kept))
    small = {path: archive.read(path, len(kept)) for path in archive.files}
    checksums = {str(path): int(crc32) for path, crc32 in parse_json(small.pop(KEPT_CHECKSUMS), max_bytes=len(kept))}
    listed = parse_pack_list(small[PACK_JSON])
    if set(checksums) != set(large):
        raise PackNotReady("an exhibit of the pack is no longer at hand")
    digests = {path: digest_chunks([raw]) for path, raw in small.items()}
    for one in listed.files:
        if one.path in large:
            # SHA-512 stands in the manifest already; nothing asks for it again.
            digests[one.path] = Digests(one.size_bytes, checksums[one.path], one.sha256, b"", one.pieces)
    return PackPlan(listed, small, dict(large), digests)


def kept_file(kept: bytes, path: str) -> bytes:
    """One small file of a kept plan.

    Raises:
        ArchiveInvalid, NotFound
    """
    return scan_archive(io.BytesIO(kept)).read(path, len(kept))


# ---- After the log and the officers -----------------------------------------------------------------------


def pack_built_files(built: Mapping[bytes, PackEvent], consistency: Sequence[bytes]) -> dict[str, bytes]:
    """The files under pack-built/.

    Args:
        built: the `pack-built` event of each open holding, all proven against one checkpoint.
        consistency: RFC 6962 proof from data/checkpoint to that checkpoint.
    """
    files = {pack_list.CONSISTENCY: "".join(f"{b64(digest)}\n" for digest in consistency).encode()}
    for holding, event in built.items():
        for part, contents in event.parts().items():
            files[pack_list.built_path(holding, part)] = contents
    return files


def signed_values(pack_digest: bytes, built_files: Mapping[str, bytes]) -> tuple[bytes, ...]:
    """What two officers sign under `labels.PACK`: SHA-256 of pack.json and of each file in pack-built/."""
    return pack_digest, *(sha256(built_files[path]) for path in sorted(built_files))


def dump_signatures(signatures: Mapping[str, bytes]) -> bytes:
    """The bytes of pack.sig, from role handle and signature."""
    pairs = [{"by": by, "signature": b64u(signatures[by])} for by in sorted(signatures)]
    return dump_json({"v": 1, "signatures": pairs})


@dataclass(frozen=True, slots=True)
class FinishedPack:
    """A pack that can be written, any number of times, always the same bytes."""

    plan: PackPlan
    members: tuple[Member, ...]
    small: Mapping[str, bytes] = field(repr=False)

    @property
    def size_bytes(self) -> int:
        """Length of the zip."""
        return archive_bytes(self.members)

    def write(self) -> Iterator[bytes]:
        """Second pass: the zip as a stream.

        Raises:
            ArchiveInvalid: an exhibit is no longer what the first pass saw.
        """
        return write_archive(self.members, self._contents)

    def _contents(self, path: str) -> Iterable[bytes]:
        return [self.small[path]] if path in self.small else self.plan.large[path]()


def finish_pack(plan: PackPlan, built_files: Mapping[str, bytes], signatures: Mapping[str, bytes]) -> FinishedPack:
    """Put the log's and the officers' part into the plan.

    Raises:
        PackNotReady: a `pack-built` event is missing, or there are not two signatures.
    """
    wanted = {pack_list.CONSISTENCY} | {
        pack_list.built_path(one.holding, part) for one in plan.open_holdings for part in pack_list.EVENT_PARTS
    }
    if set(built_files) != wanted:
        raise PackNotReady("the pack is not yet on record for every exhibit that this agency holds")
    if len(signatures) != 2:
        raise PackNotReady("two officers sign a pack")
    small = {**plan.small, **built_files, PACK_SIG: dump_signatures(signatures)}
    added = {path: digest_chunks([small[path]]) for path in (*built_files, PACK_SIG)}
    digests = {**plan.digests, **added}
    members = place_members(
        [(path, digests[path].size_bytes, digests[path].crc32) for path in sorted(digests, key=order_key)]
    )
    return FinishedPack(plan, tuple(members), small)
