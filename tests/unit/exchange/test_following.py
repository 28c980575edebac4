"""Following the log while others of the same desk follow it too: nobody takes the other's progress for a fork."""

import threading
from collections.abc import Callable

import httpx2
import pytest

from errors import LogForked
from exchange import follow
from exchange.models import LogEntry
from exchange.office import list_alarms
from tests.support.field import DeskAt, Field, now
from tests.support.traffic import between, parcel


def state_of(desk: DeskAt) -> tuple[int, int, bool]:
    """Entries followed, entries kept, and whether the desk has stopped."""
    with desk.office.files.session() as db:
        state = desk.office.log(db)
        return state.size, db.query(LogEntry).count(), state.is_stopped


def alarms(desk: DeskAt) -> list[str]:
    with desk.office.files.session() as db:
        return [one.kind for one in list_alarms(db)]


def write_something(field: Field) -> None:
    """Entries that the shelter's desk has not seen."""
    parcel(field.north, "liaison-1", field.south, ["prosecutor-1"], (b"content",)).send(field.south)


@pytest.mark.parametrize("moment", ["/checkpoint", "/tile/entries/"])
def test_another_thread_of_the_desk_may_overtake_at_any_moment(field: Field, moment: str) -> None:
    """The clock's round and an officer's sending run at the same time; each reads the log."""
    write_something(field)
    desk, overtaken = field.shelter, []

    def overtake(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        answer = ask()
        if moment in request.url.path and not overtaken:
            overtaken.append(request.url.path)
            follow.follow_log(desk.office, now=now())
            write_something(field)
        return answer

    before = state_of(desk)[0]
    with between(desk.office, overtake):
        follow.follow_log(desk.office, now=now())
    assert overtaken
    size, _, is_stopped = state_of(desk)
    assert size > before
    assert not is_stopped
    assert alarms(desk) == []


def test_many_threads_follow_to_the_same_end(field: Field) -> None:
    desk, failed = field.shelter, []

    def follow_often() -> None:
        try:
            for _ in range(15):
                follow.follow_log(desk.office, now=now())
        except BaseException as error:  # noqa: BLE001  # an error of a thread is the test's
            failed.append(error)

    threads = [threading.Thread(target=follow_often) for _ in range(4)]
    for one in threads:
        one.start()
    for _ in range(3):
        write_something(field)
    for one in threads:
        one.join()
    follow.follow_log(desk.office, now=now())
    assert failed == []
    assert alarms(desk) == []
    field.north.sync()
    follow.follow_log(desk.office, now=now())
    assert state_of(desk)[0] == state_of(field.north)[0]


def test_an_entry_that_was_changed_is_a_fork(field: Field) -> None:
    """The control."""
    write_something(field)
    desk = field.shelter
    size = state_of(desk)[0]

    def change(request: httpx2.Request, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        answer = ask()
        if "/tile/entries/" not in request.url.path:
            return answer
        return httpx2.Response(200, content=answer.content[:-1] + bytes([answer.content[-1] ^ 1]))

    with between(desk.office, change), pytest.raises(LogForked):
        follow.follow_log(desk.office, now=now())
    assert state_of(desk)[::2] == (size, True)
    assert alarms(desk) == ["log-fork"]
