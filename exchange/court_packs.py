"""Evidence packs out of a case: plan, record in custody, two signatures, file (docs/protocol.md 10).

A pack is made in steps, each of which can be repeated: `plan` reads every exhibit and puts the pack on record on each
exhibit that this agency holds; after the next sync `sign` is done by two officers; `write` gives the file.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto import labels
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import IDENTIFIER_BYTES
from crypto.statements import parse_statement
from custody import outbox
from custody.checkpoint import open_checkpoint
from custody.policy import parse_trust, print_trust, require_quorum
from custody.tree import consistency_proof
from errors import AmparoError, Conflict, NotFound, PackNotReady
from evidence import exhibits, holdings, pack_list, packs
from evidence.pack_input import (
    PackBundle,
    PackCertificate,
    PackEvent,
    PackExhibit,
    PackFile,
    PackHolding,
    PackInput,
)
from evidence.pack_list import Disclosed, Gap
from evidence.pack_signers import needed_entries
from exchange import court_files, follow
from exchange.arrivals import get_stored, list_events
from exchange.delivery import day_of
from exchange.models import CheckpointRow, CourtPack, DirectoryRow, PackNumber, PackUse
from exchange.office import Office, log_keys
from exchange.trust import trust_of_desk
from storage.sealed import open_column, seal_column

PLANNED: Final = "planned"
SIGNING: Final = "signing"
READY: Final = "ready"
LARGEST_BYTES: Final = 64 * 2**20
_MAPPINGS: Final = ("sources", "signatures", "built")
WITHDRAWN: Final = "The person concerned has withdrawn the consent on which exhibit {number} rested."

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class PackRow:
    """A pack of a case, for lists."""

    pack_id: bytes
    state: str
    made_by: str
    made_at: int
    signers: tuple[str, ...]
    is_blocked: bool


# ---- Planning ---------------------------------------------------------------------------------------------------


def plan(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    *,
    reference: str,
    render: packs.Render,
    now: int,
    random_bytes: Random = os.urandom,
) -> bytes:
    """Read every exhibit of the case, form the pack's list and put it on record; the pack's id.

    Args:
        reference: of the proceeding, as the pack says it.
        render: sets the custody statement on paper.

    Raises:
        PackNotReady: nothing of the case is held by this agency, an exhibit is being handed over, or the log is not
            confirmed by enough agencies yet; the message says what to do.
    """
    officer.require("pack")
    given, sources = _gather(office, officer, case_id, reference, now, random_bytes)
    made = packs.plan_pack(given, render)
    content: dict[str, Any] = {
        "v": 1, "reference": reference, "sources": {path: one.value() for path, one in sources.items()},
        "signatures": {}, "built": {}, "digest": b64u(made.digest),
    }  # fmt: skip
    with office.files.session() as db:
        for one in made.open_holdings:
            number = holdings.append_event(
                db, officer, case_id, one.holding, action="pack-built", reason="evidence pack", length=one.length,
                pack_digest=b64u(made.digest), seen=office.seen(db), now=now,
            ).number  # fmt: skip
            content["built"][b64u(one.holding)] = number
        key = case_key(db, officer, case_id)
        db.add(
            CourtPack(
                pack_id=given.pack, case_id=case_id, version=1,
                content=seal_column(key, "court_pack", "content", given.pack, 1, _dump(content)),
                plan=seal_column(key, "court_pack", "plan", given.pack, 1, packs.keep_plan(made)),
                state=PLANNED, made_by=officer.handle, made_at=now,
            )
        )  # fmt: skip
        for handle in sorted({handle for one in sources.values() for handle in one.handles}):
            db.add(PackUse(pack_id=given.pack, handle=handle, disclosed=False, is_blocked=False))
    return given.pack


def _gather(
    office: Office, officer: OfficerSession, case_id: bytes, reference: str, now: int, random_bytes: Random
) -> tuple[PackInput, dict[str, court_files.FileSource]]:
    """Everything that `plan_pack` takes, and where each exhibit's file is read from."""
    with office.files.session() as db:
        note, trust = _confirmed_checkpoint(db, office)
        found = exhibits.list_exhibits(db, officer, case_id)
        numbers = _number(db, case_id, [one.object_id for one in found])
        chains = {one.object_id: holdings.chains(db, officer, case_id, one.object_id) for one in found}
        files = {one.object_id: court_files.find_files(db, officer, case_id, one) for one in found}
        directory = [
            (row.log_index, row.statement) for row in db.scalars(select(DirectoryRow).order_by(DirectoryRow.log_index))
        ]
        log = office.log(db).origin
    size = open_checkpoint(note, parse_trust(trust).log_keys(log)).checkpoint.size
    listed: list[PackExhibit] = []
    gaps: list[Gap] = []
    sources: dict[str, court_files.FileSource] = {}
    used: list[holdings.Chain] = []
    for exhibit in sorted(found, key=lambda one: numbers[one.object_id]):
        number = numbers[exhibit.object_id]
        here = files[exhibit.object_id]
        if here is None:
            gaps.append(Gap("consent", WITHDRAWN.format(number=number), number=number))
            continue
        used += chains[exhibit.object_id]
        listed.append(_exhibit(office, officer, case_id, exhibit, number, chains[exhibit.object_id], here, sources))
    prove = _Prover(office, note, size)
    bundles = {one.bundle_id for one in sources.values() if one.bundle_id is not None}
    with office.files.session() as db:
        rows = [_bundle(db, bundle_id) for bundle_id in sorted(bundles)]
        disclosed = tuple(_disclosed(db, officer, case_id))
    pack_bundles = tuple(
        PackBundle(bundle_id, header, signature, PackEvent(statement, salt, prove(index)))
        for bundle_id, header, signature, statement, salt, index in rows
    )
    pack_holdings = tuple(
        PackHolding(
            one.holding, one.object_id, one.agency,
            tuple(PackEvent(event.statement, event.salt, prove(event.log_index)) for event in one.events),
        )
        for one in used
    )  # fmt: skip
    handles = _signers(pack_holdings, pack_bundles) | {officer.handle} | _officers(office)
    wanted = needed_entries([one for one in directory if one[0] < size], handles, office.agency)
    statements = dict(directory)
    given = PackInput(
        random_bytes(IDENTIFIER_BYTES), office.agency, log, now, reference, (1, max(numbers.values(), default=1)),
        tuple(listed), pack_holdings, pack_bundles,
        tuple(PackCertificate(index, statements[index], prove(index)) for index in wanted),
        note, trust, tuple(gaps), disclosed,
    )  # fmt: skip
    return given, sources


