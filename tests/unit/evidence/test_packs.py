"""Packs are built from what a desk holds, as a stream, always the same bytes; what is not ready is not built."""

import hashlib
import io
import random
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bagit
import pytest

from crypto.encoding import b64u
from custody.policy import parse_trust
from errors import ArchiveInvalid, CustodyBroken, PackInvalid, PackListInvalid, PackNotReady
from evidence import packs
from evidence.pack_input import PackDocument, PackExhibit, PackFile
from evidence.pack_list import Gap, parse_pack_list
from evidence.pack_signers import needed_entries
from evidence.verification import verify_pack
from tests.support.packs import (
    COURT,
    FIRST,
    HELPER,
    SEALER,
    SECOND,
    SEIZER,
    SHELTER,
    Case,
    finish,
    make_case,
    make_value,
    outputs,
    print_plainly,
    put_on_record,
    unpack,
)


@pytest.fixture
def case(rng: random.Random) -> Case:
    return make_case(rng)


def plan(case: Case) -> packs.PackPlan:
    return packs.plan_pack(case.given(), print_plainly)


def test_the_same_input_gives_the_same_bytes(case: Case) -> None:
    given = case.given()
    one, two = (packs.plan_pack(given, print_plainly) for _ in range(2))
    assert one.listed == two.listed
    assert dict(one.small) == dict(two.small)
    assert packs.plan_pack(replace(given, made_at=given.made_at + 1), print_plainly).digest != one.digest


def test_a_pack_is_a_bag_for_other_programs(case: Case, tmp_path: Path) -> None:
    """The reference tool reads the unpacked folder, and so do the commands that HOW-TO-CHECK.txt names."""
    with zipfile.ZipFile(io.BytesIO(case.build())) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "pack"
    bagit.Bag(str(folder)).validate()
    for name in ("256", "512"):
        check = [f"sha{name}sum", "--check", "--quiet", f"manifest-sha{name}.txt"]
        assert subprocess.run(check, cwd=folder, check=False).returncode == 0
    photo = next(folder.glob("data/exhibits/1/*"))
    photo.write_bytes(photo.read_bytes() + b"!")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(folder)).validate()
    assert subprocess.run(check, cwd=folder, check=False, capture_output=True).returncode != 0


def test_the_words_say_first_that_trust_comes_from_outside(case: Case) -> None:
    files = unpack(case.build())
    how = files["HOW-TO-CHECK.txt"].decode()
    assert how.startswith("Trust must come from outside this pack")
    assert "- Number 5 waits for a permission." in how
    copy = files["data/trust-copy.txt"].decode()
    assert copy.startswith("# This copy is a convenience")
    assert parse_trust(copy.encode()) == parse_trust(case.world.trust())


def test_the_bag_names_a_unit_and_no_person(case: Case) -> None:
    info = unpack(case.build())["bag-info.txt"].decode()
    assert f"Source-Organization: {COURT}\n" in info
    assert "Contact" not in info
    assert FIRST not in info


def test_pack_json_is_read_as_it_was_written(case: Case) -> None:
    built = plan(case)
    assert parse_pack_list(built.small["pack.json"]) == built.listed
    assert [(gap.reason, gap.number) for gap in built.listed.gaps] == [
        ("handling", 5), ("no-custody", 3), ("no-custody", 4), ("no-proof", None),
    ]  # fmt: skip
    assert [file.proof for exhibit in built.listed.exhibits for file in exhibit.files] == [
        "bundle", "custody", "bundle", "none",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "gaps",
    [
        [], [Gap("handling", "x", number=4)], [Gap("handling", "x", number=5), Gap("consent", "x", number=5)],
        [Gap("handling", "x", number=6)], [Gap("handling", "x")],
    ],
)  # fmt: skip
def test_each_absent_number_needs_exactly_one_reason(case: Case, gaps: list[Gap]) -> None:
    assert plan(case)
    case.gaps = gaps
    with pytest.raises(PackNotReady):
        plan(case)


