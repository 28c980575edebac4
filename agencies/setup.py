"""First run of a desk: the ceremony of the agency's root and recovery key, and the statements that begin it.

Root and recovery key exist in memory while the ceremony runs and afterwards only on paper, as SLIP-39 shares: each
holder sees their own, alone. Some are typed back before anything is signed, so that what is on the paper is known to
work. The root certifies administrators, desk, recovery key and deputy, and nothing else (docs/protocol.md 2).
"""

import hmac
import os
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agencies import directory_entries
from agencies.directory import TYPES, Directory
from agencies.models import DeskIdentity, ShareHolder
from crypto import keyring, labels, recovery, signing
from crypto.buffers import overwrite
from crypto.digests import sha256
from crypto.encoding import parse_json
from crypto.header import AGENCY, ROLE_HANDLE
from crypto.statements import Statement, make_statement
from errors import Conflict, FormatError, KeyUnusable, SetUpUnfinished

ROOT: Final = "root"
RECOVERY: Final = "recovery"
LEAST_TYPED_BACK: Final = 2
# What a root signs. `certificate` is narrowed further to the three types that a root issues.
_ROOT_KINDS: Final = ("founding", "admission", "certificate", "deputy", "revocation")
_ROOT_TYPES: Final = ("administrator", "desk", "recovery")

Random = Callable[[int], bytes]


class Root:
    """The agency's root key while it is needed; use it in a `with` block. It shows in no repr."""

    def __init__(self, agency: str, seed: bytes | bytearray) -> None:
        self.agency = agency
        self._seed = keyring.Secret(seed)
        self.public_key = signing.SigningKey(self._seed.value).public_key

    def __enter__(self) -> "Root":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Root({self.agency})"

    @property
    def name(self) -> str:
        """The root as a signer."""
        return f"root/{self.agency}"

    def sign(self, statement: Statement) -> Statement:
        """The statement with the root's signature.

        Raises:
            KeyUnusable: a root signs no statement of this kind, or it is about another agency; or the root was closed.
        """
        body = statement.value
        kind, about = body.get("kind"), body.get("agency")
        if kind not in _ROOT_KINDS or (kind == "certificate" and body.get("type") not in _ROOT_TYPES):
            raise KeyUnusable("the agency's root does not sign statements of this kind")
        names = [about] if kind != "founding" else [one.get("name") for one in body.get("agencies", [])]
        if kind == "admission" and isinstance(about, dict):
            names = [about.get("name")]
        if self.agency not in names:
            raise KeyUnusable("the statement is about another agency")
        return statement.signed_by(labels.DIRECTORY, self.name, signing.SigningKey(self._seed.value))

    def close(self) -> None:
        """Overwrite the key."""
        self._seed.wipe()


def open_root(agency: str, papers: Sequence[str], public_key: bytes) -> Root:
    """The root out of its shares on paper.

    Raises:
        KeyUnusable: too few shares, one misspelt, or those of another set.
    """
    seed = recovery.join_from_paper(papers)
    root = Root(agency, seed)
    overwrite(seed)
    if not hmac.compare_digest(root.public_key, public_key):
        root.close()
        raise KeyUnusable("these shares are not those of this agency's root")
    return root


class Papers:
    """The shares of one seed on their way to paper: each is shown to its holder, and put away for good.

    The word lists are text, which a program cannot overwrite; they are forgotten as early as possible.
    """

    def __init__(self, purpose: str, seed: bytes | bytearray, holders: Sequence[str], threshold: int) -> None:
        if len(set(holders)) != len(holders) or not all(ROLE_HANDLE.match(one) for one in holders):
            raise FormatError("each share has a holder of its own, named by role handle")
        self.purpose, self.holders, self.threshold = purpose, tuple(holders), threshold
        self._words: dict[str, str] = dict(
            zip(holders, recovery.split_on_paper(seed, threshold, len(holders)), strict=True)
        )
        self._digests = {holder: sha256(words.encode()) for holder, words in self._words.items()}
        self._typed: set[str] = set()

    def __repr__(self) -> str:
        return f"Papers({self.purpose})"

    def show(self, holder: str) -> str:
        """The words of one holder's share, until it is put away.

        Raises:
            KeyUnusable: it was put away, or is nobody's.
        """
        if holder not in self._words:
            raise KeyUnusable("this share is not shown again; begin anew if it was not written down")
        return self._words[holder]

    def put_away(self, holder: str) -> None:
        """The holder has written the share down; it is never shown again."""
        self.show(holder)
        del self._words[holder]

    def type_back(self, words: str) -> str:
        """Compare what was typed from a paper with what was shown; tells whose it is.

        Raises:
            KeyUnusable: no share of this set reads like that.
        """
        digest = sha256(" ".join(words.lower().split()).encode())
        for holder, known in self._digests.items():
            if hmac.compare_digest(digest, known):
                self._typed.add(holder)
                return holder
        raise KeyUnusable("this is not what stands on the paper; look at it word by word")

    @property
    def typed_back(self) -> frozenset[str]:
        """Holders whose share was typed back."""
        return frozenset(self._typed)

    @property
    def shown_to_all(self) -> bool:
        """Whether every share was shown and put away."""
        return not self._words

    def require_done(self) -> None:
        """Raise SetUpUnfinished until all shares are on paper and some were typed back."""
        if not self.shown_to_all:
            raise SetUpUnfinished("not every share was written down yet")
        if len(self._typed) < LEAST_TYPED_BACK:
            raise SetUpUnfinished("type two of the shares back, so that it is known that the papers work")

    def forget(self) -> None:
        """Drop the words."""
        self._words = {}


