"""The files of tests/vectors/ that this project makes itself: that they are what is made, and whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from errors import AmparoError
from tests.support.vectors import read_file
from tests.vectors_made.books import BOOKS

# HPKE and ML-DSA-44 draw their own randomness: of these files the names are compared, not the bytes.
RANDOM = {"handles", "notes", "opening"}
MOST_BYTES = 300_000


def codes(above: type[AmparoError] = AmparoError) -> Iterator[str]:
    """The stable code of every error."""
    yield above.code
    for below in above.__subclasses__():
        yield from codes(below)


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_vector_files_are_what_their_generator_makes(name: str) -> None:
    """A file that somebody edits by hand would no longer say what the reference says."""
    made = BOOKS[name]().value()
    stored = read_file(f"{name}.json")
    if name not in RANDOM:
        assert stored == made
    outline = [(one["name"], one["form"], one.get("like"), one.get("error")) for one in made["vectors"]]
    assert [(one["name"], one["form"], one.get("like"), one.get("error")) for one in stored["vectors"]] == outline


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_every_invalid_vector_has_a_valid_one_beside_it(name: str) -> None:
    """Without its control a refusal shows nothing: it might be for another reason than the name says."""
    stored = read_file(f"{name}.json")
    known, valid = set(codes()), {}
    for one in stored["vectors"]:
        assert one["form"] in stored["forms"]
        if one["valid"]:
            valid[one["name"]] = one
            continue
        control = valid[one["like"]]
        assert control["form"] == one["form"]
        assert one["error"] in known
        given = {**control["given"], **one["change"]}
        assert given != control["given"]
    assert {one["form"] for one in stored["vectors"]} == set(stored["forms"])


def test_vector_files_are_small_and_have_a_known_origin(repository: Path) -> None:
    """SOURCES.md says of each file where it comes from and how it is made anew."""
    folder = repository / "tests" / "vectors"
    sources = (folder / "SOURCES.md").read_text("utf-8")
    for path in sorted(folder.glob("*.json")):
        assert f"`{path.name}`" in sources, path.name
        assert path.stat().st_size < MOST_BYTES, path.name
