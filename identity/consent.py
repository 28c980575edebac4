"""What a survivor agreed to: scope, purposes, recipients, term, withdrawal; and the extract for one recipient."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import VAULT, OfficerSession
from crypto import labels
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import AGENCY, IDENTIFIER_BYTES
from crypto.pseudonyms import extract_id
from errors import Conflict, ConsentMissing, FormatError, NotFound
from identity.models import ConsentRecord
from identity.persons import get_person
from storage.sealed import open_column, seal_column

ACTIVE: Final = "active"
HELD: Final = "held"
WITHDRAWN: Final = "withdrawn"
STATES: Final = (ACTIVE, HELD, WITHDRAWN)
LARGEST_BYTES: Final = 2**20
LONGEST_TEXT: Final = 500
MOST: Final = 64
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """What was agreed to.

    Attributes:
        purposes: in the words that the cover of a bundle will use.
        recipients: names of agencies; nobody else gets it.
        items: object ids of exhibits that it covers; none covers the person's data alone.
        given_on, valid_until: YYYY-MM-DD; None has no end.
        language: in which it was explained, a language code.
        how_to_withdraw: what she was told.
        covers_data: whether facts about her may go along, or the items alone.
    """

    purposes: Sequence[str]
    recipients: Sequence[str]
    given_on: str
    language: str
    how_to_withdraw: str
    items: Sequence[bytes] = ()
    valid_until: str | None = None
    covers_data: bool = True

    def check(self) -> None:
        """Raise FormatError for facts that no recipient could read."""
        texts = [*self.purposes, self.how_to_withdraw, self.language]
        if not self.purposes or not self.recipients or not all(0 < len(one.strip()) <= LONGEST_TEXT for one in texts):
            raise FormatError("a consent names purposes, recipients, the language, and how it is withdrawn")
        if max(len(self.purposes), len(self.recipients), len(self.items)) > MOST:
            raise FormatError(f"a consent has at most {MOST} purposes, recipients and items")
        if not all(AGENCY.match(one) for one in self.recipients):
            raise FormatError("a recipient is the name of an agency")
        for one in (self.given_on, self.valid_until):
            if one is not None and not _is_date(one):
                raise FormatError("a date is written YYYY-MM-DD")
        if not self.items and not self.covers_data:
            raise FormatError("a consent covers facts about the person, an item, or both")
        if self.valid_until is not None and self.valid_until < self.given_on:
            raise FormatError("the consent would end before it was given")

    def value(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "purposes": list(self.purposes), "recipients": sorted(self.recipients), "given_on": self.given_on,
            "language": self.language, "how_to_withdraw": self.how_to_withdraw,
            "items": [b64u(one) for one in self.items], "valid_until": self.valid_until,
            "covers_data": self.covers_data,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent record with its state."""

    record_id: bytes
    case_id: bytes
    person_id: bytes
    facts: ConsentFacts = field(repr=False)
    state: str
    made_by: str
    made_at: int


def _is_date(text: str) -> bool:
    if not _DATE.match(text):
        return False
    try:
        datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def record_consent(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    person_id: bytes,
    facts: ConsentFacts,
    *,
    now: int,
    random_bytes: Random = os.urandom,
) -> bytes:
    """Record a consent; its id, which is random and says nothing.

    Raises:
        NotPermitted: a case worker records consent, and only on the case team.
        FormatError, NotFound
    """
    officer.require("consent")
    facts.check()
    get_person(db, officer, case_id, person_id)
    key = case_key(db, officer, case_id, VAULT)
    record_id = random_bytes(IDENTIFIER_BYTES)
    content = dump_json({"v": 1, "person": b64u(person_id), **facts.value()})
    db.add(
        ConsentRecord(
            record_id=record_id, case_id=case_id, version=1,
            content=seal_column(key, "consent_record", "content", record_id, 1, content), state=ACTIVE,
            made_by=officer.handle, made_at=now, changed_at=now,
        )
    )  # fmt: skip
    db.flush()
    return record_id


def case_of(db: Session, record_id: bytes) -> bytes:
    """The case that a record belongs to, for an address that names the record alone.

    Raises:
        NotFound
    """
    row = db.get(ConsentRecord, record_id)
    if row is None:
        raise NotFound("there is no such consent")
    return row.case_id


def get_consent(db: Session, officer: OfficerSession, case_id: bytes, record_id: bytes) -> Consent:
    """One record.

    Raises:
        NotFound, NotPermitted
    """
    officer.require("vault-read")
    key = case_key(db, officer, case_id, VAULT)
    row = db.get(ConsentRecord, record_id)
    if row is None or row.case_id != case_id:
        raise NotFound("there is no such consent in this case")
    return _open(key, row)


