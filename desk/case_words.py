"""The words of cases on pages: stages, roles, instructions, kinds of events. One table each."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import lazy_gettext as _l

Words = Mapping[str, Any]

STAGES: Final[Words] = {
    "report": _l("First report"), "identification": _l("Identification"), "investigation": _l("Investigation"),
    "prosecution": _l("Prosecution"), "court": _l("In court"), "support": _l("Support"),
}  # fmt: skip
OUTCOMES: Final[Words] = {
    "settled": _l("Support has ended as the person wished"), "judged": _l("A court has decided"),
    "handed-over": _l("Another agency goes on with it"), "not-pursued": _l("It is not pursued"),
    "mistaken": _l("It was opened by mistake"),
}  # fmt: skip
ROLES: Final[Words] = {
    "victim": _l("Victim"), "witness": _l("Witness"), "suspect": _l("Suspect"), "third-party": _l("Third party"),
}  # fmt: skip
ROLE_HEADS: Final[Words] = {
    "victim": _l("Victims"), "witness": _l("Witnesses"), "suspect": _l("Suspects"),
    "third-party": _l("Third parties"),
}  # fmt: skip
INSTRUCTIONS: Final[Words] = {
    "no-contact": _l("No contact"), "no-reinterview": _l("No second interview"),
    "no-onward-transfer": _l("Not passed on"), "no-export": _l("Not exported"), "dual-control": _l("Two officers open"),
}  # fmt: skip
INSTRUCTION_NOTES: Final[Words] = {
    "no-contact": _l("Nobody contacts the person, directly or through others."),
    "no-reinterview": _l("Nobody interviews the person again."),
    "no-onward-transfer": _l("What names the person is not passed on to another agency."),
    "no-export": _l("What names the person goes into no file and no evidence pack."),
    "dual-control": _l("Two officers together open what names the person."),
}  # fmt: skip
THINGS: Final[Words] = {
    "phone": _l("Phone"), "account": _l("Account"), "place": _l("Place"), "vehicle": _l("Vehicle"),
    "organisation": _l("Organisation"),
}  # fmt: skip
LINK_STATES: Final[Words] = {"confirmed": _l("Confirmed by an exhibit"), "reported": _l("Reported, not confirmed")}
CUSTODY: Final[Words] = {
    "here": ("ok", _l("With this agency")), "elsewhere": ("note", _l("With another agency")),
    "offered": ("warn", _l("Offered, waiting for the answer")), "ended": ("note", _l("Returned or destroyed")),
    "unknown": ("warn", _l("No custody is known")), "broken": ("stop", _l("Two records contradict each other")),
}  # fmt: skip
BUNDLE_STATES: Final[Words] = {
    "sealed": ("warn", "hourglass-split", _l("Waiting to send")),
    "depositing": ("warn", "hourglass-split", _l("Being sent")),
    "sent": ("ok", "check-circle-fill", _l("Sent")), "arrived": ("note", "inbox", _l("Arrived")),
    "held": ("warn", "slash-circle", _l("Held")), "destroyed": ("plain", "slash-circle", _l("Destroyed")),
    "expired": ("plain", "slash-circle", _l("Its term is over")),
    "half-lost": ("warn", "exclamation-triangle-fill", _l("To be sealed again")),
    "refused": ("stop", "x-octagon-fill", _l("Refused")),
}  # fmt: skip
BUNDLE_KINDS: Final[Words] = {
    "share": _l("Bundle"), "inquiry": _l("Inquiry"), "answer": _l("Answer"), "correction": _l("Correction"),
    "referral": _l("Referral"), "permission": _l("Permission"),
}  # fmt: skip
INQUIRY_STATES: Final[Words] = {
    "draft": _l("Draft"), "asked": _l("Asked, waits for an answer"), "received": _l("To be answered"),
    "answered": _l("Answered"), "closed": _l("Closed"),
}  # fmt: skip
APPROVAL_KINDS: Final[Words] = {
    "open": _l("Opening a bundle"), "seal": _l("Sealing a bundle"), "hand-on": _l("Handing a bundle on"),
    "keep": _l("Keeping past an order to delete"), "lift": _l("Lifting a hold"),
    "destroy": _l("Withdrawing a consent or a bundle"), "lower": _l("Lowering a flag on a bundle"),
    "lift-flag": _l("Lifting a protection flag"),
}  # fmt: skip
APPROVAL_STATES: Final[Words] = {
    "waiting": ("warn", "hourglass-split", _l("Waits for a second officer")),
    "granted": ("ok", "people", _l("Approved, to be carried out")),
}  # fmt: skip

# ---- The history of a case --------------------------------------------------------------------------------------

KINDS: Final[Mapping[str, tuple[str, Any]]] = {
    "case": ("folder2-open", _l("Case file")), "person": ("person", _l("Persons")),
    "name": ("eye", _l("Names asked for")),
    "flag": ("flag-fill", _l("Protection flags")), "consent": ("patch-check", _l("Consent")),
    "custody": ("box-seam", _l("Custody")), "bundle": ("send", _l("Bundles")),
    "opening": ("envelope-open", _l("Openings")), "inquiry": ("chat-left-text", _l("Inquiries")),
    "approval": ("people", _l("Second officer")), "team": ("person-gear", _l("Team")),
}  # fmt: skip
HAPPENED: Final[Mapping[tuple[str, str], Any]] = {
    ("case", "opened"): _l("The case was opened"), ("case", "changed"): _l("The facts were changed"),
    ("case", "stage"): _l("The stage was changed"), ("case", "closed"): _l("The case was closed"),
    ("case", "reopened"): _l("The case was opened again"), ("case", "links"): _l("The link chart was changed"),
    ("person", "added"): _l("A person was recorded"), ("name", "asked"): _l("A name was asked for"),
    ("name", "behind-pseudonym"): _l("Somebody looked behind a pseudonym"),
    ("flag", "set"): _l("A protection flag was set"), ("flag", "lifted"): _l("A protection flag was lifted"),
    ("consent", "given"): _l("A consent was recorded"), ("consent", "held"): _l("A consent was held"),
    ("consent", "lifted"): _l("The hold was lifted"), ("consent", "withdrawn"): _l("A consent was withdrawn"),
    ("custody", "seize"): _l("Seized"), ("custody", "receive"): _l("Received"), ("custody", "acquire"): _l("Acquired"),
    ("custody", "derive"): _l("Derived from another exhibit"), ("custody", "copy"): _l("Copied"),
    ("custody", "extract"): _l("Extracted"), ("custody", "examine"): _l("Examined"),
    ("custody", "handover-offered"): _l("Handover offered"), ("custody", "handover-accepted"): _l("Handover accepted"),
    ("custody", "handover-refused"): _l("Handover refused"), ("custody", "handover-closed"): _l("Handed over"),
    ("custody", "transfer"): _l("Moved within the agency"), ("custody", "seal"): _l("Put under seal"),
    ("custody", "unseal"): _l("Seal opened"), ("custody", "reseal"): _l("Put under seal again"),
    ("custody", "redact"): _l("Redacted copy made"), ("custody", "view"): _l("Viewed"),
    ("custody", "export"): _l("Exported"), ("custody", "disclose"): _l("Shown to a party"),
    ("custody", "correction"): _l("Corrected by a new entry"),
    ("custody", "pack-built"): _l("Put into an evidence pack"),
    ("custody", "return"): _l("Returned to its owner"), ("custody", "destroy"): _l("Destroyed"),
    ("bundle", "sealed"): _l("A bundle was sealed"), ("bundle", "sent"): _l("A bundle was sent"),
    ("bundle", "received"): _l("A bundle arrived"), ("bundle", "filed"): _l("Something was filed out of a bundle"),
    ("bundle", "returned"): _l("A bundle was returned"), ("bundle", "held"): _l("A bundle was held"),
    ("bundle", "lifted"): _l("The hold was lifted"), ("bundle", "withdrawn"): _l("A bundle was withdrawn"),
    ("bundle", "stanza-handed-on"): _l("A bundle was handed on to a colleague"),
    ("bundle", "addendum"): _l("An agency was added to a bundle"),
    ("bundle", "half-lost-notice"): _l("The broker has lost the key half"),
    ("opening", "open-requested"): _l("Opening was asked for"), ("opening", "opened"): _l("Opened"),
    ("opening", "open-failed"): _l("Opening failed"),
    ("inquiry", "asked"): _l("An agency was asked"), ("inquiry", "received"): _l("An inquiry arrived"),
    ("inquiry", "answer-granted"): _l("Answered: granted"), ("inquiry", "answer-narrowed"): _l("Answered: in part"),
    ("inquiry", "answer-refused"): _l("Answered: refused"), ("inquiry", "answer-given"): _l("Answered"),
    ("inquiry", "closed"): _l("The inquiry was closed"),
    ("approval", "asked"): _l("A second officer was asked"), ("approval", "approved"): _l("A second officer approved"),
    ("approval", "refused"): _l("A second officer refused"),
    ("team", "added"): _l("An officer joined the team, without identities"),
    ("team", "added-with-identities"): _l("An officer joined the team, with identities"),
    ("team", "kept-out"): _l("An officer was kept out"), ("team", "handed-over"): _l("The case was handed over"),
}  # fmt: skip


def happened(kind: str, what: str) -> str:
    """A sentence for something that happened; the program's own word for what is not in the table."""
    return str(HAPPENED.get((kind, what), what.replace("-", " ")))