@dataclass
class _Prover:
    """Proofs of entries against one checkpoint."""

    office: Office
    note: bytes
    size: int
    _made: dict[int, bytes] = field(default_factory=dict)

    def __call__(self, index: int | None) -> bytes:
        if index is None or index >= self.size:
            raise PackNotReady("the newest events are not confirmed in the log yet; sync, then build it again")
        if index not in self._made:
            self._made[index] = follow.prove(self.office, index, self.note)
        return self._made[index]


def _confirmed_checkpoint(db: Session, office: Office) -> tuple[bytes, bytes]:
    """The newest checkpoint that enough agencies confirmed, and the trust file that says which are enough."""
    trust = trust_of_desk(db).trust
    keys = log_keys(office.log(db))
    for row in db.scalars(select(CheckpointRow).order_by(CheckpointRow.size.desc())):
        try:
            require_quorum(trust, open_checkpoint(row.note, keys))
        except AmparoError:
            continue
        return row.note, print_trust(trust)
    raise PackNotReady("no state of the log is confirmed by enough agencies yet; sync when the others are online")


def _number(db: Session, case_id: bytes, objects: Sequence[bytes]) -> dict[bytes, int]:
    """The pack numbers of a case's exhibits; new ones get the next."""
    rows = db.scalars(select(PackNumber).where(PackNumber.case_id == case_id))
    numbers = {row.object_id: row.number for row in rows}
    last = db.scalar(select(func.max(PackNumber.number)).where(PackNumber.case_id == case_id)) or 0
    for object_id in objects:
        if object_id not in numbers:
            last += 1
            numbers[object_id] = last
            db.add(PackNumber(case_id=case_id, number=last, object_id=object_id))
    db.flush()
    return numbers


def _exhibit(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    exhibit: exhibits.Exhibit,
    number: int,
    chains: Sequence[holdings.Chain],
    files: Sequence[court_files.FileSource],
    sources: dict[str, court_files.FileSource],
) -> PackExhibit:
    listed = []
    for place, one in enumerate(files, 1):
        made = PackFile(
            one.file_id, one.extension, one.media_type, f"{exhibit.local_number}.{place}",
            court_files.reader(office, officer, case_id, one), one.contents,
        )  # fmt: skip
        sources[pack_list.exhibit_path(number, made.file, made.extension)] = one
        listed.append(made)
    return PackExhibit(
        number, exhibit.object_id, exhibit.root_number, exhibit.local_number, exhibit.description, "used",
        tuple(sorted(listed, key=lambda one: pack_list.exhibit_path(number, one.file, one.extension).encode())),
        tuple(one.holding for one in chains),
    )  # fmt: skip


