"""A sealed copy of a desk is opened below its folder and nowhere else, on every Python that the desk runs on."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from errors import FormatError
from exchange import sealed_copies

WORDS = "a passphrase of the copy"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    (folder / "blobs" / "00").mkdir(parents=True)
    (folder / "copy.json").write_bytes(b"{}")
    (folder / "blobs" / "00" / "one").write_bytes(bytes(range(256)) * 5000)
    return folder


def member(name: str, content: bytes = b"x", **facts: Any) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for fact, value in facts.items():
        setattr(made, fact, value)
    return made, content


def test_what_was_sealed_is_there_again_for_its_user_alone(copy: Path, tmp_path: Path) -> None:
    sealed_copies.seal_copy(copy, tmp_path / "sealed", WORDS)
    out = tmp_path / "out"
    sealed_copies.unseal_copy(tmp_path / "sealed", out, WORDS)
    files = [one for one in out.rglob("*") if one.is_file()]
    found = {one.relative_to(out): one.read_bytes() for one in files}
    assert found == {one.relative_to(copy): one.read_bytes() for one in copy.rglob("*") if one.is_file()}
    assert all(one.stat().st_mode & 0o077 == 0 for one in (out, *files))


@pytest.mark.parametrize(
    "members",
    [
        [member("../outside")],
        [member("blobs/../../outside")],
        [member("/outside")],
        [member("link", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
        [member("link", b"", type=tarfile.LNKTYPE, linkname="copy.json")],
        [member("pipe", b"", type=tarfile.FIFOTYPE)],
        [member("folder", b"", type=tarfile.DIRTYPE)],
        [member("twice"), member("twice")],
        [member(".")],
    ],
    ids=["up", "up from within", "absolute", "symbolic link", "hard link", "pipe", "folder", "twice", "nothing"],
)
def test_a_copy_that_somebody_forged_writes_nothing_and_leaves_nothing(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    """Whoever knows the passphrase may make one; the desk's own maker writes none of these."""

    def forge(_copy: Path, into: Any, tell: Any) -> None:
        with tarfile.open(fileobj=into, mode="w|") as archive:
            for info, content in members:
                archive.addfile(info, io.BytesIO(content))
        into.finish()

    with monkeypatch.context() as patch:
        patch.setattr(sealed_copies, "_write_tar", forge)
        sealed_copies.seal_copy(copy, tmp_path / "sealed", WORDS)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FormatError):
        sealed_copies.unseal_copy(tmp_path / "sealed", tmp_path / "out", WORDS)
    assert sorted(tmp_path.rglob("*")) == before
