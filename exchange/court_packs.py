"""Evidence packs out of a case: plan, record in custody, two signatures, file (docs/protocol.md 10).

A pack is made in steps, each of which can be repeated: `plan` reads every exhibit and puts the pack on record on each
exhibit that this agency holds; after the next sync `sign` is done by two officers; `write` gives the file.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import cases
from agencies.cases import case_key
from agencies.members import OfficerSession
from crypto import labels
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import IDENTIFIER_BYTES
from custody import outbox
from custody.checkpoint import open_checkpoint
from custody.tree import consistency_proof
from errors import Conflict, NotFound, PackNotReady
from evidence import holdings, pack_list, packs
from evidence.archive import PACK_JSON
from evidence.pack_input import PackDocument, PackEvent
from evidence.pack_list import Disclosed
from exchange import court_files, exports, follow, policy, prohibitions, restoring
from exchange.delivery import day_of
from exchange.models import CourtPack, PackUse
from exchange.office import Office, log_keys
from exchange.pack_gathering import gather
from exchange.pack_proofs import Prover, confirmed_checkpoint
from storage.sealed import open_column, seal_column

PLANNED: Final = "planned"
SIGNING: Final = "signing"
READY: Final = "ready"
LARGEST_BYTES: Final = 64 * 2**20
_MAPPINGS: Final = ("sources", "signatures", "built")

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
    court_order: str | None = None,
    ground: str | None = None,
    now: int,
    notice: prohibitions.Notice = prohibitions.ignore_notice,
    random_bytes: Random = os.urandom,
) -> bytes:
    """Read every exhibit of the case, form the pack's list and put it on record; the pack's id.

    Args:
        reference: of the proceeding, as the pack says it.
        render: sets the custody statement on paper.
        court_order: reference of the order by which it is made where a flag forbids export.
        ground: the legal ground under which it is made, for what is kept under it past an order to delete.
        notice: is told when the flags could not be fetched.

    Raises:
        FlagForbids: a flag forbids export, and no order is given.
        PackNotReady: nothing of the case is held by this agency, an exhibit is being handed over, or the log is not
            confirmed by enough agencies yet; the message says what to do.
    """
    officer.require("pack")
    order = exports.order_of(court_order)
    with office.files.session() as db:
        disclosed = list(_disclosed(db, officer, case_id))
    given, sources = gather(
        office, officer, case_id, pack=random_bytes(IDENTIFIER_BYTES), reference=reference,
        under=(ground or "").strip() or None, disclosed=disclosed, now=now,
    )  # fmt: skip
    objects = sorted(one.object_id for one in given.exhibits)
    past = prohibitions.barriers(office, officer, case_id, objects, _files(sources), now=now, notice=notice)
    policy.require_export(
        [one.flag for one in past], day_of(now), court_order=order, officers=policy.OFFICERS_PAST_FLAG
    )  # two sign what is planned here
    given = replace(given, documents=_documents(office.agency, order if past else None, sources))
    made = packs.plan_pack(given, render)
    content: dict[str, Any] = {
        "v": 1, "reference": reference, "sources": {path: one.value() for path, one in sources.items()},
        "signatures": {}, "built": {}, "digest": b64u(made.digest), "objects": [b64u(one) for one in objects],
        "order": order if past else None, "past": sorted(one.key for one in past),
    }  # fmt: skip
    handles = {handle for one in sources.values() for handle in one.handles}
    _keep_plan(office, officer, case_id, given.pack, made, content, handles, now)
    return given.pack


def _keep_plan(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    pack_id: bytes,
    made: packs.PackPlan,
    content: dict[str, Any],
    handles: Iterable[bytes],
    now: int,
) -> None:
    """Put the pack on record on each holding that it is about, and keep it."""
    with office.files.session() as db:
        restoring.require_whole(db, officer, case_id)
        for one in made.open_holdings:
            number = holdings.append_event(
                db, officer, case_id, one.holding, action="pack-built", reason="evidence pack", length=one.length,
                pack_digest=b64u(made.digest), seen=office.seen(db), now=now,
            ).number  # fmt: skip
            content["built"][b64u(one.holding)] = number
        key = case_key(db, officer, case_id)
        db.add(
            CourtPack(
                pack_id=pack_id, case_id=case_id, version=1,
                content=seal_column(key, "court_pack", "content", pack_id, 1, _dump(content)),
                plan=seal_column(key, "court_pack", "plan", pack_id, 1, packs.keep_plan(made)),
                state=PLANNED, made_by=officer.handle, made_at=now,
            )
        )  # fmt: skip
        for handle in sorted(handles):
            db.add(PackUse(pack_id=pack_id, handle=handle, disclosed=False, is_blocked=False))


def _documents(
    agency: str, order: str | None, sources: Mapping[str, court_files.FileSource]
) -> tuple[PackDocument, ...]:
    """What the pack says about itself in words, by name."""
    kept = {_number_of(path): one.ground for path, one in sources.items() if one.ground is not None}
    made = [] if order is None else [exports.document_of(agency, order)]
    return (*made, *([court_files.ground_document(agency, kept)] if kept else []))


def _number_of(path: str) -> int:
    return int(path.split("/")[2])  # data/exhibits/<number>/<file>


def _files(sources: Mapping[str, court_files.FileSource]) -> list[bytes]:
    return [one.file_id for one in sources.values()]


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
            _number_of(path)
            for path, one in content["sources"].items()
            if blocked & {unb64u(handle) for handle in one["handles"]}
        }
        yield Disclosed(row.pack_id, content["disclosed_on"], tuple(sorted(gone)))


# ---- On record, signed, written ---------------------------------------------------------------------------------


def sign(
    office: Office,
    officer: OfficerSession,
    pack_id: bytes,
    *,
    now: int,
    notice: prohibitions.Notice = prohibitions.ignore_notice,
) -> str:
    """Sign a pack whose record stands in the log; the new state. Two officers do.

    Raises:
        FlagForbids: a flag that forbids export was raised since it was planned.
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
    _require_export(office, officer, row.case_id, content, policy.OFFICERS_PAST_FLAG, now, notice)
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
        note, _ = confirmed_checkpoint(db, office)
        keys = log_keys(office.log(db))
        old, new = open_checkpoint(old_note, keys).checkpoint, open_checkpoint(note, keys).checkpoint
        recorded, case = {}, case_key(db, officer, row.case_id)
        for holding, number in content["built"].items():
            events = {one.number: one for one in outbox.own_events(db, "holding", unb64u(holding))}
            recorded[unb64u(holding)] = events[number], outbox.read_statement(events[number], case)
            if events[number].log_index is None:
                raise PackNotReady("the pack is not on record yet; sync, then sign")
    if new.size < old.size:
        raise PackNotReady("the log is not confirmed far enough yet; sync when the others are online")
    prove = Prover(office, note, new.size)
    built = {
        holding: PackEvent(statement, event.salt, prove(event.log_index))
        for holding, (event, statement) in recorded.items()
    }
    path = consistency_proof(follow.log_hashes(office, new.size), old.size, new.size)
    files = packs.pack_built_files(built, path)
    with office.files.session() as db:
        row = _get(db, officer, pack_id)
        raw = dump_json([[name, b64u(one)] for name, one in sorted(files.items())])
        row.built = seal_column(case_key(db, officer, row.case_id), "court_pack", "built", pack_id, 1, raw)
        row.state = SIGNING


