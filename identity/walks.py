"""A walk through the questions with a survivor: what is asked, in which words, and what she has answered so far.

It is kept sealed for the case worker who sits with her, and goes once its answers are recorded (identity/talks.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies import own_papers
from agencies.members import OfficerSession
from crypto.encoding import b64u, unb64u
from crypto.header import IDENTIFIER_BYTES
from errors import FormatError, NotFound
from identity.consent import LONGEST_TEXT
from identity.persons import get_person
from identity.talks import ANSWERS, CONTACT, HELP, ITEM, SUPPORT, Answer, Setting, parse_setting

KIND: Final = "walk"
DATA: Final = "data"  # stands for the facts about her among the items
MOST_QUESTIONS: Final = 40


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `item` is an object id in hex, or `data`."""

    kind: str
    recipient: str | None = None
    purpose: str | None = None
    item: str | None = None

    def value(self) -> dict[str, Any]:
        """As JSON."""
        return {"kind": self.kind, "recipient": self.recipient, "purpose": self.purpose, "item": self.item}


@dataclass(frozen=True, slots=True)
class Walk:
    """The state of a walk.

    Attributes:
        recipients, purposes, items: what is asked for; of items the case worker's own words.
        until: last day of a consent, YYYY-MM-DD; None: no end.
        answers: by number of the question, from 1.
    """

    case_id: bytes
    person_id: bytes
    setting: Setting
    recipients: tuple[str, ...]
    purposes: tuple[str, ...]
    items: Mapping[str, str] = field(repr=False)
    until: str | None
    answers: Mapping[int, tuple[str, str]] = field(default_factory=dict, repr=False)

    @property
    def questions(self) -> tuple[Question, ...]:
        """Support; each item for each recipient and purpose; help with the investigation; the safe way to reach her."""
        items = [
            Question(ITEM, recipient, purpose, item)
            for recipient in self.recipients
            for purpose in self.purposes
            for item in self.items
        ]
        return (Question(SUPPORT), *items, Question(HELP), Question(CONTACT))

    def check(self) -> None:
        """Raise FormatError for a walk that nobody could be led through."""
        self.setting.check()
        if len(self.questions) > MOST_QUESTIONS:
            raise FormatError("this would be too many questions for one talk; ask for less, and again another day")
        if bool(self.items) != bool(self.recipients) or bool(self.items) != bool(self.purposes):
            raise FormatError("choose who would get something, for what, and what; or nothing of the three")
        if any(len(text) > LONGEST_TEXT for text in self.setting.said.values()):
            raise FormatError(f"a text has at most {LONGEST_TEXT} signs")

    def word_for(self, name: str) -> str:
        """How an agency or an item is called for her."""
        return self.setting.said.get(name) or self.items.get(name) or name

    def with_words(self, said: Mapping[str, str]) -> "Walk":
        """With words for her; what is missing is said as it stands in the case."""
        return replace(self, setting=replace(self.setting, said=dict(said)))

    def with_answer(self, number: int, answer: str, way: str = "") -> "Walk":
        """With the answer to one question, in place of an earlier one.

        Raises:
            FormatError: not an answer.
            NotFound: there is no such question.
        """
        self.question(number)
        if answer not in ANSWERS or len(way) > LONGEST_TEXT:
            raise FormatError("an answer is yes, no, or not now")
        return replace(self, answers={**self.answers, number: (answer, way)})

    def question(self, number: int) -> Question:
        """One question, from 1.

        Raises:
            NotFound
        """
        if not 1 <= number <= len(self.questions):
            raise NotFound("there is no such question")
        return self.questions[number - 1]

    def result(self) -> list[Answer]:
        """What she answered, for the record; a question without an answer is left out."""
        found = []
        for number, (answer, way) in sorted(self.answers.items()):
            one = self.question(number)
            item = None if one.item in (None, DATA) else bytes.fromhex(str(one.item))
            found.append(Answer(one.kind, answer, one.recipient, one.purpose, item, way or None))
        return found

    def value(self) -> dict[str, Any]:
        """As JSON; words of any sort stand in lists, since canonical JSON has no such keys."""
        return {
            "v": 1, "case": b64u(self.case_id), "person": b64u(self.person_id), "setting": self.setting.value(),
            "recipients": list(self.recipients), "purposes": list(self.purposes),
            "items": [[name, words] for name, words in self.items.items()], "until": self.until,
            "answers": [[number, answer, way] for number, (answer, way) in self.answers.items()],
        }  # fmt: skip


def begin(db: Session, officer: OfficerSession, walk: Walk, *, now: int) -> bytes:
    """Put a new walk away, sealed to the case worker; its id.

    Raises:
        NotPermitted, NotFound, FormatError
    """
    officer.require("consent")
    get_person(db, officer, walk.case_id, walk.person_id)
    walk.check()
    return own_papers.keep(db, officer.handle, KIND, walk.value(), now=now)


def save(db: Session, officer: OfficerSession, walk_id: bytes, walk: Walk, *, now: int) -> None:
    """Put it away again."""
    walk.check()
    own_papers.keep(db, officer.handle, KIND, walk.value(), now=now, paper_id=walk_id)


def load(db: Session, officer: OfficerSession, walk_id: bytes) -> Walk:
    """A walk of this case worker, who has to be on the team of its case still.

    Raises:
        NotFound, NotPermitted
    """
    officer.require("consent")
    value = own_papers.read(db, officer, walk_id, KIND)
    walk = Walk(
        unb64u(value["case"], IDENTIFIER_BYTES), unb64u(value["person"], IDENTIFIER_BYTES),
        parse_setting(value["setting"]), tuple(value["recipients"]), tuple(value["purposes"]), dict(value["items"]),
        value["until"], {number: (answer, way) for number, answer, way in value["answers"]},
    )  # fmt: skip
    get_person(db, officer, walk.case_id, walk.person_id)
    return walk


def list_walks(db: Session, officer: OfficerSession) -> Sequence[tuple[bytes, int]]:
    """Walks that were begun and not recorded: id and time of the last change, newest first."""
    return [(row.paper_id, row.changed_at) for row in own_papers.list_papers(db, officer, KIND)]


def end(db: Session, officer: OfficerSession, walk_id: bytes) -> None:
    """Throw a walk away."""
    own_papers.drop(db, officer, walk_id)
    db.flush()
