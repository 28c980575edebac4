"""What is kept out of a bundle: sealed in a case, provable by the sender's header, found by its handles."""

import os
from typing import Any

import pytest
from sqlalchemy import select

from agencies.cases import create_case
from crypto.opening import verify_content
from errors import (
    CommitmentMismatch,
    DecryptionFailed,
    NotFound,
    NotPermitted,
    ProofError,
    ReleaseDestroyed,
    ReleaseHeld,
)
from exchange import arrivals, filing, release
from exchange.models import Filed, FiledHandle, HandleOrder
from exchange.opened import Opened
from tests.support.field import Field, now
from tests.support.traffic import case_of, open_at, parcel, record_of

SECRET = b"the words of a witness" * 3


@pytest.fixture(scope="module")
def bundle(field: Field) -> bytes:
    """One bundle of three files, sent to two prosecutors."""
    data = (SECRET, b"", os.urandom(2**21 + 3))
    return parcel(field.north, "liaison-1", field.south, ["prosecutor-1", "prosecutor-2"], data).send(field.south)


@pytest.fixture(scope="module")
def found(field: Field, bundle: bytes) -> Any:
    """It, opened."""
    with open_at(field.south, "prosecutor-1", bundle) as opened:
        yield opened


def _new_case(field: Field) -> bytes:
    with field.south.office.files.session() as db:
        number = int.from_bytes(os.urandom(3), "big")
        return create_case(db, field.south.officer("prosecutor"), f"SP-{number}", {"v": 1}, now=now()).case_id


def _file(field: Field, found: Opened, case: bytes, *indices: int) -> list[bytes]:
    return filing.file_items(field.south.office, field.south.officer("prosecutor"), found, case, indices, now=now())


def test_filed_items_are_listed_and_read_as_they_were_sent(field: Field, found: Opened, bundle: bytes) -> None:
    case, officer, files = _new_case(field), field.south.officer("prosecutor"), field.south.office.files
    made = filing.file_all(field.south.office, officer, found, case, now=now())
    with files.session() as db:
        listed = filing.list_filed(db, officer, case)
    assert [one.item_id for one in listed] == made and [one.kind for one in listed] == ["form", *["file"] * 3]
    for one in listed:
        assert b"".join(filing.read_filed(files, officer, one.item_id)) == b"".join(found.read(one.index))
        assert (one.bundle_id, one.filed_by) == (bundle, officer.handle)


def test_filing_is_on_record_once_for_each_act_and_the_sender_reads_how_many(
    field: Field, found: Opened, bundle: bytes
) -> None:
    before = len([one for one in record_of(field.south, "prosecutor-1", bundle) if one.kind == "filed"])
    _file(field, found, _new_case(field), 0, 1)
    filed = [one for one in record_of(field.south, "prosecutor-1", bundle) if one.kind == "filed"]
    assert len(filed) == before + 1 and filed[-1].details["items"] == 2
    seen = [one for one in record_of(field.north, "liaison-1", bundle) if one.kind == "filed"]
    assert seen[-1].details == filed[-1].details


def test_what_is_filed_already_is_not_filed_twice_in_a_case(field: Field, found: Opened) -> None:
    case = _new_case(field)
    first = _file(field, found, case, 1)
    assert _file(field, found, case, 1) == first
    both = _file(field, found, case, 1, 2)
    assert both[0] == first[0] and both[1] != first[0]


def test_an_item_proves_which_agency_sealed_it_without_the_rest(field: Field, found: Opened) -> None:
    officer, office = field.south.officer("prosecutor"), field.south.office
    (item,) = _file(field, found, _new_case(field), 3)
    one = filing.verify_filed(office, officer, item)
    verify_content(one.entry_bytes, one.salt, one.index, one.path, found.header.contents)
    with pytest.raises(ProofError):
        verify_content(one.entry_bytes, one.salt, one.index - 1, one.path, found.header.contents)
    with pytest.raises(ProofError):
        verify_content(one.entry_bytes, bytes(32), one.index, one.path, found.header.contents)


def test_an_item_goes_on_as_a_source_under_the_senders_ids(field: Field, found: Opened) -> None:
    officer, files = field.south.officer("prosecutor"), field.south.office.files
    (item,) = _file(field, found, _new_case(field), 1)
    source = filing.source_of(files, officer, item)
    assert source.entry() == found.content(1).entry and b"".join(source.read()) == SECRET


def test_nothing_of_an_item_is_readable_on_the_disk(field: Field, found: Opened) -> None:
    (item,) = _file(field, found, _new_case(field), 1)
    with field.south.office.files.session() as db:
        row = db.get_one(Filed, item)
        name = row.blob_key or ""
        assert SECRET[:22] not in row.content and b"sha256" not in row.content
    assert SECRET[:22] not in field.south.office.files.blobs.get(name)


@pytest.mark.parametrize("at", [60, -1], ids=["first chunk", "last byte"])
def test_an_altered_item_is_refused(field: Field, found: Opened, at: int) -> None:
    officer, files = field.south.officer("prosecutor"), field.south.office.files
    (item,) = _file(field, found, _new_case(field), 3)
    with files.session() as db:
        name = db.get_one(Filed, item).blob_key or ""
    kept = files.blobs.get(name)
    data = bytearray(kept)
    data[at] ^= 1
    files.blobs.put(name, bytes(data))
    with pytest.raises(DecryptionFailed):
        list(filing.read_filed(files, officer, item))
    files.blobs.put(name, kept)
    filing.verify_filed(field.south.office, officer, item)


