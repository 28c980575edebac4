"""Statements, and the directory: whose signature counts at which position of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .encoding import (
    AGENCY,
    HANDLE,
    Malformed,
    Refused,
    binary,
    canonical,
    choice,
    date,
    handle_agency,
    integer,
    is_prime_order_point,
    is_receiving_key,
    listing,
    nullable,
    pattern,
    read_fields,
    refusing,
    require,
    shape,
    signed_by,
    text,
)
from .notes import Checkpoint, prove

ROLES = ("administrator", "auditor", "case-worker", "liaison", "prosecutor", "supervisor")
SIGNING_ROLES = {"liaison", "prosecutor", "case-worker", "supervisor"}
CODE = "pack-signer"
MAX_SIGNATURES = 24
MAX_BODY = 256 * 1024
MAX_NAME = 64

_COMMON = {"v": choice(1), "log": text(), "agency": pattern(AGENCY)}
_CERTIFICATE = shape(
    _COMMON
    | {
        "kind": choice("certificate"),
        "subject": text(),
        "type": choice("officer", "administrator", "desk", "recovery"),
        "roles": listing(choice(*ROLES)),
        "signing_key": nullable(binary(32)),
        "receiving_key": nullable(binary(1216)),
        "witness_key": nullable(binary(32)),
        "witness_mldsa_key": nullable(binary(1312)),
        "from": date,
        "until": nullable(date),
    }
)
_DEPUTY = shape(_COMMON | {"kind": choice("deputy"), "officer": pattern(HANDLE)})
_REVOCATION = shape(_COMMON | {"kind": choice("revocation"), "subject": text(), "certificate": integer(0)})
_SHAPES = {"certificate": _CERTIFICATE, "deputy": _DEPUTY, "revocation": _REVOCATION}
_KEYS = {
    "officer": {"signing_key", "receiving_key"},
    "administrator": {"signing_key", "receiving_key"},
    "desk": {"signing_key", "witness_key", "witness_mldsa_key"},
    "recovery": {"receiving_key"},
}


@dataclass(frozen=True)
class Statement:
    """A signed statement: the body's bytes, the body parsed, and the signatures in their order."""

    raw: bytes
    body: Any
    signatures: dict[str, bytes]


@dataclass(frozen=True)
class Entry:
    """A directory statement at its index."""

    index: int
    body: dict[str, Any]


def read_statement(data: bytes) -> Statement:
    """Parse a statement; no signature is checked yet."""
    items = read_fields(data)
    if len(items) < 4 or len(items) % 2 or items[0] != b"amparo/v1/statement":
        raise Malformed("not a statement")
    if len(items) > 2 + 2 * MAX_SIGNATURES or len(items[1]) > MAX_BODY:
        raise Malformed("statement is too long")
    signatures: dict[str, bytes] = {}
    for name, signature in zip(items[2::2], items[3::2], strict=True):
        try:
            by = name.decode("ascii")
        except UnicodeDecodeError as error:
            raise Malformed("signer is not ASCII") from error
        if by in signatures or not 0 < len(by) <= MAX_NAME or len(signature) != 64:
            raise Malformed("signer twice, or name or signature of another length")
        signatures[by] = signature
    body = canonical(items[1])
    if not isinstance(body, dict):
        raise Malformed("the body of a statement is an object")
    return Statement(items[1], body, signatures)


def _check_certificate_form(body: dict[str, Any]) -> None:
    kind, subject, agency = body["type"], body["subject"], body["agency"]
    if kind in ("desk", "recovery"):
        good = subject == f"{kind}/{agency}" and not body["roles"]
    else:
        good = handle_agency(subject) == agency and bool(body["roles"])
    if not good or body["roles"] != sorted(set(body["roles"])):
        raise Malformed("subject or roles do not fit the type")
    for name in ("signing_key", "receiving_key", "witness_key", "witness_mldsa_key"):
        if (body[name] is not None) != (name in _KEYS[kind]):
            raise Malformed(f"{name} does not fit the type")
    if ("administrator" in body["roles"]) != (kind == "administrator"):
        raise Malformed("the role administrator does not fit the type")
    for name in ("signing_key", "witness_key"):
        if body[name] is not None and not is_prime_order_point(body[name]):
            raise Malformed(f"{name} is no key")
    if body["receiving_key"] is not None and not is_receiving_key(body["receiving_key"]):
        raise Malformed("receiving_key is no key")


