"""Sealing a file, side by side with `age`: `python -m bench.seal [--size MIB] [--rounds N] [--json]`.

Ratios are medians of rounds that run in turn: ours, age, ours, age. `age` is compared with sealing a file whose
digest is known from intake and authenticated by the store; `age+sha256` with hashing while sealing. Every run ends
with fsync.
"""

import argparse
import hashlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from crypto import header, hybrid, sealing, signing
from crypto.digests import sha256

BLOCK = 4 * 2**20


def blocks(path: Path) -> Iterator[memoryview]:
    buffers = [bytearray(BLOCK) for _ in range(2)]
    with path.open("rb", buffering=0) as file:
        turn = 0
        while count := file.readinto(buffers[turn]):
            yield memoryview(buffers[turn])[:count]
            turn ^= 1


def seal(path: Path, out: Path, digest: bytes, is_authenticated: bool) -> None:
    """Payload with root, stanzas, cover and signed header, all on the disk before it returns."""
    key = signing.SigningKey(os.urandom(32))
    receiver = hybrid.ReceivingKey(hybrid.generate())
    size = path.stat().st_size
    source = sealing.Source(
        os.urandom(16), os.urandom(16), size, digest, "application/octet-stream", bytes(32), lambda: blocks(path),
        is_authenticated=is_authenticated,
    )  # fmt: skip
    manifest = sealing.make_manifest("share", [source], [], [])
    secrets, bundle_id = sealing.new_secrets(), os.urandom(16)
    padded = sealing.padded_length([source], manifest)
    ctx = header.make_ctx(bundle_id, "log.example", "north", "north/liaison-1", key.public_key, 1, padded)
    with out.open("wb", buffering=0) as file:
        sealed = sealing.seal_payload(secrets, ctx, [source], manifest, file.write)
        os.fsync(file.fileno())
    cover = sealing.seal_cover(ctx, secrets.r, b"{}")
    entitled = sealing.StanzaFor(receiver.public_key, 1, 1, secrets.s, sealing.agency_key(secrets.d, "south"))
    made = header.Header(
        bundle_id, "log.example", "north", "north/liaison-1", key.public_key, padded, ("north", "south"),
        sealing.seal_stanzas(ctx, secrets.r, [entitled]), header.commit_s(bundle_id, secrets.s),
        (header.Half("one", header.commit_b(bundle_id, secrets.halves[0]), bytes(32)),),
        header.commit_r(bundle_id, secrets.r), sha256(cover), sealed.payload_commitment, sealed.contents, sealed.root,
        tuple(os.urandom(32) for _ in range(8)), "2031-11",
    )  # fmt: skip
    raw = made.dump()
    header.sign_header(key, raw)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def compare(folder: Path, size_mib: int, rounds: int) -> dict[str, object]:
    plain, ours, theirs = folder / "plain", folder / "ours", folder / "theirs"
    with plain.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(2**20))
    digest = hashlib.sha256()
    for block in blocks(plain):
        digest.update(block)
    identity = folder / "identity"
    run(["age-keygen", "-o", str(identity)])
    recipient = next(line.split(": ")[1] for line in identity.read_text().splitlines() if "public key" in line)

    def age() -> None:
        run(["age", "-r", recipient, "-o", str(theirs), str(plain)])
        with theirs.open("rb") as file:
            os.fsync(file.fileno())

    def age_and_hash() -> None:
        run(["openssl", "dgst", "-sha256", str(plain)])
        age()

    cases: dict[str, Callable[[], None]] = {
        "known": lambda: seal(plain, ours, digest.digest(), True),
        "age": age,
        "hashed": lambda: seal(plain, ours, digest.digest(), False),
        "age+sha256": age_and_hash,
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, work in cases.items():
            took = timed(work)
            if number:  # the first round warms the caches
                times[name].append(took)
    return report(times, size_mib)


def report(times: dict[str, list[float]], size_mib: int) -> dict[str, object]:
    pairs = {"age": ("age", "known"), "age+sha256": ("age+sha256", "hashed")}
    ratios = {
        name: round(statistics.median(a / b for a, b in zip(times[peer], times[mine], strict=True)), 2)
        for name, (peer, mine) in pairs.items()
    }
    return {
        "name": "seal",
        "unit": "s",
        "size_mib": size_mib,
        "ours": {name: round(statistics.median(times[name]), 3) for name in ("known", "hashed")},
        "peers": {name: round(statistics.median(times[name]), 3) for name in pairs},
        "ratios": ratios,
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not shutil.which("age") or not shutil.which("openssl"):
        print("bench/seal: not run, `age` and `openssl` are needed beside it", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        found = compare(Path(folder), options.size, options.rounds)
    print(json.dumps(found) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
