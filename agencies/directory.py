"""Agencies and their public keys, with validity and revocation, replayed from the log (docs/protocol.md 2).

A `Directory` is the state after the directory entries of the log in order. It is the same at the broker, at every
desk and in the verification of a pack; nothing in it comes from anywhere else.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from crypto import hybrid, labels, signing
from crypto.encoding import unb64u
from crypto.header import AGENCY, OPERATOR, ORIGIN, ROLE_HANDLE
from crypto.statements import Statement, parse_statement, verify_statement
from errors import Conflict, FormatError, NotFound, SignatureInvalid

ROLES: Final = ("administrator", "auditor", "case-worker", "liaison", "prosecutor", "supervisor")
TYPES: Final = ("police", "prosecution", "ngo", "other")
# Roles whose holders act on evidence; two of them make a "two officers" rule, an administrator as such does not.
ACTING: Final = frozenset({"liaison", "prosecutor", "case-worker", "supervisor"})
# Signers' names begin with these words, so that an agency of this name could pass for something else.
RESERVED: Final = frozenset({"root", "desk", "recovery", "log", "handle", "invite", "broker"})
LEAST_FOUNDERS: Final = 2
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_COUNTRY: Final = re.compile(r"[A-Z]{2}\Z")
_COMMON: Final = {"v", "kind", "log"}
_CERTIFICATE: Final = _COMMON | {
    "subject", "agency", "type", "roles", "signing_key", "receiving_key", "witness_key", "witness_mldsa_key", "from",
    "until",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency that was founded or admitted at `index`."""

    name: str
    country: str
    type: str
    root: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """Keys bound to a role handle, a desk or a recovery key, from `index` on until `revoked`."""

    subject: str
    agency: str
    type: str
    roles: tuple[str, ...]
    signing_key: bytes | None
    receiving_key: bytes | None
    witness_key: bytes | None
    witness_mldsa_key: bytes | None
    index: int
    revoked: int | None = None

    def is_valid_at(self, index: int) -> bool:
        """Whether something signed at this log index counts."""
        return self.index < index and (self.revoked is None or index <= self.revoked)


@dataclass(frozen=True, slots=True)
class ReceivingKey:
    """An operator's receiving key of the day."""

    operator: str
    key: bytes
    day: str
    until: str
    index: int


