"""Tables of the vault: persons, the pseudonyms they were given, consent records, flags. All content is sealed."""

from sqlalchemy import BigInteger, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import DeskBase
from storage.types import Digest, Identifier, SealedBytes


class PersonRecord(DeskBase):
    """A person of a case, sealed under the case's vault key."""

    __tablename__ = "person"

    person_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(SealedBytes)
    added_by: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[int] = mapped_column(BigInteger)


class GivenPseudonym(DeskBase):
    """A pseudonym of a person for one agency, sealed; `lookup` finds it again by a keyed hash."""

    __tablename__ = "pseudonym"

    person_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    agency: Mapped[bytes] = mapped_column(Digest, primary_key=True)  # keyed hash: who asked about whom is not readable
    lookup: Mapped[bytes] = mapped_column(Digest, index=True)
    sealed: Mapped[bytes] = mapped_column(SealedBytes)
    given_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (UniqueConstraint("agency", "lookup"),)


class Reidentification(DeskBase):
    """That an officer looked behind a pseudonym, and why."""

    __tablename__ = "reidentification"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    person_id: Mapped[bytes] = mapped_column(Identifier)
    officer: Mapped[str] = mapped_column(String(64))
    at: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[bytes] = mapped_column(SealedBytes)


class NameRequest(DeskBase):
    """That an officer asked for the name of a person, and what for."""

    __tablename__ = "name_request"

    request_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    person_id: Mapped[bytes] = mapped_column(Identifier)
    officer: Mapped[str] = mapped_column(String(64))
    at: Mapped[int] = mapped_column(BigInteger, index=True)
    purpose: Mapped[bytes] = mapped_column(SealedBytes)  # under the case key


class ConsentRecord(DeskBase):
    """What a person agreed to, and what became of it."""

    __tablename__ = "consent_record"

    record_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(SealedBytes)
    state: Mapped[str] = mapped_column(String(10))  # active | held | withdrawn
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[int] = mapped_column(BigInteger)


class ConsentTalk(DeskBase):
    """A conversation in which a person was asked, with every answer. What she refused stands here and never leaves."""

    __tablename__ = "consent_talk"

    talk_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    content: Mapped[bytes] = mapped_column(SealedBytes)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[int] = mapped_column(BigInteger)


class PersonFlag(DeskBase):
    """A protection flag on a person, which goes along with every bundle that names her."""

    __tablename__ = "person_flag"

    flag_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    case_id: Mapped[bytes] = mapped_column(Identifier, index=True)
    content: Mapped[bytes] = mapped_column(SealedBytes)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[int] = mapped_column(BigInteger)
    lowered_at: Mapped[int | None] = mapped_column(BigInteger)
