"""Column types: aware time, digests, identifiers and sealed bytes.

Each type refuses what does not fit on its way in and on its way out, so that a swapped column fails at once.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from errors import FormatError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as whole microseconds since 1970 (time is data and decides nothing)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse a naive datetime: nobody could say which hour it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise FormatError("a time without a zone cannot be stored")
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Back to an aware datetime."""
        return None if value is None else EPOCH + value * MICROSECOND


class FixedBytes(TypeDecorator[bytes]):
    """Bytes of one length."""

    impl = LargeBinary
    cache_ok = True
    size_bytes = 0

    def __init__(self, length: int | None = None) -> None:
        # Alembic writes the length into a migration; it is always the class's own.
        super().__init__(self.size_bytes)

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Refuse any other length."""
        if value is not None and len(value) != self.size_bytes:
            raise FormatError(f"{type(self).__name__.lower()} needs {self.size_bytes} bytes")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """The bytes as `bytes`, whatever the driver gave."""
        return None if value is None else bytes(value)


class Digest(FixedBytes):
    """A raw digest of 32 bytes."""

    size_bytes = 32
    cache_ok = True


class Identifier(FixedBytes):
    """A random identifier, or a tag, of 16 bytes."""

    size_bytes = 16
    cache_ok = True


class SealedBytes(TypeDecorator[bytes]):
    """Ciphertext, public keys, signatures or public statements of any length; never plaintext of a case."""

    impl = LargeBinary
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """The bytes as `bytes`, whatever the driver gave."""
        return None if value is None else bytes(value)
