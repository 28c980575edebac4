"""Tables of a desk: officers and their locked keys, cases and their wrapped keys, appointments, the record."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
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


class Appointment(DeskBase):
    """An officer who is to work here, or who gets new keys, until two administrators have signed the certificate.

    The keys lie here, locked by her passphrase, and not in `member`: nothing at the desk counts her in before.
    """

    __tablename__ = "appointment"

    appointment_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))  # appoint | renew
    officer: Mapped[str] = mapped_column(String(64), index=True)
    roles: Mapped[str] = mapped_column(String(200))
    order_number: Mapped[str] = mapped_column(String(40))  # a number, never words
    from_day: Mapped[str] = mapped_column(String(10))
    until_day: Mapped[str | None] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))  # invited | enrolled | done | withdrawn
    proposed_by: Mapped[str] = mapped_column(String(64))
    proposed_at: Mapped[int] = mapped_column(BigInteger)
    code_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    code_until: Mapped[int] = mapped_column(BigInteger)
    tries: Mapped[int] = mapped_column(Integer)
    keyring: Mapped[bytes | None] = mapped_column(LargeBinary)
    signing_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    receiving_key: Mapped[bytes | None] = mapped_column(LargeBinary(1216))
    statement: Mapped[bytes | None] = mapped_column(LargeBinary)  # the certificate, with the signatures so far
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[int | None] = mapped_column(BigInteger)


class Proposal(DeskBase):
    """A statement that one administrator has signed and another one has to: a revocation, an act of recovery. At the
    set-up, what the root has signed and the network does not know yet.
    """

    __tablename__ = "proposal"

    proposal_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))  # revocation | recover-cases | recover-bundles | first
    officer: Mapped[str] = mapped_column(String(64))
    statement: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10))  # waiting | signed | done | withdrawn
    proposed_by: Mapped[str] = mapped_column(String(64))
    proposed_at: Mapped[int] = mapped_column(BigInteger)
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[int | None] = mapped_column(BigInteger)


class Drill(DeskBase):
    """A copy of the desk that was made, or put back into a scratch place to see that it works."""

    __tablename__ = "drill"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(8))  # copy | drill
    at: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[int] = mapped_column(Integer)
    entries: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    result: Mapped[str] = mapped_column(String(40))  # equal, or the code of what went wrong
    officer: Mapped[str] = mapped_column(String(64))


class RecordLine(DeskBase):
    """One line of the agency's record as its auditor reads it: who, what kind of act, on what, when. No content."""

    __tablename__ = "record_line"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[int] = mapped_column(BigInteger, index=True)
    officer: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    case_id: Mapped[bytes | None] = mapped_column(Identifier, index=True)
    object_id: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    source: Mapped[str] = mapped_column(String(10))  # act | sign-in | event | approval | drill
    source_key: Mapped[str] = mapped_column(String(80))

    __table_args__ = (
        UniqueConstraint("source", "source_key"),
        Index("ix_record_line_officer", "officer", "at"),
        Index("ix_record_line_kind", "kind", "at"),
    )


class AskedReason(DeskBase):
    """A question of the auditor to an officer about one line of the record, and the answer; sealed to the two."""

    __tablename__ = "asked_reason"

    reason_id: Mapped[bytes] = mapped_column(Identifier, primary_key=True)
    line: Mapped[int] = mapped_column(Integer, index=True)
    asked_by: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[int] = mapped_column(BigInteger)
    officer: Mapped[str] = mapped_column(String(64), index=True)
    question_to_officer: Mapped[bytes] = mapped_column(SealedBytes)
    question_to_auditor: Mapped[bytes] = mapped_column(SealedBytes)
    answer_to_officer: Mapped[bytes | None] = mapped_column(SealedBytes)
    answer_to_auditor: Mapped[bytes | None] = mapped_column(SealedBytes)
    answered_at: Mapped[int | None] = mapped_column(BigInteger)
