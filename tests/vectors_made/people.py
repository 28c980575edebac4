"""Who appears in the vectors: agencies, officers, their keys, and statements that they sign."""

from typing import Any

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, canonical, expand, fields
from tests.vectors_made.book import draw

LOG = "log.example/2026"
NORTH, SOUTH, WEST = "north-police", "south-ngo", "west-court"
ADMIN_1, ADMIN_2 = f"{NORTH}/administrator-1", f"{NORTH}/administrator-2"
LIAISON_3, LIAISON_4 = f"{NORTH}/liaison-3", f"{NORTH}/liaison-4"
SOUTH_ADMIN_1, SOUTH_ADMIN_2 = f"{SOUTH}/administrator-1", f"{SOUTH}/administrator-2"
WORKER_1, WORKER_2 = f"{SOUTH}/case-worker-1", f"{SOUTH}/case-worker-2"
PROSECUTOR_1 = f"{WEST}/prosecutor-1"
NOW = 1_925_000_000
DIRECTORY, EVENT = "amparo/v1/directory", "amparo/v1/event-sig"


def seed(by: str) -> bytes:
    """Ed25519 seed of a signer: `log`, `root/<agency>`, `desk/<agency>`, a role handle."""
    return draw(f"seed of {by}")


def public(by: str) -> bytes:
    return ref.public_key(seed(by))


def receiving_key(by: str) -> bytes:
    """1,216 bytes; the secret is 96 bytes drawn from the name."""
    return ref.xwing_public(draw(f"receiving key of {by}", 96))


def statement(
    body: dict[str, Any] | bytes, *signers: str, label: str = EVENT, pens: dict[str, str] | None = None
) -> bytes:
    """A signed statement; `pens` names whose key signs in place of a signer's own."""
    raw = body if isinstance(body, bytes) else canonical(body)
    parts: list[bytes | str] = []
    for by in signers:
        parts += [by, ref.sign(seed((pens or {}).get(by, by)), fields(label, raw))]
    return fields("amparo/v1/statement", raw, *parts)


def member(by: str, roles: list[str], **more: Any) -> dict[str, Any]:
    """An officer as a vector gives her to the checks: handle, key, roles."""
    return {"handle": by, "key": public(by), "roles": roles, **more}


MEMBERS = [
    member(LIAISON_3, ["liaison"]),
    member(LIAISON_4, ["liaison"]),
    member(WORKER_1, ["case-worker"]),
    member(PROSECUTOR_1, ["prosecutor"]),
]
DEPUTIES = {SOUTH: LIAISON_3}


def tag(object_key: bytes, agency: str, number: int) -> bytes:
    return ref.extract(object_key, fields("amparo/v1/tag", agency, number), "sha256")[:16]


def common(kind: str, officer: str, number: int, tag_bytes: bytes) -> dict[str, Any]:
    """The members that every event has."""
    return {
        "v": 1, "kind": kind, "log": LOG, "agency": officer.split("/")[0], "officer": officer, "number": number,
        "tag": b64u(tag_bytes), "at": NOW + number, "checkpoint": {"size": 42, "root": b64u(draw("root 42"))},
    }  # fmt: skip


def recovery_secret(recovery_seed: bytes) -> bytes:
    return expand(recovery_seed, fields("amparo/v1/recovery-key"), 96)
