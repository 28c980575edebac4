"""Two founding agencies with administrators, desks and recovery keys."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.desks import Desk, Network


@pytest.fixture
def net(tmp_path: Path, rng: random.Random) -> Iterator[Network]:
    made = Network(tmp_path, rng)
    made.found("north", "south")
    yield made
    made.close()


@pytest.fixture
def north(net: Network) -> Desk:
    return net.desks["north"]


@pytest.fixture
def south(net: Network) -> Desk:
    return net.desks["south"]
