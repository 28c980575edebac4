"""The log beside pymerkle: `python -m bench.log [--size ENTRIES] [--rounds N] [--json]`.

Appending: entries that an officer signed are sent over HTTP in batches of 256 by several clients at once; the broker
checks the signature of each entry and of each request, and answers when the entries are synced and stand under a
signed checkpoint. pymerkle gets the same entries in the same batches through its SQLite tree, in its own process:
it checks no signature, signs nothing and hears no HTTP.

Proofs: inclusion proofs at random places of a log of a million entries, from the broker's stored tiles and from
pymerkle's stored tree, each with its caches warm.
"""

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from pymerkle import SqliteTree
from sqlalchemy.orm import Session

from bench._measure import Result, make_parser, median_ratio
from bench._network import served_network, tree_mib
from broker.log_store import LogStore, make_log_id
from broker.models import LogHead
from config.settings import sqlite_url
from crypto import labels
from crypto.digests import EMPTY_ROOT, leaf_hash
from crypto.encoding import b64u
from custody.entries import SealedEntry
from custody.tree import root_of, verify_inclusion
from storage.blobs import open_blobs
from storage.database import BrokerBase, open_engine, session_factory, transact
from tests.support.network import Client, Network

BATCH, CLIENTS = 256, 4
GOAL_APPENDS, GOAL_PROOF_US = 5000, 100
PROOFS, BUILD = 1000, 65_536
Batch = list[dict[str, str]]


# ---- appending


def make_entries(count: int) -> list[bytes]:
    """Entries as they stand in the log: 49 bytes, random."""
    return [SealedEntry(os.urandom(16), os.urandom(32)).dump() for _ in range(count)]


def sign_batches(network: Network, entries: Sequence[bytes]) -> list[Batch]:
    """The bodies of the requests; an officer's desk has signed each entry long before."""
    officer = network.agencies["north-police"].officers[0]
    signed = [
        {
            "entry": b64u(entry),
            "officer": officer.handle,
            "signature": b64u(officer.signing.sign(labels.APPEND, network.origin, entry)),
        }
        for entry in entries
    ]
    return [signed[at : at + BATCH] for at in range(0, len(signed), BATCH)]


def send(client: Client, batch: Batch) -> None:
    """One batch; every entry of it must have been taken."""
    results = client.post("/entries", {"entries": batch})["results"]
    if any("index" not in one for one in results):
        raise SystemExit(f"an entry was refused: {results[0]}")


def append_ours(network: Network, batches: Sequence[Batch]) -> float:
    """Entries per second, from several clients at once."""
    client = network.clients["north-police"]
    with ThreadPoolExecutor(CLIENTS) as pool:
        started = time.perf_counter()
        list(pool.map(partial(send, client), batches))
        return sum(map(len, batches)) / (time.perf_counter() - started)


def append_peer(tree: SqliteTree, entries: Sequence[bytes]) -> float:
    """Entries per second into pymerkle's tree on the disk."""
    started = time.perf_counter()
    for at in range(0, len(entries), BATCH):
        tree.append_entries(entries[at : at + BATCH])
    return len(entries) / (time.perf_counter() - started)


def measure_appends(rounds: int, count: int) -> tuple[list[float], list[float], float]:
    """Ours and the peer's, interleaved, and the memory of the broker's processes."""
    ours, peer = [], []
    with served_network() as (broker, network), tempfile.TemporaryDirectory() as folder:
        assert broker.process is not None
        tree = SqliteTree(str(Path(folder) / "tree.sqlite"))
        for number in range(rounds + 1):
            entries = make_entries(count)
            one, other = append_ours(network, sign_batches(network, entries)), append_peer(tree, entries)
            if number:  # the first round warms both up
                ours.append(one)
                peer.append(other)
        tree.close()
        return ours, peer, tree_mib(broker.process.pid)


# ---- proofs


