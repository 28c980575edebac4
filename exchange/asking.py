"""What follows from a survivor's answers: consents are recorded, and what she now refuses is held at once."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from agencies.members import OfficerSession
from errors import Conflict, Unavailable
from exchange import withdrawals
from exchange.office import Office
from identity import consent, talks
from identity.talks import ITEM, NO, Answer, Setting, Talk

REASON = "she said no when she was asked again"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A talk, and the earlier consents that were held because of it."""

    talk: Talk
    held: tuple[bytes, ...]


def record_answers(
    office: Office,
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
) -> Recorded:
    """Keep a talk. An earlier consent that covers something she refuses now is held: asking again is no trap.

    Raises:
        NotPermitted, FormatError, NotFound
    """
    officer.require("consent")
    with office.files.session() as db:
        before = consent.list_consents(db, officer, case_id, person_id)
    stopped = [one.record_id for one in before if one.state == consent.ACTIVE and _is_refused(one, answers)]
    # First the holds: if one fails, nothing is recorded that would look as if she had been heard.
    for record in stopped:
        # A hold that does not reach the broker now waits in the outbox; one by a colleague meanwhile is as good.
        with suppress(Unavailable, Conflict):
            withdrawals.hold(office, officer, case_id, record, reason=REASON, now=now)
    with office.files.session() as db:
        talk = talks.record_talk(
            db, officer, case_id, person_id, setting, answers, given_on=given_on, valid_until=valid_until,
            how_to_withdraw=how_to_withdraw, now=now,
        )  # fmt: skip
    return Recorded(talk, tuple(stopped))


def _is_refused(one: consent.Consent, answers: Sequence[Answer]) -> bool:
    facts = one.facts
    return any(
        answer.kind == ITEM and answer.answer == NO
        and answer.recipient in facts.recipients and answer.purpose in facts.purposes
        and (facts.covers_data if answer.item is None else answer.item in facts.items)
        for answer in answers
    )  # fmt: skip
