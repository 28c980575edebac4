"""A desk whose folder is gone, and no copy of it: a new one out of the root's papers and the log (protocol 2).

The root certifies the new desk's keys; another agency puts that certificate into the directory, since this desk cannot
sign a request yet. What others sealed to the agency comes back from the broker, and its keys by the recovery shares.
What lay in the old folder alone is lost: cases, persons, consent records, own exhibits, the key for consent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from agencies import setup
from agencies.directory import Certificate, Directory
from crypto import recovery
from crypto.boxes import is_equal
from crypto.buffers import overwrite
from crypto.statements import Statement, parse_statement
from errors import Conflict, KeyChanged, SetUpUnfinished, SignatureInvalid
from exchange import follow
from exchange.delivery import day_of
from exchange.office import Office

LOST: Final = (
    "cases, with their persons, consent records and notes",
    "exhibits that were taken in here, and the custody that others were not sent",
    "the agency's key for consent: bundles sent before can be neither held nor withdrawn",
    "which roots of other agencies were compared",
)


def certify(office: Office, papers: Sequence[str], *, now: int) -> Statement:
    """The certificate of a new desk, signed by the root; another agency publishes it.

    The root's key is taken from its papers; `take_over` compares it with the one that the network knows.

    Raises:
        KeyUnusable: the shares give no key.
        Conflict: this desk has a root already.
    """
    with office.files.session() as db:
        identity = setup.get_identity(db)
        if identity.root_key is not None and identity.recovery_key is not None:
            raise Conflict("this desk has its root and its recovery key; `root certify-desk` certifies it")
        seed = recovery.join_from_paper(papers)
        root = setup.Root(office.agency, seed)
        overwrite(seed)
        try:
            body = office.keys.body(identity.log, day_of(now))  # type: ignore[attr-defined]
            made = office.keys.prove_possession(setup.statement_of(body))  # type: ignore[attr-defined]
            signed: Statement = root.sign(made)
            identity.root_key = root.public_key
        finally:
            root.close()
        return signed


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What the network knows of the agency; people look at it, since nobody else remembers.

    Attributes:
        certificates: all that count now. Those of officers and administrators name keys of the old desk.
    """

    size: int
    certificates: tuple[Certificate, ...]


def take_over(office: Office, *, now: int) -> TakenOver:
    """Follow the log for the first time, and take what it says of this agency as one's own.

    Raises:
        KeyChanged: the papers are not those of the agency's root, or the network knows another key of this desk.
        SetUpUnfinished: the certificate of `certify` does not stand in the directory yet.
        Unavailable, LogForked: see `follow.follow_log`.
    """
    with office.files.session() as db:
        identity = setup.get_identity(db)
        root_key = identity.root_key
        if root_key is None:
            raise SetUpUnfinished("the root's papers come first: amparo desk rebuild certify")
        if office.log(db).size > 0:
            raise Conflict("this desk follows the log already")
    try:
        _expect_own(office, now)
    except SignatureInvalid:
        raise SetUpUnfinished("another agency publishes the certificate of this desk first") from None
    followed = follow.follow_log(office, now=now)
    with office.files.session() as db:
        directory = office.directory(db)
        _require_same(office, directory, root_key)
        setup.get_identity(db).recovery_key = directory.recovery_key(office.agency)
        return TakenOver(followed.size, _certificates(db, office))


def _expect_own(office: Office, now: int) -> None:
    """What the old desk had published is no alarm at the new one; the people look through the list instead."""
    for _, statement in office.client.directory():
        about = parse_statement(statement).value.get("agency")
        if (about.get("name") if isinstance(about, dict) else about) == office.agency:
            with office.files.session() as db:
                follow.expect_statement(db, statement, now=now)


def _require_same(office: Office, directory: Directory, root_key: bytes) -> None:
    if not is_equal(directory.agency(office.agency).root, root_key):
        raise KeyChanged("these papers are not those of the root that the network knows")
    desk = directory.desk(office.agency)
    if desk.signing_key != office.keys.http_key.public_key:
        raise KeyChanged("the network knows another key of this desk")


def _certificates(db: Session, office: Office) -> tuple[Certificate, ...]:
    directory = office.directory(db)
    names = sorted({one.subject for one in directory.certificates if one.agency == office.agency})
    found = [directory.find_certificate(one) for one in names]
    return tuple(one for one in found if one is not None)
