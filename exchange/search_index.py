"""Search over what one signed-in officer may see: read once after the sign-in, kept in memory, wiped at the lock.

Nothing of it is ever on the disk. A hit names a row; what a page shows of it is read from the desk again, under the
keys that the officer has then.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import CASE, VAULT, OfficerSession
from agencies.models import Case
from crypto.encoding import parse_json
from errors import AmparoError
from evidence.exhibits import LARGEST_BYTES as LARGEST_EXHIBIT
from evidence.models import ExhibitRow
from exchange import case_contents, notes
from exchange.case_files import STAGES, facts_of
from exchange.models import BundleNote, StoredBundle
from exchange.search_text import NAME_END, Hit, PackedRows, Row, normal, words_of
from identity import name_requests, persons
from identity.models import GivenPseudonym, PersonRecord
from storage.desk_files import DeskFiles
from storage.sealed import open_column

A_CASE, A_PERSON, AN_EXHIBIT, A_BUNDLE = range(4)
KINDS: Final = ("case", "person", "exhibit", "bundle")
MOST_HITS: Final = 1000
CASES_AT_ONCE: Final = 25
BREATH_SECONDS: Final = 0.002
SWEEP_SECONDS: Final = 10
_SEARCHED: Final = ("prs_identitynumber", "prs_email", "prs_homephone", "prs_mobilephone", "prs_mailingcity")

Agencies = Callable[[Session], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        is_more: there were more than `MOST_HITS`; another word narrows it.
        is_complete: everything had been read when it was asked.
    """

    hits: tuple[Hit, ...]
    is_more: bool
    is_complete: bool


