"""The trust file that a desk vouches for: its log, its partners as witnesses, the roots that it compared."""

from collections.abc import Iterable, Iterator
from typing import Final

from agencies.directory import Directory
from crypto.signing import COSIGNATURE_ED25519, COSIGNATURE_MLDSA, ED25519, NoteKey
from custody.policy import Group, Trust, Witness
from errors import NotFound

QUORUM: Final = "network"


def make_trust(log_keys: Iterable[NoteKey], directory: Directory, compared: Iterable[str]) -> Trust:
    """The trust file's content.

    A court gets it from several agencies and compares: one agency's file names only what that agency has compared,
    person to person. More than half of the agencies named have to confirm a state of the log. A desk confirms with
    two keys, Ed25519 and ML-DSA-44; either counts for it, and nobody counts twice.

    Args:
        log_keys: the pinned keys of the log.
        directory: the directory as far as the log was followed.
        compared: agencies whose roots this desk has compared, and its own.

    Raises:
        NotFound: one of them is not in the directory.
    """
    names = sorted(set(compared))
    witnesses: list[Witness] = []
    groups: list[Group] = []
    for name in names:
        keys = list(_witnesses(directory, name))
        if keys:
            witnesses += keys
            groups.append(Group(f"agency/{name}", 1, tuple(one.name for one in keys)))
    quorum = "none"
    if groups:
        quorum = QUORUM
        groups.append(Group(QUORUM, len(groups) // 2 + 1, tuple(one.name for one in groups)))
    roots = tuple((name, NoteKey(name, ED25519, directory.agency(name).root)) for name in names)
    return Trust(tuple(log_keys), tuple(witnesses), tuple(groups), quorum, roots)


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
