"""The words of the pages around a share: purposes, fields, codes, flags, kinds, states."""

from typing import Any, Final

from flask_babel import lazy_gettext as _l

PURPOSES: Final[dict[str, Any]] = {
    "prosecution": _l("Prosecution"),
    "investigation": _l("Investigation"),
    "protection": _l("Protection of a person"),
    "referral": _l("Referral to support or care"),
    "compensation": _l("Compensation"),
}
PURPOSE_NOTES: Final[dict[str, Any]] = {
    "prosecution": _l("A proceeding before a court, or its preparation."),
    "investigation": _l("Finding out what happened and who did it."),
    "protection": _l("Keeping somebody safe; nothing for a proceeding."),
    "referral": _l("Shelter, health, legal advice, residence."),
    "compensation": _l("A claim of the person against those who did it, or a fund."),
}
ROLES: Final[dict[str, Any]] = {
    "victim": _l("Victim"), "witness": _l("Witness"), "suspect": _l("Suspect"), "third-party": _l("Another person"),
    "third_party": _l("Another person"),
}  # fmt: skip
TYPES: Final[dict[str, Any]] = {
    "police": _l("Police"), "prosecution": _l("Prosecution"), "ngo": _l("Support organisation"), "other": _l("Other"),
}  # fmt: skip
OFFICER_ROLES: Final[dict[str, Any]] = {
    "liaison": _l("Liaison officer"), "prosecutor": _l("Prosecutor"), "case-worker": _l("Case worker"),
    "supervisor": _l("Supervisor"), "administrator": _l("Administrator"), "auditor": _l("Auditor"),
}  # fmt: skip
HANDLING: Final[dict[str, Any]] = {
    "H0": _l("To prevent and fight crime, nothing else"),
    "H1": _l("Not in court without permission"),
    "H2": _l("Not passed on without permission"),
    "H3": _l("Other restrictions; ask the provider first"),
}
CODES: Final[dict[str, Any]] = {
    **HANDLING,
    "TLP:CLEAR": _l("No limit on passing it on"),
    "TLP:GREEN": _l("For the community, not for the public"),
    "TLP:AMBER": _l("For the recipient and those who need it for their work with the recipient"),
    "TLP:AMBER+STRICT": _l("For the recipient agency alone"),
    "TLP:RED": _l("For the named officers alone"),
    "PAP:CLEAR": _l("No limit on acting on it"),
    "PAP:GREEN": _l("Act on it, but not towards the suspect"),
    "PAP:AMBER": _l("Look only at what you have; act on nothing"),
    "PAP:RED": _l("Do not act on it at all"),
}
SOURCE_GRADES: Final[dict[str, Any]] = {
    "1": _l("1, reliable"), "2": _l("2, untested"), "3": _l("3, not reliable"),
}  # fmt: skip
CONTENT_GRADES: Final[dict[str, Any]] = {
    "A": _l("A, known directly to the source"), "B": _l("B, known indirectly, corroborated"),
    "C": _l("C, known indirectly"), "D": _l("D, not known"), "E": _l("E, suspected to be false"),
}  # fmt: skip
INSTRUCTIONS: Final[dict[str, Any]] = {
    "dual-control": _l("Two officers open it together"),
    "no-contact": _l("No contact with the person"),
    "no-export": _l("No export without a court’s order and two officers"),
    "no-onward-transfer": _l("Not passed on to a third agency"),
    "no-reinterview": _l("No further interview"),
}
KINDS: Final[dict[str, Any]] = {
    "share": _l("Share"), "inquiry": _l("Inquiry"), "answer": _l("Answer"), "referral": _l("Referral"),
    "permission": _l("Permission"), "correction": _l("Correction"), "consent-update": _l("News of a consent"),
    "match": _l("Blind match"),
}  # fmt: skip
# state of a sent bundle: (kind of tag, symbol, words)
STATES: Final[dict[str, tuple[str, str, Any]]] = {
    "waiting": ("warn", "hourglass-split", _l("Waits to be sent")),
    "sending": ("warn", "hourglass-split", _l("Partly sent")),
    "accepted": ("ok", "check-circle-fill", _l("Accepted by the broker")),
    "opened": ("ok", "envelope-open", _l("Opened")),
    "asked": ("note", "circle-half", _l("Asked for, not confirmed as opened")),
    "returned": ("stop", "x-octagon-fill", _l("Returned")),
    "held": ("warn", "pause-circle", _l("Held")),
    "destroyed": ("stop", "slash-circle", _l("Withdrawn")),
    "expired": ("plain", "clock-history", _l("Expired")),
    "half-lost": ("stop", "exclamation-triangle-fill", _l("Key half lost")),
    "refused": ("stop", "x-octagon-fill", _l("Not accepted by the broker")),
}
ACTS: Final[dict[str, Any]] = {
    "deposited": _l("Sealed and deposited"),
    "open-requested": _l("Asked to open"),
    "opened": _l("Opened"),
    "open-failed": _l("Opening failed"),
    "returned": _l("Returned unopened"),
    "filed": _l("Filed something out of it"),
    "stanza-handed-on": _l("Handed the key on to a colleague"),
    "addendum": _l("Added an agency"),
    "half-lost-notice": _l("The broker has lost its key half"),
}
# kind of a question to a second officer: what is asked, and what the answer brings about
QUESTIONS: Final[dict[str, tuple[Any, Any]]] = {
    "seal": (_l("Seal and send a bundle"), _l("Your colleague can seal and send it after you approve.")),
    "open": (_l("Open a bundle together"), _l("Your colleague can open it after you approve, once.")),
    "lower": (_l("Lower a protection flag"), _l("The flag is lowered on this bundle for everybody.")),
    "lift-flag": (
        _l("Lift a protection flag from a person"),
        _l("New bundles do not carry it any more. On bundles that were sent it is lowered one by one."),
    ),
    "lift": (_l("Lift a hold"), _l("What was held can be opened again.")),
    "destroy": (
        _l("Withdraw: destroy the key halves"),
        _l("Nothing that it reaches opens ever again. This cannot be undone."),
    ),
    "keep": (
        _l("Keep something past an order to delete"),
        _l("It is kept for this ground alone, and its provider reads that it is kept, and why."),
    ),
    "hand-on": (_l("Hand a key on"), _l("The officer who gets it can ask for the bundle.")),
}
ANSWERS: Final[dict[str, tuple[str, str, Any]]] = {
    "waiting": ("warn", "hourglass-split", _l("Waits for a second officer")),
    "granted": ("ok", "check-circle-fill", _l("Approved")),
    "denied": ("stop", "x-octagon-fill", _l("Refused")),
    "used": ("plain", "check-circle-fill", _l("Approved and carried out")),
    "recalled": ("plain", "slash-circle", _l("Taken back")),
}
OTHER_QUESTION: Final = (_l("Something that takes two"), _l("Your colleague goes on after you approve."))


def word(table: dict[str, Any], key: str) -> Any:
    """The words for a value; the value itself where the list has none."""
    return table.get(key, key)
