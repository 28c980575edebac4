"""Reads the forms of every page. The bytes of files pass through to where the page wants them and are never held.

Werkzeug's own parser spools files in clear into the folder for temporary files; here a file goes into a sealed blob, a
small document stays in memory, and a file for a page that takes none is dropped as it comes.
"""

import contextlib
import time
from collections.abc import Iterator
from io import BytesIO
from typing import IO, Final

from flask import Flask, current_app, request
from flask import Response as Answer
from flask_login import current_user
from flask_wtf.csrf import validate_csrf
from werkzeug.datastructures import FileStorage, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData
from wtforms import ValidationError

from desk import sealed_file
from desk.access import office
from desk.sealed_file import SealedFile
from desk.uploads import Arriving, Taking, Upload, drop, hold
from errors import AmparoError, InputError, LimitExceeded
from evidence.receiving import clear

READ_BYTES: Final = 128 * 1024
DRAIN_BYTES: Final = 256 * 2**20  # of a refused request, so that its sender reads the refusal
MOST_FILES: Final = 4  # of one form


class DeskRequest(Arriving):
    """A request of the desk."""

    def make_form_data_parser(self) -> FormDataParser:
        """The parser below, in place of the one that spools."""
        return SealingParser(self)


class _Sink:
    """Where the bytes of one part go: nowhere, unless a subclass says so."""

    def write(self, data: bytes) -> None:
        """The next bytes."""

    def end(self) -> None:
        """The part is over."""

    def abort(self) -> None:
        """The request broke."""


class _Text(_Sink):
    def __init__(self, name: str, parser: "SealingParser") -> None:
        self._name, self._parser, self._data = name, parser, bytearray()

    def write(self, data: bytes) -> None:
        self._parser.count(len(data))
        self._data += data

    def end(self) -> None:
        self._parser.fields.append((self._name, self._data.decode("utf-8", "replace")))


class _Document(_Sink):
    def __init__(self, asked: Arriving, name: str, filename: str, most: int) -> None:
        self._asked, self._name, self._filename, self._most = asked, name, filename, most
        self._data = bytearray()

    def write(self, data: bytes) -> None:
        if len(self._data) <= self._most:
            self._data += data

    def end(self) -> None:
        if len(self._data) > self._most:
            self._asked.refused[self._name] = LimitExceeded("this file is too large for a document")
        else:
            self._asked.documents[self._name] = self._filename, bytes(self._data)


class _Passing(_Sink):
    """Into a sealed file that the end of the request removes."""

    def __init__(self, asked: Arriving, name: str, most: int) -> None:
        self._asked, self._name = asked, name
        self._file = asked.passing[name] = SealedFile(office().files, most)

    def write(self, data: bytes) -> None:
        if self._name in self._asked.refused:
            return
        try:
            self._file.write(data)
        except AmparoError as error:
            self._asked.refused[self._name] = error
            self._file.close()


class _Sealed(_Sink):
    """Into a sealed blob. An error of the desk is kept for the form, and the rest of the file is dropped."""

    def __init__(self, asked: Arriving, name: str, filename: str, most: int) -> None:
        self._asked, self._name = asked, name
        self._upload: Upload | None = None
        with self._errors():
            self._upload = hold(filename, most)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except AmparoError as error:
            self._asked.refused[self._name] = error
            self.abort()

    def write(self, data: bytes) -> None:
        if self._upload is not None:
            current_user.seen = time.monotonic()  # an officer who sends a large file is not idle
            with self._errors():
                self._upload.receiving.write(data)

    def end(self) -> None:
        if self._upload is not None:
            with self._errors():
                self._upload.receiving.finish()
                self._asked.arrived[self._name] = self._upload

    def abort(self) -> None:
        if self._upload is not None:
            drop(self._upload.number)
            self._upload = None


