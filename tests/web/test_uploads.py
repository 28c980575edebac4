"""Files in forms: sealed as they arrive, in flat memory, with nothing in clear anywhere, also after kill -9."""

import contextlib
import os
import secrets
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from agencies import cases
from evidence import exhibits, intake
from evidence.receiving import FOLDER
from tests.support.desk_processes import BOUNDARY, END, DeskProcess, Visitor, file_head, text_parts, visiting
from tests.support.field import Field, now, with_field

MIB = 2**20
FACTS = {
    "kind": "file", "description": "A file", "action": "receive", "place": "room", "reason": "test", "authority": "",
    "seal": "", "number": "", "upload": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module")
def case_id(field: Field) -> bytes:
    with field.north.office.files.session() as db:
        return cases.create_case(db, field.north.officer("liaison"), "NP-2031-7", {"title": "t"}, now=now()).case_id


@pytest.fixture(scope="module")
def desk(field: Field, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskProcess]:
    made = DeskProcess(
        "north-police", field.north.folder, field.settings.public_url, tmp_path_factory.mktemp("process") / "temp"
    )
    made.start()
    yield made
    made.kill()


@pytest.fixture
def visitor(desk: DeskProcess) -> Iterator[Visitor]:
    with visiting(desk.url, "liaison-1") as visitor:
        yield visitor


def page_of(case_id: bytes) -> str:
    return f"/cases/{case_id.hex()}/exhibits/new"


def arriving(field: Field) -> list[str]:
    return field.north.office.files.blobs.list_keys(FOLDER)


def files_of(field: Field, case_id: bytes) -> list[intake.StoredFile]:
    with field.north.office.files.session() as db:
        return intake.list_files(db, field.north.officer("liaison"), case_id)


def post(visitor: Visitor, case_id: bytes, raw: bytes, **more: str) -> int:
    fields = {**visitor.token(page_of(case_id)), **FACTS, **more}
    body = text_parts(fields) + file_head("file", "photo.jpg") + raw + END
    return visitor.send(page_of(case_id), iter([body]), len(body)).status_code


# ---- Nothing in clear, flat memory ------------------------------------------------------------------------------


def holding(paths: list[str], word: bytes) -> list[str]:
    """Files that hold a word. Another process looks: closing a database here would drop SQLite's locks on it."""
    found: list[str] = []
    for at in range(0, len(paths), 500):
        asked = ["grep", "-laF", "-e", word.decode(), "--", *paths[at : at + 500]]
        found += subprocess.run(asked, capture_output=True, check=False).stdout.decode().splitlines()
    return found


def found_in(folders: Iterable[Path], word: bytes, since: float, more: Iterable[str] = ()) -> list[str]:
    """Files that were changed since a moment, and others, that hold a word."""
    looked: list[str] = list(more)
    for folder in folders:
        for place, _folders, names in os.walk(folder):
            for name in names:
                path = f"{place}/{name}"
                with contextlib.suppress(OSError):
                    if Path(path).stat().st_mtime >= since - 5:
                        looked.append(path)
    return holding(looked, word)


class Slow:
    """A body that stops in the middle until it is told to go on."""

    def __init__(self, head: bytes, block: bytes, count: int) -> None:
        self.head, self.block, self.count = head, block, count
        self.reached, self.go_on = threading.Event(), threading.Event()

    @property
    def size(self) -> int:
        return len(self.head) + len(self.block) * self.count + len(END)

    def pieces(self) -> Iterator[bytes]:
        yield self.head
        for number in range(self.count):
            if number == self.count * 3 // 4:
                self.reached.set()
                self.go_on.wait(300)
            yield self.block
        yield END


def begin(visitor: Visitor, case_id: bytes, word: bytes, size: int) -> tuple[Slow, threading.Thread, list[object]]:
    block = (word + secrets.token_bytes(1000)) * (MIB // 1000)
    head = text_parts({**visitor.token(page_of(case_id)), **FACTS}) + file_head("file", "photo.jpg")
    body, results = Slow(head, block, max(4, size // len(block))), []

    def send() -> None:
        try:
            results.append(visitor.send(page_of(case_id), body.pieces(), body.size).status_code)
        except Exception as error:  # noqa: BLE001  # the desk was killed
            results.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    return body, thread, results


def watch(desk: DeskProcess, body: Slow, peak: list[int]) -> None:
    while not body.reached.wait(0.02):
        peak.append(desk.memory_bytes)
    peak.append(desk.memory_bytes)


def test_a_large_file_is_sealed_in_flat_memory_and_never_lies_in_clear(
    desk: DeskProcess, field: Field, case_id: bytes, sample_count: Callable[[int, int], int]
) -> None:
    """Looked for while three quarters have arrived, after kill -9 and after the next start; then it is taken in."""
    size, word, since = sample_count(64, 1024) * MIB, b"planted-" + secrets.token_hex(12).encode(), time.time()
    folders = [desk.folder, desk.temp, Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/dev/shm")]
    with visiting(desk.url, "liaison-1") as visitor:
        visitor.token(page_of(case_id))
        before, peak = desk.memory_bytes, [0]
        body, thread, results = begin(visitor, case_id, word, size)
        watch(desk, body, peak)
        time.sleep(0.5)
        assert len(arriving(field)) == 1
        (ciphertext,) = (field.north.folder / "blobs" / FOLDER).iterdir()
        assert ciphertext.stat().st_size > body.size // 2  # control: it does lie there, sealed
        assert found_in(folders, word, since, desk.open_files) == []
        assert max(peak) - before < 48 * MIB
        desk.kill()
        body.go_on.set()
        thread.join(120)
        assert isinstance(results[0], Exception)
    assert found_in(folders, word, since) == []
    for folder in folders[:2]:  # control: the same search finds it where it is planted
        (folder / "planted").write_bytes(bytes(5000) + word)
        assert found_in([folder], word, since) == [f"{folder}/planted"]
        (folder / "planted").unlink()
    desk.start()
    assert arriving(field) == []
    assert files_of(field, case_id) == []
    with visiting(desk.url, "liaison-1") as visitor:
        body, thread, results = begin(visitor, case_id, word, 8 * MIB)
        body.go_on.set()
        thread.join(120)
    assert results == [303]
    (stored,) = files_of(field, case_id)
    raw = intake.read_file(field.north.office.files, field.north.officer("liaison"), case_id, stored.file_id)
    assert b"".join(raw) == body.block * body.count


# ---- What is refused, and its control ---------------------------------------------------------------------------


def test_a_file_is_read_only_after_the_forms_token(visitor: Visitor, field: Field, case_id: bytes) -> None:
    count = len(files_of(field, case_id))
    fields = {**visitor.token(page_of(case_id)), **FACTS}
    stale = text_parts({**fields, "csrf_token": "x"}) + file_head("file", "a.jpg") + b"one" + END
    assert visitor.send(page_of(case_id), iter([stale]), len(stale)).status_code == 400
    late = file_head("file", "a.jpg") + b"two\r\n" + text_parts(fields)[:-2] + END
    answer = visitor.send(page_of(case_id), iter([late]), len(late))
    assert answer.status_code == 200
    assert "this file was not taken" in answer.text
    assert (len(files_of(field, case_id)), arriving(field)) == (count, [])
    assert post(visitor, case_id, b"three") == 303  # control
    assert len(files_of(field, case_id)) == count + 1


def test_a_page_that_takes_no_file_takes_none(visitor: Visitor, field: Field) -> None:
    token = visitor.token("/exhibits")
    body = text_parts({**token, "words": ""}) + file_head("file", "a.jpg") + b"one" + END
    assert visitor.send("/exhibits", iter([body]), len(body)).status_code == 200
    assert arriving(field) == []


def test_a_transfer_that_breaks_off_leaves_nothing(visitor: Visitor, field: Field, case_id: bytes) -> None:
    count = len(files_of(field, case_id))
    head = text_parts({**visitor.token(page_of(case_id)), **FACTS}) + file_head("file", "a.jpg")
    cookie = "; ".join(f"{one.name}={one.value}" for one in visitor.client.cookies.jar)
    host = visitor.url.removeprefix("http://")
    lines = (
        f"POST {page_of(case_id)} HTTP/1.1\r\nHost: {host}\r\nOrigin: {visitor.url}\r\nCookie: {cookie}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {50 * MIB}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2]))) as line:
        line.sendall(lines + head + bytes(3 * MIB))
        until(lambda: len(arriving(field)) == 1)  # control: it had begun
    until(lambda: arriving(field) == [])
    assert len(files_of(field, case_id)) == count


def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


# ---- In parts ---------------------------------------------------------------------------------------------------


def headers(visitor: Visitor, case_id: bytes) -> dict[str, str]:
    return {"Origin": visitor.url, "X-CSRFToken": visitor.token(page_of(case_id))["csrf_token"]}


def test_a_transfer_in_parts_goes_on_where_it_stopped(visitor: Visitor, field: Field, case_id: bytes) -> None:
    raw, known = secrets.token_bytes(9 * MIB + 5), headers(visitor, case_id)
    began = visitor.client.post(
        f"{visitor.url}/uploads", json={"name": "C:\\x\\film.mp4", "size": len(raw)}, headers=known
    )
    assert began.status_code == 201
    state = began.json()
    part, where = state["part"], f"{visitor.url}/uploads/{state['number']}"
    assert visitor.client.post(f"{where}?from=0", content=raw[:part], headers=known).json()["taken"] == part
    assert visitor.client.post(f"{where}?from=0", content=raw[:part], headers=known).status_code == 409
    (again,) = visitor.client.get(f"{visitor.url}/uploads").json()
    assert (again["taken"], again["name"], len(again["pieces"])) == (part, "film.mp4", 1)
    assert visitor.client.post(f"{where}?from={part}", content=raw[part:]).status_code == 403  # without its origin
    bare = {"Origin": visitor.url}
    assert visitor.client.post(f"{where}?from={part}", content=raw[part:], headers=bare).status_code == 400
    assert visitor.client.post(f"{where}?from={part}", content=raw[part:], headers=known).json()["complete"]
    fields = {**visitor.token(page_of(case_id)), **FACTS, "upload": state["number"]}
    answer = visitor.client.post(visitor.url + page_of(case_id), data=fields, headers={"Origin": visitor.url})
    assert answer.status_code == 303
    with field.north.office.files.session() as db:
        newest = exhibits.list_exhibits(db, field.north.officer("liaison"), case_id)[-1]
        stored = intake.get_file(db, field.north.officer("liaison"), case_id, newest.files[0])
    assert (stored.name, stored.size_bytes) == ("film.mp4", len(raw))
    read = intake.read_file(field.north.office.files, field.north.officer("liaison"), case_id, stored.file_id)
    assert b"".join(read) == raw


def test_a_transfer_is_its_officers_alone_ends_with_the_session_and_takes_no_more_than_announced(
    visitor: Visitor, desk: DeskProcess, field: Field, case_id: bytes
) -> None:
    known = headers(visitor, case_id)
    for name, size, status in [("a", -1, 400), ("a", "1", 400), (5, 5, 400), ("a", 2**60, 413), ("a", 10, 201)]:
        answer = visitor.client.post(f"{visitor.url}/uploads", json={"name": name, "size": size}, headers=known)
        assert answer.status_code == status
    where = f"{visitor.url}/uploads/{answer.json()['number']}?from=0"
    with visiting(desk.url, "liaison-2") as other:
        assert other.client.get(f"{other.url}/uploads").json() == []
        token = {"Origin": other.url, "X-CSRFToken": other.token("/exhibits")["csrf_token"]}
        assert other.client.post(where, content=b"x", headers=token).status_code == 404
    assert visitor.client.post(where, content=b"12345678901", headers=known).status_code == 400
    until(lambda: arriving(field) == [])
    visitor.client.post(f"{visitor.url}/uploads", json={"name": "b", "size": 10}, headers=known)
    assert len(arriving(field)) == 1
    fields = {"csrf_token": known["X-CSRFToken"]}
    visitor.client.post(f"{visitor.url}/lock", data=fields, headers={"Origin": visitor.url})
    assert arriving(field) == []
