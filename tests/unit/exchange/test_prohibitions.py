"""No honest desk exports or passes on past a flag that forbids it, whenever the flag was raised (guarantee G6)."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agencies import cases
from custody.policy import print_trust
from desk.printing import print_custody_statement
from errors import (
    ApprovalMissing,
    FlagForbids,
    FormatError,
    NotEntitled,
    NotFound,
    NotPermitted,
    RegisterInvalid,
    RegisterStale,
    Unavailable,
)
from evidence import exhibits
from evidence.verification import verify_pack
from exchange import adopting, arrivals, court_packs, exports, filing, handing_over, prohibitions, registers, sharing
from exchange.cover import Parent
from exchange.models import RegisterRow
from exchange.trust import trust_of_desk
from identity import consent, flags, persons
from tests.support.departures import share, take_in
from tests.support.desk_commands import Commands
from tests.support.field import DeskAt, Field, now
from tests.support.traffic import PURPOSE, between, flag, open_at, parcel, record_of

ORDER = "2 KLs 7/31"
NUMBERS = iter(range(1, 1000))


def make_case(desk: DeskAt, officer: str, colleague: str, *, vault: bool = True) -> bytes:
    with desk.office.files.session() as db:
        case_id = cases.create_case(
            db, desk.officer(officer), f"P-{next(NUMBERS)}", {"title": "t"}, now=now()
        ).case_id  # fmt: skip
        cases.add_member(db, desk.officer(officer), case_id, desk.handle(colleague), vault=vault, now=now())
    return case_id


@dataclass
class Held:
    """What the prosecution has in a case: an exhibit out of a bundle of the police, and one of its own."""

    case_id: bytes
    bundle_id: bytes
    object_id: bytes
    own_id: bytes
    items: list[bytes]


@pytest.fixture
def held(field: Field, tmp_path: Path) -> Held:
    south, officer = field.south, field.south.officer("prosecutor-1")
    ours = make_case(field.north, "liaison-1", "liaison-2")
    theirs = make_case(south, "prosecutor-1", "prosecutor-2")
    item = take_in(field.north, "liaison-1", ours, tmp_path / "door.jpg")
    own = take_in(south, "prosecutor-1", theirs, tmp_path / "own.jpg")
    field.sync_all()
    bundle = share(field.north, "liaison-1", ours, south, exhibits=(item,))
    with open_at(south, "prosecutor-1", bundle) as opened:
        items = filing.file_all(south.office, officer, opened, theirs, now=now())
        adopting.adopt(south.office, officer, opened, theirs, now=now())
    field.sync_all()
    return Held(theirs, bundle, item, own, items)


def raise_at_north(field: Field, bundle: bytes, instruction: str = "no-export", pseudonym: str = "P-1") -> int:
    """A flag of which the prosecution hears at its next look."""
    value = flag(instruction, pseudonym)
    return registers.raise_flag(field.north.office, field.north.officer("liaison"), bundle, value, now=now())


def plan(field: Field, held: Held, court_order: str | None = None) -> bytes:
    return court_packs.plan(
        field.south.office, field.south.officer("prosecutor-1"), held.case_id, reference="R", court_order=court_order,
        render=print_custody_statement, now=now(),
    )  # fmt: skip


def sign(field: Field, word: str, pack: bytes, **more: Any) -> str:
    return court_packs.sign(field.south.office, field.south.officer(word), pack, now=now(), **more)


def write(field: Field, pack: bytes, out: Path, **more: Any) -> int:
    return court_packs.write(field.south.office, field.south.officer("prosecutor-2"), pack, out, now=now(), **more)


def signed(field: Field, held: Held, court_order: str | None = None) -> bytes:
    """A pack with both signatures; the second officer is one to whom the bundle was not sealed."""
    pack = plan(field, held, court_order)
    field.sync_all()
    sign(field, "prosecutor-1", pack)
    assert sign(field, "prosecutor-2", pack) == "ready"
    return pack


def remarks_at_north(field: Field, bundle: bytes, place: int) -> list[dict[str, str]]:
    field.north.sync()
    found = registers.list_flags(field.north.office, field.north.officer("liaison"), bundle, now=now())
    return next(list(one["remarks"]) for one in found if one["place"] == place)


def unreachable(request: httpx2.Request, ask: Any) -> httpx2.Response:
    raise httpx2.ConnectError("no way")


# ---- Packs ------------------------------------------------------------------------------------------------------


def test_a_pack_goes_past_a_flag_only_by_order_of_a_court_and_the_raiser_is_told(
    field: Field, held: Held, tmp_path: Path
) -> None:
    early = plan(field, held)  # the control: nothing forbids it yet
    field.sync_all()
    sign(field, "prosecutor-1", early)
    place = raise_at_north(field, held.bundle_id)
    with pytest.raises(FlagForbids, match="since this pack was planned"):
        sign(field, "prosecutor-2", early)
    for nothing in (None, "  "):
        with pytest.raises(FlagForbids, match="court's order"):
            plan(field, held, nothing)
    with pytest.raises(FormatError):
        plan(field, held, "one\ntwo")
    pack = signed(field, held, ORDER)
    assert court_packs.order_of(field.south.office, field.south.officer("prosecutor-2"), pack) == ORDER
    assert remarks_at_north(field, held.bundle_id, place) == []
    write(field, pack, tmp_path / "pack.zip")
    told = {"by": "south-prosecutor/prosecutor-2", "text": exports.IN_PACK.format(order=ORDER)}
    assert remarks_at_north(field, held.bundle_id, place) == [told]
    write(field, pack, tmp_path / "again.zip")
    assert remarks_at_north(field, held.bundle_id, place) == [told]
    with zipfile.ZipFile(tmp_path / "pack.zip") as found:
        text = found.read("pack/data/documents/export-order.txt").decode()
    assert ORDER in text
    assert "P-1" not in text
    with field.south.office.files.session() as db:
        trust = print_trust(trust_of_desk(db).trust)
    with (tmp_path / "pack.zip").open("rb") as stream:
        assert verify_pack(stream, trust).is_proven


def test_a_flag_that_comes_after_the_last_signature_stops_the_writing(field: Field, held: Held, tmp_path: Path) -> None:
    """Without the broker: what is known counts, and the officer is told; past a flag the raiser has to be told."""
    plain, said = signed(field, held), []
    with between(field.south.office, unreachable):
        write(field, plain, tmp_path / "offline.zip", notice=said.append)
    assert said == [prohibitions.OLD_FLAGS]
    with zipfile.ZipFile(tmp_path / "offline.zip") as found:
        assert not [one for one in found.namelist() if "documents" in one]
    place = raise_at_north(field, held.bundle_id)
    ordered = signed(field, held, ORDER)
    with between(field.south.office, unreachable), pytest.raises(Unavailable):
        write(field, ordered, tmp_path / "ordered.zip")
    raise_at_north(field, held.bundle_id, pseudonym="P-2")
    for pack in (plain, ordered):
        with pytest.raises(FlagForbids, match="since this pack was planned"):
            write(field, pack, tmp_path / "ordered.zip")
    assert not list(tmp_path.glob("*ordered*"))
    assert remarks_at_north(field, held.bundle_id, place) == []


def test_a_register_that_was_never_fetched_is_no_register_without_flags(field: Field, held: Held) -> None:
    def found(**more: Any) -> list[prohibitions.Barrier]:
        officer = field.south.officer("prosecutor-2")
        return prohibitions.barriers(field.south.office, officer, held.case_id, [held.object_id], [], now=now(), **more)

    raise_at_north(field, held.bundle_id)
    with field.south.office.files.session() as db:
        db.query(RegisterRow).filter(RegisterRow.bundle_id == held.bundle_id).delete()
    with between(field.south.office, unreachable), pytest.raises(RegisterInvalid, match="no flag register"):
        found()
    assert [one.flag["instruction"] for one in found()] == ["no-export"]


def test_flags_on_own_persons_and_on_what_was_sent_count_for_own_exhibits(
    field: Field, held: Held, tmp_path: Path
) -> None:
    """Who agreed to an exhibit is the only tie between a person and an exhibit that a case has."""
    desk, worker = field.shelter, field.shelter.officer("case-worker-1")
    case_id = make_case(desk, "case-worker-1", "case-worker-2", vault=False)
    item, other = (take_in(desk, "case-worker-1", case_id, tmp_path / name) for name in ("a.jpg", "b.jpg"))
    facts = consent.ConsentFacts((PURPOSE,), ("south-prosecutor",), "2026-01-01", "en", "Tell us.", (item,))
    with desk.office.files.session() as db:
        person = persons.add_person(db, worker, case_id, {}, role="victim", short="W", now=now())
        consent.record_consent(db, worker, case_id, person, facts, now=now())
        flags.add_flag(db, worker, case_id, person, "at risk", [], "no-export", None, None, now=now())
    for object_id, count in ((item, 1), (other, 0)):
        assert len(prohibitions.barriers(desk.office, worker, case_id, [object_id], [], now=now())) == count
    with pytest.raises(NotPermitted, match="vault"):
        prohibitions.barriers(desk.office, desk.officer("case-worker-2"), case_id, [item], [], now=now())

    south, prosecutor = field.south, field.south.officer("prosecutor-1")
    made = parcel(
        south, "prosecutor-1", field.north, ["liaison-1"], (), case_id=held.case_id,
        form=form_with(south, held.case_id, held.own_id),
    ).send(field.north)  # fmt: skip
    assert prohibitions.barriers(south.office, prosecutor, held.case_id, [held.own_id], [], now=now()) == []
    raise_at_north(field, made)
    assert len(prohibitions.barriers(south.office, prosecutor, held.case_id, [held.own_id], [], now=now())) == 1


def form_with(desk: DeskAt, case_id: bytes, object_id: bytes) -> dict[str, Any]:
    """A form that names an exhibit, without its files."""
    officer = desk.officer("prosecutor-1")
    with desk.office.files.session() as db:
        value = sharing.exhibit_value(db, officer, case_id, exhibits.get_exhibit(db, officer, case_id, object_id))
    return {
        "case": "R", "text": "", "persons": [], "exhibits": [{**value, "files": []}], "custody": [], "consents": [],
    }  # fmt: skip


# ---- Passing on -------------------------------------------------------------------------------------------------


def compose(field: Field, held: Held, to: DeskAt, word: str) -> Any:
    office, officer = field.south.office, field.south.officer("prosecutor-1")
    choice = sharing.Choice(
        held.case_id, to.agency, (to.handle(word),), (PURPOSE,), "CCP", "R", exhibits=(held.object_id,)
    )
    with office.files.session() as db:
        return sharing.compose(db, office, officer, choice, now=now())


def derivatives(field: Field, held: Held, to: DeskAt, word: str) -> Iterator[Any]:
    """Three ways to seal what came in the bundle: it is the parent, a filed file goes along, the exhibit is named."""
    south = field.south
    with south.office.files.session() as db:
        row = arrivals.get_stored(db, held.bundle_id)
        parents = (Parent(row.bundle_id, row.header_digest),)
    yield parcel(south, "prosecutor-1", to, [word], case_id=held.case_id, parents=parents)
    made = parcel(south, "prosecutor-1", to, [word], (), case_id=held.case_id)
    source = filing.source_of(south.office.files, south.officer("prosecutor-1"), held.items[1])
    values = {name: getattr(made.made, name) for name in made.made.__dataclass_fields__}
    made.made, made.sources = type(made.made)(**(values | {"files": (source.file_id,)})), (source,)
    yield made
    yield parcel(
        south, "prosecutor-1", to, [word], (), case_id=held.case_id, form=form_with(south, held.case_id, held.object_id)
    )


def test_what_came_with_no_onward_transfer_is_not_made_into_anything_for_a_third_agency(
    field: Field, held: Held
) -> None:
    for made in derivatives(field, held, field.shelter, "case-worker-1"):
        made.seal()  # the control: no flag yet
    compose(field, held, field.shelter, "case-worker-1")
    raise_at_north(field, held.bundle_id, "no-onward-transfer")
    for made in derivatives(field, held, field.shelter, "case-worker-1"):
        with pytest.raises(FlagForbids, match="shelter-ngo"):
            made.seal()
    with pytest.raises(FlagForbids, match="shelter-ngo"):
        compose(field, held, field.shelter, "case-worker-1")
    for made in derivatives(field, held, field.north, "liaison-1"):
        made.seal()  # it sent the bundle
    compose(field, held, field.north, "liaison-1")
    parcel(field.south, "prosecutor-1", field.shelter, ["case-worker-1"], case_id=held.case_id).seal()


def test_a_flag_that_comes_while_a_derivative_is_sealed_ends_the_sealing(field: Field, held: Held) -> None:
    made = next(derivatives(field, held, field.shelter, "case-worker-1"))
    blobs = field.south.office.files.blobs.list_keys("bundles")
    raised: list[int] = []

    def raise_meanwhile(done: int, total: int) -> None:
        if not raised:
            raised.append(raise_at_north(field, held.bundle_id, "no-onward-transfer"))

    with pytest.raises(FlagForbids):
        made.seal(progress=raise_meanwhile)
    assert field.south.office.files.blobs.list_keys("bundles") == blobs


def test_an_exhibit_is_not_offered_to_a_third_agency_past_the_flag(field: Field, held: Held) -> None:
    def offer(object_id: bytes, to: str) -> None:
        handing_over.offer(
            field.south.office, field.south.officer("prosecutor-1"), held.case_id, object_id, to, seal=None,
            place="p", reason="r", now=now(),
        )  # fmt: skip

    raise_at_north(field, held.bundle_id, "no-onward-transfer")
    with pytest.raises(FlagForbids, match="shelter-ngo"):
        offer(held.object_id, "shelter-ngo")
    with pytest.raises(NotFound):  # past the flag, it turns out that it was never handed over here
        offer(held.object_id, "north-police")
    offer(held.own_id, "shelter-ngo")


# ---- Plain files ------------------------------------------------------------------------------------------------


def test_files_are_written_out_on_the_record_and_past_a_flag_by_two_with_an_order(field: Field, tmp_path: Path) -> None:
    south = Commands(field, field.south, tmp_path / "papers")
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"]).send(field.south)
    words = ["open", bundle.hex(), "--purpose", PURPOSE, "--legal-basis", "CCP"]
    south.do(*words, "--out", tmp_path / "free", by="prosecutor-1")
    assert (tmp_path / "free" / "001").read_bytes() == b"evidence"
    place = raise_at_north(field, bundle)
    with pytest.raises(RegisterStale):  # the flag that nobody here has read yet
        south.do(*words, "--out", tmp_path / "out", by="prosecutor-1")
    field.south.sync()
    forbidden = [*words, "--acknowledge", "--out", tmp_path / "out"]
    with pytest.raises(FlagForbids):
        south.do(*forbidden, by="prosecutor-1")
    south.do(*words, "--acknowledge", by="prosecutor-1")  # to read it is not forbidden
    asked = south.do(*forbidden, "--court-order", ORDER, by="prosecutor-1")["approval"]
    south.do("approve", asked, by="prosecutor-2")
    assert not (tmp_path / "out").exists()
    south.do(*forbidden, "--court-order", ORDER, "--approval", asked, by="prosecutor-1")
    assert (tmp_path / "out" / "001").read_bytes() == b"evidence"
    notes = [one.details["note"] for one in record_of(field.north, "liaison-1", bundle) if one.kind == "opened"]
    told = exports.AS_FILES.format(order=ORDER)
    assert notes == ["exported as files", "", told]
    assert remarks_at_north(field, bundle, place) == [{"by": "south-prosecutor/prosecutor-1", "text": told}]


def test_what_a_colleague_approved_to_be_read_is_not_written_out(field: Field, tmp_path: Path) -> None:
    south = Commands(field, field.south, tmp_path / "papers")
    bundle = parcel(
        field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"], flags=(flag("dual-control"),)
    ).send(field.south)
    words = ["open", bundle.hex(), "--purpose", PURPOSE, "--legal-basis", "CCP", "--acknowledge"]
    asked = south.do(*words, by="prosecutor-1")["approval"]
    south.do("approve", asked, by="prosecutor-2")
    with pytest.raises(ApprovalMissing, match="ask again"):
        south.do(*words, "--approval", asked, "--out", tmp_path / "out", by="prosecutor-1")
    south.do(*words, "--approval", asked, by="prosecutor-1")  # the control
    assert not (tmp_path / "out").exists()


def test_the_team_reads_the_flags_of_what_its_case_holds_and_nobody_else_does(field: Field, held: Held) -> None:
    """The second officer has no key to the bundle; the case has what its flags are read with."""
    office = field.south.office
    with office.files.session() as db:
        found = prohibitions.standing_of(
            db, office, field.south.officer("prosecutor-2"), held.case_id, held.bundle_id, now=now()
        )
        assert found.sender == "north-police"
        for word in ("supervisor-1", "prosecutor-2"):
            elsewhere = held.case_id if word == "supervisor-1" else None
            with pytest.raises((NotEntitled, NotPermitted)):
                prohibitions.standing_of(
                    db, office, field.south.officer(word), elsewhere, held.bundle_id, now=now()
                )  # fmt: skip
