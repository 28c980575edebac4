"""The first act of the demonstration: a broker, three desks, their roots and officers, and the comparison of keys."""

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from config.settings import sqlite_url
from demo.processes import DeskCommands, Server, call, free_port

NETWORK: Final = "amparo-demo"
BROKER_ID: Final = "demo-broker"
ADMINISTRATORS: Final = ("administrator-1", "administrator-2")


@dataclass(frozen=True, slots=True)
class Agency:
    """A made-up agency of the demonstration."""

    name: str
    country: str
    kind: str
    officers: Mapping[str, str]  # handle without the agency, role


AGENCIES: Final = (
    Agency(
        "north-police", "XN", "police",
        {"liaison-1": "liaison", "liaison-2": "liaison", "supervisor-1": "supervisor", "auditor-1": "auditor"},
    ),
    Agency("shelter-ngo", "XN", "ngo", {"case-worker-1": "case-worker", "case-worker-2": "case-worker"}),
    Agency("south-prosecutor", "XS", "prosecution", {"prosecutor-1": "prosecutor", "prosecutor-2": "prosecutor"}),
)  # fmt: skip


@dataclass
class Stage:
    """Everything that runs, and where it lies."""

    folder: Path
    broker: Server
    broker_environment: Mapping[str, str] = field(repr=False)
    desks: dict[str, DeskCommands] = field(default_factory=dict)
    servers: list[Server] = field(default_factory=list)
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def north(self) -> DeskCommands:
        """The police."""
        return self.desks["north-police"]

    @property
    def shelter(self) -> DeskCommands:
        """The NGO."""
        return self.desks["shelter-ngo"]

    @property
    def south(self) -> DeskCommands:
        """The prosecutor."""
        return self.desks["south-prosecutor"]

    def together(self, work: Callable[[DeskCommands], object]) -> None:
        """Do the same at all desks at once."""
        with ThreadPoolExecutor(len(self.desks)) as pool:
            list(pool.map(work, self.desks.values()))

    def sync(self, rounds: int = 1) -> None:
        """Every desk syncs, one after the other."""
        for _ in range(rounds):
            for desk in self.desks.values():
                desk.do("sync")

    def close(self) -> None:
        """End every process."""
        for desk in self.desks.values():
            desk.close()
        for server in [*self.servers, self.broker]:
            server.stop()


def make_stage(folder: Path) -> Stage:
    """A broker's settings under a folder; nothing runs yet."""
    at = folder / "broker"
    at.mkdir(mode=0o700, parents=True)
    (folder / "logs").mkdir(exist_ok=True)
    keys = folder / "broker-keys"
    keys.mkdir(mode=0o700)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        f"AMPARO_BROKER_{name}": str(value)
        for name, value in {
            "DATA_DIR": at, "PUBLIC_URL": url, "PORT": port, "BROKER_ID": BROKER_ID,
            "STORE_KEY_FILE": keys / "store.key", "LOG_KEY_FILE": keys / "log.key",
            "RECEIVING_KEY_FILE": keys / "receiving.key",
            "DATABASE_URL": sqlite_url(at / "broker.sqlite"), "HALVES_URL": sqlite_url(at / "halves.sqlite"),
            "BLOB_URL": (at / "blobs").as_uri(), "REQUESTS_PER_MINUTE": 12000,
        }.items()
    }  # fmt: skip
    server = Server("broker", ("broker", "serve"), environment, at / "broker.log", f"{url}/v1/openapi.json")
    return Stage(folder, server, environment)


