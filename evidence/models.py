"""Tables of exhibits, their files and their custody. Names, descriptions and keys are sealed under the case key."""

from sqlalchemy import BigInteger, Boolean, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import DeskBase
from storage.types import Digest, Identifier, SealedBytes


class FileRow(DeskBase):
    """A file that was taken in: ciphertext in the blobs, its key and name sealed here."""

    __tablename__ = "file"

    file_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    content: Mapped[bytes] = mapped_column(SealedBytes)  # JSON: name, media type, size, digests, key
    blob_key: Mapped[str] = mapped_column(String(120))
    taken_by: Mapped[str] = mapped_column(String(64))
    taken_at: Mapped[int] = mapped_column(BigInteger)


class ExhibitRow(DeskBase):
    """An exhibit as this agency lists it in a case."""

    __tablename__ = "exhibit"

    case_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    object_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    serial: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(SealedBytes)  # JSON: numbers, description, files, handling
    is_own: Mapped[bool] = mapped_column(Boolean)  # it was taken in here; else it came in a bundle
    added_by: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[int] = mapped_column(BigInteger)


class HoldingRow(DeskBase):
    """A holding of this agency: its chain is in the outbox, its tag key is sealed under the case key."""

    __tablename__ = "holding"

    holding: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    object_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    tag_key: Mapped[bytes] = mapped_column(SealedBytes)
    started_at: Mapped[int] = mapped_column(BigInteger)


class ReceivedCustody(DeskBase):
    """An event of a holding of another agency, as it came with a bundle or a handover."""

    __tablename__ = "received_custody"

    digest: Mapped[bytes] = mapped_column(Digest, primary_key=True)  # of the statement: a fork keeps both
    case_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    holding: Mapped[bytes] = mapped_column(Identifier, index=True)
    object_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    number: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(SealedBytes)  # JSON: statement, salt
    log_index: Mapped[int | None] = mapped_column(BigInteger)
    kept_at: Mapped[int] = mapped_column(BigInteger)