class Ceremony:
    """Root and recovery key of a new agency, made with two people present."""

    def __init__(
        self, agency: str, holders: Sequence[str], threshold: int, *, random_bytes: Random = os.urandom
    ) -> None:
        """Args:
            agency: name of the agency.
            holders: role handles of those who take a share of each key, 2 to 16.
            threshold: how many shares give a key back, at least 2.

        Raises:
            FormatError
        """
        if not AGENCY.match(agency) or any(not one.startswith(f"{agency}/") for one in holders):
            raise FormatError("the shares are held by people of this agency")
        root_seed, recovery_seed = bytearray(random_bytes(32)), bytearray(random_bytes(recovery.SEED_BYTES))
        self.agency = agency
        self.papers = {
            ROOT: Papers(ROOT, root_seed, holders, threshold),
            RECOVERY: Papers(RECOVERY, recovery_seed, holders, threshold),
        }
        self._root = Root(agency, root_seed)
        self.root_key = self._root.public_key
        self.recovery_key = recovery.receiving_key(recovery_seed).public_key
        overwrite(root_seed)
        overwrite(recovery_seed)

    @property
    def root(self) -> Root:
        """The root, once the papers are known to work.

        Raises:
            SetUpUnfinished
        """
        for papers in self.papers.values():
            papers.require_done()
        return self._root

    def finish(self, db: Session, *, now: int) -> None:
        """Write down who holds a share and which keys are this agency's; overwrite the root.

        Raises:
            SetUpUnfinished, Conflict: the papers are not done, or the agency has its root already.
        """
        identity = get_identity(db)
        if self.root is not self._root or identity.agency != self.agency:
            raise Conflict("this ceremony is for another agency")
        if identity.root_key is not None:
            raise Conflict("this agency has its root already")
        identity.root_key, identity.recovery_key = self.root_key, self.recovery_key
        for papers in self.papers.values():
            note_holders(db, papers, now=now)
        self.close()

    def close(self) -> None:
        """Overwrite the root and forget the words, also when the ceremony is given up."""
        self._root.close()
        for papers in self.papers.values():
            papers.forget()


def begin(db: Session, *, agency: str, country: str, kind: str, log: str, now: int) -> DeskIdentity:
    """Say whose desk this is.

    Raises:
        FormatError, Conflict: it was said before.
    """
    if not AGENCY.match(agency) or len(country) != 2 or not country.isupper() or kind not in TYPES or not log:
        raise FormatError("an agency has a name such as north-police, a country of two letters and a kind")
    if db.get(DeskIdentity, 1) is not None:
        raise Conflict("this desk belongs to an agency already")
    identity = DeskIdentity(number=1, agency=agency, country=country, type=kind, log=log, made_at=now)
    db.add(identity)
    db.flush()
    return identity


def get_identity(db: Session) -> DeskIdentity:
    """Whose desk this is.

    Raises:
        SetUpUnfinished
    """
    identity = db.get(DeskIdentity, 1)
    if identity is None:
        raise SetUpUnfinished("say first whose desk this is")
    return identity


def note_holders(db: Session, papers: Papers, *, now: int) -> int:
    """Write down a new issue of shares; returns its number, from 1."""
    last = db.scalar(select(func.max(ShareHolder.issue)).where(ShareHolder.purpose == papers.purpose))
    issue = (last or 0) + 1
    for holder in papers.holders:
        db.add(
            ShareHolder(
                purpose=papers.purpose,
                issue=issue,
                holder=holder,
                threshold=papers.threshold,
                typed_back=holder in papers.typed_back,
                issued_at=now,
            )
        )
    db.flush()
    return issue


def share_holders(db: Session, purpose: str) -> list[ShareHolder]:
    """Who holds a share of the newest issue."""
    last = db.scalar(select(func.max(ShareHolder.issue)).where(ShareHolder.purpose == purpose))
    query = select(ShareHolder).where(ShareHolder.purpose == purpose, ShareHolder.issue == last)
    return list(db.scalars(query.order_by(ShareHolder.holder)))


# ---- The statements that begin an agency ------------------------------------------------------------------------


def agency_value(identity: DeskIdentity, root_key: bytes) -> dict[str, Any]:
    """The agency object for founding or admission."""
    return directory_entries.agency_value(identity.agency, identity.country, identity.type, root_key)


def recovery_body(log: str, agency: str, recovery_key: bytes, valid_from: str) -> dict[str, Any]:
    """Body of the recovery key's certificate; the root alone signs it."""
    return directory_entries.certificate_body(
        log, f"recovery/{agency}", agency, "recovery", (), receiving_key=recovery_key, valid_from=valid_from
    )


def statement_of(body: dict[str, Any]) -> Statement:
    """A statement to be signed, its body re-read by the strict reader."""
    statement = make_statement(body)
    parse_json(statement.body)
    return statement


def to_do(directory: Directory, agency: str) -> list[str]:
    """What is still missing before the agency can work, as stable words for the end page of set-up."""
    if agency not in directory.agencies:
        return ["admission"]
    missing = []
    administrators = len(directory.administrators(agency))
    if administrators < 1 or (administrators < 2 and directory.deputy(agency) is None):
        missing.append("second-administrator")
    if directory.find_certificate(f"desk/{agency}") is None:
        missing.append("desk")
    if directory.find_certificate(f"recovery/{agency}") is None:
        missing.append("recovery")
    if not [one for one in directory.officers(agency) if one.type == "officer"]:
        missing.append("first-officer")
    return missing
