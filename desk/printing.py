"""Pages on paper: HTML of this program's own templates, set by WeasyPrint with packaged assets alone.

What is printed comes from evidence, and evidence is hostile: a description may hold markup or an address. The
templates escape every value, and the fetcher knows the files of `desk/templates/print/` under `asset:` and
nothing else. Any other address ends the printing, so that no page ever reaches out to a network or a disk.
"""

import logging
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from weasyprint import HTML  # type: ignore[import-untyped]
from weasyprint.urls import (  # type: ignore[import-untyped]
    FatalURLFetchingError,
    URLFetcher,
    URLFetcherResponse,
)

from errors import PrintRefused
from evidence.statements import CustodyStatement

TEMPLATES: Final = Path(__file__).parent / "templates" / "print"
ASSETS: Final[Mapping[str, str]] = {"custody_statement.css": "text/css", "survivor_paper.css": "text/css"}
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