@dataclass
class Directory:
    """State of the directory. Feed it with `apply`, in order of index."""

    origin: str
    broker: str = ""
    operators: tuple[str, ...] = ()
    log_key: bytes = b""
    log_mldsa_key: bytes = b""
    network: str = ""
    last: int = -1
    successor: str | None = None
    agencies: dict[str, Agency] = field(default_factory=dict)
    certificates: list[Certificate] = field(default_factory=list)
    deputies: dict[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)  # (index, handle), oldest first
    receiving_keys: list[ReceivingKey] = field(default_factory=list)
    _of: dict[str, tuple[Certificate, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._of = {}
        for one in self.certificates:
            self._of[one.subject] = (*self._of.get(one.subject, ()), one)

    def copy(self) -> "Directory":
        """An independent state; the elements never change, only the containers do."""
        return replace(
            self,
            agencies=dict(self.agencies),
            certificates=list(self.certificates),
            deputies=dict(self.deputies),
            receiving_keys=list(self.receiving_keys),
        )

    @classmethod
    def replay(cls, origin: str, entries: Iterable[tuple[int, bytes]]) -> "Directory":
        """The state after these (index, statement bytes).

        Raises:
            FormatError, SignatureInvalid, Conflict: an entry that no honest broker would have taken.
        """
        directory = cls(origin)
        for index, data in entries:
            directory.apply(index, data)
        return directory

    # ---- What is known ------------------------------------------------------------------------------------------

    def agency(self, name: str) -> Agency:
        """Raises NotFound for an agency that is not in."""
        if name not in self.agencies:
            raise NotFound(f"no agency {name} is in this network")
        return self.agencies[name]

    def find_certificate(self, subject: str, at: int | None = None) -> Certificate | None:
        """The certificate of a subject that counts at log index `at` (None: now)."""
        moment = self.last + 1 if at is None else at
        return next((one for one in reversed(self._of.get(subject, ())) if one.is_valid_at(moment)), None)

    def history(self, subject: str) -> tuple[Certificate, ...]:
        """Every certificate a subject ever had, oldest first, revoked ones included."""
        return self._of.get(subject, ())

    def certificate(self, subject: str, at: int | None = None) -> Certificate:
        """As `find_certificate`; raises NotFound when there is none."""
        found = self.find_certificate(subject, at)
        if found is None:
            raise NotFound(f"{subject} has no certificate that counts here")
        return found

    def officers(self, agency: str, role: str | None = None, at: int | None = None) -> list[Certificate]:
        """Officers and administrators with a certificate that counts, in order of handle."""
        moment = self.last + 1 if at is None else at
        found = [
            one
            for one in self.certificates
            if one.agency == agency and one.type in ("officer", "administrator") and one.is_valid_at(moment)
        ]
        return sorted((one for one in found if role is None or role in one.roles), key=lambda one: one.subject)

    def administrators(self, agency: str, at: int | None = None) -> list[Certificate]:
        """Administrators of an agency."""
        return [one for one in self.officers(agency, at=at) if one.type == "administrator"]

    def deputy(self, agency: str, at: int | None = None) -> str | None:
        """Role handle of the agency's deputy at log index `at` (None: now), an officer of another agency."""
        moment = self.last + 1 if at is None else at
        return next((name for index, name in reversed(self.deputies.get(agency, ())) if index < moment), None)

    def desk(self, agency: str, at: int | None = None) -> Certificate:
        """The desk's certificate."""
        return self.certificate(f"desk/{agency}", at)

    def recovery_key(self, agency: str) -> bytes:
        """The agency's recovery key."""
        key = self.certificate(f"recovery/{agency}").receiving_key
        if key is None:
            raise NotFound(f"{agency} has no recovery key")
        return key

    def signing_key(self, by: str, at: int | None = None) -> bytes | None:
        """Key of a signer (role handle, `desk/..`, `root/..`, `log`) at a log index; None if it may not sign there."""
        if by == "log":
            return self.log_key or None
        if by.startswith("root/"):
            known = self.agencies.get(by.removeprefix("root/"))
            return known.root if known else None
        found = self.find_certificate(by, at)
        return found.signing_key if found else None

    def receiving_key(self, operator: str, day: str) -> ReceivingKey:
        """The operator's newest receiving key that is good on this day.

        Raises:
            NotFound: there is none.
        """
        for one in reversed(self.receiving_keys):
            if one.operator == operator and one.day <= day <= one.until:
                return one
        raise NotFound(f"the broker has published no receiving key for {day}")

    def takes_two(self, agency: str, signers: Iterable[str], at: int | None = None) -> bool:
        """Whether two officers of the agency who act on evidence (or one and its deputy) are among the signers."""
        names = set(signers)
        own = {one.subject for one in self.officers(agency, at=at) if ACTING & set(one.roles)} & names
        return len(own) >= 2 or (len(own) == 1 and self.deputy(agency, at) in names)

    def has_administrators(self, agency: str, signers: Iterable[str], at: int | None = None) -> bool:
        """Whether two administrators of the agency, or one and its deputy, are among the signers."""
        names = set(signers)
        own = {one.subject for one in self.administrators(agency, at)} & names
        return len(own) >= 2 or (len(own) == 1 and self.deputy(agency, at) in names)

    # ---- How it changes -----------------------------------------------------------------------------------------

    def apply(self, index: int, data: bytes) -> Statement:
        """Check a statement against the state before it, and take it in.

        Raises:
            FormatError, SignatureInvalid, Conflict, NotFound
        """
        statement = parse_statement(data)
        change = self.check(index, statement)
        change()
        self.last = index
        return statement

    def check(self, index: int, statement: Statement) -> "Any":
        """Check a statement as entry `index`; the returned function takes it in."""
        body = statement.value
        if type(body.get("v")) is not int or body["v"] != 1 or body.get("log") != self.origin:
            raise FormatError("a directory entry of another version or log")
        if index <= self.last:
            raise Conflict("directory entries come in order")
        kinds: Mapping[str, Any] = {
            "broker": self._broker,
            "receiving-key": self._receiving_key,
            "founding": self._founding,
            "admission": self._admission,
            "certificate": self._certificate,
            "deputy": self._deputy,
            "revocation": self._revocation,
            "log-closed": self._log_closed,
        }
        kind = body.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            raise FormatError("a directory entry of no known kind")
        return kinds[kind](index, statement, body)

    def _broker(self, index: int, statement: Statement, body: dict[str, Any]) -> Any:
        _members(body, _COMMON | {"broker", "operators", "log_key", "log_mldsa_key"})
        if index != 0:
            raise FormatError("the broker's own entry is the first of a log")
        log_key = _ed25519(body["log_key"])
        mldsa = unb64u(body["log_mldsa_key"], signing.MLDSA_PUBLIC_KEY_BYTES)
        operators = tuple(_match(OPERATOR, name) for name in _list(body["operators"]))
        broker = _match(AGENCY, body["broker"])
        self._verify(statement, {"log": log_key}, index)

        def change() -> None:
            self.broker, self.operators, self.log_key, self.log_mldsa_key = broker, operators, log_key, mldsa

        return change

    def _receiving_key(self, index: int, statement: Statement, body: dict[str, Any]) -> Any:
        _members(body, _COMMON | {"operator", "receiving_key", "day", "until"})
        key = unb64u(body["receiving_key"], hybrid.PUBLIC_BYTES)
        hybrid.check_public_key(key)
        if _text(body["operator"]) not in self.operators:
            raise FormatError("a receiving key of an unknown operator")
        self._verify(statement, {"log": self.log_key}, index)
        made = ReceivingKey(body["operator"], key, _date(body["day"]), _date(body["until"]), index)
        return lambda: self.receiving_keys.append(made)

    def _founding(self, index: int, statement: Statement, body: dict[str, Any]) -> Any:
        _members(body, _COMMON | {"network", "agencies"})
        founders = [self._parse_agency(one, index) for one in _list(body["agencies"])]
        if self.agencies:
            raise Conflict("this network was founded already")
        if len(founders) < LEAST_FOUNDERS or len({one.name for one in founders}) != len(founders):
            raise FormatError("a network is founded by two agencies at least, each once")
        network = _text(body["network"])
        self._verify(statement, {f"root/{one.name}": one.root for one in founders}, index)

        def change() -> None:
            self.network = network
            self.agencies.update({one.name: one for one in founders})

        return change

    def _admission(self, index: int, statement: Statement, body: dict[str, Any]) -> Any:
        _members(body, _COMMON | {"agency"})
        new = self._parse_agency(body["agency"], index)
        if new.name in self.agencies:
            raise Conflict(f"{new.name} is in this network already")
        root = f"root/{new.name}"
        if root not in statement.signers:
            raise SignatureInvalid("the new agency's root has not signed")
        self._verify_all(statement, index, {root: new.root})
        vouching = [
            name
            for name in self.agencies
            if sum(one.subject in statement.signers for one in self.administrators(name, index)) >= 2
        ]
        if len(vouching) < 2:
            raise SignatureInvalid("two administrators of each of two agencies admit a new one")
        return lambda: self.agencies.update({new.name: new})

    def _certificate(self, index: int, statement: Statement, body: dict[str, Any]) -> Any:
        made = parse_certificate(body, index)
        self.agency(made.agency)
        self._check_replacement(made, index)
        own = {made.subject: made.signing_key} if made.signing_key else {}
        if own and made.subject not in statement.signers:
            raise SignatureInvalid("the new key has not signed its own certificate")
        self._verify_all(statement, index, own)
        issuers = set(statement.signers) - {made.subject}
        if made.type == "officer":
            self._require_administrators(made.agency, issuers, index)
        elif issuers != {f"root/{made.agency}"}:
            raise SignatureInvalid("the agency's root certifies administrators, desk and recovery key")

        def change() -> None:
            if made.type in ("desk", "recovery"):
                self._revoke(made.subject, index)
            self.certificates.append(made)
            self._of[made.subject] = (*self._of.get(made.subject, ()), made)

        return change

    def _check_replacement(self, made: Certificate, index: int) -> None:
        if made.type in ("desk", "recovery"):
            return
        if self.find_certificate(made.subject, index) is not None:
            raise Conflict(f"{made.subject} has a certificate; revoke it first")

    def _deputy(self, index: int, statement: Statement, body: dict[str, Any]) -> Any:
        _members(body, _COMMON | {"agency", "officer"})
        agency, officer = self.agency(_text(body["agency"])).name, _match(ROLE_HANDLE, body["officer"])
        found = self.certificate(officer, index)
        if found.agency == agency:
            raise FormatError("a deputy is an officer of another agency")
        self._verify(statement, {f"root/{agency}": self.agencies[agency].root}, index)
        return lambda: self.deputies.update({agency: (*self.deputies.get(agency, ()), (index, officer))})

    def _revocation(self, index: int, statement: Statement, body: dict[str, Any]) -> Any:
        _members(body, _COMMON | {"agency", "subject", "certificate"})
        agency = self.agency(_text(body["agency"])).name
        found = self.certificate(_text(body["subject"]), index)
        named = body["certificate"]
        if found.agency != agency or type(named) is not int or found.index != named:
            raise FormatError("the revocation names another certificate")
        self._verify_all(statement, index, {})
        by_root = set(statement.signers) == {f"root/{agency}"} and found.type != "officer"
        if not by_root:
            self._require_administrators(agency, set(statement.signers), index)
        return lambda: self._revoke(found.subject, index)

    def _log_closed(self, index: int, statement: Statement, body: dict[str, Any]) -> Any:
        _members(body, _COMMON | {"successor"})
        successor = _match(ORIGIN, body["successor"])
        self._verify(statement, {"log": self.log_key}, index)

        def change() -> None:
            self.successor = successor

        return change

    # ---- Rules that several kinds share -------------------------------------------------------------------------

    def _verify(self, statement: Statement, keys: Mapping[str, bytes], index: int) -> None:
        """Exactly these signed."""
        if set(statement.signers) != set(keys):
            raise SignatureInvalid("the statement is not signed by those who have to")
        verify_statement(statement, labels.DIRECTORY, keys.get)

    def _verify_all(self, statement: Statement, index: int, extra: Mapping[str, bytes]) -> None:
        """Everybody who signed may sign at this index."""
        verify_statement(statement, labels.DIRECTORY, lambda by: extra.get(by) or self.signing_key(by, index))

    def _require_administrators(self, agency: str, signers: set[str], index: int) -> None:
        # Exactly two: a third signature would let two readers disagree on what the statement is.
        if len(signers) == 2 and self.has_administrators(agency, signers, index):
            return
        raise SignatureInvalid("two administrators of the agency sign this, or one and the deputy")

    def _revoke(self, subject: str, index: int) -> None:
        struck = {one.index: replace(one, revoked=index) for one in self._of.get(subject, ()) if one.revoked is None}
        self.certificates = [struck.get(one.index, one) for one in self.certificates]
        self._of[subject] = tuple(struck.get(one.index, one) for one in self._of.get(subject, ()))

    def _parse_agency(self, value: Any, index: int) -> Agency:
        _members(value, {"name", "country", "type", "root"})
        name, country = _match(AGENCY, value["name"]), _match(_COUNTRY, value["country"])
        if value["type"] not in TYPES:
            raise FormatError("an agency is of a known type")
        if name in RESERVED:
            raise FormatError("an agency cannot have a name that stands for a kind of key")
        return Agency(name, country, value["type"], _ed25519(value["root"]), index)


def parse_certificate(body: dict[str, Any], index: int) -> Certificate:
    """Check the members of a certificate's body and the form of its keys.

    Raises:
        FormatError
    """
    _members(body, _CERTIFICATE)
    kind, agency = _text(body["type"]), _match(AGENCY, body["agency"])
    _date(body["from"])
    if body["until"] is not None:
        _date(body["until"])
    roles = tuple(_text(role) for role in _list(body["roles"]))
    if list(roles) != sorted(set(roles)) or any(role not in ROLES for role in roles):
        raise FormatError("the roles are not a sorted list of known ones")
    keys = _keys(body)
    wanted: dict[str, tuple[str, tuple[bool, bool, bool, bool]]] = {
        "officer": ("", (True, True, False, False)),
        "administrator": ("", (True, True, False, False)),
        "desk": (f"desk/{agency}", (True, False, True, True)),
        "recovery": (f"recovery/{agency}", (False, True, False, False)),
    }
    if kind not in wanted or tuple(key is not None for key in keys) != wanted[kind][1]:
        raise FormatError("a certificate of this type has other keys")
    subject = _text(body["subject"])
    if wanted[kind][0]:
        if subject != wanted[kind][0] or roles:
            raise FormatError("a certificate of this type has another subject")
    elif _match(ROLE_HANDLE, subject).split("/")[0] != agency or not roles:
        raise FormatError("an officer's certificate names a role handle of the agency and its roles")
    if kind in ("officer", "administrator") and ("administrator" in roles) != (kind == "administrator"):
        raise FormatError("administrators are certified by the root, officers by administrators")
    return Certificate(subject, agency, kind, roles, *keys, index=index)


def _keys(body: dict[str, Any]) -> tuple[bytes | None, bytes | None, bytes | None, bytes | None]:
    signing_key = None if body["signing_key"] is None else _ed25519(body["signing_key"])
    witness_key = None if body["witness_key"] is None else _ed25519(body["witness_key"])
    receiving = None if body["receiving_key"] is None else unb64u(body["receiving_key"], hybrid.PUBLIC_BYTES)
    if receiving is not None:
        hybrid.check_public_key(receiving)
    mldsa = body["witness_mldsa_key"]
    return (
        signing_key,
        receiving,
        witness_key,
        None if mldsa is None else unb64u(mldsa, signing.MLDSA_PUBLIC_KEY_BYTES),
    )


def _members(value: Any, names: set[str]) -> None:
    if not isinstance(value, dict) or set(value) != names:
        raise FormatError("members are missing, or there are unknown ones")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or any(not isinstance(one, (str, dict)) for one in value):
        raise FormatError("a list is expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise FormatError("a text is expected")
    return value


def _date(value: Any) -> str:
    try:
        good = isinstance(value, str) and _DATE.match(value) and date.fromisoformat(value)
    except ValueError:
        good = None
    if not good:
        raise FormatError("a date is YYYY-MM-DD")
    return str(value)


def _match(form: Any, value: Any) -> str:
    if not isinstance(value, str) or not form.match(value):
        raise FormatError("a name has another form")
    return value


def _ed25519(value: Any) -> bytes:
    key = unb64u(value, signing.PUBLIC_KEY_BYTES)
    signing.check_public_key(key)
    return key
