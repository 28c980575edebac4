"""A real broker served over HTTP, and three agencies with desks, officers and compared roots, for tests.

Everything goes through the product's own code: invitations, ceremony, founding, certificates, sync.
"""

import atexit
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agencies import comparison, members, setup
from agencies.members import OfficerSession
from broker.invites import create_invite
from config.settings import BrokerSettings, sqlite_url
from crypto import keyring, labels
from crypto.statements import Statement
from exchange import membership
from exchange.delivery import day_of
from exchange.membership import Invitation
from exchange.office import Office
from exchange.sync import SyncReport, sync
from storage.database import open_engine
from tests.support.brokers import RunningBroker, free_port, is_free, prepare_broker

WORDS = "four random words here"
CHEAP = keyring.Cost(1, keyring.SMALLEST_MEMORY_BYTES)
KINDS = {"north-police": "police", "shelter-ngo": "ngo", "south-prosecutor": "prosecution"}
OFFICERS: Mapping[str, Mapping[str, str]] = {
    "north-police": {
        "liaison-1": "liaison",
        "liaison-2": "liaison",
        "supervisor-1": "supervisor",
        "auditor-1": "auditor",
    },
    "shelter-ngo": {"case-worker-1": "case-worker", "case-worker-2": "case-worker", "supervisor-1": "supervisor"},
    "south-prosecutor": {"prosecutor-1": "prosecutor", "prosecutor-2": "prosecutor", "supervisor-1": "supervisor"},
}


def now() -> int:
    """POSIX seconds of the real clock: the broker checks them."""
    return int(time.time())


@dataclass
class DeskAt:
    """One agency's desk: its office, its root and recovery papers, its officers."""

    folder: Path
    office: Office
    papers: dict[str, list[str]] = field(default_factory=dict)
    officers: dict[str, OfficerSession] = field(default_factory=dict)

    @property
    def agency(self) -> str:
        return self.office.agency

    def handle(self, word: str) -> str:
        return f"{self.agency}/{word}"

    def officer(self, word: str) -> OfficerSession:
        """An officer with an open session; `liaison` is `liaison-1`."""
        return self.officers[word] if word in self.officers else self.officers[f"{word}-1"]

    def by_administrators(self, statement: Statement) -> int:
        """Put a directory statement that two administrators sign into the log; its index."""
        for number in (1, 2):
            statement = self.officer(f"administrator-{number}").sign_statement(labels.DIRECTORY, statement)
        return membership.publish(self.office, statement, now=now())

    def sync(self) -> SyncReport:
        """Once with nobody signed in."""
        return sync(self.office, now=now())

    def enrol(self, word: str, *roles: str) -> members.Enrolment:
        """Keys for an officer, who is signed in; not certified yet."""
        with self.office.files.session() as db:
            made = members.enrol_officer(db, self.handle(word), roles, WORDS, now=now(), cost=CHEAP)
        self.officers[word] = members.sign_in(self.office.files, self.handle(word), WORDS, now=now())
        return made

    def appoint(self, word: str, *roles: str) -> OfficerSession:
        """An officer, certified by two administrators."""
        with self.office.files.session() as db:
            log = setup.get_identity(db).log
        made = self.enrol(word, *roles)
        self.by_administrators(
            members.prove_possession(setup.statement_of(made.body(log, day_of(now()))), self.officer(word))
        )
        return self.officer(word)

    def compare(self, agency: str, answer: str = "same") -> None:
        """An officer says that the fingerprint was read out and is the same."""
        with self.office.files.session() as db:
            directory = self.office.directory(db)
            shown = comparison.fingerprint_of(directory, agency)
            officer = self.officer("administrator-1")
            comparison.record_comparison(
                db, directory, officer, agency, shown=shown, answer=answer, how="phone", now=now()
            )


def hold_ceremony(desk: DeskAt) -> setup.Ceremony:
    """Root and recovery key with two holders; every paper is shown, put away, typed back, and kept by the test."""
    ceremony = setup.Ceremony(desk.agency, [desk.handle(f"administrator-{one}") for one in (1, 2)], 2)
    for purpose, papers in ceremony.papers.items():
        for holder in papers.holders:
            words = papers.show(holder)
            papers.put_away(holder)
            papers.type_back(words)
            desk.papers.setdefault(purpose, []).append(words)
    return ceremony


