"""Ciphertext blobs: the same contract over a folder, an emulated S3, and Swift where it runs."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from errors import FormatError, IntegrityError, NotFound, SettingInvalid, StorageFull, Unavailable
from storage import blobs as module
from storage.blobs import BlobStore, FileBlobs, open_blobs
from tests.support.stores import moto, swift

__all__ = ["moto", "swift"]


@pytest.fixture(params=["files", "moto", "swift"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """A store of each kind."""
    if request.param == "files":
        return open_blobs((tmp_path / "blobs").as_uri())
    if request.param == "swift":
        return open_blobs(request.getfixturevalue("swift"))
    return open_blobs(request.getfixturevalue("moto").create())


def test_what_was_put_is_read_back_whole_and_in_parts(blobs: BlobStore) -> None:
    """Every way of reading gives the same bytes."""
    content = os.urandom(100_000)
    blobs.put("bundles/ab/part-0", content)
    assert blobs.get("bundles/ab/part-0") == content
    assert blobs.get_size("bundles/ab/part-0") == len(content)
    assert b"".join(blobs.get_stream("bundles/ab/part-0", 30_000)) == content
    assert blobs.get_range("bundles/ab/part-0", 99_990, 50) == content[99_990:]
    assert blobs.get_range("bundles/ab/part-0", 10, 5) == content[10:15]
    assert blobs.get_range("bundles/ab/part-0", 200_000, 5) == b""


def test_a_stream_is_stored_as_one_blob(blobs: BlobStore) -> None:
    """What arrives in pieces is read as a whole."""
    pieces = [os.urandom(6 * 2**20), b"", b"end"]
    blobs.put_stream("a/b", pieces)
    assert blobs.get_size("a/b") == 6 * 2**20 + 3
    assert blobs.get("a/b") == b"".join(pieces)


def test_a_stream_that_breaks_off_leaves_nothing_under_its_name(blobs: BlobStore) -> None:
    """Half a blob would be taken for a whole one."""

    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise NotFound("the other half")

    with pytest.raises(NotFound, match="other half"):
        blobs.put_stream("a/broken", pieces())
    with pytest.raises(NotFound, match="no such blob"):
        blobs.get("a/broken")
    assert blobs.list_keys("a") == []


def test_a_blob_that_is_gone_is_not_found_and_deleting_it_again_is_no_error(blobs: BlobStore) -> None:
    """A retention run may be cut off and start again."""
    blobs.put("a/b", b"x")
    assert blobs.list_keys("a") == ["a/b"]
    blobs.delete("a/b")
    blobs.delete("a/b")
    for read in (blobs.get, blobs.get_size, blobs.get_stream):
        with pytest.raises(NotFound):
            read("a/b")
    assert blobs.list_keys("a") == []


def test_putting_again_replaces(blobs: BlobStore) -> None:
    """Put-if-absent is not portable, so nothing relies on it."""
    blobs.put("a/b", b"one")
    blobs.put("a/b", b"two")
    assert blobs.get("a/b") == b"two"


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/..", "A", "a.b", "a b", "a/\x00", "é", "a" * 81])
def test_a_key_of_another_form_is_refused(tmp_path: Path, key: str) -> None:
    """There is no way out of the folder."""
    store = FileBlobs(tmp_path / "blobs")
    store.put("a/b", b"control")
    for act in (store.get, store.delete, store.get_size, store.list_keys, lambda k: store.put(k, b"x")):
        with pytest.raises(FormatError):
            act(key)


@pytest.mark.parametrize("url", ["http://x/y", "file://host/folder", "s3://", "folder", "file:relative"])
def test_another_kind_of_url_is_refused(url: str) -> None:
    """A typing error must not become a folder somewhere."""
    with pytest.raises(SettingInvalid):
        open_blobs(url)


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, Unavailable)]
)
def test_a_full_disk_is_told_from_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    """A full disk needs an administrator with room; the old blob stays and reading goes on."""
    store = FileBlobs(tmp_path / "blobs")
    store.put("a/b", b"old")

    def fail(handle: int) -> None:
        raise OSError(number, "injected")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", fail)
        with pytest.raises(expected):
            store.put("a/b", b"new")
    assert store.get("a/b") == b"old"
    assert store.list_keys("a") == ["a/b"]


def test_each_syscall_that_fails_leaves_the_old_blob_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill at every point of `put`: never a named blob with other bytes than one of the two."""
    store = FileBlobs(tmp_path / "blobs")
    seen: set[bytes] = set()
    for point in range(6):
        store.put("a/b", b"old")
        calls = iter(range(100))

        def crash(name: str, real: object, point: int = point, calls: Iterator[int] = calls) -> object:
            def call(*args: object, **options: object) -> object:
                if next(calls) == point:
                    raise KeyboardInterrupt(name)
                return real(*args, **options)  # type: ignore[operator]

            return call

        with monkeypatch.context() as patch:
            for name in ("fsync", "open", "close"):
                patch.setattr(module.os, name, crash(name, getattr(os, name)))
            patch.setattr(Path, "replace", crash("replace", Path.replace))
            with contextlib.suppress(KeyboardInterrupt):
                store.put("a/b", b"new")
        seen.add(store.get("a/b"))
        assert store.list_keys("a") == ["a/b"]
    assert seen == {b"old", b"new"}


def test_an_object_store_that_returns_other_bytes_is_found_out(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some stores accept a wrong checksum; so what was stored is read back."""
    store = open_blobs(request.getfixturevalue("moto").create())
    store.put("a/b", b"control")
    real = module.obstore.put

    def corrupt(target: object, key: str, content: bytes) -> object:
        return real(target, key, content[:-1] + b"?")  # type: ignore[arg-type]

    monkeypatch.setattr(module.obstore, "put", corrupt)
    with pytest.raises(IntegrityError):
        store.put("a/b", b"content")
