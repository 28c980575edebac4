"""Officers of this desk: enrolment, unlocking with the passphrase, and the keys while they are signed in.

Secret keys exist in memory only inside an `OfficerSession`, as buffers that `lock` overwrites. Library objects
are made for one operation and dropped.
"""

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import directory_entries, sign_ins
from agencies.directory import ROLES, Directory
from agencies.models import Appointment, CaseKey, Exclusion, Member
from agencies.opened_keys import OpenedKeys
from agencies.rights import require_right
from crypto import hybrid, keyring, labels, signing
from crypto.buffers import overwrite
from crypto.encoding import fields
from crypto.header import ROLE_HANDLE
from crypto.statements import Statement
from errors import (
    Conflict,
    DecryptionFailed,
    FormatError,
    KeyUnusable,
    NotFound,
    NotPermitted,
    PassphraseWrong,
    Refused,
    SignInRequired,
)
from storage.desk_files import DeskFiles

CASE: Final = "case"
VAULT: Final = "vault"
SIGNING: Final = "signing"
RECEIVING: Final = "receiving"
RESTORED_FILE: Final = "restored"  # in a desk's folder that came from a copy, until it has synced once
FREE_TRIES: Final = 3
LONGEST_DELAY_SECONDS: Final = 3600
LEAST_PASSPHRASE: Final = 12

