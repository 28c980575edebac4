"""A made-up network in memory, from which tests build evidence packs: real keys, real log, no desk, no broker."""

import io
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agencies import directory as d
from agencies import directory_entries
from crypto import hybrid, labels, signing
from crypto.digests import merkle_root, sha256
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import Half, Header, sign_header
from crypto.opening import contents_path
from crypto.sealing import Source, content_prk, contents_tree, entry_salt
from crypto.statements import make_statement, parse_statement
from custody import checkpoint, events, holdings, proofs, tree
from custody.checkpoint import Checkpoint, LogKeys
from custody.entries import directory_entry, event_entry
from custody.policy import Group, Trust, Witness, print_trust
from evidence import packs
from evidence.archive import (
    PACK_JSON,
    archive_bytes,
    digest_chunks,
    order_key,
    place_members,
    scan_archive,
    write_archive,
)
from evidence.bag import TAG_MANIFEST, dump_manifest, parse_bag_info, payload_manifests
from evidence.pack_input import (
    PackBundle,
    PackCertificate,
    PackContents,
    PackEvent,
    PackExhibit,
    PackFile,
    PackHolding,
    PackInput,
)
from evidence.pack_list import Disclosed, Gap, ListedFile, event_path, parse_pack_list
from evidence.statements import CustodyStatement

ORIGIN = "log.example/amparo-2031"
POLICE, COURT, SHELTER = "north-police", "west-court", "harbour-house"
AGENCIES = (COURT, POLICE, SHELTER)
SEIZER, SEALER = f"{POLICE}/liaison-3", f"{POLICE}/liaison-4"
FIRST, SECOND = f"{COURT}/prosecutor-1", f"{COURT}/prosecutor-2"
HELPER = f"{SHELTER}/case-worker-1"
NOW = 1_925_000_000


@dataclass(frozen=True)
class Logged:
    """An event or directory statement and its place in the log."""

    index: int
    statement: bytes
    salt: bytes = b""

    @property
    def digest(self) -> bytes:
        return sha256(self.statement)


