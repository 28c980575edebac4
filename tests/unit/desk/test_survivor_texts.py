"""Texts for survivors: every language says everything, with the same places, and is a draft until it was read."""

import re
from collections.abc import Iterator

import pytest

from desk import survivor
from desk.survivor import Texts
from exchange import text_readings
from tests.support.field import Field, now, with_field

LANGUAGES = sorted(survivor.OWN_NAMES)
SAME = {"comma", "no", "done"}  # what may stand there in two languages alike


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_key_with_the_same_places(language: str) -> None:
    found, english = survivor.texts(language).lines, survivor.texts("en").lines
    assert found.keys() == english.keys()
    for key, words in found.items():
        assert set(survivor.PLACE.findall(words)) == set(survivor.PLACE.findall(english[key])), key
        assert words.strip() or key == "comma"
        assert not set("<>\u202e\u202d\u200b") & set(words), key
        if language != "en" and key not in SAME:
            assert words != english[key], key


def test_a_missing_key_or_place_would_be_seen() -> None:
    """The control: the comparison of the test above finds what is planted."""
    english = survivor.texts("en").lines
    assert set(survivor.PLACE.findall(english["item_title"])) == {"who", "what"}
    assert set(survivor.PLACE.findall(english["item_title"].replace("{who}", "who"))) != {"who", "what"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_is_short(language: str) -> None:
    """Plain words for a reader of eleven; the longest sentences are looked at here."""
    for key, words in survivor.texts(language).lines.items():
        for sentence in re.split(r"[.?!؟:]\s", words):
            assert len(sentence.split()) <= 30, f"{key}: {sentence}"


def test_each_language_is_written_in_its_letters() -> None:
    letters = {"ar": r"[\u0600-\u06ff]", "uk": r"[\u0400-\u04ff]"}
    for language, pattern in letters.items():
        found = survivor.texts(language).lines
        assert all(re.search(pattern, words) for key, words in found.items() if key != "comma")
    assert not re.search("[ыэъё]", "".join(survivor.texts("uk").lines.values()))  # Russian letters


def test_what_people_wrote_stands_as_text_in_a_sentence() -> None:
    said = survivor.texts("en")("item_title", who="<script>{what}</script>", what="\u202ea \u0627 & {who}")
    assert "<script>" not in said
    assert said.count("<bdi>") == said.count("</bdi>") == 2
    assert "&lt;script&gt;{what}&lt;/script&gt;" in said


def test_another_word_is_another_version() -> None:
    found = survivor.texts("ar")
    key = sorted(found.lines)[0]
    assert found.digest == Texts("ar", dict(found.lines)).digest
    assert found.digest != Texts("ar", {**found.lines, key: found.lines[key] + "."}).digest


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


def test_a_draft_is_shown_to_nobody_until_this_version_was_read(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    office, worker = field.shelter.office, field.shelter.officer("case-worker-1")
    with office.files.session() as db:
        assert [code for code in LANGUAGES if survivor.may_show(db, code)] == ["en"]
        assert survivor.shown_in(db, "ar") == survivor.shown_in(db, "ti") == "en"
        text_readings.record_reading(
            db, office, worker, "ar", survivor.texts("ar").digest, reader="N", read_on="2026-01-01", now=now()
        )
        assert survivor.shown_in(db, "ar") == "ar"
        changed = Texts("ar", {**survivor.texts("ar").lines, "yes": "نعم نعم"})
        monkeypatch.setattr(survivor, "texts", lambda language: changed)
        assert survivor.shown_in(db, "ar") == "en"


def test_days_are_said_in_the_language(language: str = "uk") -> None:
    assert survivor.texts(language).day("2027-06-30") == "30 червня 2027"
    assert survivor.texts("ar").day("2027-06-30").endswith("2027")
