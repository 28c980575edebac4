"""Sealing a large file beside `age`: `python -m bench.seal [--size MIB] [--rounds N] [--json]`.

Amparo's rows go through a desk: `exchange.delivery.seal` with the composition, the ciphertext's root, stanzas, cover
and signed header, every part synced to the disk. `known` reads the exhibit out of the desk's own sealed store (its
digest is known from intake, its chunks are authenticated as they are read, decision 0006) and stands beside `age`.
`hashed` computes the file's SHA-256 in the same pass and stands beside `age` followed by one SHA-256 by OpenSSL, as
does `intake`, which takes the file into the store. The desk stays up between the rounds, as a desk does.

Rounds are interleaved; the first warms the caches and does not count. Figures are medians, of wall clock and of CPU
seconds, and the desk's largest peak of memory. All files lie on a memory file system where there is one.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agencies import cases
from bench._measure import Result, make_parser, median_ratio
from evidence import exhibits, intake
from tests.support.field import Field, now, with_field

GOAL_RATIO = 1.5
MOST_MEMORY_MIB = 96
MEMORY_FOLDER = Path("/dev/shm")
REPOSITORY = Path(__file__).resolve().parent.parent
HASHED, KNOWN, INTAKE, AGE, AGE_HASHED = "hashed", "known", "intake", "age", "age+sha256"
PAIRS = {"age": (KNOWN, AGE), "age+sha256": (HASHED, AGE_HASHED)}

Figures = dict[str, float]


@dataclass
class Row:
    """What one case needed in each round."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    memory_mib: float = 0.0

    def add(self, found: Figures) -> None:
        self.wall_s.append(found["wall_s"])
        self.cpu_s.append(found["cpu_s"])
        self.memory_mib = max(self.memory_mib, found.get("memory_mib", 0.0))

    def summary(self) -> Figures:
        return {
            "wall_s": round(statistics.median(self.wall_s), 3),
            "wall_best_s": round(min(self.wall_s), 3),
            "cpu_s": round(statistics.median(self.cpu_s), 3),
            **({"memory_mib": round(self.memory_mib, 1)} if self.memory_mib else {}),
        }


# ---- The peer ---------------------------------------------------------------------------------------------------


def run_commands(commands: list[list[str]]) -> Figures:
    """The commands one after the other."""
    total: Figures = {"wall_s": 0.0, "cpu_s": 0.0}
    for command in commands:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{command[0]} ended with {child.returncode}")
        total["wall_s"] += time.perf_counter() - started
        total["cpu_s"] += used.ru_utime + used.ru_stime
    return total


def make_recipient() -> str:
    """A fresh age recipient."""
    said = subprocess.run(["age-keygen"], capture_output=True, check=True, text=True).stdout
    return next(line.split(": ")[1] for line in said.splitlines() if "public key" in line)


# ---- Our side ---------------------------------------------------------------------------------------------------


def make_plain(path: Path, size_mib: int) -> None:
    """Random bytes."""
    with path.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(2**20))


def take_exhibit(network: Field, plain: Path) -> tuple[bytes, bytes]:
    """The file as an exhibit of a case of the police; ids of both."""
    office, officer = network.north.office, network.north.officer("liaison-1")
    with office.files.session() as db:
        case_id = cases.create_case(db, officer, "NP-1", {"title": "t"}, now=now()).case_id
    stored = intake.take_in(office.files, officer, case_id, plain, now=now())
    with office.files.session() as db:
        exhibit = exhibits.create_exhibit(
            db, officer, case_id, description="A disk", files=[stored.file_id], place="store", reason="seized",
            action="seize", seen=office.seen(db), now=now(),
        )  # fmt: skip
    network.sync_all()
    return case_id, exhibit


@contextmanager
def desk_process(network: Field, plain: Path) -> Iterator[Callable[[str], Figures]]:
    """A desk in a process of its own; calling it with the name of a row does that once."""
    case_id, exhibit = take_exhibit(network, plain)
    command = [sys.executable, "-m", "bench._sealing", str(network.north.folder), network.settings.public_url,
               case_id.hex(), exhibit.hex(), str(plain)]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as child:

        def ask(name: str) -> Figures:
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write(name + "\n")
            child.stdin.flush()
            answer = child.stdout.readline()
            if not answer:
                raise SystemExit("the desk ended")
            found: Figures = json.loads(answer)
            return found

        yield ask
        assert child.stdin is not None
        child.stdin.close()


def compare(folder: Path, size_mib: int, rounds: int) -> dict[str, Row]:
    """Interleaved rounds."""
    plain, target = folder / "plain", folder / "sealed"
    make_plain(plain, size_mib)
    age = ["age", "-r", make_recipient(), "-o", str(target), str(plain)]
    openssl = ["openssl", "dgst", "-sha256", str(plain)]
    with with_field(folder / "network") as network, desk_process(network, plain) as desk:

        def peer(commands: list[list[str]]) -> Figures:
            try:
                return run_commands(commands)
            finally:
                target.unlink(missing_ok=True)

        cases: dict[str, Callable[[], Figures]] = {
            HASHED: lambda: desk(HASHED),
            AGE_HASHED: lambda: peer([age, openssl]),
            KNOWN: lambda: desk(KNOWN),
            AGE: lambda: peer([age]),
            INTAKE: lambda: desk(INTAKE),
        }
        rows = {name: Row() for name in cases}
        for number in range(rounds + 1):
            for name, run in cases.items():
                found = run()
                if number:
                    rows[name].add(found)
    return rows


def report(rows: dict[str, Row], size_mib: int) -> Result:
    """The figures of one run, and whether the goals are reached."""
    found = {name: row.summary() for name, row in rows.items()}
    ratios = {name: median_ratio(rows[mine].wall_s, rows[peer].wall_s) for name, (mine, peer) in PAIRS.items()}
    memory = max(found[name]["memory_mib"] for name in (HASHED, KNOWN, INTAKE))
    goals = {f"at least {GOAL_RATIO} times as fast as {peer}": ratio >= GOAL_RATIO for peer, ratio in ratios.items()}
    return Result(
        name="seal",
        unit=f"s for {size_mib} MiB whose digest is known",
        ours=found[KNOWN]["wall_s"],
        peers={name: found[name]["wall_s"] for name in (AGE, AGE_HASHED)},
        ratios=ratios,
        memory_mib=memory,
        goals=goals | {f"at most {MOST_MEMORY_MIB} MiB": memory <= MOST_MEMORY_MIB},
        more={
            "rows": found,
            "intake beside age+sha256": round(median_ratio(rows[INTAKE].wall_s, rows[AGE_HASHED].wall_s), 2),
        },
    )


def main(arguments: list[str] | None = None) -> int:
    """0: measured and reached, or there is no peer to measure beside; 1: not reached."""
    parser = make_parser("seal", 5)
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    options = parser.parse_args(arguments)
    if not all(shutil.which(tool) for tool in ("age", "age-keygen", "openssl")):
        print("bench/seal: not run, `age` and `openssl` are needed beside it", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(dir=MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None) as folder:
        found = report(compare(Path(folder), options.size, options.rounds), options.size)
    return found.show(as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
