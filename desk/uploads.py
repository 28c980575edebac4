"""Files in forms: sealed as they arrive, never spooled in clear, in flat memory.

A view that takes files says so (`takes_file`, `takes_document`, `takes_passing`); every other view drops them unread.
The parser (desk/form_parser.py) pushes the bytes of a file on once it has seen the form's token before them; hidden
fields stand before the file field. Evidence that arrived is held with the session of its officer, so that a form with
a mistake need not send it again; what is only looked at is gone at the end of the request.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from flask import Request, current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import HiddenField

from desk import forms
from desk.access import office
from desk.sealed_file import SealedFile
from errors import AmparoError
from evidence.receiving import Receiving

View = TypeVar("View", bound=Callable[..., Any])

DOCUMENT_BYTES: Final = 16 * 2**20
MOST_BYTES: Final = 256 * 2**30
MOST_HELD: Final = 20
LONGEST_NAME: Final = 400


@dataclass(frozen=True, slots=True)
class Taking:
    """What a view takes.

    Attributes:
        kind: "file", evidence that is held for its officer; "document", a small one that stays in memory; "passing",
            a file that is read where it lies and gone at the end of the request.
        most_bytes: the largest that is taken; a function where a setting says it.
        is_open: without a sign-in.
    """

    kind: str
    most_bytes: Callable[[], int]
    is_open: bool = False


def _taking(view: View, taking: Taking) -> View:
    cast(Any, view).taking = taking
    return view


def takes_file(view: View) -> View:
    """The view's form brings files of any size; they are sealed as they arrive."""
    return _taking(view, Taking("file", most_of_files))


def most_of_files() -> int:
    """The largest file that this desk takes in through a page."""
    return int(current_app.config.get("LARGEST_UPLOAD_BYTES", MOST_BYTES))


def takes_document(view: View) -> View:
    """The view's form brings documents of at most 16 MiB, which are read in memory."""
    return _taking(view, Taking("document", lambda: DOCUMENT_BYTES))


def takes_passing(most_bytes: Callable[[], int]) -> Callable[[View], View]:
    """The view, open to everybody, looks at files and keeps nothing of them."""
    return lambda view: _taking(view, Taking("passing", most_bytes, is_open=True))


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


def hold(name: str, most_bytes: int, expected: int | None = None) -> Upload:
    """Begin to receive a file for the signed-in officer."""
    held = current_user.held
    upload = Upload(
        secrets.token_urlsafe(18), _short(name), Receiving(office().files, most_bytes=most_bytes), expected
    )  # fmt: skip
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


class Arriving(Request):
    """A request and the files that it brought, each by the name of its field.

    Attributes:
        arrived: evidence, held for its officer.
        documents: name of the file, and its bytes.
        passing: files that are gone at the end of the request.
        refused: why a file was not taken.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arrived: dict[str, Upload] = {}
        self.documents: dict[str, tuple[str, bytes]] = {}
        self.passing: dict[str, SealedFile] = {}
        self.refused: dict[str, AmparoError] = {}


def _request() -> Arriving:
    return cast(Arriving, request)


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
    if is_refused(form, "file"):
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
    """A small document that came with a form. None if there is none; the form says why."""
    _name, found = _request().documents.get(name, ("", b""))
    if not is_refused(form, name) and not found:
        form.refuse(name, missing)
    return found or None


def document_name(name: str) -> str:
    """How the document of a field was called where it came from."""
    return _request().documents.get(name, ("", b""))[0]


def passing(form: forms.DeskForm, name: str) -> SealedFile | None:
    """A file that is only looked at; None if none came."""
    is_refused(form, name)
    return _request().passing.get(name)


def is_refused(form: forms.DeskForm, name: str) -> bool:
    """Whether a file was not taken; the form says why."""
    refused = _request().refused.get(name)
    if refused is not None:
        form.refuse(name, _(refused.message))
    return refused is not None
