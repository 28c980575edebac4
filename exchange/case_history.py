"""Everything that happened with a case, in one line each: gathered from the tables in which the desk records it.

Who, when, what and why, as far as this officer reads it. What a line says of its proof is in the log; the rest is the
desk's own record.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import acts, cases
from agencies.members import VAULT, OfficerSession
from agencies.models import CaseKey, Exclusion
from crypto.encoding import b64u
from errors import AmparoError
from evidence import exhibits, holdings
from exchange import case_contents, case_files, inquiries, reading, stop_targets, withdrawals
from exchange.models import Approval, Filed, Withdrawal
from exchange.office import Office
from identity import consent, flags, name_requests, persons
from identity.models import PersonFlag, PersonRecord

CASE: Final = "case"
CUSTODY: Final = "custody"
BUNDLE: Final = "bundle"
OPENING: Final = "opening"
APPROVAL: Final = "approval"
TEAM: Final = "team"
PERSON: Final = "person"
NAME: Final = "name"
CONSENT: Final = "consent"
FLAG: Final = "flag"
INQUIRY: Final = "inquiry"
KINDS: Final = (CASE, PERSON, NAME, FLAG, CONSENT, CUSTODY, BUNDLE, OPENING, INQUIRY, APPROVAL, TEAM)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened.

    Attributes:
        kind: one of `KINDS`.
        what: a word of the program, such as `closed`, `seize`, `open-requested`.
        officer: role handle; empty where nobody of this agency acted.
        about: number or short id of what it is about, such as E-0001 or P3.
        why: reason or purpose in the words of who acted.
        agency: the other agency, where there is one.
        log_index: where the log proves it.
    """

    at: int
    kind: str
    what: str
    officer: str = ""
    about: str = field(default="", repr=False)
    why: str = field(default="", repr=False)
    agency: str = ""
    log_index: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines. `since` and `until` are POSIX seconds, the second not included."""

    kinds: tuple[str, ...] = ()
    officer: str = ""
    since: int | None = None
    until: int | None = None

    def takes(self, line: Line) -> bool:
        """Whether a line is wanted."""
        return (
            (not self.kinds or line.kind in self.kinds)
            and (not self.officer or line.officer == self.officer)
            and (self.since is None or line.at >= self.since)
            and (self.until is None or line.at < self.until)
        )


def history(office: Office, officer: OfficerSession, case_id: bytes) -> list[Line]:
    """All lines of a case that this officer reads, newest first.

    Raises:
        NotPermitted: not on the team of this case.
    """
    with office.files.session() as db:
        lines = [
            *_case(db, officer, case_id), *_team(db, officer, case_id), *_custody(db, officer, case_id),
            *_approvals(db, officer, case_id), *_inquiries(db, officer, case_id), *_filed(db, officer, case_id),
        ]  # fmt: skip
        bundles = case_contents.bundles_of(db, officer, case_id)
        sees_persons = VAULT in cases.team(db, officer, case_id).get(officer.handle, ())
        records = []
        if sees_persons:
            lines += [*_persons(db, officer, case_id), *_names(db, officer, case_id), *_flags(db, officer, case_id)]
            records = consent.list_consents(db, officer, case_id)
    lines += _bundles(office, officer, bundles)
    for stopped in _stopped(office, [one.bundle_id for one in bundles]):
        lines += _stops(office, officer, case_id, stopped, BUNDLE)
    lines += _consents(office, officer, case_id, records)
    return sorted(lines, key=lambda one: (-one.at, one.kind, one.what, one.about))


def _case(db: Session, officer: OfficerSession, case_id: bytes) -> Iterator[Line]:
    file = case_files.read(db, officer, case_id)
    if not any(one.what == "opened" for one in file.changes):
        yield Line(file.opened_at, CASE, "opened")
    for one in file.changes:
        yield Line(one.at, CASE, one.what, one.officer, about=one.word)


def _team(db: Session, officer: OfficerSession, case_id: bytes) -> Iterator[Line]:
    query = select(CaseKey.holder, CaseKey.compartment, CaseKey.given_by, CaseKey.given_at).where(
        CaseKey.case_id == case_id, CaseKey.holder != cases.RECOVERY
    )
    given: dict[tuple[str, str, int], set[str]] = {}
    for holder, compartment, by, at in db.execute(query):
        given.setdefault((holder, by, at), set()).add(compartment)
    for (holder, by, at), compartments in given.items():
        yield Line(at, TEAM, "added-with-identities" if VAULT in compartments else "added", by, about=holder)
    for row in db.scalars(select(Exclusion).where(Exclusion.case_id == case_id)):
        yield Line(row.decided_at, TEAM, "kept-out", row.decided_by, about=row.officer)
    for body, signers in acts.read_acts(db):
        if body["act"] == "case-handed-over" and b64u(case_id) in body["facts"].get("cases", ()):
            yield Line(body["at"], TEAM, "handed-over", signers[0], about=str(body["facts"]["to"]))


def _custody(db: Session, officer: OfficerSession, case_id: bytes) -> Iterator[Line]:
    for exhibit in exhibits.list_exhibits(db, officer, case_id):
        for one in holdings.history(db, officer, case_id, exhibit.object_id):
            yield Line(
                one.at, CUSTODY, one.action, one.officer, about=exhibit.local_number, why=one.reason or "",
                agency=one.to_agency or "", log_index=one.log_index,
            )  # fmt: skip


def _filed(db: Session, officer: OfficerSession, case_id: bytes) -> Iterator[Line]:
    query = select(Filed.filed_by, Filed.filed_at, Filed.bundle_id).where(Filed.case_id == case_id).distinct()
    for by, at, bundle_id in db.execute(query):
        yield Line(at, BUNDLE, "filed", by, about=bundle_id.hex()[:8])


def _bundles(office: Office, officer: OfficerSession, found: Iterable[case_contents.BundleLine]) -> Iterator[Line]:
    for one in found:
        number, others = one.bundle_id.hex()[:8], ", ".join(one.others)
        is_out = one.direction == case_contents.OUT
        yield Line(one.at, BUNDLE, "sealed" if is_out else "received", about=number, agency=others)
        try:
            record = reading.bundle_record(office, officer, one.bundle_id)
        except AmparoError:  # not sealed to this officer: that it came or went is all that she reads
            continue
        for act in record:
            why = "; ".join(str(act.details[name]) for name in ("purpose", "legal_basis") if act.details.get(name))
            kind = OPENING if act.kind in ("open-requested", "opened", "open-failed") else BUNDLE
            what = "sent" if act.kind == "deposited" else act.kind
            other = act.agency if act.agency != office.agency else others
            yield Line(act.at, kind, what, act.officer, number, why, other, act.log_index)


def _approvals(db: Session, officer: OfficerSession, case_id: bytes) -> Iterator[Line]:
    for row in case_contents.approvals_of(db, officer, case_id):
        yield Line(row.asked_at, APPROVAL, "asked", row.asked_by, about=row.kind)
        if row.answered_at is not None and row.answered_by is not None:
            yield Line(row.answered_at, APPROVAL, _answer(row), row.answered_by, about=row.kind)


def _answer(row: Approval) -> str:
    return "refused" if row.state == "denied" else "approved"


def _inquiries(db: Session, officer: OfficerSession, case_id: bytes) -> Iterator[Line]:
    for row in case_contents.inquiries_of(db, officer, case_id):
        what = row.state if row.state != inquiries.ANSWERED else f"answer-{row.decision or 'given'}"
        yield Line(row.changed_at, INQUIRY, what, about=row.inquiry_id.hex()[:8], agency=row.other_agency)


def _persons(db: Session, officer: OfficerSession, case_id: bytes) -> Iterator[Line]:
    short = {one.person_id: one.short for one in persons.list_persons(db, officer, case_id)}
    rows = select(PersonRecord.person_id, PersonRecord.added_by, PersonRecord.added_at)
    for person_id, by, at in db.execute(rows.where(PersonRecord.case_id == case_id)):
        yield Line(at, PERSON, "added", by, about=short[person_id])


def _names(db: Session, officer: OfficerSession, case_id: bytes) -> Iterator[Line]:
    short = {one.person_id: one.short for one in persons.list_persons(db, officer, case_id)}
    for one in name_requests.list_asked(db, officer, case_id):
        yield Line(one.at, NAME, "asked", one.officer, about=short.get(one.person_id, ""), why=one.purpose)
    for at, by, person_id, reason in persons.list_reidentifications(db, officer, case_id):
        yield Line(at, NAME, "behind-pseudonym", by, about=short.get(person_id, ""), why=reason)


def _flags(db: Session, officer: OfficerSession, case_id: bytes) -> Iterator[Line]:
    short = {one.person_id: one.short for one in persons.list_persons(db, officer, case_id)}
    rows = db.execute(select(PersonFlag.flag_id, PersonFlag.lowered_at).where(PersonFlag.case_id == case_id))
    lowered = {flag_id: at for flag_id, at in rows}  # noqa: C416  # a result has keys of its own
    for one in flags.list_flags(db, officer, case_id):
        about, words = short.get(one.person_id, ""), str(one.value["flag"])
        yield Line(one.made_at, FLAG, "set", one.made_by, about, words)
        at = lowered.get(one.flag_id)
        if at is not None:
            yield Line(at, FLAG, "lifted", about=about, why=words)


def _consents(
    office: Office, officer: OfficerSession, case_id: bytes, records: Iterable[consent.Consent]
) -> Iterator[Line]:
    for one in records:
        about = one.record_id.hex()[:8]
        yield Line(one.made_at, CONSENT, "given", one.made_by, about, "; ".join(one.facts.purposes))
        yield from _stops(office, officer, case_id, one.record_id, CONSENT)


def _stopped(office: Office, bundles: list[bytes]) -> set[bytes]:
    """Those of these bundles that were stopped alone by this agency."""
    with office.files.reading() as db:
        return set(db.scalars(select(Withdrawal.record).where(Withdrawal.record.in_(bundles))))


def _stops(office: Office, officer: OfficerSession, case_id: bytes, target: bytes, kind: str) -> Iterator[Line]:
    about = target.hex()[:8]
    for step in withdrawals.history(office, officer, case_id, target):
        yield Line(step["held_at"], kind, "held", step["asked_by"], about, step["reason"] or "")
        if step["state"] != stop_targets.HELD:
            what = "lifted" if step["state"] == stop_targets.LIFTED else "withdrawn"
            yield Line(step["changed_at"], kind, what, step["asked_by"], about)