WRONG: Final = "handle and passphrase do not fit, or the next try comes too early; wait and try again"

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Public half of a new officer: what the certificate will name."""

    handle: str
    roles: tuple[str, ...]
    signing_key: bytes
    receiving_key: bytes

    def body(self, origin: str, valid_from: str, until: str | None = None) -> dict[str, Any]:
        """Body of the certificate."""
        agency = self.handle.split("/")[0]
        kind = "administrator" if "administrator" in self.roles else "officer"
        return directory_entries.certificate_body(
            origin, self.handle, agency, kind, self.roles,
            signing_key=self.signing_key, receiving_key=self.receiving_key, valid_from=valid_from, until=until,
        )  # fmt: skip


class OfficerSession:
    """One signed-in officer. Nothing of it is ever written or printed."""

    def __init__(self, handle: str, roles: Iterable[str], secrets: dict[str, keyring.Secret]) -> None:
        self.handle = handle
        self.agency = handle.split("/")[0]
        self.roles = tuple(roles)
        self._secrets = secrets
        self._opened = OpenedKeys()

    def __repr__(self) -> str:
        return f"OfficerSession({self.handle})"

    @property
    def is_locked(self) -> bool:
        """Whether the keys are gone."""
        return not self._secrets

    def require(self, right: str) -> None:
        """Raise NotPermitted unless a role of the officer has this right."""
        require_right(self.roles, right)

    def sign(self, label: bytes, *values: bytes | str | int | None) -> bytes:
        """The officer's signature, 64 bytes."""
        return signing.SigningKey(self._secret(SIGNING)).sign(label, *values)

    def sign_raw(self, message: bytes) -> bytes:
        """Signature over bytes that carry their own label (register versions)."""
        return signing.SigningKey(self._secret(SIGNING)).sign_raw(message)

    def sign_statement(self, label: bytes, statement: Statement) -> Statement:
        """The statement with this officer's signature."""
        return Statement(statement.body, (*statement.signatures, (self.handle, self.sign(label, statement.body))))

    @property
    def signing_key(self) -> bytes:
        """Public key."""
        return signing.SigningKey(self._secret(SIGNING)).public_key

    @property
    def receiving(self) -> hybrid.ReceivingKey:
        """The receiving key, for one operation; do not keep it."""
        return hybrid.ReceivingKey(self._secret(RECEIVING))

    def open_stanza(self, info: bytes, sealed: bytes) -> bytes:
        """What was sealed to this officer under this info.

        Raises:
            DecryptionFailed: it is for somebody else.
        """
        return self.receiving.open(info, sealed)

    def case_key(self, db: Session, case_id: bytes) -> bytes:
        """Key of a case's compartment of facts, exhibits and notes, 32 bytes.

        Raises:
            NotPermitted: no such right, not on the case team, or kept out of this case; the case is not shown.
        """
        return self._compartment_key(db, case_id, CASE, "case-read")

    def vault_key(self, db: Session, case_id: bytes) -> bytes:
        """Key of a case's identities, 32 bytes; see `case_key`."""
        return self._compartment_key(db, case_id, VAULT, "vault-read")

    def case_keys(self, db: Session, case_ids: Sequence[bytes], compartment: str = CASE) -> dict[bytes, bytes]:
        """Keys of many cases at once, for lists; cases that this officer does not open are left out."""
        self.require("case-read" if compartment == CASE else "vault-read")
        kept_out = select(Exclusion.case_id).where(Exclusion.officer == self.handle)
        query = select(CaseKey.case_id, CaseKey.wrapped).where(
            CaseKey.case_id.in_(case_ids), CaseKey.holder == self.handle, CaseKey.compartment == compartment,
            CaseKey.case_id.not_in(kept_out),
        )  # fmt: skip
        found = {}
        for case_id, wrapped in db.execute(query):
            try:
                found[case_id] = self._unwrap(case_id, compartment, wrapped)
            except DecryptionFailed:  # wrapped to a former key of this officer
                continue
        return found

    def _compartment_key(self, db: Session, case_id: bytes, compartment: str, right: str) -> bytes:
        self.require(right)
        # One question to the database each time, so that an exclusion counts at once.
        kept_out = select(Exclusion.case_id).where(Exclusion.case_id == case_id, Exclusion.officer == self.handle)
        wrapped = db.scalar(
            select(CaseKey.wrapped).where(
                CaseKey.case_id == case_id, CaseKey.holder == self.handle, CaseKey.compartment == compartment,
                ~kept_out.exists(),
            )
        )  # fmt: skip
        if wrapped is None:
            raise NotPermitted("you are not on the team of this case; ask an officer who is")
        try:
            return self._unwrap(case_id, compartment, wrapped)
        except DecryptionFailed:
            # Keys that were renewed after a lost passphrase do not open what was wrapped to the old ones.
            raise KeyUnusable(
                "this case was given to your former key; a colleague on the team gives it again"
            ) from None

    def _unwrap(self, case_id: bytes, compartment: str, wrapped: bytes) -> bytes:
        if self.is_locked:
            raise SignInRequired
        place = (case_id, compartment)
        key = self._opened.find(place, wrapped)
        if key is None:
            key = self.open_stanza(wrap_info(case_id, compartment), wrapped)
            self._opened.keep(place, wrapped, key)
        return key

    def lock(self) -> None:
        """Overwrite the keys. The session is useless afterwards."""
        self._opened.wipe()
        for secret in self._secrets.values():
            secret.wipe()
        self._secrets = {}

    def _secret(self, name: str) -> bytearray:
        if name not in self._secrets:
            raise SignInRequired
        return self._secrets[name].value


def wrap_info(case_id: bytes, compartment: str) -> bytes:
    """What a wrapped case key is bound to."""
    return fields(labels.CASE_WRAP, case_id, compartment)


def enrol_officer(
    db: Session,
    handle: str,
    roles: Iterable[str],
    passphrase: str,
    *,
    now: int,
    cost: keyring.Cost = keyring.MODERATE,
    random_bytes: Random = os.urandom,
) -> Enrolment:
    """Make an officer's keys, locked by the passphrase. They count once the certificate stands in the log.

    Raises:
        FormatError: the handle, the roles or the passphrase are not acceptable.
        Conflict: the handle was given before; a role handle is never given twice.
    """
    wanted = tuple(sorted(set(roles)))
    if not ROLE_HANDLE.match(handle) or not wanted or not set(wanted) <= set(ROLES):
        raise FormatError("a role handle looks like north-police/liaison-3, with roles that exist")
    require_passphrase(passphrase)
    if db.get(Member, handle) is not None:
        raise Conflict("this role handle was given before; take the next number")
    made, ring = make_keys(handle, wanted, passphrase, cost, random_bytes)
    db.add(
        Member(
            handle=handle,
            roles=" ".join(wanted),
            keyring=ring,
            signing_key=made.signing_key,
            receiving_key=made.receiving_key,
            enrolled_at=now,
            failures=0,
            locked_until=0,
        )
    )
    return made


