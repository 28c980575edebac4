"""Files in forms: sealed as they arrive, never spooled in clear, in flat memory.

A view that takes files says so (`takes_file`). The parser of the form pushes the bytes of a file into
`evidence/receiving.py` once it has seen the form's token before them; hidden fields stand before the file field. What
arrived is held with the session of its officer, so that a form with a mistake need not send it again. With a script a
file comes in parts of 8 MiB and goes on where it stopped (static/upload.js); without one it comes with the form.
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Any, Final, TypeVar, cast

from flask import Blueprint, Flask, Request, current_app, jsonify, request
from flask import Response as Answer
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf.csrf import validate_csrf
from werkzeug.datastructures import FileStorage, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData
from wtforms import HiddenField, ValidationError

from crypto.digests import PIECE_BYTES
from desk import forms
from desk.access import any_officer, office
from desk.errors import STATUS
from errors import AmparoError, FormatError, InputError, LimitExceeded, NotFound
from evidence.receiving import Receiving, clear

pages: Final = Blueprint("uploads", __name__)
View = TypeVar("View", bound=Callable[..., Any])

READ_BYTES: Final = 128 * 1024
DRAIN_BYTES: Final = 256 * 2**20  # of a refused request, so that its sender reads the refusal
DOCUMENT_BYTES: Final = 16 * 2**20
MOST_BYTES: Final = 256 * 2**30
MOST_HELD: Final = 20
LONGEST_NAME: Final = 400


@dataclass(frozen=True, slots=True)
class Taking:
    """What a view takes: evidence that is sealed as it arrives, or a small document that stays in memory."""

    is_document: bool
    most_bytes: int


def takes_file(view: View) -> View:
    """The view's form brings files of any size; they are sealed as they arrive."""
    cast(Any, view).taking = Taking(False, MOST_BYTES)
    return view


def takes_document(view: View) -> View:
    """The view's form brings a signed document of at most 16 MiB, which is read in memory."""
    cast(Any, view).taking = Taking(True, DOCUMENT_BYTES)
    return view


@dataclass
class Upload:
    """A file that arrives, or has arrived, and is held with the session of its officer.

    Attributes:
        number: by which its form names it.
        expected: its size in bytes as a script announced it; None for one that comes with its form.
        busy: held while a part is written.
    """

    number: str
    name: str = field(repr=False)
    receiving: Receiving
    expected: int | None = None
    busy: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_complete(self) -> bool:
        return self.receiving.is_complete

    def abort(self) -> None:
        """Throw it away."""
        self.receiving.abort()


def _hold(name: str, expected: int | None = None) -> Upload:
    """Begin to receive a file for the signed-in officer."""
    held = current_user.held
    most = current_app.config.get("LARGEST_UPLOAD_BYTES", MOST_BYTES)
    upload = Upload(secrets.token_urlsafe(18), _short(name), Receiving(office().files, most_bytes=most), expected)
    held[upload.number] = upload
    for old in list(held.values())[: max(0, len(held) - MOST_HELD)]:
        drop(old.number)
    return upload


