"""When an officer goes, or a passphrase, a laptop or the papers of the recovery key are lost (guarantee G8).

What an officer had is handed over before they leave. What nobody can open any more is opened with k of n recovery
shares, by two administrators, for a newly certified officer, and each of these stands on the record of acts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies import acts, directory_entries
from agencies.cases import RECOVERY, give_key
from agencies.directory import Directory
from agencies.members import OfficerSession, get_member, wrap_info
from agencies.models import CaseKey, DeskIdentity, Exclusion, Member
from agencies.rights import ADMINISTRATOR, has_right
from agencies.setup import Papers, get_identity, note_holders
from crypto import hybrid, keyring, recovery
from crypto.boxes import is_equal
from crypto.buffers import overwrite
from crypto.digests import sha256
from crypto.encoding import b64u, unb64u
from crypto.statements import Statement, make_statement
from errors import Conflict, FormatError, KeyUnusable, Refused

_RIGHT_OF: Final = {"case": "case-read", "vault": "vault-read"}


class RecoveryKey:
    """The agency's recovery key while it is needed; use it in a `with` block. It shows in no repr."""

    def __init__(self, papers: Sequence[str], *public_keys: bytes) -> None:
        """Join the shares.

        Args:
            public_keys: the certified recovery key; for what was sealed earlier, also those certified before it.

        Raises:
            KeyUnusable: too few, misspelt, or of another set than that of a certified recovery key.
        """
        seed = recovery.join_from_paper(papers)
        self._seed = keyring.Secret(seed)
        overwrite(seed)
        self.public_key = recovery.receiving_key(self._seed.value).public_key
        if not any(is_equal(self.public_key, one) for one in public_keys):
            self.close()
            raise KeyUnusable("these shares are not those of this agency's recovery key")

    def __enter__(self) -> "RecoveryKey":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "RecoveryKey(hidden)"

    @property
    def receiving(self) -> hybrid.ReceivingKey:
        """The key for one operation; do not keep it."""
        return recovery.receiving_key(self._seed.value)

    def open(self, info: bytes, sealed: bytes) -> bytes:
        """What was sealed to the recovery key: a wrapped case key, a stanza."""
        return self.receiving.open(info, sealed)

    def close(self) -> None:
        """Overwrite the key."""
        self._seed.wipe()


# ---- Handing over, and leaving ----------------------------------------------------------------------------------


def hand_over_cases(
    db: Session, officer: OfficerSession, to: str, *, now: int, case_ids: Iterable[bytes] | None = None
) -> list[bytes]:
    """Give another officer the cases that the acting officer is on; all of them, or these.

    Returns:
        the cases that were given; one from which the other officer is kept out is left out.

    Raises:
        NotPermitted: the other officer's role does not read cases.
    """
    member = get_member(db, to)
    wanted = None if case_ids is None else set(case_ids)
    given = set()
    for row in _keys_of(db, officer.handle):
        if wanted is not None and row.case_id not in wanted:
            continue
        if not _may_hold(db, member, row):
            continue
        key = officer.open_stanza(wrap_info(row.case_id, row.compartment), row.wrapped)
        give_key(db, row.case_id, row.compartment, to, member.receiving_key, key, by=officer.handle, now=now)
        given.add(row.case_id)
    cases = sorted(given)
    if cases:
        acts.add_act(db, officer, "case-handed-over", {"to": to, "cases": [b64u(one) for one in cases]}, now=now)
    return cases


@dataclass(frozen=True, slots=True)
class Departure:
    """What is left to do after an officer left: the revocation, which administrators sign and send to the log."""

    handle: str
    cases: tuple[bytes, ...]
    revocation: Statement | None


def orphaned_cases(db: Session, handle: str) -> list[bytes]:
    """Cases that nobody but this officer (and the recovery shares) could open."""
    # A key that was wrapped before the holder's keys were renewed opens nothing any more.
    query = (
        select(CaseKey)
        .join(Member, Member.handle == CaseKey.holder)
        .where(CaseKey.holder != handle, Member.left_at.is_(None), CaseKey.given_at >= Member.enrolled_at)
    )
    return sorted({case_id for case_id, _ in _listed(_keys_of(db, handle)) - _listed(db.scalars(query))})


