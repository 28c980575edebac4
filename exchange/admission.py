"""Admitting an agency: its root signs, then two administrators of each of two that are in (docs/protocol.md 2).

The statement travels between the desks as a file; each administrator reads on her own screen what it says and who has
signed it, before she adds her signature.
"""

from dataclasses import dataclass
from typing import Any, Final

from agencies.directory import Directory
from agencies.members import OfficerSession
from agencies.setup import Root, get_identity
from crypto import labels
from crypto.encoding import unb64u
from crypto.fingerprints import fingerprint
from crypto.signing import PUBLIC_KEY_BYTES
from crypto.statements import Statement, parse_statement, verify_statement
from errors import AmparoError, Conflict, FormatError, SignatureInvalid
from exchange import membership
from exchange.office import Office

LARGEST_BYTES: Final = 64 * 1024
VOUCHING: Final = 2  # agencies
SIGNING: Final = 2  # administrators of each


@dataclass(frozen=True, slots=True)
class Admission:
    """What a statement says, and how far it is.

    Attributes:
        fingerprint: of the new agency's root, to be read to its people before anybody signs.
        signed: agency to its administrators who have signed.
        is_member: the agency is in the network already.
        is_complete: whoever has to sign has signed; it can be published.
    """

    agency: str
    country: str
    kind: str
    fingerprint: str
    signed: dict[str, tuple[str, ...]]
    is_member: bool
    is_complete: bool

    def has_signed(self, handle: str) -> bool:
        """Whether an administrator has signed already."""
        return any(handle in handles for handles in self.signed.values())


def apply_for(office: Office, root: Root) -> Statement:
    """The statement that asks for this agency's admission, signed by its root; others sign it after that."""
    with office.files.session() as db:
        log, value = get_identity(db).log, membership.own_value(db)
    return root.sign(membership.admission(log, value))


def read(office: Office, data: bytes) -> Admission:
    """Check an admission as it came in a file, every signature of it.

    Raises:
        FormatError: not an admission to this network.
        SignatureInvalid: a signature on it does not count.
    """
    with office.files.session() as db:
        directory = office.directory(db)
        return _state(directory, _parse(directory, data))


def sign(office: Office, officer: OfficerSession, data: bytes) -> bytes:
    """The statement with the signature of one of this agency's administrators.

    Raises:
        NotPermitted, FormatError, SignatureInvalid
        Conflict: she has signed it, two of her agency have, or the agency is in the network already.
    """
    officer.require("certify")
    office.require_own(officer)
    found = read(office, data)
    if found.is_member:
        raise Conflict(f"{found.agency} is in this network already")
    if found.has_signed(officer.handle):
        raise Conflict("you have signed this already; give the file to the next administrator")
    if len(found.signed.get(office.agency, ())) >= SIGNING:
        raise Conflict("two administrators of your agency have signed this; another agency signs next")
    return officer.sign_statement(labels.DIRECTORY, parse_statement(data)).dump()


def publish(office: Office, officer: OfficerSession, data: bytes, *, now: int) -> int:
    """Put a complete admission into the directory; its index in the log. Repeating it changes nothing.

    Raises:
        NotPermitted, FormatError, SignatureInvalid
        Conflict: signatures are missing.
        Unavailable: the broker cannot be reached.
    """
    officer.require("certify")
    office.require_own(officer)
    if not read(office, data).is_complete:
        raise Conflict("two administrators of each of two agencies sign this before it is published")
    return membership.publish(office, parse_statement(data), now=now)


def _parse(directory: Directory, data: bytes) -> Statement:
    if len(data) > LARGEST_BYTES:
        raise FormatError("this is not the admission of an agency")
    statement = parse_statement(data)
    body = statement.value
    if body.get("kind") != "admission" or body.get("log") != directory.origin:
        raise FormatError("this is not the admission of an agency to this network")
    return statement


def _state(directory: Directory, statement: Statement) -> Admission:
    value = statement.value.get("agency")
    new = _agency(value)
    root = f"root/{new['name']}"
    if root not in statement.signers:
        raise SignatureInvalid("the new agency's root has not signed; it signs first")
    verify_statement(
        statement, labels.DIRECTORY, lambda by: new["root"] if by == root else directory.signing_key(by)
    )  # fmt: skip
    signed: dict[str, tuple[str, ...]] = {}
    for by in statement.signers:
        if by == root:
            continue
        found = directory.find_certificate(by)
        if found is None or found.type != "administrator":
            raise SignatureInvalid("somebody who is no administrator has signed; begin again with a clean statement")
        signed[found.agency] = (*signed.get(found.agency, ()), by)
    return Admission(
        new["name"], new["country"], new["type"], fingerprint(new["name"], new["root"]), signed,
        new["name"] in directory.agencies, _is_complete(directory, statement),
    )  # fmt: skip


def _is_complete(directory: Directory, statement: Statement) -> bool:
    """Whether the directory would take it as its next entry."""
    try:
        directory.check(directory.last + 1, statement)
    except AmparoError:
        return False
    return True


def _agency(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != {"name", "country", "type", "root"}:
        raise FormatError("this admission names no agency")
    texts = [value[name] for name in ("name", "country", "type")]
    if not all(isinstance(one, str) and 0 < len(one) <= 40 for one in texts):
        raise FormatError("this admission names no agency")
    return {**value, "root": unb64u(value["root"], PUBLIC_KEY_BYTES)}
