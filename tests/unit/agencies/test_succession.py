"""An officer leaves, a passphrase or a laptop is lost: no case is lost with them (guarantee G8)."""

import random

import pytest
from sqlalchemy import select

from agencies import acts, cases, members, setup, succession
from agencies.directory_entries import revocation_body, unsigned
from agencies.models import Act, CaseKey
from crypto import hybrid, recovery
from crypto.statements import Statement
from errors import (
    Conflict,
    DecryptionFailed,
    FormatError,
    KeyUnusable,
    NotFound,
    NotPermitted,
    PassphraseWrong,
    Refused,
    SetUpUnfinished,
    SignatureInvalid,
)
from tests.support.desks import CHEAP, DAY, NOW, ORIGIN, WORDS, Desk, Network


@pytest.fixture
def staffed(net: Network, north: Desk) -> Desk:
    for number in (1, 2):
        net.appoint(north, f"liaison-{number}", "liaison")
    net.appoint(north, "auditor-1", "auditor")
    return north


def begin(desk: Desk, word: str, handle: str) -> bytes:
    with desk.files.session() as db:
        return cases.create_case(db, desk.officer(word), handle, {"title": "x"}, now=NOW).case_id


def papers_of(desk: Desk) -> list[str]:
    return recovery.split_on_paper(desk.recovery_seed, 2, 3)


def signed(desk: Desk, act: Statement, *words: str) -> Statement:
    for word in words or ("administrator-1", "administrator-2"):
        act = acts.sign_act(act, desk.officer(word))
    return act


# ---- leaving ----------------------------------------------------------------------------------------------------


def test_an_officer_leaves_after_handing_over(net: Network, staffed: Desk) -> None:
    first, second = begin(staffed, "liaison-1", "N-1"), begin(staffed, "liaison-1", "N-2")
    leaving, heir, administrator = (staffed.officer(word) for word in ("liaison-1", "liaison-2", "administrator-1"))
    with staffed.files.session() as db:
        with pytest.raises(Refused):
            succession.depart(db, administrator, leaving.handle, now=NOW)
        assert members.is_current(db, leaving)
        key, vault = leaving.case_key(db, first), leaving.vault_key(db, first)
        assert succession.hand_over_cases(db, leaving, heir.handle, now=NOW) == sorted([first, second])
        assert (heir.case_key(db, first), heir.vault_key(db, first)) == (key, vault)
        gone = succession.depart(db, administrator, leaving.handle, now=NOW, directory=net.directory)
        assert set(gone.cases) == {first, second}
        with pytest.raises(NotPermitted):
            leaving.case_key(db, first)
        assert not members.is_current(db, leaving)
    with pytest.raises(PassphraseWrong):
        staffed.sign_in("liaison-1")
    assert staffed.sign_in("liaison-2").handle == heir.handle
    assert gone.revocation is not None
    net.publish(net.by_administrators(staffed, gone.revocation))
    assert net.directory.find_certificate(leaving.handle) is None
    with staffed.files.session() as db:
        assert [body["act"] for body, _ in acts.read_acts(db)] == ["case-handed-over", "departed"]
        with pytest.raises(NotFound):
            succession.depart(db, administrator, leaving.handle, now=NOW)
        with pytest.raises(Conflict):
            members.enrol_officer(db, leaving.handle, ["liaison"], WORDS, now=NOW, cost=CHEAP)


def test_a_case_is_not_handed_to_one_who_is_kept_out_or_reads_no_cases(staffed: Desk) -> None:
    first, second = begin(staffed, "liaison-1", "N-1"), begin(staffed, "liaison-1", "N-2")
    one, two = staffed.officer("liaison-1"), staffed.officer("liaison-2")
    with staffed.files.session() as db:
        cases.exclude_officer(db, one, first, two.handle, now=NOW)
        assert succession.hand_over_cases(db, one, two.handle, now=NOW) == [second]
        assert succession.hand_over_cases(db, one, "north/auditor-1", now=NOW) == []
        with pytest.raises(NotPermitted):
            two.case_key(db, first)
        assert two.case_key(db, second) == one.case_key(db, second)
        with pytest.raises(NotPermitted):
            cases.add_member(db, one, second, "north/auditor-1", vault=False, now=NOW)


def test_only_administrators_end_rights_and_the_last_one_stays(net: Network, staffed: Desk) -> None:
    with staffed.files.session() as db:
        with pytest.raises(NotPermitted):
            succession.depart(db, staffed.officer("liaison-1"), "north/liaison-2", now=NOW)
        succession.depart(db, staffed.officer("administrator-1"), "north/administrator-2", now=NOW)
        with pytest.raises(Refused):
            succession.depart(db, staffed.officer("administrator-1"), "north/administrator-1", now=NOW)


# ---- recovery ---------------------------------------------------------------------------------------------------


