"""A pack taken apart into what its makers wrote, to be altered and put together again with anybody's keys.

The strongest forger there is: every key, and a log that takes whatever is asked. What a verifier still refuses then, it
refuses by a rule and not by a signature.
"""

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from crypto import labels
from crypto.digests import sha256
from crypto.encoding import b64u, unb64u
from crypto.header import sign_header
from crypto.statements import Statement, parse_statement
from custody import tree
from custody.entries import directory_entry, event_entry
from custody.proofs import Proof, parse_proof
from errors import AmparoError
from evidence import pack_list, packs
from evidence.archive import PACK_BUILT, PACK_JSON, PACK_SIG
from evidence.bag import day_of, parse_bag_info
from tests.support.packs import AGENCIES, World, relist, unpack, zip_up

CHECKPOINT = pack_list.CHECKPOINT


def dump(value: Any) -> bytes:
    """Canonical JSON of a value that the product itself would perhaps not write."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


class Forge:
    """A pack as bodies, signers and places in the log. Change them, then `seal`.

    Attributes:
        bodies, signers, indices: of each statement, by its path.
        pens: who really signs, by path and name of the signer.
        kept: (path, member) that `seal` leaves as they are, though what they point to was signed anew.
        headers: of the bundles, by path. listed: pack.json. officers: who sign pack.sig.
        witnesses: who confirm both checkpoints. retouch: the last word on the bytes of a checkpoint, by its folder.
    """

    def __init__(self, world: World, pack: bytes) -> None:
        self.world, self.files = world, unpack(pack)
        self.listed: dict[str, Any] = json.loads(self.files[PACK_JSON])
        self.pens: dict[tuple[str, str], str] = {}
        self.bodies: dict[str, dict[str, Any]] = {}
        self.signers: dict[str, list[str]] = {}
        self.indices: dict[str, int] = {}
        for path, raw in self.files.items():
            if path.endswith(".statement"):
                statement = parse_statement(raw)
                self.bodies[path], self.signers[path] = statement.value, list(statement.signers)
                self.indices[path] = parse_proof(self.files[stem(path) + ".tlog-proof"]).index
                self._find_pens(path, statement)
        self.headers = {path: json.loads(raw) for path, raw in self.files.items() if path.endswith("/header")}
        self.officers = [one["by"] for one in json.loads(self.files[PACK_SIG])["signatures"]]
        self.kept: set[tuple[str, str]] = set()
        self.witnesses: Iterable[str] = AGENCIES
        self.retouch: dict[str, Callable[[bytes], bytes]] = {}
        self.size = int(self.files[CHECKPOINT].split(b"\n")[1])
        self.order = sorted(self.bodies, key=lambda path: self.indices[path])
        self.was = {path: b64u(sha256(self.files[path])) for path in (*self.bodies, *self.headers)}
        self.last: Mapping[str, bytes] = self.files

    def _find_pens(self, path: str, statement: Statement) -> None:
        """Who signed with an earlier key signs with it again."""
        label = labels.DIRECTORY if path.startswith("data/certificates/") else labels.EVENT_SIGNATURE
        for by, signature in statement.signatures:
            for name, key in self.world.keys.items():
                if name.endswith(f" of {by}") and key.sign(label, statement.body) == signature:
                    self.pens[path, by] = name

    # ---- Finding things -----------------------------------------------------------------------------------

    def find(self, action: str, place: int = 0) -> str:
        """The path of a custody event by its action, in order of the log."""
        found = [path for path in self.order if self.bodies[path].get("action") == action]
        return found[place]

    def certificate(self, subject: str) -> str:
        """The path of somebody's certificate."""
        return next(path for path in self.order if self.bodies[path].get("subject") == subject)

    def entry(self, kind: str) -> str:
        """The path of the first directory entry of a kind."""
        return next(path for path in self.order if self.bodies[path]["kind"] == kind)

    def put(self, path: str, **members: Any) -> None:
        """Set members of a body, for good."""
        self.bodies[path].update(members)
        self.kept |= {(path, name) for name in members}

    # ---- Putting it together ------------------------------------------------------------------------------

    def seal(self) -> bytes:
        """The pack, with every digest, proof and signature made anew."""
        files = {path: raw for path, raw in self.files.items() if not path.startswith(PACK_BUILT) and path != PACK_SIG}
        fresh = self._sign_headers(files)
        data, built = self._paths("data/"), self._paths(PACK_BUILT)
        for path in data:
            self._sign(path, files, fresh)
        leaves = [tree.leaf_hash(b"filler %d" % index) for index in range(self.size)]
        _, files[CHECKPOINT] = self._prove(data, files, leaves, "data")
        files[PACK_JSON] = self._list(files)
        made: dict[str, bytes] = {}
        for path in built:
            if (path, "pack_digest") not in self.kept:
                self.bodies[path]["pack_digest"] = b64u(sha256(files[PACK_JSON]))
            made[stem(path) + ".salt"] = self.files[stem(path) + ".salt"]
            self._sign(path, made, fresh)
        end = max((self.indices[path] for path in built), default=self.size) + 1
        leaves += [tree.leaf_hash(b"filler %d" % index) for index in range(self.size, end)]
        hashes, _ = self._prove(built, made, leaves, "pack-built")
        consistency = tree.consistency_proof(hashes, self.size, hashes.size)
        made |= packs.pack_built_files({}, consistency)
        values = packs.signed_values(sha256(files[PACK_JSON]), made)
        signatures = {
            by: self.world.key(self.pens.get((PACK_SIG, by), by)).sign(labels.PACK, *values) for by in self.officers
        }
        self.last = {**files, **made, PACK_SIG: packs.dump_signatures(signatures)}
        return zip_up(self.last)

    def _paths(self, folder: str) -> list[str]:
        return [path for path in self.order if path in self.bodies and path.startswith(folder)]

    def _sign_headers(self, files: dict[str, bytes]) -> dict[str, str]:
        fresh = {}
        for path, header in self.headers.items():
            files[path] = dump(header)
            by = str(header.get("sender"))
            pen = self.world.key(self.pens.get((path, by), by))
            files[path.removesuffix("header") + "signature"] = sign_header(pen, files[path])
            fresh[self.was[path]] = b64u(sha256(files[path]))
        return fresh

    def _sign(self, path: str, files: dict[str, bytes], fresh: dict[str, str]) -> None:
        body = self.bodies[path]
        for name in ("prev", "counterpart", "header_digest"):
            if (path, name) not in self.kept and isinstance(body.get(name), str):
                body[name] = fresh.get(body[name], body[name])
        label = labels.DIRECTORY if path.startswith("data/certificates/") else labels.EVENT_SIGNATURE
        statement = Statement(dump(body), ())
        for by in self.signers[path]:
            statement = statement.signed_by(label, by, self.world.key(self.pens.get((path, by), by)))
        files[path] = statement.dump()
        fresh[self.was[path]] = b64u(sha256(files[path]))

    def _prove(
        self, paths: Sequence[str], files: dict[str, bytes], leaves: list[bytes], folder: str
    ) -> tuple[tree.MemoryHashes, bytes]:
        for path in paths:
            if self.indices[path] < len(leaves):
                leaves[self.indices[path]] = tree.leaf_hash(self._entry(path, files))
        scratch = copy.copy(self.world)
        scratch.hashes = tree.MemoryHashes(leaves)
        note = self.retouch.get(folder, bytes)(scratch.note(self.witnesses))
        for path in paths:
            index = min(self.indices[path], len(leaves) - 1)
            proof = Proof(self.indices[path], tuple(tree.inclusion_proof(scratch.hashes, index, len(leaves))), note)
            files[stem(path) + ".tlog-proof"] = proof.dump()
        return scratch.hashes, note

    def _entry(self, path: str, files: dict[str, bytes]) -> bytes:
        if path.startswith("data/certificates/"):
            return directory_entry(files[path])
        try:
            return event_entry(unb64u(self.bodies[path]["tag"], 16), files[stem(path) + ".salt"], files[path])
        except (AmparoError, KeyError):
            return b"\x02"

    def _list(self, files: dict[str, bytes]) -> bytes:
        """pack.json, and in `files` every manifest, made to fit each other as far as that can be."""
        try:
            info = replace(
                parse_bag_info(files["bag-info.txt"]), agency=self.listed["agency"], day=day_of(self.listed["made_at"])
            )
            files["bag-info.txt"] = info.dump()
            listed = relist(files)
        except (AmparoError, KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
            files["bag-info.txt"] = self.files["bag-info.txt"]
            listed = relist(files)
        files.update(listed)
        if (PACK_JSON, "files") not in self.kept:
            self.listed["files"] = json.loads(listed[PACK_JSON])["files"]
        return dump(self.listed)


def stem(path: str) -> str:
    """The path of a statement without its ending."""
    return path.removesuffix(".statement")
