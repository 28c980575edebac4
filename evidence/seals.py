"""The seal on an exhibit, as its custody tells it."""

from collections.abc import Iterable
from dataclasses import dataclass

from custody.holdings import CORRECTION, CustodyEvent


@dataclass(frozen=True, slots=True)
class Seal:
    """Number of the newest seal; `is_closed`: nobody has recorded that it was opened since."""

    number: str
    is_closed: bool


def current_seal(events: Iterable[CustodyEvent]) -> Seal | None:
    """The seal after these events, in their order; None if none was ever named."""
    found: Seal | None = None
    for event in events:
        number = event.body["seal"]
        if event.action == "unseal":
            found = Seal(str(number), False) if number else (None if found is None else Seal(found.number, False))
        elif number and event.action != CORRECTION:
            found = Seal(str(number), True)
    return found
