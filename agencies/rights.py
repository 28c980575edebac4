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
# What each right means, for the table that an administrator prints.
MEANINGS: Final[Mapping[str, str]] = {
    "case-create": "Begin a case.",
    "case-read": "Read the facts of a case of her team.",
    "case-exclude": "Keep a colleague out of a case.",
    "vault-read": "Read who the persons of a case are.",
    "vault-write": "Enter persons and change what is known of them.",
    "exhibit-take-in": "Take an exhibit in.",
    "handover": "Hand an exhibit over, or accept one.",
    "share": "Seal a bundle for another agency and send it.",
    "open": "Open a bundle that was sealed to her.",
    "return": "Give a bundle back unopened, with a reason.",
    "file": "Keep something out of a received bundle.",
    "inquire": "Ask another agency.",
    "answer": "Answer an inquiry.",
    "consent": "Record, renew and end a survivor’s consent.",
    "hold": "Stop at once what rests on a consent, or a sent bundle; end a bundle with a second officer.",
    "withdraw": "End a consent, with a second officer.",
    "flag": "Raise and lower protection flags.",
    "approve": "Agree or refuse as the second officer.",
    "hand-on": "Give a colleague the key to a bundle, on the record.",
    "reidentify": "Look up who stands behind a pseudonym, with a reason.",
    "pack": "Build an evidence pack for a court.",
    "match": "Run a blind match with a partner.",
    "alerts-unit": "See unusual use of the whole unit.",
    "record-read": "Read the agency’s record, without contents.",
    "audit": "Draw samples of the record, ask for reasons, export it.",
    "administer": "Appoint officers, end appointments, run backups and recovery.",
    "certify": "Sign certificates and revocations, one of two.",
    "compare": "Compare the fingerprint of a partner’s key.",
    "directory-read": "See the agencies of the network.",
    "log-health": "See whether the shared log is whole.",
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
