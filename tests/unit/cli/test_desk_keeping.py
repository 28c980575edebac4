"""`amparo desk`: who leaves, new keys, recovery shares, copies and a desk made anew, all by commands (guarantee G8)."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.invites import create_invite
from errors import AmparoError, Conflict, KeyUnusable, PassphraseWrong, Refused, SetUpUnfinished, SignatureInvalid
from exchange import membership
from storage.database import open_engine
from tests.support.departures import new_case
from tests.support.desk_commands import Commands
from tests.support.field import Field, with_field
from tests.support.traffic import parcel

BOTH = ("administrator-1", "administrator-2")
PURPOSE = ["--purpose", "prosecution", "--legal-basis", "CCP 12"]
NEW = "quite other words here"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("commands")) as made:
        yield made


@pytest.fixture(scope="module")
def south(net: Field, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return Commands(net, net.south, tmp_path_factory.mktemp("papers") / "south")


def appoint(net: Field, word: str) -> None:
    net.south.appoint(word, "prosecutor")
    net.sync_all()


def send(net: Field, *words: str, data: bytes = b"evidence") -> str:
    """A bundle for officers of the prosecution; its id as commands print it."""
    return parcel(net.north, "liaison-1", net.south, words, (data,)).send(net.south).hex()


def read(desk: Commands, bundle: str, by: str, out: Path) -> bytes:
    """Open on the record; the first file."""
    desk.do("open", bundle, *PURPOSE, "--out", out, by=by)
    return (out / "001").read_bytes()


def test_an_officer_leaves_by_commands(net: Field, south: Commands, tmp_path: Path) -> None:
    appoint(net, "prosecutor-21")
    bundle = send(net, "prosecutor-21")
    case_id = new_case(net.south, "prosecutor-21").hex()
    revocation = tmp_path / "revocation"
    with pytest.raises(Refused, match="hand them over"):
        south.do("officers", "depart", "prosecutor-21", "--out", revocation, by="administrator-1")
    given = south.do("hand-on-all", "prosecutor-1", "--reason", "she leaves", by="prosecutor-21")
    assert given == {"handed_on": [bundle], "refused": {}}
    assert south.do("cases", "hand-over", "prosecutor-1", by="prosecutor-21") == {"cases": [case_id]}
    gone = south.do("officers", "depart", "prosecutor-21", "--out", revocation, by="administrator-1")
    assert gone["cases"] == [case_id] and gone["file"] == str(revocation)
    with pytest.raises(PassphraseWrong):
        south.do("cases", "list", by="prosecutor-21")
    with pytest.raises(SignatureInvalid):
        south.do("publish", revocation)
    south.sign(revocation, "administrator-2")
    south.do("sync")
    assert "south-prosecutor/prosecutor-21" not in {one["handle"] for one in south.do("officers", "list")}
    assert read(south, bundle, "prosecutor-1", tmp_path / "out") == b"evidence"
    assert case_id in {one["case"] for one in south.do("cases", "list", by="prosecutor-1")}


def test_new_keys_after_a_lost_passphrase_by_commands(net: Field, south: Commands, tmp_path: Path) -> None:
    word = "prosecutor-22"
    appoint(net, word)
    bundle = send(net, word)
    alone, team = new_case(net.south, word).hex(), new_case(net.south, word, "prosecutor-1").hex()
    certificate, revocation, act = (tmp_path / name for name in ("certificate", "revocation", "act"))
    south.do("officers", "revoke", word, "--out", revocation, by="administrator-1")
    south.do(
        "officers", "renew", word, "--new-passphrase-file", "-", "--out", certificate, by="administrator-1",
        words=f"{NEW}\n",
    )  # fmt: skip
    with pytest.raises(PassphraseWrong):
        south.do("cases", "list", by=word)
    south.passphrases[word] = NEW
    for one in BOTH:
        south.do("officers", "sign", certificate, by=one)
    with pytest.raises(Conflict, match="revoke it first"):
        south.do("publish", certificate)
    south.sign(revocation, "administrator-2")
    south.do("publish", certificate)
    south.do("sync")
    south.do("cases", "add", team, word, by="prosecutor-1")

    for what in ("cases", "bundles"):
        words = ["--what", what, "--to", word, "--of", word, "--out", act]
        assert word in json.dumps(south.do("recover", "propose", *words, by="administrator-1")["facts"])
        with pytest.raises(SignatureInvalid):
            south.do("recover", "carry-out", act, *south.papers("recovery"), by="administrator-1")
        south.do("recover", "sign", act, by="administrator-2")
        with pytest.raises(KeyUnusable):
            south.do("recover", "carry-out", act, *south.papers("recovery", 1), by="administrator-1")
        done = south.do("recover", "carry-out", act, *south.papers("recovery"), by="administrator-1")
        if what == "cases":
            assert set(done["cases"]) == {alone, team}
        else:
            assert done["bundles"] == [{"bundle": bundle, "given": [f"{south.agency}/{word}"], "refused": None}]
    assert {one["case"] for one in south.do("cases", "list", by=word)} == {alone, team}
    assert read(south, bundle, word, tmp_path / "out") == b"evidence"


def test_a_desk_is_backed_up_and_restored_by_commands(net: Field, south: Commands, tmp_path: Path) -> None:
    bundle = send(net, "prosecutor-1")
    made = south.do("backup", tmp_path / "copy")
    assert made["agency"] == south.agency and made["missing"] == []
    with pytest.raises(Conflict):
        south.do("backup", tmp_path / "copy")
    with pytest.raises(Conflict):
        south.do("restore", tmp_path / "copy")
    assert read(south, bundle, "prosecutor-1", tmp_path / "first") == b"evidence"  # after the copy was made
    kept, south.folder = south.folder, tmp_path / "restored"
    try:
        south.do("restore", tmp_path / "copy")
        settings = (south.folder / "desk.env").read_text()
        assert f"AMPARO_DESK_DATA_DIR={south.folder}\n" in settings and str(kept) not in settings
        with pytest.raises(Refused, match="sync once"):
            south.do("cases", "list", by="prosecutor-1")
        assert south.do("sync")["problems"] == {}
        assert read(south, bundle, "prosecutor-1", tmp_path / "second") == b"evidence"
        assert south.do("sync")["problems"] == {}
        kinds = [one["kind"] for one in south.do("record", bundle, by="prosecutor-1")]
        assert kinds.count("opened") == 2
        assert not {one["kind"] for one in south.do("alarms")} & {"event-refused", "own-entry-missing", "withheld"}
    finally:
        # The two folders are one desk: the first is brought up to date by what the second did.
        south.folder = kept
        south.do("sync")


def test_a_desk_of_which_there_is_no_copy_is_made_anew_by_commands(net: Field, south: Commands, tmp_path: Path) -> None:
    bundle = send(net, "prosecutor-1")
    north = Commands(net, net.north, tmp_path / "north")
    invitation, certificate, act = (tmp_path / name for name in ("invitation", "certificate", "act"))
    membership.close_office(net.south.office)
    shutil.rmtree(south.folder)
    invitation.write_bytes(dump_invitation(net, south.agency))
    south.do("init", invitation, "--country", "XA", "--kind", "prosecution")
    with pytest.raises(AmparoError):
        south.do("sync")  # an invitation opens nothing for an agency whose desk is certified
    south.do("rebuild", "certify", "--out", certificate, *south.papers("root"))
    with pytest.raises(SetUpUnfinished):
        south.do("rebuild", "take-over")
    north.do("publish", certificate)
    found = south.do("rebuild", "take-over")
    assert {one["subject"] for one in found["certificates"]} >= {
        "desk/south-prosecutor",
        "south-prosecutor/prosecutor-1",
    }
    assert any("consent" in one for one in found["lost"])
    for word, role in ((BOTH[0], "administrator"), (BOTH[1], "administrator"), ("prosecutor-1", "prosecutor")):
        revocation, fresh = tmp_path / f"revocation-{word}", tmp_path / f"certificate-{word}"
        papers = south.papers("root") if role == "administrator" else []
        south.do("officers", "revoke", word, "--out", revocation, *papers, by=None if papers else BOTH[0])
        south.do(
            "officers", "enrol", word, "--role", role, "--new-passphrase-file", "-", "--out", fresh, words=f"{NEW}\n"
        )
        south.passphrases[word] = NEW
        if papers:
            south.do("publish", revocation)
            south.do("root", "sign", fresh, *papers)
            south.do("publish", fresh)
        else:
            south.sign(revocation, BOTH[1])
            south.sign(fresh, *BOTH)
        south.do("sync")
    north.do("sync")
    assert ("key-replaced", f"desk/{south.agency}") in {(one["kind"], one["subject"]) for one in north.do("alarms")}
    shown = north.do("compare", "north-police")["fingerprint"]
    south.do("compare", "north-police", "--answer", "same", "--shown", shown, by="administrator-1")
    assert bundle in {one["bundle"] for one in south.do("inbox")}
    with pytest.raises(AmparoError, match="not sealed to you"):
        south.do("preview", bundle, by="prosecutor-1")
    words = ["--what", "bundles", "--to", "prosecutor-1", "--bundle", bundle, "--out", act]
    south.do("recover", "propose", *words, by=BOTH[0])
    south.do("recover", "sign", act, by=BOTH[1])
    south.do("recover", "carry-out", act, *south.papers("recovery"), by="administrator-1")
    assert read(south, bundle, "prosecutor-1", tmp_path / "out") == b"evidence"


def dump_invitation(net: Field, agency: str) -> bytes:
    """What `amparo broker invite` prints."""
    engine = open_engine(net.settings.database_url)
    at = datetime.now(UTC)
    made = create_invite(net.settings, engine, agency, at, at + timedelta(days=1), os.urandom)
    engine.dispose()
    return made.dump()