def _require_export(
    office: Office,
    officer: OfficerSession,
    case_id: bytes,
    content: Mapping[str, Any],
    officers: int,
    now: int,
    notice: prohibitions.Notice,
) -> list[prohibitions.Barrier]:
    """The flags past which a planned pack goes; none but those that it was planned past."""
    if "past" not in content:
        raise PackNotReady("an older version of this program has planned this pack; plan it again")
    objects, files = [unb64u(one) for one in content["objects"]], _files(_sources(content))
    past = prohibitions.barriers(office, officer, case_id, objects, files, now=now, notice=notice)
    exports.require_planned(past, content["past"])
    policy.require_export([one.flag for one in past], day_of(now), court_order=content["order"], officers=officers)
    return past


def order_of(office: Office, officer: OfficerSession, pack_id: bytes) -> str | None:
    """Reference of the court's order by which a pack is made past a flag that forbids export."""
    with office.files.session() as db:
        found = _content(db, officer, _get(db, officer, pack_id)).get("order")
        return None if found is None else str(found)


@dataclass(frozen=True, slots=True)
class Finished:
    """A pack that may leave. Before its first byte goes anywhere, `tell` tells whoever forbade export by a flag.

    Raises (tell):
        Unavailable, QuotaExceeded, LimitExceeded: they cannot be told now.
    """

    pack: packs.FinishedPack
    tell: Callable[[], None]


