"""Column types refuse what does not fit."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from errors import FormatError
from storage.types import Digest, Identifier, Moment

DIALECT = sqlite.dialect()


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-720, 720))  # noqa: DTZ001
def test_a_time_comes_back_as_the_same_moment(naive: datetime, minutes: int) -> None:
    """To the microsecond, whatever its zone, before 1970 too."""
    when = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    stored = Moment().process_bind_param(when, DIALECT)
    back = Moment().process_result_value(stored, DIALECT)
    assert back == when
    assert back is not None
    assert back.tzinfo is UTC


def test_a_time_without_zone_is_refused() -> None:
    """Nobody could say which hour it means; the same hour with its zone is taken."""
    assert Moment().process_bind_param(datetime(2026, 1, 1, tzinfo=UTC), DIALECT) is not None
    with pytest.raises(FormatError):
        Moment().process_bind_param(datetime(2026, 1, 1), DIALECT)  # noqa: DTZ001


@pytest.mark.parametrize(("kind", "size"), [(Digest, 32), (Identifier, 16)])
def test_bytes_of_another_length_are_refused(kind: type[Digest], size: int) -> None:
    """A digest in the place of an identifier is a mistake, not data."""
    assert kind().process_bind_param(bytes(size), DIALECT) == bytes(size)
    for wrong in (0, size - 1, size + 1):
        with pytest.raises(FormatError):
            kind().process_bind_param(bytes(wrong), DIALECT)
