"""A share that is being put together, step by step: sealed to the officer who makes it, at every step.

Each save names the version that it started from: of two tabs on one draft the later one is refused, and both versions
are kept. One draft leads to one bundle for each agency, with that agency's own pseudonyms.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies import own_papers
from agencies.members import OfficerSession
from crypto.encoding import b64u, unb64u
from crypto.header import IDENTIFIER_BYTES
from errors import AmparoError, Conflict, ConsentMissing, DraftStale, FormatError, NotFound
from exchange import approvals, arrivals, composition, notes, policy, sharing
from exchange.composition import Composition
from exchange.cover import Parent
from exchange.delivery import day_of
from exchange.office import Office
from exchange.purposes import PURPOSES, above_minimum, get_purpose, union_of
from exchange.sharing import DEFAULT_MONTHS, Choice
from identity import consent, htcds, persons

KIND: Final = "share"
SHARE: Final = "share"
CORRECTION: Final = "correction"
REASON: Final = "reason"  # member of a sent bundle's note: why more was sent than the purpose needs
STEPS: Final = ("case", "recipients", "content", "handling", "check", "send")


@dataclass(frozen=True, slots=True)
class Recipient:
    """An agency that gets it, who may open it there, and what the case is called for it."""

    agency: str
    officers: tuple[str, ...]
    reference: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The bundle for one agency as it was put to a colleague: where it is kept, and the question."""

    agency: str
    made: bytes
    approval: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """What was answered so far.

    Attributes:
        draft_id: None until it is saved.
        version: of the last save; 0 before.
        kind: `share`, or `correction` of an earlier bundle, which is then `of`.
        fields: HTCDS names that are sent of each chosen person, by person id.
        reason: why more is sent than the purpose needs.
        threshold: how many officers open it together; 0 while that was not answered.
        done: steps that were answered.
        asked: what waits for a colleague's approval.
        sealed: bundles by agency that were sealed already, so that nothing is sealed twice.
        is_sending: sealing and sending have begun.
    """

    case_id: bytes
    draft_id: bytes | None = None
    version: int = 0
    changed_at: int = 0
    kind: str = SHARE
    of: bytes | None = None
    purpose: str = ""
    basis: str = ""
    detail: str = ""
    recipients: tuple[Recipient, ...] = ()
    own_officers: tuple[str, ...] = ()
    fields: Mapping[bytes, tuple[str, ...]] = field(default_factory=dict, repr=False)
    exhibits: tuple[bytes, ...] = ()
    text: str = field(default="", repr=False)
    reason: str = field(default="", repr=False)
    handling: tuple[str, ...] = ()
    keep_until: str | None = None
    months: int = DEFAULT_MONTHS
    threshold: int = 0
    done: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()
    sealed: Mapping[str, bytes] = field(default_factory=dict)
    is_sending: bool = False

    @property
    def legal_basis(self) -> str:
        """As it stands in the cover."""
        return ", ".join(one for one in (self.basis, self.detail) if one)

    @property
    def agencies(self) -> tuple[str, ...]:
        """Who gets it."""
        return tuple(one.agency for one in self.recipients)

    def next_step(self) -> str:
        """The first step that is not answered yet."""
        if self.asked or self.is_sending:
            return "send"
        return next((one for one in STEPS if one not in self.done), "send")

    def with_step(self, step: str, **answers: Any) -> "Draft":
        """The draft with the answers of a step. Whatever was asked of a colleague before is void."""
        done = tuple(one for one in STEPS if one in {*self.done, step} and one not in ("check", "send"))
        return replace(self, done=done, **answers)

    def value(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "v": 1, "version": self.version, "case": b64u(self.case_id), "kind": self.kind,
            "of": None if self.of is None else b64u(self.of), "purpose": self.purpose, "basis": self.basis,
            "detail": self.detail,
            "recipients": [
                {"agency": one.agency, "officers": list(one.officers), "reference": one.reference}
                for one in self.recipients
            ],
            "own_officers": list(self.own_officers),
            "fields": [{"person": b64u(person), "names": list(names)} for person, names in self.fields.items()],
            "exhibits": [b64u(one) for one in self.exhibits], "text": self.text, "reason": self.reason,
            "handling": list(self.handling), "keep_until": self.keep_until, "months": self.months,
            "threshold": self.threshold, "done": list(self.done),
            "asked": [
                {"agency": one.agency, "made": b64u(one.made), "approval": b64u(one.approval)} for one in self.asked
            ],
            "sealed": [{"agency": agency, "bundle": b64u(bundle)} for agency, bundle in self.sealed.items()],
            "is_sending": self.is_sending,
        }  # fmt: skip


def _parse(paper_id: bytes, changed_at: int, value: Mapping[str, Any]) -> Draft:
    def ids(names: Iterable[str]) -> tuple[bytes, ...]:
        return tuple(unb64u(one, IDENTIFIER_BYTES) for one in names)

    return Draft(
        unb64u(value["case"], IDENTIFIER_BYTES), paper_id, value["version"], changed_at, value["kind"],
        None if value["of"] is None else unb64u(value["of"], IDENTIFIER_BYTES), value["purpose"], value["basis"],
        value["detail"],
        tuple(Recipient(one["agency"], tuple(one["officers"]), one["reference"]) for one in value["recipients"]),
        tuple(value["own_officers"]),
        {unb64u(one["person"], IDENTIFIER_BYTES): tuple(one["names"]) for one in value["fields"]},
        ids(value["exhibits"]), value["text"], value["reason"], tuple(value["handling"]), value["keep_until"],
        value["months"], value["threshold"], tuple(value["done"]),
        tuple(Asked(one["agency"], *ids([one["made"], one["approval"]])) for one in value["asked"]),
        {one["agency"]: unb64u(one["bundle"], IDENTIFIER_BYTES) for one in value["sealed"]}, value["is_sending"],
    )  # fmt: skip


# ---- Kept ---------------------------------------------------------------------------------------------------------


def load(db: Session, officer: OfficerSession, draft_id: bytes) -> Draft:
    """A draft of this officer.

    Raises:
        NotFound: there is none of this id, or it is somebody else's.
    """
    value = own_papers.read(db, officer, draft_id, KIND)
    row = next(one for one in own_papers.list_papers(db, officer, KIND) if one.paper_id == draft_id)
    return _parse(draft_id, row.changed_at, value)


def list_all(db: Session, officer: OfficerSession) -> list[Draft]:
    """Drafts of this officer that open, newest first."""
    found = []
    for row in own_papers.list_papers(db, officer, KIND):
        try:
            found.append(_parse(row.paper_id, row.changed_at, own_papers.read(db, officer, row.paper_id, KIND)))
        except (AmparoError, KeyError, TypeError, ValueError):  # sealed to keys that were renewed since, or of before
            continue
    return found


def save(db: Session, officer: OfficerSession, draft: Draft, *, now: int) -> Draft:
    """Keep a draft in place of the version that it started from.

    Raises:
        DraftStale: it was changed since, by the same officer elsewhere.
        LimitExceeded: it is too large.
    """
    if draft.draft_id is not None and load(db, officer, draft.draft_id).version != draft.version:
        raise DraftStale
    kept = replace(draft, version=draft.version + 1, changed_at=now)
    paper_id = own_papers.keep(db, officer.handle, KIND, kept.value(), now=now, paper_id=draft.draft_id)
    return replace(kept, draft_id=paper_id)


def save_apart(db: Session, officer: OfficerSession, draft: Draft, *, now: int) -> Draft:
    """Keep the answers of a save that came too late as a draft of their own."""
    return save(db, officer, replace(draft, draft_id=None, asked=(), sealed={}, is_sending=False), now=now)


def change(db: Session, officer: OfficerSession, draft: Draft, *, now: int) -> Draft:
    """`save` of answers that make void what was asked of a colleague; the questions are taken back.

    Raises:
        DraftStale: see `save`.
        Conflict: a bundle of it is sealed already; it goes on as it is.
    """
    if draft.sealed:
        raise Conflict("a part of this share is sealed already; send it, then correct it")
    recall(db, officer, draft)
    return save(db, officer, replace(draft, asked=(), is_sending=False), now=now)


