"""The boxes “What the broker can know” say what docs/leak-budget.md says, no more and no less."""

import re
from pathlib import Path

from desk.knows import KNOWS
from tests.unit.broker.test_leak_budget import NAME, PAGE, listed

ROOT = Path(__file__).resolve().parents[3]
# Parts of a bundle or an event that lie at the broker as ciphertext, or not at all.
SEALED = frozenset({"payload", "cover", "stanzas", "register", "details", "entry", "nowhere"})


def rows(chapter: str) -> list[tuple[str, str, str]]:
    text = PAGE.partition(f"### {chapter}\n")[2].partition("\n#")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert lines
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]  # type: ignore[misc]


def said(side: int) -> set[tuple[str, str]]:
    return {(page, str(line)) for page, sides in KNOWS.items() for line in sides[side]}


def test_what_it_can_see_is_what_the_budget_lists() -> None:
    assert said(0) == {(page, words) for page, words, _ in rows("It can see")}
    known = {name for row in range(2) for name in listed("Stored: tables", row)} | listed("Addresses")
    known |= listed("Members of a header") | listed("Members of an event")
    rests = {name for _, _, cell in rows("It can see") for name in NAME.findall(cell)}
    assert all(NAME.findall(cell) for _, _, cell in rows("It can see"))
    assert rests - known == set()
    assert {"purpose", "no-such-column"} - known  # control: the comparison can fail


def test_what_it_cannot_see_lies_in_a_part_that_is_sealed() -> None:
    assert said(1) == {(page, words) for page, words, _ in rows("It cannot see")}
    assert {one.strip() for _, _, cell in rows("It cannot see") for one in cell.split(",")} <= SEALED


def test_every_box_of_a_page_is_of_the_list_and_every_one_of_the_list_is_on_a_page() -> None:
    used = set()
    for path in (ROOT / "desk" / "templates").rglob("*.html"):
        used |= set(re.findall(r"knows\(\"([a-z]+)\"\)", path.read_text("utf-8")))
    assert used == set(KNOWS)
