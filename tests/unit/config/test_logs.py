"""Logs: what is not on the list is not written, whoever logs it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from config.logs import allowed_fields, get_log, set_up_logs
from errors import NotFound, SettingInvalid

NAME = "Ioana Marinescu"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Logging as in the product, into memory; put back afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    out = io.StringIO()
    set_up_logs("debug", "json", out)
    yield out
    root.handlers[:], root.level, logging.raiseExceptions = before
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """The lines written so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_allowed_field_is_written(stream: io.StringIO) -> None:
    """The control of all tests below."""
    get_log("broker", agency="north-police").info("bundle-stored", bytes=12, bundle="Ab3_x-")
    (line,) = lines(stream)
    assert line["event"] == "bundle-stored"
    assert line["bytes"] == 12
    assert line["bundle"] == "Ab3_x-"
    assert line["agency"] == "north-police"
    assert line["level"] == "info"
    assert str(line["time"]).endswith("Z")


def test_a_key_that_is_not_listed_is_dropped(stream: io.StringIO) -> None:
    """Nothing is written because somebody logged it."""
    get_log("desk").warning("case-opened", person=NAME, purpose="prosecution", count=1)
    assert NAME not in stream.getvalue()
    assert lines(stream)[0].keys() == {"count", "event", "level", "logger", "time"}


@pytest.mark.parametrize("value", [NAME, "a\nb", ["x"], {"name": "x"}, b"x", "x" * 129, "Łucja"])
def test_free_text_under_a_listed_key_is_withheld(stream: io.StringIO, value: object) -> None:
    """A listed key is no way around the list."""
    get_log("desk").info("sync-done", bundle=value)
    assert lines(stream)[0]["bundle"] == "withheld"


def test_free_text_as_the_event_is_withheld(stream: io.StringIO) -> None:
    """Events are fixed words; a sentence may hold a name."""
    get_log("desk").info(f"opened the case of {NAME}")
    assert lines(stream)[0]["event"] == "withheld"


def test_of_an_exception_only_class_and_code_are_written(stream: io.StringIO) -> None:
    """The message and the frames of an exception may carry content."""
    for error in (NotFound(f"no person {NAME}"), ValueError(NAME)):
        try:
            raise error
        except Exception:
            get_log("desk").error("request-failed", exc_info=True)
            logging.getLogger("library").exception("could not read %s", NAME)
    assert NAME not in stream.getvalue()
    assert "Traceback" not in stream.getvalue()
    assert [line.get("error") for line in lines(stream)] == [
        "NotFound",
        "NotFound",
        "ValueError",
        "ValueError",
    ]
    assert lines(stream)[0]["code"] == "not-found"


def test_of_a_library_only_logger_and_level_are_written(stream: io.StringIO) -> None:
    """Libraries write URLs, statements and values."""
    logging.getLogger("httpx2").info("GET %s", f"https://desk/people?name={NAME}", extra={"agency": NAME})
    logging.getLogger("library").warning("wrong number of arguments %s %s", NAME)
    assert NAME not in stream.getvalue()
    first = lines(stream)[0]
    assert (first["logger"], first["level"], first["event"]) == ("httpx2", "info", "library-message")


def test_text_form_is_one_line_with_the_same_fields() -> None:
    """For the desk of one officer, read by a person."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    out = io.StringIO()
    try:
        set_up_logs("info", "text", out)
        get_log("desk").info("sync-done", count=3, person=NAME)
        get_log("desk").debug("sync-started")
    finally:
        root.handlers[:], root.level = before
        structlog.reset_defaults()
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().endswith("sync-done count=3 logger=desk\n")


@pytest.mark.parametrize(("level", "form"), [("loud", "json"), ("info", "xml")])
def test_an_unknown_level_or_form_is_refused(level: str, form: str) -> None:
    """A typing mistake must not become a silent log."""
    with pytest.raises(SettingInvalid):
        set_up_logs(level, form)


def test_allowed_fields_tells_what_would_be_kept() -> None:
    """The same rule, for tests of other parts."""
    assert allowed_fields({"count": 2, "person": NAME, "bundle": NAME}) == {"count": 2}


def test_a_log_that_nobody_set_up_tells_no_values_either(capsys: pytest.CaptureFixture[str]) -> None:
    """What structlog does by itself prints the variables of each frame."""
    structlog.reset_defaults()
    key = "a-key-that-nobody-may-read"
    try:
        raise ValueError(key)
    except ValueError:
        get_log("test").error("job-failed", exc_info=True, code="unexpected")
    told = capsys.readouterr()
    assert "job-failed" in told.err
    assert "ValueError" in told.err
    assert key not in told.err + told.out
