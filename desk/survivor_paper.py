"""What a survivor's paper and her page of uses say, out of her consents, in her language and in no other words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

from agencies.members import OfficerSession
from desk.survivor import Texts
from exchange import consent_register, stopping, usage
from exchange.consent_register import Line
from exchange.office import Office
from identity import consent as consents
from identity import talks
from identity.talks import ITEM, LATER, NO, YES, Answer

STOPPED: Final = (consents.HELD, consents.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Puts things into her words.

    Attributes:
        said: what agencies and items were called for her.
        names_offices: whether agencies are named at all.
    """

    t: Texts
    said: Mapping[str, str] = field(repr=False)
    names_offices: bool = True

    def who(self, agency: str) -> str:
        """An agency."""
        return self.said.get(agency, agency) if self.names_offices else self.t.lines["another"]

    def day(self, at: int) -> str:
        """The day of a time."""
        return self.t.day(datetime.fromtimestamp(at, UTC).date())

    def item(self, item: bytes | None, words: str) -> str:
        """A thing, or the facts about her."""
        return self.t.lines["data_what"] if item is None else self.said.get(item.hex(), words)

    def line(self, recipient: str, purpose: str, things: Sequence[str]) -> Markup:
        """Who sees what, and what for."""
        return self.t(
            "check_item", who=self.who(recipient), what=self.t.lines["comma"].join(things), why=self.t.why(purpose)
        )

    def answer(self, one: Answer, words: str | None) -> Markup:
        """One answer of a talk."""
        if one.kind != ITEM:
            return self.t(f"check_{one.kind}")
        return self.line(str(one.recipient), str(one.purpose), [self.item(one.item, words or "")])


@dataclass(frozen=True, slots=True)
class Paper:
    """Lines of the paper, in her words."""

    given: tuple[Markup, ...] = field(repr=False)
    refused: tuple[Markup, ...] = field(repr=False)
    later: tuple[Markup, ...] = field(repr=False)
    stopped: tuple[Markup, ...] = field(repr=False)
    holders: tuple[Markup, ...] = field(repr=False)


def paper_of(
    office: Office, officer: OfficerSession, case_id: bytes, person_id: bytes, speaker: Speaker, *, now: int
) -> Paper:
    """What she agreed to and what not, who has something, as it stands today."""
    lines = consent_register.lines_of(office, officer, case_id, person_id, now=now)
    with office.files.session() as db:
        person = consent_register.get_person(db, officer, case_id, person_id)
        words = consent_register.item_words(db, officer, case_id)
        unsaid = consent_register.unsaid_of(db, officer, person, words)
        found = talks.newest_answers(talks.list_talks(db, officer, case_id, person_id))
    general = [speaker.answer(one, None) for one, _ in found if one.kind != ITEM and one.answer == YES]
    given = [part for one in lines if one.state == consent_register.GIVEN for part in _parts(speaker, one)]
    stopped = [part for one in lines if one.state in STOPPED for part in _parts(speaker, one)]
    return Paper(
        tuple(dict.fromkeys([*general, *given])),
        tuple(speaker.answer(one.answer, one.item) for one in unsaid if one.answer.answer == NO),
        tuple(speaker.answer(one.answer, one.item) for one in unsaid if one.answer.answer == LATER),
        tuple(dict.fromkeys(stopped)),
        _holders(office, officer, speaker, lines, now),
    )


def _parts(speaker: Speaker, line: Line) -> list[Markup]:
    facts = line.consent.facts
    pairs = zip(facts.items, line.items, strict=True)
    things = [*([speaker.item(None, "")] if facts.covers_data else []), *(speaker.item(i, w[1]) for i, w in pairs)]
    end = "" if facts.valid_until is None else f" ({speaker.t.lines['paper_until']} {speaker.t.day(facts.valid_until)})"
    return [
        speaker.line(recipient, purpose, things) + end for recipient in facts.recipients for purpose in facts.purposes
    ]


def _holders(
    office: Office, officer: OfficerSession, speaker: Speaker, lines: Sequence[Line], now: int
) -> tuple[Markup, ...]:
    """Who has something. One that says that it deleted all has nothing any more."""
    agencies: set[str] = set()
    for line in lines:
        record = line.consent
        if record.state == consents.WITHDRAWN:
            stand = stopping.stand_of(office, officer, record.case_id, record.record_id, now=now)
            agencies |= {one.agency for one in stand.holders if one.state != "deleted" or one.is_disclosed}
        else:
            agencies |= set(stopping.holders_of(office, officer, record.case_id, record.record_id))
    if not agencies:
        return (speaker.t("paper_holders_none"),)
    if not speaker.names_offices:
        return (speaker.t("paper_holders_count", n=len(agencies)),)
    return tuple(Markup("<bdi>{}</bdi>").format(speaker.who(one)) for one in sorted(agencies))


@dataclass(frozen=True, slots=True)
class Seen:
    """Lines of the page "who has seen it, and why"."""

    openings: tuple[tuple[Markup, Markup, Markup], ...] = field(repr=False)
    after: tuple[Markup, ...] = field(repr=False)
    notes: tuple[Markup, ...] = field(repr=False)


def seen_of(
    office: Office, officer: OfficerSession, case_id: bytes, person_id: bytes, speaker: Speaker, *, now: int
) -> Seen:
    """Openings with the stated purpose, answers of holders after a withdrawal, and what cannot be known."""
    t = speaker.t
    lines = consent_register.lines_of(office, officer, case_id, person_id, now=now)
    found = usage.usage_of(office, officer, case_id, [one.consent.record_id for one in lines])
    openings = tuple(
        (
            t("seen_line", who=speaker.who(one.agency), date=speaker.day(one.at)),
            t("seen_why", why=t.why(one.purpose)) if one.purpose else Markup(""),
            t("seen_law", law=one.legal_basis) if one.legal_basis else Markup(""),
        )
        for one in found.openings
    )
    after = [
        line
        for one in lines
        if one.consent.state == consents.WITHDRAWN
        for line in _after(office, officer, speaker, one, now)
    ]
    notes = [] if found.sent else [t("seen_nothing_sent")]
    if found.sent and not found.openings and not found.unread:
        notes.append(t("seen_none"))
    if found.unread:
        notes.append(t("seen_unread"))
    return Seen(openings, tuple(dict.fromkeys(after)), tuple(notes))


def _after(office: Office, officer: OfficerSession, speaker: Speaker, line: Line, now: int) -> list[Markup]:
    t, found = speaker.t, []
    stand = stopping.stand_of(office, officer, line.consent.case_id, line.consent.record_id, now=now)
    for one in stand.holders:
        who = speaker.who(one.agency)
        if one.is_disclosed:
            found.append(t("seen_court", who=who))
        if one.state == "kept":
            found.append(t("seen_kept", who=who, ground=one.ground or "-"))
        elif one.state == "deleted":
            found.append(t("seen_deleted", who=who))
        else:
            found.append(t("seen_awaited", who=who))
    return found