@dataclass
class World:
    """Keys of everybody and one log."""

    rng: random.Random
    keys: dict[str, signing.SigningKey] = field(default_factory=dict)
    hashes: tree.MemoryHashes = field(default_factory=tree.MemoryHashes)
    directory: list[Logged] = field(default_factory=list)
    chains: dict[bytes, list[Logged]] = field(default_factory=dict)
    objects: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = LogKeys(ORIGIN, self.key("log"), signing.MLDSAKey(self.rng.randbytes(32)))

    # ---- Log ----------------------------------------------------------------------------------------------

    def key(self, name: str) -> signing.SigningKey:
        return self.keys.setdefault(name, signing.SigningKey(self.rng.randbytes(32)))

    def append(self, entry: bytes) -> int:
        self.hashes.append(tree.leaf_hash(entry))
        return self.hashes.size - 1

    def note(self, witnesses: Iterable[str] = AGENCIES) -> bytes:
        """A checkpoint of the log as it is, with confirmations."""
        size = self.hashes.size
        state = Checkpoint(ORIGIN, size, tree.root_of(self.hashes, size))
        signed = checkpoint.open_checkpoint(checkpoint.sign_checkpoint(self.log, state, NOW), self.log.note_keys())
        lines = [
            checkpoint.cosign_ed25519(f"desk/{name}", self.key(f"witness/{name}"), state, NOW) for name in witnesses
        ]
        return checkpoint.with_lines(signed, lines).dump()

    def proof(self, index: int, note: bytes) -> bytes:
        size = int(note.split(b"\n")[1])
        path = tree.inclusion_proof(self.hashes, index, size)
        return proofs.Proof(index, tuple(path), note).dump()

    def trust(self, agencies: Iterable[str] = AGENCIES, needed: int = 2) -> bytes:
        witnesses = tuple(
            Witness(
                f"desk/{name}",
                signing.NoteKey(f"desk/{name}", signing.COSIGNATURE_ED25519, self.key(f"witness/{name}").public_key),
            )
            for name in AGENCIES
        )
        group = Group("network", needed, tuple(one.name for one in witnesses))
        roots = tuple(
            (name, signing.NoteKey(name, signing.ED25519, self.key(f"root/{name}").public_key)) for name in agencies
        )
        return print_trust(Trust(self.log.note_keys(), witnesses, (group,), "network", roots))

    # ---- Directory ----------------------------------------------------------------------------------------

    def publish(self, body: dict[str, Any], *signers: str) -> Logged:
        statement = directory_entries.unsigned(body)
        for by in signers:
            statement = statement.signed_by(labels.DIRECTORY, by, self.key(by))
        raw = statement.dump()
        logged = Logged(self.append(directory_entry(raw)), raw)
        self.directory.append(logged)
        return logged

    def certify(self, subject: str, *issuers: str, roles: Iterable[str]) -> Logged:
        kind = "administrator" if "administrator" in roles else "officer"
        receiving = hybrid.ReceivingKey(hybrid.generate(self.rng.randbytes)).public_key
        body = directory_entries.certificate_body(
            ORIGIN, subject, subject.split("/")[0], kind, roles, signing_key=self.key(subject).public_key,
            receiving_key=receiving, valid_from="2031-01-01",
        )  # fmt: skip
        return self.publish(body, subject, *issuers)

    def revoke(self, logged: Logged, *signers: str) -> Logged:
        body = d.parse_certificate(make_value(logged.statement), logged.index)
        return self.publish(directory_entries.revocation_body(ORIGIN, body), *signers)

    def admins(self, agency: str) -> tuple[str, str]:
        return f"{agency}/administrator-1", f"{agency}/administrator-2"

    def found(self) -> None:
        """Three agencies with administrators and officers; the shelter has one officer and a deputy."""
        self.append(b"\x02" + bytes(48))
        for agency in AGENCIES:
            for admin in self.admins(agency):
                self.certify(admin, f"root/{agency}", roles=["administrator"])
        for handle in (SEIZER, SEALER):
            self.certify(handle, *self.admins(POLICE), roles=["liaison"])
        for handle in (FIRST, SECOND):
            self.certify(handle, *self.admins(COURT), roles=["prosecutor"])
        self.certify(HELPER, *self.admins(SHELTER), roles=["case-worker"])
        self.publish(directory_entries.deputy_body(ORIGIN, SHELTER, SEIZER), f"root/{SHELTER}")

    # ---- Events -------------------------------------------------------------------------------------------

    def common(self, kind: str, officer: str, number: int) -> dict[str, Any]:
        seen = Checkpoint(ORIGIN, 0, bytes(32))
        agency = officer.split("/")[0]
        return events.common(kind, ORIGIN, agency, officer, number, self.rng.randbytes(16), NOW + number, seen)

    def log_event(self, body: dict[str, Any], *signers: str, pen: str = "") -> Logged:
        """Log an event; with `pen`, whoever signs uses that other key: a forged signature."""
        statement = make_statement(body)
        for by in signers:
            statement = statement.signed_by(labels.EVENT_SIGNATURE, by, self.key(pen or by))
        raw, salt = statement.dump(), self.rng.randbytes(32)
        tag = unb64u(body["tag"], 16)
        return Logged(self.append(event_entry(tag, salt, raw)), raw, salt)

    def custody(
        self, holding: bytes, officer: str, action: str, /, signers: tuple[str, ...] = (), pen: str = "", **members: Any
    ) -> Logged:
        """Append an event to a holding; `object` must be known from `holding_of`."""
        chain = self.chains.setdefault(holding, [])
        given = {
            "holding": b64u(holding), "object": b64u(self.objects[holding]), "action": action,
            "prev": b64u(chain[-1].digest) if chain else None, "place": "Evidence room",
        }  # fmt: skip
        body = holdings.event_body(self.common("custody", officer, len(chain)), **{**given, **members})
        logged = self.log_event(body, *(signers or (officer,)), pen=pen)
        chain.append(logged)
        return logged

    def holding_of(self, object_id: bytes) -> bytes:
        holding = self.rng.randbytes(16)
        self.objects[holding] = object_id
        return holding

    def bundle(
        self,
        sources: list[Source],
        officer: str = SEALER,
        pen: str = "",
        deposit: Mapping[str, Any] | None = None,
        deposit_by: tuple[str, ...] = (),
        deposit_pen: str = "",
        entry: Callable[[dict[str, Any]], dict[str, Any]] = lambda members: members,
    ) -> "Bundle":
        """A header with real contents, and its deposit; the rest of the header is of no use to a pack.

        The arguments after `officer` are for forgeries: the key that the header is signed with, members of the
        deposit's body, who signs it, with which key, and how the manifest's entries are altered.
        """
        random_bytes, agency = self.rng.randbytes, officer.split("/")[0]
        entries = [dump_json(entry(source.entry())) for source in sources]
        prk = content_prk(random_bytes(32), [random_bytes(32)])
        leaves = contents_tree(prk, entries)
        header = Header(
            random_bytes(16), ORIGIN, agency, officer, self.key(pen or officer).public_key, 4096,
            tuple(sorted({agency, COURT, SHELTER})), tuple(random_bytes(1234) for _ in range(8)),
            random_bytes(32), (Half("one", random_bytes(32), random_bytes(32)),), random_bytes(32),
            random_bytes(32), random_bytes(56), merkle_root(leaves), random_bytes(32),
            tuple(random_bytes(32) for _ in range(8)), "2036-01",
        )  # fmt: skip
        raw = header.dump()
        body = events.on_bundle(
            self.common("deposited", officer, 0), header.bundle_id, sha256(raw),
            register_digest=b64u(random_bytes(32)),
        )  # fmt: skip
        deposited = self.log_event({**body, **(deposit or {})}, *(deposit_by or (officer,)), pen=deposit_pen)
        contents = {
            source.file_id: PackContents(
                header.bundle_id, number, entries[number], entry_salt(prk, number), contents_path(leaves, number)
            )
            for number, source in enumerate(sources)
        }
        return Bundle(header.bundle_id, raw, sign_header(self.key(pen or officer), raw), deposited, contents)