class SealingParser(FormDataParser):
    """Reads forms; the bytes of files pass through and are never held.

    Attributes:
        fields: names and values that were typed.
    """

    def __init__(self, asked: Arriving) -> None:
        super().__init__(
            max_form_memory_size=asked.max_form_memory_size, max_content_length=asked.max_content_length,
            max_form_parts=asked.max_form_parts, cls=asked.parameter_storage_class,
        )  # fmt: skip
        self._asked = asked
        self.fields: list[tuple[str, str]] = []
        self._files: list[tuple[str, FileStorage]] = []
        self._typed_bytes = 0

    def count(self, size: int) -> None:
        """So many bytes more were typed.

        Raises:
            LimitExceeded: all of it together is more than a page takes.
        """
        self._typed_bytes += size
        if self.max_form_memory_size is not None and self._typed_bytes > self.max_form_memory_size:
            raise LimitExceeded("what was typed is longer than this page takes")

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        """Form and files of a request; see werkzeug."""
        if mimetype != "multipart/form-data":
            return super().parse(stream, mimetype, content_length, options)
        boundary = (options or {}).get("boundary", "").encode("ascii", "replace")
        try:
            self._read(stream, boundary)
        except ValueError:  # not a form; the token will be missing
            self.fields, self._files = [], []
        return stream, ImmutableMultiDict(self.fields), ImmutableMultiDict(self._files)

    def _read(self, stream: IO[bytes], boundary: bytes) -> None:
        if not boundary:
            raise ValueError("a form without a boundary")
        decoder = MultipartDecoder(boundary, self.max_form_memory_size, max_parts=self.max_form_parts)
        sink = _Sink()
        try:
            while data := stream.read(READ_BYTES):
                decoder.receive_data(data)
                sink = self._take(decoder, sink)
            decoder.receive_data(None)
            self._take(decoder, sink)
        except BaseException:
            sink.abort()
            for upload in self._asked.arrived.values():
                drop(upload.number)
            self._asked.arrived.clear()
            raise

    def _take(self, decoder: MultipartDecoder, sink: _Sink) -> _Sink:
        event: Event = decoder.next_event()
        while not isinstance(event, Epilogue | NeedData):
            if isinstance(event, Field):
                sink = _Text(event.name, self)
            elif isinstance(event, File):
                sink = self._open(event)
            elif isinstance(event, Data):
                sink.write(event.data)
                if not event.more_data:
                    sink.end()
            event = decoder.next_event()
        return sink

    def _open(self, event: File) -> _Sink:
        """Where a file goes: nowhere at all, unless its page takes files and the form's token came before it."""
        if not event.filename:
            return _Sink()  # a file field that was left empty
        taking = getattr(current_app.view_functions.get(self._asked.endpoint or ""), "taking", None)
        if (
            taking is None
            or not (taking.is_open or current_user.is_authenticated)
            or len(self._files) >= MOST_FILES
            or not self._has_token()
        ):
            self._asked.refused[event.name] = InputError("this file was not taken: the page was too old, or takes none")
            return _Sink()
        if any(name == event.name for name, _file in self._files):
            raise InputError("this form brought two files in one place; send it again with one")
        self._files.append((event.name, FileStorage(BytesIO(), event.filename, event.name)))
        return self._sink(taking, event.name, event.filename)

    def _sink(self, taking: Taking, name: str, filename: str) -> _Sink:
        most = taking.most_bytes()
        if taking.kind == "document":
            return _Document(self._asked, name, filename, most)
        if taking.kind == "passing":
            return _Passing(self._asked, name, most)
        return _Sealed(self._asked, name, filename, most)

    def _has_token(self) -> bool:
        tokens = [value for name, value in self.fields if name == current_app.config["WTF_CSRF_FIELD_NAME"]]
        try:
            validate_csrf(tokens[0] if tokens else self._asked.headers.get("X-CSRFToken", ""))
        except ValidationError:
            return False
        return True


# ---- Installing -------------------------------------------------------------------------------------------------


def install(app: Flask) -> None:
    """Let every request of the desk read its files in this way, and throw away what broken transfers left."""
    app.request_class = DeskRequest
    app.after_request(_read_out)
    app.teardown_request(_drop_passing)
    files = app.extensions["office"].files
    clear(files)
    sealed_file.sweep(files)


def _read_out(answer: Answer) -> Answer:
    """Read what a refused request still brings, and drop it: a sender who is cut off would not see the refusal."""
    if request.content_length and request.method == "POST":
        left = DRAIN_BYTES
        with contextlib.suppress(HTTPException, OSError, ValueError):
            while left > 0 and (data := request.stream.read(READ_BYTES)):
                left -= len(data)
    return answer


def _drop_passing(_error: BaseException | None) -> None:
    for one in getattr(request, "passing", {}).values():
        one.close()
