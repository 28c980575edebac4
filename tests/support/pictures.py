"""Pictures for the README and the guide, out of the running demonstration: `python -m tests.support.pictures`."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.conftest import find_browser
from tests.scenarios.test_demo import Demo, demonstration

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
WINDOW = {"width": 1280, "height": 860}
Way = Callable[[Page], object]


def first(selector: str) -> Way:
    """Follow the first link of a kind."""
    return lambda page: page.locator(selector).first.click()


def at(path: str) -> Way:
    """Go to an address of the same desk."""
    return lambda page: page.goto("/".join(page.url.split("/")[:3]) + path)


EXHIBIT = "main a[href*='/exhibits/']:not([href*='label']):not([href$='new'])"
# name: whose desk, and the way to the page
PICTURES: dict[str, tuple[str, tuple[Way, ...]]] = {
    "today": ("shelter-ngo/case-worker-1", ()),
    "case": ("north-police/liaison-1", (at("/cases"), first("main th a[href*='/cases/']"))),
    "custody": ("south-prosecutor/prosecutor-1", (at("/exhibits"), first(EXHIBIT))),
    "inbox": ("south-prosecutor/prosecutor-1", (at("/inbox?tab=opened"),)),
    "consent": ("shelter-ngo/case-worker-1", (at("/consent"),)),
    "log": ("north-police/liaison-1", (at("/custody/log"),)),
}


def take(demo: Demo) -> None:
    """Write one picture for each page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        for name, (handle, way) in PICTURES.items():
            page = browser.new_context(viewport=WINDOW, locale="en-GB").new_page()  # type: ignore[arg-type]
            demo.enter(page, handle)
            for step in way:
                step(page)
                page.wait_for_load_state("load")
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory(prefix="amparo-pictures-") as folder,
        demonstration(Path(folder) / "out") as running,
    ):
        take(running)