@dataclass(frozen=True)
class Bundle:
    """A bundle as its recipient keeps it."""

    bundle_id: bytes
    header: bytes
    signature: bytes
    deposited: Logged
    contents: Mapping[bytes, PackContents]


def make_value(statement: bytes) -> dict[str, Any]:
    """The body of a statement."""
    return parse_statement(statement).value


def source_of(object_id: bytes, file_id: bytes, contents: bytes, media_type: str) -> Source:
    """A file on its way into a bundle."""
    digests = digest_chunks([contents])
    return Source(object_id, file_id, len(contents), digests.sha256, media_type, digests.pieces, lambda: [contents])


def outputs(file_id: bytes, contents: bytes) -> list[dict[str, str]]:
    """`outputs` of a custody event."""
    return [{"file": b64u(file_id), "sha256": b64u(sha256(contents))}]


def print_plainly(statement: CustodyStatement) -> bytes:
    """In place of a PDF, where a test is not about paper."""
    return f"%PDF {statement.pack} {len(statement.exhibits)}".encode()


# ---- A whole case -------------------------------------------------------------------------------------------


@dataclass
class Case:
    """A world with exhibits, and what a pack of the court is made of."""

    world: World
    exhibits: list[PackExhibit] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    agency: str = COURT
    numbers: tuple[int, int] = (1, 5)
    disclosed: tuple[Disclosed, ...] = ()

    def given(self, note: bytes | None = None) -> PackInput:
        """The input of a pack, all proven against one checkpoint."""
        world = self.world
        note = note or world.note()

        def event(logged: Logged) -> PackEvent:
            return PackEvent(logged.statement, logged.salt, world.proof(logged.index, note))

        wanted = {holding for exhibit in self.exhibits for holding in exhibit.holdings}
        chains = tuple(
            PackHolding(
                holding, world.objects[holding], make_value(chain[0].statement)["agency"],
                tuple(event(logged) for logged in chain),
            )
            for holding, chain in world.chains.items()
            if holding in wanted
        )  # fmt: skip
        return PackInput(
            world.rng.randbytes(16), self.agency, ORIGIN, NOW + 500, "SM-T-2031-31", self.numbers,
            tuple(self.exhibits), chains,
            tuple(PackBundle(b.bundle_id, b.header, b.signature, event(b.deposited)) for b in self.bundles),
            tuple(
                PackCertificate(one.index, one.statement, world.proof(one.index, note))
                for one in world.directory
            ),
            note, world.trust(), tuple(self.gaps), self.disclosed,
        )  # fmt: skip

    def build(self, **changes: Any) -> bytes:
        """A finished pack; see `finish`."""
        return finish(self.world, packs.plan_pack(self.given(), print_plainly), **changes)