def test_recovery_shares_give_a_lost_officers_cases_to_a_colleague(net: Network, staffed: Desk) -> None:
    """The officer cannot be asked any more; nobody else was on the team."""
    mine, others = begin(staffed, "liaison-1", "N-1"), begin(staffed, "liaison-2", "N-2")
    heir = net.appoint(staffed, "liaison-3", "liaison")
    papers = papers_of(staffed)
    with staffed.files.session() as db:
        before = staffed.officer("liaison-1").vault_key(db, mine)
        gone = succession.depart(
            db, staffed.officer("administrator-1"), "north/liaison-1", now=NOW, with_orphans=True
        )  # fmt: skip
        assert gone.cases == (mine,)
        act = succession.propose_recovery(db, net.directory, heir.handle, now=NOW)
        recovered = succession.recover_cases(db, net.directory, signed(staffed, act), papers[1:], now=NOW)
        assert recovered == sorted([mine, others])
        assert heir.vault_key(db, mine) == before
        assert [body["act"] for body, _ in acts.read_acts(db)] == ["departed", "recovered"]


def test_a_lost_passphrase_loses_no_case(net: Network, staffed: Desk) -> None:
    """New keys under the old handle, certified after the revocation; the officer gets back exactly what they had."""
    mine, others = begin(staffed, "liaison-1", "N-1"), begin(staffed, "liaison-2", "N-2")
    with staffed.files.session() as db:
        before = staffed.officer("liaison-1").case_key(db, mine)
        old = staffed.officers["liaison-1"]
        made = members.renew_officer(db, "north/liaison-1", "other words, not lost", now=NOW + 1, cost=CHEAP)
        assert not members.is_current(db, old)
    officer = staffed.sign_in("liaison-1", "other words, not lost")
    with staffed.files.session() as db:
        with pytest.raises(KeyUnusable):
            officer.case_key(db, mine)
        with pytest.raises(KeyUnusable):  # not certified yet
            succession.propose_recovery(db, net.directory, officer.handle, now=NOW, of=officer.handle)
        assert succession.orphaned_cases(db, "north/liaison-2") == [others]
    found = net.directory.certificate(officer.handle)
    net.publish(net.by_administrators(staffed, unsigned(revocation_body(ORIGIN, found))))
    net.certify(staffed, "liaison-1", made.body(ORIGIN, DAY))
    with staffed.files.session() as db:
        act = succession.propose_recovery(db, net.directory, officer.handle, now=NOW, of=officer.handle)
        papers = papers_of(staffed)[:2]
        assert succession.recover_cases(db, net.directory, signed(staffed, act), papers, now=NOW + 2) == [mine]
        assert officer.case_key(db, mine) == before
        with pytest.raises(NotPermitted):
            officer.case_key(db, others)


def test_recovery_takes_two_administrators_and_the_right_shares(
    net: Network, staffed: Desk, rng: random.Random
) -> None:
    case_id = begin(staffed, "liaison-1", "N-1")
    heir, papers = staffed.officer("liaison-2"), papers_of(staffed)
    strangers = recovery.split_on_paper(rng.randbytes(32), 2, 3)
    with staffed.files.session() as db:
        act = succession.propose_recovery(db, net.directory, heir.handle, now=NOW)
        attempts: list[tuple[type[Exception], Statement, list[str]]] = [
            (SignatureInvalid, signed(staffed, act, "administrator-1"), papers[:2]),
            (SignatureInvalid, signed(staffed, act, "administrator-1", "liaison-1"), papers[:2]),
            (KeyUnusable, signed(staffed, act), papers[:1]),
            (KeyUnusable, signed(staffed, act), strangers[:2]),
            (KeyUnusable, signed(staffed, act), [papers[0], strangers[1]]),
        ]
        for kind, wrong, shares in attempts:
            with pytest.raises(kind):
                succession.recover_cases(db, net.directory, wrong, shares, now=NOW)
            with pytest.raises(NotPermitted):
                heir.case_key(db, case_id)
            assert db.scalar(select(Act)) is None
        assert succession.recover_cases(db, net.directory, signed(staffed, act), papers[:2], now=NOW) == [case_id]
        assert heir.case_key(db, case_id)
        with pytest.raises(Conflict):  # an act is carried out once
            succession.recover_cases(db, net.directory, signed(staffed, act), papers[:2], now=NOW)


def test_an_act_of_recovery_names_the_key_that_gets_the_cases(net: Network, staffed: Desk) -> None:
    """Keys that are put in place of the officer's after two administrators signed get nothing."""
    begin(staffed, "liaison-1", "N-1")
    with staffed.files.session() as db:
        act = signed(staffed, succession.propose_recovery(db, net.directory, "north/liaison-2", now=NOW))
        member = members.get_member(db, "north/liaison-2")
        own = member.receiving_key
        member.receiving_key = hybrid.ReceivingKey(hybrid.generate()).public_key
        with pytest.raises(KeyUnusable):
            succession.recover_cases(db, net.directory, act, papers_of(staffed)[:2], now=NOW)
        member.receiving_key = own
        assert succession.recover_cases(db, net.directory, act, papers_of(staffed)[:2], now=NOW)
        other = acts.propose_act(db, "north", "departed", {"officer": "north/liaison-2"}, now=NOW)
        with pytest.raises(FormatError):
            succession.recover_cases(db, net.directory, signed(staffed, other), papers_of(staffed)[:2], now=NOW)


