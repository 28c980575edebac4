"""What the pages on consent have in common: their blueprint, whom an id leads to, lists in pages, words of states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, request, url_for
from flask_babel import lazy_gettext as _l

from desk import languages, survivor
from desk.access import now, office, officer
from desk.casework import identifier
from desk.survivor import Texts
from exchange import consent_register
from identity import consent as consents
from identity import talks
from identity.models import ConsentRecord

pages: Final = Blueprint("consent", __name__)
PAGE_SIZE: Final = 50

# state: (tone, symbol, words)
STATES: Final[Mapping[str, tuple[str, str, Any]]] = {
    consent_register.GIVEN: ("ok", "check-circle-fill", _l("Given")),
    consent_register.ENDED: ("plain", "clock", _l("Ended")),
    consents.HELD: ("warn", "pause-circle", _l("Held")),
    consents.WITHDRAWN: ("stop", "x-octagon-fill", _l("Withdrawn")),
}
ANSWERS: Final[Mapping[str, tuple[str, str, Any]]] = {
    talks.YES: ("ok", "check-circle-fill", _l("Yes")),
    talks.NO: ("stop", "x-octagon-fill", _l("No")),
    talks.LATER: ("plain", "circle-half", _l("Not now")),
}
PURPOSES: Final[Mapping[str, Any]] = {
    "support": _l("Support"),
    "referral": _l("Referral"),
    "protection": _l("Protection"),
    "investigation": _l("Investigation"),
    "prosecution": _l("Prosecution"),
    "compensation": _l("Compensation"),
}
INTERPRETERS: Final = [("none", _l("None is needed")), ("here", _l("In the room")), ("remote", _l("By phone or video"))]
WAYS: Final = [
    ("spoken", _l("Spoken, and written down here")),
    ("written", _l("On paper, signed")),
    ("sign", _l("In sign language")),
]
CAPACITIES: Final = [
    ("alone", _l("The person decides")),
    ("supported", _l("The person decides, with somebody who explains")),
    ("guardian", _l("A guardian decides together with the person")),
    ("unable", _l("The person cannot decide today")),
]


@dataclass(frozen=True, slots=True)
class Paged:
    """A part of a long list, for the `pager` macro."""

    rows: Sequence[Any]
    number: int
    count: int
    endpoint: str

    def url(self, number: int) -> str:
        """Address of another part."""
        return url_for(self.endpoint, page=number, **(request.view_args or {}))


def paged(rows: Sequence[Any], endpoint: str) -> Paged:
    """The part that was asked for; a strange number is the first."""
    count = max(1, -(-len(rows) // PAGE_SIZE))
    number = min(max(request.args.get("page", 1, int), 1), count)
    return Paged(rows[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], number, count, endpoint)


def subject_of(number: str) -> tuple[bytes, bytes]:
    """Case and person behind the id of a consent or of a talk."""
    wanted = identifier(number)
    with office().files.session() as db:
        if db.get(ConsentRecord, wanted) is None:
            talk = talks.get_talk(db, officer(), wanted)
            return talk.case_id, talk.person_id
        case_id = consents.case_of(db, wanted)
        return case_id, consents.get_consent(db, officer(), case_id, wanted).person_id


def own_texts() -> Texts:
    """The texts in the case worker's language, to read along."""
    return survivor.texts(languages.tag() if languages.tag() in survivor.OWN_NAMES else survivor.ORIGINAL)


def texts_for(case_id: bytes, person_id: bytes) -> tuple[Texts, Mapping[str, str]]:
    """The texts in which a person was asked last, as far as they may be shown, and the words that were used for her."""
    with office().files.session() as db:
        found = talks.list_talks(db, officer(), case_id, person_id)
        said: dict[str, str] = {}
        for talk in found:
            said |= talk.setting.said
        wanted = found[-1].setting.language if found else survivor.ORIGINAL
        return survivor.texts(survivor.shown_in(db, wanted)), said


def purpose_words(purpose: str) -> str:
    """A purpose for the case worker; one that is in no list as it is."""
    return str(PURPOSES.get(purpose, purpose))


def context() -> dict[str, Any]:
    """What the templates of these pages use."""
    return {
        "states": STATES, "answers": ANSWERS, "purpose_words": purpose_words, "language_words": language_words,
        "now": now(),
    }  # fmt: skip


def language_words(code: str) -> str:
    """A language by its own name."""
    return survivor.OWN_NAMES.get(code, code)


pages.context_processor(context)
