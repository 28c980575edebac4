"""The desk's record of acts: signed, numbered, chained."""

import pytest
from sqlalchemy import delete, update

from agencies import acts
from agencies.models import Act
from crypto import labels
from crypto.statements import Statement, make_statement
from errors import AmparoError, Conflict, FormatError, IntegrityError, SignatureInvalid
from tests.support.desks import NOW, Desk, Network


@pytest.fixture
def filled(net: Network, north: Desk) -> Desk:
    net.appoint(north, "liaison-1", "liaison")
    with north.files.session() as db:
        for number in range(3):
            acts.add_act(db, north.officer("liaison-1"), "excluded", {"n": number}, now=NOW + number)
    return north


def test_the_record_reads_back_in_order(filled: Desk) -> None:
    with filled.files.session() as db:
        read = list(acts.read_acts(db))
    assert [body["facts"]["n"] for body, _ in read] == [0, 1, 2]
    assert {signers for _, signers in read} == {("north/liaison-1",)}


@pytest.mark.parametrize("damage", ["missing", "changed", "swapped"])
def test_a_broken_record_is_noticed(filled: Desk, damage: str) -> None:
    with filled.files.session() as db:
        assert len(list(acts.read_acts(db))) == 3
        rows = {number: db.get_one(Act, number).statement for number in range(3)}
        if damage == "missing":
            db.execute(delete(Act).where(Act.number == 1))
        if damage == "changed":
            forged = acts.read_act(db, 1)
            statement = make_statement({**forged.value, "at": 1})
            db.execute(update(Act).where(Act.number == 1).values(
                statement=acts.sign_act(statement, filled.officer("liaison-1")).dump()))  # fmt: skip
        if damage == "swapped":
            db.execute(update(Act).where(Act.number == 0).values(statement=rows[1]))
    with filled.files.session() as db, pytest.raises(IntegrityError):
        list(acts.read_acts(db))


def test_an_act_is_signed_anew_when_another_came_first(filled: Desk) -> None:
    officer = filled.officer("liaison-1")
    with filled.files.session() as db:
        late = acts.sign_act(acts.propose_act(db, "north", "excluded", {}, now=NOW), officer)
        acts.add_act(db, officer, "excluded", {}, now=NOW)
        with pytest.raises(Conflict):
            acts.record_act(db, late)
        acts.record_act(db, acts.sign_act(acts.propose_act(db, "north", "excluded", {}, now=NOW), officer))


def test_what_takes_two_administrators_is_not_done_by_fewer(net: Network, filled: Desk) -> None:
    one, two, liaison = (filled.officer(word) for word in ("administrator-1", "administrator-2", "liaison-1"))
    with filled.files.session() as db:
        bare = acts.propose_act(db, "north", "recovered", {}, now=NOW)
        for signers in ((one,), (one, liaison), (liaison,)):
            statement = bare
            for officer in signers:
                statement = acts.sign_act(statement, officer)
            with pytest.raises(SignatureInvalid):
                acts.record_act(db, statement, net.directory)
        with pytest.raises(SignatureInvalid):
            acts.record_act(db, acts.sign_act(acts.sign_act(bare, one), two))
        acts.record_act(db, acts.sign_act(acts.sign_act(bare, one), two), net.directory)


def test_acts_of_another_form_are_refused(filled: Desk) -> None:
    officer = filled.officer("liaison-1")
    with filled.files.session() as db:
        good = acts.propose_act(db, "north", "excluded", {}, now=NOW).value
        strange: list[object] = [None, True, -1, "x", [], {}, [[]]]
        for member in good:
            for value in strange:
                if (member, value) in (("facts", {}), ("agency", "x")) or (member == "at" and value == -1):
                    continue
                with pytest.raises(AmparoError):
                    acts.record_act(db, acts.sign_act(make_statement({**good, member: value}), officer))
        with pytest.raises(FormatError):
            acts.propose_act(db, "north", "invented", {}, now=NOW)
        unsigned = make_statement(good)
        wrong = Statement(unsigned.body, (("north/liaison-1", officer.sign(labels.DIRECTORY, unsigned.body)),))
        with pytest.raises(SignatureInvalid):
            acts.record_act(db, wrong)
        acts.record_act(db, acts.sign_act(unsigned, officer))