def drop(db: Session, officer: OfficerSession, draft_id: bytes) -> None:
    """Throw a draft away, with what was asked for it.

    Raises:
        Conflict: it is being sealed and sent.
    """
    draft = load(db, officer, draft_id)
    if draft.is_sending and draft.sealed:
        raise Conflict("a part of this share is sealed already; send it, then correct it")
    recall(db, officer, draft)
    own_papers.drop(db, officer, draft_id)


def recall(db: Session, officer: OfficerSession, draft: Draft) -> None:
    """Take back what waits for a colleague."""
    for one in draft.asked:
        row = approvals.get_question(db, officer, one.approval)
        if row.state != approvals.USED:
            approvals.recall(db, officer, one.approval)
        composition.delete_draft(db, officer, one.made)


def new_reference() -> str:
    """What a case may be called for one recipient: random, so that two recipients have nothing in common."""
    signs = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "R-" + "".join(secrets.choice(signs) for _ in range(6))


# ---- Of a bundle that was sent ------------------------------------------------------------------------------------


LONGER: Final = "longer"
ADD: Final = "add"
CORRECT: Final = "correct"
# What begins from a bundle that was sent: the step that is asked anew; the other answers stand as they were.
ANEW: Final = {CORRECT: "content", ADD: "recipients", LONGER: "handling"}


def again(db: Session, officer: OfficerSession, bundle_id: bytes, what: str) -> Draft:
    """A new draft with the answers of a bundle that was sent; not saved yet.

    Args:
        what: to correct it, to share it with another agency, or for longer: a key of `ANEW`.

    Raises:
        NotFound: what was composed is not kept here.
        NotPermitted: not on the case team.
    """
    if what not in ANEW:
        raise FormatError("a bundle is corrected, shared with another agency, or sealed for longer")
    row = arrivals.get_stored(db, bundle_id)
    if row.direction != "out" or row.case_id is None:
        raise NotFound("this bundle was not sent from here")
    note = notes.note_of(db, officer, row.case_id, bundle_id)
    if note.get(notes.COMPOSITION) is None:
        raise NotFound("what was composed for this bundle is not at this desk")
    made = composition.parse_composition(unb64u(note[notes.COMPOSITION]))
    recipients = [Recipient(one.agency, one.officers, str(made.form.get("case", ""))) for one in made.recipients]
    purpose = made.purposes[0] if made.purposes else ""
    done = tuple(one for one in STEPS[:4] if one != ANEW[what]) if purpose in PURPOSES else ()
    return Draft(
        row.case_id, kind=CORRECTION if what == CORRECT else SHARE, of=bundle_id if what == CORRECT else None,
        purpose=purpose, basis=made.legal_basis, recipients=() if what == ADD else tuple(recipients),
        own_officers=made.own_officers, fields=_fields_of(db, officer, row.case_id, made),
        exhibits=tuple(unb64u(one["object"]) for one in made.form.get("exhibits", [])),
        text=str(made.form.get("text", "")), reason=str(note.get(REASON, "")), handling=made.handling,
        keep_until=made.keep_until, threshold=made.threshold, done=done,
    )  # fmt: skip


def _fields_of(db: Session, officer: OfficerSession, case_id: bytes, made: Composition) -> dict[bytes, tuple[str, ...]]:
    """Who was named under which pseudonym, out of the vault; no look behind a pseudonym, it was given here."""
    named = {one["pseudonym"]: tuple(one["fields"]) for one in made.form.get("persons", [])}
    if not named:
        return {}
    found = {}
    for one in persons.list_persons(db, officer, case_id):
        given = persons.find_pseudonym(db, officer, case_id, one.person_id, made.agencies[0])
        if given in named:
            found[one.person_id] = named[given]
    return found


# ---- What becomes of it -------------------------------------------------------------------------------------------


