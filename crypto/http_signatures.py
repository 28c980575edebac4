"""HTTP message signatures after RFC 9421, in the one profile of docs/protocol.md 9.

One signature labelled `amparo` over seven components, five parameters, Ed25519 of the desk. There is one
spelling: whatever deviates from it, also in the order of the parameters, is refused.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Final

from crypto import signing
from crypto.digests import sha256
from crypto.encoding import b64, b64u, unb64, unb64u
from errors import FormatError, SignatureInvalid

COMPONENTS: Final = (
    "@method", "@authority", "@path", "@query", "content-digest", "content-type", "amparo-broker"
)  # fmt: skip
TAG: Final = "amparo/v1"
NONCE_BYTES: Final = 16
LONGEST_SECONDS: Final = 300
EMPTY_TYPE: Final = "application/octet-stream"
KEY_ID: Final = re.compile(r"(?:desk/[a-z0-9-]{1,40}|invite/[A-Za-z0-9_-]{22})\Z")

_COVERED: Final = "(" + " ".join(f'"{name}"' for name in COMPONENTS) + ")"
_INPUT: Final = re.compile(
    r"amparo=" + re.escape(_COVERED) + r";created=(?P<created>[0-9]{1,15});expires=(?P<expires>[0-9]{1,15})"
    r';nonce="(?P<nonce>[A-Za-z0-9_-]{22})";keyid="(?P<key_id>[a-zA-Z0-9_/-]{1,64})";tag="amparo/v1"\Z'
)
_SIGNATURE: Final = re.compile(r"amparo=:(?P<signature>[A-Za-z0-9+/=]{88}):\Z")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")


@dataclass(frozen=True, slots=True)
class RequestParts:
    """The values of the seven components, as they stand on the wire.

    `query` is the raw query string without its question mark; `authority` the configured name of the broker.
    """

    method: str
    authority: str
    path: str
    query: str
    content_digest: str
    content_type: str
    broker: str


@dataclass(frozen=True, slots=True)
class SignatureParameters:
    """The parameters of a signature; times in seconds of POSIX time, `nonce` 16 random bytes."""

    created: int
    expires: int
    nonce: bytes
    key_id: str

    def dump(self) -> str:
        """The inner list with its parameters: the value of `@signature-params`."""
        return (
            f'{_COVERED};created={self.created};expires={self.expires};nonce="{b64u(self.nonce)}"'
            f';keyid="{self.key_id}";tag="{TAG}"'
        )


def content_digest(body: bytes) -> str:
    """The value of `Content-Digest`, for an empty body too."""
    return f"sha-256=:{b64(sha256(body))}:"


def require_content_digest(body: bytes, value: str) -> None:
    """Raise SignatureInvalid unless the header names the digest of exactly this body."""
    if not hmac.compare_digest(content_digest(body).encode(), value.encode("utf-8", "replace")):
        raise SignatureInvalid("Content-Digest is not the digest of the body")


def signature_base(parts: RequestParts, parameters: SignatureParameters) -> bytes:
    """The bytes that are signed (RFC 9421, section 2.5).

    Raises:
        FormatError: a value with a control character or with white space at an end.
    """
    values = (
        parts.method, parts.authority, parts.path, "?" + parts.query, parts.content_digest,
        parts.content_type, parts.broker,
    )  # fmt: skip
    if not all(_VALUE.match(value) for value in values):
        raise FormatError("a signed component is empty or not plain ASCII")
    lines = [f'"{name}": {value}' for name, value in zip(COMPONENTS, values, strict=True)]
    return "\n".join([*lines, f'"@signature-params": {parameters.dump()}']).encode("ascii")


def sign_request(key: signing.SigningKey, parts: RequestParts, parameters: SignatureParameters) -> dict[str, str]:
    """The headers that a request needs: the signature, and the covered fields as they were signed."""
    signature = key.sign_raw(signature_base(parts, parameters))
    return {
        "Content-Digest": parts.content_digest,
        "Content-Type": parts.content_type,
        "Amparo-Broker": parts.broker,
        "Signature-Input": f"amparo={parameters.dump()}",
        "Signature": f"amparo=:{b64(signature)}:",
    }


def parse_signature_input(value: str) -> SignatureParameters:
    """Read `Signature-Input`.

    Raises:
        FormatError: another component, parameter, order or spelling, or a life of more than 300 seconds.
    """
    found = _INPUT.match(value)
    if not found or not KEY_ID.match(found["key_id"]):
        raise FormatError("Signature-Input is not of the profile amparo/v1")
    parameters = SignatureParameters(
        int(found["created"]), int(found["expires"]), unb64u(found["nonce"], NONCE_BYTES), found["key_id"]
    )
    if parameters.dump() != value.removeprefix("amparo="):
        raise FormatError("Signature-Input is not in its one spelling")
    if not 0 < parameters.expires - parameters.created <= LONGEST_SECONDS:
        raise FormatError("a signed request lives for 300 seconds at most")
    return parameters


def verify_request(public_key: bytes, parts: RequestParts, parameters: SignatureParameters, signature: str) -> None:
    """Check the signature of a request against the key that its `keyid` names.

    Args:
        public_key: 32 bytes, Ed25519.
        parts: the components, of which the caller has checked authority, broker and digest of the body.
        parameters: from `parse_signature_input`.
        signature: the value of the header `Signature`.

    Raises:
        FormatError: `Signature` has another form.
        SignatureInvalid: it was not made by this key over these components.
    """
    found = _SIGNATURE.match(signature)
    if not found:
        raise FormatError("Signature is not of the profile amparo/v1")
    raw = unb64(found["signature"], signing.SIGNATURE_BYTES)
    signing.verify_raw(public_key, signature_base(parts, parameters), raw)
