"""Settings: read once, refused when unusable, silent about secrets."""

import os
import re
from dataclasses import fields
from pathlib import Path

import pytest

from config.settings import BrokerSettings, DeskSettings
from errors import SettingInvalid

BROKER = {
    "AMPARO_BROKER_PUBLIC_URL": "https://broker.example.org",
    "AMPARO_BROKER_BROKER_ID": "broker-1",
    "AMPARO_BROKER_STORE_KEY_FILE": "/etc/amparo/store.key",
    "AMPARO_BROKER_LOG_KEY_FILE": "/etc/amparo/log.key",
    "AMPARO_BROKER_RECEIVING_KEY_FILE": "/etc/amparo/receiving.key",
}
DESK = {
    "AMPARO_DESK_AGENCY_ID": "north-police",
    "AMPARO_DESK_PUBLIC_URL": "http://127.0.0.1:8001",
    "AMPARO_DESK_BROKER_URL": "https://broker.example.org",
    "AMPARO_DESK_SESSION_KEY_FILE": "/etc/amparo/session.key",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which the required settings are there, and no others."""
    for name in os.environ:
        if name.startswith("AMPARO_"):
            monkeypatch.delenv(name)
    for name, value in (BROKER | DESK).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_required_settings_are_enough(environment: pytest.MonkeyPatch) -> None:
    """All others have defaults that work on one machine."""
    broker, desk = BrokerSettings.from_environment(), DeskSettings.from_environment()
    assert broker.database_url.endswith("broker.sqlite")
    assert broker.halves_url.endswith("halves.sqlite")
    assert desk.port == 8001
    assert desk.data_dir.is_absolute()


@pytest.mark.parametrize("name", sorted(BROKER | DESK))
def test_a_missing_required_setting_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    """No key and no address has a default."""
    environment.delenv(name)
    settings = BrokerSettings if name.startswith("AMPARO_BROKER") else DeskSettings
    with pytest.raises(SettingInvalid, match=name):
        settings.from_environment()


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("AMPARO_BROKER_PORT", "eighty", "80"),
        ("AMPARO_BROKER_MAX_EVENT_BYTES", "0", "1"),
        ("AMPARO_BROKER_PUBLIC_URL", "http://broker.example.org", "http://127.0.0.1:8000"),
        ("AMPARO_BROKER_PUBLIC_URL", "https://broker.example.org/path", "https://broker.example.org:444"),
        ("AMPARO_BROKER_PUBLIC_URL", "https://broker.example.org:port", "https://[::1]:8000"),
        ("AMPARO_BROKER_HALVES_URL", "sqlite:///same.sqlite", "sqlite:///other.sqlite"),
        ("AMPARO_BROKER_HALVES_URL", "sqlite:///./sub/../same.sqlite", "sqlite:///sub/same.sqlite"),
        ("AMPARO_BROKER_STORE_KEY_FILE", "keys/store.key", "/keys/store.key"),
        ("AMPARO_BROKER_STORE_KEY_FILE", "", "/keys/store.key"),
    ],
)
def test_an_unusable_value_is_refused_and_its_variable_named(
    environment: pytest.MonkeyPatch, name: str, bad: str, good: str
) -> None:
    """The process does not start with a setting it would have to guess."""
    environment.setenv("AMPARO_BROKER_DATABASE_URL", "sqlite:///same.sqlite")
    environment.setenv(name, bad)
    with pytest.raises(SettingInvalid, match=name):
        BrokerSettings.from_environment()
    environment.setenv(name, good)
    BrokerSettings.from_environment()


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("MAIL_URL", "https://mail.example.org", "smtps://mail.example.org"),
        ("MAIL_URL", "smtp://", "smtp://127.0.0.1:2525"),
        ("MAIL_URL", "smtp://me:word@mail.example.org", "smtp://mail.example.org:587"),
        ("MAIL_FROM", "", "desk@agency.example"),
        ("MAIL_TO", "a@agency.example, b@agency.example", "unit@agency.example"),
        ("MAIL_TO", "unit@agency.example\nBcc: x@example.org", "unit@agency.example"),
        ("MAIL_USER", "desk", ""),
    ],
)
def test_notices_have_a_server_and_one_box_or_none(
    environment: pytest.MonkeyPatch, name: str, bad: str, good: str
) -> None:
    """A mail must not go to more than one box, nor in clear over a network."""
    for one, value in (("URL", "smtps://mail.example.org"), ("FROM", "d@a.example"), ("TO", "u@a.example")):
        environment.setenv(f"AMPARO_DESK_MAIL_{one}", value)
    environment.setenv(f"AMPARO_DESK_{name}", bad)
    with pytest.raises(SettingInvalid, match=f"AMPARO_DESK_{name}"):
        DeskSettings.from_environment()
    environment.setenv(f"AMPARO_DESK_{name}", good)
    assert DeskSettings.from_environment().mail_url.startswith("smtp")


def test_no_password_and_no_key_shows_in_a_repr_or_an_error(environment: pytest.MonkeyPatch) -> None:
    """Settings end up in stack traces."""
    environment.setenv("AMPARO_BROKER_DATABASE_URL", "postgresql+psycopg://amparo:hunter2@db/amparo")
    broker = BrokerSettings.from_environment()
    assert "hunter2" in broker.database_url
    assert "hunter2" not in repr(broker)
    assert "/etc/amparo" not in repr(broker) + repr(DeskSettings.from_environment())
    environment.setenv("AMPARO_BROKER_PORT", "hunter3")
    with pytest.raises(SettingInvalid) as caught:
        BrokerSettings.from_environment()
    assert "hunter3" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_example_lists_every_setting_and_no_other(repository: Path) -> None:
    """An administrator reads the example, not the source."""
    text = (repository / "config" / "example.env").read_text("utf-8")
    listed = re.findall(r"^#?(AMPARO_(?:BROKER|DESK)_[A-Z_]+)=", text, re.M)
    expected = [
        f"AMPARO_{role}_{item.name.upper()}"
        for role, cls in (("BROKER", BrokerSettings), ("DESK", DeskSettings))
        for item in fields(cls)
    ]
    assert sorted(listed) == sorted(expected)


def test_the_defaults_in_the_example_are_the_defaults(repository: Path) -> None:
    """Numbers in the example are read as what happens when the line is left out."""
    text = (repository / "config" / "example.env").read_text("utf-8")
    for role, cls in (("BROKER", BrokerSettings), ("DESK", DeskSettings)):
        for item in fields(cls):
            if isinstance(item.default, int | str):
                assert f"#AMPARO_{role}_{item.name.upper()}={item.default}\n" in text
