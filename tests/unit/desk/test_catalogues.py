"""Catalogues of translations: what there is to translate is found, and what was translated is used and kept."""

from pathlib import Path

import pytest
from babel.messages import pofile

from desk import catalogues


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


def test_an_update_keeps_what_was_translated_and_counts_what_is_missing(folder: Path, repository: Path) -> None:
    before = catalogues.update(repository)
    path = catalogues.path_of("fr")
    with path.open("rb") as file:
        catalogue = pofile.read_po(file, locale="fr")
    catalogue["Unlock this desk"].string = "Déverrouiller ce poste"
    catalogue.add("A sentence that is gone", "Une phrase")
    with path.open("wb") as file:
        pofile.write_po(file, catalogue, omit_header=True)
    after = catalogues.update(repository)
    assert after["fr"] == before["fr"] - 1
    assert after["es"] == before["es"]
    assert "A sentence that is gone" not in path.read_text("utf-8")
    assert catalogues.load("fr").gettext("Unlock this desk") == "Déverrouiller ce poste"
    assert catalogues.load("es").gettext("Unlock this desk") == "Unlock this desk"


def test_a_second_update_changes_nothing(folder: Path, repository: Path) -> None:
    catalogues.update(repository)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    catalogues.update(repository)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert sorted(first) == ["ar.po", "es.po", "fr.po", "ro.po"]