def test_a_pack_that_nobody_here_can_put_on_record_is_not_built(case: Case) -> None:
    case.agency = SHELTER
    with pytest.raises(PackNotReady):
        plan(case)


def test_an_exhibit_that_is_being_handed_over_is_not_packed(case: Case) -> None:
    holding = case.exhibits[1].holdings[0]
    assert plan(case)
    case.world.custody(holding, FIRST, "handover-offered", to_agency=SHELTER, to_holding=b64u(bytes(16)))
    with pytest.raises(PackNotReady):
        plan(case)


def test_an_exhibit_that_was_given_away_is_packed_without_a_new_entry(case: Case) -> None:
    world, holding = case.world, case.exhibits[1].holdings[0]
    world.custody(holding, FIRST, "return")
    built = plan(case)
    assert {one.state for one in built.listed.holdings if one.holding == holding} == {"closed"}
    assert verify_pack(io.BytesIO(finish(world, built)), world.trust()).is_proven


def test_a_file_that_is_not_the_recorded_one_is_not_packed(case: Case) -> None:
    exhibit = case.exhibits[1]
    case.exhibits[1] = replace(exhibit, files=(replace(exhibit.files[0], read=lambda: [b"other"]),))
    with pytest.raises(PackNotReady):
        plan(case)


def test_a_broken_chain_is_not_packed(case: Case) -> None:
    chain = case.world.chains[case.exhibits[0].holdings[0]]
    del chain[1]
    with pytest.raises(CustodyBroken):
        plan(case)


@pytest.mark.parametrize(
    "change", [{"extension": "JPG"}, {"extension": "a/b"}, {"media_type": "image"}, {"label": "x" * 2001}]
)
def test_what_a_reader_would_refuse_is_not_written(case: Case, change: dict[str, str]) -> None:
    exhibit = case.exhibits[1]
    case.exhibits[1] = replace(exhibit, files=(replace(exhibit.files[0], **change),))  # type: ignore[arg-type]
    with pytest.raises(PackListInvalid):
        plan(case)


@pytest.mark.parametrize("name", ["con.txt", "a/b", ".hidden", "a.", "x" * 101, "COM1"])
def test_a_document_that_no_zip_may_name_is_refused_before_the_pack_is_on_record(case: Case, name: str) -> None:
    def plan_with(document: str) -> packs.PackPlan:
        given = replace(case.given(), documents=(PackDocument(document, "Schedule", b"x"),))
        return packs.plan_pack(given, print_plainly)

    assert plan_with("console.txt")
    with pytest.raises((PackListInvalid, PackNotReady)):
        plan_with(name)


def test_holdings_are_listed_in_the_order_of_the_log(case: Case) -> None:
    one = case.exhibits[0]
    case.exhibits[0] = replace(one, holdings=one.holdings[::-1])
    assert plan(case).listed.exhibits[0].holdings == one.holdings


def test_an_exhibit_that_changes_between_the_passes_stops_the_writing(case: Case) -> None:
    readings = iter([b"first", b"other"])
    exhibit = case.exhibits[3]
    case.exhibits[3] = replace(exhibit, files=(replace(exhibit.files[0], read=lambda: [next(readings)]),))
    with pytest.raises(ArchiveInvalid):
        finish(case.world, plan(case))


def test_a_pack_without_its_entries_or_with_one_signature_is_not_finished(case: Case) -> None:
    built = plan(case)
    with pytest.raises(PackNotReady):
        packs.finish_pack(built, {}, {FIRST: bytes(64), SECOND: bytes(64)})
    with pytest.raises(PackNotReady):
        finish(case.world, built, signers=(FIRST,))
    assert finish(case.world, built)