def _bundle(db: Session, bundle_id: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes, int]:
    """Id, header, signature; statement, salt and log index of its `deposited` event."""
    row = get_stored(db, bundle_id)
    deposited = list_events(db, bundle_id, "deposited")
    if not deposited:
        raise PackNotReady("the record of a bundle is not here yet; sync, then build it again")
    one = deposited[0]
    return bundle_id, row.header, row.signature, one.statement, one.salt, one.log_index


def _signers(chains: Iterable[PackHolding], bundles: Iterable[PackBundle]) -> set[str]:
    """Role handles that signed anything of the pack."""
    found: set[str] = set()
    for chain in chains:
        for event in chain.events:
            found |= set(parse_statement(event.statement).signers)
    for bundle in bundles:
        found |= set(parse_statement(bundle.deposited.statement).signers)
    return found


def _officers(office: Office) -> set[str]:
    """Officers of this agency: two of them sign."""
    with office.files.session() as db:
        return {one.subject for one in office.directory(db).officers(office.agency)}


def _disclosed(db: Session, officer: OfficerSession, case_id: bytes) -> Iterator[Disclosed]:
    """Earlier packs that were shown and hold something that was withdrawn since."""
    rows = db.scalars(select(CourtPack).where(CourtPack.case_id == case_id).order_by(CourtPack.pack_id))
    for row in rows:
        uses = list(db.scalars(select(PackUse).where(PackUse.pack_id == row.pack_id)))
        blocked = {use.handle for use in uses if use.is_blocked and use.disclosed}
        if not blocked:
            continue
        content = _content(db, officer, row)
        gone = {
            int(path.split("/")[2])  # data/exhibits/<number>/<file>
            for path, one in content["sources"].items()
            if blocked & {unb64u(handle) for handle in one["handles"]}
        }
        yield Disclosed(row.pack_id, content["disclosed_on"], tuple(sorted(gone)))


# ---- On record, signed, written ---------------------------------------------------------------------------------


def sign(office: Office, officer: OfficerSession, pack_id: bytes) -> str:
    """Sign a pack whose record stands in the log; the new state. Two officers do.

    Raises:
        PackNotReady: the record is not confirmed in the log yet; sync first.
        Conflict: this officer has signed it, or two have.
    """
    officer.require("pack")
    with office.files.session() as db:
        row = _get(db, officer, pack_id)
        content = _content(db, officer, row)
        state = row.state
    if officer.handle in content["signatures"] or len(content["signatures"]) >= 2:
        raise Conflict("you have signed this pack already" if state != READY else "two officers have signed it")
    if state == PLANNED:
        _put_on_record(office, officer, pack_id, content)
    with office.files.session() as db:
        row = _get(db, officer, pack_id)
        built = _built(db, officer, row)
        values = packs.signed_values(unb64u(content["digest"]), built)
        content["signatures"][officer.handle] = b64u(officer.sign(labels.PACK, *values))
        row.state = READY if len(content["signatures"]) == 2 else SIGNING
        _keep(db, officer, row, content)
        return row.state


def _put_on_record(office: Office, officer: OfficerSession, pack_id: bytes, content: Mapping[str, Any]) -> None:
    """Prove the pack-built events against one newer checkpoint; from now on the signatures are over these bytes."""
    with office.files.session() as db:
        row = _get(db, officer, pack_id)
        old_note = _plan_note(db, officer, row)
        note, _ = _confirmed_checkpoint(db, office)
        keys = log_keys(office.log(db))
        old, new = open_checkpoint(old_note, keys).checkpoint, open_checkpoint(note, keys).checkpoint
        recorded = {}
        for holding, number in content["built"].items():
            events = {one.number: one for one in outbox.own_events(db, "holding", unb64u(holding))}
            recorded[unb64u(holding)] = events[number]
            if events[number].log_index is None:
                raise PackNotReady("the pack is not on record yet; sync, then sign")
    if new.size < old.size:
        raise PackNotReady("the log is not confirmed far enough yet; sync when the others are online")
    prove = _Prover(office, note, new.size)
    built = {
        holding: PackEvent(event.statement, event.salt, prove(event.log_index)) for holding, event in recorded.items()
    }
    path = consistency_proof(follow.log_hashes(office, new.size), old.size, new.size)
    files = packs.pack_built_files(built, path)
    with office.files.session() as db:
        row = _get(db, officer, pack_id)
        raw = dump_json([[name, b64u(one)] for name, one in sorted(files.items())])
        row.built = seal_column(case_key(db, officer, row.case_id), "court_pack", "built", pack_id, 1, raw)
        row.state = SIGNING


