"""Notices by mail, taken by a real mail server: one an hour, the same words each time, and nothing of what came."""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from config.settings import DeskSettings
from desk.notices import HOUR_SECONDS, Notices, _pause
from exchange.office import raise_alarm
from tests.support.brokers import free_port
from tests.support.field import Field, now, with_field
from tests.support.traffic import parcel


class Box:
    """What a mail server was given; it can be told to refuse."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # the library's name
        if self.answer.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        return self.answer


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture
def box() -> Iterator[tuple[Box, str]]:
    box, port = Box(), free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    yield box, f"smtp://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def settings(field: Field, tmp_path: Path, box: tuple[Box, str]) -> DeskSettings:
    return DeskSettings(
        data_dir=field.south.folder, agency_id="south-prosecutor", public_url="http://127.0.0.1:8001",
        broker_url=field.settings.public_url, session_key_file=tmp_path / "key", mail_url=box[1],
        mail_from="desk@agency.example", mail_to="unit@agency.example",
    )  # fmt: skip


def notices(settings: DeskSettings, began: int) -> Notices:
    return Notices(settings, began, pause=lambda: HOUR_SECONDS)


def test_one_mail_an_hour_tells_that_something_came(field: Field, settings: DeskSettings, box: tuple[Box, str]) -> None:
    began = now()
    made, office = notices(settings, began - 1), field.south.office
    assert not made.tell(office, began + HOUR_SECONDS)  # nothing came
    for _ in range(3):
        parcel(field.north, "liaison-1", field.south, ["prosecutor-1"], (b"content",)).send(field.south)
    assert not made.tell(office, began + HOUR_SECONDS + 60)  # not yet
    assert made.tell(office, began + 2 * HOUR_SECONDS + 1)
    assert not made.tell(office, began + 3 * HOUR_SECONDS + 2)  # three bundles, one mail
    assert len(box[0].mails) == 1


def test_an_alarm_is_told_too_and_all_mails_are_alike(
    field: Field, settings: DeskSettings, box: tuple[Box, str]
) -> None:
    began = now()
    for kind in ("bundle", "alarm"):
        made = notices(settings, began - 2)
        if kind == "alarm":
            made = notices(settings, now() + 10)
            with field.south.office.files.session() as db:
                raise_alarm(db, "withheld", "a subject that nobody reads", {}, now=now() + 20)
        assert made.tell(field.south.office, began + 9 * HOUR_SECONDS)
    first, second = box[0].mails
    assert first.get_content() == second.get_content()
    assert first["Subject"] == second["Subject"] == "Something waits for you"
    assert "Open the desk as you always do" in first.get_content()
    text = first.as_string()
    assert not re.search(r"https?:|south|prosecutor|north|bundle|alarm|case|survivor|traffick|amparo", text, re.I)


def test_the_words_are_in_the_language_of_the_desk(field: Field, settings: DeskSettings, box: tuple[Box, str]) -> None:
    made = notices(replace(settings, language="ar"), now() - 10_000)
    assert made.tell(field.south.office, now() + HOUR_SECONDS)
    assert re.search("[\u0600-\u06ff]", box[0].mails[0].get_content())


def test_a_server_that_fails_is_asked_later_and_nothing_is_lost(
    field: Field, settings: DeskSettings, box: tuple[Box, str]
) -> None:
    began = now()
    made = notices(settings, began - 10_000)
    box[0].answer = "451 try again"
    assert not made.tell(field.south.office, began + HOUR_SECONDS)
    assert not made.tell(field.south.office, began + HOUR_SECONDS + 60)  # it is not pressed
    box[0].answer = "250 OK"
    assert made.tell(field.south.office, began + HOUR_SECONDS + 600)
    assert len(box[0].mails) == 1


def test_no_server_is_no_mail(field: Field, settings: DeskSettings) -> None:
    made = notices(replace(settings, mail_url=""), now() - 10_000)
    assert not made.tell(field.south.office, now() + HOUR_SECONDS)


def test_the_moment_of_a_mail_does_not_follow_from_what_came() -> None:
    pauses = {_pause() for _ in range(50)}
    assert len(pauses) > 20
    assert min(pauses) >= HOUR_SECONDS
