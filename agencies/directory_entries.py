"""Bodies of directory entries, still to be signed under `labels.DIRECTORY` (docs/protocol.md 2)."""

from collections.abc import Iterable, Mapping
from typing import Any

from agencies.directory import Certificate
from crypto.encoding import b64u
from crypto.statements import Statement, make_statement


def broker_body(origin: str, broker: str, operators: list[str], log_key: bytes, log_mldsa_key: bytes) -> dict[str, Any]:
    """Body of the first entry of a log."""
    return {
        "v": 1, "kind": "broker", "log": origin, "broker": broker, "operators": operators,
        "log_key": b64u(log_key), "log_mldsa_key": b64u(log_mldsa_key),
    }  # fmt: skip


def receiving_key_body(origin: str, operator: str, key: bytes, day: str, until: str) -> dict[str, Any]:
    """Body of a receiving key's entry."""
    return {
        "v": 1, "kind": "receiving-key", "log": origin, "operator": operator, "receiving_key": b64u(key),
        "day": day, "until": until,
    }  # fmt: skip


def agency_value(name: str, country: str, kind: str, root: bytes) -> dict[str, Any]:
    """An agency object of founding and admission."""
    return {"name": name, "country": country, "type": kind, "root": b64u(root)}


def founding_body(origin: str, network: str, agencies: list[dict[str, Any]]) -> dict[str, Any]:
    """Body of the founding entry."""
    return {"v": 1, "kind": "founding", "log": origin, "network": network, "agencies": agencies}


def admission_body(origin: str, agency: dict[str, Any]) -> dict[str, Any]:
    """Body of an admission."""
    return {"v": 1, "kind": "admission", "log": origin, "agency": agency}


def certificate_body(
    origin: str,
    subject: str,
    agency: str,
    kind: str,
    roles: Iterable[str],
    *,
    signing_key: bytes | None = None,
    receiving_key: bytes | None = None,
    witness_key: bytes | None = None,
    witness_mldsa_key: bytes | None = None,
    valid_from: str,
    until: str | None = None,
) -> dict[str, Any]:
    """Body of a certificate; dates are YYYY-MM-DD."""
    keys = {
        "signing_key": signing_key,
        "receiving_key": receiving_key,
        "witness_key": witness_key,
        "witness_mldsa_key": witness_mldsa_key,
    }
    return {
        "v": 1, "kind": "certificate", "log": origin, "subject": subject, "agency": agency, "type": kind,
        "roles": sorted(roles), "from": valid_from, "until": until,
        **{name: None if key is None else b64u(key) for name, key in keys.items()},
    }  # fmt: skip


def deputy_body(origin: str, agency: str, officer: str) -> dict[str, Any]:
    """Body of a deputy's appointment."""
    return {"v": 1, "kind": "deputy", "log": origin, "agency": agency, "officer": officer}


def revocation_body(origin: str, certificate: Certificate) -> dict[str, Any]:
    """Body of a revocation."""
    return {
        "v": 1, "kind": "revocation", "log": origin, "agency": certificate.agency, "subject": certificate.subject,
        "certificate": certificate.index,
    }  # fmt: skip


def unsigned(body: Mapping[str, Any]) -> Statement:
    """A directory statement that still has to be signed under `labels.DIRECTORY`."""
    return make_statement(body)
