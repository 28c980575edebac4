"""A new agency comes in by its root and two administrators of each of two agencies; anything less is refused."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agencies import comparison, setup
from crypto import labels
from crypto.fingerprints import fingerprint
from crypto.statements import Statement, parse_statement
from errors import AmparoError, Conflict, FormatError, NotPermitted, SignatureInvalid
from exchange import admission, follow, inviting, membership
from exchange.office import list_alarms
from tests.support.field import DeskAt, Field, hold_ceremony, now


@pytest.fixture(scope="module")
def applicant(field: Field) -> DeskAt:
    """West court has a desk and a root, and is not in the network."""
    invitation = field.invite("west-court")
    folder = field.folder / "desks" / "west-court"
    membership.create_desk(folder, invitation, country="XB", kind="prosecution", now=now())
    office = membership.open_office(folder, field.settings.public_url, clock=time.time, invitation=invitation)
    made = DeskAt(folder, office)
    ceremony = hold_ceremony(made)
    with office.files.session() as db:
        ceremony.finish(db, now=now())
    return made


@pytest.fixture(scope="module")
def applied(applicant: DeskAt) -> bytes:
    with applicant.office.files.session() as db:
        key = membership.require_root(setup.get_identity(db))
    with setup.open_root("west-court", applicant.papers["root"], key) as root:
        statement = admission.apply_for(applicant.office, root)
    return statement.dump()


def sign(desk: DeskAt, data: bytes, *numbers: int) -> bytes:
    for number in numbers:
        data = admission.sign(desk.office, desk.officer(f"administrator-{number}"), data)
    return data


def test_the_application_says_who_asks_and_by_which_key(field: Field, applicant: DeskAt, applied: bytes) -> None:
    found = admission.read(field.north.office, applied)
    with applicant.office.files.session() as db:
        root = membership.require_root(setup.get_identity(db))
    assert (found.agency, found.country, found.kind) == ("west-court", "XB", "prosecution")
    assert found.fingerprint == fingerprint("west-court", root)
    assert (found.signed, found.is_member, found.is_complete) == ({}, False, False)


def test_nothing_less_than_two_administrators_of_two_agencies_is_enough(field: Field, applied: bytes) -> None:
    north, south = field.north, field.south
    administrator = north.officer("administrator-1")
    for enough in (
        applied, sign(north, applied, 1), sign(north, applied, 1, 2), sign(south, sign(north, applied, 1, 2), 1),
    ):  # fmt: skip
        assert not admission.read(north.office, enough).is_complete
        with pytest.raises(Conflict, match="two administrators"):
            admission.publish(north.office, administrator, enough, now=now())
    complete = sign(south, sign(north, applied, 1, 2), 1, 2)
    found = admission.read(north.office, complete)
    assert found.is_complete  # control
    assert {agency: len(handles) for agency, handles in found.signed.items()} == {
        "north-police": 2, "south-prosecutor": 2,
    }  # fmt: skip


def test_nobody_signs_twice_and_no_third_of_one_agency(field: Field, applied: bytes) -> None:
    once = sign(field.north, applied, 1)
    with pytest.raises(Conflict, match="signed this already"):
        sign(field.north, once, 1)
    both = sign(field.north, once, 2)
    third = field.shelter.officer("administrator-1")
    assert admission.read(field.shelter.office, sign(field.shelter, both, 1)).has_signed(third.handle)


def test_only_an_administrator_of_this_desk_signs_or_publishes(field: Field, applied: bytes) -> None:
    for call in (
        lambda: admission.sign(field.north.office, field.north.officer("liaison"), applied),
        lambda: admission.sign(field.north.office, field.south.officer("administrator-1"), applied),
        lambda: admission.publish(field.north.office, field.north.officer("liaison"), applied, now=now()),
    ):
        with pytest.raises(NotPermitted):
            call()
    assert sign(field.north, applied, 1)  # control


def test_signatures_that_do_not_count_are_refused_when_it_is_read(field: Field, applied: bytes) -> None:
    statement = parse_statement(applied)
    forged = Statement(statement.body, (statement.signatures[0], ("north-police/administrator-1", bytes(64))))
    liaison = field.north.officer("liaison").sign_statement(labels.DIRECTORY, statement)
    without_root = field.north.officer("administrator-1").sign_statement(
        labels.DIRECTORY, Statement(statement.body, ())
    )
    for wrong in (forged, liaison, without_root):
        with pytest.raises(SignatureInvalid):
            admission.read(field.north.office, wrong.dump())
    assert admission.read(field.north.office, applied)  # control


def test_what_is_no_admission_is_refused_with_a_code(field: Field, applied: bytes) -> None:
    statement = parse_statement(applied)
    other_log = statement.body.replace(b'"log":"', b'"log":"x')
    changes: list[Callable[[], bytes]] = [
        lambda: b"", lambda: b"not a statement", lambda: applied[:-1], lambda: applied + b"x",
        lambda: bytes(admission.LARGEST_BYTES + 1), lambda: Statement(other_log, statement.signatures).dump(),
        lambda: Statement(statement.body.replace(b"admission", b"revocation"), statement.signatures).dump(),
        lambda: Statement(statement.body.replace(b'"country":"XB"', b'"country":[1]'), statement.signatures).dump(),
        lambda: Statement(statement.body.replace(b"west-court", b"east-court"), statement.signatures).dump(),
    ]  # fmt: skip
    for change in changes:
        with pytest.raises((FormatError, SignatureInvalid)):
            admission.read(field.north.office, change())


def test_the_last_one_publishes_it_and_everybody_sees_the_new_agency(
    field: Field, applicant: DeskAt, applied: bytes
) -> None:
    north, south = field.north, field.south
    complete = sign(north, sign(south, applied, 1, 2), 1, 2)
    index = admission.publish(north.office, north.officer("administrator-2"), complete, now=now())
    assert admission.publish(north.office, north.officer("administrator-2"), complete, now=now()) == index
    for desk in (north, south, field.shelter):
        desk.sync()
        with desk.office.files.session() as db:
            directory = desk.office.directory(db)
            assert directory.agency("west-court").index == index
            assert comparison.root_state(db, directory, "west-court") is comparison.RootState.UNVERIFIED
            assert list_alarms(db) == []
    assert admission.read(south.office, complete).is_member
    with pytest.raises(Conflict, match="in this network already"):
        sign(south, applied, 1)


def test_the_new_desk_knows_its_own_admission_by_its_root_and_no_other(
    field: Field, applicant: DeskAt, tmp_path: Path
) -> None:
    """Its clock reads the entry before anybody has told the desk of it."""
    other = tmp_path / "other"
    shutil.copytree(applicant.folder, other)
    follow.follow_log(applicant.office, now=now())
    with applicant.office.files.session() as db:
        assert "west-court" in applicant.office.directory(db).agencies
        assert list_alarms(db) == []
    invitation = membership.read_invitation(other) or field.invite("west-court")
    office = membership.open_office(other, field.settings.public_url, clock=time.time, invitation=invitation)
    with office.files.session() as db:
        setup.get_identity(db).root_key = bytes(32)  # of papers that were exchanged
    follow.follow_log(office, now=now())
    with office.files.session() as db:
        assert [one.kind for one in list_alarms(db)] == ["directory-not-ours"]
    membership.close_office(office)


def test_the_letter_says_where_to_go_and_how_to_know_the_log(field: Field) -> None:
    north = field.north
    found = inviting.letter(north.office)
    with north.office.files.session() as db:
        vkeys = north.office.log(db).vkeys.split("\n")
        own = comparison.fingerprint_of(north.office.directory(db), "north-police")
    assert found.broker_url == field.settings.public_url
    assert found.log_key in vkeys
    assert " ".join(found.fingerprint) == own
    assert (found.agency, found.country, found.network) == ("north-police", "XA", "field-network")


def test_a_desk_that_is_in_no_network_writes_no_letter(field: Field) -> None:
    invitation = field.invite("east-court")
    folder = field.folder / "desks" / "east-court"
    membership.create_desk(folder, invitation, country="XB", kind="other", now=now())
    office = membership.open_office(folder, field.settings.public_url, clock=time.time, invitation=invitation)
    try:
        with pytest.raises(AmparoError):
            inviting.letter(office)
    finally:
        membership.close_office(office)
    assert inviting.letter(field.north.office)  # control