def test_a_row_moved_to_another_item_is_refused(field: Field, found: Opened) -> None:
    officer, files, case = field.south.officer("prosecutor"), field.south.office.files, _new_case(field)
    one, two = _file(field, found, case, 1, 3)
    with files.session() as db:
        row = db.get_one(Filed, two)
        kept, row.content = row.content, db.get_one(Filed, one).content
    with pytest.raises(DecryptionFailed):
        list(filing.read_filed(files, officer, two))
    with files.session() as db:
        db.get_one(Filed, two).content = kept
    list(filing.read_filed(files, officer, two))


def test_only_the_case_team_reads_and_files(field: Field, found: Opened) -> None:
    office, officer, other = (
        field.south.office,
        field.south.officer("prosecutor-1"),
        field.south.officer("prosecutor-2"),
    )
    case = _new_case(field)
    (item,) = _file(field, found, case, 1)
    with pytest.raises(NotPermitted):
        list(filing.read_filed(office.files, other, item))
    with office.files.session() as db, pytest.raises(NotPermitted):
        filing.list_filed(db, other, case)
    with pytest.raises(NotPermitted):
        filing.file_item(office, officer, found, case_of(field.south, other), 1, now=now())
    with pytest.raises(NotPermitted):  # a supervisor opens, and keeps nothing
        filing.file_item(office, field.south.officer("supervisor"), found, case, 1, now=now())
    assert b"".join(filing.read_filed(office.files, officer, item)) == SECRET


def test_a_colleague_files_only_what_she_opened_herself(field: Field, found: Opened) -> None:
    other = field.south.officer("prosecutor-2")
    with pytest.raises(NotPermitted):
        filing.file_item(field.south.office, other, found, case_of(field.south, other), 1, now=now())


def test_a_file_that_the_bundle_does_not_have_is_not_filed(field: Field, found: Opened) -> None:
    for index in (-1, 4):
        with pytest.raises(NotFound):
            _file(field, found, _new_case(field), index)


def test_filing_that_fails_leaves_neither_blob_nor_row_nor_event(
    field: Field, found: Opened, bundle: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, case, events = field.south.office.files, _new_case(field), record_of(field.south, "prosecutor-1", bundle)
    before = files.blobs.list_keys("filed")
    real = Opened.read

    def breaks(opened: Opened, index: int) -> Any:
        yield from real(opened, index)
        if index == 3:
            raise CommitmentMismatch

    with monkeypatch.context() as patch, pytest.raises(CommitmentMismatch):
        patch.setattr(Opened, "read", breaks)
        _file(field, found, case, 1, 3)
    with files.session() as db:
        assert not filing.list_filed(db, field.south.officer("prosecutor"), case)
    assert files.blobs.list_keys("filed") == before
    assert len(record_of(field.south, "prosecutor-1", bundle)) == len(events)
    assert len(_file(field, found, case, 1, 3)) == 2


def test_an_item_rests_on_all_handles_of_its_bundle(field: Field, found: Opened) -> None:
    (item,) = _file(field, found, _new_case(field), 1)
    with field.south.office.files.session() as db:
        rows = db.scalars(select(FiledHandle.handle).where(FiledHandle.item_id == item))
        assert set(rows) == set(found.header.handles)


@pytest.mark.parametrize(("kind", "error"), [("handle-held", ReleaseHeld), ("handle-destroyed", ReleaseDestroyed)])
def test_nothing_is_filed_once_an_order_is_known(field: Field, kind: str, error: type[Exception]) -> None:
    made = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"]).send(field.south)
    office, case = field.south.office, _new_case(field)
    with open_at(field.south, "prosecutor-1", made) as opened:
        place = (opened.header.handles[5], 10**6)
        with office.files.session() as db:
            db.add(
                HandleOrder(
                    handle=place[0], log_index=place[1], kind=kind, agency="north-police", one_time_key=None, items=0,
                    state="noted", bundle_ids=made,
                )
            )  # fmt: skip
        with pytest.raises(error):
            _file(field, opened, case, 1)
        with office.files.session() as db:
            db.delete(db.get_one(HandleOrder, place))
        _file(field, opened, case, 1)


def test_a_hold_that_was_lifted_holds_nothing_and_a_destruction_is_for_good(field: Field) -> None:
    handle = os.urandom(32)

    def order(index: int, kind: str) -> HandleOrder:
        return HandleOrder(
            handle=handle, log_index=index, kind=kind, agency="north-police", one_time_key=None, items=0,
            state="noted", bundle_ids=b"",
        )  # fmt: skip

    with field.south.office.files.session() as db:
        release.require_no_order(db, handle)
        db.add(order(1, "handle-held"))
        db.flush()
        with pytest.raises(ReleaseHeld):
            release.require_no_order(db, handle)
        db.add(order(2, "handle-lifted"))
        db.flush()
        release.require_no_order(db, handle)
        db.add(order(3, "handle-destroyed"))
        db.add(order(4, "handle-lifted"))
        db.flush()
        with pytest.raises(ReleaseDestroyed):
            release.require_no_order(db, handle)
        db.rollback()


def test_a_bundle_belongs_to_the_case_in_which_something_of_it_is_kept(field: Field) -> None:
    made = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"]).send(field.south)
    case = _new_case(field)
    with open_at(field.south, "prosecutor-1", made) as opened:
        filing.file_item(field.south.office, field.south.officer("prosecutor"), opened, case, "form", now=now())
    with field.south.office.files.session() as db:
        assert arrivals.get_stored(db, made).case_id == case
