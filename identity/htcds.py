"""Tables of persons in the columns of HTCDS 2.0: reading, in three spellings, and what of it may travel.

Source: Human Trafficking Case Data Standard 2.0 (International Organization for Migration), UNMigration/HTCDS,
commit 3c2f6537, CC BY 4.0. Field names as in its field standard; template and survey form spell some differently.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

from errors import FormatError, LimitExceeded, NotFound

LARGEST_BYTES: Final = 32 * 2**20
MOST_ROWS: Final = 10_000
MOST_COLUMNS: Final = 300
LONGEST_VALUE: Final = 20_000
PERSON: Final = "person"

_NAMES: Final = (
    "org_Name org_ShippingCity org_ShippingCountry org_ShippingState org_ShippingStreet org_ShippingPostalCode "
    "org_ShippingLongitude org_ShippingLatitude org_Phone org_Type prs_Salutation prs_FirstName prs_MiddleName "
    "prs_SecondName prs_Birthdate prs_Gender prs_Deceased prs_MaritalStatus prs_NumberOfChildren prs_PrimaryLanguage "
    "prs_SecondaryLanguage prs_HighestLevelOfEducation prs_Citizenship prs_IdentityNumber prs_Title prs_Email "
    "prs_HomePhone prs_MobilePhone prs_MailingCity prs_MailingCountry prs_MailingState prs_MailingStreet "
    "prs_MailingPostalCode prs_MailingLongitude prs_MailingLatitude vic_AgreementToManagePersonalData "
    "vic_TraffickingStatus vic_TraffickingStatusDecisionMakingOrg vic_RelationshipToTrafficker vic_AgeWhenTrafficked "
    "vic_RecruitmentWebsitesAndApps vic_MethodOfRecruitment vic_LocationOfRecruitment vic_MethodsOfControl "
    "vic_TypeOfExploitation vic_ForcedLabourIndustry vic_TypeOfSexExploitation vic_LocationOfExploitation "
    "vic_ExploitationWebsitesAndApps vic_Vulnerabilities vic_DetailsOfVulnerabilities per_RoleInProcess "
    "per_RoleDetails per_Organisation cas_Status cas_ReasonForCaseClosure cas_CaseOwner cas_ReferringOrganisation "
    "cas_IncomingReferralDate cas_ReferringPrimaryCaseWorker cas_ReasonForIncomingReferral "
    "cas_IncomingReferralDetails cas_ReferredOrganisation cas_ReferredPrimaryCaseWorker "
    "cas_ReasonForOutgoingReferral cas_OutgoingReferralDate cas_OutgoingReferralDetails cco_CaseComment "
    "hte_Longitude hte_Latitude hte_City hte_Country hte_State hte_Street hte_PostalCode hte_Date hte_Type "
    "hte_Description spl_Objectives spl_ActionPlan spl_PlannedEndDate spl_ActualEndDate spl_Type con_Consent"
)
FIELDS: Final = tuple(name.lower() for name in _NAMES.split())
# Fields of closed lists or broad categories. Free text, places, dates and everything that names somebody stays at home.
SHAREABLE: Final = frozenset(
    {
        "prs_gender", "prs_citizenship", "prs_primarylanguage", "prs_secondarylanguage",
        "vic_traffickingstatus", "vic_relationshiptotrafficker", "vic_methodofrecruitment", "vic_methodsofcontrol",
        "vic_typeofexploitation", "vic_forcedlabourindustry", "vic_typeofsexexploitation", "per_roleinprocess",
        "cas_status",
    }
)  # fmt: skip
SEVERAL: Final = frozenset(
    {
        "vic_methodsofcontrol", "vic_methodofrecruitment", "vic_typeofexploitation", "vic_typeofsexexploitation",
        "vic_forcedlabourindustry", "per_roleinprocess", "prs_citizenship",
    }
)  # fmt: skip
# Differences of the template and of the survey form that no rule on case and underscores explains.
_SPELLINGS: Final = {"vic_traffickinstatusdecisionmakingorg": "vic_traffickingstatusdecisionmakingorg"}
_PREFIXES: Final = frozenset(name[:4] for name in FIELDS)
_ENCODINGS: Final = ("utf-8-sig", "cp1252")


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of a table.

    Attributes:
        person: the short id of the optional first column.
        values: by lower-case HTCDS name.
        extra: by the name of a column that HTCDS does not have.
    """

    person: str | None
    values: Mapping[str, str] = field(repr=False)
    extra: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonTable:
    """A table's persons in order, and the columns that HTCDS does not have."""

    rows: tuple[PersonRow, ...] = field(repr=False)
    unknown: tuple[str, ...]


