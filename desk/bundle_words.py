"""Words for what bundles are, carry and forbid; each for a closed list, with one answer for anything else."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import lazy_gettext as _l

KINDS: Final[Mapping[str, Any]] = {
    "share": _l("Case share"),
    "inquiry": _l("Inquiry"),
    "answer": _l("Answer to an inquiry"),
    "referral": _l("Referral"),
    "permission": _l("Permission"),
    "correction": _l("Correction"),
    "consent-update": _l("Update of a consent"),
    "match": _l("Blind match"),
}
# state: (kind of tag, symbol, words)
STATES: Final[Mapping[str, tuple[str, str, Any]]] = {
    "arrived": ("plain", "lock-fill", _l("Sealed")),
    "returned": ("plain", "reply-fill", _l("Returned unopened")),
    "held": ("warn", "hourglass-split", _l("Held by its sender")),
    "destroyed": ("stop", "slash-circle", _l("Withdrawn by its sender")),
    "expired": ("plain", "calendar-x", _l("Expired")),
    "half-lost": ("warn", "exclamation-triangle-fill", _l("Cannot be opened: ask to send it again")),
    "refused": ("stop", "x-octagon-fill", _l("Damaged or contradictory")),
    "sealed": ("warn", "hourglass-split", _l("Waiting to send")),
    "depositing": ("warn", "hourglass-split", _l("Waiting to send")),
    "sent": ("ok", "check-circle-fill", _l("Sent")),
}
ENDED_WORDS: Final[Mapping[str, Any]] = {
    "returned": _l("Your agency has returned this bundle. If it is needed after all, ask its sender to send it again."),
    "held": _l("Its sender has stopped every opening for the time being. Nothing is lost; ask them when it goes on."),
    "destroyed": _l("Its sender has withdrawn it. Nobody can open it any more, and nothing of it may be used."),
    "expired": _l("Its term is over. Ask its sender for a new one if it is still needed."),
    "half-lost": _l("The broker has lost its half of the key. The sender is told and may send the bundle again."),
    "refused": _l("What arrived contradicts itself, so it stays closed. Tell its sender, by a way that you know."),
}
# instruction: (short name, what to do). Placeholders: raiser, sender.
INSTRUCTIONS: Final[Mapping[str, tuple[Any, Any]]] = {
    "no-contact": (
        _l("No contact"),
        _l("Do not call, write to or visit this person, and send nobody. Every contact goes through %(raiser)s."),
    ),
    "no-reinterview": (
        _l("No further interview"),
        _l("Do not ask this person for another interview or statement. Ask %(raiser)s what is known already."),
    ),
    "no-onward-transfer": (
        _l("Not passed on"),
        _l("Nothing out of this bundle goes to another agency. The desk refuses to share or offer it to anybody but "
           "%(sender)s and %(raiser)s."),
    ),
    "no-export": (
        _l("Not taken out"),
        _l("Nothing is taken out as files or put into a court pack. The desk refuses it without the order of a court "
           "and a second officer, and tells %(raiser)s."),
    ),
    "dual-control": (
        _l("Two officers"),
        _l("It is opened by two officers together and by nobody alone. The desk holds to this."),
    ),
}  # fmt: skip
# code: (on the mark, what it means)
CODES: Final[Mapping[str, tuple[Any, Any]]] = {
    "H0": (_l("To fight crime only"), _l("Use it to prevent and fight crime, within the law that binds you.")),
    "H1": (
        _l("Not in court without permission"),
        _l("Show nothing of it in court, and put nothing into a court pack, before %(sender)s permits it."),
    ),
    "H2": (
        _l("Not passed on without permission"),
        _l("Give nothing of it to another agency before %(sender)s permits it."),
    ),
    "H3": (_l("Further restrictions"), _l("Read the restrictions in the text of the bundle, and keep to them.")),
    "TLP:RED": (_l("Named recipients only"), _l("It is for the officers named on the cover, and for nobody else.")),
    "TLP:AMBER+STRICT": (_l("This agency only"), _l("It stays within your agency, with those who need it.")),
    "TLP:AMBER": (_l("Need to know"), _l("It is for those who need it in your agency and the ones it serves.")),
    "TLP:GREEN": (_l("Partners only"), _l("It may go to partner agencies, and not to the public.")),
    "TLP:CLEAR": (_l("No limit"), _l("This code sets no limit on passing it on. Flags and purpose still do.")),
    "PAP:RED": (_l("No visible action"), _l("Do nothing that anybody outside your agency could notice.")),
    "PAP:AMBER": (_l("Passive checks"), _l("Check it only where the persons concerned cannot notice it.")),
    "PAP:GREEN": (_l("Active checks"), _l("You may look into it actively, as long as it harms nobody.")),
    "PAP:CLEAR": (_l("No limit on use"), _l("This code sets no limit on what you do. Flags and purpose still do.")),
}
UNKNOWN_CODE: Final = (
    _l("Ask the sender"),
    _l("This desk does not know this code. Ask %(sender)s what it means before you use anything of the bundle."),
)
EVENTS: Final[Mapping[str, Any]] = {
    "deposited": _l("Sealed and sent"),
    "open-requested": _l("Asked to open it"),
    "opened": _l("Opened it"),
    "open-failed": _l("Could not open it"),
    "returned": _l("Returned it unopened"),
    "filed": _l("Kept something out of it"),
    "stanza-handed-on": _l("Handed the key on"),
    "addendum": _l("Added an agency"),
    "half-lost-notice": _l("The broker lost its half of the key"),
}
INQUIRY_TYPES: Final[Mapping[str, Any]] = {
    "information": _l("Information"),
    "evidence": _l("Evidence"),
    "interview": _l("Interview"),
    "eio": _l("European Investigation Order"),
    "mla": _l("Mutual legal assistance"),
}
DECISIONS: Final[Mapping[str, tuple[str, str, Any]]] = {
    "granted": ("ok", "check-circle-fill", _l("Answered")),
    "narrowed": ("note", "circle-half", _l("Answered in part")),
    "refused": ("stop", "x-octagon-fill", _l("Refused")),
}
CATEGORIES: Final[Mapping[str, Any]] = {
    "victim": _l("Victim"),
    "witness": _l("Witness"),
    "suspect": _l("Suspect"),
    "third_party": _l("Third party"),
}

# As covers and consents spell them.
PURPOSES: Final[Mapping[str, Any]] = {
    "prosecution": _l("Prosecution"),
    "investigation": _l("Investigation"),
    "protection": _l("Protection of a person"),
    "referral": _l("Referral to support or care"),
    "compensation": _l("Compensation"),
}
OFFERED_CODES: Final = ("H0", "H1", "H2", "H3", "TLP:RED", "TLP:AMBER", "TLP:GREEN")


def code_words(code: str) -> tuple[Any, Any]:
    """Mark and meaning of a handling code, whichever way it is spelt."""
    return CODES.get(code.strip().upper(), UNKNOWN_CODE)


def purpose_words(purpose: str) -> Any:
    """A purpose as a label; one that this desk does not know stands as its sender wrote it."""
    return PURPOSES.get(purpose, purpose)
