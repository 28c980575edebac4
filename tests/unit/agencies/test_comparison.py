"""Nothing is sealed to an agency whose root was not compared, or changed since."""

import copy
import random
from collections.abc import Callable

import pytest
from sqlalchemy import delete

from agencies import acts, comparison
from agencies.comparison import RootState
from agencies.models import Act, DeskIdentity, RootComparison
from crypto import hybrid
from crypto.fingerprints import fingerprint
from errors import FormatError, IntegrityError, KeyChanged, NotPermitted, RootNotCompared, SignatureInvalid
from tests.support.desks import NOW, Desk, Network


@pytest.fixture
def compared(net: Network, north: Desk) -> Desk:
    net.appoint(north, "liaison-1", "liaison")
    compare(net, north)
    return north


def compare(net: Network, desk: Desk, word: str = "liaison-1", answer: str = "same", how: str = "phone") -> RootState:
    shown = comparison.fingerprint_of(net.directory, "south")
    with desk.files.session() as db:
        return comparison.record_comparison(
            db, net.directory, desk.officer(word), "south", shown=shown, answer=answer, how=how, now=NOW
        )


def require(net: Network, desk: Desk, agency: str = "south") -> None:
    with desk.files.session() as db:
        comparison.require_compared(db, agency, net.directory)


def test_an_agency_is_unverified_until_people_compared(net: Network, north: Desk) -> None:
    net.appoint(north, "liaison-1", "liaison")
    for agency in ("south", "nowhere"):
        with pytest.raises(RootNotCompared):
            require(net, north, agency)
    assert compare(net, north) is RootState.VERIFIED
    require(net, north)
    with north.files.session() as db:
        found = comparison.last_comparison(db, net.directory, "south")
        assert comparison.last_comparison(db, net.directory, "north") is None
    assert found == {"by": "north/liaison-1", "at": NOW, "how": "phone", "answer": "same"}


def test_a_different_fingerprint_stops_sending(net: Network, compared: Desk) -> None:
    assert compare(net, compared, answer="different", how="in-person") is RootState.REFUSED
    with pytest.raises(KeyChanged):
        require(net, compared)
    assert compare(net, compared) is RootState.VERIFIED
    require(net, compared)


def test_a_changed_root_stops_sending(net: Network, compared: Desk) -> None:
    """As a desk sees it that was given another directory, by another log or a forked one."""
    require(net, compared)
    other = copy.deepcopy(net.directory)
    known = other.agencies["south"]
    other.agencies["south"] = type(known)(known.name, known.country, known.type, bytes(range(32)), known.index)
    with compared.files.session() as db:
        assert comparison.root_state(db, other, "south") is RootState.CHANGED
        with pytest.raises(KeyChanged):
            comparison.require_compared(db, "south", other)


def test_a_changed_recovery_key_stops_sending_until_people_compared_again(
    net: Network, compared: Desk, south: Desk
) -> None:
    require(net, compared)
    net.certify_recovery(south, hybrid.ReceivingKey(hybrid.generate()).public_key)
    with pytest.raises(KeyChanged):
        require(net, compared)
    assert compare(net, compared) is RootState.VERIFIED


def test_a_key_that_changed_while_people_compared_is_not_taken(net: Network, compared: Desk) -> None:
    with compared.files.session() as db, pytest.raises(KeyChanged):
        comparison.record_comparison(
            db, net.directory, compared.officer("liaison-1"), "south", shown=fingerprint("south", bytes(32)),
            answer="same", how="phone", now=NOW,
        )  # fmt: skip


@pytest.mark.parametrize(("answer", "how"), [("yes", "phone"), ("same", "mail")])
def test_other_answers_are_refused(net: Network, compared: Desk, answer: str, how: str) -> None:
    with pytest.raises(FormatError):
        compare(net, compared, answer=answer, how=how)


def test_an_auditor_does_not_compare(net: Network, north: Desk) -> None:
    net.appoint(north, "auditor-1", "auditor")
    with pytest.raises(NotPermitted):
        compare(net, north, "auditor-1")
    assert compare(net, north, "administrator-1") is RootState.VERIFIED


def test_the_desks_own_root_is_that_of_its_set_up(net: Network, north: Desk) -> None:
    require(net, north, "north")
    with north.files.session() as db:
        identity = db.get(DeskIdentity, 1)
        assert identity is not None
        identity.root_key = bytes(32)
    with pytest.raises(KeyChanged):
        require(net, north, "north")


def test_a_comparison_that_nobody_signed_does_not_count(net: Network, compared: Desk, south: Desk) -> None:
    """A row that somebody with the disk puts in place of the officer's answer."""
    require(net, compared)
    facts = {"agency": "south", "root": "A" * 43, "recovery": None, "answer": "same", "how": "phone"}
    with compared.files.session() as db:
        statement = acts.propose_act(db, "north", "compared", facts, now=NOW)
        forged = acts.sign_act(statement, south.officer("administrator-1"))
        db.add(Act(number=1, statement=forged.dump()))
        db.merge(RootComparison(agency="south", act=1))
    with pytest.raises(SignatureInvalid):
        require(net, compared)
    with compared.files.session() as db:
        db.execute(delete(Act))
    with pytest.raises(IntegrityError):
        require(net, compared)


def test_the_history_holds_every_answer_newest_first(net: Network, compared: Desk) -> None:
    compare(net, compared, answer="different", how="in-person")
    net.appoint(compared, "liaison-2", "liaison")
    compare(net, compared, "liaison-2")
    with compared.files.session() as db:
        found = comparison.history(db, net.directory, "south")
        assert comparison.history(db, net.directory, "north") == []
    assert [(one.by, one.answer, one.how, one.is_current) for one in found] == [
        ("north/liaison-2", "same", "phone", True),
        ("north/liaison-1", "different", "in-person", True),
        ("north/liaison-1", "same", "phone", True),
    ]


def test_the_history_says_which_answers_are_of_a_former_key(net: Network, compared: Desk) -> None:
    net.certify_recovery(net.desks["south"], hybrid.ReceivingKey(hybrid.generate(bytes_of(7))).public_key)
    with compared.files.session() as db:
        assert comparison.root_state(db, net.directory, "south") is RootState.CHANGED
        assert [one.is_current for one in comparison.history(db, net.directory, "south")] == [False]
    compare(net, compared)
    with compared.files.session() as db:
        assert [one.is_current for one in comparison.history(db, net.directory, "south")] == [True, False]


def test_a_record_with_an_act_taken_out_gives_no_history(net: Network, compared: Desk) -> None:
    compare(net, compared)
    compare(net, compared)
    with compared.files.session() as db:
        assert len(comparison.history(db, net.directory, "south")) == 3
        db.execute(delete(Act).where(Act.number == 1))
        with pytest.raises(IntegrityError):
            comparison.history(db, net.directory, "south")
        db.rollback()


def bytes_of(seed: int) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes
