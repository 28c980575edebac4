"""Checks an evidence pack; pure, shared by `amparo verify` and the page `/verify` (docs/protocol.md 10.7).

The zip is read once from beginning to end with flat memory. After that only the small files are read again, each
compared with its digest of the first pass. Everything that does not fit raises a PackInvalid with its own code.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO, Final

from crypto import labels, signing
from crypto.digests import DIGEST_BYTES, sha256
from crypto.encoding import b64u, unb64u
from crypto.header import IDENTIFIER_BYTES, Header, verify_header
from crypto.manifest import parse_entry
from crypto.opening import verify_content
from crypto.statements import verify_statement
from custody import tree
from custody.entries import SALT_BYTES, TAG_BYTES, directory_entry, event_entry
from custody.events import parse_event
from custody.holdings import CustodyEvent, parse_custody_event, verify_signature
from custody.policy import Trust, parse_trust
from custody.proofs import parse_proof
from errors import (
    ContentsUnproven,
    CustodyBroken,
    FormatError,
    PackInvalid,
    PackListInvalid,
    PackLogInvalid,
    PackUnsigned,
    SignerUnproven,
)
from evidence import pack_list
from evidence.archive import PACK_BUILT, PACK_JSON, PACK_SIG, Archive, scan_archive
from evidence.bag import BagInfo, day_of, is_governed_elsewhere, verify_bag
from evidence.pack_custody import Chain, place_of, unanswered, verify_links
from evidence.pack_list import ExhibitFile, ListedExhibit, ListedHolding, parse_pack_list
from evidence.pack_log import PackLog, confirmations, refusing
from evidence.pack_readers import (
    EVENT_LIMIT,
    event_paths,
    expected_paths,
    parse_consistency,
    parse_contents,
    parse_signatures,
)
from evidence.pack_signers import Signers

PROOF_LIMIT: Final = 640 * 2**10
HEADER_LIMIT: Final = 256 * 2**10
TRUST_LIMIT: Final = 300 * 2**10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What holds about a pack that was not refused.

    Attributes:
        is_proven: a trust file from outside was used; else the pack's own copy, which proves no signer.
        confirmed: agencies of the trust file that confirmed the state of the log, and how many it names.
        checks: what was found to hold, a sentence each.
        gaps: what the pack itself says is missing or not proven.
        limits: what no pack can show.
    """

    is_proven: bool
    pack: str
    agency: str
    case: str
    made_at: int
    log: str
    log_size: int
    signers: tuple[str, str]
    confirmed: tuple[int, int]
    checks: tuple[str, ...]
    gaps: tuple[str, ...]
    disclosed: tuple[str, ...]
    limits: tuple[str, ...]


def verify_pack(stream: BinaryIO, trust_file: bytes | None = None) -> Verdict:
    """Check a whole pack.

    Args:
        stream: the zip: binary, seekable, at its beginning.
        trust_file: bytes of a trust file that did not come with the pack; None to check the pack against its
            own copy, which shows that it is whole and proves no signer.

    Raises:
        PackInvalid: a subclass with the code of the step that failed.
    """
    archive = scan_archive(stream)
    return _Verification(archive, verify_bag(archive), trust_file).run()


