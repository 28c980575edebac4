"""Which agencies of the network still have to be compared, person to person."""

from sqlalchemy.orm import Session

from agencies import comparison
from exchange.office import Office


def uncompared(db: Session, office: Office) -> list[str]:
    """Agencies whose root nobody here has compared yet, by name."""
    directory = office.directory(db)
    return [
        name
        for name in sorted(directory.agencies)
        if name != office.agency and comparison.root_state(db, directory, name) is not comparison.RootState.VERIFIED
    ]
