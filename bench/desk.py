"""A desk with much on it: `python -m bench.desk [--scale N] [--rounds N] [--json]`.

A desk is filled with 10,000 cases, 100,000 persons and 100,000 exhibits, each with its sealed columns and its keys
wrapped to an officer and to the recovery key, as the services write them. It is served as `amparo desk run` serves it.
Measured are the sign-in, the time until the search of the session stands, and pages over HTTP: the search while the
reading goes on, then every page with the reading done, and the memory of the process.

There is no peer to measure beside: nothing else keeps such rows sealed and searches them. The goals are those of the
pages' design: pages in 150 ms and a search in 300 ms (median), 600 MiB.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
from sqlalchemy import insert
from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import CASE, VAULT, wrap_info
from agencies.models import Case, CaseKey
from agencies.setup import get_identity
from bench._measure import Result, make_parser
from crypto import hybrid
from crypto.encoding import dump_json
from evidence.models import ExhibitRow
from identity.models import PersonRecord
from storage.sealed import seal_column
from tests.support.brokers import free_port
from tests.support.field import WORDS, DeskAt, with_field

CASES, PERSONS, EXHIBITS = 10_000, 10, 10
GOAL_PAGE_MS, GOAL_SEARCH_MS, GOAL_MIB = 150, 300, 600
OFFICER = "liaison-1"
AT_ONCE = 200
FIRST = ("Mirabela", "Zuleika", "Amal", "Élodie", "Oksana", "Thi", "Blessing", "Ioana", "Nadia", "Rosa")
LAST = ("Ionescu", "Haddad", "Okafor", "Nguyen", "Müller", "Kovalenko", "Popescu", "García", "Rossi", "Sørensen")
RUN = (
    "from config.settings import DeskSettings; from desk.server import serve; "
    "serve(DeskSettings.from_environment(), id)"
)
LISTS = ("exhibits", "handovers", "bundles", "kept", "inbox", "inquiries", "approvals", "record")
STAGES = ("report", "investigation", "prosecution", "court", "support")


@dataclass
class Filler:
    """Writes rows as the services do, many in one transaction."""

    desk: DeskAt

    def fill(self, count: int) -> None:
        """So many cases with ten persons and ten exhibits each."""
        officer = self.desk.officer(OFFICER)
        with self.desk.office.files.session() as db:
            recovery = get_identity(db).recovery_key
        holders = {officer.handle: officer.receiving.public_key, cases.RECOVERY: recovery or b""}
        for start in range(0, count, AT_ONCE):
            with self.desk.office.files.session() as db:
                self._some(db, range(start, min(count, start + AT_ONCE)), holders)

    def _some(self, db: Session, numbers: range, holders: dict[str, bytes]) -> None:
        rows: dict[type, list[dict[str, object]]] = {Case: [], CaseKey: [], PersonRecord: [], ExhibitRow: []}
        for number in numbers:
            keys = {CASE: os.urandom(32), VAULT: os.urandom(32)}
            case_id = os.urandom(16)
            rows[Case].append(_case(number, case_id, keys[CASE]))
            for holder, public_key in holders.items():
                for compartment, key in keys.items():
                    wrapped = hybrid.seal(public_key, wrap_info(case_id, compartment), key)
                    rows[CaseKey].append(
                        {"case_id": case_id, "holder": holder, "compartment": compartment, "wrapped": wrapped,
                         "given_by": self.desk.handle(OFFICER), "given_at": _at(number)}
                    )  # fmt: skip
            by = self.desk.handle(OFFICER)
            rows[PersonRecord] += [_person(number, one, case_id, keys[VAULT], by) for one in range(PERSONS)]
            rows[ExhibitRow] += [_exhibit(number, one, case_id, keys[CASE], by) for one in range(EXHIBITS)]
        for table, values in rows.items():
            db.execute(insert(table), values)


def _at(number: int) -> int:
    return 1_750_000_000 + number * 600


def _case(number: int, case_id: bytes, key: bytes) -> dict[str, object]:
    facts = {
        "title": f"Farm {number} at the river", "stage": STAGES[number % len(STAGES)], "route": "XC, XB, XA",
        "summary": f"Several persons worked without pay at place {number}; each was told of a debt for the journey.",
        "changes": [{"at": _at(number), "by": "bench", "what": "opened", "word": ""}],
    }  # fmt: skip
    return {
        "case_id": case_id, "handle": f"NP-2031-{number + 1}", "version": 1, "opened_at": _at(number),
        "facts": seal_column(key, "case", "facts", case_id, 1, dump_json(facts)),
    }  # fmt: skip


def _person(number: int, one: int, case_id: bytes, key: bytes, by: str) -> dict[str, object]:
    person_id = os.urandom(16)
    values = {
        "prs_firstname": FIRST[(number + one) % 10], "prs_secondname": f"{LAST[(number * 7 + one) % 10]}{number}",
        "prs_birthdate": "2001-02-03", "prs_gender": "female", "prs_citizenship": "XC",
        "prs_mobilephone": f"+4072{number:05d}{one}", "vic_typeofexploitation": "labour",
        "vic_methodsofcontrol": "debt;documents", "cas_status": "open",
    }  # fmt: skip
    role = "victim" if one < 7 else "suspect"
    content = {"v": 1, "role": role, "short": f"P{one + 1}", "values": values, "extra": []}
    return {
        "person_id": person_id, "case_id": case_id, "version": 1, "added_by": by, "added_at": _at(number),
        "content": seal_column(key, "person", "content", person_id, 1, dump_json(content)),
    }  # fmt: skip


def _exhibit(number: int, one: int, case_id: bytes, key: bytes, by: str) -> dict[str, object]:
    object_id = os.urandom(16)
    content = {
        "v": 1, "root_number": f"north-police/E-{one + 1:04d}", "local_number": f"E-{one + 1:04d}",
        "description": f"Photograph {one} of the house of case {number}", "files": [], "handling": [],
    }  # fmt: skip
    return {
        "case_id": case_id, "object_id": object_id, "serial": one + 1, "version": 1, "is_own": True, "added_by": by,
        "added_at": _at(number), "content": seal_column(key, "exhibit", "content", object_id, 1, dump_json(content)),
    }  # fmt: skip


@contextmanager
def served(desk: DeskAt, broker_url: str) -> Iterator[tuple[str, psutil.Process]]:
    """The desk in a process of its own; its address and the process."""
    port, key = free_port(), desk.folder / "session.key"
    key.write_bytes(os.urandom(32))
    url = f"http://127.0.0.1:{port}"
    mine = {
        "DATA_DIR": desk.folder, "AGENCY_ID": desk.agency, "PUBLIC_URL": url, "PORT": port, "BROKER_URL": broker_url,
        "SESSION_KEY_FILE": key, "SECOND_FACTOR": "off", "LOG_LEVEL": "warning", "SYNC_EVERY_SECONDS": 60,
    }  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AMPARO_")}
    environment |= {f"AMPARO_DESK_{name}": str(value) for name, value in mine.items()}
    with (desk.folder.parent / "served.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN], env=environment, stdout=log,
            stderr=log, cwd=Path(__file__).resolve().parent.parent,
        )  # fmt: skip
    try:
        _wait_for(url, process, desk.folder.parent / "served.log")
        (serving,) = psutil.Process(process.pid).children()  # the one with the keys
        yield url, serving
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            raise SystemExit(f"the desk did not start: {log.read_text('utf-8')[-500:]}")
        try:
            httpx2.get(f"{url}/sign-in", trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the desk did not answer")


@dataclass
class Browser:
    """What a browser sends, without drawing anything."""

    client: httpx2.Client
    url: str

    def get(self, path: str) -> str:
        """A page; it has to be there."""
        answer = self.client.get(self.url + path)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}")
        return answer.text

    def post(self, path: str, **typed: str) -> str:
        """A form with the token of its page; where it led."""
        token = self.get(path).split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
        answer = self.client.post(self.url + path, data={**typed, "csrf_token": token})
        if answer.status_code != 303:
            raise SystemExit(f"{path} answered {answer.status_code}")
        return answer.headers["Location"]

    def search(self, words: str) -> str:
        """A search, from the form to the page of what was found."""
        return self.get(self.post("/search", words=words))


def _is_reading(page: str) -> bool:
    return 'id="read"' in page


def _timed(act: object, *values: object) -> float:
    started = time.perf_counter()
    act(*values)  # type: ignore[operator]
    return (time.perf_counter() - started) * 1000


def _links(page: str, start: str) -> list[str]:
    return [part.split('"')[0] for part in page.split('href="')[1:] if part.startswith(start)]


def measure(
    browser: Browser, process: psutil.Process, rounds: int, scale: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Milliseconds of every kind of page, and the other figures."""
    figures: dict[str, float] = {}
    started = time.perf_counter()
    browser.post("/sign-in", handle=OFFICER, passphrase=WORDS)
    browser.get("/today")
    figures["sign_in_s"] = time.perf_counter() - started
    early = []
    while _is_reading(browser.get("/search")):
        early.append(_timed(browser.get, "/cases"))
        time.sleep(1)  # looking on is not to be what takes the time
    figures["index_s"] = time.perf_counter() - started
    figures["cases_ms_while_reading"] = statistics.median(early) if early else 0.0
    found: dict[str, list[float]] = {
        name: [] for name in ("today", "cases", "stage", "case", "persons", *LISTS, "search", "rare")
    }
    for turn in range(rounds):
        page = 1 + turn * 37 % max(1, scale // 50)
        found["today"].append(_timed(browser.get, "/today"))
        found["cases"].append(_timed(browser.get, f"/cases?page={page}"))
        found["stage"].append(_timed(browser.get, f"/cases?stage=court&page={page}"))
        link = _links(browser.get(f"/cases?page={page}"), "/cases/")
        case = next(one for one in link if len(one) == len("/cases/") + 32)
        found["case"].append(_timed(browser.get, case))
        found["persons"].append(_timed(browser.get, f"{case}/persons"))
        for name in LISTS:
            found[name].append(_timed(browser.get, f"/{name}"))
        found["search"].append(_timed(browser.search, f"{FIRST[turn % 10]} {LAST[turn % 10]}"))
        found["rare"].append(_timed(browser.search, f"{LAST[turn % 10]}{(turn * 911) % scale}"))
    figures["memory_mib"] = process.memory_info().rss / 2**20
    return found, figures


def main(arguments: list[str] | None = None) -> int:
    """0: measured and reached; 1: not reached."""
    parser = make_parser("desk", 25)
    parser.add_argument("--scale", type=int, default=CASES, help="cases; with ten persons and ten exhibits each")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, with_field(Path(name)) as field:
        started = time.perf_counter()
        Filler(field.north).fill(options.scale)
        filled = time.perf_counter() - started
        database = (field.north.folder / "desk.sqlite3").stat().st_size / 2**20
        with (
            served(field.north, field.settings.public_url) as (url, process),
            httpx2.Client(trust_env=False, timeout=120, headers={"Origin": url}) as client,
        ):
            found, figures = measure(Browser(client, url), process, options.rounds, options.scale)
    medians = {name: statistics.median(values) for name, values in found.items()}
    pages = ("today", "cases", "stage", "case", "persons", *LISTS)
    slowest = max(medians[one] for one in pages)
    searched = max(medians["search"], medians["rare"])
    return Result(
        name="desk",
        unit="ms of the slowest page (median)",
        ours=slowest,
        peers={},
        ratios={},
        memory_mib=figures["memory_mib"],
        goals={
            f"pages at most {GOAL_PAGE_MS} ms": slowest <= GOAL_PAGE_MS,
            f"search at most {GOAL_SEARCH_MS} ms": searched <= GOAL_SEARCH_MS,
            f"memory at most {GOAL_MIB} MiB": figures["memory_mib"] <= GOAL_MIB,
        },
        more={
            "cases": options.scale,
            "persons": options.scale * PERSONS,
            "exhibits": options.scale * EXHIBITS,
            "filled_s": round(filled, 1),
            "database_mib": round(database, 1),
            **{one: round(figures[one], 2) for one in ("sign_in_s", "index_s", "cases_ms_while_reading")},
            **{f"{one}_ms": round(value, 1) for one, value in medians.items()},
            **{f"{one}_p95_ms": round(_p95(values), 1) for one, values in found.items()},
        },
    ).show(as_json=options.json)


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18] if len(values) > 1 else values[0]


if __name__ == "__main__":
    sys.exit(main())