class Directory:
    """The certificates, deputies and revocations of a pack, each checked from the roots of the trust file on."""

    def __init__(self, log: str, roots: dict[str, bytes]) -> None:
        """Start with no entries, for this log, from the roots of these agencies."""
        self._log = log
        self._roots = roots
        self._certificates: dict[str, list[Entry]] = {}
        self._deputies: dict[str, list[Entry]] = {}
        self._revoked: dict[int, int] = {}

    def certificate(self, subject: str, position: int) -> Entry | None:
        """The certificate of this subject that counts at this position of the log."""
        for entry in reversed(self._certificates.get(subject, [])):
            if entry.index < position and self._revoked.get(entry.index, position) >= position:
                return entry
        return None

    def deputy(self, agency: str, position: int) -> str | None:
        """The deputy of this agency at this position."""
        entries = [entry for entry in self._deputies.get(agency, []) if entry.index < position]
        return entries[-1].body["officer"] if entries else None

    def officer_key(self, handle: str, position: int, *, any_role: bool = False) -> bytes:
        """The signing key of an officer whose signature counts here, in one of the roles that deal with evidence."""
        entry = self.certificate(handle, position)
        if entry is None or entry.body["type"] not in ("officer", "administrator"):
            raise Refused(CODE, f"{handle} has no certificate that counts at {position}")
        if not any_role and not SIGNING_ROLES.intersection(entry.body["roles"]):
            raise Refused(CODE, f"{handle} has no role that signs this")
        key: bytes = entry.body["signing_key"]
        return key

    def check_event(self, statement: Statement, officer: str, agency: str, position: int) -> None:
        """Refuse unless an event is signed by its officer alone, who is of its agency and counts here."""
        require(list(statement.signatures) == [officer], CODE, f"not signed by {officer} alone")
        require(handle_agency(officer) == agency, CODE, f"{officer} is no officer of {agency}")
        key = self.officer_key(officer, position)
        good = signed_by(key, statement.signatures[officer], "amparo/v1/event-sig", statement.raw)
        require(good, CODE, f"signature of {officer} is wrong")

    def add(self, index: int, statement: Statement) -> None:
        """Take in the directory statement at this index, in order of index."""
        with refusing(CODE, f"directory entry {index}"):
            kind = statement.body.get("kind")
            if not isinstance(kind, str) or kind not in _SHAPES:
                raise Malformed("not a certificate, deputy or revocation")
            entry = Entry(index, _SHAPES[kind](statement.body))
            if entry.body["log"] != self._log or entry.body["agency"] not in self._roots:
                raise Malformed("of another log, or of an agency that the trust file does not name")
            if kind == "certificate":
                self._add_certificate(entry, statement)
            elif kind == "deputy":
                self._add_deputy(entry, statement)
            else:
                self._add_revocation(entry, statement)

    def _add_certificate(self, entry: Entry, statement: Statement) -> None:
        body, issuers = entry.body, set(statement.signatures)
        _check_certificate_form(body)
        if body["signing_key"] is not None:
            if body["subject"] not in issuers:
                raise Malformed("no proof that the subject has the key")
            issuers.remove(body["subject"])
            self._check_key(body["signing_key"], statement, body["subject"])
        if body["type"] == "officer":
            self._check_two(issuers, entry, statement)
        else:
            self._check_root(issuers, entry, statement)
        if body["type"] in ("officer", "administrator") and self.certificate(body["subject"], entry.index):
            raise Malformed("a second certificate before the first was revoked")
        if (replaced := self.certificate(body["subject"], entry.index)) is not None:
            self._revoked[replaced.index] = entry.index
        self._certificates.setdefault(body["subject"], []).append(entry)

    def _add_deputy(self, entry: Entry, statement: Statement) -> None:
        self._check_root(set(statement.signatures), entry, statement)
        if handle_agency(entry.body["officer"]) == entry.body["agency"]:
            raise Malformed("deputy is of the agency itself")
        if self.certificate(entry.body["officer"], entry.index) is None:
            raise Malformed("deputy has no certificate that counts here")
        self._deputies.setdefault(entry.body["agency"], []).append(entry)

    def _add_revocation(self, entry: Entry, statement: Statement) -> None:
        body, signers = entry.body, set(statement.signatures)
        target = self.certificate(body["subject"], entry.index)
        if target is None or target.index != body["certificate"] or target.body["agency"] != body["agency"]:
            raise Malformed("revokes no certificate that counts here")
        if target.body["type"] != "officer" and signers == {f"root/{body['agency']}"}:
            self._check_root(signers, entry, statement)
        else:
            self._check_two(signers, entry, statement)
        self._revoked[target.index] = entry.index

    def _check_key(self, key: bytes, statement: Statement, by: str) -> None:
        if not signed_by(key, statement.signatures[by], "amparo/v1/directory", statement.raw):
            raise Malformed(f"signature of {by} is wrong")

    def _check_root(self, signers: set[str], entry: Entry, statement: Statement) -> None:
        root = f"root/{entry.body['agency']}"
        if signers != {root}:
            raise Malformed("not signed by exactly the agency's root")
        self._check_key(self._roots[entry.body["agency"]], statement, root)

    def _check_two(self, signers: set[str], entry: Entry, statement: Statement) -> None:
        agency, administrators = entry.body["agency"], 0
        deputy = self.deputy(agency, entry.index)
        if len(signers) != 2:
            raise Malformed("not signed by exactly two administrators, or one and the deputy")
        for by in signers:
            certificate = self.certificate(by, entry.index)
            if certificate is None:
                raise Malformed(f"{by} has no certificate that counts here")
            administrator = certificate.body["type"] == "administrator" and certificate.body["agency"] == agency
            if not administrator and by != deputy:
                raise Malformed(f"{by} is neither administrator nor deputy of {agency}")
            administrators += administrator
            self._check_key(certificate.body["signing_key"], statement, by)
        if administrators < 1:
            raise Malformed("no administrator has signed")


def read_directory(
    files: dict[str, bytes], indexes: list[int], log: str, roots: dict[str, bytes], checkpoint: Checkpoint
) -> Directory:
    """The directory of a pack: each entry proven to stand in the log at its index, and signed by whom it must be."""
    directory = Directory(log, roots)
    for index in indexes:
        path = f"data/certificates/{index}"
        with refusing("pack-log", path):
            at = prove(files[path + ".tlog-proof"], b"\x01" + files[path + ".statement"], checkpoint)
            if at != index:
                raise Malformed("stands at another index")
        with refusing(CODE, path):
            statement = read_statement(files[path + ".statement"])
        directory.add(index, statement)
    return directory
