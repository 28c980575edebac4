"""An officer at a browser: finds things by the words of her language, and acts with the mouse or by keyboard alone."""

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from babel.messages import pofile
from playwright.sync_api import Browser, ConsoleMessage, Locator, expect
from playwright.sync_api import TimeoutError as TimedOut

from desk import catalogues
from tests.support.field import WORDS

MOST_TABS: Final = 400
MOST_TRIES: Final = 10
CHOOSER: Final = 4000  # milliseconds; a chooser that does not come is asked for again
SLOW: Final = 90_000  # milliseconds that sealing, sending or making keys may take on a loaded machine
IS_FOCUSED: Final = "one => one === document.activeElement"
IS_ITS_GROUP: Final = (
    "one => one.type === 'radio' && document.activeElement.name === one.name && document.activeElement.type === 'radio'"
)


@dataclass(frozen=True)
class Manner:
    """How the pages are used.

    Attributes:
        look: of the browser: language, colours, window, scripts.
        by_keyboard: nothing is clicked.
    """

    language: str = "en"
    look: dict[str, Any] = field(default_factory=dict)
    by_keyboard: bool = False


@functools.cache
def words_of(language: str) -> tuple[frozenset[str], Any]:
    """All messages that the pages have, and their translations."""
    with catalogues.path_of("ar").open("rb") as file:
        known = pofile.read_po(file, locale="ar")
    ids = frozenset(one.id[0] if isinstance(one.id, tuple) else one.id for one in known if one.id)
    return ids, catalogues.load(language)


class Sitting:
    """One officer, from her sign-in until she closes the browser.

    Attributes:
        elsewhere: addresses outside of the desk that the browser was made to ask.
        complaints: what the browser's console had to say, such as a broken content security policy.
    """

    def __init__(self, browser: Browser, manner: Manner, url: str) -> None:
        self.manner, self.url = manner, url
        self.context = browser.new_context(locale=manner.language, **manner.look)
        self.page = self.context.new_page()
        self.page.set_default_timeout(SLOW)
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        self.context.on("request", lambda asked: self._note(asked.url))
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and f"{parts.scheme}://{parts.netloc}" != self.url:
            self.elsewhere.append(url)

    def _hear(self, said: ConsoleMessage) -> None:
        if "Content Security Policy" in said.text:
            self.complaints.append(said.text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"at {self.page.url}\n{self.page.locator('body').inner_text()[:3000]}")
        self.context.close()
        if error is None:
            assert self.elsewhere == []
            assert self.complaints == []

    # ---- Words -----------------------------------------------------------------------------------------------------

    def say(self, words: str, **values: object) -> str:
        """A message of the pages in the language of this browser."""
        known, translations = words_of(self.manner.language)
        assert words in known, f"the pages have no message “{words}”"
        told = str(translations.gettext(words))
        return told % values if values else told

    # ---- What stands on the page -----------------------------------------------------------------------------------

    def button(self, words: str, **values: object) -> Locator:
        return self.page.get_by_role("button", name=self.say(words, **values), exact=True)

    def link(self, words: str, **values: object) -> Locator:
        return self.page.get_by_role("link", name=self.say(words, **values), exact=True)

    def field(self, words: str, within: Locator | None = None, **values: object) -> Locator:
        optional = self.say("(optional)")
        pattern = rf"^\s*{re.escape(self.say(words, **values))}\s*({re.escape(optional)})?\s*$"
        return (within or self.page).get_by_label(re.compile(pattern))

    def see(self, words: str, **values: object) -> None:
        """Wait until the words stand there."""
        expect(self.page.get_by_text(self.say(words, **values)).filter(visible=True).first).to_be_visible(timeout=SLOW)

    def see_text(self, words: str) -> None:
        """The same, of words that people wrote."""
        expect(self.page.get_by_text(words).filter(visible=True).first).to_be_visible(timeout=SLOW)

    # ---- What she does ---------------------------------------------------------------------------------------------

    def go(self, path: str) -> None:
        """Type an address of this desk."""
        self.page.goto(path if path.startswith("http") else self.url + path)

    def press(self, words: str, **values: object) -> None:
        """A button, and the page that it leads to."""
        self.use(self.button(words, **values).last)

    def follow(self, words: str, **values: object) -> None:
        """A link, and the page that it leads to."""
        self.use(self.link(words, **values).first)

    def use(self, target: Locator) -> None:
        """A button or a link that leads to another page."""
        with self.page.expect_navigation(timeout=SLOW, wait_until="load"):
            self._activate(target, "Enter")

    def save(self, target: Locator, to: Path) -> Path:
        """A button or a link that gives a file."""
        with self.page.expect_download(timeout=SLOW) as waiting:
            self._activate(target, "Enter")
        waiting.value.save_as(to)
        return to

    def tick(self, target: Locator | str, **values: object) -> None:
        """A box or one of several choices."""
        found = self.field(target, **values) if isinstance(target, str) else target
        if not self.manner.by_keyboard:
            found.check()
            return
        self._reach(found)
        if not found.is_checked():
            self.page.keyboard.press("Space")
        expect(found).to_be_checked()

    def write(self, target: Locator | str, text: str, **values: object) -> None:
        """Words into a field, over what stands there."""
        found = self.field(target, **values) if isinstance(target, str) else target
        if not self.manner.by_keyboard:
            found.fill(text)
            return
        self._reach(found)
        if found.get_attribute("type") == "date":
            found.fill(text)  # its parts come in the order of the system's language, which is not the page's
            return
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)

    def choose(self, target: Locator | str, value: str, **values: object) -> None:
        """An option of a list, by its value."""
        found = self.field(target, **values) if isinstance(target, str) else target
        if not self.manner.by_keyboard:
            found.select_option(value)
            return
        self._reach(found)
        self.page.keyboard.press("Home")
        for _ in range(MOST_TABS):
            if found.input_value() == value:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{value} was not reached")

    def attach(self, target: Locator | str, path: Path, **values: object) -> None:
        """A file into a field."""
        found = self.field(target, **values) if isinstance(target, str) else target
        if not self.manner.by_keyboard:
            found.set_input_files(path)
            return
        for _ in range(MOST_TRIES):
            self._reach(found)
            with suppress(TimedOut):
                with self.page.expect_file_chooser(timeout=CHOOSER) as asked:
                    self.page.keyboard.press("Space")
                asked.value.set_files(path)
                return
        raise AssertionError("no file could be chosen")

    def _activate(self, target: Locator, key: str) -> None:
        if not self.manner.by_keyboard:
            target.click()
            return
        self._reach(target)
        self.page.keyboard.press(key)

    def _reach(self, target: Locator) -> None:
        """Press Tab until it has the focus; within a group of choices, the arrows."""
        expect(target).to_be_visible(timeout=SLOW)
        for _ in range(MOST_TABS):
            if target.evaluate(IS_FOCUSED):
                return
            in_group = target.evaluate(IS_ITS_GROUP)
            self.page.keyboard.press("ArrowDown" if in_group else "Tab")
        raise AssertionError(f"{target} cannot be reached by keyboard")

    # ---- In and out ------------------------------------------------------------------------------------------------

    def sign_in(self, handle: str, words: str = WORDS) -> None:
        """Handle and passphrase."""
        self.go("/sign-in")
        self.write("Your role handle", handle)
        self.write("Passphrase", words)
        self.press("Continue")


@contextmanager
def seated(browser: Browser, manner: Manner, url: str, handle: str, words: str = WORDS) -> Iterator[Sitting]:
    """An officer who has signed in."""
    with Sitting(browser, manner, url) as sitting:
        sitting.sign_in(handle, words)
        yield sitting