def _short(name: str) -> str:
    """The last part of a file's name, whichever system it is from, without signs that no name holds."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable())[:LONGEST_NAME] or "file"


def drop(number: str) -> None:
    """Throw away an upload of the signed-in officer."""
    upload = current_user.held.pop(number, None)
    if upload is not None:
        upload.abort()


# ---- In forms ---------------------------------------------------------------------------------------------------


class UploadForm(forms.DeskForm):
    """A form with a file. `upload` names one that has arrived before the form did."""

    upload = HiddenField()
    file = forms.file(_l("File"))


def arrived(form: UploadForm, *, missing: Any = None) -> Upload | None:
    """The file that came with a form, or before it. None if there is none; the form says why.

    Args:
        missing: the sentence for a form without a file; without it a file may be left out.
    """
    refused = _request().refused.get("file")
    if refused is not None:
        form.refuse("file", _(refused.message))
        return None
    found = _request().arrived.get("file") or current_user.held.get(str(form.upload.data or ""))
    if found is not None and found.is_complete:
        form.upload.data = found.number
        return cast(Upload, found)
    if form.upload.data:
        form.upload.data = ""
        form.refuse("file", _("The file did not arrive whole, or the desk has locked since. Send it again."))
    elif missing:
        form.refuse("file", missing)
    return None


def document(form: forms.DeskForm, name: str, *, missing: Any) -> bytes | None:
    """A small document that came with a form."""
    refused, found = _request().refused.get(name), _request().documents.get(name)
    if refused is not None:
        form.refuse(name, _(refused.message))
    elif not found:
        form.refuse(name, missing)
    return found or None


# ---- The parser -------------------------------------------------------------------------------------------------


class DeskRequest(Request):
    """A request whose files go into sealed blobs.

    Attributes:
        arrived: by the name of the field, files that have arrived.
        documents: by the name of the field, small documents.
        refused: by the name of the field, why a file was not taken.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arrived: dict[str, Upload] = {}
        self.documents: dict[str, bytes] = {}
        self.refused: dict[str, AmparoError] = {}

    def make_form_data_parser(self) -> FormDataParser:
        """The parser below, in place of the one that spools."""
        return SealingParser(self)


def _request() -> DeskRequest:
    return cast(DeskRequest, request)


class _Sink:
    """Where the bytes of one part go: nowhere, unless a subclass says so."""

    def write(self, data: bytes) -> None:
        """The next bytes."""

    def end(self) -> None:
        """The part is over."""

    def abort(self) -> None:
        """The request broke."""