def read_persons(path: Path) -> PersonTable:
    """Read persons.csv or persons.xlsx. Formulas are never computed; their text is not taken either.

    Raises:
        NotFound, LimitExceeded
        FormatError: not such a table; the message names the row or column.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise LimitExceeded(f"{path.name} is larger than {LARGEST_BYTES >> 20} MiB")
        raw = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path.name}: {error.strerror}") from None
    return parse_persons(raw, path.name)


def parse_persons(raw: bytes, name: str) -> PersonTable:
    """Read a table that is in memory already; by its name it is a workbook (.xlsx) or text. See `read_persons`."""
    lines = _xlsx_lines(raw, name) if name.lower().endswith(".xlsx") else _csv_lines(raw, name)
    return _read_lines(lines, name)


def canonical_name(column: str) -> str | None:
    """The lower-case HTCDS name of a column, in any of the three spellings; None for a column of another kind."""
    plain = unicodedata.normalize("NFKC", column).strip().lower()
    prefix, rest = plain[:4], plain[4:].replace("_", "").replace(" ", "")
    if prefix not in _PREFIXES:
        return None
    name = _SPELLINGS.get(prefix + rest, prefix + rest)
    return name if name in FIELDS else None


def shareable(values: Mapping[str, str], names: Iterable[str] | None = None) -> dict[str, list[str]]:
    """What may travel of a person's fields, as lists; several values stand in one cell with semicolons.

    Args:
        names: narrows it further.

    Raises:
        FormatError: a name that may not travel was asked for.
    """
    wanted = SHAREABLE if names is None else frozenset(names)
    if not wanted <= SHAREABLE:
        raise FormatError(f"this stays at home: {', '.join(sorted(wanted - SHAREABLE))}")
    found = {}
    for name in sorted(wanted):
        text = values.get(name, "").strip()
        if text:
            parts = text.split(";") if name in SEVERAL else [text]
            found[name] = [part.strip() for part in parts if part.strip()]
    return found


def role_of(values: Mapping[str, str], *, is_first: bool) -> str:
    """`victim` if a column of a victim is filled, `suspect` if one of a perpetrator is; else the first is `witness`."""
    if any(values.get(name) for name in values if name.startswith("per_")):
        return "suspect"
    if any(values.get(name) for name in values if name.startswith("vic_")):
        return "victim"
    return "witness" if is_first else "third-party"


# ---- Reading ----------------------------------------------------------------------------------------------------


def _csv_lines(raw: bytes, name: str) -> Iterator[list[str]]:
    text = _decode(raw, name)
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            yield [cell.strip() for cell in row]
    except csv.Error as error:
        raise FormatError(f"{name} is not a table of comma-separated values: {error}") from None


def _decode(raw: bytes, name: str) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings: Sequence[str] = ("utf-16",)
    else:
        encodings = _ENCODINGS
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            raise FormatError(f"{name} holds bytes that are no text")
        return text
    raise FormatError(f"{name} is not text in UTF-8, UTF-16 or Windows-1252; save it as UTF-8")


def _xlsx_lines(raw: bytes, name: str) -> Iterator[list[str]]:
    # Loaded here: the reader of spreadsheets takes 20 MiB, and a desk that seals or syncs never needs it.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False, keep_links=False)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError, SyntaxError):
        raise FormatError(f"{name} is not an Excel workbook (xlsx)") from None
    try:
        for sheet in book.worksheets:
            for row in sheet.iter_rows(max_col=MOST_COLUMNS + 1, max_row=MOST_ROWS + 3, values_only=True):
                yield [_cell(value) for value in row]
            return
    except (KeyError, ValueError, TypeError, SyntaxError, BadZipFile, EOFError):
        raise FormatError(f"{name} is a damaged Excel workbook") from None
    finally:
        book.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        text: str = value.isoformat()
        return text.removesuffix("T00:00:00")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    return "" if text.startswith("=") else text


def _read_lines(lines: Iterable[list[str]], name: str) -> PersonTable:
    rows = (line for line in lines if any(line))
    head = next(rows, None)
    if head is None:
        raise FormatError(f"{name} is empty")
    while head and not head[-1]:
        head = head[:-1]
    columns = _columns(head, name)
    found = [
        row for number, line in enumerate(rows, 2) if (row := _read_row(columns, head, line, number, name)) is not None
    ]
    if not found:
        raise FormatError(f"{name} has a head and no person")
    shorts = [row.person for row in found if row.person]
    if len(set(shorts)) != len(shorts):
        raise FormatError(f"{name} uses a short id in the column `person` twice")
    unknown = tuple(head[place] for place, one in enumerate(columns) if one == "" and head[place])
    return PersonTable(tuple(found), unknown)


def _columns(head: Sequence[str], name: str) -> list[str]:
    """For each column its HTCDS name, `person`, or an empty text."""
    if len(head) > MOST_COLUMNS:
        raise LimitExceeded(f"{name} has more than {MOST_COLUMNS} columns")
    columns = []
    for place, column in enumerate(head):
        is_short = place == 0 and column.strip().lower() == PERSON
        columns.append(PERSON if is_short else canonical_name(column) or "")
    known = [one for one in columns if one]
    if not [one for one in known if one != PERSON]:
        raise FormatError(f"{name} has no column of HTCDS, such as prs_FirstName; see docs/input.md")
    double = sorted({one for one in known if known.count(one) > 1})
    if double:
        raise FormatError(f"{name} has the column {double[0]} twice")
    return columns


def _read_row(
    columns: Sequence[str], head: Sequence[str], line: Sequence[str], number: int, name: str
) -> PersonRow | None:
    if number > MOST_ROWS + 1:
        raise LimitExceeded(f"{name} has more than {MOST_ROWS} persons")
    if len(line) > len(columns) and any(line[len(columns) :]):
        raise FormatError(f"{name}, row {number}: more cells than columns")
    cells = [*line, *[""] * (len(columns) - len(line))][: len(columns)]
    if any(len(cell) > LONGEST_VALUE for cell in cells):
        raise LimitExceeded(f"{name}, row {number}: a cell is longer than {LONGEST_VALUE} signs")
    if number == 2 and is_label_row(cells, columns):
        return None
    pairs = list(zip(columns, head, cells, strict=True))
    person = next((cell for one, _, cell in pairs if one == PERSON and cell), None)
    values = {one: unicodedata.normalize("NFC", cell) for one, _, cell in pairs if cell and one not in ("", PERSON)}
    extra = {title: unicodedata.normalize("NFC", cell) for one, title, cell in pairs if cell and one == ""}
    return PersonRow(person, values, extra)


def is_label_row(cells: Sequence[str], columns: Sequence[str]) -> bool:
    """Whether the second row of the template is its labels: every cell is a wording of its own column."""
    pairs = [(cell, one[4:]) for cell, one in zip(cells, columns, strict=True) if cell and one not in ("", PERSON)]
    plain = [(re.sub(r"[^a-z]", "", cell.lower()), name) for cell, name in pairs]
    return len(plain) > 2 and sum(cell == name for cell, name in plain) * 2 > len(plain)
