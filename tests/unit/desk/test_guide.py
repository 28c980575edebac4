"""The help has a way for every role, and a page that shows an officer hers."""

from pathlib import Path

from agencies.directory import ROLES
from desk import guide_words

GLOSSARY = (Path(__file__).resolve().parents[3] / "docs" / "glossary.md").read_text("utf-8").lower()
# Words of a page that the glossary spells in another way.
SPELT = {
    "custody entry": "custody event",
    "protection flag": "flag",
    "withdrawal": "withdraw",
    "recovery share": "recovery key",
}


def test_every_role_has_a_way_and_a_name() -> None:
    assert set(guide_words.STEPS) == set(guide_words.ROLES) == set(ROLES)
    assert all(3 <= len(steps) <= 6 for steps in guide_words.STEPS.values())


def test_every_word_is_one_of_the_glossary() -> None:
    words = [str(word).lower() for word, _meaning in guide_words.WORDS]
    assert words == sorted(words)
    missing = [word for word in words if SPELT.get(word, word) not in GLOSSARY]
    assert missing == ["second factor"]  # it is explained nowhere else, and is no word of the field
    assert "purse" not in GLOSSARY  # control
