"""`amparo trust`: the file names what this desk has compared, and nothing else."""

import hashlib
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agencies import comparison
from cli.trust import command
from crypto.signing import COSIGNATURE_MLDSA, ED25519, MLDSAKey, NoteKey
from custody import checkpoint
from custody.checkpoint import Checkpoint, LogKeys
from custody.policy import parse_trust, require_quorum
from errors import InstallationError, NotFound, ProofError
from exchange.models import DirectoryRow
from exchange.office import pin_log
from tests.support.desks import NOW, ORIGIN, Desk, Network


def follow(network: Network, desk: Desk) -> None:
    """Bring the directory to a desk."""
    keys = [
        NoteKey(ORIGIN, ED25519, network.log_key.public_key), NoteKey(ORIGIN, COSIGNATURE_MLDSA, bytes(1312)),
    ]  # fmt: skip
    with desk.files.session() as db:
        pin_log(db, "broker-one", [key.vkey() for key in keys], now=NOW)
        for index, statement in network.entries:
            db.add(DirectoryRow(log_index=index, statement=statement))


def compare(network: Network, desk: Desk, other: str) -> None:
    """An administrator of the desk reads the fingerprint of another agency's root with somebody there."""
    shown = comparison.fingerprint_of(network.directory, other)
    with desk.files.session() as db:
        comparison.record_comparison(
            db, network.directory, desk.officer("administrator-1"), other,
            shown=shown, answer="same", how="phone", now=NOW,
        )  # fmt: skip


@pytest.fixture
def network(tmp_path: Path, rng: random.Random) -> Network:
    """Three agencies; the first has compared the second alone."""
    made = Network(tmp_path, rng)
    made.found("north", "south", "west")
    follow(made, made.desks["north"])
    compare(made, made.desks["north"], "south")
    return made


def run(network: Network, *options: str) -> Result:
    return CliRunner().invoke(command, ["--data", str(network.folder / "north"), *options])


def test_the_trust_file_names_the_agencies_whose_roots_were_compared(network: Network) -> None:
    result = run(network)
    assert result.exit_code == 0
    trust = parse_trust(result.stdout.encode())
    assert [name for name, _ in trust.agencies] == ["north", "south"]
    assert trust.root_of("south") == network.desks["south"].root.public_key
    assert [key.name for key in trust.logs] == [ORIGIN, ORIGIN]
    assert "west" in result.stderr
    compare(network, network.desks["north"], "west")
    assert [name for name, _ in parse_trust(run(network).stdout.encode()).agencies] == ["north", "south", "west"]


def test_the_policy_part_is_what_other_tools_read(network: Network) -> None:
    lines = run(network, "--policy").stdout.splitlines()
    assert {line.split(" ")[0] for line in lines} == {"log", "witness", "group", "quorum"}
    assert parse_trust("".join(f"{line}\n" for line in lines).encode()).quorum == "network"


def test_the_digest_is_that_of_the_file(network: Network) -> None:
    assert run(network, "--digest").stdout.strip() == hashlib.sha256(run(network).stdout_bytes).hexdigest()


def test_more_than_half_of_the_agencies_have_to_confirm_and_nobody_counts_twice(network: Network) -> None:
    trust = parse_trust(run(network).stdout.encode())
    log = LogKeys(ORIGIN, network.log_key, MLDSAKey(bytes(32)))
    state = Checkpoint(ORIGIN, 5, bytes(32))
    signed = checkpoint.open_checkpoint(checkpoint.sign_checkpoint(log, state, NOW), trust.logs[:1])

    def line(agency: str, *, post_quantum: bool = False) -> checkpoint.NoteSignature:
        keys = network.desks[agency].keys
        if post_quantum:
            return checkpoint.cosign_mldsa(f"desk/{agency}", keys.witness_mldsa, state, NOW)
        return checkpoint.cosign_ed25519(f"desk/{agency}", keys.witness, state, NOW)

    both = checkpoint.with_lines(signed, [line("north"), line("south", post_quantum=True)])
    require_quorum(trust, both)
    one = checkpoint.with_lines(signed, [line("north"), line("north", post_quantum=True)])
    for too_few in (signed, one):
        with pytest.raises(ProofError):
            require_quorum(trust, too_few)


def test_a_folder_without_a_desk_and_a_desk_without_a_network_are_told_apart(network: Network, tmp_path: Path) -> None:
    nowhere = CliRunner().invoke(command, ["--data", str(tmp_path / "nowhere")])
    assert isinstance(nowhere.exception, NotFound)
    alone = CliRunner().invoke(command, ["--data", str(network.folder / "south")])
    assert isinstance(alone.exception, InstallationError)
