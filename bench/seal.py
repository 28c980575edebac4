"""Sealing a large file beside `age`: `python -m bench.seal [--size MIB] [--rounds N] [--json]`.

What is compared does the same work. `hashed` re-checks the file's SHA-256 while it encrypts and hashes the ciphertext;
`known` (a source that was authenticated on its way out of the desk's own sealed store, decision 0006) hashes the
ciphertext alone. Beside both stands `age` with one SHA-256 by OpenSSL; `known` is set beside `age` alone as well, which
hashes nothing.

Rounds are interleaved. Every row is a process of its own, its start included; figures are medians over the rounds, of
wall clock and of CPU seconds, and the largest peak of memory. Files lie on a memory file system where there is one.
"""

import hashlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench._measure import Result, make_parser, median_ratio
from crypto.digests import PIECE_BYTES, BlockRoot

GOAL_RATIO = 1.5
MOST_MEMORY_MIB = 96
MEMORY_FOLDER = Path("/dev/shm")
HASHED, KNOWN, AGE, AGE_HASHED = "hashed", "known", "age", "age+sha256"
PAIRS = ((KNOWN, AGE), (HASHED, AGE_HASHED))


@dataclass
class Row:
    """What one case needed in each round."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    memory_mib: float = 0.0

    def summary(self) -> dict[str, float]:
        return {
            "wall_s": round(statistics.median(self.wall_s), 3),
            "wall_best_s": round(min(self.wall_s), 3),
            "cpu_s": round(statistics.median(self.cpu_s), 3),
            "memory_mib": round(self.memory_mib, 1),
        }

    def run(self, commands: list[list[str]]) -> None:
        """The commands one after the other, as one round."""
        spent = [self._run_one(command) for command in commands]
        self.wall_s.append(sum(wall for wall, _ in spent))
        self.cpu_s.append(sum(cpu for _, cpu in spent))

    def _run_one(self, command: list[str]) -> tuple[float, float]:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=Path(__file__).resolve().parent.parent)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{command[0]} ended with {child.returncode}")
        unit = 2**20 if platform.system() == "Darwin" else 1024
        self.memory_mib = max(self.memory_mib, used.ru_maxrss / unit)
        return wall, used.ru_utime + used.ru_stime


def make_source(path: Path, size_mib: int) -> tuple[str, str]:
    """Random bytes; their SHA-256 and pieces root, which a desk knows since intake."""
    digest, pieces = hashlib.sha256(), BlockRoot(PIECE_BYTES)
    with path.open("wb") as file:
        for _ in range(size_mib):
            block = os.urandom(2**20)
            digest.update(block)
            pieces.update(block)
            file.write(block)
    return digest.hexdigest(), pieces.root().hex()


def make_recipient() -> str:
    """A fresh age recipient."""
    said = subprocess.run(["age-keygen"], capture_output=True, check=True, text=True).stdout
    return next(line.split(": ")[1] for line in said.splitlines() if "public key" in line)


def compare(folder: Path, size_mib: int, rounds: int) -> dict[str, Row]:
    """Interleaved rounds; the first warms the caches and does not count."""
    plain, target = folder / "plain", folder / "sealed"
    digest, pieces = make_source(plain, size_mib)
    ours = [sys.executable, "-m", "bench._sealing", str(plain), str(target), digest, pieces]
    age = ["age", "-r", make_recipient(), "-o", str(target), str(plain)]
    cases = {
        HASHED: [ours],
        AGE_HASHED: [["openssl", "dgst", "-sha256", str(plain)], age],
        KNOWN: [[*ours, "--known"]],
        AGE: [age],
    }
    rows = {name: Row() for name in cases}
    for number in range(rounds + 1):
        for name, commands in cases.items():
            target.unlink(missing_ok=True)
            (rows[name] if number else Row()).run(commands)
    return rows


def report(rows: dict[str, Row], size_mib: int) -> Result:
    """The figures of one run, and whether the goals are reached."""
    found = {name: row.summary() for name, row in rows.items()}
    ratios = {peer: median_ratio(rows[mine].wall_s, rows[peer].wall_s) for mine, peer in PAIRS}
    memory = max(found[name]["memory_mib"] for name in (HASHED, KNOWN))
    goals = {f"at least {GOAL_RATIO} times as fast as {peer}": ratio >= GOAL_RATIO for peer, ratio in ratios.items()}
    return Result(
        name="seal",
        unit=f"s for {size_mib} MiB whose digest is known",
        ours=found[KNOWN]["wall_s"],
        peers={name: found[name]["wall_s"] for name in (AGE, AGE_HASHED)},
        ratios=ratios,
        memory_mib=memory,
        goals=goals | {f"at most {MOST_MEMORY_MIB} MiB": memory <= MOST_MEMORY_MIB},
        more={"rows": found, "known beside age+sha256": round(
            median_ratio(rows[KNOWN].wall_s, rows[AGE_HASHED].wall_s), 2)},
    )  # fmt: skip


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
