"""Texts for survivors in her language: loaded from `survivor_texts/`, with a digest of each version.

English is the original. A translation is a draft, and is shown to nobody, until an officer has recorded which native
speaker read exactly this version (exchange/text_readings.py).
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel.dates import format_date
from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from crypto.digests import sha256
from crypto.encoding import dump_json
from desk import languages
from exchange import text_readings

FOLDER: Final = Path(__file__).parent / "survivor_texts"
ORIGINAL: Final = "en"
OWN_NAMES: Final[Mapping[str, str]] = {
    "en": "English", "fr": "Français", "es": "Español", "ro": "Română", "ar": "العربية", "uk": "Українська",
}  # fmt: skip
RIGHT_TO_LEFT: Final = frozenset({"ar"})
PURPOSES: Final = ("support", "referral", "protection", "investigation", "prosecution", "compensation")
PLACE: Final = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True)
class Texts:
    """One language."""

    language: str
    lines: Mapping[str, str] = field(repr=False)

    @property
    def direction(self) -> str:
        """`dir` of the page."""
        return "rtl" if self.language in RIGHT_TO_LEFT else "ltr"

    @property
    def digest(self) -> bytes:
        """SHA-256 over all keys and sentences: another digest, another version."""
        return sha256(dump_json(dict(self.lines)))

    def __call__(self, key: str, **values: Any) -> Markup:
        """A sentence as HTML. What people wrote stands in it as text, apart from the direction around it."""
        return Markup(  # noqa: S704  # the sentence is ours and is escaped as well
            PLACE.sub(lambda found: f"<bdi>{escape(values[found[1]])}</bdi>", str(escape(self.lines[key])))
        )

    def plain(self, key: str, **values: Any) -> str:
        """A sentence without markup, for titles."""
        return PLACE.sub(lambda found: str(values[found[1]]), self.lines[key])

    def why(self, purpose: str) -> str:
        """A purpose in words; one that is in no list as it is."""
        return self.lines.get(f"purpose_{purpose}", purpose)

    def day(self, value: str | date) -> str:
        """A day in full, with the month's name."""
        found = date.fromisoformat(value) if isinstance(value, str) else value
        return str(format_date(found, languages.day_pattern(self.language), locale=self.language))


@cache
def texts(language: str) -> Texts:
    """The texts of one of `OWN_NAMES`."""
    with (FOLDER / f"{language}.toml").open("rb") as file:
        return Texts(language, tomllib.load(file))


def may_show(db: Session, language: str) -> bool:
    """Whether these texts may be shown to a survivor."""
    if language not in OWN_NAMES:
        return False
    return language == ORIGINAL or text_readings.is_read(db, language, texts(language).digest)


def shown_in(db: Session, language: str) -> str:
    """The language of the pages for somebody who speaks this one: her own, or English for an interpreter to read."""
    return language if may_show(db, language) else ORIGINAL
