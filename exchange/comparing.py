"""Comparisons of roots: which are still to be made, the answer, and the alarm when two fingerprints differ."""

from typing import Final

from sqlalchemy.orm import Session

from agencies import comparison
from agencies.comparison import RootState
from agencies.members import OfficerSession
from crypto.encoding import b64u
from exchange.office import Office, raise_alarm

ROOT_DIFFERS: Final = "root-differs"


def answer(
    office: Office, officer: OfficerSession, agency: str, *, shown: str, said: str, how: str, now: int
) -> RootState:
    """Record what two people found when they read the fingerprint of an agency's root to each other.

    A difference stops all sending to the agency at once, and is an alarm each time that it is found.

    Args:
        shown: the fingerprint that the page showed.
        said: `same` or `different`.
        how: `phone` or `in-person`.

    Raises:
        NotPermitted, NotFound, FormatError
        KeyChanged: the agency's root is no longer the one that was shown.
    """
    with office.files.session() as db:
        directory = office.directory(db)
        state = comparison.record_comparison(
            db, directory, officer, agency, shown=shown, answer=said, how=how, now=now
        )  # fmt: skip
        if said == comparison.DIFFERENT:
            made = comparison.history(db, directory, agency)[0]
            evidence = {
                "agency": agency, "root": b64u(directory.agency(agency).root), "by": made.by, "how": how, "at": now,
            }  # fmt: skip
            raise_alarm(db, ROOT_DIFFERS, f"{agency} {made.act}", evidence, now=now)
    return state


def uncompared(db: Session, office: Office) -> list[str]:
    """Agencies whose root nobody here has compared yet, by name."""
    directory = office.directory(db)
    return [
        name
        for name in sorted(directory.agencies)
        if name != office.agency and comparison.root_state(db, directory, name) is not RootState.VERIFIED
    ]
