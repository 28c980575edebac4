"""The directory, fingerprints and paper shares of tests/vectors/directory.json."""

from typing import Any

from agencies.directory import Directory
from crypto.encoding import unb64u
from crypto.fingerprints import fingerprint, parse_fingerprint
from crypto.recovery import join_from_paper, receiving_key
from tests.support.vectors import Run, Vector, check, each, load

LOG = "log.example/2026"
STATEMENTS = {
    one.name: unb64u(one.given["statement"])
    for one in load("directory.json")
    if one.form == "directory" and one.error is None
}


def replay(vector: Vector, count: int) -> Directory:
    entries = vector.shared["log"][:count]
    return Directory.replay(LOG, [(one["index"], STATEMENTS[one["vector"]]) for one in entries])


def take_entry(vector: Vector) -> Any:
    directory = replay(vector, vector.given["before"])
    statement = directory.apply(vector.given["index"], unb64u(vector.given["statement"]))
    assert statement.dump() == unb64u(vector.given["statement"])
    return {"kind": statement.value["kind"], "signers": statement.signers}


def find_key(vector: Vector) -> Any:
    directory = replay(vector, len(vector.shared["log"]))
    return {"key": directory.signing_key(vector.given["by"], vector.given["index"])}


def make_fingerprint(vector: Vector) -> Any:
    return {"fingerprint": fingerprint(vector.given["agency"], vector.octets("root"))}


def read_fingerprint(vector: Vector) -> Any:
    return {"fingerprint": parse_fingerprint(vector.given["text"])}


def make_recovery_key(vector: Vector) -> Any:
    return {"public_key": receiving_key(vector.octets("seed")).public_key}


def join_shares(vector: Vector) -> Any:
    return {"seed": join_from_paper(vector.given["shares"])}


FORMS: dict[str, Run] = {
    "directory": take_entry,
    "key": find_key,
    "fingerprint": make_fingerprint,
    "typed-fingerprint": read_fingerprint,
    "recovery-key": make_recovery_key,
    "paper": join_shares,
}


@each("directory.json")
def test_directory_vectors(vector: Vector) -> None:
    """Two implementations that disagree about one entry of the directory disagree about every key after it."""
    check(vector, FORMS)
