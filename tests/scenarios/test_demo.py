"""The demonstration played through by processes of their own; then what it left behind is examined."""

import base64
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cli.verify import examine
from demo.case import default_folder
from demo.input import read_input
from evidence.pack_report import PROVEN, REFUSED, WHOLE
from tests.independent.encoding import Refused
from tests.independent.verifier import verify
from tests.support.canaries import search

COMMAND = (sys.executable, "-c", "from cli.main import main; main()")


def play(folder: Path, *more: str) -> str:
    done = subprocess.run(
        [*COMMAND, "demo", "--once", "--dir", str(folder), *more], capture_output=True, text=True, check=False,
        timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo") / "out"
    return folder, play(folder)


def secrets_of_the_case() -> set[str]:
    """Names, numbers, places, file names and texts that only agencies may know."""
    found = read_input(default_folder())
    words = {value for row in found.persons for name, value in row.values.items() if name in HIDDEN}
    return words | {path.name for path in found.files} | {"Her account, as the shelter", "protected-witness"}


NAME = "नमूना"
HIDDEN = ("prs_firstname", "prs_secondname", "prs_mobilephone", "vic_locationofexploitation", "per_roledetails")


def test_the_story_is_told_to_its_end(played: tuple[Path, str]) -> None:
    folder, told = played
    for words in (
        "opened by two: 7 files", "with one byte changed: REFUSED", "opening is refused",
        "receipt of south-prosecutor: deleted", "by order of court (Demo Court 2 KLs 7/31)",
        "a consent was withdrawn", "Missing: The person concerned has withdrawn the consent", "Withdrawn:",
    ):  # fmt: skip
        assert words in told
    assert {path.name for path in (folder / "desks").iterdir()} == {"north-police", "shelter-ngo", "south-prosecutor"}


def test_both_packs_are_proven_and_one_changed_byte_is_refused(played: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = played
    trust = folder / "trust.txt"
    for name in ("pack.zip", "pack-rebuilt.zip"):
        assert examine(folder / "pack" / name, trust)[0] == PROVEN
        assert examine(folder / "pack" / name, None)[0] == WHOLE
    raw = bytearray((folder / "pack" / "pack.zip").read_bytes())
    raw[-30] ^= 1
    (tmp_path / "changed.zip").write_bytes(raw)
    assert examine(tmp_path / "changed.zip", trust)[0] == REFUSED


def test_a_second_verifier_says_the_same_of_both_packs(played: tuple[Path, str]) -> None:
    """It was written from the document alone: what it accepts, a stranger's program would."""
    folder, _ = played
    trust = (folder / "trust.txt").read_bytes()
    for name in ("pack.zip", "pack-rebuilt.zip"):
        raw = (folder / "pack" / name).read_bytes()
        assert verify(raw, trust).proven
        assert not verify(raw, None).proven
        with pytest.raises(Refused):
            verify(raw[:-30] + bytes([raw[-30] ^ 1]) + raw[-29:], trust)


def test_the_rebuilt_pack_leaves_the_withdrawn_item_out(played: tuple[Path, str]) -> None:
    folder, _ = played
    numbers = {}
    for name in ("pack.zip", "pack-rebuilt.zip"):
        with zipfile.ZipFile(folder / "pack" / name) as pack:
            numbers[name] = {one.split("/")[3] for one in pack.namelist() if one.startswith("pack/data/exhibits/")}
    assert len(numbers["pack.zip"] - numbers["pack-rebuilt.zip"]) == 1
    assert numbers["pack-rebuilt.zip"] < numbers["pack.zip"]


def test_nothing_of_the_case_is_found_in_what_the_broker_holds(played: tuple[Path, str]) -> None:
    folder, _ = played
    words = secrets_of_the_case()
    assert len(words) > 20
    assert search(folder / "broker", words) == []
    planted = folder / "broker" / "blobs" / "planted"
    planted.write_bytes(b"\x07" + base64.b64encode(f"xx{NAME}yyy".encode()) + b"\x00")
    assert search(folder / "broker", words) == [("planted", NAME)]
    planted.unlink()


def test_nothing_readable_lies_in_the_desks(played: tuple[Path, str]) -> None:
    folder, _ = played
    words = secrets_of_the_case()
    for desk in (folder / "desks").iterdir():
        assert search(desk, words) == []


@pytest.mark.slow
def test_one_person_and_no_evidence_is_enough(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "persons.csv").write_text("prs_First_Name\nTestperson\n", encoding="utf-8")
    (given / "notes.txt").write_text("x", encoding="utf-8")
    told = play(tmp_path / "out", "--input", str(given))
    assert "file not taken in: notes.txt" in told
    assert examine(tmp_path / "out" / "pack" / "pack.zip", tmp_path / "out" / "trust.txt")[0] == PROVEN