def list_consents(
    db: Session, officer: OfficerSession, case_id: bytes, person_id: bytes | None = None
) -> list[Consent]:
    """Records of a case, or of one person, oldest first."""
    officer.require("vault-read")
    key = case_key(db, officer, case_id, VAULT)
    rows = db.scalars(select(ConsentRecord).where(ConsentRecord.case_id == case_id).order_by(ConsentRecord.made_at))
    found = [_open(key, row) for row in rows]
    return [one for one in found if person_id is None or one.person_id == person_id]


def mark(db: Session, officer: OfficerSession, case_id: bytes, record_id: bytes, state: str, *, now: int) -> None:
    """Note what became of a consent. One that is withdrawn stays withdrawn.

    Raises:
        Conflict: it was withdrawn before.
        NotFound
    """
    if state not in STATES:
        raise FormatError("a consent is active, held or withdrawn")
    get_consent(db, officer, case_id, record_id)
    row = db.get_one(ConsentRecord, record_id)
    if row.state == WITHDRAWN and state != WITHDRAWN:
        raise Conflict("this consent was withdrawn; a new one is recorded with the person")
    row.state, row.changed_at = state, now


def _open(key: bytes, row: ConsentRecord) -> Consent:
    raw = open_column(key, "consent_record", "content", row.record_id, row.version, row.content)
    value = parse_json(raw, max_bytes=LARGEST_BYTES)
    facts = ConsentFacts(
        tuple(value["purposes"]), tuple(value["recipients"]), value["given_on"], value["language"],
        value["how_to_withdraw"], tuple(unb64u(one, IDENTIFIER_BYTES) for one in value["items"]),
        value["valid_until"], bool(value.get("covers_data", True)),
    )  # fmt: skip
    return Consent(
        row.record_id, row.case_id, unb64u(value["person"], IDENTIFIER_BYTES), facts, row.state, row.made_by,
        row.made_at,
    )  # fmt: skip


# ---- The extract that travels -----------------------------------------------------------------------------------


def make_extract(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    record_id: bytes,
    *,
    pseudonym: str,
    agency: str,
    purposes: Sequence[str] | None = None,
    items: Sequence[bytes],
    place: int,
    now: int,
    has_data: bool = False,
) -> dict[str, Any]:
    """What one recipient reads of a consent: only that it covers this, for her; signed (docs/protocol.md 3.5).

    Args:
        purposes: for which it is sent; all of the record's when not given.
        items: object ids that are sent.
        place: header place of the handle that stands for the record.
        has_data: whether facts about her are sent too.

    Raises:
        ConsentMissing: the consent is held, withdrawn or over, or does not cover recipient, purpose or an item.
    """
    consent = get_consent(db, officer, case_id, record_id)
    require_covered(consent, agency, purposes or consent.facts.purposes, items, now, has_data=has_data)
    facts = consent.facts
    value: dict[str, Any] = {
        "v": 1,
        "record": b64u(extract_id(record_id, [agency])),
        "person": pseudonym,
        "purposes": list(purposes or facts.purposes),
        "items": [b64u(one) for one in items],
        "recipient": agency,
        "given_on": facts.given_on,
        "valid_until": facts.valid_until,
        "language": facts.language,
        "how_to_withdraw": facts.how_to_withdraw,
        "place": place,
        "signature_by": officer.handle,
    }
    return {**value, "signature": b64u(officer.sign(labels.CONSENT_EXTRACT, dump_json(value)))}


def require_covered(
    consent: Consent,
    agency: str,
    purposes: Sequence[str],
    items: Sequence[bytes],
    now: int,
    *,
    has_data: bool = False,
) -> None:
    """Raise ConsentMissing, with the reason, unless the consent covers this disclosure today."""
    facts = consent.facts
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    if consent.state != ACTIVE:
        raise ConsentMissing(f"this consent is {consent.state}; nothing rests on it any more")
    if agency not in facts.recipients:
        raise ConsentMissing(f"she did not agree that {agency} gets it")
    if not set(purposes) <= set(facts.purposes):
        raise ConsentMissing("she did not agree to this purpose")
    if not facts.given_on <= today <= (facts.valid_until or "9999-12-31"):
        raise ConsentMissing("the consent does not count today; ask her again")
    if not set(items) <= set(facts.items):
        raise ConsentMissing("she did not agree to one of these items")
    if has_data and not facts.covers_data:
        raise ConsentMissing("she agreed to items alone; leave out every field about her")


def extract_body(extract: Mapping[str, Any]) -> bytes:
    """What the signature of an extract covers."""
    return dump_json({name: value for name, value in extract.items() if name != "signature"})