def found(stage: Stage, tell: Callable[[str], None]) -> None:
    """From nothing to three agencies that can work with each other."""
    call(("broker", "init"), environment=stage.broker_environment)
    stage.broker.start()
    tell(f"the broker listens on {stage.broker_environment['AMPARO_BROKER_PUBLIC_URL']}")
    for agency in AGENCIES:
        invitation = call(("broker", "invite", agency.name), environment=stage.broker_environment)
        (stage.folder / f"invitation-{agency.name}.json").write_text(invitation, encoding="utf-8")
        stage.desks[agency.name] = DeskCommands(
            agency.name, stage.folder / "desks" / agency.name, stage.folder / "logs" / f"{agency.name}.log"
        )
    stage.together(lambda desk: _set_up(stage, desk))
    tell("each agency has a root, split over papers of two administrators")
    _found_network(stage)
    tell("the three roots have signed the founding of the network")
    stage.together(lambda desk: _certify(stage, desk))
    stage.sync(2)
    tell("administrators, desks, recovery keys and officers are in the directory")
    for desk in stage.desks.values():
        for other in stage.desks:
            if other != desk.agency:
                compare(desk, stage.desks[other])
    tell("all roots were compared, fingerprint by fingerprint")


def _value_of(name: str) -> Agency:
    return next(one for one in AGENCIES if one.name == name)


def _papers_folder(desk: DeskCommands) -> Path:
    """Where the papers lie that people would keep in two safes."""
    return desk.folder.parent.parent / "papers" / desk.agency


def _papers(desk: DeskCommands, purpose: str = "root") -> list[str]:
    return [str(_papers_folder(desk) / f"{purpose}-{handle}.txt") for handle in ADMINISTRATORS]


def _paper_options(desk: DeskCommands) -> list[str]:
    return [word for path in _papers(desk) for word in ("--paper", path)]


def _set_up(stage: Stage, desk: DeskCommands) -> None:
    agency = _value_of(desk.agency)
    port = free_port()
    stage.urls[agency.name] = f"http://127.0.0.1:{port}"
    desk.do(
        "init", str(stage.folder / f"invitation-{agency.name}.json"), "--second-factor", "off",
        "--country", agency.country, "--kind",
        agency.kind, "--port", str(port),
    )  # fmt: skip
    (stage.folder / f"invitation-{agency.name}.json").unlink()
    holders = [word for handle in ADMINISTRATORS for word in ("--holder", handle)]
    desk.do("ceremony", *holders, "--papers", str(_papers_folder(desk)))
    desk.do("agency", "--out", str(desk.folder / "agency.json"))


def _found_network(stage: Stage) -> None:
    first = next(iter(stage.desks.values()))
    statement = str(stage.folder / "founding.json")
    files = [str(desk.folder / "agency.json") for desk in stage.desks.values()]
    first.do("found", *files, "--network", NETWORK, "--out", statement, *_paper_options(first))
    for desk in stage.desks.values():
        if desk is not first:
            desk.do("root", "sign", statement, *_paper_options(desk))
    first.do("publish", statement)
    Path(statement).unlink()


def _certify(stage: Stage, desk: DeskCommands) -> None:
    for handle in ADMINISTRATORS:
        certificate = _enrol(desk, handle, "administrator")
        desk.do("root", "sign", certificate, *_paper_options(desk))
        desk.do("publish", certificate)
    desk.do("root", "certify-desk", *_paper_options(desk))
    for handle, role in _value_of(desk.agency).officers.items():
        certificate = _enrol(desk, handle, role)
        for administrator in ADMINISTRATORS:
            desk.do("officers", "sign", certificate, by=administrator)
        desk.do("publish", certificate)


def _enrol(desk: DeskCommands, handle: str, role: str) -> str:
    """Keys under a passphrase of this run; the file of the certificate."""
    desk.passphrases[handle] = f"demo-{secrets.token_hex(6)}"
    path = str(desk.folder / f"certificate-{handle}.json")
    desk.do(
        "officers", "enrol", handle, "--role", role, "--new-passphrase-file", "-", "--out", path,
        words=f"{desk.passphrases[handle]}\n",
    )  # fmt: skip
    return path


def compare(desk: DeskCommands, other: DeskCommands) -> None:
    """An administrator reads the fingerprint that the other desk shows, and records that it is the same."""
    theirs = other.do("compare", other.agency)["fingerprint"]
    ours = desk.do("compare", other.agency)["fingerprint"]
    answer = "same" if ours == theirs else "different"
    desk.do("compare", other.agency, "--answer", answer, "--shown", theirs, by=ADMINISTRATORS[0])
