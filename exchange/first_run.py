"""The first run of a desk on its pages: what is signed while the root exists, and how the agency comes in with it.

The root is in memory during the ceremony and afterwards on paper alone. So everything that it has to sign is signed
then: the request for admission, the certificates of the administrators, of the recovery key and of the desk. They hold
no secret and wait at the desk until members of the network have admitted the agency.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from agencies import members, proposals, setup
from agencies.directory import TYPES
from agencies.members import OfficerSession
from agencies.models import Member, OwnPaper, Preference, Proposal, SecondFactor, SignInNote
from agencies.setup import Ceremony
from crypto.encoding import dump_json
from crypto.fingerprints import fingerprint
from crypto.header import IDENTIFIER_BYTES
from crypto.statements import Statement
from errors import Conflict, FormatError, SetUpUnfinished
from exchange import follow, membership
from exchange.delivery import day_of
from exchange.office import Office, log_keys

ED25519: Final = 0x01
SETTINGS_FILE: Final = "desk.env"


def is_finished(db: Session) -> bool:
    """Whether the ceremony was held; from then on the wizard is closed for good."""
    return setup.get_identity(db).root_key is not None


def start_over(db: Session) -> None:
    """Forget what a set-up that was broken off has made: administrators without a root behind them.

    Raises:
        Conflict: the set-up is finished.
    """
    _require_unfinished(db)
    for table in (SecondFactor, OwnPaper, Preference, SignInNote, Member):
        db.execute(delete(table))


def _require_unfinished(db: Session) -> None:
    if is_finished(db):
        raise Conflict("the set-up of this desk is finished; it is not done twice")


def state_facts(db: Session, *, country: str, kind: str) -> None:
    """Say where the agency is, and of which kind.

    Raises:
        FormatError, Conflict
    """
    _require_unfinished(db)
    if len(country) != 2 or not country.isalpha() or not country.isascii() or kind not in TYPES:
        raise FormatError("a country is written with two letters, such as RO")
    identity = setup.get_identity(db)
    identity.country, identity.type = country.upper(), kind


def enrol_administrator(
    office: Office, handle: str, passphrase: str, *, now: int, **cost: Any
) -> OfficerSession:  # fmt: skip
    """Make an administrator's keys; her session, which is needed until the set-up is finished.

    Raises:
        FormatError: the passphrase is too short.
        Conflict: she has keys already.
    """
    with office.files.session() as db:
        _require_unfinished(db)
        members.enrol_officer(db, handle, ("administrator",), passphrase, now=now, **cost)
    with office.files.session() as db:
        return members.unlock(db, handle, passphrase, now=now)


def log_fingerprint(db: Session, office: Office) -> str:
    """Of the pinned Ed25519 key of the log, to be compared with the printed invitation."""
    state = office.log(db)
    key = next(one for one in log_keys(state) if one.kind == ED25519)
    return fingerprint(state.origin, key.public_key)


def finish(office: Office, ceremony: Ceremony, administrators: Sequence[OfficerSession], *, now: int) -> None:
    """Sign everything that the root has to sign, note who holds which share, and overwrite the root.

    Raises:
        SetUpUnfinished: a share is not on paper, or too few were typed back; or there is no administrator.
        Conflict: the set-up is finished already.
    """
    root = ceremony.root
    if not administrators:
        raise SetUpUnfinished("the desk needs an administrator first")
    with office.files.session() as db:
        _require_unfinished(db)
        identity = setup.get_identity(db)
        log = identity.log
        value = setup.agency_value(identity, ceremony.root_key)
    signed = [root.sign(membership.admission(log, value))]
    signed.extend(root.sign(_certificate(office, one, log, now)) for one in administrators)
    body = setup.recovery_body(log, office.agency, ceremony.recovery_key, day_of(now))
    signed.append(root.sign(setup.statement_of(body)))
    keys: Any = office.keys
    # The desk's comes last: once it stands in the log, the invitation is used up.
    signed.append(root.sign(keys.prove_possession(setup.statement_of(keys.body(log, day_of(now))))))
    with office.files.session() as db:
        first = administrators[0].handle
        for number, statement in enumerate(signed):
            place = number.to_bytes(IDENTIFIER_BYTES, "big")  # they are sent in this order
            proposals.add(
                db, proposals.FIRST, first, first, statement, now=now, state=proposals.SIGNED, proposal_id=place
            )  # fmt: skip
        ceremony.finish(db, now=now)


def _certificate(office: Office, officer: OfficerSession, log: str, now: int) -> Statement:
    with office.files.session() as db:
        member = members.get_member(db, officer.handle)
        made = members.Enrolment(
            member.handle, tuple(member.roles.split(" ")), member.signing_key, member.receiving_key
        )
    return members.prove_possession(setup.statement_of(made.body(log, day_of(now))), officer)


def keep_settings(folder: Path, values: Mapping[str, str]) -> None:
    """Write settings into the desk's file of settings, in place of what stood there; a reader never sees half of it.

    Args:
        values: names without their prefix, as LANGUAGE; the words hold no line break.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return
    names = {f"AMPARO_DESK_{name}": value for name, value in values.items()}
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if line.split("=", 1)[0] not in names]
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in names.items()}
    lines = [*kept, *(f"{name}='{' '.join(value.split())}'" for name, value in quoted.items())]
    half = path.with_name(f".{path.name}.new")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


