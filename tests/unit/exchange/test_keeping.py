"""An item that a holder has to keep by law outlives an order to delete, serves that ground alone, and is named."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from desk.printing import print_custody_statement
from errors import ApprovalMissing, Conflict, FormatError, NotFound, NotPermitted, PackNotReady, ReleaseDestroyed
from exchange import (
    adopting,
    approvals,
    court_packs,
    delivery,
    filing,
    handing_over,
    keeping,
    purges,
    withdrawals,
)
from exchange.models import Filed
from identity import consent, persons
from tests.support.departures import read_filed, share, take_in, withdraw
from tests.support.field import Field, now
from tests.support.traffic import PURPOSE, open_at
from tests.unit.exchange.test_prohibitions import make_case

GROUND = "Code of Criminal Procedure, s. 101: evidence in a pending trial"


@dataclass
class Answered:
    """An answer of the shelter with an exhibit that its survivor agreed to, filed by the prosecution."""

    case_id: bytes
    record: bytes
    theirs: bytes
    object_id: bytes
    form: bytes
    file: bytes
    bundle: bytes


@pytest.fixture
def answered(field: Field, tmp_path: Path) -> Answered:
    shelter, south = field.shelter, field.south
    worker, officer = shelter.officer("case-worker-1"), south.officer("prosecutor-1")
    case_id = make_case(shelter, "case-worker-1", "case-worker-2")
    theirs = make_case(south, "prosecutor-1", "prosecutor-2")
    item = take_in(shelter, "case-worker-1", case_id, tmp_path / "account.jpg")
    take_in(south, "prosecutor-1", theirs, tmp_path / "own.jpg")
    field.sync_all()
    facts = consent.ConsentFacts((PURPOSE,), (south.agency,), delivery.day_of(now()), "en", "Tell us.", (item,))
    with shelter.office.files.session() as db:
        person = persons.add_person(db, worker, case_id, {}, role="victim", short="W", now=now())
        record = consent.record_consent(db, worker, case_id, person, facts, now=now())
    bundle = share(shelter, "case-worker-1", case_id, south, persons=(person,), exhibits=(item,), records=(record,))
    with open_at(south, "prosecutor-1", bundle) as opened:
        form, file = filing.file_all(south.office, officer, opened, theirs, now=now())
        adopting.adopt(south.office, officer, opened, theirs, now=now())
    field.sync_all()
    return Answered(case_id, record, theirs, item, form, file, bundle)


def ask(field: Field, item: bytes, ground: str = GROUND) -> bytes:
    return keeping.ask(field.south.office, field.south.officer("prosecutor-1"), item, ground, now=now())


def grant(field: Field, approval: bytes) -> None:
    with field.south.office.files.session() as db:
        approvals.grant(db, field.south.officer("prosecutor-2"), approval, now=now())


def keep(field: Field, item: bytes, approval: bytes) -> bytes:
    return keeping.keep(
        field.south.office, field.south.officer("prosecutor-1"), approval, item_id=item, now=now()
    )  # fmt: skip


def end(field: Field, answered: Answered) -> None:
    """The survivor takes her consent back; every desk hears of it."""
    withdraw(field.shelter, "case-worker-1", "case-worker-2", answered.case_id, answered.record)
    field.sync_all()


def receipt(field: Field, answered: Answered) -> dict[str, Any]:
    field.sync_all()
    (found,) = withdrawals.status(
        field.shelter.office, field.shelter.officer("case-worker-1"), answered.case_id, answered.record
    )
    return found


def plan(field: Field, answered: Answered, ground: str | None = None) -> bytes:
    return court_packs.plan(
        field.south.office, field.south.officer("prosecutor-1"), answered.theirs, reference="R", ground=ground,
        render=print_custody_statement, now=now(),
    )  # fmt: skip


def write(field: Field, pack: bytes, out: Path) -> list[str]:
    """Put on record, signed by two, written; the names of its files."""
    field.sync_all()
    for word in ("prosecutor-1", "prosecutor-2"):
        court_packs.sign(field.south.office, field.south.officer(word), pack, now=now())
    court_packs.write(field.south.office, field.south.officer("prosecutor-1"), pack, out, now=now())
    with zipfile.ZipFile(out) as found:
        return found.namelist()


def has_file(names: list[str], file_id: bytes) -> bool:
    return any(file_id.hex() in name for name in names if "/exhibits/" in name)


def test_what_is_kept_under_a_ground_outlives_the_order_and_the_receipt_names_it(
    field: Field, answered: Answered
) -> None:
    south, prosecutor = field.south, field.south.officer("prosecutor-1")
    asked = ask(field, answered.file)
    with pytest.raises(ApprovalMissing):
        keep(field, answered.file, asked)
    grant(field, asked)
    with pytest.raises(ApprovalMissing, match="another item"):
        keep(field, answered.form, asked)
    keep(field, answered.file, asked)
    assert read_filed(south, "prosecutor-1", answered.file)  # nothing has changed for it yet
    with pytest.raises(Conflict):
        ask(field, answered.file)
    with south.office.files.session() as db:
        row = db.get_one(Filed, answered.file)
        assert row.ground is not None
        assert b"Criminal" not in row.ground
    end(field, answered)
    with pytest.raises(NotFound):
        read_filed(south, "prosecutor-1", answered.form)  # the control: it was under no ground
    purges.sign_receipts(south.office, south.appoint("prosecutor-9", "prosecutor"), now=now())
    assert receipt(field, answered)["state"] == "awaited"  # who cannot read the ground signs no receipt about it
    purges.sign_receipts(south.office, prosecutor, now=now())
    found = receipt(field, answered)
    assert (found["state"], found["ground"], found["items"]) == ("kept", GROUND, 1)


def test_what_was_kept_serves_its_ground_alone(field: Field, answered: Answered, tmp_path: Path) -> None:
    south, prosecutor = field.south, field.south.officer("prosecutor-1")
    asked = ask(field, answered.file)
    grant(field, asked)
    keep(field, answered.file, asked)
    before = plan(field, answered)
    with south.office.files.session() as db:
        file_id = filing.get_filed(db, prosecutor, answered.file).file_id
    end(field, answered)
    with pytest.raises(PackNotReady, match="withdrawn"):
        write(field, before, tmp_path / "before.zip")
    for under in (None, "another ground"):
        with pytest.raises(NotPermitted, match="legal ground alone"):
            b"".join(filing.read_filed(south.office.files, prosecutor, answered.file, under=under))
    assert b"".join(filing.read_filed(south.office.files, prosecutor, answered.file, under=GROUND))
    with pytest.raises(NotPermitted, match="legal ground alone"):
        filing.source_of(south.office.files, prosecutor, answered.file)
    with pytest.raises(NotPermitted, match="legal ground alone"):
        handing_over.offer(
            south.office, prosecutor, answered.theirs, answered.object_id, "north-police", seal=None, place="p",
            reason="r", now=now(),
        )  # fmt: skip
    without = write(field, plan(field, answered), tmp_path / "without.zip")
    assert not has_file(without, file_id)
    names = write(field, plan(field, answered, GROUND), tmp_path / "with.zip")
    assert has_file(names, file_id)
    with zipfile.ZipFile(tmp_path / "with.zip") as found:
        assert GROUND in found.read("pack/data/documents/kept-under-ground.txt").decode()
    assert not [one for one in without if "/documents/" in one]


def test_a_ground_comes_before_the_order_or_not_at_all(field: Field, answered: Answered) -> None:
    for wrong in ("", "  ", "x" * 201, "two\nlines"):
        with pytest.raises(FormatError):
            ask(field, answered.file, wrong)
    asked = ask(field, answered.file)
    grant(field, asked)
    late = ask(field, answered.form)
    withdraw(field.shelter, "case-worker-1", "case-worker-2", answered.case_id, answered.record)
    field.south.sync()
    for item, approval in ((answered.file, asked), (answered.form, late)):
        with pytest.raises((ReleaseDestroyed, NotFound, ApprovalMissing)):
            keep(field, item, approval)
    with pytest.raises((ReleaseDestroyed, NotFound)):
        ask(field, answered.file)