def depart(
    db: Session,
    administrator: OfficerSession,
    handle: str,
    *,
    now: int,
    directory: Directory | None = None,
    with_orphans: bool = False,
) -> Departure:
    """End an officer's rights at this desk, at once: sign-in, keyring and wrapped case keys.

    Args:
        directory: to build the revocation of the officer's certificate.
        with_orphans: leave cases that only the recovery shares open afterwards; for one who can no longer be asked.

    Raises:
        NotPermitted: not an administrator.
        NotFound: nobody of this handle works here.
        Refused: the last administrator, or there are cases to hand over first.
    """
    administrator.require("administer")
    member = get_member(db, handle)
    _require_other_administrator(db, member)
    if not with_orphans and orphaned_cases(db, handle):
        raise Refused("there are cases that only this officer opens; hand them over first")
    cases = sorted({row.case_id for row in _keys_of(db, handle)})
    # The rows of the wrapped keys stay until here, so that the act can name the cases.
    facts: dict[str, Any] = {"officer": handle, "cases": [b64u(one) for one in cases]}
    acts.add_act(db, administrator, "departed", facts, now=now)
    for row in _keys_of(db, handle):
        db.delete(row)
    member.left_at, member.keyring = now, b""
    db.flush()
    known = directory is not None and directory.find_certificate(handle) is not None
    return Departure(handle, tuple(cases), revoke(directory, handle) if directory is not None and known else None)


def revoke(directory: Directory, handle: str) -> Statement:
    """The revocation of a certificate, still to be signed: by two administrators, for an administrator by the root.

    Raises:
        NotFound: there is no certificate that counts.
    """
    return make_statement(directory_entries.revocation_body(directory.origin, directory.certificate(handle)))


def _require_other_administrator(db: Session, member: Member) -> None:
    if ADMINISTRATOR not in member.roles.split(" "):
        return
    others = db.scalars(select(Member).where(Member.left_at.is_(None), Member.handle != member.handle))
    if not any(ADMINISTRATOR in one.roles.split(" ") for one in others):
        raise Refused("the last administrator cannot leave; appoint another first")


# ---- Recovery ---------------------------------------------------------------------------------------------------


def propose_recovery(db: Session, directory: Directory, to: str, *, now: int, of: str | None = None) -> Statement:
    """The act of recovery that two administrators (or one and the deputy) sign.

    Args:
        to: the officer who gets the keys; certified, with a key that is at this desk.
        of: whose cases: those of one officer (also of `to`, whose keys were renewed, or of one who has left), or all
            when not given.

    Raises:
        NotFound, KeyUnusable: `to` does not work here, or is not certified with the key that is here.
        Conflict: there is nothing to recover.
    """
    member = get_certified(db, directory, to)
    rows = _wanted(db, None if of is None else _held_by(db, of))
    if not rows:
        raise Conflict("there is no case key to recover")
    facts = {
        "officer": to,
        "key": b64u(sha256(member.receiving_key)),
        "keys": [[b64u(row.case_id), row.compartment] for row in rows],
    }
    return acts.propose_act(db, get_identity(db).agency, "recovered", facts, now=now)


def recover_cases(db: Session, directory: Directory, act: Statement, papers: Sequence[str], *, now: int) -> list[bytes]:
    """Carry out a signed act of recovery with k of n recovery shares.

    Returns:
        the cases whose keys were re-wrapped to the officer; none from which that officer is kept out.

    Raises:
        SignatureInvalid: not signed by two administrators (or one and the deputy).
        KeyUnusable: the shares are not those of the agency, or the officer's key is another than the act names.
        FormatError, NotFound, Conflict: the act is malformed, out of date, or about somebody who is not here.
    """
    facts = act.value.get("facts")
    if act.value.get("act") != "recovered" or not isinstance(facts, dict):
        raise FormatError("this is not an act of recovery")
    member = get_certified(db, directory, str(facts.get("officer")))
    if facts.get("key") != b64u(sha256(member.receiving_key)):
        raise KeyUnusable("the officer's key is another than the one that was agreed on")
    recovered = set()
    with RecoveryKey(papers, directory.recovery_key(get_identity(db).agency)) as key:
        acts.record_act(db, act, directory)
        for row in _wanted(db, _parse_keys(facts.get("keys"))):
            if not _may_hold(db, member, row):
                continue
            plain = key.open(wrap_info(row.case_id, row.compartment), row.wrapped)
            give_key(db, row.case_id, row.compartment, member.handle, member.receiving_key, plain, by=RECOVERY, now=now)
            recovered.add(row.case_id)
    return sorted(recovered)


