"""Long lists, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from flask import request, url_for

PER_PAGE: Final = 50
MOST_PAGES: Final = 10_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pages:
    """For the macro `pager`: which page of how many."""

    number: int
    count: int

    def url(self, number: int) -> str:
        """The same list at another page; filters stay."""
        kept = {key: values for key, values in request.args.lists() if key != "page"}
        return url_for(str(request.endpoint), **dict(request.view_args or {}), **kept, page=number)  # type: ignore[arg-type]


def wanted_page() -> int:
    """The page that the address names, from 1."""
    typed = request.args.get("page", "1")
    return min(max(int(typed), 1), MOST_PAGES) if typed.isascii() and typed.isdigit() and len(typed) < 6 else 1


def page_of(found: Sequence[T]) -> tuple[Sequence[T], Pages]:
    """One page of a list that is in memory."""
    count = max(1, -(-len(found) // PER_PAGE))
    number = min(wanted_page(), count)
    return found[(number - 1) * PER_PAGE : number * PER_PAGE], Pages(number, count)