def test_an_officer_who_is_kept_out_recovers_nothing_of_that_case(net: Network, staffed: Desk) -> None:
    first, second = begin(staffed, "liaison-1", "N-1"), begin(staffed, "liaison-1", "N-2")
    with staffed.files.session() as db:
        cases.exclude_officer(db, staffed.officer("liaison-1"), first, "north/liaison-2", now=NOW)
        act = succession.propose_recovery(db, net.directory, "north/liaison-2", now=NOW)
        papers = papers_of(staffed)[:2]
        assert succession.recover_cases(db, net.directory, signed(staffed, act), papers, now=NOW) == [second]


def test_new_recovery_shares_make_the_old_ones_worthless(net: Network, staffed: Desk, rng: random.Random) -> None:
    case_id = begin(staffed, "liaison-1", "N-1")
    old_papers, seed = papers_of(staffed), rng.randbytes(32)
    new_key = recovery.receiving_key(seed).public_key
    holders = [staffed.handle(word) for word in ("administrator-1", "administrator-2")]
    papers = setup.Papers(setup.RECOVERY, seed, holders, 2)
    with (
        staffed.files.session() as db,
        succession.RecoveryKey(old_papers[:2], net.directory.recovery_key("north")) as old,
    ):
        with pytest.raises(SetUpUnfinished):
            succession.replace_recovery_key(db, old, new_key, papers, now=NOW)
        written = [papers.show(holder) for holder in holders]
        for words, holder in zip(written, holders, strict=True):
            papers.put_away(holder)
            papers.type_back(words)
        assert succession.replace_recovery_key(db, old, new_key, papers, now=NOW) == 2
        row = db.get_one(CaseKey, (case_id, cases.RECOVERY, members.CASE))
        with pytest.raises(DecryptionFailed):
            old.open(members.wrap_info(case_id, members.CASE), row.wrapped)
    net.certify_recovery(staffed, new_key)
    with staffed.files.session() as db:
        act = signed(staffed, succession.propose_recovery(db, net.directory, "north/liaison-2", now=NOW))
        with pytest.raises(KeyUnusable):
            succession.recover_cases(db, net.directory, act, old_papers[:2], now=NOW)
        assert succession.recover_cases(db, net.directory, act, written, now=NOW) == [case_id]


def test_lost_recovery_shares_are_replaced_by_the_officers_themselves(
    net: Network, staffed: Desk, rng: random.Random
) -> None:
    case_id, seed = begin(staffed, "liaison-1", "N-1"), rng.randbytes(32)
    key = recovery.receiving_key(seed)
    with staffed.files.session() as db:
        setup.get_identity(db).recovery_key = key.public_key
        row = db.get_one(CaseKey, (case_id, cases.RECOVERY, members.CASE))
        with pytest.raises(DecryptionFailed):
            key.open(members.wrap_info(case_id, members.CASE), row.wrapped)
        officer = staffed.officer("liaison-1")
        assert succession.wrap_to_recovery(db, officer, now=NOW) == 2
        assert key.open(members.wrap_info(case_id, members.CASE), row.wrapped) == officer.case_key(db, case_id)


def test_a_revoked_officer_reads_nothing_at_the_desk_itself(net: Network, staffed: Desk) -> None:
    """The passphrase still opens the keys; the roles end with the certificate, not with a row of the desk's table."""
    case_id, handle = begin(staffed, "liaison-1", "N-1"), staffed.handle("liaison-1")

    def sign_in(name: str) -> members.OfficerSession:
        return members.sign_in(staffed.files, name, WORDS, now=NOW, directory=net.directory)

    with staffed.files.session() as db:
        assert cases.get_case(db, sign_in(handle), case_id).case_id == case_id
    body = revocation_body(net.directory.origin, net.directory.certificate(handle))
    net.publish(net.by_administrators(staffed, unsigned(body)))
    with staffed.files.session() as db, pytest.raises(NotPermitted):
        cases.get_case(db, sign_in(handle), case_id)
    with staffed.files.session() as db, pytest.raises(NotPermitted):
        cases.create_case(db, sign_in(handle), "N-2", {"title": "x"}, now=NOW)
    staffed.enrol("liaison-3", "liaison")  # not certified yet, as during a set-up
    with staffed.files.session() as db:
        assert cases.create_case(db, sign_in(staffed.handle("liaison-3")), "N-3", {"title": "x"}, now=NOW)
