"""What an officer may choose from when she shares: agencies, their officers and substitutes, whether two can open."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from agencies import comparison
from agencies.comparison import RootState
from agencies.directory import ACTING, Certificate, Directory
from agencies.rights import has_right
from exchange import policy
from exchange.office import Office

TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody to whom a bundle can be sealed.

    Attributes:
        substitute: another officer of the same agency with the same role, who can stand in; None if there is none.
    """

    handle: str
    roles: tuple[str, ...]
    substitute: str | None


@dataclass(frozen=True, slots=True)
class AgencyChoice:
    """An agency of the network.

    Attributes:
        state: of its root; only `verified` may get anything.
        compared: who compared it, when and how.
    """

    name: str
    type: str
    country: str
    state: RootState
    compared: Mapping[str, Any] | None
    officers: tuple[Officer, ...]

    @property
    def is_open(self) -> bool:
        """Whether something may be sealed to it."""
        return self.state is RootState.VERIFIED and bool(self.officers)


def agencies(db: Session, office: Office) -> list[AgencyChoice]:
    """All other agencies, by name."""
    directory = office.directory(db)
    return [
        AgencyChoice(
            name, one.type, one.country, comparison.root_state(db, directory, name),
            comparison.last_comparison(db, directory, name), officers(directory, name),
        )
        for name, one in sorted(directory.agencies.items())
        if name != office.agency
    ]  # fmt: skip


def officers(directory: Directory, agency: str) -> tuple[Officer, ...]:
    """Officers of an agency who may open a bundle, each with a substitute."""
    found = [one for one in directory.officers(agency) if has_right(one.roles, "open")]
    return tuple(Officer(one.subject, one.roles, _substitute(one, found)) for one in found)


def _substitute(of: Certificate, among: Sequence[Certificate]) -> str | None:
    """The next one of the same role, in the order of handles, and round to the first."""
    same = [one.subject for one in among if ACTING & set(one.roles) & set(of.roles)]
    if len(same) < TWO:
        return None
    return same[(same.index(of.subject) + 1) % len(same)]


def too_few_for_two(directory: Directory, names: Iterable[str]) -> list[str]:
    """Agencies that have not two officers who could open together; with one of them, nothing is sealed for two."""
    return [name for name in names if len(officers(directory, name)) < TWO]


def asks_for_two(flags: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a flag that goes along makes dual control the proposal."""
    return any(True for _ in flags)


def demands_two(flags: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a flag that goes along says that two officers open it, however it is sealed."""
    return any(one["instruction"] == policy.DUAL for one in flags)