def test_memory_stays_flat_while_a_large_pack_is_built_and_verified(case: Case, tmp_path: Path) -> None:
    """An exhibit of 96 MiB passes through three times; what is kept at once is a small part of it."""
    portion, count = bytes(2**20), 96
    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(portion)

    def read() -> Iterator[bytes]:
        return (portion for _ in range(count))

    world, object_id, file = case.world, bytes(16), bytes(range(16))
    holding = world.holding_of(object_id)
    recorded = [{**outputs(file, b"")[0], "sha256": b64u(digest.digest())}]
    world.custody(holding, FIRST, "acquire", outputs=recorded)
    film = PackFile(file, "mp4", "video/mp4", "film", read)
    exhibit = PackExhibit(5, object_id, "W-16", "W-16", "Film", "used", (film,), (holding,))
    case.exhibits, case.gaps = [*case.exhibits, exhibit], []
    path = tmp_path / "pack.zip"
    tracemalloc.start()
    finished = put_on_record(world, plan(case))
    with path.open("wb") as out:
        written = sum(out.write(part) for part in finished.write())
    with path.open("rb") as stream:
        assert verify_pack(stream, world.trust()).is_proven
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert written == finished.size_bytes > count * 2**20
    assert peak < 16 * 2**20


def test_a_plan_that_was_kept_gives_the_same_pack(case: Case) -> None:
    """The log and the second officer may take days; the desk may be started anew meanwhile."""
    built = plan(case)
    kept = packs.keep_plan(built)
    restored = packs.restore_plan(kept, built.large)
    assert (restored.listed, restored.digest) == (built.listed, built.digest)
    assert packs.keep_plan(restored) == kept
    assert verify_pack(io.BytesIO(finish(case.world, restored)), case.world.trust()).is_proven
    with pytest.raises(PackNotReady):
        packs.restore_plan(kept, dict(list(built.large.items())[1:]))
    with pytest.raises(ArchiveInvalid):
        packs.restore_plan(kept[:-1], built.large)


def test_only_the_directory_entries_on_which_signers_rest_go_into_a_pack(case: Case) -> None:
    """Officers who have nothing to do with the pack are not shown to a court."""
    world = case.world
    stranger = world.certify(f"{COURT}/prosecutor-7", *world.admins(COURT), roles=["prosecutor"])
    struck = world.certify(f"{COURT}/prosecutor-8", *world.admins(COURT), roles=["prosecutor"])
    revocation = world.revoke(struck, *world.admins(COURT))
    given = case.given()
    known = [(one.index, one.statement) for one in given.certificates]
    signers = [FIRST, SECOND, SEIZER, SEALER]
    wanted = needed_entries(known, signers, COURT)
    assert stranger.index not in wanted and struck.index not in wanted
    less = replace(given, certificates=tuple(one for one in given.certificates if one.index in wanted))
    pack = finish(world, packs.plan_pack(less, print_plainly))
    assert verify_pack(io.BytesIO(pack), world.trust()).is_proven
    for missing in wanted:
        fewer = replace(less, certificates=tuple(one for one in less.certificates if one.index != missing))
        with pytest.raises(PackInvalid):
            verify_pack(io.BytesIO(finish(world, packs.plan_pack(fewer, print_plainly))), world.trust())
    assert {struck.index, revocation.index} <= set(needed_entries(known, [f"{COURT}/prosecutor-8"], COURT))


def test_the_entries_of_a_deputy_go_with_the_pack_of_its_agency(case: Case) -> None:
    known = [(one.index, one.statement) for one in case.world.directory]
    bodies = {index: make_value(raw) for index, raw in known}
    wanted = [bodies[index] for index in needed_entries(known, [HELPER], SHELTER)]
    assert {"deputy", "certificate"} == {body["kind"] for body in wanted}
    assert SEIZER in {body.get("subject") for body in wanted}
    assert not any(body["kind"] == "deputy" for body in (bodies[i] for i in needed_entries(known, [FIRST], COURT)))
