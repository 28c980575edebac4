"""Who may sign at which place of the log, proven from the roots in a trust file (docs/protocol.md 10.4).

A pack carries a few directory statements, not the whole directory. The rules are those of every desk: the same
`Directory` replays them, but its agencies come from the trust file and from nowhere else.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from agencies.directory import Agency, Certificate, Directory
from crypto.statements import Statement, parse_statement
from custody.policy import Trust
from errors import AmparoError, SignerUnproven

# Kinds of directory statements that a pack may hold: those from which a signer is proven or struck off.
KINDS: Final = ("certificate", "deputy", "revocation")  # a tuple: a strange value is compared, not looked up
# Roles that may act on evidence; an administrator or auditor as such may not.
EVIDENCE_ROLES: Final = frozenset({"liaison", "prosecutor", "case-worker", "supervisor"})


class Signers:
    """The directory as far as a pack proves it. Feed it with `take`, in order of index."""

    def __init__(self, log: str, trust: Trust) -> None:
        self._directory = Directory(log)
        for name, key in trust.agencies:
            # Country and type are of no use here; the root counts from before the log's first entry.
            self._directory.agencies[name] = Agency(name, "", "other", key.public_key, -1)

    def take(self, index: int, statement: bytes) -> None:
        """Take in a directory statement that is proven to stand at this index.

        Raises:
            SignerUnproven: its signatures do not lead to a root of the trust file, or it is of another kind.
        """
        try:
            if parse_statement(statement).value.get("kind") not in KINDS:
                raise SignerUnproven(f"directory entry {index} has no place in a pack")
            self._directory.apply(index, statement)
        except SignerUnproven:
            raise
        except AmparoError as error:
            raise SignerUnproven(f"directory entry {index} does not count: {error.message}") from error

    def require_officer(self, handle: str, position: int, agency: str) -> bytes:
        """The signing key of an officer of this agency whose signature counts at this position of the log.

        Raises:
            SignerUnproven: not certified before it, revoked before it, of another agency, or without a role that
                may act on evidence.
        """
        found = self._find(handle, position)
        if found.agency != agency or not EVIDENCE_ROLES & set(found.roles) or found.signing_key is None:
            raise SignerUnproven(f"{handle} may not sign for {agency} here")
        return found.signing_key

    def require_pair(self, handles: tuple[str, ...], position: int, agency: str) -> tuple[bytes, bytes]:
        """The keys of two officers of the agency, or of one and its deputy, in the order of the handles.

        Raises:
            SignerUnproven: see `require_officer`, or they are not two.
        """
        if len(handles) != 2 or handles[0] == handles[1]:
            raise SignerUnproven("two different officers sign a pack")
        deputy = self._directory.deputy(agency, position)
        if deputy in handles and self._find(deputy, position).agency != agency:
            own = handles[0] if handles[1] == deputy else handles[1]
            keys = {own: self.require_officer(own, position, agency), deputy: self._key(deputy, position)}
        else:
            keys = {handle: self.require_officer(handle, position, agency) for handle in handles}
        return keys[handles[0]], keys[handles[1]]

    def _key(self, handle: str, position: int) -> bytes:
        found = self._find(handle, position)
        if found.signing_key is None:
            raise SignerUnproven(f"{handle} has no key to sign with")
        return found.signing_key

    def _find(self, handle: str, position: int) -> Certificate:
        found = self._directory.find_certificate(handle, position)
        if found is None or found.type not in ("officer", "administrator"):
            raise SignerUnproven(f"{handle} has no certificate that counts at entry {position} of the log")
        return found


def needed_entries(directory: Iterable[tuple[int, bytes]], handles: Iterable[str], agency: str) -> list[int]:
    """Which directory entries a pack needs so that these signers are proven, and struck off where they were.

    Args:
        directory: index and bytes of every directory statement that the desk knows, up to the pack's checkpoint.
        handles: role handles that signed anything in the pack, or will.
        agency: the pack's agency; its deputies are proven too, since one may be the second signer of the pack.

    Returns:
        indices in ascending order: every certificate and revocation of these handles, of those who issued them, and
        so on up to the roots, and the appointments of deputies on which any of it rests.
    """
    parsed = [(index, parse_statement(raw)) for index, raw in directory]
    about: dict[str, list[tuple[int, Statement]]] = {}
    for index, statement in parsed:
        body = statement.value
        if body.get("kind") in ("certificate", "revocation"):
            about.setdefault(str(body["subject"]), []).append((index, statement))
        elif body.get("kind") == "deputy":
            about.setdefault(f"deputy/{body['agency']}", []).append((index, statement))
    found: set[int] = set()
    known: set[str] = set()
    waiting = [*handles, f"deputy/{agency}"]
    while waiting:
        if (name := waiting.pop()) in known:
            continue
        known.add(name)
        for index, statement in about.get(name, ()):
            found.add(index)
            waiting += _resting_on(statement)
    return sorted(found)


def _resting_on(statement: Statement) -> Iterator[str]:
    """Whose standing a statement rests on: its signers but the roots, a deputy's appointment, a deputy."""
    body = statement.value
    if body["kind"] == "deputy":
        yield str(body["officer"])
    for by in statement.signers:
        if not by.startswith("root/"):
            yield by
            if by.split("/")[0] != body["agency"]:
                yield f"deputy/{body['agency']}"
