"""Every error that this project raises on purpose.

The tree is grouped by who has to act. A class has a stable `code`, which crosses the network and stands in
logs, and a docstring, which an officer may read. What the place of the error adds is `message`; it carries
neither a secret nor a name. Status codes of HTTP are known at the web edge only (broker/errors.py,
desk/errors.py).
"""

from typing import ClassVar


class AmparoError(Exception):
    """Something did not go as it should; the message says what."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str = "") -> None:
        self.message = message or self.explanation()
        super().__init__(self.message)

    @classmethod
    def explanation(cls) -> str:
        """The first line of the docstring: one sentence for the person who reads the error."""
        return (cls.__doc__ or "").strip().split("\n", 1)[0]


# The one who sent the input acts: correct it and send it again.


class InputError(AmparoError):
    """What was sent is not what is expected here; correct it and send it again."""

    code = "input"


class FormatError(InputError):
    """The bytes do not have the form that the protocol describes."""

    code = "format"


class NotFound(InputError):
    """There is nothing under this name or number."""

    code = "not-found"


class Conflict(InputError):
    """Something else is already stored under this name or number."""

    code = "conflict"


class LimitExceeded(InputError):
    """This is larger, or comes more often, than this installation allows."""

    code = "limit-exceeded"


class QuotaExceeded(LimitExceeded):
    """This agency has used up what it may write or ask in this time; try again later."""

    code = "quota-exceeded"


class DraftStale(Conflict):
    """This draft was changed elsewhere meanwhile; both versions are kept."""

    code = "draft-stale"


class HandleUsed(Conflict):
    """A handle of this header already stands in another one, or was held or destroyed; seal again."""

    code = "handle-used"


class RegisterStale(Conflict):
    """There is a newer version of the flag register; fetch it, read it and ask again."""

    code = "register-stale"


class HalfKeyExpired(InputError):
    """The key half was not sealed to a key that this broker holds; fetch the key of the day, seal again."""

    code = "half-key-expired"


class RequestReplayed(InputError):
    """This very request was answered before; sign it anew."""

    code = "request-replayed"


class ClockSkewed(InputError):
    """The clock of this machine and that of the broker differ by more than five minutes; set it right."""

    code = "clock-skewed"


# The officer acts: the person, the role, the purpose or the consent does not allow the step.


class Refused(AmparoError):
    """The rules do not allow this step; ask the person responsible for the case."""

    code = "refused"


class NotPermitted(Refused):
    """This role may not do this for this purpose."""

    code = "not-permitted"


class RoleForbids(NotPermitted):
    """Your role does not allow this."""

    code = "role-forbids"


class ConsentMissing(Refused):
    """There is no consent that covers this disclosure."""

    code = "consent-missing"


class ConsentWithdrawn(Refused):
    """The person has withdrawn the consent this disclosure rests on."""

    code = "consent-withdrawn"


class NoOwnPlace(Refused):
    """This bundle rests on eight consents and cannot be stopped alone; withdraw those."""

    code = "no-own-place"


class ReleaseHeld(Refused):
    """It is held; nothing of it is released until the agency that set the hold lifts it."""

    code = "held"


class ReleaseDestroyed(Refused):
    """The key half of this bundle was destroyed; nobody can open the bundle any more."""

    code = "destroyed"


class RootNotCompared(Refused):
    """The key of this agency was not compared yet; read the fingerprint to each other first."""

    code = "root-not-compared"


class BundleExpired(Refused):
    """The term of this bundle is over; ask the sender for a new one."""

    code = "expired"


class NotEntitled(Refused):
    """This bundle was not sealed to you; a colleague to whom it was may hand it on."""

    code = "not-entitled"


class ApprovalMissing(Refused):
    """This takes a second officer; ask a colleague to approve it first."""

    code = "approval-missing"


class FlagForbids(Refused):
    """A protection flag forbids this; ask the agency that raised it."""

    code = "flag-forbids"


class SignInRequired(Refused):
    """Sign in first, or sign in again."""

    code = "sign-in-required"


class PackNotReady(Refused):
    """The evidence pack cannot be built yet; settle what the message names first."""

    code = "pack-not-ready"


# Both agencies act: a proof or a signature does not hold. Stop, keep the material, ask the other side.


class IntegrityError(AmparoError):
    """Something does not match what was promised; stop, keep the material and ask the other agency."""

    code = "integrity"


class SignatureInvalid(IntegrityError):
    """The signature was not made by the key it names over these bytes."""

    code = "signature-invalid"


class ProofError(IntegrityError):
    """The proof does not lead from this entry to the signed state of the log."""

    code = "proof-invalid"


class DecryptionFailed(IntegrityError):
    """This key does not open these bytes, or the bytes were altered."""

    code = "decryption-failed"


class CommitmentMismatch(IntegrityError):
    """What was opened is not what the sender committed to."""

    code = "commitment-mismatch"


class KeyChanged(IntegrityError):
    """A key changed, or was said to be wrong; nothing is sent until people have compared it again."""

    code = "key-changed"


class LogShorter(IntegrityError):
    """The stored log is shorter than, or differs from, what was signed before; nothing more is signed."""

    code = "log-shorter"


class LogForked(IntegrityError):
    """The broker has shown two different logs, or an older one; send and open nothing, and export the proof."""

    code = "log-forked"


class RegisterInvalid(IntegrityError):
    """The flag register of this bundle is not as it has to be; nothing is opened with it. Ask the other parties."""

    code = "register-invalid"


class HeadersDiffer(IntegrityError):
    """There are two different headers for one bundle, or a key in it that nobody listed; it stays closed."""

    code = "headers-differ"


class SourceChanged(IntegrityError):
    """A file is not what it was when it was taken in; nothing was sealed. Take the file in again."""

    code = "source-changed"


class PackInvalid(IntegrityError):
    """The evidence pack does not hold together; keep it as it is and ask the agency that made it."""

    code = "pack-invalid"


class ArchiveInvalid(PackInvalid):
    """The zip file of the evidence pack is damaged, or not in the one form that is allowed."""

    code = "pack-zip"


class BagInvalid(PackInvalid):
    """The files of the evidence pack and its own lists of them do not agree."""

    code = "pack-bag"


class PackListInvalid(PackInvalid):
    """The signed list of the evidence pack is malformed or does not fit what is in the pack."""

    code = "pack-list"


class PackUnsigned(PackInvalid):
    """The evidence pack does not carry the signatures of two officers that it needs."""

    code = "pack-signatures"


class SignerUnproven(PackInvalid):
    """A signer of the evidence pack is not certified by an agency that the trust file names."""

    code = "pack-signer"


class PackLogInvalid(PackInvalid):
    """An entry of the evidence pack is not proven to stand in the log that the trust file names."""

    code = "pack-log"


class CustodyBroken(PackInvalid):
    """The chain of custody in the evidence pack is broken or does not fit its files."""

    code = "pack-custody"


class ContentsUnproven(PackInvalid):
    """A file of the evidence pack is not the one that the sending agency sealed."""

    code = "pack-contents"


# The keyholder acts: a secret key or a passphrase is missing or wrong.


class KeyholderError(AmparoError):
    """A secret key is needed that is not at hand; ask the keyholder of this agency."""

    code = "keyholder"


class PassphraseWrong(KeyholderError):
    """The passphrase does not open the key file."""

    code = "passphrase-wrong"


class FactorWrong(KeyholderError):
    """This code does not fit, or it was used before; take the next one that your authenticator shows."""

    code = "factor-wrong"


class KeyUnusable(KeyholderError):
    """This key is expired, revoked or not meant for this use."""

    code = "key-unusable"


# The administrator acts: the installation is not set up, full, or cannot reach the other side.


class InstallationError(AmparoError):
    """This installation is not set up for this step; ask its administrator."""

    code = "installation"


class SettingInvalid(InstallationError):
    """A setting is missing or has a value that cannot be used."""

    code = "setting-invalid"


class Unavailable(InstallationError):
    """The other side cannot be reached at the moment; try again later."""

    code = "unavailable"


class HalfLost(InstallationError):
    """The broker has lost the key half of this bundle; its sender is told and may seal it again."""

    code = "half-lost"


class Recovering(Unavailable):
    """The broker was restored from a copy and takes nothing until the desks have sent the newer entries."""

    code = "recovering"


class LeaseLost(Unavailable):
    """Another process of this broker writes the log now; the request runs again there."""

    code = "lease-lost"


class LogClosed(InstallationError):
    """This log takes no new entries; use its successor."""

    code = "log-closed"


class SetUpUnfinished(InstallationError):
    """The set-up of this desk is not finished; its administrators go on with it."""

    code = "set-up-unfinished"


class PrintRefused(InstallationError):
    """A page for printing asked for something from outside this program; report it to its makers."""

    code = "print-refused"


class StorageFull(InstallationError):
    """The disk is full and nothing of this was kept; make room there, then send it again."""

    code = "storage-full"
