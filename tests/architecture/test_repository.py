"""What holds for the files of the repository, whatever they do."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

TEXT = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".ini",
    ".cfg",
    ".sh",
    ".env",
    ".html",
    ".css",
    ".js",
    ".json",
    ".mako",
    "",
}
# Written in parts, so that this file does not hold what it looks for.
REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.",
    "registry" + ".yarnpkg",
    "crates" + ".io",
)
MACHINE_PATH = re.compile(r"(?<![\w.$})~*>-])/(?:" + "|".join(("root", "work", "tmp", "home")) + r")/[\w.-]+")
MAX_LINES = 500


def tracked(repository: Path) -> list[Path]:
    """The files that are part of the repository; without git, all that .gitignore would not hide."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=repository, capture_output=True, check=True, text=True
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        skip = {".venv", ".git", "__pycache__", "build", "dist"}
        return [
            path
            for path in sorted(repository.rglob("*"))
            if path.is_file() and not skip.intersection(path.relative_to(repository).parts)
        ]
    return [repository / name for name in listed if name and (repository / name).is_file()]


def packages(repository: Path) -> list[str]:
    """The product's packages: every top folder with an `__init__.py`, but tests and benchmarks."""
    return sorted(
        path.parent.name for path in repository.glob("*/__init__.py") if path.parent.name not in {"tests", "bench"}
    )


def texts(repository: Path) -> list[tuple[Path, str]]:
    """Every tracked text file with its content."""
    return [
        (path, path.read_text("utf-8"))
        for path in tracked(repository)
        if path.suffix in TEXT and path.name != "LICENSE"
    ]


def findings(pattern: re.Pattern[str], text: str) -> list[str]:
    """What the pattern finds."""
    return [match.group() for match in pattern.finditer(text)]


def test_locks_hold_versions_and_hashes_and_no_address(repository: Path) -> None:
    """A lock with an address would fetch from where it was written, not from where the reader trusts."""
    locks = sorted((repository / "requirements").glob("*.txt"))
    assert {lock.stem for lock in locks} == {"run", "test", "dev", "tool", "build"}
    for lock in locks:
        text = lock.read_text("utf-8")
        pinned = re.findall(r"^[a-z0-9][a-z0-9._-]*(?:\[[a-z0-9,._-]+\])?==\S+.*$", text, re.M)
        assert "://" not in text, lock.name
        assert pinned, lock.name
        assert all(line.endswith("\\") for line in pinned), f"a package without a hash in {lock.name}"
        assert text.count("--hash=sha256:") >= len(pinned)


def test_every_dependency_of_the_project_file_stands_in_the_lock(repository: Path) -> None:
    """A dependency that was added without a new lock would be missing on a fresh machine."""
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))
    for lock, wanted in {
        "run": project["project"]["dependencies"] + project["dependency-groups"]["build"],
        "test": project["dependency-groups"]["test"],
        "dev": [item for item in project["dependency-groups"]["dev"] if isinstance(item, str)],
        "tool": project["dependency-groups"]["tool"],
    }.items():
        text = (repository / "requirements" / f"{lock}.txt").read_text("utf-8")
        for requirement in wanted:
            pin = re.sub(r"\[.*\]", "", requirement)
            plain = re.sub(r"^(\S+?)\[.*?\]==", r"\1==", text, flags=re.M)
            assert f"\n{pin} " in "\n" + plain, f"{requirement} is not in {lock}.txt"


@pytest.mark.parametrize("planted", [f"see https://{REGISTRIES[0]}/simple", "PATH=" + "/work" + "/main/x"])
def test_the_search_for_hosts_and_machine_paths_finds_a_planted_one(planted: str) -> None:
    """The control of the next test."""
    hosts = [host for host in REGISTRIES if host in planted]
    assert hosts or findings(MACHINE_PATH, planted)
    assert not findings(MACHINE_PATH, "POST /v1/bundles, docs/work/plan, {root}/tmp, ~/work/x, $TMPDIR/x")


def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine(repository: Path) -> None:
    """The repository works wherever it is checked out, and from whichever mirror."""
    found = [
        f"{path.relative_to(repository)}: {hit}"
        for path, text in texts(repository)
        for hit in [*findings(MACHINE_PATH, text), *(host for host in REGISTRIES if host in text)]
    ]
    assert found == []


def test_locks_with_addresses_are_never_tracked(repository: Path) -> None:
    """uv.lock and pylock.toml name a host on every package."""
    names = {path.name for path in tracked(repository)}
    assert names.isdisjoint({"uv.lock", "pylock.toml"})
    ignored = (repository / ".gitignore").read_text("utf-8").split()
    assert {"uv.lock", "pylock.toml", ".venv/"} <= set(ignored)


def test_no_module_of_the_product_is_longer_than_500_lines(repository: Path) -> None:
    """Past 500 lines a module has a seam that somebody should cut."""
    long = {
        str(path.relative_to(repository)): lines
        for path in tracked(repository)
        if path.suffix == ".py" and path.relative_to(repository).parts[0] not in {"tests", "bench"}
        if (lines := len(path.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_the_wheel_carries_every_package(repository: Path) -> None:
    """A package that is missing in the list works in the checkout and nowhere else."""
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))
    included = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    assert set(packages(repository)) | {"app.py", "errors.py"} == included
