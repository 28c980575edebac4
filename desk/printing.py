"""Pages on paper: HTML of this program's own templates, set by WeasyPrint with packaged assets alone.

What is printed comes from evidence, and evidence is hostile: a description may hold markup or an address. The
templates escape every value, and the fetcher knows the files of `desk/templates/print/` under `asset:` and
nothing else. Any other address ends the printing, so that no page ever reaches out to a network or a disk.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask_babel import get_locale, gettext
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from weasyprint import HTML  # type: ignore[import-untyped]
from weasyprint.urls import (  # type: ignore[import-untyped]
    FatalURLFetchingError,
    URLFetcher,
    URLFetcherResponse,
)

from errors import PrintRefused
from evidence.statements import CustodyStatement
from exchange.inviting import Letter

TEMPLATES: Final = Path(__file__).parent / "templates" / "print"
ASSETS: Final[Mapping[str, str]] = {
    "custody_statement.css": "text/css",
    "letter.css": "text/css",
    "record.css": "text/css",
    "labels.css": "text/css",
    "survivor_paper.css": "text/css",
}
# A relative address would be dropped in silence if there were no base; with this one it reaches the fetcher.
BASE: Final = "outside:/"


class _MissingGlyphs(logging.Filter):
    """Takes the library's warnings, which quote what is printed, out of every log, and notes signs without a font."""

    def __init__(self) -> None:
        super().__init__()
        self._here = threading.local()

    def begin(self) -> None:
        """Forget what this thread printed before."""
        self._here.found = False

    @property
    def found(self) -> bool:
        """Whether this thread has printed a sign that no font of the machine has."""
        return bool(getattr(self._here, "found", False))

    def filter(self, record: logging.LogRecord) -> bool:
        """Never pass anything on."""
        if str(record.msg).startswith(".notdef"):
            self._here.found = True
        return False


MISSING: Final = _MissingGlyphs()
logging.getLogger("weasyprint").addFilter(MISSING)


class ForeignAddress(FatalURLFetchingError):  # type: ignore[misc]
    """A page asked for something that is not packaged; derives from BaseException, as WeasyPrint demands."""


class AssetFetcher(URLFetcher):  # type: ignore[misc]
    """Knows the packaged assets by name; every other address ends the printing.

    Attributes:
        refused: whether any other address was asked for. Inside a picture in SVG, WeasyPrint 70 swallows even
            the errors that it lets through elsewhere; whoever prints looks here at the end.
    """

    def __init__(self) -> None:
        # The parent would install handlers for http, ftp, file and data; this class opens no address at all.
        super().__init__(allowed_protocols=())
        self.refused = False

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        """The asset of an `asset:<name>` address.

        Raises:
            ForeignAddress: any other address, also one of an asset that is not listed.
        """
        scheme, _, name = url.partition(":")
        if scheme != "asset" or name not in ASSETS:
            self.refused = True
            raise ForeignAddress(f"a printed page asked for {url[:80]!r}")
        contents = (TEMPLATES / name).read_bytes()
        return URLFetcherResponse(url, contents, {"Content-Type": f"{ASSETS[name]}; charset=utf-8"})

    def open(self, *_args: object, **_kwargs: object) -> Any:
        """Refuse: the parent's way to a network is closed, whoever calls it."""
        self.refused = True
        raise ForeignAddress("a printed page tried to open an address")


@cache
def _templates() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def render_pdf(html: str, identifier: bytes) -> bytes:
    """Set a page as PDF/A-3u with a structure tree.

    Args:
        html: the whole page.
        identifier: stands in the PDF in place of a random one: the same page gives the same bytes.

    Raises:
        PrintRefused: the page asks for anything outside the packaged assets.
    """
    fetcher = AssetFetcher()
    try:
        page = HTML(string=html, base_url=BASE, url_fetcher=fetcher)
        pdf = page.write_pdf(pdf_variant="pdf/a-3u", pdf_tags=True, pdf_identifier=identifier)
    except FatalURLFetchingError as error:
        raise PrintRefused from error
    if fetcher.refused:
        raise PrintRefused
    return bytes(pdf)


def print_custody_statement(statement: CustodyStatement) -> bytes:
    """The custody statement of a pack as PDF; the same statement gives the same bytes on one machine.

    Raises:
        PrintRefused: see `render_pdf`; it means that the template is at fault, since all values are escaped.
    """
    html = _templates().get_template("custody_statement.html").render(statement=statement)
    return render_pdf(html, statement.pack.encode())


def print_invitation_letter(letter: Letter) -> bytes:
    """The letter to an agency without a desk, in the language of the page.

    Raises:
        PrintRefused: see `render_pdf`.
    """
    language = str(get_locale())
    html = (
        _templates()
        .get_template("invitation_letter.html")
        .render(letter=letter, _=gettext, lang=language, dir="rtl" if language == "ar" else "ltr")
    )
    return render_pdf(html, f"{letter.agency} {letter.log}".encode())


def print_record(values: Mapping[str, object], identifier: bytes) -> bytes:
    """The export of the record on paper.

    Raises:
        PrintRefused: see `render_pdf`.
    """
    return render_pdf(_templates().get_template("record.html").render(**values), identifier)


def print_exhibit_statement(statement: CustodyStatement) -> bytes:
    """The custody of one exhibit as PDF, outside of any pack.

    Raises:
        PrintRefused: see `render_pdf`.
    """
    html = _templates().get_template("exhibit_statement.html").render(statement=statement)
    return render_pdf(html, statement.pack.encode())


@dataclass(frozen=True, slots=True)
class Label:
    """What stands on the label of an exhibit: numbers and the seal, no content.

    Attributes:
        code: a picture as SVG, of our own making.
    """

    agency: str
    case: str
    number: str
    root_number: str
    seal: str
    code: Markup


def print_labels(labels: Sequence[Label]) -> bytes:
    """Labels to cut out, as PDF, twelve to a page.

    Raises:
        PrintRefused: see `render_pdf`.
    """
    html = _templates().get_template("labels.html").render(labels=labels)
    return render_pdf(html, b"labels")


def survivor_html(template: str, **values: Any) -> str:
    """A page for a survivor out of this folder; every value is escaped, apart from sentences that are markup."""
    return _templates().get_template(template).render(**values)


def render_survivor_pdf(html: str, identifier: bytes) -> bytes:
    """Her paper. One with boxes in place of letters is worse than none.

    Raises:
        PrintRefused: see `render_pdf`; or no font of this machine has all signs of the text.
    """
    MISSING.begin()
    pdf = render_pdf(html, identifier)
    if MISSING.found:
        raise PrintRefused("this computer has no font for this language; install the Noto fonts, then print again")
    return pdf
