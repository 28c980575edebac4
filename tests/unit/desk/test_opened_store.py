"""Opened bundles live as long as their session and not a moment longer."""

from collections.abc import Iterator

import pytest

from desk import opened_files, opened_store
from desk.opened_store import Held, OpenedStore
from errors import SignInRequired
from exchange.opened import Opened
from tests.support.field import Field, with_field
from tests.support.traffic import open_at, parcel


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


def opened(field: Field, data: bytes = b"a note") -> Opened:
    bundle = parcel(field.north, "liaison-1", field.south, ["prosecutor-1"], (data,)).send(field.south)
    return open_at(field.south, "prosecutor-1", bundle)


def is_readable(one: Opened) -> bool:
    try:
        return bool(b"".join(one.read(1)))
    except Exception:  # noqa: BLE001  # the key is gone, whichever part says so first
        return False


def test_what_is_put_is_found_until_it_is_dropped(field: Field) -> None:
    store, one, other = OpenedStore(), opened(field), opened(field)
    store.put(Held(one))
    store.put(Held(other))
    found = store.find(one.bundle_id)
    assert found is not None
    assert is_readable(found.opened)
    store.drop(one.bundle_id)
    store.drop(b"\xff" * 16)
    assert store.find(one.bundle_id) is None
    assert (is_readable(one), is_readable(other)) == (False, True)
    assert "Held" not in repr(store)


def test_the_end_of_the_session_closes_all_and_what_opens_later(field: Field) -> None:
    store, early, late = OpenedStore(), opened(field), opened(field)
    store.put(Held(early))
    assert is_readable(early)
    store.close()
    with pytest.raises(SignInRequired):
        store.put(Held(late))
    assert (is_readable(early), is_readable(late)) == (False, False)
    assert store.find(late.bundle_id) is None


def test_the_oldest_is_closed_where_very_many_are_open(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened_store, "MOST_OPEN", 1)
    store, first, second = OpenedStore(), opened(field), opened(field)
    store.put(Held(first))
    store.put(Held(second))
    assert (is_readable(first), is_readable(second)) == (False, True)


def test_a_viewer_reads_any_range(field: Field) -> None:
    data = b"line \xe2\x82\xac\n" * 50_000
    held = Held(opened(field, data))
    file = opened_files.of_opened(held, 1)
    assert (file.size_bytes, file.media_type) == (len(data), "image/png")
    assert b"".join(file.read(100_000, 300_001)) == data[100_000:300_001]
    assert b"".join(file.read(0, file.size_bytes)) == data
