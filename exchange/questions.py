"""What a second officer reads before she answers: the subject of each kind of question, out of what was asked.

A kind that this module does not know is shown by what every subject has: purpose and legal basis.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crypto.encoding import parse_json, unb64u
from custody.register import PLACE_BYTES
from exchange.approvals import Asked
from exchange.composition import Composition, parse_composition


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked.

    Attributes:
        made: the bundle, if one is to be sealed.
        flag: the flag as it would stand, if one is to be lowered on a bundle; as it stands, if it is to be lifted from
            a person.
        count: how many things it reaches, e.g. sealed bundles and spares that rest on a consent.
        place, export: of an opening.
        reason: why more is sent than the purpose needs.
    """

    kind: str
    purpose: str = ""
    legal_basis: str = ""
    made: Composition | None = field(default=None, repr=False)
    flag: Mapping[str, Any] | None = field(default=None, repr=False)
    count: int = 1
    place: str = ""
    export: str = ""
    threshold: int = 1
    reason: str = field(default="", repr=False)


def _seal(asked: Asked, shown: Mapping[str, Any]) -> dict[str, Any]:
    return {"made": parse_composition(unb64u(shown["composition"])), "reason": str(shown.get("reason") or "")}


def _open(asked: Asked, shown: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "place": str(shown.get("place") or ""), "export": str(shown.get("export") or ""),
        "threshold": int(shown.get("threshold") or 1),
    }  # fmt: skip


def _lower(asked: Asked, shown: Mapping[str, Any]) -> dict[str, Any]:
    return {"flag": parse_json(unb64u(asked.subject["subjects"][0]["core"]), max_bytes=PLACE_BYTES)}


def _lift_flag(_asked: Asked, shown: Mapping[str, Any]) -> dict[str, Any]:
    return {"flag": {name: shown[name] for name in ("flag", "instruction", "concerns", "from", "until")}}


_READ: Final[Mapping[str, Callable[[Asked, Mapping[str, Any]], dict[str, Any]]]] = {
    "seal": _seal, "open": _open, "lower": _lower, "lift-flag": _lift_flag,
}  # fmt: skip


def subject_of(asked: Asked) -> Subject:
    """What a question is about.

    Raises:
        FormatError: a bundle that cannot be read; nobody approves what they cannot read.
    """
    first, shown = asked.subject["subjects"][0], asked.subject.get("shown", {})
    read = _READ.get(asked.kind)
    return Subject(
        asked.kind, str(first.get("purpose", "")), str(first.get("legal_basis", "")),
        count=len(asked.subject["subjects"]), **(read(asked, shown) if read else {}),
    )  # fmt: skip