def finish(world: World, plan: packs.PackPlan, **changes: Any) -> bytes:
    """The bytes of a pack that is on record and signed; see `put_on_record`."""
    finished = put_on_record(world, plan, **changes)
    out = b"".join(finished.write())
    assert len(out) == finished.size_bytes
    return out


def put_on_record(
    world: World,
    plan: packs.PackPlan,
    signers: tuple[str, ...] = (FIRST, SECOND),
    officer: str = FIRST,
    witnesses: Iterable[str] = AGENCIES,
    built: Callable[[dict[str, Any]], dict[str, Any]] = lambda members: members,
    before_proofs: Callable[[], object] = lambda: None,
) -> packs.FinishedPack:
    """Put the pack on record and sign it. The chains of the world stay as they were."""
    logged = {}
    for one in plan.open_holdings:
        members = built({"length": one.length, "pack_digest": b64u(plan.digest)})
        logged[one.holding] = world.custody(one.holding, officer, "pack-built", **members)
        world.chains[one.holding].pop()
    before_proofs()
    note = world.note(witnesses)
    events_built = {
        holding: PackEvent(one.statement, one.salt, world.proof(one.index, note)) for holding, one in logged.items()
    }
    old = int(plan.small["data/checkpoint"].split(b"\n")[1])
    consistency = tree.consistency_proof(world.hashes, old, world.hashes.size)
    files = packs.pack_built_files(events_built, consistency)
    values = packs.signed_values(plan.digest, files)
    signatures = {by: world.key(by).sign(labels.PACK, *values) for by in signers}
    return packs.finish_pack(plan, files, signatures)


def make_case(rng: random.Random) -> Case:
    """Exhibit 1 handed over by the police and sealed by them; 2 the court's own; 3 sealed, without custody;
    4 without any proof; 5 absent."""
    world = World(rng)
    world.found()
    case = Case(world)
    photo, report, note, sheet = (rng.randbytes(size) for size in (3000, 1200, 700, 400))
    objects = [rng.randbytes(16) for _ in range(4)]
    files = [rng.randbytes(16) for _ in range(5)]
    taken, court = world.holding_of(objects[0]), world.holding_of(objects[0])
    world.custody(taken, SEIZER, "seize", seal="S-1", outputs=outputs(files[0], photo))
    world.custody(taken, SEIZER, "examine", tool={"name": "reader", "version": "2.1"}, reason="read the phone")
    offer = world.custody(
        taken, SEALER, "handover-offered", to_agency=COURT, to_holding=b64u(court), seal="S-1",
        outputs=outputs(files[0], photo),
    )  # fmt: skip
    accepted = world.custody(
        court, FIRST, "handover-accepted", prev=b64u(offer.digest), seal="S-1", outputs=outputs(files[0], photo)
    )
    world.custody(taken, SEALER, "handover-closed", counterpart=b64u(accepted.digest))
    own = world.holding_of(objects[1])
    world.custody(own, SECOND, "receive", outputs=outputs(files[1], report))
    world.custody(own, FIRST, "correction", supersedes=0, reason="room was 12")
    bundle = world.bundle(
        [
            source_of(rng.randbytes(16), rng.randbytes(16), b"{}", "application/vnd.amparo.share+json"),
            source_of(objects[0], files[0], photo, "image/jpeg"),
            source_of(objects[2], files[2], note, "text/plain"),
        ]
    )
    case.bundles = [bundle]

    def file(place: int, contents: bytes, extension: str, media_type: str) -> PackFile:
        return PackFile(
            files[place], extension, media_type, f"file {place}", lambda: [contents[:100], contents[100:]],
            bundle.contents.get(files[place]),
        )  # fmt: skip

    case.exhibits = [
        PackExhibit(1, objects[0], "NP-4", "W-12", "Photograph of the farm", "used",
                    (file(0, photo, "jpg", "image/jpeg"),), (taken, court)),
        PackExhibit(2, objects[1], "W-13", "W-13", "Report", "used",
                    (file(1, report, "pdf", "application/pdf"),), (own,)),
        PackExhibit(3, objects[2], "NP-9", "W-14", "Note", "unused", (file(2, note, "txt", "text/plain"),), ()),
        PackExhibit(4, objects[3], "W-15", "W-15", "Sheet", "sensitive",
                    (file(3, sheet, "bin", "application/octet-stream"),), ()),
    ]  # fmt: skip
    case.gaps = [Gap("handling", "Number 5 waits for a permission.", number=5)]
    return case


