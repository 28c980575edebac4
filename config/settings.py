"""The settings of a broker and of a desk, read once from the environment.

Every setting is a variable `AMPARO_BROKER_<NAME>` or `AMPARO_DESK_<NAME>` with the name of the field in
capitals; `config/example.env` lists them all. Fields that may carry a password, or that say where a key lies,
do not show in a repr. Nothing is read at import, and no key has a default.
"""

import dataclasses
import os
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import unquote, urlsplit
from zoneinfo import available_timezones

from environs import Env, EnvError
from platformdirs import user_data_path

from errors import SettingInvalid

MIB = 2**20
SECOND_FACTOR = ("required", "off")
LANGUAGES = ("en", "fr", "es", "ro", "ar")
MAIL_BOX = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """What may differ between two brokers.

    The host and port of `public_url` are the `@authority` of signed requests.
    """

    data_dir: Path
    public_url: str
    broker_id: str
    store_key_file: Path = field(repr=False)  # no default: the broker does not start without it
    log_key_file: Path = field(repr=False)
    receiving_key_file: Path = field(repr=False)
    database_url: str = field(repr=False)  # may carry a password
    halves_url: str = field(repr=False)  # a store of its own (protocol.md): never the same as database_url
    blob_url: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    threads: int = 16
    max_bundle_bytes: int = 64 * 1024 * MIB
    max_event_bytes: int = 256 * 1024
    requests_per_minute: int = 1200
    undelivered_ttl_days: int = 90
    default_term_days: int = 1826
    destroy_after_expiry_days: int = 30
    rekey_hours: int = 24
    integrate_every_ms: int = 5
    witness_quorum: int = 1
    log_level: str = "info"
    log_form: str = "json"

    def __post_init__(self) -> None:
        require_origin("public_url", self.public_url)
        if _store_of(self.database_url) == _store_of(self.halves_url):
            raise SettingInvalid("halves_url: the key halves need a store of their own, apart from database_url")
        require_positive(self)

    @classmethod
    def from_environment(cls) -> Self:
        """Read `AMPARO_BROKER_*`.

        Raises:
            SettingInvalid: a variable is missing or unusable; the message names it.
        """
        read = Reader("AMPARO_BROKER_")
        data_dir = read.path("data_dir", user_data_path("amparo") / "broker")
        values = read.others(cls) | {
            "data_dir": data_dir,
            "public_url": read.text("public_url"),
            "broker_id": read.text("broker_id"),
            "store_key_file": read.path("store_key_file"),
            "log_key_file": read.path("log_key_file"),
            "receiving_key_file": read.path("receiving_key_file"),
            "database_url": read.text("database_url", sqlite_url(data_dir / "broker.sqlite")),
            "halves_url": read.text("halves_url", sqlite_url(data_dir / "halves.sqlite")),
            "blob_url": read.text("blob_url", (data_dir / "blobs").as_uri()),
        }
        return read.build(cls, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSettings:
    """What may differ between two desks.

    `public_url` is the exact address that the desk answers to; the cookie's name derives from it.
    """

    data_dir: Path
    agency_id: str
    public_url: str
    broker_url: str
    session_key_file: Path = field(repr=False)  # signs cookies; made at set-up, readable by the desk alone
    host: str = "127.0.0.1"
    port: int = 8001
    session_hours: int = 12
    idle_lock_minutes: int = 5
    second_factor: str = "required"  # or `off`, for a desk on loopback alone
    time_zone: str = "UTC"  # of the dates on pages; proofs say UTC
    language: str = "en"  # until an officer chooses another
    threads: int = 16
    tls_certificate: str = ""  # file with its chain; empty: plain HTTP, on loopback alone
    tls_key: str = field(default="", repr=False)  # its file
    unit: str = ""  # of the agency, as the top of the pages shows it
    exit_url: str = ""  # where `Exit this page` leads; empty: a page of the desk that says nothing
    sync_every_seconds: int = 20
    mail_url: str = ""  # smtps://host or smtp://host (with STARTTLS), for notices that say nothing; empty: no mail
    mail_from: str = ""
    mail_to: str = ""  # one box of the agency
    mail_user: str = ""
    mail_password_file: str = field(default="", repr=False)
    max_pack_bytes: int = 8 * 1024 * MIB  # of a pack that is checked on the page /verify
    log_level: str = "info"
    log_form: str = "text"

    def __post_init__(self) -> None:
        require_origin("public_url", self.public_url)
        require_origin("broker_url", self.broker_url)
        require_positive(self)
        _require_desk_words(self)

    @classmethod
    def from_environment(cls) -> Self:
        """Read `AMPARO_DESK_*`.

        Raises:
            SettingInvalid: a variable is missing or unusable; the message names it.
        """
        read = Reader("AMPARO_DESK_")
        data_dir = read.path("data_dir", user_data_path("amparo") / "desk")
        values = read.others(cls) | {
            "data_dir": data_dir,
            "agency_id": read.text("agency_id"),
            "public_url": read.text("public_url"),
            "broker_url": read.text("broker_url"),
            "session_key_file": read.path("session_key_file"),
        }
        return read.build(cls, values)


class Reader:
    """Reads variables under one prefix; every failure becomes SettingInvalid and names its variable."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._env = Env(prefix=prefix)

    def text(self, name: str, default: str | None = None) -> str:
        """A string; required when there is no default."""
        value = self._value("str", name, default)
        if not value and default is None:
            raise SettingInvalid(f"{self._variable(name)} is empty")
        return str(value)

    def path(self, name: str, default: Path | None = None) -> Path:
        """An absolute path; required when there is no default."""
        path = Path(self.text(name, None if default is None else str(default))).expanduser()
        if not path.is_absolute():
            # A relative path would mean another file for every folder the process is started from.
            raise SettingInvalid(f"{self._variable(name)} must be an absolute path")
        return path

    def others(self, cls: type) -> dict[str, Any]:
        """All fields of the dataclass that have a default, as the type of that default."""
        return {
            item.name: self._value(type(item.default).__name__, item.name, item.default)
            for item in dataclasses.fields(cls)
            if item.default is not dataclasses.MISSING
        }

    def build(self, cls: type[S], values: dict[str, Any]) -> S:
        """Make the settings; what they refuse themselves is named by variable too."""
        try:
            return cls(**values)
        except SettingInvalid as error:
            name, _, reason = error.message.partition(": ")
            raise SettingInvalid(f"{self._variable(name)}: {reason}") from None

    def _value(self, kind: str, name: str, default: Any) -> Any:
        read = getattr(self._env, kind)
        try:
            return read(name.upper()) if default is None else read(name.upper(), default)
        except EnvError as error:
            # `from None`: the chained error of a parser repeats the value, which may be a secret.
            raise SettingInvalid(f"{self._variable(name)} {_reason(error)}") from None

    def _variable(self, name: str) -> str:
        return self._prefix + name.upper()


def _reason(error: EnvError) -> str:
    return "is not set" if "not set" in str(error) else "has a value of the wrong kind"


def _store_of(url: str) -> tuple[str, ...]:
    """What a database URL names, however it is written."""
    parts = urlsplit(url)
    kind = parts.scheme.split("+")[0]
    if kind == "sqlite":
        return kind, os.path.realpath(unquote(parts.path[1:]))
    return kind, (parts.hostname or "").lower(), str(parts.port or 5432), parts.path, parts.query


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy URL of a SQLite file."""
    return f"sqlite:///{path}"


def require_origin(name: str, url: str) -> None:
    """Raise SettingInvalid unless the URL is scheme, host and port only, with TLS on all but loopback."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SettingInvalid(f"{name}: not a URL") from None
    if not host or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingInvalid(f"{name}: give scheme, host and port, and nothing behind them")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SettingInvalid(f"{name}: only https, or http on this machine")


def _require_desk_words(settings: DeskSettings) -> None:
    """Raise SettingInvalid for a word that the desk does not know."""
    _require_tls(settings)
    if settings.second_factor not in SECOND_FACTOR:
        raise SettingInvalid("second_factor: required or off")
    if settings.second_factor == "off" and not is_loopback(urlsplit(settings.public_url).hostname or ""):
        raise SettingInvalid("second_factor: a desk that other computers reach asks for a second factor")
    if settings.language not in LANGUAGES:
        raise SettingInvalid(f"language: one of {', '.join(LANGUAGES)}")
    if settings.time_zone not in available_timezones():
        raise SettingInvalid("time_zone: a name of the time zone database, as Europe/Paris or UTC")
    if settings.exit_url and urlsplit(settings.exit_url).scheme != "https":
        raise SettingInvalid("exit_url: a page that begins with https:, or nothing")
    if settings.mail_url:
        _require_mail(settings)


def _require_mail(settings: DeskSettings) -> None:
    """Raise SettingInvalid unless notices have a server, a sender and one box, and a name comes with its password."""
    try:
        parts = urlsplit(settings.mail_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SettingInvalid("mail_url: not a URL") from None
    if parts.scheme not in ("smtp", "smtps") or not host or "@" in parts.netloc or parts.path or parts.query:
        raise SettingInvalid("mail_url: smtps:// or smtp://, host and port, and nothing behind them")
    for name in ("mail_from", "mail_to"):
        if not MAIL_BOX.fullmatch(getattr(settings, name)):
            raise SettingInvalid(f"{name}: one address, as desk@agency.example")
    if bool(settings.mail_user) != bool(settings.mail_password_file):
        raise SettingInvalid("mail_user: give a user and the file of its password, or neither")
    if settings.mail_password_file and not Path(settings.mail_password_file).is_absolute():
        raise SettingInvalid("mail_password_file: must be an absolute path")


def _require_tls(settings: DeskSettings) -> None:
    """Raise SettingInvalid unless passphrases travel under TLS or on loopback alone."""
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise SettingInvalid("tls_certificate: give the certificate and its key, or neither")
    if settings.tls_certificate and not settings.public_url.startswith("https:"):
        raise SettingInvalid("tls_certificate: the public_url of a desk with a certificate begins with https")
    if not settings.tls_certificate and not is_loopback(settings.host):
        raise SettingInvalid("host: without a certificate the desk listens on loopback alone")
    for path in (settings.tls_certificate, settings.tls_key):
        if path and not Path(path).is_absolute():
            raise SettingInvalid("tls_certificate: give absolute paths")


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_positive(settings: Any) -> None:
    """Raise SettingInvalid if a number is below 1: sizes, times and rates of nothing are mistakes."""
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if isinstance(value, int) and value < 1:
            raise SettingInvalid(f"{item.name}: must be at least 1")