class SearchIndex:
    """The index of one session. `start` reads in a thread; `wipe` ends it, for good.

    Args:
        agencies: names of agencies that may have been given a pseudonym.
    """

    def __init__(self, files: DeskFiles, officer: OfficerSession, agencies: Agencies) -> None:
        self._files, self._officer, self._agencies = files, officer, agencies
        self._rows = PackedRows()
        self._lock = threading.Lock()
        self._stages: dict[bytes, int] = {}
        self._marks: dict[bytes, int] = {}
        self._nudged, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self.read = self.total = 0
        self.is_complete = False

    def __repr__(self) -> str:
        return f"SearchIndex({self._officer.handle})"

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return self._rows.size_bytes + len(self._marks) * 200

    def start(self) -> None:
        """Begin to read."""
        self._thread = threading.Thread(target=self._run, name="search-index", daemon=True)
        self._thread.start()

    @property
    def is_working(self) -> bool:
        """Whether its thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def wipe(self) -> None:
        """Overwrite what was read."""
        self._ended.set()
        self._nudged.set()
        self._rows.wipe()
        with self._lock:
            self._stages.clear()
            self._marks.clear()

    def _run(self) -> None:
        try:
            self._read_all()
            self.is_complete = True
            while not self._ended.is_set():
                self._nudged.wait()
                self._ended.wait(0.5)
                self._nudged.clear()
                if not self._ended.is_set():
                    self._sweep()
                    self._ended.wait(SWEEP_SECONDS)
        except AmparoError:
            # The desk locked meanwhile. Whatever had been read is wiped by the lock.
            return

    # ---- Reading ----

    def _read_all(self) -> None:
        with self._files.reading() as db:
            within = cases.own_cases(self._officer)
            every = list(db.scalars(within))
            self.total = len(every) + sum(
                db.scalar(select(func.count()).select_from(table).where(table.case_id.in_(within))) or 0
                for table in (PersonRecord, ExhibitRow, BundleNote)
            )
        self.renew(every, is_first=True)

    def renew(self, case_ids: Sequence[bytes], *, is_first: bool = False) -> None:
        """Read cases anew; those that the officer does not open any more are taken out."""
        for at in range(0, len(case_ids), CASES_AT_ONCE):
            if self._ended.is_set():
                return
            some = case_ids[at : at + CASES_AT_ONCE]
            with self._files.reading() as db:
                self._read_some(db, some, is_first)
            if is_first:
                time.sleep(BREATH_SECONDS)  # pages come first

    def _read_some(self, db: Session, case_ids: Sequence[bytes], is_first: bool) -> None:
        keys = self._officer.case_keys(db, case_ids)
        vaults = self._officer.case_keys(db, case_ids, VAULT)
        agencies = list(self._agencies(db))
        people = _by_case(db.scalars(select(PersonRecord).where(PersonRecord.case_id.in_(vaults))))
        exhibits = _by_case(db.scalars(select(ExhibitRow).where(ExhibitRow.case_id.in_(keys))))
        bundles = _bundles(db, keys)
        given = _given(db, [row.person_id for rows in people.values() for row in rows])
        for case in db.scalars(select(Case).where(Case.case_id.in_(keys))):
            own, things = people.get(case.case_id, []), exhibits.get(case.case_id, [])
            notes_ = bundles.get(case.case_id, [])
            vault = vaults.get(case.case_id)
            rows, stage = _case_rows(keys[case.case_id], case)
            rows += _person_rows(vault, own, given, agencies)
            rows += _exhibit_rows(keys[case.case_id], things)
            rows += _bundle_rows(self._officer.agency, keys[case.case_id], notes_)
            mark = _mark(case.version, vault is not None, own, things, [note for note, _ in notes_])
            self._put(case.case_id, rows, stage, mark)
            if is_first:
                self.read += len(rows)
        for gone in set(case_ids) - set(keys):
            self._drop(gone)
        db.expunge_all()

    def _put(self, case_id: bytes, rows: Sequence[Row], stage: int, mark: int) -> None:
        with self._lock:
            if not self._ended.is_set():
                self._rows.put(case_id, rows)
                self._stages[case_id], self._marks[case_id] = stage, mark

    def _drop(self, case_id: bytes) -> None:
        with self._lock:
            self._rows.drop(case_id)
            self._stages.pop(case_id, None)
            self._marks.pop(case_id, None)

    def _sweep(self) -> None:
        """Read again what others changed: by versions and counts, without opening anything."""
        with self._files.reading() as db:
            now = _marks_now(db, self._officer)
        with self._lock:
            before = dict(self._marks)
        changed = [one for one in now if before.get(one) != now[one]]
        self.renew([*changed, *(one for one in before if one not in now)])

    # ---- Looking ----

    def find(self, db: Session, text: str) -> Found:
        """Rows that have every word and that the officer may see at this moment."""
        hits, is_more = self._rows.find(words_of(text), MOST_HITS)
        self._nudged.set()
        case_ids = list({one.case_id for one in hits})
        may = {part: cases.opened_to(db, self._officer, case_ids, part) for part in (CASE, VAULT)}
        shown = [one for one in hits if one.case_id in may[VAULT if one.kind == A_PERSON else CASE]]
        shown.sort(key=lambda one: (not one.is_exact, one.kind))
        return Found(tuple(shown), is_more, self.is_complete)

    def cases_at(self, stage: str) -> set[bytes]:
        """Cases at a stage, as far as they have been read."""
        wanted = STAGES.index(stage)
        with self._lock:
            return {case_id for case_id, one in self._stages.items() if one == wanted}


# ---- Rows -------------------------------------------------------------------------------------------------------


def _by_case(rows: Iterable[Any]) -> dict[bytes, list[Any]]:
    found: dict[bytes, list[Any]] = {}
    for row in rows:
        found.setdefault(row.case_id, []).append(row)
    return found


def _bundles(db: Session, case_ids: Iterable[bytes]) -> dict[bytes, list[tuple[BundleNote, StoredBundle]]]:
    query = select(BundleNote, StoredBundle).join(StoredBundle, StoredBundle.bundle_id == BundleNote.bundle_id)
    found: dict[bytes, list[tuple[BundleNote, StoredBundle]]] = {}
    for note, bundle in db.execute(query.where(BundleNote.case_id.in_(case_ids))):
        found.setdefault(note.case_id, []).append((note, bundle))
    return found


def _case_rows(key: bytes, case: Case) -> tuple[list[Row], int]:
    value = parse_json(open_column(key, "case", "facts", case.case_id, case.version, case.facts))
    facts = facts_of(value)
    text = " ".join((case.handle, facts.title, facts.route, facts.accountable, facts.summary))
    return [Row(A_CASE, case.case_id, normal(text))], STAGES.index(facts.stage)


def _given(db: Session, person_ids: Sequence[bytes]) -> dict[bytes, list[GivenPseudonym]]:
    found: dict[bytes, list[GivenPseudonym]] = {}
    for row in db.scalars(select(GivenPseudonym).where(GivenPseudonym.person_id.in_(person_ids))):
        found.setdefault(row.person_id, []).append(row)
    return found


def _person_rows(
    key: bytes | None,
    rows: Sequence[PersonRecord],
    given: Mapping[bytes, Sequence[GivenPseudonym]],
    agencies: Sequence[str],
) -> Iterator[Row]:
    if key is None:
        return
    for row in rows:
        one = persons.open_person(key, row)
        others = [one.short]
        if row.person_id in given:
            named = persons.open_pseudonyms(key, given[row.person_id], agencies)
            others += named.get(row.person_id, {}).values()
        others += [one.values[name] for name in _SEARCHED if name in one.values]
        name = normal(name_requests.name_of(one.values))
        yield Row(A_PERSON, row.person_id, f"{name}{NAME_END}{normal(' '.join(others))}")


def _exhibit_rows(key: bytes, rows: Iterable[ExhibitRow]) -> Iterator[Row]:
    for row in rows:
        raw = open_column(key, "exhibit", "content", row.object_id, row.version, row.content)
        value = parse_json(raw, max_bytes=LARGEST_EXHIBIT)
        text = f"{value['local_number']} {value['root_number']} {value['description']}"
        yield Row(AN_EXHIBIT, row.object_id, normal(text))


def _bundle_rows(agency: str, key: bytes, rows: Iterable[tuple[BundleNote, StoredBundle]]) -> Iterator[Row]:
    for note, bundle in rows:
        line = case_contents.line_of(agency, bundle, notes.open_note(key, note))
        text = f"{bundle.bundle_id.hex()} {' '.join(line.others)} {line.reference} {line.kind}"
        yield Row(A_BUNDLE, bundle.bundle_id, normal(text))


# ---- What has changed -------------------------------------------------------------------------------------------


def _mark(
    version: int, has_vault: bool, people: Sequence[Any], exhibits: Sequence[Any], bundles: Sequence[Any]
) -> int:  # fmt: skip
    sums = [(len(part), sum(row.version for row in part)) for part in (people, exhibits, bundles)]
    return hash((version, has_vault, *(sums if has_vault else [(0, 0), *sums[1:]])))


def _marks_now(db: Session, officer: OfficerSession) -> dict[bytes, int]:
    """The same marks, of every case of the officer, out of counts alone."""
    vaults = set(db.scalars(cases.own_cases(officer, VAULT)))
    sums: list[dict[bytes, tuple[int, int]]] = []
    for table in (PersonRecord, ExhibitRow, BundleNote):
        query = select(table.case_id, func.count(), func.sum(table.version)).group_by(table.case_id)
        sums.append({case_id: (count, int(total or 0)) for case_id, count, total in db.execute(query)})
    found = {}
    own = select(Case.case_id, Case.version).where(Case.case_id.in_(cases.own_cases(officer)))
    for case_id, version in db.execute(own):
        people, exhibits, bundles = (part.get(case_id, (0, 0)) for part in sums)
        is_open = case_id in vaults
        found[case_id] = hash((version, is_open, people if is_open else (0, 0), exhibits, bundles))
    return found