def build_store(folder: Path, entries: Sequence[bytes]) -> tuple[LogStore, Any, bytes]:
    """A stored log of these entries, archived as the broker's upkeep does; the store, its readers, its root."""
    engine = open_engine(sqlite_url(folder / "log.sqlite"))
    BrokerBase.metadata.create_all(engine)
    sessions, readers = session_factory(engine), session_factory(engine, read_only=True)
    (folder / "blobs").mkdir()
    store = LogStore(make_log_id("bench"), open_blobs((folder / "blobs").as_uri()))
    transact(sessions, lambda session: session.add(_empty_head(store.log_id)))
    for start in range(0, len(entries), BUILD):
        transact(sessions, partial(_append, store=store, start=start, entries=entries[start : start + BUILD]))
        while store.archive(sessions, readers):
            pass
    return store, readers, transact(readers, store.head).root


def _empty_head(log_id: bytes) -> LogHead:
    return LogHead(
        log_id=log_id, origin="bench", size=0, root=EMPTY_ROOT, note=b"", cursor=0, archived=0, state="open",
        recover_size=0, recover_note=b"", adopted_from=0, adopted_to=0,
    )  # fmt: skip


def _append(session: Session, store: LogStore, start: int, entries: Sequence[bytes]) -> None:
    head = session.get_one(LogHead, store.log_id)
    head.root, head.size = store.append(session, start, entries), start + len(entries)


def time_each(work: Callable[[int], Any], places: Sequence[int]) -> float:
    """Median microseconds of one call, after one call at every place."""
    for place in places:
        work(place)
    spent = []
    for place in places:
        started = time.perf_counter()
        work(place)
        spent.append(time.perf_counter() - started)
    return statistics.median(spent) * 1e6


def measure_proofs(rounds: int, size: int) -> tuple[list[float], list[float]]:
    """Microseconds for a proof: ours and the peer's, interleaved."""
    entries = make_entries(size)
    with tempfile.TemporaryDirectory() as folder:
        store, readers, root = build_store(Path(folder), entries)
        tree = SqliteTree(str(Path(folder) / "tree.sqlite"))
        tree.append_entries(entries)
        ours, peer = [], []
        for _ in range(rounds):
            places = [random.randrange(size) for _ in range(PROOFS)]
            ours.append(transact(readers, partial(_time_ours, store=store, places=places, entries=entries, root=root)))
            peer.append(time_each(lambda place: tree.prove_inclusion(place + 1), places))
        tree.close()
    return ours, peer


def _time_ours(session: Session, store: LogStore, places: list[int], entries: Sequence[bytes], root: bytes) -> float:
    size = len(entries)
    if root_of(store.hashes(session, size), size) != root:
        raise SystemExit("the stored tiles do not lead to the root")
    for place in places[:20]:
        path = store.get_path(session, place, size)
        verify_inclusion(leaf_hash(entries[place]), place, size, path, root)
    return time_each(lambda place: store.get_path(session, place, size), places)


def main(arguments: list[str] | None = None) -> int:
    """0: measured and reached; 1: not reached."""
    parser = make_parser("log", 5)
    parser.add_argument("--size", type=int, default=1_000_000, help="entries of the log that proofs are made of")
    parser.add_argument("--appends", type=int, default=20 * BATCH, help="entries sent in a round")
    options = parser.parse_args(arguments)
    appended, peer_appended, memory = measure_appends(options.rounds, options.appends)
    proved, peer_proved = measure_proofs(options.rounds, options.size)
    rate, proof_us = statistics.median(appended), statistics.median(proved)
    return Result(
        name="log",
        unit="signed entries appended per second",
        ours=rate,
        peers={"pymerkle": statistics.median(peer_appended)},
        ratios={
            "pymerkle": median_ratio(peer_appended, appended),
            "pymerkle proof": median_ratio(proved, peer_proved),
        },
        memory_mib=memory,
        goals={
            f"at least {GOAL_APPENDS} per second": rate >= GOAL_APPENDS,
            f"a proof in at most {GOAL_PROOF_US} us": proof_us <= GOAL_PROOF_US,
        },
        more={
            "proof_us": round(proof_us, 1),
            "pymerkle_proof_us": round(statistics.median(peer_proved), 1),
            "proof_log_size": options.size,
        },
    ).show(as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