def replace_recovery_key(db: Session, old: RecoveryKey, new_key: bytes, papers: Papers, *, now: int) -> int:
    """Re-wrap every case key from the old recovery key to a new one, whose shares are on paper.

    The root certifies the new key; from then on the old shares open no case of this desk. Bundles that were sealed
    before name the old key for good: keep the old papers as safely as the new ones (exchange/recovered.py).

    Args:
        new_key: public half, 1,216 bytes.
        papers: the shares of the new key, all written down, some typed back.

    Returns:
        how many keys were re-wrapped.

    Raises:
        SetUpUnfinished: the papers are not done.
        DecryptionFailed: `old` is not the key to which they are wrapped; nothing is changed then.
    """
    papers.require_done()
    rows = _wanted(db, None)
    for row in rows:
        plain = old.open(wrap_info(row.case_id, row.compartment), row.wrapped)
        give_key(db, row.case_id, row.compartment, RECOVERY, new_key, plain, by=RECOVERY, now=now)
    get_identity(db).recovery_key = new_key
    note_holders(db, papers, now=now)
    return len(rows)


def wrap_to_recovery(db: Session, officer: OfficerSession, *, now: int) -> int:
    """Wrap the officer's case keys to the agency's recovery key of today: when its old shares were lost.

    Returns:
        how many keys were wrapped.
    """
    identity: DeskIdentity = get_identity(db)
    if identity.recovery_key is None:
        raise KeyUnusable("this agency has no recovery key")
    rows = _keys_of(db, officer.handle)
    for row in rows:
        plain = officer.open_stanza(wrap_info(row.case_id, row.compartment), row.wrapped)
        give_key(db, row.case_id, row.compartment, RECOVERY, identity.recovery_key, plain, by=officer.handle, now=now)
    return len(rows)


def get_certified(db: Session, directory: Directory, handle: str) -> Member:
    """An officer of this desk whose certificate names the keys that are here.

    Raises:
        NotFound, KeyUnusable
    """
    member = get_member(db, handle)
    found = directory.certificate(handle)
    if found.receiving_key != member.receiving_key or found.signing_key != member.signing_key:
        raise KeyUnusable("the officer's new keys are not certified yet")
    return member


def _may_hold(db: Session, member: Member, row: CaseKey) -> bool:
    if db.get(Exclusion, (row.case_id, member.handle)) is not None:
        return False
    return has_right(member.roles.split(" "), _RIGHT_OF[row.compartment])


def _keys_of(db: Session, handle: str) -> list[CaseKey]:
    query = select(CaseKey).where(CaseKey.holder == handle)
    return list(db.scalars(query.order_by(CaseKey.case_id, CaseKey.compartment)))


def _listed(rows: Iterable[CaseKey]) -> set[tuple[bytes, str]]:
    return {(row.case_id, row.compartment) for row in rows}


def _wanted(db: Session, keys: set[tuple[bytes, str]] | None) -> list[CaseKey]:
    """Rows of the recovery key: all, or those of these compartments."""
    return [row for row in _keys_of(db, RECOVERY) if keys is None or (row.case_id, row.compartment) in keys]


def _held_by(db: Session, handle: str) -> set[tuple[bytes, str]]:
    """Compartments of an officer; of one who has left, those of the cases that the departure names."""
    held = _listed(_keys_of(db, handle))
    for body, _ in acts.read_acts(db):
        if body["act"] == "departed" and body["facts"].get("officer") == handle:
            held |= {(unb64u(one, 16), compartment) for one in body["facts"]["cases"] for compartment in _RIGHT_OF}
    return held


def _parse_keys(value: object) -> set[tuple[bytes, str]]:
    if not isinstance(value, list) or any(not isinstance(one, list) or len(one) != 2 for one in value):
        raise FormatError("the act does not list keys")
    if any(not isinstance(one[1], str) or one[1] not in _RIGHT_OF for one in value):
        raise FormatError("the act names an unknown compartment")
    return {(unb64u(one[0], 16), one[1]) for one in value}
