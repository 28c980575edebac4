"""For what something is shared: the purposes that the pages offer, with the smallest set of fields for each.

Purposes and legal bases are short terms of plain signs; they stand in the cover, which every party reads before it
opens a bundle, and a survivor's consent names the same terms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from errors import FormatError
from identity import htcds

_IN_ANY: Final = frozenset({"vic_traffickingstatus", "per_roleinprocess"})


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose.

    Attributes:
        fields: HTCDS names of a person that it needs; more takes a reason.
        bases: legal bases that are usual for it, as they stand in the cover.
    """

    fields: frozenset[str]
    bases: tuple[str, ...]


PURPOSES: Final[Mapping[str, Purpose]] = {
    "prosecution": Purpose(
        _IN_ANY | {"vic_typeofexploitation", "vic_methodsofcontrol", "vic_methodofrecruitment"},
        ("European Investigation Order", "Mutual legal assistance request", "Order of a court", "National law"),
    ),
    "investigation": Purpose(
        _IN_ANY | {"vic_typeofexploitation", "vic_methodofrecruitment", "vic_forcedlabourindustry"},
        ("Police cooperation agreement", "Joint investigation team agreement", "European Investigation Order",
         "National law"),
    ),
    "protection": Purpose(
        _IN_ANY | {"prs_primarylanguage"},
        ("Consent of the person", "Vital interests of the person", "National law"),
    ),
    "referral": Purpose(
        _IN_ANY | {"prs_primarylanguage", "prs_gender"},
        ("Consent of the person", "National referral mechanism", "National law"),
    ),
    "compensation": Purpose(
        _IN_ANY | {"vic_typeofexploitation", "vic_forcedlabourindustry"},
        ("Consent of the person", "Order of a court", "National law"),
    ),
}  # fmt: skip
# The codes for handling of Europol; whoever receives them keeps to them (docs/glossary.md, handling code).
HANDLING: Final = ("H0", "H1", "H2", "H3")
TLP: Final = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")
PAP: Final = ("PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED")


def get_purpose(name: str) -> Purpose:
    """One purpose of the list.

    Raises:
        FormatError: another one.
    """
    if name not in PURPOSES:
        raise FormatError("a purpose is one of the list")
    return PURPOSES[name]


def above_minimum(purpose: str, names: Iterable[str]) -> list[str]:
    """Fields that go further than the purpose needs, sorted; each takes a reason."""
    return sorted(set(names) & htcds.SHAREABLE - get_purpose(purpose).fields)


def union_of(codes: Iterable[str]) -> tuple[str, ...]:
    """Handling codes, each once, sorted: what is made of several things inherits the codes of all."""
    return tuple(sorted(set(codes)))
