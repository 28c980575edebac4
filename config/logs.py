"""Logging: only allow-listed fields are written.

A log line is the easiest way for a name to leave an agency (guarantee G1), so nothing is written because
somebody logged it, but because it stands in the list below. The last step of the chain, `AllowedOnly`, drops
every other key, and withholds every value that is not a number, a truth value or one short token without
spaces. Messages of libraries are free text: of them only the logger, the level and the class of the error are
kept.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from errors import AmparoError, SettingInvalid

# fmt: off
ALLOWED = frozenset({
    "agency", "algorithm", "attempt", "bundle", "bytes", "checkpoint", "code", "count", "duration_ms",
    "entry", "error", "event", "index", "level", "log", "logger", "method", "officer", "operator",
    "part", "port", "request", "role", "route", "size", "status", "time", "version", "witness",
})
# fmt: on
EVENT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
TOKEN = re.compile(r"[A-Za-z0-9_.:/<>+=-]{1,128}", re.ASCII)
WITHHELD = "withheld"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
FORMS = ("json", "text")

EventDict = MutableMapping[str, Any]


class AllowedOnly:
    """The last processor: what it does not know is not written."""

    def __init__(self, form: str) -> None:
        self._form = form

    def __call__(self, logger: Any, method: str, event: EventDict) -> str:
        kept = {key: safe_value(key, event[key]) for key in sorted(ALLOWED & event.keys())}
        if self._form == "json":
            return json.dumps(kept)
        head = f"{kept.pop('time', '-')} {kept.pop('level', '-'):<7} {kept.pop('event', '-')}"
        return " ".join([head, *(f"{key}={value}" for key, value in kept.items())])


def safe_value(key: str, value: object) -> object:
    """The value if it can carry no free text, else the word `withheld`."""
    if value is None or isinstance(value, bool | int | float):
        return value
    pattern = EVENT if key == "event" else TOKEN
    text = value if isinstance(value, str) else ""
    return text if pattern.fullmatch(text) else WITHHELD


def name_the_error(logger: Any, method: str, event: EventDict) -> EventDict:
    """Replace an exception by its class and code: its message and its frames may carry content."""
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
    if isinstance(error, AmparoError):
        event["code"] = error.code
    return event


def forget_the_text(logger: Any, method: str, event: EventDict) -> EventDict:
    """For records of libraries: the sentence they wrote is not ours to publish."""
    event["event"] = "library-message"
    return event


def set_up_logs(level: str = "info", form: str = "json", stream: TextIO | None = None) -> None:
    """Send all logging of this process, our own and that of libraries, through the allow-list.

    Args:
        level: debug, info, warning or error.
        form: `json` (one object per line) or `text`.
        stream: where to write; standard error if None.

    Raises:
        SettingInvalid: the level or the form is not one of those above.
    """
    if level not in LEVELS or form not in FORMS:
        raise SettingInvalid(f"log_level is one of {', '.join(LEVELS)}; log_form one of {', '.join(FORMS)}")
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        name_the_error,
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, forget_the_text],
            processors=[name_the_error, AllowedOnly(form)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    # A record that cannot be formatted would be printed with its arguments.
    logging.raiseExceptions = False
    # SQLAlchemy writes statements with their values at INFO and DEBUG.
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get_log(name: str, **bound: object) -> structlog.stdlib.BoundLogger:
    """A logger; use it as `log.info("bundle-stored", bundle=bundle_id, bytes=size)`."""
    if not structlog.is_configured():
        # What structlog does by itself prints a traceback with the values of all variables, keys among them.
        structlog.configure(
            processors=[structlog.processors.add_log_level, name_the_error, AllowedOnly("text")],
            logger_factory=lambda *names: structlog.PrintLogger(sys.stderr), cache_logger_on_first_use=False,
        )  # fmt: skip
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger.bind(**bound) if bound else logger


def allowed_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """The part of a mapping that a log line would keep."""
    return {key: value for key, value in fields.items() if key in ALLOWED and safe_value(key, value) == value}
