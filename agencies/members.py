"""Officers of this desk: enrolment, unlocking with the passphrase, and the keys while they are signed in.

Secret keys exist in memory only inside an `OfficerSession`, as buffers that `lock` overwrites. Library objects
are made for one operation and dropped.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies import directory, directory_entries
from agencies.models import Member
from agencies.rights import require_right
from crypto import hybrid, keyring, labels, signing
from crypto.buffers import overwrite
from crypto.header import ROLE_HANDLE
from crypto.statements import Statement
from errors import Conflict, FormatError, PassphraseWrong, SignInRequired

SIGNING: Final = "signing"
RECEIVING: Final = "receiving"
FREE_TRIES: Final = 3
LONGEST_DELAY_SECONDS: Final = 3600
LEAST_PASSPHRASE: Final = 12

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

    def lock(self) -> None:
        """Overwrite the keys. The session is useless afterwards."""
        for secret in self._secrets.values():
            secret.wipe()
        self._secrets = {}

    def _secret(self, name: str) -> bytearray:
        if name not in self._secrets:
            raise SignInRequired
        return self._secrets[name].value


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
    if not ROLE_HANDLE.match(handle) or not wanted or not set(wanted) <= set(directory.ROLES):
        raise FormatError("a role handle looks like north-police/liaison-3, with roles that exist")
    require_passphrase(passphrase)
    if db.get(Member, handle) is not None:
        raise Conflict("this role handle was given before; take the next number")
    secrets = {SIGNING: bytearray(random_bytes(signing.SEED_BYTES)), RECEIVING: hybrid.generate(random_bytes)}
    made = Enrolment(
        handle,
        wanted,
        signing.SigningKey(secrets[SIGNING]).public_key,
        hybrid.ReceivingKey(secrets[RECEIVING]).public_key,
    )
    ring = keyring.lock(secrets, passphrase, cost=cost, random_bytes=random_bytes)
    for secret in secrets.values():
        overwrite(secret)
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


def require_passphrase(passphrase: str) -> None:
    """Raise FormatError for a passphrase that is too short to protect keys on a stolen disk."""
    if len(passphrase) < LEAST_PASSPHRASE or len(set(passphrase)) < 5:
        raise FormatError(f"a passphrase has at least {LEAST_PASSPHRASE} signs; four random words are good")


def unlock(db: Session, handle: str, passphrase: str, *, now: int) -> OfficerSession:
    """Open an officer's keys. The delay after wrong tries grows; it is kept by the caller committing `db`.

    Raises:
        PassphraseWrong: one answer for an unknown handle, a wrong passphrase, a departed officer, and a try that comes
            too early.
    """
    member = db.get(Member, handle)
    if member is None or member.left_at is not None or now < member.locked_until:
        raise PassphraseWrong("handle and passphrase do not fit, or the next try comes too early; wait and try again")
    try:
        secrets = keyring.unlock(member.keyring, passphrase)
    except PassphraseWrong:
        note_failure(member, now)
        raise PassphraseWrong(
            "handle and passphrase do not fit, or the next try comes too early; wait and try again"
        ) from None
    member.failures, member.locked_until = 0, 0
    return OfficerSession(handle, member.roles.split(" "), secrets)


def note_failure(member: Member, now: int) -> None:
    """Count a wrong try; from the fourth on each doubles the wait."""
    member.failures += 1
    if member.failures > FREE_TRIES:
        member.locked_until = now + min(LONGEST_DELAY_SECONDS, 2 ** (member.failures - FREE_TRIES))


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