def write(office: Office, officer: OfficerSession, pack_id: bytes, out: Path) -> int:
    """Write the pack to a new file; its size in bytes.

    Raises:
        PackNotReady: it waits for signatures, or rests on a consent that was withdrawn.
        Conflict: there is such a file already.
    """
    officer.require("pack")
    with office.files.session() as db:
        row = _get(db, officer, pack_id)
        content = _content(db, officer, row)
        if row.state != READY:
            raise PackNotReady("two officers sign a pack before it is written")
        if db.scalar(select(PackUse).where(PackUse.pack_id == pack_id, PackUse.is_blocked)):
            raise PackNotReady("a consent on which this pack rests was withdrawn; build it again without the item")
        key = case_key(db, officer, row.case_id)
        kept = open_column(key, "court_pack", "plan", pack_id, 1, row.plan)
        built, case_id = _built(db, officer, row), row.case_id
    large = {
        path: court_files.reader(office, officer, case_id, court_files.parse_source(value))
        for path, value in content["sources"].items()
    }
    signatures = {by: unb64u(signature) for by, signature in content["signatures"].items()}
    finished = packs.finish_pack(packs.restore_plan(kept, large), built, signatures)
    _write_new(out, finished)
    return finished.size_bytes


def _write_new(out: Path, finished: packs.FinishedPack) -> None:
    """All of the file, or none of it."""
    half = out.with_name(f".{out.name}.half")
    if out.exists():
        raise Conflict(f"{out.name} is there already; a pack is never written over another file")
    try:
        with half.open("xb") as file:
            for piece in finished.write():
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        half.rename(out)
    finally:
        half.unlink(missing_ok=True)


def note_disclosed(office: Office, officer: OfficerSession, pack_id: bytes, *, now: int) -> None:
    """Record that a pack was shown: it is not called back, and later packs say what was withdrawn since."""
    officer.require("pack")
    with office.files.session() as db:
        row = _get(db, officer, pack_id)
        content = _content(db, officer, row)
        content["disclosed_on"] = day_of(now)
        _keep(db, officer, row, content)
        for use in db.scalars(select(PackUse).where(PackUse.pack_id == pack_id)):
            use.disclosed = True


def list_packs(db: Session, officer: OfficerSession, case_id: bytes) -> list[PackRow]:
    """Packs of a case, newest first."""
    case_key(db, officer, case_id)
    rows = db.scalars(select(CourtPack).where(CourtPack.case_id == case_id).order_by(CourtPack.made_at.desc()))
    found = []
    for row in rows:
        blocked = db.scalar(select(PackUse).where(PackUse.pack_id == row.pack_id, PackUse.is_blocked)) is not None
        signers = tuple(sorted(_content(db, officer, row)["signatures"]))
        found.append(PackRow(row.pack_id, row.state, row.made_by, row.made_at, signers, blocked))
    return found


# ---- Rows -------------------------------------------------------------------------------------------------------


def _get(db: Session, officer: OfficerSession, pack_id: bytes) -> CourtPack:
    row = db.get(CourtPack, pack_id)
    if row is None:
        raise NotFound("there is no such pack")
    case_key(db, officer, row.case_id)
    return row


def _content(db: Session, officer: OfficerSession, row: CourtPack) -> dict[str, Any]:
    key = case_key(db, officer, row.case_id)
    raw = open_column(key, "court_pack", "content", row.pack_id, row.version, row.content)
    value = parse_json(raw, max_bytes=LARGEST_BYTES)
    return {**value, **{name: dict(value[name]) for name in _MAPPINGS}}


def _dump(content: Mapping[str, Any]) -> bytes:
    """Canonical JSON, whose keys are plain words: paths, handles and ids stand in pairs."""
    return dump_json({**content, **{name: sorted(map(list, content[name].items())) for name in _MAPPINGS}})


def _keep(db: Session, officer: OfficerSession, row: CourtPack, content: Mapping[str, Any]) -> None:
    row.version += 1
    key = case_key(db, officer, row.case_id)
    row.content = seal_column(key, "court_pack", "content", row.pack_id, row.version, _dump(content))


def _built(db: Session, officer: OfficerSession, row: CourtPack) -> dict[str, bytes]:
    if row.built is None:
        raise PackNotReady("the pack is not on record yet; sync, then sign")
    key = case_key(db, officer, row.case_id)
    value = parse_json(open_column(key, "court_pack", "built", row.pack_id, 1, row.built), max_bytes=LARGEST_BYTES)
    return {name: unb64u(raw) for name, raw in value}


def _plan_note(db: Session, officer: OfficerSession, row: CourtPack) -> bytes:
    """data/checkpoint of the plan."""
    key = case_key(db, officer, row.case_id)
    return packs.kept_file(open_column(key, "court_pack", "plan", row.pack_id, 1, row.plan), pack_list.CHECKPOINT)
