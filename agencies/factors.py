"""The second factor of a sign-in: codes of an authenticator, or a security key (passkey). It guards the session, not
the keys: those open with the passphrase alone.
"""

import base64
import hmac
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyotp
import webauthn
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from agencies import acts, own_papers
from agencies.members import OfficerSession, get_member
from agencies.models import OwnPaper, SecondFactor
from crypto.header import IDENTIFIER_BYTES
from errors import Conflict, FactorWrong, LimitExceeded, NotFound, NotPermitted

CODE, KEY = "code", "key"
PAPER: Final = "second-factor"
STEP_SECONDS: Final = 30
MOST: Final = 10
MOST_LABEL: Final = 60
APP: Final = "Desk"  # what an authenticator shows; it says nothing of what the desk is for

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the desk answers, for security keys: they work for one host name and never for a bare address."""

    host: str
    origin: str


def has_factor(db: Session, handle: str) -> bool:
    """Whether the officer has any second factor."""
    query = select(func.count()).select_from(SecondFactor).where(SecondFactor.officer == handle)
    return bool(db.scalar(query))


def list_factors(db: Session, handle: str) -> list[SecondFactor]:
    """The officer's second factors, oldest first."""
    query = select(SecondFactor).where(SecondFactor.officer == handle)
    return list(db.scalars(query.order_by(SecondFactor.added_at, SecondFactor.factor_id)))


def remove(db: Session, officer: OfficerSession, factor_id: bytes) -> None:
    """Take a factor away.

    Raises:
        NotFound: there is none.
        Conflict: it is the last one.
    """
    row = _own(db, officer, factor_id)
    if len(list_factors(db, officer.handle)) == 1:
        raise Conflict("this is your last second factor; add another one first")
    own_papers.drop(db, officer, row.paper_id)
    db.delete(row)


def reset(db: Session, handle: str) -> int:
    """Take all factors of an officer away, so that the next sign-in sets up new ones; how many there were."""
    found = list_factors(db, handle)
    for row in found:
        paper = db.get(OwnPaper, row.paper_id)
        if paper is not None:
            db.delete(paper)
        db.delete(row)
    return len(found)


def reset_by(db: Session, administrator: OfficerSession, handle: str, *, now: int) -> int:
    """An administrator takes all factors of an officer away, with an act on the record; how many there were.

    Raises:
        NotPermitted: not an administrator, or one's own factors.
        NotFound: nobody with this handle works here, or has a second factor.
    """
    administrator.require("administer")
    if handle == administrator.handle:
        raise NotPermitted("nobody resets her own second factors; the other administrator does it")
    get_member(db, handle)
    count = reset(db, handle)
    if not count:
        raise NotFound("this officer has no second factor")
    acts.add_act(db, administrator, "factors-reset", {"officer": handle, "count": count}, now=now)
    return count


def _own(db: Session, officer: OfficerSession, factor_id: bytes) -> SecondFactor:
    row = db.get(SecondFactor, factor_id)
    if row is None or row.officer != officer.handle:
        raise NotFound("this second factor is not there any more")
    return row


def label_of(db: Session, officer: OfficerSession, row: SecondFactor) -> str:
    """What the officer calls it."""
    return str(own_papers.read(db, officer, row.paper_id, PAPER)["label"])


def _add(
    db: Session, officer: OfficerSession, kind: str, paper: dict[str, Any], now: int, **more: Any
) -> SecondFactor:  # fmt: skip
    if len(list_factors(db, officer.handle)) >= MOST:
        raise LimitExceeded(f"an officer has at most {MOST} second factors; remove one first")
    paper = {"v": 1, **paper, "label": paper["label"].strip()[:MOST_LABEL]}
    row = SecondFactor(
        factor_id=os.urandom(IDENTIFIER_BYTES), officer=officer.handle, kind=kind,
        paper_id=own_papers.keep(db, officer.handle, PAPER, paper, now=now), added_at=now, **more,
    )  # fmt: skip
    db.add(row)
    db.flush()
    return row


# ---- Codes ------------------------------------------------------------------------------------------------------


def new_secret(random_bytes: Random = os.urandom) -> str:
    """A fresh secret, 32 signs that an authenticator takes."""
    return base64.b32encode(random_bytes(20)).decode("ascii")


