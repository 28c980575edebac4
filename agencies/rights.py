"""One table: which role may do what. Pages, commands and tests all read it."""

from collections.abc import Iterable, Mapping
from typing import Final

from agencies.directory import ROLES
from errors import RoleForbids

LIAISON: Final = "liaison"
PROSECUTOR: Final = "prosecutor"
CASE_WORKER: Final = "case-worker"
SUPERVISOR: Final = "supervisor"
ADMINISTRATOR: Final = "administrator"
AUDITOR: Final = "auditor"

_CASEWORK: Final = frozenset({LIAISON, PROSECUTOR, CASE_WORKER})
_READERS: Final = _CASEWORK | {SUPERVISOR}

RIGHTS: Final[Mapping[str, frozenset[str]]] = {
    "case-create": _CASEWORK,
    "case-read": _CASEWORK,
    "case-exclude": _CASEWORK,
    "vault-read": _CASEWORK,
    "vault-write": _CASEWORK,
    "exhibit-take-in": _CASEWORK,
    "handover": _CASEWORK,
    "share": _CASEWORK,
    "open": _READERS,
    "return": _READERS,
    "file": _CASEWORK,
    "inquire": _CASEWORK,
    "answer": _CASEWORK,
    "consent": frozenset({CASE_WORKER}),
    "hold": _CASEWORK,
    "withdraw": frozenset({CASE_WORKER, SUPERVISOR}),
    "flag": _CASEWORK,
    "approve": _READERS,
    "hand-on": _READERS,
    "reidentify": _CASEWORK,
    "pack": frozenset({PROSECUTOR}),
    "match": frozenset({LIAISON}),
    "alerts-unit": frozenset({SUPERVISOR, AUDITOR}),
    "record-read": _READERS | {AUDITOR},
    "audit": frozenset({AUDITOR}),
    "administer": frozenset({ADMINISTRATOR}),
    "certify": frozenset({ADMINISTRATOR}),
    "compare": _READERS | {ADMINISTRATOR},
    "directory-read": frozenset(ROLES),
    "log-health": frozenset(ROLES),
}
# Rights that reach evidence, identities or what was sealed: never an administrator's, never an auditor's.
EVIDENCE_RIGHTS: Final = frozenset(RIGHTS) - {
    "alerts-unit", "record-read", "audit", "administer", "certify", "compare", "directory-read", "log-health",
}  # fmt: skip


def has_right(roles: Iterable[str], right: str) -> bool:
    """Whether any of these roles has the right."""
    return bool(RIGHTS[right] & set(roles))


def require_right(roles: Iterable[str], right: str) -> None:
    """Raise RoleForbids unless one of these roles has the right.

    Raises:
        RoleForbids: says which roles may.
    """
    if not has_right(roles, right):
        may = ", ".join(sorted(RIGHTS[right]))
        raise RoleForbids(f"your role does not allow this; it is for: {may}")