def renew_officer(
    db: Session,
    handle: str,
    passphrase: str,
    *,
    now: int,
    cost: keyring.Cost = keyring.MODERATE,
    random_bytes: Random = os.urandom,
) -> Enrolment:
    """New keys for the same person after a lost passphrase. The old certificate is revoked first, a new one follows.

    Case keys that were wrapped to the old key stay as a list of what to give again: by a colleague on the team, or with
    the recovery shares.

    Raises:
        NotFound: nobody with this handle works here.
        FormatError: the passphrase is not acceptable.
    """
    require_passphrase(passphrase)
    member = get_member(db, handle)
    made, ring = make_keys(handle, tuple(member.roles.split(" ")), passphrase, cost, random_bytes)
    member.keyring, member.signing_key, member.receiving_key = ring, made.signing_key, made.receiving_key
    member.enrolled_at, member.failures, member.locked_until = now, 0, 0
    return made


def get_member(db: Session, handle: str) -> Member:
    """An officer who works here.

    Raises:
        NotFound
    """
    member = db.get(Member, handle)
    if member is None or member.left_at is not None:
        raise NotFound("no officer with this handle works at this desk")
    return member


def is_current(db: Session, officer: OfficerSession) -> bool:
    """Whether an open session may go on: the officer has not left, and the keys were not replaced."""
    member = db.get(Member, officer.handle)
    if member is None or member.left_at is not None or officer.is_locked:
        return False
    return member.signing_key == officer.signing_key


def make_keys(
    handle: str, roles: tuple[str, ...], passphrase: str, cost: keyring.Cost, random_bytes: Random
) -> tuple[Enrolment, bytes]:
    """New keys, and the keyring that the passphrase opens."""
    secrets = {SIGNING: bytearray(random_bytes(signing.SEED_BYTES)), RECEIVING: hybrid.generate(random_bytes)}
    made = Enrolment(
        handle,
        roles,
        signing.SigningKey(secrets[SIGNING]).public_key,
        hybrid.ReceivingKey(secrets[RECEIVING]).public_key,
    )
    ring = keyring.lock(secrets, passphrase, cost=cost, random_bytes=random_bytes)
    for secret in secrets.values():
        overwrite(secret)
    return made, ring


def require_passphrase(passphrase: str) -> None:
    """Raise FormatError for a passphrase that is too short to protect keys on a stolen disk."""
    if len(passphrase) < LEAST_PASSPHRASE or len(set(passphrase)) < 5:
        raise FormatError(f"a passphrase has at least {LEAST_PASSPHRASE} signs; four random words are good")


def unlock(
    db: Session, handle: str, passphrase: str, *, now: int, directory: Directory | None = None
) -> OfficerSession:
    """Open an officer's keys inside a transaction. A page uses `sign_in`, which counts wrong tries for good.

    Args:
        directory: the roles are then those of the certificate that counts now, none once it was revoked.

    Raises:
        PassphraseWrong: one answer for an unknown handle, a wrong passphrase, a departed officer, and a try that comes
            too early.
    """
    member = db.get(Member, handle)
    if member is None or member.left_at is not None or now < member.locked_until:
        raise PassphraseWrong(WRONG)
    try:
        secrets = keyring.unlock(member.keyring, passphrase)
    except PassphraseWrong:
        note_failure(member, now)
        raise PassphraseWrong(WRONG) from None
    forget_failures(member)
    return OfficerSession(handle, _roles(member, directory), secrets)