def address_of(secret: str, handle: str) -> str:
    """What an authenticator reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=handle, issuer_name=APP)


def add_code(
    db: Session, officer: OfficerSession, secret: str, code: str, label: str, *, now: int
) -> SecondFactor:  # fmt: skip
    """Take an authenticator in, after a code of it was typed.

    Raises:
        FactorWrong: the code does not fit the secret.
    """
    step = _step_of(secret, code, now)
    if step is None:
        raise FactorWrong
    return _add(db, officer, CODE, {"label": label, "secret": secret}, now, counter=step)


def check_code(db: Session, officer: OfficerSession, code: str, *, now: int) -> SecondFactor:
    """The authenticator that shows this code. Each code counts once.

    Raises:
        FactorWrong: no authenticator of this officer shows it now, or it was used before.
    """
    for row in list_factors(db, officer.handle):
        if row.kind != CODE:
            continue
        secret = own_papers.read(db, officer, row.paper_id, PAPER)["secret"]
        step = _step_of(secret, code, now)
        if step is not None and step > row.counter:
            row.counter, row.used_at = step, now
            return row
    raise FactorWrong


def _step_of(secret: str, code: str, now: int) -> int | None:
    """The step whose code this is: the current one, or one beside it for clocks that differ a little."""
    wanted = "".join(code.split())
    if not (len(wanted) == 6 and wanted.isascii() and wanted.isdigit()):
        return None
    totp = pyotp.TOTP(secret)
    found = None
    for step in range(now // STEP_SECONDS - 1, now // STEP_SECONDS + 2):
        if hmac.compare_digest(totp.generate_otp(step), wanted):
            found = step
    return found


# ---- Security keys ----------------------------------------------------------------------------------------------


def key_options(db: Session, officer: OfficerSession, place: Place) -> tuple[dict[str, Any], bytes]:
    """What the browser needs to register a security key, and the challenge to keep until it answers."""
    made = webauthn.generate_registration_options(
        rp_id=place.host, rp_name=APP, user_name=officer.handle, user_id=_user_id(officer),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=_known(db, officer),
    )  # fmt: skip
    return json.loads(webauthn.options_to_json(made)), made.challenge


def add_key(
    db: Session, officer: OfficerSession, place: Place, answer: Mapping[str, Any], challenge: bytes, label: str, *,
    now: int,
) -> SecondFactor:  # fmt: skip
    """Take a security key in.

    Raises:
        FactorWrong: the answer is not to this challenge, or of another place.
        Conflict: the key is known already.
    """
    try:
        made = webauthn.verify_registration_response(
            credential=dict(answer), expected_challenge=challenge, expected_rp_id=place.host,
            expected_origin=place.origin,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise FactorWrong("the security key did not answer as it should; try again") from error
    if db.scalar(select(SecondFactor).where(SecondFactor.credential == made.credential_id)) is not None:
        raise Conflict("this security key is registered already")
    return _add(
        db, officer, KEY, {"label": label}, now, credential=made.credential_id, public_key=made.credential_public_key,
        counter=made.sign_count,
    )  # fmt: skip


def key_challenge(db: Session, officer: OfficerSession, place: Place) -> tuple[dict[str, Any], bytes]:
    """What the browser needs to ask a registered key, and the challenge to keep until it answers."""
    made = webauthn.generate_authentication_options(
        rp_id=place.host, allow_credentials=_known(db, officer), user_verification=UserVerificationRequirement.PREFERRED
    )  # fmt: skip
    return json.loads(webauthn.options_to_json(made)), made.challenge


def check_key(
    db: Session, officer: OfficerSession, place: Place, answer: Mapping[str, Any], challenge: bytes, *, now: int
) -> SecondFactor:
    """The security key that gave this answer.

    Raises:
        FactorWrong: not one of this officer's, an answer to another challenge, or a copied key (its counter ran back).
    """
    row = _key_of(db, officer, answer)
    try:
        used = webauthn.verify_authentication_response(
            credential=dict(answer), expected_challenge=challenge, expected_rp_id=place.host,
            expected_origin=place.origin, credential_public_key=row.public_key or b"",
            credential_current_sign_count=row.counter,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise FactorWrong("the security key did not answer as it should; try again") from error
    row.counter, row.used_at = used.new_sign_count, now
    return row


def _key_of(db: Session, officer: OfficerSession, answer: Mapping[str, Any]) -> SecondFactor:
    try:
        wanted = webauthn.base64url_to_bytes(str(answer.get("rawId", "")))
    except ValueError as error:
        raise FactorWrong from error
    for row in list_factors(db, officer.handle):
        if row.kind == KEY and row.credential == wanted:
            return row
    raise FactorWrong


def _known(db: Session, officer: OfficerSession) -> list[PublicKeyCredentialDescriptor]:
    rows = list_factors(db, officer.handle)
    return [PublicKeyCredentialDescriptor(id=row.credential) for row in rows if row.credential is not None]


def _user_id(officer: OfficerSession) -> bytes:
    """A name of the officer for the security key; it says nothing outside of the network."""
    return officer.signing_key
