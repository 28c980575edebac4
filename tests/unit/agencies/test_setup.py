"""The ceremony of root and recovery key, and what a root signs."""

import random
from pathlib import Path

import pytest

from agencies import directory_entries, setup
from agencies.directory_entries import unsigned
from agencies.succession import RecoveryKey
from crypto import labels, recovery
from crypto.statements import verify_statement
from errors import AmparoError, Conflict, FormatError, KeyUnusable, SetUpUnfinished
from storage.desk_files import DeskFiles
from tests.support.desks import DAY, NOW, ORIGIN, Desk, Network

HOLDERS = ["east/administrator-1", "east/administrator-2", "east/supervisor-1"]


def write_down(papers: setup.Papers) -> dict[str, str]:
    written = {}
    for holder in papers.holders:
        written[holder] = papers.show(holder)
        papers.put_away(holder)
    return written


def finish(ceremony: setup.Ceremony) -> dict[str, dict[str, str]]:
    """What the holders have on paper after a ceremony in which two of them typed back."""
    written = {purpose: write_down(papers) for purpose, papers in ceremony.papers.items()}
    for purpose, papers in ceremony.papers.items():
        for holder in papers.holders[:2]:
            assert papers.type_back(written[purpose][holder].upper()) == holder
    return written


@pytest.fixture
def files(tmp_path: Path) -> DeskFiles:
    made = DeskFiles.create(tmp_path / "east")
    with made.session() as db:
        setup.begin(db, agency="east", country="XA", kind="ngo", log=ORIGIN, now=NOW)
    return made


def test_each_holder_sees_a_share_once_and_any_two_give_the_keys_back(files: DeskFiles) -> None:
    ceremony = setup.Ceremony("east", HOLDERS, 2)
    written = finish(ceremony)
    root_key, recovery_key = ceremony.root_key, ceremony.recovery_key
    with files.session() as db:
        ceremony.finish(db, now=NOW)
        assert setup.get_identity(db).root_key == root_key
        assert {row.holder: row.typed_back for row in setup.share_holders(db, setup.ROOT)} == {
            HOLDERS[0]: True, HOLDERS[1]: True, HOLDERS[2]: False,
        }  # fmt: skip
    for holder in HOLDERS:
        with pytest.raises(KeyUnusable):
            ceremony.papers[setup.ROOT].show(holder)
    root_papers, recovery_papers = (list(written[purpose].values()) for purpose in (setup.ROOT, setup.RECOVERY))
    with setup.open_root("east", root_papers[1:], root_key) as root:
        assert root.public_key == root_key
    with RecoveryKey(recovery_papers[:2], recovery_key) as key:
        assert key.public_key == recovery_key
    for papers in (root_papers[:1], recovery_papers[:2], [root_papers[0], recovery_papers[1]]):
        with pytest.raises(KeyUnusable):
            setup.open_root("east", papers, root_key)


def test_nothing_is_signed_before_the_papers_are_known_to_work() -> None:
    ceremony = setup.Ceremony("east", HOLDERS, 2)
    with pytest.raises(SetUpUnfinished):
        _ = ceremony.root
    written = {purpose: write_down(papers) for purpose, papers in ceremony.papers.items()}
    with pytest.raises(SetUpUnfinished):
        _ = ceremony.root
    for purpose, papers in ceremony.papers.items():
        papers.type_back(written[purpose][HOLDERS[0]])
        papers.type_back(written[purpose][HOLDERS[0]])  # the same paper twice is one paper
        with pytest.raises(SetUpUnfinished):
            papers.require_done()
        papers.type_back(written[purpose][HOLDERS[2]])
    assert ceremony.root.public_key == ceremony.root_key


def test_a_misspelt_share_is_noticed() -> None:
    ceremony = setup.Ceremony("east", HOLDERS, 2)
    papers = ceremony.papers[setup.ROOT]
    words = papers.show(HOLDERS[0]).split()
    assert papers.type_back(" ".join(words)) == HOLDERS[0]
    for wrong in (words[1:], [*words[1:], words[0]], [*words, words[0]], ["academic", *words[1:]][::-1]):
        with pytest.raises(KeyUnusable):
            papers.type_back(" ".join(wrong))


def test_every_holder_has_another_share(rng: random.Random) -> None:
    papers = setup.Papers(setup.ROOT, rng.randbytes(32), HOLDERS, 3)
    assert len({papers.show(holder) for holder in HOLDERS}) == 3
    with pytest.raises(KeyUnusable):
        papers.show("east/liaison-9")


