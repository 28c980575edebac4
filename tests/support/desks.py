"""A small network for tests: a log's directory, agencies with their desks, roots, administrators and officers."""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agencies import directory_entries, members, setup
from agencies.desk_keys import DeskKeys
from agencies.directory import Directory
from agencies.members import OfficerSession
from crypto import keyring, labels, recovery, signing
from crypto.statements import Statement
from storage.desk_files import DeskFiles

ORIGIN = "log.example/amparo"
DAY = "2031-01-01"
NOW = 1_930_000_000
WORDS = "four random words here"
CHEAP = keyring.Cost(1, keyring.SMALLEST_MEMORY_BYTES)


@dataclass
class Desk:
    """One agency's desk, with everything a test needs to act for it."""

    agency: str
    files: DeskFiles
    root: setup.Root
    recovery_seed: bytes
    keys: DeskKeys
    officers: dict[str, OfficerSession] = field(default_factory=dict)

    def handle(self, word: str) -> str:
        return f"{self.agency}/{word}"

    def officer(self, word: str) -> OfficerSession:
        return self.officers[word]

    def enrol(self, word: str, *roles: str) -> members.Enrolment:
        """An officer with keys at this desk, signed in; not certified yet."""
        with self.files.session() as db:
            made = members.enrol_officer(db, self.handle(word), roles, WORDS, now=NOW, cost=CHEAP)
        self.sign_in(word)
        return made

    def sign_in(self, word: str, words: str = WORDS) -> OfficerSession:
        self.officers[word] = members.sign_in(self.files, self.handle(word), words, now=NOW)
        return self.officers[word]


class Network:
    """The log's directory, fed by the desks' own statements."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng = folder, rng
        self.log_key = signing.SigningKey(rng.randbytes(32))
        self.directory = Directory(ORIGIN)
        self.entries: list[tuple[int, bytes]] = []
        self.desks: dict[str, Desk] = {}
        body = directory_entries.broker_body(ORIGIN, "broker-one", ["one"], self.log_key.public_key, bytes(1312))
        self.publish(directory_entries.unsigned(body).signed_by(labels.DIRECTORY, "log", self.log_key))

    def publish(self, statement: Statement) -> int:
        """Append to the log; the index."""
        index = len(self.entries)
        self.directory.apply(index, statement.dump())
        self.entries.append((index, statement.dump()))
        return index

    def desk(self, agency: str, country: str = "XA", kind: str = "police") -> Desk:
        """A desk with identity, root and desk keys; not in the network yet."""
        files = DeskFiles.create(self.folder / agency)
        seed = self.rng.randbytes(32)
        made = Desk(
            agency, files, setup.Root(agency, self.rng.randbytes(32)), seed, DeskKeys.create(files.folder, agency)
        )
        with files.session() as db:
            identity = setup.begin(db, agency=agency, country=country, kind=kind, log=ORIGIN, now=NOW)
            identity.root_key = made.root.public_key
            identity.recovery_key = recovery.receiving_key(seed).public_key
        self.desks[agency] = made
        return made

    def found(self, *agencies: str) -> list[Desk]:
        """Desks of the founding agencies, each with two administrators, a certified desk and a recovery key."""
        desks = [self.desk(agency) for agency in agencies]
        values = [directory_entries.agency_value(one.agency, "XA", "police", one.root.public_key) for one in desks]
        statement = directory_entries.unsigned(directory_entries.founding_body(ORIGIN, "net", values))
        for one in desks:
            statement = one.root.sign(statement)
        self.publish(statement)
        for one in desks:
            self.begin(one)
        return desks

    def begin(self, desk: Desk) -> None:
        """Two administrators, desk and recovery key of an agency that is in."""
        for number in (1, 2):
            self.administrator(desk, f"administrator-{number}")
        self.publish(
            desk.root.sign(desk.keys.prove_possession(directory_entries.unsigned(desk.keys.body(ORIGIN, DAY))))
        )
        self.certify_recovery(desk, recovery.receiving_key(desk.recovery_seed).public_key)

    def certify_recovery(self, desk: Desk, key: bytes) -> int:
        body = setup.recovery_body(ORIGIN, desk.agency, key, DAY)
        return self.publish(desk.root.sign(directory_entries.unsigned(body)))

    def administrator(self, desk: Desk, word: str, *more: str) -> OfficerSession:
        made = desk.enrol(word, "administrator", *more)
        statement = members.prove_possession(directory_entries.unsigned(made.body(ORIGIN, DAY)), desk.officer(word))
        self.publish(desk.root.sign(statement))
        return desk.officer(word)

    def appoint(self, desk: Desk, word: str, *roles: str) -> OfficerSession:
        """A certified officer, signed in."""
        self.certify(desk, word, desk.enrol(word, *roles).body(ORIGIN, DAY))
        return desk.officer(word)

    def certify(self, desk: Desk, word: str, body: dict[str, Any]) -> int:
        statement = members.prove_possession(directory_entries.unsigned(body), desk.officer(word))
        return self.publish(self.by_administrators(desk, statement))

    def by_administrators(self, desk: Desk, statement: Statement) -> Statement:
        for number in (1, 2):
            statement = desk.officer(f"administrator-{number}").sign_statement(labels.DIRECTORY, statement)
        return statement

    def close(self) -> None:
        for desk in self.desks.values():
            desk.files.close()
