"""`amparo verify`: four results, each with its exit status, and never a stack trace."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.verify import command
from evidence.pack_signers import Signers
from tests.support.packs import AGENCIES, make_case, relist, unpack, zip_up


@pytest.fixture(scope="module")
def folder(seed: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack, its trust file, and altered ones."""
    folder = tmp_path_factory.mktemp("packs")
    case = make_case(random.Random(seed))
    pack = case.build()
    (folder / "pack.zip").write_bytes(pack)
    (folder / "trust.txt").write_bytes(case.world.trust())
    (folder / "other.txt").write_bytes(make_case(random.Random(seed + 1)).world.trust())
    files = unpack(pack)
    photo = next(path for path in files if path.endswith(".jpg"))
    (folder / "forged.zip").write_bytes(zip_up(relist({**files, photo: files[photo] + b"!"})))
    (folder / "empty.zip").write_bytes(b"")
    assert len(AGENCIES) == 3
    return folder


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(command, [str(one) for one in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_good_pack_with_a_trust_file_is_proven(folder: Path) -> None:
    result = run(folder / "pack.zip", "--trust", folder / "trust.txt")
    assert result.exit_code == 0
    assert result.output.startswith("PROVEN")
    for path in ("pack.zip", "trust.txt"):
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() in result.output
    assert "All 74 files are unchanged" in result.output
    assert "Missing: Number 5 waits for a permission." in result.output
    assert "confirmed by 3 of 3 agencies" in result.output


def test_a_good_pack_without_a_trust_file_is_whole_only(folder: Path) -> None:
    result = run(folder / "pack.zip")
    assert result.exit_code == 3
    assert result.output.startswith("WHOLE, BUT ITS SIGNERS ARE NOT CHECKED")


@pytest.mark.parametrize(
    ("pack", "trust", "code"),
    [("forged.zip", "trust.txt", "pack-contents"), ("pack.zip", "other.txt", "pack-log"),
     ("empty.zip", "trust.txt", "pack-zip"), ("trust.txt", "trust.txt", "pack-zip"),
     ("pack.zip", "pack.zip", "pack-log")],
)  # fmt: skip
def test_a_refused_pack_ends_with_1_and_a_reason_and_a_code(folder: Path, pack: str, trust: str, code: str) -> None:
    result = run(folder / pack, "--trust", folder / trust)
    assert result.exit_code == 1
    assert result.output.startswith("REFUSED")
    assert f"[{code}]" in result.output
    answer = run(folder / pack, "--trust", folder / trust, "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.output)["code"] == code


def test_no_pack_or_no_trust_file_to_read_ends_with_2(folder: Path) -> None:
    for arguments in (
        [folder / "absent.zip"], [folder], [folder / "pack.zip", "--trust", folder / "absent.txt"], [],
    ):  # fmt: skip
        assert run(*arguments).exit_code == 2


def test_json_says_the_same(folder: Path) -> None:
    found = json.loads(run(folder / "pack.zip", "--trust", folder / "trust.txt", "--json").output)
    assert (found["result"], found["agency"], found["confirmed"]) == ("proven", "west-court", [3, 3])
    assert json.loads(run(folder / "pack.zip", "--json").output)["result"] == "whole"
    assert json.loads(run(folder / "absent", "--json").output)["result"] == "no-pack"


def test_words_of_a_pack_cannot_steer_a_terminal(rng: random.Random, tmp_path: Path) -> None:
    """A reference of the case that holds control characters and line ends stays on its line."""
    case = make_case(rng)
    gap = case.gaps[0]
    object.__setattr__(gap, "text", "x\x1b[2J\nPROVEN\r\u202egnihton")
    path = tmp_path / "pack.zip"
    path.write_bytes(case.build())
    output = run(path).output
    assert "Missing: x [2J PROVEN" in output
    assert not any(sign in output for sign in "\x1b\r\u202e")


def test_verify_needs_no_server_and_no_database(folder: Path) -> None:
    """The command runs where a court has nothing else installed."""
    program = (
        "import sys; from cli.verify import examine; from pathlib import Path; "
        "status, report = examine(Path(sys.argv[1]), Path(sys.argv[2])); "
        "sys.exit(any(name in sys.modules for name in ('flask', 'sqlalchemy', 'weasyprint', 'httpx2')) or status)"
    )
    paths = [str(folder / "pack.zip"), str(folder / "trust.txt")]
    assert subprocess.run([sys.executable, "-c", program, *paths], check=False).returncode == 0


def test_what_the_program_did_not_foresee_is_a_refusal_and_no_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails closed: an error of the program itself ends with 1 and a sentence. Control: without it, 0."""
    assert run(folder / "pack.zip", "--trust", folder / "trust.txt").exit_code == 0
    monkeypatch.setattr(Signers, "take", lambda self, index, statement: {}[{}])  # type: ignore[index]
    result = run(folder / "pack.zip", "--trust", folder / "trust.txt")
    assert result.exit_code == 1
    assert "[unexpected]" in result.output
    assert "Traceback" not in result.output
