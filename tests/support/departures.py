"""Officers who leave or lost their passphrase, and recovery by shares, at the desks of a field."""

import os
from collections.abc import Sequence
from pathlib import Path

from agencies import acts, cases, members, setup, succession
from agencies.members import OfficerSession
from crypto.statements import Statement
from evidence import exhibits, intake
from exchange import approvals, delivery, filing, handle_keys, opening, recovered, sharing, withdrawals
from exchange.delivery import day_of
from exchange.office import list_alarms
from exchange.sharing import Choice
from identity import consent, persons
from tests.support.field import CHEAP, DeskAt, Field, now
from tests.support.traffic import PURPOSE, Parcel, ask_at, open_at, parcel

NEW_WORDS = "quite other words here"
BOTH = ("administrator-1", "administrator-2")
_numbers = iter(range(1, 1000))


def new_case(desk: DeskAt, word: str, *colleagues: str) -> bytes:
    """A case of this officer, and of colleagues on the team."""
    officer = desk.officer(word)
    with desk.office.files.session() as db:
        case_id = cases.create_case(db, officer, f"D-{next(_numbers)}", {"title": "t"}, now=now()).case_id
        for one in colleagues:
            cases.add_member(db, officer, case_id, desk.handle(one), vault=True, now=now())
    return case_id


def appoint(field: Field, desk: DeskAt, role: str, number: int) -> str:
    """A new officer, known to every desk; her word, such as liaison-31."""
    word = f"{role}-{number}"
    desk.appoint(word, role)
    field.sync_all(1)
    with desk.office.files.session() as db:
        any(handle_keys.pass_on(db, desk.office, one, now=now()) for one in list(desk.officers.values()))
    return word


def revoke(desk: DeskAt, word: str) -> int:
    """Two administrators revoke a certificate; the index of the revocation."""
    with desk.office.files.session() as db:
        statement = succession.revoke(desk.office.directory(db), desk.handle(word))
    index = desk.by_administrators(statement)
    desk.sync()
    return index


def depart(desk: DeskAt, word: str, *, with_orphans: bool = False) -> tuple[OfficerSession, int]:
    """An officer's rights end; her session with its keys, as a thief would have them, and the revocation's index."""
    administrator, gone = desk.officer("administrator-1"), desk.officers.pop(word)
    with desk.office.files.session() as db:
        made = succession.depart(
            db, administrator, gone.handle, now=now(), directory=desk.office.directory(db), with_orphans=with_orphans
        )
    assert made.revocation is not None
    index = desk.by_administrators(made.revocation)
    desk.sync()
    return gone, index


def renew(desk: DeskAt, word: str) -> Statement:
    """New keys for the same officer, who is signed in with them; the certificate, which two administrators sign."""
    with desk.office.files.session() as db:
        log = setup.get_identity(db).log
        made = members.renew_officer(db, desk.handle(word), NEW_WORDS, now=now(), cost=CHEAP)
    desk.officers[word] = members.sign_in(desk.office.files, desk.handle(word), NEW_WORDS, now=now())
    return members.prove_possession(setup.statement_of(made.body(log, day_of(now()))), desk.officer(word))


def signed(desk: DeskAt, act: Statement, words: Sequence[str] = BOTH) -> Statement:
    """An act with the signatures of these officers."""
    for word in words:
        act = acts.sign_act(act, desk.officer(word))
    return act


def propose(
    desk: DeskAt, to: Sequence[str], *, of: str | None = None, bundles: Sequence[bytes] | None = None
) -> Statement:
    """The act that gives bundles to these officers, not signed yet."""
    whose = None if of is None else desk.handle(of)
    handles = [desk.handle(one) for one in to]
    return recovered.propose(desk.office, handles, of=whose, bundles=bundles, now=now())


def carry_out(desk: DeskAt, act: Statement, papers: Sequence[str] | None = None) -> list[recovered.Recovered]:
    """An act about bundles, by the first administrator and all recovery papers, or these."""
    shares = desk.papers["recovery"] if papers is None else papers
    return recovered.recover_bundles(desk.office, desk.officer("administrator-1"), act, shares, now=now())


def recover(
    desk: DeskAt, to: Sequence[str], *, of: str | None = None, bundles: Sequence[bytes] | None = None
) -> list[recovered.Recovered]:
    """Proposed, signed by two, carried out."""
    return carry_out(desk, signed(desk, propose(desk, to, of=of, bundles=bundles)))


def recover_cases(desk: DeskAt, to: str, of: str) -> list[bytes]:
    """Cases of one officer for another, or for herself with new keys."""
    with desk.office.files.session() as db:
        directory = desk.office.directory(db)
        act = succession.propose_recovery(db, directory, desk.handle(to), of=desk.handle(of), now=now())
    return recovered.recover_cases(desk.office, signed(desk, act), desk.papers["recovery"], now=now())