class _Verification:
    """One pass through the steps of docs/protocol.md 10.7, in their order."""

    def __init__(self, archive: Archive, info: BagInfo, trust_file: bytes | None) -> None:
        self.archive = archive
        self.listed = parse_pack_list(archive.read(PACK_JSON, pack_list.LIST_LIMIT, PackListInvalid))
        self._require_list(info)
        self.is_proven = trust_file is not None
        self.trust = self._take_trust(trust_file)
        note = self._read(pack_list.CHECKPOINT, PROOF_LIMIT, PackLogInvalid)
        self.log = PackLog(note, self.listed.log, self.trust, "data/checkpoint")
        self.built = self._take_built_log()
        self.signers = Signers(self.listed.log, self.trust)
        self.chains: dict[bytes, Chain] = {}
        self.headers: dict[bytes, Header] = {}

    def run(self) -> Verdict:
        self._take_directory()
        self._take_custody()
        self._take_bundles()
        self._require_contents()
        self._require_gaps()
        self._require_built()
        return self._verdict(self._require_signatures())

    # ---- pack.json and the files ------------------------------------------------------------------------------

    def _require_list(self, info: BagInfo) -> None:
        """The list says what the zip holds, and the zip holds what the list calls for."""
        listed, files = self.listed, self.archive.files
        if (info.agency, info.pack, info.day) != (listed.agency, listed.pack.hex(), day_of(listed.made_at)):
            raise PackListInvalid("bag-info.txt and pack.json do not speak of the same pack")
        found = {path for path in files if not is_governed_elsewhere(path)}
        for path in sorted(found ^ {one.path for one in listed.files}):
            state = "is not listed in pack.json" if path in found else "is listed in pack.json but missing"
            raise PackListInvalid(f"{path} {state}")
        for one in listed.files:
            digests = files[one.path].digests
            if (one.size_bytes, one.sha256, one.pieces) != (digests.size_bytes, digests.sha256, digests.pieces):
                raise PackListInvalid(f"{one.path} is not the file that pack.json lists")
        if sum(one.length for one in listed.holdings) > len(files):  # before the paths of so many are formed
            raise PackListInvalid("pack.json lists more custody than there are files in the pack")
        for path in sorted(set(files) ^ set(expected_paths(listed))):
            state = "has no place in this pack" if path in files else "is missing from the pack"
            raise PackListInvalid(f"{path} {state}")

    # ---- Trust file and log -----------------------------------------------------------------------------------

    def _take_trust(self, trust_file: bytes | None) -> Trust:
        """The trust file from outside, or else the copy; the copy is one in any case, and says first that it is."""
        copy = self._read(pack_list.TRUST_COPY, TRUST_LIMIT, PackLogInvalid)
        with refusing(PackLogInvalid, pack_list.TRUST_COPY):
            if not copy.startswith(b"#"):
                raise FormatError("it does not say first that it is a copy")
            trust = parse_trust(copy)
        if trust_file is not None:
            with refusing(PackLogInvalid, "the trust file"):
                trust = parse_trust(trust_file)
        return trust

    def _take_built_log(self) -> PackLog:
        """The one checkpoint to which all proofs in pack-built/ lead: a later state of the same log."""
        notes = set()
        for one in self.listed.holdings:
            if one.state == "open":
                path = pack_list.built_path(one.holding, "tlog-proof")
                with refusing(PackLogInvalid, path):
                    notes.add(parse_proof(self._read(path, PROOF_LIMIT, PackLogInvalid)).checkpoint)
        if len(notes) != 1:
            raise PackLogInvalid("the proofs in pack-built/ lead to different checkpoints")
        built = PackLog(notes.pop(), self.listed.log, self.trust, "the checkpoint of pack-built/")
        with refusing(PackLogInvalid, pack_list.CONSISTENCY):
            if built.size <= self.log.size:
                raise FormatError("the checkpoint of pack-built/ is not later than data/checkpoint")
            hashes = parse_consistency(self._read(pack_list.CONSISTENCY, 10_000, PackLogInvalid))
            tree.verify_consistency(self.log.size, self.log.root, built.size, built.root, hashes)
        return built

    # ---- Directory --------------------------------------------------------------------------------------------

    def _take_directory(self) -> None:
        for index in self.listed.certificates:
            statement = self._read(pack_list.certificate_path(index, "statement"), EVENT_LIMIT, SignerUnproven)
            proof = self._read(pack_list.certificate_path(index, "tlog-proof"), PROOF_LIMIT, PackLogInvalid)
            where = f"directory entry {index}"
            if self.log.require_entry(directory_entry(statement), proof, where) != index:
                raise PackLogInvalid(f"{where} stands at another place of the log")
            self.signers.take(index, statement)

    # ---- Custody ----------------------------------------------------------------------------------------------

    def _take_custody(self) -> None:
        for holding in self.listed.holdings:
            chain = Chain(holding.holding, holding.object_id, holding.agency)
            for number in range(holding.length):
                chain.take(*self._event(self.log, event_paths(holding.holding, number)))
            self.chains[holding.holding] = chain
            self._require_state(holding, chain)
        verify_links(self.chains, self.listed.agency)
        self._require_order_of_custody()

    def _event(self, log: PackLog, paths: Mapping[str, str]) -> tuple[CustodyEvent, int]:
        """Read, prove and check the signature of one custody event; gives it and its index."""
        where = paths["statement"]
        statement = self._read(where, EVENT_LIMIT, CustodyBroken)
        with refusing(CustodyBroken, where):
            event = parse_custody_event(statement, log=self.listed.log)
        index = self._index(log, paths, unb64u(event.body["tag"], TAG_BYTES), statement)
        with refusing(SignerUnproven, where):
            key = self.signers.require_officer(event.body["officer"], index, event.agency)
            verify_signature(event, {event.body["officer"]: key}.get)
        return event, index

    def _index(self, log: PackLog, paths: Mapping[str, str], tag: bytes, statement: bytes) -> int:
        """The index at which an event is proven to stand."""
        salt = self._read(paths["salt"], SALT_BYTES, PackLogInvalid)
        with refusing(PackLogInvalid, paths["salt"]):
            entry = event_entry(tag, salt, statement)
        proof = self._read(paths["tlog-proof"], PROOF_LIMIT, PackLogInvalid)
        return log.require_entry(entry, proof, paths["statement"])

    def _require_state(self, holding: ListedHolding, chain: Chain) -> None:
        if holding.state == "elsewhere":
            return
        if chain.waits:
            raise CustodyBroken("an exhibit of the pack was offered to another agency that has not answered")
        expected = "closed" if chain.is_closed else "open"
        if holding.state != expected:
            raise CustodyBroken(f"holding {holding.holding.hex()} is called {holding.state}, but it is {expected}")

    def _require_order_of_custody(self) -> None:
        for exhibit in self.listed.exhibits:
            places = [place_of(self.chains[holding]) for holding in exhibit.holdings]
            if any(later <= earlier for earlier, later in pairwise(places)):
                raise CustodyBroken(f"the holdings of exhibit {exhibit.number} do not stand in the order of the log")

    # ---- Bundles and contents ---------------------------------------------------------------------------------

    def _take_bundles(self) -> None:
        for bundle_id in self.listed.bundles:
            where = f"the bundle {bundle_id.hex()}"
            header = self._read(pack_list.bundle_path(bundle_id, "header"), HEADER_LIMIT, ContentsUnproven)
            path = pack_list.bundle_path(bundle_id, "signature")
            signature = self._read(path, signing.SIGNATURE_BYTES, ContentsUnproven)
            with refusing(ContentsUnproven, where):
                found = verify_header(header, signature)
                if found.bundle_id != bundle_id or found.log != self.listed.log:
                    raise FormatError("its header is of another bundle or log")
            position = self._require_deposit(found, sha256(header))
            key = self.signers.require_officer(found.sender, position, found.sender_agency)
            if not hmac.compare_digest(key, found.sender_key):
                raise SignerUnproven(f"{where}: {found.sender} is certified with another key")
            self.headers[bundle_id] = found

    def _require_deposit(self, header: Header, digest: bytes) -> int:
        """The index at which the broker took the bundle in, as the event of its sender says."""
        paths = {part: pack_list.bundle_path(header.bundle_id, f"deposited.{part}") for part in pack_list.EVENT_PARTS}
        where = paths["statement"]
        statement = self._read(where, EVENT_LIMIT, ContentsUnproven)
        with refusing(ContentsUnproven, where):
            event = parse_event(statement, log=self.listed.log)
            named = (event.kind, event.bundle_id, event.header_digest, event.agency, event.officer, event.number)
            if named != ("deposited", header.bundle_id, digest, header.sender_agency, header.sender, 0):
                raise FormatError("it is not the deposit of this header by its sender")
        index = self._index(self.log, paths, event.tag, statement)
        with refusing(SignerUnproven, where):
            if event.statement.signers != (header.sender,):
                raise SignerUnproven(f"{where} is not signed by the sender alone")
            key = self.signers.require_officer(header.sender, index, header.sender_agency)
            verify_statement(event.statement, labels.EVENT_SIGNATURE, {header.sender: key}.get)
        return index

    def _require_contents(self) -> None:
        for exhibit in self.listed.exhibits:
            for file in exhibit.files:
                if file.bundle is not None:
                    self._require_sealed(exhibit, file, file.bundle)
                self._require_recorded(exhibit, file)

    def _require_sealed(self, exhibit: ListedExhibit, file: ExhibitFile, bundle_id: bytes) -> None:
        """The file is the one whose entry the sender's header commits to."""
        path = pack_list.proof_path(file.file)
        with refusing(ContentsUnproven, path):
            found = parse_contents(self._read(path, EVENT_LIMIT, ContentsUnproven))
            header = self.headers[bundle_id]
            if found.bundle_id != bundle_id:
                raise FormatError("it speaks of another bundle")
            verify_content(found.entry, found.salt, found.index, found.path, header.contents)
            entry = parse_entry(found.entry)
            digests = self.archive.files[file.path].digests
            sealed = (
                unb64u(entry["object"], IDENTIFIER_BYTES), unb64u(entry["file"], IDENTIFIER_BYTES),
                entry["media_type"], entry["size_bytes"], unb64u(entry["sha256"], DIGEST_BYTES),
                unb64u(entry["pieces"], DIGEST_BYTES),
            )  # fmt: skip
            here = (
                exhibit.object_id, file.file, file.media_type, digests.size_bytes, digests.sha256, digests.pieces
            )  # fmt: skip
            if sealed != here:
                raise ContentsUnproven(f"{file.path} is not the file that {header.sender_agency} sealed")

    def _require_recorded(self, exhibit: ListedExhibit, file: ExhibitFile) -> None:
        """No event of custody gives another digest for the file; where custody is its proof, one gives this."""
        digest = self.archive.files[file.path].digests.sha256
        chains = [self.chains[holding] for holding in exhibit.holdings]
        if any(chain.recorded(file.file) - {digest} for chain in chains):
            raise CustodyBroken(f"{file.path} is not the file that its custody records")
        is_recorded = any(file.file in chain.outputs for chain in chains)
        expected = "bundle" if file.bundle is not None else "custody" if is_recorded else "none"
        if file.proof != expected:
            raise PackListInvalid(f"{file.path} is listed with proof {file.proof}, but its proof is {expected}")

    # ---- Gaps -------------------------------------------------------------------------------------------------

    def _require_gaps(self) -> None:
        """What is missing is named, and what is named is missing."""
        listed = self.listed
        present = {exhibit.number for exhibit in listed.exhibits}
        absent = sorted(gap.number or 0 for gap in listed.gaps if gap.reason in pack_list.ABSENT)
        if absent != [number for number in range(listed.first, listed.last + 1) if number not in present]:
            raise PackListInvalid("a number of the pack has neither an exhibit nor one reason why it is missing")
        known = {digest for chain in self.chains.values() for digest in chain.digests}
        found: list[tuple[Any, ...]] = [
            ("no-custody", one.number, None, None) for one in listed.exhibits if not one.holdings
        ]
        found += [
            ("no-proof", None, file.path, None) for one in listed.exhibits for file in one.files if file.proof == "none"
        ]
        found += [
            ("no-origin", None, None, holding)
            for holding, chain in self.chains.items()
            if chain.origin is not None and chain.origin not in known
        ]
        named = [
            (gap.reason, gap.number, gap.path, gap.holding) for gap in listed.gaps if gap.reason in pack_list.FOUND
        ]
        if sorted(named, key=repr) != sorted(found, key=repr):
            raise PackListInvalid("pack.json does not name the gaps that the pack has, each once")
        if any(gap.path or gap.holding for gap in listed.gaps if gap.reason in pack_list.ABSENT):
            raise PackListInvalid("a missing number is named together with something else")

    # ---- pack-built and pack.sig ------------------------------------------------------------------------------

    def _require_built(self) -> None:
        """Check the last event of each open holding: it records this pack, behind the pack's own checkpoint."""
        digest = self.archive.files[PACK_JSON].digests.sha256
        for one in self.listed.holdings:
            if one.state != "open":
                continue
            paths = {part: pack_list.built_path(one.holding, part) for part in pack_list.EVENT_PARTS}
            event, index = self._event(self.built, paths)
            self.chains[one.holding].take(event, index)
            if index < self.log.size:
                raise CustodyBroken(f"{paths['statement']} stands in the log before the pack's own checkpoint")
            if (event.action, event.body["pack_digest"]) != ("pack-built", b64u(digest)):
                raise CustodyBroken(f"{paths['statement']} does not record this pack")

    def _require_signatures(self) -> tuple[str, str]:
        built = sorted(path for path in self.archive.files if path.startswith(PACK_BUILT))
        values = [self.archive.files[path].digests.sha256 for path in (PACK_JSON, *built)]
        with refusing(PackUnsigned, PACK_SIG):
            pairs = parse_signatures(self._read(PACK_SIG, 10_000, PackUnsigned))
            handles = tuple(by for by, _ in pairs)
            keys = self.signers.require_pair(handles, self.built.size, self.listed.agency)
            for key, (_, signature) in zip(keys, pairs, strict=True):
                signing.verify(key, labels.PACK, *values, signature=signature)
        return handles[0], handles[1]

    # ---- Result -----------------------------------------------------------------------------------------------

    def _read(self, path: str, limit: int, error: type[PackInvalid]) -> bytes:
        return self.archive.read(path, limit, error)

    def _verdict(self, signers: tuple[str, str]) -> Verdict:
        listed = self.listed
        return Verdict(
            self.is_proven,
            listed.pack.hex(),
            listed.agency,
            listed.case,
            listed.made_at,
            listed.log,
            self.log.size,
            signers,
            confirmations(self.trust, self.log.signed),
            tuple(self._checks(signers)),
            tuple(gap.text for gap in listed.gaps),
            tuple(pack_list.disclosed_words(one) for one in listed.disclosed),
            tuple(self._limits()),
        )

    def _checks(self, signers: tuple[str, str]) -> Iterator[str]:
        listed = self.listed
        exhibits = [file for exhibit in listed.exhibits for file in exhibit.files]
        events = sum(len(chain.digests) for chain in self.chains.values())
        yield f"All {len(self.archive.files)} files are unchanged; none is missing and none was added."
        yield f"{len(listed.exhibits)} exhibits with {len(exhibits)} files."
        sealed: dict[str, int] = {}
        for file in exhibits:
            if file.bundle is not None:
                agency = self.headers[file.bundle].sender_agency
                sealed[agency] = sealed.get(agency, 0) + 1
        for agency, count in sorted(sealed.items()):
            yield f"{count} of the files are those that {agency} sealed."
        yield f"{len(self.chains)} chains of custody with {events} entries, each signed and in the log."
        yield f"Signed by {signers[0]} and {signers[1]}."

    def _limits(self) -> Iterator[str]:
        if not self.is_proven:
            yield "Who the signers are: no trust file from outside the pack was given."
        if self.trust.quorum == "none":
            yield "That others confirmed the log: the trust file asks for no confirmation."
        yield (
            f"That no signer was struck off in an entry that was left out: the log's first {self.log.size} "
            "entries would show it."
        )
        yield "That no officer wrote a second entry in the place of one: the log's later entries would show it."
        yield "What happened to an exhibit after the pack was made."
        for one in self.listed.holdings:
            if one.state == "elsewhere" and not self.chains[one.holding].is_closed:
                yield f"What {one.agency} recorded in chain {one.holding.hex()} after number {one.length - 1}."
        for offer in unanswered(self.chains):
            body = offer.event.body
            yield (
                f"What {body['to_agency']} answered to the offer of {body['agency']} in number {body['number']} of "
                f"chain {offer.event.holding.hex()}."
            )
        yield "That what the entries say is true, and that the officers' clocks were right."
