"""A walk over every page that an officer can reach by links, as a browser shows it."""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin, urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page

from tests.support.served import violations

ID = re.compile(r"[0-9a-f]{32}|[0-9]+")
# What is no page: papers and files, and the way out of the desk.
NO_PAGE = re.compile(r"\.(pdf|csv|svg|statement|json|zip|txt|png)$|/download$|/leave$|/static/|/file/")
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Walk:
    """What a walk saw.

    Attributes:
        pages: kind of page (its address with ids taken out) to the address that was looked at.
        problems: sentences, each with its address.
        elsewhere: addresses outside the desk that the browser was made to ask.
    """

    pages: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


def walk(
    context: BrowserContext, page: Page, start: str, *, most: int = 200, look: float = 1.0, secret: Iterable[str] = ()
) -> Walk:  # fmt: skip
    """Follow links from a page on, one page of each kind.

    Args:
        page: of an officer who is signed in.
        most: pages at the most.
        look: how many of the pages axe looks at, from 0 to 1; the others are only loaded.
        secret: words that stand in no title and no address: the browser's history keeps those.
    """
    found, origin = Walk(), "{0.scheme}://{0.netloc}".format(urlsplit(start))
    context.on("request", lambda asked: _note(found, origin, asked.url))
    page.on("console", lambda said: _said(found, said))
    page.on("pageerror", lambda error: found.problems.append(f"script: {error}"))
    waiting, share = deque([start]), 0.0
    while waiting and len(found.pages) < most:
        url = waiting.popleft()
        kind = _kind(url)
        if kind in found.pages:
            continue
        found.pages[kind] = url
        share += look
        looked = share >= 1
        share -= 1 if looked else 0
        _look(page, url, found, with_axe=looked)
        kept = f"{page.title()} {unquote(page.url)}"
        found.problems += [f"a secret word in the history: {url}" for word in secret if word in kept]
        waiting.extend(_links(page, origin))
    return found


def _said(found: Walk, said: ConsoleMessage) -> None:
    # Bootstrap's own pictures, which the policy refuses and the theme replaces.
    if said.type == "error" and "data:image" not in said.text:
        found.problems.append(f"console: {said.text}")


def _note(found: Walk, origin: str, url: str) -> None:
    if not url.startswith((origin, "data:", "blob:", "about:")):
        found.elsewhere.append(url)


def _kind(url: str) -> str:
    parts = urlsplit(url)
    return ID.sub("*", parts.path) + ("?" + ID.sub("*", parts.query) if parts.query else "")


def _links(page: Page, origin: str) -> list[str]:
    hrefs = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
    urls = (urljoin(page.url, href).partition("#")[0] for href in hrefs)
    return [url for url in urls if url.startswith(origin) and not NO_PAGE.search(urlsplit(url).path)]


def _look(page: Page, url: str, found: Walk, *, with_axe: bool) -> None:
    try:
        answer = page.goto(url)
    except Error as error:
        if "Download is starting" not in str(error):
            raise
        return  # a document, whatever its address looks like
    status = answer.status if answer is not None else 0
    if status >= 400:
        found.problems.append(f"{status} {url}: {page.locator('main').inner_text()[:200]}")
        return
    if page.locator("h1").count() != 1:
        found.problems.append(f"{page.locator('h1').count()} headings of the first level: {url}")
    if page.evaluate(WIDE) > 0:
        found.problems.append(f"wider than the window: {url}")
    if with_axe:
        found.problems += [f"{one} at {url}" for one in violations(page)]
