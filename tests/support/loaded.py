"""Looks at a page that do not wait are taken once the page has loaded.

A click ends when the next page has begun to come, not when it is there. What Playwright waits for by itself (`expect`,
clicks, texts of one element) needs nothing; a count or a list taken at that moment would describe half a page.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from playwright.sync_api import Locator, expect

PATIENCE = 20_000  # milliseconds: a loaded machine takes its time
LOOKS = ("all", "all_inner_texts", "all_text_contents", "count", "is_hidden", "is_visible")


def look_at_loaded_pages() -> None:
    """Let `expect` wait for PATIENCE, and every look of LOOKS for the page; a second call changes nothing."""
    expect.set_options(timeout=PATIENCE)
    for name in LOOKS:
        look = getattr(Locator, name)
        if not hasattr(look, "__wrapped__"):
            setattr(Locator, name, _after_loading(look))


def _after_loading(look: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(look)
    def loaded(locator: Locator, *args: Any, **options: Any) -> Any:
        locator.page.wait_for_load_state("domcontentloaded")
        return look(locator, *args, **options)

    return loaded
