"""Opened case keys: kept until the lock, and no way around an exclusion."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from agencies import cases
from agencies.members import VAULT, OfficerSession
from agencies.opened_keys import OpenedKeys
from errors import NotPermitted, SignInRequired
from tests.support.desks import NOW, Desk, Network


@pytest.fixture
def desk(tmp_path: Path, rng: random.Random) -> Iterator[Desk]:
    net = Network(tmp_path, rng)
    made, _ = net.found("north", "south")
    for number in (1, 2):
        net.appoint(made, f"liaison-{number}", "liaison")
    yield made
    net.close()


def begin(desk: Desk, officer: OfficerSession, handle: str = "N-1") -> bytes:
    with desk.files.session() as db:
        return cases.create_case(db, officer, handle, {"title": "t"}, now=NOW).case_id


def test_a_key_counts_for_the_wrapping_that_it_was_opened_from() -> None:
    keys = OpenedKeys()
    keys.keep((b"c", "case"), b"wrapped", b"k" * 32)
    assert keys.find((b"c", "case"), b"wrapped") == b"k" * 32
    assert keys.find((b"c", "case"), b"other wrapping") is None
    assert keys.find((b"c", "vault"), b"wrapped") is None


def test_the_longest_unused_key_is_overwritten_when_there_are_too_many() -> None:
    keys = OpenedKeys(2)
    for name in (b"1", b"2"):
        keys.keep((name, "case"), name, name * 32)
    keys.find((b"1", "case"), b"1")
    oldest = keys._keys[(b"2", "case")][1]
    keys.keep((b"3", "case"), b"3", b"3" * 32)
    assert bytes(oldest) == bytes(32)
    assert keys.find((b"1", "case"), b"1") and keys.find((b"2", "case"), b"2") is None


def test_a_lock_overwrites_every_opened_key_and_none_is_kept_afterwards(desk: Desk) -> None:
    officer = desk.officer("liaison-1")
    case_id = begin(desk, officer)
    with desk.files.session() as db:
        officer.case_key(db, case_id)
        officer.vault_key(db, case_id)
        kept = [buffer for _, buffer in officer._opened._keys.values()]
        assert len(kept) == 2 and all(any(one) for one in kept)
        officer.lock()
        assert not any(any(one) for one in kept)
        for ask in (officer.case_key, officer.vault_key):
            with pytest.raises(SignInRequired):
                ask(db, case_id)
    officer._opened.keep((case_id, "case"), b"late", b"k" * 32)
    assert len(officer._opened) == 0


def test_an_exclusion_counts_at_once_for_whoever_has_the_key_open(desk: Desk) -> None:
    one, two = desk.officer("liaison-1"), desk.officer("liaison-2")
    case_id, other = begin(desk, one), begin(desk, one, "N-2")
    with desk.files.session() as db:
        for number in (case_id, other):
            cases.add_member(db, one, number, two.handle, vault=True, now=NOW)
    with desk.files.session() as db:
        assert set(two.case_keys(db, [case_id, other])) == {case_id, other}
        assert two.case_key(db, case_id)
        cases.exclude_officer(db, one, case_id, two.handle, now=NOW)
        with pytest.raises(NotPermitted):
            two.case_key(db, case_id)
        assert set(two.case_keys(db, [case_id, other])) == {other}
        assert set(two.case_keys(db, [case_id, other], VAULT)) == {other}
        assert cases.opened_to(db, two, [case_id, other]) == {other}
        assert one.case_key(db, case_id)


def test_a_key_is_opened_once_and_then_found(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    officer = desk.officer("liaison-1")
    case_id = begin(desk, officer)
    opened = []
    real = OfficerSession.open_stanza
    monkeypatch.setattr(OfficerSession, "open_stanza", lambda self, *parts: opened.append(1) or real(self, *parts))
    with desk.files.session() as db:
        assert {officer.case_key(db, case_id) for _ in range(5)} == {officer.case_keys(db, [case_id])[case_id]}
    assert len(opened) == 1
