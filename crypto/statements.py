"""Statements: a canonical JSON body with named signatures (docs/protocol.md 1).

Directory entries and events are statements.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from crypto import labels, signing
from crypto.encoding import dump_json, fields, parse_fields, parse_json
from errors import FormatError, SignatureInvalid

MOST_SIGNATURES: Final = 24
LARGEST_BODY_BYTES: Final = 256 * 1024
LONGEST_NAME: Final = 64

FindKey = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Statement:
    """Body bytes as signed, and (by, signature) pairs in the order in which they were made."""

    body: bytes
    signatures: tuple[tuple[str, bytes], ...]

    @property
    def value(self) -> dict[str, Any]:
        """The parsed body."""
        found = parse_json(self.body, max_bytes=LARGEST_BODY_BYTES)
        if not isinstance(found, dict):
            raise FormatError("a statement's body is an object")
        return found

    @property
    def signers(self) -> tuple[str, ...]:
        """Who signed."""
        return tuple(by for by, _ in self.signatures)

    def dump(self) -> bytes:
        """The statement's bytes."""
        parts: list[bytes | str] = [self.body]
        for by, signature in self.signatures:
            parts += [by, signature]
        return fields(labels.STATEMENT, *parts)

    def signed_by(self, label: bytes, by: str, key: signing.SigningKey) -> "Statement":
        """The same statement with one signature more."""
        return Statement(self.body, (*self.signatures, (by, key.sign(label, self.body))))


def make_statement(value: Mapping[str, Any]) -> Statement:
    """An unsigned statement."""
    return Statement(dump_json(dict(value)), ())


def parse_statement(data: bytes) -> Statement:
    """Read a statement's bytes; no signature is checked here.

    Raises:
        FormatError: another form, no signature, one signer twice, or a body that is not canonical JSON.
    """
    body, *rest = parse_fields(data, labels.STATEMENT, most=2 + 2 * MOST_SIGNATURES) or [b""]
    if not rest or len(rest) % 2:
        raise FormatError("a statement has a body and signatures")
    pairs = tuple((_name(rest[at]), rest[at + 1]) for at in range(0, len(rest), 2))
    if len({by for by, _ in pairs}) != len(pairs):
        raise FormatError("a statement names one signer twice")
    if any(len(signature) != signing.SIGNATURE_BYTES for _, signature in pairs):
        raise FormatError("a signature has 64 bytes")
    statement = Statement(body, pairs)
    if not isinstance(statement.value, dict):
        raise FormatError("a statement's body is an object")
    return statement


def _name(raw: bytes) -> str:
    try:
        name = raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError("a signer's name is not ASCII") from error
    if not 0 < len(name) <= LONGEST_NAME:
        raise FormatError("a signer's name is empty or too long")
    return name


def verify_statement(statement: Statement, label: bytes, find_key: FindKey) -> None:
    """Check every signature; `find_key` gives the key of a signer, or None for somebody who may not sign.

    Raises:
        SignatureInvalid
    """
    if not statement.signatures:
        raise SignatureInvalid("nobody signed this statement")
    for by, signature in statement.signatures:
        key = find_key(by)
        if key is None:
            raise SignatureInvalid(f"{by} may not sign this, or is not known at this place of the log")
        signing.verify(key, label, statement.body, signature=signature)