# ---- Coming in --------------------------------------------------------------------------------------------------


def waiting(db: Session) -> list[Proposal]:
    """What the root has signed and the network does not know yet, in the order in which it is sent."""
    query = select(Proposal).where(Proposal.kind == proposals.FIRST, Proposal.state == proposals.SIGNED)
    return list(db.scalars(query.order_by(Proposal.proposal_id)))


def admission_request(db: Session) -> bytes | None:
    """The request for admission, for two members of the network; None once the agency is in."""
    found = waiting(db)
    first = proposals.statement_of(found[0]) if found else None
    return first.dump() if first is not None and first.value["kind"] == "admission" else None


def agency_file(db: Session) -> bytes:
    """What a founding says of this agency, as `amparo desk agency` writes it."""
    return dump_json(membership.own_value(db))


def come_in(office: Office, *, now: int) -> bool:
    """Look whether the agency was admitted; then send its certificates. Whether it is in.

    The desk's requests are signed by the invitation until its certificate stands in the log, and by its own key from
    then on. Repeating this changes nothing.

    Raises:
        SetUpUnfinished: the ceremony was not held.
        Unavailable, LogForked: see `follow.follow_log`.
    """
    with office.files.session() as db:
        membership.require_root(setup.get_identity(db))
        statements = [(row.proposal_id, row.proposed_by, proposals.statement_of(row)) for row in waiting(db)]
    if not statements:
        _leave_invitation(office)
        return True
    follow.follow_log(office, now=now)
    with office.files.session() as db:
        if office.agency not in office.directory(db).agencies:
            return False
    for proposal_id, by, statement in statements:
        if statement.value["kind"] != "admission":
            membership.publish(office, statement, now=now)
        with office.files.session() as db:
            proposals.end(db, proposal_id, by, now=now)
    _leave_invitation(office)
    follow.follow_log(office, now=now)
    return True


def _leave_invitation(office: Office) -> None:
    """The invitation is used up: the desk's own key signs its requests from now on."""
    if office.client.key_id.startswith("invite/"):
        membership.use_own_key(office)
        membership.invitation_file(office.files.folder).unlink(missing_ok=True)


def sign_founding(office: Office, statement: Statement, papers: Sequence[str]) -> Statement:
    """The root's signature under the founding of a network, with its shares on the table.

    Raises:
        FormatError: it is no founding, or of another log.
        KeyUnusable: the shares are not those of the root, or the founding does not name this agency.
    """
    with office.files.session() as db:
        identity = setup.get_identity(db)
        log, root_key = identity.log, membership.require_root(identity)
    if statement.value.get("kind") != "founding" or statement.value.get("log") != log:
        raise FormatError("this is not the founding of a network on this desk’s log")
    with setup.open_root(office.agency, papers, root_key) as root:
        return root.sign(statement)