@pytest.mark.parametrize(
    ("holders", "threshold"),
    [(HOLDERS[:1], 1), (HOLDERS, 1), (HOLDERS, 4), ([HOLDERS[0]] * 2, 2), (["west/liaison-1", *HOLDERS], 2),
     (["east/Ana", *HOLDERS], 2)],
)  # fmt: skip
def test_one_person_alone_never_holds_a_key(holders: list[str], threshold: int) -> None:
    assert setup.Ceremony("east", HOLDERS, 2).agency == "east"
    with pytest.raises(FormatError):
        setup.Ceremony("east", holders, threshold)


def test_an_agency_has_one_root(files: DeskFiles) -> None:
    for number in range(2):
        ceremony = setup.Ceremony("east", HOLDERS, 2)
        finish(ceremony)
        with files.session() as db:
            if number == 0:
                ceremony.finish(db, now=NOW)
            else:
                with pytest.raises(Conflict):
                    ceremony.finish(db, now=NOW)
    with files.session() as db, pytest.raises(Conflict):
        setup.begin(db, agency="west", country="XA", kind="ngo", log=ORIGIN, now=NOW)


def test_a_closed_ceremony_signs_nothing() -> None:
    ceremony = setup.Ceremony("east", HOLDERS, 2)
    finish(ceremony)
    body = setup.recovery_body(ORIGIN, "east", ceremony.recovery_key, DAY)
    assert ceremony.root.sign(unsigned(body)).signers == ("root/east",)
    root = ceremony.root
    ceremony.close()
    with pytest.raises(KeyUnusable):
        root.sign(unsigned(body))


def test_a_root_certifies_administrators_desk_and_recovery_alone(net: Network, north: Desk) -> None:
    recovery_key = recovery.receiving_key(north.recovery_seed).public_key
    good = setup.recovery_body(ORIGIN, "north", recovery_key, DAY)
    signed = north.root.sign(unsigned(good))
    verify_statement(signed, labels.DIRECTORY, {"root/north": north.root.public_key}.get)
    officer = directory_entries.certificate_body(
        ORIGIN, "north/liaison-1", "north", "officer", ["liaison"], valid_from=DAY
    )  # fmt: skip
    for body in (
        officer,
        {**good, "agency": "south"},
        {**good, "kind": "log-closed"},
        directory_entries.deputy_body(ORIGIN, "south", "north/liaison-1"),
        directory_entries.admission_body(ORIGIN, directory_entries.agency_value("x", "XA", "ngo", bytes(32))),
    ):
        with pytest.raises(KeyUnusable):
            north.root.sign(unsigned(body))


def test_a_new_agency_is_set_up_from_nothing_to_its_first_officer(net: Network, tmp_path: Path) -> None:
    """The whole of 5.1: identity, ceremony, admission, administrators, desk, recovery, officer."""
    east = net.desk("east", kind="ngo")
    with east.files.session() as db:
        identity = setup.get_identity(db)
        value = setup.agency_value(identity, east.root.public_key)
    assert setup.to_do(net.directory, "east") == ["admission"]
    statement = east.root.sign(unsigned(directory_entries.admission_body(ORIGIN, value)))
    for name in ("north", "south"):
        statement = net.by_administrators(net.desks[name], statement)
    net.publish(statement)
    assert setup.to_do(net.directory, "east") == ["second-administrator", "desk", "recovery", "first-officer"]
    net.begin(east)
    assert setup.to_do(net.directory, "east") == ["first-officer"]
    net.appoint(east, "case-worker-1", "case-worker")
    assert setup.to_do(net.directory, "east") == []
    assert net.directory.officers("east", "case-worker")[0].subject == "east/case-worker-1"


def test_one_administrator_and_a_deputy_appoint_an_officer(net: Network, north: Desk) -> None:
    """A one-officer agency: its deputy sits at another agency."""
    east = net.desk("east", kind="ngo")
    statement = unsigned(
        directory_entries.admission_body(
            ORIGIN, directory_entries.agency_value("east", "XA", "ngo", east.root.public_key)
        )
    )
    statement = net.by_administrators(net.desks["south"], net.by_administrators(north, east.root.sign(statement)))
    net.publish(statement)
    net.administrator(east, "administrator-1", "case-worker")
    deputy = net.appoint(north, "supervisor-1", "supervisor")
    made = east.enrol("liaison-1", "liaison")
    wanted = unsigned(made.body(ORIGIN, DAY))
    for officer in (east.officer("liaison-1"), east.officer("administrator-1"), deputy):
        wanted = officer.sign_statement(labels.DIRECTORY, wanted)
    with pytest.raises(AmparoError):
        net.publish(wanted)
    net.publish(east.root.sign(unsigned(directory_entries.deputy_body(ORIGIN, "east", deputy.handle))))
    net.publish(wanted)
    assert net.directory.certificate("east/liaison-1").roles == ("liaison",)
    assert "second-administrator" not in setup.to_do(net.directory, "east")