def finish(
    office: Office,
    officer: OfficerSession,
    pack_id: bytes,
    *,
    now: int,
    notice: prohibitions.Notice = prohibitions.ignore_notice,
) -> Finished:
    """A pack that two officers have signed, ready to be written.

    Raises:
        PackNotReady: it waits for signatures, or something in it was withdrawn.
        FlagForbids: a flag that forbids export was raised since it was planned.
    """
    officer.require("pack")
    with office.files.session() as db:
        row = _get(db, officer, pack_id)
        content = _content(db, officer, row)
        if row.state != READY:
            raise PackNotReady("two officers sign a pack before it is written")
        if db.scalar(select(PackUse).where(PackUse.pack_id == pack_id, PackUse.is_blocked)):
            raise PackNotReady("something in this pack was withdrawn; build it again without the item")
        key = case_key(db, officer, row.case_id)
        kept = open_column(key, "court_pack", "plan", pack_id, 1, row.plan)
        built, case_id = _built(db, officer, row), row.case_id
    past = _require_export(office, officer, case_id, content, len(content["signatures"]), now, notice)
    large = {path: court_files.reader(office, officer, case_id, one) for path, one in _sources(content).items()}
    signatures = {by: unb64u(signature) for by, signature in content["signatures"].items()}
    finished = packs.finish_pack(packs.restore_plan(kept, large), built, signatures)

    def tell() -> None:
        text = exports.IN_PACK.format(order=content["order"])
        exports.tell(office, officer, case_id, past, text, now=now)

    return Finished(finished, tell)


def write(
    office: Office,
    officer: OfficerSession,
    pack_id: bytes,
    out: Path,
    *,
    now: int,
    notice: prohibitions.Notice = prohibitions.ignore_notice,
) -> int:
    """Write the pack to a new file; its size in bytes. Whoever raised a flag that forbids export is told first.

    Raises:
        Conflict: there is such a file already.
        Others: see `finish` and `Finished.tell`.
    """
    finished = finish(office, officer, pack_id, now=now, notice=notice)
    _write_new(out, finished.pack, finished.tell)
    return finished.pack.size_bytes


def _write_new(out: Path, finished: packs.FinishedPack, before: Callable[[], None]) -> None:
    """All of the file, or none of it; it gets its name when `before` has returned."""
    half = out.with_name(f".{out.name}.half")
    if out.exists():
        raise Conflict(f"{out.name} is there already; a pack is never written over another file")
    try:
        with half.open("xb") as file:
            for piece in finished.write():
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        before()
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
    return [_row(db, row, _content(db, officer, row)) for row in rows]


def list_all_packs(db: Session, officer: OfficerSession) -> list[tuple[str, PackRow]]:
    """Packs of all cases of the officer with the cases' file numbers, newest first."""
    found = [
        (case.handle, one)
        for case in cases.list_cases(db, officer, select(CourtPack.case_id))
        for one in list_packs(db, officer, case.case_id)
    ]
    return sorted(found, key=lambda one: one[1].made_at, reverse=True)


def _row(db: Session, row: CourtPack, content: Mapping[str, Any]) -> PackRow:
    blocked = db.scalar(select(PackUse).where(PackUse.pack_id == row.pack_id, PackUse.is_blocked)) is not None
    signers = tuple(sorted(content["signatures"]))
    return PackRow(row.pack_id, row.state, row.made_by, row.made_at, signers, blocked)


@dataclass(frozen=True, slots=True)
class PackDetail:
    """What a page shows of a pack: its list, who signed, and under which order it goes past a flag."""

    row: PackRow
    case_id: bytes
    listed: pack_list.PackList = field(repr=False)
    order: str | None
    disclosed_on: str | None


def detail(db: Session, officer: OfficerSession, pack_id: bytes) -> PackDetail:
    """A pack of a case, with its list.

    Raises:
        NotFound, NotPermitted
    """
    row = _get(db, officer, pack_id)
    content = _content(db, officer, row)
    key = case_key(db, officer, row.case_id)
    raw = packs.kept_file(open_column(key, "court_pack", "plan", pack_id, 1, row.plan), PACK_JSON)
    listed = pack_list.parse_pack_list(raw)
    return PackDetail(_row(db, row, content), row.case_id, listed, content["order"], content.get("disclosed_on"))


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


def _sources(content: Mapping[str, Any]) -> dict[str, court_files.FileSource]:
    """Where each file of a kept pack is read from, by its path."""
    return {path: court_files.parse_source(value) for path, value in content["sources"].items()}


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
