"""A desk that seals the same exhibit again and again, for `bench.seal`.

`python -m bench._sealing DESK BROKER_URL CASE EXHIBIT PLAIN` opens the desk, signs its officer in, and then does one
thing for each line of standard input: `known`, `hashed` or `intake`. It answers each with a line of JSON. What was
sealed is removed between the measured times.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agencies import members
from agencies.members import OfficerSession
from crypto.header import parse_header
from crypto.sealing import Source
from evidence import intake
from exchange import arrivals, ciphertext, delivery, sharing
from exchange.membership import open_office
from exchange.office import Office

OFFICER, WORDS = "north-police/liaison-1", "four random words here"
READ_BYTES = 2**20


@dataclass(frozen=True)
class Place:
    """The desk and what it seals."""

    office: Office
    officer: OfficerSession
    case_id: bytes
    exhibit: bytes
    plain: Path

    def plain_blocks(self) -> Iterator[memoryview]:
        """The file as it came, in one buffer."""
        buffer = bytearray(READ_BYTES)
        with self.plain.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                yield memoryview(buffer)[:count]

    def seal(self, change: Callable[[Source], Source]) -> Callable[[], None]:
        """A bundle ready to be sent: composed, sealed, synced, with its signed header; what removes it."""
        now = int(time.time())
        choice = sharing.Choice(
            self.case_id, "south-prosecutor", ("south-prosecutor/prosecutor-1",), ("prosecution",), "Act", "R-1",
            exhibits=(self.exhibit,),
        )  # fmt: skip
        with self.office.files.session() as db:
            made = sharing.compose(db, self.office, self.officer, choice, now=now)
        files = [change(one) for one in sharing.sources(self.office, self.officer, made)]
        bundle_id = delivery.seal(self.office, self.officer, made, files, now=now)

        def remove() -> None:
            with self.office.files.session() as db:
                header = parse_header(arrivals.get_stored(db, bundle_id).header)
            ciphertext.drop_payload(self.office, header)

        return remove

    def known(self) -> Callable[[], None]:
        """Out of the desk's own store, whose chunks are authenticated as they are read."""
        return self.seal(lambda source: source)

    def hashed(self) -> Callable[[], None]:
        """Out of the file as it came: its SHA-256 is computed in the same pass and compared with that of intake."""
        return self.seal(lambda source: replace(source, read=self.plain_blocks, is_authenticated=False))

    def intake(self) -> Callable[[], None]:
        """Into the desk's own store: SHA-256, root of pieces and ciphertext in one read."""
        files = self.office.files
        stored = intake.take_in(files, self.officer, self.case_id, self.plain, now=int(time.time()))
        return lambda: files.blobs.delete(f"files/{stored.file_id.hex()}")


def open_place(desk: str, broker_url: str, case_id: str, exhibit: str, plain: str) -> Place:
    """The desk as the parent left it."""
    office = open_office(Path(desk), broker_url, clock=time.time)
    officer = members.sign_in(office.files, OFFICER, WORDS, now=int(time.time()))
    return Place(office, officer, bytes.fromhex(case_id), bytes.fromhex(exhibit), Path(plain))


def serve(place: Place) -> None:
    """One measured act for each line."""
    acts = {"known": place.known, "hashed": place.hashed, "intake": place.intake}
    for line in sys.stdin:
        before, started = os.times(), time.perf_counter()
        remove = acts[line.strip()]()
        wall, after = time.perf_counter() - started, os.times()
        remove()
        cpu = after.user + after.system - before.user - before.system
        print(json.dumps({"wall_s": wall, "cpu_s": cpu, "memory_mib": peak_mib()}), flush=True)


def peak_mib() -> float:
    """The most memory that this process has had. On Linux `getrusage` would give the parent's, where that is more."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    serve(open_place(*sys.argv[1:6]))
