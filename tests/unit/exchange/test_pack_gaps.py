"""Why an exhibit is missing in a pack: that a person has withdrawn her consent is said only where it is so."""

import json
import zipfile
from pathlib import Path
from typing import Any

from exchange import approvals, stopping
from tests.support.field import Field, now
from tests.unit.exchange.test_keeping import Answered, answered, end, plan, write

__all__ = ["answered"]  # the fixture


def gaps(field: Field, answered: Answered, out: Path) -> list[dict[str, Any]]:
    write(field, plan(field, answered), out)
    with zipfile.ZipFile(out) as found:
        (name,) = (one for one in found.namelist() if one.endswith("pack.json"))
        found_gaps: list[dict[str, Any]] = json.loads(found.read(name))["gaps"]
    return found_gaps


def test_nothing_is_missing_before(field: Field, answered: Answered, tmp_path: Path) -> None:
    assert [one["number"] for one in gaps(field, answered, tmp_path / "pack.zip") if one["number"]] == []


def test_a_consent_that_was_taken_back_is_named_as_that(field: Field, answered: Answered, tmp_path: Path) -> None:
    end(field, answered)
    (gap,) = (one for one in gaps(field, answered, tmp_path / "pack.zip") if one["number"])
    assert gap["reason"] == "consent"
    assert gap["text"].startswith("The person concerned has withdrawn the consent")


def test_a_bundle_that_its_sender_called_back_is_not_laid_to_the_person(
    field: Field, answered: Answered, tmp_path: Path
) -> None:
    office, worker = field.shelter.office, field.shelter.officer("case-worker-1")
    stopping.stop(office, worker, answered.case_id, [answered.bundle], destroys=True, reason="a wrong file", now=now())
    waiting = stopping.stand_of(office, worker, answered.case_id, answered.bundle, now=now()).waiting
    assert waiting is not None
    with office.files.session() as db:
        approvals.grant(db, field.shelter.officer("case-worker-2"), waiting.approval_id, now=now())
    stopping.go_on(office, worker, answered.case_id, answered.bundle, now=now())
    field.sync_all()
    (gap,) = (one for one in gaps(field, answered, tmp_path / "pack.zip") if one["number"])
    assert gap["reason"] == "other"
    assert gap["text"] == f"Exhibit {gap['number']} was withdrawn by the agency that provided it."
