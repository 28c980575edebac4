"""What an officer wrote into a custody event is sealed at this desk; what the broker sees anyway is not."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crypto import labels
from crypto.signing import SigningKey
from crypto.statements import make_statement
from custody import outbox
from custody.models import OwnEvent
from errors import DecryptionFailed, FormatError
from storage.desk_files import DeskFiles

OBJECT = bytes(16)
KEY = b"\x07" * 32


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Session]:
    files = DeskFiles.create(tmp_path / "desk")
    with files.session() as session:
        yield session
    files.close()


def record(db: Session, rng: random.Random, kind: str, number: int = 0, **more: Any) -> OwnEvent:
    statement = make_statement({"v": 1, "kind": "custody", "number": number, "reason": "Planted Reason"})
    signed = statement.signed_by(labels.EVENT_SIGNATURE, "north/liaison-1", SigningKey(rng.randbytes(32)))
    values: dict[str, Any] = {
        "salt": rng.randbytes(32), "object_id": OBJECT, "tag": rng.randbytes(16), "append_signature": bytes(64),
        "case_key": KEY, **more,
    }  # fmt: skip
    return outbox.record_event(
        db, statement=signed, object_kind=kind, number=number, officer="north/liaison-1", now=0, **values
    )


def test_a_custody_event_is_read_with_the_key_of_its_case_alone(db: Session, rng: random.Random) -> None:
    event = record(db, rng, "holding")
    assert b"Planted" in outbox.read_statement(event, KEY)
    assert event.sealed_statement is not None and b"Planted" not in event.sealed_statement
    assert event.clear_statement is None
    with pytest.raises(FormatError, match="sealed"):
        _ = event.statement
    with pytest.raises(DecryptionFailed):
        outbox.read_statement(event, bytes(32))


def test_a_sealed_event_cannot_be_put_in_the_place_of_another(db: Session, rng: random.Random) -> None:
    one, two = record(db, rng, "holding"), record(db, rng, "holding", 1)
    one.sealed_statement, two.sealed_statement = two.sealed_statement, one.sealed_statement
    for event in (one, two):
        with pytest.raises(DecryptionFailed):
            outbox.read_statement(event, KEY)


def test_an_event_that_the_broker_sees_is_kept_as_it_is_sent(db: Session, rng: random.Random) -> None:
    event = record(db, rng, "bundle", case_key=None, append_signature=None)
    assert event.sealed_statement is None and event.statement == event.clear_statement
    with pytest.raises(FormatError, match="as it was sent"):
        outbox.read_statement(event, KEY)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("holding", {"case_key": None}),
        ("case", {"case_key": None}),
        ("bundle", {"append_signature": None}),
        ("handle", {"append_signature": None}),
    ],
)
def test_no_kind_is_kept_in_the_way_of_the_other(
    db: Session, rng: random.Random, kind: str, change: dict[str, Any]
) -> None:
    """A custody event without a key would be readable; one of the broker's with a key could not be sent."""
    with pytest.raises(FormatError, match="key of its case"):
        record(db, rng, kind, **change)
