"""The trust file that a desk vouches for: its log, its partners as witnesses, the roots that it compared."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from agencies.comparison import RootState, root_state
from agencies.directory import Directory
from crypto.signing import COSIGNATURE_ED25519, COSIGNATURE_MLDSA, ED25519, NoteKey
from custody.policy import Group, Trust, Witness
from errors import InstallationError, NotFound
from exchange.models import DirectoryRow, LogState
from exchange.office import log_keys

QUORUM: Final = "network"


def make_trust(keys: Iterable[NoteKey], directory: Directory, compared: Iterable[str]) -> Trust:
    """The trust file's content.

    A court gets it from several agencies and compares: one agency's file names only what that agency has compared,
    person to person. More than half of the agencies named have to confirm a state of the log. A desk confirms with
    two keys, Ed25519 and ML-DSA-44; either counts for it, and nobody counts twice.

    Args:
        keys: the pinned keys of the log.
        directory: the directory as far as the log was followed.
        compared: agencies whose roots this desk has compared, and its own.

    Raises:
        NotFound: one of them is not in the directory.
    """
    names = sorted(set(compared))
    witnesses: list[Witness] = []
    groups: list[Group] = []
    for name in names:
        found = list(_witnesses(directory, name))
        if found:
            witnesses += found
            groups.append(Group(f"agency/{name}", 1, tuple(one.name for one in found)))
    quorum = "none"
    if groups:
        quorum = QUORUM
        groups.append(Group(QUORUM, len(groups) // 2 + 1, tuple(one.name for one in groups)))
    roots = tuple((name, NoteKey(name, ED25519, directory.agency(name).root)) for name in names)
    return Trust(tuple(keys), tuple(witnesses), tuple(groups), quorum, roots)


@dataclass(frozen=True, slots=True)
class DeskTrust:
    """A desk's trust file, and the agencies that it does not name since their roots were not compared."""

    trust: Trust
    left_out: tuple[str, ...]


def trust_of_desk(db: Session) -> DeskTrust:
    """The trust file of the desk with this database, as far as it has followed the log.

    Raises:
        InstallationError: the desk has joined no network yet.
    """
    state = db.scalar(select(LogState))
    if state is None:
        raise InstallationError("this desk has joined no network yet; its administrator does that")
    rows = db.execute(select(DirectoryRow.log_index, DirectoryRow.statement).order_by(DirectoryRow.log_index))
    directory = Directory.replay(state.origin, ((index, statement) for index, statement in rows))
    states = {name: root_state(db, directory, name) for name in directory.agencies}
    compared = [name for name, found in states.items() if found is RootState.VERIFIED]
    left_out = tuple(sorted(set(states) - set(compared)))
    return DeskTrust(make_trust(log_keys(state), directory, compared), left_out)


def _witnesses(directory: Directory, agency: str) -> Iterator[Witness]:
    """Both keys of an agency's desk; none before it has a certificate."""
    try:
        desk = directory.desk(agency)
    except NotFound:
        return
    for kind, key in ((COSIGNATURE_ED25519, desk.witness_key), (COSIGNATURE_MLDSA, desk.witness_mldsa_key)):
        if key is not None:
            suffix = "" if kind == COSIGNATURE_ED25519 else "/ml-dsa"
            yield Witness(f"desk/{agency}{suffix}", NoteKey(f"desk/{agency}", kind, key))
