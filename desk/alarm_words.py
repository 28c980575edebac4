"""What an alarm means: what happened, how bad it is, and what to do. One entry for each kind that the desk raises."""

from dataclasses import dataclass
from typing import Any, Final

from flask_babel import lazy_gettext as _l

from exchange.models import Alarm

REFUSED: Final = "refused-"


@dataclass(frozen=True, slots=True)
class Words:
    """Of one kind of alarm.

    Attributes:
        tone: stop, warn or note: how bad it is.
        what, todo: sentences.
    """

    tone: str
    title: Any
    what: Any
    todo: tuple[Any, ...]


KEEP: Final = _l("Export the evidence and keep it.")
OPERATOR: Final = _l("Call the operator of the broker and give the code of this alarm.")
PARTNER: Final = _l("Call the other agency by a number that you knew before.")

KINDS: Final[dict[str, Words]] = {
    "log-rollback": Words(
        "stop", _l("The broker showed an older log"),
        _l("Entries that this desk had seen are gone. The desk has stopped: nothing is sent and nothing is opened."),
        (KEEP, PARTNER, OPERATOR, _l("Two administrators decide when the desk goes on.")),
    ),
    "log-fork": Words(
        "stop", _l("The broker showed another log"),
        _l("Two signed states contradict each other. The desk has stopped: nothing is sent and nothing is opened."),
        (KEEP, PARTNER, OPERATOR, _l("Two administrators decide when the desk goes on.")),
    ),
    "log-two-faces": Words(
        "stop", _l("A partner says that it saw another log"),
        _l("What a partner signed does not fit the log as your desk knows it. Either the broker shows two logs, or the "
           "partner’s desk is wrong."),
        (KEEP, PARTNER, _l("Compare the number of entries and the root on both pages of the log."), OPERATOR),
    ),
    "own-entry-missing": Words(
        "stop", _l("An entry of yours is not where it has to be"),
        _l("The broker said that it took an entry of your agency, and the log does not hold it there."),
        (KEEP, OPERATOR, _l("Until it is explained, rely on no proof for this entry.")),
    ),
    "withheld": Words(
        "stop", _l("The broker holds something back"),
        _l("The log holds an entry on a bundle of yours that the broker has not shown."),
        (_l("Check again in an hour: a broken connection looks the same."), KEEP, OPERATOR),
    ),
    "directory-not-ours": Words(
        "stop", _l("Somebody changed your agency’s keys in the log"),
        _l("The log holds an entry about your agency that this desk did not make."),
        (
            _l("Ask both administrators whether one of them made it on another computer."),
            _l("If nobody did, tell your partners to seal nothing to you."), KEEP, OPERATOR,
        ),
    ),
    "handover-mismatch": Words(
        "stop", _l("What was handed over is not what was offered"),
        _l("The seal number or the digest of a file differs from the signed offer. Nothing was signed for, and the "
           "chain stays where it was."),
        (
            _l("Keep the exhibit apart as it is, and write down who brought it and when."), PARTNER,
            _l("Find out together where it changed. The giver offers it again, or both record what happened."),
        ),
    ),
    "key-replaced": Words(
        "warn", _l("A key of a partner was replaced"),
        _l("The root of that agency signed the change. When it is the recovery key, nothing is sealed to them until "
           "you have compared again."),
        (PARTNER, _l("Ask whether they changed it, and compare the fingerprint again.")),
    ),
    "root-differs": Words(
        "stop", _l("A fingerprint was not the same"),
        _l("An officer compared the key of an agency and found a difference. Nothing is sealed to that agency."),
        (
            _l("Tell both administrators, and the other agency by another way than the one you used."),
            _l("Both agencies read the fingerprint at their own desks, in person if they can."), KEEP, OPERATOR,
        ),
    ),
    "not-me": Words(
        "stop", _l("An officer says: this was not me"),
        _l("Somebody else may know a passphrase, or use an officer’s computer."),
        (
            _l("Speak with the officer at once, in person."),
            _l("Revoke the certificate, and renew the officer’s keys with another passphrase and second factor."),
            _l("Read the record of the officer’s cases for what was opened."),
            _l("Tell the supervisor and whoever is responsible for data protection."),
        ),
    ),
    "unlisted-key": Words(
        "stop", _l("A bundle holds a key that nobody listed"),
        _l("Somebody could open it whom its cover does not name. It stays closed."), (KEEP, PARTNER),
    ),
    "two-headers": Words(
        "stop", _l("Two different headers for one bundle"),
        _l("The bundle stays closed."), (KEEP, PARTNER, OPERATOR),
    ),
    "register-rollback": Words(
        "stop", _l("An older flag page was shown"),
        _l("The broker gave an older version of a bundle’s flags than your desk has. The newer one counts."),
        (KEEP, OPERATOR),
    ),
    "register-invalid": Words(
        "stop", _l("The flag page of a bundle is not as it has to be"),
        _l("Nothing is opened with it."), (KEEP, _l("Ask the other agencies of the bundle.")),
    ),
    "shares-joined": Words(
        "stop", _l("Shares for two officers came together in one hand"),
        _l("An officer could open alone what takes two."), (KEEP, PARTNER),
    ),
    "custody-broken": Words(
        "stop", _l("A chain of custody does not fit"),
        _l("What came with a bundle contradicts the record of an exhibit. It was not taken over."), (KEEP, PARTNER),
    ),
    "open-failed": Words(
        "warn", _l("A bundle could not be opened"),
        _l("It was asked for and logged, and what came is not what was sealed."),
        (_l("Ask the sender to send it again."), KEEP),
    ),
    "event-refused": Words(
        "warn", _l("The broker refused an entry of yours"),
        _l("What an officer did is on your own record, but not in the shared log."),
        (_l("Do it again if it is still wanted."), OPERATOR),
    ),
    "half-lost": Words(
        "warn", _l("The broker lost the half key of a bundle"),
        _l("Nobody can open that bundle any more. It was not read by anybody who could not read it before."),
        (_l("Seal it again as a new bundle, and raise its flags again."),),
    ),
    "broker-restored": Words(
        "note", _l("The broker was restored from a copy"),
        _l("Your desk has sent again what the copy lacked. What was held stays held."),
        (_l("Nothing, unless other alarms follow."),),
    ),
}  # fmt: skip
UNREADABLE: Final = Words(
    "warn", _l("Something that arrived was refused"),
    _l("It is not what it has to be: damaged, signed by the wrong key, or of a form that this desk does not know."),
    (_l("Ask the sender to send it again."), KEEP),
)  # fmt: skip
UNKNOWN: Final = Words(
    "warn", _l("An alarm of a kind that this page has no words for"),
    _l("The desk noticed something that somebody should look at."), (KEEP, OPERATOR),
)  # fmt: skip


def words_of(alarm: Alarm) -> Words:
    """What is said about an alarm."""
    if alarm.kind.startswith(REFUSED):
        return UNREADABLE
    return KINDS.get(alarm.kind, UNKNOWN)
