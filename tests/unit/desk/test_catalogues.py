"""Catalogues of translations: what there is to translate is found, and what was translated is used and kept."""

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from babel.messages import pofile

from desk import catalogues, languages


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogues, "FOLDER", tmp_path)
    return tmp_path


def test_sentences_of_templates_modules_and_errors_are_found(repository: Path) -> None:
    found = {one.id if isinstance(one.id, str) else one.id[0] for one in catalogues.collect(repository)}
    assert "Unlock this desk" in found  # a template
    assert "Write your role handle" in found  # a form
    assert "There is nothing under this name or number." in found  # the docstring of an error
    assert "this is your last second factor; add another one first" in found  # raised
    assert "An officer's signature under a label" not in found  # a docstring of something else


def words_into(path: Path, **words: str) -> None:
    """Translate these, or all that is left with `every`."""
    with path.open("rb") as file:
        catalogue = pofile.read_po(file, locale="fr")
    for one in catalogue:
        if one.id and "every" in words and not catalogues.is_translated(one):
            one.string = (words["every"],) * 2 if isinstance(one.id, tuple) else words["every"]
    if "unlock" in words:
        catalogue["Unlock this desk"].string = words["unlock"]
        catalogue.add("A sentence that is gone", "Une phrase")
    with path.open("wb") as file:
        pofile.write_po(file, catalogue, omit_header=True)


def test_a_draft_keeps_what_was_translated_and_is_offered_when_it_is_whole(folder: Path, repository: Path) -> None:
    draft = catalogues.draft_of("fr")
    draft.touch()
    before = catalogues.update(repository)
    assert [path.name for path in folder.iterdir()] == ["fr.draft.po"]  # nobody has begun the others
    words_into(draft, unlock="Déverrouiller ce poste")
    after = catalogues.update(repository)
    assert after["fr"] == before["fr"] - 1
    assert after["es"] == before["es"]
    text = draft.read_text("utf-8")
    assert "A sentence that is gone" not in text
    assert "fr" not in catalogues.offered()
    assert catalogues.load("fr").gettext("Unlock this desk") == "Unlock this desk"
    catalogues.update(repository)
    assert draft.read_text("utf-8") == text  # a second time changes nothing
    words_into(draft, every="mot")
    assert catalogues.update(repository)["fr"] == 0
    assert [path.name for path in folder.iterdir()] == ["fr.po"]
    assert "fr" in catalogues.offered()
    assert catalogues.load("fr").gettext("Unlock this desk") == "Déverrouiller ce poste"


# ---- The catalogues of this program -----------------------------------------------------------------------------

PLACE = re.compile(r"%\([a-zA-Z_0-9]+\)[sd]|</?[a-z][^>]*>")


def is_alike(source: str, words: str) -> bool:
    """Whether a translation has the places of its source; a plural of one or two may do without the number."""
    wanted, found = Counter(PLACE.findall(source)), Counter(PLACE.findall(words))
    return found == wanted or (found < wanted and set(wanted - found) == {"%(num)d"})


@pytest.mark.parametrize("language", [one for one in catalogues.offered() if one != catalogues.SOURCE])
def test_a_language_that_is_offered_has_every_word_with_its_places(
    folder: Path, repository: Path, language: str
) -> None:
    kept = repository / "desk" / "translations" / f"{language}.po"
    with kept.open("rb") as file:
        catalogue = pofile.read_po(file, locale=language)
    wrong = []
    for one in catalogue:
        if one.id:
            sources = one.id if isinstance(one.id, list | tuple) else (one.id, one.id)
            words = one.string if isinstance(one.string, list | tuple) else (one.string,)
            wrong += [str(one.id) for word in words if not is_alike(sources[1], word)]
    assert wrong == []
    shutil.copy(kept, folder / kept.name)
    assert catalogues.update(repository)[language] == 0, "run python -m desk.catalogues and translate what is new"
    assert (folder / kept.name).read_bytes() == kept.read_bytes()


def test_a_place_that_is_missing_or_misspelt_is_seen() -> None:
    assert is_alike("%(num)d files of %(agency)s", "ملفا %(agency)s")
    assert not is_alike("%(num)d files of %(agency)s", "%(num)d ملفات")
    assert not is_alike("by %(officer)s", "%(oficer)s")
    assert not is_alike("a <a href='x'>b</a>", "b")


def test_no_language_is_offered_that_has_no_words() -> None:
    assert set(languages.OWN_NAMES) == set(catalogues.offered())
    assert "en" in languages.OWN_NAMES
