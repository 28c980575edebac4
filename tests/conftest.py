"""Options and fixtures for the whole suite: how much is drawn, and from which seed.

Every random choice of a run derives from one seed, which is printed at the end; `--seed N` repeats the run.
"""

import random
import shutil
import zlib
from collections.abc import Callable
from os import geteuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("sample", max_examples=25, deadline=None, database=None)
settings.register_profile(
    "full", max_examples=500, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)

LONG = {"scenarios", "web"}
SEED = "seed"
# Of the files of browser tests a sample run takes these, and DRAWN of the others by its seed.
ALWAYS, DRAWN, FEW = {"test_access.py", "test_localweb.py", "test_uploads.py"}, 7, 8
CHROMES = (
    "chromium-headless-shell",
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seed N` and `--full`."""
    group = parser.getgroup("amparo")
    group.addoption("--seed", type=int, default=None, help="repeat the run that printed this seed")
    group.addoption("--full", action="store_true", help="full count instead of samples")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed before Hypothesis reads its own option. Workers of xdist take that of the run."""
    given = getattr(config, "workerinput", {}).get(SEED)
    if given is not None:
        config.option.seed = given
        config.option.hypothesis_seed = str(given)
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(2**32)
    if getattr(config.option, "hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(config.option.seed)
    settings.load_profile("full" if config.option.full else "sample")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of xdist the seed of the run."""
    node.workerinput[SEED] = node.config.option.seed


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that take long first, so that none is left for the end alone; leave out what runs at full count only."""
    items.sort(key=lambda item: 0 if LONG.intersection(item.path.parts) else 1)
    if config.option.full:
        return
    left_out = _left_out({item.path for item in items if item.path.parent.name == "web"}, config.option.seed)
    config.hook.pytest_deselected(items=[item for item in items if item.path in left_out])
    items[:] = [item for item in items if item.path not in left_out]
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="runs with --full only"))


def _left_out(files: set[Path], seed: int) -> set[Path]:
    """Files of browser tests that the seed does not draw. Whoever names a few files gets all of them."""
    if len(files) <= FEW:
        return set()
    others = sorted(path for path in files if path.name not in ALWAYS)
    return set(others) - set(random.Random(seed).sample(others, DRAWN))


def pytest_report_header(config: pytest.Config) -> str:
    """The seed at the top of the run, which also draws the files of browser tests."""
    return f"seed: {config.option.seed}"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The seed beside the result, also where the top was not printed or has scrolled away."""
    count = "full" if config.option.full else "sample"
    terminalreporter.write_line(f"seed {config.option.seed}, {count} count (repeat with --seed)")


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run."""
    return int(pytestconfig.option.seed)


@pytest.fixture
def rng(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """A generator of this test's own: the same draws whichever other tests run."""
    return random.Random(seed ^ zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture(scope="session")
def sample_count(pytestconfig: pytest.Config) -> Callable[[int, int], int]:
    """`sample_count(20, 5000)`: the first number in a usual run, the second with --full."""
    return lambda sample, full: full if pytestconfig.option.full else sample


def find_browser() -> str | None:
    """The path of a Chrome or Chromium of this machine; None if there is only Playwright's own, or none."""
    return next((found for name in CHROMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the system's browser. As root its sandbox cannot start; everywhere else it stays on."""
    args = dict(browser_type_launch_args)
    if path := find_browser():
        args["executable_path"] = path
    if geteuid() == 0:
        args["args"] = [*args.get("args", []), "--no-sandbox"]
    return args


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that holds pyproject.toml."""
    return Path(__file__).resolve().parent.parent
