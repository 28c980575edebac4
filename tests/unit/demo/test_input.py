"""Folders that the demonstration may be given."""

import os
from pathlib import Path

import pytest

from demo.case import default_folder
from demo.input import read_input
from errors import NotFound
from identity.htcds import role_of


def test_the_packaged_case_has_persons_in_several_scripts_and_real_files() -> None:
    found = read_input(default_folder())
    names = [row.values["prs_firstname"] for row in found.persons]
    assert len(names) == 7
    assert sum(not name.isascii() for name in names) == 5
    assert {path.suffix for path in found.files} == {".jpg", ".pdf", ".json", ".xlsx"}
    assert found.unknown == ("Shoe size",)
    assert {role_of(row.values, is_first=False) for row in found.persons} == {"victim", "suspect"}


def test_one_person_without_evidence_is_enough(tmp_path: Path) -> None:
    (tmp_path / "persons.csv").write_text("prs_FirstName\nTestperson\n", encoding="utf-8")
    found = read_input(tmp_path)
    assert (len(found.persons), found.files, found.ignored) == (1, (), ())


def test_other_files_and_links_are_named_and_not_taken_in(tmp_path: Path) -> None:
    (tmp_path / "persons.csv").write_text("prs_FirstName\nTestperson\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    deep = tmp_path / "evidence" / "deep"
    deep.mkdir(parents=True)
    (deep / "photo.jpg").write_bytes(b"")
    (deep / "link").symlink_to(tmp_path / "notes.txt")
    found = read_input(tmp_path)
    assert [path.name for path in found.files] == ["photo.jpg"]
    assert found.ignored == ("evidence/deep/link", "notes.txt")


def test_what_is_no_file_is_named_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "persons.csv").write_text("prs_FirstName\nTestperson\n", encoding="utf-8")
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    os.mkfifo(evidence / "pipe")
    (evidence / "photo.jpg").write_bytes(b"x")
    odd = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    try:
        Path(os.fsdecode(odd)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes no such name")
    found = read_input(tmp_path)
    assert [path.name for path in found.files] == ["photo.jpg"]
    assert found.ignored == ("caf\\xe9.txt", "evidence/pipe")


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"persons\.csv"):
        read_input(tmp_path)
