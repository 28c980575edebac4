"""What the help says: the way of each role in a few steps, and the words of the pages (docs/glossary.md)."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import lazy_gettext as _l

from agencies.rights import ADMINISTRATOR, AUDITOR, CASE_WORKER, LIAISON, PROSECUTOR, SUPERVISOR

ROLES: Final[Mapping[str, Any]] = {
    LIAISON: _l("Police liaison"),
    PROSECUTOR: _l("Prosecutor"),
    CASE_WORKER: _l("Case worker"),
    SUPERVISOR: _l("Supervisor"),
    ADMINISTRATOR: _l("Administrator"),
    AUDITOR: _l("Auditor"),
}
EVERYBODY: Final = (
    _l("Lock the desk when you leave it, if only for a minute. What you typed is kept."),
    _l("Look at Today first. It says when nothing needs you."),
    _l("Read flags before content. A flag may forbid a call that could put somebody in danger."),
    _l("When a number or a seal does not fit, stop, keep things as they are, and call by a number you knew before."),
)
STEPS: Final[Mapping[str, tuple[Any, ...]]] = {
    LIAISON: (
        _l("Begin a case under its file number. No name stands in the number or the title."),
        _l("Record the persons; their names stay in the vault of the case."),
        _l("Take in the exhibits. Each file is hashed and sealed as it arrives; the custody begins with you."),
        _l("Share a bundle: purpose, recipients, the fewest fields, exactly what they will see, then seal and send."),
        _l("Watch under Sent who opened it and why. Correct it, extend it or stop it from there."),
    ),
    PROSECUTOR: (
        _l("Open what is in the inbox: flags first, then purpose and legal basis. Some bundles take a colleague."),
        _l("Keep in a case what you need. What you do not keep is wiped when the desk locks."),
        _l("Ask an agency for what is missing: one question in each line, and a day for the reply."),
        _l("Take exhibits over: compare the seal with the document before you sign."),
        _l("Make the evidence pack with a second officer, and give the trust file to the court by another way."),
    ),
    CASE_WORKER: (
        _l("Read an inquiry: who asks, why, what exactly, and by when. Nothing has to be answered."),
        _l("Ask the person, alone or with an interpreter. Each item and each recipient is a question of its own."),
        _l("Ask whether paper is safe. If it is not, give the six words instead."),
        _l("Answer with what she agreed to. The desk sends nothing else."),
        _l("When she changes her mind, hold at once. A colleague and you destroy; each holder’s answer comes in."),
    ),
    SUPERVISOR: (
        _l("Decide what takes two: read the same page as the one who asks. Refusing needs no reason."),
        _l("Look at the access alerts of your unit, and ask when something stands out."),
        _l("Open only what was sealed to you."),
    ),
    ADMINISTRATOR: (
        _l("Compare the fingerprint of each agency by a number that you knew before."),
        _l("Appoint, change and end the work of officers with a colleague; hand over what they had."),
        _l("Make a copy of the desk every day, and try a restore every 90 days."),
        _l("Know who holds the shares of the root. You read no case, and need to read none."),
    ),
    AUDITOR: (
        _l("Filter the record, or draw a sample that can be drawn again."),
        _l("Ask an officer for the reason of an act; only the two of you read the answer."),
        _l("Export a signed list without names."),
        _l("Look at the log’s health: what was checked, and what does not fit."),
    ),
}
WORDS: Final[tuple[tuple[Any, Any], ...]] = (
    (_l("Agency root"), _l("The key of an agency, kept as shares on paper. It certifies its officers and its desk.")),
    (_l("Answer"), _l("What an agency sends back to an inquiry: in full, in part, or a refusal.")),
    (_l("Approval"), _l("A second officer of the same agency agrees before something happens.")),
    (_l("Broker"), _l("The server in the middle. It carries bundles that it cannot read, and keeps the shared log.")),
    (_l("Bundle"), _l("What one agency gives another: content and cover.")),
    (_l("Case"), _l("A file of one agency, open to the officers of its team.")),
    (_l("Checkpoint"), _l("The signed state of the shared log. Agencies confirm that they saw the same one.")),
    (_l("Consent"), _l("The survivor’s yes for one purpose, one recipient and one set of data.")),
    (_l("Cover"), _l("What is read before a bundle is opened.")),
    (_l("Custody entry"), _l("One signed line of the record of an exhibit.")),
    (_l("Evidence pack"), _l("A file that a court checks by itself, without an account and without the network.")),
    (_l("Exhibit"), _l("An item of evidence: a thing, a file, a statement.")),
    (_l("Fingerprint"), _l("Eight groups of four signs, to be compared by voice or in person.")),
    (_l("Handling code"), _l("The provider’s rule for use: H0 to H3, TLP, PAP.")),
    (_l("Handover"), _l("Change of custodian, signed by both sides.")),
    (_l("Hold"), _l("The stop that one officer sets at once. It can be lifted.")),
    (_l("Inquiry"), _l("One agency asks another.")),
    (_l("Protection flag"), _l("What a person must know before touching the content, and what the desk enforces.")),
    (_l("Pseudonym"), _l("The random name under which one recipient knows a person of a case.")),
    (_l("Recovery share"), _l("One of the papers that together open the agency’s keys again.")),
    (_l("Second factor"), _l("What you have beside what you know: a security key, or a code of your telephone.")),
    (_l("Substitute"), _l("An officer of the same agency who stands in.")),
    (_l("Trust file"), _l("Keys of agencies and of the log, obtained by another way than the pack that they check.")),
    (_l("Vault"), _l("The sealed part of a case that holds identities. It never leaves the desk.")),
    (_l("Withdrawal"), _l("The end of a consent or a sent bundle: hold, then destroyed key halves, then receipts.")),
)  # fmt: skip