def sign_in(
    files: DeskFiles, handle: str, passphrase: str, *, now: int, directory: Directory | None = None
) -> OfficerSession:
    """Open an officer's keys, in transactions of its own; see `unlock`.

    The try is counted before it is made, so that neither a stop of the program nor many tries at once get more of
    them, and no lock of the database is held while the passphrase is worked on. An unknown handle takes as long as a
    known one.

    Raises:
        PassphraseWrong: see `unlock`.
        Refused: the desk came from a copy, and does not know yet which numbers it has given since.
    """
    if (files.folder / RESTORED_FILE).exists():
        raise Refused("this desk was restored from a copy; let it sync once before anybody signs in")
    with files.session() as db:
        member = db.get(Member, handle)
        is_known = member is not None and member.left_at is None and not _is_over(db, handle, now)
        if member is not None and is_known:
            if now < member.locked_until:
                raise PassphraseWrong(WRONG)
            note_failure(member, now)
    try:
        secrets = keyring.unlock(member.keyring if member is not None and is_known else _nobody(), passphrase)
    except PassphraseWrong:
        if is_known:
            with files.session() as db:
                sign_ins.note(db, handle, sign_ins.PASSPHRASE, now=now)
        raise PassphraseWrong(WRONG) from None
    with files.session() as db:
        member = get_member(db, handle)
        forget_failures(member)
        sign_ins.note(db, handle, sign_ins.OPEN, now=now)
        return OfficerSession(handle, _roles(member, directory), secrets)


def confirm_passphrase(files: DeskFiles, officer: OfficerSession, passphrase: str, *, now: int) -> None:
    """Ask a signed-in officer for her passphrase again, before something that cannot be taken back.

    Raises:
        PassphraseWrong: it is another, or the try comes too early; tries count as at the sign-in.
    """
    with files.session() as db:
        member = get_member(db, officer.handle)
        if now < member.locked_until:
            raise PassphraseWrong(WRONG)
        note_failure(member, now)
        ring = member.keyring
    try:
        secrets = keyring.unlock(ring, passphrase)
    except PassphraseWrong:
        with files.session() as db:
            sign_ins.note(db, officer.handle, sign_ins.PASSPHRASE, now=now)
        raise PassphraseWrong(WRONG) from None
    for secret in secrets.values():
        secret.wipe()
    with files.session() as db:
        forget_failures(get_member(db, officer.handle))


def _is_over(db: Session, handle: str, now: int) -> bool:
    """Whether the officer's appointment named a last day, and it has passed."""
    query = (
        select(Appointment.until_day)
        .where(Appointment.officer == handle, Appointment.state == "done", Appointment.kind == "appoint")
        .order_by(Appointment.decided_at.desc())
    )
    last = db.scalar(query.limit(1))
    return last is not None and last < datetime.fromtimestamp(now, UTC).date().isoformat()


@functools.cache
def _nobody() -> bytes:
    """A keyring that no passphrase opens, for handles that do not exist."""
    return keyring.lock({}, os.urandom(32).hex())


def _roles(member: Member, directory: Directory | None) -> list[str]:
    """The roles of the certificate that counts for these keys; none once it was revoked.

    Keys that were never certified, as during a set-up, have the roles that they were made for.
    """
    history = [] if directory is None else directory.history(member.handle)
    certificates = [one for one in history if one.signing_key == member.signing_key]
    if not certificates:
        return member.roles.split(" ")
    return list(certificates[-1].roles) if certificates[-1].revoked is None else []


def note_failure(member: Member, now: int) -> None:
    """Count a wrong try; from the fourth on each doubles the wait."""
    member.failures += 1
    if member.failures > FREE_TRIES:
        member.locked_until = now + min(LONGEST_DELAY_SECONDS, 2 ** (member.failures - FREE_TRIES))


def forget_failures(member: Member) -> None:
    """A try was right: the next wrong one is the first again."""
    member.failures, member.locked_until = 0, 0


def change_passphrase(
    db: Session, officer: OfficerSession, passphrase: str, *, cost: keyring.Cost = keyring.MODERATE
) -> None:
    """Lock the same keys under another passphrase."""
    require_passphrase(passphrase)
    member = db.get(Member, officer.handle)
    if member is None:
        raise SignInRequired
    secrets = {name: officer._secret(name) for name in (SIGNING, RECEIVING)}
    member.keyring = keyring.lock(secrets, passphrase, cost=cost)


def prove_possession(statement: Statement, officer: OfficerSession) -> Statement:
    """The officer's own signature under the certificate that names the new key."""
    return officer.sign_statement(labels.DIRECTORY, statement)
