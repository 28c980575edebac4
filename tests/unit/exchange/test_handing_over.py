"""Handover of an exhibit between two desks, and the pack that follows; forged and foreign documents."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agencies import cases
from crypto.encoding import b64u, dump_json, unb64u
from custody.policy import print_trust
from desk.printing import print_custody_statement
from errors import AmparoError, Conflict, CustodyBroken, FormatError, NotFound, NotPermitted, PackNotReady, ProofError
from evidence import exhibits, handover, holdings, intake
from evidence.verification import verify_pack
from exchange import adopting, court_packs, delivery, filing, handing_over, opening, reading, sharing
from exchange.sharing import Choice
from exchange.trust import trust_of_desk
from tests.support.field import DeskAt, Field, now

PURPOSE = "prosecution"
NUMBERS = iter(range(1, 1000))


@dataclass
class Shared:
    """An exhibit of the police that the prosecutor has filed."""

    ours: bytes
    theirs: bytes
    object_id: bytes


def make_case(desk: DeskAt, officer: str, colleague: str) -> bytes:
    with desk.office.files.session() as db:
        case_id = cases.create_case(
            db, desk.officer(officer), f"H-{next(NUMBERS)}", {"title": "t"}, now=now()
        ).case_id  # fmt: skip
        cases.add_member(db, desk.officer(officer), case_id, desk.handle(colleague), vault=True, now=now())
    return case_id


@pytest.fixture
def shared(field: Field, tmp_path: Path) -> Shared:
    north, south = field.north.office, field.south.office
    liaison, prosecutor = field.north.officer("liaison"), field.south.officer("prosecutor")
    ours = make_case(field.north, "liaison-1", "liaison-2")
    theirs = make_case(field.south, "prosecutor-1", "prosecutor-2")
    path = tmp_path / "door.jpg"
    path.write_bytes(b"\xff\xd8 a door" + bytes(100_000))
    stored = intake.take_in(north.files, liaison, ours, path, now=now())
    with north.files.session() as db:
        object_id = exhibits.create_exhibit(
            db, liaison, ours, description="A door", files=[stored.file_id], place="store", reason="seized",
            action="seize", seen=north.seen(db), now=now(),
        )  # fmt: skip
    field.sync_all()
    choice = Choice(
        ours, "south-prosecutor", ("south-prosecutor/prosecutor-1",), (PURPOSE,), "Act", "R", exhibits=(object_id,)
    )
    with north.files.session() as db:
        made = sharing.compose(db, north, liaison, choice, now=now())
    bundle_id = delivery.seal(north, liaison, made, sharing.sources(north, liaison, made), now=now())
    delivery.send(north, bundle_id, now=now())
    field.sync_all()
    seen = reading.preview(south, prosecutor, bundle_id, now=now())
    opened = opening.open_bundle(
        south, prosecutor, bundle_id, purpose=PURPOSE, legal_basis="CCP", acknowledged=seen.register_digest, now=now()
    )
    filing.file_all(south, prosecutor, opened, theirs, now=now())
    assert adopting.adopt(south, prosecutor, opened, theirs, now=now()) == [object_id]
    assert adopting.adopt(south, prosecutor, opened, theirs, now=now()) == []
    field.sync_all()
    return Shared(ours, theirs, object_id)


def offer(field: Field, shared: Shared, seal: str | None = "S-1") -> bytes:
    north, liaison = field.north.office, field.north.officer("liaison")
    handing_over.offer(
        north, liaison, shared.ours, shared.object_id, "south-prosecutor", seal=seal, place="store", reason="trial",
        now=now(),
    )  # fmt: skip
    field.sync_all(1)
    return handing_over.offer_document(north, liaison, shared.ours, shared.object_id)


def answer(field: Field, shared: Shared, document: bytes, *, accept: bool = True, seal: str | None = "S-1") -> bytes:
    return handing_over.answer(
        field.south.office, field.south.officer("prosecutor"), shared.theirs, document, accept=accept, seal=seal,
        place="court", reason="taken", now=now(),
    )  # fmt: skip


def state(desk: DeskAt, officer: str, case_id: bytes, object_id: bytes) -> str:
    with desk.office.files.session() as db:
        return holdings.state(db, desk.officer(officer), case_id, object_id)


def test_an_exhibit_changes_hands_with_a_signature_of_each_side(field: Field, shared: Shared) -> None:
    document = offer(field, shared)
    assert state(field.north, "liaison", shared.ours, shared.object_id) == "offered"
    answer(field, shared, document)
    field.sync_all()
    back = handing_over.answer_document(
        field.south.office, field.south.officer("prosecutor"), shared.theirs, shared.object_id
    )
    north, liaison = field.north.office, field.north.officer("liaison")
    handing_over.close(north, liaison, shared.ours, back, now=now())
    assert state(field.north, "liaison", shared.ours, shared.object_id) == "elsewhere"
    assert state(field.south, "prosecutor", shared.theirs, shared.object_id) == "here"
    with pytest.raises(CustodyBroken):
        handing_over.close(north, liaison, shared.ours, back, now=now())
    with pytest.raises(NotFound):
        handing_over.offer(
            north, liaison, shared.ours, shared.object_id, "shelter-ngo", seal=None, place="p", reason="r", now=now()
        )


def test_another_seal_is_refused_and_the_refusal_is_on_record(field: Field, shared: Shared) -> None:
    document = offer(field, shared)
    with pytest.raises(CustodyBroken, match="seal or files"):
        answer(field, shared, document, seal="S-2")
    assert state(field.south, "prosecutor", shared.theirs, shared.object_id) == "elsewhere"
    answer(field, shared, document, accept=False, seal="S-2")
    field.sync_all()
    back = handing_over.answer_document(
        field.south.office, field.south.officer("prosecutor"), shared.theirs, shared.object_id
    )
    handing_over.close(field.north.office, field.north.officer("liaison"), shared.ours, back, now=now())
    assert state(field.north, "liaison", shared.ours, shared.object_id) == "here"


def test_while_an_offer_is_open_nothing_else_is_done_with_the_exhibit(field: Field, shared: Shared) -> None:
    """Two open offers could both be accepted. Control: once the first is refused, another may be made."""
    document = offer(field, shared)

    def offer_again() -> None:
        with field.north.office.files.session() as db:
            handover.offer(
                db, field.north.officer("liaison"), shared.ours, shared.object_id, "shelter-ngo", seal=None, place="p",
                reason="r", seen=field.north.office.seen(db), now=now(),
            )  # fmt: skip

    with pytest.raises(CustodyBroken, match="has not refused"):
        offer_again()
    answer(field, shared, document, accept=False, seal="S-2")
    field.sync_all()
    with pytest.raises(CustodyBroken, match="has not refused"):
        offer_again()
    back = handing_over.answer_document(
        field.south.office, field.south.officer("prosecutor"), shared.theirs, shared.object_id
    )
    handing_over.close(field.north.office, field.north.officer("liaison"), shared.ours, back, now=now())
    offer_again()
    assert state(field.north, "liaison", shared.ours, shared.object_id) == "offered"


def test_an_offer_is_answered_once_and_only_by_the_agency_it_names(field: Field, shared: Shared) -> None:
    document = offer(field, shared)
    case_id = make_case(field.shelter, "case-worker-1", "case-worker-2")
    with pytest.raises((NotPermitted, NotFound)):
        handing_over.answer(
            field.shelter.office, field.shelter.officer("case-worker"), case_id, document, accept=False, seal="S-1",
            place="p", reason="r", now=now(),
        )  # fmt: skip
    answer(field, shared, document)
    with pytest.raises((CustodyBroken, Conflict)):
        answer(field, shared, document)


def altered(document: bytes) -> Iterator[tuple[str, bytes]]:
    value = json.loads(document)
    first = value["events"][0]
    raw = bytearray(unb64u(first["statement"]))
    raw[len(raw) // 2] ^= 1
    yield "a byte of a statement", dump_json({**value, "events": [{**first, "statement": b64u(bytes(raw))}]})
    yield "another salt", dump_json({**value, "events": [{**first, "salt": b64u(bytes(32))}]})
    yield "an event left out", dump_json({**value, "events": value["events"][1:]})
    yield "another order", dump_json({**value, "events": value["events"][::-1]})
    yield "no events", dump_json({**value, "events": []})
    yield "another member", dump_json({**value, "more": 1})
    yield "cut off", document[:-9]
    yield "no json", b"\xff"


def test_an_altered_document_is_refused_and_changes_nothing(field: Field, shared: Shared) -> None:
    document = offer(field, shared)
    for words, bad in altered(document):
        with pytest.raises((FormatError, ProofError, CustodyBroken, AmparoError)) as refused:
            answer(field, shared, bad)
        assert refused.value.message, words
        assert state(field.south, "prosecutor", shared.theirs, shared.object_id) == "elsewhere", words
    answer(field, shared, document)
    assert state(field.south, "prosecutor", shared.theirs, shared.object_id) == "here"


# ---- The pack ---------------------------------------------------------------------------------------------------


def test_a_pack_takes_custody_two_officers_and_a_confirmed_log(field: Field, shared: Shared, tmp_path: Path) -> None:
    south = field.south.office
    first, second = field.south.officer("prosecutor-1"), field.south.officer("prosecutor-2")
    with pytest.raises(PackNotReady, match="holds none"):
        court_packs.plan(south, first, shared.theirs, reference="R", render=print_custody_statement, now=now())
    answer(field, shared, offer(field, shared))
    field.sync_all()
    pack = court_packs.plan(south, first, shared.theirs, reference="R", render=print_custody_statement, now=now())
    with pytest.raises(PackNotReady, match="sync"):
        court_packs.sign(south, first, pack, now=now())
    field.sync_all()
    assert court_packs.sign(south, first, pack, now=now()) == "signing"
    with pytest.raises(Conflict):
        court_packs.sign(south, first, pack, now=now())
    with pytest.raises(PackNotReady, match="two officers"):
        court_packs.write(south, first, pack, tmp_path / "pack.zip", now=now())
    assert court_packs.sign(south, second, pack, now=now()) == "ready"
    size = court_packs.write(south, first, pack, tmp_path / "pack.zip", now=now())
    assert size == (tmp_path / "pack.zip").stat().st_size
    with pytest.raises(Conflict):
        court_packs.write(south, first, pack, tmp_path / "pack.zip", now=now())
    with south.files.session() as db:
        trust = print_trust(trust_of_desk(db).trust)
    with (tmp_path / "pack.zip").open("rb") as stream:
        assert verify_pack(stream, trust).is_proven
    with pytest.raises(NotPermitted):
        court_packs.plan(
            south, field.south.officer("supervisor"), shared.theirs, reference="R", render=print_custody_statement,
            now=now(),
        )  # fmt: skip