def compose(db: Session, office: Office, officer: OfficerSession, draft: Draft, *, now: int) -> list[Composition]:
    """The bundles of a draft, one for each agency; every rule is looked at that is looked at again when it is sealed.

    Raises:
        ConsentMissing, NotPermitted, FlagForbids, Conflict, FormatError, RootNotCompared, KeyChanged: which rule, and
            what to do.
    """
    directory, found = office.directory(db), []
    for one in draft.recipients:
        office.require_known(db, one.agency)
        made = sharing.compose(db, office, officer, choice_of(db, officer, draft, one, now=now), now=now,
                               kind=draft.kind)  # fmt: skip
        policy.require_officers(directory, made, office.agency)
        policy.require_consent(made, directory.agency(office.agency).type, day_of(now))
        policy.require_live_consents(db, officer, made, now)
        found.append(made)
    return found


def choice_of(db: Session, officer: OfficerSession, draft: Draft, to: Recipient, *, now: int) -> Choice:
    """What one agency gets."""
    get_purpose(draft.purpose)
    parents = () if draft.of is None else (Parent(draft.of, arrivals.get_stored(db, draft.of).header_digest),)
    return Choice(
        draft.case_id, to.agency, to.officers, (draft.purpose,), draft.legal_basis, to.reference, draft.text,
        tuple(draft.fields), None, dict(draft.fields), draft.exhibits,
        tuple(consents_for(db, officer, draft, to.agency, now=now)), own_officers(officer, draft), draft.handling,
        draft.keep_until, None, max(1, draft.threshold), parents, draft.months,
    )  # fmt: skip


def own_officers(officer: OfficerSession, draft: Draft) -> tuple[str, ...]:
    """Who opens it here: the sender always, first."""
    return (officer.handle, *(one for one in draft.own_officers if one != officer.handle))


def consents_for(db: Session, officer: OfficerSession, draft: Draft, agency: str, *, now: int) -> list[bytes]:
    """The consents that a bundle for this agency rests on: one for each chosen person who gave one that covers it."""
    found = [consent_for(db, officer, draft, person, agency, now=now) for person in draft.fields]
    return [one for one in found if one is not None]


def consent_for(
    db: Session, officer: OfficerSession, draft: Draft, person: bytes, agency: str, *, now: int
) -> bytes | None:
    """The newest consent of a person that covers agency, purpose and the chosen exhibits."""
    for one in reversed(consent.list_consents(db, officer, draft.case_id, person)):
        try:
            consent.require_covered(one, agency, (draft.purpose,), draft.exhibits, now)
        except ConsentMissing:
            continue
        return one.record_id
    return None


def inherited_codes(values: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Codes that the chosen exhibits bring along; they cannot be taken away."""
    return union_of(code for codes in values for code in codes)


def smallest_fields(purpose: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """Fields of a person that are proposed for a purpose."""
    have = htcds.shareable(values)
    return tuple(sorted(set(have) & get_purpose(purpose).fields))


def needs_reason(draft: Draft) -> list[str]:
    """Fields of anybody that go further than the purpose needs."""
    return above_minimum(draft.purpose, {name for names in draft.fields.values() for name in names})


def ask(
    office: Office, officer: OfficerSession, draft: Draft, put: Callable[[Composition], bytes], *, now: int
) -> Draft:
    """Put each bundle of a draft to a colleague, and keep it exactly as it was put.

    Args:
        put: asks, and gives the approval's id (`delivery.ask_approval`).
    """
    with office.files.session() as db:
        if draft.draft_id is None or load(db, officer, draft.draft_id).version != draft.version:
            raise DraftStale
        recall(db, officer, draft)
        compositions = compose(db, office, officer, draft, now=now)
    asked = []
    for made in compositions:
        with office.files.session() as db:
            kept = composition.save_draft(db, officer, made, now=now)
        asked.append(Asked(made.agencies[0], kept, put(made)))
    with office.files.session() as db:
        return save(db, officer, replace(draft, asked=tuple(asked), done=STEPS[:-1]), now=now)
