"""Sealing a large file beside `age`: `python -m bench.seal [--size MIB] [--rounds N] [--json]`.

What is compared does the same work. `hashed` re-checks the file's SHA-256 while it encrypts and hashes the ciphertext;
`known` (a source that was authenticated on its way out of the desk's own sealed store, decision 0006) hashes the
ciphertext alone. Beside both stands `age` with one SHA-256 by OpenSSL; `known` is set beside `age` alone as well, which
hashes nothing.

Rounds are interleaved. Every row is a process of its own, its start included; figures are medians over the rounds, of
wall clock and of CPU seconds, and the largest peak of memory. Files lie on a memory file system where there is one.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crypto import header as headers
from crypto import hybrid, sealing, signing
from crypto.digests import PIECE_BYTES, BlockRoot, sha256

TARGET_RATIO = 1.5
MOST_MEMORY_MIB = 96
READ_BYTES = 2**20
MEMORY_FOLDER = Path("/dev/shm")
HASHED, KNOWN, AGE, AGE_HASHED = "hashed", "known", "age", "age+sha256"
GATES = ((HASHED, AGE_HASHED), (KNOWN, AGE_HASHED))
RATIOS = (*GATES, (KNOWN, AGE))


def blocks(path: Path) -> Iterator[memoryview]:
    """The file, in one buffer."""
    buffer = bytearray(READ_BYTES)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            yield memoryview(buffer)[:count]


def seal(path: Path, out: Path, digest: bytes, pieces: bytes, *, is_authenticated: bool) -> None:
    """One whole bundle as a desk makes it: payload with root, stanzas, cover, half, signed header."""
    key = signing.SigningKey(os.urandom(32))
    receiver = hybrid.ReceivingKey(hybrid.generate())
    source = sealing.Source(
        os.urandom(16), os.urandom(16), path.stat().st_size, digest, "application/octet-stream", pieces,
        lambda: blocks(path), is_authenticated=is_authenticated,
    )  # fmt: skip
    manifest = sealing.make_manifest("share", [source], [], [])
    secrets, bundle_id = sealing.new_secrets(), os.urandom(16)
    padded = sealing.padded_length([source], manifest)
    ctx = headers.make_ctx(bundle_id, "log.example", "north", "north/liaison-1", key.public_key, 1, padded)
    with out.open("wb", buffering=0) as file:
        sealed = sealing.seal_payload(secrets, ctx, [source], manifest, file.write)
    cover = sealing.seal_cover(ctx, secrets.r, b"{}")
    half = sealing.seal_half(receiver.public_key, ctx, 1, secrets.halves[0])
    entitled = sealing.StanzaFor(receiver.public_key, 1, 1, secrets.s, sealing.agency_key(secrets.d, "south"))
    made = headers.Header(
        bundle_id, "log.example", "north", "north/liaison-1", key.public_key, padded, ("north", "south"),
        sealing.seal_stanzas(ctx, secrets.r, [entitled]), headers.commit_s(bundle_id, secrets.s),
        (headers.Half("one", headers.commit_b(bundle_id, secrets.halves[0]), sha256(half)),),
        headers.commit_r(bundle_id, secrets.r), sha256(cover), sealed.payload_commitment, sealed.contents, sealed.root,
        tuple(os.urandom(32) for _ in range(8)), "2031-11",
    )  # fmt: skip
    raw = made.dump()
    headers.verify_header(raw, headers.sign_header(key, raw))


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
    ours = [sys.executable, "-m", "bench.seal", "--seal", str(plain), str(target), digest, pieces]
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


def report(rows: dict[str, Row], size_mib: int) -> dict[str, Any]:
    """The figures of one run, and whether the target is reached."""
    found = {name: row.summary() for name, row in rows.items()}

    def ratio(mine: str, peer: str, clock: str) -> float:
        return round(found[peer][clock] / found[mine][clock], 2)

    memory = max(found[name]["memory_mib"] for name in (HASHED, KNOWN))
    fast = all(ratio(mine, peer, "wall_s") >= TARGET_RATIO for mine, peer in GATES)
    return {
        "name": "seal",
        "unit": "s",
        "size_mib": size_mib,
        "ours": {name: found[name] for name in (HASHED, KNOWN)},
        "peers": {name: found[name] for name in (AGE, AGE_HASHED)},
        "ratios": {
            f"{mine} beside {peer}": {"wall": ratio(mine, peer, "wall_s"), "cpu": ratio(mine, peer, "cpu_s")}
            for mine, peer in RATIOS
        },
        "memory_mib": memory,
        "target": {"pairs": [list(pair) for pair in GATES], "wall": TARGET_RATIO, "memory_mib": MOST_MEMORY_MIB},
        "reached": fast and memory <= MOST_MEMORY_MIB,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}",
    }


def print_table(found: dict[str, Any]) -> None:
    print(f"seal {found['size_mib']} MiB on {found['machine']}")
    for name, row in {**found["ours"], **found["peers"]}.items():
        print(f"  {name:12} {row['wall_s']:7.3f} s wall {row['cpu_s']:7.3f} s CPU {row['memory_mib']:7.1f} MiB")
    for pair, both in found["ratios"].items():
        print(f"  {pair:24} {both['wall']:.2f} times as fast by wall clock, {both['cpu']:.2f} by CPU")
    print("  target reached" if found["reached"] else "  target NOT reached")


def main(arguments: list[str] | None = None) -> int:
    """0: measured and reached, or there is no peer to measure beside; 1: not reached."""
    parser = argparse.ArgumentParser(prog="bench.seal")
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seal", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--known", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.seal:
        plain, target, digest, pieces = options.seal
        known = options.known
        seal(Path(plain), Path(target), bytes.fromhex(digest), bytes.fromhex(pieces), is_authenticated=known)
        return 0
    if not all(shutil.which(tool) for tool in ("age", "age-keygen", "openssl")):
        print("bench/seal: not run, `age` and `openssl` are needed beside it", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(dir=MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None) as folder:
        found = report(compare(Path(folder), options.size, options.rounds), options.size)
    if options.json:
        print(json.dumps(found))
    else:
        print_table(found)
    return 0 if found["reached"] else 1


if __name__ == "__main__":
    sys.exit(main())
