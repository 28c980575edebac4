"""Finding the entries on one's own objects by their tags (docs/protocol.md 6.1).

Who has an object's key computes the tags of events that are still to come and looks for them in the log. A hit without
the signed event that fits it is an alarm: somebody wrote on the object, and the broker does not show it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from custody.entries import tag_of

GAP: Final = 64
AHEAD: Final = 16
REGISTER: Final = ""  # register versions have an empty agency, and their first number is 1

HasTags = Callable[[Sequence[bytes]], Collection[bytes]]


def next_number(has_tags: HasTags, object_key: bytes, agency: str, *, known: int = 0) -> int:
    """The number with which a restored desk goes on: behind the highest that the log has.

    Args:
        has_tags: which of some tags stand in the log, as far as it was followed.
        object_key: 32 bytes.
        agency: the desk's own.
        known: a number that is free by another source, such as the desk's copy or the broker's list of a bundle.

    The search ends when 64 tags in a row are missing from the log.
    """
    highest, start = known - 1, known
    while True:
        wanted = {tag_of(object_key, agency, number): number for number in range(start, start + GAP)}
        found = [wanted[tag] for tag in has_tags(list(wanted)) if tag in wanted]
        if not found:
            return highest + 1
        highest = max(found)
        start = highest + 1


def expected_tags(
    object_key: bytes, agency: str, seen: Collection[int], *, first: int = 0, ahead: int = AHEAD
) -> dict[bytes, int]:
    """Tags of events that a desk has not seen, by number: the gaps below the highest, and those to come.

    The gaps matter: a broker that shows number 4 and keeps number 3 back must be noticed too.

    Args:
        seen: numbers of the events of this agency on this object that were shown and checked.
        first: the first number that there is; 1 for register versions.
        ahead: how many numbers behind the highest are looked for.
    """
    known = set(seen)
    end = max(known, default=first - 1) + 1 + ahead
    return {tag_of(object_key, agency, number): number for number in range(first, end) if number not in known}


def withheld(expected: Mapping[bytes, int], in_log: Iterable[bytes]) -> list[int]:
    """Numbers of events that stand in the log and were not shown, in order."""
    return sorted({expected[tag] for tag in in_log if tag in expected})


def missing(seen: Collection[int], *, first: int = 0) -> list[int]:
    """Numbers below the highest that were not shown: numbers run without gaps, so each of these was kept back."""
    known = set(seen)
    return [number for number in range(first, max(known, default=first)) if number not in known]
