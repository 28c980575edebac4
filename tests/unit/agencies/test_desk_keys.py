"""The desk's own keys: they work with nobody signed in, and sign nothing that an officer signs."""

import shutil
from pathlib import Path

import pytest

from agencies.desk_keys import KEY_FILE, SEALED_FILE, DeskKeys
from agencies.directory_entries import revocation_body, unsigned
from crypto import signing
from errors import Conflict, KeyUnusable, NotFound
from tests.support.desks import DAY, ORIGIN, Desk, Network


def test_the_keys_are_the_same_after_a_restart(tmp_path: Path) -> None:
    made = DeskKeys.create(tmp_path, "north")
    signature, cosignature = made.http_key.sign_raw(b"x"), made.witness_mldsa.sign_raw(b"y")
    again = DeskKeys.open(tmp_path, "north")
    signing.verify_raw(again.public_key, b"x", signature)
    signing.verify_mldsa(again.witness_mldsa_key, b"y", cosignature)
    assert again.witness_key == made.witness_key != made.public_key
    for name in (KEY_FILE, SEALED_FILE):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    with pytest.raises(Conflict):
        DeskKeys.create(tmp_path, "north")


def test_neither_file_alone_opens_the_keys(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        DeskKeys.create(tmp_path / name, "north")
    public_key = DeskKeys.open(tmp_path / "a", "north").public_key
    with pytest.raises(KeyUnusable):
        DeskKeys.open(tmp_path / "a", "south")
    with pytest.raises(KeyUnusable):
        DeskKeys.open(tmp_path / "a", "north", key_file=tmp_path / "b" / KEY_FILE)
    shutil.move(tmp_path / "a" / KEY_FILE, tmp_path / "elsewhere")
    with pytest.raises(NotFound):
        DeskKeys.open(tmp_path / "a", "north")
    assert DeskKeys.open(tmp_path / "a", "north", key_file=tmp_path / "elsewhere").public_key == public_key
    (tmp_path / "elsewhere").write_bytes(b"short")
    with pytest.raises(KeyUnusable):
        DeskKeys.open(tmp_path / "a", "north", key_file=tmp_path / "elsewhere")


def test_the_desk_signs_its_own_certificate_and_no_other_entry(net: Network, north: Desk, south: Desk) -> None:
    own = unsigned(north.keys.body(ORIGIN, DAY))
    assert north.keys.prove_possession(own).signers == ("desk/north",)
    found = net.directory.certificate("north/administrator-1")
    for other in (unsigned(south.keys.body(ORIGIN, DAY)), unsigned(revocation_body(ORIGIN, found))):
        with pytest.raises(KeyUnusable):
            north.keys.prove_possession(other)


def test_a_desk_with_new_keys_is_certified_at_once(net: Network, north: Desk, tmp_path: Path) -> None:
    """After a stolen laptop: the root certifies the new desk, and the old key no longer counts."""
    old = net.directory.desk("north").signing_key
    (tmp_path / "new").mkdir()
    fresh = DeskKeys.create(tmp_path / "new", "north")
    net.publish(north.root.sign(fresh.prove_possession(unsigned(fresh.body(ORIGIN, DAY)))))
    assert net.directory.desk("north").signing_key == fresh.public_key != old


def test_closed_keys_sign_nothing(tmp_path: Path) -> None:
    made = DeskKeys.create(tmp_path, "north")
    assert made.http_key.sign_raw(b"x")
    made.close()
    with pytest.raises(KeyUnusable):
        _ = made.http_key
    assert "hidden" not in repr(made) and repr(made) == "DeskKeys(north)"