# ---- A forger's tools ---------------------------------------------------------------------------------------


def unpack(pack: bytes) -> dict[str, bytes]:
    """All files of a pack by path."""
    archive = scan_archive(io.BytesIO(pack))
    return {path: archive.read(path, 2**30) for path in archive.files}


def zip_up(files: Mapping[str, bytes]) -> bytes:
    """A zip in the one form, whatever is in it."""
    paths = sorted(files, key=order_key)
    members = place_members([(path, len(files[path]), digest_chunks([files[path]]).crc32) for path in paths])
    out = b"".join(write_archive(members, lambda path: [files[path]]))
    assert len(out) == archive_bytes(members)
    return out


def relist(files: Mapping[str, bytes], **changes: Any) -> dict[str, bytes]:
    """The same files with all manifests, bag-info.txt and pack.json made anew: what needs no key."""
    out = dict(files)
    payload = {path: digest_chunks([raw]) for path, raw in out.items() if path.startswith("data/")}
    info = parse_bag_info(out["bag-info.txt"])
    size_bytes = sum(one.size_bytes for one in payload.values())
    out["bag-info.txt"] = replace(info, payload_bytes=size_bytes, payload_files=len(payload)).dump()
    out |= payload_manifests(payload)
    kept = {
        path
        for path in out
        if not path.startswith(("data/", "pack-built/")) and path not in (PACK_JSON, "pack.sig", TAG_MANIFEST)
    }
    out[TAG_MANIFEST] = dump_manifest({path: sha256(out[path]) for path in kept})
    listed = []
    for path in sorted(set(kept) | set(payload) | {TAG_MANIFEST}):
        one = digest_chunks([out[path]])
        listed.append(ListedFile(path, one.size_bytes, one.sha256, one.pieces))
    out[PACK_JSON] = replace(parse_pack_list(files[PACK_JSON]), files=tuple(listed), **changes).dump()
    return out


def resign(
    world: World, files: Mapping[str, bytes], signers: tuple[str, ...] = (FIRST, SECOND), officer: str = FIRST
) -> bytes:
    """What two corrupt officers of the pack's agency can do: put an altered pack on record and sign it."""
    listed = parse_json(files[PACK_JSON], max_bytes=2**28)  # which the reader may refuse
    out = {path: raw for path, raw in files.items() if not path.startswith("pack-built/")}
    digest, logged = sha256(out[PACK_JSON]), {}
    for one in listed["holdings"]:
        if one["state"] == "open":
            holding = unb64u(one["holding"])
            last = out[event_path(holding, one["length"] - 1, "statement")]
            members = {
                "holding": one["holding"], "object": one["object"], "prev": b64u(sha256(last)),
                "action": "pack-built", "length": one["length"], "pack_digest": b64u(digest),
            }  # fmt: skip
            body = holdings.event_body(world.common("custody", officer, one["length"]), **members)
            logged[holding] = world.log_event(body, officer)
    note = world.note()
    built = {
        holding: PackEvent(one.statement, one.salt, world.proof(one.index, note)) for holding, one in logged.items()
    }
    old = int(out["data/checkpoint"].split(b"\n")[1])
    made = packs.pack_built_files(built, tree.consistency_proof(world.hashes, old, world.hashes.size))
    values = packs.signed_values(digest, made)
    signatures = {by: world.key(by).sign(labels.PACK, *values) for by in signers}
    return zip_up({**out, **made, "pack.sig": packs.dump_signatures(signatures)})
