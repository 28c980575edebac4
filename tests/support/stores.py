"""Fixtures for whatever is stored: servers of the run, and where one broker keeps its things."""

import os
from collections.abc import Callable, Iterator

import pytest

from config.settings import sqlite_url
from tests.support.servers import ObjectServer, PostgresServer, find_swift


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One PostgreSQL server for the run; each test has databases of its own in it."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def moto() -> Iterator[ObjectServer]:
    """One emulated S3 for the run; each test has a bucket of its own."""
    server = ObjectServer()
    yield server
    server.stop()


@pytest.fixture
def swift() -> str:
    """A bucket at an OpenStack Swift that is up; not run where there is none."""
    url = find_swift(os.environ)
    if url is None:
        pytest.skip("not run: no OpenStack Swift on this machine")
    return url


@pytest.fixture(scope="module", params=["sqlite-files", pytest.param("postgres-s3", marks=pytest.mark.postgres)])
def make_stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], dict[str, str]]:
    """Where a broker keeps its things, new with every call; a module runs with both kinds, one after the other."""

    def make() -> dict[str, str]:
        if request.param == "postgres-s3":
            return server_stores(request)
        folder = tmp_path_factory.mktemp("stores")
        return {
            "database_url": sqlite_url(folder / "broker.sqlite"),
            "halves_url": sqlite_url(folder / "halves.sqlite"),
            "blob_url": (folder / "blobs").as_uri(),
        }

    return make


def server_stores(request: pytest.FixtureRequest) -> dict[str, str]:
    """Two databases at PostgreSQL and a bucket."""
    postgres: PostgresServer = request.getfixturevalue("postgres")
    moto: ObjectServer = request.getfixturevalue("moto")
    return {
        "database_url": postgres.create(),
        "halves_url": postgres.create(),
        "blob_url": moto.create(),
    }