class Field:
    """A network in which everybody can work: `with_field(folder)` starts and ends it."""

    def __init__(
        self, folder: Path, kinds: Mapping[str, str] = KINDS, *, port: int | None = None, **broker: object
    ) -> None:
        self.folder, self.kinds = folder, kinds
        port = port or free_port()
        at = folder / "broker"
        at.mkdir(parents=True)
        values: dict[str, object] = {
            "data_dir": at,
            "public_url": f"http://127.0.0.1:{port}",
            "port": port,
            "broker_id": "broker-1",
            "store_key_file": at / "store.key",
            "log_key_file": at / "log.key",
            "receiving_key_file": at / "receiving.key",
            "database_url": sqlite_url(at / "broker.sqlite"),
            "halves_url": sqlite_url(at / "halves.sqlite"),
            "blob_url": (at / "blobs").as_uri(),
            "requests_per_minute": 100_000,
        }
        self.settings = BrokerSettings(**(values | broker))  # type: ignore[arg-type]
        self.broker = RunningBroker(self.settings)
        self.desks: dict[str, DeskAt] = {}

    @property
    def north(self) -> DeskAt:
        return self.desks["north-police"]

    @property
    def shelter(self) -> DeskAt:
        return self.desks["shelter-ngo"]

    @property
    def south(self) -> DeskAt:
        return self.desks["south-prosecutor"]

    def start(self) -> None:
        """Broker, founding, certificates, comparison."""
        prepare_broker(self.settings)
        self.broker.start()
        invitations = {agency: self.invite(agency) for agency in self.kinds}
        ceremonies = {}
        for agency, kind in self.kinds.items():
            folder = self.folder / "desks" / agency
            membership.create_desk(folder, invitations[agency], country="XA", kind=kind, now=now())
            office = membership.open_office(
                folder, self.settings.public_url, clock=time.time, invitation=invitations[agency]
            )
            self.desks[agency] = DeskAt(folder, office)
            ceremonies[agency] = hold_ceremony(self.desks[agency])
        self._found(ceremonies)
        for agency, desk in self.desks.items():
            self._begin(desk, ceremonies[agency])
        self.sync_all()
        for desk in self.desks.values():
            for other in self.desks:
                if other != desk.agency:
                    desk.compare(other)
        self.sync_all()

    def start_from(self, made: "Template") -> None:
        """The same, out of a copy of one that was made before; every officer signs in anew."""
        shutil.copytree(made.folder, self.folder, dirs_exist_ok=True)
        self.broker.start()
        for agency in self.kinds:
            folder = self.folder / "desks" / agency
            office = membership.open_office(folder, self.settings.public_url, clock=time.time)
            desk = self.desks[agency] = DeskAt(folder, office, {kind: [*words] for kind, words in made.papers[agency]})
            for word in made.officers[agency]:
                desk.officers[word] = members.sign_in(office.files, desk.handle(word), WORDS, now=now())

    def invite(self, agency: str) -> Invitation:
        """An invitation, as `amparo broker invite` prints it."""
        engine = open_engine(self.settings.database_url)
        at = datetime.now(UTC)
        made = create_invite(self.settings, engine, agency, at, at + timedelta(days=14), os.urandom)
        engine.dispose()
        return membership.parse_invitation(made.dump())

    def _found(self, ceremonies: Mapping[str, setup.Ceremony]) -> None:
        first = next(iter(self.desks.values()))
        values = []
        for agency, desk in self.desks.items():
            with desk.office.files.session() as db:
                identity = setup.get_identity(db)
                values.append(setup.agency_value(identity, ceremonies[agency].root_key))
                log = identity.log
        statement = membership.founding(log, "field-network", values)
        for ceremony in ceremonies.values():
            statement = ceremony.root.sign(statement)
        membership.publish(first.office, statement, now=now())

    def _begin(self, desk: DeskAt, ceremony: setup.Ceremony) -> None:
        office = desk.office
        root = ceremony.root
        with office.files.session() as db:
            identity = setup.get_identity(db)
            log = identity.log
            identity.root_key, identity.recovery_key = ceremony.root_key, ceremony.recovery_key
        for number in (1, 2):
            made = desk.enrol(f"administrator-{number}", "administrator")
            statement = setup.statement_of(made.body(log, day_of(now())))
            statement = members.prove_possession(statement, desk.officer(f"administrator-{number}"))
            membership.publish(office, root.sign(statement), now=now())
        for statement in membership.own_certificates(office, root, now=now()):
            membership.publish(office, statement, now=now())
        ceremony.close()
        membership.close_office(desk.office)
        desk.office = membership.open_office(desk.folder, self.settings.public_url, clock=time.time)
        for word, role in OFFICERS.get(desk.agency, {"liaison-1": "liaison"}).items():
            desk.appoint(word, role)

    def sync_all(self, rounds: int = 2) -> None:
        """Every desk, often enough that cosignatures of all are seen by all."""
        for _ in range(rounds):
            for desk in self.desks.values():
                desk.sync()

    def stop(self, *, by_term: bool = False) -> None:
        """End everything; the broker by kill -9, or as a service manager does."""
        for desk in self.desks.values():
            for officer in desk.officers.values():
                officer.lock()
            membership.close_office(desk.office)
        if by_term:
            self.broker.stop()
        self.broker.kill()


@dataclass(frozen=True)
class Template:
    """A field that was made and ended, to be copied: most tests begin with the same three agencies.

    Attributes:
        port: of the broker; its log is named by its address.
        papers: agency to the shares of its root and recovery key.
        officers: agency to the handles of who has keys.
    """

    folder: Path
    port: int
    papers: Mapping[str, list[tuple[str, list[str]]]]
    officers: Mapping[str, list[str]]


@functools.cache
def template() -> Template:
    """Made once in a process."""
    folder = Path(tempfile.mkdtemp(prefix="amparo-field-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    field = Field(folder)
    try:
        field.start()
        papers = {agency: [*desk.papers.items()] for agency, desk in field.desks.items()}
        officers = {agency: [*desk.officers] for agency, desk in field.desks.items()}
    finally:
        field.stop(by_term=True)
    return Template(folder, field.settings.port, papers, officers)


@contextmanager
def with_field(folder: Path, **broker: object) -> Iterator[Field]:
    """A field for as long as the block runs."""
    copied = template() if not broker and is_free(template().port) else None
    made = Field(folder, port=None if copied is None else copied.port, **broker)  # type: ignore[arg-type]
    try:
        if copied is None:
            made.start()
        else:
            made.start_from(copied)
        yield made
    finally:
        made.stop()
