"""Requests signed by a desk (docs/protocol.md 9, RFC 9421): who calls, checked before anything is read."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Request, g
from sqlalchemy.orm import Session

from broker.limits import SKEW, count_request
from broker.models import Invite
from broker.parts import Parts
from crypto import http_signatures as signatures
from crypto.encoding import unb64u
from errors import ClockSkewed, FormatError, NotFound, NotPermitted, SignatureInvalid
from storage.database import transact

# Endpoints that answer without a signature, and those that an invitation opens besides a certificate.
OPEN = frozenset({"api-docs.openapi_json"})
FOR_INVITED = frozenset(
    {
        "broker.describe",
        "directory.list_entries",
        "directory.add_entry",
        "log.get_checkpoint",
        "log.get_tile",
        "log.get_proof",
    }
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The desk that signed the request, or the agency that was invited."""

    key_id: str
    agency: str
    is_invited: bool


def get_caller() -> Caller:
    """The caller of the request at hand."""
    caller: Caller = g.caller
    return caller


def get_agency() -> str:
    """The agency of the caller."""
    return get_caller().agency


def authenticate(parts: Parts, request: Request) -> Caller:
    """Check the signature of a request, its times, its nonce and its rate.

    Raises:
        SignatureInvalid, FormatError: unsigned, or signed otherwise than the protocol says.
        ClockSkewed: too old or too new.
        RequestReplayed, QuotaExceeded
        NotPermitted: an invitation does not open this.
    """
    if "Signature" not in request.headers or "Signature-Input" not in request.headers:
        raise SignatureInvalid("the request is not signed")
    parameters = signatures.parse_signature_input(request.headers["Signature-Input"])
    now = parts.clock()
    _require_time(parameters, now)
    caller, key = transact(parts.readers, lambda session: _find_key(parts, session, parameters.key_id, now))
    signatures.verify_request(key, _components(parts, request), parameters, request.headers["Signature"])
    signatures.require_content_digest(request.get_data(), request.headers.get("Content-Digest", ""))
    keep_until = datetime.fromtimestamp(parameters.expires, UTC) + SKEW
    parts.sequencer.run(
        lambda session: count_request(
            session,
            parts.log_id,
            parameters.key_id,
            parameters.nonce,
            keep_until,
            now,
            parts.settings.requests_per_minute,
        )
    )
    if caller.is_invited and request.endpoint not in FOR_INVITED:
        raise NotPermitted("this needs a certified desk; an invitation opens the directory and the log")
    return caller


def _require_time(parameters: signatures.SignatureParameters, now: datetime) -> None:
    second, skew = now.timestamp(), SKEW // timedelta(seconds=1)
    if parameters.created > second + skew or parameters.expires < second - skew:
        raise ClockSkewed


def _find_key(parts: Parts, session: Session, key_id: str, now: datetime) -> tuple[Caller, bytes]:
    kind, _, name = key_id.partition("/")
    if kind == "desk":
        return Caller(key_id, name, False), _desk_key(parts, session, key_id)
    invite = session.get(Invite, (parts.log_id, unb64u(name, 16)))
    if invite is None or invite.valid_until <= now:
        raise SignatureInvalid("there is no such invitation, or it is over")
    if parts.directories.get(session).find_certificate(f"desk/{invite.agency}") is not None:
        # The desk has its own key now; a second way in would outlive it.
        raise SignatureInvalid("this invitation was used; the desk signs with its own key")
    return Caller(key_id, invite.agency, True), invite.public_key


def _desk_key(parts: Parts, session: Session, key_id: str) -> bytes:
    try:
        key = parts.directories.get(session).certificate(key_id).signing_key
    except NotFound:
        key = None
    if key is None:
        raise SignatureInvalid("this desk has no certificate that counts")
    return key


def _components(parts: Parts, request: Request) -> signatures.RequestParts:
    if request.headers.get("Amparo-Broker") != parts.settings.broker_id:
        raise SignatureInvalid("the request is for another broker")
    # The path and the query as they came: what a server decodes may not be what was signed. The authority is
    # the configured one, never the Host header that a proxy passes.
    path, _, query = request.environ.get("RAW_URI", _rebuild(request)).partition("?")
    return signatures.RequestParts(
        request.method,
        parts.authority,
        path,
        query,
        request.headers.get("Content-Digest", ""),
        request.headers.get("Content-Type", ""),
        request.headers["Amparo-Broker"],
    )


def _rebuild(request: Request) -> str:
    path = request.environ["PATH_INFO"]
    if not path.isascii() or any(sign in path for sign in "%?# "):
        raise FormatError("the path has signs that no address of this broker has")
    return f"{path}?{request.environ.get('QUERY_STRING', '')}"
