"""One network for all tests of the exchange: starting a broker and three desks takes seconds."""

from collections.abc import Iterator

import pytest

from tests.support.field import Field, with_field


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """A broker and three desks, shared."""
    with with_field(tmp_path_factory.mktemp("field")) as made:
        yield made
