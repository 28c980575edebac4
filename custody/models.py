"""Tables of a desk: the events that its officers signed, until and after they stand in the log.

An event that the broker sees holds no words of an officer outside its details box and is kept as it is. An event of
custody gives reasons, places and seals: it is kept under the key of its case, and sync, which has no key, sends its
entry alone.
"""

from sqlalchemy import BigInteger, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from errors import FormatError
from storage.database import DeskBase
from storage.types import Digest, Identifier, SealedBytes


class OwnEvent(DeskBase):
    """An event of this agency. `waiting` until the log has it; nothing of it is ever changed or removed then."""

    __tablename__ = "own_event"
    __table_args__ = (UniqueConstraint("object_kind", "object_id", "number"),)

    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    object_kind: Mapped[str] = mapped_column(String(8))  # bundle | holding | case | handle
    object_id: Mapped[bytes] = mapped_column(LargeBinary(32))
    number: Mapped[int] = mapped_column(BigInteger)
    tag: Mapped[bytes] = mapped_column(Identifier)
    clear_statement: Mapped[bytes | None] = mapped_column(SealedBytes)  # of an event that the broker sees
    sealed_statement: Mapped[bytes | None] = mapped_column(SealedBytes)  # of any other, under the key of its case
    salt: Mapped[bytes] = mapped_column(Digest)
    details_box: Mapped[bytes | None] = mapped_column(LargeBinary)
    entry: Mapped[bytes] = mapped_column(LargeBinary(49), unique=True)
    append_signature: Mapped[bytes | None] = mapped_column(LargeBinary(64))
    officer: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(8))  # waiting | asking | logged | refused
    refusal: Mapped[str | None] = mapped_column(String(40))  # code of the broker's error
    log_index: Mapped[int | None] = mapped_column(BigInteger)
    proof: Mapped[bytes | None] = mapped_column(SealedBytes)

    @property
    def statement(self) -> bytes:
        """The signed bytes of an event that the broker sees; `outbox.read_statement` has those of the others.

        Raises:
            FormatError: it is sealed.
        """
        if self.clear_statement is None:
            raise FormatError("this event is sealed under the key of its case")
        return self.clear_statement
