"""Tables of persons: spellings, encodings, odd and hostile input."""

from pathlib import Path

import pytest
from openpyxl import Workbook

from errors import FormatError, LimitExceeded, NotFound
from identity import htcds


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "persons.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("prs_FirstName", "prs_firstname"),
        ("prs_First_Name", "prs_firstname"),
        ("PRS_FIRSTNAME", "prs_firstname"),
        ("vic_Methods_of_Control", "vic_methodsofcontrol"),
        ("vic_TraffickinStatusDecisionMakingOrg", "vic_traffickingstatusdecisionmakingorg"),
        ("vic_TraffickingStatusDecisionMakingOrg", "vic_traffickingstatusdecisionmakingorg"),
    ],
)
def test_three_spellings_lead_to_one_name(column: str, name: str) -> None:
    assert htcds.canonical_name(column) == name


@pytest.mark.parametrize("column", ["", "name", "xyz_FirstName", "prs_Shoe", "person"])
def test_other_columns_are_not_taken_for_htcds(column: str) -> None:
    assert htcds.canonical_name(column) is None


def test_the_standard_has_84_fields() -> None:
    assert len(htcds.FIELDS) == len(set(htcds.FIELDS)) == 84
    assert set(htcds.FIELDS) >= htcds.SHAREABLE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_persons_in_several_scripts_are_read(tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = [["person", "prs_FirstName", "Shoe size"], ["W1", "Образец", "38"], ["W2", "ตัวอย่าง", ""]]
    table = htcds.read_persons(write(tmp_path, "\n".join(delimiter.join(line) for line in lines), encoding))
    assert [row.person for row in table.rows] == ["W1", "W2"]
    assert [row.values["prs_firstname"] for row in table.rows] == ["Образец", "ตัวอย่าง"]
    assert table.rows[0].extra == {"Shoe size": "38"}
    assert table.unknown == ("Shoe size",)


def test_a_table_of_western_europe_is_read(tmp_path: Path) -> None:
    table = htcds.read_persons(write(tmp_path, "prs_FirstName\nMüster\n", "cp1252"))
    assert table.rows[0].values == {"prs_firstname": "Müster"}


def test_a_workbook_is_read_and_its_formulas_are_not(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["prs_FirstName", "prs_SecondName", "prs_NumberOfChildren"])
    sheet.append(["Testperson", "=HYPERLINK(1)", 2.0])
    path = tmp_path / "persons.xlsx"
    book.save(path)
    assert htcds.read_persons(path).rows[0].values == {"prs_firstname": "Testperson", "prs_numberofchildren": "2"}


def test_the_labels_of_the_template_are_no_person(tmp_path: Path) -> None:
    head = "prs_FirstName,prs_SecondName,prs_Gender,prs_Citizenship\n"
    table = htcds.read_persons(write(tmp_path, head + "First Name,Second Name,Gender,Citizenship\nA,B,Feminine,XA\n"))
    assert [row.values["prs_firstname"] for row in table.rows] == ["A"]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", FormatError, "empty"),
        ("prs_FirstName\n", FormatError, "no person"),
        ("name\nA\n", FormatError, "no column of HTCDS"),
        ("prs_FirstName,prs_First_Name\nA,B\n", FormatError, "twice"),
        ("person,prs_FirstName\nW1,A\nW1,B\n", FormatError, "short id"),
        ("prs_FirstName\nA,B\n", FormatError, "row 2"),
        ("prs_FirstName\n" + "x" * (htcds.LONGEST_VALUE + 1), LimitExceeded, "row 2"),
        ("prs_FirstName\nA\x00B\n", FormatError, "no text"),
        ("prs_FirstName" + ",prs_x" * htcds.MOST_COLUMNS + "\nA\n", LimitExceeded, "columns"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path: Path, text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        htcds.read_persons(write(tmp_path, text))


def test_bytes_that_are_no_workbook_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "persons.xlsx"
    for raw in (b"", b"PK\x03\x04 and nothing", b"prs_FirstName\nA\n"):
        path.write_bytes(raw)
        with pytest.raises(FormatError, match="workbook"):
            htcds.read_persons(path)
    with pytest.raises(NotFound):
        htcds.read_persons(tmp_path / "missing.csv")


def test_only_closed_lists_travel() -> None:
    values = {"prs_firstname": "Testperson", "prs_citizenship": "XA;XB", "vic_locationofexploitation": "Sampleville"}
    assert htcds.shareable(values) == {"prs_citizenship": ["XA", "XB"]}
    assert htcds.shareable(values, ["prs_gender"]) == {}
    with pytest.raises(FormatError, match="stays at home"):
        htcds.shareable(values, ["prs_firstname"])


@pytest.mark.parametrize(
    ("values", "is_first", "role"),
    [
        ({"per_roleinprocess": "Recruiter", "vic_traffickingstatus": "x"}, True, "suspect"),
        ({"vic_traffickingstatus": "ConfirmedVictim"}, False, "victim"),
        ({"prs_firstname": "A"}, True, "witness"),
        ({"prs_firstname": "A"}, False, "third-party"),
    ],
)
def test_roles_come_from_the_columns(values: dict[str, str], is_first: bool, role: str) -> None:
    assert htcds.role_of(values, is_first=is_first) == role