class _Text(_Sink):
    def __init__(self, name: str, fields: list[tuple[str, str]], most: int) -> None:
        self._name, self._fields, self._most, self._data = name, fields, most, bytearray()

    def write(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > self._most:
            raise LimitExceeded("what was typed is longer than this page takes")

    def end(self) -> None:
        self._fields.append((self._name, self._data.decode("utf-8", "replace")))


class _Document(_Sink):
    def __init__(self, asked: DeskRequest, name: str, most: int) -> None:
        self._asked, self._name, self._most, self._data = asked, name, most, bytearray()

    def write(self, data: bytes) -> None:
        if len(self._data) <= self._most:
            self._data += data

    def end(self) -> None:
        if len(self._data) > self._most:
            self._asked.refused[self._name] = LimitExceeded("this file is too large for a document")
        else:
            self._asked.documents[self._name] = bytes(self._data)


class _Sealed(_Sink):
    """Into a sealed blob. An error of the desk is kept for the form, and the rest of the file is dropped."""

    def __init__(self, asked: DeskRequest, name: str, filename: str) -> None:
        self._asked, self._name = asked, name
        self._upload: Upload | None = None
        with self._errors():
            self._upload = _hold(filename)

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
    """Reads forms; the bytes of files pass through and are never held."""

    def __init__(self, asked: DeskRequest) -> None:
        super().__init__(
            max_form_memory_size=asked.max_form_memory_size, max_content_length=asked.max_content_length,
            max_form_parts=asked.max_form_parts, cls=asked.parameter_storage_class,
        )  # fmt: skip
        self._asked = asked
        self._fields: list[tuple[str, str]] = []
        self._files: list[tuple[str, FileStorage]] = []

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
            self._fields, self._files = [], []
        return stream, ImmutableMultiDict(self._fields), ImmutableMultiDict(self._files)

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
                sink = _Text(event.name, self._fields, self.max_form_memory_size or READ_BYTES)
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
        if taking is None or not current_user.is_authenticated or not self._has_token():
            self._asked.refused[event.name] = InputError("this file was not taken: the page was too old, or takes none")
            return _Sink()
        self._files.append((event.name, FileStorage(BytesIO(), event.filename, event.name)))
        if taking.is_document:
            return _Document(self._asked, event.name, taking.most_bytes)
        return _Sealed(self._asked, event.name, event.filename)

    def _has_token(self) -> bool:
        tokens = [value for name, value in self._fields if name == current_app.config["WTF_CSRF_FIELD_NAME"]]
        try:
            validate_csrf(tokens[0] if tokens else self._asked.headers.get("X-CSRFToken", ""))
        except ValidationError:
            return False
        return True


# ---- In parts, by the script ------------------------------------------------------------------------------------


def _own(number: str) -> Upload:
    upload = current_user.held.get(number)
    if upload is None or upload.expected is None:
        raise NotFound("this transfer was ended; send the file again")
    return cast(Upload, upload)


def _state(upload: Upload) -> dict[str, Any]:
    found = upload.receiving
    return {
        "number": upload.number, "name": upload.name, "size": upload.expected, "taken": found.size_bytes,
        "part": PIECE_BYTES, "complete": found.is_complete, "pieces": [one.hex() for one in found.piece_digests],
    }  # fmt: skip


def _told(error: AmparoError) -> ResponseReturnValue:
    status = next((STATUS[kind] for kind in STATUS if isinstance(error, kind)), 400)
    return jsonify(error=_(error.message), code=error.code), status


@pages.get("/uploads")
@any_officer
def unfinished() -> ResponseReturnValue:
    """Transfers of this session that broke off: the same file goes on where it stopped."""
    return jsonify([_state(one) for one in current_user.held.values() if one.expected is not None])


@pages.post("/uploads")
@any_officer
def begin() -> ResponseReturnValue:
    """Begin a transfer in parts: its name and size, and where to send them."""
    asked = request.get_json(silent=True)
    name, size = (asked.get("name"), asked.get("size")) if isinstance(asked, dict) else (None, None)
    try:
        if not isinstance(name, str) or type(size) is not int or size < 0:
            raise FormatError("a transfer begins with the name and the size of the file")
        if size > current_app.config.get("LARGEST_UPLOAD_BYTES", MOST_BYTES):
            raise LimitExceeded("this file is larger than this desk takes; nothing of it was kept")
        upload = _hold(name, size)
        if size == 0:
            upload.receiving.finish()
    except AmparoError as error:
        return _told(error)
    return jsonify(_state(upload)), 201


@pages.post("/uploads/<number>")
@any_officer
def part(number: str) -> ResponseReturnValue:
    """The next bytes of a transfer. They begin at `from`, which has to be where the bytes before them end."""
    try:
        upload = _own(number)
        if not upload.busy.acquire(blocking=False):
            return jsonify(_state(upload)), 409
        try:
            if request.args.get("from") != str(upload.receiving.size_bytes):
                return jsonify(_state(upload)), 409
            _write_part(upload)
        finally:
            upload.busy.release()
    except AmparoError as error:
        return _told(error)
    return jsonify(_state(upload))


def _write_part(upload: Upload) -> None:
    """Write what the request brings. When it breaks off, what came of it stays: the script goes on from there."""
    found, expected = upload.receiving, cast(int, upload.expected)
    while data := request.stream.read(READ_BYTES):
        if found.size_bytes + len(data) > expected:
            drop(upload.number)
            raise FormatError("this is not the file that was announced; send it again")
        found.write(data)
    if found.size_bytes == expected and not found.is_complete:
        found.finish()


@pages.post("/uploads/<number>/drop")
@any_officer
def stop(number: str) -> ResponseReturnValue:
    """Throw a transfer away."""
    drop(number)
    return jsonify(dropped=True)


# ---- Installing -------------------------------------------------------------------------------------------------


def install(app: Flask) -> None:
    """Let every request of the desk read its files in this way, and throw away what broken transfers left."""
    app.request_class = DeskRequest
    app.after_request(_read_out)
    clear(app.extensions["office"].files)


def _read_out(answer: Answer) -> Answer:
    """Read what a refused request still brings, and drop it: a sender who is cut off would not see the refusal."""
    if request.content_length and request.method == "POST":
        left = DRAIN_BYTES
        with contextlib.suppress(HTTPException, OSError, ValueError):
            while left > 0 and (data := request.stream.read(READ_BYTES)):
                left -= len(data)
    return answer
