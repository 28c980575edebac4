"""What the broker can and cannot know about a page: the one source of the boxes (`macros/parts.html`, `knows`).

A test holds the words to `docs/leak-budget.md`.
"""

from typing import Any, Final

from flask_babel import lazy_gettext as _l

Lines = tuple[Any, ...]

# page: (it can see, it cannot see)
KNOWS: Final[dict[str, tuple[Lines, Lines]]] = {
    "share": (
        (
            _l("The role handle that sends"),
            _l("The agencies that receive"),
            _l("The size, rounded up by at most 12 percent"),
            _l("The time"),
        ),
        (
            _l("The case and the persons"),
            _l("The purpose"),
            _l("Which officers may open"),
            _l("Flags, codes and file names"),
            _l("That approval was needed"),
        ),
    ),
    "open": (
        (
            _l("That the desk fetched"),
            _l("Which role handle asked to open, and when"),
            _l("That the flag page was rewritten, as it is after every opening"),
        ),
        (_l("The flags"), _l("The purpose"), _l("Whether a second officer agreed"), _l("What was read")),
    ),
    "inquiry": (
        (_l("That two agencies exchange sealed bundles"),),
        (_l("That it is a question or an answer"),),
    ),
    "consent": (
        (
            _l("That a random handle is held or destroyed, and by which agency"),
            _l("Which sealed bundles stop with it"),
        ),
        (_l("Whose consent it was, for what, why, and whether there was one"),),
    ),
    "exhibit": (
        (_l("That your agency’s desk added an entry, and when"),),
        (_l("Which exhibit it is, what happened, and to whom it went"),),
    ),
}


def broker_knows(page: str) -> tuple[Lines, Lines]:
    """What it can see, and what it cannot."""
    return KNOWS[page]
