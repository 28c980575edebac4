"""Long lists in pages of fifty."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from flask import request, url_for

PAGE_LENGTH: Final = 50
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Pages:
    """Where a list is, for the macro `pager`."""

    number: int
    count: int
    url: Callable[[int], str] = field(repr=False)


def paged(rows: Sequence[Row]) -> tuple[Sequence[Row], Pages]:
    """The rows of the page that was asked for, and where that is. Filters of the address stay."""
    count = max(1, -(-len(rows) // PAGE_LENGTH))
    asked = request.args.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1
    number = min(max(1, number), count)
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if name != "page" and len(value) <= 64}

    def url(page: int) -> str:
        return url_for(request.endpoint or "", **{**(request.view_args or {}), **kept, "page": page})

    return rows[(number - 1) * PAGE_LENGTH : number * PAGE_LENGTH], Pages(number, count, url)
