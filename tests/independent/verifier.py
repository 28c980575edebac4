"""The whole check of a pack, in the order of the protocol (10.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .archive import check_bag, read_zip
from .contents import check_contents, check_gaps, find_gaps, read_bundles
from .custody import check_pack_built, read_custody
from .directory import Directory, read_directory
from .encoding import (
    HANDLE,
    Malformed,
    b64,
    binary,
    canonical,
    choice,
    handle_agency,
    listing,
    pattern,
    refusing,
    require,
    sha256,
    shape,
    signed_by,
)
from .merkle import consistent
from .notes import Checkpoint, read_checkpoint, read_proof
from .packlist import read_pack_list
from .trust import Trust, read_trust

_SIGNATURES = shape(
    {"v": choice(1), "signatures": listing(shape({"by": pattern(HANDLE), "signature": binary(64)}))},
)


@dataclass(frozen=True)
class Gap:
    """Something that the verifier itself found missing: a reason, and what it is about."""

    reason: str
    about: int | str


@dataclass(frozen=True)
class Result:
    """What was found in a pack that was not refused."""

    proven: bool
    agency: str
    case: str
    exhibits: int
    gaps: list[Gap] = field(default_factory=list)


def _read_trust(files: dict[str, bytes], trust_bytes: bytes | None) -> Trust:
    copy = files["data/trust-copy.txt"]
    with refusing("pack-log", "data/trust-copy.txt"):
        if not copy.startswith(b"#"):
            raise Malformed("does not begin with comment lines")
        trust = read_trust(copy)
    if trust_bytes is not None:
        with refusing("pack-log", "trust file"):
            trust = read_trust(trust_bytes)
    return trust


def _built_note(files: dict[str, bytes], pack: dict[str, Any]) -> bytes:
    with refusing("pack-log", "pack-built/"):
        opened = [holding["holding"].hex() for holding in pack["holdings"] if holding["state"] == "open"]
        notes = {read_proof(files[f"pack-built/{holding}.tlog-proof"]).note for holding in opened}
        if len(notes) != 1:
            raise Malformed("proofs end in different checkpoints")
    return notes.pop()


def _read_checkpoints(files: dict[str, bytes], pack: dict[str, Any], trust: Trust) -> tuple[Checkpoint, Checkpoint]:
    with refusing("pack-log", "data/checkpoint"):
        first = read_checkpoint(files["data/checkpoint"], pack["log"], trust)
    with refusing("pack-log", "checkpoint of pack-built/"):
        second = read_checkpoint(_built_note(files, pack), pack["log"], trust)
    with refusing("pack-log", "pack-built/consistency"):
        data = files["pack-built/consistency"]
        try:
            lines = data.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise Malformed("not ASCII") from error
        if lines.pop() or len(lines) > 130:
            raise Malformed("not lines that end in a line feed, or too many")
        path = [b64(line, 32) for line in lines]
        if first.size >= second.size:
            raise Malformed("the later checkpoint is not larger")
        if not consistent(first.size, first.root, second.size, second.root, path):
            raise Malformed("the later checkpoint does not continue the earlier one")
    return first, second


def _signing_keys(handles: list[str], agency: str, directory: Directory, position: int) -> list[bytes]:
    """The keys of the two who sign a pack: officers of its agency, or one and its deputy."""
    own = [handle_agency(handle) == agency for handle in handles]
    deputy = directory.deputy(agency, position)
    good = any(own) and all(mine or handle == deputy for mine, handle in zip(own, handles, strict=True))
    require(good, "pack-signer", f"not two officers of {agency}, or one and its deputy")
    return [directory.officer_key(by, position, any_role=not mine) for by, mine in zip(handles, own, strict=True)]


def _check_pack_signatures(files: dict[str, bytes], agency: str, directory: Directory, position: int) -> None:
    code = "pack-signatures"
    with refusing(code, "pack.sig"):
        signatures = _SIGNATURES(canonical(files["pack.sig"]))["signatures"]
    handles = [signature["by"] for signature in signatures]
    require(len(handles) == 2 and handles[0] < handles[1], code, "not exactly two signers in ascending order")
    keys = _signing_keys(handles, agency, directory, position)
    built = sorted((path for path in files if path.startswith("pack-built/")), key=str.encode)
    digests = [sha256(files[path]) for path in ("pack.json", *built)]
    for signature, key in zip(signatures, keys, strict=True):
        good = signed_by(key, signature["signature"], "amparo/v1/pack", *digests)
        require(good, code, f"signature of {signature['by']} is wrong")


def verify(pack_bytes: bytes, trust_bytes: bytes | None) -> Result:
    """Check a pack; with a trust file from outside the result is proven, without one it is whole. Else `Refused`."""
    files = read_zip(pack_bytes)
    check_bag(files)
    pack = read_pack_list(files)
    trust = _read_trust(files, trust_bytes)
    first, second = _read_checkpoints(files, pack, trust)
    directory = read_directory(files, pack["certificates"], pack["log"], trust.roots, first)
    custody = read_custody(files, pack, directory, first)
    headers = read_bundles(files, pack, directory, first)
    check_contents(files, pack, custody, headers)
    found = find_gaps(pack, custody)
    missing = check_gaps(pack, found)
    check_pack_built(files, pack, custody, directory, (first.size, second))
    _check_pack_signatures(files, pack["agency"], directory, second.size)
    gaps = [Gap(reason, about.hex() if isinstance(about, bytes) else about) for reason, about in found]
    gaps.sort(key=lambda gap: (gap.reason, str(gap.about)))
    gaps += [Gap("no-exhibit", number) for number in missing]
    return Result(trust_bytes is not None, pack["agency"], pack["case"], len(pack["exhibits"]), gaps)
