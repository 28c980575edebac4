"""One network for each module: starting it takes seconds, and one for all would grow slower with every bundle."""

from collections.abc import Iterator

import pytest

from tests.support.field import Field, with_field


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """A broker and three desks, shared."""
    with with_field(tmp_path_factory.mktemp("field")) as made:
        yield made
