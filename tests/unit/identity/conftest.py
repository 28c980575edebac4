"""A case of an NGO with two case workers on its team and one outside."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agencies import cases
from agencies.members import OfficerSession
from tests.support.desks import NOW, Desk, Network


@dataclass
class Team:
    """A desk, its case, and who works on it."""

    desk: Desk
    case_id: bytes
    worker: OfficerSession
    outsider: OfficerSession


@pytest.fixture
def team(tmp_path: Path, rng: random.Random) -> Iterator[Team]:
    net = Network(tmp_path, rng)
    desk, _ = net.found("shelter", "south")
    worker, outsider = (
        net.appoint(desk, "case-worker-1", "case-worker"),
        net.appoint(desk, "case-worker-2", "case-worker"),
    )
    with desk.files.session() as db:
        case_id = cases.create_case(db, worker, "SN-2031-1", {"title": "t"}, now=NOW).case_id
    yield Team(desk, case_id, worker, outsider)
    net.close()
