"""Who and what is linked in a case: persons, phones, accounts, places. A small list in the sealed facts of the case."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies import cases
from agencies.members import VAULT, OfficerSession
from crypto.encoding import b64u, unb64u
from crypto.header import IDENTIFIER_BYTES
from errors import Conflict, FormatError, LimitExceeded, NotFound
from evidence.models import ExhibitRow
from exchange import case_files
from identity import persons

KINDS: Final = ("phone", "account", "place", "vehicle", "organisation")
STATES: Final = ("confirmed", "reported")
THINGS: Final = "chart_things"  # members of the facts
LINKS: Final = "chart_links"
MOST_THINGS: Final = 300
MOST_LINKS: Final = 1000
LONGEST_LABEL: Final = 60
PERSON: Final = "person"
NUMBER_BYTES: Final = 6

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Node:
    """One end of a link. `key` is the hex id of a person, or the number of a thing.

    Attributes:
        kind: role of a person (`victim`, `witness`, `suspect`, `third-party`), or one of `KINDS`.
        label: short id of a person, or the words of the team.
    """

    key: str
    kind: str
    label: str = field(repr=False)

    @property
    def is_person(self) -> bool:
        """Whether it is a person of the vault."""
        return self.kind in persons.ROLES


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `exhibit` is the object id of what confirms it."""

    number: str
    start: str
    end: str
    label: str = field(repr=False)
    state: str
    exhibit: bytes | None


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is linked in a case, as far as this officer reads it.

    Attributes:
        hides_persons: the officer does not open the identities, so that links with persons are left out.
    """

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    hides_persons: bool = False

    def node(self, key: str) -> Node | None:
        """The node of this key."""
        return next((one for one in self.nodes if one.key == key), None)

    def around(self, key: str, most: int) -> "Chart":
        """A node with what is near it: its neighbours, then theirs, until `most` are together."""
        near, wave = {key: None}, [key]
        while wave and len(near) < most:
            ends = [(one.start, one.end) for one in self.links]
            found = [b if a in wave else a for a, b in ends if (a in wave) != (b in wave)]
            wave = [one for one in dict.fromkeys(found) if one not in near][: most - len(near)]
            near.update(dict.fromkeys(wave))
        links = tuple(one for one in self.links if one.start in near and one.end in near)
        return Chart(tuple(one for one in self.nodes if one.key in near), links, self.hides_persons)


def read(db: Session, officer: OfficerSession, case_id: bytes) -> Chart:
    """The links of a case, and every person and thing that can be linked.

    Raises:
        NotPermitted
    """
    value = case_files.read(db, officer, case_id).more
    sees_persons = VAULT in cases.team(db, officer, case_id).get(officer.handle, ())
    people = persons.list_persons(db, officer, case_id) if sees_persons else []
    nodes = [Node(one.person_id.hex(), one.role, one.short) for one in people]
    nodes += [Node(one["number"], one["kind"], one["label"]) for one in value.get(THINGS, ())]
    known = {one.key for one in nodes}
    links = [
        Link(
            one["number"], one["from"], one["to"], one["label"], one["state"],
            None if one["exhibit"] is None else unb64u(one["exhibit"], IDENTIFIER_BYTES),
        )
        for one in value.get(LINKS, ())
    ]  # fmt: skip
    shown = tuple(one for one in links if one.start in known and one.end in known)
    return Chart(tuple(nodes), shown, not sees_persons)


def add_thing(
    db: Session, officer: OfficerSession, case_id: bytes, kind: str, label: str, *, now: int,
    random_bytes: Random = os.urandom,
) -> str:  # fmt: skip
    """Add a phone, an account, a place ...; its number.

    Raises:
        FormatError: a kind that is not of the list, or no label.
        LimitExceeded, NotPermitted
    """
    officer.require("case-create")
    if kind not in KINDS:
        raise FormatError("a thing is of a kind of the list")
    row = cases.get_case(db, officer, case_id)
    value = cases.read_facts(db, officer, row)
    things = list(value.get(THINGS, ()))
    if len(things) >= MOST_THINGS:
        raise LimitExceeded(f"a chart has at most {MOST_THINGS} things")
    number = random_bytes(NUMBER_BYTES).hex()
    things.append({"number": number, "kind": kind, "label": _label(label)})
    case_files.write(db, officer, row, {**value, THINGS: things}, case_files.note(officer, "links", now))
    return number


def add_link(
    db: Session, officer: OfficerSession, case_id: bytes, start: str, end: str, label: str, state: str,
    exhibit: bytes | None = None, *, now: int, random_bytes: Random = os.urandom,
) -> str:  # fmt: skip
    """Link two nodes; the number of the link.

    Args:
        state: `confirmed` or `reported`.
        exhibit: object id of what confirms it.

    Raises:
        NotFound: one of the ends, or the exhibit, is not in this case.
        FormatError: both ends are the same, a confirmed link names no exhibit, or it has no label.
        Conflict: the same link is there already.
        LimitExceeded, NotPermitted
    """
    officer.require("case-create")
    chart = read(db, officer, case_id)
    if chart.node(start) is None or chart.node(end) is None:
        raise NotFound("one end of this link is not in this case")
    if start == end or state not in STATES:
        raise FormatError("a link joins two of a case, and is confirmed or reported")
    if state == STATES[0] and exhibit is None:
        raise FormatError("name the exhibit that confirms the link, or call it reported")
    if exhibit is not None and db.get(ExhibitRow, (case_id, exhibit)) is None:
        raise NotFound("there is no such exhibit in this case")
    row = cases.get_case(db, officer, case_id)
    value = cases.read_facts(db, officer, row)
    links = list(value.get(LINKS, ()))
    text = _label(label)
    if any((one["from"], one["to"], one["label"]) == (start, end, text) for one in links):
        raise Conflict("this link is in the chart already")
    if len(links) >= MOST_LINKS:
        raise LimitExceeded(f"a chart has at most {MOST_LINKS} links")
    number = random_bytes(NUMBER_BYTES).hex()
    links.append(
        {"number": number, "from": start, "to": end, "label": text, "state": state,
         "exhibit": None if exhibit is None else b64u(exhibit)}
    )  # fmt: skip
    case_files.write(db, officer, row, {**value, LINKS: links}, case_files.note(officer, "links", now))
    return number


def remove(db: Session, officer: OfficerSession, case_id: bytes, number: str, *, now: int) -> None:
    """Take a link out of the chart, or a thing that nothing is linked to any more.

    Raises:
        NotFound: there is no link and no thing of this number.
        Conflict: the thing is still linked.
        NotPermitted
    """
    officer.require("case-create")
    row = cases.get_case(db, officer, case_id)
    value = cases.read_facts(db, officer, row)
    links, things = list(value.get(LINKS, ())), list(value.get(THINGS, ()))
    if any(number in (one["from"], one["to"]) for one in links):
        raise Conflict("something is still linked to this; remove its links first")
    after = {LINKS: _without(links, number), THINGS: _without(things, number)}
    if len(after[LINKS]) + len(after[THINGS]) == len(links) + len(things):
        raise NotFound("there is no such link in this chart")
    case_files.write(db, officer, row, {**value, **after}, case_files.note(officer, "links", now))


def _without(rows: Sequence[Mapping[str, Any]], number: str) -> list[Mapping[str, Any]]:
    return [one for one in rows if one["number"] != number]


def _label(text: str) -> str:
    label = " ".join(text.split())
    if not 0 < len(label) <= LONGEST_LABEL:
        raise FormatError(f"a label has between one and {LONGEST_LABEL} signs")
    return label
