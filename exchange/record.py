"""The record of an agency as its auditor reads it: acts, sign-ins, openings and other events, without any content.

Each source keeps its own rows; `catch_up` notes every new one of them as a line with its officer, kind, object and
time, and nothing of what it was about. The lines are an index: they are made again from their sources at any time.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, insert, literal, or_, select
from sqlalchemy.orm import Session

from agencies.models import Act, Case, CaseKey, Drill, Exclusion, RecordLine, SignInNote
from crypto.encoding import unb64u
from crypto.header import IDENTIFIER_BYTES
from crypto.statements import parse_statement
from custody.models import OwnEvent
from errors import AmparoError, NotFound
from evidence.models import HoldingRow
from exchange.models import Approval, StoredBundle
from identity.models import Reidentification

ACT, SIGN_IN, EVENT, APPROVAL, LOOK, COPY = "act", "sign-in", "event", "approval", "look", "copy"
AT_ONCE: Final = 5000
MOST_SAMPLE: Final = 200
KEY_DIGITS: Final = 12

Row = dict[str, Any]


# ---- Noting what is new -----------------------------------------------------------------------------------------


def catch_up(db: Session) -> int:
    """Note what the sources have and the lines have not; how many lines were added."""
    added = _note_sign_ins(db)
    for find in (_acts, _events, _approvals, _looks, _copies):
        while True:
            rows = list(find(db))
            if rows:
                db.execute(insert(RecordLine), rows)
                added += len(rows)
            if len(rows) < AT_ONCE:
                break
    return added


def _last(db: Session, source: str) -> int:
    """Number of the newest row of a source that is noted; -1: none."""
    found = db.scalar(select(func.max(RecordLine.source_key)).where(RecordLine.source == source))
    return -1 if found is None else int(found, 16)


def _key(number: int) -> str:
    return f"{number:0{KEY_DIGITS}x}"


def _row(
    source: str, key: str, at: int, officer: str, kind: str, *, case_id: bytes | None = None,
    object_id: bytes | None = None,
) -> Row:  # fmt: skip
    return {
        "source": source, "source_key": key, "at": at, "officer": officer, "kind": kind, "case_id": case_id,
        "object_id": object_id,
    }  # fmt: skip


def _acts(db: Session) -> Iterator[Row]:
    query = select(Act).where(Act.number > _last(db, ACT)).order_by(Act.number).limit(AT_ONCE)
    for row in db.scalars(query):
        statement = parse_statement(row.statement)
        body = statement.value
        case_id = _case_of(body["facts"])
        yield _row(ACT, _key(row.number), int(body["at"]), statement.signers[0], str(body["act"]), case_id=case_id)


def _case_of(facts: Mapping[str, Any]) -> bytes | None:
    """The case that an act is about, if it is about one."""
    named = facts.get("case") or (facts.get("cases") or [None])[0]
    try:
        return unb64u(named, IDENTIFIER_BYTES) if isinstance(named, str) else None
    except AmparoError:
        return None


def _note_sign_ins(db: Session) -> int:
    """All in one statement of the database: there are many of them, and nothing in them has to be parsed."""
    key = func.printf(f"%0{KEY_DIGITS}x", SignInNote.number)
    wanted = select(
        SignInNote.at, SignInNote.officer, literal("sign-in-").concat(SignInNote.result), literal(SIGN_IN), key
    ).where(SignInNote.number > _last(db, SIGN_IN)).order_by(SignInNote.number)  # fmt: skip
    before = count(db, Filter())
    db.execute(insert(RecordLine).from_select(["at", "officer", "kind", "source", "source_key"], wanted))
    return count(db, Filter()) - before


def _events(db: Session) -> Iterator[Row]:
    query = (
        select(
            OwnEvent.position, OwnEvent.made_at, OwnEvent.officer, OwnEvent.object_kind, OwnEvent.object_id,
            OwnEvent.clear_statement, StoredBundle.case_id, HoldingRow.case_id,
        )
        .outerjoin(StoredBundle, StoredBundle.bundle_id == OwnEvent.object_id)
        .outerjoin(HoldingRow, HoldingRow.holding == OwnEvent.object_id)
        .where(OwnEvent.position > _last(db, EVENT))
        .order_by(OwnEvent.position).limit(AT_ONCE)
    )  # fmt: skip
    for position, at, officer, object_kind, object_id, statement, of_bundle, of_holding in db.execute(query).all():
        case_id = object_id if object_kind == "case" else of_bundle or of_holding
        kind = "custody" if statement is None else str(parse_statement(statement).value["kind"])
        yield _row(EVENT, _key(position), at, officer, kind, case_id=case_id, object_id=object_id)


def _approvals(db: Session) -> Iterator[Row]:
    """What was asked, and what was answered; an answer comes later than its question."""
    noted = select(RecordLine.source_key).where(RecordLine.source == APPROVAL)
    known = set(db.scalars(noted))
    for row in db.scalars(select(Approval).order_by(Approval.asked_at)):
        name = row.approval_id.hex()
        if f"{name}-asked" not in known:
            yield _row(APPROVAL, f"{name}-asked", row.asked_at, row.asked_by, f"{row.kind}-asked",
                       object_id=row.object_id)  # fmt: skip
        if row.answered_at is not None and row.answered_by is not None and f"{name}-answered" not in known:
            kind = "denied" if row.state == "denied" else "approved"
            yield _row(APPROVAL, f"{name}-answered", row.answered_at, row.answered_by, f"{row.kind}-{kind}",
                       object_id=row.object_id)  # fmt: skip


def _looks(db: Session) -> Iterator[Row]:
    query = select(Reidentification).where(Reidentification.number > _last(db, LOOK))
    for row in db.scalars(query.order_by(Reidentification.number).limit(AT_ONCE)):
        yield _row(LOOK, _key(row.number), row.at, row.officer, "reidentified", case_id=row.case_id)


def _copies(db: Session) -> Iterator[Row]:
    query = select(Drill).where(Drill.number > _last(db, COPY), Drill.kind == "copy")
    for row in db.scalars(query.order_by(Drill.number).limit(AT_ONCE)):
        yield _row(COPY, _key(row.number), row.at, row.officer, "copied")


# ---- Reading ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for; None: everything.

    Attributes:
        case: handle of a case.
        since, until: POSIX seconds, `until` not included.
        last: number of the newest line that counts, so that a sample can be drawn again later.
        reader: an officer who is no auditor. She sees nothing of cases from which she is kept out, and the handles of
            her own cases alone; None: the auditor, who sees the handle of every case.
    """

    officer: str | None = None
    kind: str | None = None
    case: str | None = None
    since: int | None = None
    until: int | None = None
    last: int | None = None
    reader: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line, with the handle of its case."""

    number: int
    at: int
    officer: str
    kind: str
    case: str | None
    object_id: bytes | None
    source: str


def _where(query: Select[Any], wanted: Filter, db: Session) -> Select[Any]:
    if wanted.officer is not None:
        query = query.where(RecordLine.officer == wanted.officer)
    if wanted.kind is not None:
        query = query.where(RecordLine.kind == wanted.kind)
    if wanted.case is not None:
        query = query.where(
            RecordLine.case_id == (_find_case(db, wanted.case, wanted.reader) or bytes(IDENTIFIER_BYTES))
        )
    if wanted.since is not None:
        query = query.where(RecordLine.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(RecordLine.at < wanted.until)
    if wanted.last is not None:
        query = query.where(RecordLine.number <= wanted.last)
    if wanted.reader is not None:
        kept_out = select(Exclusion.case_id).where(Exclusion.officer == wanted.reader)
        query = query.where(or_(RecordLine.case_id.is_(None), RecordLine.case_id.not_in(kept_out)))
    return query


def _find_case(db: Session, handle: str, reader: str | None) -> bytes | None:
    query = select(Case.case_id).where(Case.handle == handle)
    if reader is not None:
        query = query.where(Case.case_id.in_(select(CaseKey.case_id).where(CaseKey.holder == reader)))
    return db.scalar(query)


def count(db: Session, wanted: Filter) -> int:
    """How many lines there are."""
    return db.scalar(_where(select(func.count()).select_from(RecordLine), wanted, db)) or 0


def lines(db: Session, wanted: Filter, *, start: int = 0, most: int | None = None) -> list[Line]:
    """Lines, newest first."""
    query = _where(select(RecordLine), wanted, db).order_by(RecordLine.at.desc(), RecordLine.number.desc())
    return _shown(db, list(db.scalars(query.offset(start).limit(most))), wanted.reader)


def get_line(db: Session, number: int, reader: str | None = None) -> Line:
    """One line; see `Filter.reader`.

    Raises:
        NotFound
    """
    row = db.scalar(_where(select(RecordLine).where(RecordLine.number == number), Filter(reader=reader), db))
    if row is None:
        raise NotFound("there is no such line in the record")
    return _shown(db, [row], reader)[0]


def _shown(db: Session, rows: Sequence[RecordLine], reader: str | None) -> list[Line]:
    wanted = {row.case_id for row in rows if row.case_id is not None}
    handles: dict[bytes, str] = {}
    for one in range(0, len(wanted), 500):
        part = list(wanted)[one : one + 500]
        query = select(Case.case_id, Case.handle).where(Case.case_id.in_(part))
        if reader is not None:
            query = query.where(Case.case_id.in_(select(CaseKey.case_id).where(CaseKey.holder == reader)))
        handles |= {row[0]: row[1] for row in db.execute(query).all()}
    return [
        Line(
            row.number, row.at, row.officer, row.kind, None if row.case_id is None else handles.get(row.case_id),
            row.object_id, row.source,
        )
        for row in rows
    ]  # fmt: skip


def kinds(db: Session) -> list[str]:
    """Every kind that there is in the record."""
    return sorted(db.scalars(select(RecordLine.kind).distinct()))


def officers(db: Session) -> list[str]:
    """Everybody who is in the record."""
    return sorted(db.scalars(select(RecordLine.officer).distinct()))


def newest(db: Session) -> int:
    """Number of the newest line; 0: none."""
    return db.scalar(select(func.max(RecordLine.number))) or 0


def sample(db: Session, wanted: Filter, *, seed: str, most: int) -> list[Line]:
    """Lines drawn at random; the same seed over the same lines gives the same ones, in the order of their numbers."""
    population = count(db, wanted)
    places = random.Random(seed).sample(range(population), min(most, MOST_SAMPLE, population))  # noqa: S311
    place = func.row_number().over(order_by=RecordLine.number) - 1
    counted = _where(select(RecordLine.number, place.label("place")), wanted, db).subquery()
    drawn = select(counted.c.number).where(counted.c.place.in_(places))
    rows = list(db.scalars(select(RecordLine).where(RecordLine.number.in_(drawn)).order_by(RecordLine.number)))
    return _shown(db, rows, wanted.reader)
