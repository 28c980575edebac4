"""Tables of a desk: officers and their locked keys, cases, and the keys of cases wrapped to officers."""

from sqlalchemy import BigInteger, Boolean, ForeignKeyConstraint, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import DeskBase
from storage.types import Identifier, SealedBytes


class Member(DeskBase):
    """An officer of this desk's agency. The keyring opens with the officer's passphrase alone."""

    __tablename__ = "member"

    handle: Mapped[str] = mapped_column(String(64), primary_key=True)
    roles: Mapped[str] = mapped_column(String(200))  # sorted, separated by blanks
    keyring: Mapped[bytes] = mapped_column(LargeBinary)
    signing_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    receiving_key: Mapped[bytes] = mapped_column(LargeBinary(1216))
    enrolled_at: Mapped[int] = mapped_column(Integer)
    left_at: Mapped[int | None] = mapped_column(Integer)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[int] = mapped_column(Integer, default=0)


class Case(DeskBase):
    """A case. What it is about is sealed under its key; the handle is all that shows."""

    __tablename__ = "case"

    case_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    handle: Mapped[str] = mapped_column(String(64), unique=True)
    version: Mapped[int] = mapped_column(Integer)
    facts: Mapped[bytes] = mapped_column(LargeBinary)
    opened_at: Mapped[int] = mapped_column(Integer)
    closed_at: Mapped[int | None] = mapped_column(Integer)


class CaseKey(DeskBase):
    """The case key or the vault key of a case, wrapped to one holder: an officer, or `recovery`."""

    __tablename__ = "case_key"

    case_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), primary_key=True)
    compartment: Mapped[str] = mapped_column(String(8), primary_key=True)  # case | vault
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    given_by: Mapped[str] = mapped_column(String(64))
    given_at: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        ForeignKeyConstraint(["case_id"], ["case.case_id"]),
        Index("ix_case_key_holder", "holder", "compartment", "case_id"),
    )


class Exclusion(DeskBase):
    """An officer who is kept out of one case, whatever the role allows."""

    __tablename__ = "case_exclusion"

    case_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    officer: Mapped[str] = mapped_column(String(64), primary_key=True)
    decided_by: Mapped[str] = mapped_column(String(64))
    decided_at: Mapped[int] = mapped_column(Integer)

    __table_args__ = (ForeignKeyConstraint(["case_id"], ["case.case_id"]),)


class DeskIdentity(DeskBase):
    """Whose desk this is: one row, written at set-up."""

    __tablename__ = "desk_identity"

    number: Mapped[int] = mapped_column(Integer, primary_key=True)  # always 1
    agency: Mapped[str] = mapped_column(String(40))
    country: Mapped[str] = mapped_column(String(2))
    type: Mapped[str] = mapped_column(String(16))
    log: Mapped[str] = mapped_column(String(200))
    root_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    recovery_key: Mapped[bytes | None] = mapped_column(LargeBinary(1216))
    made_at: Mapped[int] = mapped_column(Integer)


class ShareHolder(DeskBase):
    """Who holds a share on paper, by role handle; the share itself is nowhere but on the paper."""

    __tablename__ = "share_holder"

    purpose: Mapped[str] = mapped_column(String(8), primary_key=True)  # root | recovery
    issue: Mapped[int] = mapped_column(Integer, primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), primary_key=True)
    threshold: Mapped[int] = mapped_column(Integer)
    typed_back: Mapped[bool] = mapped_column(Boolean)
    issued_at: Mapped[int] = mapped_column(Integer)


class RootComparison(DeskBase):
    """Where the newest comparison of an agency's root stands in the record of acts: who, what, how, and the answer."""

    __tablename__ = "root_comparison"

    agency: Mapped[str] = mapped_column(String(40), primary_key=True)
    act: Mapped[int] = mapped_column(Integer)


class Act(DeskBase):
    """The desk's record of acts on people and keys: signed statements, each naming the one before it."""

    __tablename__ = "act"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    statement: Mapped[bytes] = mapped_column(LargeBinary)


class OwnPaper(DeskBase):
    """Something that an officer keeps for herself, sealed to her own receiving key: a page half filled in, a secret
    of a second factor. It can be put away with nobody signed in; only she reads it.
    """

    __tablename__ = "own_paper"

    paper_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    officer: Mapped[str] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    sealed: Mapped[bytes] = mapped_column(SealedBytes)
    changed_at: Mapped[int] = mapped_column(BigInteger)


class SecondFactor(DeskBase):
    """What an officer shows beside the passphrase: an authenticator's codes, or a security key (passkey)."""

    __tablename__ = "second_factor"

    factor_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    officer: Mapped[str] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(4))  # code | key
    paper_id: Mapped[bytes] = mapped_column(Identifier)  # own paper: what she calls it, and the secret of a code
    credential: Mapped[bytes | None] = mapped_column(LargeBinary(1023), unique=True)  # key: its id
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary)  # key: COSE
    counter: Mapped[int] = mapped_column(BigInteger)  # code: last step used; key: its signature counter
    added_at: Mapped[int] = mapped_column(BigInteger)
    used_at: Mapped[int | None] = mapped_column(BigInteger)


class SignInNote(DeskBase):
    """A try to sign in, and how it ended."""

    __tablename__ = "sign_in_note"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    officer: Mapped[str] = mapped_column(String(64), index=True)
    result: Mapped[str] = mapped_column(String(16))  # open | passphrase | factor
    at: Mapped[int] = mapped_column(BigInteger)


class Preference(DeskBase):
    """How an officer likes the desk: nothing about any case."""

    __tablename__ = "preference"

    officer: Mapped[str] = mapped_column(String(64), primary_key=True)
    language: Mapped[str | None] = mapped_column(String(8))
    theme: Mapped[str | None] = mapped_column(String(8))  # light | dark; none: as the system
    hides_agency: Mapped[bool] = mapped_column(Boolean, default=False)  # a quiet top bar
    shows_exit: Mapped[bool | None] = mapped_column(Boolean)
