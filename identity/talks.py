"""What a person answered when she was asked for consent: yes, no, not now; kept whole, at this agency alone.

Each yes becomes a consent record for one recipient and one purpose, so that each can be taken back by itself. What
she refused, and what she left open, stands in the talk and in no bundle.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.cases import case_key
from agencies.members import VAULT, OfficerSession
from crypto.encoding import b64u, dump_json, parse_json, unb64u
from crypto.header import AGENCY, IDENTIFIER_BYTES
from errors import FormatError, NotFound
from identity.consent import LARGEST_BYTES, LONGEST_TEXT, ConsentFacts, record_consent
from identity.models import ConsentTalk
from identity.persons import get_person
from storage.sealed import open_column, seal_column

YES, NO, LATER = "yes", "no", "later"
ANSWERS: Final = (YES, NO, LATER)
SUPPORT, ITEM, HELP, CONTACT = "support", "item", "help", "contact"
KINDS: Final = (SUPPORT, ITEM, HELP, CONTACT)
INTERPRETERS: Final = ("none", "here", "remote")
FORMS: Final = ("spoken", "written", "sign")
CAPACITIES: Final = ("alone", "supported", "guardian")
MOST_ANSWERS: Final = 200

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        kind: support here; an item for a recipient and a purpose; help with the investigation; being contacted.
        answer: yes, no, or later.
        item: object id of an exhibit; None of kind `item`: the facts about her.
        way: of kind `contact`: which way is safe, in the case worker's words.
    """

    kind: str
    answer: str
    recipient: str | None = None
    purpose: str | None = None
    item: bytes | None = None
    way: str | None = field(default=None, repr=False)

    def check(self) -> None:
        """Raise FormatError for an answer to no known question."""
        if self.kind not in KINDS or self.answer not in ANSWERS:
            raise FormatError("an answer is yes, no or not now, to a question that is known")
        is_whole = bool(self.recipient) and AGENCY.match(str(self.recipient)) is not None and bool(self.purpose)
        if self.kind == ITEM and not is_whole:
            raise FormatError("an answer about an item names recipient and purpose")
        if self.kind != ITEM and (self.recipient or self.purpose or self.item):
            raise FormatError("only an answer about an item names what it is about")
        if len(self.way or "") > LONGEST_TEXT or len(self.purpose or "") > LONGEST_TEXT:
            raise FormatError(f"a text has at most {LONGEST_TEXT} signs")

    def value(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "kind": self.kind, "answer": self.answer, "recipient": self.recipient, "purpose": self.purpose,
            "item": None if self.item is None else b64u(self.item), "way": self.way,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """How she was asked.

    Attributes:
        language: in which it was explained, a language code.
        shown_in: language of the texts on the pages or on the sheet.
        texts: digest of their version, in hex.
        interpreter, form, capacity: out of the lists above.
        note: what the case worker adds.
        said: how agencies and items were called for her, by agency and by object id in hex.
    """

    language: str
    shown_in: str
    texts: str
    interpreter: str
    form: str
    capacity: str
    note: str = field(default="", repr=False)
    said: Mapping[str, str] = field(default_factory=dict, repr=False)

    def check(self) -> None:
        """Raise FormatError for what is not in the lists."""
        known = self.interpreter in INTERPRETERS and self.form in FORMS and self.capacity in CAPACITIES
        if not known or not self.language or max(len(self.language), len(self.shown_in), len(self.note)) > LONGEST_TEXT:
            raise FormatError("say in which language she was asked, with which interpreter, how, and who decided")

    def value(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "language": self.language, "shown_in": self.shown_in, "texts": self.texts,
            "interpreter": self.interpreter, "form": self.form, "capacity": self.capacity, "note": self.note,
            "said": [[name, words] for name, words in self.said.items()],
        }  # fmt: skip


def parse_setting(value: Mapping[str, Any]) -> Setting:
    """The reverse of `Setting.value`."""
    return Setting(**{**value, "said": dict(value["said"])})


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as the case team reads it."""

    talk_id: bytes
    case_id: bytes
    person_id: bytes
    setting: Setting
    answers: tuple[Answer, ...] = field(repr=False)
    records: tuple[bytes, ...]
    made_by: str
    made_at: int


def record_talk(
    db: Session,
    officer: OfficerSession,
    case_id: bytes,
    person_id: bytes,
    setting: Setting,
    answers: Sequence[Answer],
    *,
    given_on: str,
    valid_until: str | None,
    how_to_withdraw: str,
    now: int,
    random_bytes: Random = os.urandom,
) -> Talk:
    """Keep all answers, and make a consent record of what she agreed to.

    Args:
        given_on, valid_until: YYYY-MM-DD, of the consents.
        how_to_withdraw: what she was told.

    Raises:
        NotPermitted: a case worker of the case team does this.
        FormatError, NotFound
    """
    officer.require("consent")
    setting.check()
    if not 0 < len(answers) <= MOST_ANSWERS:
        raise FormatError(f"a talk has at least one answer, and at most {MOST_ANSWERS}")
    for one in answers:
        one.check()
    get_person(db, officer, case_id, person_id)
    language, how = setting.language, how_to_withdraw
    given = [
        ConsentFacts((purpose,), (recipient,), given_on, language, how, items, valid_until, has_data)
        for (recipient, purpose), (items, has_data) in _given(answers).items()
    ]
    records = tuple(
        record_consent(db, officer, case_id, person_id, facts, now=now, random_bytes=random_bytes) for facts in given
    )
    talk_id = random_bytes(IDENTIFIER_BYTES)
    content = {
        "v": 1, "person": b64u(person_id), "setting": setting.value(), "answers": [one.value() for one in answers],
        "records": [b64u(one) for one in records],
    }  # fmt: skip
    key = case_key(db, officer, case_id, VAULT)
    sealed = seal_column(key, "consent_talk", "content", talk_id, 1, dump_json(content))
    db.add(ConsentTalk(talk_id=talk_id, case_id=case_id, content=sealed, made_by=officer.handle, made_at=now))
    db.flush()
    return Talk(talk_id, case_id, person_id, setting, tuple(answers), records, officer.handle, now)


def _given(answers: Iterable[Answer]) -> dict[tuple[str, str], tuple[tuple[bytes, ...], bool]]:
    """By recipient and purpose: the items that she agreed to, and whether facts about her may go along."""
    found: dict[tuple[str, str], tuple[tuple[bytes, ...], bool]] = {}
    for one in answers:
        if one.kind != ITEM or one.answer != YES or one.recipient is None or one.purpose is None:
            continue
        items, has_data = found.get((one.recipient, one.purpose), ((), False))
        found[one.recipient, one.purpose] = (
            (items, True) if one.item is None else ((*items, one.item), has_data)
        )  # fmt: skip
    return found


def get_talk(db: Session, officer: OfficerSession, talk_id: bytes) -> Talk:
    """One talk.

    Raises:
        NotFound, NotPermitted
    """
    officer.require("vault-read")
    row = db.get(ConsentTalk, talk_id)
    if row is None:
        raise NotFound("there is no such conversation")
    return _open(case_key(db, officer, row.case_id, VAULT), row)


def list_talks(db: Session, officer: OfficerSession, case_id: bytes, person_id: bytes | None = None) -> list[Talk]:
    """Talks of a case, or with one person, oldest first."""
    officer.require("vault-read")
    key = case_key(db, officer, case_id, VAULT)
    query = select(ConsentTalk).where(ConsentTalk.case_id == case_id).order_by(ConsentTalk.made_at)
    found = [_open(key, row) for row in db.scalars(query)]
    return [one for one in found if person_id is None or one.person_id == person_id]


def newest_answers(talks: Iterable[Talk]) -> list[tuple[Answer, Talk]]:
    """The last answer to each question that was ever asked, in the order in which they were first asked."""
    found: dict[tuple[Any, ...], tuple[Answer, Talk]] = {}
    for talk in talks:
        for one in talk.answers:
            found[one.kind, one.recipient, one.purpose, one.item] = (one, talk)
    return list(found.values())


def _open(key: bytes, row: ConsentTalk) -> Talk:
    raw = open_column(key, "consent_talk", "content", row.talk_id, 1, row.content)
    value = parse_json(raw, max_bytes=LARGEST_BYTES)
    answers = tuple(
        Answer(
            one["kind"], one["answer"], one["recipient"], one["purpose"],
            None if one["item"] is None else unb64u(one["item"], IDENTIFIER_BYTES), one["way"],
        )
        for one in value["answers"]
    )  # fmt: skip
    records = tuple(unb64u(one, IDENTIFIER_BYTES) for one in value["records"])
    person = unb64u(value["person"], IDENTIFIER_BYTES)
    return Talk(
        row.talk_id, row.case_id, person, parse_setting(value["setting"]), answers, records, row.made_by, row.made_at
    )  # fmt: skip