def read(desk: DeskAt, word: str, bundle: bytes, **more: object) -> bytes:
    """Open on the record, and read the first file."""
    with open_at(desk, word, bundle, **more) as found:
        return b"".join(found.read(1))


def file_all(desk: DeskAt, word: str, bundle: bytes, case_id: bytes) -> list[bytes]:
    """Open, and keep everything."""
    with open_at(desk, word, bundle) as found:
        return filing.file_all(desk.office, desk.officer(word), found, case_id, now=now())


def read_filed(desk: DeskAt, word: str, item: bytes) -> bytes:
    """What was kept."""
    return b"".join(filing.read_filed(desk.office.files, desk.officer(word), item))


def alarm_kinds(desk: DeskAt) -> set[str]:
    """Kinds of all alarms of a desk."""
    with desk.office.files.session() as db:
        return {one.kind for one in list_alarms(db)}


# ---- What is sent and withdrawn -------------------------------------------------------------------------------------


def share_person(desk: DeskAt, word: str, case_id: bytes, to: DeskAt) -> tuple[bytes, bytes]:
    """A person with her consent, sent to the other agency's first prosecutor; the record and the bundle."""
    officer = desk.officer(word)
    facts = consent.ConsentFacts((PURPOSE,), (to.agency,), delivery.day_of(now()), "en", "Tell us.")
    with desk.office.files.session() as db:
        person = persons.add_person(
            db, officer, case_id, {"prs_gender": "Feminine"}, role="victim", short="W", now=now()
        )
        record = consent.record_consent(db, officer, case_id, person, facts, now=now())
    return record, share(desk, word, case_id, to, persons=(person,), records=(record,))


def share(desk: DeskAt, word: str, case_id: bytes, to: DeskAt, **more: object) -> bytes:
    """Something out of a case, composed, sealed and sent by this officer."""
    officer = desk.officer(word)
    choice = Choice(case_id, to.agency, (to.handle("prosecutor-1"),), (PURPOSE,), "Act 7", "R-1", **more)  # type: ignore[arg-type]
    with desk.office.files.session() as db:
        made = sharing.compose(db, desk.office, officer, choice, now=now())
    bundle = delivery.seal(desk.office, officer, made, sharing.sources(desk.office, officer, made), now=now())
    delivery.send(desk.office, bundle, now=now())
    to.sync()
    return bundle


def take_in(desk: DeskAt, word: str, case_id: bytes, path: Path) -> bytes:
    """An exhibit of one file that did not exist before; its object id."""
    officer = desk.officer(word)
    path.write_bytes(b"\xff\xd8 " + os.urandom(5000))
    stored = intake.take_in(desk.office.files, officer, case_id, path, now=now())
    with desk.office.files.session() as db:
        return exhibits.create_exhibit(
            db, officer, case_id, description="A door", files=[stored.file_id], place="store", reason="seized",
            action="seize", seen=desk.office.seen(db), now=now(),
        )  # fmt: skip


def withdraw(desk: DeskAt, word: str, approver: str, case_id: bytes, record: bytes) -> None:
    """Destroy with a colleague's signature."""
    asked = withdrawals.ask_withdrawal(desk.office, desk.officer(word), case_id, record, now=now())
    assert asked is not None
    with desk.office.files.session() as db:
        approvals.grant(db, desk.officer(approver), asked, now=now())
    withdrawals.withdraw(desk.office, desk.officer(word), case_id, record, approval_id=asked, now=now())


def parcel_for_two(field: Field, words: list[str]) -> Parcel:
    """What takes two, for these officers of the prosecution."""
    return parcel(
        field.north, "liaison-1", field.south, words, (b"for two",), threshold=2,
        own_officers=("north-police/liaison-1", "north-police/liaison-2"),
    )  # fmt: skip


def send_for_two(field: Field, made: Parcel) -> bytes:
    """Approved by the second liaison officer, sealed and sent."""
    approval = delivery.ask_approval(field.north.office, made.officer, made.made, now=now())
    with field.north.office.files.session() as db:
        approvals.grant(db, field.north.officer("liaison-2"), approval, now=now())
    return made.send(field.south, approval_id=approval)


def for_two(field: Field, words: list[str]) -> bytes:
    """A bundle that takes two, sealed to these officers of the prosecution."""
    return send_for_two(field, parcel_for_two(field, words))


def read_by_two(desk: DeskAt, first: str, second: str, bundle: bytes) -> bytes:
    """One asks, the other approves, the first reads."""
    asked = ask_at(desk, first, bundle)
    opening.approve_opening(desk.office, desk.officer(second), asked, now=now())
    return read(desk, first, bundle, approval_id=asked)
